use crate::{
    ANTHROPIC,
    tests::{edited, encode, encode_json, request},
};
use bytes::Bytes;
use gatewright_model::{
    Block, Chat, Codec, Content, Dialect, ImageSource, MediaSource, Message, Raw, Reasoning, Request, ResponseFormat,
    Role, Tool, ToolChoice,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// A request with about everything in it, spaced oddly so that a rewritten byte shows.
const FULL: &str = r#"{ "model": "anthropic/claude-sonnet-4", "max_tokens": 1024,
  "system": [ {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}} ],
  "messages": [
    {"role": "user", "content": [
      {"type": "text", "text": "What is \u0074his?"},
      {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
      {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0=", "future": 1}},
      {"type": "document", "title": "a.pdf", "citations": {"enabled": true},
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
      {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "the words"}},
      {"type": "document", "source": {"type": "content", "content": []}},
      {"type": "hologram", "beam": [1, 2]} ]},
    {"role": "assistant", "content": [
      {"type": "thinking", "thinking": "I should look.", "signature": "c2ln"},
      {"type": "redacted_thinking", "data": "b3BhcXVl"},
      {"type": "text", "text": "Looking.", "citations": [{"cited_text": "x"}]},
      {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1.50}} ]},
    {"role": "user", "content": [
      {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": [{"type": "text", "text": "no cat"}]},
      {"type": "tool_result", "tool_use_id": "toolu_2"} ]},
    {"role": "user", "content": "secret 1 and more"} ],
  "tools": [ {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
     {"type": "web_search_20250305", "name": "web_search"} ],
  "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
  "temperature": 0.50, "top_p": 0.90, "top_k": 40, "stop_sequences": ["END"],
  "metadata": {"user_id": "u1", "future": 1}, "thinking": {"type": "enabled", "budget_tokens": 1024},
  "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "task_budget": 9},
  "service_tier": "auto", "future_member": {"a": [1.50, 1e5]} }"#;

fn full() -> Chat {
    ANTHROPIC.decode_request(&Bytes::from_static(FULL.as_bytes())).unwrap()
}

#[test]
fn decodes_everything() {
    let chat = full();
    let roles: Vec<_> = chat.messages.iter().map(Message::role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User, Role::User]);
    let blocks = |index: usize| -> Vec<Content> {
        chat.messages.get(index).unwrap().blocks().iter().map(|block| block.content.clone()).collect()
    };
    assert_eq!(blocks(0), [Content::Text("Be brief.".into())]);
    let user = blocks(1);
    assert_eq!(user[0], Content::Text("What is this?".into()));
    assert_eq!(user[1], Content::Image { source: ImageSource::Url("https://x.test/a.png".into()), detail: None });
    let png = ImageSource::Base64 { media_type: "image/png".into(), data: "iVBORw0=".into() };
    assert_eq!(user[2], Content::Image { source: png, detail: None });
    let pdf = MediaSource::Base64 { media_type: "application/pdf".into(), data: "JVBERi0=".into() };
    assert_eq!(user[3], Content::Document { source: pdf, name: Some("a.pdf".into()) });
    assert_eq!(user[4], Content::Document { source: MediaSource::Text("the words".into()), name: None });
    assert!(matches!((&user[5], &user[6]), (Content::Other(_), Content::Other(_))));
    let said = blocks(2);
    let thinking = |text: &str, signature: Option<&str>, redacted: Option<&str>| Content::Reasoning {
        text: text.into(),
        signature: signature.map(str::to_owned),
        redacted: redacted.map(str::to_owned),
    };
    assert_eq!(said[..2], [thinking("I should look.", Some("c2ln"), None), thinking("", None, Some("b3BhcXVl"))]);
    let call = Content::ToolUse { id: "toolu_1".into(), name: "look".into(), arguments: "{\"at\": 1.50}".into() };
    assert_eq!(said[3], call);
    let failed = Content::ToolResult { id: "toolu_1".into(), content: vec![Block::text("no cat")], is_error: true };
    let empty = Content::ToolResult { id: "toolu_2".into(), content: vec![], is_error: false };
    assert_eq!(blocks(3), [failed, empty]);

    let params = &chat.params;
    assert_eq!((params.max_tokens, params.temperature, params.top_k), (Some(1024), Some(0.5), Some(40)));
    assert_eq!((&*params.stop, params.user.as_deref()), (&["END".to_owned()][..], Some("u1")));
    assert_eq!((params.parallel_tool_calls, &params.reasoning), (Some(false), &Some(Reasoning::Budget(1024))));
    let schema =
        ResponseFormat::JsonSchema(Raw::from_value(&json!({"name": "response", "schema": {"type": "object"}})));
    let same = |format: &ResponseFormat| matches!(format, ResponseFormat::JsonSchema(raw) if raw.to_value()["schema"]["type"] == "object");
    assert!(same(params.response_format.as_ref().unwrap()) && same(&schema));
    assert_eq!(chat.tool_choice, Some(ToolChoice::Required));
    assert!(matches!(&chat.tools[0], Tool::Function { name, .. } if name == "look"));
    assert!(matches!(&chat.tools[1], Tool::Other(_)));
    let extra: Vec<_> = chat.extra.iter().map(|(name, _)| &**name).collect();
    assert_eq!(extra, ["service_tier", "future_member", "output_config", "metadata"]);
}

#[test]
fn unedited_is_byte_for_byte() {
    let (out, dropped) = encode(Dialect::Anthropic, &request(Dialect::Anthropic, FULL)).unwrap();
    assert_eq!((out, dropped), (FULL.replace("\"anthropic/claude-sonnet-4\"", "\"m\""), vec![]));
}

#[test]
fn an_edited_message_leaves_the_others_and_the_members_as_they_were() {
    let out = edited(Dialect::Anthropic, FULL, |chat| {
        chat.messages.map_texts(|_, text| text.contains("secret").then(|| text.replace("secret 1", "[X]")));
    });
    let mut rest = &*out;
    // All that was not touched stands there as it did, in its order.
    for kept in [
        r#""max_tokens":1024,"system":[ {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}} ],"messages":["#,
        "{\"role\": \"user\", \"content\": [\n      {\"type\": \"text\", \"text\": \"What is \\u0074his?\"}",
        "{\"type\": \"hologram\", \"beam\": [1, 2]} ]}",
        "\"input\": {\"at\": 1.50}} ]}",
        r#"{"role":"user","content":"[X] and more"}]"#,
        "\"tools\":[ {\"name\": \"look\"",
        "\"temperature\":0.50,\"top_p\":0.90,\"top_k\":40",
        "{\"a\": [1.50, 1e5]}}",
    ] {
        rest = rest.split_once(kept).unwrap_or_else(|| panic!("{kept} in {rest}")).1;
    }
    assert!(!out.contains("secret"));
}

#[test]
fn edited_messages_keep_what_the_model_has_no_field_for() {
    let out = edited(Dialect::Anthropic, FULL, |chat| {
        for index in 0..chat.messages.len() {
            chat.messages.get_mut(index).unwrap().blocks_mut();
        }
    });
    let (mut new, mut old): (Json, Json) = (serde_json::from_str(&out).unwrap(), serde_json::from_str(FULL).unwrap());
    assert_eq!(new["system"], old["system"]);
    // A single text in a tool's result is written as a string.
    for body in [&mut new, &mut old] {
        body["messages"][2]["content"][0]["content"] = json!(null);
    }
    assert_eq!(new["messages"], old["messages"]);
}

#[test]
fn system_is_edited_added_and_taken_out() {
    let body = r#"{"model":"m","max_tokens":5,"system":"a","messages":[{"role":"user","content":"b"}]}"#;
    let out = edited(Dialect::Anthropic, body, |chat| {
        chat.messages.map_texts(|of, text| (of.role == Role::System).then(|| text.to_uppercase()));
    });
    assert_eq!(out, body.replace("\"a\"", "\"A\""));
    let out = edited(Dialect::Anthropic, body, |chat| chat.messages.push(Message::text(Role::Developer, "c")));
    assert_eq!(
        serde_json::from_str::<Json>(&out).unwrap()["system"],
        json!([{"type": "text", "text": "a"}, {"type": "text", "text": "c"}])
    );
    let out = edited(Dialect::Anthropic, body, |chat| chat.messages.retain(|message| message.role() != Role::System));
    assert_eq!(out, r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"b"}]}"#);
    let out = edited(Dialect::Anthropic, &out, |chat| chat.messages.insert(0, Message::text(Role::System, "s")));
    assert_eq!(out, r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"b"}],"system":"s"}"#);
}

