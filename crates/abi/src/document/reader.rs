//! Documents as serde reads them.
//!
//! The library has such a reader too, but its own checks every text for being UTF-8 with the standard library: in a
//! component, where that has no vectors, a third of what reading 100 KB takes.

use super::{NotADocument, Texts};
use cbor4ii::core::dec::{Decode, Error, IgnoredAny, Read, Reference, is_break};
use cbor4ii::core::types::{Array, Bytes, Map, UncheckedStr};
use cbor4ii::core::utils::SliceReader;
use cbor4ii::core::{major, marker};
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::borrow::Cow;
use std::fmt::{Debug, Display};

/// Reads a document. Nesting is bounded, and nothing is taken before its bytes are there.
pub(crate) struct Reader<'de> {
    source: SliceReader<'de>,
    texts: Texts,
}

/// The elements of an array, or the members of a map.
struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    /// How many are left; `None` where a mark says that they end.
    left: Option<usize>,
}

/// The variant of an enumeration: a text, or a map whose one member is the variant with what it holds.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
    holds: bool,
}

type Result<T, E = NotADocument> = std::result::Result<T, E>;

impl<E: Debug> From<Error<E>> for NotADocument {
    #[cold]
    fn from(error: Error<E>) -> Self {
        Self::new(format!("{error:?}"))
    }
}

impl de::Error for NotADocument {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

// === impl Reader ===

impl<'de> Reader<'de> {
    pub(super) fn new(document: &'de [u8], texts: Texts) -> Self {
        Self { source: SliceReader::new(document), texts }
    }

    /// The next byte, which stays.
    fn peek(&mut self) -> Result<u8> {
        let next = match self.source.fill(1) {
            Ok(Reference::Long(bytes) | Reference::Short(bytes)) => bytes.first().copied(),
        };
        next.ok_or_else(|| NotADocument::new("it ends too early"))
    }

    /// The bytes of a text of less than 24 bytes, if that is next: most are names, whose length is in their first byte.
    fn short(&mut self) -> Option<&'de [u8]> {
        let Ok(Reference::Long(next)) = self.source.fill(24) else { return None };
        let (first @ 0x60..=0x77, rest) = next.split_first()? else { return None };
        let text = rest.get(..usize::from(first & 0x1f))?;
        self.source.advance(1 + text.len());
        Some(text)
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
            let left = Array::len(&mut reader.source)?;
            match length {
                Some(wanted) if left != Some(wanted) => Err(NotADocument::new(format!("no array of {wanted}"))),
                _ => visitor.visit_seq(Elements { reader, left }),
            }
        })
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty => $visit:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit(<$type>::decode(&mut self.source)?)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = NotADocument;

    numbers! {
        deserialize_bool: bool => visit_bool, deserialize_i8: i8 => visit_i8, deserialize_i16: i16 => visit_i16,
        deserialize_i32: i32 => visit_i32, deserialize_i64: i64 => visit_i64, deserialize_i128: i128 => visit_i128,
        deserialize_u8: u8 => visit_u8, deserialize_u16: u16 => visit_u16, deserialize_u32: u32 => visit_u32,
        deserialize_u64: u64 => visit_u64, deserialize_u128: u128 => visit_u128, deserialize_f32: f32 => visit_f32,
        deserialize_f64: f64 => visit_f64
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
                marker::F32 => self.deserialize_f32(visitor),
                marker::F64 => self.deserialize_f64(visitor),
                _ => Err(NotADocument::new(format!("{byte:#04x} begins nothing that it may hold"))),
            },
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let no_text = || NotADocument::new("a text is not UTF-8");
        if let Some(bytes) = self.short() {
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
        self.deserialize_str(visitor)
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
            byte => Err(NotADocument::new(format!("{byte:#04x} is no null"))),
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
            let left = Map::len(&mut reader.source)?;
            visitor.visit_map(Elements { reader, left })
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
                byte if byte == major::MAP << 5 | 1 => {
                    reader.source.advance(1);
                    true
                }
                byte => return Err(NotADocument::new(format!("{byte:#04x} begins no variant"))),
            };
            visitor.visit_enum(Variant { reader, holds })
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
    fn another(&mut self) -> Result<bool> {
        match &mut self.left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None => Ok(!is_break(&mut self.reader.source)?),
        }
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
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        seed.deserialize(&mut *self.reader)
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
        let name = seed.deserialize(&mut *self.reader)?;
        Ok((name, self))
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
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.held()?;
        self.reader.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.held()?;
        self.reader.deserialize_map(visitor)
    }
}
