//! What the host does for a plugin: log, metrics, records, kv, http, llm. Each but the log needs a permission that
//! the manifest asks for and an operator granted; a refusal names it.

mod http;
mod kv;
mod llm;
mod log;
mod metrics;
mod records;

pub use self::http::{Http, HttpCall, HttpReply};
pub use kv::{KV_ENTRY_BYTES, Kv, MAX_KV_BYTES, MAX_KV_KEY_BYTES, MAX_KV_VALUE_BYTES};
pub use llm::Llm;
pub use log::{Level, Log, LogRecord};
pub use metrics::{Metrics, Sample, SampleKind};
pub use records::{Record, Records};

use crate::Permission;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future, as service traits give them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The host's services for one plugin. Cheap to copy.
pub struct Services {
    /// Those of all plugins that were put together.
    all: Arc<[ServiceSet]>,
    /// Which of them these are.
    at: usize,
}

/// One implementation a service.
#[derive(Clone)]
pub struct ServiceSet {
    /// Lines in the host's log.
    pub log: Arc<dyn Log>,
    /// Counters, gauges and histograms of the plugin's own.
    pub metrics: Arc<dyn Metrics>,
    /// Rows for logs.
    pub records: Arc<dyn Records>,
    /// Keys and values, in a space of the plugin's own.
    pub kv: Arc<dyn Kv>,
    /// Requests to allowed hosts.
    pub http: Arc<dyn Http>,
    /// Requests to LLMs through the gateway.
    pub llm: Arc<dyn Llm>,
}

/// A service did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServiceError {
    /// The plugin may not.
    #[error("permission `{}` {}: {what}", .permission.as_str(), if *.granted { "does not reach so far" } else { "is not granted" })]
    Denied {
        /// The permission.
        permission: Permission,
        /// Whether it was granted, and does not reach so far.
        #[serde(default)]
        granted: bool,
        /// What was refused.
        what: String,
    },
    /// No time left.
    #[error("the deadline passed")]
    Deadline,
    /// Over a limit.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Not a legal call.
    #[error("not a legal call: {0}")]
    Invalid(String),
    /// The service failed.
    #[error("{0}")]
    Failed(String),
}

// === impl Services ===

impl Services {
    /// Host: the services of several plugins, put together: to take those of one in the place of another's counts no
    /// references, which would be a good part of what a short hook costs.
    pub fn together<'a>(each: impl IntoIterator<Item = &'a Self>) -> Vec<Self> {
        let all: Arc<[ServiceSet]> = each.into_iter().map(|services| ServiceSet::clone(services)).collect();
        (0..all.len()).map(|at| Self { all: all.clone(), at }).collect()
    }
}

impl Clone for Services {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), at: self.at }
    }

    fn clone_from(&mut self, source: &Self) {
        if !Arc::ptr_eq(&self.all, &source.all) {
            self.all = source.all.clone();
        }
        self.at = source.at;
    }
}

impl From<ServiceSet> for Services {
    fn from(set: ServiceSet) -> Self {
        Self { all: Arc::new([set]), at: 0 }
    }
}

impl std::ops::Deref for Services {
    type Target = ServiceSet;

    fn deref(&self) -> &ServiceSet {
        &self.all[self.at]
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}
