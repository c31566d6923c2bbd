//! Requests for a provider of the other dialect.

use super::{edited, encode, encode_json, request, response};
use gatewright_model::{Chat, Compat, Dialect, MaxTokensField, Message, Request, RequestSplice, Role};
use serde_json::{Value as Json, json};

/// An OpenAI request of these members, for Anthropic.
fn to_anthropic(mut members: Json) -> (Json, Vec<String>) {
    members["model"] = json!("claude");
    if members.get("messages").is_none() {
        members["messages"] = json!([{"role": "user", "content": "Hi"}]);
    }
    encode_json(Dialect::Anthropic, &request(Dialect::OpenAi, members))
}

fn to_openai(mut members: Json) -> (Json, Vec<String>) {
    members["model"] = json!("gpt");
    members["max_tokens"] = json!(50);
    if members.get("messages").is_none() {
        members["messages"] = json!([{"role": "user", "content": "Hi"}]);
    }
    encode_json(Dialect::OpenAi, &request(Dialect::Anthropic, members))
}

fn refused(source: Dialect, target: Dialect, mut members: Json) -> (String, String) {
    members["model"] = json!("m");
    members["max_tokens"] = json!(50);
    if members.get("messages").is_none() {
        members["messages"] = json!([]);
    }
    let error = encode(target, &request(source, members)).unwrap_err();
    (error.param.clone(), error.to_string())
}

#[test]
fn a_conversation_for_anthropic() {
    let (out, dropped) = to_anthropic(json!({
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "And kind."}]},
            {"role": "user", "name": "ann", "content": "What is this?"},
            {"role": "user", "content": [
                {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
            ]},
            {"role": "assistant", "content": "", "reasoning_content": "Hm.", "annotations": [], "tool_calls": [
                {"id": "functions.look:0", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}},
                {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "functions.look:0", "content": "a cat"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "noon"}]},
            {"role": "user", "content": "Thanks"},
            {"role": "system", "content": "New rules."},
            {"role": "assistant", "content": null, "refusal": "No."},
            {"role": "assistant", "content": ""},
        ],
    }));
    let said = json!({
        "model": "m",
        "system": [
            {"type": "text", "text": "Be brief."}, {"type": "text", "text": "And kind."}, {"type": "text", "text": "New rules."}
        ],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "text", "text": "Look:"},
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}},
                {"type": "document", "title": "a.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
            ]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "functions_look_0", "name": "look", "input": {"at": 1}},
                {"type": "tool_use", "id": "call_2", "name": "now", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "functions_look_0", "content": "a cat"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": "noon"},
                {"type": "text", "text": "Thanks"},
            ]},
            {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
        ],
        "max_tokens": 4096,
    });
    assert_eq!(out, said);
    assert_eq!(dropped, ["name", "cache_control", "detail", "reasoning_content", "messages.role"]);
}

#[test]
fn parameters_for_anthropic() {
    let (out, dropped) = to_anthropic(json!({
        "max_completion_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop": "END", "user": "u1", "n": 1,
        "seed": 7, "frequency_penalty": 0.5, "presence_penalty": 0, "logprobs": true, "top_logprobs": 2, "store": false,
        "logit_bias": {"1": 2}, "stream": true, "stream_options": {"include_usage": true}, "fallbacks": ["a/b"],
        "response_format": {"type": "json_schema", "json_schema": {"name": "cat", "strict": true, "schema": {"type": "object"}}},
        "metadata": {"a": "b"}, "service_tier": "auto", "verbosity": null,
    }));
    let said = json!({
        "model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100, "temperature": 0.5,
        "stop_sequences": ["END"], "metadata": {"user_id": "u1"}, "stream": true,
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    });
    assert_eq!(out, said);
    assert_eq!(
        dropped,
        ["logprobs", "top_logprobs", "logit_bias", "metadata", "service_tier", "seed", "frequency_penalty", "top_p"]
    );
    let (out, dropped) = to_anthropic(json!({"temperature": 1.5, "response_format": {"type": "text"}}));
    assert_eq!(
        (&out["temperature"], out.get("output_config"), dropped),
        (&json!(1.0), None, vec!["temperature".into()])
    );
}

