# The subject as a plugin of each kind, and entries of many of them. To be sourced after servers.sh.
# shellcheck shell=bash

# Sets $module, and puts the component, the library and the program into $tmp.
prepare_kinds() { # build(true|false)
    if $1; then
        (cd "$root" && timeout 3600 cargo build --release -p bench-subject -p bench-hosts --bins --examples \
            --features bench-subject/programs) >&2 || die "the build failed"
    fi
    module=$(CARGO_PROFILE_RELEASE_LTO=fat "$root/scripts/wasm-examples.sh" bench-subject | grep '/subject\.wasm$')
    cp "$bin/examples/libsubject.so" "$tmp/subject.so"
    cp "$bin/examples/program" "$tmp/subject"
    [ -z "$gateway" ] || "$gateway" plugin build --core "$module" --out "$tmp/subject.wasm" >&2
}

# Sets $servers and the entries of so many plugins of each kind, which stand at these hooks.
many_of_each() { # plugins hooks, as JSON
    local kind path
    servers=(gateway)
    for kind in linked inline wasm native process; do
        path=$tmp/subject
        case $kind in
        linked) path=builtin:subject ;;
        wasm) path+=.wasm ;;
        inline | native) path+=.so ;;
        esac
        entries[gateway+$kind]=$(several "$1" "$2" "$path" "$kind")
        servers+=("gateway+$kind")
    done
}

several() { # plugins hooks path kind
    local number further=''
    [ "$4" != inline ] || further=', "inline": true'
    for ((number = 1; number <= $1; number++)); do
        printf ', {"name": "p%s", "path": "%s", "hooks": %s, "failure_mode": "fail_closed"%s}' "$number" "$3" "$2" "$further"
    done
}

# As `command_of`; what is linked in needs a gateway of its own.
command_of_kind() { # server port
    command_of "$1" "$2"
    case $1 in gateway+linked*) command=("$bin/bench-gateway" "$tmp/$1/config.json" "$2") ;; esac
}
