use super::*;
use crate::gateway::Gateway;
use gatewright_config::LogLevel;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A config of one worker at any port, with these members besides.
fn write_config(file: &Path, members: &str) {
    let text = format!(r#"{{ "detect_providers": false, "server": {{ "port": 0, "workers": 1 }}{members} }}"#);
    fs::write(file, text).unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_last_good_config() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    let write = |members: &str| write_config(&file, members);
    write("");
    let builder = Gateway::builder().config_file(&file);
    let mut started = builder.start().await.unwrap();
    for broken in [", \"log_level\": \"loud\"", ", \"plugins\": [{ \"name\": \"nobody\" }]", ","] {
        write(broken);
        let before = started.plugins();
        reload(&builder, &mut started, None, "a test").await;
        assert_eq!(started.config().log_level, LogLevel::Info, "{broken}");
        assert_eq!(started.plugins().generation(), before.generation(), "{broken}");
    }
    write(", \"log_level\": \"debug\"");
    reload(&builder, &mut started, None, "a test").await;
    assert_eq!(started.config().log_level, LogLevel::Debug);
    fs::remove_file(&file).unwrap();
    reload(&builder, &mut started, None, "a test").await;
    assert_eq!(started.config().log_level, LogLevel::Debug, "a file that is gone is no config of defaults");
    assert!(started.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_plugin_whose_file_changes_is_a_reason_to_reload() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    let text = r#"{ "plugins": [{ "name": "guard", "path": "guard.wasm" }, { "name": "off", "path": "off.wasm", "enabled": false }] }"#;
    fs::write(&file, text).unwrap();
    let builder = Gateway::builder().config_file(&file);
    let mut watcher = ConfigWatcher::new(&file);
    watch_artefacts(&builder, Some(&mut watcher), &builder.read().unwrap().config);
    let mut signals = Signals::new().unwrap();
    for content in ["it comes", "and changes"] {
        fs::write(directory.path().join("guard.wasm"), content).unwrap();
        let event = tokio::time::timeout(Duration::from_secs(5), next(&mut signals, Some(&mut watcher))).await;
        assert!(matches!(event, Ok(Event::Reload("a plugin's file changed"))), "{content}");
    }
    fs::write(directory.path().join("off.wasm"), "nobody wants it").unwrap();
    let event = tokio::time::timeout(Duration::from_millis(500), next(&mut signals, Some(&mut watcher))).await;
    assert!(event.is_err());
}

#[tokio::test]
async fn the_last_refusal_is_shown_until_a_config_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    let write = |members: &str| write_config(&file, members);
    write("");
    let builder = Gateway::builder().config_file(&file);
    let mut started = builder.start().await.unwrap();
    let secret = "sk-live-0123456789abcdef";
    for (broken, said) in [
        (", \"log_level\": \"loud\"", "log_level: `loud` is not one of"),
        (",", "is not valid JSON"),
        (
            r#", "plugins": [{ "name": "logging", "hooks": ["check_output"] }]"#,
            "plugins[0].hooks[0]: the plugin has no",
        ),
        (r#", "log_level": "sk-live-0123456789abcdef""#, "log_level: `[redacted]` is not one of"),
        (
            r#", "auth": { "keys": [{ "name": "a", "value": "env.sk-live-0123456789abcdef" }] }"#,
            "auth.keys[0].value: names no",
        ),
    ] {
        write(broken);
        reload(&builder, &mut started, None, "a test").await;
        let pending = started.readiness().pending;
        assert!(pending.len() == 1 && pending[0].starts_with("config: it was not taken: "), "{pending:?}");
        assert!(pending[0].contains(said) && pending[0].ends_with("(the last good config goes on)"), "{pending:?}");
        assert!(!pending[0].contains(secret) && started.readiness().ready, "{pending:?}");
    }
    fs::remove_file(&file).unwrap();
    reload(&builder, &mut started, None, "a test").await;
    let pending = started.readiness().pending;
    assert!(pending.len() == 1 && pending[0].contains("cannot be read: No such file"), "{pending:?}");
    write("");
    assert!(started.was_refused());
    reload(&builder, &mut started, None, "a test").await;
    assert!(started.readiness().pending.is_empty() && !started.was_refused());
    assert!(started.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_file_the_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    let builder = Gateway::builder().config_file(&file);
    let expected = format!("{} cannot be used:\n  ", file.display());
    for broken in [",", ", \"log_level\": \"loud\"", ", \"plugins\": [{ \"name\": \"nobody\" }]"] {
        write_config(&file, broken);
        for said in [builder.check().err(), builder.start().await.err()] {
            let said = said.unwrap().to_string();
            assert!(said.starts_with(&expected), "{said}");
        }
    }
}
