use crate::testing::{environment, errors_in, load_in, provider};
use crate::{Config, Loaded, MaxTokensField, ProviderKind};

fn found(loaded: &Loaded) -> Vec<String> {
    loaded.found.iter().map(ToString::to_string).collect()
}

fn detected(variables: &[(&str, &str)]) -> Loaded {
    Config::from_environment(&environment(variables))
}

#[test]
fn the_demo_is_there_when_nobody_else_is() {
    let loaded = detected(&[]);
    assert_eq!(found(&loaded), ["demo"]);
    assert_eq!(provider(&loaded, "demo").kind(), ProviderKind::Demo);
    assert_eq!(provider(&loaded, "demo").base_url(), "");
    assert_eq!(loaded.config.default_provider(), Some("demo"));
}

#[test]
fn the_usual_variables_bring_their_providers() {
    let loaded = detected(&[
        ("OPENAI_API_KEY", "sk-1"),
        ("ANTHROPIC_API_KEY", "sk-2"),
        ("ANTHROPIC_BASE_URL", "https://claude.internal/v1/"),
        ("GROQ_API_KEY", "sk-3"),
        ("MISTRAL_API_KEY", "sk-4"),
        ("DEEPSEEK_API_KEY", "sk-5"),
        ("TOGETHER_API_KEY", "sk-6"),
        ("OPENROUTER_API_KEY", "sk-7"),
        ("XAI_API_KEY", " "),
        ("OLLAMA_HOST", "0.0.0.0"),
    ]);
    assert_eq!(
        found(&loaded),
        [
            "openai (OPENAI_API_KEY)",
            "anthropic (ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL)",
            "groq (GROQ_API_KEY)",
            "mistral (MISTRAL_API_KEY)",
            "deepseek (DEEPSEEK_API_KEY)",
            "together (TOGETHER_API_KEY)",
            "openrouter (OPENROUTER_API_KEY)",
            "ollama (OLLAMA_HOST)",
        ]
    );
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let groq = provider(&loaded, "groq");
    assert_eq!((groq.kind(), groq.base_url()), (ProviderKind::OpenAi, "https://api.groq.com/openai/v1"));
    assert_eq!((groq.keys[0].name.as_str(), groq.keys[0].value.expose()), ("default", "sk-3"));
    let anthropic = provider(&loaded, "anthropic");
    assert_eq!((anthropic.kind(), anthropic.base_url()), (ProviderKind::Anthropic, "https://claude.internal"));
    assert_eq!(provider(&loaded, "ollama").base_url(), "http://127.0.0.1:11434/v1");
    assert!(provider(&loaded, "ollama").keys.is_empty());
    assert_eq!(loaded.config.default_provider(), Some("openai"));
}

#[test]
fn an_address_alone_brings_a_provider_without_keys() {
    let loaded = detected(&[("OPENAI_BASE_URL", "http://localhost:9000/v1")]);
    assert_eq!(found(&loaded), ["openai (OPENAI_BASE_URL)"]);
    assert_eq!(provider(&loaded, "openai").base_url(), "http://localhost:9000/v1");
    assert!(provider(&loaded, "openai").keys.is_empty());
}

#[test]
fn an_address_that_leads_back_is_left_aside() {
    let loaded = detected(&[("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1"), ("OPENAI_API_KEY", "sk-1")]);
    assert_eq!(found(&loaded), ["openai (OPENAI_API_KEY)"]);
    assert_eq!(provider(&loaded, "openai").base_url(), "https://api.openai.com/v1");
    assert_eq!(loaded.warnings[0].to_string(), "OPENAI_BASE_URL is left aside: it leads to this gateway itself");
    let alone = detected(&[("OPENAI_BASE_URL", "not a url")]);
    assert_eq!(found(&alone), ["demo"]);
    assert_eq!(alone.warnings[0].to_string(), "OPENAI_BASE_URL is left aside: it is not a URL like `https://host/v1`");
}

