use super::reply::words;
use super::sample;
use serde_json::json;

#[test]
fn words_put_together_are_the_text() {
    for text in ["", " ", "one", "one two", " one\n\ntwo  ", "ö é"] {
        assert_eq!(words(text).map(|(_, word)| word).collect::<String>(), text);
    }
    let found: Vec<_> = words(" one two").collect();
    assert_eq!(found, [(0, " one"), (4, " two")]);
}

#[test]
fn samples_fit_their_schema() {
    for (schema, expected) in [
        (json!({}), json!("demo")),
        (json!(true), json!("demo")),
        (json!({ "type": "object" }), json!({})),
        (json!({ "properties": { "a": { "type": "null" } } }), json!({ "a": null })),
        (json!({ "type": "array", "minItems": 2, "items": { "type": "number" } }), json!([1, 1])),
        (json!({ "anyOf": [{ "type": "boolean" }, { "type": "string" }] }), json!(true)),
        (json!({ "const": 7 }), json!(7)),
        (json!({ "default": "x", "type": "string" }), json!("x")),
    ] {
        assert_eq!(sample::of(Some(&schema)), expected, "{schema}");
    }
    assert_eq!(sample::of(None), json!({}));
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let schema = json!({ "type": "object", "properties": { "child": { "$ref": "#" } } });
    assert!(sample::of(Some(&schema)).to_string().len() < 200);
    let endless = json!({ "$ref": "#" });
    assert!(sample::of(Some(&endless)).is_null());
}
