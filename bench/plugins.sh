#!/usr/bin/env bash
# Measures what ten plugins of each host cost a request, beside the gateway without any, and prints one table. The plugin
# is bench-subject's at `check_input`, where it reads every text of the request, or at `on_stream_chunk`, where it reads
# each piece. See README.md for how to read it.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bench/plugins.sh [options]
  --rounds N         interleaved rounds, of which medians are taken (3)
  --duration S       measured seconds of each run (2)
  --warmup S         seconds of load before each run (1)
  --plugins N        how many of each host (10)
  --chunks           streams, past plugins at `on_stream_chunk`
  --no-build         take the programs that are built already
environment: as of run.sh
TEXT
}

rounds=3 duration=2 warmup=1 many=10 build=true load_flags=()
hook=check_input scenarios=(answer-1k body-100k)
while [ $# -gt 0 ]; do
    case $1 in
    --no-build) build=false ;;
    --chunks) hook=on_stream_chunk scenarios=(stream-one stream-64) ;;
    --rounds | --duration | --warmup | --plugins)
        [ $# -ge 2 ] && [[ $2 =~ ^[0-9]{1,3}$ ]] || { usage >&2; exit 2; }
        case $1 in
        --rounds) rounds=$2 ;;
        --duration) duration=$2 ;;
        --warmup) warmup=$2 ;;
        --plugins) many=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

# shellcheck source=bench/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
# shellcheck source=bench/scenarios.sh
. "$here/scenarios.sh"

# shellcheck source=bench/kinds.sh
. "$here/kinds.sh"

need_all
prepare "$build" false
[ -n "$gateway" ] || exit 3
prepare_kinds "$build"
many_of_each "$many" "[\"$hook\"]"

# --- servers and rounds ---

declare -A port pid
start_upstream
next=$((PORT_BASE + 1))
for server in "${servers[@]}"; do
    command_of_kind "$server" "$next"
    launch "$server" "$SERVER_CORE" "$next" "${command[@]}"
    port[$server]=$next pid[$server]=$launched
    next=$((next + 1))
done
sleep 2
for server in "${servers[@]}"; do printf '%s\t%s\n' "$server" "$(rss "${pid[$server]}")"; done >"$tmp/idle.tsv"
records=$tmp/records.tsv
for ((round = 1; round <= rounds; round++)); do
    for scenario in "${scenarios[@]}"; do
        for server in "${servers[@]}"; do
            say "round $round of $rounds: $scenario, $server"
            line=$(measure "$scenario" "${port[$server]}" "${pid[$server]}") || die "no figures for $server"
            printf '%s\t%s\t%s\t%s\n' "$scenario" "$server" "$round" "$line" >>"$records"
        done
    done
done

echo "$(machine); server on core $SERVER_CORE, upstream and load on $LOAD_CORE; $many plugins of each host at $hook"
echo "$rounds rounds of $duration s after $warmup s; build profile release:$(build_profile)"
echo
awk -v base=gateway -f "$here/table.awk" "$tmp/idle.tsv" "$records"
errors=$(field errors <"$records" | awk '{ sum += $1 } END { print sum + 0 }')
[ "$errors" -eq 0 ] || die "$errors requests failed: the figures above do not compare like with like"
