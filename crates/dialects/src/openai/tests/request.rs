use crate::{
    OPENAI,
    tests::{edited, encode, encode_json, request},
};
use bytes::Bytes;
use gatewright_model::{
    Block, Chat, Codec, Compat, Content, Dialect, ImageSource, MediaSource, Message, Params, Raw, Reasoning, Request,
    RequestSplice, ResponseFormat, Role, Tool, ToolChoice,
};
use serde_json::json;
use std::sync::Arc;

/// A request with about everything in it, spaced oddly so that a rewritten byte shows.
const FULL: &str = r#"{ "model": "openai/gpt-4o",
  "messages": [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "name": "ann", "content": [
      {"type": "text", "text": "What is \u0074his?", "cache_control": {"type": "ephemeral"}},
      {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low", "future": 1}},
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}},
      {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
      {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
      {"type": "hologram", "beam": [1, 2]} ]},
    {"role": "assistant", "content": null, "refusal": null, "reasoning": "I should look.", "tool_calls": [
      {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}, "future": true} ]},
    {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
    {"role": "user", "content": "secret 1 and more"} ],
  "tools": [ {"type": "function", "function": {"name": "look", "description": "Looks.", "strict": true,
     "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}}}},
     {"type": "custom", "custom": {"name": "grep"}} ],
  "tool_choice": {"type": "function", "function": {"name": "look"}}, "parallel_tool_calls": false,
  "max_tokens": 100, "temperature": 0.50, "top_p": 1.0, "stop": "END", "seed": -7, "n": 1, "user": "u1",
  "frequency_penalty": 0.1, "presence_penalty": -0.1, "reasoning_effort": "low",
  "response_format": {"type": "json_schema", "json_schema": {"name": "cat", "schema": {"type": "object"}}},
  "logit_bias": {"50256": -100}, "store": true, "future_member": {"a": [1.50, 1e5]} }"#;

fn full() -> Chat {
    OPENAI.decode_request(&Bytes::from_static(FULL.as_bytes())).unwrap()
}

#[test]
fn decodes_everything() {
    let chat = full();
    let roles: Vec<_> = chat.messages.iter().map(Message::role).collect();
    assert_eq!(roles, [Role::Developer, Role::User, Role::Assistant, Role::Tool, Role::User]);
    let user = chat.messages.get(1).unwrap();
    assert_eq!(user.name(), Some("ann"));
    let contents: Vec<_> = user.blocks().iter().map(|block| &block.content).collect();
    assert_eq!(contents[0], &Content::Text("What is this?".into()));
    assert_eq!(&*user.blocks()[0].extra[0].0, "cache_control");
    let url = ImageSource::Url("https://x.test/a.png".into());
    assert_eq!(contents[1], &Content::Image { source: url, detail: Some("low".into()) });
    let png = ImageSource::Base64 { media_type: "image/png".into(), data: "iVBORw0=".into() };
    assert_eq!(contents[2], &Content::Image { source: png, detail: None });
    assert_eq!(contents[3], &Content::Audio { data: "UklGRg==".into(), format: "wav".into() });
    let pdf = MediaSource::Base64 { media_type: "application/pdf".into(), data: "JVBERi0=".into() };
    assert_eq!(contents[4], &Content::Document { source: pdf, name: Some("a.pdf".into()) });
    assert!(matches!(contents[5], Content::Other(raw) if raw.as_str().contains("beam")));

    let call = chat.messages.get(2).unwrap();
    let thought = Content::Reasoning { text: "I should look.".into(), signature: None, redacted: None };
    assert_eq!(call.blocks()[0].content, thought);
    let looked = Content::ToolUse { id: "call_1".into(), name: "look".into(), arguments: "{\"at\":1}".into() };
    assert_eq!(call.blocks()[1].content, looked);
    let result = Content::ToolResult { id: "call_1".into(), content: vec![Block::text("a cat")], is_error: false };
    assert_eq!(chat.messages.get(3).unwrap().blocks()[0].content, result);

    let params = &chat.params;
    assert_eq!(
        (params.max_tokens, params.temperature, params.top_p, params.seed),
        (Some(100), Some(0.5), Some(1.0), Some(-7))
    );
    assert_eq!((&*params.stop, params.n, params.user.as_deref()), (&["END".to_owned()][..], Some(1), Some("u1")));
    assert_eq!(params.reasoning, Some(Reasoning::Effort("low".into())));
    assert_eq!(params.parallel_tool_calls, Some(false));
    assert!(
        matches!(&params.response_format, Some(ResponseFormat::JsonSchema(raw)) if raw.as_str().starts_with("{\"name\""))
    );
    assert_eq!(chat.tool_choice, Some(ToolChoice::Tool("look".into())));
    assert!(matches!(&chat.tools[0], Tool::Function { name, strict: Some(true), .. } if name == "look"));
    assert!(matches!(&chat.tools[1], Tool::Other(raw) if raw.as_str().contains("grep")));
    let extra: Vec<_> = chat.extra.iter().map(|(name, _)| &**name).collect();
    assert_eq!(extra, ["logit_bias", "store", "future_member"]);
}

#[test]
fn raw_slices_share_the_buffer() {
    let body = Bytes::from_static(FULL.as_bytes());
    let chat = OPENAI.decode_request(&body).unwrap();
    for message in chat.messages.iter() {
        let raw = message.raw(Dialect::OpenAi).unwrap().bytes();
        assert!((body.as_ptr()..body.as_ptr().wrapping_add(body.len())).contains(&raw.as_ptr()));
    }
}

#[test]
fn unedited_is_byte_for_byte() {
    let (out, dropped) = encode(Dialect::OpenAi, &request(Dialect::OpenAi, FULL)).unwrap();
    assert_eq!((out, dropped), (FULL.replace("\"openai/gpt-4o\"", "\"m\""), vec![]));
}

#[test]
fn an_edited_message_leaves_the_others_and_the_members_as_they_were() {
    let out = edited(Dialect::OpenAi, FULL, |chat| {
        chat.messages.map_texts(|_, text| text.contains("secret").then(|| text.replace("secret 1", "[X]")));
    });
    let (head, rest) = FULL.split_once("    {\"role\": \"user\", \"content\": \"secret 1").unwrap();
    for line in head.lines().skip(2).filter(|line| !line.trim().is_empty()) {
        assert!(out.contains(line.trim().trim_end_matches(',')), "{line}");
    }
    let after = rest.split_once("],\n").unwrap().1;
    let members: String = after.split(",\n  ").map(str::trim).collect::<Vec<_>>().join(",");
    for kept in ["\"temperature\":0.50", "\"stop\":\"END\"", "{\"a\": [1.50, 1e5]}", "\"max_tokens\":100"] {
        assert!(out.contains(kept), "{kept} in {out}");
    }
    assert!(members.contains("1e5"));
    assert!(out.contains(r#"{"role":"user","content":"[X] and more"}"#) && !out.contains("secret"));
}

#[test]
fn an_edited_message_keeps_what_the_model_has_no_field_for() {
    let out = edited(Dialect::OpenAi, FULL, |chat| {
        for index in 0..chat.messages.len() {
            chat.messages.get_mut(index).unwrap().blocks_mut();
        }
    });
    let (new, old): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&out).unwrap(), serde_json::from_str(FULL).unwrap());
    // Nothing differs but for a member that said `null`.
    let (mut new, mut old) = (new, old);
    for body in [&mut new, &mut old] {
        body["messages"][2]["refusal"] = json!(null);
    }
    assert_eq!(new["messages"], old["messages"]);
}

#[test]
fn changed_members_are_written_in_place_and_new_ones_at_the_end() {
    let out =
        edited(Dialect::OpenAi, r#"{"temperature":0.5, "model":"x","messages":[ ],"top_p":0.10,"a":{ }}"#, |chat| {
            chat.params.temperature = Some(0.25);
            chat.params.max_tokens = Some(9);
            chat.params.stop = vec!["\n".into()];
            chat.params.reasoning = Some(Reasoning::Off);
            chat.extra.push(("b".into(), Raw::from_value(&json!([1]))));
        });
    assert_eq!(
        out,
        r#"{"temperature":0.25,"model":"m","messages":[ ],"top_p":0.10,"a":{ },"b":[1],"max_completion_tokens":9,"stop":["\n"],"reasoning_effort":"none"}"#
    );
}

