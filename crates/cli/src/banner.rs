//! What a person sees at the start: what was found, which plugins run in which order, and what to try first.

use gatewright::config::{ProviderConfig, ProviderKind};
use gatewright::{Read, Started};
use std::fmt::Write as _;
use std::path::Path;

pub(crate) fn text(started: &Started, read: &Read, file: Option<&Path>) -> String {
    let (mut address, config) = (started.address(), started.config());
    let mut text = format!("gatewright {} on http://{address}\n", env!("CARGO_PKG_VERSION"));
    let from = file.map_or_else(|| "none: the environment alone".to_owned(), |file| file.display().to_string());
    let _ = writeln!(text, "  config     {from}");
    let mut providers = Vec::new();
    for (name, _) in config.active_providers() {
        let found = read.found.iter().find(|found| found.provider == name);
        providers.push(match found {
            None => name.to_owned(),
            Some(found) if found.variables.is_empty() => format!("{name} (built in; no provider keys were found)"),
            Some(found) => format!("{name} ({})", found.variables.join(", ")),
        });
    }
    let _ = writeln!(text, "  providers  {}", providers.join(", "));
    let plugins = started.plugins();
    let members = plugins.members().iter().map(|member| (&member.instance, &member.settings));
    let names: Vec<String> = members
        .map(|(instance, settings)| match instance.unavailable().filter(|_| instance.is_absent()) {
            None => format!("{} [{}]", instance.name(), settings.placement.as_str()),
            Some(reason) => format!("{} (did not load: {})", instance.name(), in_a_line(&reason)),
        })
        .collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(" > ") };
    let _ = writeln!(text, "  plugins    {names}");
    for warning in &read.warnings {
        let _ = writeln!(text, "  warning    {warning}");
    }
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    if !started.readiness().ready {
        let _ = write!(text, "\nNot ready: requests of a guard that is out get 503. See http://{address}/readyz\n\n");
        return text;
    }
    let model = model(started);
    let key = if config.auth.keys.is_empty() { "" } else { "-H 'authorization: Bearer YOUR_KEY' " };
    let _ = write!(
        text,
        "\nTry:\n  curl http://{address}/v1/chat/completions {key}-H 'content-type: application/json' \\\n    -d '{{\"model\": \
         \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}]}}'\n\n"
    );
    text
}

fn in_a_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A model that can be asked right away.
fn model(started: &Started) -> String {
    let config = started.config();
    let name = config.default_provider().unwrap_or("demo");
    let provider = config.providers.get(name);
    let listed = provider.and_then(|provider| provider.models.first().cloned());
    let usual = match provider.map(ProviderConfig::kind) {
        None | Some(ProviderKind::Demo) => "echo",
        Some(ProviderKind::Anthropic) => "claude-sonnet-4-5",
        Some(ProviderKind::OpenAi) => "gpt-4o-mini",
    };
    format!("{name}/{}", listed.unwrap_or_else(|| usual.to_owned()))
}

#[cfg(test)]
mod tests;
