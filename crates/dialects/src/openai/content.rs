//! The parts of a message's content.

use crate::{
    carry::Carry,
    json::{
        Fault, Kind, Read, Value,
        write::{self, ArrayWriter, ObjectWriter},
    },
};
use bytes::BytesMut;
use gatewright_model::{Block, Content, EncodeError, ImageSource, MediaSource};

/// Members of parts that the model has fields for, in stashes of `Object::nested`.
const NESTED: [&str; 3] = ["image_url", "input_audio", "file"];

/// Reads `content`: a text, or parts.
pub(super) fn read(value: Value<'_>) -> Read<Vec<Block>> {
    match value.kind() {
        Kind::String => Ok(vec![Block::text(value.string()?)]),
        Kind::Array => value.list(read_part),
        Kind::Null => Ok(Vec::new()),
        _ => Err(Fault::new("must be a string or an array")),
    }
}

/// Writes `content`: one plain text as a string, anything else as parts.
pub(super) fn write(out: &mut BytesMut, blocks: &[&Block], carry: &mut Carry) -> Result<(), EncodeError> {
    match blocks {
        [] => write::string_to(out, ""),
        [Block { content: Content::Text(text), extra }] if extra.is_empty() || !carry.own() => {
            carry.extra(extra, &[]);
            write::string_to(out, text);
        }
        _ => write::array(out, |array| blocks.iter().try_for_each(|block| write_part(array, block, carry)))?,
    }
    Ok(())
}

/// The text blocks as one string.
pub(super) fn joined<'b>(blocks: impl IntoIterator<Item = &'b Block>, separator: &str) -> String {
    let texts = blocks.into_iter().filter_map(|block| match &block.content {
        Content::Text(text) | Content::Document { source: MediaSource::Text(text), .. } => Some(&**text),
        _ => None,
    });
    texts.collect::<Vec<_>>().join(separator)
}

fn read_part(value: Value<'_>) -> Read<Block> {
    let mut object = value.object()?;
    let content = match &*object.kind() {
        "text" => Content::Text(object.need_string("text")?),
        "refusal" => Content::Refusal(object.need_string("refusal")?),
        "image_url" => object.nested("image_url", |image| {
            Ok(Content::Image { source: image_source(image.need_string("url")?), detail: image.string("detail")? })
        })?,
        "input_audio" => object.nested("input_audio", |audio| {
            Ok(Content::Audio { data: audio.need_string("data")?, format: audio.need_string("format")? })
        })?,
        "file" => object.nested("file", |file| {
            let source = match (file.string("file_id")?, file.string("file_data")?) {
                (Some(id), _) => MediaSource::File(id),
                (None, Some(data)) => file_source(data),
                (None, None) => return Err(Fault::new("is missing").under("file_data")),
            };
            Ok(Content::Document { source, name: file.string("filename")? })
        })?,
        "" => return Err(Fault::new("is missing").under("type")),
        _ => return Ok(Block::from(Content::Other(value.unknown()?))),
    };
    object.remove("type")?;
    Ok(Block { content, extra: object.rest()? })
}

fn image_source(url: String) -> ImageSource {
    match split_data_url(&url) {
        Some((media_type, data)) => ImageSource::Base64 { media_type: media_type.to_owned(), data: data.to_owned() },
        None => ImageSource::Url(url),
    }
}

/// Files come as data URLs; some clients send the bare base64 text.
fn file_source(data: String) -> MediaSource {
    match split_data_url(&data) {
        Some((media_type, data)) => MediaSource::Base64 { media_type: media_type.to_owned(), data: data.to_owned() },
        None => MediaSource::Base64 { media_type: String::new(), data },
    }
}

fn split_data_url(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix("data:")?.split_once(";base64,")
}

fn data_url(media_type: &str, data: &str) -> String {
    match media_type {
        "" => data.to_owned(),
        _ => format!("data:{media_type};base64,{data}"),
    }
}

fn write_part(array: &mut ArrayWriter<'_>, block: &Block, carry: &mut Carry) -> Result<(), EncodeError> {
    let problem = match &block.content {
        Content::Other(raw) if carry.own() => {
            array.raw(raw.as_str());
            return Ok(());
        }
        Content::Other(_) => "a block of this type has no counterpart",
        Content::Image { source: ImageSource::File(_), .. } => "the file is with another provider",
        Content::Document { source: MediaSource::File(_), .. } if !carry.own() => "the file is with another provider",
        Content::Document { source: MediaSource::Url(_), .. } => "documents cannot be fetched by their address",
        Content::ToolUse { .. } | Content::ToolResult { .. } | Content::Reasoning { .. } => {
            "a block of this type cannot stand here"
        }
        _ => {
            let extra = carry.extra(&block.extra, &NESTED);
            array.object(|object| {
                write_known(object, block);
                object.extra(extra, &NESTED);
            });
            return Ok(());
        }
    };
    carry.cannot("content", problem)
}

fn write_known(object: &mut ObjectWriter<'_>, block: &Block) {
    let mut kind = |kind: &str| object.string("type", kind);
    match &block.content {
        Content::Text(text) => {
            kind("text");
            object.string("text", text);
        }
        Content::Refusal(text) => {
            kind("refusal");
            object.string("refusal", text);
        }
        Content::Image { source, detail } => {
            kind("image_url");
            let url = match source {
                ImageSource::Base64 { media_type, data } => &data_url(media_type, data),
                ImageSource::Url(url) | ImageSource::File(url) => url,
            };
            let mut set = vec![("url", write::string(url))];
            set.extend(detail.iter().map(|detail| ("detail", write::string(detail))));
            object.nested("image_url", &block.extra, &set);
        }
        Content::Audio { data, format } => {
            kind("input_audio");
            let set = [("data", write::string(data)), ("format", write::string(format))];
            object.nested("input_audio", &block.extra, &set);
        }
        Content::Document { source: MediaSource::Text(text), name } => {
            // Chat completions have no documents of text; its words say the same.
            kind("text");
            match name {
                Some(name) => object.string("text", &format!("{name}\n\n{text}")),
                None => object.string("text", text),
            }
        }
        Content::Document { source, name } => {
            kind("file");
            let mut set = match source {
                MediaSource::Base64 { media_type, data } => {
                    vec![("file_data", write::string(&data_url(media_type, data)))]
                }
                MediaSource::File(id) | MediaSource::Url(id) | MediaSource::Text(id) => {
                    vec![("file_id", write::string(id))]
                }
            };
            set.extend(name.iter().map(|name| ("filename", write::string(name))));
            object.nested("file", &block.extra, &set);
        }
        _ => {}
    }
}
