#!/usr/bin/env bash
# box-inside.sh STATE BIN IMAGES NODES CGROUP REGISTRY_PORT API_PORT: process 1 of a cluster's own namespaces (see box.sh). Makes a Kubernetes cluster of
# real parts here: etcd, API server, controller manager, scheduler, an image registry, and per node containerd, kubelet, kube-proxy; then CoreDNS as a pod.
# Writes STATE/ready when pods can be made, or STATE/failed with the reason. STATE/run has the pid and the command line of each part, for fault.sh.
#
#   node I   172.30.0.(I+1)    pods 10.244.I.0/24    Services 10.96.0.0/16    DNS 10.96.0.10
#
# Nothing of the machine is touched: interfaces, routes, iptables rules and mounts are of these namespaces and go with them.
set -uo pipefail
# shellcheck source=settings.sh
source "$(dirname "$0")/settings.sh"
# shellcheck source=node.sh
source "$here/node.sh"
state=$1 bin=$2 images=$3 nodes=$4 group=$5 registry_port=$6 api_port=$7
run=$state/run log=$state/log etc=$state/etc pki=$state/pki
node1_ip=172.30.0.2
export PATH="$bin:$PATH"

give_up() { # WHAT LOG
  { echo "$1; the last lines of $log/$2.log:"; tail -5 "$log/$2.log"; } > "$state/failed"
  exit 1
}
# start NAME COMMAND...: in the background, with its log; fault.sh reads NAME.pid and NAME.cmd
start() {
  local name=$1
  shift
  printf '%q ' "$@" > "$run/$name.cmd"
  "$@" >> "$log/$name.log" 2>&1 < /dev/null &
  echo $! > "$run/$name.pid"
}

isolate() {
  mkdir -p "$run" "$log/pods" "$etc" "$pki" "$state/lib" /var/lib/cni
  mount --make-rshared /
  mount -t tmpfs -o mode=755 tmpfs /run
  mount -t tmpfs -o mode=755 tmpfs /var/log
  mount -t tmpfs -o mode=755 tmpfs /var/lib/cni
  # The kubelet sets these for the whole machine. It finds them set, in files of our own, and leaves the real ones alone.
  local entry
  mkdir -p "$etc/sysctl"
  for entry in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    [ -e "/proc/sys/${entry%=*}" ] || continue
    mkdir -p "$(dirname "$etc/sysctl/${entry%=*}")"
    echo "${entry#*=}" > "$etc/sysctl/${entry%=*}"
    mount --bind "$etc/sysctl/${entry%=*}" "/proc/sys/${entry%=*}"
  done
  # A bridge with the first node's address. The default route leads nowhere, but without one the kernel refuses a connection to a ClusterIP
  # before kube-proxy's rules see it. The veth pair gives the bridge its carrier.
  ip link set lo up
  ip link add br0 type bridge
  ip link add carrier0 type veth peer name carrier1
  ip link set carrier0 master br0 up
  ip link set carrier1 up
  ip link set br0 up
  ip addr add $node1_ip/24 dev br0
  ip route add default via 172.30.0.1
  sysctl -qw net.ipv4.ip_forward=1
}

certificate() { # NAME SUBJECT [SAN]: signed by the cluster's one CA
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$pki/$1.key" -out "$pki/$1.csr" -subj "$2" 2> /dev/null
  openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 30 -out "$pki/$1.crt" \
    ${3:+-extfile <(printf 'subjectAltName=%s\n' "$3")} 2> /dev/null
}

# identity FILE SERVER USER GROUP: a kubeconfig that needs no other file
identity() {
  local token
  token=$(openssl rand -hex 16)
  printf '%s,%s,%s,"%s"\n' "$token" "$3" "$3" "$4" >> "$etc/tokens.csv"
  cat > "$1" << YAML
apiVersion: v1
kind: Config
clusters: [{name: weaver, cluster: {server: "https://$2", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}}]
users: [{name: user, user: {token: "$token"}}]
contexts: [{name: weaver, context: {cluster: weaver, user: user}}]
current-context: weaver
YAML
  chmod 600 "$1"
}

