//! `gatewright plugin test`.

use super::artefact::Artefact;
use super::load::Loader;
use super::program::Program;
use super::{Fault, config_of, failed, runtime, say};
use crate::args::TestPlugin;
use crate::serve;
use gatewright::config::{ArtefactKind, Environment, Settings, printable};
use gatewright_plugin::Permission;
use gatewright_plugin_checks::{Event, Outcome, Report, Test};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// How long a plugin's processes may take to end: they are asked to, and killed after 5 s.
const PROCESSES_END: Duration = Duration::from_secs(8);

/// How long the process may take to end in which a library was tested.
const LAST_MOMENT: Duration = Duration::from_secs(2);

pub(super) fn run(asked: &TestPlugin) -> ExitCode {
    let report = match tested(asked) {
        Ok(report) => report,
        Err(fault) => return failed(&fault),
    };
    match (asked.events, asked.json) {
        // What hangs in a library's code is not waited for.
        (true, _) => return serve::end(u8::from(!report.holds())),
        (false, true) => say(&format!("{:#}", as_json(&report))),
        (false, false) => say(&readable(report.clone())),
    }
    match report.holds() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn tested(asked: &TestPlugin) -> Result<Report, Fault> {
    let artefact = Artefact::look(&asked.artefact)?;
    let program = Program::of(&asked.program, &artefact, false)?;
    let test = Test { config: config(asked)?, granted: granted(asked)? };
    // A library may take the process with it in which it runs: then there is still somebody to say so.
    match artefact.kind == ArtefactKind::Native && !asked.events {
        true => elsewhere(asked),
        false => here(Loader::new(artefact, program)?, &test, asked.events),
    }
}

/// Its config as a gateway would give it: with references to the environment resolved.
fn config(asked: &TestPlugin) -> Result<Json, Fault> {
    let settings = Settings::in_environment(config_of(asked.config.as_deref())?, &Environment::of_process());
    settings.map(|settings| settings.get()).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(|problem| format!("`--config`: {problem}")).collect();
        problems.join("\n")
    })
}

/// Tests in this process.
fn here(loader: Loader, test: &Test, events: bool) -> Result<Report, Fault> {
    let runtime = runtime()?;
    let mut tell = |event: Event| match events {
        true => {
            if let Ok(line) = serde_json::to_string(&event) {
                // On a line of its own, whatever the library has written.
                say(&format!("\n{line}"));
            }
        }
        false => progress(&event),
    };
    let report = runtime.block_on(gatewright_plugin_checks::run(&loader, test, &mut tell));
    // A process that does not end is killed with this one.
    let _late = runtime.block_on(async { tokio::time::timeout(PROCESSES_END, loader.close()).await });
    // A call that hangs in a library's code would be waited for.
    runtime.shutdown_background();
    Ok(report)
}

/// Tests in a process of its own, which tells what happens.
fn elsewhere(asked: &TestPlugin) -> Result<Report, Fault> {
    let failed = |error| format!("cannot start a process: {error}");
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["plugin", "test", "--events", &asked.artefact]);
    if let Some(config) = &asked.config {
        command.args(["--config", config]);
    }
    asked.permission.iter().for_each(|permission| {
        command.args(["--permission", permission]);
    });
    if asked.no_permissions {
        command.arg("--no-permissions");
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut report = Report::new("native");
    let mut last = None;
    // A library may write, too, and not in UTF-8: what is no event is its own.
    let lines = child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).split(b'\n'));
    for line in lines.map_while(Result::ok) {
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) => {
                progress(&event);
                report.take(&event);
                if report.is_over() {
                    break;
                }
            }
            Err(_) if line.is_empty() => {}
            Err(_) => last = Some(String::from_utf8_lossy(&line).into_owned()),
        }
    }
    if report.is_over() {
        end(&mut child);
    }
    let status = child.wait().map_err(failed)?;
    if !report.is_over() {
        let said = last.map(|line| format!("; the last that it wrote: {line}")).unwrap_or_default();
        report.broken_off(&format!("the plugin ended the process in which it ran: {status}{said}"));
    }
    Ok(report)
}

/// Lets a process end that has nothing more to say: what a library does then may take for ever.
fn end(child: &mut Child) {
    let since = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && since.elapsed() < LAST_MOMENT {
        std::thread::sleep(Duration::from_millis(10));
    }
    // One that has ended cannot be killed.
    let _ = child.kill();
}

/// For who watches: a dot a case.
fn progress(event: &Event) {
    let mut stderr = std::io::stderr();
    if let (Event::Ended(case), true) = (event, stderr.is_terminal()) {
        // Nobody is hurt if a dot is lost.
        let _ = stderr.write_all(if case.outcome.is_bad() { b"x" } else { b"." });
    }
}

fn granted(asked: &TestPlugin) -> Result<Option<BTreeSet<Permission>>, Fault> {
    // An entry of a config cannot grant that one.
    let all = || Permission::ALL.into_iter().filter(|permission| *permission != Permission::Services);
    let permission = |word: &String| {
        all().find(|permission| permission.as_str() == word).ok_or_else(|| {
            let words: Vec<&str> = all().map(Permission::as_str).collect();
            format!("`{word}` is no permission: {} are", words.join(", "))
        })
    };
    match asked.permission.is_empty() && !asked.no_permissions {
        true => Ok(None),
        false => asked.permission.iter().map(permission).collect::<Result<_, _>>().map(Some),
    }
}

/// As a table, in which nothing of the plugin's own words makes a line.
fn readable(mut report: Report) -> String {
    let plain = |text: &mut String| *text = printable(text).into_owned();
    plain(&mut report.name);
    plain(&mut report.version);
    for case in &mut report.cases {
        match &mut case.outcome {
            Outcome::Holds => {}
            Outcome::Advice(message) | Outcome::Fails(message) | Outcome::NotRun(message) => plain(message),
        }
    }
    report.to_string()
}

fn as_json(report: &Report) -> Json {
    let mut json = json!(report);
    json["holds"] = report.holds().into();
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::StartedWith;
    use gatewright_plugin_checks::{About, CaseReport};

    #[test]
    fn what_no_entry_can_grant_is_no_permission_here() {
        let words = |permission: &str| TestPlugin {
            artefact: "it.wasm".to_owned(),
            config: None,
            permission: vec![permission.to_owned()],
            no_permissions: false,
            program: StartedWith::default(),
            json: false,
            events: false,
        };
        assert_eq!(granted(&words("kv")), Ok(Some(BTreeSet::from([Permission::Kv]))));
        let said = "`services` is no permission: metrics, records, kv, http, llm are";
        assert_eq!(granted(&words("services")), Err(said.to_owned()));
    }

    #[test]
    fn a_plugin_s_words_write_no_line_of_their_own() {
        let mut report = Report::new("wasm");
        let (name, version) = ("guard\n\nguard 1.0.0 (wasm): 99 cases hold".to_owned(), "1.0.0\u{1b}[2J".to_owned());
        report.take(&Event::Introduced { name, version });
        let lines = readable(report.clone()).lines().count();
        report.take(&Event::Ended(CaseReport {
            about: About::Life,
            name: "health".to_owned(),
            rule: "It says that it is well".to_owned(),
            outcome: Outcome::Advice("it says: a\nb\u{1b}[2J".to_owned()),
            took_ms: 0.0,
        }));
        let said = readable(report);
        assert!(!said.contains('\u{1b}') && said.contains(r"it says: a\nb\u{1b}[2J"), "{said}");
        // A row, and four lines for the advice.
        assert_eq!(said.lines().count(), lines + 5, "{said}");
    }
}
