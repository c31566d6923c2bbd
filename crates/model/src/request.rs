//! An LLM request: its head, the bytes it came in, and a view that is parsed when somebody looks.

use crate::message::Placed;
use crate::{Chat, Codec, DecodeError, Dialect, Kind, PlacedText, TextOf};
use bytes::Bytes;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// An LLM request on its way to a provider.
///
/// `provider` and `model` are always at hand. The conversation is parsed from the wire at the first [`Request::chat`];
/// the first [`Request::chat_mut`] takes a copy, in which untouched messages still share storage with the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked for.
    pub kind: Kind,
    /// The provider by its name in the config; `None` until routing.
    pub provider: Option<String>,
    /// The model, without the provider's prefix.
    pub model: String,
    stream: bool,
    source: Source,
    edited: Edited,
}

/// Where the unedited conversation is.
#[derive(Clone, Debug)]
enum Source {
    /// Nowhere: it was made here.
    None,
    /// In the bytes it came in.
    Wire(Arc<RequestWire>),
    /// In another address space.
    Remote(Arc<dyn RemoteChat>),
}

/// What was edited in a conversation.
#[derive(Clone, Debug)]
enum Edited {
    Nothing,
    /// Texts alone, in a conversation that is elsewhere and of which nothing else was looked at.
    Texts(Box<Replaced>),
    Chat(Box<Chat>),
}

/// Texts that were replaced, and the conversation with them if somebody looked at it.
#[derive(Clone, Debug)]
struct Replaced {
    texts: Arc<Vec<PlacedText>>,
    chat: OnceLock<Result<Chat, DecodeError>>,
}

/// A conversation that is elsewhere: a plugin in another address space pays for what it reads of it.
pub trait RemoteChat: Send + Sync {
    /// All of it, fetched once.
    fn chat(&self) -> Result<&Chat, DecodeError>;

    /// All of it, if it was fetched.
    fn seen(&self) -> Option<&Chat>;

    /// Its texts alone, as [`Messages::texts`](crate::Messages::texts) visits them. Who cannot have them alone fetches all.
    fn texts(&self, visit: &mut dyn FnMut(TextOf, &str)) -> Result<(), DecodeError>;
}

impl std::fmt::Debug for dyn RemoteChat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RemoteChat")
    }
}

/// The request as it came from the client.
#[derive(Debug)]
pub struct RequestWire {
    codec: &'static dyn Codec,
    body: Bytes,
    head: RequestHead,
    chat: OnceLock<Result<Chat, DecodeError>>,
}

/// What a scan of the top level finds, without parsing the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// `model`, with the provider's prefix if it has one.
    pub model: String,
    /// `stream`.
    pub stream: bool,
    /// `fallbacks`: `provider/model` each, in order.
    pub fallbacks: Vec<String>,
    /// Whether the client asked for usage in its stream (always so where the dialect gives it unasked).
    pub include_usage: bool,
    /// Bytes of the value of `model`, quotes included.
    pub model_span: Range<usize>,
    /// Bytes of the whole member `fallbacks`, with one of its commas.
    pub fallbacks_span: Option<Range<usize>>,
    /// Bytes of the value of `stream_options`.
    pub stream_options_span: Option<Range<usize>>,
}

// === impl Request ===

impl Request {
    /// A request as it came from a client.
    pub fn from_wire(kind: Kind, codec: &'static dyn Codec, body: Bytes) -> Result<Self, DecodeError> {
        let head = codec.scan_request(&body)?;
        let (model, stream) = (head.model.clone(), head.stream);
        let wire = RequestWire { codec, body, head, chat: OnceLock::new() };
        Ok(Self { kind, provider: None, model, stream, source: Source::Wire(Arc::new(wire)), edited: Edited::Nothing })
    }

    /// A request made here: an agent's step, a plugin's `llm` call, a test.
    pub fn from_chat(model: impl Into<String>, stream: bool, chat: Chat) -> Self {
        let edited = Edited::Chat(Box::new(chat));
        Self { kind: Kind::Chat, provider: None, model: model.into(), stream, source: Source::None, edited }
    }

