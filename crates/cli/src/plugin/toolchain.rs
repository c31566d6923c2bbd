//! What builds Rust for WASM: rustup's target, or what the checkout's script finds where rustup cannot fetch it.

use super::Fault;
use super::cargo::Crate;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The target of components.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// Flags for cargo that whoever prepared the environment set: `eval "$(scripts/wasm-toolchain.sh)"`.
const FLAGS: &str = "GATEWRIGHT_WASM_CARGO_FLAGS";

/// How long rustup may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What cargo needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) environment: Vec<(String, String)>,
    pub(super) flags: Vec<String>,
}

/// Finds a way, and fetches what is missing.
pub(super) fn find(plugin: &Crate) -> Result<Way, Fault> {
    let prepared = std::env::var(FLAGS).ok().filter(|flags| !flags.is_empty());
    if let Some(flags) = prepared {
        return Ok(Way { flags: words(&flags), ..Way::default() });
    }
    if is_there(plugin) {
        return Ok(Way::default());
    }
    eprintln!("the standard library of {TARGET} is not there: `rustup target add {TARGET}`");
    if add_target(plugin) && is_there(plugin) {
        return Ok(Way::default());
    }
    let script = plugin.checkout().map(|checkout| checkout.join("scripts/wasm-toolchain.sh"));
    let Some(script) = script.filter(|script| script.is_file()) else {
        return Err(format!("rustup cannot fetch the target: run `rustup target add {TARGET}`, and build again"));
    };
    eprintln!("rustup cannot fetch it: {}", script.display());
    let mut command = Command::new(&script);
    command.current_dir(&plugin.folder).env("GATEWRIGHT_WASM_WAY", "debian");
    let done = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let done = done.map_err(|error| format!("cannot run {}: {error}", script.display()))?;
    match done.status.success() {
        true => Ok(read(&String::from_utf8_lossy(&done.stdout))),
        false => Err(format!("there is no way to build for {TARGET} here: `rustup target add {TARGET}`, or see above")),
    }
}

/// Whether the compiler of the crate's folder has the target's standard library.
fn is_there(plugin: &Crate) -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(&plugin.folder).args(["--print", "target-libdir", "--target", TARGET]);
    let Ok(done) = rustc.stderr(Stdio::null()).output() else { return false };
    let folder = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    let mut files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

/// A network that swallows packets must not hold the build for minutes.
fn add_target(plugin: &Crate) -> bool {
    let mut rustup = Command::new("rustup");
    rustup.current_dir(&plugin.folder).args(["target", "add", TARGET]).stdin(Stdio::null());
    let Ok(mut child) = rustup.spawn() else { return false };
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(50)),
            Err(_) => break,
        }
    }
    // It may have ended meanwhile.
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// Reads what the script prints: lines of `export NAME='VALUE'`.
fn read(lines: &str) -> Way {
    let mut way = Way::default();
    for line in lines.lines() {
        let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('=')) else { continue };
        let value = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value);
        let value = value.replace("'\\''", "'");
        match name {
            FLAGS => way.flags = words(&value),
            name => way.environment.push((name.to_owned(), value)),
        }
    }
    way
}

fn words(flags: &str) -> Vec<String> {
    flags.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_prints_is_read_as_a_shell_reads_it() {
        let way = read(
            "export RUSTC='/a b/it'\\''s/rustc'\nexport RUSTC_BOOTSTRAP='1'\nexport GATEWRIGHT_WASM_CARGO_FLAGS='-Zbuild-std=std,panic_abort -v'\n",
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(way.environment, [pair("RUSTC", "/a b/it's/rustc"), pair("RUSTC_BOOTSTRAP", "1")]);
        assert_eq!(way.flags, ["-Zbuild-std=std,panic_abort", "-v"]);
    }
}
