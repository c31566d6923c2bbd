use super::{config_of, folder};
use serde_json::{Value as Json, json};

#[test]
fn a_config_is_an_object() {
    assert_eq!(config_of(None).map(Json::Object), Ok(json!({})));
    assert_eq!(config_of(Some(r#"{"word": "env.WORD"}"#)).map(Json::Object), Ok(json!({ "word": "env.WORD" })));
    for (text, kind) in
        [("[]", "a list"), ("3", "a number"), ("null", "null"), (r#""a""#, "a text"), ("true", "true or false")]
    {
        assert_eq!(config_of(Some(text)), Err(format!("`--config` must be an object, is {kind}")));
    }
    assert!(config_of(Some("{")).unwrap_err().starts_with("`--config` is not JSON: "));
}

#[cfg(unix)]
#[test]
fn a_folder_is_for_who_made_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("gatewright-test-").unwrap();
    assert_eq!(folder.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
}
