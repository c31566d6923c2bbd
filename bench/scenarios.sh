# What is sent in each scenario. To be sourced after servers.sh.
# shellcheck shell=bash

# Sets $connections, $load (further arguments of bench-load), and $chunks and $pace of the upstream's streams.
load_for() { # scenario
    connections=16 chunks=50 pace=0 load=()
    case $1 in
    answer-1k) ;;
    stream-saturated) load=(--stream) ;;
    # Staggered over the length of a stream: providers' chunks do not arrive all at once, and a proxy that is woken for
    # one chunk does more for it than a proxy that finds 32.
    stream-paced) connections=32 pace=10 load=(--stream --stagger 500) ;;
    stream-one) connections=1 pace=10 load=(--stream) ;;
    stream-64) connections=64 pace=10 load=(--stream --stagger 500) ;;
    body-100k) load=(--body-bytes 102400) ;;
    # With a pause after the first chunk, or the rest of the stream would compete with its reading.
    first-token) connections=1 chunks=8 pace=2 load=(--stream) ;;
    *) die "there is no scenario $1" ;;
    esac
}

# One run; prints the line of bench-load.
measure() { # scenario port [pid]
    load_for "$1"
    shape_streams "$chunks" "$pace"
    generate "$2" --concurrency "$connections" "${load[@]}" --warmup "$warmup" --duration "$duration" ${3:+--pid "$3"}
}

# A load that makes a server take memory: many connections with large bodies.
burst() { # port
    generate "$1" --concurrency 128 --body-bytes 1048576 --warmup 0 --duration 5
}

generate() { # port arguments...
    local url=http://127.0.0.1:$1/v1/chat/completions
    shift
    timeout $((warmup + duration + 90)) taskset -c "$LOAD_CORE" "$bin/bench-load" --url "$url" "${load_flags[@]}" "$@"
}
