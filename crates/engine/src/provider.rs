//! What the engine asks of a provider. The providers themselves live in `gatewright-providers`.

use bytes::Bytes;
use futures_util::Stream;
use gatewright_model::{Codec, LlmError, Request, Response};
use gatewright_plugin::services::BoxFuture;
use http::HeaderMap;
use std::pin::Pin;
use std::time::Instant;

/// Somebody who answers LLM requests: a remote provider, the demo, a test's script.
pub trait Provider: Send + Sync {
    /// Its name in the config, which is the prefix in `provider/model`.
    fn name(&self) -> &str;

    /// The codec of the dialect it speaks.
    fn codec(&self) -> &'static dyn Codec;

    /// Models it is known to have, for `GET /v1/models`; it may answer others too.
    fn models(&self) -> Vec<String>;

    /// Makes one attempt, its retries and key rotation included. A stream is answered once its first event is there
    /// and is not an error. Dropping the future, or the stream, cancels the upstream request at once.
    fn attempt(&self, call: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>>;

    /// An error that came within a stream, without what nobody is to be told: it may quote a key. By default, as it is.
    fn conceal(&self, error: LlmError) -> LlmError {
        error
    }
}

/// One attempt.
#[derive(Debug)]
pub struct AttemptCall {
    /// What is asked: `model` without the provider's prefix.
    pub request: Request,
    /// Whether somebody needs the usage of a stream, so that it must be asked for.
    pub include_usage: bool,
    /// Headers to send along: `traceparent`, `x-request-id`, and those of the client's dialect (`anthropic-beta`, ...).
    pub headers: HeaderMap,
    /// When the request must be done.
    pub deadline: Option<Instant>,
}

/// What a provider answers.
pub struct Answer {
    /// The answer, whole or about to be streamed.
    pub body: AnswerBody,
    /// Headers for the client: rate limits, the provider's own request id.
    pub headers: HeaderMap,
    /// Tries before this one, in this attempt.
    pub retries: u32,
    /// The name of the key that was used; never the key.
    pub key_name: String,
    /// What of the request could not be carried and was left out.
    pub dropped: Vec<gatewright_model::Dropped>,
}

/// An answer, whole or about to be streamed.
pub enum AnswerBody {
    /// The whole of it.
    Whole(Response),
    /// A stream of it.
    Stream(ProviderStream),
}

/// The bytes of a stream, in the provider's dialect.
pub struct ProviderStream {
    /// The codec they are written in.
    pub codec: &'static dyn Codec,
    /// The bytes, from the very first on. An item of `Err` is the last one: a broken connection, a timeout between
    /// chunks. An end without the dialect's own last event is judged by the engine.
    pub bytes: ByteStream,
}

/// Bytes as they come.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, LlmError>> + Send>>;
