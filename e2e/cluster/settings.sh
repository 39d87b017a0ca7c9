# shellcheck shell=bash
# Sourced by every script here: versions, where things lie, and how the harness speaks. Sourcing it has no effect but variables and functions.
KUBERNETES_VERSION=v1.36.1
NATS_VERSION=v2.15.2
COREDNS_VERSION=v1.13.1
HELM_VERSION=v3.22.0
KIND_VERSION=v0.31.0 # only where a Docker engine answers

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# an ordinary user's PATH lacks these, and Debian puts iptables, haproxy and runc there
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
CACHE=${WEAVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weaver}
CLUSTERS=$CACHE/clusters

EXIT_USAGE=2
EXIT_NO_CLUSTER=3 # this machine can have no cluster

say() { printf 'cluster: %s\n' "$*" >&2; }
# fail STATUS MESSAGE...: ends the script; the message says what failed, on what, why, and what to do
fail() {
  local status=$1
  shift
  printf 'cluster: %s\n' "$*" >&2
  exit "$status"
}

# until_ok SECONDS COMMAND...: repeats COMMAND every 0.1 s until it succeeds
until_ok() {
  local limit=$((SECONDS + $1))
  shift
  while ! "$@" > /dev/null 2>&1; do
    [ "$SECONDS" -le "$limit" ] || return 1
    sleep 0.1
  done
}

# is_process PID START: whether PID still is the process that started at START (clock ticks after boot), so that a reused pid is never mistaken for ours
# A zombie is no process: who adopted it may reap it much later.
process_start() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | awk '$1 != "Z" { print $20 }'; }
is_process() { [ -n "${1:-}" ] && [ "$(process_start "$1")" = "${2:-none}" ]; }
