//! Which providers take back what their models thought.

use gatewright_dialects::Thoughts;

/// Providers by the domain that they answer at and by their usual names, for those behind a proxy.
///
/// Those that take nothing stand here too where they refuse what they do not know: their address counts more than a name
/// that somebody gave them.
const KNOWN: &[(&str, &[&str], Thoughts)] = &[
    ("openai.com", &["openai"], Thoughts::None),
    ("azure.com", &["azure"], Thoughts::None),
    ("mistral.ai", &["mistral"], Thoughts::None),
    ("groq.com", &["groq"], Thoughts::None),
    ("deepseek.com", &["deepseek"], Thoughts::ReasoningContent),
    ("moonshot.ai", &["moonshot", "kimi"], Thoughts::ReasoningContent),
    ("moonshot.cn", &[], Thoughts::ReasoningContent),
    ("kimi.com", &[], Thoughts::ReasoningContent),
    ("openrouter.ai", &["openrouter"], Thoughts::Reasoning),
    ("googleapis.com", &["gemini", "google", "vertex"], Thoughts::Signatures),
];

/// What the provider at this host takes back, or else the one of this name.
pub(crate) fn known(host: &str, name: &str) -> Thoughts {
    let host = host.to_ascii_lowercase();
    let is_at = |domain: &str| host.strip_suffix(domain).is_some_and(|part| part.is_empty() || part.ends_with('.'));
    let at = KNOWN.iter().find(|(domain, ..)| is_at(domain));
    let known = at.or_else(|| KNOWN.iter().find(|(_, names, _)| names.contains(&name)));
    known.map_or(Thoughts::None, |(.., thoughts)| *thoughts)
}

#[cfg(test)]
mod tests;
