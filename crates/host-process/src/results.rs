//! Places for the results of host functions, which may be large and wait until the plugin reads them.

use gatewright_abi::functions::Function;
use gatewright_host::MAX_LLM_DEPTH;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most that are at work or on their way to a process at once, over all of its calls: reads of its space, of 5 MiB
/// each, and what it asks others, who take their time.
const READS: u32 = 12;
const REQUESTS: usize = 64;

/// The places of a process.
pub(crate) struct Results {
    reads: Arc<Semaphore>,
    /// By depth: so no request waits for one that waits for it, through another plugin's.
    requests: [Arc<Semaphore>; MAX_LLM_DEPTH as usize + 1],
}

// === impl Results ===

impl Results {
    pub(crate) fn new() -> Self {
        let requests = std::array::from_fn(|_| Arc::new(Semaphore::new(REQUESTS)));
        Self { reads: Arc::new(Semaphore::new(READS as usize)), requests }
    }

    /// Takes the places of what this function gives in a request of this depth, if that may be large. They are to be held
    /// until it is told.
    pub(crate) async fn of(&self, function: Function, depth: u32) -> Option<OwnedSemaphorePermit> {
        let (places, many) = match function {
            Function::KvGet => (&self.reads, 1),
            // All keys of a space may be as much as all those reads.
            Function::KvList => (&self.reads, READS),
            Function::HttpSend | Function::LlmComplete => (&self.requests[depth.min(MAX_LLM_DEPTH) as usize], 1),
            Function::Log
            | Function::Metric
            | Function::Record
            | Function::KvSet
            | Function::KvDelete
            | Function::KvIncrement
            | Function::KvCompareAndSet => return None,
        };
        // They are never closed.
        places.clone().acquire_many_owned(many).await.ok()
    }
}

#[cfg(test)]
mod tests;
