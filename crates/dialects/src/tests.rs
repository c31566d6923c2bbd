//! What crosses from one dialect to the other, and what the tests of both share.

mod requests;
mod responses;
mod streams;
mod thoughts;

use crate::{ANTHROPIC, OPENAI, codec, sse::Framer};
use bytes::{Bytes, BytesMut};
use gatewright_model::{
    Chat, Chunk, Codec, Compat, Dialect, Dropped, EncodeError, Kind, Request, RequestSplice, Response, StreamEncoder,
};
use serde_json::{Value as Json, json};

pub(crate) fn of(dialect: Dialect) -> &'static dyn Codec {
    codec(dialect).unwrap()
}

pub(crate) fn request(dialect: Dialect, body: impl ToString) -> Request {
    Request::from_wire(Kind::Chat, of(dialect), Bytes::from(body.to_string())).unwrap()
}

/// The body as text, and the names of what was dropped.
pub(crate) fn encode(target: Dialect, request: &Request) -> Result<(String, Vec<String>), EncodeError> {
    let splice = RequestSplice { model: "m", include_usage: false, compat: Compat::default() };
    let encoded = of(target).encode_request(request, &splice)?;
    Ok((String::from_utf8(encoded.body.concat()).unwrap(), names(&encoded.dropped)))
}

/// The same, read as JSON.
pub(crate) fn encode_json(target: Dialect, request: &Request) -> (Json, Vec<String>) {
    let (text, dropped) = encode(target, request).unwrap();
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), dropped)
}

/// A request of `source`, edited, and written for a provider of the same dialect.
pub(crate) fn edited(source: Dialect, body: &str, edit: impl FnOnce(&mut Chat)) -> String {
    let mut request = request(source, body);
    edit(request.chat_mut().unwrap());
    encode(source, &request).unwrap().0
}

pub(crate) fn response(dialect: Dialect, body: impl ToString) -> Response {
    Response::from_wire(Kind::Chat, "p", "asked", of(dialect), Bytes::from(body.to_string()))
}

pub(crate) fn answer(target: Dialect, response: &Response) -> (String, Vec<String>) {
    let encoded = of(target).encode_response(response).unwrap();
    (String::from_utf8(encoded.body.to_vec()).unwrap(), names(&encoded.dropped))
}

pub(crate) fn answer_json(target: Dialect, response: &Response) -> (Json, Vec<String>) {
    let (text, dropped) = answer(target, response);
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), dropped)
}

pub(crate) fn names(dropped: &[Dropped]) -> Vec<String> {
    dropped.iter().map(|dropped| dropped.param.clone()).collect()
}

/// The chunks of a stream.
pub(crate) fn chunks(dialect: Dialect, stream: &str) -> Vec<Chunk> {
    let (mut framer, mut decoder) = (Framer::new(), of(dialect).stream_decoder());
    framer.feed(Bytes::copy_from_slice(stream.as_bytes()));
    let events = std::iter::from_fn(|| framer.next().unwrap());
    events.map(|event| decoder.decode(event).unwrap()).collect()
}

/// What a client gets for chunks.
pub(crate) fn streamed(target: Dialect, include_usage: bool, chunks: &[Chunk]) -> String {
    let mut encoder = of(target).stream_encoder("made-up", include_usage);
    encode_all(&mut *encoder, chunks)
}

pub(crate) fn encode_all(encoder: &mut dyn StreamEncoder, chunks: &[Chunk]) -> String {
    let mut out = BytesMut::new();
    chunks.iter().for_each(|chunk| encoder.encode(chunk, &mut out));
    String::from_utf8(out.to_vec()).unwrap()
}

/// The events of a stream: name and data, read as JSON where it is.
pub(crate) fn events(stream: &str) -> Vec<(String, Json)> {
    let mut framer = Framer::new();
    framer.feed(Bytes::copy_from_slice(stream.as_bytes()));
    let events: Vec<_> = std::iter::from_fn(|| framer.next().unwrap()).collect();
    assert_eq!(framer.finish(), None, "{stream}");
    let read = |event: &Bytes| {
        let event = crate::sse::Event::read(event).unwrap();
        let data = event.data.unwrap_or_default();
        let json = serde_json::from_str(&data).unwrap_or_else(|_| Json::String(data.clone().into_owned()));
        (event.name.unwrap_or_default().to_owned(), json)
    };
    events.iter().map(read).collect()
}

/// Holds a stream against the grammar of Anthropic's, and answers its events.
pub(crate) fn legal(stream: &str) -> Vec<(String, Json)> {
    let events = events(stream);
    let (mut open, mut next, mut started, mut told, mut over) = (None, 0, false, false, false);
    for (name, data) in events.iter().filter(|(name, _)| name != "ping") {
        assert_eq!(data["type"], **name, "{stream}");
        assert!(!over, "after the end: {stream}");
        assert!(started || name == "message_start", "{stream}");
        match &**name {
            "message_start" => assert!(!std::mem::replace(&mut started, true), "{stream}"),
            "content_block_start" => {
                assert_eq!((open, &data["index"], told), (None, &json!(next), false), "{stream}");
                open = Some(next);
                next += 1;
            }
            "content_block_delta" => assert_eq!(data["index"], json!(open), "{stream}"),
            "content_block_stop" => assert_eq!(data["index"], json!(open.take()), "{stream}"),
            "message_delta" => {
                assert!(open.is_none() && !std::mem::replace(&mut told, true), "{stream}");
            }
            "message_stop" => {
                assert!(told, "{stream}");
                over = true;
            }
            other => assert_eq!(other, "error"),
        }
    }
    events
}

/// The data of a stream whose events have no names.
pub(crate) fn data(stream: &str) -> Vec<Json> {
    events(stream).into_iter().map(|(_, data)| data).collect()
}

#[test]
fn every_dialect_has_the_codec_that_says_so() {
    for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
        assert_eq!(of(dialect).dialect(), dialect);
    }
    assert!(codec(Dialect::Gemini).is_none());
    assert_eq!((OPENAI.dialect(), ANTHROPIC.dialect()), (Dialect::OpenAi, Dialect::Anthropic));
}
