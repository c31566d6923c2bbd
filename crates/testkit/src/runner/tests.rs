use super::*;
use crate::{request, response};
use gatewright_plugin::hosted::point;
use gatewright_plugin::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// Answers as it is told to, and counts.
macro_rules! guard {
    ($name:ident, $priority:literal, $verdict:expr) => {
        struct $name;

        #[plugin(priority = $priority)]
        impl Plugin for $name {
            fn check_input(&self, cx: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
                cx.metadata("ran", true);
                $verdict
            }
        }
    };
}
guard!(LowPriority, 200, Ok(Verdict::Allow));
guard!(HighPriority, 10, Ok(Verdict::Allow));
guard!(MidPriority, 100, Ok(Verdict::Allow));
guard!(Blocking, 50, Ok(Verdict::block("Not this")));
guard!(Silent, 50, Ok(Verdict::block("")));
guard!(Failing, 50, Err(Failure::new("a secret")));

struct Anonymizer;

#[plugin]
impl Plugin for Anonymizer {
    async fn pre_llm(&self, cx: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        let hide = |_, text: &str| text.contains('@').then(|| "My email is [EMAIL_0]".to_owned());
        request.map_texts(hide)?;
        cx.set("anonymizer_mapping", serde_json::json!({ "[EMAIL_0]": "test@example.com" }))?;
        Ok(PreLlm::Continue)
    }

    fn post_llm(&self, cx: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        if cx.get("anonymizer_mapping").is_some() {
            result.edit().map_texts(|text| Some(text.replace("[EMAIL_0]", "test@example.com")));
        }
        Ok(PostLlm::Continue)
    }
}

struct NoDisk;

#[plugin]
impl Plugin for NoDisk {
    fn on_startup(&self, _: &mut Cx, _: &Startup) -> Result<(), Failure> {
        Err(Failure::new("no disk"))
    }
}

fn asked() -> Arc<Request> {
    Arc::new(request("gpt-4").user("test").build())
}

/// Seed 003: `TestManager_PriorityOrdering`.
#[tokio::test]
async fn plugins_run_in_the_order_of_their_priority() {
    let mut runner = ChainRunner::new();
    runner.register(LowPriority).await.unwrap();
    runner.register(HighPriority).await.unwrap();
    runner.register(MidPriority).await.unwrap();
    let results = runner.execute_hook::<point::CheckInput>(&mut asked()).await;
    assert_eq!(results.len(), 3);
    let names: Vec<&str> = results.iter().map(|result| result.plugin.as_str()).collect();
    assert_eq!(names, ["high_priority", "mid_priority", "low_priority"]);
}

/// Seed 003: `TestManager_GuardrailShortCircuit`.
#[tokio::test]
async fn the_first_guardrail_that_blocks_ends_the_chain() {
    let mut runner = ChainRunner::new();
    runner.register(Blocking).await.unwrap();
    runner.register(LowPriority).await.unwrap();
    let result = runner.execute_guardrail_hook::<point::CheckInput>(&mut asked()).await;
    assert!(!result.allowed);
    assert_eq!((result.blocked_by.as_deref(), result.block_reason.as_str()), (Some("blocking"), "Not this"));
    assert_eq!(result.metadata.len(), 1, "the next one was not called");
}

#[tokio::test]
async fn a_hook_is_executed_for_each_plugin_whatever_the_others_say() {
    let mut runner = ChainRunner::new();
    runner.register(Blocking).await.unwrap();
    runner.register(LowPriority).await.unwrap();
    let results = runner.execute_hook::<point::CheckInput>(&mut asked()).await;
    let outcomes: Vec<_> = results.into_iter().map(|result| result.outcome).collect();
    assert_eq!(outcomes, [Ok(Verdict::block("Not this")), Ok(Verdict::Allow)]);
}

#[tokio::test]
async fn all_guardrails_that_allow_give_one_result() {
    let mut runner = ChainRunner::new();
    runner.register(LowPriority).await.unwrap();
    runner.register(HighPriority).await.unwrap();
    let result = runner.execute_guardrail_hook::<point::CheckInput>(&mut asked()).await;
    assert_eq!((result.allowed, result.blocked_by, result.metadata.len()), (true, None, 2));
}

