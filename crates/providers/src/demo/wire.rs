//! The demo's answers in OpenAI's dialect.

use super::reply::{Reply, Said, words};
use bytes::Bytes;
use gatewright_model::Usage;
use serde_json::{Value, json};

/// The same for each answer, so that equal requests get equal bytes.
const ID: &str = "chatcmpl-demo";
/// 2025-01-01, in Unix seconds.
const CREATED: u64 = 1_735_689_600;
const CALL_ID: &str = "call_demo";

/// The body of a whole answer.
pub(super) fn whole(model: &str, reply: &Reply) -> Bytes {
    let message = match &reply.said {
        Said::Text(text) => json!({ "role": "assistant", "content": text, "refusal": null }),
        Said::Call(name, arguments) => json!({
            "role": "assistant",
            "content": null,
            "refusal": null,
            "tool_calls": [{ "id": CALL_ID, "type": "function", "function": { "name": name, "arguments": arguments } }],
        }),
    };
    let choice =
        |index| json!({ "index": index, "message": message, "logprobs": null, "finish_reason": finish(reply) });
    let body = json!({
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": (0..reply.choices).map(choice).collect::<Vec<_>>(),
        "usage": usage(&reply.usage),
    });
    Bytes::from(body.to_string())
}

/// The events of a stream, word by word.
pub(super) fn events(model: &str, reply: &Reply, include_usage: bool) -> Vec<Bytes> {
    let mut events = Vec::new();
    let mut each = |delta: &Value, finish: Option<&str>| {
        for index in 0..reply.choices {
            let choice = json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish });
            events.push(event(model, &json!([choice]), None));
        }
    };
    match &reply.said {
        Said::Text(text) => {
            each(&json!({ "role": "assistant", "content": "" }), None);
            words(text).for_each(|(_, word)| each(&json!({ "content": word }), None));
        }
        Said::Call(name, arguments) => {
            let function = json!({ "name": name, "arguments": "" });
            let call = json!({ "index": 0, "id": CALL_ID, "type": "function", "function": function });
            each(&json!({ "role": "assistant", "content": null, "tool_calls": [call] }), None);
            for (_, word) in words(arguments) {
                each(&json!({ "tool_calls": [{ "index": 0, "function": { "arguments": word } }] }), None);
            }
        }
    }
    each(&json!({}), Some(finish(reply)));
    if include_usage {
        events.push(event(model, &json!([]), Some(usage(&reply.usage))));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn event(model: &str, choices: &Value, usage: Option<Value>) -> Bytes {
    let mut chunk = json!({
        "id": ID,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "choices": choices,
    });
    if let Some(usage) = usage {
        chunk["usage"] = usage;
    }
    Bytes::from(format!("data: {chunk}\n\n"))
}

fn finish(reply: &Reply) -> &'static str {
    match &reply.said {
        Said::Call(..) => "tool_calls",
        Said::Text(_) if reply.cut => "length",
        Said::Text(_) => "stop",
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens(),
    })
}
