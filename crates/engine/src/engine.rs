//! The way of one LLM request: checks, attempts, fallbacks.

use crate::attempt::{Attempted, Providers, aim, attempt};
use crate::call::{Answered, AttemptWatch, LlmCall, Reply};
use crate::input::check_input;
use crate::lifecycle::Lifecycle;
use crate::output::check_output;
use crate::routing::Routing;
use crate::stream::{Assembler, Driver, STREAM_BUFFER_BYTES, Source, replay};
use gatewright_model::{ErrorKind, LlmError, Response};
use gatewright_plugin::Hook;
use std::sync::Arc;
use std::time::Duration;

/// What every request through one configuration shares.
#[derive(Clone)]
pub struct Engine {
    /// Where requests go.
    pub routing: Routing,
    /// The most that is held back of one stream, in bytes.
    pub stream_buffer_bytes: usize,
    /// Who is told of attempts.
    pub watch: Option<Arc<dyn AttemptWatch>>,
}

/// The most of a stream that is put together for a client that wants none: what a provider may answer whole.
const WHOLE_BYTES: usize = 64 << 20;

// === impl Engine ===

impl Engine {
    /// An engine over this routing.
    pub fn new(routing: Routing) -> Self {
        Self { routing, stream_buffer_bytes: STREAM_BUFFER_BYTES, watch: None }
    }

    /// Takes a request through the request and attempt layers. For a stream it answers as soon as that has begun; its
    /// hooks run as it is read.
    pub async fn run(&self, life: &mut Lifecycle, call: LlmCall) -> Result<Answered, LlmError> {
        let open = life.request();
        open.progress.stream = call.request.stream();
        open.progress.kind = call.request.kind;
        // Where it goes comes first: a guard of some models must not depend on how the client spells them.
        let primary = self.routing.resolve(&call.request.model)?;
        aim(life, &primary.provider, &primary.model, 0);
        let exchange = &life.request().exchange;
        if exchange.has(Hook::PreRequest) || exchange.has(Hook::CheckInput) {
            check_input(life, call.towards(&primary)).await?;
        }
        let asked = call.request.wire().map(|wire| wire.head().fallbacks.as_slice()).unwrap_or_default();
        let fallbacks = self.routing.fallbacks(&primary, asked);
        let mut first_error = match attempt(self.at(), life, &call, &primary, 0).await {
            Ok(attempted) => return self.answer(life, &call, attempted).await,
            Err(error) if fallbacks.is_empty() || !error.allows_fallbacks() => return Err(error),
            Err(error) => error,
        };
        for (model, index) in fallbacks.iter().zip(1..) {
            if life.request().exchange.facts().remaining() == Some(Duration::ZERO) {
                break;
            }
            let Ok(target) = self.routing.resolve(model) else {
                tracing::warn!(%model, "a fallback names no known provider; it is skipped");
                continue;
            };
            match attempt(self.at(), life, &call, &target, index).await {
                Ok(attempted) => return self.answer(life, &call, attempted).await,
                Err(error) if !error.allows_fallbacks() => return Err(error),
                Err(error) => tracing::debug!(%model, %error, "a fallback failed"),
            }
        }
        first_error.allow_fallbacks = None;
        Err(first_error)
    }

    fn at(&self) -> Providers<'_> {
        Providers { routing: &self.routing, watch: self.watch.as_deref() }
    }

    async fn answer(&self, life: &mut Lifecycle, call: &LlmCall, attempted: Attempted) -> Result<Answered, LlmError> {
        let stream = call.request.stream();
        let (reply, headers, dropped) = match attempted {
            Attempted::Whole { response, headers, dropped } => {
                let reply = match stream {
                    // Its text hooks run on the stream.
                    true => Reply::Chunks(Box::new(self.replayed(life, &response)?)),
                    false => {
                        let checked = check_output(life, &response).await;
                        life.request().note(&response);
                        checked?;
                        Reply::Whole(response)
                    }
                };
                (reply, headers, dropped)
            }
            Attempted::Chunks { source, headers, dropped } => {
                let mut driver = Driver::new(life, source, self.stream_buffer_bytes);
                let reply = match stream {
                    true => Reply::Chunks(Box::new(driver)),
                    false => Reply::Whole(Arc::new(whole(life, &mut driver).await?)),
                };
                (reply, headers, dropped)
            }
            Attempted::Bytes { tap, headers, dropped } => (Reply::Bytes(tap), headers, dropped),
        };
        Ok(Answered { reply, headers, dropped })
    }

    /// A whole answer for a client that wants a stream.
    fn replayed(&self, life: &mut Lifecycle, response: &Response) -> Result<Driver, LlmError> {
        let chunks = replay(response).ok_or_else(|| {
            LlmError::new(ErrorKind::Upstream, "the answer cannot be streamed: it is no conversation")
        })?;
        Ok(Driver::new(life, Source::Replay(chunks.into()), self.stream_buffer_bytes))
    }
}

/// A stream for a client that wants none.
async fn whole(life: &mut Lifecycle, driver: &mut Driver) -> Result<Response, LlmError> {
    let mut whole = Assembler::default();
    while let Some(chunk) = driver.next(life).await {
        whole.push(&chunk?);
        if whole.bytes() > WHOLE_BYTES {
            let message = format!("the answer is over {WHOLE_BYTES} bytes");
            return Err(LlmError::new(ErrorKind::Upstream, message));
        }
    }
    let progress = &life.request().progress;
    Ok(whole.finish(&progress.provider, &progress.model))
}