#[test]
fn tools_for_anthropic() {
    let tools = json!([
        {"type": "function", "function": {"name": "f", "description": "F.", "strict": true,
            "parameters": {"type": "object", "properties": {}}}},
        {"type": "function", "function": {"name": "g", "strict": false, "parameters": {}}},
        {"type": "function", "function": {"name": "h"}},
    ]);
    let (out, dropped) = to_anthropic(json!({"tools": tools}));
    let said = json!([
        {"name": "f", "description": "F.", "input_schema": {"type": "object", "properties": {}}, "strict": true},
        {"name": "g", "input_schema": {"type": "object"}},
        {"name": "h", "input_schema": {"type": "object"}},
    ]);
    assert_eq!((&out["tools"], out.get("tool_choice"), dropped), (&said, None, vec![]));
    let choice = |choice: Json, parallel: Json| {
        to_anthropic(json!({"tools": tools, "tool_choice": choice, "parallel_tool_calls": parallel})).0["tool_choice"]
            .take()
    };
    assert_eq!(choice(json!("auto"), json!(null)), json!({"type": "auto"}));
    assert_eq!(choice(json!("required"), json!(true)), json!({"type": "any"}));
    assert_eq!(choice(json!("none"), json!(false)), json!({"type": "none"}));
    assert_eq!(choice(json!(null), json!(false)), json!({"type": "auto", "disable_parallel_tool_use": true}));
    let one = json!({"type": "function", "function": {"name": "f"}});
    assert_eq!(choice(one, json!(false)), json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true}));
    assert_eq!(to_anthropic(json!({"tool_choice": "auto"})).0.get("tool_choice"), None, "not without tools");
}

#[test]
fn thinking_for_anthropic() {
    let think = |members: Json| {
        let (mut out, dropped) = to_anthropic(members);
        (out["thinking"].take(), out["max_tokens"].take(), dropped)
    };
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    assert_eq!(think(json!({"reasoning_effort": "low"})), (budget(1024), json!(4096), vec![]));
    assert_eq!(think(json!({"reasoning_effort": "minimal", "max_tokens": 1024})), (budget(1024), json!(2048), vec![]));
    assert_eq!(think(json!({"reasoning_effort": "medium", "max_tokens": 100})), (budget(8192), json!(8292), vec![]));
    assert_eq!(think(json!({"reasoning_effort": "high"})), (budget(24576), json!(28672), vec![]));
    assert_eq!(think(json!({"reasoning_effort": "xhigh"})).0, budget(32768));
    assert_eq!(think(json!({"reasoning_effort": "none"})), (json!({"type": "disabled"}), json!(4096), vec![]));
    // What the provider refuses beside thinking.
    let (_, _, dropped) = think(json!({"reasoning_effort": "low", "temperature": 0.5, "top_p": 0.5, "top_k": 5}));
    assert_eq!(dropped, ["top_p", "temperature", "top_k"]);
    let forced = json!({"reasoning_effort": "low", "tool_choice": "required", "tools": []});
    assert_eq!(think(forced), (json!(null), json!(4096), vec!["reasoning_effort".into()]));
    let goes_on = json!({"reasoning_effort": "low", "messages": [
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
    ]});
    assert_eq!(think(goes_on), (json!(null), json!(4096), vec!["reasoning_effort".into()]));
}

#[test]
fn what_anthropic_cannot_say_is_refused() {
    let refused = |members: Json| refused(Dialect::OpenAi, Dialect::Anthropic, members);
    let cases = [
        (json!({"n": 2}), "n"),
        (json!({"response_format": {"type": "json_object"}}), "response_format"),
        (json!({"response_format": {"type": "grammar"}}), "response_format"),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}),
            "response_format.json_schema",
        ),
        (json!({"tools": [{"type": "custom", "custom": {"name": "x"}}]}), "tools"),
        (json!({"tool_choice": {"type": "allowed_tools"}}), "tool_choice"),
        (json!({"audio": {"voice": "x"}}), "audio"),
        (json!({"web_search_options": {"a": 1}}), "web_search_options"),
        (
            json!({"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": [
                {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}]}]}),
            "messages[1].content",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
            "messages[0].content",
        ),
        (json!({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}), "messages[0].content"),
        // A body that its own dialect does not allow.
        (json!({"messages": [{"role": "king"}]}), "messages[0].role"),
    ];
    for (members, param) in cases {
        assert_eq!(refused(members.clone()).0, param, "{members}");
    }
    assert_eq!(
        refused(json!({"n": 2})).1,
        "`n` cannot be sent to a provider that speaks anthropic: it answers with one choice"
    );
}

