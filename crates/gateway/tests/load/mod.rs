//! Clients that ask all the while, and see which generation answers them.

use super::common::{answer_of, ask};
use super::slow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How many clients ask for streams.
const STREAMS: usize = 3;

/// Which reloads there were. Reload N puts generation `N % codes` in force.
#[derive(Debug)]
pub(crate) struct Turns {
    codes: usize,
    begun: AtomicUsize,
    done: AtomicUsize,
}

/// Clients that ask until they are told to stop.
pub(crate) struct Load {
    turns: Arc<Turns>,
    done: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Seen>>,
}

/// What clients saw.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: usize,
    pub(crate) streams: usize,
    /// Streams that began before a reload and ended after it, and the most reloads during one.
    pub(crate) spanning: usize,
    pub(crate) longest: usize,
}

/// The generation that an answer is of.
pub(crate) fn generation_of(text: &str) -> usize {
    let digits = text.split("the code of generation ").nth(1).unwrap_or_else(|| panic!("no generation: {text}"));
    digits[..4].parse().unwrap()
}

// === impl Turns ===

impl Turns {
    /// This reload is in force already.
    pub(crate) fn new(codes: usize, turn: usize) -> Arc<Self> {
        Arc::new(Self { codes, begun: turn.into(), done: turn.into() })
    }

    /// The generation of a reload.
    pub(crate) fn code(&self, turn: usize) -> usize {
        turn % self.codes
    }

    pub(crate) fn begin(&self, turn: usize) {
        self.begun.store(turn, Ordering::SeqCst);
    }

    pub(crate) fn end(&self, turn: usize) {
        self.done.store(turn, Ordering::SeqCst);
    }

    /// The reload that is in force for sure.
    fn now(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    /// The reload that put a generation in force that answered a request of now, which began when `oldest` was.
    fn which(&self, oldest: usize, generation: usize) -> usize {
        let newest = self.begun.load(Ordering::SeqCst);
        let turn = (oldest..=newest).find(|turn| self.code(*turn) == generation);
        turn.unwrap_or_else(|| panic!("generation {generation} answered between reloads {oldest} and {newest}"))
    }
}

// === impl Load ===

impl Load {
    /// Asks for whole answers, for what is blocked, and for slow streams, and waits until each of these has begun.
    pub(crate) async fn begin(address: SocketAddr, turns: &Arc<Turns>) -> Self {
        let before = slow::begun();
        let done = Arc::<AtomicBool>::default();
        let whole = (0..2).map(|_| tokio::spawn(wholes(address, done.clone(), turns.clone())));
        let streams = (0..STREAMS).map(|_| tokio::spawn(streams(address, done.clone(), turns.clone())));
        let clients: Vec<JoinHandle<Seen>> = whole.chain(streams).collect();
        while slow::begun() < before + STREAMS {
            assert!(!clients.iter().any(JoinHandle::is_finished), "a client failed before the first reload");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { turns: turns.clone(), done, clients }
    }

    /// The reloads, of which its clients are to know.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Ends it, and answers what was seen.
    pub(crate) async fn end(self) -> Seen {
        self.done.store(true, Ordering::Release);
        let mut all = Seen::default();
        for client in self.clients {
            let seen = client.await.unwrap();
            all.requests += seen.requests;
            all.streams += seen.streams;
            all.spanning += seen.spanning;
            all.longest = all.longest.max(seen.longest);
        }
        all
    }
}

/// Of ten requests one is blocked.
async fn wholes(address: SocketAddr, done: Arc<AtomicBool>, turns: Arc<Turns>) -> Seen {
    let mut seen = Seen::default();
    while !done.load(Ordering::Acquire) {
        let (oldest, blocked) = (turns.now(), seen.requests.is_multiple_of(10));
        let (status, body) = ask(address, if blocked { "forbidden" } else { "hello" }).await;
        assert_eq!(status, if blocked { 403 } else { 200 }, "{body}");
        turns.which(oldest, generation_of(&body));
        seen.requests += 1;
        // Or the load would leave no time to compile anything.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    seen
}

/// Streams that last longer than a reload: what they began with, they end with.
async fn streams(address: SocketAddr, done: Arc<AtomicBool>, turns: Arc<Turns>) -> Seen {
    let mut seen = Seen::default();
    while !done.load(Ordering::Acquire) {
        let oldest = turns.now();
        let (status, body) = slow::stream(address).await;
        assert!(status == 200 && body.contains("[DONE]") && !body.contains("error"), "{status} {body}");
        let generation = generation_of(&body);
        let (pieces, all) = (body.matches("the code of").count(), body.matches(&answer_of(generation)).count());
        assert!(pieces >= slow::PIECES && pieces == all, "generations are mixed: {body}");
        let reloads = turns.now().saturating_sub(turns.which(oldest, generation));
        seen.requests += 1;
        seen.streams += 1;
        seen.spanning += usize::from(reloads > 0);
        seen.longest = seen.longest.max(reloads);
    }
    seen
}
