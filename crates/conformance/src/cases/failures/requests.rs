//! In whole requests over HTTP: what the client gets when a plugin fails at a hook on its way.

use super::{FURTHER, Fails, timeout, traces};
use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::gateway::{Ask, Gateway, HttpAnswer};
use crate::host::{Builtin, Host};
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING};
use crate::sample::Sample;
use crate::setup::{Setup, at};
use crate::sse;
use gatewright_model::{Dialect, ErrorKind, Message};
use gatewright_pipeline::Settings;
use gatewright_plugin::hosted::point;
use gatewright_plugin::{FailureMode, Hook, Kind};
use gatewright_testkit::{ScriptedAnswer, ScriptedProvider};
use serde_json::{Value as Json, json};

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Failures, list);
    of_hook::<point::HttpRequest>(&mut cases);
    of_hook::<point::HttpResponse>(&mut cases);
    of_hook::<point::HttpStreamChunk>(&mut cases);
    of_hook::<point::PreAuth>(&mut cases);
    of_hook::<point::Auth>(&mut cases);
    of_hook::<point::PostAuth>(&mut cases);
    of_hook::<point::PreRequest>(&mut cases);
    of_hook::<point::CheckInput>(&mut cases);
    of_hook::<point::PreLlm>(&mut cases);
    of_hook::<point::PostLlm>(&mut cases);
    of_hook::<point::OnStreamChunk>(&mut cases);
    of_hook::<point::CheckOutput>(&mut cases);
    of_hook::<point::OnError>(&mut cases);
    of_hook::<point::PostRequest>(&mut cases);
    of_hook::<point::RequestEnd>(&mut cases);
}

fn of_hook<H: Sample>(cases: &mut Cases<'_>) {
    for (fails, number) in Fails::ALL.into_iter().zip(0..) {
        if fails.steps::<H>(&Builtin, &EVERY_HOOK).is_none() {
            continue;
        }
        for mode in [FailureMode::Open, FailureMode::Closed] {
            cases.add(
                format!("request/{}/{}/{}", H::HOOK, fails.word(), mode.as_str()),
                "The client gets its answer as if the call had not been made, or a 503 that tells no internals",
                &[H::HOOK],
                async move |host| cell::<H>(host, fails, mode, number % 2 == 0).await,
            );
        }
    }
}

/// Whether the hook is one of streams.
fn is_streamed(hook: Hook) -> bool {
    matches!(hook, Hook::HttpStreamChunk | Hook::OnStreamChunk)
}

async fn cell<H: Sample>(host: &dyn Host, fails: Fails, mode: FailureMode, waits: bool) -> Outcome {
    let hook = H::HOOK;
    let plugin = if waits { &EVERY_HOOK_WAITING } else { &EVERY_HOOK };
    let steps = traces::<H>(&fails.steps::<H>(host, plugin).unwrap_or_default());
    // Only the end of a channel has left, so that an edit of it is not allowed.
    let phase = if hook == Hook::OnStreamChunk && fails == Fails::Malformed { ":final" } else { "" };
    let config = json!({ "hooks": { format!("{hook}{phase}"): steps }, "only": "bad", "brief": "further-" });
    let timeout = (fails == Fails::Timeout).then(|| timeout(host));
    // The end is for those of which any hook ran.
    let stands = if hook == Hook::RequestEnd { vec![hook, Hook::PreRequest] } else { vec![hook] };
    let settings = Settings { failure_mode: Some(mode), timeout, ..at(&stands) };
    let mut setup = Setup::new(host);
    setup.add("bad", plugin, config, settings).await?;
    // Who identifies, since with `auth` somebody must; and who looks on at the end.
    let identity = json!({ "app_id": "app", "user_id": "ann", "api_key_id": "k", "claims": {} });
    let identifies = json!({ "auth": [{ "decide": { "identify": identity } }] });
    let mut standing = vec![Hook::PostRequest, Hook::RequestEnd];
    standing.extend((hook == Hook::Auth).then_some(Hook::Auth));
    setup.add("witness", &EVERY_HOOK, json!({ "hooks": identifies, "brief": "further-" }), at(&standing)).await?;

    let said = match (hook, is_streamed(hook)) {
        (Hook::OnError, _) => ScriptedAnswer::error(ErrorKind::Upstream, "it broke"),
        (_, true) => ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["ok"])),
        (_, false) => ScriptedAnswer::text("ok"),
    };
    let provider = ScriptedProvider::new("one").answer(said);
    let gateway = Gateway::start(setup.set()?, std::slice::from_ref(&provider))?;
    let ask = |id: &str| if is_streamed(hook) { Ask::new(id).stream() } else { Ask::new(id) };

    let answer = gateway.send(&ask("bad")).await?;
    gateway.settle().await?;
    // What only observes cannot change what was decided.
    let ends = hook.info().kind != Kind::Observe || hook == Hook::PreRequest;
    match ends && (mode == FailureMode::Closed || hook == Hook::Auth) {
        true => is_refused(&answer, fails)?,
        false => is_served(&answer, hook)?,
    }
    is_undone(&setup, &provider)?;

    setup.relax();
    setup.journal.clear();
    gateway.reload(setup.set()?);
    for number in 0..FURTHER {
        let answer = gateway.send(&ask(&format!("further-{number}"))).await?;
        is_served(&answer, hook)?;
    }
    gateway.settle().await?;
    ensure!(setup.journal.calls_of("bad", hook.name()).len() >= FURTHER, "it was not called in the requests after it");
    Ok(())
}

/// The answer as it would be without the plugin.
fn is_served(answer: &HttpAnswer, hook: Hook) -> Outcome {
    if hook == Hook::OnError {
        ensure_eq!((answer.status, answer.error_type()), (502, "upstream".to_owned()), "{}", answer.body);
        return Ok(());
    }
    ensure_eq!((answer.status, answer.text()), (200, "ok".to_owned()), "{}", answer.body);
    ensure_eq!(answer.is_done(), is_streamed(hook), "whether it is a stream that came to its end: {}", answer.body);
    Ok(())
}

/// A 503, or in a stream that has begun an error event.
fn is_refused(answer: &HttpAnswer, fails: Fails) -> Outcome {
    let error = if answer.status == 200 { answer.stream_error() } else { answer.error() };
    ensure!(answer.status == 503 || (answer.status == 200 && !error.is_null()), "{} {}", answer.status, answer.body);
    ensure!(!answer.is_done(), "the stream looks complete: {}", answer.body);
    let told = (&error["type"], &error["plugin"], &error["code"]);
    ensure_eq!(told, (&json!("plugin_unavailable"), &json!("bad"), &json!(fails.word())), "{}", answer.body);
    ensure!(!answer.body.contains("secret"), "the client is told internals: {}", answer.body);
    ensure!(!answer.body.contains("-trace"), "an edit of the failed call is left: {}", answer.body);
    Ok(())
}

/// Nothing that the failed call wrote is left.
fn is_undone(setup: &Setup<'_>, provider: &ScriptedProvider) -> Outcome {
    let calls = setup.journal.calls_of("witness", "request_end");
    ensure_eq!(calls.len(), 1, "how often the witness was told of the end");
    ensure_eq!(*calls[0].get("state"), json!({}), "the state at the end");
    ensure_eq!(calls[0].saw()["metadata"], Json::Array(Vec::new()), "what is kept with the request's log");
    for call in provider.calls() {
        let said = call.request.chat()?.messages.get(0).map(Message::joined_text);
        ensure_eq!(said.as_deref(), Some("hello"), "what the provider was asked");
    }
    Ok(())
}
