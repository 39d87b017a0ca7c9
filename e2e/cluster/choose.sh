# shellcheck shell=bash
# Sourced by cluster.sh: which kind of cluster this machine can have, decided before anything is started, with all that is missing said at once.
#   given   WEAVER_KUBECONFIG names one
#   kind    a Docker engine answers
#   own     otherwise; needs root, namespaces, cgroups and Debian's packages
# WEAVER_CLUSTER=kind or own skips the choice.

docker_answers() { command -v docker > /dev/null && timeout 10 docker info > /dev/null 2>&1; }

choose_provider() {
  if [ -n "${WEAVER_KUBECONFIG:-}" ]; then
    [ -e "$WEAVER_KUBECONFIG" ] || fail 1 "WEAVER_KUBECONFIG=\"$WEAVER_KUBECONFIG\" does not exist"
    say "taking the cluster of WEAVER_KUBECONFIG"
    echo given
  elif [ "${WEAVER_CLUSTER:-}" = kind ] || { [ "${WEAVER_CLUSTER:-}" != own ] && docker_answers; }; then
    say "taking kind, in the Docker engine that answers (WEAVER_CLUSTER=own takes a cluster of our own instead)"
    echo kind
  else
    check_own || exit "$EXIT_NO_CLUSTER"
    echo own
  fi
}

# TOOL:PACKAGE for all that a cluster of our own runs
OWN_TOOLS='containerd:containerd runc:runc iptables:iptables conntrack:conntrack docker-registry:docker-registry haproxy:haproxy skopeo:skopeo openssl:openssl gcc:gcc
  ip:iproute2 nsenter:util-linux unshare:util-linux setpriv:util-linux setsid:util-linux flock:util-linux pgrep:procps ps:procps sysctl:procps node:nodejs'

check_own() {
  local entry missing='' reasons=()
  [ "$(uname -s)" = Linux ] || reasons+=("this is $(uname -s): a cluster of our own needs Linux. Install Docker and kind does it.")
  [ "$(id -u)" = 0 ] || reasons+=("this shell is not root (uid $(id -u)): network, mount and PID namespaces with cgroups need it. Use sudo, or a Docker engine.")
  for entry in $OWN_TOOLS; do
    command -v "${entry%%:*}" > /dev/null || missing+=" ${entry##*:}"
  done
  [ -x /usr/lib/cni/bridge ] || missing+=' containernetworking-plugins'
  [ -z "$missing" ] || reasons+=("missing Debian packages: $(echo "${missing# }" | tr ' ' '\n' | sort -u | paste -sd' '). Run: scripts/install-tools.sh")
  if [ "$(id -u)" = 0 ]; then
    unshare --net --mount --pid --fork true 2> /dev/null ||
      reasons+=("the kernel refuses new network, mount and PID namespaces (unshare: $(unshare --net --mount --pid --fork true 2>&1 | tail -1)). In a container, run it privileged.")
    if [ -e "$CGROUPS/cgroup.controllers" ]; then
      [ -w "$CGROUPS/cgroup.subtree_control" ] || reasons+=("$CGROUPS is read-only. In a container, run it privileged and with its own cgroup namespace.")
    else
      for entry in cpu cpuacct cpuset memory; do
        [ -w "$CGROUPS/$entry/cgroup.procs" ] || reasons+=("the cgroup hierarchy \"$entry\" is not mounted or not writable at $CGROUPS/$entry, and the kubelet needs it. In a container, run it privileged.")
      done
    fi
  fi
  case $CLUSTERS/ in
    /run/* | /var/run/* | /var/log/*) reasons+=("the cache $CACHE lies below /run or /var/log, which a cluster covers with its own. Set WEAVER_CACHE to another folder.") ;;
  esac
  [ ${#CLUSTERS} -le 60 ] || reasons+=("the path $CLUSTERS is too long for unix sockets (60 characters at most). Set WEAVER_CACHE to a shorter one.")
  [ ${#reasons[@]} -eq 0 ] && return 0
  say "no Kubernetes can be had here. No WEAVER_KUBECONFIG is set, no Docker engine answers, and a cluster of our own cannot be made:"
  printf '  - %s\n' "${reasons[@]}" >&2
  return 1
}
