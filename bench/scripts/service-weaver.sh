#!/usr/bin/env bash
# The Go original as a peer of bench:rpc: its `weaver` command and the application in src/rpc/peers/service-weaver, built into a cache outside the checkout.
#   bench/scripts/service-weaver.sh build   builds both (about two minutes on 2 cores with nothing cached) and prints their folder
#   bench/scripts/service-weaver.sh dir     prints the folder
# The folder's name is a hash of all that decides its content.
set -euo pipefail
source=$(cd "$(dirname "$0")/../src/rpc/peers/service-weaver" && pwd)
cache=${WEAVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weaver}
fail() {
  printf 'service-weaver: %s\n' "$*" >&2
  exit 1
}

command -v go > /dev/null || fail 'there is no "go" on the PATH; install Go 1.26 from https://go.dev/dl/, or leave this row out (--rows)'
dir=$cache/service-weaver-$({ go version; cat "$source"/*; } | sha256sum | cut -c1-12)

case ${1:-} in
  dir) echo "$dir" ;;
  build)
    if [ ! -x "$dir/echo" ]; then
      mkdir -p "$cache"
      work=$(mktemp -d "$cache/.service-weaver.XXXXXX")
      trap 'rm -rf "$work"' EXIT
      cp "$source"/* "$work"
      export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
      printf 'service-weaver: building it into %s\n' "$dir" >&2
      (
        cd "$work"
        go build -trimpath -o weaver github.com/ServiceWeaver/weaver/cmd/weaver &&
          ./weaver generate . && # writes weaver_gen.go
          go build -trimpath -o echo .
      ) > "$work/log" 2>&1 || {
        tail -20 "$work/log" >&2
        fail "the build failed (above); modules come from $(go env GOPROXY)"
      }
      mkdir -p "$dir"
      mv "$work/weaver" "$dir/weaver"
      mv "$work/echo" "$dir/echo" # last: its being there means that the folder is complete
    fi
    echo "$dir"
    ;;
  *) fail 'usage: service-weaver.sh build | dir' ;;
esac
