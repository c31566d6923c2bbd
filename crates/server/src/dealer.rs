//! Deals connections out to workers, around those whose thread is held.
//!
//! A hook that blocks its thread holds all that its worker has, and nobody can take a thread away from it. What can be
//! done is done here: connections that such a worker was given and has not taken go to others, and so do new ones, until
//! it takes again. If all are held, a spare worker starts.

use crate::server::next;
use crate::snapshot::Shared;
use crate::stop::Stopped;
use crate::worker::Worker;
use std::convert::Infallible;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;

/// The workers, and who gives them connections.
pub(crate) struct Dealer {
    workers: Vec<Worker>,
    /// How many there are without the spare ones, which are at most as many again.
    regular: usize,
    shared: Arc<Shared>,
    stop: Stopped,
}

/// A worker that has not taken a connection for so long is held.
const HELD: Duration = Duration::from_millis(100);

/// All workers must be held for so long until a spare one starts: a machine that is merely busy needs none.
const SPARE: Duration = Duration::from_secs(1);

// === impl Dealer ===

impl Dealer {
    /// Starts the workers.
    pub(crate) fn start(many: usize, shared: Arc<Shared>, stop: Stopped) -> std::io::Result<Self> {
        let workers = (0..many).map(|number| Worker::start(number, shared.clone(), stop.clone()));
        Ok(Self { workers: workers.collect::<Result<_, _>>()?, regular: many, shared, stop })
    }

    /// The workers, to be waited for.
    pub(crate) fn into_workers(self) -> Vec<Worker> {
        self.workers
    }

    /// Gives each connection that comes to the worker that has the fewest.
    pub(crate) async fn deal(&mut self, listener: &TcpListener) -> Infallible {
        let mut looks = tokio::time::interval(HELD);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let waiting = self.workers.iter().any(|worker| worker.waiting(Instant::now()).is_some());
            tokio::select! {
                stream = next(listener) => match stream.into_std() {
                    Ok(stream) => self.give(stream).await,
                    Err(error) => tracing::debug!(%error, "a connection broke before it began"),
                },
                _ = looks.tick(), if waiting => self.look().await,
            }
        }
    }

    async fn give(&mut self, mut stream: TcpStream) {
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

    /// Takes from those that are held what they have not taken, if there is somebody to give it to.
    async fn look(&mut self) {
        self.spare();
        let now = Instant::now();
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
        match Worker::start(many, self.shared.clone(), self.stop.clone()) {
            Ok(worker) => {
                tracing::error!(workers = many, "the threads of all workers are held by hooks: a spare worker starts");
                self.workers.push(worker);
            }
            Err(error) => tracing::error!(%error, "a spare worker cannot be started"),
        }
    }
}
