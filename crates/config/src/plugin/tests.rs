use super::{Placement, PluginEntry, PluginSource, PluginVersion};
use crate::testing::load;
use gatewright_plugin::{FailureMode, Hook, HookSet, StreamMode};
use std::time::Duration;

fn entry(text: &str) -> PluginEntry {
    load(&format!(r#"{{ "plugins": [{text}] }}"#)).config.plugins.remove(0)
}

#[test]
fn a_name_is_enough() {
    let entry = entry(r#"{ "name": "a" }"#);
    assert_eq!(entry, PluginEntry { config: entry.config.clone(), ..PluginEntry::new("a") });
    assert!(entry.enabled && entry.apply_to_input && entry.apply_to_output);
    assert_eq!(entry.placement(), Placement::PostBuiltin);
    assert_eq!(entry.source(), PluginSource::Linked("a"));
}

#[test]
fn every_key_is_read() {
    let entry = entry(
        r#"{
            "enabled": true, "name": "pii", "path": "./plugins/pii.so", "version": 3, "placement": "pre_builtin",
            "order": -1, "priority": 5, "failure_mode": "fail_closed", "timeout_seconds": 2.5,
            "hooks": ["CHECK_INPUT", "PreLLMHook", "check_output"], "stream_mode": { "POST_PROVIDER": "chunk", "check_output": "window:64" },
            "apply_to_input": true, "apply_to_output": true, "routes": ["/v1/*"], "models": ["openai/*"], "apps": ["billing"],
            "sample": 0.25, "config": { "a": 1 }
        }"#,
    );
    assert_eq!(entry.source(), PluginSource::Artefact("./plugins/pii.so"));
    assert_eq!(entry.version, Some(PluginVersion::Revision(3)));
    assert_eq!(entry.placement(), Placement::PreBuiltin);
    assert_eq!((entry.order, entry.priority), (Some(-1), Some(5)));
    assert_eq!(entry.failure_mode, Some(FailureMode::Closed));
    assert_eq!(entry.timeout(), Some(Duration::from_millis(2500)));
    assert_eq!(entry.named_hooks(), Some(HookSet::of(&[Hook::CheckInput, Hook::PreLlm, Hook::CheckOutput])));
    assert_eq!(entry.stream_mode(Hook::CheckOutput), Some(StreamMode::Window(64)));
    assert_eq!(entry.stream_mode(Hook::PostLlm), Some(StreamMode::Chunk));
    assert_eq!(entry.stream_mode(Hook::OnStreamChunk), None);
    assert_eq!(entry.sample, Some(0.25));
    assert_eq!(entry.config.get()["a"], 1);
}

#[test]
fn the_entries_of_other_systems_are_read() {
    let theirs = load(
        r#"{ "log_level": "debug", "plugins": [
            { "enabled": true, "name": "my-plugin", "path": "/path/to/my-plugin.so", "version": 1,
              "config": { "api_key": "your-api-key", "custom_setting": "value" } },
            { "name": "auth-validator", "enabled": true, "path": "/plugins/auth-validator.so", "placement": "pre_builtin", "order": 0 },
            { "name": "response-logger", "enabled": true, "path": "/plugins/response-logger.so", "placement": "post_builtin", "order": 0 }
        ] }"#,
    );
    assert_eq!(theirs.config.plugins.len(), 3);
    let warnings: Vec<_> = theirs.warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(warnings, ["plugins[0].config.api_key"]);
}

#[test]
fn one_stream_mode_is_for_all_hooks_that_have_one() {
    let entry = entry(r#"{ "name": "a", "stream_mode": "window:10" }"#);
    for hook in [Hook::CheckOutput, Hook::PostLlm, Hook::OnStreamChunk] {
        assert_eq!(entry.stream_mode(hook), Some(StreamMode::Window(10)));
    }
    assert_eq!(entry.stream_mode(Hook::CheckInput), None);
}

#[test]
fn a_second_instance_of_what_is_linked_in() {
    let entry = entry(r#"{ "name": "second", "path": "builtin:webhook_notifier" }"#);
    assert_eq!(entry.source(), PluginSource::Linked("webhook_notifier"));
}

#[test]
fn a_text_is_a_semantic_version() {
    let version = |text: &str| entry(&format!(r#"{{ "name": "a", "version": "{text}" }}"#)).version;
    assert_eq!(version("1.2.3"), Some(PluginVersion::Semantic("1.2.3".into())));
    assert_eq!(version("1.2.3-rc.1+5"), Some(PluginVersion::Semantic("1.2.3-rc.1+5".into())));
}

#[test]
fn hooks_are_narrowed_and_never_widened() {
    let all = HookSet::of(&[
        Hook::PreRequest,
        Hook::CheckInput,
        Hook::PreLlm,
        Hook::PostLlm,
        Hook::CheckOutput,
        Hook::OnStreamChunk,
        Hook::PostRequest,
        Hook::RequestEnd,
        Hook::OnStartup,
    ]);
    let hooks = |text: &str| entry(text).hooks_of(all);
    assert_eq!(hooks(r#"{ "name": "a" }"#), all);
    let always = [Hook::RequestEnd, Hook::OnStartup];
    assert_eq!(hooks(r#"{ "name": "a", "hooks": [] }"#), HookSet::of(&always));
    assert_eq!(
        hooks(r#"{ "name": "a", "hooks": ["check_input", "auth"] }"#),
        HookSet::of(&always).with(Hook::CheckInput)
    );
    let output = HookSet::of(&[Hook::PostLlm, Hook::CheckOutput, Hook::OnStreamChunk]);
    let input = HookSet::of(&[Hook::PreRequest, Hook::CheckInput, Hook::PreLlm]);
    assert_eq!(hooks(r#"{ "name": "a", "apply_to_input": false }"#), all.without(input));
    assert_eq!(hooks(r#"{ "name": "a", "apply_to_output": false }"#), all.without(output));
    assert_eq!(PluginEntry::new("a").hooks_of(HookSet::EMPTY), HookSet::EMPTY);
}
