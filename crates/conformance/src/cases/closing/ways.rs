//! The ways out on which the client stays.

use super::{Cell, Pair, closed, told_of_error};
use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::gateway::Ask;
use crate::host::Host;
use crate::sse;
use gatewright_model::{Dialect, ErrorKind};
use gatewright_pipeline::{Reaper, Settings};
use gatewright_plugin::{FailureMode, Hook};
use gatewright_server::Limits;
use gatewright_testkit::ScriptedAnswer;
use serde_json::json;
use std::time::Duration;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Closing, list);
    for (pair, name) in [(Pair::Http, "http_request"), (Pair::Attempt, "pre_llm")] {
        let hooks = [pair.before(), pair.after(), Hook::OnError, Hook::PostRequest, Hook::RequestEnd];
        macro_rules! way {
            ($way:ident, $rule:literal) => {
                cases.add(format!("{name}/{}", stringify!($way)), $rule, &hooks, async move |host| {
                    $way(host, pair).await
                });
            };
        }
        way!(success, "An answer goes back through those that it went in by, last to first");
        way!(success_streamed, "A stream goes back through those that it went in by, once, at its end");
        way!(upstream_error, "An upstream's error goes back as an answer does, and on_error is told");
        way!(upstream_error_in_stream, "An error in the middle of a stream closes it like one before");
        way!(respond, "A plugin that answers gets its own after-hook, those before it too, those behind it not");
        way!(respond_to_stream, "An answer in the place of a stream closes it too");
        way!(error, "A plugin that ends the request with an error gets its own after-hook");
        way!(fallback, "Each attempt is closed, and the HTTP request once");
        way!(overload, "A refusal for want of capacity closes what was opened");
        way!(timeout, "A plugin whose before-hook timed out gets no after-hook, but its end");
        way!(timeout_of_guard, "A guard whose before-hook timed out ends the request; what went in before is closed");
        way!(timeout_of_request, "After the request's time is spent, closing hooks still do their job");
        way!(panic, "A plugin whose before-hook panicked gets no after-hook, but its end");
        way!(panic_of_guard, "A guard whose before-hook panicked ends the request; what went in before is closed");
        way!(panic_of_after_hook, "A panic in an after-hook keeps nobody from theirs");
        way!(panic_of_provider, "A panic in the middle of the gateway closes what was opened, and the next is served");
        way!(reload, "A request that a reload overtakes is closed on the set of its start");
    }
    cases.add(
        "parallel",
        "Requests at the same time are each closed for themselves",
        &[Hook::PreLlm, Hook::PostLlm, Hook::PostRequest, Hook::RequestEnd],
        parallel,
    );
    cases.add(
        "pre_llm/stream",
        "A plugin that answers with a stream gets its own after-hook, at the stream's end",
        &[Hook::PreLlm, Hook::PostLlm],
        answered_by_stream,
    );
    cases.add(
        "overloaded_gateway",
        "A request that is refused before any hook ran is summed up and ended all the same",
        &[Hook::OnError, Hook::PostRequest, Hook::RequestEnd],
        overloaded_gateway,
    );
    cases.add(
        "http_response/stops",
        "A plugin that rejects in http_response ends that chain; the rest is skipped",
        &[Hook::HttpRequest, Hook::HttpResponse],
        http_response_stops,
    );
}

/// HTTP hooks see nothing of streams on the way back.
fn back(pair: Pair, plugins: &str, phase: &str, streamed: bool) -> Vec<String> {
    if pair == Pair::Http && streamed { Vec::new() } else { pair.came_back(plugins, phase) }
}

async fn success(host: &dyn Host, pair: Pair) -> Outcome {
    let expected = [pair.went_in("abc"), pair.came_back("cba", "response"), closed()];
    Cell::new(pair).send(host, Ask::new("r-1"), 200, &expected).await
}

async fn success_streamed(host: &dyn Host, pair: Pair) -> Outcome {
    let answer = ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["one ", "two"]));
    let expected = [pair.went_in("abc"), back(pair, "cba", "end", true), closed()];
    Cell::new(pair).answer(answer).send(host, Ask::new("r-1").stream(), 200, &expected).await
}

