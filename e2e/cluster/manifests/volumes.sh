#!/usr/bin/env bash
# volumes.sh DIR: prints the default StorageClass and a dozen volumes, folders below DIR. There is no provisioner; a claim takes a free volume.
# All nodes of a cluster share this machine's files, so a pod finds its volume again on whatever node.
set -euo pipefail
cat << 'YAML'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
YAML
for i in {1..12}; do
  # the kubelet sets no owner on a folder of the host, and pods are not root
  mkdir -p -m 0777 "$1/$i"
  cat << YAML
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: folder-$i}
spec:
  storageClassName: standard
  capacity: {storage: 10Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: $1/$i, type: Directory}
YAML
done
