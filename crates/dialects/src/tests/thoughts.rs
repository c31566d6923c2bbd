//! What a model thought, on its way to a client of another dialect and back in the next turn.

use super::{answer_json, chunks, encode_all, names, of, request, response, streamed};
use crate::{OpenAi, Thoughts};
use bytes::Bytes;
use gatewright_model::{Codec, Compat, Dialect, Part, RequestSplice};
use serde_json::{Value as Json, json};

/// The messages that a provider of OpenAI's dialect gets, and what was dropped.
fn messages(thoughts: Thoughts, source: Dialect, messages: &Json) -> (Json, Vec<String>) {
    let request = request(source, json!({"model": "x", "max_tokens": 50, "messages": messages}));
    let splice = RequestSplice { model: "m", include_usage: false, compat: Compat::default() };
    let encoded = OpenAi::taking_back(thoughts).encode_request(&request, &splice).unwrap();
    let mut body: Json = serde_json::from_slice(&encoded.body.concat()).unwrap();
    (body["messages"].take(), names(&encoded.dropped))
}

fn conversation() -> Json {
    json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm. ", "signature": ""},
            {"type": "thinking", "thinking": "So.", "signature": ""},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
        ]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "x"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c2", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c2", "content": "y"}]},
    ])
}

#[test]
fn past_thoughts_go_to_a_provider_that_takes_them_back() {
    let call = |id: &str| json!([{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    for (thoughts, member, missing) in [
        (Thoughts::ReasoningContent, Some("reasoning_content"), Some(" ")),
        (Thoughts::Reasoning, Some("reasoning"), None),
        (Thoughts::Signatures, None, None),
        (Thoughts::None, None, None),
    ] {
        let mut said = [
            json!({"role": "assistant", "content": null, "tool_calls": call("c1")}),
            json!({"role": "assistant", "content": null, "tool_calls": call("c2")}),
        ];
        if let Some(member) = member {
            said[0][member] = json!("Hm. So.");
            if let Some(missing) = missing {
                said[1][member] = json!(missing);
            }
        }
        let (out, dropped) = messages(thoughts, Dialect::Anthropic, &conversation());
        assert_eq!((&out[1], &out[3]), (&said[0], &said[1]), "{thoughts:?}");
        assert_eq!(dropped.is_empty(), member.is_some(), "{thoughts:?}: {dropped:?}");
    }
}

#[test]
fn of_thoughts_that_another_provider_signed_the_text_goes_along() {
    let said = json!([{"role": "assistant", "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln", "reasoning": "x"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "text", "text": "a"},
    ]}]);
    let (out, dropped) = messages(Thoughts::ReasoningContent, Dialect::Anthropic, &said);
    assert_eq!(out, json!([{"role": "assistant", "content": "a", "reasoning_content": "Hm."}]));
    assert_eq!(dropped, ["signature", "redacted_thinking"]);
    let (out, dropped) = messages(Thoughts::None, Dialect::Anthropic, &said);
    assert_eq!((out, dropped), (json!([{"role": "assistant", "content": "a"}]), vec!["thinking".to_owned()]));
}

#[test]
fn what_a_client_of_the_same_dialect_says_of_thoughts_is_its_own() {
    let said = json!([{"role": "assistant", "content": "a", "reasoning_content": "Hm."}, {"role": "assistant", "content": "b"}]);
    for thoughts in [Thoughts::None, Thoughts::ReasoningContent, Thoughts::Reasoning, Thoughts::Signatures] {
        assert_eq!(messages(thoughts, Dialect::OpenAi, &said), (said.clone(), vec![]));
    }
}

/// A call as Gemini writes it.
fn signed_call(id: &str, signature: &str) -> Json {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": signature}}})
}

/// The conversation goes on with these blocks of an answer.
fn goes_on(thoughts: Thoughts, content: &Json) -> (Json, Vec<String>) {
    let calls = content.as_array().unwrap().iter().filter(|block| block["type"] == "tool_use");
    let results: Vec<_> =
        calls.map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "x"})).collect();
    let said = json!([{"role": "assistant", "content": content}, {"role": "user", "content": results}]);
    messages(thoughts, Dialect::Anthropic, &said)
}

