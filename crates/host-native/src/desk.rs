//! One call's desk: all that host functions read of it, and all that the plugin proposes, until it is settled.

use crate::decision;
use crate::payload::{Payload, Refused, no_utf8};
use crate::tree::Node;
use bytes::Bytes;
use gatewright_abi::functions::Function;
use gatewright_abi::host::Departure;
use gatewright_abi::native::Status;
use gatewright_abi::{MAX_ANSWER_BYTES, Part, document, service};
use gatewright_plugin::services::{ServiceError, Services};
use gatewright_plugin::{Facts, Failure, Hook, Rejection};
use std::sync::Arc;
use std::time::Duration;

/// The most bytes that host functions hand out in one call, the parts of the payload apart.
const MAX_KEPT_BYTES: usize = 64 << 20;

/// The most pieces.
const MAX_KEPT: usize = 1 << 16;

/// The longest failure of a plugin, in characters.
const MAX_FAILURE: usize = 1000;

/// What a call works on.
pub(crate) trait Source {
    /// Head and parts.
    fn departure(&mut self) -> &Departure;

    /// The services of the call.
    fn services(&self) -> Services;

    /// The facts of the call.
    fn facts(&self) -> Arc<Facts>;
}

/// What a call is, as far as host functions differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Making the instance.
    Create,
    /// A hook.
    Hook,
    /// A stream that a hook answered with.
    Pull,
}

/// A call's desk.
pub(crate) struct Desk<S> {
    hook: Hook,
    phase: Phase,
    source: S,
    /// What the plugin is called where it answers in a provider's place.
    plugin: Arc<str>,
    payload: Option<Payload>,
    parts: Vec<(Part, Bytes)>,
    kept: Vec<Bytes>,
    kept_bytes: usize,
    /// The words of refusals that were handed out.
    told: Vec<Bytes>,
    /// The whole answer, of an SDK.
    answer: Option<Vec<u8>>,
    outcome: Option<Node>,
    state: Vec<(String, String)>,
    metadata: Vec<(String, String)>,
    failure: Option<String>,
    error: Bytes,
}

/// What a host function gives, or why not.
pub(crate) type Given<T> = Result<T, Refused>;

// === impl Desk ===

impl<S: Source> Desk<S> {
    /// The desk of a call of this hook.
    pub(crate) fn new(hook: Hook, phase: Phase, source: S, plugin: Arc<str>) -> Self {
        Self {
            hook,
            phase,
            source,
            plugin,
            payload: None,
            parts: Vec::new(),
            kept: Vec::new(),
            kept_bytes: 0,
            told: Vec::new(),
            answer: None,
            outcome: None,
            state: Vec::new(),
            metadata: Vec::new(),
            failure: None,
            error: Bytes::new(),
        }
    }

    /// What it works on.
    pub(crate) fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// What the plugin is called where it answers in a provider's place.
    pub(crate) fn plugin(&self) -> &Arc<str> {
        &self.plugin
    }

