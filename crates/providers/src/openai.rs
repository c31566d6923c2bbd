//! OpenAI, and all who have its chat completions.

use crate::remote::Flavour;
use gatewright_dialects::{OPENAI as PLAIN, OpenAi, Thoughts};
use gatewright_model::Codec;
use http::{HeaderName, HeaderValue, header};

/// Chat completions with a bearer key.
pub(crate) const OPENAI: Flavour =
    Flavour { codec, base_url: "https://api.openai.com/v1", chat_path, authorize, defaults: &[] };

fn codec(thoughts: Thoughts) -> &'static dyn Codec {
    static REASONING_CONTENT: OpenAi = OpenAi::taking_back(Thoughts::ReasoningContent);
    static REASONING: OpenAi = OpenAi::taking_back(Thoughts::Reasoning);
    static SIGNATURES: OpenAi = OpenAi::taking_back(Thoughts::Signatures);
    match thoughts {
        Thoughts::None => &PLAIN,
        Thoughts::ReasoningContent => &REASONING_CONTENT,
        Thoughts::Reasoning => &REASONING,
        Thoughts::Signatures => &SIGNATURES,
    }
}

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
