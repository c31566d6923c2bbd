//! For each hook: a payload, a decision, and results that it does not allow.

use crate::plugins::Saw;
use gatewright_model::{
    Channel, ErrorKind, Headers, HttpRequest, HttpResponse, LlmError, Message, Raw, Request, Response, Role,
    StreamChunk, StreamChunkBody,
};
use gatewright_pipeline::{Judge, MAX_REASON_BYTES};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::*;
use gatewright_plugin::{
    AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Draft, HttpFlow, HttpResponseFlow, Identity, ModelFlow,
    ObjectFlow, PostLlm, PreLlm, Recovery, ToolFlow, Verdict,
};
use gatewright_testkit::{output, request, summary};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What cases need of a hook to call it.
pub(crate) trait Sample: Judge<Payload: Saw> {
    /// Whether its payload is a draft.
    const EDITS: bool;

    /// A payload.
    fn payload() -> Self::Payload;

    /// A decision for the script; `None` if the hook has none.
    fn decision() -> Option<Json>;

    /// Whether an outcome is that decision.
    fn is_decided(outcome: &Self::Outcome) -> bool;

    /// Steps that leave behind what the hook does not allow; `None` if it allows everything that can be said.
    fn malformed() -> Option<Json>;
}

/// Hands the list of hooks to a macro.
macro_rules! with_points {
    ($callback:ident) => {
        $callback! {
            HttpRequest HttpResponse HttpStreamChunk PreAuth Auth PostAuth PreRequest CheckInput PreLlm PostLlm
            OnStreamChunk CheckOutput OnError PostRequest RequestEnd OnUserMessage BeforeAgent AfterAgent BeforeModel
            AfterModel BeforeTool AfterTool OnModelError OnToolError OnEvent BeforeCreate AfterCreate BeforeUpdate
            AfterUpdate BeforeDelete AfterDelete Endpoint Rpc Asset Schedule OnStartup OnShutdown Health
        }
    };
}
pub(crate) use with_points;

/// Steps that end in a result over a limit, for any hook.
pub(crate) fn oversized() -> Json {
    json!([{ "scratch_bytes": gatewright_pipeline::MAX_SCRATCH_BYTES + 1 }])
}

fn block() -> Json {
    json!({ "block": { "reason": "no", "status": 451, "code": "nope" } })
}

/// A block whose status is none of an error.
fn bad_block() -> Json {
    json!([{ "decide": { "block": { "reason": "no", "status": 200, "code": null } } }])
}

/// Steps with a block whose reason is over the limit.
pub(crate) fn long_block() -> Json {
    let reason = "x".repeat(MAX_REASON_BYTES + 1);
    json!([{ "decide": { "block": { "reason": reason, "status": null, "code": null } } }])
}

fn is_block(no: &gatewright_plugin::Rejection) -> bool {
    (no.reason.as_str(), no.status, no.code.as_deref()) == ("no", Some(451), Some("nope"))
}

pub(crate) fn http_request() -> HttpRequest {
    let mut headers = Headers::default();
    headers.set("x-tenant", "acme");
    let query = vec![("a".to_owned(), "1".to_owned())];
    HttpRequest::new(http::Method::POST, "/v1/chat/completions".to_owned(), query, headers, "hello")
}

fn llm_request() -> Request {
    request("gpt-4").provider("openai").system("be brief").user("hello").build()
}

fn tool_call() -> Arc<ToolCall> {
    Arc::new(ToolCall { id: "call-1".to_owned(), name: "lookup".to_owned(), arguments: json!({ "q": "x" }) })
}

fn change() -> ObjectChange {
    let actor = Actor { user_id: "ann".to_owned(), source: "api".to_owned() };
    let (object, previous) = (json!({ "name": "p" }), Some(json!({ "name": "o" })));
    ObjectChange { object_type: "provider".to_owned(), id: "p-1".to_owned(), object, previous, actor }
}

fn identity() -> Identity {
    Identity { app_id: "app".to_owned(), user_id: "ann".to_owned(), ..Identity::default() }
}

/// What a hook may have.
macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

/// Whether an outcome is the decision; without one it is not.
macro_rules! decided {
    ($outcome:ident) => {{
        let _ = $outcome;
        false
    }};
    ($outcome:ident, $pattern:pat $(if $guard:expr)?) => {
        matches!($outcome, $pattern $(if $guard)?)
    };
}

