use crate::testing::{errors, load};
use crate::{Config, Environment, LogLevel, ProviderKind, parse};
use std::fs;

#[test]
fn an_empty_object_is_the_defaults() {
    let loaded = load("{}");
    assert!(loaded.warnings.is_empty());
    let with_demo = Config { providers: loaded.config.providers.clone(), ..Config::default() };
    assert_eq!(loaded.config, with_demo);
    assert_eq!(loaded.config.server.port, 8080);
    assert_eq!(loaded.config.log_level, LogLevel::Info);
}

#[test]
fn the_names_of_other_systems_are_read() {
    let loaded = load(
        r#"{ "$schema": "./config.schema.json", "providers": { "x": { "base_url": "https://x/v1", "network_config": {
            "default_request_timeout_in_seconds": 30, "stream_idle_timeout_in_seconds": 15.5, "retry_backoff_initial": 100,
            "retry_backoff_max": 200, "max_retries": 0
        } } } }"#,
    );
    let network = &loaded.config.providers["x"].network;
    assert_eq!(network.request_timeout_seconds.get(), 30.0);
    assert_eq!(network.stream_idle_timeout_seconds.duration().as_millis(), 15_500);
    assert_eq!(network.retry_backoff_initial_ms.get(), 100);
    assert_eq!(network.retry_backoff_max_ms.get(), 200);
    assert_eq!(network.max_retries, 0);
    assert_eq!(network.connect_timeout_ms.get(), 5_000);
    assert_eq!(loaded.config.providers["x"].kind(), ProviderKind::OpenAi);
}

#[test]
fn all_problems_are_told_at_once() {
    let text = r#"{
        "log_levle": "info",
        "providers": { "openai": { "keys": [{ "name": "a", "value": "env.MISSING", "weigth": 2 }], "network": { "max_retries": "2" } } },
        "plugins": [
            { "name": "a", "hooks": ["chek_input"] },
            { "name": "b", "timeout_seconds": 61, "placement": "first" },
            { "name": "a" }
        ],
        "fallbacks": { "openai/gpt-4o": ["nobody/gpt-4o"] },
        "server": { "max_inflight_body_bytes": 2048 },
        "log_style": "json",
        "log_style": "pretty"
    }"#;
    assert_eq!(
        errors(text),
        [
            "log_style: stands twice in this object",
            "log_levle: is not a key here; did you mean `log_level`?",
            "providers.openai.keys[0].weigth: is not a key here; did you mean `weight`?",
            "providers.openai.network.max_retries: must be an integer, is a text",
            "plugins[0].hooks[0]: `chek_input` is not known here; did you mean `check_input`?",
            "plugins[1].timeout_seconds: must be at most 60, is 61",
            "plugins[1].placement: `first` is not one of `pre_builtin`, `post_builtin`",
            "providers.openai.keys[0].value: the environment variable `MISSING` is not set",
            "plugins[2].name: `a` is the name of plugins[0] too",
            "server.max_inflight_body_bytes: must not be below max_body_bytes (33554432), is 2048",
        ]
    );
}

#[test]
fn a_file_is_read_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    let missing = Config::load(&file, &Environment::default()).unwrap_err();
    assert_eq!(missing.file.as_deref(), Some(file.as_path()));
    assert!(missing.to_string().contains("config.json cannot be used:\n  cannot be read: No such file"), "{missing}");
    fs::write(&file, r#"{ "log_level": "debug" }"#).unwrap();
    assert_eq!(Config::load(&file, &Environment::default()).unwrap().config.log_level, LogLevel::Debug);
    fs::write(&file, "{ \"plugins\": 1,\n \"server\": { \"port\": 70000 } }").unwrap();
    let errors = Config::load(&file, &Environment::default()).unwrap_err();
    let lines: Vec<String> = errors.to_string().lines().skip(1).map(ToOwned::to_owned).collect();
    assert_eq!(lines, ["  plugins: must be a list, is a number", "  server.port: must be at most 65535, is 70000"]);
    assert!(Config::load(directory.path(), &Environment::default()).is_err());
}

#[test]
fn a_file_larger_than_the_limit_is_not_read_whole() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    fs::write(&file, vec![b' '; crate::MAX_FILE_BYTES + 100]).unwrap();
    let errors = Config::load(&file, &Environment::default()).unwrap_err();
    assert!(errors.to_string().contains("is 4194305 bytes long"), "{errors}");
}

