//! Writes JSON text. Nothing here can fail.

use super::{folded_name, with_members, write_string};
use crate::scan;
use bytes::{BufMut, Bytes, BytesMut};
use gatewright_model::Extra;
use std::{
    collections::HashSet,
    fmt::{Display, Write},
};

/// An object being written. [`object`] and [`ObjectWriter::object`] write the brackets.
#[derive(Debug)]
pub(crate) struct ObjectWriter<'o> {
    out: &'o mut BytesMut,
    start: usize,
}

/// An array being written.
#[derive(Debug)]
pub(crate) struct ArrayWriter<'o> {
    out: &'o mut BytesMut,
    start: usize,
}

/// Writes an object.
pub(crate) fn object<T>(out: &mut BytesMut, write: impl FnOnce(&mut ObjectWriter<'_>) -> T) -> T {
    out.put_u8(b'{');
    let start = out.len();
    let written = write(&mut ObjectWriter { out, start });
    out.put_u8(b'}');
    written
}

/// Writes an array.
pub(crate) fn array<T>(out: &mut BytesMut, write: impl FnOnce(&mut ArrayWriter<'_>) -> T) -> T {
    out.put_u8(b'[');
    let start = out.len();
    let written = write(&mut ArrayWriter { out, start });
    out.put_u8(b']');
    written
}

/// The JSON that `write` appends.
pub(crate) fn to_json(write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    write(&mut out);
    out.freeze()
}

/// A string as JSON.
pub(crate) fn string(text: &str) -> Bytes {
    to_json(|out| write_string(out, text))
}

pub(crate) use super::write_string as string_to;

/// Writes a number; one that JSON cannot say as `null`.
pub(crate) fn number(out: &mut BytesMut, number: f64) {
    match serde_json::Number::from_f64(number) {
        Some(number) => display(out, number),
        None => out.extend_from_slice(b"null"),
    }
}

/// Writes something whose display is JSON: whole numbers and truth values.
pub(crate) fn display(out: &mut BytesMut, value: impl Display) {
    // Writing to a growing buffer cannot fail.
    let _ = write!(out, "{value}");
}

// === impl ObjectWriter ===

impl ObjectWriter<'_> {
    /// Writes the name, and answers where the value is to be written.
    pub(crate) fn key(&mut self, name: &str) -> &mut BytesMut {
        if self.out.len() > self.start {
            self.out.put_u8(b',');
        }
        write_string(self.out, name);
        self.out.put_u8(b':');
        self.out
    }

    pub(crate) fn string(&mut self, name: &str, value: &str) {
        write_string(self.key(name), value);
    }

    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.key(name).extend_from_slice(json.as_bytes());
    }

    pub(crate) fn null(&mut self, name: &str) {
        self.raw(name, "null");
    }

    pub(crate) fn display(&mut self, name: &str, value: impl Display) {
        display(self.key(name), value);
    }

    pub(crate) fn object<T>(&mut self, name: &str, write: impl FnOnce(&mut ObjectWriter<'_>) -> T) -> T {
        object(self.key(name), write)
    }

    pub(crate) fn array<T>(&mut self, name: &str, write: impl FnOnce(&mut ArrayWriter<'_>) -> T) -> T {
        array(self.key(name), write)
    }

    /// Writes an object of these members; if `extra` holds the object as it came (`Object::nested`), then that one
    /// with the members set.
    pub(crate) fn nested(&mut self, name: &str, extra: &Extra, set: &[(&str, Bytes)]) {
        let patched = super::extra(extra, name).and_then(|raw| with_members(raw.as_str(), set).ok());
        let out = self.key(name);
        match patched {
            Some(patched) => out.extend_from_slice(&patched),
            None => object(out, |object| set.iter().for_each(|(name, json)| object.key(name).extend_from_slice(json))),
        }
    }

    /// Writes extra members, but for those that are written already, or not to be, and those that may be mistaken for one
    /// of these: what a member says must not be said by another.
    pub(crate) fn extra(&mut self, extra: &Extra, silent: &[&str]) {
        if extra.is_empty() {
            return;
        }
        let written = std::str::from_utf8(&self.out[self.start - 1..]).unwrap_or_default();
        // The object goes on, which is the last thing that is found.
        let mut said: HashSet<String> =
            scan::members(written).map_while(Result::ok).map(|member| folded_name(&member.name())).collect();
        said.extend(silent.iter().map(|name| (*name).to_owned()));
        for (name, value) in extra {
            if said.insert(folded_name(name)) {
                self.raw(name, value.as_str());
            }
        }
    }
}

// === impl ArrayWriter ===

impl ArrayWriter<'_> {
    /// Answers where the next element is to be written.
    pub(crate) fn element(&mut self) -> &mut BytesMut {
        if self.out.len() > self.start {
            self.out.put_u8(b',');
        }
        self.out
    }

    pub(crate) fn raw(&mut self, json: &str) {
        self.element().extend_from_slice(json.as_bytes());
    }

    pub(crate) fn string(&mut self, text: &str) {
        write_string(self.element(), text);
    }

    pub(crate) fn object<T>(&mut self, write: impl FnOnce(&mut ObjectWriter<'_>) -> T) -> T {
        object(self.element(), write)
    }
}
