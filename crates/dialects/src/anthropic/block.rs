//! The blocks of a message's content.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::{answered_id, write};

use crate::json::write::{object, string};
use bytes::{Bytes, BytesMut};
use serde::de::IgnoredAny;

/// The value of `input` for a call's arguments. Models do not always make them JSON: what is not an object is wrapped
/// as Anthropic's documentation says, `{"INVALID_JSON": "..."}`. `own`: what is JSON may be no object, as it came so.
pub(super) fn input(arguments: &str, own: bool) -> Bytes {
    let text = arguments.trim();
    if text.is_empty() {
        return Bytes::from_static(b"{}");
    }
    if (own || text.starts_with('{')) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return Bytes::copy_from_slice(text.as_bytes());
    }
    let mut wrapped = BytesMut::new();
    object(&mut wrapped, |object| object.key("INVALID_JSON").extend_from_slice(&string(arguments)));
    wrapped.freeze()
}
