use crate::testing::{errors, errors_in, load, warnings};

#[track_caller]
fn refused(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(errors(text), [*expected], "{text}");
    }
}

/// A config with a provider `x` that has this besides its address.
fn x(rest: &str) -> String {
    format!(r#"{{ "providers": {{ "x": {{ "base_url": "https://x/v1", {rest} }} }} }}"#)
}

#[test]
fn providers() {
    refused(&[
        (
            r#"{ "providers": { "a/b": {} } }"#,
            "providers[\"a/b\"]: `a/b` cannot be a provider's name: a name is 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `-`, the first a letter or digit",
        ),
        (
            r#"{ "providers": { "azure": { "keys": [] } } }"#,
            "providers.azure.base_url: must be set: this provider's name is not one of those whose address is known",
        ),
        (
            r#"{ "providers": { "x": { "base_url": "x.example.com" } } }"#,
            "providers.x.base_url: does not begin with `https://` or `http://`",
        ),
        (
            r#"{ "providers": { "x": { "base_url": "http://localhost:8080/v1" } } }"#,
            "providers.x.base_url: leads to this gateway itself",
        ),
        (
            r#"{ "providers": { "openai": {} } }"#,
            "providers.openai.keys: https://api.openai.com/v1 needs a key: write one with the value `env.OPENAI_API_KEY`, or set the environment variable `OPENAI_API_KEY`",
        ),
        (
            r#"{ "providers": { "demo": { "base_url": "https://x" } } }"#,
            "providers.demo.base_url: the demo answers by itself and has no address",
        ),
        (
            r#"{ "providers": { "demo": { "keys": [{ "name": "a", "value": "b" }] } } }"#,
            "providers.demo.keys: the demo answers by itself and takes no keys",
        ),
        (
            &x(r#""keys": [{ "name": "k", "value": "a" }, { "name": "k", "value": "b" }]"#),
            "providers.x.keys[1].name: `k` is the name of providers.x.keys[0] too",
        ),
        (
            &x(r#""keys": [{ "name": "k", "value": "a\nb" }]"#),
            "providers.x.keys[0].value: has characters that no header can carry, such as a line end",
        ),
        (&x(r#""keys": [{ "name": "k", "value": " " }]"#), "providers.x.keys[0].value: must not be empty"),
        (
            &x(r#""keys": [{ "name": "k", "value": "a", "models": ["gpt*", " "] }]"#),
            "providers.x.keys[0].models[1]: must not be empty; `*` stands for any text",
        ),
        (&x(r#""models": ["a", ""]"#), "providers.x.models[1]: `` is no model"),
        (
            &x(r#""network": { "retry_backoff_initial_ms": 6000 }"#),
            "providers.x.network.retry_backoff_max_ms: must not be below retry_backoff_initial_ms (6000), is 5000",
        ),
        (
            &x(r#""network": { "extra_headers": { "x team": "blue" } }"#),
            "providers.x.network.extra_headers[\"x team\"]: is not a header's name",
        ),
        (
            &x(r#""network": { "extra_headers": { "Host": "blue" } }"#),
            "providers.x.network.extra_headers.Host: belongs to the connection and cannot be set",
        ),
        (
            &x(r#""network": { "extra_headers": { "Content-Type": "application/json" } }"#),
            "providers.x.network.extra_headers.Content-Type: belongs to the connection and cannot be set",
        ),
        (
            &x(r#""keys": [{ "name": "k", "value": "a", "enabled": false }]"#),
            "providers.x.keys: none of the keys is enabled: enable one, remove them all if none is needed, or disable the provider",
        ),
        (
            &x(r#""network": { "extra_headers": { "x-team": "a\r\nb: c" } }"#),
            "providers.x.network.extra_headers.x-team: has characters that no header can carry, such as a line end",
        ),
        (
            &x(r#""network": { "ca_cert_pem": "/etc/ca.pem" }"#),
            "providers.x.network.ca_cert_pem: holds no certificate: PEM begins with `-----BEGIN CERTIFICATE-----`",
        ),
    ]);
}

#[test]
fn provider_warnings() {
    let keys = r#""keys": [{ "name": "k", "value": "env.K" }]"#;
    let warned = |text: &str| {
        let loaded = crate::testing::load_in(text, &[("K", "sk-1")]);
        loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        warned(&format!(r#"{{ "providers": {{ "x": {{ "base_url": "http://10.0.0.1", {keys} }} }} }}"#)),
        [
            "providers.x.base_url: is not `https`: anybody on the way can read the keys",
            "providers.x.base_url: has no path, while most servers compatible with OpenAI's answer under `/v1`",
        ]
    );
    assert_eq!(
        warned(&x(r#""network": { "insecure_skip_verify": true }"#)),
        ["providers.x.network.insecure_skip_verify: any certificate is trusted: anybody on the way can read the keys"]
    );
    assert!(warned(&x(keys)).is_empty());
    assert_eq!(
        warned(&x(r#""type": "anthropic", "stream_usage": true"#)),
        ["providers.x.stream_usage: has no effect: the provider does not speak OpenAI's dialect"]
    );
    assert!(warned(&x(r#""stream_usage": false, "max_tokens_field": "max_tokens""#)).is_empty());
}

#[test]
fn routing() {
    refused(&[
        (r#"{ "default_provider": "dem" }"#, "default_provider: there is no provider `dem`; did you mean `demo`?"),
        (
            r#"{ "providers": { "off": { "enabled": false }, "demo": {} }, "default_provider": "off" }"#,
            "default_provider: the provider `off` is disabled",
        ),
        (
            r#"{ "fallbacks": { "demo": [] } }"#,
            "fallbacks.demo: `demo` is not `provider/model`; did you mean `demo/demo`?",
        ),
        (
            r#"{ "fallbacks": { "*": ["gpt-4o"] } }"#,
            "fallbacks[\"*\"][0]: `gpt-4o` is not `provider/model`; did you mean `demo/gpt-4o`?",
        ),
        (
            r#"{ "fallbacks": { "*": ["demo/"] } }"#,
            "fallbacks[\"*\"][0]: `demo/` is not `provider/model`; did you mean `demo/demo/`?",
        ),
        (r#"{ "fallbacks": { "*": ["openai/gpt-4o"] } }"#, "fallbacks[\"*\"][0]: there is no provider `openai`"),
        (r#"{ "fallbacks": { "demo/a": ["demo/a"] } }"#, "fallbacks[\"demo/a\"][0]: falls back to itself"),
        (
            r#"{ "fallbacks": { "*": ["demo/a", "demo/b", "demo/a"] } }"#,
            "fallbacks[\"*\"][2]: `demo/a` is in this list before",
        ),
        (r#"{ "prices": { "": { "input": 1, "output": 1 } } }"#, "prices[\"\"]: must be a model or `provider/model`"),
    ]);
    let many: Vec<String> = (0..17).map(|number| format!("\"demo/{number}\"")).collect();
    assert_eq!(
        errors(&format!(r#"{{ "fallbacks": {{ "*": [{}] }} }}"#, many.join(","))),
        ["fallbacks[\"*\"]: must have at most 16 items, has 17"]
    );
}

#[test]
fn a_provider_that_is_wrong_is_not_missed_as_well() {
    assert_eq!(
        errors(r#"{ "providers": 5, "default_provider": "x", "fallbacks": { "*": ["x/m"] } }"#),
        ["providers: must be an object, is a number"]
    );
}

#[test]
fn plugins() {
    refused(&[
        (
            r#"{ "plugins": [{ "name": "my plugin" }] }"#,
            "plugins[0].name: `my plugin` cannot be a plugin's name: a name is 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `-`, the first a letter or digit",
        ),
        (
            r#"{ "plugins": [{ "name": "a" }, { "name": "b" }, { "name": "a", "enabled": false }] }"#,
            "plugins[2].name: `a` is the name of plugins[0] too",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "path": "builtin:" }] }"#,
            "plugins[0].path: `builtin:` must be followed by a plugin's name",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "hooks": ["pre_llm", "PRE_PROVIDER"] }] }"#,
            "plugins[0].hooks[1]: `pre_llm` is in this list before",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "routes": ["v1/*"] }] }"#,
            "plugins[0].routes[0]: `v1/*` is not a path: it begins with `/` or `*`",
        ),
        (
            r#"{ "plugins": [{ "name": "a", "models": [""] }] }"#,
            "plugins[0].models[0]: must not be empty; `*` stands for any text",
        ),
        (r#"{ "plugins": [{ "name": "a", "apps": [""] }] }"#, "plugins[0].apps[0]: must not be empty"),
    ]);
}

#[test]
fn plugin_warnings() {
    for (entry, expected) in [
        (
            r#"{ "name": "a", "hooks": ["pre_auth", "check_input"], "failure_mode": "fail_open" }"#,
            "plugins[0].failure_mode: `a` guards (pre_auth, check_input) and is fail_open: when it fails, requests pass unchecked; set `fail_closed`",
        ),
        (
            r#"{ "name": "jailbreak_detector", "failure_mode": "open" }"#,
            "plugins[0].failure_mode: `jailbreak_detector` guards (check_input) and is fail_open: when it fails, requests pass unchecked; set `fail_closed`",
        ),
        (
            r#"{ "name": "second", "path": "builtin:jailbreak_detector", "failure_mode": "open" }"#,
            "plugins[0].failure_mode: `second` guards (check_input) and is fail_open: when it fails, requests pass unchecked; set `fail_closed`",
        ),
        (
            r#"{ "name": "a", "hooks": ["auth"], "failure_mode": "fail_open" }"#,
            "plugins[0].failure_mode: `a` authenticates: its `auth` stays fail_closed",
        ),
        (
            r#"{ "name": "a", "hooks": ["check_output"], "stream_mode": "observe" }"#,
            "plugins[0].stream_mode: with `observe`, `check_output` audits streams only: it cannot block what has left",
        ),
        (r#"{ "name": "a", "sample": 0 }"#, "plugins[0].sample: is 0: the plugin stands at no request"),
        (
            r#"{ "name": "a", "hooks": [] }"#,
            "plugins[0].hooks: is empty: the plugin is loaded and stands at no request",
        ),
        (
            r#"{ "name": "a", "hooks": ["check_input"], "failure_mode": "fail_open", "apply_to_input": false }"#,
            "plugins[0].apply_to_input: is false, which leaves no hook of it: the plugin stands at no request",
        ),
        (
            r#"{ "name": "a", "hooks": ["check_output", "request_end"], "apply_to_output": false }"#,
            "plugins[0].apply_to_output: is false, which leaves no hook of it: the plugin stands at no request",
        ),
    ] {
        assert_eq!(warnings(&format!(r#"{{ "plugins": [{entry}] }}"#)), [expected], "{entry}");
    }
    for quiet in [
        r#"{ "name": "a", "hooks": ["check_input"], "failure_mode": "fail_closed" }"#,
        r#"{ "name": "a", "hooks": ["post_request"], "failure_mode": "fail_open" }"#,
        r#"{ "name": "a", "hooks": ["check_input"], "failure_mode": "fail_open", "enabled": false }"#,
        r#"{ "name": "a", "hooks": ["check_input", "check_output"], "apply_to_input": false }"#,
        r#"{ "name": "a", "hooks": ["check_input"], "apply_to_input": false, "enabled": false }"#,
        r#"{ "name": "a", "hooks": ["check_input", "auth"], "apply_to_input": false, "apply_to_output": false }"#,
    ] {
        assert!(warnings(&format!(r#"{{ "plugins": [{quiet}] }}"#)).is_empty(), "{quiet}");
    }
}

#[test]
fn auth() {
    let keys = |keys: &str| format!(r#"{{ "auth": {{ "keys": [{keys}] }} }}"#);
    let long = r#""value": "env.LONG""#;
    let environment = [("LONG", "0123456789abcdef"), ("SHORT", "0123")];
    assert_eq!(
        errors_in(&keys(&format!(r#"{{ "name": "a", {long} }}, {{ "name": "b", {long} }}"#)), &environment),
        ["auth.keys[1].value: is the same key as auth.keys[0]: nobody could tell who it is"]
    );
    assert_eq!(
        errors_in(
            &keys(&format!(r#"{{ "name": "a", {long} }}, {{ "name": "a", "value": "other-other-other" }}"#)),
            &environment
        ),
        ["auth.keys[1].name: `a` is the name of auth.keys[0] too"]
    );
    let loaded = crate::testing::load_in(
        &keys(
            r#"{ "name": "a", "value": "env.SHORT", "user": "ann" }, { "name": "b", "value": "env.LONG", "app": "ci" }, { "name": "off", "value": "env.NONE", "enabled": false }"#,
        ),
        &environment,
    );
    assert_eq!(
        loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["auth.keys[0].value: has less than 16 characters and can be guessed"]
    );
    let auth = &loaded.config.auth;
    assert!(auth.requires_key());
}

#[test]
fn keys_that_are_all_disabled_let_nobody_in() {
    let loaded = load(r#"{ "auth": { "keys": [{ "name": "a", "value": "env.NONE", "enabled": false }] } }"#);
    assert!(loaded.config.auth.requires_key());
    assert_eq!(
        loaded.warnings[0].to_string(),
        "auth.keys: none of the keys is enabled: no request with a key is let in"
    );
}

#[test]
fn server() {
    refused(&[
        (
            r#"{ "server": { "host": "0.0.0.0:8080" } }"#,
            "server.host: `0.0.0.0:8080` is neither an IP address nor a host name; the port has a key of its own",
        ),
        (
            r#"{ "server": { "host": "http://localhost" } }"#,
            "server.host: `http://localhost` is neither an IP address nor a host name; the port has a key of its own",
        ),
        (
            r#"{ "server": { "max_inflight_body_bytes": 1024 } }"#,
            "server.max_inflight_body_bytes: must not be below max_body_bytes (33554432), is 1024",
        ),
    ]);
    for host in ["::1", "0.0.0.0", "localhost", "gateway.internal"] {
        assert_eq!(load(&format!(r#"{{ "server": {{ "host": "{host}" }} }}"#)).config.server.host, host);
    }
}

#[test]
fn no_problem_writes_a_line_of_its_own() {
    let text = r#"{ "plugins": [{ "name": "a\n  plugins: fine\u001b[2J" }] }"#;
    let problems = errors(text);
    assert!(!problems[0].contains(['\n', '\u{1b}']), "{problems:?}");
    assert!(problems[0].contains(r"`a\n  plugins: fine\u{1b}[2J`"), "{problems:?}");
}

#[test]
fn an_application_is_no_pattern() {
    let warned = |app: &str| warnings(&format!(r#"{{ "plugins": [{{ "name": "a", "apps": ["{app}"] }}] }}"#));
    assert_eq!(warned("team-1"), Vec::<String>::new());
    assert_eq!(warned("team-*"), ["plugins[0].apps[0]: is an application's id and no pattern: `*` stands for itself"]);
}

#[test]
fn a_provider_that_is_misspelt_in_a_scope_is_warned_of() {
    let warned = |model: &str| {
        let providers = r#"{ "openai": { "base_url": "http://127.0.0.1:9/v1" } }"#;
        let plugin = format!(r#"{{ "name": "a", "models": ["{model}"] }}"#);
        warnings(&format!(r#"{{ "providers": {providers}, "plugins": [{plugin}] }}"#))
    };
    for fine in ["openai/*", "gpt-*", "meta/llama", "open*/gpt-4o"] {
        assert_eq!(warned(fine), Vec::<String>::new());
    }
    assert_eq!(warned("opnai/*"), ["plugins[0].models[0]: there is no provider `opnai`; did you mean `openai`?"]);
}

#[test]
fn the_demo_has_no_network() {
    let warned = warnings(r#"{ "providers": { "demo": { "network": { "max_retries": 5 } } } }"#);
    assert_eq!(warned, ["providers.demo.network: has no effect: the demo answers by itself"]);
}
