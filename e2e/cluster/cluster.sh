#!/usr/bin/env bash
# cluster.sh: a real Kubernetes for tests and demos. See README.md beside this file, or `cluster.sh help`.
#
#   settings.sh   versions, folders, messages        box.sh         supervisor of a cluster of our own
#   binaries.sh   what is built from Go modules      box-inside.sh  process 1 of its namespaces; node.sh: one node
#   images.sh     what is made with tar              forward.mjs    loopback <-> cluster
#   choose.sh     which kind of cluster, and why     sweep.sh       what is left outside the namespaces, and how it goes
#   kind.sh       where a Docker engine answers      fault.sh       kill, freeze, restart one part
set -uo pipefail
# shellcheck source=settings.sh
source "$(dirname "$(readlink -f "$0")")/settings.sh"
for part in binaries images sweep choose kind; do
  # shellcheck source=/dev/null
  source "$here/$part.sh"
done

usage() {
  cat << 'TEXT'
usage: cluster.sh COMMAND [--name NAME] ...
  up [--nodes N]                    bring a cluster up and keep it in the background (about 15 s once everything is built)
  down                              end it; nothing is left but its logs
  status                            what it is, where it answers, how its parts are
  env                               print the exports that make an ordinary shell use it: eval "$(cluster.sh env)"
  run [--nodes N] -- COMMAND...     up, COMMAND with that environment, down; the exit status is COMMAND's
  forward NAMESPACE/SERVICE[:PORT] [LOCALPORT]    make a Service answer on loopback; prints 127.0.0.1:PORT
  fault kill|term|stop|cont|start PART            break one part, or start it again (own clusters only)
  exec -- COMMAND...                run COMMAND inside its namespaces (own clusters only)
  logs [PART]                       print the folder of its logs, or the end of one log
  build                             build what a cluster is made of, into the cache; bin: print that folder
NAME is "default" when not given ("run": one of its own). Exit codes: 1 failed, 2 wrong usage, 3 this machine can have no cluster.
Variables: see README.md.
TEXT
}

is_up() { [ -e "$state/ready" ] && provider_alive; }
provider() { cat "$state/provider" 2> /dev/null; }
provider_alive() {
  # shellcheck disable=SC2046
  case $(provider) in
    own) is_process $(cat "$state/supervisor" 2> /dev/null) ;;
    kind) kind_alive ;;
    given) true ;;
    *) false ;;
  esac
}
need_up() { is_up || fail 1 "the cluster \"$name\" is not up. Bring it up with: $0 up --name $name"; }
need_own() { [ "$(provider)" = own ] || fail 1 "\"$1\" works on clusters of our own only; \"$name\" is: $(provider)"; }

command_build() {
  build_binaries
  say "binaries are in $(binaries_dir)"
}

command_up() {
  local started=$SECONDS owner=${1:-} chosen
  if ! is_up; then chosen=$(choose_provider) || exit $?; fi
  { mkdir -p "$CLUSTERS" && exec 9> "$CLUSTERS/$name.lock"; } || fail 1 "nothing can be written to $CLUSTERS, see above. Set WEAVER_CACHE to a folder that this user may write."
  flock -w 300 9 || fail 1 "another command works on the cluster \"$name\" for 5 minutes already ($CLUSTERS/$name.lock is locked)"
  if is_up; then
    say "the cluster \"$name\" is up already: $(provider)"
    exec 9>&-
    return 0
  fi
  [ -n "${chosen:-}" ] || chosen=$(choose_provider) || exit $?
  [ ! -d "$state" ] || sweep "$state" || exit 1
  mkdir -p "$state/log"
  rm -f "$state/failed"
  case $chosen in
    given) up_given ;;
    kind) build_binaries && up_kind ;;
    own) up_own "$owner" ;;
  esac || exit 1
  exec 9>&-
  say "the cluster \"$name\" is up after $((SECONDS - started)) s. To use it: eval \"\$($0 env --name $name)\""
}

up_given() {
  [ -n "${WEAVER_REGISTRY:-}" ] || fail "$EXIT_USAGE" "WEAVER_KUBECONFIG is set, but WEAVER_REGISTRY is not: a registry that this shell pushes to and that cluster pulls from, as host:port"
  KUBECONFIG=$WEAVER_KUBECONFIG timeout 20 kubectl get --raw /readyz > /dev/null || fail 1 "the cluster of WEAVER_KUBECONFIG=\"$WEAVER_KUBECONFIG\" does not answer"
  build_binaries
  echo given > "$state/provider"
  cp "$WEAVER_KUBECONFIG" "$state/kubeconfig"
  {
    echo "export WEAVER_REGISTRY=$WEAVER_REGISTRY"
    echo "export WEAVER_BASE_IMAGE=${WEAVER_BASE_IMAGE:-docker.io/library/node:24-slim}"
    echo "export WEAVER_NATS_IMAGE=${WEAVER_NATS_IMAGE:-docker.io/library/nats:2-alpine}"
    echo "export WEAVER_PROXY_IMAGE=${WEAVER_PROXY_IMAGE:-docker.io/library/haproxy:2.6}"
  } > "$state/env"
  touch "$state/ready"
}

