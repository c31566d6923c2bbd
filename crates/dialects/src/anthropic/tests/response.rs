use crate::{
    ANTHROPIC,
    tests::{answer, answer_json, response},
};
use bytes::Bytes;
use gatewright_model::{Block, ChatResponse, Codec, Content, Dialect, FinishReason, Response, Usage};
use serde_json::json;

const FULL: &str = r#"{ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4",
  "content": [ {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    {"type": "text", "text": "The key is sk-1.", "citations": [{"cited_text": "x"}]},
    {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
    {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1.50}} ],
  "stop_reason": "tool_use", "stop_sequence": null, "future": [1.50],
  "usage": {"input_tokens": 10, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 5,
    "service_tier": "standard"} }"#;

const USAGE: Usage =
    Usage { input_tokens: 15, output_tokens: 5, cache_read_tokens: 3, cache_write_tokens: 2, reasoning_tokens: 0 };

fn edited(edit: impl FnOnce(&mut ChatResponse)) -> String {
    let mut response = response(Dialect::Anthropic, FULL);
    edit(response.chat_mut().unwrap());
    answer(Dialect::Anthropic, &response).0
}

#[test]
fn decodes_everything() {
    let response = response(Dialect::Anthropic, FULL);
    let chat = response.chat().unwrap();
    assert_eq!((&*chat.id, &*chat.model, chat.usage), ("msg_1", "claude-sonnet-4", Some(USAGE)));
    let choice = &chat.choices[0];
    assert_eq!(
        (choice.index, choice.finish.as_ref(), choice.message.blocks().len()),
        (0, Some(&FinishReason::ToolUse), 4)
    );
    assert_eq!(choice.message.blocks()[1].as_text(), "The key is sk-1.");
    assert_eq!(ANTHROPIC.scan_usage(FULL.as_bytes()), Some(USAGE));
}

#[test]
fn unedited_is_byte_for_byte() {
    assert_eq!(answer(Dialect::Anthropic, &response(Dialect::Anthropic, FULL)), (FULL.to_owned(), vec![]));
    let mut response = response(Dialect::Anthropic, FULL);
    response.extra_fields.insert("a".into(), json!(1));
    let (out, _) = answer(Dialect::Anthropic, &response);
    assert_eq!(out, FULL.replace("\"standard\"} }", "\"standard\"},\"extra_fields\":{\"a\":1} }"));
}

#[test]
fn an_edited_block_leaves_the_others_as_they_were() {
    let out = edited(|chat| {
        chat.choices[0].message.blocks_mut()[1].map_texts(&mut |_| Some("***".into()));
    });
    let mut rest = &*out;
    for kept in [
        r#""content":[{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},"#,
        r#"{"type":"text","text":"***","citations":[{"cited_text": "x"}]},"#,
        r#"{"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},"#,
        r#"{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1.50}}],"stop_reason":"tool_use","#,
        r#""future":[1.50],"usage":{"input_tokens": 10"#,
    ] {
        rest = rest.split_once(kept).unwrap_or_else(|| panic!("{kept} in {rest}")).1;
    }
    assert!(!out.contains("sk-1"));
}

#[test]
fn members_are_patched() {
    let out = edited(|chat| {
        chat.choices[0].finish = Some(FinishReason::StopSequence(Some("X".into())));
        chat.choices[0].message.blocks_mut().retain(|block| !matches!(block.content, Content::ToolUse { .. }));
        chat.usage = Some(Usage { input_tokens: 9, cache_read_tokens: 4, ..Usage::default() });
    });
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["stop_reason"], &json["stop_sequence"]), (&json!("stop_sequence"), &json!("X")));
    assert_eq!(json["content"].as_array().unwrap().len(), 3);
    assert_eq!(
        json["usage"],
        json!({"input_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4, "output_tokens": 0})
    );
}

#[test]
fn a_response_made_here_is_written_whole() {
    let mut response = Response::of_text("plugin", "claude", "Hi");
    response.extra_fields.insert("a".into(), json!(1));
    let choice = response.chat().unwrap().choices[0].clone();
    response.chat_mut().unwrap().choices.push(choice);
    let (mut out, dropped) = answer_json(Dialect::Anthropic, &response);
    assert!(out["id"].take().as_str().unwrap().starts_with("msg_"));
    let said = json!({
        "id": null, "type": "message", "role": "assistant", "model": "claude", "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn", "stop_sequence": null, "extra_fields": {"a": 1},
        "usage": {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}
    });
    assert_eq!((out, dropped), (said, vec!["choices".to_owned()]));
    let call = Content::ToolUse { id: "t".into(), name: "f".into(), arguments: "{}".into() };
    response.chat_mut().unwrap().choices[0].message.blocks_mut().push(call.into());
    assert_eq!(answer_json(Dialect::Anthropic, &response).0["stop_reason"], "tool_use");
}

#[test]
fn stop_reasons() {
    let finish = |word: &str, sequence: &str| {
        let body = format!(r#"{{"content":[],"stop_reason":{word},"stop_sequence":{sequence}}}"#);
        match ANTHROPIC.decode_response(&Bytes::from(body)).unwrap() {
            gatewright_model::Output::Chat(chat) => chat.choices[0].finish.clone(),
            _ => None,
        }
    };
    assert_eq!(finish("\"end_turn\"", "null"), Some(FinishReason::Stop));
    assert_eq!(finish("\"max_tokens\"", "null"), Some(FinishReason::Length));
    assert_eq!(finish("\"stop_sequence\"", "\"X\""), Some(FinishReason::StopSequence(Some("X".into()))));
    assert_eq!(finish("\"refusal\"", "null"), Some(FinishReason::ContentFilter));
    assert_eq!(finish("\"pause_turn\"", "null"), Some(FinishReason::Other("pause_turn".into())));
    assert_eq!(finish("null", "null"), None);
    assert_eq!(Block::text("x").as_text(), "x");
}
