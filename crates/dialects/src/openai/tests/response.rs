use crate::{
    OPENAI,
    tests::{answer, answer_json, response},
};
use bytes::Bytes;
use gatewright_model::{
    Block, ChatResponse, Codec, Content, Dialect, Extra, FinishReason, Message, Output, Raw, Response, Role, Usage,
};
use serde_json::json;

const FULL: &str = r#"{ "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "gpt-4o-2024",
  "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "The key is sk-1.", "refusal": null, "annotations": [],
       "reasoning_content": "Hm.", "reasoning_details": [{"text": "Hm."}]},
     "logprobs": {"content": [{"token": "sk-1"}]}, "finish_reason": "stop", "future": 1},
    {"index": 1, "message": {"role": "assistant", "content": null, "tool_calls": [
       {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]},
     "logprobs": null, "finish_reason": "function_call"} ],
  "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "future": 2,
    "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}},
  "system_fingerprint": "fp_1", "service_tier": "default" }"#;

const USAGE: Usage =
    Usage { input_tokens: 10, output_tokens: 5, cache_read_tokens: 4, cache_write_tokens: 0, reasoning_tokens: 3 };

fn edited(edit: impl FnOnce(&mut gatewright_model::ChatResponse)) -> String {
    let mut response = response(Dialect::OpenAi, FULL);
    edit(response.chat_mut().unwrap());
    answer(Dialect::OpenAi, &response).0
}

#[test]
fn decodes_everything() {
    let response = response(Dialect::OpenAi, FULL);
    let chat = response.chat().unwrap();
    assert_eq!(
        (&*chat.id, &*chat.model, chat.created, chat.usage),
        ("chatcmpl-1", "gpt-4o-2024", Some(1_700_000_000), Some(USAGE))
    );
    let first = &chat.choices[0];
    let texts: Vec<_> = first.message.blocks().iter().map(Block::as_text).collect();
    assert_eq!((texts, &first.finish), (vec!["Hm.", "The key is sk-1."], &Some(FinishReason::Stop)));
    assert_eq!(chat.choices[1].finish, Some(FinishReason::ToolUse));
    assert_eq!(
        chat.extra.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["object", "system_fingerprint", "service_tier"]
    );
}