keys() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -keyout "$pki/ca.key" -out "$pki/ca.crt" -subj /CN=weaver-test-cluster 2> /dev/null
  openssl ecparam -genkey -name prime256v1 -noout -out "$pki/service-account.key"
  openssl ec -in "$pki/service-account.key" -pubout -out "$pki/service-account.pub" 2> /dev/null
  certificate apiserver /CN=kube-apiserver \
    "IP:127.0.0.1,IP:$node1_ip,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate kubelet-client /O=system:masters/CN=apiserver
  certificate front-proxy-client /CN=front-proxy-client
  : > "$etc/tokens.csv"
  identity "$state/kubeconfig.outside" "127.0.0.1:$api_port" admin system:masters
  sed "s#https://127.0.0.1:$api_port#https://$node1_ip:6443#" "$state/kubeconfig.outside" > "$etc/admin.kubeconfig"
  identity "$etc/controller-manager.kubeconfig" $node1_ip:6443 system:kube-controller-manager system:none
  identity "$etc/scheduler.kubeconfig" $node1_ip:6443 system:kube-scheduler system:none
  identity "$etc/kube-proxy.kubeconfig" $node1_ip:6443 system:kube-proxy system:node-proxier
  local i
  for ((i = 1; i <= nodes; i++)); do identity "$etc/node$i.kubeconfig" $node1_ip:6443 "system:node:node$i" system:nodes; done
}

control_plane() {
  start etcd etcd --data-dir "$state/lib/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  local fast=()
  [ "${WEAVER_FAST_NODES:-}" != 1 ] || fast=(--default-not-ready-toleration-seconds=3 --default-unreachable-toleration-seconds=3)
  start apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --advertise-address=$node1_ip --secure-port=6443 \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --cert-dir="$pki" \
    --service-cluster-ip-range=10.96.0.0/16 --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$pki/service-account.pub" --service-account-signing-key-file="$pki/service-account.key" \
    --token-auth-file="$etc/tokens.csv" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --client-ca-file="$pki/ca.crt" --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
    --kubelet-preferred-address-types=InternalIP --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy-client.crt" --proxy-client-key-file="$pki/front-proxy-client.key" "${fast[@]}"
  until_ok 60 kubectl get --raw /readyz || give_up "the API server was not ready within 60 s" apiserver
  fast=()
  [ "${WEAVER_FAST_NODES:-}" != 1 ] || fast=(--node-monitor-grace-period=9s --node-monitor-period=1s)
  start controller-manager kube-controller-manager --kubeconfig="$etc/controller-manager.kubeconfig" --service-account-private-key-file="$pki/service-account.key" \
    --root-ca-file="$pki/ca.crt" --use-service-account-credentials --allocate-node-cidrs=false --leader-elect=false --bind-address=127.0.0.1 \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --horizontal-pod-autoscaler-sync-period=2s --horizontal-pod-autoscaler-downscale-stabilization=10s "${fast[@]}"
  start scheduler kube-scheduler --kubeconfig="$etc/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1
}

registry() {
  cp -r "$images" "$state/lib/registry"
  cat > "$etc/registry.yml" << YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: "$state/lib/registry"}, delete: {enabled: true}}
http: {addr: "0.0.0.0:$registry_port"}
YAML
  start registry docker-registry serve "$etc/registry.yml"
}

ready() {
  local i
  for ((i = 1; i <= nodes; i++)); do
    until_ok 60 kubectl wait --for=condition=Ready "node/node$i" --timeout=2s || give_up "node$i was not ready within 60 s" "$(node_part "$i" kubelet)"
  done
  # bare pods are refused before it exists
  until_ok 30 kubectl get serviceaccount default || give_up "the default service account did not appear within 30 s" controller-manager
  until_ok 60 kubectl wait -n kube-system --for=condition=Available deployment/coredns --timeout=2s || give_up "CoreDNS was not available within 60 s" node1-kubelet
  # kube-proxy's first sync may come a second after the first endpoint
  until_ok 30 bash -c 'exec 3<> /dev/tcp/10.96.0.10/53' || give_up "the cluster's DNS did not answer on 10.96.0.10 within 30 s" node1-kube-proxy
}

isolate
start forward node "$here/forward.mjs" inside "$state"
registry
keys
export KUBECONFIG=$etc/admin.kubeconfig
start_containerd 1
control_plane
for ((i = 1; i <= nodes; i++)); do start_node "$i"; done
{
  sed "s#COREDNS_IMAGE#127.0.0.1:$registry_port/weaver/coredns:${COREDNS_VERSION#v}#" "$here/manifests/coredns.yaml"
  echo ---
  "$here/manifests/volumes.sh" "$state/lib/volumes"
} | kubectl create -f - > "$log/add-ons.log" 2>&1 || give_up "CoreDNS and the volumes could not be made" add-ons
ready
mv "$state/kubeconfig.outside" "$state/kubeconfig"
touch "$state/ready"
# Process 1 stays, and reaps whatever is orphaned in here.
while :; do
  wait
  sleep 1000 &
done
