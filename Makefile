# Thin front for the scripts, which do all their own set-up. Each target can be called by its script as well.
NAME ?= default
TIMES ?= 20
CLUSTER := e2e/cluster/cluster.sh

.DEFAULT_GOAL := help
.PHONY: help build check test test-long test-kills test-ssh test-versions explore mutants demo demo-local cluster-up cluster-down cluster-status cluster-env

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { gsub(/[$$][$$]/, "$$"); printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## compile all packages
	npm run --silent build

check: ## format, lint, types, generated files
	bash scripts/check.sh

test: ## everything: unit tests, real nats-server, real API server, stories on a real cluster
	bash scripts/test.sh

test-long: ## the long stories: the operator's and the broker's upgrade, rollback and removal under load
	WEAVER_STORIES=long bash scripts/test.sh e2e

test-kills: ## weaver multi under load while replicas are killed or told to end: what is lost; 90 s, needs a nats-server on the PATH
	npm run --silent build
	node e2e/load/multi-kills.mjs

test-ssh: ## what every deployer keeps, against weaver ssh on two machines of this one; some minutes, needs root and sshd
	npm run --silent build
	node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js --testMatch '<rootDir>/cli/src/testing/*.long.ts'

test-versions: ## weaver gke-local under 500 requests/s over five versions, two regions, two applications; three minutes, needs a nats-server on the PATH
	npm run --silent build
	node e2e/load/local-versions.mjs

explore: ## the rollout engine through twenty times as many states and lives as in the tests (TIMES=20)
	npm run --silent build
	WEAVER_EXPLORE=$(TIMES) node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js --testTimeout=3600000 rollout/src/engine.explore

mutants: ## the rollout engine with each guard dropped and each comparison turned, one at a time: which of them no test catches (ONLY=engine.ts)
	node scripts/mutate-rollout.mjs $(ONLY)

demo-local: ## v1 -> v2 under load on this machine alone: Node, and a nats-server or Go
	bash scripts/demo-local.sh

demo: ## v1 -> v2 under load on a cluster of its own (KEEP=1 keeps the cluster)
	bash scripts/demo.sh

cluster-up: ## a Kubernetes that stays; then: eval "$$(make cluster-env)" (NAME=... for another than "default")
	bash scripts/install-tools.sh
	$(CLUSTER) up --name $(NAME)

cluster-down: ## end it; nothing is left
	$(CLUSTER) down --name $(NAME)

cluster-status: ## where it answers, its nodes, its memory
	@$(CLUSTER) status --name $(NAME)

cluster-env: ## the exports that make this shell use it
	@$(CLUSTER) env --name $(NAME)
