//! Deals connections out to workers, around those whose thread is held.
//!
//! A hook that blocks its thread holds it until it comes back. Where the plugin set has hooks of that kind, the workers
//! are sheltered: another of their threads takes over ([`Standby`](crate::standby::Standby)). Workers that are not, since
//! such a set came later, are replaced: they keep the connections that they have, and make no such call in place.
//!
//! Where all of a worker's threads are held even so, connections that it was given and has not taken go to others, and
//! so do new ones, until it takes again; and if that is so of all workers, a spare one starts.

use crate::server::next;
use crate::snapshot::Shared;
use crate::stop::Stopped;
use crate::worker::Worker;
use std::convert::Infallible;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;

/// The workers, and who gives them connections.
pub(crate) struct Dealer {
    workers: Vec<Worker>,
    /// Those that get no more connections.
    retired: Vec<Worker>,
    /// Workers so far.
    started: usize,
    /// How many there are without the spare ones, which are at most as many again.
    regular: usize,
    shared: Arc<Shared>,
    stop: Stopped,
}

/// How often workers are looked at, if there is something to look for.
const LOOK: Duration = Duration::from_millis(50);

/// A worker that has not taken a connection for so long is held.
const HELD: Duration = Duration::from_millis(100);

/// All workers must be held for so long until a spare one starts: a machine that is merely busy needs none.
const SPARE: Duration = Duration::from_secs(1);

// === impl Dealer ===

impl Dealer {
    /// Starts the workers.
    pub(crate) fn start(many: usize, shared: Arc<Shared>, stop: Stopped) -> std::io::Result<Self> {
        let sheltered = shared.snapshot().plugins.wants_shelter();
        let (workers, retired) = (Vec::new(), Vec::new());
        let mut dealer = Self { workers, retired, started: 0, regular: many, shared, stop };
        for _ in 0..many {
            let worker = dealer.hire(sheltered)?;
            dealer.workers.push(worker);
        }
        Ok(dealer)
    }

    fn hire(&mut self, sheltered: bool) -> std::io::Result<Worker> {
        let worker = Worker::start(self.started, sheltered, self.shared.clone(), self.stop.clone())?;
        self.started += 1;
        Ok(worker)
    }

    /// Waits until all workers have ended, which were told to stop. Until then those whose thread is held get help.
    pub(crate) fn join(mut self) {
        self.workers.append(&mut self.retired);
        self.workers.iter().for_each(Worker::retire);
        while self.workers.iter().any(|worker| worker.is_sheltered() && !worker.is_done()) {
            self.help(Instant::now());
            thread::sleep(LOOK);
        }
        self.workers.into_iter().for_each(Worker::join);
    }

    /// Gives each connection that comes to the worker that has the fewest.
    pub(crate) async fn deal(&mut self, listener: &TcpListener) -> Infallible {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let busy = self.workers.iter().any(Worker::is_to_be_looked_at);
            tokio::select! {
                stream = next(listener) => match stream.into_std() {
                    Ok(stream) => self.give(stream).await,
                    Err(error) => tracing::debug!(%error, "a connection broke before it began"),
                },
                _ = looks.tick(), if busy => self.look().await,
            }
        }
    }

    /// Puts sheltered workers in the place of those that are not, if the plugin set of this moment wants it.
    fn shelter(&mut self) {
        if !self.shared.snapshot().plugins.wants_shelter() || self.workers.iter().all(Worker::is_sheltered) {
            return;
        }
        match (0..self.regular).map(|_| self.hire(true)).collect::<Result<Vec<_>, _>>() {
            Ok(workers) => {
                tracing::info!(
                    workers = self.regular,
                    "sheltered workers take the new connections: a library is called in place"
                );
                let before = std::mem::replace(&mut self.workers, workers);
                before.iter().for_each(Worker::retire);
                self.retired.extend(before);
            }
            Err(error) => {
                tracing::error!(%error, "no sheltered workers can be started: libraries are called on their lanes")
            }
        }
    }

    /// Forgets retired workers that have ended.
    fn bury(&mut self) {
        for worker in self.retired.extract_if(.., |worker| worker.is_done()) {
            // Its last thread may take a moment.
            drop(tokio::task::spawn_blocking(|| worker.join()));
        }
    }

    async fn give(&mut self, mut stream: TcpStream) {
        self.bury();
        self.shelter();
        loop {
            let now = Instant::now();
            let best = self.workers.iter().min_by_key(|worker| (worker.is_held(now, HELD), worker.load()));
            match best.map(|worker| worker.take(stream)) {
                Some(Err(refused)) => stream = refused,
                Some(Ok(())) | None => return,
            }
            // All that may wait for it do; more wait in the listener's own queue.
            tokio::time::sleep(HELD).await;
            self.spare();
        }
    }

    /// Looks at the workers, and helps those that are held.
    async fn look(&mut self) {
        let now = Instant::now();
        self.help(now);
        self.spare();
        self.deal_anew(now).await;
    }

    /// Lets another thread take over where a hook holds the one that works.
    fn help(&self, now: Instant) {
        for worker in self.workers.iter().filter(|worker| worker.look(now)) {
            tracing::warn!(worker = worker.number(), "a hook holds a worker's thread: another takes its requests over");
            if let Some(metrics) = &self.shared.snapshot().metrics {
                metrics.thread_held();
            }
        }
    }

    /// Takes from those that are held what they have not taken, if there is somebody to give it to.
    async fn deal_anew(&mut self, now: Instant) {
        if self.workers.iter().all(|worker| worker.is_held(now, HELD)) {
            return;
        }
        let mut back = Vec::new();
        for worker in self.workers.iter().filter(|worker| worker.is_held(now, HELD)) {
            let waited = worker.give_back();
            if !waited.is_empty() {
                let (number, connections) = (worker.number(), waited.len());
                tracing::warn!(
                    worker = number,
                    connections,
                    "a worker's thread is held: its new connections go to others"
                );
            }
            back.extend(waited);
        }
        for stream in back {
            self.give(stream).await;
        }
    }

    /// Starts one more worker if all are held.
    fn spare(&mut self) {
        let now = Instant::now();
        let (many, held) = (self.workers.len(), |worker: &Worker| worker.is_held(now, SPARE));
        if many >= 2 * self.regular || !self.workers.iter().all(held) {
            return;
        }
        match self.hire(self.shared.snapshot().plugins.wants_shelter()) {
            Ok(worker) => {
                tracing::error!(workers = many, "the threads of all workers are held by hooks: a spare worker starts");
                self.workers.push(worker);
            }
            Err(error) => tracing::error!(%error, "a spare worker cannot be started"),
        }
    }
}