#[tokio::test]
async fn a_failure_blocks_where_it_must_not_be_missed() {
    for (mode, allowed) in [(FailureMode::Open, true), (FailureMode::Closed, false)] {
        let mut runner = ChainRunner::new();
        let settings = Settings { failure_mode: Some(mode), ..Settings::default() };
        runner.register_as("guard", Failing, Json::Null, settings).await.unwrap();
        let result = runner.execute_guardrail_hook::<point::CheckInput>(&mut asked()).await;
        assert_eq!(result.allowed, allowed);
        assert!(!result.block_reason.contains("secret"));
        assert_eq!(result.blocked_by, (!allowed).then(|| "guard".to_owned()));
    }
}

#[tokio::test]
async fn a_block_without_a_reason_has_one_for_the_client() {
    let mut runner = ChainRunner::new();
    runner.register(Silent).await.unwrap();
    let result = runner.execute_guardrail_hook::<point::CheckInput>(&mut asked()).await;
    assert_eq!(result.block_reason, "Blocked by plugin");
}

#[tokio::test]
async fn a_name_is_registered_once() {
    let mut runner = ChainRunner::new();
    runner.register(Blocking).await.unwrap();
    let again = runner.register(Blocking).await.unwrap_err();
    assert_eq!(again.to_string(), "a plugin `blocking` is registered already");
    runner.register_as("another", Blocking, Json::Null, Settings::default()).await.unwrap();
    assert_eq!(runner.registered_plugins(), ["blocking", "another"]);
}

#[tokio::test]
async fn plugins_are_listed_in_the_order_of_their_registration() {
    let mut runner = ChainRunner::new();
    runner.register(LowPriority).await.unwrap();
    runner.register(HighPriority).await.unwrap();
    runner.register(MidPriority).await.unwrap();
    assert_eq!(runner.registered_plugins(), ["low_priority", "high_priority", "mid_priority"]);
    assert!(!runner.unregister("unknown"));
    assert!(runner.unregister("high_priority"));
    assert!(!runner.unregister("high_priority"));
    assert_eq!(runner.registered_plugins(), ["low_priority", "mid_priority"]);
    assert_eq!(runner.execute_hook::<point::CheckInput>(&mut asked()).await.len(), 2);
}

#[tokio::test]
async fn a_plugin_that_does_not_start_is_not_registered() {
    let mut runner = ChainRunner::new();
    let refused = runner.register(NoDisk).await.unwrap_err();
    assert_eq!(refused.to_string(), "plugin `no_disk` did not start: no disk");
    assert!(runner.registered_plugins().is_empty());
}

/// Seed 003: `TestStatePersistence`, along a chain.
#[tokio::test]
async fn what_one_hook_sets_the_next_one_sees() {
    let mut runner = ChainRunner::new();
    runner.register(Anonymizer).await.unwrap();
    let mut chain = runner.request(Facts { request_id: "test-125".to_owned(), ..Facts::default() });
    let mut asked = Draft::from(request("gpt-4").user("My email is test@example.com").build());
    chain.execute_hook::<point::PreLlm>(&mut asked).await;
    assert_eq!(asked.chat().unwrap().messages.get(0).unwrap().joined_text(), "My email is [EMAIL_0]");
    assert!(chain.state().get("anonymizer_mapping").is_some());
    let mut answered = Draft::from(LlmResult::Response(response("Your email is [EMAIL_0]").build()));
    chain.execute_hook::<point::PostLlm>(&mut answered).await;
    let restored = answered.response().unwrap().chat().unwrap().choices[0].message.joined_text();
    assert_eq!(restored, "Your email is test@example.com");
}

#[tokio::test]
async fn timeouts_are_judged_as_in_the_gateway() {
    struct Slow;

    #[plugin]
    impl Plugin for Slow {
        async fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
            std::future::pending().await
        }
    }

    let mut runner = ChainRunner::new();
    let settings = Settings { timeout: Some(Duration::from_millis(5)), ..Settings::default() };
    runner.register_as("slow", Slow, Json::Null, settings).await.unwrap();
    let results = runner.execute_hook::<point::CheckInput>(&mut asked()).await;
    assert_eq!(results[0].outcome, Err(Failure::TimedOut));
}
