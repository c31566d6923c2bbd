use super::*;
use crate::provider::{Answer, AttemptCall};
use gatewright_model::Codec;
use gatewright_plugin::services::BoxFuture;

/// A provider of this name that lists these models and answers nobody.
struct Listing(&'static str, &'static [&'static str]);

impl Provider for Listing {
    fn name(&self) -> &str {
        self.0
    }

    fn codec(&self) -> &'static dyn Codec {
        &gatewright_dialects::OPENAI
    }

    fn models(&self) -> Vec<String> {
        self.1.iter().map(|model| (*model).to_owned()).collect()
    }

    fn attempt(&self, _: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(std::future::ready(Err(LlmError::new(ErrorKind::Upstream, "nobody is there"))))
    }
}

fn routing(default: Option<&str>, fallbacks: &[(&str, &[&str])]) -> Routing {
    let providers: [Arc<dyn Provider>; 3] = [
        Arc::new(Listing("openai", &["gpt-4o", "shared"])),
        Arc::new(Listing("anthropic", &["claude", "shared"])),
        Arc::new(Listing("router", &["meta/llama", "openai/strange"])),
    ];
    let list = |models: &[&str]| models.iter().map(|model| (*model).to_owned()).collect();
    let fallbacks = fallbacks.iter().map(|(model, models)| ((*model).to_owned(), list(models))).collect();
    Routing::new(providers, default.map(str::to_owned), fallbacks)
}

fn target(provider: &str, model: &str) -> Target {
    Target { provider: provider.to_owned(), model: model.to_owned() }
}

#[test]
fn a_prefix_names_the_provider_and_is_taken_off_once() {
    let routing = routing(None, &[]);
    for (model, expected) in [
        ("openai/gpt-4o", target("openai", "gpt-4o")),
        ("openai/unlisted", target("openai", "unlisted")),
        ("router/meta/llama", target("router", "meta/llama")),
        ("router/openai/gpt-4o", target("router", "openai/gpt-4o")),
        ("openai/openai/gpt-4o", target("openai", "openai/gpt-4o")),
        ("openai/strange", target("openai", "strange")),
    ] {
        assert_eq!(routing.resolve(model), Ok(expected), "{model}");
    }
}

#[test]
fn a_model_without_a_prefix_goes_to_who_lists_it() {
    let routing = routing(Some("openai"), &[]);
    assert_eq!(routing.resolve("claude"), Ok(target("anthropic", "claude")));
    assert_eq!(routing.resolve("meta/llama"), Ok(target("router", "meta/llama")), "a slash may be part of its name");
}

#[test]
fn of_several_who_list_a_model_the_default_one_comes_first() {
    for (default, provider) in [
        (Some("openai"), "openai"),
        (Some("anthropic"), "anthropic"),
        (Some("router"), "anthropic"),
        (None, "anthropic"),
    ] {
        assert_eq!(routing(default, &[]).resolve("shared"), Ok(target(provider, "shared")), "{default:?}");
    }
}

#[test]
fn a_model_that_nobody_lists_goes_to_the_default_provider() {
    assert_eq!(routing(Some("openai"), &[]).resolve("new"), Ok(target("openai", "new")));
    assert!(routing(None, &[]).resolve("new").is_err());
    assert!(routing(Some("gone"), &[]).resolve("new").is_err());
}

#[test]
fn what_names_nobody_is_refused_in_words() {
    let routing = routing(Some("openai"), &[]);
    for model in ["opnai/gpt-4o", "OpenAI/gpt-4o", "/gpt-4o", "openai/", "", " openai/gpt-4o"] {
        let error = routing.resolve(model).unwrap_err();
        assert_eq!(
            (error.status(), error.param.as_deref(), error.code.as_deref()),
            (404, Some("model"), Some("model_not_found"))
        );
        assert!(error.message.contains(&format!("`{model}`")), "{error}");
        assert!(error.message.ends_with("one of: anthropic, openai, router"), "{error}");
    }
}

#[test]
fn a_long_name_is_not_repeated_whole() {
    let error = routing(None, &[]).resolve(&"é".repeat(10_000)).unwrap_err();
    assert!(error.message.len() < 500, "{} bytes", error.message.len());
}

#[test]
fn the_client_says_where_to_go_next_or_the_config_does() {
    let of_config: &[(&str, &[&str])] =
        &[("openai/gpt-4o", &["anthropic/claude"]), ("gpt-4o", &["a/by-model"]), ("*", &["a/any", "b/any"])];
    let routing = routing(None, of_config);
    let asked = ["router/x".to_owned(), "router/y".to_owned()];
    assert_eq!(routing.fallbacks(&target("openai", "gpt-4o"), &asked), asked);
    for (primary, expected) in [
        (target("openai", "gpt-4o"), &["anthropic/claude"][..]),
        (target("router", "gpt-4o"), &["a/by-model"]),
        (target("router", "other"), &["a/any", "b/any"]),
    ] {
        assert_eq!(routing.fallbacks(&primary, &[]), expected, "{primary:?}");
    }
    assert!(super::Routing::default().fallbacks(&target("openai", "gpt-4o"), &[]).is_empty());
}

#[test]
fn there_are_only_so_many_fallbacks() {
    let many: Vec<String> = (0..100).map(|number| format!("openai/{number}")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(routing(None, &[]).fallbacks(&target("openai", "m"), &many), many[..MAX_FALLBACKS]);
    assert_eq!(routing(None, &[("*", &names)]).fallbacks(&target("openai", "m"), &[]), many[..MAX_FALLBACKS]);
}

#[test]
fn providers_are_found_by_name_and_listed_by_it() {
    let routing = routing(None, &[]);
    let names: Vec<&str> = routing.providers().map(|provider| provider.name()).collect();
    assert_eq!(names, ["anthropic", "openai", "router"]);
    assert!(routing.provider("router").is_some() && routing.provider("Router").is_none());
}

#[test]
fn what_a_plugin_chose_is_told_by_name() {
    let routing = routing(Some("openai"), &[]);
    assert_eq!(routing.named(Some("anthropic"), "claude").unwrap().name(), "anthropic");
    let refused = |provider, model| routing.named(provider, model).err().unwrap();
    for provider in [None, Some("")] {
        assert_eq!(
            refused(provider, "gpt-4o").message,
            "a plugin chose model `gpt-4o` and named no provider: the providers are anthropic, openai, router"
        );
    }
    let error = refused(Some("opnai"), "gpt-4o");
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::NotFound, Some("provider_not_found")));
    assert!(error.message.contains("model `gpt-4o` of provider `opnai`, which is not there"), "{error}");
}
