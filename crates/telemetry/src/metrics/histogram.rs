//! A histogram that is cheap to record in.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

/// Most upper bounds of a histogram; one more bucket takes what is over all of them.
const MAX_BOUNDS: usize = 16;

/// Most shards of a histogram.
const MAX_SHARDS: usize = 8;

/// A histogram of whole numbers: recording is two relaxed additions, on a shard that few threads share.
#[derive(Clone, Debug)]
pub(super) struct Histogram(Arc<Series>);

/// The upper bounds of a histogram, and how many of what it counts make one of what it shows.
#[derive(Debug)]
pub(super) struct Buckets {
    bounds: [u64; MAX_BOUNDS],
    used: usize,
    per_unit: f64,
}

#[derive(Debug)]
struct Series {
    buckets: &'static Buckets,
    shards: Box<[Shard]>,
}

/// Aligned, so that shards share no cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard {
    counts: [AtomicU64; MAX_BOUNDS + 1],
    sum: AtomicU64,
}

// === impl Buckets ===

impl Buckets {
    /// Bounds, rising, at most 16; `per_unit` is 1e9 for nanoseconds that are shown as seconds.
    pub(super) const fn new(bounds: &[u64], per_unit: f64) -> Self {
        // Unused bounds lie above every value.
        let (mut all, mut at) = ([u64::MAX; MAX_BOUNDS], 0);
        while at < bounds.len() {
            all[at] = bounds[at];
            at += 1;
        }
        Self { bounds: all, used: bounds.len(), per_unit }
    }

    /// The bucket of a value: how many bounds it is over. Without branches, so that it takes the same few instructions
    /// for every value.
    fn of(&self, value: u64) -> usize {
        self.bounds.iter().map(|bound| usize::from(value > *bound)).sum()
    }
}

// === impl Histogram ===

impl Histogram {
    pub(super) fn new(buckets: &'static Buckets) -> Self {
        let shards = (0..shard_count()).map(|_| Shard::default()).collect();
        Self(Arc::new(Series { buckets, shards }))
    }

    pub(super) fn observe(&self, value: u64) {
        let Series { buckets, shards } = &*self.0;
        // The number of shards is a power of two.
        let shard = &shards[this_thread() & (shards.len() - 1)];
        shard.counts[buckets.of(value)].fetch_add(1, Relaxed);
        shard.sum.fetch_add(value, Relaxed);
    }

    /// How many values were recorded.
    pub(super) fn count(&self) -> u64 {
        self.0.shards.iter().flat_map(|shard| &shard.counts).map(|count| count.load(Relaxed)).sum()
    }

    /// Writes the histogram as a series.
    pub(super) fn write(&self, encoder: &mut MetricEncoder<'_>) -> std::fmt::Result {
        let Series { buckets, shards } = &*self.0;
        let count_in = |bucket: usize| shards.iter().map(|shard| shard.counts[bucket].load(Relaxed)).sum::<u64>();
        let sum: u128 = shards.iter().map(|shard| u128::from(shard.sum.load(Relaxed))).sum();
        let counted: Vec<(f64, u64)> = (0..=buckets.used)
            .map(|bucket| match buckets.bounds[..buckets.used].get(bucket) {
                Some(bound) => (*bound as f64 / buckets.per_unit, count_in(bucket)),
                None => (f64::INFINITY, count_in(bucket)),
            })
            .collect();
        let count = counted.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(sum as f64 / buckets.per_unit, count, &counted, None)
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        self.write(&mut encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

fn shard_count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| available_parallelism().map_or(1, usize::from).next_power_of_two().min(MAX_SHARDS))
}

/// A number of the thread's own, given out in turn.
fn this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    const NONE: usize = usize::MAX;
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    }
    // While a thread ends its number is gone; any shard will do.
    NUMBER
        .try_with(|number| match number.get() {
            NONE => {
                number.set(NEXT.fetch_add(1, Relaxed) & (NONE >> 1));
                number.get()
            }
            own => own,
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
