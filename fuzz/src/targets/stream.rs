//! Streams: read whatever comes, and write what clients can read.

use bytes::{Bytes, BytesMut};
use gatewright_dialects::sse::{Event, Framer};
use gatewright_model::{Chunk, Codec, Dialect, Part};
use serde_json::Value;

/// A stream of `own`, written for `own` and for `other`: as it came, with its texts edited, and made anew.
pub fn run(own: &'static dyn Codec, other: &'static dyn Codec, input: &[u8]) -> bool {
    let chunks = chunks(own, input);
    let made: Vec<_> = chunks.iter().map(|chunk| Chunk::from_parts(chunk.parts().to_vec())).collect();
    for target in [own, other] {
        for edit in [None, Some("#"), Some("")] {
            let mut chunks = chunks.clone();
            if let Some(new) = edit {
                chunks.iter_mut().for_each(|chunk| {
                    chunk.map_texts(|_, _| Some(new.to_owned()));
                });
            }
            let out = encode(target, &chunks);
            legal(target.dialect(), &out, target.dialect() == own.dialect());
            if let Some(new) = edit {
                redacted(target, &out, new);
            }
        }
        legal(target.dialect(), &encode(target, &made), false);
    }
    let own_parts = |chunks: &[Chunk]| chunks.iter().flat_map(|chunk| chunk.parts().to_vec()).count();
    own_parts(&chunks) > 0
}

fn chunks(codec: &'static dyn Codec, stream: &[u8]) -> Vec<Chunk> {
    let (mut framer, mut decoder, mut chunks) = (Framer::new(), codec.stream_decoder(), Vec::new());
    framer.feed(Bytes::copy_from_slice(stream));
    while let Ok(Some(event)) = framer.next() {
        let alone = codec.stream_decoder().decode(event.clone());
        let after_others = decoder.decode(event);
        assert_eq!(texts(alone.as_ref().ok()), texts(after_others.as_ref().ok()), "the events before matter");
        chunks.extend(after_others);
    }
    chunks
}

fn texts(chunk: Option<&Chunk>) -> Option<Vec<&Part>> {
    Some(chunk?.parts().iter().filter(|part| matches!(part, Part::Text { .. })).collect())
}

fn encode(codec: &'static dyn Codec, chunks: &[Chunk]) -> Bytes {
    let (mut encoder, mut out) = (codec.stream_encoder("m", true), BytesMut::new());
    chunks.iter().for_each(|chunk| encoder.encode(chunk, &mut out));
    encoder.take_dropped();
    out.freeze()
}

/// No text but the new one is left.
fn redacted(codec: &'static dyn Codec, stream: &[u8], new: &str) {
    for chunk in chunks(codec, stream) {
        for part in chunk.parts() {
            if let Part::Text { text, .. } = part {
                assert!(text.replace(new, "").is_empty() && !new.is_empty(), "{text} is left");
            }
        }
    }
}

/// Whether a client can read what was written. `own`: events of the provider's may stand in it as they came.
fn legal(dialect: Dialect, stream: &Bytes, own: bool) {
    let mut framer = Framer::new();
    framer.feed(stream.clone());
    let mut grammar = Grammar::default();
    while let Ok(Some(event)) = framer.next() {
        let read = Event::read(&event).unwrap_or_else(|| panic!("not UTF-8"));
        let Some(data) = read.data.as_deref().filter(|data| *data != "[DONE]") else {
            continue;
        };
        let valid = serde_json::from_str::<Value>(data).is_ok();
        // A provider's event that is broken inside passes; what follows cannot be judged.
        if own && (!valid || dialect == Dialect::OpenAi) {
            return;
        }
        let data = super::json(data.as_bytes());
        if dialect == Dialect::Anthropic {
            grammar.event(read.name.unwrap_or_default(), &data, own);
        } else if !data.is_null() {
            assert!(data.get("error").is_some() || data.get("choices").is_some_and(Value::is_array), "{data}");
        }
    }
    assert!(own || framer.finish().is_none(), "an event is cut off");
}

/// What Anthropic's streams must keep to.
#[derive(Default)]
struct Grammar {
    started: bool,
    open: Option<u64>,
    next: u64,
    over: bool,
}

impl Grammar {
    fn event(&mut self, name: &str, data: &Value, own: bool) {
        let index = data.get("index").and_then(Value::as_u64);
        assert!(!self.over, "after the end: {data}");
        let kind = data.get("type").map_or(name, |kind| kind.as_str().unwrap_or_default());
        match kind {
            "message_start" => assert!(!std::mem::replace(&mut self.started, true), "begun twice"),
            "content_block_start" => {
                assert!(self.started && self.open.is_none() && index == Some(self.next), "{data}");
                self.open = index;
                self.next += 1;
            }
            "content_block_delta" => assert!(index.is_some() && index == self.open, "{data}"),
            "content_block_stop" => assert!(index.is_some() && index == self.open.take(), "{data}"),
            "message_delta" => assert!(self.started && self.open.is_none(), "{data}"),
            "message_stop" | "error" => self.over = true,
            "ping" => {}
            _ if own => self.over |= data.get("error").is_some_and(|error| !error.is_null()),
            kind => panic!("an event `{kind}`"),
        }
    }
}
