//! The cases of what a plugin says of itself, of its life, and of its permissions.

use crate::asking::Asking;
use crate::case::{About, Outcome};
use crate::runner::{Bench, Loader};
use crate::stand::Stand;
use crate::subject::NotLoaded;
use gatewright_plugin::{Failure, FailureMode, Hook, HookSet, MAX_TIMEOUT, Manifest, Permission, StreamMode};
use std::collections::BTreeSet;

/// Hooks that people write guards in.
const GUARDS: HookSet = HookSet::of(&[Hook::PreAuth, Hook::PostAuth, Hook::CheckInput, Hook::CheckOutput]);

/// Hooks that have a stream mode.
const STREAMED: HookSet = HookSet::of(&[Hook::PostLlm, Hook::OnStreamChunk, Hook::CheckOutput]);

/// The first instance, without which there is nothing to test.
pub(crate) async fn starts(bench: &mut Bench<'_>) -> Option<Stand> {
    let loader = bench.loader.clone();
    let rule = "It starts with the config of the test";
    bench
        .case(About::Life, "starts", rule, async {
            let stand = loader.stand("test", HookSet::ALL).await;
            stand.map_err(|error| {
                let hint = match is_about_config(&error, &loader) {
                    true => " (it was given no config: `--config` gives it one)",
                    false => "",
                };
                Outcome::Fails(format!("{}{hint}", error.message()))
            })
        })
        .await
}

/// Whether a config could help: it was given none, and said no itself, not for want of a permission.
fn is_about_config(error: &NotLoaded, loader: &Loader<'_>) -> bool {
    let NotLoaded::Refused(message) = error else { return false };
    let mut withheld = Permission::ALL.iter().filter(|permission| !loader.granted.contains(permission));
    let none = loader.config().as_object().is_some_and(|config| config.is_empty());
    none && !withheld.any(|permission| message.contains(permission.as_str()))
}

/// What it says of itself.
pub(crate) async fn manifest(bench: &mut Bench<'_>, manifest: &Manifest, hooks: HookSet) {
    let rule = "It has a name, and a semantic version";
    let named = async || match (is_name(&manifest.name), is_version(&manifest.version)) {
        (false, _) => Err(Outcome::Advice(format!("`{}` cannot be the name of an instance", manifest.name))),
        (_, false) => Err(Outcome::Advice(format!("`{}` is no semantic version: 1.0.0 is one", manifest.version))),
        (true, true) => Ok(()),
    };
    bench.case(About::Manifest, "is_named", rule, named()).await;
    let rule = "The gateway knows every member of its manifest";
    let known = async || match manifest.unknown.is_empty() {
        true => Ok(()),
        false => {
            let unknown: Vec<&str> = manifest.unknown.iter().map(String::as_str).collect();
            Err(Outcome::Advice(format!(
                "it passes over `{}`; there are `{}`",
                unknown.join("`, `"),
                Manifest::MEMBERS.join("`, `")
            )))
        }
    };
    bench.case(About::Manifest, "is_known", rule, known()).await;
    let rule = "All that its manifest says has an effect";
    let heeded = async || match idle(manifest).as_slice() {
        [] => Ok(()),
        idle => Err(Outcome::Advice(idle.join("; "))),
    };
    bench.case(About::Manifest, "is_heeded", rule, heeded()).await;
    let rule = "It stands at a hook";
    let stands = async || match hooks.is_empty() {
        true => Err(Outcome::Advice("it implements no hook, and so does nothing".to_owned())),
        false => Ok(()),
    };
    bench.case(About::Manifest, "has_hooks", rule, stands()).await;
    if !hooks.intersection(GUARDS).is_empty() {
        let rule = "What guards is fail-closed";
        let closed = async || match manifest.failure_mode {
            Some(FailureMode::Closed) => Ok(()),
            _ => Err(Outcome::Advice(
                "when it fails, requests pass unchecked: declare the failure mode `fail_closed`, if it is a guard"
                    .to_owned(),
            )),
        };
        bench.case(About::Manifest, "guards_closed", rule, closed()).await;
    }
}

