//! The ways in which the plugin is called.

use crate::{Args, Problem};
use bench_subject::Subject;
use gatewright_host::Stage;
use gatewright_host_native as native;
use gatewright_host_process::{Address, Options, Processes};
use gatewright_host_wasm::{self as wasm, MOST_IN_PLACE, WasmHost};
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_testkit::services::MockServices;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// The plugin in a host.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) plugin: Arc<dyn Hosted>,
}

/// Linked in, and in each host.
pub(crate) async fn all(args: &Args, folder: &Path, processes: &Processes) -> Result<Vec<Way>, Problem> {
    let way = |name, plugin| Way { name, plugin };
    let component = gatewright_pack::pack(&std::fs::read(&args.module)?)?;
    let engine = WasmHost::new(None)?;
    let in_place = wasm::Options { timeout: Some(MOST_IN_PLACE), ..wasm::Options::default() };
    Ok(vec![
        way("linked in", link(Subject)),
        way("component", engine.load(component.clone(), &json!({}), wasm::Options::default()).await?),
        way("component, in place", engine.load(component, &json!({}), in_place).await?),
        way("library, inline", library(&args.library, folder, true)?),
        way("library, lane", library(&args.library, folder, false)?),
        way("process, session", program(&args.program, processes, true).await?),
        way("process, single calls", program(&args.program, processes, false).await?),
    ])
}

fn library(path: &Path, folder: &Path, inline: bool) -> Result<Arc<dyn Hosted>, Problem> {
    let (stage, config) = (Stage::new(folder.join("stage")), json!({}));
    let artefact = native::Artefact { name: "subject", path, sha256: None, config: &config, stage: &stage };
    Ok(native::load(&artefact, &native::Options { inline, ..native::Options::default() })?)
}

async fn program(path: &Path, processes: &Processes, sessions: bool) -> Result<Arc<dyn Hosted>, Problem> {
    let mut options = Options::new("subject", json!({}), MockServices::default().log.clone());
    options.sessions = sessions;
    Ok(processes.load(&Address::File(path.to_owned()), options).await?)
}