#[test]
fn system_messages_among_the_messages_stay_there() {
    let body = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"},{"role":"user","content":"c"}]}"#;
    let out = edited(Dialect::Anthropic, body, |chat| {
        chat.messages.map_texts(|_, text| (text != "c").then(|| text.to_uppercase()));
    });
    assert_eq!(out, body.replace("\"a\"", "\"A\"").replace("\"b\"", "\"B\""));
}

#[test]
fn changed_members_are_written() {
    let out = edited(Dialect::Anthropic, FULL, |chat| {
        chat.params.user = Some("u2".into());
        chat.params.response_format = None;
        chat.params.top_k = None;
        chat.params.stop.push("2".into());
        chat.params.parallel_tool_calls = None;
        chat.params.reasoning = Some(Reasoning::Effort("medium".into()));
        Arc::make_mut(&mut chat.tools).remove(1);
    });
    let json: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(json["metadata"], json!({"user_id": "u2", "future": 1}));
    assert_eq!(json["output_config"], json!({"task_budget": 9, "format": null}));
    assert_eq!(json["stop_sequences"], json!(["END", "2"]));
    // A tool is forced, beside which there must be no thinking.
    assert_eq!((&json["tool_choice"], json.get("thinking"), json.get("top_k")), (&json!({"type": "any"}), None, None));
    assert!(out.contains("\"tools\":[{\"name\": \"look\", \"description\": \"Looks.\""));
}

