use super::*;
use bytes::Bytes;

fn frame(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> (Vec<Bytes>, Option<Bytes>) {
    let (mut framer, mut events) = (Framer::new(), Vec::new());
    for piece in pieces {
        framer.feed(Bytes::copy_from_slice(piece.as_ref()));
        while let Some(event) = framer.next().unwrap() {
            events.push(event);
        }
    }
    (events, framer.finish())
}

/// What the events say, for comparing streams that are cut differently.
fn said(events: &[Bytes]) -> Vec<(Option<String>, Option<String>)> {
    let owned = |event: Event<'_>| (event.name.map(str::to_owned), event.data.map(|data| data.into_owned()));
    events.iter().map(|event| owned(Event::read(event).unwrap())).collect()
}

const STREAMS: [&str; 6] = [
    "data: {\"a\":1}\n\ndata: [DONE]\n\n",
    "event: message_start\r\ndata: {\"type\":\"message_start\"}\r\n\r\nevent: ping\r\ndata: {}\r\n\r\n",
    "data: a\r\rdata: b\r\r",
    "\u{feff}data: a\n\n: comment\n\nid: 7\ndata: b\ndata: c\n\n",
    "\n\n\ndata: a\n\n\n\ndata:b\n\n",
    "data: a\n\r\ndata: é\r\n\ndata: c\n\n",
];

#[test]
fn yields_whole_events_and_leaves_nothing_out() {
    for stream in STREAMS {
        let (events, rest) = frame([stream]);
        assert_eq!(events.concat(), stream.as_bytes());
        assert_eq!(rest, None);
    }
    assert_eq!(frame([STREAMS[0]]).0, ["data: {\"a\":1}\n\n", "data: [DONE]\n\n"]);
    assert_eq!(frame([STREAMS[2]]).0, ["data: a\r\r", "data: b\r\r"]);
}

#[test]
fn the_cut_of_the_pieces_does_not_matter() {
    for stream in STREAMS {
        let whole = frame([stream]).0;
        let bytes = stream.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let (events, rest) = frame([&bytes[..first], &bytes[first..second], &bytes[second..]]);
                assert_eq!(said(&events), said(&whole), "{stream:?} cut at {first} and {second}");
                // An LF that came too late for its CR is no event, but it is not lost either.
                assert_eq!([events.concat(), rest.unwrap_or_default().to_vec()].concat().len(), {
                    let late = usize::from(bytes.ends_with(b"\r\n") && events.concat().len() < bytes.len());
                    bytes.len() - late
                });
            }
        }
        let (events, _) = frame(bytes.chunks(1));
        assert_eq!(said(&events), said(&whole), "{stream:?} byte by byte");
    }
}

#[test]
fn an_event_in_one_piece_is_not_copied() {
    let piece = Bytes::from_static(b"data: a\n\ndata: b\n\n");
    let mut framer = Framer::new();
    framer.feed(piece.clone());
    assert_eq!(framer.next().unwrap().unwrap().as_ptr(), piece.as_ptr());
    assert_eq!(framer.next().unwrap().unwrap().as_ptr(), piece[9..].as_ptr());
    assert_eq!(framer.next(), Ok(None));
}

#[test]
fn says_what_was_cut_off() {
    assert_eq!(frame(["data: a\n\ndata: b\n"]).1.unwrap(), "data: b\n");
    assert_eq!(frame(["data: a\n\n\n"]).1, None);
    assert_eq!(frame(["x"]).1.unwrap(), "x");
    assert_eq!(frame(["", ""]).1, None);
}

#[test]
fn pieces_that_were_not_taken_out_are_kept() {
    let mut framer = Framer::new();
    framer.feed(Bytes::from_static(b"data: a\n"));
    framer.feed(Bytes::from_static(b"\ndata: b\n\n"));
    assert_eq!(framer.next().unwrap().unwrap(), "data: a\n\n");
    assert_eq!(framer.next().unwrap().unwrap(), "data: b\n\n");
}

#[test]
fn refuses_an_event_over_the_limit() {
    let mut framer = Framer::with_limit(16);
    framer.feed(Bytes::from_static(b"data: 12345678\n\n"));
    assert!(framer.next().unwrap().is_some());
    framer.feed(Bytes::from_static(b"data: 12345678"));
    assert_eq!(framer.next(), Ok(None));
    framer.feed(Bytes::from_static(b"9\n\n"));
    let error = framer.next().unwrap_err();
    assert_eq!(error.to_string(), "an event of the stream is larger than 16 bytes");

    let mut framer = Framer::with_limit(16);
    framer.feed(Bytes::from(vec![b'x'; 17]));
    assert!(framer.next().is_err());
}

#[test]
fn a_large_event_in_small_pieces() {
    let stream = format!("data: {}\n\n", "x".repeat(1 << 20));
    let (events, rest) = frame(stream.as_bytes().chunks(1000));
    assert_eq!((events.concat(), rest), (stream.into_bytes(), None));
}

#[test]
fn reads_name_and_data() {
    let text = "event: error\ndata: {\"a\":1}\n\n";
    let event = Event::read(text.as_bytes()).unwrap();
    assert_eq!((event.name, event.data.as_deref()), (Some("error"), Some("{\"a\":1}")));
    assert_eq!(event.data_span.map(|span| &text[span]), Some("{\"a\":1}"));

    let text = "\u{feff}data:a\r\ndata:  b\r\n: note\r\nretry: 3\r\ndata\r\n\r\n";
    let event = Event::read(text.as_bytes()).unwrap();
    assert_eq!((event.name, event.data.as_deref(), event.data_span), (None, Some("a\n b\n"), None));

    assert_eq!(Event::read(b": keep-alive\n\n").unwrap().data, None);
    assert_eq!(Event::read(b"data: \xff\n\n"), None);
}