async fn upstream_error(host: &dyn Host, pair: Pair) -> Outcome {
    let answer = ScriptedAnswer::error(ErrorKind::Upstream, "it broke");
    let expected = [pair.went_in("abc"), pair.came_back("cba", "error"), told_of_error(), closed()];
    Cell::new(pair).answer(answer).send(host, Ask::new("r-1"), 502, &expected).await
}

async fn upstream_error_in_stream(host: &dyn Host, pair: Pair) -> Outcome {
    let begun = sse::begun(Dialect::OpenAi, &[sse::Say::Text(0, "one")]);
    let stage = Cell::new(pair).answer(ScriptedAnswer::stream(begun)).stage(host).await?;
    let answer = stage.gateway.send(&Ask::new("r-1").stream()).await?;
    ensure_eq!((answer.status, answer.is_done()), (200, false), "the stream: {}", answer.body);
    ensure_eq!(answer.stream_error()["type"], json!("upstream"), "the error event: {}", answer.body);
    stage.saw(&[pair.went_in("abc"), back(pair, "cba", "error", true), told_of_error(), closed()]).await
}

async fn respond(host: &dyn Host, pair: Pair) -> Outcome {
    let stage = Cell::new(pair).before(json!([{ "decide": { "respond": "by b" } }])).stage(host).await?;
    let answer = stage.gateway.send(&Ask::new("r-1")).await?;
    ensure!(answer.status == 200 && answer.body.contains("by b"), "{} {}", answer.status, answer.body);
    ensure_eq!(stage.providers[0].calls().len(), 0, "attempts at the provider");
    stage.saw(&[pair.went_in("ab"), pair.came_back("ba", "response"), closed()]).await
}

async fn respond_to_stream(host: &dyn Host, pair: Pair) -> Outcome {
    let stage = Cell::new(pair).before(json!([{ "decide": { "respond": "by b" } }])).stage(host).await?;
    let answer = stage.gateway.send(&Ask::new("r-1").stream()).await?;
    ensure!(answer.status == 200 && answer.body.contains("by b"), "{} {}", answer.status, answer.body);
    ensure_eq!(stage.providers[0].calls().len(), 0, "attempts at the provider");
    stage.saw(&[pair.went_in("ab"), pair.came_back("ba", "response"), closed()]).await
}

async fn answered_by_stream(host: &dyn Host) -> Outcome {
    let pair = Pair::Attempt;
    for ask in [Ask::new("r-1").stream(), Ask::new("r-1")] {
        let decides = json!([{ "decide": { "stream": ["by ", "b"] } }]);
        let stage = Cell::new(pair).before(decides).stage(host).await?;
        let answer = stage.gateway.send(&ask).await?;
        ensure_eq!((answer.status, answer.text()), (200, "by b".to_owned()), "the answer: {}", answer.body);
        ensure_eq!(stage.providers[0].calls().len(), 0, "attempts at the provider");
        stage.saw(&[pair.went_in("ab"), pair.came_back("ba", "end"), closed()]).await?;
    }
    Ok(())
}

async fn error(host: &dyn Host, pair: Pair) -> Outcome {
    let (decides, back) = match pair {
        Pair::Http => (json!({ "block": { "reason": "no", "status": 429, "code": null } }), "response"),
        Pair::Attempt => (json!({ "error": { "kind": "rate_limit", "message": "no" } }), "error"),
    };
    let expected = [pair.went_in("ab"), pair.came_back("ba", back), told_of_error(), closed()];
    let cell = Cell::new(pair).before(json!([{ "decide": decides }]));
    cell.send(host, Ask::new("r-1"), 429, &expected).await
}

async fn fallback(host: &dyn Host, pair: Pair) -> Outcome {
    let answer = ScriptedAnswer::error(ErrorKind::Upstream, "it broke");
    let went_in = pair.went_in("abc");
    let back = pair.came_back("cba", "response");
    let expected = match pair {
        Pair::Http => vec![went_in, back, closed()],
        Pair::Attempt => vec![went_in.clone(), pair.came_back("cba", "error"), went_in, back, closed()],
    };
    let ask = Ask::new("r-1").fallbacks(&["two/m"]);
    Cell::new(pair).answer(answer).send(host, ask, 200, &expected).await
}

