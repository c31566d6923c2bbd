//! A call of every hook, for tests.

use crate::functions::Function;
use crate::service::{Ask, services};
use gatewright_model::{
    Channel, Chat, Chunk, ErrorKind, Headers, HttpRequest, HttpResponse, LlmError, Message, Raw, Request, Response,
    Role, StreamChunk, StreamChunkBody,
};
use gatewright_plugin::hosted::Call;
use gatewright_plugin::payload::*;
use gatewright_plugin::services::{BoxFuture, ServiceError};
use gatewright_plugin::{Cx, Facts, Hook, Identity, State};
use http::Method;
use serde_json::json;
use std::sync::Arc;

/// Stands wherever a payload holds what a user, a model or a tool says, and nowhere else.
pub(crate) const SAID: &str = "what was said";

/// Headers that are there wherever a payload has any. Each has its own name as its value.
pub(crate) const HEADERS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "x-asked",
    "x-other",
];

/// A context in which nothing was left.
pub(crate) fn cx() -> Cx {
    let services = services(Arc::new(NoHost));
    Cx::new(Arc::new(Facts::default()), State::default(), None, services)
}

/// A call of this hook.
pub(crate) fn call(hook: Hook) -> Call {
    match hook {
        Hook::HttpRequest => Call::HttpRequest(http_request().into()),
        Hook::HttpResponse => Call::HttpResponse(HttpExchange {
            request: Arc::new(http_request()),
            response: HttpResponse { headers: headers(), ..HttpResponse::new(200, SAID) }.into(),
        }),
        Hook::HttpStreamChunk => {
            let body = StreamChunkBody::Chat(Raw::from_value(&json!({ "choices": SAID })));
            let chunk = StreamChunk { event: None, body }.into();
            Call::HttpStreamChunk(StreamExchange { request: Arc::new(http_request()), chunk })
        }
        Hook::PreAuth => Call::PreAuth(http_request().into()),
        Hook::Auth => Call::Auth(AuthRequest { credential: None, request: Arc::new(http_request()) }),
        Hook::PostAuth => Call::PostAuth(http_request().into()),
        Hook::PreRequest => Call::PreRequest(Arc::new(request())),
        Hook::CheckInput => Call::CheckInput(Arc::new(request())),
        Hook::PreLlm => Call::PreLlm(request().into()),
        Hook::PostLlm => post_llm(LlmResult::Response(response())),
        Hook::OnStreamChunk => Call::OnStreamChunk(text().into()),
        Hook::CheckOutput => {
            Call::CheckOutput(OutputCheck { texts: vec![text()], is_final: true, response: Some(Arc::new(response())) })
        }
        Hook::OnError => Call::OnError(Arc::new(error())),
        Hook::PostRequest => Call::PostRequest(Arc::default()),
        Hook::RequestEnd => Call::RequestEnd(Arc::default()),
        Hook::OnUserMessage => Call::OnUserMessage(message().into()),
        Hook::BeforeAgent => Call::BeforeAgent(AgentCall { agent: "a".to_owned(), input: vec![message()] }.into()),
        Hook::AfterAgent => {
            Call::AfterAgent(Arc::new(AgentResult { agent: "a".to_owned(), output: vec![message()], error: None }))
        }
        Hook::BeforeModel => Call::BeforeModel(request().into()),
        Hook::AfterModel => Call::AfterModel(response().into()),
        Hook::BeforeTool => Call::BeforeTool(tool_call().into()),
        Hook::AfterTool => {
            let answer = ToolAnswer { content: json!([SAID]), is_error: false };
            Call::AfterTool(ToolOutcome { call: Arc::new(tool_call()), answer: answer.into() })
        }
        Hook::OnModelError => Call::OnModelError(ModelError { request: Arc::new(request()), error: Arc::new(error()) }),
        Hook::OnToolError => {
            Call::OnToolError(ToolError { call: Arc::new(tool_call()), message: "it failed".to_owned() })
        }
        Hook::OnEvent => {
            let (id, author, kind) = ("e".to_owned(), "user".to_owned(), "message".to_owned());
            Call::OnEvent(
                AgentEvent { id, author, kind, content: json!([SAID]), partial: false, tags: Vec::new() }.into(),
            )
        }
        Hook::BeforeCreate => Call::BeforeCreate(change().into()),
        Hook::AfterCreate => Call::AfterCreate(Arc::new(change())),
        Hook::BeforeUpdate => Call::BeforeUpdate(change().into()),
        Hook::AfterUpdate => Call::AfterUpdate(Arc::new(change())),
        Hook::BeforeDelete => Call::BeforeDelete(change().into()),
        Hook::AfterDelete => Call::AfterDelete(Arc::new(change())),
        Hook::Endpoint => Call::Endpoint(Arc::new(EndpointCall { request: http_request(), identity: None })),
        Hook::Rpc => {
            let (method, payload, identity) = ("m".to_owned(), json!({}), Identity::default());
            Call::Rpc(Arc::new(RpcCall { method, payload, identity }))
        }
        Hook::Asset => Call::Asset(Arc::new(AssetCall { path: "index.html".to_owned() })),
        Hook::Schedule => Call::Schedule(Arc::new(ScheduledTask { name: "t".to_owned(), config: json!({}) })),
        Hook::OnStartup => Call::OnStartup(Startup { name: "p".to_owned(), config: json!({}) }),
        Hook::OnShutdown => Call::OnShutdown(Shutdown),
        Hook::Health => Call::Health(HealthCheck),
    }
}