    /// What is left until the request must be done.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.source.facts().remaining()
    }

    /// What the call came to: the answer, a document, or the failure.
    pub(crate) fn settle(&mut self, status: i32) -> Result<Vec<u8>, Failure> {
        let said = self.failure.take();
        let shortened = |text: String| text.chars().take(MAX_FAILURE).collect::<String>();
        match (Status::numbered(status), said) {
            (Some(Status::Ok), None) => self.take_answer(),
            (Some(Status::Panic), said) => {
                let said = said.unwrap_or_else(|| "no message".to_owned());
                Err(Failure::Panicked(said.chars().take(200).collect()))
            }
            (Some(Status::TooLarge), said) => {
                Err(Failure::Oversized(shortened(said.unwrap_or_else(|| self.last_error()))))
            }
            (Some(_), Some(said)) => Err(Failure::Returned(shortened(said))),
            (Some(status), None) => {
                let error = self.last_error();
                let why = if error.is_empty() { String::new() } else { format!(": {error}") };
                Err(Failure::Returned(shortened(format!("it returned {status:?}{why}"))))
            }
            (None, _) => Err(Failure::Malformed(format!("it returned {status}, which is no status"))),
        }
    }

    fn last_error(&self) -> String {
        String::from_utf8_lossy(&self.error).into_owned()
    }

    fn take_answer(&mut self) -> Result<Vec<u8>, Failure> {
        if let Some(answer) = self.answer.take() {
            return Ok(answer);
        }
        let edits = self.payload.as_ref().and_then(Payload::edits);
        let outcome = self.outcome.take().or_else(|| decision::unsaid(self.hook));
        if edits.is_none() && outcome.is_none() && self.state.is_empty() && self.metadata.is_empty() {
            return Ok(Vec::new());
        }
        let mut answer = Node::map([]);
        if let Some(outcome) = outcome {
            answer.put("outcome", outcome);
        }
        if let Some(edits) = edits {
            answer.put("edits", edits);
        }
        let text = |text: String| Node::map([("str", Node::text(text))]);
        let state = std::mem::take(&mut self.state).into_iter();
        let state: Vec<Node> = state.map(|(key, value)| Node::List(vec![Node::text(key), text(value)])).collect();
        if !state.is_empty() {
            answer.put("state", Node::List(state));
        }
        let metadata = std::mem::take(&mut self.metadata).into_iter();
        let metadata: Vec<(String, Node)> = metadata.map(|(key, value)| (key, Node::text(value))).collect();
        if !metadata.is_empty() {
            answer.put("metadata", Node::Map(metadata));
        }
        Ok(document::write(&answer))
    }

    /// Remembers why a function refused.
    pub(crate) fn refused(&mut self, why: &str) {
        self.error = Bytes::copy_from_slice(why.as_bytes());
    }

    /// Keeps what a function gives until the call is over.
    pub(crate) fn keep(&mut self, bytes: impl Into<Bytes>) -> Given<Bytes> {
        let bytes = bytes.into();
        if self.kept.len() >= MAX_KEPT || self.kept_bytes + bytes.len() > MAX_KEPT_BYTES {
            return Err(Refused(Status::TooLarge, "the call was given too much already".to_owned()));
        }
        self.kept_bytes += bytes.len();
        self.kept.push(bytes.clone());
        Ok(bytes)
    }

    pub(crate) fn head(&mut self) -> Given<Bytes> {
        // It is the source's, and stays.
        let head = Bytes::copy_from_slice(&self.source.departure().head);
        self.keep(head)
    }

    pub(crate) fn part(&mut self, number: u32) -> Given<Bytes> {
        let part = Part::numbered(number)
            .ok_or_else(|| Refused(Status::Unsupported, format!("this gateway knows no part {number}")))?;
        if let Some((_, bytes)) = self.parts.iter().find(|(of, _)| *of == part) {
            return Ok(bytes.clone());
        }
        let bytes = self.source.departure().rest.part(part)?.into_bytes();
        self.parts.push((part, bytes.clone()));
        Ok(bytes)
    }

    pub(crate) fn answer(&mut self, answer: &[u8]) -> Given<()> {
        if self.phase == Phase::Create {
            return Err(Refused(Status::Unsupported, "`create` answers with an instance".to_owned()));
        }
        if answer.len() > MAX_ANSWER_BYTES {
            let why = format!("an answer has at most {MAX_ANSWER_BYTES} bytes");
            return Err(Refused(Status::TooLarge, why));
        }
        self.answer = Some(answer.to_vec());
        Ok(())
    }

    /// Apart from all else that is handed out: who was given too much is told so. Words that are asked for again are the
    /// same piece.
    pub(crate) fn error(&mut self) -> Given<Bytes> {
        match self.told.last() {
            Some(told) if *told == self.error => Ok(told.clone()),
            _ if self.told.len() >= MAX_KEPT => {
                Err(Refused(Status::TooLarge, "the call was told of too many errors".to_owned()))
            }
            _ => {
                self.told.push(self.error.clone());
                Ok(self.error.clone())
            }
        }
    }

    pub(crate) fn fail(&mut self, message: &[u8]) -> Given<()> {
        let message = String::from_utf8_lossy(&message[..message.len().min(4 * MAX_FAILURE)]).into_owned();
        self.failure = Some(message);
        Ok(())
    }

    pub(crate) fn get_text(&mut self, path: &[u8]) -> Given<Bytes> {
        // It shares the tree's bytes; what is edited later is another text.
        let found = text_of(self.find(path)?)?;
        self.keep(found)
    }

    pub(crate) fn get_int(&mut self, path: &[u8]) -> Given<i64> {
        match self.find(path)? {
            Some(Node::Int(value)) => Ok(*value),
            Some(Node::Null) | None => Err(Refused(Status::Missing, "there is nothing there".to_owned())),
            Some(_) => Err(other("a whole number")),
        }
    }

    pub(crate) fn get_bool(&mut self, path: &[u8]) -> Given<i32> {
        match self.find(path)? {
            Some(Node::Bool(value)) => Ok(i32::from(*value)),
            Some(Node::Null) | None => Err(Refused(Status::Missing, "there is nothing there".to_owned())),
            Some(_) => Err(other("true or false")),
        }
    }

    pub(crate) fn count(&mut self, path: &[u8]) -> Given<u64> {
        match self.find(path)? {
            Some(Node::List(items)) => Ok(items.len() as u64),
            Some(Node::Map(members)) => Ok(members.len() as u64),
            Some(Node::Null) | None => Ok(0),
            Some(_) => Err(other("a list or map")),
        }
    }

    pub(crate) fn set_text(&mut self, path: &[u8], value: &[u8]) -> Given<()> {
        // Where bytes stand, bytes are legal: a text that is none is refused where it is put.
        let value = match std::str::from_utf8(value) {
            Ok(value) => Node::text(value),
            Err(_) => Node::Bytes(Bytes::copy_from_slice(value)),
        };
        self.set(path, value)
    }

    pub(crate) fn set(&mut self, path: &[u8], value: Node) -> Given<()> {
        self.in_hook()?;
        let path = text(path)?;
        self.with_payload(|payload, fetch| payload.set(path, value, fetch))
    }

    fn find(&mut self, path: &[u8]) -> Given<Option<&Node>> {
        let path = text(path)?;
        let (payload, source) = self.payload_and_source();
        payload.get(path, &|part| Ok(source.rest.part(part)?.into_bytes()))
    }

    fn with_payload<T>(&mut self, work: impl FnOnce(&mut Payload, crate::payload::Fetch<'_>) -> T) -> T {
        let (payload, source) = self.payload_and_source();
        work(payload, &|part| Ok(source.rest.part(part)?.into_bytes()))
    }

    fn payload_and_source(&mut self) -> (&mut Payload, &Departure) {
        let departure = self.source.departure();
        let payload = self.payload.get_or_insert_with(|| Payload::of(self.hook, &departure.head));
        (payload, departure)
    }

    pub(crate) fn block(&mut self, status: u32, reason: &[u8], code: &[u8]) -> Given<()> {
        let mut rejection = Rejection::new(text(reason)?);
        if status != 0 {
            rejection = rejection.status(u16::try_from(status).unwrap_or(u16::MAX));
        }
        if !code.is_empty() {
            rejection = rejection.code(text(code)?);
        }
        self.decide(decision::block(self.hook, rejection), "block")
    }

    pub(crate) fn respond_text(&mut self, status: u32, said: &[u8]) -> Given<()> {
        let said = text(said)?.to_owned();
        let status = u16::try_from(status).unwrap_or(u16::MAX);
        let model = match self.find(b"model")? {
            Some(Node::Text(model)) => String::from_utf8_lossy(model).into_owned(),
            _ => String::new(),
        };
        let (hook, plugin) = (self.hook, self.plugin.clone());
        self.decide(decision::respond(hook, status, said, &plugin, &model), "answer")
    }

    pub(crate) fn drop_chunk(&mut self) -> Given<()> {
        self.decide(decision::drop_chunk(self.hook), "drop anything")
    }

    pub(crate) fn identify(&mut self, app: &[u8], user: &[u8], key: &[u8]) -> Given<()> {
        let owned = |bytes| text(bytes).map(str::to_owned);
        let identity = decision::identify(self.hook, owned(app)?, owned(user)?, owned(key)?);
        self.decide(identity, "identify anybody")
    }

    /// Hooks alone propose something: of anything else it would reach nobody.
    fn in_hook(&self) -> Given<()> {
        let what = match self.phase {
            Phase::Hook => return Ok(()),
            Phase::Create => "`create`",
            Phase::Pull => "a pull",
        };
        Err(Refused(Status::Unsupported, format!("{what} writes and decides nothing: hooks do")))
    }

    fn decide(&mut self, outcome: Option<Node>, what: &str) -> Given<()> {
        self.in_hook()?;
        match outcome {
            Some(outcome) => {
                (self.answer, self.outcome) = (None, Some(outcome));
                Ok(())
            }
            None => Err(Refused(Status::Unsupported, format!("{} cannot {what}", self.hook))),
        }
    }

    pub(crate) fn state_get(&mut self, key: &[u8]) -> Given<Bytes> {
        let key = text(key)?;
        if let Some((_, value)) = self.state.iter().rev().find(|(written, _)| written == key) {
            let value = value.clone();
            return self.keep(value);
        }
        let found = self.with_payload(|payload, fetch| text_of(payload.state(key, fetch)?))?;
        self.keep(found)
    }

    pub(crate) fn state_set(&mut self, key: &[u8], value: &[u8]) -> Given<()> {
        self.in_hook()?;
        room(&self.state, key, value, gatewright_plugin::MAX_STATE_ENTRIES, gatewright_plugin::MAX_STATE_BYTES)?;
        let (key, value) = (text(key)?.to_owned(), text(value)?.to_owned());
        self.state.push((key, value));
        Ok(())
    }

    pub(crate) fn metadata_set(&mut self, key: &[u8], value: &[u8]) -> Given<()> {
        self.in_hook()?;
        room(&self.metadata, key, value, gatewright_plugin::MAX_STATE_ENTRIES, gatewright_plugin::MAX_STATE_BYTES)?;
        let (key, value) = (text(key)?.to_owned(), text(value)?.to_owned());
        self.metadata.push((key, value));
        Ok(())
    }

    /// Asks for what does not wait.
    pub(crate) fn ask_now(&self, function: Function, argument: &[u8]) -> Result<Vec<u8>, ServiceError> {
        service::serve_now(&self.source.services(), &self.source.facts(), self.hook, function, argument)
    }
}

fn text_of(node: Option<&Node>) -> Given<Bytes> {
    match node {
        Some(Node::Text(text) | Node::Bytes(text)) => Ok(text.clone()),
        Some(Node::Null) | None => Err(Refused(Status::Missing, "there is nothing there".to_owned())),
        Some(_) => Err(other("a text")),
    }
}

fn other(what: &str) -> Refused {
    Refused(Status::Invalid, format!("it is not {what}"))
}

/// What plugins write is bounded here, and judged by the host when it is settled.
fn room(written: &[(String, String)], key: &[u8], value: &[u8], entries: usize, bytes: usize) -> Given<()> {
    let used: usize = written.iter().map(|(key, value)| key.len() + value.len()).sum();
    match written.len() < entries && used + key.len() + value.len() <= bytes {
        true => Ok(()),
        false => Err(Refused(Status::TooLarge, "the call wrote too much".to_owned())),
    }
}

/// A text that a plugin passed.
pub(crate) fn text(bytes: &[u8]) -> Given<&str> {
    std::str::from_utf8(bytes).map_err(|_| no_utf8())
}
