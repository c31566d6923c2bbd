//! Placement, then order, then priority, then registration; lower first; stable.

use crate::case::{Case, Cases, Group, Outcome, ensure_eq};
use crate::host::Host;
use crate::plugins::{DECLARED, EVERY_HOOK, EVERY_HOOK_WAITING, TestPlugin};
use crate::sample::{Sample, with_points};
use crate::setup::{Setup, at, script};
use gatewright_pipeline::{Placement, Round, Settings, Slot};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{Direction, Hook, Kind};
use serde_json::json;

macro_rules! of_every_hook {
    ($($point:ident)*) => {
        fn of_every_hook(cases: &mut Cases<'_>) {
            $(of_hook::<point::$point>(cases);)*
        }
    };
}
with_points!(of_every_hook);

pub(super) fn cases(list: &mut Vec<Case>) {
    let cases = &mut Cases::of(Group::Order, list);
    let hook = [Hook::CheckInput];
    cases.add(
        "placement",
        "Plugins run before, among or after the built-ins; after them unless they say otherwise",
        &hook,
        placement,
    );
    cases.add("order", "Within a placement, the lower order runs first", &hook, order);
    cases.add(
        "priority",
        "Within an order, the lower priority runs first: the config's, else the manifest's, else 100",
        &hook,
        priority,
    );
    cases.add("registration", "Among equals, registration decides", &hook, registration);
    cases.add(
        "all_registrations",
        "However they are registered, placement comes before order, and order before priority",
        &hook,
        all_registrations,
    );
    cases.add(
        "many",
        "A set may have hundreds of plugins; each is called, and each that ran is told of the end",
        &[Hook::CheckInput, Hook::PreLlm, Hook::PostLlm, Hook::RequestEnd],
        many,
    );
    of_every_hook(cases);
}

fn of_hook<H: Sample>(cases: &mut Cases<'_>) {
    cases.add(format!("direction/{}", H::HOOK), "A chain runs in its hook's direction", &[H::HOOK], direction::<H>);
    if H::EDITS {
        cases.add(
            format!("edits_chain/{}", H::HOOK),
            "Each plugin is given the payload as the one before left it",
            &[H::HOOK],
            edits_chain::<H>,
        );
    }
    if H::decision().is_some() {
        cases.add(
            format!("decision/{}", H::HOOK),
            "The first that decides ends the chain, where a decision is of one",
            &[H::HOOK],
            decision::<H>,
        );
    }
}

/// Who stands at `check_input`, when these are registered in this order.
async fn standing(
    host: &dyn Host,
    registered: Vec<(&'static str, &'static TestPlugin, Settings)>,
) -> Result<Vec<String>, crate::case::CaseFailure> {
    let mut setup = Setup::new(host);
    for (name, plugin, settings) in registered {
        setup.add(name, plugin, script(json!({})), settings).await?;
    }
    Ok(setup.set()?.chain(Hook::CheckInput).iter().map(Slot::name).map(|name| name.to_string()).collect())
}

fn placed(placement: Placement) -> Settings {
    Settings { placement, ..Settings::default() }
}

async fn placement(host: &dyn Host) -> Outcome {
    let registered = vec![
        ("post", &EVERY_HOOK, placed(Placement::PostBuiltin)),
        ("builtin", &EVERY_HOOK, placed(Placement::Builtin)),
        ("unset", &EVERY_HOOK, Settings::default()),
        ("pre", &EVERY_HOOK, placed(Placement::PreBuiltin)),
    ];
    ensure_eq!(standing(host, registered).await?, ["pre", "builtin", "post", "unset"], "who stands where");
    Ok(())
}

async fn order(host: &dyn Host) -> Outcome {
    let ordered = |order| Settings { order, ..Settings::default() };
    let registered = vec![
        ("ten", &EVERY_HOOK, ordered(10)),
        ("unset", &EVERY_HOOK, Settings::default()),
        ("minus", &EVERY_HOOK, ordered(-3)),
        ("one", &EVERY_HOOK, ordered(1)),
    ];
    ensure_eq!(standing(host, registered).await?, ["minus", "unset", "one", "ten"], "who stands where");
    Ok(())
}

async fn priority(host: &dyn Host) -> Outcome {
    let prior = |priority| Settings { priority: Some(priority), ..Settings::default() };
    let registered = vec![
        ("hundred-and-one", &EVERY_HOOK, prior(101)),
        ("unset", &EVERY_HOOK, Settings::default()),
        ("manifest-says-7", &DECLARED, Settings::default()),
        ("config-says-8", &DECLARED, prior(8)),
        ("six", &EVERY_HOOK, prior(6)),
    ];
    let expected = ["six", "manifest-says-7", "config-says-8", "unset", "hundred-and-one"];
    ensure_eq!(standing(host, registered).await?, expected, "who stands where");
    Ok(())
}

async fn registration(host: &dyn Host) -> Outcome {
    let names = ["c", "a", "e", "b", "d"];
    let registered = names.map(|name| (name, &EVERY_HOOK, Settings::default()));
    ensure_eq!(standing(host, registered.into()).await?, names, "who stands where");
    Ok(())
}

