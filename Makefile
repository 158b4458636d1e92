# Needs Rust, Python 3.11 with venv, and make; everything else is installed into target/. What
# `servers` and `containers` need beyond that, .ci/run installs.
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help build demo test servers faults containers prove prove-begin prove-end fast bench guard lint breaks examples lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the generator: target/release/scaffold
	cargo build --release

demo: ## build, render a project, start it, send it a drawn digit, and make an item
	@begun=$$(date +%s); cargo build --release && echo "scaffold    built in $$(($$(date +%s) - begun)) s"
	@$(PYTHON) scripts/demo.py target/release/scaffold target/demo

# What is started, installed and driven: one at a time, and its output is shown.
SLOW := -- --ignored --nocapture --test-threads=1

test: ## run the tests; generated projects are set up, started and driven
	@failed=0; for tests in \
	  "--no-fail-fast" \
	  "--no-fail-fast --test toolchain --test system --test extend $(SLOW) --skip rabbitmq --skip faults --skip in_containers"; \
	do cargo test $$tests || failed=1; done; exit $$failed

servers: ## run the tests that need rabbitmq-server, nginx, kubectl, Chromium, Go and other people's clients
	@failed=0; for tests in \
	  "--test manifests --test page --test clients --test dropin --test release $(SLOW)" \
	  "--test toolchain --test system $(SLOW) rabbitmq --skip faults" \
	  "--test compose $(SLOW) every_compose_file every_dockerfile nginx"; \
	do cargo test --no-fail-fast $$tests || failed=1; done; exit $$failed

faults: ## kill, freeze and cut off generated projects, on both brokers
	cargo test --no-fail-fast --test system $(SLOW) faults

containers: ## run the tests that need a Docker engine (ALL=1: of every selection)
	cargo test --no-fail-fast --test compose --test extend $(SLOW) for_compose in_containers $(if $(ALL),,--skip _all)

# Under PROOF=skip-proven (.ci/run) or PROOF=record the targets above run what prove-begin decided.
prove: export PROOF = record
prove: ## run every slow test, whatever is recorded, and record it in tests/proven/
	$(MAKE) --no-print-directory prove-begin
	@if $(MAKE) --no-print-directory --keep-going test servers faults containers ALL=1; \
	then $(MAKE) --no-print-directory prove-end HOW=complete; \
	else $(MAKE) --no-print-directory prove-end HOW=stopped; exit 1; fi

prove-begin:
	cargo test --quiet --test prove -- --begin

prove-end:
	cargo test --quiet --test prove -- --end $(HOW)

fast: ## run the tests that need nothing but Rust
	cargo test

bench: ## measure the generator beside others; writes docs/benchmarks.md (several minutes)
	cargo build --release
	cargo run --package scaffold-benches
	cargo bench --package scaffold-benches

guard: ## fail where the generator or a generated system has become slower than what is recorded
	cargo build --release
	cargo run --quiet --package scaffold-benches guard
	rm -rf target/guarded
	target/release/scaffold new guarded --ml --realtime --bench --into target/guarded --json >/dev/null
	cp benches/system.json target/guarded/bench/recorded.json
	$(MAKE) --no-print-directory -C target/guarded bench FLAGS=--guard

lint: ## format, clippy, documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --document-private-items --quiet

breaks: ## break a generated project on purpose; its fault tests must turn red (PROJECT=folder)
	$(PYTHON) scripts/breaks.py $(PROJECT)

examples: ## renew examples/ after a change of templates
	UPDATE=1 cargo test --quiet --test golden

lock: ## renew the pack's lock after a change of npm packages
	cargo build --quiet
	$(PYTHON) scripts/lock.py target/debug/scaffold