async fn overload(host: &dyn Host, pair: Pair) -> Outcome {
    let answer = ScriptedAnswer::error(ErrorKind::Overloaded, "full");
    let expected = [pair.went_in("abc"), pair.came_back("cba", "error"), told_of_error(), closed()];
    Cell::new(pair).answer(answer).send(host, Ask::new("r-1"), 503, &expected).await
}

async fn overloaded_gateway(host: &dyn Host) -> Outcome {
    let mut cell = Cell::new(Pair::Http);
    cell.limits = Limits { concurrent_requests: 0, ..Limits::default() };
    let stage = cell.stage(host).await?;
    let answer = stage.gateway.send(&Ask::new("r-1")).await?;
    ensure_eq!((answer.status, answer.error_type()), (503, "overloaded".to_owned()), "the answer");
    stage.setup.journal.until("a.request_end").await?;
    stage.saw(&[told_of_error(), closed()]).await
}

fn short(host: &dyn Host, mode: FailureMode) -> Settings {
    let timeout = Some(Duration::from_millis(10) * host.patience());
    Settings { timeout, failure_mode: Some(mode), ..Settings::default() }
}

async fn timeout(host: &dyn Host, pair: Pair) -> Outcome {
    let expected = [pair.went_in("abc"), pair.came_back("ca", "response"), closed()];
    let cell = Cell::new(pair).before(json!([{ "wait": "never" }])).settings(short(host, FailureMode::Open));
    cell.send(host, Ask::new("r-1"), 200, &expected).await
}

/// A guard that fails on the way in: nobody behind it is called, those before it are closed.
async fn guard_fails(host: &dyn Host, pair: Pair, fails: serde_json::Value) -> Outcome {
    let expected = [pair.went_in("ab"), pair.came_back("a", "error"), told_of_error(), closed()];
    let cell = Cell::new(pair).before(json!([fails])).settings(short(host, FailureMode::Closed));
    cell.send(host, Ask::new("r-1"), 503, &expected).await
}

async fn timeout_of_guard(host: &dyn Host, pair: Pair) -> Outcome {
    guard_fails(host, pair, json!({ "wait": "never" })).await
}

async fn panic_of_guard(host: &dyn Host, pair: Pair) -> Outcome {
    guard_fails(host, pair, json!({ "panic": "an inner secret" })).await
}

async fn timeout_of_request(host: &dyn Host, pair: Pair) -> Outcome {
    // Guards on the way back, which must not turn the timeout into a failure of their own.
    let guards = Settings { failure_mode: Some(FailureMode::Closed), ..Settings::default() };
    let mut cell = Cell::new(pair).after(json!([{ "set": ["b.closed", true] }])).settings(guards.clone());
    cell.others = guards;
    cell.limits = Limits { request_timeout: Duration::from_millis(60) * host.patience(), ..Limits::default() };
    let stage = cell.answer(ScriptedAnswer::Hang).stage(host).await?;
    let answer = stage.gateway.send(&Ask::new("r-1")).await?;
    ensure_eq!((answer.status, answer.error_type()), (504, "timeout".to_owned()), "the answer: {}", answer.body);
    stage.saw(&[pair.went_in("abc"), pair.came_back("cba", "error"), told_of_error(), closed()]).await?;
    let state = stage.setup.journal.calls_of("a", "request_end")[0].get("state").clone();
    ensure_eq!(state, json!({ "b.closed": true }), "what the after-hook wrote, once time was spent");
    Ok(())
}

async fn panic(host: &dyn Host, pair: Pair) -> Outcome {
    let expected = [pair.went_in("abc"), pair.came_back("ca", "response"), closed()];
    Cell::new(pair).before(json!([{ "panic": "an inner secret" }])).send(host, Ask::new("r-1"), 200, &expected).await
}

async fn panic_of_after_hook(host: &dyn Host, pair: Pair) -> Outcome {
    let expected = [pair.went_in("abc"), pair.came_back("cba", "response"), closed()];
    Cell::new(pair).after(json!([{ "panic": "an inner secret" }])).send(host, Ask::new("r-1"), 200, &expected).await
}

