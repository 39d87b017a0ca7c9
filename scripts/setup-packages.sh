# Sourced by setup.sh and demo-local.sh: Node 24, npm packages and the build. Each part is skipped when it is there.
source scripts/use-node.sh || give_up "there is no Node 24"
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  step "set-up: npm packages"
  npm ci --no-audit --no-fund --loglevel=error || give_up "npm ci failed"
fi
step "set-up: build"
npm run --silent build || give_up "the build failed"
