//! Places for the results of host functions, which may be large and wait until the plugin reads them.

use gatewright_abi::functions::Function;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The most that are at work or on their way to a process at once, over all of its calls: reads of its space, of 5 MiB
/// each, and what it asks others, who take their time.
const READS: u32 = 12;
const REQUESTS: usize = 64;

/// The places of a process.
pub(crate) struct Results {
    reads: Semaphore,
    requests: Semaphore,
}

// === impl Results ===

impl Results {
    pub(crate) fn new() -> Self {
        Self { reads: Semaphore::new(READS as usize), requests: Semaphore::new(REQUESTS) }
    }

    /// Takes the places of what this function gives, if that may be large. They are to be held until it is told.
    pub(crate) async fn of(&self, function: Function) -> Option<SemaphorePermit<'_>> {
        let (places, many) = match function {
            Function::KvGet => (&self.reads, 1),
            // All keys of a space may be as much as all those reads.
            Function::KvList => (&self.reads, READS),
            Function::HttpSend | Function::LlmComplete => (&self.requests, 1),
            Function::Log
            | Function::Metric
            | Function::Record
            | Function::KvSet
            | Function::KvDelete
            | Function::KvIncrement
            | Function::KvCompareAndSet => return None,
        };
        // They are never closed.
        places.acquire_many(many).await.ok()
    }
}

#[cfg(test)]
mod tests;
