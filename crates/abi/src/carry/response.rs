//! Payloads that hold LLM responses and their streams.

use super::http::writable;
use super::request::{MessageOut, original};
use super::{Carry, NoEdits, Parts, ResponsePart, Unfit};
use crate::document::{self, NotADocument};
use crate::far::{Far, fetch, read};
use crate::part::{Part, View};
use gatewright_model::{
    self as model, ChatResponse, Choice, Chunk, Extra, FinishReason, Kind, LlmError, Output, Response, Usage,
};
use gatewright_plugin::Draft;
use gatewright_plugin::payload::{ChannelText, LlmResult, OutputCheck};
use serde::de::IgnoredAny;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// A response without its output.
#[derive(Serialize, Deserialize)]
struct ResponseHead<'a> {
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    provider: Cow<'a, str>,
    #[serde(default)]
    model: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "no_fields")]
    extra_fields: Cow<'a, Map<String, Json>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResultHead<'a> {
    Response(ResponseHead<'a>),
    Error(Cow<'a, LlmError>),
    Chunk(Cow<'a, [model::Part]>),
    StreamEnd(ResponseHead<'a>),
}

#[derive(Serialize, Deserialize)]
struct OutputCheckHead<'a> {
    texts: Cow<'a, [ChannelText]>,
    is_final: bool,
    #[serde(default)]
    response: Option<ResponseHead<'a>>,
}

#[expect(clippy::ptr_arg, reason = "what serde hands over")]
fn no_fields(fields: &Cow<'_, Map<String, Json>>) -> bool {
    fields.is_empty()
}

/// A response as a plugin left it, or made it.
#[derive(Deserialize)]
pub(crate) struct ResponseDocument {
    #[serde(flatten)]
    head: ResponseHead<'static>,
    /// Whether it is the response that was handed over, edited.
    #[serde(default)]
    edited: bool,
    /// The output; absent where it is as it was.
    #[serde(default)]
    output: Option<Output>,
    /// What else it says.
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
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

/// An output.
pub(super) struct OutputOut<'a>(pub(super) &'a Output);

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

// === impl ResponseDocument, written ===

// By hand: what is flattened does not know its length, which a document tells first.
impl Serialize for ResponseDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ResponseHead { kind, provider, model, extra_fields } = &self.head;
        let fields = Some(extra_fields).filter(|fields| !no_fields(fields));
        let members = 3 + usize::from(fields.is_some()) + usize::from(self.edited) + usize::from(self.output.is_some());
        let mut map = serializer.serialize_map(Some(members))?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("provider", provider)?;
        map.serialize_entry("model", model)?;
        if let Some(fields) = fields {
            map.serialize_entry("extra_fields", fields)?;
        }
        if self.edited {
            map.serialize_entry("edited", &true)?;
        }
        if let Some(output) = &self.output {
            map.serialize_entry("output", output)?;
        }
        map.end()
    }
}

// === impl OutputOut ===

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

// === impl ResponseHead ===

impl<'a> ResponseHead<'a> {
    fn of(response: &'a Response) -> Self {
        Self {
            kind: response.kind,
            provider: Cow::from(&response.provider),
            model: Cow::from(&response.model),
            extra_fields: Cow::Borrowed(&response.extra_fields),
        }
    }

    fn owned(response: &Response) -> ResponseHead<'static> {
        ResponseHead {
            kind: response.kind,
            provider: response.provider.clone().into(),
            model: response.model.clone().into(),
            extra_fields: Cow::Owned(response.extra_fields.clone()),
        }
    }

    fn arrive(self, far: &Arc<dyn Far>) -> Response {
        let far = far.clone();
        let fetch = move || fetch::<Output>(&far, Part::Output);
        let mut response = Response::from_remote(self.kind, self.provider.into_owned(), self.model.into_owned(), fetch);
        response.extra_fields = self.extra_fields.into_owned();
        response
    }
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
        Self { head: ResponseHead::owned(response), edited, output, unknown: BTreeMap::new() }
    }

    /// The response, where one was made.
    pub(crate) fn made(self) -> Result<Response, Unfit> {
        let output = self.output.ok_or_else(|| Unfit::new("a response without output"))?;
        let output = placed(output, None)?;
        let mut response = Response::from_output(self.head.kind, &self.head.provider, &self.head.model, output);
        response.extra_fields = self.head.extra_fields.into_owned();
        Ok(response)
    }

    /// The response, where `base` was handed over.
    fn over(self, base: Option<&Response>, view: &View) -> Result<Response, Unfit> {
        let (true, Some(base)) = (self.edited, base) else {
            // Another in its place is an edit of all of it.
            if base.is_some() {
                writable(view)?;
            }
            return self.made();
        };
        if let Some(name) = self.unknown.keys().next() {
            return Err(Unfit::new(format!("`{name}` is no member of an edited response")));
        }
        let mut response = base.clone();
        response.kind = self.head.kind;
        response.provider = self.head.provider.into_owned();
        response.model = self.head.model.into_owned();
        response.extra_fields = self.head.extra_fields.into_owned();
        if let Some(output) = self.output {
            writable(view)?;
            let output = placed(output, base.output().ok())?;
            *response.output_mut()? = output;
        }
        Ok(response)
    }
}

