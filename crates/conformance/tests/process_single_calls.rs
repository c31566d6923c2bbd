//! Plugins as processes, where every call is a request of its own, and what it asks goes over the gateway's service.
//! What is not about how calls travel is tested with sessions.

#![expect(clippy::expect_used, reason = "a test")]

mod common;

use gatewright_abi::View;
use gatewright_conformance::plugins::TestPlugin;
use gatewright_conformance::{Group, Host};
use gatewright_host_process::{Address, Options, Processes};
use gatewright_plugin::Failure;
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::BoxFuture;
use gatewright_testkit::services::MockServices;
use serde_json::Value as Json;
use std::sync::{Arc, LazyLock};

struct SingleCalls;

static PROCESSES: LazyLock<Processes> = LazyLock::new(|| Processes::start().expect("a thread"));

impl Host for SingleCalls {
    fn name(&self) -> &'static str {
        "process, single calls"
    }

    fn patience(&self) -> u32 {
        10
    }

    fn load<'a>(
        &'a self,
        plugin: &'static TestPlugin,
        config: Json,
    ) -> BoxFuture<'a, Result<Arc<dyn Hosted>, Failure>> {
        Box::pin(async move {
            let address = Address::File(env!("CARGO_BIN_EXE_test-plugin").into());
            let mut options = Options::new(plugin.name, config, MockServices::default().log.clone());
            options.sessions = false;
            options.view = Some(View::all());
            options.arguments.push(plugin.name.into());
            let loaded = PROCESSES.load(&address, options).await;
            loaded.map(|process| process as Arc<dyn Hosted>).map_err(|error| Failure::new(error.to_string()))
        })
    }
}

#[test]
fn hooks() {
    common::holds(&SingleCalls, Group::Hooks);
}

#[test]
fn time() {
    common::holds(&SingleCalls, Group::Time);
}

#[test]
fn state() {
    common::holds(&SingleCalls, Group::State);
}

#[test]
fn attempts() {
    common::holds(&SingleCalls, Group::Attempts);
}
