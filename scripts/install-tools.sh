#!/usr/bin/env bash
# Installs, with apt, the Debian packages that tests and the cluster of e2e/cluster need, where they are missing. Does nothing when all are there.
# Node and Go are not among them: Debian's are too old; it says where to get them.
set -uo pipefail

fail() {
  printf 'install-tools: %s\n' "$*" >&2
  exit 1
}
# /usr/sbin may not be on the PATH of an ordinary user
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# program:package
tools='containerd:containerd runc:runc iptables:iptables conntrack:conntrack docker-registry:docker-registry haproxy:haproxy skopeo:skopeo openssl:openssl
  gcc:gcc ip:iproute2 nsenter:util-linux pgrep:procps curl:curl git:git make:make xz:xz-utils sshd:openssh-server ssh:openssh-client'
missing=()
for entry in $tools; do
  command -v "${entry%%:*}" > /dev/null || missing+=("${entry##*:}")
done
# The browser of a test that needs no cluster.
browser=()
command -v chromium > /dev/null || [ -x "${CHROMIUM:-}" ] || browser=(chromium)
[ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
# gcc -static needs the C library's archive
[ -e "$(gcc -print-file-name=libc.a 2> /dev/null || true)" ] || missing+=(libc6-dev)
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)

if [ ${#missing[@]} -gt 0 ]; then
  if timeout 10 docker info > /dev/null 2>&1; then
    printf 'install-tools: a Docker engine answers, so the packages for a cluster of our own are left out (%s)\n' "${missing[*]}" >&2
    missing=()
  fi
fi
missing+=("${browser[@]}")
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get > /dev/null || fail "these programs are missing and this system has no apt-get: ${missing[*]}. Install them with its package manager, or start a Docker engine."
  [ "$(id -u)" = 0 ] || fail "these Debian packages are missing: ${missing[*]}. This shell is not root; run: sudo apt-get install -y --no-install-recommends ${missing[*]}"
  printf 'install-tools: installing %s; up to a minute and 370 MB\n' "${missing[*]}" >&2
  started=$SECONDS
  # Services of these packages must not start on this machine: the cluster starts its own in its own namespaces.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod +x $policy
    trap 'rm -f $policy' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  { apt-get update -q && apt-get install -y -q --no-install-recommends "${missing[@]}"; } > "$log" 2>&1 || { tail -15 "$log" >&2; fail "apt-get failed; the whole output is in $log"; }
  rm -f "$log"
  printf 'install-tools: installed in %s s\n' "$((SECONDS - started))" >&2
fi

command -v node > /dev/null || fail "no \"node\" on PATH. Install Node 24 from https://nodejs.org/ (an older one will do to start with: Node 24 then comes from npm)"
command -v npm > /dev/null || fail "no \"npm\" on PATH; it comes with Node: https://nodejs.org/"
command -v go > /dev/null || fail "no \"go\" on PATH. Kubernetes, etcd, nats-server, CoreDNS and helm are built with Go 1.26: https://go.dev/dl/"
