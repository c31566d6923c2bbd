#!/usr/bin/env bash
# Runs the end-to-end tests against the real binary: the one that GATEWRIGHT_BIN names, or the newest below target/.
#
# Needs python3 (with venv), node and npm. What they need further is fetched once, into target/ and node_modules/.
# Arguments go to pytest; with any, the tests in Node are left out.
set -euo pipefail

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$tests")
venv="$root/target/sdk-venv"

for tool in python3 node npm; do
  command -v "$tool" >/dev/null || { echo "tests/run.sh needs $tool" >&2; exit 1; }
done
if [ -z "${GATEWRIGHT_BIN:-}" ] && ! ls "$root"/target/*/gatewright >/dev/null 2>&1; then
  echo "tests/run.sh needs the gateway: cargo build -p gatewright-cli, or set GATEWRIGHT_BIN" >&2
  exit 1
fi

# Fetches anew only when what is wanted has changed.
if ! cmp -s "$tests/requirements.txt" "$venv/installed.txt"; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$tests/requirements.txt"
  cp "$tests/requirements.txt" "$venv/installed.txt"
fi
if ! cmp -s "$tests/sdk/node/package-lock.json" "$tests/sdk/node/node_modules/installed.json"; then
  (cd "$tests/sdk/node" && npm ci --silent)
  cp "$tests/sdk/node/package-lock.json" "$tests/sdk/node/node_modules/installed.json"
fi

# The plugins that tests load: a test has no time to build them.
(
  cd "$root"
  CARGO_PROFILE_DEV_STRIP=symbols cargo build --quiet --locked --package gatewright-test-plugins --examples \
    --features programs --target-dir "${CARGO_TARGET_DIR:-target}/artefacts"
  scripts/wasm-examples.sh gatewright-test-plugins >/dev/null
)

# SIGINT lets the tests stop the gateways that they started.
failed=0
cd "$tests"
timeout --signal=INT --kill-after=20 400 "$venv/bin/pytest" -c pytest.ini -n 2 -q "$@" || failed=1
if [ $# -eq 0 ]; then
  (cd sdk/node && PYTHON="$venv/bin/python" timeout --signal=INT --kill-after=20 80 node --test --test-reporter=spec) || failed=1
fi
exit $failed
