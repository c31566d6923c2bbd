//! Every case against plugins that are processes, one a loaded instance.

#![expect(clippy::expect_used, reason = "a test")]

mod common;

use gatewright_abi::View;
use gatewright_conformance::Host;
use gatewright_conformance::plugins::TestPlugin;
use gatewright_host_process::{Address, Options, Processes};
use gatewright_plugin::Failure;
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::BoxFuture;
use gatewright_testkit::services::MockServices;
use serde_json::Value as Json;
use std::sync::{Arc, LazyLock};

/// Plugins as processes, spoken with over a session.
struct Process;

static PROCESSES: LazyLock<Processes> = LazyLock::new(|| Processes::start().expect("a thread"));

groups!(&Process);

impl Host for Process {
    fn name(&self) -> &'static str {
        "process"
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
            options.view = Some(View::all());
            options.arguments.push(plugin.name.into());
            let loaded = PROCESSES.load(&address, options).await;
            loaded.map(|process| process as Arc<dyn Hosted>).map_err(|error| Failure::new(error.to_string()))
        })
    }
}
