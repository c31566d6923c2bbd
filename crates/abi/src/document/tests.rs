use super::*;
use serde_json::{Value as Json, json};

#[test]
fn json_survives() {
    let value = json!({ "a": [1, -2, 0.5, null, true, "text"], "b": { "c": {} }, "big": u64::MAX });
    assert_eq!(read::<Json>(&write(&value)), Ok(value));
}

#[test]
fn unknown_members_are_passed_over() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Known {
        a: u32,
    }
    assert_eq!(read(&write(&json!({ "new": [1, { "x": 2 }], "a": 7 }))), Ok(Known { a: 7 }));
}

#[test]
fn hostile_bytes_are_refused() {
    let whole = write(&json!({ "a": ["x", { "b": 1.5 }] }));
    for end in 0..whole.len() {
        assert!(read::<Json>(&whole[..end]).is_err(), "{end}");
    }
    // An array that claims to be endless, text that is not UTF-8, and nesting without end.
    for hostile in [&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], &[0x62, 0xff, 0xfe], &[0x81; 100_000]]
    {
        assert!(read::<Json>(hostile).is_err());
    }
}
