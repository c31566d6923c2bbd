//! Native libraries: one in C, and the same Rust source as what is linked in.

use crate::{Problem, Way};
use gatewright_host::Stage;
use gatewright_host_native::{Artefact, Options, load};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/looker.c");
const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include");

/// Each library, in place and on its lane.
pub(crate) fn ways(folder: &Path) -> Result<Vec<Way>, Problem> {
    let c = compile(folder)?;
    let mut ways = Vec::new();
    for (library, in_place, on_lane) in
        [(Some(c), "native C, inline", "native C, lane"), (guest(), "native Rust, inline", "native Rust, lane")]
    {
        let Some(library) = library else { continue };
        for (name, inline) in [(in_place, true), (on_lane, false)] {
            let stage = Stage::new(folder.join("stage"));
            let artefact =
                Artefact { name: "looker", path: &library, sha256: None, config: &Json::Null, stage: &stage };
            let plugin = load(&artefact, &Options { inline, ..Options::default() })?;
            ways.push(Way { name, plugin, now: inline });
        }
    }
    Ok(ways)
}

fn compile(folder: &Path) -> Result<PathBuf, Problem> {
    let library = folder.join("looker.so");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O2", "-fPIC", "-shared", "-I", INCLUDE, "-o"]).arg(&library).arg(SOURCE);
    let compiled = cc.output()?;
    match compiled.status.success() {
        true => Ok(library),
        false => Err(Problem::Compile(String::from_utf8_lossy(&compiled.stderr).into_owned())),
    }
}

/// The example of this crate, where it was built.
fn guest() -> Option<PathBuf> {
    let (prefix, ending) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = std::env::current_exe().ok()?.parent()?.join(format!("examples/{prefix}looker{ending}"));
    library.exists().then_some(library)
}
