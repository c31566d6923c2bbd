use super::{WebhookEvent, WebhookNotifier, WebhookNotifierConfig};
use gatewright_plugin::model::{ErrorKind, LlmError};
use gatewright_plugin::prelude::*;
use gatewright_plugin::services::ServiceError;
use gatewright_testkit::services::MockServices;
use gatewright_testkit::{MockCx, block_on, failed, poll_once, summary};
use serde_json::json;
use std::pin::pin;
use std::time::Duration;

const URL: &str = "https://hooks.test/T0/secret-path";

fn cx() -> MockCx {
    MockCx::new("test-123", "user-456", "key-789", "gpt-4", "/v1/chat/completions")
}

fn notifier(config: WebhookNotifierConfig) -> WebhookNotifier {
    WebhookNotifier::from_config(config).unwrap()
}

#[test]
fn a_request_that_ended_is_told_of() {
    let mut cx = cx();
    cx.mocks().http.reply(204, "");
    let plugin = notifier(WebhookNotifierConfig::to(URL));
    assert_eq!(block_on(plugin.post_request(&mut cx, &RequestSummary { cost: 0.25, ..summary() })), Ok(()));
    let call = &cx.mocks().http.calls()[0];
    assert_eq!((call.method.as_str(), &*call.url, call.timeout), ("POST", URL, Duration::from_secs(5)));
    assert_eq!(call.headers.get("content-type"), "application/json");
    let expected = json!({
        "event": "post_request", "request_id": "test-123", "model": "gpt-4", "user_id": "user-456", "cost": 0.25
    });
    assert_eq!(cx.mocks().http.bodies(), [expected]);
    assert_eq!(json!(cx.attached()), json!({"webhook_sent": true}));
}

#[test]
fn a_cost_that_is_not_known_is_left_out() {
    let mut cx = cx();
    cx.mocks().http.reply(200, "");
    let summary =
        RequestSummary { priced: false, model: String::new(), ..failed(ErrorKind::NotFound, "no such model") };
    let plugin = notifier(WebhookNotifierConfig::to(URL));
    block_on(plugin.post_request(&mut cx, &summary)).unwrap();
    let expected = json!({"event": "post_request", "request_id": "test-123", "model": "gpt-4", "user_id": "user-456"});
    assert_eq!(cx.mocks().http.bodies(), [expected]);
}

#[test]
fn an_error_is_told_of() {
    let mut cx = cx();
    cx.mocks().http.reply(200, "ok");
    let plugin = notifier(WebhookNotifierConfig::to(URL));
    let error = LlmError::new(ErrorKind::Upstream, "the provider failed");
    assert_eq!(block_on(plugin.on_error(&mut cx, &error)), Ok(()));
    let expected = json!({"event": "on_error", "request_id": "test-123", "error_message": "the provider failed"});
    assert_eq!(cx.mocks().http.bodies(), [expected]);
    assert_eq!(json!(cx.attached()), json!({"webhook_sent": true}));
}

#[test]
fn what_was_not_delivered_is_not_said_to_be() {
    let plugin = notifier(WebhookNotifierConfig::to(URL));
    for script in [|cx: &MockCx| cx.mocks().http.reply(500, ""), |cx: &MockCx| cx.mocks().http.reply(302, "")] {
        let mut cx = cx();
        script(&cx);
        assert_eq!(block_on(plugin.post_request(&mut cx, &summary())), Ok(()));
        assert_eq!(json!(cx.attached()), json!({"webhook_sent": false}));
        assert!(cx.mocks().log.line("webhook was refused").is_some());
    }
    let mut cx = cx();
    cx.mocks().http.fail(ServiceError::Deadline);
    assert_eq!(block_on(plugin.post_request(&mut cx, &summary())), Ok(()));
    assert_eq!(json!(cx.attached()), json!({"webhook_sent": false}));
    let line = cx.mocks().log.line("webhook was not delivered").unwrap();
    assert_eq!(line.fields["error"], "the deadline passed");

    let mut cx = self::cx();
    cx.mocks().http.fail(ServiceError::Failed(format!("cannot connect to {URL}")));
    block_on(plugin.post_request(&mut cx, &summary())).unwrap();
    let line = cx.mocks().log.line("webhook was not delivered").unwrap();
    assert_eq!(line.fields["error"], "cannot connect to the address");
}

#[test]
fn without_the_permission_nothing_is_sent() {
    let mut cx = cx().with_services(MockServices::deny([Permission::Http]));
    let plugin = notifier(WebhookNotifierConfig::to(URL));
    assert_eq!(block_on(plugin.post_request(&mut cx, &summary())), Ok(()));
    assert!(cx.mocks().http.calls().is_empty());
    assert_eq!(json!(cx.attached()), json!({"webhook_sent": false}));
    assert_eq!(WebhookNotifier::manifest().permissions.into_iter().collect::<Vec<_>>(), [Permission::Http]);
}

#[test]
fn a_delivery_that_hangs_is_given_up_within_the_hooks_time() {
    let mut cx = cx();
    cx.mocks().http.hang();
    let plugin = notifier(WebhookNotifierConfig::to(URL));
    assert!(poll_once(pin!(plugin.post_request(&mut cx, &summary()))).is_none());
    let call = &cx.mocks().http.calls()[0];
    assert!(WebhookNotifier::manifest().timeout.is_some_and(|hook| hook > call.timeout));
}

#[test]
fn events_and_headers_are_as_configured() {
    let config = json!({"url": URL, "headers": {"x-token": "abc"}, "events": ["on_error"]});
    let plugin = notifier(serde_json::from_value(config).unwrap());
    let mut cx = cx();
    cx.mocks().http.reply(200, "");
    block_on(plugin.post_request(&mut cx, &summary())).unwrap();
    assert!(cx.mocks().http.calls().is_empty() && cx.attached().is_empty());
    block_on(plugin.on_error(&mut cx, &LlmError::new(ErrorKind::Timeout, "slow"))).unwrap();
    assert_eq!(cx.mocks().http.calls()[0].headers.get("x-token"), "abc");
    let both = [WebhookEvent::PostRequest, WebhookEvent::OnError];
    assert_eq!(WebhookNotifierConfig::to(URL).events, both);
}

#[test]
fn an_address_or_header_that_cannot_work_fails_the_load_and_is_not_repeated() {
    for url in ["", "secret", "/secret", "ftp://secret.test/", "https://", "https:///secret"] {
        let failure = WebhookNotifier::from_config(WebhookNotifierConfig::to(url)).unwrap_err().to_string();
        assert!(failure.starts_with("url: must be") && !failure.contains("secret"), "{url}: {failure}");
    }
    let mut config = WebhookNotifierConfig::to(URL);
    config.headers.insert("x-token".to_owned(), "secret\n".to_owned());
    let failure = WebhookNotifier::from_config(config).unwrap_err().to_string();
    assert_eq!(failure, "headers: `x-token` or its value is not legal in HTTP");
}

#[test]
fn one_that_tells_of_nothing_fails_the_load() {
    let failure =
        WebhookNotifier::from_config(WebhookNotifierConfig { events: Vec::new(), ..WebhookNotifierConfig::to(URL) });
    assert_eq!(failure.unwrap_err().to_string(), "events: must not be empty: nobody would be told of anything");
}
