//! What responses of all dialects have in common.

use crate::json::with_members;
use bytes::Bytes;
use gatewright_model::{ChatResponse, Dialect, EncodeError, Output, Response};

/// The member that plugins fill (seed 000).
pub(crate) const EXTRA_FIELDS: &str = "extra_fields";

/// The response's conversation.
pub(crate) fn chat(response: &Response, dialect: Dialect) -> Result<&ChatResponse, EncodeError> {
    let refused = |reason: String| EncodeError { param: "response".to_owned(), dialect, reason };
    match response.output() {
        Ok(Output::Chat(chat)) => Ok(chat),
        Ok(_) => Err(refused("it is not a conversation".to_owned())),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// The value of `extra_fields`; `None` if the response has none.
pub(crate) fn extra_fields(response: &Response) -> Option<Bytes> {
    let fields = &response.extra_fields;
    (!fields.is_empty()).then(|| Bytes::from(serde_json::to_vec(fields).unwrap_or_else(|_| b"{}".to_vec())))
}

/// The body as it came, with `extra_fields` put to it if the response has any.
pub(crate) fn unedited(response: &Response, body: &Bytes) -> Bytes {
    let patched = extra_fields(response).and_then(|fields| {
        let text = std::str::from_utf8(body).ok()?;
        with_members(text, &[(EXTRA_FIELDS, fields)]).ok()
    });
    patched.map_or_else(|| body.clone(), bytes::BytesMut::freeze)
}
