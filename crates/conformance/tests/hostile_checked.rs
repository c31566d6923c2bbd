//! The checks of `gatewright plugin test`, against processes that misbehave: each is found out by the case that is about
//! it, and those that are only noisy or slow pass.

#![expect(clippy::unwrap_used, reason = "a test")]

use gatewright_host_process::{Address, LoadError, Options, Processes};
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin_checks::{Asked, NotLoaded, Outcome, Report, Subject, Test, run};
use gatewright_testkit::services::MockServices;
use std::sync::Arc;
use std::time::Duration;

/// A process that misbehaves in this way.
struct Hostile {
    how: &'static str,
    processes: Processes,
}

impl Subject for Hostile {
    fn host(&self) -> &str {
        "process"
    }

    fn load<'a>(&'a self, asked: Asked) -> BoxFuture<'a, Result<Arc<dyn Hosted>, NotLoaded>> {
        Box::pin(async move {
            let mut options = Options::new(asked.name, asked.config, MockServices::default().log.clone());
            options.arguments.push(self.how.into());
            options.patience.start = Duration::from_secs(5);
            let address = Address::File(env!("CARGO_BIN_EXE_hostile-process").into());
            match self.processes.load(&address, options).await {
                Ok(process) => Ok(process as Arc<dyn Hosted>),
                Err(error @ LoadError::Config(_)) => Err(NotLoaded::Refused(error.to_string())),
                Err(error) => Err(NotLoaded::Broke(error.to_string())),
            }
        })
    }
}

fn report(how: &'static str) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let hostile = Hostile { how, processes: Processes::start().unwrap() };
    let report = runtime.block_on(run(&hostile, &Test::default(), &mut |_| {}));
    runtime.block_on(hostile.processes.close());
    report
}

fn failed(report: &Report) -> Vec<String> {
    let failed = report.cases.iter().filter(|case| matches!(case.outcome, Outcome::Fails(_)));
    failed.map(ToString::to_string).collect()
}

#[test]
fn one_that_does_not_start() {
    for (how, says) in [
        ("never", "did not serve within"),
        ("exits", "there is no licence for this"),
        ("unintelligible", "what it says of itself"),
        ("wrong_cookie", "another cookie"),
        ("too_new", "built for version 2"),
        ("too_old", "built for version 0"),
        ("no_utf8", "what it says of itself"),
        ("refuses", "there is no `key`"),
        ("dies_at_start", "before it served"),
        ("no_http", ""),
    ] {
        let report = report(how);
        assert_eq!(failed(&report), ["life/starts"], "{how}");
        assert!(report.to_string().contains(says), "{how}: {report}");
    }
}

#[test]
fn one_that_does_not_answer_as_it_must() {
    for how in ["garbage", "large", "oversized", "wrong_id", "dies", "greedy"] {
        let failed = failed(&report(how));
        assert!(failed.contains(&"check_input/answers/plain".to_owned()), "{how}: {failed:?}");
    }
}

#[test]
fn one_that_does_not_answer() {
    for how in ["hangs", "spins"] {
        assert_eq!(failed(&report(how)), ["check_input/answers/plain", "check_input/answers/empty"], "{how}");
    }
}

#[test]
fn one_that_is_only_odd() {
    for how in ["slow", "noisy", "forks", "single"] {
        let report = report(how);
        assert!(report.holds(), "{how}: {report}");
    }
}
