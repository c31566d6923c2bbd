//! Anthropic's messages.

use crate::remote::Flavour;
use http::{HeaderName, HeaderValue};

/// Messages with a key in `x-api-key`. `anthropic-beta` goes along as the client sent it, and so does
/// `anthropic-version`, which gets a default.
pub(crate) const ANTHROPIC: Flavour = Flavour {
    codec: |_| &gatewright_dialects::ANTHROPIC,
    base_url: "https://api.anthropic.com",
    chat_path,
    authorize,
    defaults: &[("anthropic-version", "2023-06-01")],
};

/// The address is taken with or without the version, since the SDKs have it without and OpenAI's address has it, and as it
/// is where it is the whole.
fn chat_path(base: &str) -> &'static str {
    match base {
        whole if whole.ends_with("/v1/messages") => "",
        versioned if versioned.ends_with("/v1") => "/messages",
        _ => "/v1/messages",
    }
}

fn authorize(key: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_static("x-api-key"), HeaderValue::from_str(key).ok()?))
}
