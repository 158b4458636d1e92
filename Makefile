# Needs Rust, Python 3.11 with venv, and make; everything else is installed into target/.
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help build demo test test-containers fast lint examples lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the generator: target/release/scaffold
	cargo build --release

demo: ## build, render a project, start it, and send it a drawn digit
	@begun=$$(date +%s); cargo build --release && echo "scaffold    built in $$(($$(date +%s) - begun)) s"
	@$(PYTHON) scripts/demo.py target/release/scaffold target/demo

test: ## run every test; the generated projects are set up, started and driven
	cargo test
	cargo test --no-fail-fast --test toolchain --test system -- --ignored --nocapture --test-threads=1

# Needs a Docker engine with Compose, and nginx. ALL=1: every selection that is promised to run.
test-containers: ## run generated projects in containers, and nginx in front of one (ALL=1)
	cargo test --test compose -- --ignored --nocapture --test-threads=1 $(if $(ALL),,--skip _all)

fast: ## run the tests that need nothing but Rust
	cargo test

lint: ## format, clippy, documentation
	cargo fmt --check
	cargo clippy --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --document-private-items --quiet

examples: ## renew examples/ after a change of templates
	UPDATE=1 cargo test --quiet --test golden

lock: ## renew the pack's lock after a change of npm packages
	cargo build --quiet
	$(PYTHON) scripts/lock.py target/debug/scaffold
