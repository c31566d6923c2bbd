//! What a hook saw, as JSON: what test plugins record and cases compare.

use gatewright_plugin::model::{
    Block, Content, Headers, HttpRequest, HttpResponse, LlmError, Message, Request, Response, StreamChunk,
};
use gatewright_plugin::payload::{
    AgentCall, AgentEvent, AgentResult, AssetCall, AuthRequest, ChannelText, EndpointCall, HealthCheck, HttpExchange,
    LlmResult, ModelError, ObjectChange, OutputCheck, RequestSummary, RpcCall, ScheduledTask, Shutdown, Startup,
    StreamExchange, ToolAnswer, ToolCall, ToolError, ToolOutcome,
};
use gatewright_plugin::{Draft, Identity};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Longer texts are recorded by their length.
const LONGEST: usize = 4096;

/// A payload that can be recorded.
pub trait Saw {
    /// What a plugin can see of it.
    fn saw(&self) -> Json;

    /// Which phase of its hook this is; empty where a hook has but one.
    fn phase(&self) -> &'static str {
        ""
    }
}

fn text(text: &str) -> Json {
    match text.len() > LONGEST {
        true => json!(format!("{} bytes", text.len())),
        false => json!(text),
    }
}

fn bytes(bytes: &[u8]) -> Json {
    text(&String::from_utf8_lossy(bytes))
}

fn headers(headers: &Headers) -> Json {
    headers.iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

fn identity(identity: &Identity) -> Json {
    json!({ "app": identity.app_id, "user": identity.user_id, "key": identity.api_key_id, "claims": identity.claims })
}

fn block(block: &Block) -> Json {
    match &block.content {
        Content::Text(said) => text(said),
        Content::ToolUse { id, name, arguments } => json!({ "id": id, "tool": name, "arguments": text(arguments) }),
        Content::Reasoning { text: said, .. } => json!({ "reasoning": text(said) }),
        _ => text(block.as_text()),
    }
}

fn messages<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Json {
    messages.into_iter().map(Saw::saw).collect()
}

// === impl Saw ===

impl<P: Saw + Clone> Saw for Draft<P> {
    fn saw(&self) -> Json {
        (**self).saw()
    }

    fn phase(&self) -> &'static str {
        (**self).phase()
    }
}

impl<P: Saw> Saw for Arc<P> {
    fn saw(&self) -> Json {
        (**self).saw()
    }

    fn phase(&self) -> &'static str {
        (**self).phase()
    }
}

impl Saw for HttpRequest {
    fn saw(&self) -> Json {
        json!({
            "method": self.method().as_str(),
            "path": self.path(),
            "query": self.query,
            "headers": headers(&self.headers),
            "body": bytes(&self.body),
        })
    }
}

impl Saw for HttpResponse {
    fn saw(&self) -> Json {
        json!({ "status": self.status, "headers": headers(&self.headers), "body": bytes(&self.body) })
    }
}

impl Saw for StreamChunk {
    fn saw(&self) -> Json {
        json!({ "event": self.event, "data": text(self.body.data().as_str()) })
    }
}

impl Saw for HttpExchange {
    fn saw(&self) -> Json {
        json!({ "request": self.request.saw(), "response": self.response.saw() })
    }
}

impl Saw for StreamExchange {
    fn saw(&self) -> Json {
        json!({ "request": self.request.saw(), "chunk": self.chunk.saw() })
    }
}

impl Saw for AuthRequest {
    fn saw(&self) -> Json {
        let credential = self.credential.as_ref().map(|secret| secret.expose().to_owned());
        json!({ "credential": credential, "request": self.request.saw() })
    }
}

impl Saw for Message {
    fn saw(&self) -> Json {
        json!({ "role": self.role().as_str(), "blocks": self.blocks().iter().map(block).collect::<Json>() })
    }
}

impl Saw for Request {
    fn saw(&self) -> Json {
        let said = self.chat().map(|chat| messages(chat.messages.iter())).unwrap_or_default();
        json!({ "provider": self.provider, "model": self.model, "stream": self.stream(), "messages": said })
    }
}

impl Saw for Response {
    fn saw(&self) -> Json {
        let choices = self.chat().map(|chat| chat.choices.as_slice()).unwrap_or_default();
        let choices: Json = choices.iter().map(|choice| choice.message.saw()).collect();
        json!({ "provider": self.provider, "model": self.model, "choices": choices })
    }
}

impl Saw for LlmError {
    fn saw(&self) -> Json {
        json!({ "kind": self.kind.as_str(), "message": text(&self.message), "plugin": self.plugin })
    }
}

