# The one door. `make demo` and `make test` do everything on a fresh machine.

.PHONY: demo test test-browser setup build gateway bench lint fmt bindings clean
.DEFAULT_GOAL := build

CARGO ?= cargo
# Where rustup puts cargo, for a shell that was there before it.
export PATH := $(HOME)/.cargo/bin:$(PATH)

## Runs a gateway under ordinary users and attacks, and shows what was seen and refused.
demo: build
	demo/run.sh

## Runs all tests: Rust, Lua units, and the integration specs on every gateway that is here.
test: build
	spec/run.sh

## The dashboard in a real Chromium, which this installs (some 100 MB) with the rules of axe-core.
test-browser: build
	spec/support/setup_browser.sh
	SUITES=browser spec/run.sh

## Installs what is missing: distribution packages and, where the system's is too old, Rust.
setup:
	spec/support/setup.sh

# The library as a shared one alone: beside a Rust library Cargo optimizes none across crates.
build: setup
	$(CARGO) rustc --release --locked -p threat-agent-ffi --lib --crate-type cdylib
	$(CARGO) build --release --locked -p threat-agent

## Runs only the gateway, in the foreground: make gateway CONFIG=file.yml
gateway: build
	spec/gateway/run.sh foreground

## Measures: the engine, the table and the boundary; then the gateway with and without the plugin.
bench: build
	$(CARGO) bench --locked -p threat-agent-engine --bench inspect
	$(CARGO) bench --locked -p threat-agent-state --bench table
	$(CARGO) bench --locked -p threat-agent-state --bench flood
	$(CARGO) bench --locked -p threat-agent-state --bench behaviour
	$(CARGO) bench --locked -p threat-agent-ffi --bench boundary
	bench/run.sh

lint: setup
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets --locked --features threat-agent-ffi/fault-injection -- -D warnings
	luacheck -q .
	command -v cargo-deny > /dev/null || $(CARGO) install cargo-deny --locked
	$(CARGO) deny --log-level error check bans licenses sources

fmt:
	$(CARGO) fmt --all

## Writes the C header and cdef.lua anew from the Rust types.
bindings:
	TA_BLESS=1 $(CARGO) test --locked -p threat-agent-ffi --test bindings

clean:
	$(CARGO) clean
