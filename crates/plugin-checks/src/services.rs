//! The services that a plugin has while it is tested: in memory, and always the same.

use gatewright_model::{Headers, LlmError, Request, Response};
use gatewright_plugin::services::{BoxFuture, Http, HttpCall, HttpReply, Llm, ServiceError, ServiceSet, Services};
use gatewright_plugin::{Facts, Permission};
use gatewright_testkit::services::MockServices;
use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;

/// Answers every request: HTTP with 200 and `{}`, an LLM with `ok`.
struct Agreeable;

/// Services of which these are granted; the others refuse, and name the permission.
pub(crate) fn services(granted: &BTreeSet<Permission>) -> Services {
    let missing = Permission::ALL.into_iter().filter(|permission| !granted.contains(permission));
    let mocks = MockServices::deny(missing);
    let agreeable = Arc::new(Agreeable);
    Services::from(ServiceSet {
        log: mocks.log,
        metrics: mocks.metrics,
        records: mocks.records,
        kv: mocks.kv,
        http: if granted.contains(&Permission::Http) { agreeable.clone() } else { mocks.http },
        llm: if granted.contains(&Permission::Llm) { agreeable } else { mocks.llm },
    })
}

impl Http for Agreeable {
    fn send(&self, _: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        let mut headers = Headers::default();
        headers.set("content-type", "application/json");
        Box::pin(ready(Ok(HttpReply { status: 200, headers, body: "{}".into() })))
    }
}

impl Llm for Agreeable {
    fn complete<'a>(&'a self, _: &'a Facts, request: Request) -> BoxFuture<'a, Result<Response, LlmError>> {
        Box::pin(ready(Ok(Response::of_text("test", &request.model, "ok"))))
    }
}
