//! Payloads that hold LLM requests.

use super::http::writable;
use super::{Carry, NoEdits, Parts, Unfit, texts};
use crate::document::{self, NotADocument};
use crate::far::{Far, fetch, read};
use crate::part::{Part, View};
use gatewright_model::{
    Block, Chat, DecodeError, Extra, Kind, LlmError, Message, Messages, Params, PlacedText, Raw, RemoteChat, Request,
    Role, TextOf, Tool, ToolChoice,
};
use gatewright_plugin::Draft;
use gatewright_plugin::payload::ModelError;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// A request without its conversation.
#[derive(Serialize, Deserialize)]
struct RequestHead<'a> {
    #[serde(default, skip_serializing_if = "is_default")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<Cow<'a, str>>,
    model: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_default")]
    stream: bool,
}

/// Most requests are conversations, and are there for every hook: what goes without saying is not said.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Serialize, Deserialize)]
struct ModelErrorHead<'a> {
    request: RequestHead<'a>,
    error: Arc<LlmError>,
}

/// A request as a plugin left it. An edit that the host does not know would be lost: it is refused, here as in all edits.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestEdits {
    /// The head has it, so that it comes back with that. Nobody edits it.
    #[serde(default, rename = "kind", skip_serializing)]
    _kind: Option<IgnoredAny>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// Absent where provider and model are as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default)]
    stream: bool,
    /// Whether it is another request than the one that was handed over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    replaced: bool,
    /// The conversation, if it was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat: Option<ChatEdits>,
    /// Texts in another's stead, by the place of that. A `chat` comes over what they made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    texts: Option<Arc<Vec<PlacedText>>>,
}

/// A conversation as a plugin left it. A message that is nothing but its origin is as it was.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChatEdits {
    messages: Messages,
    /// Absent where they are as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tools: Option<Arc<Vec<Tool>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoice>,
    #[serde(default)]
    params: Params,
    #[serde(default)]
    extra: Extra,
}

/// Guest: a conversation that the host has, and its parts that were fetched.
struct FarChat {
    far: Arc<dyn Far>,
    chat: OnceLock<Result<Chat, DecodeError>>,
    texts: OnceLock<Result<Vec<u8>, String>>,
}

// What the host hands over: the same documents, written from shared storage, each message with its place.

/// A conversation.
pub(super) struct ChatOut<'a>(pub(super) &'a Chat);

struct MessagesOut<'a>(&'a Messages);

#[derive(Serialize)]
pub(super) struct MessageOut<'a> {
    origin: u32,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    blocks: &'a [Block],
    #[serde(skip_serializing_if = "<[(Box<str>, Raw)]>::is_empty")]
    extra: &'a [(Box<str>, Raw)],
}

#[derive(Serialize)]
struct ChatDocument<'a> {
    messages: MessagesOut<'a>,
    #[serde(skip_serializing_if = "<[Tool]>::is_empty")]
    tools: &'a [Tool],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'a ToolChoice>,
    params: &'a Params,
    #[serde(skip_serializing_if = "<[(Box<str>, Raw)]>::is_empty")]
    extra: &'a [(Box<str>, Raw)],
}

// === impl MessageOut ===

impl<'a> MessageOut<'a> {
    pub(super) fn of(place: usize, message: &'a Message) -> Self {
        Self {
            origin: u32::try_from(place).unwrap_or(u32::MAX),
            role: message.role(),
            name: message.name(),
            blocks: message.blocks(),
            extra: message.extra(),
        }
    }
}

impl Serialize for MessagesOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().enumerate().map(|(place, message)| MessageOut::of(place, message)))
    }
}

impl Serialize for ChatOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Chat { messages, tools, tool_choice, params, extra } = self.0;
        let (messages, tool_choice) = (MessagesOut(messages), tool_choice.as_ref());
        ChatDocument { messages, tools, tool_choice, params, extra }.serialize(serializer)
    }
}

// === impl RequestHead ===

impl<'a> RequestHead<'a> {
    fn of(request: &'a Request) -> Self {
        let (provider, model) = (request.provider.as_deref().map(Cow::from), Cow::from(&request.model));
        Self { kind: request.kind, provider, model, stream: request.stream() }
    }

    fn arrive(self, far: &Arc<dyn Far>) -> Request {
        let Self { kind, provider, model, stream } = self;
        let (provider, model) = (provider.map(Cow::into_owned), model.into_owned());
        let chat = FarChat { far: far.clone(), chat: OnceLock::new(), texts: OnceLock::new() };
        Request::from_remote(kind, provider, model, stream, Arc::new(chat))
    }
}

// === impl FarChat ===

impl RemoteChat for FarChat {
    fn chat(&self) -> Result<&Chat, DecodeError> {
        self.chat.get_or_init(|| fetch(&self.far, Part::Chat)).as_ref().map_err(Clone::clone)
    }

    fn seen(&self) -> Option<&Chat> {
        self.chat.get().and_then(|chat| chat.as_ref().ok())
    }

    fn texts(&self, visit: &mut dyn FnMut(TextOf, &str)) -> Result<(), DecodeError> {
        let fetch = || match self.far.at_hand(Part::Chat) && !self.far.at_hand(Part::Texts) {
            true => Err("the conversation is here".to_owned()),
            false => self.far.part(Part::Texts),
        };
        match self.texts.get_or_init(fetch) {
            Ok(document) => texts::visit(document, self.far.text_maker(), visit)
                .map_err(|error| DecodeError::new(error.to_string())),
            // From there, and from a host that knows no such part. Why neither is given is said there.
            Err(_) => {
                self.chat()?.messages.texts(visit);
                Ok(())
            }
        }
    }
}

