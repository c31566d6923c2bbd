//! For tests: a host that has nothing.

use gatewright_abi::functions::Function;
use gatewright_abi::service::{self, Ask};
use gatewright_plugin::services::{BoxFuture, ServiceError, Services};
use std::sync::Arc;

struct Nothing;

impl Ask for Nothing {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        Box::pin(std::future::ready(self.ask_now(function, argument)))
    }

    fn ask_now(&self, _: Function, _: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        Err(ServiceError::Deadline)
    }
}

pub(crate) fn services() -> Services {
    service::services(Arc::new(Nothing))
}
