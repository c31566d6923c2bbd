//! Reads blocks.

use crate::json::{Fault, Kind, Object, Read, Value, plain};
use gatewright_model::{Block, Content, ImageSource, MediaSource};

/// Reads `content`: a text, or blocks.
pub(in crate::anthropic) fn read(value: Value<'_>) -> Read<Vec<Block>> {
    match value.kind() {
        Kind::String => Ok(vec![Block::text(value.string()?)]),
        Kind::Array => value.list(read_block),
        _ => Err(Fault::new("must be a string or an array")),
    }
}

/// Reads the content of a tool's result, in which no other stands: one that does is a block that is not known, so that
/// nothing nests without a bound.
fn read_result(value: Value<'_>) -> Read<Vec<Block>> {
    match value.kind() {
        Kind::Array => value.list(|block| match &*block.object()?.kind() {
            "tool_result" => Ok(Content::Other(block.unknown()?).into()),
            _ => read_block(block),
        }),
        _ => read(value),
    }
}

fn read_block(value: Value<'_>) -> Read<Block> {
    let mut object = value.object()?;
    let content = match &*object.kind() {
        "text" => Content::Text(object.need_string("text")?),
        "image" => match known_source(&object) {
            true => Content::Image { source: object.nested("source", image_source)?, detail: None },
            false => Content::Other(value.unknown()?),
        },
        "document" => match known_source(&object) {
            true => Content::Document { source: object.nested("source", source)?, name: object.string("title")? },
            false => Content::Other(value.unknown()?),
        },
        "thinking" => Content::Reasoning {
            text: object.need_string("thinking")?,
            signature: object.string("signature")?,
            redacted: None,
        },
        "redacted_thinking" => {
            Content::Reasoning { text: String::new(), signature: None, redacted: Some(object.need_string("data")?) }
        }
        "tool_use" => Content::ToolUse {
            id: object.need_string("id")?,
            name: object.need_string("name")?,
            arguments: object
                .read_as("input", |input| Ok(plain(input.text()).into_owned()))?
                .unwrap_or_else(|| "{}".to_owned()),
        },
        "tool_result" => Content::ToolResult {
            id: object.need_string("tool_use_id")?,
            content: object.read_as("content", read_result)?.unwrap_or_default(),
            is_error: object.read_as("is_error", Value::bool)?.unwrap_or(false),
        },
        "" => return Err(Fault::new("is missing").under("type")),
        _ => Content::Other(value.unknown()?),
    };
    if let Content::Other(_) = content {
        return Ok(content.into());
    }
    object.remove("type")?;
    Ok(Block { content, extra: object.rest()? })
}

fn known_source(object: &Object<'_>) -> bool {
    let kind = object.peek("source").and_then(|source| Some(source.object().ok()?.kind()));
    kind.is_none_or(|kind| matches!(&*kind, "base64" | "url" | "file" | "text"))
}

fn source(object: &mut Object<'_>) -> Read<MediaSource> {
    let kind = object.kind();
    object.remove("type")?;
    match &*kind {
        "base64" => {
            Ok(MediaSource::Base64 { media_type: object.need_string("media_type")?, data: object.need_string("data")? })
        }
        "url" => object.need_string("url").map(MediaSource::Url),
        "file" => object.need_string("file_id").map(MediaSource::File),
        "text" => {
            object.remove("media_type")?;
            object.need_string("data").map(MediaSource::Text)
        }
        _ => Err(Fault::new("is missing").under("type")),
    }
}

fn image_source(object: &mut Object<'_>) -> Read<ImageSource> {
    match source(object)? {
        MediaSource::Base64 { media_type, data } => Ok(ImageSource::Base64 { media_type, data }),
        MediaSource::Url(url) => Ok(ImageSource::Url(url)),
        MediaSource::File(id) => Ok(ImageSource::File(id)),
        MediaSource::Text(_) => Err(Fault::new("must not be `text`").under("type")),
    }
}
