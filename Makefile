# Needs Rust, Python 3.11 with venv, and make; everything else is installed into target/.
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help build demo test fast lint examples lock breaks

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the generator: target/release/scaffold
	cargo build --release

demo: ## build, render a project, start it, and send it a drawn digit
	@begun=$$(date +%s); cargo build --release && echo "scaffold    built in $$(($$(date +%s) - begun)) s"
	@$(PYTHON) scripts/demo.py target/release/scaffold target/demo

test: ## run every test; the generated projects are set up, started and driven
	cargo test
	cargo test --no-fail-fast --test toolchain --test system -- --ignored --nocapture --test-threads=1

fast: ## run the tests that need nothing but Rust
	cargo test

lint: ## format, clippy, documentation
	cargo fmt --check
	cargo clippy --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --document-private-items --quiet

breaks: ## break a generated project on purpose; its fault tests must turn red (PROJECT=target/demo)
	$(PYTHON) scripts/breaks.py $(or $(PROJECT),target/demo)

examples: ## renew examples/ after a change of templates
	UPDATE=1 cargo test --quiet --test golden

lock: ## renew the pack's lock after a change of npm packages
	cargo build --quiet
	$(PYTHON) scripts/lock.py target/debug/scaffold
