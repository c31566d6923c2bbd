//! What a hook can decide through plain C, as the answer has it.

use crate::tree::Node;
use gatewright_abi::document;
use gatewright_model::{ErrorKind, HttpResponse, LlmError, Message, Response, Role};
use gatewright_plugin::payload::ToolAnswer;
use gatewright_plugin::{Hook, Identity, Rejection};
use serde::Serialize;

/// Rejects; `None` if the hook cannot.
pub(crate) fn block(hook: Hook, rejection: Rejection) -> Option<Node> {
    let word = match hook {
        Hook::HttpRequest | Hook::HttpResponse => "reject",
        Hook::HttpStreamChunk => "end",
        Hook::PreAuth | Hook::PostAuth | Hook::CheckInput | Hook::CheckOutput => "block",
        Hook::Auth => "refuse",
        Hook::BeforeCreate | Hook::BeforeUpdate | Hook::BeforeDelete => "veto",
        Hook::PreLlm => {
            let Rejection { reason, status, code, retry_after } = rejection;
            let error = LlmError::new(ErrorKind::GuardrailBlocked, reason);
            let error = LlmError { status, code, retry_after, allow_fallbacks: Some(false), ..error };
            return Some(Node::map([("fail", node(&error))]));
        }
        _ => return None,
    };
    Some(Node::map([(word, node(&rejection))]))
}

/// Answers with a text; `None` if the hook cannot.
pub(crate) fn respond(hook: Hook, status: u16, text: String, plugin: &str, model: &str) -> Option<Node> {
    let response = |text: String| {
        let response = Response::of_text(plugin, model, text);
        let mut document =
            Node::map([("kind", node(&response.kind)), ("provider", Node::text(plugin)), ("model", Node::text(model))]);
        // One that was made here is always there.
        document.put("output", response.output().map_or(Node::Null, node));
        document
    };
    let http = |text: String| {
        let mut response = HttpResponse::new(status, text);
        response.headers.set("content-type", "text/plain; charset=utf-8");
        node(&response)
    };
    let message = |text: String| node(&Message::text(Role::Assistant, text));
    let answer = |text: String| node(&ToolAnswer { content: text.into(), is_error: false });
    Some(match hook {
        Hook::HttpRequest => Node::map([("respond", http(text))]),
        Hook::Endpoint => http(text),
        Hook::PreLlm | Hook::BeforeModel => Node::map([("respond", response(text))]),
        Hook::OnModelError => Node::map([("recover", response(text))]),
        Hook::BeforeAgent => Node::map([("respond", message(text))]),
        Hook::AfterAgent => Node::map([("append", message(text))]),
        Hook::BeforeTool => Node::map([("respond", answer(text))]),
        Hook::OnToolError => Node::map([("recover", answer(text))]),
        _ => return None,
    })
}

/// Takes a chunk out; `None` if the hook cannot.
pub(crate) fn drop_chunk(hook: Hook) -> Option<Node> {
    matches!(hook, Hook::HttpStreamChunk | Hook::PostLlm).then(|| Node::text("drop"))
}

/// Says who it is; `None` if the hook cannot.
pub(crate) fn identify(hook: Hook, app_id: String, user_id: String, api_key_id: String) -> Option<Node> {
    let identity = Identity { app_id, user_id, api_key_id, ..Identity::default() };
    (hook == Hook::Auth).then(|| Node::map([("identify", node(&identity))]))
}

/// What a hook says that must say something, if it says nothing.
pub(crate) fn unsaid(hook: Hook) -> Option<Node> {
    match hook {
        Hook::Health => Some(node(&gatewright_plugin::Health::ok())),
        Hook::Asset => Some(Node::Null),
        Hook::Endpoint => Some(node(&HttpResponse::new(404, ""))),
        _ => None,
    }
}

fn node(value: &impl Serialize) -> Node {
    // What this crate writes, it can read.
    document::read(&document::write(value)).unwrap_or(Node::Null)
}
