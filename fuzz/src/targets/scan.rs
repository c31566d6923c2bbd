//! The scanner: what serde_json takes for an object whose names differ, the scanner takes too, and finds the same
//! members in it.

use gatewright_dialects::scan;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use std::{collections::HashSet, fmt};

/// Compares.
pub fn run(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let scanned: Result<Vec<_>, _> = scan::members(text).collect();
    if let Ok(members) = &scanned {
        for member in members {
            assert_eq!(&text[member.value_span.clone()], member.value);
            assert!(text[member.span()].ends_with(member.value));
        }
    }
    if let Ok(Value::Array(values)) = serde_json::from_str(text) {
        let elements: Vec<_> = scan::elements(text).map(|element| element.map(|element| element.value)).collect();
        assert_eq!(elements.len(), values.len());
        for (element, value) in elements.into_iter().zip(values) {
            assert_eq!(element.ok().and_then(|text| serde_json::from_str(text).ok()), Some(value));
        }
    }
    let Ok(Members(expected)) = serde_json::from_str(text) else {
        return scanned.is_ok();
    };
    let names: HashSet<_> = expected.iter().map(|(name, _)| name).collect();
    if names.len() < expected.len() {
        return true;
    }
    let members = match scanned {
        Ok(members) => members,
        Err(error) => panic!("refused what is JSON: {error}"),
    };
    let found: Vec<_> =
        members.iter().map(|member| (member.name().into_owned(), serde_json::from_str(member.value).ok())).collect();
    assert_eq!(found, expected.into_iter().map(|(name, value)| (name, Some(value))).collect::<Vec<_>>());
    true
}

/// An object with its names as they stand, also where one stands twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
