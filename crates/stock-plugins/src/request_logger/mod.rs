//! `request_logger`: a line for each request that comes in.

use crate::NoConfig;
use gatewright_plugin::prelude::*;
use gatewright_plugin::services::Level;

/// Writes one line for each LLM request: request id, user, model, number of messages; never what they say.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestLogger;

// === impl RequestLogger ===

#[plugin(
    description = "Writes a line for each request that comes in",
    failure_mode = FailureMode::Open,
    messages = Access::Ro
)]
impl Plugin for RequestLogger {
    fn pre_request(&self, cx: &mut Cx, request: &Request) -> Result<(), Failure> {
        // A body that cannot be read is not this plugin's to complain about.
        let messages = request.chat().map_or(0, |chat| chat.messages.len());
        let (user, model) = (cx.facts().user_id.as_str().into(), request.model.as_str().into());
        // The host adds `request_id`.
        let fields = [("user_id", user), ("model", model), ("message_count", messages.into())];
        cx.log(Level::Info, "incoming request", &fields);
        Ok(())
    }
}

impl FromConfig for RequestLogger {
    type Config = NoConfig;

    fn from_config(_config: NoConfig) -> Result<Self, Failure> {
        Ok(Self)
    }
}

#[cfg(test)]
mod tests;
