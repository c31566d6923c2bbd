use crate::testing::errors;
use gatewright_plugin::Hook;

/// Each config has this one problem.
#[track_caller]
fn refused(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(errors(text), [*expected], "{text}");
    }
}

#[test]
fn unknown_keys() {
    refused(&[
        (r#"{ "plugin": [] }"#, "plugin: is not a key here; did you mean `plugins`?"),
        (r#"{ "server": { "max_body": 1024 } }"#, "server.max_body: is not a key here; did you mean `max_body_bytes`?"),
        (
            r#"{ "plugins": [{ "name": "a", "failureMode": "fail_open" }] }"#,
            "plugins[0].failureMode: is not a key here; did you mean `failure_mode`?",
        ),
        (
            r#"{ "auth": { "governance": 1 } }"#,
            "auth.governance: is not a key here; there are `keys`, `allow_anonymous`",
        ),
        (
            r#"{ "prices": { "m": { "input": 1, "output": 2, "cached": 3 } } }"#,
            "prices.m.cached: is not a key here; did you mean `cache_read`?",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "stream_mode": { "check_input": "buffer" } }] }"#,
            "plugins[0].stream_mode.check_input: is not a key here; did you mean `check_output`?",
        ),
    ]);
}

#[test]
fn wrong_types() {
    refused(&[
        ("[]", "must be an object, is a list"),
        (r#"{ "plugins": {} }"#, "plugins: must be a list, is an object"),
        (r#"{ "plugins": ["logger"] }"#, "plugins[0]: must be an object, is a text"),
        (r#"{ "plugins": [{ "name": 5 }] }"#, "plugins[0].name: must be a text, is a number"),
        (
            r#"{ "plugins": [{ "name": "a", "enabled": "yes" }] }"#,
            "plugins[0].enabled: must be true or false, is a text",
        ),
        (r#"{ "plugins": [{ "name": "a", "config": [] }] }"#, "plugins[0].config: must be an object, is a list"),
        (
            r#"{ "plugins": [{ "name": "a", "order": 1.5 }] }"#,
            "plugins[0].order: must be an integer, is a number with a fraction",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "path": null }] }"#,
            "plugins[0].path: must be a text, is null; leave the key out instead",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "version": true }] }"#,
            "plugins[0].version: must be an integer or a text, is true",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "stream_mode": 64 }] }"#,
            "plugins[0].stream_mode: must be a text or an object, is a number",
        ),
        (r#"{ "plugins": [{ "name": "a", "placement": 1 }] }"#, "plugins[0].placement: must be a text, is a number"),
        (
            r#"{ "plugins": [{ "name": "a", "failure_mode": [] }] }"#,
            "plugins[0].failure_mode: must be a text, is a list",
        ),
        (r#"{ "providers": [] }"#, "providers: must be an object, is a list"),
        (r#"{ "providers": { "x": 1 } }"#, "providers.x: must be an object, is a number"),
        (r#"{ "server": { "port": "8080" } }"#, "server.port: must be an integer, is a text"),
        (r#"{ "log_level": 3 }"#, "log_level: must be a text, is a number"),
        (r#"{ "fallbacks": { "*": "demo/demo" } }"#, "fallbacks[\"*\"]: must be a list, is a text"),
    ]);
}

#[test]
fn missing_keys() {
    refused(&[
        (r#"{ "plugins": [{}] }"#, "plugins[0].name: must be set"),
        (r#"{ "prices": { "m": { "input": 1 } } }"#, "prices.m.output: must be set"),
        (r#"{ "auth": { "keys": [{ "name": "ci" }] } }"#, "auth.keys[0].value: must be set"),
        (
            r#"{ "providers": { "openai": { "keys": [{ "value": "sk-1" }] } } }"#,
            "providers.openai.keys[0].name: must be set",
        ),
    ]);
}

#[test]
fn limits() {
    refused(&[
        (
            r#"{ "plugins": [{ "name": "a", "timeout_seconds": 0 }] }"#,
            "plugins[0].timeout_seconds: must be at least 0.001, is 0",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "timeout_seconds": -1 }] }"#,
            "plugins[0].timeout_seconds: must be at least 0.001, is -1",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "timeout_seconds": 60.5 }] }"#,
            "plugins[0].timeout_seconds: must be at most 60, is 60.5",
        ),
        (r#"{ "plugins": [{ "name": "a", "sample": 1.5 }] }"#, "plugins[0].sample: must be at most 1, is 1.5"),
        (r#"{ "plugins": [{ "name": "a", "version": 0 }] }"#, "plugins[0].version: must be at least 1, is 0"),
        (
            r#"{ "plugins": [{ "name": "a", "order": 1000001 }] }"#,
            "plugins[0].order: must be at most 1000000, is 1000001",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "models": [] }] }"#,
            "plugins[0].models: must not be empty; leave it out if nothing is to be narrowed",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "memory_mb": 100000000000000000000 }] }"#,
            "plugins[0].memory_mb: must be at most 1048576, is 1e20",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "order": -100000000000000000000 }] }"#,
            "plugins[0].order: must be at least -1000000, is -1e20",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "version": 100000000000000000000 }] }"#,
            "plugins[0].version: must be an integer or a text, is a number that is far too large",
        ),
        (r#"{ "plugins": [{ "name": "" }] }"#, "plugins[0].name: must not be empty"),
        (r#"{ "server": { "port": 65536 } }"#, "server.port: must be at most 65535, is 65536"),
        (r#"{ "server": { "port": -1 } }"#, "server.port: must be at least 0, is -1"),
        (r#"{ "server": { "workers": 0 } }"#, "server.workers: must be at least 1, is 0"),
        (r#"{ "server": { "max_header_bytes": 100 } }"#, "server.max_header_bytes: must be at least 8192, is 100"),
        (
            r#"{ "server": { "drain_timeout_seconds": -0.5 } }"#,
            "server.drain_timeout_seconds: must be at least 0, is -0.5",
        ),
        (r#"{ "prices": { "m": { "input": -1, "output": 2 } } }"#, "prices.m.input: must be at least 0, is -1"),
        (
            r#"{ "providers": { "demo": { "network": { "max_retries": 11 } } } }"#,
            "providers.demo.network.max_retries: must be at most 10, is 11",
        ),
        (
            r#"{ "providers": { "x": { "base_url": "https://x/v1", "keys": [{ "name": "k", "value": "s", "weight": 0 }] } } }"#,
            "providers.x.keys[0].weight: must be more than 0, is 0",
        ),
    ]);
    let name = "a".repeat(65);
    assert_eq!(
        errors(&format!(r#"{{ "plugins": [{{ "name": "{name}" }}] }}"#)),
        ["plugins[0].name: must have at most 64 characters, has 65"]
    );
    let many = vec![r#"{ "name": "a", "enabled": false }"#; 257].join(",");
    assert_eq!(errors(&format!(r#"{{ "plugins": [{many}] }}"#)), ["plugins: must have at most 256 items, has 257"]);
}

/// The names of all hooks.
fn hooks() -> String {
    let names: Vec<&str> = Hook::TABLE.iter().map(|row| row.name).collect();
    assert!(names.contains(&"check_input") && !names.contains(&"PreLLMHook"));
    names.join("`, `")
}

#[test]
fn words() {
    let hooks = hooks();
    refused(&[
        (
            r#"{ "plugins": [{ "name": "a", "placement": "pre-builtin" }] }"#,
            "plugins[0].placement: `pre-builtin` is not one of `pre_builtin`, `post_builtin`; did you mean `pre_builtin`?",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "placement": "builtin" }] }"#,
            "plugins[0].placement: `builtin` is the place of the plugins that ship; yours stand before or after them: one of `pre_builtin`, `post_builtin`",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "hooks": ["check_inputs"] }] }"#,
            "plugins[0].hooks[0]: `check_inputs` is not known here; did you mean `check_input`?",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "hooks": ["sing"] }] }"#,
            &format!("plugins[0].hooks[0]: `sing` is not known here; there are `{hooks}`"),
        ),
        (
            r#"{ "plugins": [{ "name": "a", "failure_mode": "closed_fail" }] }"#,
            "plugins[0].failure_mode: `closed_fail` is not one of `fail_open`, `fail_closed`, `open`, `closed`; did you mean `closed`?",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "stream_mode": "windowed" }] }"#,
            "plugins[0].stream_mode: `windowed` is not one of `buffer`, `chunk`, `observe`, `window:N`",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "stream_mode": { "post_llm": "window:0" } }] }"#,
            "plugins[0].stream_mode.post_llm: a window is written `window:N`, with the number of characters to hold back, at least 1",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "stream_mode": "window:65537" }] }"#,
            "plugins[0].stream_mode: a window has at most 65536 characters",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "version": "2" }] }"#,
            "plugins[0].version: `2` is no semantic version like `1.2.3`; a revision is written without quotes",
        ),
        (
            r#"{ "providers": { "x": { "type": "azure", "base_url": "https://x/v1" } } }"#,
            "providers.x.type: `azure` is not one of `openai`, `anthropic`, `demo`",
        ),
        (r#"{ "log_style": "text" }"#, "log_style: `text` is not one of `json`, `pretty`"),
    ]);
}

