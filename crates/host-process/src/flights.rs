//! The calls that are in flight to one process, over whichever connection.

use crate::desk::Desk;
use crate::link::Link;
use crate::results::Results;
use crate::single::MOST_LATE;
use crate::told::Teller;
use gatewright_abi::host;
use gatewright_plugin::{Failure, Hook};
use gatewright_proto::v1::{Cancel, HookAnswer, HostFrame, HostResult, PartContent, StreamClose, host_frame};
use gatewright_proto::{Room, Taken};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The most things that one call may want at once.
const WANTED: usize = 1024;

/// The most bytes that wait to be looked at, but for small things.
const WAITING_BYTES: usize = 128 << 20;

/// What is wrong with a process for which too much waits.
pub(crate) const DEAF: &str = "it does not read what it is told";

/// The calls in flight to a process.
pub(crate) struct Flights {
    calls: AtomicU64,
    links: AtomicU64,
    table: Mutex<Table>,
    /// Whether cancels may wait.
    waiting: AtomicBool,
    room: Room,
    /// For single calls that were given up and go on.
    late: Arc<Semaphore>,
    results: Arc<Results>,
    broken: CancellationToken,
    why: OnceLock<String>,
}

#[derive(Default)]
struct Table {
    open: HashMap<u64, Open>,
    /// Calls that were given up and have not ended over there.
    given_up: HashMap<u64, GivenUp>,
}

/// A call that was given up.
struct GivenUp {
    /// The number of its connection.
    link: u64,
    /// The instance over there.
    instance: u64,
    hook: Hook,
    /// Until then it may take, also if nobody waits for it any more.
    may_take: Instant,
    cancel: Cancelled,
}

/// How far a cancel came.
enum Cancelled {
    /// It waits, and since then nothing left.
    Waits(Instant),
    /// It left then: from there on the plugin must heed it.
    Left(Instant),
}

struct Open {
    /// The number of its connection.
    link: u64,
    /// The instance over there.
    instance: u64,
    /// Until then it may take.
    may_take: Instant,
    answer: oneshot::Sender<Answer>,
    wants: mpsc::Sender<Want>,
    desk: Arc<Desk>,
}

/// A call or pull in flight. Dropping it before its answer cancels it.
pub(crate) struct Flight {
    pub(crate) call: u64,
    pub(crate) answer: oneshot::Receiver<Answer>,
    pub(crate) wants: mpsc::Receiver<Want>,
    link: Arc<Link>,
    hook: Hook,
    /// Whether a session took it, so that it must be cancelled there.
    sent: bool,
}

/// What a session answers.
pub(crate) enum Answer {
    Hook(HookAnswer),
    Chunks(tonic::codegen::Bytes),
}

/// Something that the plugin wants in a call, and waits for.
pub(crate) struct Want {
    pub(crate) what: What,
    pub(crate) to: To,
    pub(crate) _room: Taken,
}

pub(crate) enum What {
    Part(u32),
    /// The argument is a copy: what was read holds all of its message, of which the argument may be the least.
    Function {
        function: u32,
        argument: Vec<u8>,
    },
}

/// Who is answered.
pub(crate) enum To {
    /// The session, under the plugin's own number.
    Session(Teller, u64),
    Part(oneshot::Sender<PartContent>),
    /// With its place among all results.
    Function(oneshot::Sender<(HostResult, Option<OwnedSemaphorePermit>)>),
}

/// A call that nobody knows.
pub(crate) struct Unknown;

// === impl Flights ===

