//! One attempt: `pre_llm`, the provider or a plugin in its place, and for what is not a stream `post_llm`.

use crate::call::{AttemptWatch, LlmCall};
use crate::error::{failed_by, fault_error, unreadable_answer};
use crate::input::check_input_again;
use crate::lifecycle::Lifecycle;
use crate::provider::{Answer, AnswerBody, AttemptCall, Provider, ProviderStream};
use crate::routing::{Routing, Target};
use crate::stream::{PluginStream, Source, Tap, close_attempt};
use gatewright_model::{Dropped, ErrorKind, LlmError, Request, Response};
use gatewright_pipeline::Round;
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::LlmResult;
use gatewright_plugin::{Draft, Hook, PreLlm};
use http::HeaderMap;
use std::sync::Arc;
use std::time::Instant;

/// Whom attempts are made at.
#[derive(Clone, Copy)]
pub(crate) struct Providers<'a> {
    pub(crate) routing: &'a Routing,
    pub(crate) watch: Option<&'a dyn AttemptWatch>,
}

/// An attempt that did not fail.
pub(crate) enum Attempted {
    /// A whole answer; its attempt is closed.
    Whole { response: Arc<Response>, headers: HeaderMap, dropped: Vec<Dropped> },
    /// A stream whose chunks somebody needs; its attempt is open until it ends.
    Chunks { source: Source, headers: HeaderMap, dropped: Vec<Dropped> },
    /// A stream that passes as it comes.
    Bytes { tap: Box<Tap>, headers: HeaderMap, dropped: Vec<Dropped> },
}

/// Makes one attempt. On an error its hooks have run, and a fallback may be tried if the error allows it.
pub(crate) async fn attempt(
    providers: Providers<'_>,
    life: &mut Lifecycle,
    call: &LlmCall,
    target: &Target,
    index: u32,
) -> Result<Attempted, LlmError> {
    let request = call.towards(target);
    life.request().spend();
    aim(life, &target.provider, &target.model, index);
    life.request().progress.attempts += 1;
    life.request().exchange.begin(Round::Attempt);

    let mut draft = Draft::from(request);
    let decided = life.request().exchange.enter::<point::PreLlm>(Round::Attempt, &mut draft).await;
    let request = draft.into_inner();
    aim(life, request.provider.as_deref().unwrap_or_default(), &request.model, index);
    if let Err(error) = still_allowed(life, call, &request).await {
        // What a guard decided nobody recovers.
        let _ = close(life, LlmResult::Error(error.clone())).await;
        return Err(error);
    }
    let (body, headers, dropped) = match decided {
        Err(fault) => {
            // What a guard failed at nobody recovers.
            let error = fault_error(&fault);
            let _ = close(life, LlmResult::Error(error.clone())).await;
            return Err(error);
        }
        Ok(Some(decision)) => {
            let body = match decision.outcome {
                PreLlm::Respond(mut response) => {
                    // Clients want to know of what model an answer is.
                    if response.model.is_empty() {
                        response.model.clone_from(&request.model);
                    }
                    Ok(Got::Whole(*response))
                }
                PreLlm::Stream(stream) => {
                    let set = life.request().exchange.set();
                    let stream = PluginStream::new(stream, decision.plugin.clone(), set);
                    Ok(Got::Chunks(Source::Plugin(Box::new(stream))))
                }
                PreLlm::Fail(error) => Err(failed_by(&decision.plugin, *error)),
                PreLlm::Continue => Err(LlmError::new(ErrorKind::Internal, "a chain ended without a decision")),
            };
            (body, HeaderMap::new(), Vec::new())
        }
        Ok(None) => match ask(providers, life, call, request).await {
            Ok((provider, answer)) => {
                let body = match answer.body {
                    AnswerBody::Whole(response) => Got::Whole(response),
                    AnswerBody::Stream(stream) => Got::Stream(stream, provider),
                };
                (Ok(body), answer.headers, answer.dropped)
            }
            Err(error) => (Err(error), HeaderMap::new(), Vec::new()),
        },
    };
    match body {
        Ok(Got::Chunks(source)) => Ok(Attempted::Chunks { source, headers, dropped }),
        Ok(Got::Stream(stream, provider)) => Ok(stream_of(life, call, stream, provider, headers, dropped)),
        Ok(Got::Whole(response)) => {
            // Its tokens are used, whatever becomes of it.
            life.request().note(&response);
            let result = unreadable(life, call, &response).map_or(LlmResult::Response(response), LlmResult::Error);
            let response = close(life, result).await?;
            Ok(Attempted::Whole { response, headers, dropped })
        }
        Err(error) => {
            let response = close(life, LlmResult::Error(error)).await?;
            Ok(Attempted::Whole { response, headers, dropped })
        }
    }
}

/// What is wrong with an answer that must be translated, or seen by a `post_llm`, and cannot be read.
fn unreadable(life: &mut Lifecycle, call: &LlmCall, response: &Response) -> Option<LlmError> {
    let foreign = response.wire().is_some_and(|wire| call.dialect.is_some_and(|dialect| dialect != wire.dialect()));
    if !foreign && !life.request().exchange.owes(Round::Attempt) {
        return None;
    }
    let error = response.output().err()?;
    Some(unreadable_answer(error).with_provider(&response.provider))
}

/// What an attempt got before `post_llm`.
enum Got {
    Whole(Response),
    Chunks(Source),
    Stream(ProviderStream, Arc<dyn Provider>),
}

/// An attempt under way, which is told of once: one that is dropped before it has ended was cut off with its request,
/// since the client went away.
struct Watched<'a> {
    watch: Option<&'a dyn AttemptWatch>,
    provider: &'a str,
}

