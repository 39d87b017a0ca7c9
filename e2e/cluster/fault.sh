#!/usr/bin/env bash
# fault.sh STATE kill|term|stop|cont|start NAME, run inside the cluster's namespaces by `cluster.sh fault`: breaks one part of a cluster of our own, or starts it again.
set -euo pipefail
state=$1 verb=$2 name=$3
pid=$state/run/$name.pid
case $verb in
  kill) kill -KILL "$(cat "$pid")" ;;
  term) kill -TERM "$(cat "$pid")" ;;
  stop) kill -STOP "$(cat "$pid")" ;;
  cont) kill -CONT "$(cat "$pid")" ;;
  start)
    # exec: so that the pid is the program's own
    setsid bash -c "exec $(cat "$state/run/$name.cmd")" >> "$state/log/$name.log" 2>&1 < /dev/null &
    echo $! > "$pid"
    ;;
esac
