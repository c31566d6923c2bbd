//! The providers that need no address: their dialects, base URLs and usual environment variables.

use crate::url::Address;
use crate::{MaxTokensField, ProviderKind};

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
    /// Whether it may be asked for usage in streams.
    pub(crate) stream_usage: bool,
    /// The limit of tokens that it knows.
    pub(crate) max_tokens_field: MaxTokensField,
}

const fn compatible(name: &'static str, base_url: &'static str, key: &'static str) -> Known {
    Known {
        name,
        kind: ProviderKind::OpenAi,
        base_url,
        key,
        address: "",
        stream_usage: true,
        max_tokens_field: MaxTokensField::MaxTokens,
    }
}

/// All of them.
pub(crate) const KNOWN: &[Known] = &[
    Known {
        address: "OPENAI_BASE_URL",
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        ..compatible("openai", "https://api.openai.com/v1", "OPENAI_API_KEY")
    },
    Known {
        kind: ProviderKind::Anthropic,
        address: "ANTHROPIC_BASE_URL",
        ..compatible("anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY")
    },
    compatible("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    // Refuses every member that it does not know.
    Known { stream_usage: false, ..compatible("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY") },
    compatible("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    compatible("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    compatible("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    compatible("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    compatible("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    compatible("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    // The whole address, since it has no version.
    compatible("perplexity", "https://api.perplexity.ai/chat/completions", "PERPLEXITY_API_KEY"),
    Known { address: "OLLAMA_HOST", ..compatible("ollama", "http://127.0.0.1:11434/v1", "") },
    Known { kind: ProviderKind::Demo, ..compatible("demo", "", "") },
];

/// The provider of this name.
pub(crate) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// The provider that answers at this address, or else the one of this name, which may be reached by a proxy.
pub(crate) fn known_at(base_url: &str, name: &str) -> Option<&'static Known> {
    let there = |address: &Address| {
        KNOWN.iter().find(|known| Address::parse(known.base_url).is_ok_and(|known| address.is_within(&known)))
    };
    Address::parse(base_url).ok().as_ref().and_then(there).or_else(|| known(name))
}

/// The limit of tokens that a provider knows which is known by its address alone.
pub(crate) fn max_tokens_field_at(base_url: &str) -> MaxTokensField {
    let azure = Address::parse("https://openai.azure.com");
    match (Address::parse(base_url), azure) {
        (Ok(address), Ok(azure)) if address.is_within(&azure) => MaxTokensField::MaxCompletionTokens,
        _ => MaxTokensField::MaxTokens,
    }
}
