//! Which requests an instance stands in.

use gatewright_model::glob::matches;
use gatewright_plugin::Facts;

/// Narrows an instance to some requests. An empty list narrows nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Endpoint paths; `*` stands for any text.
    pub routes: Vec<String>,
    /// `model` or `provider/model`; `*` stands for any text. Before a model is known, nothing is narrowed.
    pub models: Vec<String>,
    /// Applications by id. Before authentication, nothing is narrowed.
    pub apps: Vec<String>,
    /// The share of requests, 0 to 1, drawn by request id, so that all hooks of a request agree.
    pub sample: Option<f64>,
}

// === impl Scope ===

impl Scope {
    /// Whether it narrows nothing.
    pub fn is_everything(&self) -> bool {
        self.routes.is_empty() && self.models.is_empty() && self.apps.is_empty() && self.sample.is_none()
    }

    /// Whether a request is in it.
    pub fn holds(&self, facts: &Facts) -> bool {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| matches(pattern, text));
        (self.routes.is_empty() || any(&self.routes, &facts.endpoint))
            && (self.models.is_empty()
                || facts.model.is_empty()
                || any(&self.models, &facts.model)
                || any(&self.models, &format!("{}/{}", facts.provider, facts.model)))
            && (self.apps.is_empty() || facts.app_id.is_empty() || self.apps.contains(&facts.app_id))
            && self.sample.is_none_or(|share| drawn(&facts.request_id) < share)
    }
}

/// A number from 0 to 1 that a request id always gives.
fn drawn(request_id: &str) -> f64 {
    // FNV-1a: small, and the same in every build.
    let hash = request_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // FNV's high bits are weak on short texts that differ at their end.
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
