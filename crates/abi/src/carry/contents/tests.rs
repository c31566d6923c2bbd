use super::*;
use crate::carry::Parts;
use crate::part::{Part, View};
use gatewright_model::{Chat, ChatResponse, Headers, HttpRequest, Kind, Message, Output, Response, Role};
use http::Method;

/// Every kind of contents, with texts of lengths at which their own lengths take more bytes.
fn all() -> Parts {
    let lengths = [1, 23, 24, 255, 256, 65_535, 65_536];
    let mut messages: Vec<_> = lengths.iter().map(|length| Message::text(Role::User, "é".repeat(*length))).collect();
    messages.extend((0..300).map(|_| Message::text(Role::Assistant, "x")));
    let chat = Chat { messages: messages.into_iter().collect(), ..Chat::default() };
    let output = Output::Chat(ChatResponse { id: "1".to_owned(), ..ChatResponse::default() });
    let posted = HttpRequest::new(Method::POST, "/".to_owned(), Vec::new(), Headers::default(), vec![7; 1000]);
    Parts {
        request: Some(Arc::new(Request::from_chat("m", false, chat))),
        response: Some(ResponsePart::Whole(Arc::new(Response::from_output(Kind::Chat, "p", "m", output)))),
        http_request: Some(Arc::new(posted)),
        ..Parts::default()
    }
}

#[test]
fn what_is_written_to_a_place_is_what_the_bytes_are() {
    let parts = all();
    for part in [Part::Chat, Part::Texts, Part::Output, Part::RequestBody] {
        let contents = parts.get(part, &View::all()).unwrap();
        let mut place = vec![0; contents.bytes()];
        contents.write(&mut place).unwrap();
        assert_eq!(contents.into_bytes(), place, "{part:?}");
    }
}

#[test]
fn a_place_of_another_length_is_refused() {
    let parts = all();
    for part in [Part::Chat, Part::Texts, Part::Output, Part::RequestBody] {
        let contents = parts.get(part, &View::all()).unwrap();
        for length in [0, contents.bytes() - 1, contents.bytes() + 1] {
            contents.write(&mut vec![0; length]).unwrap_err();
        }
    }
}

#[test]
fn a_body_is_shared() {
    let parts = all();
    let contents = parts.get(Part::RequestBody, &View::all()).unwrap();
    assert_eq!(contents.into_bytes().as_ptr(), parts.http_request.unwrap().body.bytes().as_ptr());
}
