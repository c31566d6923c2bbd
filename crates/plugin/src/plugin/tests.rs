//! What `#[plugin]` makes of a block.

use crate::hosted::{Call, CallRef, Reply, link};
use crate::prelude::*;
use crate::services::{BoxFuture, Http, HttpCall, HttpReply, Kv, Llm, Log, LogRecord, Metrics, Record, Records};
use crate::services::{Sample, ServiceError, ServiceSet, Services};
use crate::{Facts, HookSet, State};
use bytes::Bytes;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

struct NoSecrets;

#[plugin]
impl Plugin for NoSecrets {
    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        Ok(if request.model == "bad" { Verdict::block("no") } else { Verdict::Allow })
    }

    async fn on_shutdown(&self, _: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
        std::future::ready(()).await;
        Err(Failure::new("late"))
    }
}

struct HTTPGuard<T>(T);

#[plugin]
impl<T: Send + Sync + 'static> Plugin for HTTPGuard<T> {
    fn health(&self, cx: &mut Cx, _: &HealthCheck) -> Result<Health, Failure> {
        // A plain hook may leave early, as any function.
        if cx.request_id().is_empty() {
            return Ok(Health::ok());
        }
        let _ = &self.0;
        cx.set("seen", true)?;
        Err("busy".into())
    }
}

struct Everything;

#[plugin(
    name = "all",
    version = "9.8.7",
    description = "Says all",
    priority = -5,
    failure_mode = FailureMode::Closed,
    timeout = Duration::from_millis(250),
    permission = Permission::Kv,
    permission = Permission::Http,
    header = "X-Team",
    messages = Access::Ro,
    stream_mode = (Hook::CheckOutput, StreamMode::Window(64)),
    stateful = true,
)]
impl Plugin for Everything {}

struct OwnManifest;

#[plugin]
impl Plugin for OwnManifest {
    fn manifest() -> Manifest {
        Manifest::new("its_own", "0.0.1")
    }

    fn pre_request(&self, _: &mut Cx, _: &Request) -> Result<(), Failure> {
        Ok(())
    }
}

struct Sometimes;

#[plugin]
impl Plugin for Sometimes {
    #[cfg(not(test))]
    fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
        Ok(Verdict::block("never compiled in tests"))
    }

    #[cfg(test)]
    async fn pre_request(&self, _: &mut Cx, _: &Request) -> Result<(), Failure> {
        Ok(())
    }
}

/// Services that nobody here uses.
struct Nothing;

impl Log for Nothing {
    fn log(&self, _: &LogRecord<'_>) {}
}

impl Metrics for Nothing {
    fn record(&self, _: &Sample<'_>) -> Result<(), ServiceError> {
        Ok(())
    }
}

impl Records for Nothing {
    fn append(&self, _: Record) -> Result<(), ServiceError> {
        Ok(())
    }
}

impl Http for Nothing {
    fn send(&self, _: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        Box::pin(std::future::pending())
    }
}

impl Llm for Nothing {
    fn complete<'a>(&'a self, _: &'a Facts, _: Request) -> BoxFuture<'a, Result<Response, LlmError>> {
        Box::pin(std::future::pending())
    }
}

impl Kv for Nothing {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn list<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn increment<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(std::future::pending())
    }
}

fn cx(request_id: &str) -> Cx {
    let nothing = Arc::new(Nothing);
    let services = Services::from(ServiceSet {
        log: nothing.clone(),
        metrics: nothing.clone(),
        records: nothing.clone(),
        kv: nothing.clone(),
        http: nothing.clone(),
        llm: nothing,
    });
    let facts = Facts { request_id: request_id.to_owned(), ..Facts::default() };
    Cx::new(Arc::new(facts), State::default(), None, services)
}

