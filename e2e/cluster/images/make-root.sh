#!/usr/bin/env bash
# make-root.sh DEST UID NAME BINARY...: a root file system for an image: the binaries, every shared library they load, CA certificates, and the few files
# in /etc that a process expects. Each binary lies where it lies on this machine; BINARY may be FROM=TO.
set -euo pipefail
dest=$1 uid=$2 user=$3
shift 3
mkdir -p "$dest"/{etc/ssl/certs,tmp,proc,sys,dev,run,var/run}
chmod 1777 "$dest/tmp"
put() { install -D -m "${3:-755}" "$(readlink -f "$1")" "$dest$2"; }
for entry; do
  put "${entry%%=*}" "${entry##*=}"
  # a static binary has nothing to list, and ldd says so with an exit code
  { ldd "${entry%%=*}" 2> /dev/null || true; } | grep -oE '/[^ ]+' | sort -u | while read -r library; do put "$library" "$library"; done
done
# what glibc loads by itself when a name is resolved
for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
  path=$(ldconfig -p | awk -v name="$library" '$1 == name { print $NF; exit }')
  [ -z "$path" ] || put "$path" "$path"
done
printf 'root:x:0:0:root:/:/bin/sh\n%s:x:%s:%s::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n' "$user" "$uid" "$uid" > "$dest/etc/passwd"
printf 'root:x:0:\n%s:x:%s:\nnogroup:x:65534:\n' "$user" "$uid" > "$dest/etc/group"
printf 'hosts: files dns\n' > "$dest/etc/nsswitch.conf"
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then put /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt 644; fi
