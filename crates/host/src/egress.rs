//! Plugins' HTTP requests.

mod address;
mod allowed;
mod bounded;
mod clients;

pub use allowed::{AllowedHosts, BadPattern, HostPattern};

use address::{LOOKUPS, Lookup, OutOfReach, Reach};
use allowed::Target;
use bounded::{CONNECTIONS, NoneKept, Places};
use clients::{Clients, Making};
use gatewright_model::Headers;
use gatewright_plugin::Permission;
use gatewright_plugin::services::{BoxFuture, Http, HttpCall, HttpReply, ServiceError};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::ConfigBuilderExt;
use rustls::ClientConfig;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The largest answer.
const MAX_REPLY_BYTES: usize = 8 << 20;

/// The longest time for a request, whatever its plugin says.
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// How often an HTTP/2 connection that carries requests is asked whether it is still there, and how long it may take to
/// answer. All requests of a worker to a host share it: where nobody is any more, they would fail for a quarter of an hour.
const HTTP2_PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// How many requests of one plugin are under way at once; others wait, and their time runs.
const MAX_UNDER_WAY: usize = 64;

/// How many connections one plugin has at once, over all workers and hosts, and how many of them are kept: the others are
/// left to the requests that are under way.
const MAX_CONNECTIONS: usize = 256;
const MAX_KEPT: usize = MAX_CONNECTIONS - MAX_UNDER_WAY;

/// How many names of one plugin are looked up at once; those that nobody waits for any more count until they end.
const MAX_LOOKUPS: usize = 16;

/// What the connection is made of is not the plugin's to say.
static FRAMING: [HeaderName; 6] = [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Sends plugins' requests. One for all plugins: each worker's connections are pooled.
#[derive(Clone)]
pub struct Egress {
    clients: Arc<Clients>,
}

/// Where the requests of a plugin may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EgressPolicy {
    /// Anywhere: of what is linked in, and as trusted as the gateway itself.
    Trusted,
    /// To these hosts, at the addresses that they imply; each address is checked, and the checked one connected to.
    Allowed(AllowedHosts),
}

/// The requests of one plugin.
pub struct PluginEgress {
    egress: Egress,
    policy: EgressPolicy,
    room: Arc<Semaphore>,
    connections: Places,
    lookups: Arc<Semaphore>,
}

// === impl Egress ===

impl Egress {
    /// With the usual certificate authorities.
    pub fn new() -> Self {
        Self::with_lookup(address::system())
    }

    fn with_lookup(lookup: Lookup) -> Self {
        let tls = ClientConfig::builder().with_webpki_roots().with_no_client_auth();
        Self::making(Making { lookup, tls, ping: HTTP2_PING })
    }

    fn making(making: Making) -> Self {
        Self { clients: Clients::new(making) }
    }

    /// The requests of a plugin that has this policy.
    pub fn plugin(&self, policy: EgressPolicy) -> PluginEgress {
        let places = |most| Arc::new(Semaphore::new(most));
        PluginEgress {
            egress: self.clone(),
            policy,
            room: places(MAX_UNDER_WAY),
            connections: Places::new(),
            lookups: places(MAX_LOOKUPS),
        }
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Egress")
    }
}

// === impl PluginEgress ===

impl PluginEgress {
    async fn exchange(&self, call: HttpCall) -> Result<HttpReply, ServiceError> {
        let url: Uri = call.url.parse().map_err(|error| ServiceError::Invalid(format!("the URL: {error}")))?;
        if call.method == Method::CONNECT {
            return Err(ServiceError::Invalid("the method is CONNECT".to_owned()));
        }
        let mut headers = call.headers.into_map();
        FRAMING.iter().for_each(|name| drop(headers.remove(name)));
        let (reach, connections, _room) = match &self.policy {
            EgressPolicy::Trusted => (Reach::Any, None, None),
            EgressPolicy::Allowed(hosts) => {
                let target = Target::of(&url).map_err(|why| ServiceError::Invalid(why.to_owned()))?;
                let reach = hosts.reach(&target).ok_or_else(|| not_allowed(&target))?;
                // Behind some hosts there are others, which are told apart by it.
                headers.remove(HOST);
                (reach, Some(self.connections.clone()), self.room.acquire().await.ok())
            }
        };
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = url;
        *request.headers_mut() = headers;
        let clients = &self.egress.clients;
        let asking = async {
            match clients.own().of(reach).request(request.clone()).await {
                // None that is kept is free, and no more are kept.
                Err(error) if NoneKept::is_why(&error) => clients.brief().of(reach).request(request).await,
                asked => asked,
            }
        };
        let replied = LOOKUPS.scope(self.lookups.clone(), CONNECTIONS.scope(connections, asking)).await;
        let reply = replied.map_err(|error| failed(&error))?;
        read(reply).await
    }
}

impl Http for PluginEgress {
    fn send(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        let timeout = call.timeout.min(MAX_TIMEOUT);
        Box::pin(async move {
            tokio::time::timeout(timeout, self.exchange(call)).await.unwrap_or(Err(ServiceError::Deadline))
        })
    }
}

async fn read(reply: Response<Incoming>) -> Result<HttpReply, ServiceError> {
    let (parts, body) = reply.into_parts();
    let body = Limited::new(body, MAX_REPLY_BYTES).collect().await.map_err(|error| match &*error {
        error if error.is::<LengthLimitError>() => {
            ServiceError::TooLarge(format!("an answer has at most {MAX_REPLY_BYTES} bytes"))
        }
        error => failed(error),
    })?;
    Ok(HttpReply { status: parts.status.as_u16(), headers: Headers::from(parts.headers), body: body.to_bytes() })
}

fn not_allowed(target: &Target) -> ServiceError {
    let entry = target.entry();
    let host = target.host();
    out_of_reach(format!("{host} is not among the hosts that the plugin may reach; add \"{entry}\" to them"))
}

fn out_of_reach(what: String) -> ServiceError {
    ServiceError::Denied { permission: Permission::Http, granted: true, what }
}

/// What a request failed with. The cause may name the address, which is the plugin's own; it holds no credential of the
/// gateway's.
fn failed(error: &(dyn StdError + 'static)) -> ServiceError {
    let mut cause = error;
    loop {
        if let Some(found) = cause.downcast_ref::<OutOfReach>() {
            let help = match found.needs {
                Reach::Any => "no host is reached there; only the address itself can be allowed".to_owned(),
                Reach::Public | Reach::Private => {
                    format!("if that is meant, add \"private:{}\" to the hosts that the plugin may reach", found.host)
                }
            };
            return out_of_reach(format!("{found}; {help}"));
        }
        match cause.source() {
            Some(source) => cause = source,
            None => return ServiceError::Failed(format!("the request failed: {cause}")),
        }
    }
}

#[cfg(test)]
mod tests;