/// Whether a part holds what the model says.
fn says(part: &model::Part) -> bool {
    matches!(part, model::Part::Text { .. } | model::Part::Signature { .. })
}

/// An output in which messages that are nothing but their origin are as they were.
fn placed(mut output: Output, base: Option<&Output>) -> Result<Output, Unfit> {
    let none: &[Choice] = &[];
    let base = match base {
        Some(Output::Chat(chat)) => &chat.choices,
        _ => none,
    };
    let mut named = HashSet::new();
    if let Output::Chat(chat) = &mut output {
        for choice in &mut chat.choices {
            if let Some(place) = choice.message.origin() {
                // Each is a copy of its own, which may be large.
                if !named.insert(place) {
                    return Err(Unfit::new("two choices name the same origin: leave it out of one of them"));
                }
                choice.message = original(&choice.message, base.get(place as usize))?.message.clone();
            }
        }
    }
    Ok(output)
}

// === impl Carry ===

impl Carry for Draft<Response> {
    type Edits = ResponseDocument;

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(&ResponseHead::of(self))
    }

    fn parts(&self) -> Parts {
        Parts { response: Some(ResponsePart::Whole(self.base().clone())), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        Ok(Self::from(read::<ResponseHead>(head, far)?.arrive(far)))
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

    fn head(&self, view: &View) -> Vec<u8> {
        document::write(&match &**self {
            LlmResult::Response(response) => ResultHead::Response(ResponseHead::of(response)),
            LlmResult::StreamEnd(response) => ResultHead::StreamEnd(ResponseHead::of(response)),
            LlmResult::Error(error) => ResultHead::Error(Cow::Borrowed(error)),
            LlmResult::Chunk(chunk) if view.reads() => ResultHead::Chunk(Cow::Borrowed(chunk.parts())),
            LlmResult::Chunk(chunk) => {
                ResultHead::Chunk(chunk.parts().iter().filter(|part| !says(part)).cloned().collect())
            }
        })
    }

    fn parts(&self) -> Parts {
        Parts { response: Some(ResponsePart::OfResult(self.base().clone())), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        Ok(Self::from(match read::<ResultHead>(head, far)? {
            ResultHead::Response(response) => LlmResult::Response(response.arrive(far)),
            ResultHead::StreamEnd(response) => LlmResult::StreamEnd(response.arrive(far)),
            ResultHead::Error(error) => LlmResult::Error(error.into_owned()),
            ResultHead::Chunk(parts) => LlmResult::Chunk(Chunk::from_parts(parts.into_owned())),
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
        // What stands in an error's place is no edit of a text.
        if let (LlmResult::Chunk(_), ResultEdits::Response(_) | ResultEdits::StreamEnd(_)) = (&**self, &edits) {
            writable(view)?;
        }
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
        let texts = Cow::from(if view.reads() { &*self.texts } else { &[] });
        let response = self.response.as_deref().map(ResponseHead::of);
        document::write(&OutputCheckHead { texts, is_final: self.is_final, response })
    }

    fn parts(&self) -> Parts {
        Parts { response: self.response.clone().map(ResponsePart::Whole), ..Parts::default() }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let OutputCheckHead { texts, is_final, response } = read(head, far)?;
        Ok(Self {
            texts: texts.into_owned(),
            is_final,
            response: response.map(|response| Arc::new(response.arrive(far))),
        })
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}

#[cfg(test)]
mod tests;
