//! `gatewright plugin inspect`.

use super::Fault;
use gatewright_host::Sha256;
use gatewright_host_wasm::WasmHost;
use std::fmt::Write;
use std::path::Path;

pub(super) fn run(file: &Path) -> Result<String, Fault> {
    let wasm = std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let hash = Sha256::of(&*wasm).map_err(|error| error.to_string())?;
    let size = wasm.len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let asked = runtime.block_on(async { WasmHost::new(None)?.introduce(wasm).await });
    let introduction = asked.map_err(|error| format!("{}: {error}", file.display()))?;
    let manifest = &introduction.manifest;
    let words = |words: Vec<&str>| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let hooks = words(introduction.hooks().iter().map(|hook| hook.name()).collect());
    let permissions = words(manifest.permissions.iter().map(|permission| permission.as_str()).collect());
    let headers = words(manifest.headers.iter().map(String::as_str).collect());
    let failure_mode = manifest.failure_mode.map_or("each hook's own", |mode| mode.as_str());
    let (major, minor) = introduction.contract;
    let mut said = String::new();
    // Writing into memory does not fail.
    let _ = write!(
        said,
        "name          {}\nversion       {}\ndescription   {}\nhost          wasm\ncontract      {major}.{minor}\nhooks         {hooks}\n\
         permissions   {permissions}\nheaders       {headers}\nfailure mode  {failure_mode}\nstateful      {}\nsize          {size} bytes\nsha256        {hash}",
        manifest.name, manifest.version, manifest.description, manifest.stateful,
    );
    Ok(said)
}
