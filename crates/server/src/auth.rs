//! Who asks: the credential of a request, and the built-in client keys.

use gatewright_plugin::Identity;
use gatewright_plugin::payload::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// A key that a client may ask with.
#[derive(Clone, Debug)]
pub struct ClientKey {
    /// The key.
    pub secret: Secret,
    /// Whose it is.
    pub identity: Identity,
}

/// The keys of the config, and whether requests without one are let in too.
#[derive(Clone, Debug, Default)]
pub struct ClientKeys {
    keys: Vec<ClientKey>,
    anonymous: bool,
}

// === impl ClientKeys ===

impl ClientKeys {
    /// These keys.
    pub fn new(keys: Vec<ClientKey>) -> Self {
        Self { keys, anonymous: false }
    }

    /// Lets requests without a key in as well; one with an unknown key only if there are no keys at all.
    pub fn or_anonymous(mut self, anonymous: bool) -> Self {
        self.anonymous = anonymous;
        self
    }

    /// Whether a request with this credential, which nobody knows, is let in.
    pub(crate) fn admits(&self, unknown: Option<&Secret>) -> bool {
        self.anonymous && (unknown.is_none() || self.keys.is_empty())
    }

    /// Whose a credential is. Every key is compared whole, so that time tells nothing.
    pub(crate) fn identify(&self, credential: &Secret) -> Option<&Identity> {
        let mut found = None;
        for key in &self.keys {
            if same(key.secret.expose().as_bytes(), credential.expose().as_bytes()) {
                found = Some(&key.identity);
            }
        }
        found
    }
}

/// Whether two texts are the same, in a time that depends only on the length of the second.
fn same(key: &[u8], given: &[u8]) -> bool {
    let mut differ = key.len() ^ given.len();
    for (at, byte) in given.iter().enumerate() {
        differ |= usize::from(byte ^ key.get(at % key.len().max(1)).copied().unwrap_or_default());
    }
    std::hint::black_box(differ) == 0
}

/// The credential of a request, from the headers that SDKs use, in a fixed order.
pub(crate) fn credential(headers: &HeaderMap) -> Option<Secret> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty());
    let bearer = text(AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let found = bearer.or_else(|| text("x-api-key")).or_else(|| text("x-goog-api-key")).or_else(|| text("api-key"));
    found.map(Secret::new)
}

#[cfg(test)]
mod tests;
