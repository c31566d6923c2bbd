//! Plain answers, in both dialects.

use crate::support::*;
use gatewright_dialects::ANTHROPIC;
use gatewright_engine::{AnswerBody, AttemptCall};
use gatewright_model::{Compat, ErrorKind, MaxTokensField};
use gatewright_providers::{KeySettings, ProviderKind, ProviderSettings, Thoughts};

#[tokio::test]
async fn a_request_goes_out_as_it_came_and_its_answer_comes_back_as_it_came() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    let answer = provider.attempt(call(false)).await.unwrap();
    assert_eq!((answer.retries, answer.key_name.as_str()), (0, "k1"));
    let AnswerBody::Whole(response) = &answer.body else { panic!("a stream") };
    assert_eq!(response.wire().unwrap().body(), ANSWER.as_bytes());
    assert_eq!((response.provider.as_str(), response.model.as_str()), ("up", "gpt-4o"));
    let seen = &upstream.seen()[0];
    assert_eq!(seen.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(seen.headers["host"], upstream.address());
    assert_eq!(seen.headers["authorization"], "Bearer sk-secret-k1");
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.body, r#"{"model":"gpt-4o","stream":false,"messages":[{"role":"user","content":"Hi"}]}"#);
}

#[tokio::test]
async fn anthropic_has_headers_and_a_path_of_its_own() {
    let body = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}"#;
    let upstream = Upstream::playing(vec![json(200, body)]).await;
    for path in ["", "/v1", "/v1/", "/v1/messages"] {
        let mut settings = ProviderSettings::new("claude", ProviderKind::Anthropic);
        settings.base_url = Some(upstream.url(path));
        settings.keys = vec![KeySettings::new("k1", "sk-ant-1")];
        let answer = provider(settings).attempt(anthropic_call(false)).await.unwrap();
        assert_eq!(text(&answer), "Hello");
    }
    for seen in upstream.seen() {
        assert_eq!(seen.line, "POST /v1/messages HTTP/1.1");
        assert_eq!(seen.headers["x-api-key"], "sk-ant-1");
        assert_eq!(seen.headers["anthropic-version"], "2023-06-01");
        assert!(!seen.headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn without_keys_no_key_is_sent() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let mut settings = settings(&upstream, &[]);
    settings.base_url = Some(upstream.url(""));
    let answer = provider(settings).attempt(call(false)).await.unwrap();
    assert_eq!(answer.key_name, "");
    let seen = &upstream.seen()[0];
    assert_eq!(seen.line, "POST /v1/chat/completions HTTP/1.1");
    assert!(!seen.headers.contains_key("authorization"));
}

#[tokio::test]
async fn an_address_with_a_path_of_its_own_is_taken_as_it_is() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    for (path, expected) in [
        ("/chat/completions", "/chat/completions"),
        ("/chat/completions/", "/chat/completions"),
        ("/deployments/a/chat/completions?api-version=1", "/deployments/a/chat/completions?api-version=1"),
        ("/api/v3", "/api/v3/chat/completions"),
    ] {
        let mut settings = settings(&upstream, &["k1"]);
        settings.base_url = Some(upstream.url(path));
        provider(settings).attempt(call(false)).await.unwrap();
        assert_eq!(upstream.seen().last().unwrap().line, format!("POST {expected} HTTP/1.1"));
    }
}

#[tokio::test]
async fn a_provider_is_asked_for_what_it_knows() {
    let upstream = Upstream::playing(vec![sse(&[CHUNK]).end()]).await;
    for (compat, usage, limit) in [
        (Compat::default(), true, "max_completion_tokens"),
        (Compat { stream_usage: false, max_tokens_field: MaxTokensField::MaxTokens }, false, "max_tokens"),
    ] {
        let mut settings = settings(&upstream, &["k1"]);
        settings.compat = compat;
        let provider = provider(settings);
        for call in [call(true), anthropic_call(true)] {
            provider.attempt(AttemptCall { include_usage: true, ..call }).await.unwrap();
        }
        let [same, translated] = upstream.seen().split_off(upstream.seen().len() - 2).try_into().unwrap();
        assert_eq!(same.body.contains("include_usage"), usage, "{}", same.body);
        assert_eq!(translated.body.contains("include_usage"), usage, "{}", translated.body);
        assert!(translated.body.contains(&format!("\"{limit}\":9")), "{}", translated.body);
    }
}

