use super::RequestLogger;
use gatewright_plugin::prelude::*;
use gatewright_plugin::services::Level;
use gatewright_testkit::{MockCx, block_on, request};
use serde_json::json;

#[test]
fn a_line_holds_request_user_model_and_number_of_messages() {
    let mut cx = MockCx::new("test-123", "user-456", "key-789", "gpt-4", "/v1/chat/completions");
    let request = request("gpt-4").system("Be brief.").user("My secret is 42").build();
    assert_eq!(block_on(RequestLogger.pre_request(&mut cx, &request)), Ok(()));
    let lines = cx.mocks().log.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].level, &*lines[0].message, &*lines[0].request_id),
        (Level::Info, "incoming request", "test-123")
    );
    assert_eq!(json!(lines[0].fields), json!({"user_id": "user-456", "model": "gpt-4", "message_count": 2}));
    assert!(cx.attached().is_empty());
}

#[test]
fn it_stands_at_one_hook_and_waits_for_nothing() {
    assert_eq!(RequestLogger::HOOKS.iter().collect::<Vec<_>>(), [Hook::PreRequest]);
    assert_eq!(RequestLogger::IMMEDIATE, RequestLogger::HOOKS);
    assert_eq!(RequestLogger::manifest().name, "request_logger");
}