impl Saw for LlmResult {
    fn saw(&self) -> Json {
        match self {
            Self::Response(response) => json!({ "response": response.saw() }),
            Self::StreamEnd(response) => json!({ "end": response.saw() }),
            Self::Error(error) => json!({ "error": error.saw() }),
            Self::Chunk(chunk) => json!({ "chunk": format!("{:?}", chunk.parts()) }),
        }
    }

    fn phase(&self) -> &'static str {
        match self {
            Self::Response(_) => "response",
            Self::StreamEnd(_) => "end",
            Self::Error(_) => "error",
            Self::Chunk(_) => "chunk",
        }
    }
}

impl Saw for ChannelText {
    fn saw(&self) -> Json {
        json!({
            "channel": [self.channel.choice, self.channel.block],
            "kind": self.channel.kind.as_str(),
            "text": text(&self.text),
            "is_final": self.is_final,
            "released": self.released,
        })
    }

    fn phase(&self) -> &'static str {
        if self.is_final { "final" } else { "" }
    }
}

impl Saw for OutputCheck {
    fn saw(&self) -> Json {
        let texts: Json = self.texts.iter().map(Saw::saw).collect();
        json!({ "texts": texts, "is_final": self.is_final, "response": self.response.as_ref().map(Saw::saw) })
    }

    fn phase(&self) -> &'static str {
        if self.is_final { "final" } else { "" }
    }
}

impl Saw for RequestSummary {
    fn saw(&self) -> Json {
        let attached = self
            .metadata
            .iter()
            .map(|of| json!({ "plugin": &*of.plugin, "hook": of.hook.name(), "metadata": of.metadata }));
        json!({
            "status": self.status.as_str(),
            "http_status": self.http_status,
            "error": self.error.as_ref().map(|error| error.kind.as_str()),
            "provider": self.provider,
            "model": self.model,
            "attempts": self.attempts,
            "stream": self.stream,
            "usage": self.usage,
            "finish_reason": self.finish_reason,
            "metadata": attached.collect::<Json>(),
        })
    }
}

impl Saw for AgentCall {
    fn saw(&self) -> Json {
        json!({ "agent": self.agent, "input": messages(&self.input) })
    }
}

impl Saw for AgentResult {
    fn saw(&self) -> Json {
        let error = self.error.as_ref().map(Saw::saw);
        json!({ "agent": self.agent, "output": messages(&self.output), "error": error })
    }
}

impl Saw for ToolCall {
    fn saw(&self) -> Json {
        json!({ "id": self.id, "name": self.name, "arguments": self.arguments })
    }
}

impl Saw for ToolAnswer {
    fn saw(&self) -> Json {
        json!({ "content": self.content, "is_error": self.is_error })
    }
}

impl Saw for ToolOutcome {
    fn saw(&self) -> Json {
        json!({ "call": self.call.saw(), "answer": self.answer.saw() })
    }
}

impl Saw for ModelError {
    fn saw(&self) -> Json {
        json!({ "request": self.request.saw(), "error": self.error.saw() })
    }
}

impl Saw for ToolError {
    fn saw(&self) -> Json {
        json!({ "call": self.call.saw(), "message": self.message })
    }
}

impl Saw for AgentEvent {
    fn saw(&self) -> Json {
        json!({ "id": self.id, "author": self.author, "kind": self.kind, "content": self.content, "tags": self.tags })
    }
}

impl Saw for ObjectChange {
    fn saw(&self) -> Json {
        json!({
            "type": self.object_type,
            "id": self.id,
            "object": self.object,
            "previous": self.previous,
            "actor": [self.actor.user_id, self.actor.source],
        })
    }
}

impl Saw for EndpointCall {
    fn saw(&self) -> Json {
        json!({ "request": self.request.saw(), "identity": self.identity.as_ref().map(identity) })
    }
}

impl Saw for RpcCall {
    fn saw(&self) -> Json {
        json!({ "method": self.method, "payload": self.payload, "identity": identity(&self.identity) })
    }
}

impl Saw for AssetCall {
    fn saw(&self) -> Json {
        json!({ "path": self.path })
    }
}

impl Saw for ScheduledTask {
    fn saw(&self) -> Json {
        json!({ "name": self.name, "config": self.config })
    }
}

impl Saw for Startup {
    fn saw(&self) -> Json {
        json!({ "name": self.name })
    }
}

impl Saw for Shutdown {
    fn saw(&self) -> Json {
        Json::Null
    }
}

impl Saw for HealthCheck {
    fn saw(&self) -> Json {
        Json::Null
    }
}
