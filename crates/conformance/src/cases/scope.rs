//! Which requests and hooks an instance stands in.

use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::plugins::EVERY_HOOK;
use crate::sample::{Sample, with_points};
use crate::setup::{Setup, at, check_input, facts, script};
use gatewright_pipeline::{Exchange, Round, Scope, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{Facts, Hook, HookSet};
use serde_json::json;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Scope, list);
    let check = [Hook::CheckInput];
    let all: Vec<Hook> = HookSet::ALL.iter().collect();
    cases.add("routes", "An instance with routes stands in requests to these endpoints alone", &check, routes);
    cases.add("models", "An instance with models stands in requests for these alone", &check, models);
    cases.add("models_unknown", "Before a model is known, models narrow nothing", &check, models_unknown);
    cases.add("apps", "An instance with apps stands in requests of these alone", &check, apps);
    cases.add("sample", "A sample is drawn by request id: all hooks of a request agree", &check, sample);
    cases.add("all_of_them", "A request must be in each of the scopes", &check, all_of_them);
    cases.add("hooks", "Of the hooks that a plugin implements, those that the config asks for are called", &all, hooks);
    cases.add(
        "apply_to_input",
        "Without apply_to_input, pre_request, check_input and pre_llm are not called",
        &[Hook::PreRequest, Hook::CheckInput, Hook::PreLlm],
        apply_to_input,
    );
    cases.add(
        "apply_to_output",
        "Without apply_to_output, post_llm, check_output and on_stream_chunk are not called",
        &[Hook::PostLlm, Hook::CheckOutput, Hook::OnStreamChunk],
        apply_to_output,
    );
    cases.add("own_request", "A plugin is not called in a request of its own making", &check, own_request);
    cases.add(
        "end_follows_what_ran",
        "request_end is called if any hook ran, though the request has left the scope since",
        &[Hook::RequestEnd],
        end_follows_what_ran,
    );
    cases.add(
        "pair_follows_what_ran",
        "post_llm follows its pre_llm, though the attempt has left the scope since",
        &[Hook::PreLlm, Hook::PostLlm],
        pair_follows_what_ran,
    );
    cases.add(
        "pair_out_of_scope",
        "A plugin whose pre_llm was out of scope gets no post_llm",
        &[Hook::PreLlm, Hook::PostLlm],
        pair_out_of_scope,
    );
}

/// One instance, `it`, with this scope, at these hooks.
async fn scoped<'h>(host: &'h dyn Host, hooks: &[Hook], scope: Scope) -> Result<Setup<'h>, CaseFailure> {
    let mut setup = Setup::new(host);
    let settings = Settings { scope, ..at(hooks) };
    setup.add("it", &EVERY_HOOK, script(json!({})), settings).await?;
    Ok(setup)
}

