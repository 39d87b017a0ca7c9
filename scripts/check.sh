#!/usr/bin/env bash
# What a change must pass before anything runs: format, lint (zones, cycles), what nothing uses, types of sources and tests, generated code of the examples. (Drift of CRD and docs: unit tests.)
set -uo pipefail
cd "$(dirname "$0")/.."
source scripts/use-node.sh || exit 1
status=0
try() { "$@" || { printf 'check failed: %s\n' "$*" >&2; status=1; }; }
# Two lanes, as nearly all of these use one core.
{
  try npx prettier --check --cache --log-level warn .
  try npx oxlint --deny-warnings
  exit $status
} &
texts=$!
try npx knip --no-progress
try npx knip --no-progress --production --config knip.shipped.json
try npx tsc -b
try npx tsc -p tsconfig.test.json
try node cli/bin/weaver.js generate --check
wait "$texts" || status=1
exit $status