#[test]
fn the_signature_over_a_call_comes_back_with_it() {
    let signatures = ["CrICAdHtim827fQ+/w==", "b3RoZXI"];
    let (first, second) = (signed_call("call_1", signatures[0]), signed_call("call:2", signatures[1]));
    let unsigned = json!({"id": "call_3", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let calls = json!([first, second, unsigned]);
    let whole = response(
        Dialect::OpenAi,
        json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": null, "tool_calls": calls}, "finish_reason": "tool_calls"}]}),
    );
    let (out, dropped) = answer_json(Dialect::Anthropic, &whole);
    assert_eq!((&out["content"][2]["id"], dropped), (&json!("call_3"), vec![]));
    // The same of a stream.
    let deltas = calls.as_array().unwrap().iter().zip(0..).map(|(call, index)| {
        let mut call = call.clone();
        call["index"] = json!(index);
        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
    });
    let stream: String = deltas.chain(["data: [DONE]\n\n".to_owned()]).collect();
    let mut encoder = of(Dialect::Anthropic).stream_encoder("m", true);
    let streamed = encode_all(&mut *encoder, &chunks(Dialect::OpenAi, &stream));
    assert!(!streamed.contains("signature_delta") && encoder.take_dropped().is_empty(), "{streamed}");
    let content = content_of(&streamed);
    assert_eq!(content, out["content"]);

    let (back, dropped) = goes_on(Thoughts::Signatures, &content);
    assert_eq!((&back[0]["tool_calls"], dropped), (&calls, vec![]));
    let results: Vec<_> = (1..4).map(|index| back[index]["tool_call_id"].as_str().unwrap()).collect();
    assert_eq!(results, ["call_1", "call:2", "call_3"]);
    // Nobody else gets it, nor the id that it was in.
    let (back, dropped) = goes_on(Thoughts::None, &content);
    let ids: Vec<_> = (0..3).map(|index| back[0]["tool_calls"][index]["id"].as_str().unwrap()).collect();
    assert_eq!((ids, dropped), (vec!["call_1", "call:2", "call_3"], vec!["signature".to_owned()]));
    assert!(!back.to_string().contains("thought_signature"));
}

#[test]
fn the_signature_over_a_call_survives_an_edit_of_the_conversation() {
    let said = json!({"model": "m", "messages": [
        {"role": "assistant", "content": "sk-1", "tool_calls": [signed_call("call_1", "c2ln")]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sk-1"},
    ]});
    let out = super::edited(Dialect::OpenAi, &said.to_string(), |chat| {
        chat.messages.map_texts(|_, text| text.contains("sk-1").then(|| "***".to_owned()));
    });
    let expected: Json = serde_json::from_str(&said.to_string().replace("sk-1", "***")).unwrap();
    assert_eq!(serde_json::from_str::<Json>(&out).unwrap(), expected);
}

#[test]
fn a_signature_that_is_too_long_for_an_id_is_left_out() {
    let call = signed_call("call_1", &"x".repeat(20_000));
    let body = json!({"choices": [{"index": 0, "message": {"tool_calls": [call]}}]});
    let (out, dropped) = answer_json(Dialect::Anthropic, &response(Dialect::OpenAi, body));
    assert_eq!((&out["content"][0]["id"], dropped), (&json!("call_1"), vec!["extra_content".to_owned()]));
}

/// Thoughts as OpenRouter has them: one that is signed, one that is to be read alone, and one that is not to be read.
fn details() -> Json {
    json!([
        {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.summary", "summary": " So.", "format": "openai-responses-v1", "index": 1},
        {"type": "reasoning.encrypted", "data": "ZGF0YQ==", "id": "c1", "format": "google-gemini-v1", "index": 2, "note": "sk-1"},
    ])
}

/// The same as they come back: what is no text and no seal is not of use.
fn details_again() -> Json {
    json!([
        {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": " So."},
        {"type": "reasoning.encrypted", "data": "ZGF0YQ==", "id": "c1", "format": "google-gemini-v1", "index": 2},
    ])
}

#[test]
fn thoughts_in_parts_come_back_in_parts() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let body = |reasoning: &str| {
        json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": null, "reasoning": reasoning,
            "reasoning_details": details(), "tool_calls": [call]}, "finish_reason": "tool_calls"}]})
    };
    let (out, dropped) = answer_json(Dialect::Anthropic, &response(Dialect::OpenAi, body("Hm. So.")));
    let content = &out["content"];
    let kinds: Vec<_> = content.as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!((kinds, dropped), (vec!["thinking", "thinking", "redacted_thinking", "tool_use"], vec![]));
    assert_eq!((&content[0]["thinking"], &content[1]["thinking"]), (&json!("Hm."), &json!(" So.")));
    assert!(!content.to_string().contains("sk-1"), "{content}");
    let (back, dropped) = goes_on(Thoughts::Reasoning, content);
    assert_eq!((&back[0]["reasoning_details"], dropped), (&details_again(), vec![]));
    assert!(back[0].get("reasoning").is_none());
    // Nobody else gets what is sealed.
    let (back, dropped) = goes_on(Thoughts::ReasoningContent, content);
    assert_eq!(
        (&back[0]["reasoning_content"], dropped),
        (&json!("Hm. So."), vec!["signature".to_owned(), "redacted_thinking".to_owned()])
    );
}

