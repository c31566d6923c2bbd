#!/usr/bin/env bash
# Measures the gateway beside nginx on loopback, and prints one table. See README.md for how to read it.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bench/run.sh [options]
  --floor-only       measure nginx and the direct way alone, without a gateway
  --rounds N         interleaved rounds, of which medians are taken (3)
  --duration S       measured seconds of each run (4)
  --warmup S         seconds of load before each run (1)
  --only NAME        one scenario: answer-1k, stream-saturated, stream-paced, body-100k, first-token
  --messages-first   write request bodies as the Python SDK does, with the model at the end
  --full             also burst each server, and look at its memory 60 s later
  --no-build         take the programs that are built already
  --raw FILE         keep every run's JSON, a line each, after scenario, server and round
environment: GATEWRIGHT_BIN (a gateway to measure instead of the one built here), PORT_BASE (19100),
  SERVER_CORE (0), UPSTREAM_CORE (1), LOAD_CORE (1), CARGO_TARGET_DIR
TEXT
}

floor_only=false rounds=3 duration=4 warmup=1 full=false build=true raw='' load_flags=()
scenarios=(answer-1k stream-saturated stream-paced body-100k first-token)
while [ $# -gt 0 ]; do
    case $1 in
    --floor-only) floor_only=true ;;
    --full) full=true ;;
    --no-build) build=false ;;
    --messages-first) load_flags+=(--messages-first) ;;
    --rounds | --duration | --warmup | --only | --raw)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        case $1 in
        --rounds) rounds=$2 ;;
        --duration) duration=$2 ;;
        --warmup) warmup=$2 ;;
        --only) scenarios=("$2") ;;
        --raw) raw=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done
for number in "$rounds" "$duration" "$warmup"; do
    [[ $number =~ ^[0-9]{1,4}$ ]] || { usage >&2; exit 2; }
done
if [ "$rounds" -lt 1 ] || [ "$duration" -lt 1 ]; then usage >&2; exit 2; fi

# shellcheck source=bench/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
# shellcheck source=bench/scenarios.sh
. "$here/scenarios.sh"
for scenario in "${scenarios[@]}"; do load_for "$scenario"; done

need_all

prepare "$build" "$floor_only"
# The same server under another name: how far its ratio is from 1 says how far any ratio of this run is to be trusted.
servers+=(nginx-again)

# --- servers ---

declare -A port pid idle cold later
start_upstream
next=$((PORT_BASE + 1))
for server in "${servers[@]}"; do
    # The first start makes the directory, and is not counted. Not pinned: the asking needs a core too.
    command_of "$server-cold" "$next"
    say "cold start of $server"
    cold[$server]=$(timeout 300 "$bin/bench-start" --url "http://127.0.0.1:$next/health" --runs 10 -- "${command[@]}" \
        2>"$tmp/$server-cold.log" | field median_ms) || { tail "$tmp/$server-cold.log" >&2; die "$server does not start"; }
    next=$((next + 1))
done
for server in "${servers[@]}"; do
    command_of "$server" "$next"
    launch "$server" "$SERVER_CORE" "$next" "${command[@]}"
    port[$server]=$next pid[$server]=$launched
    next=$((next + 1))
done
sleep 2
for server in "${servers[@]}"; do idle[$server]=$(rss "${pid[$server]}"); done

# --- rounds ---

port[direct]=$PORT_UPSTREAM
records=$tmp/records.tsv
for ((round = 1; round <= rounds; round++)); do
    for scenario in "${scenarios[@]}"; do
        # One after the other within a round, so that a noisy minute falls on all of them.
        for server in direct "${servers[@]}"; do
            say "round $round of $rounds: $scenario, $server"
            line=$(measure "$scenario" "${port[$server]}" "${pid[$server]:-}") || die "no figures for $server"
            printf '%s\t%s\t%s\t%s\n' "$scenario" "$server" "$round" "$line" >>"$records"
        done
    done
done
if [ -n "$raw" ]; then cp "$records" "$raw"; fi

if $full; then
    for server in "${servers[@]}"; do
        say "a burst on $server"
        burst "${port[$server]}" >/dev/null || die "the burst on $server failed"
    done
    say "60 s of rest"
    sleep 60
    for server in "${servers[@]}"; do later[$server]=$(rss "${pid[$server]}"); done
fi

# --- the report ---

megabytes() { if [ -n "$1" ]; then awk -v b="$1" 'BEGIN { printf "%.1f MB", b / 1e6 }'; fi; }

profile=$(build_profile)
[ -z "${GATEWRIGHT_BIN:-}" ] || profile+=' (the gateway is GATEWRIGHT_BIN, built elsewhere)'
echo "$(machine);" \
    "server on core $SERVER_CORE, upstream on $UPSTREAM_CORE, load on $LOAD_CORE"
echo "$(nginx -v 2>&1 | sed 's/.*: //'); $(rustc --version 2>/dev/null || echo 'rustc unknown'); build profile release:$profile"
echo "$rounds rounds of $duration s after $warmup s; load average now $(cut -d' ' -f1-3 /proc/loadavg)"
echo
for server in "${servers[@]}"; do printf '%s\t%s\n' "$server" "${idle[$server]}"; done >"$tmp/idle.tsv"
awk -f "$here/table.awk" "$tmp/idle.tsv" "$records"
echo
for server in "${servers[@]}"; do
    echo "- $server: cold start ${cold[$server]:-?} ms (median of 10)${later[$server]:+, $(megabytes "${later[$server]}") 60 s after a burst}"
done

errors=$(field errors <"$records" | awk '{ sum += $1 } END { print sum + 0 }')
[ "$errors" -eq 0 ] || die "$errors requests failed: the figures above do not compare like with like"
if $missing; then say "run.sh: the gateway was not measured, because there is none"; exit 3; fi
