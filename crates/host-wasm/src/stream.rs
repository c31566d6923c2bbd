//! Streams that a component answers with.

use crate::engine::Clock;
use crate::linker::Current;
use crate::options::InstancePolicy;
use crate::pool::{Lease, Pool, Seat};
use gatewright_abi::host::Rest;
use gatewright_abi::{Pulled, Pulls};
use gatewright_model::{ErrorKind, LlmError};
use gatewright_plugin::services::{BoxFuture, Services};
use gatewright_plugin::{Failure, Hook, KeptFor};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The streams that a call answered with.
pub(crate) struct Streams {
    pub(crate) pool: Arc<Pool>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) rest: Rest,
    pub(crate) services: Services,
    pub(crate) home: Home,
}

/// The instance that has them.
#[derive(Clone, Default)]
pub(crate) struct Home {
    place: Arc<Mutex<Place>>,
    /// Its number. Another one that took its place has other streams of the same numbers.
    instance: Arc<AtomicU64>,
}

/// Where that instance is between pulls.
#[derive(Default)]
enum Place {
    /// With all others of the plugin, of which there is one.
    #[default]
    Pool,
    /// With its request.
    Request(Arc<Seat>),
    /// Here; away while it is pulled.
    Here(Option<Box<Lease>>),
}

/// An instance that is to be pulled, and whether it comes back here.
enum Found {
    Here(Box<Lease>),
    Elsewhere(Lease),
}

// === impl Home ===

impl Home {
    /// Keeps an instance for its streams, if nobody else does.
    pub(crate) fn keep(&self, pool: &Pool, lease: Lease) -> Result<(), Failure> {
        self.instance.store(lease.instance.number, Ordering::Release);
        let place = match lease.seat() {
            Some(seat) => Place::Request(seat),
            None if pool.policy == InstancePolicy::Single => Place::Pool,
            None => {
                let crowded = || Failure::Unavailable("too many of its streams are still being read".to_owned());
                let lease = pool.keep_for_streams(lease).ok_or_else(crowded)?;
                *self.place() = Place::Here(Some(Box::new(lease)));
                return Ok(());
            }
        };
        pool.put_back(lease);
        *self.place() = place;
        Ok(())
    }

    async fn find(&self, pool: &Pool) -> Result<Found, LlmError> {
        let gone = || failed("unavailable", "the instance that had the stream is gone".to_owned());
        let seat = match &mut *self.place() {
            Place::Here(lease) => return lease.take().map(Found::Here).ok_or_else(gone),
            Place::Request(seat) => Some(seat.clone()),
            Place::Pool => None,
        };
        let lease = match seat {
            Some(seat) => Pool::take_again(&seat).await.ok_or_else(gone)?,
            None => {
                let taken = pool.take(&KeptFor::default()).await;
                taken.map_err(|error| failed("unavailable", error.to_string()))?
            }
        };
        if lease.instance.number != self.instance.load(Ordering::Acquire) {
            pool.put_back(lease);
            return Err(gone());
        }
        Ok(Found::Elsewhere(lease))
    }

    /// No code of ours panics while it holds the lock.
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Streams ===

impl Pulls for Streams {
    fn pull(&self, number: u64) -> BoxFuture<'static, Result<Pulled, LlmError>> {
        let (pool, clock, home) = (self.pool.clone(), self.clock.clone(), self.home.clone());
        let current = Current::new(Hook::PreLlm, self.rest.clone(), self.services.clone());
        Box::pin(async move {
            let _running = clock.run();
            let (mut lease, comes_back) = match home.find(&pool).await? {
                Found::Here(lease) => (lease, true),
                Found::Elsewhere(lease) => (Box::new(lease), false),
            };
            // After a trap the instance goes with the lease.
            let pulled = lease.instance.pull(&pool.mould.checked, current, number).await;
            let pulled = pulled.map_err(|failure| failed(failure.cause(), failure.to_string()))?;
            match comes_back && matches!(pulled, Pulled::Chunks(_)) {
                true => *home.place() = Place::Here(Some(lease)),
                false => pool.put_back(*lease),
            }
            Ok(pulled)
        })
    }

    fn close(&self, _: u64) {
        // An instance that is here goes with its stream; one that is shared forgets the stream when its room is needed,
        // or goes with its request.
        if let Place::Here(lease) = &mut *self.home.place() {
            drop(lease.take());
        }
    }
}

fn failed(cause: &str, message: String) -> LlmError {
    LlmError::new(ErrorKind::PluginUnavailable, message).with_code(cause)
}
