//! The `config` of `webhook_notifier`.

use gatewright_plugin::Failure;
use gatewright_plugin::model::Headers;
use http::Uri;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The `config` of [`WebhookNotifier`](super::WebhookNotifier).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookNotifierConfig {
    /// Where to send to: `http` or `https`, with a host that the plugin may reach.
    pub url: String,
    /// Headers to send along, for whoever receives to know the sender by.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What to tell of; both by default.
    #[serde(default = "all")]
    pub events: Vec<WebhookEvent>,
}

/// What a webhook is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEvent {
    /// A request ended, well or not.
    PostRequest,
    /// A request ends with an error.
    OnError,
}

// === impl WebhookNotifierConfig ===

impl WebhookNotifierConfig {
    /// What to send to this address by default.
    pub fn to(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: BTreeMap::new(), events: all() }
    }

    /// Refuses what could never be sent. Says nothing of what stands in address and headers, which may be secret.
    pub(super) fn checked_headers(&self) -> Result<Headers, Failure> {
        if self.events.is_empty() {
            return Err(Failure::new("events: must not be empty: nobody would be told of anything"));
        }
        let address = self.url.parse::<Uri>().ok();
        let usable = |address: &Uri| matches!(address.scheme_str(), Some("http" | "https")) && address.host().is_some();
        if !address.as_ref().is_some_and(usable) {
            return Err(Failure::new("url: must be a whole http or https address, such as https://example.com/hook"));
        }
        let mut headers = Headers::default();
        for (name, value) in &self.headers {
            if !headers.set(name, value) {
                return Err(Failure::new(format!("headers: `{name}` or its value is not legal in HTTP")));
            }
        }
        Ok(headers)
    }
}

fn all() -> Vec<WebhookEvent> {
    vec![WebhookEvent::PostRequest, WebhookEvent::OnError]
}
