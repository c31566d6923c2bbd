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

#[test]
fn texts_of_any_length_are_looked_at() {
    for length in [0, 1, 7, 63, 64, 65, 1000] {
        let whole = write(&"ä".repeat(length));
        assert_eq!(read::<String>(&whole), Ok("ä".repeat(length)));
        if length > 0 {
            let mut broken = whole.clone();
            *broken.last_mut().unwrap() = b'x';
            assert!(read::<String>(&broken).is_err(), "{length}");
        }
    }
}

#[test]
fn a_variant_holds_what_it_must() {
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    enum Sort {
        Bare,
        Of(u32),
        Named { a: u32 },
        Pair(u8, u8),
    }
    for sort in [Sort::Bare, Sort::Of(7), Sort::Named { a: 7 }, Sort::Pair(1, 2)] {
        assert_eq!(read(&write(&[&sort])), Ok([sort]));
    }
    assert_eq!(read::<Vec<Sort>>(&write(&json!([{ "Bare": null }, "Bare"]))), Ok(vec![Sort::Bare, Sort::Bare]));
    assert!(read::<Vec<Sort>>(&write(&json!(["Of", 7]))).is_err());
    assert!(read::<Sort>(&write(&json!({ "Pair": [1, 2, 3] }))).is_err());
}

#[test]
fn what_ends_with_a_mark_is_read_too() {
    // {_ "a": [_ 1, 2], "b": (_ "x", "y")}
    let marked = b"\xbf\x61a\x9f\x01\x02\xff\x61b\x7f\x61x\x61y\xff\xff";
    assert_eq!(read::<Json>(marked), Ok(json!({ "a": [1, 2], "b": "xy" })));
}