#[test]
fn members_are_taken_out() {
    let out = edited(Dialect::OpenAi, FULL, |chat| {
        chat.params = Params { max_tokens: chat.params.max_tokens, ..Params::default() };
        chat.tools = Arc::default();
        chat.tool_choice = None;
        chat.extra.retain(|(name, _)| &**name == "store");
    });
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["model", "messages", "max_tokens", "store"]);
}

#[test]
fn the_name_of_the_token_limit_is_kept() {
    for name in ["max_tokens", "max_completion_tokens"] {
        let body = format!(r#"{{"model":"x","messages":[],"{name}":5}}"#);
        let out = edited(Dialect::OpenAi, &body, |chat| chat.params.max_tokens = Some(6));
        assert_eq!(out, format!(r#"{{"model":"m","messages":[],"{name}":6}}"#));
    }
}

#[test]
fn unchanged_tools_keep_their_bytes() {
    let out = edited(Dialect::OpenAi, FULL, |chat| {
        let tools = Arc::make_mut(&mut chat.tools);
        tools.reverse();
        let schema = Some(Raw::from_value(&json!({"type": "object"})));
        let new = Tool::Function { name: "new".into(), description: None, schema, strict: None, extra: vec![] };
        tools.push(new);
    });
    let tools = out.split_once("\"tools\":").unwrap().1;
    assert!(tools.starts_with(
        r#"[{"type": "custom", "custom": {"name": "grep"}},{"type": "function", "function": {"name": "look""#
    ));
    assert!(tools.contains(r#"{"type":"function","function":{"name":"new","parameters":{"type":"object"}}}]"#));
}

#[test]
fn splices_reach_edited_requests() {
    let body = r#"{"model":"x","fallbacks":["a/b"],"stream":true,"messages":[]}"#;
    let mut request = request(Dialect::OpenAi, body);
    request.chat_mut().unwrap().params.seed = Some(1);
    let splice = RequestSplice { model: "n", include_usage: true, compat: Compat::default() };
    let out = OPENAI.encode_request(&request, &splice).unwrap().body.concat();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"model":"n","stream":true,"messages":[],"stream_options":{"include_usage":true},"seed":1}"#
    );
}

#[test]
fn a_request_without_wire_is_written_whole() {
    let messages = vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hi")];
    let request = Request::from_chat("x", true, Chat { messages: messages.into(), ..Chat::default() });
    let splice = RequestSplice { model: "n", include_usage: true, compat: Compat::default() };
    let out = OPENAI.encode_request(&request, &splice).unwrap().body.concat();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"model":"n","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}"#
    );
}

#[test]
fn functions_of_the_older_kind_are_kept() {
    let body = r#"{"model":"x","messages":[{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"1"}],"functions":[{"name":"f"}]}"#;
    let out = edited(Dialect::OpenAi, body, |chat| {
        let messages = &mut chat.messages;
        messages.map_texts(|_, text| Some(if text == "1" { "2".into() } else { text.to_owned() }));
    });
    let body: serde_json::Value =
        serde_json::from_str(&body.replace("\"1\"", "\"2\"").replace("\"x\"", "\"m\"")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap(), body);
    let (out, dropped) = (encode(Dialect::Anthropic, &request(Dialect::OpenAi, body)), ());
    assert_eq!((out.unwrap_err().param, dropped), ("functions".to_owned(), ()));
}

#[test]
fn custom_tool_calls_are_kept() {
    let body = json!({"model": "m", "messages": [{"role": "assistant", "content": "x", "tool_calls": [
        {"id": "c", "type": "custom", "custom": {"name": "grep", "input": "a b"}}
    ]}]});
    let mut request = request(Dialect::OpenAi, &body);
    request.chat_mut().unwrap().messages.get_mut(0).unwrap().blocks_mut();
    assert_eq!(encode_json(Dialect::OpenAi, &request).0, body);
}

#[test]
fn says_what_is_wrong_and_where() {
    let cases = [
        (r#"[{"content":"x"}]"#, "`messages[0].role` is missing"),
        (r#"[{"role":"king","content":"x"}]"#, "`messages[0].role` must not be `king`"),
        (r#"[{"role":"user","content":7}]"#, "`messages[0].content` must be a string or an array"),
        (r#"[{"role":"user","content":["x"]}]"#, "`messages[0].content[0]` must be an object"),
        (r#"[{"role":"user","content":[{"type":"text"}]}]"#, "`messages[0].content[0].text` is missing"),
        (r#"[{"role":"user","content":[{"text":"x"}]}]"#, "`messages[0].content[0].type` is missing"),
        (
            r#"[{"role":"user","content":[{"type":"image_url","image_url":"u"}]}]"#,
            "`messages[0].content[0].image_url` must be an object",
        ),
        (r#"[{"role":"tool","content":"x"}]"#, "`messages[0].tool_call_id` is missing"),
        (r#"[{"role":"user","content":"a","content":"b"}]"#, "`messages[0].content` stands there twice"),
        (r#"[{"role":"user","content":"a","Content":"b"}]"#, "`messages[0].Content` stands there twice, but for case"),
        (r#"[{"role":"user","Content":"b"}]"#, "`messages[0].Content` must be written `content`"),
        (r#"[{"role":"assistant","Refusal":"b"}]"#, "`messages[0].Refusal` must be written `refusal`"),
        (r#"[{"role":"assistant","Reasoning":"b"}]"#, "`messages[0].Reasoning` must be written `reasoning`"),
        (
            r#"[{"role":"user","content":[{"type":"text","text":"a","Type":"x"}]}]"#,
            "`messages[0].content[0].Type` stands there twice, but for case",
        ),
        (
            r#"[{"role":"assistant","tool_calls":[{"id":"a","function":{"Arguments":"b"}}]}]"#,
            "`messages[0].tool_calls[0].function.Arguments` must be written `arguments`",
        ),
        (r#"[],"Tools":[]"#, "`Tools` must be written `tools`"),
        (r#"[],"Response_format":{"type":"text"}"#, "`Response_format` must be written `response_format`"),
        (r#"[1]"#, "`messages[0]` must be an object"),
        (r#"[],"temperature":"hot""#, "`temperature` must be a number"),
        (r#"[],"stop":[1]"#, "`stop[0]` must be a string"),
        (r#"[],"tools":[{"type":"function"}]"#, "`tools[0].function` is missing"),
        (r#"[],"tool_choice":"maybe""#, "`tool_choice` must be `none`, `auto`, `required` or an object"),
        (r#"[],"response_format":{"type":"json_schema"}"#, "`response_format.json_schema` is missing"),
        (r#"[],"x":{"y":tru}"#, "the body is not valid JSON: expected ident at line 1 column 40"),
    ];
    for (messages, message) in cases {
        let body = format!("{{\"model\":\"m\",\"messages\":{messages}}}");
        let error = OPENAI.decode_request(&Bytes::from(body)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn case_counts_in_names_that_nobody_looks_for() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a","cacheControl":{"Type":1}}]}],
        "tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"name":{},"Name":{}}}}}],
        "metadata":{"Role":"x","role":"y"},"extraBody":{"Messages":1}}"#;
    assert!(OPENAI.decode_request(&Bytes::from_static(body.as_bytes())).is_ok());
}

#[test]
fn arguments_are_read_without_escapes_that_they_can_do_without() {
    let said = |arguments: &str| {
        let call = json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]);
        let body = json!({"model": "m", "messages": [{"role": "assistant", "tool_calls": call}]}).to_string();
        let chat = OPENAI.decode_request(&Bytes::from(body.clone())).unwrap();
        assert_eq!(
            chat.messages.get(0).unwrap().raw(Dialect::OpenAi).map(|raw| body.contains(raw.as_str())),
            Some(true)
        );
        chat.messages.get(0).unwrap().blocks()[0].as_text().to_owned()
    };
    assert_eq!(said(r#"{"q":"\u0069gnore \ud83d\ude00 \u0022"}"#), r#"{"q":"ignore 😀 \u0022"}"#);
    assert_eq!(said(r#"{"q":"http:\/\/x.test\\/"}"#), r#"{"q":"http://x.test\\/"}"#);
    // What is no JSON says what it says.
    assert_eq!(said(r#"{"q":"\u0069gnore"#), r#"{"q":"\u0069gnore"#);
}

#[test]
fn the_words_of_a_call_are_edited_under_each_name_that_they_came_under() {
    for (call, name) in [
        (r#"{"id":"c","type":"custom","custom":{"name":"f","arguments":"sk-1","more":1}}"#, "custom"),
        (r#"{"id":"c","type":"custom","custom":{"name":"f","input":"sk-1","arguments":"sk-1","more":1}}"#, "custom"),
        (r#"{"id":"c","type":"function","function":{"name":"f","input":"sk-1","more":1}}"#, "function"),
    ] {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{call}]}}]}}"#);
        let mut request = request(Dialect::OpenAi, &body);
        assert!(request.map_texts(|_, text| text.contains("sk-1").then(|| "***".to_owned())).unwrap());
        let written = encode_json(Dialect::OpenAi, &request).0;
        let call = &written["messages"][0]["tool_calls"][0][name];
        let said: Vec<_> = ["arguments", "input"].iter().filter_map(|name| call[name].as_str()).collect();
        assert_eq!((said, &call["more"]), (vec!["***"; 2], &json!(1)), "{written}");
    }
}

#[test]
fn what_readers_need_not_agree_on_is_refused() {
    let call = |call: &str| format!(r#""messages":[{{"role":"assistant","tool_calls":[{{"id":"c",{call}}}]}}]"#);
    let custom = call(r#""type":"custom","custom":{"name":"f","arguments":"fine","input":"sk-1"}"#);
    let function = call(r#""type":"function","function":{"name":"f","arguments":"{}","input":"sk-1"}"#);
    for (members, problem) in [
        (&*custom, "`messages[0].tool_calls[0].custom.arguments` must be the same as `input`"),
        (&*function, "`messages[0].tool_calls[0].function.input` must be the same as `arguments`"),
        (
            r#""messages":[],"max_completion_tokens":1,"max_tokens":100000"#,
            "`max_tokens` must be the same as `max_completion_tokens`",
        ),
    ] {
        let body = Bytes::from(format!(r#"{{"model":"m",{members}}}"#));
        assert_eq!(OPENAI.decode_request(&body).unwrap_err().to_string(), problem);
    }
    let same = r#"{"model":"m","messages":[],"max_completion_tokens":1,"max_tokens":1}"#;
    assert_eq!(OPENAI.decode_request(&Bytes::from(same)).unwrap().params.max_tokens, Some(1));
}

#[test]
fn what_no_tree_holds_is_refused_wherever_a_guard_would_read_it() {
    for value in [r#""\ud800""#, "1e999", r#"{"a":1,"a":2}"#] {
        for body in [
            r#""messages":[{"role":"assistant","content":"a","reasoning_details":[{"text":"sk-1","x":X}]}]"#,
            r#""messages":[{"role":"user","content":[{"type":"text","text":"a","context":[X]}]}]"#,
            r#""messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"d":X}}}]"#,
            r#""messages":[],"tools":[{"type":"other","d":X}]"#,
        ] {
            let body = Bytes::from(format!(r#"{{"model":"m",{}}}"#, body.replace('X', value)));
            let error = OPENAI.decode_request(&body).unwrap_err().to_string();
            assert!(error.contains("cannot be read as a whole"), "{error}");
        }
        // Beside the conversation nobody looks for texts.
        let body = Bytes::from(format!(r#"{{"model":"m","messages":[],"x":{value}}}"#));
        assert!(OPENAI.decode_request(&body).is_ok());
    }
}

#[test]
fn what_a_format_says_besides_is_seen() {
    for (format, known) in [
        (r#"{"type":"json_object","schema":{"description":"sk-1"}}"#, true),
        (r#"{"type":"text","schema":"sk-1"}"#, true),
        (r#"{"type":"json_schema","json_schema":{"name":"a"},"schema":"sk-1"}"#, true),
        (r#"{"type":"grammar","grammar":"sk-1"}"#, false),
    ] {
        let body = format!(r#"{{"model":"m","messages":[],"response_format":{format}}}"#);
        let chat = OPENAI.decode_request(&Bytes::from(body)).unwrap();
        assert_eq!(chat.params.response_format.is_some(), known);
        assert!(chat.extra.iter().any(|(name, raw)| &**name == "response_format" && raw.as_str().contains("sk-1")));
        let written = encode_json(Dialect::OpenAi, &Request::from_chat("m", false, chat)).0;
        let named = written.to_string().matches("response_format").count();
        assert_eq!((named, written["response_format"].is_object()), (1, true), "{written}");
    }
}

#[test]
fn no_extra_member_stands_for_another() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"user":"b"}"#;
    let evil = || Raw::from_value(&json!("sk-1"));
    let out = edited(Dialect::OpenAi, body, |chat| {
        for name in ["messages", "Messages", "model", "stream", "tools", "user", "more"] {
            chat.extra.push((name.into(), evil()));
        }
        let message = chat.messages.get_mut(0).unwrap();
        let extra = ["content", "Content", "more"].map(|name| (name.into(), evil())).to_vec();
        *message = Message::new(Role::User, message.blocks().to_vec()).with_extra(extra);
    });
    let expected = r#"{"model":"m","messages":[{"role":"user","content":"a","more":"sk-1"}],"user":"b","more":"sk-1"}"#;
    assert_eq!(out, expected);
}