#[tokio::test]
async fn past_thoughts_go_to_those_who_take_them_back() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[
        {"type":"thinking","thinking":"Hm.","signature":""},
        {"type":"tool_use","id":"call_1__signed__c2ln_2b","name":"f","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1__signed__c2ln_2b","content":"x"}]}]}"#;
    for (name, thoughts, member) in [
        ("up", None, ""),
        ("openai", None, ""),
        ("deepseek", None, r#""reasoning_content":"Hm.""#),
        ("openrouter", None, r#""reasoning":"Hm.""#),
        ("gemini", None, r#""thought_signature":"c2ln+""#),
        ("up", Some(Thoughts::Reasoning), r#""reasoning":"Hm.""#),
        ("deepseek", Some(Thoughts::None), ""),
    ] {
        let mut settings = settings(&upstream, &["k1"]);
        (settings.name, settings.thoughts) = (name.to_owned(), thoughts);
        provider(settings).attempt(call_in(&ANTHROPIC, body)).await.unwrap();
        let sent = upstream.seen().pop().unwrap().body;
        let members = [r#""reasoning_content":"#, r#""reasoning":"#, r#""extra_content":"#];
        assert!(sent.contains(member) && sent.contains(r#""tool_call_id":"call_1""#), "{name}: {sent}");
        assert_eq!(
            members.iter().filter(|name| sent.contains(**name)).count(),
            usize::from(!member.is_empty()),
            "{sent}"
        );
    }
}

#[tokio::test]
async fn keys_are_for_their_models() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let mut settings = settings(&upstream, &["other", "gpt"]);
    settings.keys[0].models = vec!["o3".to_owned(), "claude-*".to_owned()];
    settings.keys[1].models = vec!["gpt-*".to_owned()];
    settings.models = vec!["gpt-4o".to_owned()];
    let provider = provider(settings);
    assert_eq!(provider.models(), ["gpt-4o", "o3"]);
    for _ in 0..10 {
        assert_eq!(provider.attempt(call(false)).await.unwrap().key_name, "gpt");
    }
    let error = failure(&provider, call_of(r#"{"model":"llama","messages":[{"role":"user","content":"Hi"}]}"#)).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::NotFound, Some("model_not_found")));
    assert_eq!(error.param.as_deref(), Some("model"));
}

#[tokio::test]
async fn an_error_of_the_providers_is_kept() {
    let body = r#"{"error":{"message":"max_tokens is too large","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}"#;
    let upstream = Upstream::playing(vec![json(400, body)]).await;
    let error = failure(&provider(retrying(&upstream, &["k1"], 3)), call(false)).await;
    assert_eq!(error.message, "max_tokens is too large");
    assert_eq!((error.kind, error.status()), (ErrorKind::InvalidRequest, 400));
    assert_eq!((error.code.as_deref(), error.param.as_deref()), (Some("invalid_value"), Some("max_tokens")));
    assert_eq!(error.provider.as_deref(), Some("up"));
    assert_eq!(upstream.seen().len(), 1, "a refused request is not sent again");
}

#[tokio::test]
async fn an_answer_in_many_pieces_is_put_together() {
    let length = ANSWER.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    let mut steps = vec![Step::Send(head.into_bytes())];
    for piece in ANSWER.as_bytes().chunks(50) {
        steps.push(Step::Send(piece.to_vec()));
        steps.push(Step::Wait(std::time::Duration::from_millis(1)));
    }
    let upstream = Upstream::playing(vec![steps]).await;
    let answer = provider(settings(&upstream, &["k1"])).attempt(call(false)).await.unwrap();
    assert_eq!(text(&answer), "Hello there");
}
