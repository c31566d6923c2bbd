//! Who asks, and may they.

use super::Scene;
use crate::case::{Case, Cases, Group, Outcome, ensure_eq};
use crate::gateway::Ask;
use crate::host::Host;
use gatewright_plugin::Hook;
use serde_json::json;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Attempts, list);
    cases.add(
        "auth/identify",
        "Whom auth identifies the later hooks know, and the credential is given to auth",
        &[Hook::PreAuth, Hook::Auth, Hook::PostAuth],
        identify,
    );
    cases.add("auth/first_decides", "The first that does not pass decides", &[Hook::Auth], first_decides);
    cases.add("auth/refuse", "A refusal is a 401 unless it says otherwise", &[Hook::Auth], refuse);
    cases.add("auth/nobody", "Whom nobody identifies is refused", &[Hook::Auth], nobody);
    cases.add(
        "pre_auth/block",
        "A block before authentication is a 403, and nobody is asked who it is",
        &[Hook::PreAuth],
        async |host| blocks(host, "pre_auth").await,
    );
    cases.add("post_auth/block", "A block after authentication is a 403", &[Hook::PostAuth], async |host| {
        blocks(host, "post_auth").await
    });
    cases.add(
        "order",
        "The hooks of a request come in the order of the table",
        &[Hook::HttpRequest, Hook::PreAuth, Hook::Auth, Hook::PostAuth, Hook::PreRequest, Hook::CheckInput],
        order,
    );
}

fn identifies(user: &str) -> serde_json::Value {
    let identity = json!({ "app_id": "app", "user_id": user, "api_key_id": "k", "claims": {} });
    json!([{ "decide": { "identify": identity } }])
}

async fn identify(host: &dyn Host) -> Outcome {
    let scripts = [json!({ "pre_auth": [], "auth": identifies("ann"), "post_auth": [], "check_input": [] })];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    let answer = scene.send(&Ask::new("r-1").header("authorization", "Bearer sk-7")).await?;
    ensure_eq!(answer.status, 200, "{}", answer.body);
    ensure_eq!(scene.saw("a", "auth")[0]["credential"], json!("sk-7"), "the credential");
    let known = |hook: &str| scene.setup.journal.calls_of("a", hook)[0].text("user").to_owned();
    let users = ["pre_auth", "auth", "post_auth", "check_input"].map(known);
    ensure_eq!(users, ["", "", "ann", "ann"], "who is known, at each hook");
    Ok(())
}

async fn first_decides(host: &dyn Host) -> Outcome {
    let scripts = [
        json!({ "auth": [], "check_input": [] }),
        json!({ "auth": identifies("ann") }),
        json!({ "auth": identifies("bob") }),
    ];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    scene.send(&Ask::new("r-1")).await?;
    ensure_eq!(scene.setup.journal.lines(), ["a.auth", "b.auth", "a.check_input"], "the calls");
    ensure_eq!(scene.setup.journal.calls_of("a", "check_input")[0].text("user"), "ann", "who it is");
    Ok(())
}

async fn refuse(host: &dyn Host) -> Outcome {
    for (status, expected) in [(json!(null), 401), (json!(403), 403)] {
        let block = json!({ "block": { "reason": "expired", "status": status, "code": null } });
        let scene = Scene::set(host, &[json!({ "auth": [{ "decide": block }], "check_input": [] })], &[], &[]).await?;
        let answer = scene.send(&Ask::new("r-1")).await?;
        ensure_eq!((answer.status, answer.error_type()), (expected, "authentication".to_owned()), "{}", answer.body);
        ensure_eq!(answer.error()["message"], json!("expired"), "the reason");
        ensure_eq!(scene.setup.journal.lines(), ["a.auth"], "the calls");
    }
    Ok(())
}

async fn nobody(host: &dyn Host) -> Outcome {
    let scene = Scene::set(host, &[json!({ "auth": [], "check_input": [] })], &[], &[]).await?;
    let answer = scene.send(&Ask::new("r-1")).await?;
    ensure_eq!((answer.status, answer.error_type()), (401, "authentication".to_owned()), "{}", answer.body);
    ensure_eq!(scene.setup.journal.lines(), ["a.auth"], "the calls");
    Ok(())
}

async fn blocks(host: &dyn Host, hook: &str) -> Outcome {
    let block = json!([{ "decide": { "block": { "reason": "not here", "status": null, "code": null } } }]);
    let scene = Scene::set(host, &[json!({ hook: block, "check_input": [] })], &[], &[]).await?;
    let answer = scene.send(&Ask::new("r-1")).await?;
    ensure_eq!((answer.status, &answer.error()["message"]), (403, &json!("not here")), "{}", answer.body);
    ensure_eq!(scene.setup.journal.lines(), [format!("a.{hook}")], "the calls");
    Ok(())
}

async fn order(host: &dyn Host) -> Outcome {
    let hooks = ["http_request", "pre_auth", "auth", "post_auth", "pre_request", "check_input", "pre_llm"];
    let back = ["post_llm", "check_output", "http_response", "post_request", "request_end"];
    let all = hooks.into_iter().chain(back);
    let script = all.map(|hook| (hook, if hook == "auth" { identifies("ann") } else { json!([]) }));
    let script = serde_json::Value::Object(script.map(|(hook, steps)| (hook.to_owned(), steps)).collect());
    let scene = Scene::set(host, &[script], &[], &[]).await?;
    scene.send(&Ask::new("r-1")).await?;
    let mut lines: Vec<String> = hooks.map(|hook| format!("a.{hook}")).into();
    lines.extend(["a.post_llm:response", "a.check_output:final"].map(str::to_owned));
    lines.extend(["a.http_response", "a.post_request", "a.request_end"].map(str::to_owned));
    ensure_eq!(scene.setup.journal.lines(), lines, "the calls");
    Ok(())
}
