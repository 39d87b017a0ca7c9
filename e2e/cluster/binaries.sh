# shellcheck shell=bash
# Sourced by cluster.sh: the programs a cluster is made of, built from Go modules into a cache outside the checkout.
# The folder's name is a hash of all that decides its content, so another version gets another folder and a folder never changes.

# each with about how long a cold build takes on 2 cores (a warm one takes seconds)
BINARIES='kube:4_min etcd:1_min nats-server:30_s coredns:15_s helm:105_s'
KUBE_PARTS='kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl'

binaries_dir() {
  local key
  key=$({
    echo "$KUBERNETES_VERSION $NATS_VERSION $COREDNS_VERSION $HELM_VERSION"
    go version 2> /dev/null || echo 'no go'
    cat "$here"/{kube,etcd}/{go.mod,go.sum,main.go} "$here/kube/coredns/main.go"
  } | sha256sum | cut -c1-12)
  printf '%s/bin-%s\n' "$CACHE" "$key"
}

missing_binaries() {
  local entry name dir
  dir=$(binaries_dir)
  for entry in $BINARIES; do
    name=${entry%%:*}
    [ -x "$dir/$name" ] || echo "$entry"
  done
}

build_one() { # NAME OUT
  local name=$1 out=$2 version_package=k8s.io/component-base/version
  case $name in
    kube)
      (cd "$here/kube" && go build -trimpath -ldflags "-s -w -X $version_package.gitVersion=$KUBERNETES_VERSION -X $version_package.gitMajor=1 -X $version_package.gitMinor=36" -o "$out" .)
      ;;
    etcd) (cd "$here/etcd" && go build -trimpath -ldflags '-s -w' -o "$out" .) ;;
    # Of the same module as Kubernetes: what both are made of is compiled once.
    coredns) (cd "$here/kube" && go build -trimpath -ldflags '-s -w' -o "$out" ./coredns) ;;
    # A checkout must not decide what these are: `go install PACKAGE@VERSION` ignores the module it is called in.
    nats-server) GOBIN=$(dirname "$out") go install -trimpath -ldflags '-s -w' "github.com/nats-io/nats-server/v2@$NATS_VERSION" ;;
    helm) GOBIN=$(dirname "$out") go install -trimpath -ldflags '-s -w' "helm.sh/helm/v3/cmd/helm@$HELM_VERSION" ;;
  esac
}

build_binaries() {
  local dir entry name started work missing part
  dir=$(binaries_dir)
  [ -n "$(missing_binaries)" ] || return 0
  command -v go > /dev/null || fail 1 "no \"go\" on PATH, and $(missing_binaries | cut -d: -f1 | paste -sd' ') must be built. Install Go 1.26 from https://go.dev/dl/ and put its bin folder on PATH."
  mkdir -p "$dir"
  exec 8> "$CACHE/.build.lock"
  flock -n 8 || { say "another build is running; waiting for it"; flock 8; }
  missing=$(missing_binaries)
  [ -n "$missing" ] || return 0
  say "building $(echo "$missing" | sed 's/:/ (about /; s/_/ /; s/$/)/' | paste -sd, | sed 's/,/, /g') with 2 cores and nothing cached, seconds with Go's build cache; into $dir"
  export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -buildvcs=false"
  work=$(mktemp -d "$CACHE/.build.XXXXXX")
  for entry in $missing; do
    name=${entry%%:*}
    started=$SECONDS
    if ! build_one "$name" "$work/$name" > "$work/log" 2>&1; then
      tail -20 "$work/log" >&2
      rm -rf "$work"
      fail 1 "building $name failed (above: the last lines of the compiler). Modules come from $(go env GOPROXY); is it reachable, and is there room in $(go env GOCACHE)?"
    fi
    mv "$work/$name" "$dir/$name" # a rename: a half-written binary is never seen under its name
    say "built $name in $((SECONDS - started)) s"
  done
  for part in $KUBE_PARTS; do ln -sfn kube "$dir/$part"; done
  rm -rf "$work"
  flock -u 8
}