#[test]
fn usage_is_found_without_parsing_the_rest() {
    assert_eq!(OPENAI.scan_usage(FULL.as_bytes()), Some(USAGE));
    assert_eq!(
        OPENAI.scan_usage(br#"{"choices":[{"broken":tru}],"usage":{"prompt_tokens":1}}"#).unwrap().input_tokens,
        1
    );
    for body in ["{}", r#"{"usage":null}"#, "<html>", r#"{"usage":{"prompt_tokens":"x"}}"#] {
        assert_eq!(OPENAI.scan_usage(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn unedited_is_byte_for_byte() {
    assert_eq!(answer(Dialect::OpenAi, &response(Dialect::OpenAi, FULL)), (FULL.to_owned(), vec![]));
    // Also what is not JSON at all.
    assert_eq!(answer(Dialect::OpenAi, &response(Dialect::OpenAi, "<html>")).0, "<html>");
}

#[test]
fn extra_fields_are_put_at_the_end() {
    let mut response = response(Dialect::OpenAi, FULL);
    response.extra_fields.insert("latency".into(), json!(7));
    let (out, _) = answer(Dialect::OpenAi, &response);
    assert_eq!(out, FULL.replace("\"default\" }", "\"default\",\"extra_fields\":{\"latency\":7} }"));
    response.chat_mut().unwrap();
    let (out, _) = answer_json(Dialect::OpenAi, &response);
    assert_eq!(out["extra_fields"], json!({"latency": 7}));
}

#[test]
fn an_edited_choice_leaves_the_others_as_they_were() {
    let out = edited(|chat| {
        for block in chat.choices[0].message.blocks_mut() {
            block.map_texts(&mut |text| Some(text.replace("sk-1", "***")));
        }
    });
    let (_, second) = FULL.split_once("future\": 1},\n    ").unwrap();
    let (second, _) = second.split_once(" ],\n  \"usage\"").unwrap();
    assert!(out.contains(second), "{out}");
    let usage = FULL.split_once("\"usage\": ").unwrap().1.split_once(",\n  \"system").unwrap().0;
    assert!(out.contains(usage) && !out.contains("sk-1"), "{out}");
    assert!(out.contains(r#""message":{"role":"assistant","content":"The key is ***.","refusal":null,"reasoning_content":"Hm.","annotations":[],"reasoning_details":[{"text": "Hm."}]},"logprobs":null,"finish_reason":"stop","future":1"#), "{out}");
}

#[test]
fn edited_reasoning_takes_its_repetition_along() {
    let out = edited(|chat| {
        let thought = &mut chat.choices[0].message.blocks_mut()[0];
        thought.map_texts(&mut |_| Some("***".into()));
    });
    assert!(out.contains("\"reasoning_content\":\"***\"") && !out.contains("Hm."), "{out}");
}

#[test]
fn reasoning_under_both_names_is_edited_under_both() {
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning":"a b","reasoning_content":"a b"}}]}"#;
    let mut response = response(Dialect::OpenAi, body);
    let chat = response.chat_mut().unwrap();
    assert_eq!(chat.choices[0].message.blocks().len(), 2);
    chat.choices[0].message.blocks_mut()[0].map_texts(&mut |_| Some("***".into()));
    let (out, _) = answer_json(Dialect::OpenAi, &response);
    let message = &out["choices"][0]["message"];
    assert_eq!((&message["reasoning"], &message["reasoning_content"]), (&json!("***"), &json!("***")));
}

#[test]
fn members_are_patched() {
    let out = edited(|chat| {
        chat.choices[1].finish = Some(FinishReason::Length);
        chat.model = "other".into();
        chat.usage = None;
        chat.extra.retain(|(name, _)| &**name != "service_tier");
    });
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["model"], &json["choices"][1]["finish_reason"]), (&json!("other"), &json!("length")));
    assert!(
        json.get("usage").is_none() && json.get("service_tier").is_none() && json.get("system_fingerprint").is_some()
    );
    assert!(out.contains(r#"{"content": [{"token": "sk-1"}]}"#), "the untouched choice keeps its bytes");
}

#[test]
fn choices_can_be_added_and_taken_out() {
    let out = edited(|chat| {
        chat.choices.remove(0);
        let mut choice = chat.choices[0].clone();
        choice.index = 2;
        choice.message = Message::new(
            Role::Assistant,
            vec![Block::text("a"), Block::text("b"), Content::Refusal("no".into()).into()],
        );
        chat.choices.push(choice);
    });
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["choices"].as_array().unwrap().len(), 2);
    let message = json!({"role": "assistant", "content": "ab", "refusal": "no"});
    assert_eq!(json["choices"][1]["message"], message);
}

#[test]
fn a_response_made_here_is_written_whole() {
    let response = Response::of_text("plugin", "gpt", "Hi");
    let (out, dropped) = answer_json(Dialect::OpenAi, &response);
    assert!(out["id"].as_str().unwrap().starts_with("chatcmpl-") && out["created"].as_u64().unwrap() > 0);
    assert_eq!((&out["object"], &out["model"]), (&json!("chat.completion"), &json!("gpt")));
    let choice = json!([{"index": 0, "message": {"role": "assistant", "content": "Hi", "refusal": null}, "finish_reason": "stop"}]);
    assert_eq!((&out["choices"], dropped), (&choice, vec![]));
}

#[test]
fn refuses_what_is_no_conversation() {
    let error =
        |body: &'static str| OPENAI.decode_response(&Bytes::from_static(body.as_bytes())).unwrap_err().to_string();
    assert_eq!(error("{}"), "`choices` is missing");
    assert_eq!(error(r#"{"choices":[{}]}"#), "`choices[0].message` is missing");
    assert!(error("<html>").starts_with("the body is not valid JSON"));
    let other = Response::from_output(gatewright_model::Kind::Text, "p", "m", Output::Text(Default::default()));
    assert!(OPENAI.encode_response(&other).is_err());
}

#[test]
fn what_is_said_aloud_is_a_text() {
    let body = r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,
        "audio":{"id":"audio_1","data":"UklGRg==","expires_at":7,"transcript":"The key is sk-1."}},"finish_reason":"stop"}]}"#;
    let mut response = response(Dialect::OpenAi, body);
    let message = &response.chat().unwrap().choices[0].message;
    assert_eq!((message.joined_text(), message.extra().len()), ("The key is sk-1.".to_owned(), 0));
    assert_eq!(answer(Dialect::OpenAi, &response).0, body);
    response.chat_mut().unwrap().choices[0].message.blocks_mut();
    let kept = json!({"id": "audio_1", "data": "UklGRg==", "expires_at": 7, "transcript": "The key is sk-1."});
    let said = |response: &Response| answer_json(Dialect::OpenAi, response).0["choices"][0]["message"].clone();
    assert_eq!((&said(&response)["audio"], &said(&response)["content"]), (&kept, &json!(null)));
    // The sound does not outlive the words.
    response.chat_mut().unwrap().choices[0].message.blocks_mut()[0].map_texts(&mut |_| Some("***".into()));
    let edited = json!({"id": "audio_1", "data": "", "expires_at": 7, "transcript": "***"});
    assert_eq!((&said(&response)["audio"], &said(&response)["content"]), (&edited, &json!(null)));
    response.chat_mut().unwrap().choices[0].message.blocks_mut().clear();
    assert!(said(&response).get("audio").is_none());
}

#[test]
fn thoughts_in_an_unknown_form_are_texts() {
    let body = r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a",
        "reasoning_details":[{"type":"reasoning.text","text":"sk-1"}]},"finish_reason":"stop"}]}"#;
    let mut response = response(Dialect::OpenAi, body);
    assert!(response.map_texts(|text| text.contains("sk-1").then(|| "***".to_owned())));
    let said = answer_json(Dialect::OpenAi, &response).0["choices"][0]["message"].clone();
    assert_eq!(said["reasoning_details"], json!([{ "type": "reasoning.text", "text": "***" }]));
}

