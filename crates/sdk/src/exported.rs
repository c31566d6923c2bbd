//! A plugin as an artefact exports it, whatever the artefact.

use gatewright_abi::guest::{self, AllHooks, Implements};
use gatewright_abi::{Far, Introduction, Pulled, Streams, document, pull};
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::model::{ErrorKind, LlmError};
use gatewright_plugin::services::Services;
use gatewright_plugin::{Failure, FromConfig, Hook};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An instance of a plugin, called with documents. `I` says which hooks it implements: the code for the others is left
/// out.
pub struct Exported<I = AllHooks> {
    plugin: Arc<dyn Hosted>,
    streams: Mutex<Streams>,
    implements: PhantomData<fn() -> I>,
}

// === impl Exported ===

impl<P: FromConfig> Exported<P> {
    /// What the plugin says of itself, as a document.
    pub fn introduce() -> Vec<u8> {
        Introduction::new(P::manifest(), P::HOOKS, P::IMMEDIATE).write()
    }

    /// Makes an instance from its config, a JSON text. An error says what is wrong with the config.
    pub fn create(config: &[u8]) -> Result<Self, String> {
        let config = serde_json::from_slice(config).map_err(|error| format!("its config: {error}"))?;
        let plugin = P::from_config(config).map_err(|failure| failure.to_string())?;
        Ok(Self::of(link(plugin)))
    }
}

impl<I: Implements> Exported<I> {
    /// Of what any host runs.
    pub fn of(plugin: Arc<dyn Hosted>) -> Self {
        Self { plugin, streams: Mutex::default(), implements: PhantomData }
    }

    /// Calls a hook. A call of one that the plugin does not implement is a failure.
    pub async fn call(&self, hook: Hook, head: &[u8], far: &Arc<dyn Far>, services: Services) -> Vec<u8> {
        self.call_telling(hook, head, far, services, |_| ()).await
    }

    /// The same; `kept` is told the number of a stream that it answers with.
    pub(crate) async fn call_telling(
        &self,
        hook: Hook,
        head: &[u8],
        far: &Arc<dyn Far>,
        services: Services,
        kept: impl Fn(u64),
    ) -> Vec<u8> {
        let mut call = match guest::arrive::<I>(hook, head, far) {
            Ok(call) => call,
            Err(error) => return guest::fail(Failure::Malformed(error.to_string())),
        };
        let mut cx = guest::context(far, services);
        let keep = &mut |stream| {
            let number = self.streams().keep(stream);
            kept(number);
            number
        };
        if self.plugin.immediate().contains(hook) {
            let reply = self.plugin.call_now(&mut cx, call.lend());
            return guest::leave::<I>(far, &mut cx, &call, reply, keep);
        }
        let mut returned = self.plugin.clone().call(cx, call).await;
        guest::leave::<I>(far, &mut returned.cx, &returned.call, returned.reply, keep)
    }

    /// Pulls a stream that a call answered with, by its number: a document.
    pub async fn pull(&self, number: u64) -> Vec<u8> {
        let taken = self.streams().take(number);
        let Some(mut stream) = taken else {
            let error = LlmError::new(ErrorKind::Internal, "the plugin has no such stream");
            return document::write(&Pulled::Error(error));
        };
        let pulled = pull(&mut stream).await;
        if matches!(pulled, Pulled::Chunks(_)) {
            let closed = self.streams().put_back(number, stream);
            drop(closed);
        }
        document::write(&pulled)
    }

    /// Gives a stream up.
    pub fn close(&self, number: u64) {
        let closed = self.streams().close(number);
        drop(closed);
    }

    /// No code of ours panics while it holds the lock.
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
