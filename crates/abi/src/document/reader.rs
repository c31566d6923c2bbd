//! Documents as serde reads them.
//!
//! The library has such a reader too, but its own checks every text for being UTF-8 with the standard library: in a
//! component, where that has no vectors, a third of what reading 100 KB takes.

use super::words::{kind, no_text, too_many};
use super::{NotADocument, Texts};
use cbor4ii::core::dec::{Decode, IgnoredAny, Read, Reference, is_break};
use cbor4ii::core::types::{Array, Bytes, F16, Map, UncheckedStr};
use cbor4ii::core::utils::SliceReader;
use cbor4ii::core::{major, marker};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::borrow::Cow;

/// The most values of a document: each may be one byte there, and a hundred where it is read to.
pub(super) const MOST_VALUES: usize = 250_000;

/// What some encoders begin a document with: the tag that says that it is one.
const SELF_DESCRIBED: &[u8] = &[0xd9, 0xd9, 0xf7];

/// Reads a document. Nesting and the number of values are bounded, and nothing is taken before its bytes are there.
pub(crate) struct Reader<'de> {
    source: SliceReader<'de>,
    texts: Texts,
    /// How many values there may still be.
    values: usize,
}

/// The elements of an array, or the members of a map.
struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    /// How many are left; `None` where a mark says that they end.
    left: Option<usize>,
    /// The document from the name of the member on that is read.
    name: &'de [u8],
}

/// The variant of an enumeration: a text, or a map whose one member is the variant with what it holds.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
    holds: bool,
    /// The document from the variant's name on.
    name: &'de [u8],
}

/// Whether what is wrong is told with its place. A guest reads what the host wrote, and no step is to be too many there.
const TELLS_PLACES: bool = cfg!(not(target_arch = "wasm32"));

type Result<T, E = NotADocument> = std::result::Result<T, E>;

// === impl Reader ===

impl<'de> Reader<'de> {
    pub(super) fn new(document: &'de [u8], texts: Texts, values: usize) -> Self {
        let document = document.strip_prefix(SELF_DESCRIBED).unwrap_or(document);
        Self { source: SliceReader::new(document), texts, values }
    }

    /// The next byte, which stays.
    fn peek(&mut self) -> Result<u8> {
        let next = match self.source.fill(1) {
            Ok(Reference::Long(bytes) | Reference::Short(bytes)) => bytes.first().copied(),
        };
        next.ok_or_else(|| NotADocument::new("it ends too early"))
    }

    /// What is not read yet.
    fn rest(&mut self) -> &'de [u8] {
        match self.source.fill(usize::MAX) {
            Ok(Reference::Long(rest)) => rest,
            Ok(Reference::Short(_)) => &[],
        }
    }

    /// The bytes of a text, if that is next and says its length in up to four bytes, as nearly all do.
    fn text(&mut self) -> Option<&'de [u8]> {
        let next = self.rest();
        let (before, length) = match *next {
            [first @ 0x60..=0x77, ..] => (1, usize::from(first & 0x1f)),
            [0x78, length, ..] => (2, usize::from(length)),
            [0x79, a, b, ..] => (3, usize::from(u16::from_be_bytes([a, b]))),
            [0x7a, a, b, c, d, ..] => (5, u32::from_be_bytes([a, b, c, d]) as usize),
            _ => return None,
        };
        let text = next.get(before..)?.get(..length)?;
        self.source.advance(before + length);
        Some(text)
    }

    /// A number that is small enough to stand in the first byte of what is next, if that is of this kind: most are.
    fn small(&mut self, major: u8) -> Option<u8> {
        let byte = self.peek().ok()?;
        let number = byte & 0x1f;
        (byte >> 5 == major && number < 0x18).then(|| {
            self.source.advance(1);
            number
        })
    }

    /// Counts values, as many as a list or a map says that it has.
    fn count(&mut self, more: Option<usize>) -> Result<()> {
        self.values = self.values.checked_sub(more.unwrap_or_default()).ok_or_else(too_many)?;
        Ok(())
    }

    /// A number that is written as a float of any width.
    #[cold]
    fn float(&mut self) -> Result<f64> {
        Ok(match self.peek()? {
            marker::F16 => of_half(F16::decode(&mut self.source)?.0),
            marker::F32 => f64::from(f32::decode(&mut self.source)?),
            _ => f64::decode(&mut self.source)?,
        })
    }

    /// What is one level further in.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if !self.source.step_in() {
            return Err(NotADocument::new("it is nested too deeply"));
        }
        let result = read(self);
        self.source.step_out();
        result
    }

    fn array<V: Visitor<'de>>(&mut self, length: Option<usize>, visitor: V) -> Result<V::Value> {
        self.nested(|reader| {
            let left = match reader.small(major::ARRAY) {
                Some(few) => Some(few.into()),
                None => Array::len(&mut reader.source)?,
            };
            reader.count(left)?;
            match length {
                Some(wanted) if left != Some(wanted) => Err(NotADocument::new(format!("no array of {wanted}"))),
                _ => visitor.visit_seq(Elements { reader, left, name: &[] }),
            }
        })
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty => $visit:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            if let Some(number) = self.small(major::UNSIGNED) {
                return visitor.$visit(number as $type);
            }
            match self.peek()? {
                marker::F16..=marker::F64 => visitor.visit_i64(whole(self.float()?)?),
                _ => visitor.$visit(<$type>::decode(&mut self.source)?),
            }
        })*
    };
}

