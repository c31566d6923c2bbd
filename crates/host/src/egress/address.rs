//! Which addresses a request may reach, and the resolver that sees to it.

use gatewright_plugin::services::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::Semaphore;
use tower_service::Service;

/// How far requests reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// What anybody on the internet can.
    Public,
    /// Private networks and this machine too.
    Private,
    /// Everything.
    Any,
}

/// Finds the addresses of a host, on a thread that may wait.
pub(super) type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

tokio::task_local! {
    /// Places for lookups, of the plugin whose request it is. Who asks may give up; the system does not, and all plugins
    /// and providers share the threads that wait for it.
    pub(super) static LOOKUPS: Arc<Semaphore>;
}

/// Finds addresses, and gives them out only if each of them is within reach: what was checked is what is connected to.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    reach: Reach,
    lookup: Lookup,
}

/// A host has an address that is out of reach.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} is at {address}, {kind}")]
pub(super) struct OutOfReach {
    pub(super) host: String,
    pub(super) address: IpAddr,
    pub(super) kind: &'static str,
    /// How far one would have to reach.
    pub(super) needs: Reach,
}

/// How far one must reach for an address, and what kind of address it is.
pub(super) fn needs(address: IpAddr) -> (Reach, &'static str) {
    match address.to_canonical() {
        IpAddr::V4(address) => needs_v4(address),
        IpAddr::V6(address) => needs_v6(address),
    }
}

fn needs_v4(address: Ipv4Addr) -> (Reach, &'static str) {
    match address.octets() {
        [127, ..] => (Reach::Private, "a loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => (Reach::Private, "a private address"),
        // Where a cloud has its metadata.
        [100, 100, 100, 200] | [168, 63, 129, 16] => (Reach::Any, "a metadata service"),
        [100, 64..=127, ..] => (Reach::Private, "a shared address"),
        [0, ..] => (Reach::Any, "an unspecified address"),
        [169, 254, ..] => (Reach::Any, "a link-local address"),
        [192, 0, 0, _] | [192, 88, 99, _] | [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => {
            (Reach::Any, "a special address")
        }
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => (Reach::Any, "a documentation address"),
        [198, 18 | 19, ..] => (Reach::Any, "a benchmarking address"),
        [224..=239, ..] => (Reach::Any, "a multicast address"),
        [240..=255, ..] => (Reach::Any, "a reserved address"),
        _ => (Reach::Public, "a public address"),
    }
}

fn needs_v6(address: Ipv6Addr) -> (Reach, &'static str) {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => (Reach::Any, "an unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => (Reach::Private, "a loopback address"),
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42] => {
            (Reach::Any, "a metadata service")
        }
        [0xfc00..=0xfdff, ..] => (Reach::Private, "a private address"),
        [0xfe80..=0xfebf, ..] => (Reach::Any, "a link-local address"),
        [0xff00..=0xffff, ..] => (Reach::Any, "a multicast address"),
        // They hold an IPv4 address, of which a router makes what it wants.
        [0x64, 0xff9b, ..] => (Reach::Any, "a NAT64 address"),
        [0x2002, ..] => (Reach::Any, "a 6to4 address"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => (Reach::Any, "a documentation address"),
        [0x2001, 0..=0x01ff, ..] => (Reach::Any, "a special address"),
        [0x2000..=0x3fff, ..] => (Reach::Public, "a public address"),
        _ => (Reach::Any, "a reserved address"),
    }
}

/// Asks the system.
pub(super) fn system() -> Lookup {
    // The port is not looked at.
    Arc::new(|host| Ok((host, 0).to_socket_addrs()?.collect()))
}

// === impl CheckedResolver ===

impl CheckedResolver {
    pub(super) fn new(reach: Reach, lookup: Lookup) -> Self {
        Self { reach, lookup }
    }
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (reach, lookup, host) = (self.reach, self.lookup.clone(), name.as_str().to_owned());
        let places = LOOKUPS.try_with(Arc::clone);
        Box::pin(async move {
            let place = match places {
                Ok(places) => Some(places.acquire_owned().await?),
                Err(_) => None,
            };
            let asked = host.clone();
            let found = tokio::task::spawn_blocking(move || {
                let found = lookup(&asked);
                drop(place);
                found
            });
            let found = found.await??;
            for address in &found {
                let (needs, kind) = needs(address.ip());
                if needs > reach {
                    return Err(OutOfReach { host, address: address.ip(), kind, needs }.into());
                }
            }
            Ok(found.into_iter())
        })
    }
}

#[cfg(test)]
mod tests;
