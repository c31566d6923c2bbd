//! Conversations that plugins meet.

use super::Sample;
use super::texts::of_texts;
use gatewright_model::{
    Block, Content, ErrorKind, FinishReason, ImageSource, LlmError, MediaSource, Raw, Request, Response, Role,
};
use gatewright_plugin::payload::ToolCall;
use gatewright_testkit::{request, response};
use serde_json::json;

/// Requests.
pub(super) fn requests() -> Vec<Sample<Request>> {
    let of_text = |text: &str| request("gpt-4").provider("openai").system("be brief").user(text).build();
    let arguments = json!({ "q": "x" });
    let tools =
        request("gpt-4").user("look it up").tool_use("call-1", "lookup", &arguments).tool_result("call-1", "42");
    // Models do not always make valid JSON.
    let broken =
        Content::ToolUse { id: "call-2".to_owned(), name: "lookup".to_owned(), arguments: "{\"q\":".to_owned() };
    let rare = [
        ("tools", tools.build()),
        ("tools_broken", request("gpt-4").user("look it up").blocks(Role::Assistant, [broken.into()]).build()),
        ("images", request("gpt-4").blocks(Role::User, media()).build()),
        ("unknown_block", request("gpt-4").blocks(Role::User, [unknown()]).build()),
        ("many_messages", (0..200).fold(request("gpt-4"), |request, _| request.user("more")).build()),
        ("no_blocks", request("gpt-4").blocks(Role::User, []).build()),
        ("streamed", request("gpt-4").user("hello").stream().build()),
    ];
    of_texts(of_text).chain(rare).collect()
}

/// Answers.
pub(super) fn answers() -> Vec<Sample<Response>> {
    let call = Content::ToolUse { id: "call-1".to_owned(), name: "lookup".to_owned(), arguments: "{}".to_owned() };
    let reasoning = Content::Reasoning { text: "hm".to_owned(), signature: Some("s".to_owned()), redacted: None };
    let rare = [
        ("tools", response("hm").blocks([call.into()], FinishReason::ToolUse).build()),
        ("reasoning", response("hello").blocks([reasoning.into()], FinishReason::Stop).build()),
        ("unknown_block", response("hello").blocks([unknown()], FinishReason::Stop).build()),
        ("two_choices", response("hello").choice("good morning").build()),
    ];
    of_texts(|text| Response::of_text("openai", "gpt-4", text)).chain(rare).collect()
}

/// Tool calls.
pub(super) fn tool_calls() -> Vec<Sample<ToolCall>> {
    let call = |arguments| ToolCall { id: "call-1".to_owned(), name: "lookup".to_owned(), arguments };
    let rare = [("no_object", call(json!([1, null]))), ("null", call(json!(null)))];
    of_texts(|text| call(json!({ "q": text }))).chain(rare).collect()
}

/// Requests that failed.
pub(super) fn failed_requests() -> Vec<(&'static str, Request, LlmError)> {
    let error = || LlmError::new(ErrorKind::Upstream, "it broke");
    requests().into_iter().map(|(name, request)| (name, request, error())).collect()
}

fn media() -> Vec<Block> {
    let data = || "iVBORw0KGgo=".to_owned();
    let inline = ImageSource::Base64 { media_type: "image/png".to_owned(), data: data() };
    let linked = ImageSource::Url("https://images.example/a.png".to_owned());
    let document =
        Content::Document { source: MediaSource::Text("a page".to_owned()), name: Some("page.txt".to_owned()) };
    vec![
        Block::text("what is this?"),
        Content::Image { source: inline, detail: Some("low".to_owned()) }.into(),
        Content::Image { source: linked, detail: None }.into(),
        Content::Audio { data: data(), format: "wav".to_owned() }.into(),
        document.into(),
    ]
}

/// A block of a kind that came after the plugin was written.
fn unknown() -> Block {
    Content::Other(Raw::from_value(&json!({ "type": "hologram", "text": "hello", "depth": [1, { "a": null }] }))).into()
}
