//! Guards stand wherever an attempt goes, and whatever its body is.

use super::{Scene, WAYS, ask};
use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::gateway::Ask;
use crate::host::Host;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING};
use crate::setup::{Setup, at_hooks_of, script};
use gatewright_model::{Dialect, Message};
use gatewright_pipeline::{Scope, Settings};
use gatewright_plugin::{FailureMode, Hook};
use gatewright_testkit::ScriptedAnswer;
use serde_json::{Value as Json, json};

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Attempts, list);
    let both = [Hook::PreLlm, Hook::CheckInput];
    for (dialect, stream, way) in WAYS {
        cases.add(
            format!("guarded/reroute/{way}"),
            "A guard of some models is asked where pre_llm takes a request to them, and no fallback goes around it",
            &both,
            async move |host| rerouted(host, dialect, stream).await,
        );
    }
    cases.add(
        "guarded/reroute/once",
        "Who was asked before is not asked again, and whose models it left has had its say",
        &both,
        asked_once,
    );
    cases.add(
        "guarded/reroute/fails",
        "A guard that fails where a request was taken ends it",
        &both,
        guard_fails_there,
    );
    for mode in [FailureMode::Open, FailureMode::Closed] {
        for (dialect, stream, way) in WAYS {
            cases.add(
                format!("guarded/unreadable/{}/{way}", mode.as_str()),
                "A body that pre_llm cannot read is refused, goes nowhere, and is not held against the plugin",
                &[Hook::PreLlm],
                async move |host| unreadable(host, mode, dialect, stream).await,
            );
        }
        cases.add(
            format!("guarded/unreadable_answer/{}", mode.as_str()),
            "An answer that post_llm cannot be shown goes nowhere",
            &[Hook::PostLlm],
            async move |host| unreadable_answer(host, mode).await,
        );
    }
}

/// With `a`, whose `pre_llm` takes requests for the model `m` to `two/elsewhere`, and `b`, which stands at `check_input`
/// of these models with these steps.
async fn rerouting<'h>(host: &'h dyn Host, models: &[&str], steps: Json) -> Result<Scene<'h>, CaseFailure> {
    let mut setup = Setup::new(host);
    let target = json!({ "target": { "provider": "two", "model": "elsewhere" } });
    setup.scripted("a", &EVERY_HOOK, json!({ "pre_llm": [target] })).await?;
    let hooks = json!({ "check_input": steps });
    let scope = Scope { models: models.iter().map(|model| (*model).to_owned()).collect(), ..Scope::default() };
    let settings = Settings { scope, failure_mode: Some(FailureMode::Closed), ..at_hooks_of(&hooks) };
    setup.add("b", &EVERY_HOOK_WAITING, script(hooks), settings).await?;
    Scene::of(setup, &[], &[])
}

async fn rerouted(host: &dyn Host, dialect: Dialect, stream: bool) -> Outcome {
    for models in ["elsewhere", "two/elsewhere", "two/*"] {
        let scene = rerouting(host, &[models], json!([{ "block_on": "hello" }])).await?;
        let answer = scene.send(&ask(dialect, stream).fallbacks(&["one/n"])).await?;
        ensure_eq!((answer.status, answer.error_type()), (403, "guardrail_blocked".to_owned()), "{}", answer.body);
        ensure_eq!(scene.asked(), (0, 0), "attempts at the providers, with a guard of {models}");
        let calls = scene.setup.journal.calls_of("b", "check_input");
        let facts = calls.iter().map(|call| (call.text("provider"), call.text("model"))).collect::<Vec<_>>();
        ensure_eq!(facts, [("two", "elsewhere")], "the facts that the guard was given");
    }
    Ok(())
}

async fn asked_once(host: &dyn Host) -> Outcome {
    for (models, expected) in [("*", 1), ("m", 1), ("elsewhere", 1), ("another", 0)] {
        let scene = rerouting(host, &[models], json!([{ "block_on": "goodbye" }])).await?;
        let answer = scene.send(&Ask::new("r-1")).await?;
        ensure_eq!((answer.status, scene.asked()), (200, (0, 1)), "with a guard of {models}: {}", answer.body);
        ensure_eq!(scene.saw("b", "check_input").len(), expected, "how often a guard of {models} was asked");
    }
    Ok(())
}

async fn guard_fails_there(host: &dyn Host) -> Outcome {
    let scene = rerouting(host, &["elsewhere"], json!([{ "fail": "an inner secret" }])).await?;
    let answer = scene.send(&Ask::new("r-1").fallbacks(&["one/n"])).await?;
    ensure_eq!((answer.status, answer.error_type()), (503, "plugin_unavailable".to_owned()), "{}", answer.body);
    ensure_eq!(scene.asked(), (0, 0), "attempts at the providers");
    Ok(())
}

async fn unreadable(host: &dyn Host, mode: FailureMode, dialect: Dialect, stream: bool) -> Outcome {
    let mut setup = Setup::new(host);
    let hooks = json!({ "pre_llm": [{ "edit": "-edited" }] });
    let settings = Settings { failure_mode: Some(mode), ..at_hooks_of(&hooks) };
    setup.add("a", &EVERY_HOOK, script(hooks), settings).await?;
    let scene = Scene::of(setup, &[], &[])?;
    // More often than a breaker bears.
    for _ in 0..8 {
        let broken = ask(dialect, stream).with("messages", json!([{ "role": 5 }])).fallbacks(&["two/m"]);
        let answer = scene.send(&broken).await?;
        ensure_eq!((answer.status, answer.error_type()), (400, "invalid_request".to_owned()), "{}", answer.body);
    }
    ensure_eq!((scene.asked(), scene.saw("a", "pre_llm").len()), ((0, 0), 8), "attempts at the providers, and calls");
    scene.send(&ask(dialect, false)).await?;
    let said = scene.one.calls().pop().map(|call| call.request);
    let said = said.as_ref().and_then(|request| request.chat().ok()?.messages.get(0).map(Message::joined_text));
    ensure_eq!(said.as_deref(), Some("hello-edited"), "what the provider was asked after that");
    Ok(())
}

async fn unreadable_answer(host: &dyn Host, mode: FailureMode) -> Outcome {
    let mut setup = Setup::new(host);
    let hooks = json!({ "post_llm": [] });
    let settings = Settings { failure_mode: Some(mode), ..at_hooks_of(&hooks) };
    setup.add("a", &EVERY_HOOK, script(hooks), settings).await?;
    let body = json!({ "choices": [{ "index": 0, "message": { "role": 5, "content": "a secret" } }] });
    let scene = Scene::of(setup, &[ScriptedAnswer::Body(body.to_string().into())], &[])?;
    let answer = scene.send(&ask(Dialect::OpenAi, false)).await?;
    ensure_eq!((answer.status, answer.error_type()), (502, "upstream".to_owned()), "{}", answer.body);
    ensure!(!answer.body.contains("a secret"), "the client got {}", answer.body);
    Ok(())
}
