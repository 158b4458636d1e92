# Needs Rust, Python 3.11 with venv, and make, for `make test` also Chromium; everything else is
# installed into target/.
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help build demo test servers containers fast bench guard lint examples lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the generator: target/release/scaffold
	cargo build --release

demo: ## build, render a project, start it, and send it a drawn digit
	@begun=$$(date +%s); cargo build --release && echo "scaffold    built in $$(($$(date +%s) - begun)) s"
	@$(PYTHON) scripts/demo.py target/release/scaffold target/demo

test: ## run the tests that need nothing installed: generated projects are set up, started and driven
	cargo test
	cargo test --no-fail-fast --test toolchain --test system -- --ignored --nocapture --test-threads=1

servers: ## run the tests that need what .ci/run installs: Chromium, kubectl
	cargo test --no-fail-fast --test manifests --test page -- --ignored --nocapture --test-threads=1
# Needs a Docker engine with Compose, and nginx. ALL=1: every selection that is promised to run.
containers: ## run generated projects in containers, and nginx in front of one (ALL=1)
	cargo test --test compose -- --ignored --nocapture --test-threads=1 $(if $(ALL),,--skip _all)

fast: ## run the tests that need nothing but Rust
	cargo test

bench: ## measure the generator beside others; writes docs/benchmarks.md (several minutes)
	cargo build --release
	cargo run --package scaffold-benches
	cargo bench --package scaffold-benches

guard: ## fail where the generator has become slower than what is recorded
	cargo build --release
	cargo run --quiet --package scaffold-benches guard

lint: ## format, clippy, documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --document-private-items --quiet

examples: ## renew examples/ after a change of templates
	UPDATE=1 cargo test --quiet --test golden

lock: ## renew the pack's lock after a change of npm packages
	cargo build --quiet
	$(PYTHON) scripts/lock.py target/debug/scaffold
