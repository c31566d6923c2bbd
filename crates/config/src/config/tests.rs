use super::{Config, LogLevel, LogStyle};
use crate::testing::load;

#[test]
fn models_find_their_provider() {
    let config = load(
        r#"{ "providers": {
            "local": { "base_url": "http://localhost:9000/v1", "models": ["llama", "both"] },
            "other": { "base_url": "http://localhost:9001/v1", "models": ["both", "mine"] },
            "off": { "enabled": false, "models": ["hidden"] }
        }, "default_provider": "other" }"#,
    )
    .config;
    assert_eq!(config.provider_of("llama"), Some("local"));
    assert_eq!(config.provider_of("mine"), Some("other"));
    assert_eq!(config.provider_of("both"), Some("other"));
    assert_eq!(config.provider_of("hidden"), Some("other"));
    assert_eq!(config.provider_of("unheard-of"), Some("other"));
    assert_eq!(Config::default().provider_of("any"), None);
}

#[test]
fn some_provider_is_the_default() {
    let default = |text: &str| load(text).config.default_provider().map(ToOwned::to_owned);
    let local = r#"{ "base_url": "http://localhost:9000/v1" }"#;
    assert_eq!(default("{}").as_deref(), Some("demo"));
    let two = format!(r#"{{ "providers": {{ "b": {local}, "c": {local} }} }}"#);
    assert_eq!(default(&two).as_deref(), Some("b"));
    let with_openai = format!(r#"{{ "providers": {{ "b": {local}, "openai": {local} }} }}"#);
    assert_eq!(default(&with_openai).as_deref(), Some("openai"));
}

#[test]
fn fallbacks_are_those_of_the_target_or_of_all() {
    let config = load(
        r#"{ "providers": { "demo": {} }, "fallbacks": { "demo/a": ["demo/b", "demo/c"], "*": ["demo/last"], "demo/alone": [] } }"#,
    )
    .config;
    assert_eq!(config.fallbacks_of("demo", "a"), ["demo/b", "demo/c"]);
    assert_eq!(config.fallbacks_of("demo", "x"), ["demo/last"]);
    assert!(config.fallbacks_of("demo", "alone").is_empty());
}

#[test]
fn a_change_of_the_server_waits_for_a_restart() {
    let old = load("{}").config;
    let new = load(r#"{ "log_level": "debug", "log_style": "pretty", "server": { "port": 9000, "workers": 2, "host": "127.0.0.1" } }"#).config;
    assert_eq!(new.restart_needed(&old), ["log_style", "server.port", "server.workers"]);
    assert_eq!(old.restart_needed(&new), ["log_style", "server.port", "server.workers"]);
    assert!(new.restart_needed(&new).is_empty());
}

#[test]
fn words_of_flags() {
    assert_eq!("DEBUG".parse(), Ok(LogLevel::Debug));
    assert_eq!("pretty".parse(), Ok(LogStyle::Pretty));
    assert_eq!("loud".parse::<LogLevel>().unwrap_err(), "`loud` is not one of trace, debug, info, warn, error");
    assert!("xml".parse::<LogStyle>().is_err());
    assert!(LogLevel::Warn > LogLevel::Info);
}

#[test]
fn what_is_written_can_be_read() {
    let text = serde_json::to_vec(&Config::default()).unwrap();
    assert_eq!(crate::parse(&text).unwrap().config.server, Config::default().server);
}
