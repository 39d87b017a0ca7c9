# shellcheck shell=bash
# Sourced by box.sh and cluster.sh: what a cluster of our own leaves in the machine outside its namespaces, and how it goes.
# That is its cgroup folders and its state folder. Sysctls are not among it: box-inside.sh hides the global ones from the kubelet.

CONTROLLERS='cpu cpuacct cpuset memory devices freezer blkio pids systemd'
CGROUPS=/sys/fs/cgroup

# make_cgroups STATE: makes the cluster's cgroup (in each hierarchy, with cgroup v1) and prints its name
make_cgroups() {
  local state=$1 name controller file
  name=weaver-$(basename "$state")-$$
  echo "$name" > "$state/cgroup"
  if [ -e "$CGROUPS/cgroup.controllers" ]; then
    mkdir -p "$CGROUPS/$name" || return 1
    for controller in $(cat "$CGROUPS/cgroup.controllers"); do
      echo "+$controller" > "$CGROUPS/cgroup.subtree_control" || echo "cgroup controller $controller is not handed on" >&2
    done
  else
    for controller in $CONTROLLERS; do
      if [ -d "$CGROUPS/$controller" ]; then mkdir -p "$CGROUPS/$controller/$name" || return 1; fi
    done
    # a new cpuset has no CPUs and takes no process before it gets some
    for file in cpuset.cpus cpuset.mems; do cat "$CGROUPS/cpuset/$file" > "$CGROUPS/cpuset/$name/$file"; done
  fi
  echo "$name"
}

remove_cgroups() { # NAME
  local dir
  for dir in "$CGROUPS/$1" "$CGROUPS"/*/"$1"; do
    if [ -d "$dir" ]; then find "$dir" -depth -type d -exec rmdir {} + 2> /dev/null; fi
  done
  ! compgen -G "$CGROUPS/$1" > /dev/null && ! compgen -G "$CGROUPS/*/$1" > /dev/null
}

# sweep STATE: ends what still runs and removes everything but the logs. Idempotent; also right after the supervisor was killed with -9.
sweep() {
  local state=$1 file entry
  for file in supervisor forwarder box; do
    [ -s "$state/$file" ] || continue
    entry=$(cat "$state/$file")
    # shellcheck disable=SC2086
    if [ "${entry%% *}" != $$ ] && is_process $entry; then kill -KILL "${entry%% *}" 2> /dev/null; fi
  done
  for file in "$state"/port-forward.*; do
    [ -s "$file" ] || continue
    entry=$(cat "$file")
    # shellcheck disable=SC2086
    if is_process $entry; then kill -TERM "${entry%% *}" 2> /dev/null; fi
  done
  if [ -s "$state/cgroup" ]; then
    # a killed process leaves its cgroup a moment later
    until_ok 15 remove_cgroups "$(cat "$state/cgroup")" || { say "the cgroup $(cat "$state/cgroup") is still busy; \"cluster.sh down\" tries again"; return 1; }
  fi
  until_ok 10 remove_state "$state" || say "could not empty $state"
}

remove_state() { find "$1" -mindepth 1 -maxdepth 1 ! -name log ! -name failed -exec rm -rf {} +; }
