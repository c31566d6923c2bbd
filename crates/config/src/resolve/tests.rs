use super::reference;
use crate::Settings;
use crate::testing::{environment, errors, errors_in, load, load_in, provider, warnings};
use serde_json::json;

#[test]
fn only_a_name_makes_a_reference() {
    assert_eq!(reference("env.OPENAI_API_KEY"), Some("OPENAI_API_KEY"));
    assert_eq!(reference("env._x1"), Some("_x1"));
    for text in ["env.", "env.1A", "env.MY-KEY", "env.A B", "environment", "ENV.A", "OPENAI_API_KEY", ""] {
        assert_eq!(reference(text), None, "{text}");
    }
}

#[test]
fn references_are_resolved_wherever_they_may_stand() {
    let text = r#"{
        "providers": { "x": {
            "base_url": "env.URL",
            "keys": [{ "name": "k", "value": "env.KEY" }],
            "network": { "extra_headers": { "x-team": "env.TEAM" }, "ca_cert_pem": "env.CA" }
        } },
        "auth": { "keys": [{ "name": "ci", "value": "env.CI_KEY" }] },
        "plugins": [{ "name": "a", "config": { "hook": { "urls": ["env.HOOK", "plain"] } } }]
    }"#;
    let ca = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    let loaded = load_in(
        text,
        &[
            ("URL", "https://host/v1/ "),
            ("KEY", "sk-1\n"),
            ("TEAM", "blue"),
            ("CA", ca),
            ("CI_KEY", "0123456789abcdef"),
            ("HOOK", "https://hook"),
        ],
    );
    let x = provider(&loaded, "x");
    assert_eq!(x.base_url(), "https://host/v1");
    assert_eq!(x.keys[0].value.expose(), "sk-1");
    assert_eq!(x.keys[0].value.variable(), Some("KEY"));
    assert_eq!(x.network.extra_headers["x-team"].expose(), "blue");
    assert_eq!(x.network.ca_cert_pem.as_deref(), Some(ca));
    assert_eq!(loaded.config.auth.keys[0].value.expose(), "0123456789abcdef");
    assert_eq!(loaded.config.plugins[0].config.get()["hook"]["urls"][0], "https://hook");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let shown = format!("{:?}", loaded.config);
    for secret in ["sk-1", "0123456789abcdef", "https://hook", "blue"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn all_variables_that_are_not_set_are_told() {
    let text = r#"{
        "providers": { "openai": { "keys": [
            { "name": "a", "value": "env.OPENAI_KEY" }, { "name": "b", "value": "env.EMPTY" }, { "name": "c", "value": "env.BAD-NAME" }
        ] } },
        "auth": { "keys": [{ "name": "ci", "value": "env.CI" }] },
        "plugins": [{ "name": "p", "config": { "urls": [{ "url": "env.HOOK" }] } }]
    }"#;
    assert_eq!(
        errors_in(text, &[("OPENAI_API_KEY", "sk-1"), ("EMPTY", " ")]),
        [
            "providers.openai.keys[0].value: the environment variable `OPENAI_KEY` is not set; did you mean `env.OPENAI_API_KEY`?",
            "providers.openai.keys[1].value: the environment variable `EMPTY` is set to nothing",
            "providers.openai.keys[2].value: names no environment variable: after `env.` come letters, digits and `_`",
            "plugins[0].config.urls[0].url: the environment variable `HOOK` is not set",
            "auth.keys[0].value: the environment variable `CI` is not set",
        ]
    );
}

#[test]
fn what_is_disabled_needs_no_variables() {
    let text = r#"{
        "providers": {
            "off": { "enabled": false, "base_url": "env.URL", "keys": [{ "name": "a", "value": "env.A" }] },
            "on": { "base_url": "https://host/v1", "keys": [
                { "name": "b", "value": "env.B", "enabled": false }, { "name": "c", "value": "literal" }] }
        },
        "auth": { "keys": [{ "name": "ci", "value": "env.CI", "enabled": false }] },
        "plugins": [{ "name": "p", "enabled": false, "config": { "url": "env.HOOK" } }]
    }"#;
    assert_eq!(errors(text), [""; 0]);
}

