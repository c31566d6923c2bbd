use super::*;

#[test]
fn a_stream_mode_is_read_from_its_word() {
    for (word, mode) in [
        ("buffer", StreamMode::Buffer),
        ("chunk", StreamMode::Chunk),
        ("observe", StreamMode::Observe),
        ("window:1", StreamMode::Window(1)),
        ("window:4294967295", StreamMode::Window(u32::MAX)),
    ] {
        assert_eq!(StreamMode::parse(word), Some(mode), "{word}");
    }
}

#[test]
fn what_is_no_stream_mode_is_refused() {
    for word in [
        "",
        "Buffer",
        " chunk",
        "window",
        "window:",
        "window:0",
        "window:-1",
        "window:+5",
        "window:007",
        "window: 5",
        "window:5 ",
        "window:5.0",
        "window:4294967296",
        "window:x",
        "windows:5",
    ] {
        assert_eq!(StreamMode::parse(word), None, "{word:?}");
    }
}

#[test]
fn only_check_output_holds_everything_by_default() {
    for row in Hook::TABLE {
        let buffered = StreamMode::default_of(row.hook) == StreamMode::Buffer;
        assert_eq!(buffered, row.hook == Hook::CheckOutput, "{}", row.name);
    }
}

#[test]
fn a_manifest_has_quiet_defaults() {
    let manifest = Manifest::new("quiet", "1.2.3");
    assert_eq!((manifest.name.as_str(), manifest.version.as_str(), manifest.priority), ("quiet", "1.2.3", 100));
    assert_eq!((manifest.failure_mode, manifest.timeout, manifest.messages), (None, None, Access::Rw));
    assert!(manifest.permissions.is_empty() && manifest.headers.is_empty() && manifest.stream_modes.is_empty());
    assert!(!manifest.stateful);
}

#[test]
fn what_may_stand_more_than_once_adds_up() {
    let manifest = Manifest::new("m", "1.0.0")
        .permission(Permission::Http)
        .permission(Permission::Kv)
        .permission(Permission::Http)
        .header("X-Team")
        .header("x-team")
        .stream_mode((Hook::CheckOutput, StreamMode::Window(64)))
        .stream_mode((Hook::PostLlm, StreamMode::Buffer))
        .stream_mode((Hook::CheckOutput, StreamMode::Observe));
    assert_eq!(manifest.permissions.into_iter().collect::<Vec<_>>(), [Permission::Kv, Permission::Http]);
    assert_eq!(manifest.headers.into_iter().collect::<Vec<_>>(), ["x-team"]);
    let modes = [(Hook::PostLlm, StreamMode::Buffer), (Hook::CheckOutput, StreamMode::Observe)];
    assert_eq!(manifest.stream_modes.into_iter().collect::<Vec<_>>(), modes, "the last word counts");
}

#[test]
fn a_permission_has_the_same_word_everywhere() {
    for permission in [
        Permission::Metrics,
        Permission::Records,
        Permission::Kv,
        Permission::Http,
        Permission::Llm,
        Permission::Services,
    ] {
        assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
    }
}

#[test]
fn members_that_mean_nothing_are_named() {
    let text = r#"{
        "name": "guard", "version": "1.0.0", "failuremode": "fail_closed", "timeout_seconds": [{}], "timeout": { "secs": 2, "nanos": 0 },
        "stream_modes": { "check_output": { "window": 64 }, "post_llm": "chunk" }, "permissions": ["kv"], "priority": -3,
        "failure_mode": null, "messages": "ro", "unknown": 1
    }"#;
    let manifest: Manifest = serde_json::from_str(text).unwrap();
    assert_eq!(manifest.unknown.iter().collect::<Vec<_>>(), ["failuremode", "timeout_seconds", "unknown"]);
    let expected = Manifest::new("guard", "1.0.0")
        .timeout(Duration::from_secs(2))
        .stream_mode((Hook::CheckOutput, StreamMode::Window(64)))
        .stream_mode((Hook::PostLlm, StreamMode::Chunk))
        .permission(Permission::Kv)
        .messages(Access::Ro)
        .priority(-3);
    assert_eq!(manifest, Manifest { unknown: manifest.unknown.clone(), ..expected });
    let missing = serde_json::from_str::<Manifest>(r#"{ "name": "guard" }"#).unwrap_err().to_string();
    assert!(missing.contains("missing field `version`"), "{missing}");
}

#[test]
fn its_members_are_written_and_in_the_docs() {
    let written = serde_json::to_value(Manifest::new("m", "1.0.0")).unwrap();
    let mut members: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = Manifest::MEMBERS;
    members.sort_unstable();
    expected.sort_unstable();
    assert_eq!(members, expected);
    let docs = include_str!("../../../../docs/abi.md");
    for member in Manifest::MEMBERS {
        assert!(docs.contains(&format!("\n| `{member}` | ")), "docs/abi.md lacks `{member}` of the manifest");
    }
}