macro_rules! samples {
    ($($point:ident {
        edits: $edits:literal,
        payload: $payload:expr,
        $(decision: $decision:expr, $pattern:pat $(if $guard:expr)?,)?
        $(malformed: $malformed:expr,)?
    })*) => {$(
        impl Sample for point::$point {
            const EDITS: bool = $edits;

            fn payload() -> Self::Payload {
                $payload
            }

            fn decision() -> Option<Json> {
                optional!($($decision)?)
            }

            fn is_decided(outcome: &Self::Outcome) -> bool {
                decided!(outcome $(, $pattern $(if $guard)?)?)
            }

            fn malformed() -> Option<Json> {
                optional!($($malformed)?)
            }
        }
    )*};
}

/// A step that spoils the payload.
fn spoil() -> Json {
    json!(["spoil"])
}

samples! {
    HttpRequest {
        edits: true,
        payload: Draft::from(http_request()),
        decision: json!({ "respond": "hi" }), HttpFlow::Respond(response) if response.body == "hi",
        malformed: json!([{ "decide": { "respond_status": 99 } }]),
    }
    HttpResponse {
        edits: true,
        payload: HttpExchange {
            request: Arc::new(http_request()),
            response: Draft::from(HttpResponse::new(200, "fine")),
        },
        decision: block(), HttpResponseFlow::Reject(no) if is_block(no),
        malformed: spoil(),
    }
    HttpStreamChunk {
        edits: true,
        payload: StreamExchange {
            request: Arc::new(http_request()),
            chunk: Draft::from(StreamChunk {
                event: None,
                body: StreamChunkBody::Chat(Raw::from_value(&json!({ "said": "hi" }))),
            }),
        },
        decision: json!("drop"), ChunkFlow::Drop,
        malformed: spoil(),
    }
    PreAuth {
        edits: true,
        payload: Draft::from(http_request()),
        decision: block(), AccessFlow::Block(no) if is_block(no),
        malformed: bad_block(),
    }
    Auth {
        edits: false,
        payload: AuthRequest { credential: Some(Secret::new("sk-1")), request: Arc::new(http_request()) },
        decision: json!({ "identify": { "app_id": "app", "user_id": "ann", "api_key_id": "k", "claims": {} } }),
            AuthDecision::Identify(identity) if identity.app_id == "app" && identity.user_id == "ann",
        malformed: bad_block(),
    }
    PostAuth {
        edits: true,
        payload: Draft::from(http_request()),
        decision: block(), AccessFlow::Block(no) if is_block(no),
        malformed: bad_block(),
    }
    PreRequest { edits: false, payload: Arc::new(llm_request()), }
    CheckInput {
        edits: false,
        payload: Arc::new(llm_request()),
        decision: block(), Verdict::Block(no) if is_block(no),
        malformed: bad_block(),
    }
    PreLlm {
        edits: true,
        payload: Draft::from(llm_request()),
        decision: json!({ "respond": "hi" }),
            PreLlm::Respond(response) if **response == Response::of_text("scripted", "scripted", "hi"),
        malformed: spoil(),
    }
    PostLlm {
        edits: true,
        payload: Draft::from(LlmResult::Chunk(gatewright_model::Chunk::text(Channel::TEXT, "hi"))),
        decision: json!("drop"), PostLlm::Drop,
        malformed: spoil(),
    }
    OnStreamChunk {
        edits: true,
        payload: Draft::from(ChannelText {
            channel: Channel::TEXT,
            text: "hi".to_owned(),
            is_final: true,
            released: true,
        }),
        malformed: json!([{ "edit": "!" }]),
    }
    CheckOutput {
        edits: false,
        payload: output("hi"),
        decision: block(), Verdict::Block(no) if is_block(no),
        malformed: bad_block(),
    }
    OnError { edits: false, payload: Arc::new(LlmError::new(ErrorKind::Upstream, "it broke")), }
    PostRequest { edits: false, payload: Arc::new(summary()), }
    RequestEnd { edits: false, payload: Arc::new(summary()), }
    OnUserMessage { edits: true, payload: Draft::from(Message::text(Role::User, "hello")), malformed: spoil(), }
    BeforeAgent {
        edits: true,
        payload: Draft::from(AgentCall {
            agent: "root".to_owned(),
            input: vec![Message::text(Role::User, "hello")],
        }),
        decision: json!({ "respond": "hi" }),
            AgentFlow::Respond(message) if **message == Message::text(Role::Assistant, "hi"),
    }
    AfterAgent {
        edits: false,
        payload: Arc::new(AgentResult {
            agent: "root".to_owned(),
            output: vec![Message::text(Role::Assistant, "done")],
            error: None,
        }),
        decision: json!({ "append": "hi" }),
            AfterAgent::Append(message) if **message == Message::text(Role::Assistant, "hi"),
    }
    BeforeModel {
        edits: true,
        payload: Draft::from(llm_request()),
        decision: json!({ "respond": "hi" }), ModelFlow::Respond(_),
        malformed: spoil(),
    }
    AfterModel { edits: true, payload: Draft::from(Response::of_text("openai", "gpt-4", "hi")), }
    BeforeTool {
        edits: true,
        payload: Draft::new(tool_call()),
        decision: json!({ "suspend": { "reason": "ask", "expires_in_seconds": 60 } }),
            ToolFlow::Suspend(suspension) if suspension.expires_in_seconds == 60,
    }
    AfterTool {
        edits: true,
        payload: ToolOutcome {
            call: tool_call(),
            answer: Draft::from(ToolAnswer { content: json!("42"), is_error: false }),
        },
    }
    OnModelError {
        edits: false,
        payload: ModelError {
            request: Arc::new(llm_request()),
            error: Arc::new(LlmError::new(ErrorKind::Upstream, "it broke")),
        },
        decision: json!({ "recover": "hi" }), Recovery::Recover(_),
    }
    OnToolError {
        edits: false,
        payload: ToolError { call: tool_call(), message: "it broke".to_owned() },
        decision: json!({ "recover": "hi" }), Recovery::Recover(answer) if answer.content == json!("hi"),
    }
    OnEvent {
        edits: true,
        payload: Draft::from(AgentEvent {
            id: "e-1".to_owned(),
            author: "root".to_owned(),
            kind: "message".to_owned(),
            content: json!({ "text": "hi" }),
            partial: false,
            tags: Vec::new(),
        }),
    }
    BeforeCreate {
        edits: true,
        payload: Draft::from(change()),
        decision: block(), ObjectFlow::Veto(no) if is_block(no),
        malformed: bad_block(),
    }
    AfterCreate { edits: false, payload: Arc::new(change()), }
    BeforeUpdate {
        edits: true,
        payload: Draft::from(change()),
        decision: block(), ObjectFlow::Veto(no) if is_block(no),
        malformed: bad_block(),
    }
    AfterUpdate { edits: false, payload: Arc::new(change()), }
    BeforeDelete {
        edits: true,
        payload: Draft::from(change()),
        decision: block(), ObjectFlow::Veto(no) if is_block(no),
        malformed: bad_block(),
    }
    AfterDelete { edits: false, payload: Arc::new(change()), }
    Endpoint {
        edits: false,
        payload: Arc::new(EndpointCall { request: http_request(), identity: Some(identity()) }),
        decision: json!({ "respond": "hi" }), response if response.body == "hi",
        malformed: json!([{ "decide": { "respond_status": 99 } }]),
    }
    Rpc {
        edits: false,
        payload: Arc::new(RpcCall {
            method: "list".to_owned(),
            payload: json!({ "page": 1 }),
            identity: identity(),
        }),
        decision: json!({ "respond": "hi" }), answer if *answer == json!("hi"),
    }
    Asset {
        edits: false,
        payload: Arc::new(AssetCall { path: "index.html".to_owned() }),
        decision: json!({ "respond": "hi" }), Some(asset) if asset.bytes == "hi",
    }
    Schedule {
        edits: false,
        payload: Arc::new(ScheduledTask { name: "nightly".to_owned(), config: json!({ "keep": 3 }) }),
    }
    OnStartup { edits: false, payload: Startup { name: "it".to_owned(), config: json!({ "hooks": {} }) }, }
    OnShutdown { edits: false, payload: Shutdown, }
    Health {
        edits: false,
        payload: HealthCheck,
        decision: json!({ "unhealthy": "ill" }), health if !health.healthy && health.message == "ill",
    }
}
