use super::*;
use crate::prelude::*;
use gatewright_pipeline::Instance;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How often the plugins of each mark were started and shut down: kinds are made from their config alone.
static LIVES: Mutex<BTreeMap<String, (u32, u32)>> = Mutex::new(BTreeMap::new());

/// The marks of plugins that were shut down, in order.
static ENDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A plugin whose `config` marks it. It fails to start, or in each request, where that says so.
struct Marked {
    mark: String,
    fails: bool,
    breaks: bool,
}

#[plugin]
impl Plugin for Marked {
    fn pre_llm(&self, _: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        if self.breaks { Err("no luck".into()) } else { Ok(PreLlm::Continue) }
    }

    fn on_startup(&self, _: &mut Cx, _: &Startup) -> Result<(), Failure> {
        if self.fails {
            return Err("no disk".into());
        }
        self.count(|lives| lives.0 += 1)
    }

    fn on_shutdown(&self, _: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
        ENDS.lock().unwrap_or_else(PoisonError::into_inner).push(self.mark.clone());
        self.count(|lives| lives.1 += 1)
    }
}

impl FromConfig for Marked {
    type Config = BTreeMap<String, Json>;

    fn from_config(config: Self::Config) -> Result<Self, Failure> {
        let mark = config.get("mark").and_then(Json::as_str).unwrap_or_default().to_owned();
        Ok(Self { mark, fails: config.contains_key("fails"), breaks: config.contains_key("breaks") })
    }
}

impl Marked {
    fn count(&self, count: impl FnOnce(&mut (u32, u32))) -> Result<(), Failure> {
        let mut lives = LIVES.lock().unwrap_or_else(PoisonError::into_inner);
        count(lives.entry(self.mark.clone()).or_default());
        Ok(())
    }
}

/// How often the plugins of a mark were started and shut down.
fn lives(mark: &str) -> (u32, u32) {
    LIVES.lock().unwrap_or_else(PoisonError::into_inner).get(mark).copied().unwrap_or_default()
}

/// Waits until the plugins of a mark have been shut down so often, and no more often.
async fn shut_down(mark: &str, times: u32) {
    let begun = Instant::now();
    while lives(mark).1 < times {
        assert!(begun.elapsed() < Duration::from_secs(5), "{mark}: {:?}", lives(mark));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(lives(mark).1, times, "{mark}");
}

/// An entry of a config.
fn entry(mark: &str, further: Json) -> Json {
    let mut entry = json!({ "name": "marked", "config": { "mark": mark } });
    let further = further.as_object().cloned().unwrap_or_default();
    entry.as_object_mut().unwrap().extend(further);
    entry
}

/// A config of these plugins, on a free port.
fn config(plugins: Json) -> Config {
    let text = json!({ "plugins": plugins, "server": { "port": 0, "workers": 1 } }).to_string();
    gatewright_config::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}")).config
}

async fn start(plugins: Json) -> Started {
    Gateway::builder().plugin_kind::<Marked>().config(config(plugins)).start().await.unwrap()
}

/// The instance that serves under a name.
fn serving(started: &Started, name: &str) -> Option<Arc<Instance>> {
    let plugins = started.plugins();
    plugins.members().iter().find(|member| &**member.instance.name() == name).map(|member| member.instance.clone())
}