/// Calls of all hooks; of `post_llm` one for each way in which an attempt goes on.
pub(crate) fn calls() -> Vec<Call> {
    let further = [LlmResult::StreamEnd(response()), LlmResult::Error(error()), LlmResult::Chunk(chunk())];
    Hook::TABLE.iter().map(|row| call(row.hook)).chain(further.map(post_llm)).collect()
}

fn post_llm(result: LlmResult) -> Call {
    Call::PostLlm(result.into())
}

fn headers() -> Headers {
    let mut headers = Headers::default();
    assert!(HEADERS.iter().all(|name| headers.set(name, &value_of(name))));
    headers
}

/// The value of a header.
pub(crate) fn value_of(name: &str) -> String {
    format!("({name})")
}

fn http_request() -> HttpRequest {
    HttpRequest::new(Method::POST, "/v1".to_owned(), Vec::new(), headers(), SAID)
}

fn message() -> Message {
    Message::text(Role::User, SAID)
}

fn request() -> Request {
    let chat = Chat { messages: [message()].into_iter().collect(), ..Chat::default() };
    let mut request = Request::from_chat("m", false, chat);
    request.provider = Some("p".to_owned());
    request
}

fn response() -> Response {
    Response::of_text("p", "m", SAID)
}

fn error() -> LlmError {
    LlmError::new(ErrorKind::Upstream, "down")
}

fn chunk() -> Chunk {
    Chunk::text(Channel::TEXT, SAID)
}

fn text() -> ChannelText {
    ChannelText { channel: Channel::TEXT, text: SAID.to_owned(), is_final: true, released: false }
}

fn tool_call() -> ToolCall {
    ToolCall { id: "c".to_owned(), name: "search".to_owned(), arguments: json!({ "query": SAID }) }
}

fn change() -> ObjectChange {
    let (object_type, id) = ("key".to_owned(), "k".to_owned());
    ObjectChange { object_type, id, object: json!({}), previous: None, actor: Actor::default() }
}

/// A host that has nothing.
struct NoHost;

impl Ask for NoHost {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        Box::pin(std::future::ready(self.ask_now(function, argument)))
    }

    fn ask_now(&self, _: Function, _: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        Err(ServiceError::Deadline)
    }
}