#[test]
fn hosts_of_ollama() {
    for (value, url) in [
        ("127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("http://gpu.internal", "http://gpu.internal:11434/v1"),
        ("https://ollama.example.com/", "https://ollama.example.com/v1"),
        ("[::]:8000", "http://[::1]:8000/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
    ] {
        assert_eq!(provider(&detected(&[("OLLAMA_HOST", value)]), "ollama").base_url(), url, "{value}");
    }
}

#[test]
fn the_file_goes_first() {
    let text = r#"{ "providers": { "openai": { "base_url": "https://proxy/v1" }, "groq": { "enabled": false } } }"#;
    let loaded = load_in(text, &[("OPENAI_API_KEY", "sk-1"), ("GROQ_API_KEY", "sk-2"), ("MISTRAL_API_KEY", "sk-3")]);
    assert_eq!(found(&loaded), ["mistral (MISTRAL_API_KEY)"]);
    assert!(provider(&loaded, "openai").keys.is_empty(), "a key must not go to an address that is not its provider's");
    assert_eq!(loaded.config.active_providers().map(|(name, _)| name).collect::<Vec<_>>(), ["mistral", "openai"]);
}

#[test]
fn detection_can_be_turned_off() {
    let off = r#"{ "detect_providers": false }"#;
    assert_eq!(found(&load_in(off, &[("OPENAI_API_KEY", "sk-1")])), ["demo"]);
}

#[test]
fn a_known_provider_needs_its_name_and_variable_only() {
    let loaded = load_in(
        r#"{ "providers": { "mistral": { "models": ["mistral-large"] }, "claude": { "type": "anthropic", "keys": [{ "name": "a", "value": "env.A" }] } } }"#,
        &[("MISTRAL_API_KEY", "sk-1"), ("A", "sk-2")],
    );
    assert!(loaded.found.is_empty());
    assert_eq!(provider(&loaded, "mistral").base_url(), "https://api.mistral.ai/v1");
    assert_eq!(provider(&loaded, "mistral").keys[0].value.expose(), "sk-1");
    assert_eq!(provider(&loaded, "claude").base_url(), "https://api.anthropic.com");
}

#[test]
fn how_a_provider_differs_is_known_by_its_address_and_its_name() {
    use MaxTokensField::{MaxCompletionTokens, MaxTokens};
    for (name, entry, expected) in [
        ("openai", "{}", (true, MaxCompletionTokens)),
        ("openai", r#"{ "base_url": "https://proxy/v1" }"#, (true, MaxCompletionTokens)),
        ("mine", r#"{ "base_url": "https://EU.api.openai.com/v1" }"#, (true, MaxCompletionTokens)),
        ("azure", r#"{ "base_url": "https://mine.openai.azure.com/openai/v1" }"#, (true, MaxCompletionTokens)),
        ("mine", r#"{ "base_url": "https://notapi.openai.com.internal/v1" }"#, (true, MaxTokens)),
        ("mine", r#"{ "base_url": "http://localhost:8000/v1" }"#, (true, MaxTokens)),
        ("mine", r#"{ "base_url": "http://localhost:8000/v1", "stream_usage": false }"#, (false, MaxTokens)),
        (
            "mine",
            r#"{ "base_url": "http://localhost:8000/v1", "max_tokens_field": "max_completion_tokens" }"#,
            (true, MaxCompletionTokens),
        ),
        ("openai", r#"{ "base_url": "http://127.0.0.1:11434/v1" }"#, (true, MaxTokens)),
        ("mistral", "{}", (false, MaxTokens)),
        ("mistral", r#"{ "base_url": "https://proxy/mistral" }"#, (false, MaxTokens)),
        ("mistral", r#"{ "stream_usage": true }"#, (true, MaxTokens)),
        ("mine", r#"{ "base_url": "https://api.mistral.ai/v1" }"#, (false, MaxTokens)),
    ] {
        let text = format!(r#"{{ "providers": {{ "{name}": {entry} }} }}"#);
        let loaded = load_in(&text, &[("OPENAI_API_KEY", "sk-1"), ("MISTRAL_API_KEY", "sk-2")]);
        let provider = provider(&loaded, name);
        assert_eq!((provider.stream_usage(), provider.max_tokens_field()), expected, "{text}");
    }
    let loaded = detected(&[("OPENAI_API_KEY", "sk-1"), ("MISTRAL_API_KEY", "sk-2"), ("OLLAMA_HOST", "gpu")]);
    let of = |name| (provider(&loaded, name).stream_usage(), provider(&loaded, name).max_tokens_field());
    assert_eq!(of("openai"), (true, MaxCompletionTokens));
    assert_eq!(of("mistral"), (false, MaxTokens));
    assert_eq!(of("ollama"), (true, MaxTokens));
}

#[test]
fn every_address_that_is_known_can_be_used() {
    for known in crate::known::KNOWN.iter().filter(|known| !known.base_url.is_empty()) {
        let address = crate::url::Address::parse(known.base_url);
        assert!(
            known.kind != ProviderKind::OpenAi || address.is_ok_and(|address| !address.is_bare()),
            "{}",
            known.name
        );
    }
}

#[test]
fn a_demo_of_the_files_own_stays_alone_without_detection() {
    let loaded =
        load_in(r#"{ "providers": { "demo": {} }, "detect_providers": false }"#, &[("OPENAI_API_KEY", "sk-1")]);
    assert!(loaded.found.is_empty());
    let mine = load_in(r#"{ "providers": { "mine": { "type": "demo" } } }"#, &[]);
    assert_eq!(mine.config.default_provider(), Some("mine"));
}

#[test]
fn a_detected_provider_can_be_named() {
    let text = r#"{ "default_provider": "groq", "fallbacks": { "*": ["groq/llama"] } }"#;
    assert_eq!(load_in(text, &[("GROQ_API_KEY", "sk-1")]).config.default_provider(), Some("groq"));
    assert_eq!(errors_in(text, &[]).len(), 2);
}
