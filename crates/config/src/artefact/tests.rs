use super::ArtefactKind;
use crate::testing::{errors, load, warnings};
use gatewright_plugin::Permission;

#[test]
fn a_path_says_of_which_kind_it_is() {
    for (path, kind) in [
        ("./plugins/pii.wasm", ArtefactKind::Wasm),
        ("/opt/pii.so", ArtefactKind::Native),
        ("pii.dylib", ArtefactKind::Native),
        ("grpc://guard:9000", ArtefactKind::Remote),
        ("grpc+unix:///run/guard.sock", ArtefactKind::Remote),
        ("/usr/bin/guard", ArtefactKind::Program),
        ("pii.wasm/guard", ArtefactKind::Program),
        ("pii.WASM", ArtefactKind::Program),
    ] {
        assert_eq!(ArtefactKind::of(path), kind, "{path}");
    }
}

fn entry(keys: &str) -> String {
    format!(r#"{{ "plugins": [{{ "name": "pii", {keys} }}] }}"#)
}

fn error(keys: &str) -> String {
    errors(&entry(keys)).join("\n")
}

#[test]
fn permissions_are_words_and_hosts() {
    let text = entry(r#""path": "pii.wasm", "permissions": ["kv", {"http": ["api.acme.com", "*.acme.com:8443"]}]"#);
    let permissions = &load(&text).config.plugins[0].permissions;
    assert_eq!(permissions.set(), [Permission::Kv, Permission::Http].into());
    assert_eq!(permissions.hosts().collect::<Vec<_>>(), ["api.acme.com", "*.acme.com:8443"]);
    assert_eq!(
        serde_json::to_string(permissions).unwrap(),
        r#"["kv",{"http":["api.acme.com","*.acme.com:8443"]}]"#,
        "they are written as they were read"
    );
}

#[test]
fn what_is_wrong_with_them_is_said() {
    let of = |permissions: &str| error(&format!(r#""path": "pii.wasm", "permissions": {permissions}"#));
    assert_eq!(
        of(r#"["metric"]"#),
        "plugins[0].permissions[0]: `metric` is not one of `metrics`, `records`, `kv`, `http`, `llm`; did you mean `metrics`?"
    );
    assert_eq!(
        of(r#"["services"]"#),
        "plugins[0].permissions[0]: `services` cannot be granted to a plugin from a path: one of `metrics`, `records`, `kv`, `http`, `llm`"
    );
    assert_eq!(of(r#"["kv", "llm", "kv"]"#), "plugins[0].permissions[2]: `kv` is in this list before");
    assert_eq!(
        of(r#"["http", {"http": ["a.com"]}]"#),
        "plugins[0].permissions[1]: `http` is in this list before; name all hosts in one place"
    );
    assert_eq!(
        of(r#"[{"htpp": ["a.com"]}]"#),
        "plugins[0].permissions[0].htpp: is not a key here; did you mean `http`?\nplugins[0].permissions[0].http: must be set"
    );
    assert_eq!(
        of(r#"[{"http": []}]"#).split(": ").nth(1),
        Some("must not be empty; leave it out if nothing is to be narrowed")
    );
    assert_eq!(of(r#"{"http": ["a.com"]}"#), "plugins[0].permissions: must be a list, is an object");
    assert_eq!(
        warnings(&entry(r#""path": "pii.wasm", "permissions": ["http"]"#)),
        ["plugins[0].permissions[0]: `http` without hosts reaches none; write `{\"http\": [\"api.example.com\"]}`"]
    );
}

#[test]
fn limits_and_words_are_checked() {
    let of = |keys: &str| error(&format!(r#""path": "pii.wasm", {keys}"#));
    assert_eq!(of(r#""memory_mb": 0"#), "plugins[0].memory_mb: must be at least 1, is 0");
    assert_eq!(of(r#""memory_mb": 2048"#), "plugins[0].memory_mb: must be at most 1024 for a WASM component, is 2048");
    assert_eq!(of(r#""memory_mb": 1048577"#), "plugins[0].memory_mb: must be at most 1048576, is 1048577");
    assert_eq!(
        of(r#""instance": "singel""#),
        "plugins[0].instance: `singel` is not one of `pooled`, `single`, `per_request`, `per_call`; did you mean `single`?"
    );
    assert_eq!(
        of(r#""instance": "fresh""#),
        "plugins[0].instance: `fresh` is not the word; `per_call` is: one of `pooled`, `single`, `per_request`, `per_call`"
    );
    assert_eq!(
        of(r#""sha256": "abc""#),
        "plugins[0].sha256: `abc` is no SHA-256: that has 64 hexadecimal digits, as `sha256sum` prints them"
    );
    assert_eq!(of(r#""sha265": "abc""#), "plugins[0].sha265: is not a key here; did you mean `sha256`?");
}

#[test]
fn what_does_not_apply_is_refused() {
    assert_eq!(
        error(r#""memory_mb": 8, "permissions": ["kv"]"#),
        "plugins[0].memory_mb: is for plugins from a `path`, and this one is linked in; remove this key\n\
         plugins[0].permissions: is for plugins from a `path`: one that is linked in may do what the gateway may; remove this key"
    );
    let sha256 = "0".repeat(64);
    assert_eq!(
        error(&format!(r#""path": "grpc://guard:9000", "instance": "pooled", "sha256": "{sha256}""#)),
        "plugins[0].sha256: does not apply to a process at an address; remove this key\n\
         plugins[0].instance: does not apply to a process at an address; remove this key"
    );
    assert_eq!(
        error(
            r#""path": "guard.wasm", "isolation": "process", "inline": true, "arguments": ["a"], "environment": {"A": "b"}"#
        ),
        "plugins[0].isolation: does not apply to a WASM component; remove this key\n\
         plugins[0].inline: does not apply to a WASM component; remove this key\n\
         plugins[0].arguments: does not apply to a WASM component; remove this key\n\
         plugins[0].environment: does not apply to a WASM component; remove this key"
    );
    assert_eq!(
        error(
            r#""path": "guard.so", "isolation": "process", "inline": true, "environment": {"GATEWRIGHT_X": "b", "A=": "c"}"#
        ),
        "plugins[0].inline: is for a library in the gateway's process, and `isolation` gives it its own\n\
         plugins[0].environment[\"A=\"]: is no name of a variable\n\
         plugins[0].environment.GATEWRIGHT_X: is the gateway's own: choose another name"
    );
    assert_eq!(
        error(r#""path": "guard.so", "memory_mb": 8, "environment": {"A": "b"}"#),
        "plugins[0].memory_mb: is for a process of its own: set `isolation` to `process`, or remove this key\n\
         plugins[0].environment: is for a process of its own: set `isolation` to `process`, or remove this key"
    );
}
