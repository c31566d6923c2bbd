use super::{Catalog, PluginFacts, Unusable, check_exposure, validate};
use crate::testing::{load, load_in};
use crate::{Config, PluginEntry, Report};
use gatewright_plugin::{FailureMode, Hook, HookSet, Manifest};
use serde_json::Value;

/// Nobody has an entry for them.
struct ByDefault(&'static [&'static str]);

impl Catalog for ByDefault {
    fn plugin(&self, name: &str) -> Option<PluginFacts> {
        Some4.plugin(name)
    }

    fn names(&self) -> Vec<String> {
        Some4.names()
    }

    fn by_default(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    fn check_config(&self, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn plugins_without_an_entry_are_checked_too() {
    let beyond =
        |plugins: &str| load(&format!(r#"{{ "server": {{ "host": "0.0.0.0" }}, "plugins": [{plugins}] }}"#)).config;
    let both = ByDefault(&["guard", "gate"]);
    let report = validate(&beyond(""), &both);
    assert_eq!(report.errors, []);
    assert_eq!(
        report.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "plugins.failure_mode: `guard` guards (check_input, check_output) and is fail_open: when it fails, requests pass unchecked; set `fail_closed`"
        ]
    );
    let off = r#"{ "name": "gate", "enabled": false }, { "name": "guard", "enabled": false }"#;
    let report = validate(&beyond(off), &both);
    assert_eq!((report.errors.len(), report.warnings.len()), (1, 0));
}

/// `guard` (check_input, check_output), `strict_guard` (the same, closed), `logger` (ships; post_request),
/// `gate` (auth).
struct Some4;

impl Catalog for Some4 {
    fn plugin(&self, name: &str) -> Option<PluginFacts> {
        let manifest = Manifest::new(name, "1.0.0");
        let checks = HookSet::of(&[Hook::CheckInput, Hook::CheckOutput]);
        let (manifest, hooks, builtin) = match name {
            "guard" => (manifest, checks, false),
            "strict_guard" => (manifest.failure_mode(FailureMode::Closed), checks, false),
            "logger" => (manifest, HookSet::of(&[Hook::PostRequest]), true),
            "gate" => (manifest, HookSet::of(&[Hook::Auth]), false),
            _ => return None,
        };
        Some(PluginFacts { manifest, hooks, builtin })
    }

    fn names(&self) -> Vec<String> {
        ["guard", "strict_guard", "logger", "gate"].map(String::from).to_vec()
    }

    fn check_config(&self, _: &str, config: &Value) -> Result<(), String> {
        match config.get("url") {
            Some(url) => Err(format!("`url` is not one: {url}")),
            None => Ok(()),
        }
    }

    fn endpoints(&self) -> Vec<&'static str> {
        vec!["/v1/chat/completions", "/v1/models"]
    }
}

fn report(plugin: &str) -> Report {
    validate(&load(&format!(r#"{{ "plugins": [{plugin}] }}"#)).config, &Some4)
}

fn lines(plugin: &str) -> Vec<String> {
    let report = report(plugin);
    let warnings = report.warnings.iter().map(|warning| format!("warning: {warning}"));
    report.errors.iter().map(ToString::to_string).chain(warnings).collect()
}

#[test]
fn plugins_must_be_there() {
    assert_eq!(
        lines(r#"{ "name": "loger" }"#),
        ["plugins[0].name: there is no built-in plugin `loger`; did you mean `logger`?"]
    );
    assert_eq!(
        lines(r#"{ "name": "zzz" }"#),
        [
            "plugins[0].name: there is no built-in plugin `zzz` (there are guard, strict_guard, logger, gate), and no `path`"
        ]
    );
    assert_eq!(
        lines(r#"{ "name": "mine", "path": "builtin:zzz" }"#),
        ["plugins[0].path: there is no built-in plugin `zzz`; there are guard, strict_guard, logger, gate"]
    );
    assert_eq!(
        lines(r#"{ "name": "mine", "path": "builtin:gard" }"#),
        ["plugins[0].path: there is no built-in plugin `gard`; did you mean `guard`?"]
    );
    assert_eq!(
        lines(r#"{ "name": "mine", "path": "./mine.so" }"#),
        ["plugins[0].path: this gateway has no host that loads plugins from a path"]
    );
    for scheme in ["oci", "https", "http"] {
        assert_eq!(
            lines(&format!(r#"{{ "name": "mine", "path": "{scheme}://registry/guard:1" }}"#)),
            [
                "plugins[0].path: this gateway has no host that loads plugins from a path; nothing is fetched: put the file on this machine"
            ]
        );
    }
    assert_eq!(lines(r#"{ "name": "mine", "path": "./mine.so", "enabled": false }"#), [""; 0]);
    assert_eq!(
        lines(r#"{ "name": "loger", "enabled": false }"#),
        ["warning: plugins[0].name: there is no built-in plugin `loger`; did you mean `logger`?"]
    );
}

#[test]
fn hooks_must_be_implemented() {
    assert_eq!(
        lines(r#"{ "name": "strict_guard", "hooks": ["check_input", "post_llm"] }"#),
        ["plugins[0].hooks[1]: the plugin has no `post_llm`; it has `check_input`, `check_output`"]
    );
}

#[test]
fn the_place_of_what_ships_is_fixed() {
    assert_eq!(
        lines(r#"{ "name": "logger", "placement": "pre_builtin", "order": 1, "priority": 2 }"#),
        ["placement", "order", "priority"]
            .map(|key| format!("plugins[0].{key}: the place of a built-in plugin is fixed; remove this key"))
    );
    assert_eq!(lines(r#"{ "name": "strict_guard", "placement": "pre_builtin", "order": 1, "priority": 2 }"#), [""; 0]);
}

#[test]
fn configs_are_checked_without_showing_secrets() {
    let config = load_in(
        r#"{ "plugins": [{ "name": "logger", "config": { "url": "env.URL" } }] }"#,
        &[("URL", "https://secret")],
    );
    let report = validate(&config.config, &Some4);
    assert_eq!(report.errors[0].to_string(), "plugins[0].config: `url` is not one: \"***\"");
}

#[test]
fn an_open_guard_is_warned_of() {
    let open = "warning: plugins[0].failure_mode: `guard` guards (check_input, check_output) and is fail_open: when it fails, requests pass unchecked; set `fail_closed`";
    assert_eq!(lines(r#"{ "name": "guard" }"#), [open]);
    assert_eq!(lines(r#"{ "name": "guard", "failure_mode": "fail_open" }"#), [open]);
    assert_eq!(lines(r#"{ "name": "guard", "hooks": ["check_output"] }"#), [open.replace("check_input, ", "")]);
    for quiet in [
        r#"{ "name": "guard", "failure_mode": "fail_closed" }"#,
        r#"{ "name": "strict_guard" }"#,
        r#"{ "name": "logger" }"#,
        r#"{ "name": "gate" }"#,
        r#"{ "name": "guard", "enabled": false }"#,
    ] {
        assert_eq!(lines(quiet), [""; 0], "{quiet}");
    }
}

#[test]
fn the_same_warning_is_not_said_twice() {
    let loaded = load(r#"{ "plugins": [{ "name": "guard", "hooks": ["check_input"], "failure_mode": "fail_open" }] }"#);
    let mut report = Report { errors: Vec::new(), warnings: loaded.warnings };
    report.absorb(validate(&loaded.config, &Some4));
    assert_eq!(report.warnings.len(), 1);
}

#[test]
fn what_has_no_effect_is_warned_of() {
    assert_eq!(
        lines(r#"{ "name": "logger", "stream_mode": "buffer" }"#),
        ["warning: plugins[0].stream_mode: has no effect: none of the plugin's hooks sees the text of a stream"]
    );
    assert_eq!(
        lines(r#"{ "name": "strict_guard", "stream_mode": "observe" }"#),
        [
            "warning: plugins[0].stream_mode: with `observe`, `check_output` audits streams only: it cannot block what has left"
        ]
    );
    assert_eq!(
        lines(r#"{ "name": "logger", "version": "2.0.0" }"#),
        ["warning: plugins[0].version: `2.0.0` is wanted, and the plugin is `1.0.0`"]
    );
    assert_eq!(lines(r#"{ "name": "logger", "version": "1.0.0" }"#), [""; 0]);
}

#[test]
fn beyond_loopback_there_must_be_keys() {
    let exposed = |text: &str| validate(&load_in(text, &[("K", "0123456789abcdef")]).config, &Some4).errors;
    let beyond = r#""server": { "host": "0.0.0.0" }"#;
    assert_eq!(
        exposed(&format!("{{ {beyond} }}"))[0].to_string(),
        "server.host: `0.0.0.0` can be reached from beyond this machine, and anybody there could spend your provider keys: \
         set `auth.keys`, or `auth.allow_anonymous` if that is meant"
    );
    for allowed in [
        r#""auth": { "keys": [{ "name": "a", "value": "env.K" }] }"#,
        r#""auth": { "allow_anonymous": true }"#,
        r#""plugins": [{ "name": "gate" }]"#,
    ] {
        assert_eq!(exposed(&format!("{{ {beyond}, {allowed} }}")), [], "{allowed}");
    }
    assert_eq!(exposed(&format!(r#"{{ {beyond}, "plugins": [{{ "name": "gate", "enabled": false }}] }}"#)).len(), 1);
    for host in ["127.0.0.1", "::1", "localhost", "127.8.8.8"] {
        assert_eq!(exposed(&format!(r#"{{ "server": {{ "host": "{host}" }} }}"#)), [], "{host}");
    }
    assert!(check_exposure(&Config::default(), false).is_ok());
}

#[test]
fn what_is_there_by_default_keeps_its_name() {
    let errors = |entry: &str| {
        let config = load(&format!(r#"{{ "plugins": [{entry}] }}"#)).config;
        let report = validate(&config, &ByDefault(&["logger"]));
        report.errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let refused = "plugins[0].name: `logger` is the name of a plugin that is linked in and there without an entry, and one with a `path` is another: choose another name";
    assert_eq!(errors(r#"{ "name": "logger", "path": "guard.so" }"#)[0], refused);
    assert_eq!(errors(r#"{ "name": "logger", "path": "builtin:strict_guard" }"#), [refused]);
    for allowed in [
        r#"{ "name": "logger" }"#,
        r#"{ "name": "logger", "enabled": false }"#,
        r#"{ "name": "logger", "path": "guard.so", "enabled": false }"#,
        r#"{ "name": "strict_guard", "path": "builtin:logger" }"#,
    ] {
        assert_eq!(errors(allowed), [""; 0], "{allowed}");
    }
}

#[test]
fn a_plugin_that_is_left_no_hook_is_warned_of() {
    let of = |key: &str| {
        format!("warning: plugins[0].{key}: is false, which leaves no hook of it: the plugin stands at no request")
    };
    let input = of("apply_to_input");
    let both = r#""apply_to_input": false, "apply_to_output": false"#;
    assert_eq!(lines(&format!(r#"{{ "name": "strict_guard", {both} }}"#)), [&*input]);
    let named = r#"{ "name": "strict_guard", "hooks": ["check_input"], "apply_to_input": false }"#;
    assert_eq!(lines(named), [&*input]);
    let named = r#"{ "name": "strict_guard", "hooks": ["check_output"], "apply_to_output": false }"#;
    assert_eq!(lines(named), [of("apply_to_output")]);
    for quiet in [
        r#"{ "name": "strict_guard", "apply_to_input": false }"#,
        &format!(r#"{{ "name": "logger", {both} }}"#),
        &format!(r#"{{ "name": "strict_guard", "enabled": false, {both} }}"#),
    ] {
        assert_eq!(lines(quiet), [""; 0], "{quiet}");
    }
}

/// Nothing is a host.
struct NoHosts;

impl Catalog for NoHosts {
    fn plugin(&self, _: &str) -> Option<PluginFacts> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn check_config(&self, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }

    fn check_host(&self, host: &str) -> Result<(), String> {
        Err(format!("`{host}` is none"))
    }
}

#[test]
fn a_url_and_all_hosts_are_no_hosts() {
    for (host, said) in [
        ("https://x.com/path", "; a host is written without scheme and path; did you mean `x.com`?"),
        ("http://x.com/", "; a host is written without scheme and path; did you mean `http://x.com`?"),
        ("x.com:8443/v1?a", "; a host is written without scheme and path; did you mean `x.com:8443`?"),
        ("*", "; there is no entry for all hosts: name each, or write `*.example.com` for all names below one"),
        ("https://*", "; there is no entry for all hosts: name each, or write `*.example.com` for all names below one"),
        ("x y", ""),
    ] {
        let entry = format!(
            r#"{{ "plugins": [{{ "name": "a", "path": "a.wasm", "enabled": false, "permissions": [{{ "http": ["{host}"] }}] }}] }}"#
        );
        let errors = validate(&load(&entry).config, &NoHosts).errors;
        assert_eq!(errors[0].to_string(), format!("plugins[0].permissions[0].http[0]: `{host}` is none{said}"));
    }
}

/// A plugin from a path with these hooks.
struct Loaded(HookSet);

impl Catalog for Loaded {
    fn plugin(&self, _: &str) -> Option<PluginFacts> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn check_config(&self, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }

    fn artefact(&self, _: &PluginEntry) -> Result<Option<PluginFacts>, Unusable> {
        let manifest = Manifest::new("mute", "1.0.0").failure_mode(FailureMode::Closed);
        Ok(Some(PluginFacts { manifest, hooks: self.0, builtin: false }))
    }
}

#[test]
fn a_plugin_that_implements_no_hook_is_warned_of() {
    let warnings = |hooks: &[Hook]| {
        let config = load(r#"{ "plugins": [{ "name": "mute", "path": "mute.so" }] }"#).config;
        let report = validate(&config, &Loaded(HookSet::of(hooks)));
        report.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let warned = "plugins[0].path: the plugin implements no hook of a request: it is loaded, and stands at none";
    for idle in [&[][..], &[Hook::RequestEnd], &[Hook::Health, Hook::OnShutdown]] {
        assert_eq!(warnings(idle), [warned], "{idle:?}");
    }
    for works in [&[Hook::CheckInput][..], &[Hook::OnStartup], &[Hook::RequestEnd, Hook::PreLlm]] {
        assert_eq!(warnings(works), [""; 0], "{works:?}");
    }
}

#[test]
fn routes_that_lead_nowhere_are_warned_of() {
    let warned = |routes: &str| lines(&format!(r#"{{ "name": "strict_guard", "routes": [{routes}] }}"#));
    assert_eq!(warned(r#""/v1/chat/completions", "/v1/*", "*models""#), Vec::<String>::new());
    assert_eq!(
        warned(r#""/v1/models", "/v1/chat/completion", "/graphql""#),
        [
            "warning: plugins[0].routes[1]: `/v1/chat/completion` is no endpoint; did you mean `/v1/chat/completions`?",
            "warning: plugins[0].routes[2]: `/graphql` is no endpoint; there are `/v1/chat/completions`, `/v1/models`",
        ]
    );
    assert_eq!(lines(r#"{ "name": "guard", "enabled": false, "routes": ["/graphql"] }"#), Vec::<String>::new());
}

#[test]
fn applications_that_are_nobodys_are_warned_of() {
    let warned = |apps: &str, further: &str| {
        let guard = format!(r#"{{ "name": "strict_guard", "apps": [{apps}] }}"#);
        let keys = r#"[{ "name": "k-1", "value": "env.K", "app": "billing" }, { "name": "search", "value": "env.L" }]"#;
        let text = format!(r#"{{ "plugins": [{guard}{further}], "auth": {{ "keys": {keys} }} }}"#);
        let config = load_in(&text, &[("K", "one-key-0123456789"), ("L", "other-key-0123456789")]).config;
        validate(&config, &Some4).warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(warned(r#""billing", "search""#, ""), Vec::<String>::new());
    assert_eq!(
        warned(r#""biling", "k-1""#, ""),
        [
            "plugins[0].apps[0]: no key of `auth` is for the application `biling`; did you mean `billing`?",
            "plugins[0].apps[1]: no key of `auth` is for the application `k-1`",
        ]
    );
    assert_eq!(warned(r#""elsewhere""#, r#", { "name": "gate" }"#), Vec::<String>::new(), "a plugin may know it");
}