// === impl RequestEdits ===

impl RequestEdits {
    fn of(draft: &Draft<Request>) -> Option<Self> {
        if !draft.is_edited() {
            return None;
        }
        let chat = draft.edited().map(|chat| {
            let same = draft.seen().is_some_and(|before| Arc::ptr_eq(&before.tools, &chat.tools));
            ChatEdits {
                messages: chat.messages.clone(),
                tools: (!same).then(|| chat.tools.clone()),
                tool_choice: chat.tool_choice.clone(),
                params: chat.params.clone(),
                extra: chat.extra.clone(),
            }
        });
        let (provider, model) = (draft.provider.clone(), Some(draft.model.clone()));
        let (stream, replaced, texts) = (draft.stream(), !draft.is_remote(), draft.replaced_texts().cloned());
        Some(Self { _kind: None, provider, model, stream, replaced, chat, texts })
    }

    fn apply(self, draft: &mut Draft<Request>, view: &View) -> Result<(), Unfit> {
        if self.replaced {
            writable(view)?;
            let mut chat = Chat::default();
            if let Some(edits) = self.chat {
                edits.apply(&mut chat, &Messages::default())?;
            }
            let model = self.model.ok_or_else(|| Unfit::new("it names no model"))?;
            let mut request = Request::from_chat(model, self.stream, chat);
            request.provider = self.provider;
            draft.replace(request);
            return Ok(());
        }
        let request = draft.edit();
        match (self.model, self.provider) {
            (Some(model), provider) => (request.provider, request.model) = (provider, model),
            (None, Some(_)) => return Err(Unfit::new("it names a provider and no model: send back both")),
            (None, None) => {}
        }
        if let Some(texts) = self.texts {
            writable(view)?;
            if !request.replace_texts(Arc::unwrap_or_clone(texts))? {
                return Err(Unfit::new("it replaces a text that was not handed over, or not in their order"));
            }
        }
        if let Some(edits) = self.chat {
            writable(view)?;
            let chat = request.chat_mut()?;
            let base = chat.messages.clone();
            edits.apply(chat, &base)?;
        }
        Ok(())
    }
}

// === impl ChatEdits ===

impl ChatEdits {
    fn apply(self, chat: &mut Chat, base: &Messages) -> Result<(), Unfit> {
        let placed = self.messages.into_shared().into_iter().map(|message| match message.origin() {
            None => Ok(message),
            Some(place) => original(&message, base.shared(place as usize).cloned()),
        });
        chat.messages = placed.collect::<Result<Messages, Unfit>>()?;
        if let Some(tools) = self.tools {
            chat.tools = tools;
        }
        chat.tool_choice = self.tool_choice;
        chat.params = self.params;
        chat.extra = self.extra;
        Ok(())
    }
}

/// What a message that is nothing but its origin stands for. One that is more was edited, and what it says would be lost.
pub(super) fn original<T>(message: &Message, found: Option<T>) -> Result<T, Unfit> {
    if !message.blocks().is_empty() || message.name().is_some() || !message.extra().is_empty() {
        let why = "a message has an origin, which stands for it as it was, and members of its own: leave the origin out of \
                   one that was edited";
        return Err(Unfit::new(why));
    }
    found.ok_or_else(|| Unfit::new("a message names an origin that was not handed over"))
}

// === impl Carry ===

impl Carry for Arc<Request> {
    type Edits = NoEdits;

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(&RequestHead::of(self))
    }

    fn parts(&self) -> Parts {
        Parts { request: Some(self.clone()), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        Ok(Self::new(read::<RequestHead>(head, far)?.arrive(far)))
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}

impl Carry for Draft<Request> {
    type Edits = RequestEdits;

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(&RequestHead::of(self))
    }

    fn parts(&self) -> Parts {
        Parts { request: Some(self.base().clone()), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        Ok(Self::from(read::<RequestHead>(head, far)?.arrive(far)))
    }

    fn edits(&self) -> Option<RequestEdits> {
        RequestEdits::of(self)
    }

    fn hand_over(edits: &mut RequestEdits, far: &dyn Far) {
        edits.texts.take_if(|texts| far.replace_texts(texts));
    }

    fn taken(edits: Option<RequestEdits>, texts: Vec<PlacedText>) -> Result<RequestEdits, Unfit> {
        let mut edits = edits.unwrap_or_default();
        match edits.texts.replace(Arc::new(texts)) {
            None => Ok(edits),
            Some(_) => Err(Unfit::new("it leaves texts beside its answer and in it")),
        }
    }

    fn apply(&mut self, edits: RequestEdits, view: &View) -> Result<(), Unfit> {
        edits.apply(self, view)
    }
}

impl Carry for ModelError {
    type Edits = NoEdits;

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(&ModelErrorHead { request: RequestHead::of(&self.request), error: self.error.clone() })
    }

    fn parts(&self) -> Parts {
        Parts { request: Some(self.request.clone()), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let ModelErrorHead { request, error } = read(head, far)?;
        Ok(Self { request: Arc::new(request.arrive(far)), error })
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}

#[cfg(test)]
mod tests;