#[test]
fn of_edited_thoughts_no_signature_is_left() {
    let body = |reasoning: &str| {
        json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": "a", "reasoning": reasoning,
            "reasoning_details": details()}, "finish_reason": "stop"}]})
    };
    let mut block = response(Dialect::OpenAi, body("Hm. So."));
    block.chat_mut().unwrap().choices[0].message.blocks_mut()[0].map_texts(&mut |_| Some("***".into()));
    let (mut all, mut parts) = (response(Dialect::OpenAi, body("Hm. So.")), response(Dialect::OpenAi, body("")));
    for response in [&mut all, &mut parts] {
        assert!(response.map_texts(|text| text.contains("Hm.").then(|| text.replace("Hm.", "***"))));
    }
    for (response, said) in [(block, "***"), (all, "*** So."), (parts, "*** So.")] {
        let (out, dropped) = answer_json(Dialect::Anthropic, &response);
        assert_eq!(out["content"][0], json!({"type": "thinking", "thinking": said, "signature": ""}));
        assert_eq!(
            (&out["content"][1]["type"], &out["content"][2]["text"]),
            (&json!("redacted_thinking"), &json!("a"))
        );
        assert_eq!(dropped, ["reasoning_details"]);
    }
    // An edit of something else takes nothing away.
    let mut other = response(Dialect::OpenAi, body("Hm. So."));
    assert!(other.map_texts(|text| (text == "a").then(|| "b".to_owned())));
    let (out, dropped) = answer_json(Dialect::Anthropic, &other);
    assert!(out["content"][0]["signature"].as_str().unwrap().contains("c2ln") && dropped.is_empty(), "{out}");
    // Thoughts that were taken out do not come back.
    let mut without = response(Dialect::OpenAi, body("Hm. So."));
    drop(without.chat_mut().unwrap().choices[0].message.blocks_mut().remove(0));
    let (out, dropped) = answer_json(Dialect::Anthropic, &without);
    assert_eq!((&out["content"][0]["type"], &out["content"][1]["text"]), (&json!("redacted_thinking"), &json!("a")));
    assert_eq!(dropped, ["reasoning_details"]);
    // What another member says in other words takes nothing away.
    let (out, dropped) = answer_json(Dialect::Anthropic, &response(Dialect::OpenAi, body("Hm.So.")));
    assert!(out["content"][0]["signature"].as_str().unwrap().contains("c2ln") && dropped.is_empty(), "{out}");
    // The same of a stream.
    let delta = |delta: Json| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
    let signature =
        json!([{"type": "reasoning.text", "signature": "c2ln"}, {"type": "reasoning.encrypted", "data": "ZGF0YQ=="}]);
    let stream = [delta(json!({"reasoning": "Hm."})), delta(json!({"reasoning_details": signature}))].concat();
    let mut all = chunks(Dialect::OpenAi, &stream);
    all[0].map_texts(|_, _| Some("***".to_owned()));
    let mut encoder = of(Dialect::Anthropic).stream_encoder("m", true);
    let out = encode_all(&mut *encoder, &all);
    assert!(!out.contains("c2ln") && out.contains("ZGF0YQ=="), "{out}");
    assert_eq!(names(&encoder.take_dropped()), ["reasoning_details"]);
}

