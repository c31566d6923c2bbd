//! A provider at the other end of an HTTP connection: one attempt with its retries.

mod collect;
mod failure;
mod first;
mod flavour;
mod headers;
mod stream;

pub(crate) use failure::Withheld;
pub(crate) use flavour::Flavour;
pub(crate) use headers::is_the_connections;

use crate::http::{Endpoint, HttpClient};
use crate::keys::{Key, KeyRing};
use crate::retry::{self, Failure, Retry};
use crate::watch::{Limits, Watch};
use crate::{NetworkSettings, RetrySettings};
use failure::Teller;
use gatewright_engine::{Answer, AnswerBody, AttemptCall, Provider, ProviderStream};
use gatewright_model::{Codec, Compat, ErrorKind, Kind, LlmError, RequestSplice, Response, Segments};
use gatewright_plugin::services::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use stream::RemoteStream;
use tokio::time::Instant;

/// A provider that is reached over HTTP.
pub(crate) struct Remote {
    pub(crate) name: Arc<str>,
    pub(crate) codec: &'static dyn Codec,
    pub(crate) client: HttpClient,
    /// Where conversations go.
    pub(crate) chat: Endpoint,
    pub(crate) keys: KeyRing,
    pub(crate) withheld: Withheld,
    pub(crate) compat: Compat,
    /// Headers for requests whose client did not send them.
    pub(crate) defaults: Vec<(HeaderName, HeaderValue)>,
    pub(crate) models: Vec<String>,
    pub(crate) network: NetworkSettings,
    pub(crate) retry: RetrySettings,
}

/// What a try got.
type Got = (AnswerBody, HeaderMap);

// === impl Remote ===

impl Provider for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    fn codec(&self) -> &'static dyn Codec {
        self.codec
    }

    fn models(&self) -> Vec<String> {
        self.models.clone()
    }

    fn attempt(&self, call: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(self.run(call))
    }

    fn conceal(&self, error: LlmError) -> LlmError {
        self.withheld.conceal(error)
    }
}

impl Remote {
    async fn run(&self, call: AttemptCall) -> Result<Answer, LlmError> {
        let request = &call.request;
        if request.kind != Kind::Chat {
            return Err(self.teller().unsupported(request.kind));
        }
        let mut rotation = self.keys.rotation(&request.model).ok_or_else(|| self.teller().no_key(&request.model))?;
        let splice = RequestSplice { model: &request.model, include_usage: call.include_usage, compat: self.compat };
        let encoded = self.codec.encode_request(request, &splice)?;
        let limits = Limits::new(&self.network, call.deadline.map(Instant::from_std));
        let mut retries = 0;
        loop {
            let key = rotation.key();
            let failure = match self.attempt_once(&call, key, &encoded.body, limits).await {
                Ok((body, headers)) => {
                    let key_name = key.name.clone();
                    return Ok(Answer { body, headers, retries, key_name, dropped: encoded.dropped });
                }
                Err(failure) => Failure { error: self.conceal(failure.error), ..failure },
            };
            if matches!(failure.error.kind, ErrorKind::Authentication | ErrorKind::PermissionDenied) {
                tracing::warn!(provider = &*self.name, key = key.name, "the provider refuses this key");
            }
            let asked = failure.error.retry_after;
            let mut wait = self.retry.wait(retries, asked, retry::jitter());
            if failure.retry == Retry::NextKey {
                key.rest(asked.unwrap_or(wait));
                // Another key waits for nobody.
                if rotation.rotate() {
                    wait = Duration::ZERO;
                }
            }
            let in_time = limits.deadline.is_none_or(|deadline| Instant::now() + wait < deadline);
            if retries == self.retry.max_retries || failure.retry == Retry::Never || !in_time {
                return Err(failure.error);
            }
            tracing::debug!(provider = &*self.name, key = key.name, error = %failure.error, ?wait, "trying again");
            tokio::time::sleep(wait).await;
            retries += 1;
        }
    }

    /// One request to the provider, until its answer is there or its stream has begun.
    async fn attempt_once(
        &self,
        call: &AttemptCall,
        key: &Key,
        body: &Segments,
        limits: Limits,
    ) -> Result<Got, Failure> {
        let teller = self.teller();
        let mut watch = Watch::new(limits);
        let headers = || headers::outgoing(&key.headers, &call.headers, &self.defaults);
        let sent = AtomicBool::new(false);
        let answered = watch.over(self.client.post(&self.chat, headers, body, &sent)).await;
        let answered = answered.map_err(|late| teller.late(late, sent.into_inner()))?;
        let response = answered.map_err(|error| teller.transport(error))?;
        let (head, body) = response.into_parts();
        let passed = headers::for_client(&head.headers);
        let content = headers::Content::of(&head.headers);
        if !head.status.is_success() {
            watch.begin();
            let said = collect::beginning(body, &mut watch, failure::LONGEST_ERROR).await;
            return Err(teller.answered(self.codec, head.status, &head.headers, &said));
        }
        if let Some(encoding) = content.encoding {
            return Err(teller.encoded(encoding));
        }
        if content.is_event_stream() && call.request.stream() {
            let mut body = body;
            let first = first::event(&mut body, &mut watch, self.codec, &teller).await?;
            watch.begin_stream();
            let bytes = Box::pin(RemoteStream::new(first, body, watch, Arc::clone(&self.name)));
            let stream = ProviderStream { codec: self.codec, bytes };
            return Ok((AnswerBody::Stream(stream), passed));
        }
        if content.is_event_stream() {
            return Err(teller.not_json(content.kind));
        }
        watch.begin_whole();
        let whole = collect::whole(body, &mut watch, self.network.max_response_bytes, &teller).await?;
        if failure::is_error(&whole) {
            return Err(teller.answered(self.codec, head.status, &head.headers, &whole));
        }
        if !failure::looks_like_json(&whole) {
            return Err(teller.not_json(content.kind));
        }
        let response = Response::from_wire(call.request.kind, &self.name, &call.request.model, self.codec, whole);
        Ok((AnswerBody::Whole(response), passed))
    }

    fn teller(&self) -> Teller<'_> {
        Teller::new(&self.name)
    }
}