#[test]
fn a_conversation_for_openai() {
    let (out, dropped) = to_openai(json!({
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "And kind."}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}},
                {"type": "document", "title": "a.pdf", "context": "c",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
                {"type": "document", "title": "notes", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1.50}},
                {"type": "tool_use", "id": "toolu_2", "name": "snap", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": "no cat"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [
                    {"type": "image", "source": {"type": "url", "url": "https://x.test/b.png"}}]},
                {"type": "text", "text": "And now?"},
            ]},
            {"role": "assistant", "content": "A cat."},
        ],
    }));
    let said = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief.\n\nAnd kind."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
                {"type": "text", "text": "notes\n\nwords"},
            ]},
            {"role": "assistant", "content": "Looking.", "tool_calls": [
                {"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1.50}"}},
                {"id": "toolu_2", "type": "function", "function": {"name": "snap", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "no cat"},
            {"role": "tool", "tool_call_id": "toolu_2", "content": "(The result is attached to the next message.)"},
            {"role": "user", "content": [
                {"type": "text", "text": "Attached to tool result 2:"},
                {"type": "image_url", "image_url": {"url": "https://x.test/b.png"}},
                {"type": "text", "text": "And now?"},
            ]},
            {"role": "assistant", "content": "A cat."},
        ],
        "max_completion_tokens": 50,
    });
    // serde_json writes 1.50 as 1.5; the arguments are text.
    let said: Json = serde_json::from_str(&said.to_string().replace("1.50", "1.5")).unwrap();
    assert_eq!(out, said);
    assert_eq!(dropped, ["cache_control", "context", "thinking", "is_error"]);
}

#[test]
fn parameters_for_openai() {
    let (out, dropped) = to_openai(json!({
        "temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["END"], "metadata": {"user_id": "u1"},
        "tools": [{"name": "f", "description": "F.", "type": "custom", "input_schema": {"type": "object"}, "cache_control": {"a": 1}}],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
        "thinking": {"type": "enabled", "budget_tokens": 10000}, "service_tier": "auto",
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    }));
    let said = json!({
        "model": "m", "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "F.", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "max_completion_tokens": 50, "temperature": 0.5, "top_p": 0.9, "stop": ["END"],
        "response_format": {"type": "json_schema", "json_schema": {"name": "response", "schema": {"type": "object"}}},
        "reasoning_effort": "medium", "parallel_tool_calls": false, "user": "u1",
    });
    assert_eq!(out, said);
    assert_eq!(dropped, ["service_tier", "cache_control", "top_k"]);
}

#[test]
fn choices_and_thinking_for_openai() {
    let choice = |choice: Json| to_openai(json!({"tool_choice": choice})).0["tool_choice"].take();
    assert_eq!(choice(json!({"type": "auto"})), json!("auto"));
    assert_eq!(choice(json!({"type": "any"})), json!("required"));
    assert_eq!(choice(json!({"type": "none"})), json!("none"));
    let effort = |thinking: Json, effort: Json| {
        let (mut out, dropped) = to_openai(json!({"thinking": thinking, "output_config": {"effort": effort}}));
        (out["reasoning_effort"].take(), dropped)
    };
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    assert_eq!(effort(budget(1024), json!(null)), (json!("low"), vec![]));
    assert_eq!(effort(budget(8192), json!(null)).0, json!("medium"));
    assert_eq!(effort(budget(24576), json!(null)).0, json!("high"));
    assert_eq!(effort(json!({"type": "adaptive"}), json!("max")).0, json!("xhigh"));
    assert_eq!(effort(json!({"type": "adaptive"}), json!("xhigh")).0, json!("xhigh"));
    assert_eq!(effort(json!({"type": "adaptive"}), json!(null)).0, json!("high"));
    assert_eq!(effort(json!(null), json!("low")).0, json!("low"));
    assert_eq!(effort(json!({"type": "disabled"}), json!(null)), (json!(null), vec!["thinking".into()]));
}

