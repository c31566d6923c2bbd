//! Whole requests through the engine, to a provider that answers from memory.

use crate::Problem;
use crate::plugins::{Style, set};
use bytes::Bytes;
use gatewright_dialects::OPENAI;
use gatewright_engine::{Answer, AnswerBody, AttemptCall, Engine, Lifecycle, LlmCall, Provider, Routing, Unpriced};
use gatewright_model::{Codec, Dialect, Kind, LlmError, Request, Response};
use gatewright_pipeline::PluginSet;
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Facts, HookSet};
use http::HeaderMap;
use std::collections::BTreeMap;
use std::future::ready;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

pub(crate) const PROVIDER: &str = "memory";
pub(crate) const MODEL: &str = "gpt-4o-mini";
pub(crate) const ANSWER: &str = "The capital of France is Paris.";

const ASKED: &str = r#"{"model":"memory/gpt-4o-mini","messages":[{"role":"system","content":"Answer in one sentence."},{"role":"user","content":"What is the capital of France?"}],"temperature":0.2}"#;

const ANSWERED: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"The capital of France is Paris."},"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":7,"total_tokens":31}}"#;

/// Requests, one after the other.
pub(crate) struct Requests {
    engine: Engine,
    set: Arc<PluginSet>,
    tasks: TaskTracker,
}

/// A provider that has its answer ready.
struct Memory;

/// The request as it comes from a client.
pub(crate) fn request() -> Result<Request, Problem> {
    Ok(Request::from_wire(Kind::Chat, &OPENAI, Bytes::from_static(ASKED.as_bytes()))?)
}

/// The facts of a request that has a deadline, as every request over HTTP does.
pub(crate) fn facts() -> Facts {
    Facts {
        request_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        endpoint: "/v1/chat/completions".to_owned(),
        provider: PROVIDER.to_owned(),
        model: MODEL.to_owned(),
        deadline: Some(Instant::now() + Duration::from_secs(3600)),
        ..Facts::default()
    }
}

// === impl Requests ===

impl Requests {
    /// Requests past so many plugins, none of which stands at any hook.
    pub(crate) async fn unsubscribed(plugins: usize) -> Result<Self, Problem> {
        let provider: Arc<dyn Provider> = Arc::new(Memory);
        let engine = Engine::new(Routing::new([provider], None, BTreeMap::new()));
        let set = Arc::new(set(Style::Plain, HookSet::EMPTY, plugins).await?);
        Ok(Self { engine, set, tasks: TaskTracker::new() })
    }

    pub(crate) async fn serve(&self) -> Result<(), Problem> {
        let pricing = Arc::new(Unpriced);
        let mut life = Lifecycle::open(self.set.clone(), facts(), Instant::now(), pricing, self.tasks.clone());
        let call = LlmCall {
            request: request()?,
            headers: HeaderMap::new(),
            dialect: Some(Dialect::OpenAi),
            needs_events: false,
        };
        black_box(self.engine.run(&mut life, call).await?.reply);
        life.finish(200);
        Ok(())
    }
}

// === impl Memory ===

impl Provider for Memory {
    fn name(&self) -> &str {
        PROVIDER
    }

    fn codec(&self) -> &'static dyn Codec {
        &OPENAI
    }

    fn models(&self) -> Vec<String> {
        vec![MODEL.to_owned()]
    }

    fn attempt(&self, call: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        let body = Bytes::from_static(ANSWERED.as_bytes());
        let response = Response::from_wire(Kind::Chat, PROVIDER, &call.request.model, &OPENAI, body);
        Box::pin(ready(Ok(Answer {
            body: AnswerBody::Whole(response),
            headers: HeaderMap::new(),
            retries: 0,
            key_name: String::new(),
            dropped: Vec::new(),
        })))
    }
}
