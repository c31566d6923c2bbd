//! Plugins with one fault each: the case that is about it finds it out, and a good plugin passes them all.

#![expect(clippy::unwrap_used, reason = "a test")]

use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::prelude::*;
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin_checks::{Asked, NotLoaded, Outcome, Report, Subject, Test, run};
use serde::Deserialize;
use serde_json::json;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A kind of plugin, linked in.
struct Linked<F>(F);

impl<F: Fn(&Asked) -> Result<Arc<dyn Hosted>, Failure> + Sync> Subject for Linked<F> {
    fn host(&self) -> &str {
        "linked"
    }

    fn load<'a>(&'a self, asked: Asked) -> BoxFuture<'a, Result<Arc<dyn Hosted>, NotLoaded>> {
        let loaded = catch_unwind(AssertUnwindSafe(|| (self.0)(&asked)));
        let loaded = loaded.unwrap_or_else(|_| Err(Failure::Panicked("it panicked".to_owned())));
        Box::pin(std::future::ready(loaded.map_err(|failure| match failure {
            Failure::Returned(message) => NotLoaded::Refused(message),
            failure => NotLoaded::Broke(failure.to_string()),
        })))
    }
}

/// Tests a kind of plugin whose config must be a map of nothing.
fn report(make: impl Fn() -> Arc<dyn Hosted> + Sync) -> Report {
    report_of(|asked| {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let _: Nothing = serde_json::from_value(asked.config.clone())?;
        Ok(make())
    })
}

fn report_of(make: impl Fn(&Asked) -> Result<Arc<dyn Hosted>, Failure> + Sync) -> Report {
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = Test { config: json!({}), granted: None };
    runtime.block_on(run(&Linked(make), &test, &mut |_| {}))
}

/// The cases that fail, and those with advice.
fn found(report: &Report) -> (Vec<String>, Vec<String>) {
    let chosen = |test: fn(&Outcome) -> bool| {
        report.cases.iter().filter(|case| test(&case.outcome)).map(ToString::to_string).collect()
    };
    (chosen(|outcome| matches!(outcome, Outcome::Fails(_))), chosen(|outcome| matches!(outcome, Outcome::Advice(_))))
}

