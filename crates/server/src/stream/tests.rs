use super::*;

fn read(kind: Kind, event: &str) -> Option<StreamChunk> {
    stream_chunk(kind, event.as_bytes())
}

#[test]
fn an_event_is_typed_by_what_is_streamed() {
    let data = "data: {\"a\":1}\n\n";
    for (kind, is_typed) in [
        (Kind::Chat, (|body| matches!(body, StreamChunkBody::Chat(_))) as fn(&StreamChunkBody) -> bool),
        (Kind::Text, |body| matches!(body, StreamChunkBody::Text(_))),
        (Kind::Responses, |body| matches!(body, StreamChunkBody::Responses(_))),
        (Kind::Speech, |body| matches!(body, StreamChunkBody::Speech(_))),
        (Kind::Transcription, |body| matches!(body, StreamChunkBody::Transcription(_))),
        (Kind::Image, |body| matches!(body, StreamChunkBody::Image(_))),
    ] {
        let chunk = read(kind, data).unwrap();
        assert!(is_typed(&chunk.body), "{kind:?}");
        assert_eq!((chunk.body.data().as_str(), chunk.event), ("{\"a\":1}", None));
        let chunk = read(kind, &format!("event: error\n{data}")).unwrap();
        assert!(matches!(chunk.body, StreamChunkBody::Error(_)), "{kind:?}");
    }
}

#[test]
fn an_event_without_json_is_none_of_the_hooks_business() {
    for event in ["data: [DONE]\n\n", ": comment\n\n", "event: ping\n\n", "data:\n\n", "data: [1]\n\n", "\n\n"] {
        assert_eq!(read(Kind::Chat, event), None, "{event:?}");
    }
    assert_eq!(stream_chunk(Kind::Chat, b"data: {\"a\":\"\xff\"}\n\n"), None);
}

#[test]
fn an_event_is_written_as_it_was_read() {
    for event in ["data: {\"a\":1}\n\n", "event: content_block_delta\ndata: {\"a\":\"é\"}\n\n"] {
        let mut out = BytesMut::new();
        write_event(&read(Kind::Chat, event).unwrap(), &mut out);
        assert_eq!(out, event);
    }
}
