//! Payloads that hold LLM requests and responses.

use super::http::writable;
use super::{Carry, NoEdits, Parts, ResponsePart, Unfit};
use crate::document::{self, NotADocument};
use crate::far::{Far, fetch};
use crate::part::{Part, View};
use gatewright_model::{
    self as model, Block, Chat, ChatResponse, Choice, Chunk, Extra, FinishReason, Kind, LlmError, Message, Messages,
    Output, Params, Raw, Request, Response, Role, Tool, ToolChoice, Usage,
};
use gatewright_plugin::Draft;
use gatewright_plugin::payload::{ChannelText, LlmResult, ModelError, OutputCheck};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// A request without its conversation.
#[derive(Serialize, Deserialize)]
struct RequestHead {
    #[serde(default)]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    model: String,
    #[serde(default)]
    stream: bool,
}

/// A response without its output.
#[derive(Serialize, Deserialize)]
struct ResponseHead {
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    model: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    extra_fields: Map<String, Json>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResultHead {
    Response(ResponseHead),
    Error(LlmError),
    Chunk(Vec<model::Part>),
    StreamEnd(ResponseHead),
}

#[derive(Serialize, Deserialize)]
struct OutputCheckHead {
    texts: Vec<ChannelText>,
    is_final: bool,
    #[serde(default)]
    response: Option<ResponseHead>,
}

#[derive(Serialize, Deserialize)]
struct ModelErrorHead {
    request: RequestHead,
    error: Arc<LlmError>,
}

/// A request as a plugin left it.
#[derive(Serialize, Deserialize)]
pub(crate) struct RequestEdits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    model: String,
    #[serde(default)]
    stream: bool,
    /// Whether it is another request than the one that was handed over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    replaced: bool,
    /// The conversation, if it was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat: Option<ChatEdits>,
}

/// A conversation as a plugin left it. A message that is nothing but its origin is as it was.
#[derive(Serialize, Deserialize)]
struct ChatEdits {
    #[serde(default)]
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

/// A response as a plugin left it, or made it.
#[derive(Serialize, Deserialize)]
pub(crate) struct ResponseDocument {
    #[serde(flatten)]
    head: ResponseHead,
    /// Whether it is the response that was handed over, edited.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    edited: bool,
    /// The output; absent where it is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
}

/// A result as a plugin left it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResultEdits {
    Response(ResponseDocument),
    Error(LlmError),
    Chunk(Vec<model::Part>),
    StreamEnd(ResponseDocument),
}

// What the host hands over: the same documents, written from shared storage, each message with its place.

/// A conversation.
pub(super) struct ChatOut<'a>(pub(super) &'a Chat);

/// An output.
pub(super) struct OutputOut<'a>(pub(super) &'a Output);

struct MessagesOut<'a>(&'a Messages);

#[derive(Serialize)]
struct MessageOut<'a> {
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

#[derive(Serialize)]
struct ChatResponseDocument<'a> {
    id: &'a str,
    model: &'a str,
    created: Option<u64>,
    choices: Vec<ChoiceOut<'a>>,
    usage: Option<Usage>,
    extra: &'a Extra,
}

#[derive(Serialize)]
struct ChoiceOut<'a> {
    index: u32,
    message: MessageOut<'a>,
    finish: Option<&'a FinishReason>,
    extra: &'a Extra,
}

// === impl MessageOut ===

impl<'a> MessageOut<'a> {
    fn of(place: usize, message: &'a Message) -> Self {
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

impl Serialize for OutputOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Output::Chat(chat) = self.0 else { return self.0.serialize(serializer) };
        let choices = chat.choices.iter().enumerate().map(|(place, choice)| ChoiceOut {
            index: choice.index,
            message: MessageOut::of(place, &choice.message),
            finish: choice.finish.as_ref(),
            extra: &choice.extra,
        });
        let ChatResponse { id, model, created, choices: _, usage, extra } = chat;
        let (created, usage, choices) = (*created, *usage, choices.collect());
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("chat", &ChatResponseDocument { id, model, created, choices, usage, extra })?;
        map.end()
    }
}

// === impl RequestHead ===

