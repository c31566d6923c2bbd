//! `webhook_notifier`: tells a web address of requests that ended, and of errors.

mod config;

pub use config::{WebhookEvent, WebhookNotifierConfig};

use gatewright_plugin::model::Headers;
use gatewright_plugin::prelude::*;
use gatewright_plugin::services::{HttpCall, Level};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// Longest time of a delivery.
const DELIVERY: Duration = Duration::from_secs(5);

/// Sends a POST with a JSON body when a request has ended, and when one ends with an error.
#[derive(Clone, Debug)]
pub struct WebhookNotifier {
    url: String,
    headers: Headers,
    events: Vec<WebhookEvent>,
}

// === impl WebhookNotifier ===

// A second more than the delivery, so that one which takes too long is told of, and not given up itself.
#[plugin(
    description = "Tells a web address of requests that ended, and of errors",
    failure_mode = FailureMode::Open,
    timeout = DELIVERY + Duration::from_secs(1),
    permission = Permission::Http,
    messages = Access::None
)]
impl Plugin for WebhookNotifier {
    async fn post_request(&self, cx: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        let facts = cx.facts();
        let model = if summary.model.is_empty() { &facts.model } else { &summary.model };
        let mut payload = json!({
            "event": "post_request",
            "request_id": facts.request_id,
            "model": model,
            "user_id": facts.user_id,
        });
        if summary.priced {
            payload["cost"] = summary.cost.into();
        }
        self.tell(WebhookEvent::PostRequest, &payload, cx).await;
        Ok(())
    }

    async fn on_error(&self, cx: &mut Cx, error: &LlmError) -> Result<(), Failure> {
        let payload = json!({
            "event": "on_error",
            "request_id": cx.facts().request_id,
            "error_message": error.message,
        });
        self.tell(WebhookEvent::OnError, &payload, cx).await;
        Ok(())
    }
}

impl WebhookNotifier {
    /// Delivers once. What became of it is metadata, and a warning if it failed: a webhook that is down is no fault of
    /// the request.
    async fn tell(&self, event: WebhookEvent, payload: &Json, cx: &mut Cx) {
        if !self.events.contains(&event) {
            return;
        }
        let mut call = HttpCall::post_json(self.url.as_str(), payload).timeout(DELIVERY);
        for (name, value) in self.headers.iter() {
            call.headers.set(name, value);
        }
        let http = cx.services().http.clone();
        let sent = match http.send(call).await {
            Ok(reply) if (200..300).contains(&reply.status) => true,
            Ok(reply) => {
                cx.log(Level::Warn, "webhook was refused", &[("http_status", reply.status.into())]);
                false
            }
            Err(error) => {
                // The address may be a secret itself.
                let error = error.to_string().replace(&self.url, "the address");
                cx.log(Level::Warn, "webhook was not delivered", &[("error", error.into())]);
                false
            }
        };
        cx.metadata("webhook_sent", sent);
    }
}

impl FromConfig for WebhookNotifier {
    type Config = WebhookNotifierConfig;

    fn from_config(config: WebhookNotifierConfig) -> Result<Self, Failure> {
        let headers = config.checked_headers()?;
        Ok(Self { url: config.url, headers, events: config.events })
    }
}

#[cfg(test)]
mod tests;
