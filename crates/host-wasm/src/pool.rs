//! The instances of a plugin.

use crate::component::LoadError;
use crate::instance::Instance;
use crate::mould::Mould;
use crate::options::{InstancePolicy, Options};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Hook, KeptFor};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard as Turn, OwnedSemaphorePermit, Semaphore};

/// The most instances of one plugin at once: those of calls, and those that requests hold until they are over.
const MOST_CALLS_AT_ONCE: usize = 128;
const MOST_REQUESTS_AT_ONCE: usize = 500;

/// The most whose calls were answered with streams: they are there until the streams are read, which is up to clients.
const MOST_STREAMS_AT_ONCE: usize = 128;

/// The most that stay idle.
const MOST_IDLE: usize = 32;

/// The instances of a plugin.
pub(crate) struct Pool {
    pub(crate) mould: Arc<Mould>,
    pub(crate) policy: InstancePolicy,
    name: String,
    idle: Mutex<Idle>,
    most_idle: usize,
    most_calls: u32,
    most_handles: u32,
    places: Arc<Semaphore>,
    stream_places: Arc<Semaphore>,
    /// What stands for this plugin among what is kept for a request.
    key: u64,
}

/// Instances and places that nobody uses.
#[derive(Default)]
struct Idle {
    ready: Vec<Instance>,
    /// Those whose call did not have the time to wait for them.
    making: Vec<Making>,
    /// Places of calls that are over, while nobody waits for one: the next call need not ask for it.
    places: Vec<OwnedSemaphorePermit>,
    /// How many wait for a place. There are none of `places` then.
    waiting: usize,
}

/// One that waits for a place.
struct Waiting<'a>(&'a Pool);

/// An instance that is being made.
struct Making {
    instance: BoxFuture<'static, Result<Instance, LoadError>>,
    /// The time that calls spent on it.
    spent: Duration,
}

/// An instance that is being made for a call; the pool has it if the call is given up meanwhile.
struct Awaited<'a> {
    pool: &'a Pool,
    making: Option<Making>,
    since: Instant,
}

/// What a request keeps: an instance, which its calls use in turns. The lock is a turn, and held while a call lasts.
pub(crate) type Seat = Turns<Option<Seated>>;

/// An instance and its place.
pub(crate) struct Seated {
    instance: Instance,
    place: OwnedSemaphorePermit,
}

/// An instance in use, its place, and the request's turn on it.
pub(crate) struct Lease {
    pub(crate) instance: Instance,
    place: OwnedSemaphorePermit,
    turn: Option<Turn<Option<Seated>>>,
}

/// The places of calls, and those of streams, of a plugin that may have so many instances.
fn places(policy: InstancePolicy, instances: usize) -> (usize, usize) {
    let half = instances / 2;
    let calls = match policy {
        InstancePolicy::Single => 1,
        // Their streams stay where they are.
        InstancePolicy::PerRequest => MOST_REQUESTS_AT_ONCE.min(instances),
        InstancePolicy::Pooled | InstancePolicy::PerCall => MOST_CALLS_AT_ONCE.min(half),
    };
    (calls, MOST_STREAMS_AT_ONCE.min(half))
}

// === impl Pool ===

impl Pool {
    pub(crate) fn new(mould: Mould, name: &str, policy: InstancePolicy, options: &Options) -> Self {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let most_idle = match policy {
            InstancePolicy::Pooled => MOST_IDLE,
            InstancePolicy::Single => 1,
            InstancePolicy::PerRequest | InstancePolicy::PerCall => 0,
        };
        let (calls, streams) = places(policy, mould.checked.weight.instances());
        let most_calls = match policy {
            InstancePolicy::Pooled => options.most_calls,
            // Its globals are what its author relies on.
            _ => u32::MAX,
        };
        let (idle, places) = (Mutex::default(), Arc::new(Semaphore::new(calls)));
        let stream_places = Arc::new(Semaphore::new(streams));
        let key = KEYS.fetch_add(1, Ordering::Relaxed);
        let (mould, name, most_handles) = (Arc::new(mould), name.to_owned(), options.most_handles);
        Self { mould, policy, name, idle, most_idle, most_calls, most_handles, places, stream_places, key }
    }

    /// Takes an instance, for a call of the request that this is kept for. Waits while all are in use.
    pub(crate) async fn take(&self, kept: &KeptFor) -> Result<Lease, LoadError> {
        if self.policy == InstancePolicy::PerRequest
            && let Some(seat) = kept.of(self.key, Seat::default)
        {
            let mut turn = seat.lock_owned().await;
            let Seated { instance, place } = match turn.take() {
                Some(seated) => seated,
                None => self.seated().await?,
            };
            return Ok(Lease { instance, place, turn: Some(turn) });
        }
        let Seated { instance, place } = self.seated().await?;
        Ok(Lease { instance, place, turn: None })
    }

