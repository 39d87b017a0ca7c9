#!/usr/bin/env bash
# Runs every test and prints "N passed, N failed" as its last line. Does all its own set-up on a fresh machine.
#   scripts/test.sh           unit tests, tests with a real nats-server and a real API server, on Node 24; what users run, on the oldest Node and on 26, too; then the stories on a real cluster
#   scripts/test.sh unit      without the cluster
#   scripts/test.sh e2e [jest arguments]   only the stories
set -uo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
[ $# -gt 0 ] && shift
started=$SECONDS
passed=0 failed=0
step() { printf '\n=== %s (%d s)\n' "$*" $((SECONDS - started)) >&2; }
give_up() { printf '%s\n' "$*" >&2; echo "$passed passed, $((failed + 1)) failed"; exit 1; }

source scripts/setup.sh
results=$(mktemp -d)
# Compilers, commands and weavelets start hundreds of times: a fifth of what that takes is the compilation of their sources.
export NODE_COMPILE_CACHE="$results/compiled"
beside='' # what runs in the background
trap '[ -z "$beside" ] || { kill "$beside"; wait "$beside"; }; rm -rf "$results"' EXIT

jest=(--experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js --json)
# count NAME STATUS: adds what jest counted, also when jest itself broke down
count() {
  local name=$1 status=$2 counts
  counts=$(node -e '
    const r = JSON.parse(require("fs").readFileSync(process.argv[1]))
    console.log(r.numPassedTests, r.numFailedTests + r.numRuntimeErrorTestSuites + r.numPendingTests)' "$results/$name.json" 2>/dev/null) || counts="0 1"
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
  if [ "$status" -ne 0 ] && [ "${counts#* }" = 0 ]; then failed=$((failed + 1)); fi
}

# start_stories [jest arguments]: brings up a cluster, which ends with the command it was made for, and installs broker and operator there; the stories begin when
# $results/begin is there. jest writes its counts to $results, also when stories fail.
start_stories() {
  WEAVER_STORIES_BEGIN="$results/begin" results=$results e2e/cluster/cluster.sh run -- bash -c '
    node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js \
      --config jest.e2e.config.mjs --json --outputFile="$results/e2e.json" "$@"
    status=$?
    if [ "$status" -ne 0 ]; then bash scripts/diagnose.sh; fi
    exit "$status"' bash "$@" &
  beside=$!
}

if [ "$what" != e2e ]; then
  step "checks: format, lint, types, generated files"
  if bash scripts/check.sh; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  step "unit tests, real nats-server, real API server (Node $(node --version))"
  # Those that wait rather than compute, for leases to end, lines to be found dead and loads to be sent, have a worker of their own beside the two of the others.
  waiting='/(leader/(leadership|processes)|rpc/(cable-faults|replicas/callee-watch|stream/stream-parts|transport/nats-(credentials|tls)|wire/parts)'
  waiting+='|broker/broker|control/(app-control|kube-leases)|kube/leader-lease|proxy/proxy-driver|gke-local/gke-local'
  waiting+='|reconcile/(reconcile-crash|own-children|known-versions|rollout-end|sentences))(\.(nats|api))?\.test\.ts$'
  # One worker runs in jest's own process, which an open handle would keep for ever.
  timeout --kill-after=30 40m node "${jest[@]}" --outputFile="$results/unit-waiting.json" --maxWorkers=1 --testPathPatterns "$waiting" &
  beside=$!
  node "${jest[@]}" --outputFile="$results/unit.json" --testPathIgnorePatterns '/node_modules/' "$waiting"
  count unit $?
  wait "$beside"
  count unit-waiting $?
  beside=''
  # What users run on a Node of their own, as far as it goes by Node: what a call may count on (the contract, by RPC and in processes), codec, generator,
  # simulator, command. The operator ships in an image of ours, on Node 24.
  short_pass() { # WHICH PATTERN...: tests on another Node
    local other
    step "unit tests of $2 on Node $1"
    if other=$(bash scripts/node.sh "$1"); then
      "$other" "${jest[@]}" --outputFile="$results/unit-$1.json" --testPathIgnorePatterns '/node_modules/' '/dist/' '\.api\.test\.ts$' --testPathPatterns "$2"
      count "unit-$1" $?
    else failed=$((failed + 1)); fi
  }
  # But for its longest tests, which go by the compiler and not by Node.
  generator='codegen/src(?!/(widths|random-types|run-memory|stale)\.)'
  short_pass oldest '/(sdk/src/(codec|component|config|context|contract|errors|local|sim)|'"$generator"'|examples/contract/src)/'
  # The cluster comes up meanwhile, which is waiting for the most part.
  [ "$what" = unit ] || start_stories
  short_pass 26 '/(sdk/src/(codec|component|config|context|contract|errors|local|sim)|'"$generator"'|cli/src/(completion|config|generate|image|logs)|examples/contract/src)/'
fi

if [ "$what" != unit ]; then
  [ -n "$beside" ] || start_stories "$@"
  step "stories on a real cluster"
  touch "$results/begin"
  wait "$beside"
  status=$?
  beside=''
  counts=$(node -e '
    const r = JSON.parse(require("fs").readFileSync(process.argv[1]))
    console.log(r.numPassedTests, r.numFailedTests + r.numRuntimeErrorTestSuites + r.numPendingTests)' "$results/e2e.json" 2>/dev/null) || counts="0 1"
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
  if [ "$status" -ne 0 ] && [ "${counts#* }" = 0 ]; then failed=$((failed + 1)); fi
fi

step "done"
shopt -s nullglob
node scripts/report-tests.mjs "$results"/*.json >&2
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