/// Whether `check_input` is called in a request of these facts.
async fn stands(setup: &mut Setup<'_>, facts: Facts) -> Result<bool, CaseFailure> {
    setup.journal.clear();
    let mut exchange = Exchange::new(setup.set()?, facts);
    check_input(&mut exchange).await?;
    Ok(!setup.journal.calls().is_empty())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

async fn routes(host: &dyn Host) -> Outcome {
    let scope = Scope { routes: words(&["/v1/chat/*", "/v1/messages"]), ..Scope::default() };
    let mut setup = scoped(host, &[Hook::CheckInput], scope).await?;
    for (endpoint, expected) in [
        ("/v1/chat/completions", true),
        ("/v1/messages", true),
        ("/v1/messages/count_tokens", false),
        ("/v1/models", false),
        ("", false),
    ] {
        let facts = Facts { endpoint: endpoint.to_owned(), ..facts("r-1") };
        ensure_eq!(stands(&mut setup, facts).await?, expected, "{endpoint}");
    }
    Ok(())
}

async fn models(host: &dyn Host) -> Outcome {
    let scope = Scope { models: words(&["gpt-4*", "anthropic/*"]), ..Scope::default() };
    let mut setup = scoped(host, &[Hook::CheckInput], scope).await?;
    for (provider, model, expected) in [
        ("openai", "gpt-4", true),
        ("openai", "gpt-4o-mini", true),
        ("openai", "gpt-3.5", false),
        ("anthropic", "claude-x", true),
        ("other", "claude-x", false),
    ] {
        let facts = Facts { provider: provider.to_owned(), model: model.to_owned(), ..facts("r-1") };
        ensure_eq!(stands(&mut setup, facts).await?, expected, "{provider}/{model}");
    }
    Ok(())
}

async fn models_unknown(host: &dyn Host) -> Outcome {
    let scope = Scope { models: words(&["gpt-4"]), ..Scope::default() };
    let mut setup = scoped(host, &[Hook::CheckInput], scope).await?;
    ensure!(stands(&mut setup, facts("r-1")).await?, "it was left out though no model is known");
    Ok(())
}

async fn apps(host: &dyn Host) -> Outcome {
    let scope = Scope { apps: words(&["one", "two"]), ..Scope::default() };
    let mut setup = scoped(host, &[Hook::CheckInput], scope).await?;
    for (app, expected) in [("one", true), ("two", true), ("three", false), ("", true)] {
        let facts = Facts { app_id: app.to_owned(), ..facts("r-1") };
        ensure_eq!(stands(&mut setup, facts).await?, expected, "app `{app}`");
    }
    Ok(())
}

async fn sample(host: &dyn Host) -> Outcome {
    for (share, fewest, most) in [(0.0, 0, 0), (0.25, 30, 70), (1.0, 200, 200)] {
        let scope = Scope { sample: Some(share), ..Scope::default() };
        let mut setup = scoped(host, &[Hook::CheckInput, Hook::PostRequest], scope).await?;
        let mut drawn = 0;
        for number in 0..200 {
            let facts = facts(&format!("request-{number}"));
            setup.journal.clear();
            let mut exchange = Exchange::new(setup.set()?, facts.clone());
            check_input(&mut exchange).await?;
            exchange.observe::<point::PostRequest>(&mut point::PostRequest::payload()).await;
            let calls = setup.journal.calls().len();
            ensure!(calls == 0 || calls == 2, "the hooks of request {number} do not agree");
            ensure_eq!(stands(&mut setup, facts).await?, calls == 2, "request {number}, drawn again");
            drawn += calls / 2;
        }
        ensure!((fewest..=most).contains(&drawn), "of 200 requests, {share} of them would be {drawn}");
    }
    Ok(())
}

async fn all_of_them(host: &dyn Host) -> Outcome {
    let scope = Scope { routes: words(&["/v1/*"]), models: words(&["m"]), apps: words(&["a"]), sample: None };
    let mut setup = scoped(host, &[Hook::CheckInput], scope).await?;
    for (endpoint, model, app, expected) in
        [("/v1/x", "m", "a", true), ("/v2/x", "m", "a", false), ("/v1/x", "n", "a", false), ("/v1/x", "m", "b", false)]
    {
        let (endpoint, model, app_id) = (endpoint.to_owned(), model.to_owned(), app.to_owned());
        let facts = Facts { endpoint, model, app_id, ..facts("r-1") };
        ensure_eq!(stands(&mut setup, facts.clone()).await?, expected, "{facts:?}");
    }
    Ok(())
}

/// Calls every hook and answers those that were called.
async fn call_every_hook(setup: &mut Setup<'_>) -> Result<HookSet, CaseFailure> {
    let mut exchange = setup.exchange("r-1")?;
    macro_rules! call_all {
        ($($point:ident)*) => {
            $(exchange.run::<point::$point>(&mut point::$point::payload()).await?;)*
        };
    }
    with_points!(call_all);
    Ok(setup.journal.calls().iter().filter_map(|call| Hook::named(call.hook())).collect())
}

async fn hooks(host: &dyn Host) -> Outcome {
    for row in Hook::TABLE {
        let mut setup = Setup::new(host);
        setup.add("it", &EVERY_HOOK, script(json!({})), at(&[row.hook])).await?;
        ensure_eq!(call_every_hook(&mut setup).await?, HookSet::of(&[row.hook]), "asked for {}", row.name);
    }
    Ok(())
}

async fn apply_to_input(host: &dyn Host) -> Outcome {
    let settings = Settings { apply_to_input: false, ..Settings::default() };
    let mut setup = Setup::new(host);
    setup.add("it", &EVERY_HOOK, script(json!({})), settings).await?;
    let left_out = HookSet::of(&[Hook::PreRequest, Hook::CheckInput, Hook::PreLlm]);
    ensure_eq!(call_every_hook(&mut setup).await?, HookSet::ALL.without(left_out), "the hooks that were called");
    Ok(())
}

async fn apply_to_output(host: &dyn Host) -> Outcome {
    let settings = Settings { apply_to_output: false, ..Settings::default() };
    let mut setup = Setup::new(host);
    setup.add("it", &EVERY_HOOK, script(json!({})), settings).await?;
    let left_out = HookSet::of(&[Hook::PostLlm, Hook::CheckOutput, Hook::OnStreamChunk]);
    ensure_eq!(call_every_hook(&mut setup).await?, HookSet::ALL.without(left_out), "the hooks that were called");
    Ok(())
}

async fn own_request(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    for name in ["asker", "other"] {
        setup.add(name, &EVERY_HOOK, script(json!({})), at(&[Hook::CheckInput])).await?;
    }
    let mut exchange = setup.exchange("r-1")?;
    exchange.facts_mut().asking.push("asker".into());
    check_input(&mut exchange).await?;
    ensure_eq!(setup.journal.lines(), ["other.check_input"], "who was called");
    Ok(())
}

async fn end_follows_what_ran(host: &dyn Host) -> Outcome {
    let scope = Scope { models: words(&["gpt-4"]), apps: words(&["one"]), ..Scope::default() };
    let mut setup = scoped(host, &[Hook::HttpRequest, Hook::CheckInput, Hook::RequestEnd], scope).await?;
    let mut exchange = setup.exchange("r-1")?;
    exchange.run::<point::HttpRequest>(&mut point::HttpRequest::payload()).await?;
    exchange.facts_mut().model = "another".to_owned();
    exchange.facts_mut().app_id = "another".to_owned();
    check_input(&mut exchange).await?;
    exchange.end::<point::RequestEnd>(&mut point::RequestEnd::payload()).await;
    ensure_eq!(setup.journal.lines(), ["it.http_request", "it.request_end"], "the calls");
    Ok(())
}

async fn pair_follows_what_ran(host: &dyn Host) -> Outcome {
    let scope = Scope { models: words(&["gpt-4"]), ..Scope::default() };
    let mut setup = scoped(host, &[Hook::PreLlm, Hook::PostLlm], scope).await?;
    let mut exchange = setup.exchange("r-1")?;
    exchange.facts_mut().model = "gpt-4".to_owned();
    exchange.enter::<point::PreLlm>(Round::Attempt, &mut point::PreLlm::payload()).await?;
    exchange.facts_mut().model = "elsewhere".to_owned();
    exchange.unwind::<point::PostLlm>(Round::Attempt, &mut point::PostLlm::payload(), false, |_, _| ()).await;
    ensure_eq!(setup.journal.lines(), ["it.pre_llm", "it.post_llm:chunk"], "the calls");
    Ok(())
}

async fn pair_out_of_scope(host: &dyn Host) -> Outcome {
    let scope = Scope { models: words(&["gpt-4"]), ..Scope::default() };
    let mut setup = scoped(host, &[Hook::PreLlm, Hook::PostLlm], scope).await?;
    let mut exchange = setup.exchange("r-1")?;
    exchange.facts_mut().model = "another".to_owned();
    exchange.enter::<point::PreLlm>(Round::Attempt, &mut point::PreLlm::payload()).await?;
    ensure!(!exchange.owes(Round::Attempt), "it is owed a hook though its pre_llm was not called");
    exchange.facts_mut().model = "gpt-4".to_owned();
    exchange.unwind::<point::PostLlm>(Round::Attempt, &mut point::PostLlm::payload(), false, |_, _| ()).await;
    ensure_eq!(setup.journal.lines(), Vec::<String>::new(), "the calls");
    Ok(())
}
