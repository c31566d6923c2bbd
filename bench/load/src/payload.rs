//! The body of a request.

/// Which API the body is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Anthropic,
}

/// What the body says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
    pub(crate) messages_first: bool,
    /// Length of the whole body; `None` for the shortest message.
    pub(crate) bytes: Option<usize>,
}

/// A body cannot be made as short as was asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a body has at least {least} bytes, so it cannot have {asked}")]
pub(crate) struct TooShort {
    least: usize,
    asked: usize,
}

const QUESTION: &str = "What does a gateway do?";
/// With line breaks and quotes, because real prompts have them, and a scanner that skips to the next quote or
/// backslash would be flattered by a text without any.
const FILLER: &str = concat!(
    r#" It stands between many \"clients\" and many providers, and reads each request once.\n"#,
    r" What it adds must be small beside the provider's own time, for a short prompt and for a long one.\n",
);

impl Payload<'_> {
    /// The body as JSON, in the order of keys that its client would write.
    pub(crate) fn json(&self) -> Result<String, TooShort> {
        let least = self.around("").len() + QUESTION.len();
        let asked = self.bytes.unwrap_or(least);
        let extra = asked.checked_sub(least).ok_or(TooShort { least, asked })?;
        let mut message = String::with_capacity(QUESTION.len() + extra);
        message.push_str(QUESTION);
        message.push_str(&FILLER.repeat(extra / FILLER.len()));
        // A cut through the filler could fall within an escape, so the rest is plain.
        message.push_str(&"x".repeat(extra % FILLER.len()));
        Ok(self.around(&message))
    }

    fn around(&self, message: &str) -> String {
        // As JSON, quotes included: a model's name comes from the command line.
        let model = format!(r#""model":{}"#, serde_json::Value::from(self.model));
        let messages = format!(r#""messages":[{{"role":"user","content":"{message}"}}]"#);
        let (first, second) = if self.messages_first { (messages, model) } else { (model, messages) };
        let rest = match (self.dialect, self.stream) {
            (Dialect::OpenAi, false) => "",
            (Dialect::OpenAi, true) => r#","stream":true,"stream_options":{"include_usage":true}"#,
            (Dialect::Anthropic, false) => r#","max_tokens":1024"#,
            (Dialect::Anthropic, true) => r#","max_tokens":1024,"stream":true"#,
        };
        format!("{{{first},{second}{rest}}}")
    }
}

#[cfg(test)]
mod tests;
