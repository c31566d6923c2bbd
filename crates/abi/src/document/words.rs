//! What is wrong with a document, in words.

use super::NotADocument;
use super::reader::MOST_VALUES;
use cbor4ii::core::dec::Error;
use cbor4ii::core::{major, marker};
use serde::de;
use std::fmt::{Debug, Display};

#[cold]
pub(super) fn no_text() -> NotADocument {
    NotADocument::new("a text is not UTF-8")
}

#[cold]
pub(super) fn too_many() -> NotADocument {
    NotADocument::oversized(format!("it has more than {MOST_VALUES} values"))
}

impl<E: Debug> From<Error<E>> for NotADocument {
    #[cold]
    fn from(error: Error<E>) -> Self {
        Self::new(match error {
            Error::Mismatch { name, found } => format!("{} is wanted, and {} stands there", wanted(name), kind(found)),
            Error::Eof { .. } => "it ends too early".to_owned(),
            Error::CastOverflow { name } => format!("a number does not fit: {} is wanted", wanted(name)),
            Error::DepthOverflow { .. } => "it is nested too deeply".to_owned(),
            other => format!("{other:?}"),
        })
    }
}

/// What the library looks for, for people.
fn wanted(name: &str) -> &str {
    match name {
        "str" => "a text",
        "bytes" => "bytes",
        "array" => "a list",
        "map" => "a map",
        "bool" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "u128" => "an integer from 0",
        "i8" | "i16" | "i32" | "i64" | "i128" => "an integer",
        "f32" | "f64" => "a number",
        other => other,
    }
}

/// What a first byte begins, for people.
pub(super) fn kind(byte: u8) -> &'static str {
    match byte >> 5 {
        major::UNSIGNED => "an integer",
        major::NEGATIVE => "a negative integer",
        major::BYTES => "a list of bytes",
        major::STRING => "a text",
        major::ARRAY => "a list",
        major::MAP => "a map",
        _ => match byte {
            marker::NULL | marker::UNDEFINED => "null",
            marker::FALSE | marker::TRUE => "a boolean",
            marker::F16 | marker::F32 | marker::F64 => "a float",
            _ => "something else",
        },
    }
}

impl de::Error for NotADocument {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}
