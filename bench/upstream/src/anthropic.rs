//! Answers in the dialect of `POST /v1/messages`.

use bytes::Bytes;

use crate::script::{Script, fixed};

/// A message of about 1 KB.
pub(crate) const MESSAGE: &str = concat!(
    r#"{"id":"msg_bench000000000000000000","type":"message","role":"assistant","model":"claude-3-5-haiku-20241022","#,
    r#""content":[{"type":"text","text":""#,
    r"A gateway stands between many clients and many providers. It reads each request once, decides where it should go, ",
    r"adds the credential that the provider expects, and passes the answer back as it arrives.\n\nIt should be hard to ",
    r"notice: what it adds to the first token must be small beside the provider's own time, and a stream should keep ",
    r"the rhythm in which it was written. When a provider fails it says so, or it asks another one; when a client goes ",
    r"away it stops at once, because nobody should pay for tokens that nobody reads. All the rest belongs to whoever ",
    r"runs it: what is written down, who may ask for what, how much it may cost.",
    r#""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":24,"cache_creation_input_tokens":0,"#,
    r#""cache_read_input_tokens":0,"output_tokens":122,"service_tier":"standard"}}"#,
);

const HEAD: [&str; 3] = [
    concat!(
        "event: message_start\n",
        r#"data: {"type":"message_start","message":{"id":"msg_bench000000000000000000","type":"message","#,
        r#""role":"assistant","model":"claude-3-5-haiku-20241022","content":[],"stop_reason":null,"stop_sequence":null,"#,
        r#""usage":{"input_tokens":24,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}"#,
        "\n\n"
    ),
    concat!(
        "event: content_block_start\n",
        r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        "\n\n"
    ),
    "event: ping\ndata: {\"type\":\"ping\"}\n\n",
];
const DELTA: &str = concat!(
    "event: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" token"}}"#,
    "\n\n"
);
const BLOCK_STOP: &str = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
const MESSAGE_STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// A stream of `chunks` content deltas, from `message_start` to `message_stop`.
pub(crate) fn stream(chunks: u32) -> Script {
    let tail = vec![fixed(BLOCK_STOP), message_delta(chunks), fixed(MESSAGE_STOP)];
    Script::new(HEAD.map(fixed).to_vec(), DELTA, chunks, tail)
}

/// The only event that depends on the length of the stream, so the only one that is made for each request.
fn message_delta(output: u32) -> Bytes {
    Bytes::from(
        [
            "event: message_delta\n",
            r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"#,
            r#""usage":{"output_tokens":"#,
            &output.to_string(),
            "}}\n\n",
        ]
        .concat(),
    )
}

#[cfg(test)]
mod tests;