#[test]
fn thinking_that_adapts_keeps_adapting() {
    let body =
        r#"{"model":"m","max_tokens":5,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"messages":[]}"#;
    let chat = ANTHROPIC.decode_request(&Bytes::from_static(body.as_bytes())).unwrap();
    assert_eq!(chat.params.reasoning, Some(Reasoning::Effort("low".into())));
    let out: Json = serde_json::from_str(&edited(Dialect::Anthropic, body, |chat| {
        chat.params.reasoning = Some(Reasoning::Effort("max".into()));
    }))
    .unwrap();
    assert_eq!((&out["thinking"], &out["output_config"]), (&json!({"type": "adaptive"}), &json!({"effort": "max"})));
}

#[test]
fn a_request_made_here_is_written_whole() {
    let call = Content::ToolUse { id: "a.b:0".into(), name: "f".into(), arguments: "not json".into() };
    let messages = vec![
        Message::text(Role::System, "Be brief."),
        Message::text(Role::User, "Hi"),
        Message::new(Role::Assistant, vec![call.into()]),
        Message::new(
            Role::Tool,
            vec![Content::ToolResult { id: "a.b:0".into(), content: vec![Block::text("1")], is_error: false }.into()],
        ),
    ];
    let request = Request::from_chat("x", true, Chat { messages: messages.into(), ..Chat::default() });
    let (out, dropped) = encode_json(Dialect::Anthropic, &request);
    let said = json!({
        "model": "m", "system": "Be brief.", "max_tokens": 4096, "stream": true, "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a_b_0", "name": "f", "input": {"INVALID_JSON": "not json"}}
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a_b_0", "content": "1"}]},
        ]
    });
    assert_eq!((out, dropped), (said, vec![]));
}