async fn drain(started: Started) {
    assert!(started.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn an_instance_that_does_not_change_lives_on() {
    let mut started = start(json!([entry("lives-on", json!({}))])).await;
    let before = serving(&started, "marked").unwrap();
    let (generation, logging) = (started.plugins().generation(), serving(&started, "logging").unwrap());
    let moved = json!({ "placement": "pre_builtin", "hooks": ["pre_llm"], "failure_mode": "fail_closed" });
    started.reload(config(json!([entry("lives-on", moved)]))).await.unwrap();
    assert!(Arc::ptr_eq(&before, &serving(&started, "marked").unwrap()));
    assert!(Arc::ptr_eq(&logging, &serving(&started, "logging").unwrap()));
    assert_eq!(started.plugins().generation(), generation + 1);
    let again = started.config().clone();
    assert_eq!(started.reload(again).await.unwrap(), Reload::Nothing);
    assert_eq!(started.plugins().generation(), generation + 1, "nothing changed");
    assert_eq!(started.plugins().members()[0].instance.name().as_ref(), "marked", "its settings are the new ones");
    assert_eq!(lives("lives-on"), (1, 0));
    drop((before, logging));
    drain(started).await;
    assert_eq!(lives("lives-on"), (1, 1));
}

#[tokio::test]
async fn an_instance_that_is_replaced_is_shut_down_once() {
    let mut started = start(json!([entry("replaced", json!({}))])).await;
    started.reload(config(json!([entry("replacing", json!({}))]))).await.unwrap();
    shut_down("replaced", 1).await;
    assert_eq!((lives("replaced"), lives("replacing")), ((1, 1), (1, 0)));
    drain(started).await;
    assert_eq!((lives("replaced"), lives("replacing")), ((1, 1), (1, 1)));
}

#[tokio::test]
async fn another_revision_makes_a_new_instance_of_the_same() {
    let mut started = start(json!([entry("revised", json!({ "version": 1 }))])).await;
    started.reload(config(json!([entry("revised", json!({ "version": 2 }))]))).await.unwrap();
    shut_down("revised", 1).await;
    assert_eq!(lives("revised"), (2, 1));
    drain(started).await;
    assert_eq!(lives("revised"), (2, 2));
}

#[tokio::test]
async fn a_request_under_way_keeps_the_instance_it_has() {
    let mut started = start(json!([entry("under-way", json!({}))])).await;
    let request = started.plugins();
    started.reload(config(json!([]))).await.unwrap();
    assert!(serving(&started, "marked").is_none());
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(lives("under-way"), (1, 0), "it still has a user");
    drop(request);
    shut_down("under-way", 1).await;
    drain(started).await;
    assert_eq!(lives("under-way"), (1, 1));
}

#[tokio::test]
async fn a_config_that_is_wrong_leaves_the_old_one() {
    let mut started = start(json!([entry("stays", json!({}))])).await;
    let before = (started.config().clone(), started.plugins());
    for plugins in [
        json!([entry("never", json!({ "hooks": ["check_output"] }))]),
        json!([entry("never", json!({})), { "name": "nobody" }]),
        json!([{ "name": "never", "path": "builtin:nobody" }]),
    ] {
        let error = started.reload(config(plugins.clone())).await.unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{plugins}: {error}");
    }
    assert!(*started.config() == before.0 && Arc::ptr_eq(&started.plugins(), &before.1));
    assert_eq!((lives("stays"), lives("never")), ((1, 0), (0, 0)));
    drop(before);
    drain(started).await;
}

/// Another host waits for a restart; that nobody needs a key any more would not.
#[tokio::test]
async fn no_key_is_let_go_while_the_gateway_listens_beyond_this_machine() {
    let config = |host: &str, keys: Json| {
        let server = json!({ "host": host, "port": 0, "workers": 1 });
        let text = json!({ "plugins": [], "server": server, "auth": { "keys": keys } }).to_string();
        gatewright_config::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}")).config
    };
    let key = json!([{ "name": "app", "value": "gw-0123456789abcdef" }]);
    let mut started = Gateway::builder().config(config("0.0.0.0", key.clone())).start().await.unwrap();
    let error = started.reload(config("127.0.0.1", json!([]))).await.unwrap_err().to_string();
    assert!(error.contains("server.host") && error.contains("listens on `0.0.0.0`"), "{error}");
    assert!(started.config().auth.requires_key());
    assert_eq!(started.reload(config("127.0.0.1", key)).await.unwrap(), Reload::Taken);
    drain(started).await;
}

#[tokio::test]
async fn a_plugin_that_does_not_start_leaves_the_old_config_and_what_started_is_shut_down() {
    let mut started = start(json!([entry("stays-on", json!({}))])).await;
    let before = started.plugins();
    let broken =
        |name: &str| json!({ "name": name, "path": "builtin:marked", "config": { "mark": "broken", "fails": true } });
    let plugins = json!([broken("first"), entry("short-lived", json!({})), broken("second")]);
    let error = started.reload(config(plugins)).await.unwrap_err();
    let expected = "the config cannot be used:
  plugins[0]: plugin `first` did not start: no disk
  plugins[2]: plugin `second` did not start: no disk";
    assert_eq!(error.to_string(), expected);
    let [pending] = started.readiness().pending.try_into().unwrap();
    assert!(
        pending.contains("plugins[0]: plugin `first`") && pending.contains("plugins[2]: plugin `second`"),
        "{pending}"
    );
    shut_down("short-lived", 1).await;
    assert_eq!((lives("stays-on"), lives("short-lived"), lives("broken")), ((1, 0), (1, 1), (0, 0)));
    assert!(Arc::ptr_eq(&started.plugins(), &before));
    drop(before);
    started.reload(config(json!([entry("stays-on", json!({}))]))).await.unwrap();
    assert_eq!(lives("stays-on"), (1, 0), "the next one takes it over");
    drain(started).await;
}

#[tokio::test]
async fn a_guard_that_does_not_start_is_there_and_is_tried_again() {
    let broken = json!({ "failure_mode": "fail_closed", "config": { "mark": "guard", "fails": true } });
    let mut started = start(json!([entry("guard", broken.clone())])).await;
    let absent = serving(&started, "marked").unwrap();
    assert_eq!(absent.unavailable().as_deref(), Some("no disk"));
    let again = started.reload(config(json!([entry("guard", broken)]))).await.unwrap();
    assert_eq!(again, Reload::Nothing, "it did not start this time either");
    assert!(Arc::ptr_eq(&absent, &serving(&started, "marked").unwrap()));
    started.reload(config(json!([entry("guard", json!({ "failure_mode": "fail_closed" }))]))).await.unwrap();
    assert_eq!(serving(&started, "marked").unwrap().unavailable(), None);
    assert_eq!(lives("guard"), (1, 0));
    drain(started).await;
}

#[tokio::test]
async fn a_gateway_that_needs_all_its_plugins_does_not_start_without_one() {
    let plugins = json!([entry("beside", json!({})), {
        "name": "broken", "path": "builtin:marked", "failure_mode": "fail_open", "config": { "mark": "broken", "fails": true }
    }]);
    let builder = || Gateway::builder().plugin_kind::<Marked>().config(config(plugins.clone()));
    let error = builder().all_plugins().start().await.err().unwrap().to_string();
    assert_eq!(error, "the config cannot be used:\n  plugins[1]: plugin `broken` did not start: no disk");
    assert_eq!(lives("beside"), (1, 1), "it is waited for: who started the gateway may end now");
    drain(builder().start().await.unwrap()).await;
}

#[tokio::test]
async fn where_somebody_else_listens_no_plugin_starts() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(json!([entry("elsewhere", json!({}))]));
    config.server.port = taken.local_addr().unwrap().port();
    let builder = Gateway::builder().plugin_kind::<Marked>().config(config);
    let error = builder.start().await.err().unwrap();
    assert!(matches!(error, Error::Bind(_)), "{error}");
    assert_eq!(lives("elsewhere"), (0, 0));
    drop(taken);
    let started = builder.start().await.unwrap();
    let metrics = page(&started, "/metrics").await;
    assert!(metrics.contains("gatewright_plugin_breaker_open{plugin=\"marked\"} 0"), "{metrics}");
    drain(started).await;
    assert_eq!(lives("elsewhere"), (1, 1));
}

