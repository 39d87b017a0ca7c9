# Sourced: puts Node 24 before the machine's own on the PATH, so that every script of the project runs on the Node that it is developed and shipped on.
use_node() {
  local binary
  binary=$(bash scripts/node.sh) || return
  [ "$binary" = "$(command -v node)" ] || export PATH="$(dirname "$binary"):$PATH"
}
use_node || { echo "Node 24 could not be had from npm; install it from https://nodejs.org/" >&2; false; }
