//! How much a conversation or an answer holds.

use gatewright_model::{
    Block, Chat, ChatResponse, Content, Extra, ImageSource, LlmError, MediaSource, Message, Output, Params, Part, Raw,
    Reasoning, Request, Response, ResponseFormat, Tool, ToolChoice,
};
use gatewright_plugin::payload::LlmResult;
use serde_json::Value as Json;

/// What has a weight, in bytes. What is shared counts each time that it is named.
pub(super) trait Weigh {
    /// All that it holds: texts, pictures, sound, documents, and what there is no field for.
    fn bytes(&self) -> usize;

    /// Its texts alone.
    fn text_bytes(&self) -> usize;

    /// Of how many pieces an answer is.
    fn pieces(&self) -> Pieces {
        Pieces::default()
    }
}

/// Of how many pieces an answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pieces {
    pub(super) choices: usize,
    /// Of all choices; of a chunk, what it says.
    pub(super) blocks: usize,
}

/// The texts of a JSON value.
pub(super) fn json_bytes(json: &Json) -> usize {
    match json {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(json_bytes).sum(),
        Json::Object(members) => members.iter().map(|(name, value)| name.len() + json_bytes(value)).sum(),
        _ => 0,
    }
}

// === impl Weigh ===

impl Weigh for Message {
    fn bytes(&self) -> usize {
        optional(self.name()) + blocks(self.blocks()) + extra(self.extra())
    }

    fn text_bytes(&self) -> usize {
        let mut bytes = 0;
        self.texts(&mut |text| bytes += text.len());
        bytes
    }
}

impl Weigh for [Message] {
    fn bytes(&self) -> usize {
        self.iter().map(Message::bytes).sum()
    }

    fn text_bytes(&self) -> usize {
        self.iter().map(Message::text_bytes).sum()
    }
}

/// One that nobody edited is the bytes it came in.
impl Weigh for Request {
    fn bytes(&self) -> usize {
        match self.edited() {
            Some(chat) => chat_bytes(chat),
            None => self.wire().map_or(0, |wire| wire.body().len()),
        }
    }

    fn text_bytes(&self) -> usize {
        self.edited().map_or(0, |chat| chat.messages.iter().map(Message::text_bytes).sum())
    }
}

/// One that nobody edited is the bytes it came in.
impl Weigh for Response {
    fn bytes(&self) -> usize {
        let members = self.extra_fields.iter().map(|(name, value)| name.len() + json_bytes(value)).sum::<usize>();
        members
            + match self.edited() {
                Some(output) => output_bytes(output),
                None => self.wire().map_or(0, |wire| wire.body().len()),
            }
    }

    fn text_bytes(&self) -> usize {
        match self.edited() {
            Some(Output::Chat(chat)) => chat.choices.iter().map(|choice| choice.message.text_bytes()).sum(),
            Some(Output::Text(text)) => text.texts.iter().map(String::len).sum(),
            Some(Output::Transcription(heard)) => heard.text.len(),
            _ => 0,
        }
    }

    fn pieces(&self) -> Pieces {
        let output = self.edited().or_else(|| self.wire().and_then(|wire| wire.read()));
        let Some(Output::Chat(chat)) = output else { return Pieces::default() };
        let blocks = chat.choices.iter().map(|choice| choice.message.blocks().len()).sum();
        Pieces { choices: chat.choices.len(), blocks }
    }
}

impl Weigh for LlmResult {
    fn bytes(&self) -> usize {
        match self {
            Self::Chunk(chunk) => chunk.bytes(),
            Self::Response(response) | Self::StreamEnd(response) => response.bytes(),
            Self::Error(error) => error_bytes(error),
        }
    }

    fn text_bytes(&self) -> usize {
        match self {
            Self::Chunk(chunk) => {
                let text = |part: &Part| if let Part::Text { text, .. } = part { text.len() } else { 0 };
                chunk.parts().iter().map(text).sum()
            }
            Self::Response(response) | Self::StreamEnd(response) => response.text_bytes(),
            Self::Error(error) => error.message.len(),
        }
    }

    fn pieces(&self) -> Pieces {
        match self {
            Self::Chunk(chunk) => Pieces { choices: 0, blocks: chunk.parts().len() },
            Self::Response(response) | Self::StreamEnd(response) => response.pieces(),
            Self::Error(_) => Pieces::default(),
        }
    }
}

