//! Plugins in native libraries.

use super::artefacts;
use gatewright_conformance::Host;
use gatewright_conformance::plugins::TestPlugin;
use gatewright_host::Stage;
use gatewright_host_native::{Artefact, Options, load};
use gatewright_plugin::Failure;
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::BoxFuture;
use serde_json::Value as Json;
use std::sync::{Arc, LazyLock};

pub(crate) struct Native;

/// Where copies go: for all tests of this program.
static STAGE: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

impl Host for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn patience(&self) -> u32 {
        // Its calls go from thread to thread, on a machine that may be busy.
        6
    }

    fn load<'a>(
        &'a self,
        plugin: &'static TestPlugin,
        config: Json,
    ) -> BoxFuture<'a, Result<Arc<dyn Hosted>, Failure>> {
        let path = artefacts::library(plugin.name);
        let stage = Stage::new(STAGE.path());
        let artefact = Artefact { name: plugin.name, path: &path, sha256: None, config: &config, stage: &stage };
        let loaded = load(&artefact, &Options::default());
        let hosted = loaded.map(|native| native as Arc<dyn Hosted>).map_err(|error| Failure::new(error.to_string()));
        Box::pin(std::future::ready(hosted))
    }
}
