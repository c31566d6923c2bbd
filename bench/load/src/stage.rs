//! A part of a run: who starts the next request, when, and what came of them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::exchange::{Client, Failure, Sample};

/// When no further request is started. Those under way are always waited for.
#[derive(Debug)]
pub(crate) enum Until {
    Moment(Instant),
    /// So many requests are still to be started.
    Left(AtomicU64),
}

impl Until {
    pub(crate) fn after(duration: Duration) -> Self {
        Self::Moment(Instant::now() + duration)
    }

    pub(crate) fn count(requests: u64) -> Self {
        Self::Left(AtomicU64::new(requests))
    }
}

/// One stage, shared by all connections.
#[derive(Debug)]
pub(crate) struct Stage {
    until: Until,
    pace: Option<Pace>,
}

/// Requests that are due at fixed moments, whoever is free to send them.
#[derive(Debug)]
struct Pace {
    started: Instant,
    per_second: f64,
    next: AtomicU64,
}

/// A turn to send one request.
#[derive(Debug)]
enum Turn {
    /// Send it when it is possible.
    Now,
    /// It was due at this moment, which has passed: the wait since then is a part of its latency, or a server that
    /// stalls would also stall the clock.
    Since(Instant),
    Over,
}

impl Stage {
    pub(crate) fn new(until: Until, rate: Option<f64>) -> Self {
        let pace = rate.map(|per_second| Pace { started: Instant::now(), per_second, next: AtomicU64::new(0) });
        Self { until, pace }
    }

    async fn turn(&self) -> Turn {
        match &self.until {
            Until::Moment(end) if Instant::now() >= *end => return Turn::Over,
            Until::Left(left)
                if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_err() =>
            {
                return Turn::Over;
            }
            _ => {}
        }
        let Some(pace) = &self.pace else { return Turn::Now };
        let due = pace.due();
        if let Until::Moment(end) = self.until
            && due >= end
        {
            return Turn::Over;
        }
        if due <= Instant::now() {
            return Turn::Since(due);
        }
        // The timer wakes up to a millisecond late, which is not the server's doing: the clock starts after it.
        sleep_until(due).await;
        Turn::Now
    }
}

impl Pace {
    fn due(&self) -> Instant {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        self.started + Duration::from_secs_f64(place as f64 / self.per_second)
    }
}

/// What came of the requests of one connection, or of all.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) good: Vec<Sample>,
    pub(crate) bad_status: u64,
    pub(crate) bad_body: u64,
    pub(crate) bad_connection: u64,
    pub(crate) late: u64,
    pub(crate) first_failure: Option<Failure>,
}

impl Tally {
    pub(crate) fn add(&mut self, mut other: Self) {
        self.good.append(&mut other.good);
        self.bad_status += other.bad_status;
        self.bad_body += other.bad_body;
        self.bad_connection += other.bad_connection;
        self.late += other.late;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }

    pub(crate) fn bad(&self) -> u64 {
        self.bad_status + self.bad_body + self.bad_connection + self.late
    }

    fn record(&mut self, outcome: Result<Sample, Failure>) {
        let failure = match outcome {
            Ok(sample) => return self.good.push(sample),
            Err(failure) => failure,
        };
        *match failure {
            Failure::Status(_) => &mut self.bad_status,
            Failure::Short(_) => &mut self.bad_body,
            Failure::Connect(_) | Failure::Broken(_) => &mut self.bad_connection,
            Failure::Late => &mut self.late,
        } += 1;
        self.first_failure.get_or_insert(failure);
    }
}

/// Sends one request after another on one connection, from `begin` until the stage is over.
pub(crate) async fn work(mut client: Client, stage: Arc<Stage>, begin: Instant) -> (Client, Tally) {
    sleep_until(begin).await;
    let mut tally = Tally::default();
    loop {
        let due = match stage.turn().await {
            Turn::Now => None,
            Turn::Since(due) => Some(due),
            Turn::Over => return (client, tally),
        };
        let outcome = client.exchange(due).await;
        let refused = matches!(outcome, Err(Failure::Connect(_)));
        tally.record(outcome);
        if refused {
            // Nobody listens: a loop without a pause would only fill the log with it.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
