#!/usr/bin/env bash
# Prints the path of a Node binary of the wanted line: the machine's own where it fits, else the one that npm ships (package node-<os>-<cpu>), cached outside
# the checkout.
#   scripts/node.sh          Node 24, on which Weaver is developed and shipped
#   scripts/node.sh oldest   the oldest Node that `engines` of the sdk allows, exactly
#   scripts/node.sh 26       a newer line
set -euo pipefail
case "${1:-24}" in
  24) version=24.21.0 ;;
  26) version=26.12.1 ;;
  oldest) version=22.12.0 ;;
  *) echo "node.sh: which Node? 24, 26 or oldest" >&2; exit 2 ;;
esac
have=$(node --version 2> /dev/null || true)
if [ "$have" = "v$version" ] || { [ "${1:-24}" != oldest ] && [ "${have%%.*}" = "v${version%%.*}" ]; }; then command -v node; exit 0; fi
cache=${WEAVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weaver}/node-$version
if [ ! -x "$cache/bin/node" ]; then
  case "$(uname -m)" in x86_64) cpu=x64 ;; aarch64 | arm64) cpu=arm64 ;; *) cpu=$(uname -m) ;; esac
  package=node-$(uname -s | tr '[:upper:]' '[:lower:]')-$cpu
  echo "fetching Node $version ($package from npm)" >&2
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && npm pack --silent "$package@$version" > /dev/null && tar -xzf "$package"-*.tgz)
  mkdir -p "$(dirname "$cache")"
  rm -rf "$cache"
  mv "$work/package" "$cache"
fi
echo "$cache/bin/node"
