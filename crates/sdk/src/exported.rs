//! A plugin as an artefact exports it, whatever the artefact.

use gatewright_abi::{Far, Introduction, Pulled, Streams, document, guest, pull};
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::model::{ErrorKind, LlmError};
use gatewright_plugin::services::Services;
use gatewright_plugin::{Failure, FromConfig, Hook};
use std::sync::{Arc, Mutex, PoisonError};

/// An instance of a plugin, called with documents.
pub struct Exported {
    plugin: Arc<dyn Hosted>,
    streams: Mutex<Streams>,
}

// === impl Exported ===

impl Exported {
    /// What a plugin says of itself, as a document.
    pub fn introduce<P: FromConfig>() -> Vec<u8> {
        Introduction::new(P::manifest(), P::HOOKS, P::IMMEDIATE).write()
    }

    /// Makes an instance from its config, a JSON text. An error says what is wrong with the config.
    pub fn create<P: FromConfig>(config: &[u8]) -> Result<Self, String> {
        let config = serde_json::from_slice(config).map_err(|error| format!("its config: {error}"))?;
        let plugin = P::from_config(config).map_err(|failure| failure.to_string())?;
        Ok(Self { plugin: link(plugin), streams: Mutex::default() })
    }

    /// Calls a hook. A call of one that the plugin does not implement is a failure.
    pub async fn call(&self, hook: Hook, head: &[u8], far: &Arc<dyn Far>, services: Services) -> Vec<u8> {
        if !self.plugin.hooks().contains(hook) {
            return guest::fail(Failure::Malformed(format!("it does not implement {hook}")));
        }
        let mut call = match guest::arrive(hook, head, far) {
            Ok(call) => call,
            Err(error) => return guest::fail(Failure::Malformed(error.to_string())),
        };
        let mut cx = guest::context(far, services);
        let keep = &mut |stream| self.streams.lock().unwrap_or_else(PoisonError::into_inner).keep(stream);
        if self.plugin.immediate().contains(hook) {
            let reply = self.plugin.call_now(&mut cx, guest::lend(&mut call));
            return guest::leave(&mut cx, &call, reply, keep);
        }
        let mut returned = self.plugin.clone().call(cx, call).await;
        guest::leave(&mut returned.cx, &returned.call, returned.reply, keep)
    }

    /// Pulls a stream that a call answered with, by its number: a document.
    pub async fn pull(&self, number: u64) -> Vec<u8> {
        let taken = self.streams.lock().unwrap_or_else(PoisonError::into_inner).take(number);
        let Some(mut stream) = taken else {
            let error = LlmError::new(ErrorKind::Internal, "the plugin has no such stream");
            return document::write(&Pulled::Error(error));
        };
        let pulled = pull(&mut stream).await;
        if matches!(pulled, Pulled::Chunks(_)) {
            self.streams.lock().unwrap_or_else(PoisonError::into_inner).put_back(number, stream);
        }
        document::write(&pulled)
    }

    /// Gives a stream up.
    pub fn close(&self, number: u64) {
        drop(self.streams.lock().unwrap_or_else(PoisonError::into_inner).take(number));
    }
}
