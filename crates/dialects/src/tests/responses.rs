//! Responses for a client of the other dialect.

use super::{answer_json, response};
use gatewright_model::Dialect;
use serde_json::{Value as Json, json};

#[test]
fn from_anthropic_to_openai() {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "text", "text": "Look", "citations": [{"cited_text": "x"}]},
            {"type": "text", "text": "ing."},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null, "container": {"id": "c"},
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 5}
    });
    let mut response = response(Dialect::Anthropic, body);
    response.extra_fields.insert("a".into(), json!(1));
    let (mut out, dropped) = answer_json(Dialect::OpenAi, &response);
    assert!(out["created"].take().as_u64().unwrap() > 1_700_000_000);
    let said = json!({
        "id": "msg_1", "object": "chat.completion", "created": null, "model": "claude",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Looking.", "refusal": null, "reasoning_content": "Hm.",
            "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}}]
        }}],
        "usage": {"prompt_tokens": 15, "completion_tokens": 5, "total_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 0}},
        "extra_fields": {"a": 1}
    });
    assert_eq!(out, said);
    assert_eq!(dropped, ["container", "citations", "content.web_search_tool_result", "signature"]);
}

#[test]
fn from_openai_to_anthropic() {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt", "service_tier": "default",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "logprobs": null, "message": {
            "role": "assistant", "content": "Looking.", "refusal": null, "reasoning": "Hm.", "annotations": [{"url": "x"}],
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}},
                {"id": "call_2", "type": "function", "function": {"name": "cut", "arguments": "{\"at\":"}}
            ]
        }}],
        "usage": {"prompt_tokens": 15, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 3}}
    });
    let (out, dropped) = answer_json(Dialect::Anthropic, &response(Dialect::OpenAi, body));
    let said = json!({
        "id": "chatcmpl-1", "type": "message", "role": "assistant", "model": "gpt", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": ""},
            {"type": "text", "text": "Looking."},
            {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": 1}},
            {"type": "tool_use", "id": "call_2", "name": "cut", "input": {"INVALID_JSON": "{\"at\":"}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3, "output_tokens": 5}
    });
    assert_eq!(out, said);
    assert_eq!(dropped, ["annotations"]);
}

#[test]
fn reasons_to_stop() {
    let openai = |word: &str| {
        let body = json!({"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": word}]});
        answer_json(Dialect::Anthropic, &response(Dialect::OpenAi, body)).0["stop_reason"].take()
    };
    for (word, said) in [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("function_call", "tool_use"),
        ("content_filter", "refusal"),
        ("eos", "end_turn"),
    ] {
        assert_eq!(openai(word), said);
    }
    let calls = |word: &str| {
        let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let body = json!({"choices": [{"index": 0, "message": {"tool_calls": [call]}, "finish_reason": word}]});
        answer_json(Dialect::Anthropic, &response(Dialect::OpenAi, body)).0["stop_reason"].take()
    };
    assert_eq!((calls("stop"), calls("length")), (json!("tool_use"), json!("max_tokens")));
    let own =
        json!({"content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}], "stop_reason": "end_turn"});
    let mut own = response(Dialect::Anthropic, own);
    own.chat_mut().unwrap().model = "claude".into();
    assert_eq!(answer_json(Dialect::Anthropic, &own).0["stop_reason"], "end_turn");
    let anthropic = |word: &str| {
        let body = json!({"content": [], "stop_reason": word, "stop_sequence": "X"});
        answer_json(Dialect::OpenAi, &response(Dialect::Anthropic, body)).0["choices"][0]["finish_reason"].take()
    };
    for (word, said) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("model_context_window_exceeded", "length"),
    ] {
        assert_eq!(anthropic(word), said);
    }
    assert_eq!(anthropic("null"), "stop");
    let body: Json = json!({"content": [], "stop_reason": null});
    assert_eq!(
        answer_json(Dialect::OpenAi, &response(Dialect::Anthropic, body)).0["choices"][0]["finish_reason"],
        json!(null)
    );
}

#[test]
fn edits_cross_too() {
    let body = json!({"choices": [{"index": 0, "message": {"content": "secret"}, "finish_reason": "stop"}]});
    let mut response = response(Dialect::OpenAi, body);
    response.chat_mut().unwrap().choices[0].message.blocks_mut()[0].map_texts(&mut |_| Some("***".into()));
    let (out, _) = answer_json(Dialect::Anthropic, &response);
    assert_eq!((&out["content"], &out["model"]), (&json!([{"type": "text", "text": "***"}]), &json!("asked")));
}

#[test]
fn what_is_beside_an_answer_does_not_cost_it() {
    let openai = json!({
        "id": 7, "model": null, "created": 1.5, "choices": [{"index": 0, "message": {"content": "x"}}],
        "usage": {"prompt_tokens": -1, "completion_tokens": 2}
    });
    let out = answer_json(Dialect::Anthropic, &response(Dialect::OpenAi, openai)).0;
    assert_eq!((&out["content"][0]["text"], &out["usage"]["output_tokens"]), (&json!("x"), &json!(0)));
    let anthropic = json!({
        "id": 7, "model": null, "content": [{"type": "text", "text": "x"}], "usage": {"input_tokens": 1.5}
    });
    let out = answer_json(Dialect::OpenAi, &response(Dialect::Anthropic, anthropic)).0;
    assert_eq!((&out["choices"][0]["message"]["content"], out.get("usage")), (&json!("x"), None));
}
