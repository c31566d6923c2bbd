//! For each hook: what it is called with.

mod conversations;
mod texts;

use conversations::{answers, failed_requests, requests, tool_calls};
use futures_util::future::BoxFuture;
use gatewright_model::{
    Channel, Chunk, ErrorKind, Headers, HttpRequest, HttpResponse, LlmError, Message, Part, Raw, Response, Role,
    StreamChunk, StreamChunkBody,
};
use gatewright_pipeline::Judge;
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::*;
use gatewright_plugin::{Draft, Failure, Identity, PreLlm};
use gatewright_testkit::{failed, output, summary};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use texts::of_texts;

/// A payload and its name.
pub(crate) type Sample<P> = (&'static str, P);

/// What a hook is called with.
pub(crate) trait Samples: Judge {
    /// The payloads, the plain one first.
    fn samples() -> Vec<Sample<Self::Payload>>;

    /// Uses what was answered up: a stream is pulled to its end.
    fn finish(outcome: Self::Outcome) -> BoxFuture<'static, Result<(), Failure>> {
        let _ = outcome;
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The most chunks of a stream, and the longest time for each.
const MOST_CHUNKS: usize = 10_000;
const CHUNK: Duration = Duration::from_secs(30);

macro_rules! samples {
    ($($point:ident: $samples:expr;)*) => {$(
        impl Samples for point::$point {
            fn samples() -> Vec<Sample<Self::Payload>> {
                $samples
            }
        }
    )*};
}

samples! {
    HttpRequest: http_requests().into_iter().map(|(name, request)| (name, Draft::from(request))).collect();
    HttpResponse: of_texts(|text| exchanged(HttpResponse::json(200, &json!({ "said": text }))))
        .chain([("error", exchanged(HttpResponse::new(500, "it broke"))), ("no_body", exchanged(HttpResponse::new(204, "")))])
        .collect();
    HttpStreamChunk: of_texts(|text| streamed(None, StreamChunkBody::Chat(Raw::from_value(&json!({ "delta": text })))))
        .chain([
            ("named", streamed(Some("message_stop"), StreamChunkBody::Chat(Raw::from_value(&json!({}))))),
            ("error", streamed(None, StreamChunkBody::Error(Raw::from_value(&json!({ "error": "it broke" }))))),
        ])
        .collect();
    PreAuth: http_requests().into_iter().map(|(name, request)| (name, Draft::from(request))).collect();
    Auth: of_texts(|text| AuthRequest { credential: Some(Secret::new(text)), request: Arc::new(http_request("hello")) })
        .chain([("none", AuthRequest { credential: None, request: Arc::new(http_request("hello")) })])
        .collect();
    PostAuth: http_requests().into_iter().map(|(name, request)| (name, Draft::from(request))).collect();
    PreRequest: requests().into_iter().map(|(name, request)| (name, Arc::new(request))).collect();
    CheckInput: requests().into_iter().map(|(name, request)| (name, Arc::new(request))).collect();
    PostLlm: results();
    OnStreamChunk: of_texts(|text| piece(text, false, false))
        .chain([("final", piece("hi", true, false)), ("final_left", piece("hi", true, true))])
        .collect();
    CheckOutput: of_texts(output)
        .chain([("window", OutputCheck { is_final: false, response: None, ..output("hel") }), ("two_channels", two_channels())])
        .collect();
    OnError: of_texts(|text| Arc::new(LlmError::new(ErrorKind::Upstream, text)))
        .chain([("of_a_plugin", Arc::new(LlmError::new(ErrorKind::GuardrailBlocked, "no").with_plugin("other")))])
        .collect();
    PostRequest: summaries();
    RequestEnd: summaries();
    OnUserMessage: of_texts(|text| Draft::from(Message::text(Role::User, text))).collect();
    BeforeAgent: of_texts(|text| {
        Draft::from(AgentCall { agent: "root".to_owned(), input: vec![Message::text(Role::User, text)] })
    })
    .collect();
    AfterAgent: of_texts(|text| agent_result(vec![Message::text(Role::Assistant, text)], None))
        .chain([("error", agent_result(Vec::new(), Some(LlmError::new(ErrorKind::Upstream, "it broke"))))])
        .collect();
    BeforeModel: requests().into_iter().map(|(name, request)| (name, Draft::from(request))).collect();
    AfterModel: answers().into_iter().map(|(name, answer)| (name, Draft::from(answer))).collect();
    BeforeTool: tool_calls().into_iter().map(|(name, call)| (name, Draft::from(call))).collect();
    AfterTool: of_texts(|text| tool_outcome(json!({ "said": text }), false))
        .chain([("failed", tool_outcome(json!("it broke"), true)), ("null", tool_outcome(json!(null), false))])
        .collect();
    OnModelError: failed_requests()
        .into_iter()
        .map(|(name, request, error)| (name, ModelError { request: Arc::new(request), error: Arc::new(error) }))
        .collect();
    OnToolError: tool_calls()
        .into_iter()
        .map(|(name, call)| (name, ToolError { call: Arc::new(call), message: "it broke".to_owned() }))
        .collect();
    OnEvent: of_texts(|text| Draft::from(event(text, false))).chain([("partial", Draft::from(event("hi", true)))]).collect();
    BeforeCreate: of_texts(|text| Draft::from(change("", text))).collect();
    AfterCreate: of_texts(|text| Arc::new(change("p-1", text))).collect();
    BeforeUpdate: of_texts(|text| Draft::from(change("p-1", text))).collect();
    AfterUpdate: of_texts(|text| Arc::new(change("p-1", text))).collect();
    BeforeDelete: of_texts(|text| Draft::from(change("p-1", text))).collect();
    AfterDelete: of_texts(|text| Arc::new(change("p-1", text))).collect();
    Endpoint: of_texts(|text| Arc::new(EndpointCall { request: http_request(text), identity: Some(identity()) }))
        .chain([("nobody", Arc::new(EndpointCall { request: http_request("hello"), identity: None }))])
        .collect();
    Rpc: of_texts(|text| {
        Arc::new(RpcCall { method: "list".to_owned(), payload: json!({ "q": text }), identity: identity() })
    })
    .collect();
    Asset: of_texts(|text| Arc::new(AssetCall { path: text.to_owned() })).collect();
    Schedule: vec![("plain", Arc::new(ScheduledTask { name: "nightly".to_owned(), config: json!({ "keep": 3 }) }))];
    OnStartup: vec![("plain", Startup { name: "test".to_owned(), config: json!({}) })];
    OnShutdown: vec![("plain", Shutdown)];
    Health: vec![("plain", HealthCheck)];
}

impl Samples for point::PreLlm {
    fn samples() -> Vec<Sample<Self::Payload>> {
        requests().into_iter().map(|(name, request)| (name, Draft::from(request))).collect()
    }

    fn finish(outcome: PreLlm) -> BoxFuture<'static, Result<(), Failure>> {
        let PreLlm::Stream(mut stream) = outcome else { return Box::pin(std::future::ready(Ok(()))) };
        Box::pin(async move {
            for _ in 0..MOST_CHUNKS {
                match tokio::time::timeout(CHUNK, stream.next_chunk()).await {
                    Ok(Some(Ok(_))) => {}
                    // An error is an end too.
                    Ok(None | Some(Err(_))) => return Ok(()),
                    Err(_) => return Err(Failure::TimedOut),
                }
            }
            Err(Failure::Oversized(format!("its stream has more than {MOST_CHUNKS} chunks")))
        })
    }
}

fn http_request(text: &str) -> HttpRequest {
    let mut headers = Headers::default();
    headers.set("content-type", "application/json");
    headers.set("x-tenant", "acme");
    let body = json!({ "model": "gpt-4", "messages": [{ "role": "user", "content": text }] }).to_string();
    let query = vec![("a".to_owned(), "1".to_owned())];
    HttpRequest::new(http::Method::POST, "/v1/chat/completions".to_owned(), query, headers, body)
}

fn http_requests() -> Vec<Sample<HttpRequest>> {
    let with_body = |body: Vec<u8>| {
        let mut request = http_request("");
        request.body = bytes::Bytes::from(body).into();
        request
    };
    let bare = HttpRequest::new(http::Method::GET, "/".to_owned(), Vec::new(), Headers::default(), "");
    let rare = [("no_body", with_body(Vec::new())), ("no_json", with_body(vec![0xff, 0xfe, 0, 0x80])), ("bare", bare)];
    of_texts(http_request).chain(rare).collect()
}

fn exchanged(response: HttpResponse) -> HttpExchange {
    HttpExchange { request: Arc::new(http_request("hello")), response: Draft::from(response) }
}

fn streamed(event: Option<&str>, body: StreamChunkBody) -> StreamExchange {
    let chunk = Draft::from(StreamChunk { event: event.map(str::to_owned), body });
    StreamExchange { request: Arc::new(http_request("hello")), chunk }
}

fn results() -> Vec<Sample<Draft<LlmResult>>> {
    let chunk = |part: Part| Draft::from(LlmResult::Chunk(Chunk::from_parts([part])));
    let tool = Channel { block: 1, kind: gatewright_model::ChannelKind::ToolArguments, ..Channel::TEXT };
    let tool_begins = Part::ToolUse { channel: tool, id: "call-1".to_owned(), name: "lookup".to_owned() };
    let arguments = Part::Text { channel: tool, text: "{\"q\": \"x".to_owned() };
    let nothing = Draft::from(LlmResult::Chunk(Chunk::from_parts([])));
    let whole = answers().into_iter().map(|(name, answer)| (name, Draft::from(LlmResult::Response(answer))));
    whole
        .chain([
            ("chunk", chunk(Part::Text { channel: Channel::TEXT, text: "hel".to_owned() })),
            ("chunk_empty", nothing),
            ("chunk_tool", chunk(tool_begins)),
            ("chunk_arguments", chunk(arguments)),
            ("chunk_done", chunk(Part::Done)),
            ("stream_end", Draft::from(LlmResult::StreamEnd(Response::of_text("openai", "gpt-4", "hello")))),
            ("error", Draft::from(LlmResult::Error(LlmError::new(ErrorKind::Upstream, "it broke")))),
        ])
        .collect()
}

fn piece(text: &str, is_final: bool, released: bool) -> Draft<ChannelText> {
    Draft::from(ChannelText { channel: Channel::TEXT, text: text.to_owned(), is_final, released })
}

fn two_channels() -> OutputCheck {
    let text = |kind, text: &str| {
        let channel = Channel { kind, ..Channel::TEXT };
        ChannelText { channel, text: text.to_owned(), is_final: true, released: false }
    };
    let texts = vec![
        text(gatewright_model::ChannelKind::Reasoning, "they greet me"),
        text(gatewright_model::ChannelKind::Text, "hello"),
    ];
    OutputCheck { texts, is_final: true, response: None }
}

fn summaries() -> Vec<Sample<Arc<RequestSummary>>> {
    vec![
        ("plain", Arc::new(summary())),
        ("failed", Arc::new(failed(ErrorKind::Upstream, "it broke"))),
        ("blocked", Arc::new(failed(ErrorKind::GuardrailBlocked, "no"))),
        ("cancelled", Arc::new(failed(ErrorKind::Cancelled, "gone"))),
        ("bare", Arc::new(RequestSummary::default())),
    ]
}

fn agent_result(output: Vec<Message>, error: Option<LlmError>) -> Arc<AgentResult> {
    Arc::new(AgentResult { agent: "root".to_owned(), output, error })
}

fn tool_outcome(content: serde_json::Value, is_error: bool) -> ToolOutcome {
    let call = ToolCall { id: "call-1".to_owned(), name: "lookup".to_owned(), arguments: json!({ "q": "x" }) };
    ToolOutcome { call: Arc::new(call), answer: Draft::from(ToolAnswer { content, is_error }) }
}

fn event(text: &str, partial: bool) -> AgentEvent {
    let (id, author, kind) = ("e-1".to_owned(), "root".to_owned(), "message".to_owned());
    AgentEvent { id, author, kind, content: json!({ "text": text }), partial, tags: Vec::new() }
}

fn change(id: &str, text: &str) -> ObjectChange {
    let actor = Actor { user_id: "user".to_owned(), source: "api".to_owned() };
    let (object_type, id) = ("provider".to_owned(), id.to_owned());
    ObjectChange { object_type, id, object: json!({ "name": text }), previous: Some(json!({ "name": "o" })), actor }
}

fn identity() -> Identity {
    Identity { app_id: "app".to_owned(), user_id: "user".to_owned(), ..Identity::default() }
}
