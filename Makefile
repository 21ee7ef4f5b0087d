# Every recipe; `make` alone lists them. The work itself is in scripts/.
.DEFAULT_GOAL := list
SHELL := /bin/bash

FAIRLEAD_CACHE ?= $(HOME)/.cache/fairlead
# Outside the clone, so that a fresh one does not build libtorch's glue, FAISS and librdkafka again.
CARGO_TARGET_DIR ?= $(FAIRLEAD_CACHE)/target
export FAIRLEAD_CACHE CARGO_TARGET_DIR
# A shell that has not read rustup's profile finds cargo all the same.
export PATH := $(PATH):$(HOME)/.cargo/bin

# One profile for what ships and is measured; tests and lints lay .cargo/loop.toml over it: see docs/adr/0002-one-profile.md.
CARGO_FLAGS := --release --locked
fairlead := $(CARGO_TARGET_DIR)/release/fairlead

.PHONY: list setup demo cluster-demo test unit lint fmt features bench bench-cluster docs proto helm build

list: ## list these recipes
	@echo 'make RECIPE   (arguments: ARGS="..."; KAFKA=host:port for demo; CRATE=fairlead-gateway for unit)'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make what is missing to build, run and test; says what, why and how long
	@scripts/setup.sh test

demo: ## build, then show the whole way of an event and a request (KAFKA=host:port, ARGS="--exit ...")
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@$(fairlead) demo $(if $(KAFKA),--kafka $(KAFKA)) $(ARGS)

cluster-demo: ## the cluster form on this machine: real servers, two of each service, one of each killed under load
	@scripts/setup.sh test
	scripts/source-times.py cargo build $(CARGO_FLAGS) --workspace --bin fairlead --bin fairlead-lake --bin cluster-demo
	@$(CARGO_TARGET_DIR)/release/cluster-demo $(ARGS)

# --workspace: the same features of outside crates as in `make test`, so that both share them.
build: ## build the `fairlead` binary as it ships
	scripts/source-times.py cargo build $(CARGO_FLAGS) --workspace --bin fairlead

test: ## set up what tests need (real Redis, real Apache Kafka), then run them all (ARGS="-p fairlead-gateway" runs some)
	@scripts/setup.sh test
	@scripts/test.sh $(ARGS)

unit: ## one crate's tests, seconds after an edit: make unit CRATE=fairlead-gateway
	@scripts/setup.sh test
	@scripts/test.sh -p $(or $(CRATE),$(error CRATE=fairlead-gateway names the crate)) $(ARGS)

lint: ## rustfmt, typos, taplo, shellcheck, buf, cargo-deny, unused dependencies, chart, clippy, API docs
	@scripts/setup.sh test lint
	@scripts/lint.sh $(ARGS)

fmt: ## lay out Rust and TOML files
	@scripts/setup.sh lint
	cargo fmt --all
	@scripts/lint.sh fix-toml

features: ## write crates/workspace-hack anew, after a dependency changed (cargo install --locked cargo-hakari@0.9.39)
	cargo hakari generate
	cargo hakari manage-deps --yes
	@$(MAKE) --no-print-directory fmt

bench: ## measure the recommendation path (ARGS="--json ...")
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@$(fairlead) bench recommend $(ARGS)

bench-cluster: ## measure the services as processes of their own beside all of them in one (KAFKA=host:port)
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory build
	@$(fairlead) bench recommend --cluster --kafka $(or $(KAFKA),$(error KAFKA=host:port names the Kafka that both forms write to)) $(ARGS)

docs: ## make the API documentation of the workspace
	@scripts/setup.sh demo
	scripts/source-times.py cargo doc $(CARGO_FLAGS) --workspace --no-deps
	@echo 'open $(CARGO_TARGET_DIR)/doc/fairlead/index.html; start reading at docs/ARCHITECTURE.md'

proto: ## check the contracts in proto/ with buf
	@scripts/setup.sh lint
	@scripts/lint.sh protos

helm: ## check the Helm chart, its alerts and dashboards, and deploy/
	@scripts/setup.sh helm
	@scripts/check-helm.sh
	@scripts/check-deploy.sh
