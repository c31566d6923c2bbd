use super::*;

fn shares(raw: &Raw, buffer: &Bytes) -> bool {
    let start = buffer.as_ptr() as usize;
    (start..=start + buffer.len()).contains(&(raw.bytes().as_ptr() as usize))
}

#[test]
fn a_slice_of_the_buffer_shares_it() {
    let buffer = Bytes::from(r#"{"a":[1,2],"b":"é"}"#.to_owned());
    let text = std::str::from_utf8(&buffer).unwrap();
    for part in [text, &text[5..10], &text[15..19], &text[..1], &text[text.len() - 1..]] {
        let raw = Raw::slice_of(&buffer, part);
        assert_eq!(raw.as_str(), part);
        assert!(shares(&raw, &buffer), "{part}");
    }
}

#[test]
fn an_empty_slice_is_empty_wherever_it_points() {
    let buffer = Bytes::from("abc".to_owned());
    let text = std::str::from_utf8(&buffer).unwrap();
    for part in [&text[..0], &text[1..1], &text[3..], ""] {
        assert_eq!(Raw::slice_of(&buffer, part).as_str(), "");
    }
    assert_eq!(Raw::slice_of(&Bytes::new(), "").as_str(), "");
}

#[test]
fn a_text_from_elsewhere_is_copied() {
    let buffer = Bytes::from("abc".to_owned());
    let raw = Raw::slice_of(&buffer, "abc");
    assert_eq!(raw.as_str(), "abc");
    assert!(!shares(&raw, &buffer));
}

#[test]
fn a_text_that_reaches_over_the_slice_is_copied() {
    // The whole lies in one allocation, of which the buffer is the middle.
    let whole = Bytes::from("abcdef".to_owned());
    let (buffer, text) = (whole.slice(2..4), std::str::from_utf8(&whole).unwrap());
    for (part, is_inside) in [(&text[2..4], true), (&text[1..3], false), (&text[3..5], false), (text, false)] {
        let raw = Raw::slice_of(&buffer, part);
        assert_eq!(raw.as_str(), part);
        assert_eq!(shares(&raw, &whole), is_inside, "{part}");
    }
}

#[test]
fn what_is_not_utf8_is_refused() {
    assert_eq!(Raw::new(Bytes::from_static(b"\"\xff\"")), None);
    assert_eq!(Raw::new(Bytes::from_static(b"[1]")).unwrap().to_value(), serde_json::json!([1]));
}

#[test]
fn what_is_not_json_reads_as_null() {
    assert_eq!(Raw::new(Bytes::from_static(b"{")).unwrap().to_value(), serde_json::Value::Null);
    assert_eq!(Raw::default().to_value(), serde_json::Value::Null);
}

#[test]
fn in_a_document_it_is_one_value() {
    let read = |text: &str| serde_json::from_value::<Raw>(serde_json::json!(text));
    for text in ["null", " {\"a\":[1]} ", "1e999"] {
        assert_eq!(read(text).unwrap().as_str(), text);
    }
    for text in ["", "a", "0,\"content\":1", "{} {}", "[1"] {
        assert!(read(text).unwrap_err().to_string().contains("holds none"), "{text}");
    }
}
