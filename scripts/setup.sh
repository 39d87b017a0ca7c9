# Sourced by test.sh and demo.sh: Debian packages, Node 24, npm packages, the build, and the binaries a cluster is made of. Each part is skipped when it is there.
step "set-up: tools"
bash scripts/install-tools.sh || give_up "the tools could not be installed; see above"
source scripts/use-node.sh || give_up "there is no Node 24"
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  step "set-up: npm packages"
  npm ci --no-audit --no-fund --loglevel=error || give_up "npm ci failed"
fi
step "set-up: build"
npm run --silent build || give_up "the build failed"
step "set-up: Kubernetes, etcd, nats-server, CoreDNS, helm (about 8 minutes the first time, cached outside the checkout)"
e2e/cluster/cluster.sh build || give_up "the cluster's binaries could not be built"
KUBEBUILDER_ASSETS=$(e2e/cluster/cluster.sh bin) || give_up "cluster.sh bin failed"
export KUBEBUILDER_ASSETS PATH="$KUBEBUILDER_ASSETS:$PATH"
