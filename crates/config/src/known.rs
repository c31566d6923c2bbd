//! The providers that need no address: their dialects, base URLs and usual environment variables.

use crate::ProviderKind;

/// A provider known by name.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) kind: ProviderKind,
    /// Where it is, unless a variable or the config says otherwise.
    pub(crate) base_url: &'static str,
    /// The variable that holds its key; empty if it takes none.
    pub(crate) key: &'static str,
    /// The variable that holds its address; empty if there is no usual one.
    pub(crate) address: &'static str,
}

const fn compatible(name: &'static str, base_url: &'static str, key: &'static str) -> Known {
    Known { name, kind: ProviderKind::OpenAi, base_url, key, address: "" }
}

/// All of them.
pub(crate) const KNOWN: &[Known] = &[
    Known {
        name: "openai",
        kind: ProviderKind::OpenAi,
        base_url: "https://api.openai.com/v1",
        key: "OPENAI_API_KEY",
        address: "OPENAI_BASE_URL",
    },
    Known {
        name: "anthropic",
        kind: ProviderKind::Anthropic,
        base_url: "https://api.anthropic.com",
        key: "ANTHROPIC_API_KEY",
        address: "ANTHROPIC_BASE_URL",
    },
    compatible("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    compatible("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    compatible("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    compatible("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    compatible("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    compatible("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    compatible("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    compatible("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    compatible("perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY"),
    Known {
        name: "ollama",
        kind: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:11434/v1",
        key: "",
        address: "OLLAMA_HOST",
    },
    Known { name: "demo", kind: ProviderKind::Demo, base_url: "", key: "", address: "" },
];

/// The provider of this name.
pub(crate) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}
