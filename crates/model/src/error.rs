//! The one normalised error.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What went wrong, in the one list that clients, plugins, metrics and logs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is malformed or asks for what cannot be. 400.
    InvalidRequest,
    /// No valid credential. 401.
    Authentication,
    /// A valid credential that may not do this. 403.
    PermissionDenied,
    /// No such endpoint, model or provider. 404.
    NotFound,
    /// The body is over the limit. 413.
    RequestTooLarge,
    /// Too many requests or tokens. 429.
    RateLimit,
    /// The quota or budget is used up. 402.
    InsufficientQuota,
    /// A plugin's decision against the content. 403 unless the plugin chose another.
    GuardrailBlocked,
    /// A `fail_closed` plugin did not do its job. 503.
    PluginUnavailable,
    /// The gateway or the provider has no capacity now. 503.
    Overloaded,
    /// A deadline passed: connecting, first byte, between chunks, or the whole request. 504.
    Timeout,
    /// The provider failed or answered what cannot be understood. 502.
    Upstream,
    /// The client went away. 499, in logs only.
    Cancelled,
    /// The gateway's own fault. 500.
    Internal,
}

/// An error of a request, at whichever step, as hooks see it and the client gets it.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct LlmError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// For people; never holds secrets or internals.
    pub message: String,
    /// HTTP status for the client; `None` takes the kind's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The provider's or plugin's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The request's member at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// The plugin that decided or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The provider that answered so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether fallbacks may be tried; `None` counts as yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_fallbacks: Option<bool>,
    /// How long to wait before another try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
}

// === impl ErrorKind ===

impl ErrorKind {
    /// Every kind, in the order of the list.
    pub const ALL: [Self; 14] = [
        Self::InvalidRequest,
        Self::Authentication,
        Self::PermissionDenied,
        Self::NotFound,
        Self::RequestTooLarge,
        Self::RateLimit,
        Self::InsufficientQuota,
        Self::GuardrailBlocked,
        Self::PluginUnavailable,
        Self::Overloaded,
        Self::Timeout,
        Self::Upstream,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The word in error envelopes, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Authentication => "authentication",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::RequestTooLarge => "request_too_large",
            Self::RateLimit => "rate_limit",
            Self::InsufficientQuota => "insufficient_quota",
            Self::GuardrailBlocked => "guardrail_blocked",
            Self::PluginUnavailable => "plugin_unavailable",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Upstream => "upstream",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status that clients get for it.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Authentication => 401,
            Self::InsufficientQuota => 402,
            Self::PermissionDenied | Self::GuardrailBlocked => 403,
            Self::NotFound => 404,
            Self::RequestTooLarge => 413,
            Self::RateLimit => 429,
            Self::Cancelled => 499,
            Self::Internal => 500,
            Self::Upstream => 502,
            Self::PluginUnavailable | Self::Overloaded => 503,
            Self::Timeout => 504,
        }
    }

    /// The kind that a provider's HTTP status stands for.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::InsufficientQuota,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::RequestTooLarge,
            429 => Self::RateLimit,
            400..=499 => Self::InvalidRequest,
            503 | 529 => Self::Overloaded,
            _ => Self::Upstream,
        }
    }
}

// === impl LlmError ===

impl LlmError {
    /// An error of this kind that says so.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            status: None,
            code: None,
            param: None,
            plugin: None,
            provider: None,
            allow_fallbacks: None,
            retry_after: None,
        }
    }

    /// The HTTP status for the client.
    pub fn status(&self) -> u16 {
        self.status.unwrap_or_else(|| self.kind.status())
    }

    /// Whether a fallback may be tried after it.
    pub fn allows_fallbacks(&self) -> bool {
        self.kind != ErrorKind::Cancelled && self.allow_fallbacks.unwrap_or(true)
    }

    /// The same error, naming the member at fault.
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same error, with a code.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same error, with an HTTP status of its own.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same error, naming the plugin.
    pub fn with_plugin(mut self, plugin: impl Into<String>) -> Self {
        self.plugin = Some(plugin.into());
        self
    }

    /// The same error, naming the provider.
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }
}

#[cfg(test)]
mod tests;
