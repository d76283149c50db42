# The project's one command list. `make help` prints it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMPS := $(VENV)/.stamps
PYTHON_CODE := python tests tools examples $(wildcard benches)
# The folder that generated documents are written under; the check writes elsewhere and compares.
OUT := .

RUST_SOURCES := $(shell find rust_kernel -name '*.rs' -not -path '*/target/*' -o -name Cargo.toml -not -path '*/target/*') \
	Cargo.toml Cargo.lock pyproject.toml

# PyO3 builds against the environment's interpreter, in the workspace's checks as in the extension,
# and finds its shared library there where a test binary links it.
export PYO3_PYTHON := $(abspath $(PYTHON))
PYTHON_LIBDIR = $(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR") or "")')
export PIP_DISABLE_PIP_VERSION_CHECK := 1

say = @printf '\033[1m==>\033[0m %s\n' $(1)

.PHONY: help
help: ## List the commands
	@printf 'DITA, a trade execution kernel. Needs a Rust toolchain and Python 3.11 or newer; the command is then .venv/bin/dita.\n'
	@printf 'Tests that need Java 17 with Maven, Node.js 18, Chromium or recorded markets skip without them.\n\n'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

## ---------------------------------------------------------------- set-up, incremental

# A name on the path may be a shim that fails, so each candidate is run before it is believed.
$(STAMPS)/venv:
	$(call say,'Creating the Python environment in $(VENV)')
	@for candidate in $${DITA_PYTHON:-} python3.13 python3.12 python3.11 python3; do \
		if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			"$$candidate" -m venv --clear $(VENV) && mkdir -p $(STAMPS) && touch $@; \
			printf '    %s\n' "$$($(PYTHON) --version)"; exit 0; \
		fi; \
	done; \
	echo 'No Python 3.11 or newer with the venv module was found.' >&2; \
	echo 'Install one, or name it: make DITA_PYTHON=/path/to/python3 ...' >&2; exit 1

$(STAMPS)/packages: requirements-dev.lock $(STAMPS)/venv
	$(call say,'Installing the locked Python packages')
	@$(PYTHON) -m pip install --quiet --no-input --require-hashes --requirement requirements-dev.lock
	@touch $@

$(STAMPS)/kernel: $(RUST_SOURCES) $(STAMPS)/packages
	$(call say,'Building the kernel (release; the first build takes a few minutes)')
	@command -v cargo >/dev/null || { echo 'cargo was not found: install a Rust toolchain first.' >&2; exit 1; }
	@VIRTUAL_ENV=$(abspath $(VENV)) PIP_QUIET=1 $(VENV)/bin/maturin develop --release --locked --quiet \
		> $(STAMPS)/kernel.log 2>&1 || { cat $(STAMPS)/kernel.log >&2; exit 1; }
	@touch $@

# The C ABI's library, under its own name, by which a program that was linked with it finds it. Its crates are built already, with the extension's; what is left is one more link,
# thin because the whole one takes five minutes more, and none where the crates were built for none. What a wheel has is linked as the extension is (tools/wheel.py).
COMMA := ,
CAPI_NAME := libdita_v2_kernel.$(if $(filter Darwin,$(shell uname)),dylib,so)
$(STAMPS)/capi: $(RUST_SOURCES) $(STAMPS)/kernel
	@cargo rustc --locked --quiet --release --package dita-capi --lib --features mimalloc --crate-type cdylib -- \
		$(if $(filter off,$(CARGO_PROFILE_RELEASE_LTO)),,-C lto=thin) -C link-arg=$(if $(filter %.dylib,$(CAPI_NAME)),-Wl$(COMMA)-install_name$(COMMA)@rpath/,-Wl$(COMMA)-soname$(COMMA))$(CAPI_NAME)
	@cp target/release/$(CAPI_NAME) python/dita/capi/$(CAPI_NAME).new && mv -f python/dita/capi/$(CAPI_NAME).new python/dita/capi/$(CAPI_NAME)
	@touch $@

# The pages' scripts come by npm into the package, and never into the repository. They are left out where there is
# no Node.js: a report's charts are still pictures then, and the operators' page says what is missing.
WEB_FROM := web/node_modules
REPORT_TO := python/dita/backtest/page/vendor
PAGE_TO := python/dita/gateway/page/vendor
$(STAMPS)/web: web/package.json web/package-lock.json $(STAMPS)/venv
	@if ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' >/dev/null 2>&1 || ! npm --version >/dev/null 2>&1; then \
		echo '    No Node.js 18 with npm: backtest reports will have still charts, and there is no operators'"'"' page. Install it, then: make web'; exit 0; \
	fi; \
	printf '\033[1m==>\033[0m %s\n' 'Fetching the locked web packages'; \
	npm ci --prefix web --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; \
	mkdir -p $(REPORT_TO) $(PAGE_TO); \
	cp $(WEB_FROM)/uplot/dist/uPlot.iife.min.js $(WEB_FROM)/uplot/dist/uPlot.min.css $(REPORT_TO)/; \
	cp $(WEB_FROM)/uplot/LICENSE $(REPORT_TO)/uPlot.LICENSE; \
	cp $(WEB_FROM)/htm/preact/standalone.module.js $(PAGE_TO)/htm-preact.js; \
	cp $(WEB_FROM)/htm/LICENSE $(PAGE_TO)/htm.LICENSE; \
	cp $(WEB_FROM)/uplot/dist/uPlot.iife.min.js $(WEB_FROM)/uplot/dist/uPlot.min.css $(PAGE_TO)/; \
	cp $(WEB_FROM)/uplot/LICENSE $(PAGE_TO)/uPlot.LICENSE; \
	touch $@

.PHONY: web
web: $(STAMPS)/web ## Fetch what the pages have inside (needs Node.js 18)

.PHONY: packages
packages: $(STAMPS)/packages

.PHONY: setup
setup: $(STAMPS)/kernel $(STAMPS)/capi $(STAMPS)/web ## Create .venv, install the locked packages, build the kernel

## ---------------------------------------------------------------- use

.PHONY: demo
demo: setup ## Replay a bundled market through a strategy on the paper venue (ARGS="--data FILE --json")
	@$(VENV)/bin/dita demo $(ARGS)

# Zig, to link for a Linux of 2014, and what proves it: nothing of it is needed to set up or to test.
$(STAMPS)/wheel-packages: requirements-wheel.lock $(STAMPS)/packages
	$(call say,'Installing the locked packages that build a wheel')
	@$(PYTHON) -m pip install --quiet --no-input --require-hashes --requirement requirements-wheel.lock
	@touch $@

WHEEL_TARGET :=
.PHONY: build
build: $(STAMPS)/wheel-packages $(STAMPS)/web ## Build a stripped release wheel into dist/, debug information beside it (WHEEL_TARGET=triple)
	$(call say,'Building the wheel (a few minutes)')
	@$(PYTHON) tools/wheel.py $(if $(WHEEL_TARGET),--target $(WHEEL_TARGET))

.PHONY: wheel-check
wheel-check: $(STAMPS)/wheel-packages ## Hold dist/*.whl against its platform tag, and use it under each Python from 3.11 that is there
	$(call say,'the wheels in dist')
	@$(PYTHON) tools/wheel_check.py dist/*.whl

## ---------------------------------------------------------------- check

.PHONY: test
test: test-rust test-python ## Run every test, Rust and Python

.PHONY: test-rust-build
test-rust-build: $(STAMPS)/packages
	$(call say,'Building the Rust tests')
	@cargo test --locked --workspace --quiet --no-run

.PHONY: test-rust
test-rust: setup
	$(call say,'cargo test')
	@LD_LIBRARY_PATH="$(PYTHON_LIBDIR):$${LD_LIBRARY_PATH:-}" cargo test --locked --workspace --quiet

# The bugs exist only with this feature; the extension must refuse to be built with it.
.PHONY: planted
planted: $(STAMPS)/packages ## Plant each known bug in turn, and show which named test catches it
	$(call say,'planted bugs')
	@cargo test --locked --quiet --package dita-kernel --features planted --test sequences -- \
		--exact planted::every_planted_bug_is_caught --nocapture
	@cargo check --locked --quiet --package dita-py --features dita-kernel/planted >target/planted.log 2>&1 || true
	@grep -q 'the feature .planted. is for the kernel' target/planted.log \
		|| { cat target/planted.log >&2; echo 'The extension does not refuse to be built with planted bugs.' >&2; exit 1; }

# The programs of the checks below, in one call each: a link in a release build keeps one processor busy, and not two.
.PHONY: checks-release
checks-release: $(STAMPS)/packages
	$(call say,'Building the checks (release)')
	@cargo build --locked --quiet --release --package dita-engine --example chain --package dita-sim --example model_check \
		--package dita-torture --bin dita-torture

.PHONY: checks-torture
checks-torture: $(STAMPS)/packages
	$(call say,'Building the checks (debug assertions at full speed)')
	@cargo build --locked --quiet --profile torture --package dita-torture --bin dita-torture

.PHONY: model-check
model-check: checks-release ## Search every state of orders and slots within bounds, beside a venue and a wire that fail
	$(call say,'the model check')
	@target/release/examples/model_check joint >target/model-check.txt \
		|| { cat target/model-check.txt >&2; exit 1; }
	@grep -E 'states \(|in all|are reached' target/model-check.txt

# The same seeds, built as tests are and as the extension is: not one byte of the logs may differ.
.PHONY: replay-equality
replay-equality: checks-release ## Write the same logs with a debug and a release build, and compare them
	$(call say,'debug and release write the same logs')
	@mkdir -p target
	@cargo run --locked --quiet --package dita-engine --example chain >target/chain-debug.txt
	@target/release/examples/chain >target/chain-release.txt
	@diff -u target/chain-debug.txt target/chain-release.txt \
		|| { echo 'A debug and a release build differ.' >&2; exit 1; }
	@printf '    %s logs the same, %s inputs\n' "$$(wc -l <target/chain-release.txt)" \
		"$$(awk '{ sum += $$3 } END { print sum }' target/chain-release.txt)"

# One command for the simulator's seeds, as `dita torture` runs them. The chain is the hash of every input and of what came
# of it: a debug build, with its own checks and at full speed, and a release build must come to the same.
TORTURE_SEEDS := 10000
# Seeds below TORTURE_SEEDS that fail and are not understood yet: docs/operating/torture.md. Each has to fail still.
TORTURE_OPEN :=
.PHONY: torture
torture: checks-release checks-torture ## Try to break the kernel with seeded faults, in a debug and a release build (TORTURE_SEEDS=n)
	$(call say,'torture: $(TORTURE_SEEDS) seeds in each build')
	@mkdir -p target
	@target/torture/dita-torture --seeds $(TORTURE_SEEDS) --open '$(TORTURE_OPEN)' --progress \
		>target/torture-debug.txt || { cat target/torture-debug.txt >&2; exit 1; }
	@target/release/dita-torture --seeds $(TORTURE_SEEDS) --open '$(TORTURE_OPEN)' --progress \
		>target/torture-release.txt || { cat target/torture-release.txt >&2; exit 1; }
	@diff -u <(grep -v 'seeds a second' target/torture-debug.txt) <(grep -v 'seeds a second' target/torture-release.txt) \
		|| { echo 'A debug and a release build differ.' >&2; exit 1; }
	@cat target/torture-release.txt

# Beside `make planted`: what seeds alone make of the same bugs. Of a target folder of its own, so that nothing else is
# ever built with them.
PLANTED_SEEDS := 3000
.PHONY: torture-planted
torture-planted: $(STAMPS)/packages ## Plant each known bug in turn, and count the seeds until one finds it (PLANTED_SEEDS=n)
	@cargo run --locked --quiet --profile torture --package dita-torture --features planted --target-dir target/planted \
		-- --planted --seeds $(PLANTED_SEEDS)

# The same, 10 million inputs, is a part of `make soak`.
FOLLOWED_INPUTS := 200000
.PHONY: soak-followers
soak-followers: setup ## Kill followers, ClickHouse, Hazelcast and the kernel at random; every row and value exact (FOLLOWED_INPUTS=n)
	$(call say,'followers under fire: $(FOLLOWED_INPUTS) inputs')
	@$(PYTHON) tools/soak_followers.py --inputs $(FOLLOWED_INPUTS)

# Hours. It goes on where it was broken off; DITA_SOAK_SCALE=0.001 makes every size that much smaller.
.PHONY: soak
soak: setup ## Every check at the size of a release, in pieces, resumable (ARGS="--list | --only A,B | --anew")
	@$(PYTHON) tools/soak.py $(ARGS)

# An hour or so of two processors: files that are in the record as they stand now are skipped. SHARD=k/n takes a part of
# the rest; ARGS=--again runs the survivors once more, and ARGS=--check only says where the record stands.
SHARD := 0/1
CARGO_MUTANTS_VERSION := 27.1.0
.PHONY: mutants
mutants: $(STAMPS)/packages ## Change the core bit by bit, and show what no test notices (SHARD=k/n)
	@cargo mutants --version >/dev/null 2>&1 || { \
		echo 'Install it first: cargo install --locked cargo-mutants@$(CARGO_MUTANTS_VERSION)' >&2; exit 1; }
	@$(PYTHON) tools/mutants.py $(SHARD) $(ARGS)

.PHONY: mutants-check
mutants-check: $(STAMPS)/venv
	$(call say,'the record of the mutants')
	@$(PYTHON) tools/mutants.py --check

# Without the library's own allocator, which would hide from valgrind what is read and freed.
.PHONY: capi-valgrind
capi-valgrind: $(STAMPS)/packages ## Run every function of the C ABI, well and badly used, under valgrind
	@command -v valgrind >/dev/null || { echo 'Install it first: apt-get install valgrind' >&2; exit 1; }
	@cargo rustc --locked --quiet --package dita-capi --lib --crate-type cdylib
	@cc -std=c11 -g -Wall -Wextra -Werror -Ipython/dita/capi tests/capi/everything.c -o target/capi-everything \
		-Ltarget/debug -ldita_v2_kernel -Wl,-rpath,'$$ORIGIN/debug'
	@valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite,indirect target/capi-everything

# Each entry of a corpus is replayed by `make test` without an engine; this looks for new ones, and keeps them in
# target/fuzz until fuzz-minimize takes what is of use. docs/operating/proofs.md has the figures.
TARGET := step
SECONDS := 600
CARGO_FUZZ_VERSION := 0.13.2
FUZZ := rust_kernel/fuzz
FUZZ_FOUND = $(abspath target/fuzz/$(TARGET))
FUZZ_ENV = LD_LIBRARY_PATH="$(PYTHON_LIBDIR):$${LD_LIBRARY_PATH:-}" \
	PYTHONHOME="$$($(PYTHON) -c 'import sys; print(sys.base_prefix)')"
.PHONY: fuzz
fuzz: $(STAMPS)/packages ## Put arbitrary bytes to capi, codec, log, snapshot, stdio, step, wire or bindings (TARGET=step SECONDS=600)
	@cargo fuzz --version >/dev/null 2>&1 || { \
		echo 'Install it first: cargo install --locked cargo-fuzz@$(CARGO_FUZZ_VERSION)' >&2; exit 1; }
	@mkdir -p $(FUZZ_FOUND) target/fuzz/failed
	@cd $(FUZZ)/engine && cargo fuzz build --sanitizer none --fuzz-dir . $(TARGET)
	@$(FUZZ_ENV) $(FUZZ)/engine/target/$$(rustc -vV | sed -n 's/^host: //p')/release/$(TARGET) \
		$(FUZZ_FOUND) $(FUZZ)/corpora/$(TARGET) -artifact_prefix=target/fuzz/failed/ \
		-max_total_time=$(SECONDS) -max_len=4096 -timeout=60 -print_final_stats=1

.PHONY: fuzz-minimize
fuzz-minimize: $(STAMPS)/packages ## Take what fuzzing found into the corpus, and keep what reaches something of its own
	@rm -rf target/fuzz/least && mkdir -p target/fuzz/least $(FUZZ_FOUND)
	@$(FUZZ_ENV) $(FUZZ)/engine/target/$$(rustc -vV | sed -n 's/^host: //p')/release/$(TARGET) -merge=1 \
		target/fuzz/least $(FUZZ)/corpora/$(TARGET) $(FUZZ_FOUND)
	@rm -rf $(FUZZ)/corpora/$(TARGET) && mv target/fuzz/least $(FUZZ)/corpora/$(TARGET)

# More workers than processors: many tests wait for another process. tests/conftest.py says which stay together.
PYTEST_WORKERS := 4
.PHONY: test-python
test-python: setup
	$(call say,'pytest')
	@$(PYTHON) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup $(ARGS)

.PHONY: lint
lint: lint-rust lint-python ## Formatting, clippy, ruff, mypy, stubs against the binary, import layers, words

.PHONY: lint-rust
lint-rust: $(STAMPS)/packages
	$(call say,'rustfmt')
	@cargo fmt --all --check
	$(call say,'clippy')
	@cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	@cargo clippy --locked --package dita-kernel --features planted --tests --quiet -- -D warnings

.PHONY: lint-python
lint-python: setup
	$(call say,'ruff')
	@$(VENV)/bin/ruff format --check --quiet $(PYTHON_CODE)
	@$(VENV)/bin/ruff check --quiet $(PYTHON_CODE)
	$(call say,'mypy --strict')
	@$(VENV)/bin/mypy --strict
	@$(VENV)/bin/mypy --strict tools/*.py
	$(call say,'stubtest')
	@MYPYPATH=python $(PYTHON) -m mypy.stubtest dita._kernel
	$(call say,'import layers')
	@$(VENV)/bin/lint-imports --no-cache
	$(call say,'words')
	@$(PYTHON) tools/words.py

.PHONY: fmt
fmt: $(STAMPS)/packages ## Format the code, and fix what can be fixed by itself
	@cargo fmt --all
	@$(VENV)/bin/ruff check --quiet --fix $(PYTHON_CODE) || true
	@$(VENV)/bin/ruff format --quiet $(PYTHON_CODE)

.PHONY: bench
bench: setup build ## Run the benchmarks and rewrite benches/RESULTS.md
	@PATH="$(abspath $(VENV)/bin):$$PATH" bash benches/run

.PHONY: zinc-models
zinc-models: ## The shared memory's lanes under loom, and 100,000 schedules of shuttle (two minutes, most of it compiling)
	@RUSTFLAGS='--cfg zinc_models' cargo test --locked --quiet --release --package dita-zinc --test models --target-dir target/models

.PHONY: bench-peers
bench-peers: setup ## Run other projects' engines beside DITA and rewrite the chart (ARGS="--draft")
	@$(PYTHON) benches/peers/run.py $(ARGS)

.PHONY: bench-bars
bench-bars: setup ## Run an EMA cross on real minute bars beside backtesting.py and nautilus_trader (ARGS="--draft")
	@$(PYTHON) benches/bars/run.py $(ARGS)

.PHONY: bench-l2
bench-l2: setup ## Convert and play a recorded market's depth beside hftbacktest (ARGS="--draft")
	@$(PYTHON) benches/l2/run.py $(ARGS)

## ---------------------------------------------------------------- generated documents
# One line each: the file, and how its text is made. A file listed here is committed,
# `make docs` rewrites it, and CI makes it again and compares.

API_PAGES := kernel values names errors venues planes
K_PICTURES := ladder_with_one_stop bracket_with_a_trail
GENERATED := python/dita/capi/dita.h docs/reference/cli.md docs/reference/config.md docs/reference/gateway.md docs/reference/journal.md docs/reference/metrics.md docs/reference/second-names.md docs/fsm.md docs/assets/fsm.svg \
	docs/assets/market_maker.svg $(K_PICTURES:%=docs/assets/k_%.svg) $(API_PAGES:%=docs/reference/api/%.md)
generate_python/dita/capi/dita.h = cargo run --locked --quiet --package dita-capi --example header
generate_docs/reference/cli.md = $(PYTHON) -m dita.cli.reference
generate_docs/reference/config.md = $(PYTHON) -m dita.config.reference
generate_docs/fsm.md = cargo run --locked --quiet --package dita-kernel --example fsm
generate_docs/reference/gateway.md = $(PYTHON) -m dita.gateway.reference
generate_docs/reference/journal.md = $(PYTHON) tools/journal_page.py
generate_docs/reference/metrics.md = $(PYTHON) tools/metrics_page.py
generate_docs/reference/second-names.md = $(VENV)/bin/dita second-names --markdown
generate_docs/assets/fsm.svg = $(PYTHON) tools/fsm_svg.py
generate_docs/assets/market_maker.svg = $(PYTHON) tools/market_maker_svg.py
$(foreach name,$(K_PICTURES),$(eval generate_docs/assets/k_$(name).svg = $$(PYTHON) tools/k_svg.py $(name)))
$(foreach page,$(API_PAGES),$(eval generate_docs/reference/api/$(page).md = $$(PYTHON) tools/api_reference.py $(page)))

.PHONY: docs
docs: setup ## Rewrite the generated documents (the state machine, the command line's and Python's reference)
	@$(foreach file,$(GENERATED),mkdir -p $(OUT)/$(dir $(file)); $(generate_$(file)) > $(OUT)/$(file);)

.PHONY: generated-check
generated-check: setup
	$(call say,'generated documents')
	@$(MAKE) docs OUT=target/generated
	@for file in $(GENERATED); do \
		diff -u "$$file" "target/generated/$$file" \
			|| { echo "$$file is not what the code says: run 'make docs' and commit it." >&2; exit 1; }; \
	done

## ---------------------------------------------------------------- the site
# Strict: a link that leads nowhere is an error. It reaches nothing outside, and neither do its pages.

.PHONY: site
site: setup ## Build the documentation's site into site/ (open site/index.html)
	$(call say,'documentation site')
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet

## ---------------------------------------------------------------- locks

# Only names, versions and hashes: no index, host or path, so that the file holds anywhere.
PIP_COMPILE := $(VENV)/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options
.PHONY: lock
lock: $(STAMPS)/packages ## Make both requirements-*.lock again from pyproject.toml
	@$(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); \
		print(*p["project"]["dependencies"], *p["dependency-groups"]["dev"], sep="\n")' > $(VENV)/dev.in
	@$(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); \
		print("-c $(abspath requirements-dev.lock)", *p["dependency-groups"]["wheel"], sep="\n")' > $(VENV)/wheel.in
	@$(PIP_COMPILE) --output-file requirements-dev.lock $(VENV)/dev.in
	@$(PIP_COMPILE) --output-file requirements-wheel.lock $(VENV)/wheel.in

.PHONY: lock-check
lock-check:
	$(call say,'lock files')
	@for lock in $$(git ls-files '*Cargo.lock'); do \
		cargo metadata --locked --format-version 1 --manifest-path "$${lock%.lock}.toml" >/dev/null \
			|| { echo "$$lock is behind its Cargo.toml: run 'cargo update --workspace' beside it." >&2; exit 1; }; \
	done
	@git diff --exit-code --stat -- '*Cargo.lock' requirements-dev.lock requirements-wheel.lock

.PHONY: clean
clean: ## Remove everything that the commands above made
	@rm -rf $(VENV) web/node_modules python/dita/backtest/page/vendor python/dita/gateway/page/vendor .bench target benches/target rust_kernel/fuzz/engine/target dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@find python tests benches -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@find python -name '_kernel*.so' -delete -o -name 'libdita_v2_kernel.*' -delete