/// Listens at a port from its start on.
struct Squatter {
    port: u16,
    listener: Mutex<Option<std::net::TcpListener>>,
}

#[plugin]
impl Plugin for Squatter {
    fn on_startup(&self, _: &mut Cx, _: &Startup) -> Result<(), Failure> {
        *self.listener.lock().unwrap() = Some(std::net::TcpListener::bind(("127.0.0.1", self.port)).unwrap());
        Ok(())
    }
}

/// Three plugins whose names are in another order than they are, marked by this and their place.
fn three(mark: &str) -> Vec<Json> {
    let one = |(name, place): (&str, u32)| json!({ "name": name, "path": "builtin:marked", "config": { "mark": format!("{mark}{place}") } });
    [("m", 1), ("z", 2), ("a", 3)].into_iter().map(one).collect()
}

/// The places of three plugins, as they were shut down.
fn ended(mark: &str) -> Vec<String> {
    let ends = ENDS.lock().unwrap_or_else(PoisonError::into_inner);
    ends.iter().filter_map(|end| end.strip_prefix(mark)).map(str::to_owned).collect()
}

#[tokio::test]
async fn plugins_are_shut_down_last_to_first() {
    let mut started = start(json!(three("in-turn-"))).await;
    let refused = [three("refused-"), vec![entry("broken", json!({ "config": { "fails": true } }))]].concat();
    started.reload(config(json!(refused).clone())).await.unwrap_err();
    shut_down("refused-1", 1).await;
    assert_eq!(ended("refused-"), ["3", "2", "1"]);
    drain(started).await;
    assert_eq!(ended("in-turn-"), ["3", "2", "1"]);
}