up_own() { # OWNER
  build_binaries
  build_images
  echo own > "$state/provider"
  rm -rf "$state/log"
  mkdir -p "$state/log"
  say "starting the cluster \"$name\" ($nodes node(s), Kubernetes $KUBERNETES_VERSION); about 15 s; logs in $state/log"
  # a session of its own: Ctrl-C in this shell is not for it
  setsid --fork bash "$here/box.sh" "$state" "$(binaries_dir)" "$(images_dir)" "$nodes" "$1" > "$state/log/box.log" 2>&1 < /dev/null 9>&- 8>&-
  trap 'say "interrupted"; stop_supervisor; exit 130' INT TERM HUP
  if ! until_ok 150 settled || [ ! -e "$state/ready" ]; then
    say "the cluster \"$name\" did not come up: $(cat "$state/failed" 2> /dev/null || tail -5 "$state/log/box.log")"
    stop_supervisor
    return 1
  fi
  trap - INT TERM HUP
  # shellcheck source=/dev/null
  source "$state/ports.env"
  {
    echo "export WEAVER_REGISTRY=127.0.0.1:$REGISTRY_PORT"
    image_env "127.0.0.1:$REGISTRY_PORT"
  } > "$state/env"
}
# shellcheck disable=SC2046
settled() { [ -e "$state/ready" ] || [ -e "$state/failed" ] || { [ -s "$state/supervisor" ] && ! is_process $(cat "$state/supervisor"); }; }

stop_supervisor() {
  local entry
  entry=$(cat "$state/supervisor" 2> /dev/null)
  # shellcheck disable=SC2086
  if is_process $entry; then
    kill -TERM "${entry%% *}"
    until_ok 30 supervisor_gone "$entry" || kill -KILL "${entry%% *}"
  fi
  # what a supervisor that was killed left behind
  sweep "$state"
}
# shellcheck disable=SC2086
supervisor_gone() { ! is_process $1; }

command_down() {
  if [ ! -d "$state" ] || [ -z "$(provider)" ]; then
    say "the cluster \"$name\" is not up"
    return 0
  fi
  case $(provider) in
    own) stop_supervisor || return 1 ;;
    kind) down_kind && sweep "$state" ;;
    given) sweep "$state" ;;
  esac
  say "the cluster \"$name\" is down; its logs stay in $state/log until the next start"
}

command_env() {
  need_up
  echo "export KUBECONFIG=$state/kubeconfig"
  cat "$state/env"
  echo "export KUBEBUILDER_ASSETS=$(binaries_dir)"
  # shellcheck disable=SC2016
  echo "export PATH=$(binaries_dir):\$PATH"
}

command_status() {
  if ! is_up; then
    say "the cluster \"$name\" is not up"
    [ ! -s "$state/failed" ] || cat "$state/failed"
    return 1
  fi
  echo "cluster   $name ($(provider))"
  echo "state     $state"
  sed -n 's/^export WEAVER_REGISTRY=/registry  /p' "$state/env"
  KUBECONFIG=$state/kubeconfig timeout 10 "$(binaries_dir)/kubectl" get nodes -o wide || echo "the API server does not answer"
  if [ "$(provider)" = own ]; then
    echo "resident memory in MB, by process:"
    in_box ps -eo rss=,comm= | awk '{ rss[$2] += $1; sum += $1; n++ } END { for (c in rss) printf "%7.0f %s\n", rss[c] / 1024, c; printf "%7.0f all %d processes\n", sum / 1024, n }' | sort -rn
  fi
}

# in_box COMMAND...: in the namespaces of a cluster of our own
in_box() {
  local inner
  inner=$(cut -d' ' -f1 "$state/box")
  nsenter -t "$inner" -n -m -p --wdns="$PWD" env KUBECONFIG="$state/etc/admin.kubeconfig" PATH="$(binaries_dir):$PATH" "$@"
}