#[test]
fn a_user_that_openai_finds_too_long_is_left_out() {
    let user = |id: String| to_openai(json!({"metadata": {"user_id": id}}));
    let (out, dropped) = user("é".repeat(64));
    assert_eq!((&out["user"], dropped), (&json!("é".repeat(64)), vec![]));
    let (out, dropped) = user("u".repeat(65));
    assert_eq!((out.get("user"), dropped), (None, vec!["metadata.user_id".to_owned()]));
    // What a client of the same dialect wrote is its own.
    let own = json!({"model": "m", "messages": [], "user": "u".repeat(65)}).to_string();
    let edited = edited(Dialect::OpenAi, &own, |chat| chat.params.seed = Some(1));
    assert!(edited.contains(&"u".repeat(65)), "{edited}");
}

#[test]
fn usage_is_asked_for_on_behalf_of_anthropic_clients() {
    let (out, _) = to_openai(json!({"stream": true}));
    assert_eq!((&out["stream"], &out["stream_options"]), (&json!(true), &json!({"include_usage": true})));
    let body = json!({"model": "m", "messages": [], "stream": true});
    let splice = RequestSplice { model: "m", include_usage: true, compat: Compat::default() };
    let out =
        super::of(Dialect::Anthropic).encode_request(&request(Dialect::OpenAi, body), &splice).unwrap().body.concat();
    assert!(!String::from_utf8(out).unwrap().contains("stream_options"));
}

/// Many who speak OpenAI's dialect know an older one than OpenAI itself.
#[test]
fn a_provider_gets_the_members_that_it_knows() {
    let compat = Compat { stream_usage: false, max_tokens_field: MaxTokensField::MaxTokens };
    let splice = RequestSplice { model: "m", include_usage: true, compat };
    let encode = |request: &Request| {
        let body = super::of(Dialect::OpenAi).encode_request(request, &splice).unwrap().body.concat();
        serde_json::from_slice::<Json>(&body).unwrap()
    };
    let messages = json!([{"role": "user", "content": "Hi"}]);
    let asked = json!({"model": "x", "max_tokens": 50, "stream": true, "messages": messages});
    let expected = json!({"model": "m", "max_tokens": 50, "stream": true, "messages": messages});
    assert_eq!(encode(&request(Dialect::Anthropic, &asked)), expected);
    let mut bare = asked.clone();
    bare.as_object_mut().unwrap().remove("max_tokens");
    let mut edited = request(Dialect::OpenAi, &bare);
    edited.chat_mut().unwrap().params.max_tokens = Some(50);
    assert_eq!(encode(&edited), expected);
    // What a client of the same dialect wrote is its own.
    let own = json!({"model": "m", "max_completion_tokens": 50, "stream": true,
        "stream_options": {"include_usage": true}, "messages": messages});
    assert_eq!(encode(&request(Dialect::OpenAi, &own)), own);
}

#[test]
fn what_openai_cannot_say_is_refused() {
    let refused = |members: Json| refused(Dialect::Anthropic, Dialect::OpenAi, members).0;
    let user = |block: Json| json!({"system": "s", "messages": [{"role": "user", "content": "x"}, {"role": "user", "content": [block]}]});
    let cases = [
        (json!({"mcp_servers": [{"url": "x"}]}), "mcp_servers"),
        (json!({"container": "c"}), "container"),
        (json!({"inference_geo": "us"}), "inference_geo"),
        (json!({"tools": [{"type": "web_search_20250305", "name": "w"}]}), "tools"),
        (json!({"tool_choice": {"type": "odd"}}), "tool_choice"),
        (user(json!({"type": "image", "source": {"type": "file", "file_id": "f"}})), "messages[1].content"),
        (user(json!({"type": "document", "source": {"type": "file", "file_id": "f"}})), "messages[1].content"),
        (user(json!({"type": "document", "source": {"type": "url", "url": "u"}})), "messages[1].content"),
        (user(json!({"type": "search_result"})), "messages[1].content"),
    ];
    for (members, param) in cases {
        assert_eq!(refused(members.clone()), param, "{members}");
    }
    assert!(
        encode(
            Dialect::OpenAi,
            &request(Dialect::Anthropic, json!({"model": "m", "max_tokens": 1, "messages": [], "mcp_servers": []}))
        )
        .is_ok()
    );
}

