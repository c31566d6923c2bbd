//! Writes blocks.

use super::input;
use crate::{
    carry::Carry,
    json::write::{self, ArrayWriter, ObjectWriter, string},
    made, signed,
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{Block, Content, EncodeError, Extra, ImageSource, MediaSource};

/// Members that are stashes of `Object::nested`, in either dialect.
const NESTED: [&str; 7] =
    ["source", "image_url", "file", "function", "function_call", "reasoning_content", "reasoning"];

/// Writes a block. One that this dialect has no words for is left out of an answer, and refused in a request.
pub(in crate::anthropic) fn write(
    array: &mut ArrayWriter<'_>,
    block: &Block,
    carry: &mut Carry,
) -> Result<(), EncodeError> {
    let problem = match &block.content {
        Content::Other(raw) if carry.own() => {
            array.raw(raw.as_str());
            return Ok(());
        }
        // Empty texts are refused by the provider, and say nothing.
        Content::Text(text) | Content::Refusal(text) if text.is_empty() && carry.translates() => return Ok(()),
        // Without its own signature the provider does not take thinking back.
        Content::Reasoning { signature, redacted, .. }
            if !carry.is_answer()
                && (!carry.own() || carry.translates() && signature.is_none() && redacted.is_none()) =>
        {
            carry.drop("reasoning_content");
            return Ok(());
        }
        Content::Image { source: ImageSource::File(_), .. }
        | Content::Document { source: MediaSource::File(_), .. }
            if !carry.own() =>
        {
            "the file is with another provider"
        }
        Content::Other(_) => "a block of this type has no counterpart",
        Content::Audio { .. } => "sound cannot be sent",
        _ => {
            let signature = signed::of_call(&block.extra).filter(|_| carry.is_answer() && !carry.own());
            let mut silent = NESTED.to_vec();
            silent.extend(signature.is_some().then_some(signed::EXTRA_CONTENT));
            let extra = carry.extra(&block.extra, &silent);
            return array.object(|object| {
                write_known(object, block, extra, signature.as_deref(), carry)?;
                object.extra(extra, &["source"]);
                Ok(())
            });
        }
    };
    carry.cannot("content", problem)
}

fn write_known(
    object: &mut ObjectWriter<'_>,
    block: &Block,
    extra: &Extra,
    signature: Option<&str>,
    carry: &mut Carry,
) -> Result<(), EncodeError> {
    let mut kind = |kind: &str| object.string("type", kind);
    match &block.content {
        Content::Text(text) | Content::Refusal(text) => {
            kind("text");
            object.string("text", text);
        }
        Content::Image { source, detail } => {
            kind("image");
            if detail.is_some() {
                carry.drop("detail");
            }
            object.nested("source", extra, &image_source(source));
        }
        Content::Document { source, name } => {
            kind("document");
            object.nested("source", extra, &media_source(source));
            if let Some(name) = name {
                object.string("title", name);
            }
        }
        Content::Reasoning { redacted: Some(data), .. } => {
            kind("redacted_thinking");
            object.string("data", data);
        }
        Content::Reasoning { text, signature, .. } => {
            kind("thinking");
            object.string("thinking", text);
            object.string("signature", signature.as_deref().unwrap_or_default());
        }
        Content::ToolUse { id, name, arguments } => {
            kind("tool_use");
            match carry.is_answer() && carry.translates() {
                true => object.string("id", &answered_id(id, signature, carry)),
                false => object.string("id", &tool_id(id, carry)),
            }
            object.string("name", name);
            object.key("input").extend_from_slice(&input(arguments, carry.own()));
        }
        Content::ToolResult { id, content, is_error } => {
            kind("tool_result");
            object.string("tool_use_id", &tool_id(id, carry));
            if !content.is_empty() {
                write_result(object.key("content"), content, carry)?;
            }
            if *is_error {
                object.display("is_error", true);
            }
        }
        _ => {}
    }
    Ok(())
}

fn write_result(out: &mut BytesMut, content: &[Block], carry: &mut Carry) -> Result<(), EncodeError> {
    if let [Block { content: Content::Text(text), extra }] = content
        && (extra.is_empty() || !carry.own())
    {
        carry.extra(extra, &[]);
        write::string_to(out, text);
        return Ok(());
    }
    write::array(out, |array| content.iter().try_for_each(|block| write(array, block, carry)))
}

/// The id of a call in an answer of another dialect: one of its own if it has none, and its signature in it, so that the
/// client sends both back.
pub(in crate::anthropic) fn answered_id(id: &str, signature: Option<&str>, carry: &mut Carry) -> String {
    let id = made::id(id, "toolu_");
    match signature.map(|signature| signed::put(&id, signature)) {
        Some(Some(signed)) => signed,
        Some(None) => {
            carry.drop(signed::EXTRA_CONTENT);
            id
        }
        None => id,
    }
}

/// Anthropic takes only letters, digits, `_` and `-` in ids; other providers make others.
fn tool_id(id: &str, carry: &Carry) -> String {
    if !carry.translates() || carry.is_answer() {
        return id.to_owned();
    }
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn image_source(source: &ImageSource) -> Vec<(&'static str, Bytes)> {
    match source {
        ImageSource::Url(url) => vec![("type", string("url")), ("url", string(url))],
        ImageSource::File(id) => vec![("type", string("file")), ("file_id", string(id))],
        ImageSource::Base64 { media_type, data } => base64(media_type, data),
    }
}

fn media_source(source: &MediaSource) -> Vec<(&'static str, Bytes)> {
    match source {
        MediaSource::Url(url) => vec![("type", string("url")), ("url", string(url))],
        MediaSource::File(id) => vec![("type", string("file")), ("file_id", string(id))],
        MediaSource::Text(text) => {
            vec![("type", string("text")), ("media_type", string("text/plain")), ("data", string(text))]
        }
        // Files of chat completions need not say what they are; what they take is PDF.
        MediaSource::Base64 { media_type, data } if media_type.is_empty() => base64("application/pdf", data),
        MediaSource::Base64 { media_type, data } => base64(media_type, data),
    }
}

fn base64(media_type: &str, data: &str) -> Vec<(&'static str, Bytes)> {
    vec![("type", string("base64")), ("media_type", string(media_type)), ("data", string(data))]
}
