use super::*;
use crate::prelude::*;
use gatewright_builtins::Privileges;
use gatewright_plugin::hosted::{Call, CallRef, Reply, Returned, Standing};
use gatewright_plugin::services::BoxFuture;
use gatewright_telemetry::Metrics;
use gatewright_testkit::services::MockServices;
use serde_json::Value as Json;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

macro_rules! plugins {
    ($($name:ident),*) => {$(
        struct $name;

        #[plugin]
        impl Plugin for $name {
            fn pre_llm(&self, _: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
                Ok(PreLlm::Continue)
            }
        }

        impl FromConfig for $name {
            type Config = Json;

            fn from_config(_: Json) -> Result<Self, Failure> {
                Ok(Self)
            }
        }
    )*};
}
plugins!(Own, Second, KindA, KindB);

/// The built-ins, two of an embedder's own, and two kinds.
fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::of_builtins(&Privileges { metrics: Arc::new(Metrics::new()) });
    catalogue.add_plugin::<KindA>();
    catalogue.add_instance(Own);
    catalogue.add_plugin::<KindB>();
    catalogue.add_instance(Second);
    catalogue
}

/// The names that a config's `plugins` make, in order.
fn names(plugins: &str) -> Vec<String> {
    wanted(&config(plugins), &catalogue()).into_iter().map(|(_, entry)| entry.name).collect()
}

fn config(plugins: &str) -> Config {
    let text = format!("{{ \"plugins\": [{plugins}] }}");
    gatewright_config::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}")).config
}

/// The names of the set that a config's `plugins` make, as they run.
async fn running(plugins: &str) -> Vec<String> {
    let (reaper, _task) = Reaper::new();
    let services = |_: &PluginEntry, _: Grants| MockServices::default().services();
    let catalogue = catalogue();
    let counting = Counting::new(Arc::new(Metrics::new()));
    let starting =
        Starting { catalogue: &catalogue, services: &services, counting: &counting, reaper: &reaper, needs_all: false };
    let (_, set) = Plugins::default().next(&config(plugins), Arrivals::new(), &starting).await.unwrap();
    set.members().iter().map(|member| member.instance.name().to_string()).collect()
}

/// Ends at once, or never.
struct Ends(Option<Arc<AtomicBool>>);