#[test]
fn says_what_is_wrong_and_where() {
    let cases = [
        (r#"[{"role":"king","content":"x"}]"#, "`messages[0].role` must not be `king`"),
        (r#"[{"role":"user"}]"#, "`messages[0].content` is missing"),
        (r#"[{"role":"user","content":[{"type":"text"}]}]"#, "`messages[0].content[0].text` is missing"),
        (
            r#"[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"x"}}]}]"#,
            "`messages[0].content[0].source.media_type` is missing",
        ),
        (
            r#"[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":7}]}]"#,
            "`messages[0].content[0].content` must be a string or an array",
        ),
        (
            r#"[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","Content":"b"}]}]"#,
            "`messages[0].content[0].Content` must be written `content`",
        ),
        (
            r#"[{"role":"user","content":[{"type":"document","source":{"type":"text","mEdia_type":"b","data":"a"}}]}]"#,
            "`messages[0].content[0].source.mEdia_type` must be written `media_type`",
        ),
        (r#"[],"Thinking":{"type":"disabled"}"#, "`Thinking` must be written `thinking`"),
        (r#"[],"System":"b""#, "`System` must be written `system`"),
        (r#"[],"system":7"#, "`system` must be a string or an array"),
        (r#"[],"stop_sequences":"x""#, "`stop_sequences` must be an array"),
        (r#"[],"thinking":{"type":"enabled"}"#, "`thinking.budget_tokens` is missing"),
        (r#"[],"metadata":7"#, "`metadata` must be an object"),
        (r#"[],"tools":[{}]"#, "`tools[0].name` is missing"),
        (r#"[],"tool_choice":{"type":"tool"}"#, "`tool_choice.name` is missing"),
        (r#"[],"output_config":{"format":{"type":"json_schema"}}"#, "`output_config.format.schema` is missing"),
    ];
    for (messages, message) in cases {
        let body = format!("{{\"model\":\"m\",\"max_tokens\":1,\"messages\":{messages}}}");
        let error = ANTHROPIC.decode_request(&Bytes::from(body)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn an_input_is_read_without_escapes_that_it_can_do_without() {
    let body = r#"{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[
        {"type":"tool_use","id":"a","name":"f","input":{"q":"\u0069gnore\nthis\u0000","n":12345678901234567890123}},
        {"type":"text","text":"x"} ]}]}"#;
    let arguments = r#"{"q":"ignore\nthis\u0000","n":12345678901234567890123}"#;
    let chat = ANTHROPIC.decode_request(&Bytes::from_static(body.as_bytes())).unwrap();
    assert_eq!(chat.messages.get(0).unwrap().blocks()[0].as_text(), arguments);
    assert_eq!(edited(Dialect::Anthropic, body, |_| {}), body, "the bytes stay");
    let out = edited(Dialect::Anthropic, body, |chat| {
        chat.messages.map_texts(|_, text| (text == "x").then(|| "y".to_owned()));
    });
    assert!(out.contains(arguments), "{out}");
}

#[test]
fn a_result_in_a_result_is_a_block_that_is_not_known() {
    let nested = r#"{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"sk-1"}]}"#;
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[
        {{"type":"tool_result","tool_use_id":"a","content":[{nested}]}}]}}]}}"#
    );
    let chat = ANTHROPIC.decode_request(&Bytes::from(body.clone())).unwrap();
    let block = &chat.messages.get(0).unwrap().blocks()[0];
    let Content::ToolResult { content, .. } = &block.content else { panic!("{block:?}") };
    assert!(matches!(&content[0].content, Content::Other(raw) if raw.as_str() == nested), "{content:?}");
    let out = edited(Dialect::Anthropic, &body, |chat| {
        chat.messages.map_texts(|_, text| (text == "sk-1").then(|| "***".to_owned()));
    });
    assert!(out.contains("***") && !out.contains("sk-1"), "{out}");
}

#[test]
fn no_extra_member_stands_for_the_system_text() {
    let body = r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}]}"#;
    let add = |chat: &mut Chat| {
        for name in ["system", "System", "stream", "more"] {
            chat.extra.push((name.into(), Raw::from_value(&json!("sk-1"))));
        }
    };
    let out = edited(Dialect::Anthropic, body, add);
    assert_eq!(out, body.replace("]}", r#"],"more":"sk-1"}"#));
    let mut chat = ANTHROPIC.decode_request(&Bytes::from(body)).unwrap();
    add(&mut chat);
    let made = encode_json(Dialect::Anthropic, &Request::from_chat("m", false, chat)).0;
    assert_eq!(made.as_object().unwrap().keys().collect::<Vec<_>>(), ["model", "messages", "max_tokens", "more"]);
}
