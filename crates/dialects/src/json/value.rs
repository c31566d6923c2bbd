//! One value of a body.

use super::legible::Legible;
use super::{Fault, Object, Read, unescape};
use crate::scan;
use bytes::Bytes;
use gatewright_model::{DecodeError, Raw};
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// One value: its text, and the buffer that the text lies in, so that raw slices of it share the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(super) text: &'a str,
    pub(super) body: &'a Bytes,
    /// Whether a name may stand twice in an object, the last one counting.
    pub(super) lenient: bool,
}

/// What kind of value it is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    /// A number, `true` or `false`.
    Scalar,
    Null,
}

static NO_BODY: Bytes = Bytes::new();

// === impl Value ===

impl<'a> Value<'a> {
    /// The body of a request, checked to be JSON to its depths. Twice the same name in an object is a fault: readers
    /// differ in which one counts, and a guard must see what the provider sees.
    pub(crate) fn request(body: &'a Bytes) -> Result<Self, DecodeError> {
        Self::whole(body, false)
    }

    /// The body of a response, checked to be JSON to its depths.
    pub(crate) fn response(body: &'a Bytes) -> Result<Self, DecodeError> {
        Self::whole(body, true)
    }

    fn whole(body: &'a Bytes, lenient: bool) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(body).map_err(|_| DecodeError::new("the body is not UTF-8"))?;
        serde_json::from_str::<IgnoredAny>(text)
            .map_err(|error| DecodeError::new(format!("the body is not valid JSON: {error}")))?;
        Ok(Self { text: text.trim_ascii(), body, lenient })
    }

    /// A value of which nothing is kept as a slice.
    pub(crate) fn loose(text: &'a str) -> Self {
        Self::within(&NO_BODY, text)
    }

    /// A value within `body` that is known to be JSON, or whose faults do not matter.
    pub(crate) fn within(body: &'a Bytes, text: &'a str) -> Self {
        Self { text, body, lenient: true }
    }

    /// The same value, in which no name may stand twice, nor in another case.
    pub(crate) fn strict(self) -> Self {
        Self { lenient: false, ..self }
    }

    /// Whether a text is JSON to its depths.
    pub(crate) fn is_json(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    pub(crate) fn text(self) -> &'a str {
        self.text
    }

    pub(crate) fn body(self) -> &'a Bytes {
        self.body
    }

    pub(crate) fn raw(self) -> Raw {
        Raw::slice_of(self.body, self.text)
    }

    /// The text of a value of which the gateway knows nothing. In a request it must be one that guards see all of.
    pub(crate) fn unknown(self) -> Read<Raw> {
        if !self.lenient {
            serde_json::from_str::<Legible>(self.text)
                .map_err(|error| Fault::new(format!("cannot be read as a whole: {error}")))?;
        }
        Ok(self.raw())
    }

    /// Whether it is of an answer, whose faults must not cost the client the answer.
    pub(crate) fn is_lenient(self) -> bool {
        self.lenient
    }

    pub(crate) fn kind(self) -> Kind {
        match self.text.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b'n') => Kind::Null,
            _ => Kind::Scalar,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    pub(crate) fn string(self) -> Read<Cow<'a, str>> {
        let text = self.text;
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        inner.and_then(unescape).ok_or_else(|| Fault::new("must be a string"))
    }

    pub(crate) fn bool(self) -> Read<bool> {
        match self.text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Fault::new("must be true or false")),
        }
    }

    pub(crate) fn u64(self) -> Read<u64> {
        let number = self.text.parse().ok().or_else(|| {
            // `1e3` and `5.0` are whole numbers too.
            let number = self.f64().ok()?;
            (number.fract() == 0.0 && (0.0..=9e15).contains(&number)).then_some(number as u64)
        });
        number.ok_or_else(|| Fault::new("must be a whole number that is not negative"))
    }

    pub(crate) fn i64(self) -> Read<i64> {
        self.text.parse().map_err(|_| Fault::new("must be a whole number"))
    }

    pub(crate) fn f64(self) -> Read<f64> {
        let number = match self.text.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => self.text.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        };
        number.ok_or_else(|| Fault::new("must be a number"))
    }

    pub(crate) fn object(self) -> Read<Object<'a>> {
        Object::read(self)
    }

    pub(crate) fn elements(self) -> Read<impl Iterator<Item = Read<Value<'a>>>> {
        if self.kind() != Kind::Array {
            return Err(Fault::new("must be an array"));
        }
        Ok(scan::elements(self.text).map(move |element| Ok(Value { text: element?.value, ..self })))
    }

    /// Reads every element, naming the one at fault.
    pub(crate) fn list<T>(self, mut read: impl FnMut(Value<'a>) -> Read<T>) -> Read<Vec<T>> {
        self.elements()?.enumerate().map(|(index, value)| read(value?).map_err(|fault| fault.at(index))).collect()
    }
}
