#!/usr/bin/env bash
# box.sh STATE BIN IMAGES NODES OWNER: the supervisor of one cluster of our own. Started in the background by cluster.sh, it lives as long as the cluster.
#
#   box.sh ─┬─ forward.mjs outside        listens on 127.0.0.1
#           └─ unshare ── box-inside.sh   process 1 of the cluster's network, mount and PID namespaces; everything else is below it
#
# Both children get SIGKILL when this process ends, however it ends, and with process 1 of the namespaces all its processes, mounts, addresses and rules go.
# OWNER ("PID START", or empty): a process without which the cluster shall not be (`cluster.sh run`).
set -uo pipefail
# shellcheck source=settings.sh
source "$(dirname "$0")/settings.sh"
# shellcheck source=sweep.sh
source "$here/sweep.sh"
state=$1 bin=$2 images=$3 nodes=$4 owner=${5:-}
stopping='' box='' forwarder='' watcher=''
trap 'stopping=1' TERM INT HUP

echo "$$ $(process_start $$)" > "$state/supervisor"
setpriv --pdeathsig KILL node "$here/forward.mjs" outside "$state" \
  "REGISTRY_PORT=${WEAVER_REGISTRY_PORT:-5001}+@127.0.0.1:=" "API_PORT=${WEAVER_API_PORT:-16443}+@172.30.0.2:6443" >> "$state/log/forward-outside.log" 2>&1 &
forwarder=$!
echo "$forwarder $(process_start $forwarder)" > "$state/forwarder"
if until_ok 20 test -s "$state/ports.env"; then
  # shellcheck source=/dev/null
  source "$state/ports.env"
  if ! group=$(make_cgroups "$state"); then
    echo "no cgroup could be made below $CGROUPS" > "$state/failed"
    stopping=1
  fi
else
  echo "the forwarder did not start, see $state/log/forward-outside.log" > "$state/failed"
  stopping=1
fi
if [ -z "$stopping" ]; then
  setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
    bash "$here/box-inside.sh" "$state" "$bin" "$images" "$nodes" "$group" "$REGISTRY_PORT" "$API_PORT" &
  box=$!
  until_ok 5 pgrep -P "$box"
  inner=$(pgrep -P "$box" | head -1)
  echo "$inner $(process_start "$inner")" > "$state/box"
  if [ -n "$owner" ]; then
    # ends by itself when the supervisor is gone
    (
      # shellcheck disable=SC2086
      while is_process $owner && [ -d "/proc/$$" ]; do sleep 1; done
    ) &
    watcher=$!
  fi
fi
# `wait` comes back early when a signal was trapped
[ -n "$stopping" ] || wait -n "$box" ${watcher:+"$watcher"}
[ -z "$box" ] || kill -KILL "$box" 2> /dev/null
kill -KILL "$forwarder" ${watcher:+"$watcher"} 2> /dev/null
wait 2> /dev/null
sweep "$state"