#[test]
fn pictures_in_results_follow_all_the_results() {
    let result = |id: &str| {
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": [
        {"type": "text", "text": id}, {"type": "image", "source": {"type": "url", "url": id}}]}]})
    };
    let (out, _) = to_openai(json!({"messages": [result("a"), result("b"), {"role": "assistant", "content": "x"}]}));
    let roles: Vec<_> =
        out["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["tool", "tool", "user", "assistant"]);
    assert_eq!(out["messages"][2]["content"].as_array().unwrap().len(), 4);
}

#[test]
fn edits_are_translated_too() {
    let mut request =
        request(Dialect::OpenAi, json!({"model": "m", "messages": [{"role": "user", "content": "secret"}]}));
    request.chat_mut().unwrap().messages.map_texts(|_, _| Some("***".into()));
    let (out, _) = encode_json(Dialect::Anthropic, &request);
    assert_eq!(out["messages"], json!([{"role": "user", "content": "***"}]));
}

#[test]
fn what_a_model_answered_goes_back_to_another_provider() {
    let body = json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": null, "refusal": null, "annotations": [1], "reasoning_content": "Hm.",
        "tool_calls": [{"id": "a:1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "index": 0}]
    }}]});
    let answer = response(Dialect::OpenAi, body).chat().unwrap().choices[0].message.clone();
    let messages = vec![Message::text(Role::User, "Hi"), answer];
    let request = Request::from_chat("m", false, Chat { messages: messages.into(), ..Chat::default() });
    let (out, dropped) = encode_json(Dialect::Anthropic, &request);
    let said = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a_1", "name": "f", "input": {}}]},
    ]);
    assert_eq!(
        (&out["messages"], dropped),
        (&said, vec!["annotations".into(), "reasoning_content".into(), "index".into()])
    );

    let body = json!({"content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "text", "text": "x", "citations": [1]}
    ]});
    let answer = response(Dialect::Anthropic, body).chat().unwrap().choices[0].message.clone();
    let request = Request::from_chat("m", false, Chat { messages: vec![answer].into(), ..Chat::default() });
    let (out, _) = encode_json(Dialect::OpenAi, &request);
    assert_eq!(out["messages"], json!([{"role": "assistant", "content": "x"}]));
    let (out, _) = encode_json(Dialect::Anthropic, &request);
    assert_eq!(out["messages"][0]["content"][0]["signature"], "s");
}

/// An object with more members than anybody knows.
fn many(members: &str) -> String {
    let unknown: String = (0..50_000).map(|number| format!(",\"unknown_{number}\":1")).collect();
    format!("{{{members}{unknown}}}")
}

#[test]
fn of_very_many_members_some_are_reported() {
    let body = many(r#""model":"m","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]"#);
    let (out, dropped) = encode_json(Dialect::OpenAi, &request(Dialect::Anthropic, &body));
    assert_eq!((out["model"].as_str(), dropped.len()), (Some("m"), 100));
}

#[test]
fn very_many_members_take_no_time_that_grows_with_each_of_them() {
    let begun = std::time::Instant::now();
    let body = many(r#""model":"m","messages":[{"role":"user","content":"Hi"}]"#);
    let out = edited(Dialect::OpenAi, &body, |chat| {
        chat.messages.map_texts(|_, _| Some("Ho".to_owned()));
    });
    assert_eq!(out, body.replace("\"Hi\"", "\"Ho\""));
    let twice = ",\"x\":1".repeat(50_000);
    let body = format!("{{\"choices\":[]{twice}}}");
    assert_eq!(response(Dialect::OpenAi, &body).chat().unwrap().extra.len(), 1);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