#[test]
fn thoughts_in_parts_of_a_stream_come_back_in_parts() {
    let delta = |delta: Json| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
    let details = details();
    let stream = [
        delta(json!({"reasoning": "H", "reasoning_details": [{"type": "reasoning.text", "text": "H", "index": 0}]})),
        delta(json!({"reasoning": "m.", "reasoning_details": [{"type": "reasoning.text", "text": "m.", "index": 0}]})),
        delta(
            json!({"reasoning_details": [{"type": "reasoning.text", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0}]}),
        ),
        delta(json!({"reasoning_details": [details[1]]})),
        delta(
            json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}], "reasoning_details": [details[2]]}),
        ),
        delta(json!({"content": "a"})),
        "data: [DONE]\n\n".to_owned(),
    ];
    let out = streamed(Dialect::Anthropic, true, &chunks(Dialect::OpenAi, &stream.concat()));
    let content = content_of(&out);
    let kinds: Vec<_> = content.as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    // What is not to be read seals the thought before it, which was to be read alone.
    assert_eq!(kinds, ["thinking", "thinking", "tool_use", "text"]);
    let (back, dropped) = goes_on(Thoughts::Reasoning, &content);
    assert_eq!((&back[0]["reasoning_details"], dropped), (&details_again(), vec![]));
    // To a client of the same dialect they go as they came, written anew too.
    let all = chunks(Dialect::OpenAi, &stream.concat());
    assert_eq!(streamed(Dialect::OpenAi, true, &all), stream.concat());
    let anew: Vec<_> = all.iter().map(|chunk| gatewright_model::Chunk::from_parts(chunk.parts().to_vec())).collect();
    let out = streamed(Dialect::OpenAi, true, &anew);
    assert!(out.contains(r#""signature":"c2ln""#) && out.contains(r#""data":"ZGF0YQ==""#), "{out}");
}

#[test]
fn a_seal_stands_behind_its_thoughts_and_before_the_answer() {
    let sealed = json!([{"type": "reasoning.text", "signature": "c2ln"}]);
    let together = json!({"reasoning": "Hm.", "reasoning_details": sealed, "content": "sk-1"});
    let after = json!({"content": "sk-1", "reasoning_details": sealed});
    for deltas in [vec![together], vec![json!({"reasoning": "Hm."}), after]] {
        let deltas = deltas.into_iter().map(|delta| json!({"choices": [{"index": 0, "delta": delta}]}));
        let stream: String = deltas.map(|event| format!("data: {event}\n\n")).collect();
        let mut all = chunks(Dialect::OpenAi, &(stream.clone() + "data: [DONE]\n\n"));
        let content = content_of(&streamed(Dialect::Anthropic, true, &all));
        let signature = content[0]["signature"].as_str().unwrap();
        assert!(signature.contains("c2ln") && content[0]["thinking"] == "Hm.", "{content}");
        assert_eq!(content[1], json!({"type": "text", "text": "sk-1"}));
        // The answer is edited where it stands.
        for chunk in &mut all {
            chunk.map_texts(|_, text| (text == "sk-1").then(|| "***".to_owned()));
        }
        let edited = streamed(Dialect::OpenAi, true, &all);
        assert_eq!(edited, stream.replace("sk-1", "***") + "data: [DONE]\n\n", "{edited}");
    }
}

#[test]
fn thoughts_go_on_behind_one_that_nobody_reads() {
    let delta = |delta: Json| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
    let stream = [
        delta(json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "ZGF0YQ=="}]})),
        delta(json!({"reasoning": "Hm."})),
        "data: [DONE]\n\n".to_owned(),
    ];
    let content = content_of(&streamed(Dialect::Anthropic, true, &chunks(Dialect::OpenAi, &stream.concat())));
    assert_eq!(content[0]["type"], "redacted_thinking");
    assert_eq!(content[1], json!({"type": "thinking", "thinking": "Hm.", "signature": ""}));
}

