//! Plugins' LLM requests: through the gateway, as any other.

use gatewright_engine::{Engine, Lifecycle, LlmCall, Pricing, Reply};
use gatewright_model::{ErrorKind, LlmError, Request, Response};
use gatewright_pipeline::PluginSet;
use gatewright_plugin::Facts;
use gatewright_plugin::services::{BoxFuture, Llm};
use http::HeaderMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// How deep LLM requests of plugins may nest.
pub const MAX_LLM_DEPTH: u32 = 3;

/// The most LLM requests of one plugin at once, with what is told of them behind them; others wait.
const MAX_UNDER_WAY: usize = 128;

/// What serves at this moment.
pub struct Serving {
    /// The plugins in force.
    pub plugins: Arc<PluginSet>,
    /// Where requests go.
    pub engine: Engine,
    /// What tokens cost.
    pub pricing: Arc<dyn Pricing>,
    /// Who runs closing hooks.
    pub tasks: TaskTracker,
}

/// The LLM requests of one plugin.
pub struct LlmCalls {
    plugin: Arc<str>,
    serving: Arc<dyn Fn() -> Option<Serving> + Send + Sync>,
    /// By depth: so no request waits for one that waits for it, through another plugin's.
    places: [Arc<Semaphore>; MAX_LLM_DEPTH as usize],
}

// === impl LlmCalls ===

impl LlmCalls {
    /// Of the plugin of this name; `serving` tells what serves, or `None` before and after.
    pub fn new(plugin: &str, serving: Arc<dyn Fn() -> Option<Serving> + Send + Sync>) -> Self {
        let places = std::array::from_fn(|_| Arc::new(Semaphore::new(MAX_UNDER_WAY)));
        Self { plugin: plugin.into(), serving, places }
    }

    async fn ask(&self, facts: &Facts, request: Request) -> Result<Response, LlmError> {
        let Some(places) = self.places.get(facts.depth as usize) else {
            let message = format!("LLM requests of plugins nest at most {MAX_LLM_DEPTH} deep");
            return Err(LlmError::new(ErrorKind::InvalidRequest, message).with_plugin(&*self.plugin));
        };
        if request.stream() {
            let message = "a plugin's LLM request cannot be streamed";
            return Err(LlmError::new(ErrorKind::InvalidRequest, message).with_plugin(&*self.plugin));
        }
        let not_serving = || LlmError::new(ErrorKind::Overloaded, "the gateway does not serve at this moment");
        // It is never closed.
        let place = places.clone().acquire_owned().await.ok();
        let serving = (self.serving)().ok_or_else(not_serving)?;
        // A plugin is not called in a request of its own making, nor in one that was made for that.
        let asking = facts.asking.iter().chain([&self.plugin]).cloned().collect();
        let facts = Facts {
            asking,
            depth: facts.depth + 1,
            fallback_index: 0,
            model: request.model.clone(),
            provider: String::new(),
            stream: request.stream(),
            ..facts.clone()
        };
        let started = Instant::now();
        let mut life = Lifecycle::open(serving.plugins, facts, started, serving.pricing, serving.tasks);
        life.hold(place);
        let call = LlmCall { request, headers: HeaderMap::new(), dialect: None, needs_events: false };
        match serving.engine.run(&mut life, call).await {
            Ok(answered) => match answered.reply {
                Reply::Whole(response) => {
                    life.finish(200);
                    Ok((*response).clone())
                }
                Reply::Chunks(_) | Reply::Bytes(_) => {
                    let error = LlmError::new(ErrorKind::InvalidRequest, "a plugin's LLM request cannot be streamed");
                    life.fail(&error);
                    life.finish(error.status());
                    Err(error)
                }
            },
            Err(error) => {
                life.fail(&error);
                life.finish(error.status());
                Err(error)
            }
        }
    }
}

impl Llm for LlmCalls {
    fn complete<'a>(&'a self, facts: &'a Facts, request: Request) -> BoxFuture<'a, Result<Response, LlmError>> {
        Box::pin(self.ask(facts, request))
    }
}

#[cfg(test)]
mod tests;
