# Two commands: `make run` builds and starts the gateway; `make test` checks everything.

.PHONY: run build test check unit e2e fuzz docs bench clean

run: build
	exec target/release/gatewright serve

build:
	cargo build --release --locked -p gatewright-cli

# Everything that CI runs, in the order in which it fails fastest.
test: check unit docs fuzz e2e

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

unit:
	cargo test --workspace --locked

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

fuzz:
	fuzz/run.sh

# The binary of the tests: another selection of packages would compile their dependencies once more.
e2e:
	cargo test --workspace --locked --no-run
	tests/run.sh

bench:
	bench/run.sh

clean:
	cargo clean