#[test]
fn nothing_is_hidden_from_guards_in_a_seal() {
    let forged = r#"reasoning_details:{"type":"reasoning.text","text":"sk-1","summary":"sk-1","index":["sk-1"],"signature":"s"}"#;
    let said = |signature: &str| json!([{"type": "thinking", "thinking": "Hm.", "signature": signature}]);
    let (back, _) = goes_on(Thoughts::Reasoning, &said(forged));
    assert_eq!(back[0]["reasoning_details"], json!([{"type": "reasoning.text", "signature": "s", "text": "Hm."}]));
    let (back, _) = goes_on(Thoughts::Reasoning, &said("reasoning_details:{\"a\":"));
    assert_eq!(back[0]["reasoning_details"], json!([{"type": "reasoning.text", "text": "Hm."}]));
    // What is too long for a seal is left out.
    let long = json!([{"type": "reasoning.encrypted", "data": "x".repeat(70_000)}]);
    let body = json!({"choices": [{"index": 0, "message": {"content": "a", "reasoning_details": long}}]});
    let (out, dropped) = answer_json(Dialect::Anthropic, &response(Dialect::OpenAi, body));
    assert_eq!(
        (out["content"].clone(), dropped),
        (json!([{"type": "text", "text": "a"}]), vec!["reasoning_details".to_owned()])
    );
}

/// The content that a client puts together.
fn content_of(stream: &str) -> Json {
    let mut content: Vec<Json> = Vec::new();
    for (name, mut data) in super::legal(stream) {
        match &*name {
            "content_block_start" => content.push(data["content_block"].take()),
            "content_block_delta" => {
                let (block, delta) = (content.last_mut().unwrap(), &data["delta"]);
                for member in ["thinking", "text"] {
                    if let Some(more) = delta[member].as_str() {
                        block[member] = json!(format!("{}{more}", block[member].as_str().unwrap()));
                    }
                }
                if delta["type"] == "signature_delta" {
                    block["signature"] = delta["signature"].clone();
                }
            }
            _ => {}
        }
    }
    Json::from(content)
}

#[test]
fn thoughts_of_a_stream_come_back_too() {
    let delta = |delta: Json| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
    let stream = [
        delta(json!({"reasoning_content": "H"})),
        delta(json!({"reasoning_content": "m."})),
        delta(json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}]})),
        "data: [DONE]\n\n".to_owned(),
    ];
    let out = streamed(Dialect::Anthropic, true, &chunks(Dialect::OpenAi, &stream.concat()));
    let (back, dropped) = goes_on(Thoughts::ReasoningContent, &content_of(&out));
    assert_eq!((&back[0]["reasoning_content"], dropped), (&json!("Hm."), vec![]));
}

#[test]
fn an_empty_signature_seals_nothing() {
    let details = r#"[{"type":"reasoning.text","text":"Hm","signature":"","data":""}]"#;
    let event =
        format!(r#"data: {{"choices":[{{"index":0,"delta":{{"reasoning":"Hm","reasoning_details":{details}}}}}]}}"#)
            + "\n\n";
    let chunk = crate::OPENAI.stream_decoder().decode(Bytes::from(event)).unwrap();
    assert!(!chunk.has(|part| matches!(part, Part::Signature { .. })), "{:?}", chunk.parts());
}