#[tokio::test]
async fn so_they_are_where_the_gateway_cannot_listen() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut config = config(json!(three("unheard-")));
    config.server.port = port;
    let builder = Gateway::builder().plugin_kind::<Marked>().plugin(Squatter { port, listener: Mutex::default() });
    let error = builder.config(config).start().await.err().unwrap();
    assert!(matches!(error, Error::Bind(_)), "{error}");
    assert_eq!(ended("unheard-"), ["3", "2", "1"]);
}

#[tokio::test]
async fn one_that_is_linked_in_and_did_not_start_keeps_no_config_from_being_taken() {
    let broken = entry("out", json!({ "config": { "mark": "out", "fails": true } }));
    let mut started = start(json!([broken])).await;
    let beside = json!({ "name": "beside", "path": "builtin:marked", "config": { "mark": "beside-out" } });
    assert_eq!(started.reload(config(json!([broken, beside]))).await.unwrap(), Reload::Taken);
    assert_eq!(lives("beside-out"), (1, 0));
    assert!(started.readiness().ready && started.readiness().pending.concat().contains("no disk"));
    let changed = entry("out", json!({ "config": { "mark": "out", "fails": 1 } }));
    started.reload(config(json!([changed, beside]))).await.unwrap_err();
    started.reload(config(json!([entry("out", json!({})), beside]))).await.unwrap();
    assert_eq!(lives("out"), (1, 0));
    drain(started).await;
}

