//! Streams as providers write them.

use gatewright_model::Dialect;
use serde_json::{Value as Json, json};

/// A piece of what a model says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say<'a> {
    /// Text of a choice. Anthropic has only choice 0.
    Text(u32, &'a str),
    /// Arguments of a tool call, by the call's number.
    Tool(u32, &'a str),
    /// What it thinks first.
    Think(&'a str),
}

/// A whole stream that says this.
pub(crate) fn stream(dialect: Dialect, pieces: &[Say<'_>]) -> String {
    begun(dialect, pieces) + &end(dialect, pieces)
}

/// The same, without its end.
pub(crate) fn begun(dialect: Dialect, pieces: &[Say<'_>]) -> String {
    match dialect {
        Dialect::Anthropic => anthropic(pieces, false),
        _ => openai(pieces),
    }
}

/// The end of such a stream.
pub(crate) fn end(dialect: Dialect, pieces: &[Say<'_>]) -> String {
    match dialect {
        Dialect::Anthropic => {
            let whole = anthropic(pieces, true);
            whole.strip_prefix(&anthropic(pieces, false)).unwrap_or_default().to_owned()
        }
        _ => openai_end(pieces),
    }
}

/// A stream of texts of the first choice.
pub(crate) fn texts(dialect: Dialect, texts: &[&str]) -> String {
    let pieces: Vec<Say<'_>> = texts.iter().map(|text| Say::Text(0, text)).collect();
    stream(dialect, &pieces)
}

fn openai_event(choice: u32, delta: Json, finish: Option<&str>) -> String {
    let choice = json!({ "index": choice, "delta": delta, "finish_reason": finish });
    let event = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    });
    format!("data: {event}\n\n")
}

fn openai(pieces: &[Say<'_>]) -> String {
    let (mut out, mut tools) = (String::new(), Vec::new());
    for choice in choices(pieces) {
        out += &openai_event(choice, json!({ "role": "assistant", "content": "" }), None);
    }
    for piece in pieces {
        out += &match piece {
            Say::Text(choice, text) => openai_event(*choice, json!({ "content": text }), None),
            Say::Think(text) => openai_event(0, json!({ "reasoning_content": text }), None),
            Say::Tool(number, arguments) if tools.contains(number) => {
                let call = json!({ "index": number, "function": { "arguments": arguments } });
                openai_event(0, json!({ "tool_calls": [call] }), None)
            }
            Say::Tool(number, arguments) => {
                tools.push(*number);
                let function = json!({ "name": "lookup", "arguments": arguments });
                let id = format!("call-{number}");
                let call = json!({ "index": number, "id": id, "type": "function", "function": function });
                openai_event(0, json!({ "tool_calls": [call] }), None)
            }
        };
    }
    out
}

fn openai_end(pieces: &[Say<'_>]) -> String {
    let tools = pieces.iter().any(|piece| matches!(piece, Say::Tool(..)));
    let reason = if tools { "tool_calls" } else { "stop" };
    let finishes: String = choices(pieces).map(|choice| openai_event(choice, json!({}), Some(reason))).collect();
    finishes + "data: [DONE]\n\n"
}

fn choices(pieces: &[Say<'_>]) -> impl Iterator<Item = u32> {
    let last = pieces.iter().map(|piece| if let Say::Text(choice, _) = piece { *choice } else { 0 }).max();
    0..=last.unwrap_or_default()
}

fn anthropic_event(name: &str, mut event: Json) -> String {
    event["type"] = json!(name);
    format!("event: {name}\ndata: {event}\n\n")
}

/// The block that a piece belongs to; pieces of one block follow each other.
fn block_of(piece: &Say<'_>) -> (u8, u32) {
    match piece {
        Say::Text(choice, _) => (0, *choice),
        Say::Tool(number, _) => (1, *number),
        Say::Think(_) => (2, 0),
    }
}

fn anthropic(pieces: &[Say<'_>], ended: bool) -> String {
    let usage = json!({ "input_tokens": 3, "output_tokens": 1 });
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage,
    });
    let mut out = anthropic_event("message_start", json!({ "message": message }));
    let mut index: Option<u32> = None;
    for (at, piece) in pieces.iter().enumerate() {
        let is_new = at == 0 || block_of(&pieces[at - 1]) != block_of(piece);
        if is_new {
            if let Some(open) = index {
                out += &anthropic_event("content_block_stop", json!({ "index": open }));
            }
            let number = index.map_or(0, |open| open + 1);
            index = Some(number);
            let block = match piece {
                Say::Text(..) => json!({ "type": "text", "text": "" }),
                Say::Tool(number, _) => {
                    json!({ "type": "tool_use", "id": format!("toolu_{number}"), "name": "lookup", "input": {} })
                }
                Say::Think(_) => json!({ "type": "thinking", "thinking": "", "signature": "" }),
            };
            out += &anthropic_event("content_block_start", json!({ "index": number, "content_block": block }));
        }
        let delta = match piece {
            Say::Text(_, text) => json!({ "type": "text_delta", "text": text }),
            Say::Tool(_, arguments) => json!({ "type": "input_json_delta", "partial_json": arguments }),
            Say::Think(text) => json!({ "type": "thinking_delta", "thinking": text }),
        };
        out += &anthropic_event("content_block_delta", json!({ "index": index, "delta": delta }));
    }
    if ended {
        if let Some(open) = index {
            out += &anthropic_event("content_block_stop", json!({ "index": open }));
        }
        let tools = pieces.iter().any(|piece| matches!(piece, Say::Tool(..)));
        let reason = if tools { "tool_use" } else { "end_turn" };
        let delta = json!({ "stop_reason": reason, "stop_sequence": null });
        out += &anthropic_event("message_delta", json!({ "delta": delta, "usage": { "output_tokens": 7 } }));
        out += &anthropic_event("message_stop", json!({}));
    }
    out
}