/// Declares a plugin of one hook, and tests it.
macro_rules! of_check_input {
    (|$cx:tt, $text:ident| $body:expr) => {{
        struct It;
        #[plugin(failure_mode = FailureMode::Closed)]
        impl Plugin for It {
            fn check_input(&self, $cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
                let message = request.chat()?.messages.iter().last().cloned();
                let $text = message.map(|message| message.joined_text()).unwrap_or_default();
                $body
            }
        }
        found(&report(|| link(It)))
    }};
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_good_plugin_passes_every_case() {
    let (fails, advice) = of_check_input!(|_, text| Ok(match text.contains("sk-") {
        true => Verdict::block("no"),
        false => Verdict::Allow,
    }));
    assert_eq!((fails, advice), (none(), none()));
}

#[test]
fn a_text_that_it_does_not_expect() {
    let (fails, _) = of_check_input!(|_, text| {
        text.chars().next().unwrap();
        Ok(Verdict::Allow)
    });
    assert!(fails.contains(&"check_input/answers/empty".to_owned()), "{fails:?}");
    assert!(!fails.contains(&"check_input/answers/plain".to_owned()), "{fails:?}");
    let (fails, _) = of_check_input!(|_, text| {
        let _ = &text[..text.len().min(5)];
        Ok(Verdict::Allow)
    });
    assert_eq!(fails, ["check_input/answers/unicode"]);
    let (fails, _) = of_check_input!(|_, text| match text.contains('\0') {
        true => Err(Failure::new("a text ends in a zero byte")),
        false => Ok(Verdict::Allow),
    });
    assert_eq!(fails, ["check_input/answers/odd"]);
    let (fails, _) = of_check_input!(|_, text| match text.len() > 65_536 {
        true => Err(Failure::new("too long")),
        false => Ok(Verdict::Allow),
    });
    assert_eq!(fails, ["check_input/answers/large"]);
}

#[test]
fn an_outcome_that_the_hook_does_not_allow() {
    let (fails, _) = of_check_input!(|_, _text| Ok(Verdict::Block(Rejection::new("no").status(200))));
    assert!(fails.contains(&"check_input/answers/plain".to_owned()), "{fails:?}");
    let (fails, _) = of_check_input!(|cx, text| {
        cx.set_scratch(&"x".repeat(if text == "hello" { 300_000 } else { 1 }))?;
        Ok(Verdict::Allow)
    });
    assert!(fails.contains(&"check_input/answers/plain".to_owned()), "{fails:?}");
}

#[test]
fn an_edit_of_what_has_left() {
    struct It;
    #[plugin]
    impl Plugin for It {
        fn on_stream_chunk(&self, _: &mut Cx, text: &mut Draft<ChannelText>) -> Result<(), Failure> {
            text.edit().text.push('!');
            Ok(())
        }

        fn post_llm(&self, _: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
            Ok(match &**result {
                LlmResult::Chunk(_) | LlmResult::StreamEnd(_) => PostLlm::Drop,
                _ => PostLlm::Continue,
            })
        }
    }
    let (fails, _) = found(&report(|| link(It)));
    assert_eq!(fails, ["post_llm/answers/stream_end", "on_stream_chunk/answers/final_left"]);
}

#[test]
fn a_hook_that_needs_another_first() {
    struct It;
    #[plugin]
    impl Plugin for It {
        fn pre_llm(&self, cx: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
            cx.set_scratch(&1)?;
            Ok(PreLlm::Continue)
        }

        fn post_llm(&self, cx: &mut Cx, _: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
            cx.scratch::<u32>().ok_or("pre_llm did not run")?;
            Ok(PostLlm::Continue)
        }
    }
    let (fails, _) = found(&report(|| link(It)));
    assert!(fails.contains(&"post_llm/answers/plain".to_owned()), "{fails:?}");
    assert!(fails.contains(&"request/alone".to_owned()), "{fails:?}");
    assert!(!fails.iter().any(|case| case.starts_with("pre_llm/") || case == "request/all_hooks"), "{fails:?}");
}

#[test]
fn a_hook_that_never_answers() {
    struct It;
    #[plugin(timeout = Duration::from_millis(20), failure_mode = FailureMode::Closed)]
    impl Plugin for It {
        async fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            pending::<()>().await;
            Ok(Verdict::Allow)
        }
    }
    let report = report(|| link(It));
    let (fails, _) = found(&report);
    assert_eq!(fails[..2], ["check_input/answers/plain", "check_input/answers/empty"]);
    let skipped = report.cases.iter().filter(|case| matches!(case.outcome, Outcome::NotRun(_))).count();
    assert!(skipped > 5, "the others are not waited for, and not counted as held: {report}");
    assert!(!report.holds());
}

#[test]
fn a_plugin_that_wears_out() {
    struct It(AtomicUsize, usize);
    #[plugin(failure_mode = FailureMode::Closed)]
    impl Plugin for It {
        fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            match self.0.fetch_add(1, Ordering::Relaxed) > self.1 {
                true => Err(Failure::new("no memory is left")),
                false => Ok(Verdict::Allow),
            }
        }
    }
    let after = |calls| found(&report(move || link(It(AtomicUsize::new(0), calls)))).0;
    assert_eq!(after(60), ["check_input/in_a_row", "memory/thousand_calls"]);
    assert_eq!(after(900), ["memory/thousand_calls"]);
}

