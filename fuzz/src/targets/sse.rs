//! The framer: however a stream is cut into pieces, the events are the same, and nothing is left out.

use bytes::Bytes;
use gatewright_dialects::sse::{Event, Framer};

/// The first byte says where the cuts are; the rest is the stream.
pub fn run(input: &[u8]) -> bool {
    let (cut, stream) = input.split_first().map_or((1, input), |(first, rest)| (usize::from(*first).max(1), rest));
    let (whole, rest) = frame(stream, stream.len().max(1));
    let (pieces, _) = frame(stream, cut);
    let events = |events: &[Bytes]| events.iter().map(|event| said(event)).collect::<Vec<_>>();
    assert_eq!(events(&whole), events(&pieces), "the cuts matter");

    let mut together = whole.concat();
    together.extend_from_slice(&rest.clone().unwrap_or_default());
    assert!(stream.starts_with(&together), "something was made up");
    assert!(stream[together.len()..].iter().all(|byte| b"\r\n".contains(byte)), "something was left out");
    !whole.is_empty()
}

fn frame(stream: &[u8], size: usize) -> (Vec<Bytes>, Option<Bytes>) {
    let (mut framer, mut events) = (Framer::new(), Vec::new());
    for piece in stream.chunks(size) {
        framer.feed(Bytes::copy_from_slice(piece));
        while let Ok(Some(event)) = framer.next() {
            events.push(event);
        }
    }
    (events, framer.finish())
}

fn said(event: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let read = Event::read(event)?;
    if let Some(span) = &read.data_span {
        assert_eq!(Some(&event[span.clone()]), read.data.as_ref().map(|data| data.as_bytes()));
    }
    Some((read.name.map(str::to_owned), read.data.map(|data| data.into_owned())))
}