/// An integer that somebody wrote as a float, in whose language they are one.
fn whole(number: f64) -> Result<i64> {
    /// Above it a float stands for several integers.
    const MOST: f64 = 9_007_199_254_740_991.0;
    match number.fract() == 0.0 && number.abs() <= MOST {
        true => Ok(number as i64),
        false => Err(NotADocument::new(format!("{number} is no integer"))),
    }
}

/// What is wrong inside of the member whose name `document` begins with.
#[cold]
fn inside(wrong: NotADocument, document: &[u8]) -> NotADocument {
    let name = Reader::new(document, super::checked, 0).text().and_then(super::checked);
    match name.filter(|name| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(name) => wrong.under(name),
        None => wrong,
    }
}

/// The number that a float of 16 bits stands for.
fn of_half(bits: u16) -> f64 {
    let (sign, exponent, fraction) = (bits >> 15, i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = NotADocument;

    integers! {
        deserialize_i8: i8 => visit_i8, deserialize_i16: i16 => visit_i16,
        deserialize_i32: i32 => visit_i32, deserialize_i64: i64 => visit_i64, deserialize_i128: i128 => visit_i128,
        deserialize_u8: u8 => visit_u8, deserialize_u16: u16 => visit_u16, deserialize_u32: u32 => visit_u32,
        deserialize_u64: u64 => visit_u64, deserialize_u128: u128 => visit_u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_bool(bool::decode(&mut self.source)?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            marker::F16..=marker::F64 => visitor.visit_f64(self.float()?),
            _ => visitor.visit_f64(i128::decode(&mut self.source)? as f64),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let byte = self.peek()?;
        match byte >> 5 {
            major::UNSIGNED => self.deserialize_u64(visitor),
            major::NEGATIVE => match i128::decode(&mut self.source)? {
                number if let Ok(number) = i64::try_from(number) => visitor.visit_i64(number),
                number => visitor.visit_i128(number),
            },
            major::BYTES => self.deserialize_bytes(visitor),
            major::STRING => self.deserialize_str(visitor),
            major::ARRAY => self.nested(|reader| reader.deserialize_seq(visitor)),
            major::MAP => self.nested(|reader| reader.deserialize_map(visitor)),
            _ => match byte {
                // Numbers of more than 64 bits.
                0xc2 => self.deserialize_u128(visitor),
                0xc3 => self.deserialize_i128(visitor),
                marker::FALSE | marker::TRUE => self.deserialize_bool(visitor),
                marker::NULL | marker::UNDEFINED => {
                    self.source.advance(1);
                    visitor.visit_none()
                }
                marker::F16 | marker::F32 | marker::F64 => self.deserialize_f64(visitor),
                _ => Err(NotADocument::new(format!("{byte:#04x} begins nothing that it may hold"))),
            },
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(bytes) = self.text() {
            return visitor.visit_borrowed_str((self.texts)(bytes).ok_or_else(no_text)?);
        }
        match UncheckedStr::<Cow<'de, [u8]>>::decode(&mut self.source)?.0 {
            Cow::Borrowed(bytes) => visitor.visit_borrowed_str((self.texts)(bytes).ok_or_else(no_text)?),
            Cow::Owned(bytes) => visitor.visit_string(String::from_utf8(bytes).map_err(|_| no_text())?),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.text() {
            // ASCII, as every name that there is: no text need be made of what is only compared.
            Some(bytes) if bytes.iter().fold(0, |all, byte| all | byte) < 0x80 => visitor.visit_borrowed_bytes(bytes),
            Some(bytes) => visitor.visit_borrowed_str((self.texts)(bytes).ok_or_else(no_text)?),
            None => self.deserialize_str(visitor),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match Bytes::<Cow<'de, [u8]>>::decode(&mut self.source)?.0 {
            Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            marker::NULL | marker::UNDEFINED => {
                self.source.advance(1);
                visitor.visit_none()
            }
            _ => self.nested(|reader| visitor.visit_some(reader)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            // An empty array is how the library writes one.
            marker::NULL | 0x80 => {
                self.source.advance(1);
                visitor.visit_unit()
            }
            byte => Err(NotADocument::new(format!("null is wanted, and {} stands there", kind(byte)))),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.array(None, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.array(Some(length), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, length: usize, visitor: V) -> Result<V::Value> {
        self.array(Some(length), visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.nested(|reader| {
            let left = match reader.small(major::MAP) {
                Some(few) => Some(few.into()),
                None => Map::len(&mut reader.source)?,
            };
            reader.count(left)?;
            visitor.visit_map(Elements { reader, left, name: &[] })
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.nested(|reader| {
            let holds = match reader.peek()? {
                byte if byte >> 5 == major::STRING => false,
                byte if byte >> 5 == major::MAP && Map::len(&mut reader.source)? == Some(1) => true,
                byte => {
                    let found = kind(byte);
                    let why = format!("a word or a map of one member is wanted, and {found} stands there");
                    return Err(NotADocument::new(why));
                }
            };
            visitor.visit_enum(Variant { reader, holds, name: &[] })
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        IgnoredAny::decode(&mut self.source)?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

// === impl Elements ===

impl Elements<'_, '_> {
    /// Whether there is another.
    #[inline]
    fn another(&mut self) -> Result<bool> {
        match &mut self.left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None => self.another_before_the_mark(),
        }
    }

    /// The same where nobody said how many there are: few write such lists.
    #[cold]
    fn another_before_the_mark(&mut self) -> Result<bool> {
        self.reader.count(Some(1))?;
        Ok(!is_break(&mut self.reader.source)?)
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = NotADocument;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match self.another()? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.left
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = NotADocument;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if TELLS_PLACES {
            self.name = self.reader.rest();
        }
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        seed.deserialize(&mut *self.reader).map_err(|wrong| inside(wrong, self.name))
    }

    fn size_hint(&self) -> Option<usize> {
        self.left
    }
}

// === impl Variant ===

impl Variant<'_, '_> {
    fn held(&self) -> Result<()> {
        self.holds.then_some(()).ok_or_else(|| NotADocument::new("a variant holds nothing and must hold something"))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = NotADocument;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let before = self.reader.rest();
        let name = seed.deserialize(&mut *self.reader)?;
        Ok((name, Self { name: if TELLS_PLACES { before } else { &[] }, ..self }))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = NotADocument;

    fn unit_variant(self) -> Result<()> {
        if self.holds {
            IgnoredAny::decode(&mut self.reader.source)?;
        }
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        self.held()?;
        seed.deserialize(self.reader).map_err(|wrong| inside(wrong, self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.held()?;
        self.reader.deserialize_tuple(length, visitor).map_err(|wrong| inside(wrong, self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.held()?;
        self.reader.deserialize_map(visitor).map_err(|wrong| inside(wrong, self.name))
    }
}
