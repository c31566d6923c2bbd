//! Answers in the dialect of `POST /v1/chat/completions`.

use bytes::Bytes;

use crate::script::{Script, fixed};

/// A completion of about 1 KB.
pub(crate) const COMPLETION: &str = concat!(
    r#"{"id":"chatcmpl-bench0000000000000000000000","object":"chat.completion","created":1735689600,"#,
    r#""model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":""#,
    r"A gateway stands between many clients and many providers. It reads each request once, decides where it should go, ",
    r"adds the credential that the provider expects, and passes the answer back as it arrives.\n\nIt should be hard to ",
    r"notice: what it adds to the first token must be small beside the provider's own time, and a stream should keep ",
    r"the rhythm in which it was written.",
    r#"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"#,
    r#""usage":{"prompt_tokens":24,"completion_tokens":82,"total_tokens":106,"#,
    r#""prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":"#,
    r#"{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"#,
    r#""service_tier":"default","system_fingerprint":"fp_bench00000"}"#,
);

/// What every chunk of a stream says before its choices.
macro_rules! opening {
    () => {
        concat!(
            r#"data: {"id":"chatcmpl-bench0000000000000000000000","object":"chat.completion.chunk","#,
            r#""created":1735689600,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","#,
            r#""system_fingerprint":"fp_bench00000","#,
        )
    };
}

macro_rules! chunk {
    ($choice:literal, $usage:literal) => {
        concat!(opening!(), r#""choices":["#, $choice, "]", $usage, "}\n\n")
    };
}

macro_rules! chunks {
    ($usage:literal) => {
        [
            chunk!(
                r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}"#,
                $usage
            ),
            chunk!(r#"{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}"#, $usage),
            chunk!(r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}"#, $usage),
        ]
    };
}

/// Role, content and finish chunks.
const PLAIN: [&str; 3] = chunks!("");
/// The same for a client that asked for usage: the provider then adds a null to every chunk but the last.
const WITH_USAGE: [&str; 3] = chunks!(r#","usage":null"#);

/// A stream of `chunks` content chunks: the role before them, then finish, usage (if asked for) and `[DONE]`.
pub(crate) fn stream(chunks: u32, include_usage: bool) -> Script {
    let [role, content, finish] = if include_usage { WITH_USAGE } else { PLAIN };
    let mut tail = vec![fixed(finish)];
    if include_usage {
        tail.push(usage(chunks));
    }
    tail.push(fixed("data: [DONE]\n\n"));
    Script::new(vec![fixed(role)], content, chunks, tail)
}

/// The only event that depends on the length of the stream, so the only one that is made for each request.
fn usage(completion: u32) -> Bytes {
    let total = 24 + completion;
    Bytes::from(format!(
        concat!(
            "{opening}",
            r#""choices":[],"usage":{{"prompt_tokens":24,"completion_tokens":{completion},"total_tokens":{total}}}}}"#,
            "\n\n"
        ),
        opening = opening!(),
        completion = completion,
        total = total,
    ))
}

#[cfg(test)]
mod tests;