    /// A request whose conversation is elsewhere, and is fetched when somebody looks.
    pub fn from_remote(
        kind: Kind,
        provider: Option<String>,
        model: String,
        stream: bool,
        chat: Arc<dyn RemoteChat>,
    ) -> Self {
        Self { kind, provider, model, stream, source: Source::Remote(chat), edited: Edited::Nothing }
    }

    /// Whether the client wants a stream.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// The conversation. An error if the body does not hold one: a wrong type, a missing member, broken JSON.
    pub fn chat(&self) -> Result<&Chat, DecodeError> {
        match (&self.edited, &self.source) {
            (Edited::Chat(chat), _) => Ok(chat),
            (Edited::Texts(replaced), Source::Remote(remote)) => replaced.over(&**remote),
            (_, Source::Wire(wire)) => wire.chat(),
            (_, Source::Remote(remote)) => remote.chat(),
            (_, Source::None) => Err(DecodeError::new("the request has no body")),
        }
    }

    /// The conversation, to edit. The first call copies; messages that stay untouched keep their bytes.
    pub fn chat_mut(&mut self) -> Result<&mut Chat, DecodeError> {
        if !matches!(self.edited, Edited::Chat(_)) {
            self.edited = Edited::Chat(Box::new(self.chat()?.clone()));
        }
        match &mut self.edited {
            Edited::Chat(chat) => Ok(chat),
            Edited::Nothing | Edited::Texts(_) => Err(DecodeError::new("the request has no body")),
        }
    }

    /// Calls `visit` with every text of the conversation that is not empty, those in tool results and in blocks that the
    /// gateway does not know too. Where the conversation is elsewhere this is all that is fetched.
    pub fn texts(&self, mut visit: impl FnMut(TextOf, &str)) -> Result<(), DecodeError> {
        let Some((remote, replaced)) = self.texts_elsewhere() else {
            self.chat()?.messages.texts(visit);
            return Ok(());
        };
        let (mut place, mut replaced) = (0, replaced.iter().peekable());
        remote.texts(&mut |of, text| {
            let new = replaced.next_if(|(at, _)| *at == place);
            place += 1;
            let text = new.map_or(text, |(_, new)| new);
            if !text.is_empty() {
                visit(of, text);
            }
        })
    }

    /// Replaces texts, of those that [`Request::texts`] visits: `edit` answers `Some` where one is to change. Messages in
    /// which nothing changes keep their bytes. Answers whether any changed.
    pub fn map_texts(&mut self, mut edit: impl FnMut(TextOf, &str) -> Option<String>) -> Result<bool, DecodeError> {
        let Some((remote, before)) = self.texts_elsewhere() else {
            let mut messages = self.chat()?.messages.clone();
            let changed = messages.map_texts(edit);
            if changed {
                self.chat_mut()?.messages = messages;
            }
            return Ok(changed);
        };
        let (mut place, mut before, mut texts, mut changed) = (0, before.iter().peekable(), Vec::new(), false);
        remote.texts(&mut |of, text| {
            let old = before.next_if(|(at, _)| *at == place).map(|(_, old)| old);
            let text = old.map_or(text, |old| old);
            let new = if text.is_empty() { None } else { edit(of, text) };
            changed |= new.is_some();
            texts.extend(new.or_else(|| old.cloned()).map(|text| (place, text)));
            place += 1;
        })?;
        if changed {
            let replaced = Box::new(Replaced { texts: Arc::new(texts), chat: OnceLock::new() });
            // Who had to fetch all of it may be told of an edit in no other way.
            self.edited = match remote.seen() {
                Some(_) => Edited::Chat(Box::new(replaced.over(remote)?.clone())),
                None => Edited::Texts(replaced),
            };
        }
        Ok(changed)
    }

