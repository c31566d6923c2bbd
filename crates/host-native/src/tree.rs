//! Documents as trees, and paths through them.

use bytes::Bytes;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(Bytes),
    Bytes(Bytes),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

// === impl Node ===

impl Node {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(Bytes::from(text.into()))
    }

    pub(crate) fn map<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The member of a map.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Map(members) => members.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Takes a member out of a map.
    pub(crate) fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Map(members) = self else { return None };
        let at = members.iter().position(|(key, _)| key == name)?;
        Some(members.remove(at).1)
    }

    /// Puts a member into a map, in place of one of this name.
    pub(crate) fn put(&mut self, name: &str, value: Self) {
        let Self::Map(members) = self else { return };
        match members.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => members.push((name.to_owned(), value)),
        }
    }

    /// What stands behind one segment of a path: a member, a place in a list, or the second of the pair whose first is
    /// this name. Names of pairs are compared without regard to case, as headers are.
    pub(crate) fn step(&self, segment: &str) -> Option<&Self> {
        match self {
            Self::Map(_) => self.member(segment),
            Self::List(items) => items.get(place(items, segment)?).map(|item| inside(item, segment)),
            _ => None,
        }
    }

    /// The same, to change.
    pub(crate) fn step_mut(&mut self, segment: &str) -> Option<&mut Self> {
        match self {
            Self::Map(_) => self.member_mut(segment),
            Self::List(items) => {
                let place = place(items, segment)?;
                let item = items.get_mut(place)?;
                if is_number(segment) {
                    return Some(item);
                }
                // A name leads to pairs alone.
                match item {
                    Self::List(pair) => pair.get_mut(1),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Takes all but the first of the pairs with this name out of a list.
    pub(crate) fn leave_first(&mut self, name: &str) {
        if let Self::List(items) = self
            && !is_number(name)
            && let Some(first) = place(items, name)
        {
            let mut at = 0;
            items.retain(|item| {
                at += 1;
                at - 1 <= first || !is_named(item, name)
            });
        }
    }

    /// What stands at the end of a path.
    pub(crate) fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter().try_fold(self, Self::step)
    }

    /// Whether it has entries, or would: nothing stands for a list or map that is not there.
    pub(crate) fn has_entries(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_) | Self::Null)
    }
}

pub(crate) fn is_number(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit())
}

fn place(items: &[Node], segment: &str) -> Option<usize> {
    if is_number(segment) {
        return segment.parse().ok();
    }
    items.iter().position(|item| is_named(item, segment))
}

/// Whether it is a pair of this name, as headers are.
fn is_named(item: &Node, segment: &str) -> bool {
    match item {
        Node::List(pair) => match pair.as_slice() {
            [Node::Text(name), _] => name.eq_ignore_ascii_case(segment.as_bytes()),
            _ => false,
        },
        _ => false,
    }
}

fn inside<'n>(item: &'n Node, segment: &str) -> &'n Node {
    match item {
        Node::List(pair) if !is_number(segment) => pair.get(1).unwrap_or(item),
        item => item,
    }
}

// === serde ===

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            // It was a text when it came, or was checked when it was set.
            Self::Text(text) => serializer.serialize_str(&String::from_utf8_lossy(text)),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or(Node::Unsigned(value), Node::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::text(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::text(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Node, E> {
        Ok(Node::Bytes(Bytes::copy_from_slice(value)))
    }

    fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Node, E> {
        Ok(Node::Bytes(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<Node, Node>()? {
            let name = match name {
                Node::Text(name) => String::from_utf8_lossy(&name).into_owned(),
                Node::Int(number) => number.to_string(),
                _ => return Err(de::Error::custom("a member's name is a text")),
            };
            members.push((name, value));
        }
        Ok(Node::Map(members))
    }
}

#[cfg(test)]
mod tests;
