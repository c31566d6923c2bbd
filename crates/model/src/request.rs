//! An LLM request: its head, the bytes it came in, and a view that is parsed when somebody looks.

use crate::{Chat, Codec, DecodeError, Dialect, Kind, Remote};
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
    edited: Option<Box<Chat>>,
}

/// Where the unedited conversation is.
#[derive(Clone, Debug)]
enum Source {
    /// Nowhere: it was made here.
    None,
    /// In the bytes it came in.
    Wire(Arc<RequestWire>),
    /// In another address space.
    Remote(Arc<Remote<Chat>>),
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
        Ok(Self { kind, provider: None, model, stream, source: Source::Wire(Arc::new(wire)), edited: None })
    }

    /// A request made here: an agent's step, a plugin's `llm` call, a test.
    pub fn from_chat(model: impl Into<String>, stream: bool, chat: Chat) -> Self {
        let edited = Some(Box::new(chat));
        Self { kind: Kind::Chat, provider: None, model: model.into(), stream, source: Source::None, edited }
    }

    /// A request whose conversation is elsewhere, and is fetched when somebody looks.
    pub fn from_remote(
        kind: Kind,
        provider: Option<String>,
        model: String,
        stream: bool,
        fetch: impl Fn() -> Result<Chat, DecodeError> + Send + Sync + 'static,
    ) -> Self {
        let source = Source::Remote(Arc::new(Remote::new(fetch)));
        Self { kind, provider, model, stream, source, edited: None }
    }

    /// Whether the client wants a stream.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// The conversation. An error if the body does not hold one: a wrong type, a missing member, broken JSON.
    pub fn chat(&self) -> Result<&Chat, DecodeError> {
        match (&self.edited, &self.source) {
            (Some(chat), _) => Ok(chat),
            (None, Source::Wire(wire)) => wire.chat(),
            (None, Source::Remote(remote)) => remote.get(),
            (None, Source::None) => Err(DecodeError::new("the request has no body")),
        }
    }

    /// The conversation, to edit. The first call copies; messages that stay untouched keep their bytes.
    pub fn chat_mut(&mut self) -> Result<&mut Chat, DecodeError> {
        let copy = match self.edited.take() {
            Some(chat) => chat,
            None => Box::new(self.chat()?.clone()),
        };
        Ok(self.edited.insert(copy))
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
        self.edited.as_deref()
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