#[test]
fn a_plugin_that_does_not_clean_up() {
    /// Allows eight calls at once, and forgets those that were given up.
    struct It(AtomicUsize, usize);
    #[plugin(failure_mode = FailureMode::Closed)]
    impl Plugin for It {
        async fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            if self.0.fetch_add(1, Ordering::Relaxed) >= self.1 {
                return Err(Failure::new("it is busy"));
            }
            tokio::task::yield_now().await;
            self.0.fetch_sub(1, Ordering::Relaxed);
            Ok(Verdict::Allow)
        }
    }
    let at_most = |calls| found(&report(move || link(It(AtomicUsize::new(0), calls)))).0;
    assert_eq!(at_most(8), ["check_input/given_up"]);
    assert_eq!(at_most(1), ["check_input/at_once", "check_input/given_up"]);
}

#[test]
fn a_life_that_is_not_its_own() {
    struct Lonely(Arc<AtomicUsize>);
    #[plugin]
    impl Plugin for Lonely {
        fn on_startup(&self, _: &mut Cx, _: &Startup) -> Result<(), Failure> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Ok(()),
                _ => Err(Failure::new("its port is taken")),
            }
        }

        fn on_shutdown(&self, _: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
            self.0.store(0, Ordering::Relaxed);
            Ok(())
        }
    }
    let taken = Arc::new(AtomicUsize::new(0));
    let (fails, advice) = found(&report(|| link(Lonely(taken.clone()))));
    assert_eq!(fails, ["life/starts_twice"]);
    assert!(!advice.contains(&"manifest/has_hooks".to_owned()), "on_startup is one: {advice:?}");

    struct Stubborn;
    #[plugin]
    impl Plugin for Stubborn {
        fn on_shutdown(&self, _: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
            Err(Failure::new("not now"))
        }

        fn health(&self, _: &mut Cx, _: &HealthCheck) -> Result<Health, Failure> {
            Ok(Health::unhealthy("it has a cold"))
        }
    }
    let (fails, advice) = found(&report(|| link(Stubborn)));
    assert_eq!(fails, ["life/ends", "life/starts_again"]);
    assert_eq!(advice, ["life/health"]);
}

#[test]
fn a_config_that_it_does_not_look_at() {
    struct It;
    #[plugin]
    impl Plugin for It {}
    let (fails, advice) = found(&report_of(|_| Ok(link(It))));
    assert_eq!(fails, none());
    let configs = ["config/has_unknown_keys"];
    assert_eq!(advice, [&["manifest/has_hooks"], &configs[..]].concat());
    let (fails, _) = found(&report_of(|asked| {
        let members = asked.config.as_object().unwrap();
        assert!(members.is_empty(), "a key that it does not know");
        Ok(link(It))
    }));
    assert_eq!(fails, configs);
    let report = report_of(|_| Err(Failure::new("its config needs a `word`")));
    assert_eq!(found(&report).0, ["life/starts"]);
    assert!(report.to_string().contains("its config needs a `word`"), "{report}");
}

#[test]
fn a_permission_that_was_not_granted() {
    struct Names;
    #[plugin(permission = Permission::Kv, failure_mode = FailureMode::Closed)]
    impl Plugin for Names {
        async fn check_input(&self, cx: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            cx.services().kv.increment("n", 1).await?;
            Ok(Verdict::Allow)
        }
    }
    assert_eq!(found(&report(|| link(Names))), (none(), none()));

    struct Breaks;
    #[plugin(permission = Permission::Kv, failure_mode = FailureMode::Closed)]
    impl Plugin for Breaks {
        async fn check_input(&self, cx: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            cx.services().kv.increment("n", 1).await.unwrap();
            Ok(Verdict::Allow)
        }
    }
    assert_eq!(found(&report(|| link(Breaks))), (vec!["permissions/none_granted".to_owned()], none()));

    struct Mumbles;
    #[plugin(permission = Permission::Kv)]
    impl Plugin for Mumbles {
        async fn check_input(&self, cx: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            cx.services().kv.increment("n", 1).await.map_err(|_| "it went wrong")?;
            Ok(Verdict::Allow)
        }
    }
    let advice = vec!["manifest/guards_closed".to_owned(), "permissions/none_granted".to_owned()];
    assert_eq!(found(&report(|| link(Mumbles))), (none(), advice));
}

