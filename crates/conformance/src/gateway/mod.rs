//! A gateway on a loopback port, in front of scripted providers, and a client that speaks plain HTTP/1.1.

mod client;

pub(crate) use client::{Ask, Connection, HttpAnswer};

use crate::case::CaseFailure;
use crate::journal::PATIENCE;
use gatewright_engine::{Engine, Pricing, Provider, Routing, Unpriced};
use gatewright_pipeline::PluginSet;
use gatewright_server::{ClientKeys, Limits, Server, ServerHandle, Shared, Snapshot};
use gatewright_testkit::ScriptedProvider;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// The whole data plane, with one worker. Dropped, it stops.
pub(crate) struct Gateway {
    shared: Arc<Shared>,
    handle: ServerHandle,
    engine: Engine,
    terms: Terms,
}

/// What a gateway serves by, beside its plugins and providers.
#[derive(Clone)]
pub(crate) struct Terms {
    /// Who may ask; `None` asks nobody.
    pub(crate) keys: Option<ClientKeys>,
    /// What tokens cost.
    pub(crate) pricing: Arc<dyn Pricing>,
    /// What requests may take.
    pub(crate) limits: Limits,
}

// === impl Gateway ===

impl Gateway {
    /// Serves with these plugins, in front of these providers.
    pub(crate) fn start(set: Arc<PluginSet>, providers: &[ScriptedProvider]) -> Result<Self, CaseFailure> {
        Self::start_with(set, providers, Terms::default())
    }

    /// The same, by other terms.
    pub(crate) fn start_with(
        set: Arc<PluginSet>,
        providers: &[ScriptedProvider],
        terms: Terms,
    ) -> Result<Self, CaseFailure> {
        let providers = providers.iter().map(|provider| Arc::new(provider.clone()) as Arc<dyn Provider>);
        let engine = Engine::new(Routing::new(providers, None, BTreeMap::new()));
        let shared = Shared::new(snapshot(set, &engine, &terms), TaskTracker::new());
        let server = Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), shared.clone(), 1)?;
        Ok(Self { shared, handle: server.start()?, engine, terms })
    }

    /// Puts other plugins in force. Requests under way keep theirs.
    pub(crate) fn reload(&self, set: Arc<PluginSet>) {
        self.shared.replace(snapshot(set, &self.engine, &self.terms));
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<HttpAnswer, CaseFailure> {
        self.open(ask).await?.finish().await
    }

    /// Sends a request and reads nothing yet. Dropped, the client is gone.
    pub(crate) async fn open(&self, ask: &Ask) -> Result<Connection, CaseFailure> {
        Connection::open(self.handle.address(), ask).await
    }

    /// Waits until every request is done, closing hooks included.
    pub(crate) async fn settle(&self) -> Result<(), CaseFailure> {
        let settled = async {
            while self.shared.active_requests() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            self.shared.tasks.close();
            self.shared.tasks.wait().await;
            self.shared.tasks.reopen();
        };
        let late = |_| CaseFailure::new("requests did not come to their end");
        tokio::time::timeout(PATIENCE, settled).await.map_err(late)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Nothing more is left behind: the worker may end.
        self.shared.tasks.close();
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self { keys: None, pricing: Arc::new(Unpriced), limits: Limits::default() }
    }
}

fn snapshot(plugins: Arc<PluginSet>, engine: &Engine, terms: &Terms) -> Snapshot {
    let Terms { keys, pricing, limits } = terms.clone();
    Snapshot { plugins, engine: engine.clone(), keys, pricing, limits, metrics: None }
}
