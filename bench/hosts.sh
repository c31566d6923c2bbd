#!/usr/bin/env bash
# Measures what a call of a plugin costs in every host, in one run, and prints one table of medians. See README.md.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bench/hosts.sh [options]
  --rounds N         rounds, of which medians are taken (51)
  --calls N          calls of each round (200)
  --no-build         take the programs that are built already
environment: CARGO_TARGET_DIR
TEXT
}

build=true flags=()
while [ $# -gt 0 ]; do
    case $1 in
    --no-build) build=false ;;
    --rounds | --calls)
        [ $# -ge 2 ] && [[ $2 =~ ^[1-9][0-9]{0,3}$ ]] || { usage >&2; exit 2; }
        flags+=("$1" "$2")
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

# shellcheck source=bench/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
# shellcheck source=bench/kinds.sh
. "$here/kinds.sh"

gateway=''
prepare_kinds "$build"
[ -x "$bin/bench-all-hosts" ] || die "$bin/bench-all-hosts is not built"

echo "$(machine); load average before $(cut -d' ' -f1-3 /proc/loadavg)"
echo "$(rustc --version 2>/dev/null || echo 'rustc unknown'); build profile release:$(build_profile)"
echo
"$bin/bench-all-hosts" --module "$module" --library "$tmp/subject.so" --program "$tmp/subject" "${flags[@]}"
