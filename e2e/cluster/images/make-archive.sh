#!/usr/bin/env bash
# make-archive.sh OUT.tar CONFIG_JSON LAYER_DIR...: a docker-archive with one layer a folder, bottom first. Same folders, same digest.
set -euo pipefail
out=$1 config=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
diff_ids='' layers='' n=0
for dir; do
  n=$((n + 1))
  tar --numeric-owner --owner=0 --group=0 --sort=name --mtime=@0 -C "$dir" -cf "$work/$n.tar" .
  diff_ids+="${diff_ids:+,}\"sha256:$(sha256sum "$work/$n.tar" | cut -d' ' -f1)\""
  layers+="${layers:+,}\"$n.tar\""
done
architecture=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' \
  "$architecture" "$config" "$diff_ids" > "$work/config.json"
printf '[{"Config":"config.json","RepoTags":null,"Layers":[%s]}]' "$layers" > "$work/manifest.json"
tar --sort=name --mtime=@0 -C "$work" -cf "$out" .
