use super::*;

fn config(text: &str) -> Config {
    gatewright_config::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}")).config
}

fn with_auth(auth: &str) -> Config {
    config(&format!("{{ \"auth\": {auth} }}"))
}

#[test]
fn nobody_is_asked_for_a_key_where_there_are_none() {
    assert!(keys(&config("{}")).is_none());
    let open = r#"{ "keys": [{ "name": "a", "value": "k-1" }], "allow_anonymous": true }"#;
    let shown = format!("{:?}", keys(&with_auth(open)).unwrap());
    assert!(shown.contains("anonymous: true") && shown.contains(r#"app_id: "a""#), "{shown}");
}

#[test]
fn keys_that_are_all_turned_off_still_ask_for_one() {
    let off = r#"{ "keys": [{ "name": "a", "value": "k-1", "enabled": false }] }"#;
    let shown = format!("{:?}", keys(&with_auth(off)).unwrap());
    assert_eq!(shown, "ClientKeys { keys: [], anonymous: false }");
}

#[test]
fn a_key_says_whose_it_is_and_never_what_it_is() {
    let two =
        r#"{ "keys": [{ "name": "a", "value": "k-1" }, { "name": "b", "value": "k-2", "app": "x", "user": "ann" }] }"#;
    let shown = format!("{:?}", keys(&with_auth(two)).unwrap());
    for part in [r#"app_id: "a", user_id: "", api_key_id: "a""#, r#"app_id: "x", user_id: "ann", api_key_id: "b""#] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains("k-1") && !shown.contains("k-2"), "{shown}");
}

#[test]
fn limits_are_those_of_the_config_and_the_defaults_are_the_same() {
    assert_eq!(limits(&config("{}")), Limits::default());
    let given = config(
        r#"{ "server": { "max_body_bytes": 2048, "max_inflight_body_bytes": 4096, "max_concurrent_requests": 3,
            "request_timeout_seconds": 1.5, "header_timeout_ms": 200, "max_header_bytes": 9000 } }"#,
    );
    let expected = Limits {
        body_bytes: 2048,
        inflight_body_bytes: 4096,
        concurrent_requests: 3,
        request_timeout: std::time::Duration::from_millis(1500),
        header_timeout: std::time::Duration::from_millis(200),
        header_bytes: 9000,
        ..Limits::default()
    };
    assert_eq!(limits(&given), expected);
}

#[test]
fn the_prices_of_a_config_are_asked() {
    let priced = config(r#"{ "prices": { "m": { "input": 1, "output": 2 } } }"#);
    let usage = Usage { input_tokens: 1_000_000, output_tokens: 1_000_000, ..Usage::default() };
    assert_eq!(pricing(&priced).cost("any", "m", &usage), Some(3.0));
    assert_eq!(pricing(&priced).cost("any", "no-such-model", &usage), None);
}
