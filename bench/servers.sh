# Starting, finding ready, and stopping the servers. To be sourced.
# shellcheck shell=bash

SERVER_CORE=${SERVER_CORE:-0}
UPSTREAM_CORE=${UPSTREAM_CORE:-1}
LOAD_CORE=${LOAD_CORE:-1}
PORT_BASE=${PORT_BASE:-19100}
PORT_UPSTREAM=$PORT_BASE
# For the gateway: the key that its configuration names, and as many threads as nginx has.
export BENCH_KEY=x GATEWRIGHT_WORKERS=1

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
bin=${CARGO_TARGET_DIR:-$root/target}/release
tmp=$(mktemp -d)
started=()
# Further plugins of a gateway, by the server's name: `, {...}, {...}`.
declare -A entries=()

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# Ends what was started here, and nothing else: by pid, with a request first.
stop() { # pid
    local pid=$1 child tries
    kill -TERM "$pid" 2>/dev/null || return 0
    # Under callgrind an end takes seconds.
    for ((tries = 0; tries < 300; tries++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    # A killed parent would leave its children behind.
    for child in $(ps -o pid= --ppid "$pid"); do kill -KILL "$child" 2>/dev/null; done
    kill -KILL "$pid" 2>/dev/null || true
}

clean_up() {
    local pid
    for pid in "${started[@]}"; do stop "$pid"; done
    rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What figures belong to.
machine() {
    echo "kernel $(uname -r), CPU $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc --all) cores"
}

build_profile() {
    awk -F= '/^\[/ { on = ($0 == "[profile.release]") } on && /=/ { gsub(/[" ]/, ""); printf " %s=%s", $1, $2 }' \
        "$root/Cargo.toml"
}

# Installs what is missing, on Debian and its kin.
need() { # command package
    command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] && return 0
    command -v apt-get >/dev/null || die "$1 is needed, and there is no apt-get to install it with"
    local sudo=()
    [ "$EUID" -eq 0 ] || sudo=(sudo)
    say "installing $2"
    { timeout 300 "${sudo[@]}" apt-get update -qq &&
        timeout 600 "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$2"; } >&2 || die "cannot install $2"
}

need_all() {
    need taskset util-linux
    need ps procps
    need curl curl
    need nginx nginx
    need valgrind valgrind
    PATH=$PATH:/usr/sbin
    [ "$(nproc --all)" -ge 2 ] || die "two cores are needed: one for the server, one for the load"
}

has_gateway_crate() {
    (cd "$root" && timeout 120 cargo metadata --no-deps --format-version 1 2>/dev/null) |
        grep -q '"name":"gatewright-cli"'
}

# Builds what is to be measured, and sets $servers (by name), $gateway (empty if there is none) and $missing.
prepare() { # build(true|false) floor_only(true|false)
    local packages=(-p bench-upstream -p bench-load) program
    gateway='' missing=false servers=(nginx)
    if ! $2; then
        if [ -n "${GATEWRIGHT_BIN:-}" ]; then
            gateway=$GATEWRIGHT_BIN
        elif has_gateway_crate; then
            packages+=(-p gatewright-cli)
            gateway=$bin/gatewright
        else
            missing=true
            say "There is no gateway: no crate gatewright-cli in this workspace, and GATEWRIGHT_BIN is not set."
            say "Only nginx and the direct way are measured, and this run fails at its end. --floor-only asks for just that."
        fi
    fi
    if $1; then
        (cd "$root" && timeout 3600 cargo build --release "${packages[@]}") >&2 || die "the build failed"
    fi
    for program in bench-upstream bench-load bench-start; do
        [ -x "$bin/$program" ] || die "$bin/$program is not built"
    done
    [ -n "$gateway" ] || return 0
    [ -x "$gateway" ] || die "$gateway cannot be run"
    servers+=(gateway gateway+telemetry)
}

await() { # name pid url
    local tries
    # Under callgrind ten components take a minute to start.
    for ((tries = 0; tries < 3000; tries++)); do
        kill -0 "$2" 2>/dev/null || break
        curl -fs -o /dev/null --max-time 1 "$3" && return 0
        sleep 0.1
    done
    tail -n 20 "$tmp/$1.log" >&2
    die "$1 did not become ready"
}

# Starts a command in the background on a core, and waits until it answers. Its pid is in $launched.
launch() { # name core port command...
    local name=$1 core=$2 port=$3
    shift 3
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then die "port $port is taken; set PORT_BASE"; fi
    # taskset becomes the command, so the pid is the server's own.
    taskset -c "$core" "$@" >"$tmp/$name.log" 2>&1 &
    launched=$!
    started+=("$launched")
    await "$name" "$launched" "http://127.0.0.1:$port/health"
}

start_upstream() {
    launch upstream "$UPSTREAM_CORE" "$PORT_UPSTREAM" "$bin/bench-upstream" --port "$PORT_UPSTREAM"
}

# A restart would leave the proxies with dead connections, so the upstream is changed while it runs.
shape_streams() { # chunks pace_ms
    curl -fs -o /dev/null --max-time 2 -X POST "http://127.0.0.1:$PORT_UPSTREAM/settings?chunks=$1&pace_ms=$2" ||
        die "the upstream does not take its settings"
}

# Writes an nginx configuration and sets $command to the command line that runs it.
nginx_command() { # name port [extra directive]
    local dir=$tmp/$1 user=''
    mkdir -p "$dir"
    # Only a root master can change the user, and the directory is readable to no other.
    [ "$EUID" -eq 0 ] && user='user root;'
    sed -e "s|@DIR@|$dir|g" -e "s|@USER@|$user|" -e "s|@PROCESSES@|${3:-}|" -e "s|@PORT@|$2|" \
        -e "s|@UPSTREAM@|$PORT_UPSTREAM|" "$here/nginx.conf.in" >"$dir/nginx.conf"
    command=(nginx -p "$dir" -c "$dir/nginx.conf")
}

# Writes a gateway configuration and sets $command to the command line that runs it.
gateway_command() { # name port telemetry(true|false) [further plugins]
    local dir=$tmp/$1
    mkdir -p "$dir/app"
    cat >"$dir/config.json" <<JSON
{
  "providers": {
    "openai": {
      "base_url": "http://127.0.0.1:$PORT_UPSTREAM/v1",
      "keys": [{"name": "bench", "value": "env.BENCH_KEY"}]
    }
  },
  "plugins": [
    {"name": "telemetry", "enabled": $3},
    {"name": "logging", "enabled": false}${4:-}
  ]
}
JSON
    command=("$gateway" serve --config "$dir/config.json" --host 127.0.0.1 --port "$2" --app-dir "$dir/app")
}

# Sets $command for one of $servers, or for another run of it (`gateway-cold`).
command_of() { # server port [extra nginx directive]
    case $1 in
    nginx*) nginx_command "$1" "$2" "${3:-}" ;;
    gateway+telemetry*) gateway_command "$1" "$2" true ;;
    gateway*) gateway_command "$1" "$2" false "${entries[${1%-cold}]:-}" ;;
    esac
}

# Resident memory of a process and its children, in bytes.
rss() { # pid
    ps -o rss= --pid "$1" --ppid "$1" | awk '{ sum += $1 } END { printf "%d\n", sum * 1024 }'
}

# A field of a flat JSON line; empty for null.
field() { # name
    sed -n "s/.*\"$1\":\([-0-9.e]*\).*/\1/p"
}
