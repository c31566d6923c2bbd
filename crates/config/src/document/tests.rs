use super::MAX_FILE_BYTES;
use crate::testing::{errors, load};
use crate::{Config, Environment, parse};

fn whole(text: &[u8]) -> String {
    Config::parse(text, &Environment::default()).unwrap_err().to_string()
}

#[test]
fn text_that_is_not_json_is_told_with_line_and_column() {
    assert_eq!(
        whole(b"{\n  \"plugins\": [}\n"),
        "the config cannot be used:\n  is not valid JSON: expected value at line 2 column 15"
    );
    assert!(whole(b"{} {}").contains("trailing characters at line 1 column 4"));
    assert!(whole(b"{\"log_level\": \"\xff\"}").contains("line 1 column"));
    assert!(whole(b"{\"plugins\": [1e999]}").contains("number out of range at line 1"));
}

#[test]
fn an_empty_file_is_told_what_to_write() {
    for text in [&b""[..], b"  \n", b"\xef\xbb\xbf"] {
        assert!(whole(text).contains("is empty; write `{}`"));
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert!(parse(b"\xef\xbb\xbf{}").is_ok());
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let mut text = b"{}".to_vec();
    text.resize(MAX_FILE_BYTES, b' ');
    assert!(parse(&text).is_ok());
    text.push(b' ');
    assert!(whole(&text).contains("is 4194305 bytes long; at most 4194304 (4 MiB) are read"));
}

#[test]
fn nesting_has_an_end() {
    let text = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    assert!(whole(&text).contains("recursion limit exceeded"));
}

#[test]
fn keys_that_stand_twice_are_refused() {
    let text = r#"{ "log_level": "info", "plugins": [{ "name": "a", "name": "b", "config": { "x": 1, "x": 2 } }], "log_level": "loud" }"#;
    assert_eq!(
        errors(text),
        [
            "plugins[0].name: stands twice in this object",
            "plugins[0].config.x: stands twice in this object",
            "log_level: stands twice in this object",
            "log_level: `loud` is not one of `trace`, `debug`, `info`, `warn`, `error`",
        ]
    );
}

#[test]
fn numbers_keep_their_kind() {
    let loaded = load(
        r#"{ "plugins": [{ "name": "a", "config": { "u": 18446744073709551615, "i": -1, "f": 0.5, "n": null, "b": true } }] }"#,
    );
    let config = loaded.config.plugins[0].config.get();
    assert_eq!(config["u"].as_u64(), Some(u64::MAX));
    assert_eq!(config["i"].as_i64(), Some(-1));
    assert_eq!(config["f"].as_f64(), Some(0.5));
    assert!(config["n"].is_null() && config["b"] == true);
}
