//! The ways out on which the client goes away.

use super::{Cell, Pair, Stage, closed};
use crate::case::{Case, Cases, Group, Outcome, ensure_eq};
use crate::gateway::Ask;
use crate::host::Host;
use crate::sse;
use gatewright_model::Dialect;
use gatewright_plugin::Hook;
use gatewright_server::Limits;
use gatewright_testkit::{Piece, ScriptedAnswer};
use serde_json::{Value as Json, json};
use std::time::Duration;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Closing, list);
    for (pair, name) in [(Pair::Http, "http_request"), (Pair::Attempt, "pre_llm")] {
        let hooks = [pair.before(), pair.after(), Hook::PostRequest, Hook::RequestEnd];
        macro_rules! way {
            ($way:ident, $rule:literal) => {
                cases.add(format!("{name}/{}", stringify!($way)), $rule, &hooks, async move |host| {
                    $way(host, pair).await
                });
            };
        }
        way!(
            cancel_before_first_byte,
            "A client that goes away while the provider thinks cancels it, and all is closed"
        );
        way!(
            cancel_after_first_byte,
            "A client that goes away in the middle of a stream cancels it, and all is closed"
        );
        way!(
            cancel_by_not_reading,
            "A client that does not read its stream counts as gone once the gateway's patience is at its end"
        );
        way!(cancel_in_before_hook, "A plugin that is cut off in its before-hook gets its after-hook");
        way!(cancel_in_after_hook, "A plugin that is cut off in its after-hook is not called again, the others are");
    }
}

/// What is owed to a client that is gone: HTTP hooks have no response to see.
fn back(pair: Pair, plugins: &str) -> Vec<String> {
    if pair == Pair::Http { Vec::new() } else { pair.came_back(plugins, "error") }
}

/// How the request was summed up.
fn summed_up(stage: &Stage<'_>) -> Json {
    stage.setup.journal.calls_of("a", "post_request")[0].saw().clone()
}

async fn cancel_before_first_byte(host: &dyn Host, pair: Pair) -> Outcome {
    for ask in [Ask::new("r-1"), Ask::new("r-1").stream()] {
        let stage = Cell::new(pair).answer(ScriptedAnswer::Hang).stage(host).await?;
        let connection = stage.gateway.open(&ask).await?;
        stage.providers[0].until_called(1).await;
        drop(connection);
        stage.providers[0].until_given_up(1).await;
        stage.setup.journal.until("a.request_end").await?;
        stage.saw(&[pair.went_in("abc"), back(pair, "cba"), closed()]).await?;
        let summary = summed_up(&stage);
        ensure_eq!((&summary["status"], &summary["http_status"]), (&json!("cancelled"), &json!(499)), "the summary");
    }
    Ok(())
}

async fn cancel_after_first_byte(host: &dyn Host, pair: Pair) -> Outcome {
    let begun = sse::begun(Dialect::OpenAi, &[sse::Say::Text(0, "first")]);
    let answer = ScriptedAnswer::stream(begun).then(Piece::Hang);
    let stage = Cell::new(pair).answer(answer).stage(host).await?;
    let mut connection = stage.gateway.open(&Ask::new("r-1").stream()).await?;
    connection.until("first").await?;
    drop(connection);
    stage.providers[0].until_given_up(1).await;
    stage.setup.journal.until("a.request_end").await?;
    stage.saw(&[pair.went_in("abc"), back(pair, "cba"), closed()]).await?;
    ensure_eq!(summed_up(&stage)["status"], json!("cancelled"), "the summary");
    Ok(())
}

async fn cancel_by_not_reading(host: &dyn Host, pair: Pair) -> Outcome {
    // More than what the buffers of a loopback connection take.
    let piece = "x".repeat(256 << 10);
    let said = vec![sse::Say::Text(0, &piece); 128];
    let answer = ScriptedAnswer::stream_cut(sse::begun(Dialect::OpenAi, &said), &pieces(128, 256 << 10));
    let limits = Limits { patience: Duration::from_millis(200), ..Limits::default() };
    let stage = Cell { limits, ..Cell::new(pair) }.answer(answer).stage(host).await?;
    let connection = stage.gateway.open(&Ask::new("r-1").stream()).await?;
    stage.providers[0].until_given_up(1).await;
    stage.setup.journal.until("a.request_end").await?;
    stage.saw(&[pair.went_in("abc"), back(pair, "cba"), closed()]).await?;
    ensure_eq!(summed_up(&stage)["status"], json!("cancelled"), "the summary");
    drop(connection);
    Ok(())
}

/// Where to cut: a stream that comes at once is taken at once.
fn pieces(count: usize, bytes: usize) -> Vec<usize> {
    (1..=count).map(|piece| piece * bytes).collect()
}

async fn cancel_in_before_hook(host: &dyn Host, pair: Pair) -> Outcome {
    let stage = Cell::new(pair).before(json!([{ "wait": "never" }])).stage(host).await?;
    stage.cancel_at(Ask::new("r-1"), &format!("b.{}", pair.before())).await?;
    stage.setup.journal.until_given_up("never").await?;
    stage.saw(&[pair.went_in("ab"), back(pair, "ba"), closed()]).await?;
    ensure_eq!(stage.providers[0].calls().len(), 0, "attempts at the provider");
    Ok(())
}

async fn cancel_in_after_hook(host: &dyn Host, pair: Pair) -> Outcome {
    let stage = Cell::new(pair).after(json!([{ "wait": "never" }])).stage(host).await?;
    let cut_off = pair.came_back("b", "response").concat();
    stage.cancel_at(Ask::new("r-1"), &cut_off).await?;
    stage.setup.journal.until_given_up("never").await?;
    let rest = back(pair, "a");
    stage.saw(&[pair.went_in("abc"), pair.came_back("cb", "response"), rest, closed()]).await
}
