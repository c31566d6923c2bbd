//! Plugins' HTTP requests.

mod address;
mod allowed;

pub use allowed::{AllowedHosts, BadPattern, HostPattern};

use address::{CheckedResolver, LOOKUPS, Lookup, OutOfReach, Reach};
use allowed::Target;
use bytes::Bytes;
use gatewright_model::Headers;
use gatewright_plugin::Permission;
use gatewright_plugin::services::{BoxFuture, Http, HttpCall, HttpReply, ServiceError};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The largest answer.
const MAX_REPLY_BYTES: usize = 8 << 20;

/// The longest time for a request, whatever its plugin says.
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many connections to a host are kept, and how long, while nobody uses them.
const MAX_IDLE: usize = 16;
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often an HTTP/2 connection that carries requests is asked whether it is still there, and how long it may take to
/// answer. All requests to a host share it: where nobody is any more, they would fail for a quarter of an hour.
const HTTP2_PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// How many requests of one plugin are under way at once; others wait, and their time runs.
const MAX_UNDER_WAY: usize = 64;

/// How many names of one plugin are looked up at once; those that nobody waits for any more count until they end.
const MAX_LOOKUPS: usize = 16;

/// What the connection is made of is not the plugin's to say.
static FRAMING: [HeaderName; 6] = [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Sends plugins' requests. One for all plugins: connections are pooled.
#[derive(Clone)]
pub struct Egress {
    /// One for each reach, so that a connection is only used again by who might have made it.
    public: HttpClient,
    private: HttpClient,
    any: HttpClient,
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
    lookups: Arc<Semaphore>,
}

type HttpClient = Client<HttpsConnector<HttpConnector<CheckedResolver>>, Full<Bytes>>;

// === impl Egress ===

impl Egress {
    /// With the usual certificate authorities.
    pub fn new() -> Self {
        Self::with_lookup(&address::system())
    }

    fn with_lookup(lookup: &Lookup) -> Self {
        let tls = || HttpsConnectorBuilder::new().with_webpki_roots();
        let client = |reach| client(CheckedResolver::new(reach, lookup.clone()), tls(), HTTP2_PING);
        Self { public: client(Reach::Public), private: client(Reach::Private), any: client(Reach::Any) }
    }

    /// The requests of a plugin that has this policy.
    pub fn plugin(&self, policy: EgressPolicy) -> PluginEgress {
        let places = |most| Arc::new(Semaphore::new(most));
        PluginEgress { egress: self.clone(), policy, room: places(MAX_UNDER_WAY), lookups: places(MAX_LOOKUPS) }
    }

    fn reaching(&self, reach: Reach) -> &HttpClient {
        match reach {
            Reach::Public => &self.public,
            Reach::Private => &self.private,
            Reach::Any => &self.any,
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

fn client(
    resolver: CheckedResolver,
    tls: HttpsConnectorBuilder<WantsSchemes>,
    (interval, timeout): (Duration, Duration),
) -> HttpClient {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let tls = tls.https_or_http().enable_all_versions();
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(interval)
        .http2_keep_alive_timeout(timeout)
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE)
        .build(tls.wrap_connector(tcp))
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
        let (client, _room) = match &self.policy {
            EgressPolicy::Trusted => (&self.egress.any, None),
            EgressPolicy::Allowed(hosts) => {
                let target = Target::of(&url).map_err(|why| ServiceError::Invalid(why.to_owned()))?;
                let reach = hosts.reach(&target).ok_or_else(|| not_allowed(&target))?;
                // Behind some hosts there are others, which are told apart by it.
                headers.remove(HOST);
                (self.egress.reaching(reach), self.room.acquire().await.ok())
            }
        };
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = url;
        *request.headers_mut() = headers;
        let replied = LOOKUPS.scope(self.lookups.clone(), client.request(request)).await;
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
