#!/usr/bin/env bash
# Measures what a hook costs: time, allocations and instructions, as one table. See README.md.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bench/pipeline.sh [options]
  --rounds N         rounds in each of seven processes; of both, medians are taken (300)
  --only NAME        one scenario, as `bench-pipeline list` names it
  --no-instructions  do not run callgrind
  --no-build         take the programs that are built already
environment: SERVER_CORE (0), CARGO_TARGET_DIR
TEXT
}

rounds=300 only='' instructions=true build=true
while [ $# -gt 0 ]; do
    case $1 in
    --no-instructions) instructions=false ;;
    --no-build) build=false ;;
    --rounds | --only)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        case $1 in
        --rounds) rounds=$2 ;;
        --only) only=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done
[[ $rounds =~ ^[1-9][0-9]{0,5}$ ]] || { usage >&2; exit 2; }

# shellcheck source=bench/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

need taskset util-linux
if $instructions; then need valgrind valgrind; fi
if $build; then (cd "$root" && timeout 3600 cargo build --release -p bench-pipeline) >&2 || die "the build failed"; fi
for program in bench-pipeline bench-allocations; do
    [ -x "$bin/$program" ] || die "$bin/$program is not built"
done

# Instructions of one walk of a scenario with so many plugins: start and end are in both counts, and go with the difference.
walk() { # scenario plugins
    local few=100 many=1100 less more
    less=$(collected "$1" "$2" $few)
    more=$(collected "$1" "$2" $many)
    awk -v l="$less" -v m="$more" -v n=$((many - few)) 'BEGIN { printf "%.1f", (m - l) / n }'
}

collected() { # scenario plugins times
    local log=$tmp/callgrind.log count
    timeout 300 valgrind --tool=callgrind --log-file="$log" --callgrind-out-file=/dev/null \
        "$bin/bench-pipeline" repeat "$1" --plugins "$2" --times "$3" || die "callgrind does not run $1"
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log" | head -n 1)
    [ -n "$count" ] || { tail -n 20 "$log" >&2; die "callgrind counted nothing for $1"; }
    echo "$count"
}

# Medians of several processes: where stack and heap happen to lie can make a hook dearer by half in one of them.
nanoseconds() { # scenario
    local column
    for _ in 1 2 3 4 5 6 7; do
        taskset -c "$SERVER_CORE" "$bin/bench-pipeline" time "$1" --rounds "$rounds" || die "$1 cannot be timed"
    done >"$tmp/times.tsv"
    for column in 1 2 3 4 5 6; do cut -f "$column" "$tmp/times.tsv" | sort -n | sed -n 4p; done
}

# Of one plugin more, by what 10 and 20 of them cost.
each() { # with_10 with_20
    awk -v f="$1" -v m="$2" 'BEGIN { each = sprintf("%.0f", (m - f) / 10); print each + 0 }'
}

"$bin/bench-pipeline" list >"$tmp/list.tsv"
[ -z "$only" ] || grep -q "^$only	" "$tmp/list.tsv" || die "there is no scenario $only"
say "allocations"
"$bin/bench-allocations" >"$tmp/allocations.tsv"

echo "$(machine); on core $SERVER_CORE"
echo "$(rustc --version 2>/dev/null || echo 'rustc unknown'); build profile release:$(build_profile)"
echo "medians of 7 times $rounds rounds; $(if $instructions; then valgrind --version; else echo 'no callgrind'; fi);" \
    "load average now $(cut -d' ' -f1-3 /proc/loadavg)"
echo
echo "| scenario | ns with 0, 1, 5, 10, 20 plugins | ns each | allocations each | instructions each" \
    "| instructions with 0 and 20 | at most |"
echo "|---|--:|--:|--:|--:|--:|---|"
while IFS=$'\t' read -r name target; do
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    say "$name"
    nanos=$(nanoseconds "$name")
    { read -r none && read -r one && read -r five && read -r ten && read -r twenty && read -r marginal; } <<<"$nanos"
    allocations=$(awk -F'\t' -v s="$name" '$1 == s { print $2 }' "$tmp/allocations.tsv")
    counted='–' between='–'
    if $instructions; then
        with_none=$(walk "$name" 0)
        with_10=$(walk "$name" 10)
        with_20=$(walk "$name" 20)
        counted=$(each "$with_10" "$with_20")
        between=$(awk -v n="$with_none" -v m="$with_20" \
            'BEGIN { printf "%.0f, %.0f", n, m; if (m < 2 * n) printf " (%+.2f %%)", (m / n - 1) * 100 }')
    fi
    echo "| $name | $none, $one, $five, $ten, $twenty | $marginal | $allocations | $counted | $between | ${target:-–} |"
done <"$tmp/list.tsv"
