use super::*;
use gatewright::Gateway;
use gatewright::config::{Config, Environment, Found, Warning};
use std::time::Duration;

/// The banner of a gateway by this config, and the address it listens on.
async fn banner(members: &str, found: Vec<Found>, warnings: Vec<Warning>, file: Option<&str>) -> (String, String) {
    let text = format!(r#"{{ "detect_providers": false, "server": {{ "port": 0, "workers": 1 }}{members} }}"#);
    let keys = Environment::from_iter([("OPENAI_API_KEY", "sk-test"), ("ANTHROPIC_API_KEY", "sk-test")]);
    let config = Config::parse(text.as_bytes(), &keys).unwrap().config;
    let started = Gateway::builder().config(config.clone()).start().await.unwrap();
    let said = super::text(&started, &Read { config, warnings, found }, file.map(Path::new));
    let address = started.address().to_string();
    assert!(started.drain(Duration::from_secs(5)).await);
    (said, address)
}

fn found(provider: &str, variables: &[&'static str]) -> Found {
    Found { provider: provider.to_owned(), variables: variables.to_vec() }
}

#[tokio::test]
async fn a_gateway_without_a_config_says_what_answers_and_what_to_try() {
    let (said, address) = banner("", vec![found("demo", &[])], Vec::new(), None).await;
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "gatewright {version} on http://{address}
  config     none: the environment alone
  providers  demo (built in; no provider keys were found)
  plugins    telemetry [builtin] > logging [builtin]

Try:
  curl http://{address}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{\"model\": \"demo/echo\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}]}}'

"
    );
    assert_eq!(said, expected);
}

#[tokio::test]
async fn providers_are_named_with_the_variables_that_brought_them() {
    let members = r#", "providers": { "openai": {}, "mine": { "base_url": "http://127.0.0.1:1/v1" } }"#;
    let keys = vec![found("openai", &["OPENAI_API_KEY", "OPENAI_BASE_URL"])];
    let (said, _) = banner(members, keys, Vec::new(), Some("conf/gateway.json")).await;
    assert!(said.contains("\n  config     conf/gateway.json\n"), "{said}");
    assert!(said.contains("\n  providers  mine, openai (OPENAI_API_KEY, OPENAI_BASE_URL)\n"), "{said}");
}

#[tokio::test]
async fn plugins_are_named_in_the_order_in_which_they_run() {
    let members = r#", "plugins": [{ "name": "jailbreak_detector" }, { "name": "telemetry", "enabled": false }]"#;
    let (said, _) = banner(members, Vec::new(), Vec::new(), None).await;
    assert!(said.contains("\n  plugins    logging [builtin] > jailbreak_detector [builtin]\n"), "{said}");
    let off = r#", "plugins": [{ "name": "logging", "enabled": false }, { "name": "telemetry", "enabled": false }]"#;
    assert!(banner(off, Vec::new(), Vec::new(), None).await.0.contains("\n  plugins    none\n"));
}

#[tokio::test]
async fn a_plugin_that_did_not_load_is_said_to_be_out_and_nothing_to_try() {
    let open = r#", "plugins": [{ "name": "pii", "path": "/nowhere/pii.wasm", "failure_mode": "fail_open", "hooks": ["check_input"] }]"#;
    let (said, address) = banner(open, Vec::new(), Vec::new(), None).await;
    assert!(said.contains(" > pii (did not load: there is no file `/nowhere/pii.wasm`)\n"), "{said}");
    assert!(said.contains(&format!("Try:\n  curl http://{address}")), "requests go on without it: {said}");
    let guard = r#", "plugins": [{ "name": "pii", "path": "/nowhere/pii.wasm" }]"#;
    let (said, address) = banner(guard, Vec::new(), Vec::new(), None).await;
    assert!(said.contains(" > pii (did not load: ") && !said.contains("Try:"), "{said}");
    assert!(
        said.contains(&format!("\nNot ready: requests of a guard that is out get 503. See http://{address}/readyz\n"))
    );
}

#[tokio::test]
async fn warnings_are_shown_with_their_place_if_they_have_one() {
    let warning = |path: &str, message: &str| Warning { path: path.to_owned(), message: message.to_owned() };
    let warnings = vec![warning("auth.keys[0].value", "is written as it is"), warning("", "is old")];
    let (said, _) = banner("", Vec::new(), warnings, None).await;
    assert!(said.contains("\n  warning    auth.keys[0].value: is written as it is\n"), "{said}");
    assert!(said.contains("\n  warning    is old\n"), "{said}");
}

#[tokio::test]
async fn the_model_to_try_is_one_of_the_default_provider() {
    for (providers, model) in [
        (r#""openai": { "models": ["gpt-x", "gpt-y"] }"#, "openai/gpt-x"),
        (r#""openai": {}"#, "openai/gpt-4o-mini"),
        (r#""anthropic": {}"#, "anthropic/claude-sonnet-4-5"),
        (r#""mine": { "type": "anthropic", "base_url": "http://127.0.0.1:1" }"#, "mine/claude-sonnet-4-5"),
        (r#""mine": { "type": "demo" }"#, "mine/echo"),
    ] {
        let members = format!(r#", "providers": {{ {providers} }}"#);
        let (said, _) = banner(&members, Vec::new(), Vec::new(), None).await;
        assert!(said.contains(&format!("\"model\": \"{model}\"")), "{said}");
    }
}
