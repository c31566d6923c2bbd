use super::*;

fn config(providers: &str) -> Config {
    let text = format!("{{ \"providers\": {{ {providers} }} }}");
    gatewright_config::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}")).config
}

fn provider<'a>(providers: &'a Providers, name: &str) -> &'a Arc<dyn Provider> {
    providers.iter().find(|provider| provider.name() == name).unwrap()
}

#[test]
fn a_provider_that_does_not_change_keeps_its_connections() {
    let one = r#""one": { "base_url": "http://127.0.0.1:1/v1" }"#;
    let two = r#""two": { "base_url": "http://127.0.0.1:2/v1" }"#;
    let before = Providers::of(&config(&format!("{one}, {two}")), &Providers::default()).unwrap();
    let changed = r#""two": { "base_url": "http://127.0.0.1:2/v1", "models": ["m"] }"#;
    let after = Providers::of(&config(&format!("{one}, {changed}")), &before).unwrap();
    assert!(Arc::ptr_eq(provider(&before, "one"), provider(&after, "one")));
    assert!(!Arc::ptr_eq(provider(&before, "two"), provider(&after, "two")));
    assert_eq!(provider(&after, "two").models(), ["m"]);
}

#[test]
fn a_provider_that_is_turned_off_is_not_there() {
    let providers = r#""one": { "base_url": "http://127.0.0.1:1/v1" },
        "two": { "base_url": "http://127.0.0.1:2/v1", "enabled": false }"#;
    let made = Providers::of(&config(providers), &Providers::default()).unwrap();
    assert_eq!(made.iter().map(|provider| provider.name()).collect::<Vec<_>>(), ["one"]);
}

#[test]
fn how_a_provider_differs_reaches_it() {
    let entry = r#""one": { "base_url": "http://127.0.0.1:1/v1", "stream_usage": false }"#;
    let made = settings("one", &config(entry).providers["one"]);
    assert_eq!(made.compat, Compat { stream_usage: false, max_tokens_field: MaxTokensField::MaxTokens });
    let own = settings("openai", &config(r#""openai": { "base_url": "http://127.0.0.1:1/v1" }"#).providers["openai"]);
    assert_eq!(own.compat, Compat::default());
}

#[test]
fn without_any_the_demo_answers() {
    let made = Providers::of(&config(""), &Providers::default()).unwrap();
    assert_eq!(made.iter().map(|provider| provider.name()).collect::<Vec<_>>(), ["demo"]);
}

#[test]
fn the_first_byte_is_waited_for_no_longer_than_the_answer() {
    for (given, first, whole) in [
        (r#""request_timeout_seconds": 2"#, 2_000, 2_000),
        (r#""request_timeout_seconds": 2, "first_byte_timeout_ms": 500"#, 500, 2_000),
        (r#""request_timeout_seconds": 2, "first_byte_timeout_ms": 9000"#, 2_000, 2_000),
    ] {
        let config = config(&format!(r#""one": {{ "base_url": "http://127.0.0.1:1/v1", "network": {{ {given} }} }}"#));
        let settings = settings("one", &config.providers["one"]);
        assert_eq!(settings.network.first_byte_timeout.as_millis(), first, "{given}");
        assert_eq!(settings.network.try_timeout.unwrap().as_millis(), whole, "{given}");
    }
}
