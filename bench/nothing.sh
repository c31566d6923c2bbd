#!/usr/bin/env bash
# Counts the instructions of a request past plugins of each host that subscribe to no hook, under callgrind, beside the
# gateway without any. See README.md.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bench/nothing.sh [options]
  --plugins N        how many of each host (10)
  --only NAME        one scenario: answer-1k, stream-paced, body-100k (answer-1k)
  --no-build         take the programs that are built already
environment: as for run.sh
TEXT
}

many=10 build=true load_flags=() scenario=answer-1k
while [ $# -gt 0 ]; do
    case $1 in
    --no-build) build=false ;;
    --plugins) [ $# -ge 2 ] && [[ $2 =~ ^[0-9]{1,3}$ ]] || { usage >&2; exit 2; }; many=$2; shift ;;
    --only) [ $# -ge 2 ] || { usage >&2; exit 2; }; scenario=$2; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

# shellcheck source=bench/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
# shellcheck source=bench/scenarios.sh
. "$here/scenarios.sh"
# shellcheck source=bench/callgrind.sh
. "$here/callgrind.sh"
# shellcheck source=bench/kinds.sh
. "$here/kinds.sh"
load_for "$scenario"
# The bound of each run, which ends by a count of requests.
warmup=0 duration=60

need_all
prepare "$build" false
[ -n "$gateway" ] || exit 3
prepare_kinds "$build"
many_of_each "$many" '[]'
start_upstream

echo "$(uname -sr); $(valgrind --version); $scenario, $many plugins of each host"
echo
echo "| server | instructions per request | beside none |"
echo "|---|--:|--:|"
# Starts a server once, which leaves copies and compiled code in its app dir: later starts are alike.
warm() { # server
    port=$((port + 1))
    command_of_kind "$1" "$port"
    launch "$1" "$SERVER_CORE" "$port" "${command[@]}"
    stop "$launched"
}

# What is linked in is beside none in the same gateway.
for server in gateway gateway+{inline,wasm,native,process} gateway-again gateway+linked-none gateway+linked; do
    say "$server"
    warm "$server"
    per_request "$server" "$scenario" command_of_kind
    case $server in gateway | gateway+linked-none) none=$each ;; esac
    awk -v v="$server" -v i="$each" -v n="$none" 'BEGIN { printf "| %s | %d | %+.2f %% |\n", v, i, (i / n - 1) * 100 }'
done