#[plugin]
impl Plugin for Ends {
    async fn on_shutdown(&self, _: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
        match &self.0 {
            Some(ended) => ended.store(true, Ordering::Release),
            None => std::future::pending().await,
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn no_plugin_waits_for_another_to_shut_down() {
    let (reaper, task) = Reaper::new();
    let ended = Arc::new(AtomicBool::new(false));
    for (name, ends) in [("hangs", None), ("hangs too", None), ("ends", Some(ended.clone()))] {
        let (services, plugin) = (MockServices::default().services(), gatewright_plugin::hosted::link(Ends(ends)));
        drop(Instance::start(name, plugin, Json::Null, services, None, Some(reaper.clone())).await.unwrap());
    }
    drop(reaper);
    let (began, running) = (Instant::now(), tokio::spawn(task.run()));
    while !ended.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    running.await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 10, "those that hang are given up together");
}

/// Notes when it is started and shut down; starting it takes as many seconds as its config says, and fails then.
struct Lasting(Arc<Mutex<Vec<&'static str>>>);

#[plugin]
impl Plugin for Lasting {
    async fn on_startup(&self, _: &mut Cx, startup: &Startup) -> Result<(), Failure> {
        match startup.config["fails_after"].as_u64() {
            Some(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Err("no disk".into())
            }
            None => {
                self.0.lock().unwrap().push("started");
                Ok(())
            }
        }
    }

    async fn on_shutdown(&self, _: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.0.lock().unwrap().push("shut down");
        Ok(())
    }
}

/// A plugin that is linked in as it is, under one config after the other.
struct Reloads {
    journal: Arc<Mutex<Vec<&'static str>>>,
    catalogue: Catalogue,
    counting: Counting,
    reaper: Reaper,
}

impl Reloads {
    fn new() -> (Self, tokio::task::JoinHandle<()>) {
        let ((reaper, task), journal) = (Reaper::new(), Arc::default());
        let mut catalogue = Catalogue::default();
        catalogue.add_instance(Lasting(Arc::clone(&journal)));
        let counting = Counting::new(Arc::new(Metrics::new()));
        (Self { journal, catalogue, counting, reaper }, tokio::spawn(task.run()))
    }

    /// What the config after this one makes.
    async fn next(&self, before: &Plugins, plugins: &str) -> Result<(Plugins, PluginSet), Refused> {
        let services = |_: &PluginEntry, _: Grants| MockServices::default().services();
        let (catalogue, counting, reaper) = (&self.catalogue, &self.counting, &self.reaper);
        let starting = Starting { catalogue, services: &services, counting, reaper, needs_all: true };
        before.next(&config(plugins), Arrivals::new(), &starting).await
    }

    /// What happened, once all is done that was to be.
    async fn journal(&self) -> Vec<&'static str> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        self.journal.lock().unwrap().clone()
    }

    async fn end(self, reaping: tokio::task::JoinHandle<()>) -> Vec<&'static str> {
        let Self { journal, catalogue, counting, reaper } = self;
        drop((catalogue, counting, reaper));
        reaping.await.unwrap();
        Arc::try_unwrap(journal).map_or_else(|shared| shared.lock().unwrap().clone(), |all| all.into_inner().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_linked_in_as_it_is_lives_on_under_another_config() {
    let (reloads, reaping) = Reloads::new();
    let first = reloads.next(&Plugins::default(), "").await.unwrap();
    let second = reloads.next(&first.0, r#"{ "name": "lasting", "config": { "a": 1 } }"#).await.unwrap();
    drop(first);
    assert_eq!(reloads.journal().await, ["started", "started"], "it serves under the second config");
    drop(second);
    assert_eq!(reloads.end(reaping).await, ["started", "started", "shut down"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_linked_in_as_it_is_lives_on_when_it_comes_back_before_it_is_gone() {
    let (reloads, reaping) = Reloads::new();
    let (first, stream) = reloads.next(&Plugins::default(), "").await.unwrap();
    let off = reloads.next(&first, r#"{ "name": "lasting", "enabled": false }"#).await.unwrap();
    drop(first);
    let on = reloads.next(&off.0, "").await.unwrap();
    drop(stream);
    assert_eq!(reloads.journal().await, ["started", "started"], "a long stream ended");
    drop(on);
    assert_eq!(reloads.end(reaping).await, ["started", "started", "shut down"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_linked_in_as_it_is_starts_anew_once_it_was_shut_down() {
    let (reloads, reaping) = Reloads::new();
    let first = reloads.next(&Plugins::default(), "").await.unwrap();
    let off = reloads.next(&first.0, r#"{ "name": "lasting", "enabled": false }"#).await.unwrap();
    drop(first);
    // It is being shut down.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let on = reloads.next(&off.0, "").await.unwrap();
    assert_eq!(reloads.journal().await, ["started", "shut down", "started"]);
    drop(on);
    assert_eq!(reloads.end(reaping).await, ["started", "shut down", "started", "shut down"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_keeps_nothing_from_being_shut_down() {
    let (reloads, reaping) = Reloads::new();
    let (first, stream) = reloads.next(&Plugins::default(), "").await.unwrap();
    let off = reloads.next(&first, r#"{ "name": "lasting", "enabled": false }"#).await.unwrap();
    drop(first);
    let ends = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(stream);
    };
    let fails = reloads.next(&off.0, r#"{ "name": "lasting", "config": { "fails_after": 5 } }"#);
    let (refused, ()) = tokio::join!(fails, ends);
    assert!(refused.is_err());
    assert_eq!(reloads.end(reaping).await, ["started", "shut down"]);
}

/// A plugin of somebody else's process, which may be away.
struct Elsewhere {
    plugin: Arc<dyn Hosted>,
    is_away: bool,
}

impl Elsewhere {
    /// What a config with it and nothing else comes to, if it arrives so.
    async fn next(before: &Plugins, arrival: Arrival) -> (Plugins, Arc<Instance>) {
        let (plugins, set) = Self::made(before, arrival).await.unwrap();
        (plugins, set.members()[0].instance.clone())
    }

    async fn made(before: &Plugins, arrival: Arrival) -> Result<(Plugins, PluginSet), Refused> {
        let (reaper, _task) = Reaper::new();
        let services = |_: &PluginEntry, _: Grants| MockServices::default().services();
        let (catalogue, counting) = (Catalogue::default(), Counting::new(Arc::new(Metrics::new())));
        let (catalogue, counting, reaper) = (&catalogue, &counting, &reaper);
        let starting = Starting { catalogue, services: &services, counting, reaper, needs_all: true };
        let arrivals = Arrivals::from([("y".to_owned(), arrival)]);
        before.next(&config(ELSEWHERE), arrivals, &starting).await
    }

    fn arrives(is_away: bool) -> Arrival {
        Arrival::New(Arc::new(Self { plugin: gatewright_plugin::hosted::link(Own), is_away }), None)
    }
}

impl Hosted for Elsewhere {
    fn manifest(&self) -> &Manifest {
        self.plugin.manifest()
    }

    fn hooks(&self) -> HookSet {
        self.plugin.hooks()
    }

    fn immediate(&self) -> HookSet {
        self.plugin.immediate()
    }

    fn call_now(&self, cx: &mut Cx, call: CallRef<'_>) -> Reply {
        self.plugin.call_now(cx, call)
    }

    fn call(self: Arc<Self>, cx: Cx, call: Call) -> BoxFuture<'static, Returned> {
        self.plugin.clone().call(cx, call)
    }

    fn standing(&self) -> Option<Standing> {
        Some(Standing { away: self.is_away.then(|| "it ended".to_owned()), ..Standing::default() })
    }
}

/// Nobody listens there.
const ELSEWHERE: &str = r#"{ "name": "y", "path": "grpc://127.0.0.1:1" }"#;

#[tokio::test]
async fn a_process_is_loaded_anew_while_it_is_away() {
    let (config, artefacts) = (config(ELSEWHERE), Artefacts::new(None, Default::default(), None));
    let (here, instance) = Elsewhere::next(&Plugins::default(), Elsewhere::arrives(false)).await;
    let entry = &config.plugins[0];
    assert!(!is_lost(entry, &instance));
    assert!(matches!(here.look(&config, &artefacts).await["y"], Arrival::Same));
    let (away, instance) = Elsewhere::next(&Plugins::default(), Elsewhere::arrives(true)).await;
    assert!(is_lost(entry, &instance));
    // A library that hangs, and every new instance of it would too.
    let library = |isolation| PluginEntry { path: Some("y.so".to_owned()), isolation, ..entry.clone() };
    assert!(!is_lost(&library(None), &instance) && is_lost(&library(Some(Isolation::Process)), &instance));
    let arrived = away.look(&config, &artefacts).await.remove("y").unwrap();
    assert!(matches!(arrived, Arrival::Same), "it cannot be loaded");
    let (kept, same) = Elsewhere::next(&away, arrived).await;
    assert!(Arc::ptr_eq(&instance, &same) && kept.are(&away));
    let (back, other) = Elsewhere::next(&away, Elsewhere::arrives(false)).await;
    assert!(!Arc::ptr_eq(&instance, &other) && !back.are(&away), "what was loaded serves");
}

/// Would guard, and does not start.
struct Late;

#[plugin]
impl Plugin for Late {
    fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
        Ok(Verdict::Allow)
    }

    fn on_startup(&self, _: &mut Cx, _: &Startup) -> Result<(), Failure> {
        Err("nobody is there".into())
    }
}

/// The config was checked with the new one, and might rely on it.
#[tokio::test]
async fn no_config_is_taken_for_a_guard_that_does_not_start() {
    let (before, _) = Elsewhere::next(&Plugins::default(), Elsewhere::arrives(false)).await;
    let arrives = Arrival::New(gatewright_plugin::hosted::link(Late), None);
    let refused = Elsewhere::made(&before, arrives).await.err().unwrap();
    assert!(refused.error.to_string().contains("nobody is there"), "{}", refused.error);
}

#[test]
fn without_a_word_there_is_what_is_on_by_default() {
    assert_eq!(names(""), ["telemetry", "logging", "own", "second"]);
}

#[test]
fn built_ins_stand_in_their_own_order_whatever_the_config_says() {
    let plugins = r#"{ "name": "cost_alerter" }, { "name": "request_logger" }, { "name": "telemetry" }"#;
    assert_eq!(names(plugins), ["telemetry", "logging", "request_logger", "cost_alerter", "own", "second"]);
}

#[test]
fn what_is_turned_off_is_not_there() {
    let plugins = r#"{ "name": "logging", "enabled": false }, { "name": "own", "enabled": false },
        { "name": "kind_a", "enabled": false }"#;
    assert_eq!(names(plugins), ["telemetry", "second"]);
}

#[test]
fn kinds_stand_in_the_order_of_the_config() {
    let first = ["telemetry", "logging", "own", "second"];
    let of = |plugins| names(plugins)[first.len()..].to_vec();
    assert_eq!(of(r#"{ "name": "kind_b" }, { "name": "kind_a" }"#), ["kind_b", "kind_a"]);
    let plugins = r#"{ "name": "again", "path": "builtin:kind_a" }, { "name": "kind_b" },
        { "name": "kind_a" }, { "name": "other", "path": "builtin:own" }"#;
    assert_eq!(of(plugins), ["again", "kind_b", "kind_a", "other"]);
}

#[test]
fn what_is_nobodys_is_left_out() {
    let plugins = r#"{ "name": "kind_c" }, { "name": "x", "path": "builtin:nothing" }"#;
    assert_eq!(names(plugins), names(""));
}

#[test]
fn artefacts_stand_where_the_config_has_them() {
    let plugins = r#"{ "name": "kind_b" }, { "name": "y", "path": "./y.wasm" },
        { "name": "off", "path": "./off.wasm", "enabled": false }, { "name": "kind_a" }"#;
    assert_eq!(names(plugins)[names("").len()..], ["kind_b", "y", "kind_a"]);
}

#[test]
fn of_an_artefact_that_nobody_has_seen_it_is_assumed_that_it_guards() {
    let facts = |entry: &str| unknown(&config(entry).plugins[0]);
    let closed = Some(FailureMode::Closed);
    let unsaid = facts(r#"{ "name": "y", "path": "y.wasm" }"#);
    assert_eq!((unsaid.hooks, unsaid.manifest.failure_mode), (UNKNOWN, closed));
    let guard = facts(r#"{ "name": "y", "path": "y.wasm", "hooks": ["auth", "post_request"] }"#);
    assert_eq!((guard.hooks, guard.manifest.failure_mode), (HookSet::of(&[Hook::Auth, Hook::PostRequest]), closed));
    let log = facts(r#"{ "name": "y", "path": "y.wasm", "hooks": ["post_request"] }"#);
    assert_eq!((log.hooks, log.manifest.failure_mode), (HookSet::of(&[Hook::PostRequest]), None));
}

#[test]
fn only_what_an_instance_is_made_from_makes_a_new_one() {
    let origin = |entry: &str, content: &[u8]| {
        let entry = &config(&format!(r#"{{ "name": "y", "path": "y.wasm"{entry} }}"#)).plugins[0];
        Origin::of(entry, Some(Sha256::of(content).unwrap()))
    };
    let before = origin("", b"1");
    assert_eq!(before, origin(r#", "failure_mode": "fail_open", "timeout_seconds": 1"#, b"1"));
    assert!(before != origin("", b"2") && before.is_of_same_entry(&origin("", b"2")));
    for other in
        [r#", "memory_mb": 8"#, r#", "instance": "single""#, r#", "permissions": ["kv"]"#, r#", "config": {"a": 1}"#]
    {
        assert!(!before.is_of_same_entry(&origin(other, b"1")), "{other}");
    }
}

#[test]
fn a_time_that_a_host_goes_by_makes_a_new_instance() {
    let origin = |path: &str, further: &str| {
        let entry = format!(r#"{{ "name": "y", "path": "{path}"{further} }}"#);
        Origin::of(&config(&entry).plugins[0], Some(Sha256::of(b"1".as_slice()).unwrap()))
    };
    let (short, long) = (r#", "timeout_seconds": 0.002"#, r#", "timeout_seconds": 1"#);
    assert!(origin("y.wasm", short) != origin("y.wasm", long), "calls in place are made so no more");
    for path in ["y.so", "y", "grpc://127.0.0.1:1"] {
        assert!(origin(path, short) != origin(path, long), "{path}: a call is given up on later");
    }
    assert_eq!(origin("y.wasm", ""), origin("y.wasm", long));
}

#[test]
fn an_entry_of_the_config_is_taken_as_it_is() {
    let wanted = wanted(&config(r#"{ "name": "own", "order": 5, "priority": 7 }"#), &catalogue());
    let own = wanted.into_iter().find(|(_, entry)| entry.name == "own").unwrap().1;
    assert_eq!((own.order, own.priority), (Some(5), Some(7)));
}

#[tokio::test]
async fn a_set_runs_the_built_ins_between_the_others() {
    let plugins = r#"{ "name": "kind_a", "placement": "pre_builtin" }, { "name": "kind_b", "order": -1 },
        { "name": "own", "priority": 200 }"#;
    assert_eq!(running(plugins).await, ["kind_a", "telemetry", "logging", "kind_b", "second", "own"]);
}

#[tokio::test]
async fn a_second_instance_of_a_built_in_stands_behind_the_first() {
    let plugins = r#"{ "name": "mine", "path": "builtin:request_logger" }, { "name": "jailbreak_detector" },
        { "name": "request_logger" }"#;
    let expected = ["telemetry", "logging", "request_logger", "mine", "jailbreak_detector", "own", "second"];
    assert_eq!(running(plugins).await, expected);
}

#[test]
fn settings_say_what_the_entry_says() {
    let catalogue = catalogue();
    let linked = catalogue.get("kind_a").unwrap();
    let plugins = r#"{ "name": "kind_a", "order": 3, "priority": 4, "failure_mode": "fail_closed", "timeout_seconds": 0.5,
        "hooks": ["PreLLMHook"], "stream_mode": "window:9", "apply_to_output": false, "routes": ["/v1/*"],
        "models": ["m"], "apps": ["a"], "sample": 0.5 }"#;
    let given = settings(&config(plugins).plugins[0], linked.facts.hooks, linked.facts.builtin, 99);
    let scope = Scope {
        routes: vec!["/v1/*".to_owned()],
        models: vec!["m".to_owned()],
        apps: vec!["a".to_owned()],
        sample: Some(0.5),
    };
    let expected = Settings {
        placement: Placement::PostBuiltin,
        order: 3,
        priority: Some(4),
        failure_mode: Some(FailureMode::Closed),
        timeout: Some(std::time::Duration::from_millis(500)),
        hooks: Some(gatewright_plugin::HookSet::of(&[Hook::PreLlm])),
        stream_modes: STREAMED_HOOKS.iter().map(|hook| (*hook, StreamMode::Window(9))).collect(),
        apply_to_input: true,
        apply_to_output: false,
        scope,
    };
    assert_eq!(given, expected);
}
