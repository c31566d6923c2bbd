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
# shellcheck source=bench/callgrind.sh
. "$here/callgrind.sh"
for scenario in "${scenarios[@]}"; do load_for "$scenario"; done
# The bound of each run, which ends by a count of requests.
warmup=0 duration=60

need_all
prepare "$build" "$floor_only"
start_upstream

declare -A counted
echo "$(uname -sr); $(valgrind --version); $(nginx -v 2>&1 | sed 's/.*: //')"
echo
echo "| scenario | server | instructions per request | × nginx |"
echo "|---|---|--:|--:|"
for scenario in "${scenarios[@]}"; do
    for server in "${servers[@]}"; do
        say "$scenario, $server"
        per_request "$server" "$scenario" command_of 'master_process off;'
        counted[$server]=$each
        awk -v s="$scenario" -v v="$server" -v i="$each" -v n="${counted[nginx]}" \
            'BEGIN { printf "| %s | %s | %d | %.2f |\n", s, v, i, i / n }'
    done
done
if $missing; then say "instructions.sh: the gateway was not measured, because there is none"; exit 3; fi
