//! Responses, whole and of errors.

use super::json;
use bytes::Bytes;
use gatewright_model::{Codec, Kind, Output, Response};

/// A body of `own`, written for `own` and for `other`.
pub fn run(own: &'static dyn Codec, other: &'static dyn Codec, input: &[u8]) -> bool {
    let body = Bytes::copy_from_slice(input);
    own.scan_usage(&body);
    errors(own, &body);
    let response = Response::from_wire(Kind::Chat, "p", "m", own, body.clone());
    match own.encode_response(&response) {
        Ok(encoded) => assert_eq!(encoded.body, body, "an unedited response changed"),
        Err(error) => panic!("an unedited response was refused: {error}"),
    }
    if response.output().is_err() {
        return false;
    }
    let mut redacted = response.clone();
    redacted.extra_fields.insert("a".to_owned(), 1.into());
    redacted.map_texts(|_| Some("#".to_owned()));
    // Written anew, whatever it says.
    if let Some(chat) = redacted.chat_mut() {
        for choice in &mut chat.choices {
            choice.message.blocks_mut();
        }
    }
    for target in [own, other] {
        for response in [&response, &redacted] {
            match target.encode_response(response) {
                Ok(encoded) => readable(target, &encoded.body),
                Err(error) => panic!("an answer was refused: {error}"),
            }
        }
    }
    if let Ok(encoded) = own.encode_response(&redacted)
        && let Ok(Output::Chat(chat)) = own.decode_response(&encoded.body)
    {
        for choice in &chat.choices {
            choice.message.texts(&mut |text| {
                assert!(text.contains("INVALID_JSON") || text.chars().all(|c| c == '#'), "{text} is left");
            });
        }
    }
    true
}

fn readable(codec: &'static dyn Codec, body: &Bytes) {
    json(body);
    if let Err(error) = codec.decode_response(body) {
        panic!("what was written cannot be read: {error}: {}", String::from_utf8_lossy(body));
    }
}

fn errors(codec: &'static dyn Codec, body: &[u8]) {
    for status in [200, 400, 429, 500] {
        let error = codec.decode_error(status, body);
        assert!(error.message.chars().count() <= 500 && !error.message.is_empty());
        json(&codec.encode_error(&error, "r"));
    }
}
