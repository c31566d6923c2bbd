use super::*;
use crate::gateway::Gateway;
use gatewright_config::LogLevel;
use std::fs;
use std::time::Duration;

#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_last_good_config() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    let write = |members: &str| {
        let text = format!(r#"{{ "detect_providers": false, "server": {{ "port": 0, "workers": 1 }}{members} }}"#);
        fs::write(&file, text).unwrap();
    };
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
