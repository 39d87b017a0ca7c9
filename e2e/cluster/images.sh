# shellcheck shell=bash
# Sourced by cluster.sh: the images a cluster of our own needs, made of this machine's programs with tar and sha256sum (no container engine).
# What is cached is the storage folder of a registry that holds them all: a new cluster's registry starts with a copy of it.

node_major() { node -p 'process.versions.node.split(".")[0]'; }
haproxy_version() { haproxy -v | sed -n 's/^HAProxy version \([0-9.]*\).*/\1/p'; }

images_dir() {
  local key
  key=$({
    basename "$(binaries_dir)"
    node --version
    sha256sum "$(command -v node)" "$(command -v haproxy)"
    cat "$here"/images.sh "$here"/images/*
  } | sha256sum | cut -c1-12)
  printf '%s/images-%s\n' "$CACHE" "$key"
}

# image_env REGISTRY: the lines of `cluster.sh env` that name images
image_env() {
  echo "export WEAVER_BASE_IMAGE=$1/weaver/node:$(node_major)"
  echo "export WEAVER_NATS_IMAGE=$1/weaver/nats:${NATS_VERSION#v}"
  echo "export WEAVER_PROXY_IMAGE=$1/weaver/haproxy:$(haproxy_version)"
}

make_archives() { # DIR: writes NAME:TAG.tar files
  local work=$1 bin
  bin=$(binaries_dir)
  gcc -Os -static -s -o "$work/pause" "$here/images/pause.c" || fail 1 "gcc could not build the pause program from $here/images/pause.c. Debian's packages gcc and libc6-dev are needed."
  mkdir -p "$work/root-pause" && cp "$work/pause" "$work/root-pause/"
  "$here/images/make-archive.sh" "$work/pause:1.tar" '{"User":"65535:65535","Entrypoint":["/pause"]}' "$work/root-pause"

  "$here/images/make-root.sh" "$work/root-coredns" 65532 nonroot "$bin/coredns=/coredns"
  "$here/images/make-archive.sh" "$work/coredns:${COREDNS_VERSION#v}.tar" '{"User":"65532:65532","Entrypoint":["/coredns"]}' "$work/root-coredns"

  "$here/images/make-root.sh" "$work/root-node" 1000 node "$(command -v node)=/usr/bin/node"
  mkdir -p "$work/root-node/app"
  "$here/images/make-archive.sh" "$work/node:$(node_major).tar" \
    '{"User":"1000:1000","WorkingDir":"/app","Env":["PATH=/usr/local/bin:/usr/bin:/bin","NODE_ENV=production"],"Cmd":["node"]}' "$work/root-node"

  "$here/images/make-root.sh" "$work/root-nats" 65532 nonroot "$bin/nats-server=/usr/local/bin/nats-server"
  "$here/images/make-archive.sh" "$work/nats:${NATS_VERSION#v}.tar" \
    '{"User":"65532:65532","Env":["PATH=/usr/local/bin"],"Entrypoint":["nats-server"],"ExposedPorts":{"4222/tcp":{},"6222/tcp":{},"8222/tcp":{}}}' "$work/root-nats"

  "$here/images/make-root.sh" "$work/root-haproxy" 65532 haproxy "$(command -v haproxy)=/usr/local/sbin/haproxy"
  "$here/images/make-archive.sh" "$work/haproxy:$(haproxy_version).tar" \
    '{"User":"65532:65532","Env":["PATH=/usr/local/sbin"],"Entrypoint":["haproxy"],"Cmd":["-f","/usr/local/etc/haproxy/haproxy.cfg"],"StopSignal":"SIGUSR1"}' "$work/root-haproxy"
}

# One registry is started on loopback for the pushes, and ended again.
push_archives() { # WORK STORAGE
  local work=$1 storage=$2 port registry archive name status=0
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
  printf 'version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: "%s"}}\nhttp: {addr: "127.0.0.1:%s"}\n' "$storage" "$port" > "$work/registry.yml"
  docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
  registry=$!
  until_ok 10 bash -c "exec 3<> /dev/tcp/127.0.0.1/$port" || status=1
  for archive in "$work"/*:*.tar; do
    [ $status -eq 0 ] || break
    name=$(basename "$archive" .tar)
    # skopeo splits a path at its colon, so the archive needs a name without one
    ln -f "$archive" "$work/archive.tar"
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false "docker-archive:$work/archive.tar" "docker://127.0.0.1:$port/weaver/$name" >> "$work/push.log" 2>&1 || status=1
  done
  kill "$registry"
  wait "$registry" 2> /dev/null
  if [ $status -ne 0 ]; then
    tail -5 "$work/push.log" "$work/registry.log" >&2
    return 1
  fi
}

build_images() {
  local dir work status started=$SECONDS
  dir=$(images_dir)
  [ ! -d "$dir" ] || return 0
  exec 8> "$CACHE/.images.lock"
  flock 8
  if [ ! -d "$dir" ]; then
    say "making the images (pause, coredns, node, nats, haproxy); about 15 s, cached in $dir"
    work=$(mktemp -d "$CACHE/.images.XXXXXX")
    (
      set -e # works only where nobody asks for the status in a condition
      make_archives "$work"
      push_archives "$work" "$work/storage"
    )
    status=$?
    if [ $status -ne 0 ]; then
      rm -rf "$work"
      fail 1 "the images could not be made; see above"
    fi
    mv "$work/storage" "$dir"
    rm -rf "$work"
    say "made the images in $((SECONDS - started)) s"
  fi
  flock -u 8
}