async fn all_registrations(host: &dyn Host) -> Outcome {
    let settings = |placement, order, priority| Settings { placement, order, priority, ..Settings::default() };
    let members = [
        ("1", settings(Placement::PreBuiltin, 9, Some(9))),
        ("2", settings(Placement::Builtin, 9, Some(1))),
        ("3", settings(Placement::PostBuiltin, 1, Some(9))),
        ("4", settings(Placement::PostBuiltin, 2, Some(1))),
        ("5", settings(Placement::PostBuiltin, 2, None)),
    ];
    for turn in 0..members.len() {
        for flipped in [false, true] {
            let mut registered: Vec<_> =
                members.iter().map(|(name, settings)| (*name, &EVERY_HOOK, settings.clone())).collect();
            registered.rotate_left(turn);
            if flipped {
                registered.reverse();
            }
            ensure_eq!(standing(host, registered).await?, ["1", "2", "3", "4", "5"], "turned by {turn}, {flipped}");
        }
    }
    Ok(())
}

async fn many(host: &dyn Host) -> Outcome {
    let hooks = [Hook::PreLlm, Hook::PostLlm, Hook::RequestEnd];
    let mut setup = Setup::new(host);
    let names: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
    for name in &names {
        setup.add(name, &EVERY_HOOK, script(json!({})), at(&hooks)).await?;
    }
    let mut exchange = setup.exchange("r-1")?;
    exchange.enter::<point::PreLlm>(Round::Attempt, &mut point::PreLlm::payload()).await?;
    exchange.unwind::<point::PostLlm>(Round::Attempt, &mut point::PostLlm::payload(), false, |_, _| ()).await;
    exchange.end::<point::RequestEnd>(&mut point::RequestEnd::payload()).await;
    let reversed = || names.iter().rev();
    let expected: Vec<&String> = names.iter().chain(reversed()).chain(reversed()).collect();
    let calls = setup.journal.calls();
    let called: Vec<&String> = calls.iter().map(|call| &call.plugin).collect();
    ensure_eq!(called, expected, "who was called, in order");
    Ok(())
}

/// Three instances of which the middle one differs; plain functions and `async` ones side by side.
async fn three<'h>(host: &'h dyn Host, middle: serde_json::Value) -> Result<Setup<'h>, crate::case::CaseFailure> {
    let mut setup = Setup::new(host);
    setup.add("a", &EVERY_HOOK, script(json!({})), Settings::default()).await?;
    setup.add("b", &EVERY_HOOK_WAITING, middle, Settings::default()).await?;
    setup.add("c", &EVERY_HOOK, script(json!({})), Settings::default()).await?;
    Ok(setup)
}

/// The instances in the order in which they were called.
fn called(setup: &Setup<'_>) -> String {
    setup.journal.calls().iter().map(|call| call.plugin.as_str()).collect()
}

fn is_reverse(hook: Hook) -> bool {
    hook.info().direction == Direction::Reverse
}

async fn direction<H: Sample>(host: &dyn Host) -> Outcome {
    let mut setup = three(host, script(json!({}))).await?;
    let decided = setup.exchange("r-1")?.run::<H>(&mut H::payload()).await?;
    ensure_eq!(decided.is_none(), true, "nobody decides");
    ensure_eq!(called(&setup), if is_reverse(H::HOOK) { "cba" } else { "abc" }, "who was called, in order");
    Ok(())
}

async fn edits_chain<H: Sample>(host: &dyn Host) -> Outcome {
    if H::HOOK == Hook::OnStreamChunk {
        // Its sample has left already; the cases of streams chain its edits.
        return Ok(());
    }
    let mut setup = three(host, script(json!({ H::HOOK.name(): [{ "edit": "-b" }] }))).await?;
    let mut payload = H::payload();
    setup.exchange("r-1")?.run::<H>(&mut payload).await?;
    use crate::plugins::Saw;
    let original = H::payload().saw();
    let (first, last) = if is_reverse(H::HOOK) { ("c", "a") } else { ("a", "c") };
    let saw = |plugin| setup.journal.calls_of(plugin, H::HOOK.name())[0].saw().clone();
    ensure_eq!(saw(first), original, "what the first was given");
    ensure_eq!(saw("b"), original, "what the middle one was given");
    ensure_eq!(saw(last).to_string().contains("-b"), true, "the last was given the edit");
    ensure_eq!(payload.saw(), saw(last), "what comes out of the chain");
    Ok(())
}

async fn decision<H: Sample>(host: &dyn Host) -> Outcome {
    let mut setup = three(host, script(json!({ H::HOOK.name(): [{ "decide": H::decision() }] }))).await?;
    let decided = setup.exchange("r-1")?.run::<H>(&mut H::payload()).await?;
    // What a hook of its own call answers, or appends, is no decision against the others.
    let ends = matches!(H::HOOK.info().kind, Kind::Intercept | Kind::Decide) && H::HOOK != Hook::AfterAgent;
    ensure_eq!(decided.as_ref().map(|decision| &*decision.plugin), ends.then_some("b"), "who decided");
    if let Some(decision) = &decided {
        ensure_eq!(H::is_decided(&decision.outcome), true, "it is the decision that was made");
    }
    let expected = match (ends, is_reverse(H::HOOK)) {
        (true, false) => "ab",
        (true, true) => "cb",
        (false, _) => "abc",
    };
    ensure_eq!(called(&setup), expected, "who was called, in order");
    Ok(())
}
