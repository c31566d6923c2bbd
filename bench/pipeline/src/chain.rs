//! Chains of one hook each, without what stands around them in a request.

use crate::Problem;
use crate::plugins::{Style, set};
use crate::request::{self, MODEL, PROVIDER};
use gatewright_model::{Request, Response};
use gatewright_pipeline::{Exchange, Round};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::LlmResult;
use gatewright_plugin::{Draft, Hook, HookSet};
use std::hint::black_box;
use std::sync::Arc;

/// Chains that a request walks, over and over on one exchange.
pub(crate) struct Chains {
    walked: HookSet,
    exchange: Exchange,
    request: Arc<Request>,
    result: Arc<LlmResult>,
}

// === impl Chains ===

impl Chains {
    /// The chains of `walked`, with so many plugins that stand at those of `subscribed`.
    pub(crate) async fn new(
        style: Style,
        walked: HookSet,
        subscribed: HookSet,
        plugins: usize,
    ) -> Result<Self, Problem> {
        let set = set(style, subscribed, plugins).await?;
        let answer = Response::of_text(PROVIDER, MODEL, request::ANSWER);
        Ok(Self {
            walked,
            exchange: Exchange::new(Arc::new(set), request::facts()),
            request: Arc::new(request::request()?),
            result: Arc::new(LlmResult::Response(answer)),
        })
    }

    pub(crate) async fn walk(&mut self) -> Result<(), Problem> {
        if self.walked.contains(Hook::CheckInput) {
            let mut request = self.request.clone();
            black_box(self.exchange.run::<point::CheckInput>(&mut request).await?);
        }
        if self.walked.contains(Hook::PreLlm) || self.walked.contains(Hook::PostLlm) {
            let mut draft = Draft::new(self.request.clone());
            self.exchange.begin(Round::Attempt);
            black_box(self.exchange.enter::<point::PreLlm>(Round::Attempt, &mut draft).await?);
            black_box(&draft);
        }
        if self.walked.contains(Hook::PostLlm) {
            let mut draft = Draft::new(self.result.clone());
            black_box(self.exchange.unwind::<point::PostLlm>(Round::Attempt, &mut draft, false, |_, _| ()).await);
            black_box(&draft);
        }
        Ok(())
    }
}
