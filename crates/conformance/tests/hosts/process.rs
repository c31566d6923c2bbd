//! Plugins that are processes, one a loaded instance.

use gatewright_abi::View;
use gatewright_conformance::Host;
use gatewright_conformance::plugins::TestPlugin;
use gatewright_host_process::{Address, Options, Patience, Processes};
use gatewright_plugin::Failure;
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::BoxFuture;
use gatewright_testkit::services::MockServices;
use serde_json::Value as Json;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(crate) struct Process {
    sessions: bool,
}

static PROCESSES: LazyLock<Processes> = LazyLock::new(|| Processes::start().unwrap());

impl Process {
    /// Spoken with over a session.
    pub(crate) const SESSIONS: Self = Self { sessions: true };

    /// Every call is a request of its own, and what it asks goes over the gateway's service.
    pub(crate) const SINGLE_CALLS: Self = Self { sessions: false };
}

/// The executable of a plugin. One holds all that are scripted: its argument says which it is.
fn executable(plugin: &TestPlugin) -> (&'static str, Option<&'static str>) {
    match plugin.name {
        "request_logger" => (env!("CARGO_BIN_EXE_request_logger"), None),
        "jailbreak_detector" => (env!("CARGO_BIN_EXE_jailbreak_detector"), None),
        "cost_alerter" => (env!("CARGO_BIN_EXE_cost_alerter"), None),
        "webhook_notifier" => (env!("CARGO_BIN_EXE_webhook_notifier"), None),
        name => (env!("CARGO_BIN_EXE_test-plugin"), Some(name)),
    }
}

impl Host for Process {
    fn name(&self) -> &'static str {
        if self.sessions { "process" } else { "process, single calls" }
    }

    fn patience(&self) -> u32 {
        // Its calls go to another process and back, on a machine that may be busy.
        20
    }

    fn load<'a>(
        &'a self,
        plugin: &'static TestPlugin,
        config: Json,
    ) -> BoxFuture<'a, Result<Arc<dyn Hosted>, Failure>> {
        Box::pin(async move {
            let (path, argument) = executable(plugin);
            let mut options = Options::new(plugin.name, config, MockServices::default().log.clone());
            options.sessions = self.sessions;
            // No case is about how quickly a process starts.
            options.patience = Patience { start: Duration::from_secs(60), ..Patience::default() };
            options.view = plugin.shown_all.then(View::all);
            options.arguments.extend(argument.map(Into::into));
            let loaded = PROCESSES.load(&Address::File(path.into()), options).await;
            loaded.map(|process| process as Arc<dyn Hosted>).map_err(|error| Failure::new(error.to_string()))
        })
    }
}
