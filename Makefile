# make demo    the main job: synthetic citizens on virtual cards, each one verified
# make test    every test, the builds without features, and the lints that this machine can run
# make peers   programs that others wrote, against our cards and our reader
# make bench   speed beside its floor; what a card costs the line (docs/scale.md)
# make soak    the main job with CARDS cards (1000) and READERS readers (2); SESSIONS runs (2000) of PACE in every parameter set;
#              cards in all combinations of protocols; every wrong behaviour of a chip before the conformance suite; our inspection before every card of TR-03105-5.1; stations cut off at every place; LINE_CARDS cards (10000) at LINE_READERS readers (16) of
#              LINE_STATIONS stations (4) that are killed, with a PostgreSQL that is stopped
# make fuzz    coverage-guided hostile input, SECONDS seconds for each parser (60)
# make lint doc
#
# Each target installs the Debian packages that it lacks, as root or by sudo (scripts/need).

CARGO   ?= cargo
OUT     ?= target/demo
CARDS   ?= 1000
READERS ?= 2
SECONDS ?= 60
SESSIONS ?= 2000
LINE_CARDS    ?= 10000
LINE_READERS  ?= 16
LINE_STATIONS ?= 4

BUILD_PACKAGES := gcc libc6-dev pkg-config libpcsclite-dev
TEST_PACKAGES  := $(BUILD_PACKAGES) libssl-dev openssl pcscd postgresql softhsm2 vsmartcard-vpcd
PEER_PACKAGES  := $(TEST_PACKAGES) libeac-dev openpace default-jdk-headless libbcpkix-java opensc pcsc-tools vsmartcard-vpicc swig

.PHONY: demo test features peers lint bench soak fuzz doc packages

demo:
	@scripts/need $(BUILD_PACKAGES)
	@rm -rf $(OUT)
	$(CARGO) run --quiet --locked -- demo --out $(OUT)

test: features
	@scripts/need $(TEST_PACKAGES)
	$(CARGO) test --workspace --locked --no-fail-fast

# What must build alone: the library without features in pure Rust, and the standard for a machine without an operating system's services
features:
	@scripts/need $(BUILD_PACKAGES)
	$(CARGO) check --locked --no-default-features -p cardwright
	@if $(CARGO) tree --locked -p cardwright --no-default-features -e normal,build --prefix none | grep -E '^(cc|clap|pcsc|openssl|aws-lc[a-z-]*|[a-z0-9_-]+-sys) '; then \
		echo "the library without features is not pure Rust"; exit 1; fi
	@if rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null | xargs -r test -d; then \
		echo "$(CARGO) check --locked -p cardwright-eid --target wasm32-unknown-unknown"; \
		$(CARGO) check --locked -p cardwright-eid --target wasm32-unknown-unknown; \
	else echo "skipped: wasm32-unknown-unknown is not installed (rustup target add wasm32-unknown-unknown)"; fi

# the whole workspace in each line: with the features of `make test`, so that nothing is compiled twice
peers:
	@scripts/need $(PEER_PACKAGES) || echo "peers: not every package could be had; what needs it will say skipped"
	$(CARGO) test --workspace --locked --no-run --test end_to_end
	$(CARGO) build --locked --manifest-path tests/peers/Cargo.toml --target-dir target/peers
	CARDWRIGHT_PACE_ORACLE=$(CURDIR)/target/peers/debug/pace_oracle $(CARGO) test --workspace --locked --test libeac -- --nocapture
	$(CARGO) test --workspace --locked --test openpace -- --nocapture
	$(CARGO) test --workspace --locked --test cv -- --nocapture peers
	$(CARGO) test --locked --manifest-path tests/peers/Cargo.toml --target-dir target/peers -- --nocapture --test-threads=1

lint:
	@scripts/need $(TEST_PACKAGES)
	@if $(CARGO) fmt --version >/dev/null 2>&1; then $(CARGO) fmt --all --check; else echo "skipped: rustfmt is not installed"; fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then $(CARGO) clippy --workspace --all-targets --locked -- -D warnings; else echo "skipped: clippy is not installed"; fi
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) fetch --locked && $(CARGO) deny --offline check bans licenses sources; else echo "skipped: cargo-deny is not installed (cargo install --locked cargo-deny)"; fi

bench:
	@scripts/need $(TEST_PACKAGES)
	CARGO_TARGET_DIR=target $(CARGO) build --release --manifest-path benches/Cargo.toml --no-default-features --bin speed-pure
	CARGO_TARGET_DIR=target $(CARGO) run --release --manifest-path benches/Cargo.toml --bin speed
	CARGO_TARGET_DIR=target $(CARGO) run --release --manifest-path benches/Cargo.toml --bin token
	CARGO_TARGET_DIR=target $(CARGO) run --release --manifest-path benches/Cargo.toml --bin line

soak:
	@scripts/need $(BUILD_PACKAGES) postgresql
	@rm -rf $(OUT)-soak
	$(CARGO) run --release --quiet --locked -- demo --cards $(CARDS) --readers $(READERS) --out $(OUT)-soak
	SESSIONS=$(SESSIONS) $(CARGO) test --release --locked -p cardwright-applets --test card -- --nocapture pace_opens_in_every_parameter_set
	$(CARGO) test --release --locked --test terminal -- --ignored --nocapture every_combination no_forgery every_fault
	$(CARGO) test --release --locked --test station -- --include-ignored
	$(CARGO) test --release --locked --test conform -- --ignored
	$(CARGO) test --release --locked --test end_to_end -- --ignored every_row
	LINE_CARDS=$(LINE_CARDS) LINE_READERS=$(LINE_READERS) LINE_STATIONS=$(LINE_STATIONS) $(CARGO) test --release --locked --test soak -- --ignored --nocapture

fuzz:
	@scripts/need $(BUILD_PACKAGES) g++
	fuzz/run $(SECONDS)

doc:
	@scripts/need $(BUILD_PACKAGES)
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

packages:
	@scripts/need $(PEER_PACKAGES)
