//! Plugins as WASM components.

use super::components::{COMPONENTS, ENGINE};
use gatewright_abi::View;
use gatewright_conformance::Host;
use gatewright_conformance::plugins::TestPlugin;
use gatewright_host_wasm::Options;
use gatewright_plugin::Failure;
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::BoxFuture;
use serde_json::Value as Json;
use std::sync::Arc;

pub(crate) struct Wasm;

/// Builds and compiles all of them.
pub(crate) fn compile() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for component in COMPONENTS.values() {
            ENGINE.introduce(component.clone()).await.unwrap();
        }
    });
}

impl Host for Wasm {
    fn name(&self) -> &'static str {
        "wasm"
    }

    fn patience(&self) -> u32 {
        // Its calls have their turn millisecond by millisecond, on a machine that may be busy.
        4
    }

    fn load<'a>(
        &'a self,
        plugin: &'static TestPlugin,
        config: Json,
    ) -> BoxFuture<'a, Result<Arc<dyn Hosted>, Failure>> {
        let options = Options {
            granted: (plugin.manifest)().permissions,
            // Cases about answers that are too large need the room to make them.
            memory_bytes: 512 << 20,
            view: plugin.shown_all.then(View::all),
            ..Options::default()
        };
        Box::pin(async move {
            let component = COMPONENTS[plugin.name].clone();
            ENGINE.load(component, &config, options).await.map_err(|error| Failure::new(error.to_string()))
        })
    }
}
