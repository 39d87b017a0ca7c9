# shellcheck shell=bash
# Sourced by cluster.sh: a cluster by kind, with a registry container beside it as kind's documentation describes ("Local Registry").
# NOT RUN SO FAR: no machine with a Docker engine was at hand when this was written; it follows the documentation of kind and Docker.

kind_cluster() { echo "weaver-$name"; }
kind_registry() { echo "weaver-$name-registry"; }
kind_program() { command -v kind || echo "$(binaries_dir)/kind"; }
kind_alive() { docker inspect -f '{{.State.Running}}' "$(kind_cluster)-control-plane" 2> /dev/null | grep -q true; }

up_kind() {
  local port image i config
  if ! command -v kind > /dev/null && [ ! -x "$(binaries_dir)/kind" ]; then
    say "building kind $KIND_VERSION"
    GOBIN=$(binaries_dir) CGO_ENABLED=0 go install "sigs.k8s.io/kind@$KIND_VERSION" || fail 1 "kind could not be built; install it from https://kind.sigs.k8s.io and put it on PATH"
  fi
  echo kind > "$state/provider"
  docker run -d --name "$(kind_registry)" --restart=no -p "127.0.0.1:${WEAVER_REGISTRY_PORT:-0}:5000" registry:2 > "$state/log/kind.log" 2>&1 ||
    { down_kind; fail 1 "the registry container could not be started, see $state/log/kind.log"; }
  port=$(docker port "$(kind_registry)" 5000/tcp | head -1 | sed 's/.*://')
  config=$(
    printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\ncontainerdConfigPatches:\n- |-\n  [plugins."io.containerd.grpc.v1.cri".registry]\n    config_path = "/etc/containerd/certs.d"\nnodes:\n- role: control-plane\n'
    for ((i = 2; i <= nodes; i++)); do printf -- '- role: worker\n'; done
  )
  echo "$config" | "$(kind_program)" create cluster --name "$(kind_cluster)" --kubeconfig "$state/kubeconfig" --config - --wait 180s >> "$state/log/kind.log" 2>&1 ||
    { down_kind; fail 1 "kind could not make the cluster, see $state/log/kind.log"; }
  for i in $("$(kind_program)" get nodes --name "$(kind_cluster)"); do
    docker exec "$i" mkdir -p "/etc/containerd/certs.d/127.0.0.1:$port"
    printf '[host."http://%s:5000"]\n' "$(kind_registry)" | docker exec -i "$i" cp /dev/stdin "/etc/containerd/certs.d/127.0.0.1:$port/hosts.toml"
  done
  docker network connect kind "$(kind_registry)" || fail 1 "the registry container could not be joined to the network \"kind\""
  for image in node:24-slim "nats:${NATS_VERSION#v}-alpine" haproxy:2.6; do
    { docker pull "$image" && docker tag "$image" "127.0.0.1:$port/weaver/$image" && docker push "127.0.0.1:$port/weaver/$image"; } >> "$state/log/kind.log" 2>&1 ||
      fail 1 "the image \"$image\" could not be brought into the registry, see $state/log/kind.log"
  done
  {
    echo "export WEAVER_REGISTRY=127.0.0.1:$port"
    echo "export WEAVER_BASE_IMAGE=127.0.0.1:$port/weaver/node:24-slim"
    echo "export WEAVER_NATS_IMAGE=127.0.0.1:$port/weaver/nats:${NATS_VERSION#v}-alpine"
    echo "export WEAVER_PROXY_IMAGE=127.0.0.1:$port/weaver/haproxy:2.6"
  } > "$state/env"
  touch "$state/ready"
}

down_kind() {
  "$(kind_program)" delete cluster --name "$(kind_cluster)" >> "$state/log/kind.log" 2>&1
  docker rm -f "$(kind_registry)" >> "$state/log/kind.log" 2>&1
}

# Where no forwarder of our own can look into the cluster. It ends with `down`.
forward_by_kubectl() { # NAMESPACE SERVICE PORT LOCALPORT
  local log=$state/log/port-forward-$1-$2-$3.log pid address
  KUBECONFIG=$state/kubeconfig setsid "$(binaries_dir)/kubectl" port-forward -n "$1" "service/$2" "${4#0}:$3" --address 127.0.0.1 > "$log" 2>&1 < /dev/null &
  pid=$!
  echo "$pid $(process_start $pid)" > "$state/port-forward.$1-$2-$3"
  until_ok 20 grep -q Forwarding "$log" || fail 1 "kubectl port-forward to service \"$2\" in \"$1\" did not start: $(tail -1 "$log")"
  address=$(sed -n 's/^Forwarding from \(127[0-9.:]*\).*/\1/p' "$log" | head -1)
  echo "$address"
}
