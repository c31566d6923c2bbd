#!/usr/bin/env bash
# Fuzzes every target for a bounded time: the first argument, in seconds each; 5 unless told. Exit code 1 on a finding.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec cargo run --quiet --release --locked -- all --seconds "${1:-5}" --seed "${FUZZ_SEED:-1}"
