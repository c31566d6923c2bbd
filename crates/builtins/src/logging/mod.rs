//! `logging`: a line for each request that ended.

use gatewright_plugin::prelude::*;
use gatewright_stock_plugins::NoConfig;
use gatewright_telemetry::log::{Redacted, concealed};
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use tracing::field::display;

/// Writes one structured line for each LLM request, with how it ended and what it took; never what was said.
/// Privileged: it writes into the gateway's own log, where other plugins have lines of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logging;

// === impl Logging ===

#[plugin(
    description = "Writes a line for each request that ended",
    failure_mode = FailureMode::Open,
    messages = Access::None
)]
impl Plugin for Logging {
    /// A plugin gets `request_end` if another hook of it ran: this is the one.
    fn post_request(&self, _: &mut Cx, _: &RequestSummary) -> Result<(), Failure> {
        Ok(())
    }

    /// By now every other plugin has attached what it attaches.
    fn request_end(&self, cx: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        let facts = cx.facts();
        let given = |text: &'_ str| !text.is_empty();
        let usage = summary.usage.as_ref();
        let error = summary.error.as_deref();
        let plugins = plugins_of(summary).map(display);
        tracing::info!(
            target: "gatewright::request",
            request_id = facts.request_id.as_str(),
            endpoint = facts.endpoint.as_str(),
            user_id = Some(facts.user_id.as_str()).filter(|id| given(id)),
            app_id = Some(facts.app_id.as_str()).filter(|id| given(id)),
            api_key_id = Some(facts.api_key_id.as_str()).filter(|id| given(id)),
            status = summary.status.as_str(),
            http_status = summary.http_status,
            provider = Some(summary.provider.as_str()).filter(|name| given(name)),
            model = Some(summary.model.as_str()).filter(|name| given(name)),
            stream = summary.stream,
            attempts = summary.attempts,
            input_tokens = usage.map(|usage| usage.input_tokens),
            output_tokens = usage.map(|usage| usage.output_tokens),
            cache_read_tokens = usage.map(|usage| usage.cache_read_tokens).filter(|tokens| *tokens > 0),
            reasoning_tokens = usage.map(|usage| usage.reasoning_tokens).filter(|tokens| *tokens > 0),
            cost = Some(summary.cost).filter(|_| summary.priced),
            latency_ms = summary.latency.as_micros() as f64 / 1e3,
            first_token_ms = summary.time_to_first_token.map(|first| first.as_micros() as f64 / 1e3),
            overhead_us = summary.overhead.as_micros() as u64,
            finish_reason = summary.finish_reason.as_deref(),
            error = error.map(|error| error.kind.as_str()),
            error_message = error.map(message_of).as_deref(),
            blocked_by = error.and_then(|error| error.plugin.as_deref()),
            "json:plugins" = plugins,
            "request"
        );
        Ok(())
    }
}

/// What went wrong, without the secrets of the plugin that says so.
fn message_of(error: &LlmError) -> Cow<'_, str> {
    match &error.plugin {
        Some(plugin) => concealed(plugin, &error.message),
        None => Cow::Borrowed(&error.message),
    }
}

/// What plugins attached, as `{plugin: {hook: metadata}}` without the secrets of each; where one hook of one attached
/// twice, the later wins.
fn plugins_of(summary: &RequestSummary) -> Option<String> {
    if summary.metadata.is_empty() {
        return None;
    }
    let mut plugins = Map::new();
    for attached in &summary.metadata {
        let hooks = plugins.entry(&*attached.plugin).or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(hooks) = hooks {
            let metadata = hooks.entry(attached.hook.name()).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(metadata) = metadata {
                metadata.extend(attached.metadata.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
    }
    let of_one = |(name, hooks): (&String, &Json)| {
        format!("{}:{}", Json::from(name.as_str()), concealed(name, &Redacted(hooks).to_string()))
    };
    let each: Vec<String> = plugins.iter().map(of_one).collect();
    Some(format!("{{{}}}", each.join(",")))
}

impl FromConfig for Logging {
    type Config = NoConfig;

    fn from_config(_config: NoConfig) -> Result<Self, Failure> {
        Ok(Self)
    }
}

#[cfg(test)]
mod tests;
