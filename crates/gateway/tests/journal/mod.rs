//! What the plugin logs: at which hook of which request it was called, as which generation, and its starts and ends.

use gatewright::plugin::{Hook, HookSet};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The hooks of a request that is answered whole.
const WHOLE: HookSet = HookSet::of(&[
    Hook::HttpRequest,
    Hook::PreAuth,
    Hook::Auth,
    Hook::PostAuth,
    Hook::PreRequest,
    Hook::CheckInput,
    Hook::PreLlm,
    Hook::PostLlm,
    Hook::CheckOutput,
    Hook::HttpResponse,
    Hook::PostRequest,
    Hook::RequestEnd,
]);

/// Of one that is blocked.
const BLOCKED: HookSet =
    WHOLE.without(HookSet::of(&[Hook::PreLlm, Hook::PostLlm, Hook::CheckOutput])).with(Hook::OnError);

/// Of a stream.
const STREAM: HookSet =
    WHOLE.without(HookSet::of(&[Hook::HttpResponse])).with(Hook::OnStreamChunk).with(Hook::HttpStreamChunk);

/// What each request is one of.
const KINDS: [HookSet; 3] = [WHOLE, BLOCKED, STREAM];

static BOOK: Mutex<Book> =
    Mutex::new(Book { requests: None, ended: [0; KINDS.len()], lives: BTreeMap::new(), mixed: Vec::new() });

/// What was logged.
struct Book {
    /// Those under way: of a request that has ended nothing is kept.
    requests: Option<HashMap<String, Walk>>,
    /// How many of each kind have ended.
    ended: [usize; KINDS.len()],
    /// How often each generation was started, and was shut down.
    lives: BTreeMap<usize, (usize, usize)>,
    /// The lines of a generation that did not begin the request.
    mixed: Vec<String>,
}

/// A request on its way.
struct Walk {
    generation: usize,
    hooks: HookSet,
}

/// Writes into the book what the plugin logs, and nothing else.
struct Journal;

/// A line of a plugin's log.
#[derive(Debug, Default)]
struct Line {
    request: String,
    message: String,
}

/// Begins an empty book. One test at a time may have it.
pub(crate) fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Journal).unwrap());
    *book() =
        Book { requests: Some(HashMap::new()), ended: [0; KINDS.len()], lives: BTreeMap::new(), mixed: Vec::new() };
}

/// Closes the book of a gateway that has ended: each request was of one generation at all its hooks, there were requests
/// of each kind, and each generation was shut down as often as it was started, which is so often.
pub(crate) fn close(started: &BTreeMap<usize, usize>) {
    let mut book = book();
    assert!(book.mixed.is_empty(), "generations are mixed: {:?}", book.mixed);
    let requests = book.requests.take().unwrap();
    assert!(requests.is_empty(), "these have not ended: {:?}", requests.keys());
    for (kind, ended) in KINDS.iter().zip(book.ended) {
        assert!(ended > 0, "no request had {:?}", kind.iter().collect::<Vec<_>>());
    }
    let lives: BTreeMap<usize, (usize, usize)> =
        started.iter().map(|(number, times)| (*number, (*times, *times))).collect();
    assert_eq!(book.lives, lives, "starts and ends of generations");
}

fn book() -> MutexGuard<'static, Book> {
    BOOK.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Book ===

impl Book {
    /// Writes `the code of generation 0012 at pre_llm` down.
    fn note(&mut self, line: &Line) {
        let Some((mark, hook)) = line.message.split_once(" at ") else { return };
        let Some(hook) = Hook::named(hook) else { return };
        let generation = super::load::generation_of(mark);
        match hook {
            Hook::OnStartup => self.lives.entry(generation).or_default().0 += 1,
            Hook::OnShutdown => self.lives.entry(generation).or_default().1 += 1,
            _ => self.walk(line, generation, hook),
        }
    }

    fn walk(&mut self, line: &Line, generation: usize, hook: Hook) {
        let Some(requests) = &mut self.requests else { return };
        let walk = requests.entry(line.request.clone()).or_insert(Walk { generation, hooks: HookSet::EMPTY });
        walk.hooks = walk.hooks.with(hook);
        if walk.generation != generation {
            self.mixed.push(format!("{line:?} in a request of {}", walk.generation));
        }
        if hook != Hook::RequestEnd {
            return;
        }
        let hooks = walk.hooks;
        requests.remove(&line.request);
        match KINDS.iter().position(|kind| *kind == hooks) {
            Some(kind) => self.ended[kind] += 1,
            None => self.mixed.push(format!("{line:?} ends a request of {:?}", hooks.iter().collect::<Vec<_>>())),
        }
    }
}

// === impl Journal ===

impl Subscriber for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "gatewright::plugin"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        book().note(&line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

// === impl Line ===

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "request_id" {
            value.clone_into(&mut self.request);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
