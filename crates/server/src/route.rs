//! Which endpoint a path is. Endpoints are data: a dialect, a kind, and the names they answer to.

use gatewright_model::{Codec, Dialect, Kind};
use http::Method;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Route {
    /// An LLM request.
    Llm(&'static Endpoint),
    /// The models of all providers, in a dialect.
    Models(Dialect),
    /// Whether the process is up: `/health`, `/livez`.
    Live,
    /// Whether requests can be served.
    Ready,
    /// Prometheus metrics.
    Metrics,
    /// An endpoint, but not with this method.
    WrongMethod(&'static str),
    /// Nothing.
    Unknown,
}

/// An LLM endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Its path, as facts and metrics have it.
    pub(crate) path: &'static str,
    /// What is asked.
    pub(crate) kind: Kind,
    /// How the client writes.
    pub(crate) codec: &'static dyn Codec,
}

const CHAT: Endpoint = Endpoint { path: "/v1/chat/completions", kind: Kind::Chat, codec: &gatewright_dialects::OPENAI };
const MESSAGES: Endpoint = Endpoint { path: "/v1/messages", kind: Kind::Chat, codec: &gatewright_dialects::ANTHROPIC };
static ENDPOINTS: [Endpoint; 2] = [CHAT, MESSAGES];

/// The lists of models: of these, facts have the path as it was asked for.
const MODELS: [&str; 5] =
    ["/v1/models", "/openai/v1/models", "/openai/models", "/anthropic/v1/models", "/anthropic/models"];

/// The paths that facts have of endpoints, as scopes name them.
pub fn endpoints() -> Vec<&'static str> {
    ENDPOINTS.iter().map(|endpoint| endpoint.path).chain(MODELS).collect()
}

// === impl Route ===

impl Route {
    /// The route of a path, without its query.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let (prefix, rest) = match path {
            _ if path.starts_with("/openai/") => (Some(Dialect::OpenAi), &path["/openai".len()..]),
            _ if path.starts_with("/anthropic/") => (Some(Dialect::Anthropic), &path["/anthropic".len()..]),
            _ => (None, path),
        };
        let llm = ENDPOINTS.iter().find(|endpoint| {
            let own = prefix.is_none_or(|dialect| dialect == endpoint.codec.dialect());
            own && (endpoint.path == rest || (prefix.is_some() && endpoint.path.strip_prefix("/v1") == Some(rest)))
        });
        match (llm, prefix, rest) {
            (Some(endpoint), ..) if method == Method::POST => Self::Llm(endpoint),
            (Some(_), ..) => Self::WrongMethod("POST"),
            (None, _, "/v1/models") | (None, Some(_), "/models") if method == Method::GET => {
                Self::Models(prefix.unwrap_or(Dialect::OpenAi))
            }
            (None, _, "/v1/models") | (None, Some(_), "/models") => Self::WrongMethod("GET"),
            (None, None, "/health" | "/livez") => Self::Live,
            (None, None, "/readyz") => Self::Ready,
            (None, None, "/metrics") => Self::Metrics,
            _ => Self::Unknown,
        }
    }

    /// The codec in which errors of a path are written.
    pub(crate) fn codec_of(path: &str) -> &'static dyn Codec {
        let anthropic = path.starts_with("/anthropic/") || path.starts_with("/v1/messages");
        if anthropic { &gatewright_dialects::ANTHROPIC } else { &gatewright_dialects::OPENAI }
    }
}

#[cfg(test)]
mod tests;
