//! What the streams of all dialects have in common: putting edited texts into the event that they came in.

mod progress;
mod template;

pub(crate) use progress::Progress;
pub(crate) use template::Template;

use crate::{
    json::Edits,
    scan::{Cursor, Said, ScanError},
    sse::Event,
};
use bytes::BytesMut;
use gatewright_model::{Channel, DecodeError, Part};
use smallvec::SmallVec;
use std::ops::Range;

/// The texts of an event, each with the places in the event's data where it stands.
pub(crate) type Places = SmallVec<[(usize, Range<usize>); 2]>;

/// The most tool calls or open blocks of a stream. No answer has nearly so many.
const MOST_OPEN: usize = 4096;

/// An error if a stream that has so many `things` open begins one more.
pub(crate) fn check_open(open: usize, things: &str) -> Result<(), DecodeError> {
    match open < MOST_OPEN {
        true => Ok(()),
        false => Err(DecodeError::new(format!("the stream has more than {MOST_OPEN} {things}"))),
    }
}

/// Visits every string in a value but those under `silent` names. The value was skipped before, and so is not nested too
/// deep.
pub(crate) fn strings<'a>(
    cursor: &mut Cursor<'a>,
    silent: fn(&str) -> bool,
    visit: &mut dyn FnMut(Said<'a>),
) -> Result<(), ScanError> {
    match cursor.peek() {
        Some(b'{') => cursor
            .object(|cursor, key| match silent(&key.name()) {
                true => cursor.skip().map(drop),
                false => strings(cursor, silent, visit),
            })
            .map(drop),
        Some(b'[') => cursor.array(|cursor| strings(cursor, silent, visit)).map(drop),
        _ => cursor.string().map(|said| said.into_iter().for_each(visit)),
    }
}

/// The signature over the tool call that `parts` begin with.
pub(crate) fn signature_of(parts: &[Part]) -> Option<&str> {
    let (Part::ToolUse { channel, .. }, rest) = parts.split_first()? else {
        return None;
    };
    let mut of_call = rest.iter().take_while(|part| !matches!(part, Part::ToolUse { .. }));
    of_call.find_map(|part| match part {
        Part::Signature { channel: of, signature } if of == channel => Some(&**signature),
        _ => None,
    })
}

/// Where `part` lies in `whole`, of which it is a slice.
pub(crate) fn span_in(whole: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start + part.len()
}

/// The texts of an event after edits.
#[derive(Debug)]
pub(crate) struct NewTexts<'p, 'n> {
    came: &'p [Part],
    /// For each part that came; `None` for those without text.
    now: SmallVec<[Option<&'n str>; 4]>,
}

// === impl NewTexts ===

impl<'p, 'n> NewTexts<'p, 'n> {
    /// Finds each text that came among the parts as they are now. Texts may be edited or taken out; where anything
    /// else differs, the answer is `None`, and the chunk must be written anew. `optional`: parts that may be missing,
    /// since a decoder leaves them out where they say nothing new.
    pub(crate) fn find(came: &'p [Part], now: &'n [Part], optional: impl Fn(&Part) -> bool) -> Option<Self> {
        let mut rest = now.iter().peekable();
        let mut texts = SmallVec::new();
        for part in came {
            let next = rest.peek().copied();
            match (part, next) {
                (Part::Text { channel, .. }, Some(Part::Text { channel: of, text })) if channel == of => {
                    texts.push(Some(&**text));
                    rest.next();
                }
                (Part::Text { .. }, _) => texts.push(Some("")),
                (_, Some(next)) if next == part => {
                    texts.push(None);
                    rest.next();
                }
                _ if optional(part) => texts.push(None),
                _ => return None,
            }
        }
        rest.next().is_none().then_some(Self { came, now: texts })
    }

    /// Those that changed: index of the part, its channel, and the new text.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (usize, Channel, &'n str)> {
        self.came.iter().zip(&self.now).enumerate().filter_map(|(index, (part, now))| match (part, now) {
            (Part::Text { channel, text }, Some(now)) if text != now => Some((index, *channel, *now)),
            _ => None,
        })
    }

    /// Whether the event said nothing but texts, and none of them is left.
    pub(crate) fn is_silenced(&self) -> bool {
        !self.now.is_empty() && self.now.iter().all(|text| *text == Some(""))
    }

    /// The edits that put the new texts where the old ones stand.
    pub(crate) fn edits(&self, places: &Places) -> Edits {
        let mut edits = Edits::default();
        for (changed, _, new) in self.changed() {
            for (_, span) in places.iter().filter(|(index, _)| *index == changed) {
                edits.replace_by_string(span.clone(), new);
            }
        }
        edits
    }
}

/// Appends the event with its data changed, its other lines as they were.
pub(crate) fn write_patched(event: &[u8], read: &Event<'_>, edits: Edits, out: &mut BytesMut) {
    let data = read.data.as_deref().unwrap_or_default();
    if let Some(span) = &read.data_span {
        out.extend_from_slice(&event[..span.start]);
        edits.write(data.as_bytes(), out);
        out.extend_from_slice(&event[span.end..]);
        return;
    }
    let text = std::str::from_utf8(event).unwrap_or_default();
    for line in Event::lines(text).filter(|line| line.field != "data") {
        out.extend_from_slice(format!("{}: {}\n", line.field, line.value).as_bytes());
    }
    let mut patched = BytesMut::new();
    edits.write(data.as_bytes(), &mut patched);
    for line in patched.as_ref().split(|byte: &u8| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"\n");
}
