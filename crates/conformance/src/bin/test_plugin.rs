//! Any of the test plugins, as a process: the first argument names it.

use gatewright_conformance::plugins::{TEST_PLUGINS, TestPlugin};
use gatewright_plugin::hosted::Hosted;
use gatewright_sdk::abi::Introduction;
use gatewright_sdk::process::{Artefact, run};
use std::process::ExitCode;
use std::sync::Arc;

struct Scripted(&'static TestPlugin);

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    match TEST_PLUGINS.iter().find(|plugin| plugin.name == name) {
        Some(plugin) => run(Arc::new(Scripted(plugin))),
        None => ExitCode::FAILURE,
    }
}

impl Artefact for Scripted {
    fn introduction(&self) -> Introduction {
        Introduction::new((self.0.manifest)(), self.0.hooks, self.0.immediate)
    }

    fn create(&self, _: &str, config: &[u8]) -> Result<Arc<dyn Hosted>, String> {
        let config = serde_json::from_slice(config).map_err(|error| format!("its config: {error}"))?;
        (self.0.link)(config).map_err(|failure| failure.to_string())
    }
}