#[test]
fn a_stream_that_never_ends() {
    struct It;
    #[plugin]
    impl Plugin for It {
        fn pre_llm(&self, _: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
            let chunk = || Chunk::text(Channel::TEXT, "more ");
            Ok(PreLlm::Stream(ChunkStream::of(std::iter::repeat_with(chunk))))
        }
    }
    let (fails, _) = found(&report(|| link(It)));
    assert!(fails.contains(&"pre_llm/answers/plain".to_owned()), "{fails:?}");
}

#[test]
fn what_is_decided_elsewhere_alone() {
    struct It;
    #[plugin(failure_mode = FailureMode::Closed)]
    impl Plugin for It {
        fn pre_request(&self, cx: &mut Cx, _: &Request) -> Result<(), Failure> {
            cx.set("it.seen", true)?;
            Ok(())
        }

        fn check_input(&self, cx: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            Ok(match cx.get("it.seen") {
                Some(_) => Verdict::Allow,
                None => Verdict::block("nobody saw it"),
            })
        }
    }
    assert_eq!(found(&report(|| link(It))), (none(), vec!["request/alone".to_owned()]));
}

#[test]
fn a_manifest_with_a_member_that_nobody_knows() {
    struct It;
    #[plugin]
    impl Plugin for It {
        fn manifest() -> Manifest {
            let manifest = serde_json::json!({ "name": "it", "version": "1.0.0", "failuremode": "fail_closed" });
            serde_json::from_value(manifest).unwrap()
        }

        fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            Ok(Verdict::Allow)
        }
    }
    let report = report(|| link(It));
    assert_eq!(found(&report), (none(), vec!["manifest/is_known".to_owned(), "manifest/guards_closed".to_owned()]));
    assert!(report.to_string().contains("it passes over `failuremode`; there are `name`, "), "{report}");
}

#[test]
fn a_manifest_that_says_what_has_no_effect() {
    struct It;
    #[plugin]
    impl Plugin for It {
        fn manifest() -> Manifest {
            let manifest = serde_json::json!({
                "name": "it", "version": "1.0.0", "failure_mode": "fail_closed", "headers": ["X-Foo", "x-bar"],
                "stream_modes": { "check_input": "chunk", "check_output": { "window": 0 }, "post_llm": { "window": 1 } },
                "timeout": { "secs": 61, "nanos": 0 },
            });
            serde_json::from_value(manifest).unwrap()
        }

        fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            Ok(Verdict::Allow)
        }
    }
    let report = report(|| link(It));
    assert_eq!(found(&report), (none(), vec!["manifest/is_heeded".to_owned()]));
    let said = "`check_input` has no stream mode; a window of 0 characters at `check_output` is one of 1; the header \
                `X-Foo` is never seen: write `x-foo`; a call has 60 s at most, whatever the timeout says";
    let in_a_line = report.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(in_a_line.contains(said), "{report}");
}

#[test]
fn a_config_is_asked_for_where_it_may_help() {
    let hint = "`--config` gives it one";
    let said = |test: &Test, failure: fn() -> Failure| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let subject = Linked(move |_: &Asked| Err(failure()));
        runtime.block_on(run(&subject, test, &mut |_| {})).to_string()
    };
    let none = Test { config: json!({}), granted: None };
    assert!(said(&none, || Failure::new("it needs a `word`")).contains(hint));
    // It broke, has a config, or lacks a permission.
    assert!(!said(&none, || Failure::Panicked("it is cut off".to_owned())).contains(hint));
    let some = Test { config: json!({ "word": "x" }), granted: None };
    assert!(!said(&some, || Failure::new("it needs a `word`")).contains(hint));
    let poor = Test { config: json!({}), granted: Some([Permission::Kv].into()) };
    assert!(!said(&poor, || Failure::new("it needs the permission `http`")).contains(hint));
}
