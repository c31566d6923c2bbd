#!/bin/sh
# Finds or fetches a way to build Rust for wasm32-unknown-unknown, and prints it as lines of shell to evaluate:
#
#   way=$(scripts/wasm-toolchain.sh) && eval "$way"
#   cargo build --release --target wasm32-unknown-unknown $GATEWRIGHT_WASM_CARGO_FLAGS
#
# The first that works is taken:
#   rust     the compiler at hand has the target's standard library, or `rustup target add` fetches it
#   debian   Debian's rustc-web and the source of its standard library, unpacked below a folder of our own, drive the
#            cargo at hand; nothing is installed into the system
#
# GATEWRIGHT_WASM_WAY=rust|debian      takes no other way
# GATEWRIGHT_WASM_TOOLCHAIN=FOLDER     where the second way unpacks (about 870 MB); a folder below the user's cache unless told
# GATEWRIGHT_WASM_SECONDS=N            how long rustup may take; 60 unless told
#
# Run it in the folder of the crate to build: rustup chooses the toolchain by the folder.
set -eu

target=wasm32-unknown-unknown
# What the plugin crates ask for (rust-version): Debian's older suites have a rustc-web too.
least=1.95

say() { echo "wasm-toolchain: $*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Writes NAME=VALUE so that a shell reads the value back whatever is in it.
export_line() { printf "export %s='%s'\n" "$1" "$(printf '%s' "$2" | sed "s/'/'\\\\''/g")"; }

has_target() {
  libs=$("${RUSTC:-rustc}" --print target-libdir --target "$target" 2>/dev/null) || return 1
  ls "$libs"/libstd-*.rlib >/dev/null 2>&1
}

# A network that swallows packets must not hold the build for minutes.
within() {
  if has timeout; then timeout "$@"; else shift && "$@"; fi
}

by_rust() {
  has_target && return
  has rustup || return 1
  say "fetching the standard library of $target with rustup"
  within "${GATEWRIGHT_WASM_SECONDS:-60}" rustup target add "$target" >&2 </dev/null || return 1
  has_target
}

cache_folder() {
  if [ -n "${GATEWRIGHT_WASM_TOOLCHAIN:-}" ]; then
    printf '%s' "$GATEWRIGHT_WASM_TOOLCHAIN"
  elif [ -n "${XDG_CACHE_HOME:-${HOME:-}}" ]; then
    printf '%s/gatewright/wasm-toolchain' "${XDG_CACHE_HOME:-$HOME/.cache}"
  else
    die "set GATEWRIGHT_WASM_TOOLCHAIN to a folder for the toolchain, for neither HOME nor XDG_CACHE_HOME is set"
  fi
}

# The linker comes with rustup's toolchains; Debian's compiler brings none for this target.
find_linker() {
  own=$(rustc --print target-libdir 2>/dev/null) && own=$(dirname "$own")/bin/rust-lld
  if [ -x "${own:-}" ]; then printf '%s' "$own"; return; fi
  for linker in rust-lld wasm-ld wasm-ld-22 wasm-ld-19 wasm-ld-16 wasm-ld-14; do
    if has "$linker"; then command -v "$linker"; return; fi
  done
  die "no linker for $target: needs rust-lld (rustup's toolchains have it) or wasm-ld (apt-get install lld)"
}

# The newest version of a package that the lists know.
candidate() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | sed '/^(none)$/d'; }

# The first package that "$1" depends on whose name begins with "$2".
needed() {
  LC_ALL=C apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Depends: *//p' | tr ',' '\n' |
    sed 's/^ *//; s/[ :|].*//' | grep "^$2" | head -n 1
}

# Downloads and unpacks into the folder "$2" what the compiler of version "$1" consists of.
unpack_debian() {
  runtime=$(needed "libstd-rust-web-dev=$1" libstd-rust-web-)
  llvm=$(needed "${runtime:-none}=$1" libllvm)
  if [ -z "$runtime" ] || [ -z "$llvm" ]; then
    die "the package lists do not say what rustc-web $1 needs: apt-get update may help"
  fi
  # apt's downloader works as a user of its own, which may not enter a private folder: it only warns of that.
  (cd "$2" && apt-get download -q "rustc-web=$1" "rust-web-src=$1" "libstd-rust-web-dev=$1" "$runtime=$1" "$llvm") >&2 ||
    die "could not download rustc-web $1 and what it needs from Debian's archive"
  for package in "$2"/*.deb; do
    dpkg -x "$package" "$2" || die "could not unpack $(basename "$package"): about 1 GB must be free for $2"
    rm "$package"
  done
  libs=$(dirname "$(find "$2/usr/lib" -name 'librustc_driver-*.so' | head -n 1)")
  # The compiler finds its standard library from where its driver lies, so the path of the libraries is all it needs;
  # relative to the wrapper, so that the folder may be moved.
  cat >"$2/rustc" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$0")
LD_LIBRARY_PATH="\$here/${libs#"$2"/}" exec "\$here/usr/bin/rustc" "\$@"
WRAPPER
  chmod 755 "$2/rustc"
  "$2/rustc" --version >&2 || die "Debian's rustc-web $1 does not run on this machine"
}

by_debian() {
  has cargo || die "needs cargo: see rustup.rs"
  linker=$(find_linker) || exit 1
  home=$(cache_folder) || exit 1
  if ! [ -x "$home/current/rustc" ]; then
    for tool in apt-cache apt-get dpkg; do
      has "$tool" || die "rustup cannot fetch $target here, and without $tool (Debian) there is no other way: rustup target add $target"
    done
    version=$(candidate rustc-web)
    if [ -z "$version" ] && [ "$(id -u)" = 0 ]; then
      say "fetching the package lists"
      apt-get update -q >&2 || die "could not fetch the package lists: apt-get update"
      version=$(candidate rustc-web)
    fi
    [ -n "$version" ] || die "apt knows no package rustc-web: apt-get update, with the security suite of Debian"
    dpkg --compare-versions "$version" ge $least ||
      die "apt knows only rustc-web $version and plugins need $least: apt-get update, with the security suite of Debian"
    mkdir -p "$home" || die "cannot make the folder $home: set GATEWRIGHT_WASM_TOOLCHAIN to another"
    # Unpacked beside, then renamed: what is found under the final name is whole, and two builds may do this at once.
    fresh=$(mktemp -d "$home/unpack.XXXXXX") || die "cannot write to $home: set GATEWRIGHT_WASM_TOOLCHAIN to another folder"
    trap 'rm -rf "$fresh"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 "$fresh"
    say "unpacking Debian's rustc-web $version into $home"
    unpack_debian "$version" "$fresh"
    [ -x "$home/current/rustc" ] || mv -T "$fresh" "$home/current" 2>/dev/null || [ -x "$home/current/rustc" ] ||
      die "cannot put the toolchain at $home/current"
  fi
  export_line RUSTC "$home/current/rustc"
  export_line RUSTC_BOOTSTRAP 1 # -Zbuild-std on a stable compiler
  export_line CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER "$linker"
  export_line GATEWRIGHT_WASM_CARGO_FLAGS -Zbuild-std=std,panic_abort
}

case ${GATEWRIGHT_WASM_WAY:-} in
  rust) by_rust || die "no standard library for $target: rustup target add $target" ;;
  debian) by_debian && exit ;;
  '') by_rust || { by_debian && exit; } || exit 1 ;;
  *) die "GATEWRIGHT_WASM_WAY is rust or debian, not $GATEWRIGHT_WASM_WAY" ;;
esac
export_line GATEWRIGHT_WASM_CARGO_FLAGS ''