#[tokio::test]
async fn a_breaker_is_shown_as_long_as_its_instance_is_there() {
    async fn shown(started: &Started) -> Option<char> {
        let metrics = page(started, "/metrics").await;
        metrics
            .split_once("gatewright_plugin_breaker_open{plugin=\"marked\"} ")
            .and_then(|(_, rest)| rest.chars().next())
    }
    let broken = json!({ "config": { "mark": "breaker", "breaks": true } });
    let mut started = start(json!([entry("breaker", broken)])).await;
    assert_eq!(shown(&started).await, Some('0'));
    for _ in 0..gatewright_pipeline::BREAKER_FAILURES {
        assert!(ask(started.address(), "hello").await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(shown(&started).await, Some('1'));
    started.reload(config(json!([entry("breaker", json!({}))]))).await.unwrap();
    assert_eq!(shown(&started).await, Some('0'), "a new instance");
    started.reload(config(json!([]))).await.unwrap();
    assert_eq!(shown(&started).await, None, "a plugin that is gone");
    drain(started).await;
}

#[tokio::test]
async fn a_plugin_that_is_linked_in_is_there_until_the_config_turns_it_off() {
    let builder = Gateway::builder().plugin(Marked { mark: "linked".to_owned(), fails: false, breaks: false });
    let mut started = builder.config(config(json!([]))).start().await.unwrap();
    assert!(serving(&started, "marked").is_some());
    started.reload(config(json!([{ "name": "marked", "enabled": false }]))).await.unwrap();
    shut_down("linked", 1).await;
    started.reload(config(json!([]))).await.unwrap();
    assert_eq!(lives("linked"), (2, 1));
    drain(started).await;
    assert_eq!(lives("linked"), (2, 2));
}

/// Knows those who say a word, and is told how it ended.
struct Doorman;

static ENDED: Mutex<Vec<u16>> = Mutex::new(Vec::new());

#[plugin]
impl Plugin for Doorman {
    fn auth(&self, _: &mut Cx, request: &AuthRequest) -> Result<AuthDecision, Failure> {
        Ok(match request.credential.as_ref().map(Secret::expose) {
            Some("sesame") => AuthDecision::Identify(Box::default()),
            Some("thief") => AuthDecision::Refuse(Rejection::new("Not you")),
            _ => AuthDecision::Pass,
        })
    }

    fn request_end(&self, _: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        ENDED.lock().unwrap_or_else(PoisonError::into_inner).push(summary.http_status);
        Ok(())
    }
}

#[tokio::test]
async fn models_are_shown_to_those_whom_a_plugin_knows() {
    let started = Gateway::builder().plugin(Doorman).config(config(json!([]))).start().await.unwrap();
    for (said, expected) in [("", "401"), ("thief", "401"), ("else", "401"), ("sesame", "200")] {
        let line = format!("GET /v1/models HTTP/1.1\r\nauthorization: Bearer {said}\r\nx-line:");
        let answer = send(started.address(), &line, "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{said}: {answer}");
        assert_eq!(answer.contains("demo/echo"), expected == "200", "{said}: {answer}");
    }
    drain(started).await;
    assert_eq!(*ENDED.lock().unwrap(), [401, 401, 401, 200], "what was opened is closed");
}

/// Holds its thread at what says so.
struct Holding;

#[plugin]
impl Plugin for Holding {
    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let mut holds = 0;
        request.texts(|_, text| {
            holds = match text {
                "hold" => 8,
                "hold on" => 60,
                _ => holds,
            };
        })?;
        std::thread::sleep(Duration::from_secs(holds));
        Ok(Verdict::Allow)
    }
}

/// Asks over a connection of its own; answers the head and body.
async fn ask(address: SocketAddr, text: &str) -> String {
    let body = json!({ "model": "demo/echo", "messages": [{ "role": "user", "content": text }] }).to_string();
    send(address, "POST /v1/chat/completions", &body).await
}

/// Gets a page of the gateway's own.
async fn page(started: &Started, path: &str) -> String {
    send(started.address(), &format!("GET {path}"), "").await
}

async fn send(address: SocketAddr, line: &str, body: &str) -> String {
    let head = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close");
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (mut stream, mut answer) = (TcpStream::connect(address).await.unwrap(), String::new());
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_hook_that_holds_its_thread_does_not_hold_who_comes_later() {
    for workers in [1, 2] {
        let mut config = config(json!([]));
        config.server.workers = Some(workers);
        let started = Gateway::builder().plugin(Holding).config(config).start().await.unwrap();
        let (address, begun) = (started.address(), Instant::now());
        let held = tokio::spawn(async move { ask(address, "hold").await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        for _ in 0..10 {
            assert!(ask(address, "hello").await.starts_with("HTTP/1.1 200"));
        }
        assert!(begun.elapsed() < Duration::from_secs(6), "{workers}: they waited for {:?}", begun.elapsed());
        assert!(held.await.unwrap().starts_with("HTTP/1.1 200"), "who was held is answered in the end");
        drain(started).await;
    }
}

/// Its request has the whole set, for as long as that takes.
#[test]
fn a_hook_that_holds_its_thread_keeps_no_other_plugin_from_its_end() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let builder = Gateway::builder().plugin(Holding).plugin_kind::<Marked>();
        let started = builder.config(config(json!([entry("beside-it", json!({}))]))).start().await.unwrap();
        let address = started.address();
        tokio::spawn(async move { ask(address, "hold on").await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!started.drain(Duration::from_millis(100)).await);
        assert_eq!(lives("beside-it"), (1, 1));
    });
    // The thread is held on.
    runtime.shutdown_background();
}

#[test]
fn an_address_is_an_ip_or_a_name() {
    let of = |host| address(host, 80).map(|address| address.to_string()).unwrap_or_default();
    assert_eq!(of("127.0.0.1"), "127.0.0.1:80");
    assert_eq!((of("::1"), of("[::1]")), ("[::1]:80".to_owned(), "[::1]:80".to_owned()));
    assert!(["127.0.0.1:80", "[::1]:80"].contains(&of("localhost").as_str()));
    for host in ["", "127.0.0.1:80", "no such host", "[127.0.0.1"] {
        assert_eq!(address(host, 80).unwrap_err().to_string(), format!("`{host}` is no address to listen on"));
    }
}

#[tokio::test]
async fn calls_are_counted_as_long_as_there_is_telemetry() {
    let plugins = |enabled: bool| json!([entry("counted", json!({})), { "name": "telemetry", "enabled": enabled }]);
    let mut started = start(plugins(false)).await;
    let instance = serving(&started, "marked").unwrap();
    let (row, mut counts) =
        ("gatewright_plugin_calls_total{plugin=\"marked\",hook=\"pre_llm\",result=\"ok\"}", Vec::new());
    for enabled in [false, true, false, true] {
        started.reload(config(plugins(enabled))).await.unwrap();
        assert!(ask(started.address(), "hello").await.contains("200 OK"));
        let metrics = started.gateway.metrics.render();
        let counted = metrics.lines().find_map(|line| line.strip_prefix(row)).map(|count| count.trim().to_owned());
        counts.push(counted.unwrap_or_default());
    }
    assert_eq!(counts, ["", "1", "1", "2"]);
    assert!(Arc::ptr_eq(&instance, &serving(&started, "marked").unwrap()), "it was counted without being made anew");
    drain(started).await;
}

#[test]
fn telemetry_is_on_unless_it_is_turned_off() {
    assert!(is_on(&config(json!([])), "telemetry"));
    assert!(is_on(&config(json!([{ "name": "telemetry" }])), "telemetry"));
    assert!(!is_on(&config(json!([{ "name": "telemetry", "enabled": false }])), "telemetry"));
}

/// Has the name of a plugin that ships.
struct Logging;

#[plugin]
impl Plugin for Logging {}

#[tokio::test]
async fn a_name_that_two_plugins_have_is_refused() {
    let builder = Gateway::builder().plugin(Logging).config(config(json!([])));
    let error = builder.start().await.err().unwrap().to_string();
    assert!(error.starts_with("two plugins that are linked in are called `logging`"), "{error}");
    assert_eq!(builder.check().err().unwrap().to_string(), error);
}

#[test]
fn a_provider_that_cannot_be_made_is_found_by_the_check() {
    let certificate = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----";
    let provider = json!({ "base_url": "https://up.test/v1", "network": { "ca_cert_pem": certificate } });
    let text = json!({ "providers": { "up": provider } }).to_string();
    let config = gatewright_config::parse(text.as_bytes()).unwrap().config;
    let error = Gateway::builder().config(config).check().err().unwrap().to_string();
    assert!(error.starts_with("provider `up`: `ca_cert_pem` is not a certificate"), "{error}");
}

/// What is logged goes here.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_embedder_is_told_what_somebody_should_look_at_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let keys = json!([{ "name": "k", "value": "0123456789abcdef" }]);
    std::fs::write(&file, json!({ "auth": { "keys": keys }, "server": { "port": 0 } }).to_string()).unwrap();
    let output = Output::default();
    let writer = gatewright_telemetry::LogOutput::Writer(Box::new(output.clone()));
    let log = gatewright_telemetry::LogConfig { output: writer, ..Default::default() };
    let (subscriber, guard) = gatewright_telemetry::log::subscriber(log).unwrap();
    let installed = tracing::subscriber::set_default(subscriber);
    drain(Gateway::builder().config_file(&file).start().await.unwrap()).await;
    drop((installed, guard));
    let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains(r#""path":"auth.keys[0].value""#) && text.contains("a secret stands in the file"), "{text}");
}

/// Panics over some configs.
struct Touchy;

#[plugin]
impl Plugin for Touchy {}

impl FromConfig for Touchy {
    type Config = BTreeMap<String, u32>;

    fn from_config(config: Self::Config) -> Result<Self, Failure> {
        assert_eq!(config.get("limit"), None, "who would have thought");
        Ok(Self)
    }
}

#[tokio::test]
async fn a_plugin_that_panics_over_its_config_takes_nobody_along() {
    let touchy = |config: Json| self::config(json!([{ "name": "touchy", "config": config }]));
    let builder = Gateway::builder().plugin_kind::<Touchy>().config(touchy(json!({})));
    let mut started = builder.start().await.unwrap();
    let error = started.reload(touchy(json!({ "limit": 1 }))).await.unwrap_err().to_string();
    let said = "plugins[0].config: panicked: assertion `left == right` failed: who would have thought left: Some(1) ";
    assert!(error.contains(said) && error.contains(", at ") && error.contains("src/gateway/tests.rs:"), "{error}");
    drain(started).await;
}

#[tokio::test]
async fn a_plugin_that_reads_no_config_is_given_none() {
    let asked = |config: Json| self::config(json!([{ "name": "quiet", "config": config }]));
    let builder = |config: Json| Gateway::builder().plugin(Quiet).config(asked(config));
    let error = builder(json!({ "limit": 1 })).start().await.err().unwrap().to_string();
    assert!(error.contains("plugins[0].config: is not read: the plugin is linked in as it is"), "{error}");
    drain(builder(json!({})).start().await.unwrap()).await;
}

/// Has nowhere to read a config.
struct Quiet;

#[plugin]
impl Plugin for Quiet {}
