#!/usr/bin/env bash
# Prints what one wants to see of a cluster after a story failed: applications, pods, events, the operator's last words.
set -u
for args in 'get weaverapps -A -o wide' 'get pods -A -o wide' 'get events -A --sort-by=.lastTimestamp'; do
  echo "--- kubectl $args" >&2
  # shellcheck disable=SC2086
  kubectl $args 2>&1 | tail -40 >&2
done
echo '--- operator' >&2
kubectl logs -n weaver-system -l app.kubernetes.io/component=operator --tail=60 --prefix 2>&1 | cut -c1-600 >&2
exit 0