fn error_bytes(error: &LlmError) -> usize {
    let LlmError { message, code, param, plugin, provider, .. } = error;
    let others = [code, param, plugin, provider].into_iter().flatten();
    others.fold(message.len(), |bytes, text| bytes + text.len())
}

fn chat_bytes(chat: &Chat) -> usize {
    let choice = match &chat.tool_choice {
        Some(ToolChoice::Tool(name)) => name.len(),
        Some(ToolChoice::Other(raw)) => raw_bytes(raw),
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => 0,
    };
    let messages = chat.messages.iter().map(Message::bytes).sum::<usize>();
    let tools = chat.tools.iter().map(tool).sum::<usize>();
    messages + tools + choice + params(&chat.params) + extra(&chat.extra)
}

fn params(params: &Params) -> usize {
    let format = match &params.response_format {
        Some(ResponseFormat::JsonSchema(schema)) => raw_bytes(schema),
        Some(ResponseFormat::Text | ResponseFormat::JsonObject) | None => 0,
    };
    let effort = match &params.reasoning {
        Some(Reasoning::Effort(word)) => word.len(),
        Some(Reasoning::Budget(_) | Reasoning::Off) | None => 0,
    };
    params.stop.iter().map(String::len).sum::<usize>() + format + effort + optional(params.user.as_deref())
}

fn tool(tool: &Tool) -> usize {
    match tool {
        Tool::Function { name, description, schema, strict: _, extra: members } => {
            name.len() + optional(description.as_deref()) + schema.as_ref().map_or(0, raw_bytes) + extra(members)
        }
        Tool::Other(raw) => raw_bytes(raw),
    }
}

fn output_bytes(output: &Output) -> usize {
    match output {
        Output::Chat(chat) => answer(chat),
        Output::Text(text) => text.texts.iter().map(String::len).sum(),
        Output::Speech(speech) => speech.media_type.len() + speech.audio.len(),
        Output::Transcription(heard) => {
            heard.text.len() + optional(heard.language.as_deref()) + heard.segments.as_ref().map_or(0, raw_bytes)
        }
        Output::Image(pictures) => pictures.images.iter().map(picture).sum(),
        _ => 0,
    }
}

fn answer(chat: &ChatResponse) -> usize {
    let choices = chat.choices.iter().map(|choice| choice.message.bytes() + extra(&choice.extra)).sum::<usize>();
    chat.id.len() + chat.model.len() + choices + extra(&chat.extra)
}

fn blocks(blocks: &[Block]) -> usize {
    blocks.iter().map(|block| content(&block.content) + extra(&block.extra)).sum()
}

fn content(content: &Content) -> usize {
    match content {
        Content::Text(text) | Content::Refusal(text) => text.len(),
        Content::Image { source, detail } => picture(source) + optional(detail.as_deref()),
        Content::Audio { data, format } => data.len() + format.len(),
        Content::Document { source, name } => document(source) + optional(name.as_deref()),
        Content::Reasoning { text, signature, redacted } => {
            text.len() + optional(signature.as_deref()) + optional(redacted.as_deref())
        }
        Content::ToolUse { id, name, arguments } => id.len() + name.len() + arguments.len(),
        Content::ToolResult { id, content, is_error: _ } => id.len() + blocks(content),
        Content::Other(raw) => raw_bytes(raw),
        _ => 0,
    }
}

fn picture(source: &ImageSource) -> usize {
    match source {
        ImageSource::Url(text) | ImageSource::File(text) => text.len(),
        ImageSource::Base64 { media_type, data } => media_type.len() + data.len(),
    }
}

fn document(source: &MediaSource) -> usize {
    match source {
        MediaSource::Url(text) | MediaSource::File(text) | MediaSource::Text(text) => text.len(),
        MediaSource::Base64 { media_type, data } => media_type.len() + data.len(),
    }
}

fn extra(extra: &Extra) -> usize {
    extra.iter().map(|(name, value)| name.len() + raw_bytes(value)).sum()
}

fn raw_bytes(raw: &Raw) -> usize {
    raw.bytes().len()
}

fn optional(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

#[cfg(test)]
mod tests;