impl Flights {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicU64::new(0),
            links: AtomicU64::new(0),
            table: Mutex::default(),
            waiting: AtomicBool::new(false),
            room: Room::new(WAITING_BYTES),
            late: Arc::new(Semaphore::new(MOST_LATE)),
            results: Arc::new(Results::new()),
            broken: CancellationToken::new(),
            why: OnceLock::new(),
        })
    }

    /// A number for a new call, which no other has over any connection.
    pub(crate) fn call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A number for a new connection.
    pub(crate) fn link(&self) -> u64 {
        self.links.fetch_add(1, Ordering::Relaxed)
    }

    /// Places for single calls that were given up and go on.
    pub(crate) fn late(&self) -> Arc<Semaphore> {
        self.late.clone()
    }

    /// Places for what host functions give.
    pub(crate) fn results(&self) -> Arc<Results> {
        self.results.clone()
    }

    /// Delivers an answer. The end of a call that was given up is one too: should a stream come with it, that is to be closed.
    pub(crate) fn answered(&self, call: u64, answer: Answer) -> Result<Option<StreamClose>, Unknown> {
        let mut table = self.table();
        let (hook, instance, unread) = match table.open.remove(&call) {
            Some(Open { answer: waits, desk, instance, .. }) => {
                drop(table);
                match waits.send(answer) {
                    Ok(()) => return Ok(None),
                    // Who waited is about to give it up.
                    Err(unread) => (desk.hook(), instance, unread),
                }
            }
            None => {
                let GivenUp { hook, instance, .. } = table.given_up.remove(&call).ok_or(Unknown)?;
                drop(table);
                (hook, instance, answer)
            }
        };
        Ok(unread.unclaimed(hook).map(|stream| StreamClose { stream, instance }))
    }

    /// Does what a call says and does not wait for, if it is in flight: so none of it has to be kept, however much it is.
    pub(crate) fn said(&self, call: u64, function: u32, argument: &[u8]) {
        let desk = self.table().open.get(&call).map(|open| open.desk.clone());
        if let Some(desk) = desk {
            desk.said(function, argument);
        }
    }

    /// Delivers what a call wants, if it is in flight.
    pub(crate) async fn wanted(&self, call: u64, what: What, to: To) -> Result<(), Unknown> {
        let bytes = match &what {
            What::Function { argument, .. } => argument.len(),
            What::Part(_) => 0,
        };
        let room = self.room.take(bytes).await;
        let mut table = self.table();
        let open = table.open.get(&call).ok_or(Unknown)?;
        let in_session = matches!(to, To::Session(..));
        // Of a single call it is refused, as whoever asked learns.
        if open.wants.try_send(Want { what, to, _room: room }).is_err() && in_session {
            // Who waits for the call learns of it, and cancels.
            let given_up = GivenUp::of(open);
            table.open.remove(&call);
            self.give_up(&mut table, call, given_up);
        }
        Ok(())
    }

    fn give_up(&self, table: &mut Table, call: u64, given_up: GivenUp) {
        table.given_up.insert(call, given_up);
        self.waiting.store(true, Ordering::Release);
    }

    /// Frames leave over a connection: the cancels among them are to be heeded, and the time of those that wait behind them
    /// begins anew.
    pub(crate) fn left(&self, link: u64, frames: &[HostFrame]) {
        if !self.waiting.load(Ordering::Acquire) {
            return;
        }
        let (mut table, now) = (self.table(), Instant::now());
        for HostFrame { frame } in frames {
            if let Some(host_frame::Frame::Cancel(cancel)) = frame
                && let Some(given_up) = table.given_up.get_mut(&cancel.call)
            {
                given_up.cancel = Cancelled::Left(now);
            }
        }
        let mut waiting = false;
        for given_up in table.given_up.values_mut() {
            if let Cancelled::Waits(since) = &mut given_up.cancel {
                waiting = true;
                if given_up.link == link {
                    *since = now;
                }
            }
        }
        self.waiting.store(waiting, Ordering::Release);
    }

    /// How many calls went on for so long after they were cancelled, and for longer than they may take: that a client leaves
    /// early is not held against the plugin.
    pub(crate) fn unheeded(&self, heed: Duration) -> usize {
        let now = Instant::now();
        let is_unheeded = |GivenUp { may_take, cancel, .. }: &&GivenUp| {
            let left = matches!(cancel, Cancelled::Left(since) if now.saturating_duration_since(*since) >= heed);
            left && now >= *may_take
        };
        self.table().given_up.values().filter(is_unheeded).count()
    }

    /// Whether a cancel waits, and nothing has left before it for so long.
    pub(crate) fn unread(&self, patience: Duration) -> bool {
        let waits = |cancel: &Cancelled| matches!(cancel, Cancelled::Waits(since) if since.elapsed() >= patience);
        self.table().given_up.values().any(|given_up| waits(&given_up.cancel))
    }

    /// Ends all of it: every call in flight fails for this reason.
    pub(crate) fn sever(&self, why: impl Into<String>) {
        let _first_reason_counts = self.why.set(why.into());
        self.broken.cancel();
        let open = {
            let mut table = self.table();
            table.given_up.clear();
            std::mem::take(&mut table.open)
        };
        drop(open);
    }

    /// A connection is no more: its calls fail, and of those that were given up nothing will be heard.
    pub(crate) fn lost(&self, link: u64) {
        let mut lost = Vec::new();
        {
            let mut table = self.table();
            table.given_up.retain(|_, given_up| given_up.link != link);
            lost.extend(table.open.extract_if(|_, open| open.link == link));
        }
        // Who waits is woken outside of the lock.
        drop(lost);
    }

    /// Waits until it is severed; why it was.
    pub(crate) async fn severed(&self) -> String {
        self.broken.cancelled().await;
        self.why()
    }

    fn why(&self) -> String {
        self.why.get().cloned().unwrap_or_default()
    }

    /// Why nobody is called any more, if it is so.
    pub(crate) fn over(&self) -> Option<Failure> {
        self.broken.is_cancelled().then(|| Failure::Unavailable(self.why()))
    }

    /// No code of ours panics while it holds the lock.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl GivenUp ===