#[test]
fn no_text_makes_it_panic() {
    // Every cut and every changed byte of a config that has everything.
    let text = include_bytes!("../../tests/full.json");
    for at in 0..text.len() {
        let _ = parse(&text[..at]);
        for byte in [b'"', b']', b'0', 0xff] {
            let mut changed = text.to_vec();
            changed[at] = byte;
            let _ = parse(&changed);
        }
    }
}

#[test]
fn what_the_check_lets_pass_fits_the_types() {
    // Each value of a config that has everything is replaced by one of another kind: whatever is complained about must
    // come from the check, which knows the path, and not from reading the types.
    let whole: serde_json::Value = serde_json::from_slice(include_bytes!("../../tests/full.json")).unwrap();
    let mut pointers = vec![String::new()];
    collect(&whole, "", &mut pointers);
    for pointer in pointers {
        for other in [
            "null",
            "true",
            "-1",
            "0.5",
            "1e300",
            "99999999999999999999",
            "\"\"",
            "\"x\"",
            "[]",
            "[1]",
            "{}",
            r#"{"a":1}"#,
        ] {
            let mut changed = whole.clone();
            *changed.pointer_mut(&pointer).unwrap() = serde_json::from_str(other).unwrap();
            let text = serde_json::to_vec(&changed).unwrap();
            for problem in parse(&text).map_or_else(|errors| errors.report.errors, |_| Vec::new()) {
                assert!(!problem.path.is_empty() || pointer.is_empty(), "{pointer} {other}: {problem}");
            }
        }
    }
}

fn collect(value: &serde_json::Value, pointer: &str, pointers: &mut Vec<String>) {
    let mut visit = |key: &str, value: &serde_json::Value| {
        let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        pointers.push(pointer.clone());
        collect(value, &pointer, pointers);
    };
    match value {
        serde_json::Value::Object(entries) => entries.iter().for_each(|(key, value)| visit(key, value)),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| visit(&at.to_string(), value))
        }
        _ => {}
    }
}

#[test]
fn large_files_are_read_in_time() {
    // Each repeats what is complained of; what grows with its square would not come back.
    const BYTES: usize = crate::MAX_FILE_BYTES / 8;
    let fill = |begin: &str, item: &dyn Fn(usize) -> String, end: &str| {
        let mut text = begin.to_owned();
        for number in 0.. {
            let item = item(number);
            if text.len() + item.len() + end.len() + 1 > BYTES {
                break;
            }
            text += if number == 0 { "" } else { "," };
            text += &item;
        }
        text + end
    };
    for text in [
        fill("{", &|number| format!("\"wrong_key_{number}\":1"), "}"),
        fill(r#"{"providers":{"#, &|number| format!("\"p{number}\":{{}}"), "}}"),
        fill(r#"{"fallbacks":{"*":["#, &|number| format!("\"demo/{number}\""), "]}}"),
        fill(r#"{"fallbacks":{"#, &|number| format!("\"a{number}\":[\"b\"]"), "}}"),
        fill(r#"{"plugins":[{"name":"a","hooks":["#, &|_| "\"auth\"".to_owned(), "]}]}"),
        fill(r#"{"plugins":[{"name":"a","hooks":["#, &|number| format!("\"check_{number}\""), "]}]}"),
        fill(r#"{"plugins":[{"name":"a","config":["#, &|_| r#"{"token":"t"}"#.to_owned(), "]}]}"),
        fill(r#"{"plugins":[{"name":"a","config":{"a":["#, &|_| r#"{"token":"t"}"#.to_owned(), "]}}]}"),
        fill(r#"{"plugins":[{"name":"a","config":{"a":["#, &|number| format!("\"env.V{number}\""), "]}}]}"),
        fill(r#"{"auth":{"keys":["#, &|number| format!(r#"{{"name":"n{number}","value":"v"}}"#), "]}}"),
        fill(r#"{"prices":{"#, &|number| format!(r#""m{number}":{{"input":-1}}"#), "}}"),
        "{\"a\":".repeat(BYTES / 5),
    ] {
        let begin = std::time::Instant::now();
        let _ = parse(text.as_bytes());
        assert!(begin.elapsed().as_secs() < 20, "{:?} {}", begin.elapsed(), &text[..60]);
    }
}