#[test]
fn both_names_of_a_key() {
    refused(&[(
        r#"{ "providers": { "demo": { "network": {}, "network_config": {} } } }"#,
        "providers.demo.network_config: is another name of `network`, which is here too",
    )]);
}

#[test]
fn references_where_none_are_read() {
    refused(&[(
        r#"{ "server": { "host": "env.HOST" } }"#,
        "server.host: `env.HOST` is not read here; only secrets, addresses and plugins' configs may come from the environment",
    )]);
}

#[test]
fn a_list_keeps_its_count_after_a_wrong_item() {
    assert_eq!(
        errors(
            r#"{ "plugins": ["x", { "name": "b", "order": "first" }, { "name": "c", "hooks": [1, "auth", "x y"] }, { "name": "b" }] }"#
        ),
        [
            "plugins[0]: must be an object, is a text",
            "plugins[1].order: must be an integer, is a text",
            "plugins[2].hooks[0]: must be a text, is a number",
            &format!("plugins[2].hooks[2]: `x y` is not known here; there are `{}`", hooks()),
            "plugins[3].name: `b` is the name of plugins[1] too",
        ]
    );
}

#[test]
fn long_texts_are_shortened() {
    let long = "x".repeat(10_000);
    let errors = errors(&format!(r#"{{ "log_level": "{long}", "{long}": 1 }}"#));
    assert!(errors.iter().all(|error| error.len() < 400), "{errors:?}");
}
