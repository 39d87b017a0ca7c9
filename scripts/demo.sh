#!/usr/bin/env bash
# make demo: installs what is missing, builds, brings a cluster up, and plays v1 -> v2 under load. KEEP=1 keeps the cluster.
# Where no cluster can be had it says why, and plays scripts/demo-local.sh.
set -uo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
step() { printf '\n=== %s (%d s)\n' "$*" $((SECONDS - started)) >&2; }
give_up() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
if [ -z "${WEAVER_KUBECONFIG:-}" ] && ! timeout 10 docker info > /dev/null 2>&1; then
  missing=()
  [ "$(uname -s)" = Linux ] || missing+=("this is not Linux")
  [ "$(id -u)" = 0 ] || missing+=("this shell is not root")
  command -v go > /dev/null || missing+=("there is no Go")
  if [ ${#missing[@]} -gt 0 ]; then
    printf 'No cluster can be had here: no WEAVER_KUBECONFIG is set, no Docker engine answers, and for a cluster of its own %s.\nThe same story without one (make demo-local):\n' "$(IFS=,; echo "${missing[*]}" | sed 's/,/, /g')" >&2
    exec bash scripts/demo-local.sh
  fi
fi
source scripts/setup.sh

step "cluster up"
e2e/cluster/cluster.sh up --name demo || exit $?
finish() {
  if [ "${KEEP:-}" = 1 ]; then
    forwarded=$(e2e/cluster/cluster.sh forward --name demo demo/httpserver-lis:80 2>/dev/null | tail -1)
    printf '\nThe cluster is kept. To use it:\n  export KUBECONFIG=%s\n' "$KUBECONFIG"
    [ -n "$forwarded" ] && printf '  curl "http://%s/hello?name=you"\n' "$forwarded"
    printf '  e2e/cluster/cluster.sh down --name demo    # ends it\n'
  else
    step "cluster down"
    e2e/cluster/cluster.sh down --name demo
  fi
}
trap finish EXIT
eval "$(e2e/cluster/cluster.sh env --name demo)"
step "demo"
node e2e/dist/demo/main.js
status=$?
[ $status -eq 0 ] || bash scripts/diagnose.sh
exit $status