command_forward() {
  local service=${1:-} local_port=${2:-0} namespace port target
  [[ $service =~ ^([a-z0-9-]+)/([a-z0-9-]+)(:([0-9]+))?$ ]] || fail "$EXIT_USAGE" "forward: want NAMESPACE/SERVICE[:PORT], got \"$service\""
  namespace=${BASH_REMATCH[1]} service=${BASH_REMATCH[2]} port=${BASH_REMATCH[4]}
  need_up
  [ -n "$port" ] || port=$(KUBECONFIG=$state/kubeconfig "$(binaries_dir)/kubectl" get service "$service" -n "$namespace" -o 'jsonpath={.spec.ports[0].port}') || exit 1
  target=$service.$namespace.svc.cluster.local:$port
  if [ "$(provider)" = own ]; then
    node "$here/forward.mjs" ask "$state" "$target" "$local_port"
  else
    forward_by_kubectl "$namespace" "$service" "$port" "$local_port"
  fi
}

# COMMAND does not outlive this script, where the system can see to that.
run_in_environment() {
  eval "$(command_env)"
  if command -v setpriv > /dev/null; then exec setpriv --pdeathsig TERM "$@"; fi
  exec "$@"
}

command_run() {
  local status was_up='' child=''
  [ $# -gt 0 ] || fail "$EXIT_USAGE" "run: no command; want: $0 run -- COMMAND..."
  if is_up; then
    was_up=1
    say "using the cluster \"$name\", which is up, and leaving it up"
  fi
  # a signal ends COMMAND first, then the cluster
  trap 'run_signal=130; [ -z "$child" ] || kill -TERM -- "-$child" 2> /dev/null' INT TERM HUP
  run_signal=''
  [ -n "$was_up" ] || (trap - INT TERM HUP; command_up "$$ $(process_start $$)")
  status=$?
  if [ $status -eq 0 ] && [ -z "$run_signal" ]; then
    if [ -t 0 ]; then
      # In the foreground of a terminal Ctrl-C reaches COMMAND by itself, and it may read what is typed.
      (run_in_environment "$@")
      status=$?
    else
      # A process group of its own, so that a signal to this script ends all of it at once.
      set -m
      run_in_environment "$@" < /dev/stdin &
      child=$!
      set +m
      wait "$child"
      status=$?
      # a trapped signal ends `wait` before the child has ended
      while kill -0 "$child" 2> /dev/null; do wait "$child"; done
    fi
  fi
  [ -n "$was_up" ] || command_down || status=1
  # nobody asks for the logs of a cluster that had no name of its own, unless something failed
  if [ "$name" = "run-$$" ] && [ "$status" = 0 ]; then rm -rf "$state" "$CLUSTERS/$name.lock"; fi
  exit "${run_signal:-$status}"
}

command_logs() {
  if [ $# -eq 0 ]; then
    echo "$state/log"
    [ -d "$state/log" ] && ls "$state/log"
  else
    tail -n "${LINES_WANTED:-100}" "$state/log/$1.log"
  fi
}

command_fault() {
  need_up
  need_own fault
  [ $# -eq 2 ] && [ -e "$state/run/$2.pid" ] && [[ $1 =~ ^(kill|term|stop|cont|start)$ ]] ||
    fail "$EXIT_USAGE" "fault: want kill|term|stop|cont|start and one of: $(cd "$state/run" && echo *.pid | sed 's/\.pid//g')"
  in_box bash "$here/fault.sh" "$state" "$1" "$2"
}

verb=${1:-help}
[ $# -eq 0 ] || shift
name='' nodes=1
positional=()
while [ $# -gt 0 ]; do
  case $1 in
    --name) name=${2:-}; shift 2 || fail "$EXIT_USAGE" "--name wants a value" ;;
    --nodes) nodes=${2:-}; shift 2 || fail "$EXIT_USAGE" "--nodes wants a value" ;;
    --) shift; positional+=("$@"); break ;;
    --*) fail "$EXIT_USAGE" "unknown option \"$1\"; see: $0 help" ;;
    *) positional+=("$1"); shift ;;
  esac
done
set -- "${positional[@]+"${positional[@]}"}"
if [ -z "$name" ]; then [ "$verb" = run ] && name=run-$$ || name=default; fi
[[ $name =~ ^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$ ]] || fail "$EXIT_USAGE" "\"$name\" is no name for a cluster: at most 30 of a-z, 0-9 and -, not at the ends"
[[ $nodes =~ ^[1-4]$ ]] || fail "$EXIT_USAGE" "--nodes wants 1 to 4, got \"$nodes\""
state=$CLUSTERS/$name

case $verb in
  build) command_build ;;
  bin) binaries_dir ;;
  up) command_up ;;
  down) command_down ;;
  env) command_env ;;
  status) command_status ;;
  run) command_run "$@" ;;
  forward) command_forward "$@" ;;
  fault) command_fault "$@" ;;
  logs) command_logs "$@" ;;
  exec)
    need_up
    need_own exec
    in_box "$@"
    ;;
  help | -h | --help) usage ;;
  *)
    usage >&2
    exit "$EXIT_USAGE"
    ;;
esac