impl RequestHead {
    fn of(request: &Request) -> Self {
        let (provider, model) = (request.provider.clone(), request.model.clone());
        Self { kind: request.kind, provider, model, stream: request.stream() }
    }

    fn arrive(self, far: &Arc<dyn Far>) -> Request {
        let far = far.clone();
        let Self { kind, provider, model, stream } = self;
        Request::from_remote(kind, provider, model, stream, move || fetch::<Chat>(&far, Part::Chat))
    }
}

// === impl ResponseHead ===

impl ResponseHead {
    fn of(response: &Response) -> Self {
        Self {
            kind: response.kind,
            provider: response.provider.clone(),
            model: response.model.clone(),
            extra_fields: response.extra_fields.clone(),
        }
    }

    fn arrive(self, far: &Arc<dyn Far>) -> Response {
        let far = far.clone();
        let fetch = move || fetch::<Output>(&far, Part::Output);
        let mut response = Response::from_remote(self.kind, self.provider, self.model, fetch);
        response.extra_fields = self.extra_fields;
        response
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
        let (provider, model) = (draft.provider.clone(), draft.model.clone());
        Some(Self { provider, model, stream: draft.stream(), replaced: !draft.is_remote(), chat })
    }

    fn apply(self, draft: &mut Draft<Request>, view: &View) -> Result<(), Unfit> {
        if self.replaced {
            writable(view)?;
            let mut chat = Chat::default();
            if let Some(edits) = self.chat {
                edits.apply(&mut chat, &Messages::default())?;
            }
            let mut request = Request::from_chat(self.model, self.stream, chat);
            request.provider = self.provider;
            draft.replace(request);
            return Ok(());
        }
        let request = draft.edit();
        request.provider = self.provider;
        request.model = self.model;
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
        let placed = self.messages.iter().map(|message| match message.origin() {
            None => Ok(Arc::new(message.clone())),
            Some(place) => original(base.shared(place as usize).cloned()),
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

fn original<T>(found: Option<T>) -> Result<T, Unfit> {
    found.ok_or_else(|| Unfit::new("a message names an origin that was not handed over"))
}

// === impl ResponseDocument ===

impl ResponseDocument {
    pub(crate) fn of(response: &Response) -> Self {
        let edited = response.is_remote();
        let output = match edited {
            true => response.edited().cloned(),
            // One that was made here is always there.
            false => response.output().ok().cloned(),
        };
        Self { head: ResponseHead::of(response), edited, output }
    }

    /// The response, where one was made.
    pub(crate) fn made(self) -> Result<Response, Unfit> {
        let output = self.output.ok_or_else(|| Unfit::new("a response without output"))?;
        let output = placed(output, None)?;
        let mut response = Response::from_output(self.head.kind, &self.head.provider, &self.head.model, output);
        response.extra_fields = self.head.extra_fields;
        Ok(response)
    }

    /// The response, where `base` was handed over.
    fn over(self, base: Option<&Response>, view: &View) -> Result<Response, Unfit> {
        let (true, Some(base)) = (self.edited, base) else { return self.made() };
        let mut response = base.clone();
        response.kind = self.head.kind;
        response.provider = self.head.provider;
        response.model = self.head.model;
        response.extra_fields = self.head.extra_fields;
        if let Some(output) = self.output {
            writable(view)?;
            let output = placed(output, base.output().ok())?;
            *response.output_mut()? = output;
        }
        Ok(response)
    }
}

/// An output in which messages that are nothing but their origin are as they were.
fn placed(mut output: Output, base: Option<&Output>) -> Result<Output, Unfit> {
    let none: &[Choice] = &[];
    let base = match base {
        Some(Output::Chat(chat)) => &chat.choices,
        _ => none,
    };
    if let Output::Chat(chat) = &mut output {
        for choice in &mut chat.choices {
            if let Some(place) = choice.message.origin() {
                choice.message = original(base.get(place as usize))?.message.clone();
            }
        }
    }
    Ok(output)
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
        Ok(Self::new(document::read::<RequestHead>(head)?.arrive(far)))
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
        Ok(Self::from(document::read::<RequestHead>(head)?.arrive(far)))
    }

    fn edits(&self) -> Option<RequestEdits> {
        RequestEdits::of(self)
    }

    fn apply(&mut self, edits: RequestEdits, view: &View) -> Result<(), Unfit> {
        edits.apply(self, view)
    }
}

impl Carry for Draft<Response> {
    type Edits = ResponseDocument;

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(&ResponseHead::of(self))
    }

    fn parts(&self) -> Parts {
        Parts { response: Some(ResponsePart::Whole(self.base().clone())), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        Ok(Self::from(document::read::<ResponseHead>(head)?.arrive(far)))
    }

    fn edits(&self) -> Option<ResponseDocument> {
        self.is_edited().then(|| ResponseDocument::of(self))
    }

    fn apply(&mut self, edits: ResponseDocument, view: &View) -> Result<(), Unfit> {
        let response = edits.over(Some(&**self), view)?;
        self.replace(response);
        Ok(())
    }
}

impl Carry for Draft<LlmResult> {
    type Edits = ResultEdits;

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(&match &**self {
            LlmResult::Response(response) => ResultHead::Response(ResponseHead::of(response)),
            LlmResult::StreamEnd(response) => ResultHead::StreamEnd(ResponseHead::of(response)),
            LlmResult::Error(error) => ResultHead::Error(error.clone()),
            LlmResult::Chunk(chunk) => ResultHead::Chunk(chunk.parts().to_vec()),
        })
    }

    fn parts(&self) -> Parts {
        Parts { response: Some(ResponsePart::OfResult(self.base().clone())), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        Ok(Self::from(match document::read::<ResultHead>(head)? {
            ResultHead::Response(response) => LlmResult::Response(response.arrive(far)),
            ResultHead::StreamEnd(response) => LlmResult::StreamEnd(response.arrive(far)),
            ResultHead::Error(error) => LlmResult::Error(error),
            ResultHead::Chunk(parts) => LlmResult::Chunk(Chunk::from_parts(parts)),
        }))
    }

    fn edits(&self) -> Option<ResultEdits> {
        self.is_edited().then(|| match &**self {
            LlmResult::Response(response) => ResultEdits::Response(ResponseDocument::of(response)),
            LlmResult::StreamEnd(response) => ResultEdits::StreamEnd(ResponseDocument::of(response)),
            LlmResult::Error(error) => ResultEdits::Error(error.clone()),
            LlmResult::Chunk(chunk) => ResultEdits::Chunk(chunk.parts().to_vec()),
        })
    }

    fn apply(&mut self, edits: ResultEdits, view: &View) -> Result<(), Unfit> {
        let edited = match edits {
            ResultEdits::Response(response) => LlmResult::Response(response.over(self.response(), view)?),
            ResultEdits::StreamEnd(response) => LlmResult::StreamEnd(response.over(self.response(), view)?),
            ResultEdits::Error(error) => LlmResult::Error(error),
            ResultEdits::Chunk(parts) => {
                writable(view)?;
                let mut chunk = match &**self {
                    LlmResult::Chunk(chunk) => chunk.clone(),
                    _ => Chunk::from_parts([]),
                };
                *chunk.parts_mut() = parts.into_iter().collect();
                LlmResult::Chunk(chunk)
            }
        };
        self.replace(edited);
        Ok(())
    }
}

impl Carry for OutputCheck {
    type Edits = NoEdits;

    fn head(&self, view: &View) -> Vec<u8> {
        let texts = if view.reads() { self.texts.clone() } else { Vec::new() };
        let response = self.response.as_deref().map(ResponseHead::of);
        document::write(&OutputCheckHead { texts, is_final: self.is_final, response })
    }

    fn parts(&self) -> Parts {
        Parts { response: self.response.clone().map(ResponsePart::Whole), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let OutputCheckHead { texts, is_final, response } = document::read(head)?;
        Ok(Self { texts, is_final, response: response.map(|response| Arc::new(response.arrive(far))) })
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
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
        let ModelErrorHead { request, error } = document::read(head)?;
        Ok(Self { request: Arc::new(request.arrive(far)), error })
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}
