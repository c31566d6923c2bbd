//! Services behind permissions.

use bytes::Bytes;
use gatewright_model::{ErrorKind, LlmError, Request, Response};
use gatewright_plugin::services::{
    BoxFuture, Http, HttpCall, HttpReply, Kv, Llm, Metrics, Record, Records, Sample, ServiceError, ServiceSet, Services,
};
use gatewright_plugin::{Facts, Permission};
use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

/// The services of a plugin that has these permissions, of those that its manifest asks for: the others refuse, and say
/// which permission is missing and what gives it.
pub fn guarded(set: ServiceSet, granted: &BTreeSet<Permission>, asked: &BTreeSet<Permission>) -> Services {
    let refused = Arc::new(Refused { asked: asked.clone() });
    let has = |permission| granted.contains(&permission);
    Services::from(ServiceSet {
        log: set.log,
        metrics: if has(Permission::Metrics) { set.metrics } else { refused.clone() },
        records: if has(Permission::Records) { set.records } else { refused.clone() },
        kv: if has(Permission::Kv) { set.kv } else { refused.clone() },
        http: if has(Permission::Http) { set.http } else { refused.clone() },
        llm: if has(Permission::Llm) { set.llm } else { refused },
    })
}

/// Refuses everything.
struct Refused {
    asked: BTreeSet<Permission>,
}

// === impl Refused ===

impl Refused {
    fn refuse(&self, permission: Permission, what: &str) -> ServiceError {
        let what = match self.asked.contains(&permission) {
            true => format!("{what}; add {} to `permissions` of its entry in the config", permission.grant()),
            // Whatever the entry says.
            false => format!("{what}; the plugin's manifest does not ask for it"),
        };
        ServiceError::Denied { permission, granted: false, what }
    }
}

impl Metrics for Refused {
    fn record(&self, sample: &Sample<'_>) -> Result<(), ServiceError> {
        Err(self.refuse(Permission::Metrics, &format!("metric {}", sample.name)))
    }
}

impl Records for Refused {
    fn append(&self, record: Record) -> Result<(), ServiceError> {
        Err(self.refuse(Permission::Records, &format!("a row for {}", record.table)))
    }
}

impl Http for Refused {
    fn send(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        Box::pin(ready(Err(self.refuse(Permission::Http, &format!("a {} request", call.method)))))
    }
}

impl Llm for Refused {
    fn complete<'a>(&'a self, _: &'a Facts, _: Request) -> BoxFuture<'a, Result<Response, LlmError>> {
        let message = self.refuse(Permission::Llm, "an LLM request").to_string();
        Box::pin(ready(Err(LlmError::new(ErrorKind::PermissionDenied, message))))
    }
}

impl Kv for Refused {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        Box::pin(ready(Err(self.refuse(Permission::Kv, "get"))))
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(ready(Err(self.refuse(Permission::Kv, "set"))))
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(ready(Err(self.refuse(Permission::Kv, "delete"))))
    }

    fn list<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        Box::pin(ready(Err(self.refuse(Permission::Kv, "list"))))
    }

    fn increment<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        Box::pin(ready(Err(self.refuse(Permission::Kv, "increment"))))
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(ready(Err(self.refuse(Permission::Kv, "compare_and_set"))))
    }
}

#[cfg(test)]
mod tests;
