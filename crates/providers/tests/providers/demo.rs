//! The demo, as the engine meets it.

use crate::support::*;
use gatewright_dialects::OPENAI;
use gatewright_dialects::sse::Framer;
use gatewright_engine::{AnswerBody, Provider};
use gatewright_model::{Codec, Content, FinishReason, Part};
use gatewright_providers::{ProviderKind, ProviderSettings};
use std::sync::Arc;

fn demo() -> Arc<dyn Provider> {
    provider(ProviderSettings::new("demo", ProviderKind::Demo))
}

const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["c","f"]},"days":{"type":"integer","minimum":2}},"required":["city"]}}}]"#;

#[tokio::test]
async fn it_quotes_the_user() {
    let demo = demo();
    assert_eq!(demo.models(), ["echo"]);
    let answer = demo.attempt(call(false)).await.unwrap();
    assert!(text(&answer).starts_with("You said: \"Hi\""), "{}", text(&answer));
    let AnswerBody::Whole(response) = answer.body else { panic!("a stream") };
    let usage = response.wire().unwrap().usage().unwrap();
    assert_eq!(usage.input_tokens, 1);
    assert!(usage.output_tokens > 10);
    let answer = demo.attempt(anthropic_call(false)).await.unwrap();
    assert!(text(&answer).starts_with("You said: \"Hi\""), "a request of another dialect, with max_tokens 9");
}

#[tokio::test]
async fn a_stream_says_the_same_word_by_word() {
    let demo = demo();
    let whole = text(&demo.attempt(call(false)).await.unwrap());
    let mut call = call(true);
    call.include_usage = true;
    let (bytes, error) = streamed(demo.attempt(call).await.unwrap()).await;
    assert_eq!(error, None);
    let (mut framer, mut decoder) = (Framer::new(), OPENAI.stream_decoder());
    framer.feed(bytes.into());
    let (mut said, mut texts, mut last) = (String::new(), 0, Vec::new());
    while let Some(event) = framer.next().unwrap() {
        let chunk = decoder.decode(event).unwrap();
        for part in chunk.parts() {
            if let Part::Text { text, .. } = part {
                said.push_str(text);
                texts += 1;
            }
        }
        last.extend(chunk.parts().to_vec());
    }
    assert_eq!(said, whole);
    assert!(texts > 10);
    assert!(last.iter().any(|part| matches!(part, Part::Finish { reason: FinishReason::Stop, .. })));
    assert!(last.iter().any(|part| matches!(part, Part::Usage(usage) if usage.input_tokens == 1)));
    assert_eq!(last.last(), Some(&Part::Done));
}

#[tokio::test]
async fn usage_is_streamed_only_when_asked_for() {
    let (bytes, _) = streamed(demo().attempt(call(true)).await.unwrap()).await;
    assert!(!bytes.contains("usage"));
    let asking = r#"{"model":"echo","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}]}"#;
    let (bytes, _) = streamed(demo().attempt(call_of(asking)).await.unwrap()).await;
    assert!(bytes.contains("usage"));
}

#[tokio::test]
async fn a_tool_that_is_named_is_called() {
    let ask = |content: &str, more: &str| {
        format!(r#"{{"model":"echo","messages":[{{"role":"user","content":"{content}"}}],{TOOLS}{more}}}"#)
    };
    let named = ask("Use get_weather please", "");
    let forced = ask("Hi", r#","tool_choice":"required""#);
    let chosen = ask("Hi", r#","tool_choice":{"type":"function","function":{"name":"get_weather"}}"#);
    for body in [named, forced, chosen] {
        let answer = demo().attempt(call_of(&body)).await.unwrap();
        let AnswerBody::Whole(response) = answer.body else { panic!("a stream") };
        let choice = &response.chat().unwrap().choices[0];
        assert_eq!(choice.finish, Some(FinishReason::ToolUse));
        let Content::ToolUse { name, arguments, .. } = &choice.message.blocks()[0].content else { panic!("no call") };
        assert_eq!(name, "get_weather");
        let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap();
        assert_eq!(arguments, serde_json::json!({ "city": "demo", "unit": "c", "days": 2 }));
    }
    for body in [ask("Hi", ""), ask("Use get_weather", r#","tool_choice":"none""#)] {
        assert!(text(&demo().attempt(call_of(&body)).await.unwrap()).starts_with("You said"));
    }
    let (bytes, _) = streamed(demo().attempt(call_of(&ask("get_weather", r#","stream":true"#))).await.unwrap()).await;
    assert!(bytes.contains("tool_calls") && bytes.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_tools_answer_is_quoted() {
    let body = format!(
        r#"{{"model":"echo",{TOOLS},"messages":[
            {{"role":"user","content":"Use get_weather please"}},
            {{"role":"assistant","content":null,"tool_calls":[{{"id":"c1","type":"function","function":{{"name":"get_weather","arguments":"{{}}"}}}}]}},
            {{"role":"tool","tool_call_id":"c1","content":"22 degrees"}}]}}"#
    );
    assert_eq!(text(&demo().attempt(call_of(&body)).await.unwrap()), "The tool answered: 22 degrees");
}

#[tokio::test]
async fn json_is_answered_where_it_is_asked_for() {
    let ask = |format: &str| {
        let messages = r#"[{"role":"user","content":"Say \"hi\""}]"#;
        format!(r#"{{"model":"echo","messages":{messages},"response_format":{format}}}"#)
    };
    let said = text(&demo().attempt(call_of(&ask(r#"{"type":"json_object"}"#))).await.unwrap());
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["you_said"], "Say \"hi\"");
    let schema = r##"{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"ok":{"type":"boolean"},"tags":{"type":"array","items":{"$ref":"#/$defs/tag"}}},"$defs":{"tag":{"type":["string","null"]}}}}}"##;
    let said = text(&demo().attempt(call_of(&ask(schema))).await.unwrap());
    assert_eq!(said, r#"{"ok":true,"tags":["demo"]}"#);
}

#[tokio::test]
async fn max_tokens_cuts_and_n_repeats() {
    let body = r#"{"model":"echo","max_tokens":2,"n":2,"messages":[{"role":"user","content":"Hi"}]}"#;
    let answer = demo().attempt(call_of(body)).await.unwrap();
    let AnswerBody::Whole(response) = answer.body else { panic!("a stream") };
    let choices = &response.chat().unwrap().choices;
    assert_eq!(choices.len(), 2);
    for choice in choices {
        assert_eq!(choice.message.joined_text(), "You said:");
        assert_eq!(choice.finish, Some(FinishReason::Length));
    }
}
