# Sourced by test.sh and demo.sh: Debian packages, Node 24, npm packages, the build, and the binaries a cluster is made of. Each part is skipped when it is there.
step "set-up: tools"
bash scripts/install-tools.sh || give_up "the tools could not be installed; see above"
source scripts/setup-packages.sh
step "set-up: Kubernetes, etcd, nats-server, CoreDNS, helm (about 8 minutes the first time, cached outside the checkout)"
e2e/cluster/cluster.sh build || give_up "the cluster's binaries could not be built"
KUBEBUILDER_ASSETS=$(e2e/cluster/cluster.sh bin) || give_up "cluster.sh bin failed"
export KUBEBUILDER_ASSETS PATH="$KUBEBUILDER_ASSETS:$PATH"
