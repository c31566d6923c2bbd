//! `gatewright plugin host`: a native library in a process of its own, which a gateway starts for `isolation`.

use gatewright::artefact::Rehearsal;
use gatewright_abi::Introduction;
use gatewright_host::Staged;
use gatewright_host_native::{LoadError, Native, Options, introduce_staged, load_staged};
use gatewright_plugin::hosted::Hosted;
use gatewright_sdk::process::{self, Artefact};
use gatewright_telemetry::{LogConfig, LogOutput, LogStyle};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::Value as Json;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// A library that was opened.
struct Library {
    file: PathBuf,
    staged: Staged,
    introduction: Introduction,
}

/// From one look at a library to the next; what hangs at two of them hangs.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the end of the process waits for that of the plugin.
const LONGEST_END: Duration = Duration::from_secs(5);

pub(super) fn run(file: &Path) -> ExitCode {
    match Rehearsal::begun() {
        Ok(None) => {}
        Ok(Some(rehearsal)) => return rehearse(rehearsal, file),
        Err(error) => return failed(&format!("the rehearsal cannot begin: {error}")),
    }
    // The gateway makes lines of its log of these.
    let log = LogConfig { style: LogStyle::Json, output: LogOutput::Stderr, ..LogConfig::default() };
    let _guard = match gatewright_telemetry::log::init(log) {
        Ok(guard) => guard,
        Err(error) => return failed(&error.to_string()),
    };
    match Library::open(file, |error| error.to_string()) {
        Ok(library) => {
            let code = process::run(Arc::new(library));
            // Who waits for this process kills it after a while.
            gatewright_host_native::have_ended(LONGEST_END);
            code
        }
        Err(error) => failed(&error),
    }
}

/// Opens a library for who wants to know first what comes of it, and makes nothing of it.
fn rehearse(rehearsal: Rehearsal, file: &Path) -> ExitCode {
    let opened = Library::open(file, |error| error.why());
    let opened =
        opened.and_then(|library| serde_json::to_string(&library.introduction).map_err(|error| error.to_string()));
    match rehearsal.say(&opened) {
        Ok(()) if opened.is_ok() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => failed(&format!("nobody hears of the rehearsal: {error}")),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

// === impl Library ===

impl Library {
    fn open(file: &Path, refused: fn(LoadError) -> String) -> Result<Self, String> {
        let unreadable = |error| format!("cannot read `{}`: {error}", file.display());
        // Who started this made a copy that nobody else writes to.
        let staged = Staged::as_it_lies(file).map_err(unreadable)?;
        let introduction = introduce_staged(file, &staged, Options::default().start_timeout).map_err(refused)?;
        Ok(Self { file: file.to_owned(), staged, introduction })
    }
}

impl Artefact for Library {
    fn introduction(&self) -> Introduction {
        self.introduction.clone()
    }

    fn create(&self, name: &str, config: &[u8]) -> Result<Arc<dyn Hosted>, String> {
        let config: Json = serde_json::from_slice(config).map_err(|error| format!("its config: {error}"))?;
        let options = Options { timeout: timeout(), ..Options::default() };
        let loaded = load_staged(name, &self.file, &self.staged, &config, &options);
        let native = loaded.map_err(|error| error.to_string())?;
        watch(name.to_owned(), Arc::downgrade(&native)).map_err(|error| error.to_string())?;
        Ok(native)
    }
}

/// How long calls may take, if the gateway's config says so.
fn timeout() -> Option<Duration> {
    let millis = std::env::var(gatewright::CALL_TIMEOUT_MS).ok()?.parse().ok()?;
    Some(Duration::from_millis(millis))
}

/// Looks after a library for as long as it is there. One whose calls do not come back ends the process, which the gateway
/// starts again: no other cure is left for it.
fn watch(name: String, library: Weak<Native>) -> io::Result<()> {
    let look = move || {
        let mut before = false;
        while let Some(library) = library.upgrade() {
            let stuck = library.lane_health().quarantined;
            drop(library);
            if stuck && before {
                eprintln!(
                    "calls of the library of `{name}` that took too long have not come back: its process is ended"
                );
                // Not `exit`, which would run the library's own end.
                let _ = kill_process(getpid(), Signal::KILL);
            }
            before = stuck;
            thread::sleep(PAUSE);
        }
    };
    thread::Builder::new().name("watch".to_owned()).spawn(look).map(drop)
}