fn asked(model: &str) -> Arc<Request> {
    Arc::new(Request::from_chat(model, false, crate::model::Chat::default()))
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn hooks_are_found_and_plain_ones_are_immediate() {
    assert_eq!(NoSecrets::HOOKS, HookSet::of(&[Hook::CheckInput, Hook::OnShutdown]));
    assert_eq!(NoSecrets::IMMEDIATE, HookSet::of(&[Hook::CheckInput]));
    assert_eq!(<HTTPGuard<u8>>::HOOKS, HookSet::of(&[Hook::Health]));
    assert_eq!((Everything::HOOKS, Everything::IMMEDIATE), (HookSet::EMPTY, HookSet::EMPTY));
    assert_eq!(OwnManifest::HOOKS, HookSet::of(&[Hook::PreRequest]), "`manifest` is no hook");
}

#[test]
fn a_hook_that_is_not_compiled_is_not_there() {
    assert_eq!(Sometimes::HOOKS, HookSet::of(&[Hook::PreRequest]));
    assert_eq!(Sometimes::IMMEDIATE, HookSet::EMPTY);
}

#[test]
fn a_plugin_is_called_after_its_type_and_has_the_version_of_its_crate() {
    let manifest = NoSecrets::manifest();
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("no_secrets", env!("CARGO_PKG_VERSION")));
    assert_eq!(manifest, Manifest::new("no_secrets", env!("CARGO_PKG_VERSION")), "the rest is the default");
    assert_eq!(<HTTPGuard<u8>>::manifest().name, "http_guard", "an abbreviation is one word");
}

#[test]
fn every_argument_reaches_the_manifest() {
    let expected = Manifest::new("all", "9.8.7")
        .description("Says all")
        .priority(-5)
        .failure_mode(FailureMode::Closed)
        .timeout(Duration::from_millis(250))
        .permission(Permission::Kv)
        .permission(Permission::Http)
        .header("x-team")
        .messages(Access::Ro)
        .stream_mode((Hook::CheckOutput, StreamMode::Window(64)))
        .stateful(true);
    assert_eq!(Everything::manifest(), expected);
}

#[test]
fn a_manifest_of_its_own_is_taken() {
    assert_eq!(OwnManifest::manifest().name, "its_own");
}

#[test]
fn an_immediate_hook_answers_at_once_and_its_failure_is_one() {
    let plugin = link(HTTPGuard(0));
    assert!(plugin.immediate().contains(Hook::Health));
    let healthy = plugin.call_now(&mut cx(""), CallRef::Health(&mut HealthCheck));
    assert!(matches!(healthy, Reply::Health(health) if health.healthy));
    let mut context = cx("r-1");
    let failed = plugin.call_now(&mut context, CallRef::Health(&mut HealthCheck));
    assert!(matches!(failed, Reply::Failed(Failure::Returned(message)) if message == "busy"));
    assert!(context.has_writes(), "whether they are kept is the host's decision");
}

#[test]
fn a_call_gives_back_what_it_was_given() {
    for (model, blocks) in [("good", false), ("bad", true)] {
        let returned = ready(link(NoSecrets).call(cx("r-1"), Call::CheckInput(asked(model))));
        assert_eq!(returned.cx.request_id(), "r-1");
        assert!(matches!(returned.call, Call::CheckInput(request) if request.model == model));
        assert!(matches!(returned.reply, Reply::CheckInput(verdict) if verdict.is_allowed() != blocks));
    }
    let returned = ready(link(NoSecrets).call(cx("r-1"), Call::OnShutdown(Shutdown)));
    assert!(matches!(returned.reply, Reply::Failed(Failure::Returned(message)) if message == "late"));
}

#[test]
fn a_hook_that_waits_may_not_be_called_at_once() {
    struct Waits;

    #[plugin]
    impl Plugin for Waits {
        async fn health(&self, _: &mut Cx, _: &HealthCheck) -> Result<Health, Failure> {
            std::future::pending().await
        }
    }

    let reply = link(Waits).call_now(&mut cx("r-1"), CallRef::Health(&mut HealthCheck));
    assert!(matches!(reply, Reply::Failed(Failure::Malformed(_))), "{reply:?}");
}

#[test]
fn a_hook_that_is_not_overridden_does_nothing() {
    let plugin = link(Everything);
    let mut context = cx("r-1");
    let mut draft = Draft::from(Request::from_chat("m", false, crate::model::Chat::default()));
    let reply = plugin.call_now(&mut context, CallRef::PreLlm(&mut draft));
    assert!(matches!(reply, Reply::PreLlm(PreLlm::Continue)), "{reply:?}");
    let reply = plugin.call_now(&mut context, CallRef::CheckInput(&mut asked("m")));
    assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "{reply:?}");
    assert!(!context.has_writes() && !draft.is_edited());
}