#[test]
fn thoughts_that_a_proxy_repeats_are_texts_and_do_not_outlive_an_edit() {
    let body = r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a","reasoning_content":"sk-1",
        "thinking_blocks":[{"type":"thinking","thinking":"sk-1"}],"provider_specific_fields":{"thinking_blocks":[{"thinking":"sk-1"}]}},"finish_reason":"stop"}]}"#;
    let mut seen = 0;
    let of_body = response(Dialect::OpenAi, body);
    of_body.chat().unwrap().choices[0].message.texts(&mut |text| seen += usize::from(text == "sk-1"));
    assert_eq!((seen, answer(Dialect::OpenAi, &of_body).0), (3, body.to_owned()));
    // Of whoever edits all texts, and of whoever knows blocks alone.
    let mut all = response(Dialect::OpenAi, body);
    assert!(all.map_texts(|text| text.contains("sk-1").then(|| "***".to_owned())));
    let mut block = response(Dialect::OpenAi, body);
    block.chat_mut().unwrap().choices[0].message.blocks_mut()[0].map_texts(&mut |_| Some("***".into()));
    for edited in [all, block] {
        let said = answer_json(Dialect::OpenAi, &edited).0["choices"][0]["message"].clone();
        assert_eq!(
            (said["reasoning_content"].as_str(), said.to_string().contains("sk-1")),
            (Some("***"), false),
            "{said}"
        );
    }
    let mut kept = response(Dialect::OpenAi, body.replace(r#""reasoning_content":"sk-1","#, ""));
    assert!(kept.map_texts(|text| text.contains("sk-1").then(|| "***".to_owned())));
    let said = answer_json(Dialect::OpenAi, &kept).0["choices"][0]["message"].clone();
    assert_eq!(said["thinking_blocks"], json!([{"type": "thinking", "thinking": "***"}]));
    assert_eq!(said["provider_specific_fields"], json!({"thinking_blocks": [{"thinking": "***"}]}));
}

#[test]
fn sources_are_texts_and_what_a_choice_repeats_does_not_outlive_an_edit() {
    let body = r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"The key is sk-1.",
        "annotations":[{"type":"url_citation","url_citation":{"url":"https://a.test","title":"sk-1","start_index":0}}]},
        "provider_specific_fields":{"text":"The key is sk-1."},"finish_reason":"stop"}]}"#;
    let mut response = response(Dialect::OpenAi, body);
    assert!(response.map_texts(|text| text.contains("sk-1").then(|| text.replace("sk-1", "***"))));
    let choice = answer_json(Dialect::OpenAi, &response).0["choices"][0].clone();
    let annotation =
        json!({"type": "url_citation", "url_citation": {"url": "https://a.test", "title": "***", "start_index": 0}});
    let message =
        json!({"role": "assistant", "content": "The key is ***.", "refusal": null, "annotations": [annotation]});
    assert_eq!((&choice["message"], &choice["provider_specific_fields"]), (&message, &json!(null)));
}

#[test]
fn the_signature_over_a_call_survives_an_edit() {
    let call = r#"{"extra_content":{"google":{"thought_signature":"c2ln+/=="}},"function":{"arguments":"{}","name":"f"},"id":"c1","type":"function"}"#;
    let body = format!(
        r#"{{"id":"c","model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"a","tool_calls":[{call}]}},"finish_reason":"stop"}}]}}"#
    );
    let mut response = response(Dialect::OpenAi, body);
    assert!(response.map_texts(|text| (text == "{}").then(|| "{\"a\":1}".to_owned())));
    let said = answer_json(Dialect::OpenAi, &response).0["choices"][0]["message"]["tool_calls"][0].clone();
    let signature = json!({"google": {"thought_signature": "c2ln+/=="}});
    assert_eq!((&said["extra_content"], &said["function"]["arguments"]), (&signature, &json!("{\"a\":1}")));
}

#[test]
fn no_extra_member_stands_for_what_guards_saw() {
    let evil = |names: &[&str]| -> Extra {
        names.iter().map(|name| (Box::from(*name), Raw::from_value(&json!("sk-1")))).collect()
    };
    let chat = |response: &mut Response| {
        let chat = response.chat_mut().unwrap();
        chat.extra.extend(evil(&["choices", "Choices", "more"]));
        let choice = &mut chat.choices[0];
        choice.extra.extend(evil(&["message", "more"]));
        let message = Message::new(Role::Assistant, choice.message.blocks().to_vec());
        choice.message = message.with_extra(evil(&["content", "CONTENT", "more"]));
    };
    let body =
        r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"b"},"finish_reason":"stop"}]}"#;
    let mut came = response(Dialect::OpenAi, body);
    let read = ChatResponse::clone(came.chat_mut().unwrap());
    let mut made = Response::from_output(gatewright_model::Kind::Chat, "p", "m", Output::Chat(read));
    for response in [&mut came, &mut made] {
        chat(response);
        let out = answer(Dialect::OpenAi, response).0;
        assert_eq!((out.matches("sk-1").count(), out.matches("more").count()), (3, 3), "{out}");
    }
}
