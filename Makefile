# Every recipe of the house; `make` alone lists them. The work itself is in scripts/.
.DEFAULT_GOAL := list
SHELL := /bin/bash

FAIRLEAD_CACHE ?= $(HOME)/.cache/fairlead
# Outside the clone, so that a fresh one does not build libtorch's glue, FAISS and librdkafka again.
CARGO_TARGET_DIR ?= $(FAIRLEAD_CACHE)/target
export FAIRLEAD_CACHE CARGO_TARGET_DIR
# A shell that has not read rustup's profile finds cargo all the same.
export PATH := $(PATH):$(HOME)/.cargo/bin

# One profile for demo, tests, benches and lints: see docs/adr/0002-one-profile.md.
CARGO_FLAGS := --release --locked
fairlead := $(CARGO_TARGET_DIR)/release/fairlead

.PHONY: list setup demo cluster-demo test lint fmt bench bench-cluster docs proto helm build

list: ## list these recipes
	@echo 'make RECIPE   (arguments: ARGS="..."; KAFKA=host:port for demo)'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make what is missing to build, run and test; says what, why and how long
	@scripts/setup.sh test

demo: ## build, then show the whole way of an event and a request (KAFKA=host:port, ARGS="--exit ...")
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@$(fairlead) demo $(if $(KAFKA),--kafka $(KAFKA)) $(ARGS)

cluster-demo: ## the cluster form on this machine: real servers, two of each service, one of each killed under load
	@scripts/setup.sh test
	cargo build $(CARGO_FLAGS) -p fairlead -p fairlead-lake -p fairlead-tests
	@$(CARGO_TARGET_DIR)/release/cluster-demo $(ARGS)

build: ## build the `fairlead` binary in release
	cargo build $(CARGO_FLAGS) -p fairlead

test: ## set up what tests need (real Redis, real Apache Kafka), then run them all
	@scripts/setup.sh test
	cargo test $(CARGO_FLAGS) --workspace --no-fail-fast $(ARGS)

lint: ## rustfmt, clippy, cargo deny, typos, taplo, shellcheck, buf, the chart
	@scripts/setup.sh demo lint
	@scripts/lint.sh

fmt: ## lay out Rust and TOML files
	@scripts/setup.sh lint
	cargo fmt --all
	@scripts/lint.sh fix-toml

bench: ## measure the recommendation path (ARGS="--json ...")
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@$(fairlead) bench recommend $(ARGS)

bench-cluster: ## measure the services as processes of their own beside the house in one (KAFKA=host:port)
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@$(fairlead) bench recommend --cluster --kafka $(or $(KAFKA),$(error KAFKA=host:port names the Kafka that both forms write to)) $(ARGS)

docs: ## make the API documentation of the workspace
	@scripts/setup.sh demo
	cargo doc $(CARGO_FLAGS) --workspace --no-deps
	@echo 'open $(CARGO_TARGET_DIR)/doc/fairlead/index.html; start reading at docs/ARCHITECTURE.md'

proto: ## check the contracts in proto/ with buf
	@scripts/setup.sh lint
	@scripts/lint.sh protos

helm: ## check the Helm chart, its alerts and dashboards, and deploy/
	@scripts/setup.sh helm
	@scripts/check-helm.sh
	@scripts/check-deploy.sh
