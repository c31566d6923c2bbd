use super::*;
use crate::auth::ClientKey;
use crate::snapshot::Limits;
use gatewright_engine::Unpriced;
use gatewright_pipeline::{Entry, Instance, PluginSet, Settings};
use gatewright_plugin::Facts;
use gatewright_plugin::hosted::link;
use gatewright_plugin::payload::Secret;
use gatewright_plugin::prelude::{Cx, Failure, Plugin, plugin};
use gatewright_testkit::services::MockServices;
use http::HeaderValue;
use std::time::Duration;
use tokio_util::task::TaskTracker;

fn life() -> Lifecycle {
    let set = Arc::new(PluginSet::empty());
    Lifecycle::open(set, Facts::default(), Instant::now(), Arc::new(Unpriced), TaskTracker::new())
}

fn keys() -> ClientKeys {
    let claims = serde_json::Map::from_iter([("team".to_owned(), "blue".into())]);
    let (app_id, user_id, api_key_id) = ("app".to_owned(), "ann".to_owned(), "first".to_owned());
    let identity = Identity { app_id, user_id, api_key_id, claims };
    ClientKeys::new(vec![ClientKey { secret: Secret::new("k-1"), identity }])
}

fn with_key(key: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static(key))])
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query_pairs(query)
}

#[test]
fn a_query_is_decoded_in_its_order() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    for (query, expected) in [
        ("", vec![]),
        ("&&", vec![]),
        ("a=1&b=2&a=3", vec![pair("a", "1"), pair("b", "2"), pair("a", "3")]),
        ("a", vec![pair("a", "")]),
        ("a=", vec![pair("a", "")]),
        ("=1", vec![pair("", "1")]),
        ("a=b=c", vec![pair("a", "b=c")]),
        ("a+b=c+d", vec![pair("a b", "c d")]),
        ("a%20b=%2B%26%3D", vec![pair("a b", "+&=")]),
        ("k%C3%A9y=%e6%97%a5", vec![pair("kéy", "日")]),
        ("é=日", vec![pair("é", "日")]),
    ] {
        assert_eq!(pairs(query), expected, "{query}");
    }
}

#[test]
fn what_is_no_escape_stays_as_it_is() {
    for text in ["%", "%4", "%zz", "%4z", "%%", "100%", "%é"] {
        assert_eq!(decode(text), text);
    }
    assert_eq!(decode("%%41"), "%A");
    assert_eq!(decode("%2541"), "%41", "an escape is taken back once");
    assert_eq!(decode("%00"), "\0");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    assert_eq!(decode("a%ffb"), "a\u{fffd}b");
    assert_eq!(decode("%c3"), "\u{fffd}");
}

#[test]
fn a_known_key_tells_who_asks() {
    let mut life = life();
    authenticate(&mut life, Some(&keys()), &with_key("Bearer k-1")).unwrap();
    let facts = life.request().exchange.facts();
    assert_eq!((facts.app_id.as_str(), facts.user_id.as_str(), facts.api_key_id.as_str()), ("app", "ann", "first"));
    assert_eq!(facts.claims["team"], "blue");
}

#[test]
fn without_a_known_key_nobody_is_let_in() {
    let (no_key, unknown) = ("no key: send one as", "the key is not known");
    for (headers, words) in
        [(HeaderMap::new(), no_key), (with_key("Basic k-1"), no_key), (with_key("Bearer k-2"), unknown)]
    {
        let mut life = life();
        let error = authenticate(&mut life, Some(&keys()), &headers).unwrap_err();
        assert_eq!((error.kind, error.status()), (ErrorKind::Authentication, 401));
        assert!(error.message.starts_with(words), "{error}");
        assert_eq!(life.request().exchange.facts().app_id, "");
    }
}

#[test]
fn where_no_key_is_asked_for_everybody_is_let_in() {
    assert_eq!(authenticate(&mut life(), None, &HeaderMap::new()), Ok(()));
    assert_eq!(authenticate(&mut life(), None, &with_key("Bearer whatever")), Ok(()));
}

#[tokio::test]
async fn without_plugins_a_request_passes_as_it_is() {
    let mut life = life();
    assert!(!is_hooked(&life.request().exchange));
    let (parts, ()) = http::Request::post("/v1/messages?a=%20b").header("x-a", "1").body(()).unwrap().into_parts();
    let mut seen = None;
    let entered = enter(&mut life, None, parts, Bytes::from_static(b"{}"), &mut seen).await.unwrap();
    let Entered::Passed { headers, body } = entered else { panic!("a plugin answered") };
    assert_eq!((headers["x-a"].to_str().unwrap(), &body[..]), ("1", &b"{}"[..]));
    let seen = seen.unwrap();
    assert_eq!((seen.path(), seen.query("a")), ("/v1/messages", " b"));
    let left = leave(&mut life, HttpResponse::new(200, "fine"), Some(seen)).await.unwrap();
    assert_eq!((left.status, &left.body[..]), (200, &b"fine"[..]));
}

/// Never lets anybody in, nor says so.
struct Hesitant;

#[plugin]
impl Plugin for Hesitant {
    async fn pre_auth(&self, _: &mut Cx, _: &mut Draft<HttpRequest>) -> Result<AccessFlow, Failure> {
        std::future::pending().await
    }
}

/// A gateway with that plugin.
async fn hesitant(limits: Limits) -> Arc<Shared> {
    let services = MockServices::default().services();
    let started = Instance::start("hesitant", link(Hesitant), serde_json::Value::Null, services, None, None);
    let entry = Entry { instance: started.await.unwrap(), settings: Settings::default() };
    let plugins = Arc::new(PluginSet::compile(1, vec![entry]).unwrap());
    Shared::new(Snapshot { plugins, limits, ..Snapshot::bare() }, TaskTracker::new())
}

async fn ask_for_models(shared: &Shared) -> Result<(), LlmError> {
    let (parts, ()) = http::Request::get("/v1/models").body(()).unwrap().into_parts();
    admit(shared, &TaskTracker::new(), &shared.snapshot(), &parts).await
}

#[tokio::test]
async fn who_is_asked_for_the_models_takes_a_place_also_once_the_client_is_gone() {
    let shared = hesitant(Limits { concurrent_requests: 2, ..Limits::default() }).await;
    for active in 1..=2 {
        let gone = tokio::time::timeout(Duration::from_millis(10), ask_for_models(&shared)).await;
        assert!(gone.is_err(), "nobody answers");
        assert_eq!(shared.active_requests(), active);
    }
    let error = ask_for_models(&shared).await.unwrap_err();
    assert_eq!((error.kind, error.status()), (ErrorKind::Overloaded, 503));
    assert_eq!(shared.active_requests(), 2, "who is refused takes no place");
}

#[tokio::test]
async fn who_asks_for_the_models_has_no_more_time_than_a_request() {
    let shared = hesitant(Limits { request_timeout: Duration::from_millis(50), ..Limits::default() }).await;
    let asked = tokio::time::timeout(Duration::from_secs(3), ask_for_models(&shared)).await;
    assert_eq!(asked.unwrap().unwrap_err().status(), 504);
    shared.tasks.close();
    shared.tasks.wait().await;
    assert_eq!(shared.active_requests(), 0);
}
