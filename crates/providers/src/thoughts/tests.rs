use super::known;
use gatewright_dialects::Thoughts;

#[test]
fn a_provider_is_known_by_its_address_or_else_by_its_name() {
    for (host, name, thoughts) in [
        ("api.deepseek.com", "mine", Thoughts::ReasoningContent),
        ("API.DeepSeek.com", "mine", Thoughts::ReasoningContent),
        ("proxy.internal", "deepseek", Thoughts::ReasoningContent),
        ("api.moonshot.cn", "mine", Thoughts::ReasoningContent),
        ("openrouter.ai", "mine", Thoughts::Reasoning),
        ("generativelanguage.googleapis.com", "mine", Thoughts::Signatures),
        ("us-central1-aiplatform.googleapis.com", "mine", Thoughts::Signatures),
        ("127.0.0.1", "gemini", Thoughts::Signatures),
        ("api.openai.com", "openai", Thoughts::None),
        ("api.openai.com", "deepseek", Thoughts::None),
        ("mine.openai.azure.com", "deepseek", Thoughts::None),
        ("api.groq.com", "deepseek", Thoughts::None),
        ("notdeepseek.com", "mine", Thoughts::None),
        ("localhost", "mine", Thoughts::None),
    ] {
        assert_eq!(known(host, name), thoughts, "{host} {name}");
    }
}