    /// Replaces texts by their place among those that [`Request::texts`] visits. Answers whether there is one at each of
    /// these places, which must ascend.
    pub fn replace_texts(&mut self, texts: Vec<PlacedText>) -> Result<bool, DecodeError> {
        let mut placed = Placed::new(texts);
        self.map_texts(|_, _| placed.next())?;
        Ok(placed.were_all_placed())
    }

    /// Where the texts are while they are all that was looked at, and those that were replaced.
    fn texts_elsewhere(&self) -> Option<(&dyn RemoteChat, &[PlacedText])> {
        match (&self.source, &self.edited) {
            (Source::Remote(remote), _) if remote.seen().is_some() => None,
            (Source::Remote(remote), Edited::Nothing) => Some((&**remote, &[])),
            (Source::Remote(remote), Edited::Texts(replaced)) => Some((&**remote, &replaced.texts)),
            _ => None,
        }
    }

    /// The bytes it came in, if it came from a client.
    pub fn wire(&self) -> Option<&RequestWire> {
        match &self.source {
            Source::Wire(wire) => Some(wire),
            Source::None | Source::Remote(_) => None,
        }
    }

    /// Whether the conversation, but for edits, is elsewhere.
    pub fn is_remote(&self) -> bool {
        matches!(self.source, Source::Remote(_))
    }

    /// The conversation as it is elsewhere, if it is and somebody looked: what an edit is compared with.
    pub fn seen(&self) -> Option<&Chat> {
        match &self.source {
            Source::Remote(remote) => remote.seen(),
            Source::None | Source::Wire(_) => None,
        }
    }

    /// The edited conversation, if there is one.
    pub fn edited(&self) -> Option<&Chat> {
        match &self.edited {
            Edited::Chat(chat) => Some(chat),
            Edited::Nothing | Edited::Texts(_) => None,
        }
    }

    /// The texts that were replaced in a conversation that is elsewhere, by their place, where nothing else was edited.
    pub fn replaced_texts(&self) -> Option<&Arc<Vec<PlacedText>>> {
        match &self.edited {
            Edited::Texts(replaced) => Some(&replaced.texts),
            Edited::Nothing | Edited::Chat(_) => None,
        }
    }
}

// === impl Replaced ===

impl Replaced {
    fn over(&self, remote: &dyn RemoteChat) -> Result<&Chat, DecodeError> {
        let replaced = || {
            let mut chat = remote.chat()?.clone();
            match chat.messages.replace_texts((*self.texts).clone()) {
                true => Ok(chat),
                false => Err(DecodeError::new("the conversation has other texts than those that were replaced")),
            }
        };
        self.chat.get_or_init(replaced).as_ref().map_err(Clone::clone)
    }
}

// === impl Edited ===

impl PartialEq for Edited {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Texts(a), Self::Texts(b)) => a.texts == b.texts,
            (Self::Chat(a), Self::Chat(b)) => a == b,
            _ => false,
        }
    }
}

/// Equal when they ask for the same; the wire counts by its bytes.
impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        let wires = match (&self.source, &other.source) {
            (Source::Wire(a), Source::Wire(b)) => Arc::ptr_eq(a, b) || a.body == b.body,
            (Source::Remote(a), Source::Remote(b)) => Arc::ptr_eq(a, b),
            (Source::None, Source::None) => true,
            _ => false,
        };
        let heads = (self.kind, &self.provider, &self.model, self.stream);
        wires && heads == (other.kind, &other.provider, &other.model, other.stream) && self.edited == other.edited
    }
}

// === impl RequestWire ===

impl RequestWire {
    /// The dialect it came in.
    pub fn dialect(&self) -> Dialect {
        self.codec.dialect()
    }

    /// The whole body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What the scan found.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Why the body holds no conversation, if somebody tried to read one.
    pub fn fault(&self) -> Option<&DecodeError> {
        self.chat.get().and_then(|chat| chat.as_ref().err())
    }

    /// The conversation as it came, parsed once.
    pub fn chat(&self) -> Result<&Chat, DecodeError> {
        self.chat.get_or_init(|| self.codec.decode_request(&self.body)).as_ref().map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests;
