//! The hosts that an operator allows a plugin.

use super::address::Reach;
use http::Uri;
use http::uri::Scheme;
use std::net::IpAddr;
use std::str::FromStr;

/// Hosts that a plugin's requests may go to.
///
/// | entry | allows |
/// |---|---|
/// | `api.example.com` | `https` to this host, at its usual port |
/// | `*.example.com` | the same for every name below it, not for itself |
/// | `api.example.com:8443` | this port |
/// | `http://api.example.com` | this scheme |
/// | `private:wiki.corp.example` | also if it is at a private or loopback address; `http` too |
/// | `localhost:9000` | the same, without the word |
/// | `10.0.0.7:9000`, `[fd00::7]:9000` | exactly this address, whatever its kind; `http` too |
///
/// Without `private:`, a host that has an address within private networks is not reached. Addresses that never stand
/// for a host (link-local ones, as those of clouds' metadata services; multicast; reserved; NAT64 and 6to4) can only be
/// allowed as themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostPattern>);

/// One entry of [`AllowedHosts`]; made by parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    scheme: Option<Scheme>,
    host: Host,
    port: Option<u16>,
    private: bool,
}

/// An entry cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is no host to allow: {why}")]
pub struct BadPattern {
    entry: String,
    why: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    /// Every name that ends in this, which begins with a dot.
    Below(String),
    Address(IpAddr),
}

/// Where a URL points to.
pub(super) struct Target {
    scheme: Scheme,
    host: Host,
    port: u16,
}

// === impl AllowedHosts ===

impl AllowedHosts {
    /// How far a request to this target may reach; `None` if it is not allowed.
    pub(super) fn reach(&self, target: &Target) -> Option<Reach> {
        self.0.iter().filter(|pattern| pattern.matches(target)).map(HostPattern::reach).max()
    }
}

impl FromIterator<HostPattern> for AllowedHosts {
    fn from_iter<I: IntoIterator<Item = HostPattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

// === impl HostPattern ===

impl HostPattern {
    fn matches(&self, target: &Target) -> bool {
        let host = match (&self.host, &target.host) {
            (Host::Name(allowed), Host::Name(asked)) => allowed == asked,
            (Host::Below(suffix), Host::Name(asked)) => asked.len() > suffix.len() && asked.ends_with(suffix.as_str()),
            (Host::Address(allowed), Host::Address(asked)) => allowed == asked,
            _ => false,
        };
        let scheme = match &self.scheme {
            Some(scheme) => *scheme == target.scheme,
            None => target.scheme == Scheme::HTTPS || self.reach() > Reach::Public,
        };
        host && scheme && self.port.or(usual_port(&target.scheme)) == Some(target.port)
    }

    fn reach(&self) -> Reach {
        match &self.host {
            Host::Address(_) => Reach::Any,
            Host::Name(name) if self.private || name == "localhost" => Reach::Private,
            Host::Below(suffix) if self.private || suffix == ".localhost" => Reach::Private,
            Host::Name(_) | Host::Below(_) => Reach::Public,
        }
    }
}

impl FromStr for HostPattern {
    type Err = BadPattern;

    fn from_str(entry: &str) -> Result<Self, BadPattern> {
        let bad = |why| BadPattern { entry: entry.to_owned(), why };
        let (private, rest) = match entry.strip_prefix("private:") {
            Some(rest) => (true, rest),
            None => (false, entry),
        };
        let (scheme, rest) = match rest.split_once("://") {
            Some(("https", rest)) => (Some(Scheme::HTTPS), rest),
            Some(("http", rest)) => (Some(Scheme::HTTP), rest),
            Some(_) => return Err(bad("the scheme is `http` or `https`")),
            None => (None, rest),
        };
        let (host, port) = match rest.rsplit_once(':') {
            // The last colon of a bare IPv6 address.
            Some((_, tail)) if tail.ends_with(']') => (rest, None),
            Some((host, port)) => match port.parse::<u16>() {
                Ok(1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port.parse().ok()),
                _ => return Err(bad("a port is a number from 1 to 65535, and an IPv6 address stands in brackets")),
            },
            None => (rest, None),
        };
        let host = match host.strip_prefix("*.") {
            Some(suffix) => match name(suffix).map_err(bad)? {
                Host::Name(suffix) => Host::Below(format!(".{suffix}")),
                _ => return Err(bad("a `*` stands for names, not for addresses")),
            },
            None => name(host).map_err(bad)?,
        };
        Ok(Self { scheme, host, port, private })
    }
}

// === impl Target ===

impl Target {
    /// Where a URL points to; an error says why it may not.
    pub(super) fn of(url: &Uri) -> Result<Self, &'static str> {
        let scheme = match url.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => scheme.clone(),
            _ => return Err("the URL is not one of `http` or `https`"),
        };
        let authority = url.authority().ok_or("the URL has no host")?;
        if authority.as_str().contains('@') {
            return Err("a user or password in the URL; credentials belong into a header");
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None => usual_port(&scheme).unwrap_or_default(),
        };
        let host = name(authority.host())?;
        Ok(Self { scheme, host, port })
    }

    /// The entry that would allow it.
    pub(super) fn entry(&self) -> String {
        let scheme = if self.scheme == Scheme::HTTP { "http://" } else { "" };
        let host = self.host();
        match usual_port(&self.scheme) == Some(self.port) {
            true => format!("{scheme}{host}"),
            false => format!("{scheme}{host}:{}", self.port),
        }
    }

    pub(super) fn host(&self) -> String {
        match &self.host {
            Host::Name(name) | Host::Below(name) => name.clone(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            Host::Address(address) => address.to_string(),
        }
    }
}

fn usual_port(scheme: &Scheme) -> Option<u16> {
    Some(if *scheme == Scheme::HTTP { 80 } else { 443 })
}

/// A name, in lower case and without a dot at its end, or an address.
fn name(host: &str) -> Result<Host, &'static str> {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<std::net::Ipv6Addr>().ok());
        return address.map(|address| Host::Address(IpAddr::V6(address).to_canonical())).ok_or("no IPv6 address");
    }
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let legal = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(legal) {
        return Err("a host is a name of letters, digits, `-` and `_`, or an address");
    }
    // Resolvers take `127.1`, `2130706433` and `0x7f.1` for addresses.
    let last = name.rsplit('.').next().unwrap_or_default();
    match last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Err("an address is written in full"),
        false => Ok(Host::Name(name)),
    }
}

#[cfg(test)]
mod tests;
