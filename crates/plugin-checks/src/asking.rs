//! One call of one hook, judged as the pipeline judges it, with the types of the hook erased.

use crate::sample::Samples;
use crate::stand::Stand;
use gatewright_pipeline::Exchange;
use gatewright_plugin::hosted::point;
use gatewright_plugin::{Failure, Hook};
use std::future::Future;
use std::pin::Pin;

/// What a hook is called with, and how.
pub(crate) struct Asking {
    hook: Hook,
    /// The names of the samples, the plain one first.
    pub(crate) samples: Vec<&'static str>,
    call: Call,
}

type Call = Box<dyn for<'a> Fn(&'a mut Exchange, usize) -> Answered<'a>>;
type Answered<'a> = Pin<Box<dyn Future<Output = Result<Decided, Failure>> + 'a>>;

/// Whether a call's outcome would have ended the chain.
pub(crate) type Decided = bool;

// === impl Asking ===

impl Asking {
    pub(crate) fn of(hook: Hook) -> Self {
        macro_rules! of {
            ($($point:ident)*) => {
                match hook {
                    $(Hook::$point => Self::of_point::<point::$point>(),)*
                }
            };
        }
        of! {
            HttpRequest HttpResponse HttpStreamChunk PreAuth Auth PostAuth PreRequest CheckInput PreLlm PostLlm
            OnStreamChunk CheckOutput OnError PostRequest RequestEnd OnUserMessage BeforeAgent AfterAgent BeforeModel
            AfterModel BeforeTool AfterTool OnModelError OnToolError OnEvent BeforeCreate AfterCreate BeforeUpdate
            AfterUpdate BeforeDelete AfterDelete Endpoint Rpc Asset Schedule OnStartup OnShutdown Health
        }
    }

    /// The samples are made once: what they cost is not the plugin's.
    fn of_point<H: Samples>() -> Self {
        let (samples, payloads): (Vec<_>, Vec<_>) = H::samples().into_iter().unzip();
        let call: Call = Box::new(move |exchange, at| Box::pin(call::<H>(exchange, payloads.get(at).cloned())));
        Self { hook: H::HOOK, samples, call }
    }

    pub(crate) fn hook(&self) -> Hook {
        self.hook
    }

    /// Calls the hook with a sample, in a request of its own.
    pub(crate) async fn call(&self, stand: &Stand, at: usize) -> Result<Decided, Failure> {
        self.call_in(&mut stand.exchange(), at).await
    }

    /// Calls the hook with a sample, in this request.
    pub(crate) fn call_in<'a>(&self, exchange: &'a mut Exchange, at: usize) -> Answered<'a> {
        (self.call)(exchange, at)
    }
}

async fn call<H: Samples>(exchange: &mut Exchange, payload: Option<H::Payload>) -> Result<Decided, Failure> {
    let Some(mut payload) = payload else {
        return Err(Failure::Unavailable("there is no such sample".to_owned()));
    };
    let mut decided = false;
    for (_, answer) in exchange.each::<H>(&mut payload).await {
        let outcome = answer?;
        decided |= H::is_decisive(&outcome);
        H::finish(outcome).await?;
    }
    Ok(decided)
}