/// What a manifest says to no effect, each in words.
fn idle(manifest: &Manifest) -> Vec<String> {
    let mut idle = Vec::new();
    for (hook, mode) in &manifest.stream_modes {
        if !STREAMED.contains(*hook) {
            idle.push(format!("`{hook}` has no stream mode"));
        } else if *mode == StreamMode::Window(0) {
            idle.push(format!("a window of 0 characters at `{hook}` is one of 1"));
        }
    }
    // They are compared with names in lower case.
    for name in manifest.headers.iter().filter(|name| name.bytes().any(|byte| byte.is_ascii_uppercase())) {
        idle.push(format!("the header `{name}` is never seen: write `{}`", name.to_ascii_lowercase()));
    }
    if manifest.timeout.is_some_and(|timeout| timeout > MAX_TIMEOUT) {
        idle.push(format!("a call has {} s at most, whatever the timeout says", MAX_TIMEOUT.as_secs()));
    }
    idle
}

/// Its life, beginning with the first instance.
pub(crate) async fn life(bench: &mut Bench<'_>, first: Stand) {
    let loader = bench.loader.clone();
    let rule = "It says that it is well";
    bench
        .case(About::Life, "health", rule, async {
            let health = first.health().await;
            match health.healthy {
                true => Ok(()),
                false => Err(Outcome::Advice(format!("it says: {}", health.message))),
            }
        })
        .await;
    let rule = "It starts again beside the first, under another name, with the same config";
    let second = bench.case(About::Life, "starts_twice", rule, async {
        loader.stand("test-2", HookSet::ALL).await.map_err(|error| Outcome::Fails(error.message().to_owned()))
    });
    let second = second.await;
    let was_well = match &second {
        Some(second) => second.health().await.healthy,
        None => false,
    };
    let rule = "It ends when it is asked to";
    bench.case(About::Life, "ends", rule, async { first.end().await.map_err(fails) }).await;
    if let Some(second) = second {
        let rule = "That one instance ended leaves the other as it was";
        bench
            .case(About::Life, "ends_alone", rule, async {
                let health = second.health().await;
                let _ = second.end().await;
                match was_well && !health.healthy {
                    true => Err(Outcome::Fails(format!("the other says: {}", health.message))),
                    false => Ok(()),
                }
            })
            .await;
    }
    let rule = "It starts again after it ended";
    bench
        .case(About::Life, "starts_again", rule, async {
            let again = loader.stand("test", HookSet::ALL).await;
            let again = again.map_err(|error| Outcome::Fails(error.message().to_owned()))?;
            again.end().await.map_err(fails)
        })
        .await;
}

/// Without any permission. A plugin that asks for none has none to miss.
pub(crate) async fn permissions(bench: &mut Bench<'_>, manifest: &Manifest, called: HookSet) {
    if manifest.permissions.is_empty() {
        return;
    }
    let mut loader = bench.loader.clone();
    loader.granted.clear();
    let rule = "Without a permission it still answers, or fails and names it";
    bench
        .case(About::Permissions, "none_granted", rule, async {
            let stand = match loader.stand("test", called).await {
                Ok(stand) => stand,
                Err(NotLoaded::Refused(message)) => return named(&manifest.permissions, &message),
                Err(NotLoaded::Broke(message)) => return Err(Outcome::Fails(message)),
            };
            for hook in called.iter() {
                match Asking::of(hook).call(&stand, 0).await {
                    Ok(_) => {}
                    Err(Failure::Returned(message)) => named(&manifest.permissions, &message)?,
                    Err(failure) => return Err(Outcome::Fails(format!("{hook}: {failure}"))),
                }
            }
            let _ = stand.end().await;
            Ok(())
        })
        .await;
}

/// Whether a refusal says which permission is missing.
fn named(asked: &BTreeSet<Permission>, message: &str) -> Result<(), Outcome> {
    match asked.iter().any(|permission| message.contains(permission.as_str())) {
        true => Ok(()),
        false => Err(Outcome::Advice(format!("it does not say which permission is missing: {message}"))),
    }
}

fn fails(failure: Failure) -> Outcome {
    Outcome::Fails(failure.to_string())
}

/// As the config has it.
fn is_name(name: &str) -> bool {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(legal)
}

fn is_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    let is_number = |number: &&str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(is_number)
}
