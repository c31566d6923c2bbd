use super::{Settings, has_secret_shape, is_sensitive_name};
use crate::secret::Secrets;
use serde_json::{Value, json};

fn settings(value: Value) -> Settings {
    serde_json::from_value(value).unwrap()
}

#[test]
fn secrets_are_for_the_plugin_and_nobody_else() {
    let mut config = settings(json!({
        "url": "env.HOOK_URL",
        "api_key": "sk-literal",
        "nested": [{ "token": "t-literal" }],
        "pattern": "env.*",
        "max": 3,
    }));
    config.resolve(&mut |_, text| (text == "env.HOOK_URL").then(|| "https://user:pass@hook".to_owned()));
    assert_eq!(config.get()["url"], "https://user:pass@hook");
    assert_eq!(config.get()["api_key"], "sk-literal");
    assert_eq!(config.get()["pattern"], "env.*");
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    for secret in ["user:pass", "sk-literal", "t-literal"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("env.HOOK_URL") && shown.contains("\"max\":3"), "{shown}");
    assert_eq!(
        config
            .secrets()
            .iter()
            .cloned()
            .collect::<Secrets>()
            .conceal("https://user:pass@hook did not take sk-literal nor t-literal"),
        "*** did not take *** nor ***"
    );
    assert_eq!(
        config.literal_secrets(),
        [vec!["api_key".to_owned()], ["nested", "0", "token"].map(String::from).to_vec()]
    );
}

#[test]
fn nothing_is_an_empty_object() {
    assert_eq!(Settings::default().get(), json!({}));
    assert_eq!(serde_json::to_value(Settings::default()).unwrap(), json!({}));
}

#[test]
fn names_tell_what_is_secret() {
    for name in [
        "api_key",
        "API-KEY",
        "apiKey",
        "webhook_secret",
        "token",
        "x-auth-token",
        "db_password",
        "key",
        "openai_key",
        "OPENAI_KEY",
        "openaiKey",
        "signing_key",
        "bearer",
        "credentials",
    ] {
        assert!(is_sensitive_name(name), "{name}");
    }
    for name in
        ["url", "max_tokens", "keyword", "monkey", "custom_setting", "secrets_pattern", "public_key", "cacheKey"]
    {
        assert!(!is_sensitive_name(name), "{name}");
    }
}

#[test]
fn a_secret_is_known_by_its_shape_under_any_name() {
    for text in ["sk-abcdef", "sk-proj-Abc_123-x", " sk-abcdef123\n", "AKIAABCDEFGHIJKLMNOP", "ghp_0123456789abcdef"] {
        assert!(has_secret_shape(text), "{text}");
    }
    for text in ["sk-", "sk-12345", "sk-[a-z]{20}", "the key sk-abcdef", "risk-based", "AKIA", "hf_short"] {
        assert!(!has_secret_shape(text), "{text}");
    }
    let mut config = settings(json!({ "provider": "sk-abcdef", "words": ["sk-", "sk-123456"] }));
    config.resolve(&mut |_, _| None);
    assert_eq!(config.literal_secrets(), [vec!["provider".to_owned()], ["words", "1"].map(String::from).to_vec()]);
    assert_eq!(config.secrets().len(), 2);
    assert_eq!(config.get()["provider"], "sk-abcdef");
    let shown = format!("{config:?}");
    assert!(!shown.contains("sk-abcdef") && shown.contains("\"sk-\""), "{shown}");
}
