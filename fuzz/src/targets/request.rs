//! Requests: what is written is JSON, says what was said, and can be read again.

use super::json;
use bytes::Bytes;
use gatewright_model::{Chat, Codec, Compat, Kind, MaxTokensField, Request, RequestSplice, Role};
use serde_json::Value;

const COMPAT: Compat = Compat { stream_usage: true, max_tokens_field: MaxTokensField::MaxCompletionTokens };
const SPLICE: RequestSplice<'static> =
    RequestSplice { model: "spliced/\"model\"", include_usage: true, compat: COMPAT };

/// A body of `own`, written for `own` and for `other`.
pub fn run(own: &'static dyn Codec, other: &'static dyn Codec, input: &[u8]) -> bool {
    let body = Bytes::copy_from_slice(input);
    let decoded = own.decode_request(&body);
    let Ok(request) = Request::from_wire(Kind::Chat, own, body.clone()) else {
        return false;
    };
    unedited(own, &request, &body);
    let Ok(chat) = decoded else {
        return false;
    };
    touched(own, &request, &chat);
    redacted(own, &request);
    for (target, request) in [(other, request.clone()), (own, Request::from_chat("m", true, chat))] {
        if let Ok(encoded) = target.encode_request(&request, &SPLICE) {
            readable(target, &encoded.body.concat());
        }
    }
    true
}

/// The bytes pass: but for the splices, the same is said.
fn unedited(own: &'static dyn Codec, request: &Request, body: &Bytes) {
    let out = match own.encode_request(request, &SPLICE) {
        Ok(encoded) => encoded.body.concat(),
        Err(error) => panic!("an unedited request was refused: {error}"),
    };
    let Ok(Value::Object(mut said)) = serde_json::from_slice(body) else {
        return;
    };
    let Value::Object(mut written) = json(&out) else {
        panic!("what was written is no object");
    };
    assert_eq!(written.get("model").and_then(Value::as_str), Some(SPLICE.model));
    assert!(!written.contains_key("fallbacks"));
    for name in ["model", "fallbacks", "stream_options"] {
        said.remove(name);
        written.remove(name);
    }
    assert_eq!(said, written);
}

/// Messages that were touched, but not changed, are written anew and say the same.
fn touched(own: &'static dyn Codec, request: &Request, chat: &Chat) {
    let mut request = request.clone();
    if let Ok(chat) = request.chat_mut() {
        for index in 0..chat.messages.len() {
            chat.messages.get_mut(index).map(|message| message.blocks_mut().len());
        }
    }
    if let Ok(encoded) = own.encode_request(&request, &SPLICE) {
        let again = readable(own, &encoded.body.concat());
        assert_eq!(letters(chat), letters(&again));
        assert_eq!(chat.tools, again.tools);
        assert_eq!((&chat.tool_choice, &chat.params), (&again.tool_choice, &again.params));
    }
}

/// No text that was edited is left in what is written.
fn redacted(own: &'static dyn Codec, request: &Request) {
    let mut request = request.clone();
    if let Ok(chat) = request.chat_mut() {
        chat.messages.map_texts(|_, _| Some("#".to_owned()));
    }
    if let Ok(encoded) = own.encode_request(&request, &SPLICE) {
        let again = readable(own, &encoded.body.concat());
        for message in again.messages.iter() {
            message.texts(&mut |text| {
                let wrapped = text.contains("INVALID_JSON");
                assert!(wrapped || text.chars().all(|c| "#\n".contains(c)), "{text} is left");
            });
        }
    }
}

fn readable(codec: &'static dyn Codec, body: &[u8]) -> Chat {
    json(body);
    let body = Bytes::copy_from_slice(body);
    match codec.decode_request(&body) {
        Ok(chat) => chat,
        Err(error) => panic!("what was written cannot be read: {error}: {}", String::from_utf8_lossy(&body)),
    }
}

/// How often each character stands in the texts, in no order: texts may be joined or moved within a message. Messages
/// that say nothing may go.
fn letters(chat: &Chat) -> Vec<(Role, Vec<char>)> {
    let letters = |message: &gatewright_model::Message| {
        let mut letters = Vec::new();
        message.texts(&mut |text| letters.extend(text.chars().filter(|c| !c.is_whitespace())));
        letters.sort_unstable();
        (message.role(), letters)
    };
    chat.messages.iter().map(letters).filter(|(_, letters)| !letters.is_empty()).collect()
}
