#!/usr/bin/env bash
# Counts instructions per request under callgrind, for differences that are too small for a clock. See README.md.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bench/instructions.sh [options]
  --floor-only       nginx alone, without a gateway
  --only NAME        one scenario: answer-1k, stream-paced, body-100k
  --messages-first   write request bodies as the Python SDK does, with the model at the end
  --no-build         take the programs that are built already
environment: as for run.sh
TEXT
}

floor_only=false build=true load_flags=() scenarios=(answer-1k stream-paced body-100k)
while [ $# -gt 0 ]; do
    case $1 in
    --floor-only) floor_only=true ;;
    --no-build) build=false ;;
    --messages-first) load_flags+=(--messages-first) ;;
    --only) [ $# -ge 2 ] || { usage >&2; exit 2; }; scenarios=("$2"); shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

# shellcheck source=bench/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
# shellcheck source=bench/scenarios.sh
. "$here/scenarios.sh"
for scenario in "${scenarios[@]}"; do load_for "$scenario"; done
# The bound of each run, which ends by a count of requests.
warmup=0 duration=60

need_all
prepare "$build" "$floor_only"
start_upstream

# Instructions in the whole life of a server that answers so many requests; sets $instructions.
# (It prints nothing, because a subshell could not tell this one which process to stop at the end.)
count() { # server scenario requests
    local server=$1 log
    port=$((port + 1))
    log=$tmp/callgrind-$port.log
    command_of "$server" "$port" 'master_process off;'
    launch "$server" "$SERVER_CORE" "$port" \
        valgrind --tool=callgrind --log-file="$log" --callgrind-out-file=/dev/null "${command[@]}"
    load_for "$2"
    shape_streams "$chunks" "$pace"
    # One connection: how many events a server finds at once must not depend on how slow callgrind makes it.
    generate "$port" --concurrency 1 "${load[@]}" --warmup 0 --requests "$3" >"$tmp/load.json"
    [ "$(field errors <"$tmp/load.json")" = 0 ] || die "requests failed at $server"
    stop "$launched"
    instructions=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log" | head -n 1)
    [ -n "$instructions" ] || { tail -n 20 "$log" >&2; die "callgrind counted nothing for $server"; }
}

port=$PORT_UPSTREAM
declare -A per_request
echo "$(uname -sr); $(valgrind --version); $(nginx -v 2>&1 | sed 's/.*: //')"
echo
echo "| scenario | server | instructions per request | × nginx |"
echo "|---|---|--:|--:|"
for scenario in "${scenarios[@]}"; do
    few=50 many=550
    case $scenario in stream-*) few=5 many=25 ;; esac
    for server in "${servers[@]}"; do
        say "$scenario, $server"
        count "$server" "$scenario" "$few"
        least=$instructions
        count "$server" "$scenario" "$many"
        # Start and end are in both.
        per_request[$server]=$(((instructions - least) / (many - few)))
        awk -v s="$scenario" -v v="$server" -v i="${per_request[$server]}" -v n="${per_request[nginx]}" \
            'BEGIN { printf "| %s | %s | %d | %.2f |\n", s, v, i, i / n }'
    done
done
if $missing; then say "instructions.sh: the gateway was not measured, because there is none"; exit 3; fi