async fn panic_of_provider(host: &dyn Host, pair: Pair) -> Outcome {
    let cell = Cell::new(pair).answer(ScriptedAnswer::Panic).answer(ScriptedAnswer::text("fine"));
    let stage = cell.stage(host).await?;
    let answer = stage.gateway.send(&Ask::new("r-1")).await;
    ensure!(answer.is_err(), "a request that broke was answered");
    stage.setup.journal.until("a.request_end").await?;
    let back = back(pair, "cba", "error", true);
    stage.saw(&[pair.went_in("abc"), back, told_of_error(), closed()]).await?;
    let answer = stage.gateway.send(&Ask::new("r-2")).await?;
    ensure_eq!((answer.status, answer.text()), (200, "fine".to_owned()), "the next request");
    Ok(())
}

async fn reload(host: &dyn Host, pair: Pair) -> Outcome {
    let (reaper, task) = Reaper::new();
    let task = tokio::spawn(task.run());
    let mut cell = Cell::new(pair);
    cell.reaper = Some(reaper);
    let gate = json!([{ "wait": "in the middle" }]);
    let mut stage = cell.before(gate).stage(host).await?;
    let connection = stage.gateway.open(&Ask::new("r-1")).await?;
    let middle = format!("b.{}", pair.before());
    stage.setup.journal.until(&middle).await?;

    for name in ["a", "b", "c"] {
        stage.setup.take_out(name);
    }
    stage.setup.add("d", &crate::plugins::EVERY_HOOK, json!({}), crate::setup::at(&[pair.before()])).await?;
    stage.gateway.reload(stage.setup.set()?);
    let answer = stage.gateway.send(&Ask::new("r-2")).await?;
    ensure_eq!(answer.status, 200, "the request after the reload");
    ensure_eq!(stage.setup.journal.lines_of("r-2"), pair.went_in("d"), "who was called in it");

    stage.setup.journal.open("in the middle");
    ensure_eq!(connection.finish().await?.status, 200, "the request that was overtaken");
    stage.gateway.settle().await?;
    let expected = [pair.went_in("abc"), pair.came_back("cba", "response"), closed()].concat();
    ensure_eq!(stage.setup.journal.lines_of("r-1"), expected, "who was called in it");
    for name in ["a", "b", "c"] {
        stage.setup.journal.until(&format!("{name}.on_shutdown")).await?;
    }
    let journal = stage.setup.journal.clone();
    drop(stage);
    task.await.map_err(|error| CaseFailure::new(error.to_string()))?;
    let ended: Vec<String> = journal.lines().into_iter().filter(|line| line.ends_with("on_shutdown")).collect();
    ensure_eq!(ended.len(), 4, "the instances that were shut down: {ended:?}");
    Ok(())
}

async fn parallel(host: &dyn Host) -> Outcome {
    let pair = Pair::Attempt;
    let stage = Cell::new(pair).before(json!([{ "wait": "all are here" }])).stage(host).await?;
    let mut open = Vec::new();
    for number in 0..20 {
        let id = format!("r-{number}");
        open.push((stage.gateway.open(&Ask::new(&id)).await?, id));
    }
    while stage.setup.journal.calls_of("b", "pre_llm").len() < open.len() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stage.setup.journal.open("all are here");
    let expected = [pair.went_in("abc"), pair.came_back("cba", "response"), closed()].concat();
    for (connection, id) in open {
        ensure_eq!(connection.finish().await?.status, 200, "{id}");
        stage.gateway.settle().await?;
        ensure_eq!(stage.setup.journal.lines_of(&id), expected, "the calls of {id}");
    }
    Ok(())
}

async fn http_response_stops(host: &dyn Host) -> Outcome {
    let pair = Pair::Http;
    let rejects = json!([{ "decide": { "block": { "reason": "not out", "status": 418, "code": null } } }]);
    let expected = [pair.went_in("abc"), pair.came_back("cb", ""), told_of_error(), closed()];
    Cell::new(pair).after(rejects).send(host, Ask::new("r-1"), 418, &expected).await
}
