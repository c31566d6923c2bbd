use super::*;
use gatewright_model::{
    Channel, Choice, Chunk, ImageOutput, Kind, Role, SpeechOutput, TextOutput, TranscriptionOutput,
};
use serde_json::json;
use std::sync::Arc;

fn raw(text: &str) -> Raw {
    Raw::new(text.to_owned().into()).unwrap()
}

fn members() -> Extra {
    vec![("abc".into(), raw("[0]"))]
}

fn message(content: Content) -> Message {
    Message::new(Role::User, vec![content.into()])
}

#[test]
fn whatever_a_block_holds_counts() {
    let text = || "12345".to_owned();
    let base64 = || ImageSource::Base64 { media_type: "a/b".to_owned(), data: text() };
    let of_document = |source| Content::Document { source, name: Some("it".to_owned()) };
    let inner = vec![Content::Audio { data: text(), format: "wav".to_owned() }.into()];
    for (content, bytes) in [
        (Content::Text(text()), 5),
        (Content::Refusal(text()), 5),
        (Content::Image { source: base64(), detail: Some("low".to_owned()) }, 11),
        (Content::Image { source: ImageSource::Url(text()), detail: None }, 5),
        (Content::Audio { data: text(), format: "wav".to_owned() }, 8),
        (of_document(MediaSource::Base64 { media_type: "a/b".to_owned(), data: text() }), 10),
        (of_document(MediaSource::Text(text())), 7),
        (Content::Reasoning { text: text(), signature: Some(text()), redacted: Some(text()) }, 15),
        (Content::ToolUse { id: "i".to_owned(), name: "f".to_owned(), arguments: text() }, 7),
        (Content::ToolResult { id: "i".to_owned(), content: inner, is_error: false }, 9),
        (Content::Other(raw("{\"a\":1}")), 7),
    ] {
        assert_eq!(message(content.clone()).bytes(), bytes, "{content:?}");
        let with_extra = Block { content, extra: members() };
        let message = Message::new(Role::User, vec![with_extra.clone(), with_extra]).with_extra(members());
        assert_eq!(message.bytes(), 2 * (bytes + 6) + 6, "members without a field count, and each block");
        assert!(message.text_bytes() <= message.bytes());
    }
}

#[test]
fn whatever_a_conversation_holds_counts() {
    let mut chat = Chat { messages: vec![message(Content::Text("hi".to_owned()))].into(), ..Chat::default() };
    let bytes = |chat: &Chat| Request::from_chat("m", false, chat.clone()).bytes();
    assert_eq!(bytes(&chat), 2);
    chat.extra = members();
    assert_eq!(bytes(&chat), 8);
    let function = Tool::Function {
        name: "f".to_owned(),
        description: Some("does".to_owned()),
        schema: Some(raw("{}")),
        strict: None,
        extra: members(),
    };
    chat.tools = Arc::new(vec![function, Tool::Other(raw("[]"))]);
    assert_eq!(bytes(&chat), 8 + 13 + 2);
    chat.tool_choice = Some(ToolChoice::Tool("f".to_owned()));
    chat.params.stop = vec!["end".to_owned()];
    chat.params.response_format = Some(ResponseFormat::JsonSchema(raw("{}")));
    chat.params.reasoning = Some(Reasoning::Effort("low".to_owned()));
    chat.params.user = Some("u".to_owned());
    assert_eq!(bytes(&chat), 8 + 13 + 2 + 1 + 3 + 2 + 3 + 1);
    assert_eq!(Request::from_chat("m", false, chat).text_bytes(), 2);
}

#[test]
fn whatever_an_answer_holds_counts() {
    let choice = Choice { index: 0, message: message(Content::Text("hi".to_owned())), finish: None, extra: members() };
    let chat = ChatResponse { id: "i".to_owned(), choices: vec![choice], extra: members(), ..ChatResponse::default() };
    let audio = || SpeechOutput { media_type: "a/b".to_owned(), audio: "12345".into() };
    let heard = TranscriptionOutput { text: "hi".to_owned(), language: None, segments: Some(raw("[1]")) };
    for (output, bytes, texts) in [
        (Output::Chat(chat), 15, 2),
        (Output::Text(TextOutput { texts: vec!["a".to_owned(), "b".to_owned()] }), 2, 2),
        (Output::Speech(audio()), 8, 0),
        (Output::Transcription(heard), 5, 2),
        (Output::Image(ImageOutput { images: vec![ImageSource::Url("12345".to_owned())] }), 5, 0),
    ] {
        let mut response = Response::from_output(Kind::Chat, "p", "m", output);
        assert_eq!((response.bytes(), response.text_bytes()), (bytes, texts), "{response:?}");
        response.extra_fields.insert("k".to_owned(), json!(["12"]));
        assert_eq!(LlmResult::Response(response).bytes(), bytes + 3);
    }
}

#[test]
fn a_chunk_counts_with_all_its_parts() {
    let parts = |part: Part| LlmResult::Chunk(Chunk::from_parts([part]));
    let signature = Part::Signature { channel: Channel::TEXT, signature: "12345".to_owned() };
    let empty = LlmResult::Chunk(Chunk::from_parts([])).bytes();
    assert_eq!((parts(signature.clone()).bytes(), parts(signature).text_bytes()), (empty + 5, 0));
    let text = Part::Text { channel: Channel::TEXT, text: "12345".to_owned() };
    assert_eq!((parts(text.clone()).bytes(), parts(text).text_bytes()), (empty + 5, 5));
}
