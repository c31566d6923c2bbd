#!/bin/sh
# Builds every example of a crate as a core WASM module, and prints where each is: for the test plugins.
#
#   scripts/wasm-examples.sh PACKAGE
set -eu

[ $# -eq 1 ] || { echo "usage: $0 PACKAGE" >&2; exit 2; }
scripts=$(cd "$(dirname "$0")" && pwd)
way=$("$scripts/wasm-toolchain.sh") || exit 1
eval "$way"
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_BUILD_TARGET

export CARGO_PROFILE_RELEASE_PANIC=abort
# What is measured is built with `fat`; tests have no time for it.
export CARGO_PROFILE_RELEASE_LTO="${CARGO_PROFILE_RELEASE_LTO:-off}"
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
export CARGO_PROFILE_RELEASE_STRIP="${CARGO_PROFILE_RELEASE_STRIP:-debuginfo}"

cd "$scripts/.."
own=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
# A folder of its own: a test that builds must not wait for the cargo that runs it.
# shellcheck disable=SC2086 # the flags are words
cargo build --examples --package "$1" --release --target wasm32-unknown-unknown \
  --target-dir "${GATEWRIGHT_WASM_TARGET_DIR:-$own/wasm-plugins}" \
  --message-format json-render-diagnostics ${GATEWRIGHT_WASM_CARGO_FLAGS:-} |
  sed -n '/"reason":"compiler-artifact"/s/.*"filenames":\["\([^"]*\.wasm\)".*/\1/p'