    /// Takes an instance that is idle, if there is one and nobody waits: what most calls find.
    pub(crate) fn take_idle(&self) -> Option<Lease> {
        if self.most_idle == 0 {
            return None;
        }
        let Idle { ready, places, .. } = &mut *self.idle();
        let place = places.pop_if(|_| !ready.is_empty())?;
        let instance = ready.pop()?;
        Some(Lease { instance, place, turn: None })
    }

    /// Takes the instance of a request again; `None` if it is gone.
    pub(crate) async fn take_again(seat: &Arc<Seat>) -> Option<Lease> {
        let mut turn = seat.clone().lock_owned().await;
        let Seated { instance, place } = turn.take()?;
        Some(Lease { instance, place, turn: Some(turn) })
    }

    /// Keeps an instance for its streams, and gives its place to other calls. `None` if too many are kept already: it is
    /// gone then.
    pub(crate) fn keep_for_streams(&self, lease: Lease) -> Option<Lease> {
        let place = self.stream_places.clone().try_acquire_owned().ok()?;
        Some(Lease { place, ..lease })
    }

    /// Takes an instance back that ended its call well.
    pub(crate) fn put_back(&self, lease: Lease) {
        let Lease { instance, place, turn } = lease;
        if instance.handles() >= self.most_handles {
            let handles = instance.handles();
            tracing::warn!(plugin = %self.name, handles, "an instance never drops its calls; it is replaced");
            return;
        }
        if let Some(mut turn) = turn {
            *turn = Some(Seated { instance, place });
            return;
        }
        let of_calls = Arc::ptr_eq(place.semaphore(), &self.places);
        let mut idle = self.idle();
        let spare = match instance.calls < self.most_calls && idle.len() < self.most_idle {
            true => {
                idle.ready.push(instance);
                None
            }
            false => Some(instance),
        };
        let place = match of_calls && idle.waiting == 0 {
            true => {
                idle.places.push(place);
                None
            }
            false => Some(place),
        };
        drop(idle);
        // What an instance had is given back first.
        drop(spare);
        drop(place);
    }

    async fn seated(&self) -> Result<Seated, LoadError> {
        let place = self.place().await?;
        let idle = self.idle().ready.pop();
        let instance = match idle {
            Some(instance) => instance,
            None => self.make().await?,
        };
        Ok(Seated { instance, place })
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, LoadError> {
        let waiting = {
            let mut idle = self.idle();
            if let Some(place) = idle.places.pop() {
                return Ok(place);
            }
            idle.waiting += 1;
            Waiting(self)
        };
        let place = self.places.clone().acquire_owned().await;
        drop(waiting);
        place.map_err(|closed| LoadError::Engine(closed.to_string()))
    }

    /// Makes an instance, or goes on with one that was being made when its call was given up: one that takes longer than
    /// a call has would never be there otherwise.
    async fn make(&self) -> Result<Instance, LoadError> {
        let begun = self.idle().making.pop();
        let in_time = begun.filter(|making| making.spent < Hook::OnStartup.info().timeout);
        let making = in_time.unwrap_or_else(|| {
            let mould = self.mould.clone();
            Making { instance: Box::pin(async move { Instance::new(&mould).await }), spent: Duration::ZERO }
        });
        let mut awaited = Awaited { pool: self, making: Some(making), since: Instant::now() };
        std::future::poll_fn(|cx| awaited.poll(cx)).await
    }

    /// No code of ours panics while it holds the lock.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Idle ===

impl Idle {
    fn len(&self) -> usize {
        self.ready.len() + self.making.len()
    }
}

// === impl Waiting ===

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.idle().waiting -= 1;
    }
}

// === impl Awaited ===

impl Awaited<'_> {
    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<Instance, LoadError>> {
        let Some(making) = &mut self.making else { return std::task::Poll::Pending };
        let polled = making.instance.as_mut().poll(cx);
        if polled.is_ready() {
            self.making = None;
        }
        polled
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        let Some(mut making) = self.making.take() else { return };
        making.spent += self.since.elapsed();
        let mut idle = self.pool.idle();
        if idle.len() < self.pool.most_idle {
            idle.making.push(making);
        }
    }
}

// === impl Lease ===

impl Lease {
    /// Where it goes back to, if that is a request.
    pub(crate) fn seat(&self) -> Option<Arc<Seat>> {
        self.turn.as_ref().map(|turn| Turn::mutex(turn).clone())
    }
}

#[cfg(test)]
mod tests;
