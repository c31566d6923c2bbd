use super::*;
use gatewright_telemetry::log::concealed;

const NAME: &str = "rotates-its-secret";

/// An entry with this secret.
fn entry(secret: &str) -> PluginEntry {
    let text =
        format!(r#"{{"plugins": [{{"name": "{NAME}", "path": "it.wasm", "config": {{"api_key": "{secret}"}}}}]}}"#);
    gatewright_config::parse(text.as_bytes()).unwrap().config.plugins.remove(0)
}

#[test]
fn what_an_entry_had_before_is_concealed_too() {
    let (mut all, secret) = (Concealed::default(), |number: usize| format!("secret-number-{number}"));
    let in_force = entry(&secret(0));
    for refused in 1..=3 * MOST {
        all.add([&in_force, &entry(&secret(refused))].into_iter());
    }
    let shown = |number| concealed(NAME, &secret(number)) == secret(number);
    assert!(!shown(0), "it is in force all the time");
    assert!(!shown(3 * MOST) && !shown(2 * MOST + 2));
    assert!(shown(1), "what was long ago is forgotten");
}
