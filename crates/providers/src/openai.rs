//! OpenAI, and all who have its chat completions.

use crate::remote::Flavour;
use http::{HeaderName, HeaderValue, header};

/// Chat completions with a bearer key.
pub(crate) const OPENAI: Flavour = Flavour {
    codec: &gatewright_dialects::OPENAI,
    base_url: "https://api.openai.com/v1",
    chat_path,
    authorize,
    defaults: &[],
};

/// An address without a path, as those of local servers often are given, gets the version too. One that is given whole
/// is taken as it is: not everybody has a version.
fn chat_path(base: &str) -> &'static str {
    match base {
        "" => "/v1/chat/completions",
        whole if whole.ends_with("/chat/completions") => "",
        _ => "/chat/completions",
    }
}

fn authorize(key: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}")).ok()?))
}
