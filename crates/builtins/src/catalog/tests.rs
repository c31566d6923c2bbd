use super::{CATALOG, Privileges, find};
use gatewright_plugin::{Failure, Hook};
use gatewright_telemetry::Metrics;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;

fn privileges() -> Privileges {
    Privileges { metrics: Arc::new(Metrics::new()) }
}

fn failure(name: &str, config: Json) -> String {
    match find(name).unwrap().make(config, &privileges()) {
        Err(Failure::Returned(message)) => message,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{name} took it"),
    }
}

#[test]
fn the_order_is_fixed() {
    let names: Vec<_> = CATALOG.iter().map(|builtin| builtin.name()).collect();
    let order = ["telemetry", "logging", "request_logger", "jailbreak_detector", "cost_alerter", "webhook_notifier"];
    assert_eq!(names, order);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(find("nothing").is_none());
}

#[test]
fn only_logging_and_telemetry_are_on_by_default_and_privileged() {
    for builtin in &CATALOG {
        let special = ["telemetry", "logging"].contains(&builtin.name());
        assert_eq!((builtin.is_on_by_default(), builtin.is_privileged()), (special, special), "{}", builtin.name());
    }
}

#[test]
fn each_says_of_itself_what_the_list_says() {
    let configs = [
        Json::Null,
        Json::Null,
        json!({}),
        json!({"custom_patterns": ["(?i)do anything now"]}),
        json!({"threshold": 1}),
        json!({"url": "https://hooks.test/"}),
    ];
    for (builtin, config) in CATALOG.iter().zip(configs) {
        let hosted = builtin.make(config, &privileges()).unwrap();
        assert_eq!(builtin.manifest(), *hosted.manifest());
        assert_eq!((builtin.name(), builtin.hooks()), (&*hosted.manifest().name, hosted.hooks()));
        assert!(!builtin.manifest().description.is_empty());
        // What waits for nothing costs no allocation; only the webhook waits.
        let waits = builtin.name() == "webhook_notifier";
        assert_eq!(hosted.immediate().is_empty(), waits, "{}", builtin.name());
        let ends = builtin.name() == "logging";
        assert_eq!(hosted.hooks().contains(Hook::RequestEnd), ends, "{}", builtin.name());
    }
}

#[test]
fn a_config_that_is_wrong_is_told_of_with_its_place() {
    assert_eq!(failure("telemetry", json!({"a": 1})), "a: unknown field `a`, there are no fields");
    assert_eq!(
        failure("jailbreak_detector", json!({"custom_patterns": ["a", 5]})),
        "custom_patterns[1]: invalid type: integer `5`, expected a string"
    );
    assert_eq!(
        failure("jailbreak_detector", json!({"patterns": []})),
        "patterns: unknown field `patterns`, expected `custom_patterns`"
    );
    assert_eq!(failure("cost_alerter", Json::Null), "missing field `threshold`");
    assert_eq!(
        failure("cost_alerter", json!({"threshold": "1"})),
        "threshold: invalid type: string \"1\", expected f64"
    );
    assert_eq!(failure("webhook_notifier", json!({})), "missing field `url`");
    let events = json!({"url": "https://hooks.test/", "events": ["later"]});
    assert_eq!(
        failure("webhook_notifier", events),
        "events[0]: unknown variant `later`, expected `post_request` or `on_error`"
    );
}

/// Every plugin has its page, and the list of pages is in the same order.
#[test]
fn each_has_its_docs() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/plugins");
    let list = std::fs::read_to_string(docs.join("README.md")).unwrap();
    let places: Vec<_> = CATALOG
        .iter()
        .map(|builtin| {
            let page = format!("{}.md", builtin.name());
            let text = std::fs::read_to_string(docs.join(&page)).unwrap();
            for hook in builtin.hooks().iter() {
                assert!(text.contains(hook.name()), "{page} does not name {hook}");
            }
            list.find(&page).unwrap_or_else(|| panic!("README.md does not name {page}"))
        })
        .collect();
    assert!(places.is_sorted());
}
