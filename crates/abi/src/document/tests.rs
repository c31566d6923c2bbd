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
fn values_are_counted() {
    let nulls = |count: u32| [&[0x9a], &count.to_be_bytes()[..], &vec![0xf6; count as usize]].concat();
    assert_eq!(read::<Vec<Option<u8>>>(&nulls(250_000)).map(|values| values.len()), Ok(250_000));
    let refused = NotADocument::oversized("it has more than 250000 values");
    assert_eq!(read::<Vec<Option<u8>>>(&nulls(250_001)), Err(refused.clone()));
    assert!(read_with::<Vec<Option<u8>>>(&nulls(250_001), checked).is_ok(), "of the gateway's own");
    // Over all lists and maps of a document together.
    let lists = [vec![0x82], nulls(125_000), nulls(125_000)].concat();
    assert_eq!(read::<Json>(&lists), Err(refused));
}

#[test]
fn numbers_may_be_written_in_another_way() {
    // As other languages write them: a float of 16, of 32, of 64 bits, and an integer.
    for (bytes, number) in [
        (&[0xf9, 0x3e, 0x00][..], 1.5),
        (&[0xf9, 0xc0, 0x00], -2.0),
        (&[0xf9, 0x00, 0x01], 2_f64.powi(-24)),
        (&[0xfa, 0x3f, 0xc0, 0, 0], 1.5),
        (&[0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5),
        (&[0x01], 1.0),
        (&[0x20], -1.0),
    ] {
        assert_eq!(read::<f64>(bytes), Ok(number));
        assert_eq!(read::<f32>(bytes), Ok(number as f32));
    }
    assert_eq!(read::<f64>(&[0xf9, 0xfc, 0x00]), Ok(f64::NEG_INFINITY));
    assert_eq!(read::<u64>(&[0xfb, 0x41, 0xf0, 0, 0, 0, 0, 0, 0]), Ok(1 << 32));
    assert_eq!(read::<i8>(&[0xf9, 0xc0, 0x00]), Ok(-2));
    for none in
        [&[0xf9, 0x3e, 0x00][..], &[0xf9, 0x7e, 0x00], &[0xf9, 0xc0, 0x00], &[0xfb, 0x43, 0x40, 0, 0, 0, 0, 0, 0]]
    {
        assert!(read::<u64>(none).is_err(), "{none:x?}");
    }
}

#[test]
fn maps_and_documents_may_begin_in_another_way() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    enum Sort {
        Of(u32),
    }
    // {"Of": 7} with its length in one byte, in two, and behind the tag of documents.
    for bytes in [&b"\xa1\x62Of\x07"[..], b"\xb9\0\x01\x62Of\x07", b"\xd9\xd9\xf7\xa1\x62Of\x07"] {
        assert_eq!(read(bytes), Ok(Sort::Of(7)));
    }
    assert!(read::<Sort>(b"\xb9\0\x02\x62Of\x07\x62Of\x07").is_err(), "two variants");
}

#[test]
fn texts_of_any_length_are_looked_at() {
    for length in [0, 1, 7, 11, 12, 63, 64, 65, 127, 128, 1000, 32_767, 32_768] {
        let whole = write(&"ä".repeat(length));
        assert_eq!(read::<String>(&whole), Ok("ä".repeat(length)));
        if length > 0 {
            let mut broken = whole.clone();
            *broken.last_mut().unwrap() = b'x';
            assert!(read::<String>(&broken).is_err(), "{length}");
        }
    }
    // Lengths of more bytes than they need, and texts that end too early.
    for long in [&b"\x78\x01a"[..], b"\x79\0\x01a", b"\x7a\0\0\0\x01a", b"\x7b\0\0\0\0\0\0\0\x01a"] {
        assert_eq!(read::<String>(long), Ok("a".to_owned()));
        assert!(read::<String>(&long[..long.len() - 1]).is_err(), "{long:x?}");
    }
    assert!(read::<String>(b"\x7a\xff\xff\xff\xffa").is_err());
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

#[test]
fn what_is_wrong_is_said_in_words() {
    let wrong = |found: Result<u32, NotADocument>| found.unwrap_err().to_string();
    assert_eq!(wrong(read(b"\x61a")), "not a legal document: an integer from 0 is wanted, and a text stands there");
    assert_eq!(wrong(read(b"\x1a\x00")), "not a legal document: it ends too early");
}
