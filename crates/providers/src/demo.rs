//! The built-in demo: it answers without a network, a key or a model, so that a first request works at once.
//!
//! It speaks OpenAI's dialect and says the same to the same request. It quotes the user's last words; calls a tool
//! when the conversation names it (or must use one) and has no result yet; answers in JSON where JSON is asked for,
//! after the schema if there is one; counts words as tokens; keeps to `max_tokens` and `n`.

mod reply;
mod sample;
mod wire;

use futures_util::Stream;
use gatewright_dialects::OPENAI;
use gatewright_engine::{Answer, AnswerBody, AttemptCall, Provider, ProviderStream};
use gatewright_model::{Codec, ErrorKind, Kind, LlmError, Response};
use gatewright_plugin::services::BoxFuture;
use http::HeaderMap;
use reply::Reply;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The model that is listed; it answers to any other name too.
const MODEL: &str = "echo";

/// The demo.
pub(crate) struct Demo {
    name: String,
}

// === impl Demo ===

impl Demo {
    pub(crate) fn new(name: String) -> Self {
        Self { name }
    }

    async fn answer(&self, call: AttemptCall) -> Result<Answer, LlmError> {
        let request = &call.request;
        if request.kind != Kind::Chat {
            let message = format!("the demo provider `{}` only answers conversations", self.name);
            return Err(LlmError::new(ErrorKind::InvalidRequest, message).with_provider(&*self.name));
        }
        let reply = Reply::to(request.chat()?);
        let body = if request.stream() {
            let asked = request.wire().is_some_and(|wire| wire.head().include_usage);
            let events = wire::events(&request.model, &reply, call.include_usage || asked);
            let bytes = Box::pin(Events { events: events.into_iter(), pause: false });
            AnswerBody::Stream(ProviderStream { codec: &OPENAI, bytes })
        } else {
            let body = wire::whole(&request.model, &reply);
            AnswerBody::Whole(Response::from_wire(request.kind, &self.name, &request.model, &OPENAI, body))
        };
        Ok(Answer { body, headers: HeaderMap::new(), retries: 0, key_name: String::new(), dropped: Vec::new() })
    }
}

impl Provider for Demo {
    fn name(&self) -> &str {
        &self.name
    }

    fn codec(&self) -> &'static dyn Codec {
        &OPENAI
    }

    fn models(&self) -> Vec<String> {
        vec![MODEL.to_owned()]
    }

    fn attempt(&self, call: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(self.answer(call))
    }
}

/// Events one at a time, with a turn for others between two, so that each reaches the client by itself.
struct Events {
    events: std::vec::IntoIter<bytes::Bytes>,
    pause: bool,
}

// === impl Events ===

impl Stream for Events {
    type Item = Result<bytes::Bytes, LlmError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pause = !self.pause;
        if !self.pause {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.events.next().map(Ok))
    }
}

#[cfg(test)]
mod tests;
