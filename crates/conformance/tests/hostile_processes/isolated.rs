//! Native libraries in processes of their own: what would end the gateway ends them.

use crate::{BRIEF, PATIENCE, beside, check, gone, impatient, instance, neighbour, starts_again};
use gatewright_abi::Introduction;
use gatewright_host::Staged;
use gatewright_host_native::{Options as NativeOptions, have_ended, introduce_staged, load_staged};
use gatewright_host_process::{Address, Options, Processes};
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::{Failure, FailureMode};
use gatewright_sdk::process::{Artefact, run};
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Which library a host of one is to serve.
const LIBRARY: &str = "LIBRARY";

/// A library, as `gatewright plugin host` serves one.
struct Library {
    file: PathBuf,
    staged: Staged,
    introduction: Introduction,
}

impl Artefact for Library {
    fn introduction(&self) -> Introduction {
        self.introduction.clone()
    }

    fn create(&self, name: &str, config: &[u8]) -> Result<Arc<dyn Hosted>, String> {
        let config: Json = serde_json::from_slice(config).map_err(|error| error.to_string())?;
        let loaded = load_staged(name, &self.file, &self.staged, &config, &NativeOptions::default());
        loaded.map(|native| native as Arc<dyn Hosted>).map_err(|error| error.to_string())
    }
}

/// Serves a library, and does nothing more.
#[test]
#[ignore = "other tests run it as a program"]
fn be_a_host() {
    let file = PathBuf::from(std::env::var_os(LIBRARY).unwrap());
    let staged = Staged::as_it_lies(&file).unwrap();
    let introduction = introduce_staged(&file, &staged, PATIENCE).unwrap();
    run(Arc::new(Library { file, staged, introduction }));
    have_ended(PATIENCE);
}

/// The hostile plugin in C.
fn compiled(folder: &Path) -> PathBuf {
    let (library, native) = (folder.join("hostile.so"), concat!(env!("CARGO_MANIFEST_DIR"), "/../host-native"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-D_GNU_SOURCE", "-DUNIQUE=0u", "-fPIC", "-shared", "-pthread", "-o"]).arg(&library);
    cc.arg(format!("-I{native}/../../include")).arg(format!("{native}/tests/hostile/hostile.c"));
    let compiled = cc.output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    library
}

/// This program, as the host of a library.
fn host() -> Address {
    Address::File(std::env::current_exe().unwrap())
}

/// How a library is run that does what this word says.
fn options(library: &Path, word: &str) -> Options {
    let mut options = Options::new("hostile", json!({ "mode": word }), MockServices::default().log.clone());
    let arguments = ["isolated::be_a_host", "--exact", "--ignored", "--nocapture"];
    options.arguments.extend(arguments.map(Into::into));
    options.environment.insert(LIBRARY.into(), library.into());
    options.patience = impatient();
    options.patience.start = PATIENCE;
    options.timeout = Some(BRIEF);
    options
}

#[tokio::test]
async fn one_that_crashes_in_a_call_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let library = compiled(folder.path());
    for (word, says) in
        [("crashes", "was ended by signal 11"), ("aborts", "was ended by signal 6"), ("exits", "ended with code 3")]
    {
        starts_again(word, &host(), options(&library, word), &[], &[says]).await;
    }
}

#[tokio::test]
async fn one_that_hangs_in_a_call_harms_nobody_and_ends_with_its_process() {
    let (processes, folder) = (Processes::start().unwrap(), tempfile::tempdir().unwrap());
    let options = options(&compiled(folder.path()), "loop");
    let others = instance("neighbour", &neighbour(&processes).await).await;
    let process = processes.load(&host(), options).await.unwrap();
    let it = instance("hostile", &process).await;
    for mode in [FailureMode::Closed, FailureMode::Open, FailureMode::Closed] {
        let outcome = beside(&others, "loop", check(&it, BRIEF, mode)).await;
        let expected = if mode == FailureMode::Open { Ok(()) } else { Err(Failure::TimedOut) };
        assert_eq!(outcome, expected);
    }
    let pid = process.status().pid.unwrap();
    drop((it, process));
    beside(&others, "loop", gone(pid)).await;
    drop(others);
    processes.close().await;
}

#[tokio::test]
async fn one_that_prints_or_answers_wrongly_goes_on() {
    let (processes, folder) = (Processes::start().unwrap(), tempfile::tempdir().unwrap());
    let library = compiled(folder.path());
    let others = instance("neighbour", &neighbour(&processes).await).await;
    for (word, cause) in [
        ("prints", None),
        ("document", Some("malformed")),
        ("says 6464726f70", Some("malformed")),
        ("oversized", Some("oversized")),
        ("unwell", Some("panic")),
        ("status", Some("malformed")),
    ] {
        let mut options = options(&library, word);
        options.timeout = Some(PATIENCE);
        let process = beside(&others, word, processes.load(&host(), options)).await.unwrap();
        let it = instance("hostile", &process).await;
        for _ in 0..2 {
            let failure = beside(&others, word, check(&it, PATIENCE, FailureMode::Closed)).await.err();
            assert_eq!(failure.map(|failure| failure.cause()), cause, "{word}");
        }
        assert_eq!(beside(&others, word, check(&it, PATIENCE, FailureMode::Open)).await, Ok(()), "{word}");
        assert_eq!(process.status().restarts, 0, "{word}");
    }
    drop(others);
    processes.close().await;
}
