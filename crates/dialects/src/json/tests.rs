use super::*;
use bytes::{Bytes, BytesMut};
use gatewright_model::DecodeError;

fn written(text: &str) -> String {
    let mut out = BytesMut::new();
    write_string(&mut out, text);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn strings_are_written_as_serde_writes_them() {
    for text in
        ["", "plain", "a\"b\\c/d", "line\nfeed\r\ttab", "\u{0}\u{1}\u{1f}\u{8}\u{c}", "é 😀 \u{2028}", "\\u0041"]
    {
        let back: String = serde_json::from_str(&written(text)).unwrap();
        assert_eq!(back, text);
        let inner = &written(text)[1..written(text).len() - 1];
        assert_eq!(unescape(inner).unwrap(), text);
    }
}

#[test]
fn escapes_are_read() {
    let cases = [
        (r#"a\"\\\/\b\f\n\r\t"#, "a\"\\/\u{8}\u{c}\n\r\t"),
        (r"\u00e9\ud83d\ude00x", "é😀x"),
        (r"\ud83d", "\u{fffd}"),
        (r"\ud83dx", "\u{fffd}x"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
    ];
    for (text, said) in cases {
        assert_eq!(unescape(text).as_deref(), Some(said), "{text}");
    }
    for text in [r"\", r"\x", r"\u", r"\u12", r"\u12g4", r"\u+123", r"\ué123"] {
        assert_eq!(unescape(text), None, "{text}");
    }
}

#[test]
fn faults_name_the_member() {
    let body = Bytes::from_static(br#"{"a":[{"b":1},{"b":"x","b":"y"}],"n":-1,"s":5}"#);
    let read = |lenient: bool| {
        let value = if lenient { Value::response(&body) } else { Value::request(&body) }.unwrap();
        let mut object = value.object()?;
        object.read_as("a", |list| list.list(|item| item.object()?.need_string("b")))
    };
    let error = DecodeError::from(read(false).unwrap_err());
    assert_eq!((error.to_string(), error.param()), ("`a[0].b` must be a string".to_owned(), Some("a[0].b")));

    let mut object = Value::request(&body).unwrap().object().unwrap();
    let twice =
        object.read_as("a", |list| list.list(|item| Ok(item.object()?.peek("b").map(Value::text)))).unwrap_err();
    assert_eq!(DecodeError::from(twice).to_string(), "`a[1].b` stands there twice");
    let fault = object.read_as("n", Value::u64).unwrap_err();
    assert_eq!(DecodeError::from(fault).to_string(), "`n` must be a whole number that is not negative");
    assert_eq!(DecodeError::from(object.need_string("z").unwrap_err()).to_string(), "`z` is missing");
    assert_eq!(DecodeError::from(Fault::new("is odd")).to_string(), "the body is odd");
}

#[test]
fn the_last_of_two_members_counts_in_a_response() {
    let many: String = (0..40).map(|n| format!("\"m{n}\":{n},")).collect();
    for body in [r#"{"b":"x","a":1,"b":"y"}"#.to_owned(), format!("{{{many}\"b\":\"x\",\"m3\":0,\"b\":\"y\"}}")] {
        let body = Bytes::from(body);
        let mut object = Value::response(&body).unwrap().object().unwrap();
        assert_eq!(object.string("b").unwrap().as_deref(), Some("y"));
        assert_eq!(object.string("b").unwrap(), None);
        assert!(Value::request(&body).unwrap().object().is_err());
    }
}

#[test]
fn numbers() {
    let body = Bytes::new();
    let value = |text: &'static str| Value::within(&body, text);
    assert_eq!(value("7").u64(), Ok(7));
    assert_eq!(value("7.0").u64(), Ok(7));
    assert_eq!(value("1e3").u64(), Ok(1000));
    assert_eq!(value("18446744073709551615").u64(), Ok(u64::MAX));
    for text in ["-1", "1.5", "\"7\"", "true", "1e30", "inf", "NaN"] {
        assert!(value(text).u64().is_err(), "{text}");
    }
    assert_eq!(value("-0.5e1").f64(), Ok(-5.0));
    for text in ["inf", "NaN", "+1", "1e999", "\"1\"", "true"] {
        assert!(value(text).f64().is_err(), "{text}");
    }
}

#[test]
fn null_counts_as_absent() {
    let body = Bytes::from_static(br#"{"a":null,"b":1,"c":2,"d":null}"#);
    let mut object = Value::request(&body).unwrap().object().unwrap();
    assert!(object.take("a").is_none() && object.peek("d").is_none());
    assert_eq!(object.read_as("b", Value::u64).unwrap(), Some(1));
    let rest = object.rest().unwrap();
    assert_eq!(rest.iter().map(|(name, raw)| (&**name, raw.as_str())).collect::<Vec<_>>(), [("c", "2"), ("d", "null")]);
    assert_eq!(rest[0].1.bytes().as_ptr(), body[20..].as_ptr(), "raw slices share the buffer");
}

#[test]
fn nested_objects_leave_what_is_not_known() {
    let body = Bytes::from_static(br#"{"i":{"url":"u","x":[1]},"j":{"url":"v"}}"#);
    let mut object = Value::request(&body).unwrap().object().unwrap();
    assert_eq!(object.nested("i", |inner| inner.need_string("url")).unwrap(), "u");
    assert_eq!(object.nested("j", |inner| inner.need_string("url")).unwrap(), "v");
    let rest = object.rest().unwrap();
    let mut out = BytesMut::new();
    write::object(&mut out, |object| {
        for name in ["i", "j"] {
            object.nested(name, &rest, &[("url", write::string("new"))]);
        }
    });
    assert_eq!(out, r#"{"i":{"url":"new","x":[1]},"j":{"url":"new"}}"#);
}

#[test]
fn members_are_set() {
    let set = |text: &str, value: &'static str| {
        let set = with_members(text, &[("k", Bytes::from_static(value.as_bytes()))]);
        set.map(|out| String::from_utf8(out.to_vec()).unwrap()).ok()
    };
    assert_eq!(set("{}", "1").unwrap(), r#"{"k":1}"#);
    assert_eq!(set(" { } ", "1").unwrap(), r#" {"k":1 } "#);
    assert_eq!(set(r#"{"a": 1 }"#, "2").unwrap(), r#"{"a": 1,"k":2 }"#);
    assert_eq!(set(r#"{"k":{"x":1}, "a":2}"#, "null").unwrap(), r#"{"k":null, "a":2}"#);
    assert_eq!(set("[]", "1"), None);
}

#[test]
fn edits_keep_the_rest() {
    let text = Bytes::from_static(b"0123456789");
    let edits = || {
        let mut edits = Edits::default();
        edits.replace(7..9, "b");
        edits.replace(2..4, "");
        edits.replace(4..4, "a");
        edits
    };
    let mut out = BytesMut::new();
    edits().write(&text, &mut out);
    assert_eq!(out, "01a456b9");
    let slices = edits().slices(&text);
    assert_eq!(slices.concat(), b"01a456b9");
    assert_eq!(slices[0].as_ptr(), text.as_ptr());
    assert_eq!(Edits::default().slices(&text).len(), 1);
}

#[test]
fn what_is_unknown_is_one_that_guards_see_all_of() {
    let whole = r#"{"type":"new","n":[1,-2,0.5,null,true],"a":{"b":"\u00e4\ud83d\ude00"}}"#;
    let unknown = |text: &str| {
        let body = Bytes::from(text.to_owned());
        let strict = Value::request(&body).unwrap().unknown().map(|raw| raw.as_str().to_owned());
        assert_eq!(Value::response(&body).unwrap().unknown().map(|raw| raw.as_str().to_owned()).as_deref(), Ok(text));
        strict
    };
    assert_eq!(unknown(whole).as_deref(), Ok(whole));
    let deep = format!("{}\"x\"{}", "[".repeat(200), "]".repeat(200));
    for hidden in [
        r#"{"n":1e999,"a":"x"}"#,
        r#"{"n":"\ud800","a":"x"}"#,
        r#"{"a":{"b":"x","b":"y"}}"#,
        r#"{"a":{"$serde_json::private::RawValue":"x"}}"#,
        &deep,
    ] {
        assert!(unknown(hidden).is_err(), "{hidden}");
    }
}

#[test]
fn needless_escapes_are_taken_back() {
    for (json, said) in [
        (r#"{"a":"b\nc"}"#, r#"{"a":"b\nc"}"#),
        (r#"{"\u0061":"\u0069\u00e9\u20ac"}"#, r#"{"a":"ié€"}"#),
        (r#"["\ud83d\ude00","\ud83d","\ud83dx\u0041"]"#, r#"["😀","\ud83d","\ud83dxA"]"#),
        (r#"["\u0022\u005c\u000a\u001f\u007f"]"#, "[\"\\u0022\\u005c\\u000a\\u001f\u{7f}\"]"),
        (r#"["\\u0061","\\\u0061","\"\u0061"]"#, r#"["\\u0061","\\a","\"a"]"#),
        // What is no JSON is no reason to fail.
        (r"\u00", r"\u00"),
        (r"\u0061\", r"a\"),
        (r"\é\u0061", r"\éa"),
    ] {
        assert_eq!(plain(json), said, "{json}");
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(json) {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&plain(json)).unwrap(), value, "{json}");
        }
    }
}
