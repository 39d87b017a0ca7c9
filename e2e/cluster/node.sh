# shellcheck shell=bash
# Sourced by box-inside.sh: one node of a cluster of our own: containerd, kubelet, kube-proxy. The first lives in the cluster's network namespace beside the
# control plane; each further one has a network namespace of its own, reached over the bridge. Uses state, run, log, etc, pki, bin, group, registry_port and start().

node_ip() { echo "172.30.0.$(($1 + 1))"; }
node_part() { echo "node$1-$2"; } # the name of a part in run/ and log/

# in_node I: the words that run a command in the node's network. Not `ip netns exec`: that mounts a new /sys, without cgroups.
in_node() { [ "$1" = 1 ] || echo "nsenter --net=/run/netns/node$1"; }

node_network() { # I
  local i=$1 j name=node$1
  ip netns add "$name"
  ip link add "up$i" type veth peer name eth0 netns "$name"
  ip link set "up$i" master br0 up
  ip -n "$name" link set lo up
  ip -n "$name" link set eth0 up
  ip -n "$name" addr add "$(node_ip "$i")/24" dev eth0
  ip -n "$name" route add default via "$(node_ip 1)"
  $(in_node "$i") sysctl -qw net.ipv4.ip_forward=1
  # no daemon routes between pod networks here, so every node is told of every other
  ip route add "10.244.$i.0/24" via "$(node_ip "$i")"
  ip -n "$name" route add 10.244.1.0/24 via "$(node_ip 1)"
  for ((j = 2; j < i; j++)); do
    ip -n "$name" route add "10.244.$j.0/24" via "$(node_ip "$j")"
    ip -n "node$j" route add "10.244.$i.0/24" via "$(node_ip "$i")"
  done
}

start_containerd() { # I
  local i=$1 dir=$state/lib/node$1 socket=/run/node$1/containerd.sock snapshotter=overlayfs
  mkdir -p "$dir/net.d" "$dir/certs.d/127.0.0.1:$registry_port" "/run/node$i"
  # an overlay cannot have another overlay as its upper folder: then files are copied
  [ "$(stat -f -c %T "$state")" != overlayfs ] || snapshotter=native
  cat > "$dir/net.d/10-pods.conflist" << JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$dir/ipam", "ranges": [[{"subnet": "10.244.$i.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
  # 127.0.0.1:PORT means the cluster's registry on every node, though it listens on the first only
  cat > "$dir/certs.d/127.0.0.1:$registry_port/hosts.toml" << TOML
server = "http://$(node_ip 1):$registry_port"
[host."http://$(node_ip 1):$registry_port"]
  capabilities = ["pull", "resolve"]
TOML
  cat > "$dir/containerd.toml" << TOML
version = 2
root = "$dir/containerd"
state = "/run/node$i/containerd"
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "127.0.0.1:$registry_port/weaver/pause:1"
  # without CAP_SYS_RESOURCE nobody may lower oom_score_adj, and every sandbox would die with "can't get final child's PID from pipe: EOF"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$dir/certs.d"
TOML
  # shellcheck disable=SC2046
  start "$(node_part "$i" containerd)" $(in_node "$i") containerd -c "$dir/containerd.toml"
}

node_cgroup() { # I: prints the kubelet's cgroupRoot
  local i=$1 controller file
  for controller in /sys/fs/cgroup/*/"$group"; do
    if [ -d "$controller" ]; then mkdir -p "$controller/node$i"; fi
  done
  if [ -d "/sys/fs/cgroup/cpuset/$group" ]; then
    for file in cpuset.cpus cpuset.mems; do cat "/sys/fs/cgroup/cpuset/$group/$file" > "/sys/fs/cgroup/cpuset/$group/node$i/$file"; done
  fi
  if [ -e "/sys/fs/cgroup/cgroup.controllers" ]; then
    mkdir -p "/sys/fs/cgroup/$group/node$i"
    sed 's/[^ ]*/+&/g' "/sys/fs/cgroup/$group/cgroup.controllers" > "/sys/fs/cgroup/$group/cgroup.subtree_control"
  fi
  echo "/$group/node$i"
}

start_node() { # I; the first node's containerd runs already
  local i=$1 dir=$state/lib/node$1 ip lease=40
  ip=$(node_ip "$i")
  [ "${WEAVER_FAST_NODES:-}" != 1 ] || lease=8
  if [ "$i" != 1 ]; then
    node_network "$i"
    start_containerd "$i"
  fi
  # the kubelet ends when the runtime does not answer at its start
  until_ok 20 ctr -a "/run/node$i/containerd.sock" version || give_up "containerd of node$i was not ready within 20 s" "$(node_part "$i" containerd)"
  printf 'nameserver 10.96.0.10\n' > "$dir/resolv.conf"
  mkdir -p "$log/pods/node$i"
  cat > "$dir/kubelet.yaml" << YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/node$i/containerd.sock
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: $(node_cgroup "$i")
oomScoreAdj: 0
failSwapOn: false
nodeLeaseDurationSeconds: $lease
# else an image that was pulled under one name is refused under another
imagePullCredentialsVerificationPolicy: NeverVerify
address: $ip
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: $dir/resolv.conf
podLogsDir: $log/pods/node$i
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
imageGCHighThresholdPercent: 99
imageGCLowThresholdPercent: 98
YAML
  # shellcheck disable=SC2046
  start "$(node_part "$i" kubelet)" $(in_node "$i") kubelet --config="$dir/kubelet.yaml" --root-dir="$dir/kubelet" --cert-dir="$dir/kubelet-pki" \
    --kubeconfig="$etc/node$i.kubeconfig" --hostname-override="node$i" --node-ip="$ip" --housekeeping-interval=2s
  cat > "$dir/kube-proxy.yaml" << YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ${WEAVER_PROXY_MODE:-iptables}
clusterCIDR: 10.244.0.0/16
clientConnection: {kubeconfig: $etc/kube-proxy.kubeconfig}
hostnameOverride: node$i
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
YAML
  # shellcheck disable=SC2046
  start "$(node_part "$i" kube-proxy)" $(in_node "$i") kube-proxy --config="$dir/kube-proxy.yaml"
}