impl GivenUp {
    /// Its cancel waits from now on.
    fn of(open: &Open) -> Self {
        let Open { link, instance, may_take, .. } = *open;
        Self { link, instance, hook: open.desk.hook(), may_take, cancel: Cancelled::Waits(Instant::now()) }
    }
}

// === impl Answer ===

impl Answer {
    /// The stream that comes with it, of a call of this hook that nobody waits for any more.
    fn unclaimed(&self, hook: Hook) -> Option<u64> {
        match self {
            Self::Hook(answer) => host::unclaimed(hook, &answer.answer),
            Self::Chunks(_) => None,
        }
    }
}

// === impl Flight ===

impl Flight {
    /// Takes a call or pull in, which may take so long.
    pub(crate) fn open(link: &Arc<Link>, call: u64, desk: &Arc<Desk>, limit: Duration) -> Result<Self, Failure> {
        let may_take = Instant::now() + limit;
        let (answer, answered) = oneshot::channel();
        let (wants, wanted) = mpsc::channel(WANTED);
        let mut table = link.flights.table();
        // Under the lock: whoever ends a connection says so first, and then takes its calls out.
        if let Some(failure) = link.over() {
            return Err(failure);
        }
        let (link, hook) = (link.clone(), desk.hook());
        let (number, instance, desk) = (link.number, link.instance, desk.clone());
        table.open.insert(call, Open { link: number, instance, may_take, answer, wants, desk });
        drop(table);
        Ok(Self { call, answer: answered, wants: wanted, link, hook, sent: false })
    }

    /// Sends it over the session, once there is room.
    pub(crate) async fn send(&mut self, session: &Teller, frame: host_frame::Frame) -> Result<(), Failure> {
        session.tell(frame).await.map_err(|_| self.link.gone())?;
        self.sent = true;
        Ok(())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Link { flights, session, runtime, .. } = &*self.link;
        {
            let mut table = flights.table();
            match table.open.remove(&self.call) {
                Some(open) if self.sent && self.link.over().is_none() => {
                    flights.give_up(&mut table, self.call, GivenUp::of(&open));
                }
                // A single call is given up with its request, and what was not sent there need not be.
                Some(_) => return,
                // It wanted too much at once, and goes on.
                None if table.given_up.contains_key(&self.call) => {}
                None => {
                    drop(table);
                    // An answer that comes now finds nobody, and who brings it closes its stream.
                    self.answer.close();
                    // Mostly it was read.
                    if let Some(stream) = self.answer.try_recv().ok().and_then(|unread| unread.unclaimed(self.hook)) {
                        self.link.close(stream);
                    }
                    return;
                }
            }
        }
        let Some(session) = session else { return };
        let cancel = host_frame::Frame::Cancel(Cancel { call: self.call });
        if session.say(cancel, runtime).is_err() {
            flights.sever(DEAF);
        }
    }
}

#[cfg(test)]
mod tests;
