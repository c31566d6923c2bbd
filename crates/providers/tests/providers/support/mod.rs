//! A scripted upstream, and short words for settings, calls and answers.

mod modern;
mod script;
mod upstream;

pub(crate) use modern::{Modern, certificate};
pub(crate) use script::{Step, Then, error, json, raw, sse};
pub(crate) use upstream::Upstream;

use bytes::Bytes;
use futures_util::StreamExt;
use gatewright_dialects::{ANTHROPIC, OPENAI};
use gatewright_engine::{Answer, AnswerBody, AttemptCall, Provider};
use gatewright_model::{Codec, Kind, LlmError, Request};
use gatewright_providers::{KeySettings, ProviderKind, ProviderSettings, build};
use http::HeaderMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An answer of OpenAI's.
pub(crate) const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

/// A chunk of OpenAI's stream.
pub(crate) const CHUNK: &str = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#;

/// Settings of an OpenAI-like provider at this upstream, with a key of each of these names.
pub(crate) fn settings(upstream: &Upstream, keys: &[&str]) -> ProviderSettings {
    let mut settings = ProviderSettings::new("up", ProviderKind::OpenAi);
    settings.base_url = Some(upstream.url("/v1"));
    settings.keys = keys.iter().map(|name| KeySettings::new(*name, format!("sk-secret-{name}"))).collect();
    settings
}

/// The same, tried up to `retries` times more, with waits of milliseconds.
pub(crate) fn retrying(upstream: &Upstream, keys: &[&str], retries: u32) -> ProviderSettings {
    let mut settings = settings(upstream, keys);
    settings.retry.max_retries = retries;
    settings.retry.backoff_initial = Duration::from_millis(1);
    settings.retry.backoff_max = Duration::from_millis(5);
    settings
}

pub(crate) fn provider(settings: ProviderSettings) -> Arc<dyn Provider> {
    build(settings).unwrap()
}

/// A conversation of one question.
pub(crate) fn call(stream: bool) -> AttemptCall {
    call_of(&format!(r#"{{"model":"gpt-4o","stream":{stream},"messages":[{{"role":"user","content":"Hi"}}]}}"#))
}

/// A request in OpenAI's dialect.
pub(crate) fn call_of(body: &str) -> AttemptCall {
    call_in(&OPENAI, body)
}

/// A request in Anthropic's dialect.
pub(crate) fn anthropic_call(stream: bool) -> AttemptCall {
    let messages = r#"[{"role":"user","content":"Hi"}]"#;
    let body = format!(r#"{{"model":"claude","max_tokens":9,"stream":{stream},"messages":{messages}}}"#);
    call_in(&ANTHROPIC, &body)
}

/// A request in the dialect of a codec.
pub(crate) fn call_in(codec: &'static dyn Codec, body: &str) -> AttemptCall {
    let request = Request::from_wire(Kind::Chat, codec, Bytes::from(body.to_owned())).unwrap();
    AttemptCall { request, include_usage: false, headers: HeaderMap::new(), deadline: None }
}

/// The same call, to be done in this time.
pub(crate) fn within(mut call: AttemptCall, time: Duration) -> AttemptCall {
    call.deadline = Some(Instant::now() + time);
    call
}

/// The error of an attempt that must fail.
pub(crate) async fn failure(provider: &Arc<dyn Provider>, call: AttemptCall) -> LlmError {
    match provider.attempt(call).await {
        Ok(_) => panic!("the attempt succeeded"),
        Err(error) => error,
    }
}

/// The text of an answer that must be whole.
pub(crate) fn text(answer: &Answer) -> String {
    match &answer.body {
        AnswerBody::Whole(response) => response.chat().unwrap().choices[0].message.joined_text(),
        AnswerBody::Stream(_) => panic!("a stream"),
    }
}

/// The bytes of an answer that must be a stream, and the error that ended it, if one did.
pub(crate) async fn streamed(answer: Answer) -> (String, Option<LlmError>) {
    let AnswerBody::Stream(mut stream) = answer.body else { panic!("a whole answer") };
    let mut bytes = Vec::new();
    while let Some(piece) = stream.bytes.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                assert!(stream.bytes.next().await.is_none(), "an error is the last item");
                return (String::from_utf8(bytes).unwrap(), Some(error));
            }
        }
    }
    (String::from_utf8(bytes).unwrap(), None)
}