#[test]
fn secrets_in_the_file_are_warned_of() {
    let text = r#"{
        "providers": { "x": { "base_url": "https://x/v1", "keys": [{ "name": "k", "value": "sk-literal" }],
            "network": { "extra_headers": { "x-team": "blue", "authorization": "Basic abc" } } } },
        "auth": { "keys": [{ "name": "ci", "value": "0123456789abcdef" }] },
        "plugins": [{ "name": "p", "config": { "nested": [{ "token": "t" }] } }]
    }"#;
    let advice = "a secret stands in the file; write `env.NAME`, and put it into the environment";
    assert_eq!(
        warnings(text),
        [
            format!("providers.x.keys[0].value: {advice}"),
            format!("providers.x.network.extra_headers.authorization: {advice}"),
            format!("plugins[0].config.nested[0].token: {advice}"),
            format!("auth.keys[0].value: {advice}"),
        ]
    );
}

#[test]
fn a_variable_in_the_way_of_a_shell_is_warned_of() {
    for written in ["$UP_KEY", "${UP_KEY}"] {
        let keys = format!(r#"[{{ "name": "k", "value": "{written}" }}]"#);
        let text = format!(r#"{{ "providers": {{ "x": {{ "base_url": "https://x/v1", "keys": {keys} }} }} }}"#);
        let advice = "begins with `$`, which stands for itself here: the variable `NAME` is written `env.NAME`";
        assert_eq!(warnings(&text), [format!("providers.x.keys[0].value: {advice}")]);
    }
}

#[test]
fn what_stands_for_a_hidden_secret_is_none() {
    assert_eq!(
        errors(r#"{ "auth": { "keys": [{ "name": "ci", "value": "***" }] } }"#),
        ["auth.keys[0].value: `***` stands for a secret that is not shown; write `env.NAME`"]
    );
}

#[test]
fn what_looks_like_a_secret_is_warned_of_under_any_name() {
    let text = r#"{
        "providers": { "x": { "base_url": "https://x/v1", "network": { "extra_headers": { "x-team": "sk-abcdef" } } } },
        "plugins": [
            { "name": "p", "config": { "openai_key": "a", "signing_key": "b", "bearer": "c", "note": "sk-abcdef" } },
            { "name": "q", "path": "./q", "environment": { "OPENAI_KEY": "d", "NOTE": "sk-abcdef", "MODE": "fast" } }
        ]
    }"#;
    let paths: Vec<String> = load(text).warnings.into_iter().map(|warning| warning.path).collect();
    assert_eq!(
        paths,
        [
            "providers.x.network.extra_headers.x-team",
            "plugins[0].config.openai_key",
            "plugins[0].config.signing_key",
            "plugins[0].config.bearer",
            "plugins[0].config.note",
            "plugins[1].environment.NOTE",
            "plugins[1].environment.OPENAI_KEY",
        ]
    );
}

#[test]
fn settings_from_outside_of_a_file_are_resolved_too() {
    let written = |value: serde_json::Value| value.as_object().cloned().unwrap();
    let environment = environment(&[("WORD", "tiger")]);
    let settings = Settings::in_environment(written(json!({ "word": "env.WORD", "max": 3 })), &environment).unwrap();
    assert_eq!(settings.get(), json!({ "word": "tiger", "max": 3 }));
    let problems = Settings::in_environment(written(json!({ "words": ["env.WORDS"] })), &environment).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "words[0]: the environment variable `WORDS` is not set; did you mean `env.WORD`?"
    );
}

#[test]
fn a_reference_within_a_text_is_warned_of() {
    let within =
        "`env.NAME` is replaced where it is the whole text, and not within one: put the whole text into the variable";
    let config = r#"{ "headers": { "authorization": "Bearer env.TOKEN" }, "words": ["see", "environment.md"] }"#;
    let headers = r#"{ "x-sent-by": "the env.TEAM team" }"#;
    let text = format!(
        r#"{{ "plugins": [{{ "name": "a", "config": {config} }}], "providers": {{ "x": {{
            "base_url": "http://127.0.0.1:9/v1", "network": {{ "extra_headers": {headers} }} }} }} }}"#
    );
    let warned = warnings(&text);
    for path in ["plugins[0].config.headers.authorization", "providers.x.network.extra_headers.x-sent-by"] {
        assert!(warned.contains(&format!("{path}: {within}")), "{warned:?}");
    }
    assert_eq!(warned.iter().filter(|line| line.ends_with(within)).count(), 2, "{warned:?}");
}
