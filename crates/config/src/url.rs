//! Base URLs: as much of a URL as the config needs to judge.

use crate::Server;
use crate::server::is_loopback;
use http::Uri;

/// The address of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    https: bool,
    host: String,
    port: u16,
    path: String,
}

// === impl Address ===

impl Address {
    /// The address of a base URL; otherwise what is wrong with it, as the rest of a sentence. The text is not in it:
    /// it may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "is not a URL like `https://host/v1`")?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("does not begin with `https://` or `http://`"),
        };
        let authority = uri.authority().ok_or("has no host")?;
        if authority.as_str().contains('@') {
            return Err("has a user or password in it; write the key into `keys`");
        }
        if uri.query().is_some() || text.contains('#') {
            return Err("has a query or fragment; only scheme, host, port and path can be set");
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if authority.host().is_empty() || (has_port && authority.port_u16().is_none()) {
            return Err("has no host, or a port that is none");
        }
        let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { https, host: authority.host().to_owned(), port, path })
    }

    /// Whether keys travel readable for everybody on the way.
    pub(crate) fn is_readable(&self) -> bool {
        !self.https && !is_loopback(&self.host)
    }

    /// Whether there is no path.
    pub(crate) fn is_bare(&self) -> bool {
        self.path.is_empty()
    }

    /// Whether it is at the other's host, or at a part of it (`eu.api.openai.com`).
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let (host, other_host) = (self.host.to_ascii_lowercase(), other.host.to_ascii_lowercase());
        let part = host.strip_suffix(&other_host).is_some_and(|part| part.is_empty() || part.ends_with('.'));
        part && self.port == other.port
    }

    /// Whether a request there would come back here.
    pub(crate) fn leads_to(&self, server: &Server) -> bool {
        let everywhere = ["0.0.0.0", "::", "[::]"].contains(&server.host.as_str());
        let here = is_loopback(&self.host) && (server.is_loopback() || everywhere);
        self.port == server.port && (here || self.host.eq_ignore_ascii_case(&server.host))
    }
}

#[cfg(test)]
mod tests;