impl Watched<'_> {
    fn ended(mut self, error: Option<ErrorKind>, retries: u32) {
        if let Some(watch) = self.watch.take() {
            watch.attempted(self.provider, error, retries);
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch {
            let kind = if std::thread::panicking() { ErrorKind::Internal } else { ErrorKind::Cancelled };
            watch.attempted(self.provider, Some(kind), 0);
        }
    }
}

/// Asks the provider that the request names after all edits.
async fn ask(
    providers: Providers<'_>,
    life: &mut Lifecycle,
    call: &LlmCall,
    request: Request,
) -> Result<(Arc<dyn Provider>, Answer), LlmError> {
    let provider = providers.routing.named(request.provider.as_deref(), &request.model)?;
    let name = provider.name().to_owned();
    let include_usage = request.stream() && life.request().is_told();
    let facts = life.request().exchange.facts();
    let (deadline, is_fallback) = (facts.deadline, facts.fallback_index > 0);
    if let Some(watch) = providers.watch.filter(|_| is_fallback) {
        watch.fell_back(&name);
    }
    let asked = Instant::now();
    let watched = Watched { watch: providers.watch, provider: &name };
    let answer =
        provider.attempt(AttemptCall { request, include_usage, headers: call.headers.clone(), deadline }).await;
    match &answer {
        Ok(answer) => watched.ended(None, answer.retries),
        Err(error) => watched.ended(Some(error.kind), 0),
    }
    let progress = &mut life.request().progress;
    progress.waited += asked.elapsed();
    let answer = answer.map_err(|error| LlmError { provider: error.provider.or(Some(name)), ..error });
    let answer = answer.inspect_err(|error| tell(life, error)).map_err(of_whose_key)?;
    life.request().progress.retries += answer.retries;
    Ok((provider.clone(), answer))
}

/// Logs an attempt that failed for what is not the client's fault: a fallback may hide it from everybody else.
fn tell(life: &mut Lifecycle, error: &LlmError) {
    let request_id = &life.request().exchange.facts().request_id;
    let (provider, kind) = (error.provider.as_deref().unwrap_or_default(), error.kind.as_str());
    let of_the_client =
        matches!(error.kind, ErrorKind::InvalidRequest | ErrorKind::RequestTooLarge | ErrorKind::Cancelled);
    match of_the_client {
        true => tracing::debug!(%request_id, provider, kind, %error, "an attempt failed"),
        false => tracing::warn!(%request_id, provider, kind, %error, "an attempt failed"),
    }
}

/// A provider that refuses the gateway's key: the client has another one, which was taken.
fn of_whose_key(error: LlmError) -> LlmError {
    if !matches!(error.kind, ErrorKind::Authentication | ErrorKind::PermissionDenied) {
        return error;
    }
    let provider = error.provider.as_deref().unwrap_or_default();
    let message = format!("the provider `{provider}` refused the gateway: {}", error.message);
    LlmError { message, ..error }
}

/// A stream passes as bytes where nobody needs its events and both sides speak one dialect.
fn stream_of(
    life: &mut Lifecycle,
    call: &LlmCall,
    stream: ProviderStream,
    provider: Arc<dyn Provider>,
    headers: HeaderMap,
    dropped: Vec<Dropped>,
) -> Attempted {
    let exchange = &life.request().exchange;
    let hooked = [Hook::PostLlm, Hook::OnStreamChunk, Hook::CheckOutput].iter().any(|hook| exchange.stands_at(*hook));
    if hooked || call.needs_events || !call.request.stream() || call.dialect != Some(stream.codec.dialect()) {
        return Attempted::Chunks { source: Source::of_provider(stream, provider), headers, dropped };
    }
    let wants_usage = life.request().is_told();
    let client_asked = call.request.wire().is_some_and(|wire| wire.head().include_usage);
    let tap = Box::new(Tap::new(stream, provider, wants_usage, wants_usage && !client_asked));
    Attempted::Bytes { tap, headers, dropped }
}

/// Closes an attempt that has no stream: `post_llm` in reverse, which may recover an error or refuse an answer.
async fn close(life: &mut Lifecycle, result: LlmResult) -> Result<Arc<Response>, LlmError> {
    let mut result = Draft::from(result);
    close_attempt(life, &mut result).await?;
    match result.into_inner() {
        LlmResult::Response(response) | LlmResult::StreamEnd(response) => Ok(Arc::new(response)),
        LlmResult::Error(error) => Err(error),
        LlmResult::Chunk(_) => Err(LlmError::new(ErrorKind::Internal, "an attempt ended with a chunk")),
    }
}

/// Makes the facts and the summary say where the attempt goes.
pub(crate) fn aim(life: &mut Lifecycle, provider: &str, model: &str, index: u32) {
    let open = life.request();
    if open.progress.provider != provider || open.progress.model != model || index > 0 {
        open.progress.provider = provider.to_owned();
        open.progress.model = model.to_owned();
        let facts = open.exchange.facts_mut();
        facts.provider = provider.to_owned();
        facts.model = model.to_owned();
        facts.fallback_index = index;
    }
}

/// After `pre_llm`: whether the request may go where it goes now.
async fn still_allowed(life: &mut Lifecycle, call: &LlmCall, request: &Request) -> Result<(), LlmError> {
    // A plugin that could not read the body has failed at nothing: the body is at fault.
    if let Some(fault) = call.request.wire().and_then(|wire| wire.fault()) {
        return Err(LlmError { allow_fallbacks: Some(false), ..fault.clone().into() });
    }
    check_input_again(life, request).await
}

#[cfg(test)]
mod tests;
