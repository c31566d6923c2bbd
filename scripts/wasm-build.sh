#!/bin/sh
# Builds a crate's core WASM module, small and fast, and prints where it is. Packing it to a component is another step.
#
#   scripts/wasm-build.sh CRATE_DIR [--package NAME] [--out FILE] [-- CARGO_ARGUMENTS]
#
# The crate needs no `crate-type`: it is built as a cdylib whatever its Cargo.toml says. Its release profile is set by
# the environment, so that its Cargo.toml stays its own; a CARGO_PROFILE_RELEASE_* that is set already stays.
# GATEWRIGHT_WASM_TARGET_DIR names the target folder, `wasm-plugins` in the crate's own unless told: a build here neither
# waits for another cargo nor throws away what that one built.
set -eu

die() { echo "wasm-build: $*" >&2; exit 1; }
usage() { echo "usage: $0 CRATE_DIR [--package NAME] [--out FILE] [-- CARGO_ARGUMENTS]" >&2; exit 2; }

crate=
package=
out=
while [ $# -gt 0 ]; do
  case $1 in
    --package) [ $# -ge 2 ] || usage; package=$2; shift 2 ;;
    --out) [ $# -ge 2 ] || usage; out=$2; shift 2 ;;
    --) shift; break ;;
    -*) usage ;;
    *) [ -z "$crate" ] || usage; crate=$1; shift ;;
  esac
done
[ -n "$crate" ] || usage
[ -f "$crate/Cargo.toml" ] || die "no Cargo.toml in $crate"
case $out in '' | /*) ;; *) out=$PWD/$out ;; esac
scripts=$(cd "$(dirname "$0")" && pwd)

cd "$crate"
way=$("$scripts/wasm-toolchain.sh") || exit 1
eval "$way"

# What is set for the machine (target-cpu, another linker, coverage) would be passed to the module's compiler too.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_BUILD_TARGET

# A plugin that panics traps, and its instance is thrown away: nothing would unwind. Names stay in for the traces of
# traps; they cost a few KB of file and nothing at run time.
export CARGO_PROFILE_RELEASE_PANIC="${CARGO_PROFILE_RELEASE_PANIC:-abort}"
export CARGO_PROFILE_RELEASE_LTO="${CARGO_PROFILE_RELEASE_LTO:-fat}"
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS="${CARGO_PROFILE_RELEASE_CODEGEN_UNITS:-1}"
export CARGO_PROFILE_RELEASE_OPT_LEVEL="${CARGO_PROFILE_RELEASE_OPT_LEVEL:-3}"
export CARGO_PROFILE_RELEASE_DEBUG="${CARGO_PROFILE_RELEASE_DEBUG:-false}"
export CARGO_PROFILE_RELEASE_STRIP="${CARGO_PROFILE_RELEASE_STRIP:-debuginfo}"
export CARGO_PROFILE_RELEASE_INCREMENTAL="${CARGO_PROFILE_RELEASE_INCREMENTAL:-false}"

if [ -z "${GATEWRIGHT_WASM_TARGET_DIR:-}" ]; then
  own=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p') || exit 1
  [ -n "$own" ] || die "cargo does not say where it builds $crate"
  GATEWRIGHT_WASM_TARGET_DIR=$own/wasm-plugins
fi

# The crate itself is built last, so the last module named is its own.
# shellcheck disable=SC2086 # the flags are words
messages=$(cargo rustc --lib --crate-type cdylib ${package:+--package "$package"} --release \
  --target wasm32-unknown-unknown --target-dir "$GATEWRIGHT_WASM_TARGET_DIR" \
  --message-format json-render-diagnostics ${GATEWRIGHT_WASM_CARGO_FLAGS:-} "$@") || exit 1
module=$(printf '%s\n' "$messages" | sed -n '/"reason":"compiler-artifact"/s/.*"filenames":\["\([^"]*\.wasm\)".*/\1/p' | tail -n 1)
[ -f "${module:-}" ] || die "cargo built no WASM module of $crate"

if [ -n "$out" ]; then
  cp "$module" "$out" || die "cannot write $out"
  module=$out
fi
printf '%s\n' "$module"
