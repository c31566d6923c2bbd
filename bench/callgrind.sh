# Counting the instructions of a server. To be sourced after servers.sh and scenarios.sh.
# shellcheck shell=bash

port=$PORT_UPSTREAM

# Instructions of a server that answers so many requests, from when it is ready to its end; sets $instructions.
# (It prints nothing, because a subshell could not tell this one which process to stop at the end.)
count() { # server scenario requests command_of [extra nginx directive]
    local server=$1 log
    port=$((port + 1))
    log=$tmp/callgrind-$port.log
    "$4" "$server" "$port" "${5:-}"
    launch "$server" "$SERVER_CORE" "$port" \
        valgrind --tool=callgrind --instr-atstart=no --log-file="$log" --callgrind-out-file=/dev/null "${command[@]}"
    # No two starts are alike: compiled code is unpacked and checked, by several threads at once.
    callgrind_control --instr=on "$launched" >"$tmp/callgrind_control.log" 2>&1 ||
        { cat "$tmp/callgrind_control.log" >&2; die "callgrind_control cannot reach $server"; }
    load_for "$2"
    shape_streams "$chunks" "$pace"
    # One connection: how many events a server finds at once must not depend on how slow callgrind makes it.
    generate "$port" --concurrency 1 "${load[@]}" --warmup 0 --requests "$3" >"$tmp/load.json"
    [ "$(field errors <"$tmp/load.json")" = 0 ] || die "requests failed at $server"
    stop "$launched"
    instructions=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log" | head -n 1)
    [ -n "$instructions" ] || { tail -n 20 "$log" >&2; die "callgrind counted nothing for $server"; }
}

# Instructions of a request; sets $each. The first connection and the end are in both counts, and go with the difference.
per_request() { # server scenario command_of [extra nginx directive]
    local few=100 many=2100 least
    case $2 in stream-*) few=5 many=25 ;; esac
    count "$1" "$2" "$few" "${@:3}"
    least=$instructions
    count "$1" "$2" "$many" "${@:3}"
    each=$(((instructions - least) / (many - few)))
}
