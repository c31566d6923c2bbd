use super::Wish;

#[test]
fn flags_are_found_whatever_the_spacing() {
    for body in [r#"{"stream":true}"#, r#"{"stream" : true}"#, "{\"stream\":\n  true}"] {
        assert_eq!(Wish::of(body.as_bytes()), Wish { stream: true, include_usage: false }, "{body}");
    }
    let body = br#"{"messages":[],"stream": true,"stream_options":{"include_usage": true}}"#;
    assert_eq!(Wish::of(body), Wish { stream: true, include_usage: true });
}

#[test]
fn a_message_that_quotes_the_flag_does_not_set_it() {
    let body = br#"{"messages":[{"role":"user","content":"say \"stream\":true"}],"stream":false}"#;
    assert!(!Wish::of(body).stream);
}

#[test]
fn the_key_as_a_value_does_not_set_it() {
    assert!(!Wish::of(br#"{"stop":"stream","a":true}"#).stream);
}
