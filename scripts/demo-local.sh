#!/usr/bin/env bash
# make demo-local: v1 -> v2 under load on this machine alone, by `weaver gke-local`. Needs Node, and a nats-server or Go; no root, no cluster, no container engine.
set -uo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
path=$PATH
step() { printf '\n=== %s (%d s)\n' "$*" $((SECONDS - started)) >&2; }
give_up() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
source scripts/setup-packages.sh
if ! command -v nats-server > /dev/null; then
  # The one that the cluster's tests have built, else one built now.
  cached=$(ls -t "${WEAVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weaver}"/*/nats-server nats-server-packages/*/bin/nats-server 2> /dev/null | head -1)
  if [ -z "$cached" ]; then
    command -v go > /dev/null || give_up "there is no nats-server on the PATH, and no Go to build one. Get one: https://github.com/nats-io/nats-server/releases, \`brew install nats-server\` or \`apt-get install nats-server\`"
    step "set-up: nats-server, from its Go module (kept in nats-server-packages/)"
    node scripts/nats-server-packages.mjs --only "$(node -p 'process.platform + "-" + process.arch')" || give_up "nats-server could not be built"
    cached=$(ls nats-server-packages/*/bin/nats-server | head -1)
  fi
  export PATH="$(cd "$(dirname "$cached")" && pwd):$PATH"
fi
step "demo"
node e2e/dist/demo/local.js
status=$?
# What was brought for the demo alone, for those who go on by hand.
[ "$PATH" = "$path" ] || printf '\nTo go on by hand with the Node and the nats-server of this demo: export PATH="%s"\n' "${PATH%":$path"}:\$PATH" >&2
exit "$status"
