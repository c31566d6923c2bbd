//! A plugin of two hooks, tested as its author would: what the first sets, the second finds (seed 003:
//! TestStatePersistence).

use gatewright_plugin::model::ErrorKind;
use gatewright_plugin::prelude::*;
use gatewright_testkit::{MockCx, block_on, request, response};
use serde_json::json;

const KEY: &str = "anonymizer_mapping";

/// Puts placeholders in the place of mail addresses, and takes them back in the answer.
struct Anonymizer;

#[plugin]
impl Plugin for Anonymizer {
    fn pre_llm(&self, cx: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        let mut found = Vec::new();
        request.map_texts(|_, text| {
            let words: Vec<String> = text.split(' ').map(|word| replace(word, &mut found)).collect();
            Some(words.join(" ")).filter(|new| new != text)
        })?;
        if !found.is_empty() {
            cx.set(KEY, json!(found))?;
        }
        Ok(PreLlm::Continue)
    }

    fn post_llm(&self, cx: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        let Some(Value::Json(mapping)) = cx.get(KEY) else { return Ok(PostLlm::Continue) };
        let found: Vec<&str> = mapping.as_array().into_iter().flatten().filter_map(|mail| mail.as_str()).collect();
        let restore = |text: &str| {
            let mut text = text.to_owned();
            for (at, mail) in found.iter().enumerate() {
                text = text.replace(&format!("[EMAIL_{at}]"), mail);
            }
            Some(text)
        };
        result.edit().map_texts(restore);
        Ok(PostLlm::Continue)
    }
}

fn replace(word: &str, found: &mut Vec<String>) -> String {
    if !word.contains('@') {
        return word.to_owned();
    }
    found.push(word.to_owned());
    format!("[EMAIL_{}]", found.len() - 1)
}

fn cx() -> MockCx {
    MockCx::new("test-125", "", "", "", "")
}

fn answer(text: &str) -> Draft<LlmResult> {
    Draft::from(LlmResult::Response(response(text).build()))
}

fn text_of(result: &LlmResult) -> Option<String> {
    Some(result.response()?.chat()?.choices.first()?.message.joined_text())
}

#[test]
fn state_persists_from_hook_to_hook() {
    let mut cx = cx();
    let mut asked = Draft::from(request("gpt-4").user("My email is test@example.com").build());
    assert!(matches!(block_on(Anonymizer.pre_llm(&mut cx, &mut asked)), Ok(PreLlm::Continue)));
    assert!(cx.get(KEY).is_some());
    assert!(asked.is_edited());
    assert_eq!(asked.chat().unwrap().messages.get(0).unwrap().joined_text(), "My email is [EMAIL_0]");

    cx.commit();
    let mut result = answer("Your email is [EMAIL_0]");
    assert_eq!(block_on(Anonymizer.post_llm(&mut cx, &mut result)), Ok(PostLlm::Continue));
    assert_eq!(text_of(&result).as_deref(), Some("Your email is test@example.com"));
}

#[test]
fn nothing_to_hide_changes_nothing() {
    let mut cx = cx();
    let mut asked = Draft::from(request("gpt-4").user("Hello").build());
    assert!(matches!(block_on(Anonymizer.pre_llm(&mut cx, &mut asked)), Ok(PreLlm::Continue)));
    assert!(!asked.is_edited() && cx.get(KEY).is_none());
    let mut result = answer("[EMAIL_0]");
    assert_eq!(block_on(Anonymizer.post_llm(&mut cx, &mut result)), Ok(PostLlm::Continue));
    assert_eq!(text_of(&result).as_deref(), Some("[EMAIL_0]"));
}

#[test]
fn what_a_failed_call_wrote_is_given_up() {
    let mut cx = cx();
    cx.set(KEY, json!(["a@b"])).unwrap();
    cx.undo();
    let mut result = Draft::from(LlmResult::Error(LlmError::new(ErrorKind::Timeout, "slow")));
    assert_eq!(block_on(Anonymizer.post_llm(&mut cx, &mut result)), Ok(PostLlm::Continue));
    assert!(!result.is_edited());
}
