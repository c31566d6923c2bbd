//! A request that is under way, whichever part of the server holds it.

use crate::request_id;
use crate::route::Endpoint;
use crate::snapshot::{Shared, Snapshot};
use gatewright_engine::Lifecycle;
use gatewright_plugin::Facts;
use gatewright_telemetry::ActiveRequest;
use http::HeaderMap;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::task::TaskTracker;

/// A request that is under way, whichever part of the server holds it. Dropped unfinished, the client went away.
pub(crate) struct Open {
    pub(crate) life: Lifecycle,
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) request_id: String,
    pub(crate) status: u16,
    /// Whether the client is to see the usage of its stream.
    pub(crate) include_usage: bool,
    pub(crate) shared: Arc<Shared>,
    _active: Option<ActiveRequest>,
}

// === impl Open ===

impl Open {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        own: &TaskTracker,
        snapshot: &Snapshot,
        endpoint: &'static Endpoint,
        headers: &HeaderMap,
        started: Instant,
    ) -> Self {
        let request_id = request_id::request_id(headers);
        let facts = Facts {
            request_id: request_id.clone(),
            endpoint: endpoint.path.to_owned(),
            traceparent: headers.get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned),
            deadline: Some(started + snapshot.limits.request_timeout),
            ..Facts::default()
        };
        let (plugins, pricing) = (snapshot.plugins.clone(), snapshot.pricing.clone());
        let mut life = Lifecycle::open(plugins, facts, started, pricing, shared.tasks.clone());
        // Its worker ends after it.
        life.hold(own.token());
        let active = snapshot.metrics.as_ref().map(|metrics| metrics.active_request());
        Self { life, endpoint, request_id, status: 200, include_usage: true, shared: shared.clone(), _active: active }
    }

    /// The client has all of its answer.
    pub(crate) fn finish(self) {
        self.life.finish(self.status);
    }
}

#[cfg(test)]
mod tests;
