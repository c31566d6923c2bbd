//! A look at an artefact without loading it: what `validate` can say of it.

use super::file_of;
use gatewright_config::{ArtefactKind, PluginEntry};
use gatewright_host::{MAX_ARTEFACT_BYTES, Sha256};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How a component begins, and how a core module does.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// What is wrong with an entry's artefact, as far as that shows without loading it.
pub(crate) fn inspect(entry: &PluginEntry, base: &Path) -> Result<(), String> {
    let (Some(kind), Some(path)) = (entry.artefact(), file_of(entry, base)) else { return Ok(()) };
    let shown = path.display();
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file `{shown}`"),
        _ => format!("cannot read `{shown}`: {error}"),
    };
    let metadata = fs::metadata(&path).map_err(unreadable)?;
    // A pipe would keep waiting for who writes to it.
    if !metadata.is_file() {
        return Err(format!("`{shown}` is not a file"));
    }
    let open = || File::open(&path).map_err(unreadable);
    match kind {
        ArtefactKind::Wasm => component(open()?, &path)?,
        ArtefactKind::Native => library(open()?, &path, &metadata)?,
        ArtefactKind::Program => program(&path, &metadata)?,
        ArtefactKind::Remote => {}
    }
    let Some(expected) = entry.sha256.as_deref().and_then(|sha256| sha256.parse::<Sha256>().ok()) else {
        return Ok(());
    };
    let found = Sha256::of(open()?).map_err(unreadable)?;
    match found == expected {
        true => Ok(()),
        false => Err(format!("`{shown}` has the SHA-256 {found}, and the entry says {expected}")),
    }
}

fn component(file: File, path: &Path) -> Result<(), String> {
    let (shown, mut head) = (path.display(), Vec::new());
    let read = file.take(COMPONENT.len() as u64).read_to_end(&mut head);
    read.map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    match head.as_slice() {
        COMPONENT => Ok(()),
        CORE_MODULE => {
            Err(format!("`{shown}` is a core WASM module and no component: build it with `gatewright plugin build`"))
        }
        _ => Err(format!("`{shown}` is no WASM component")),
    }
}

fn library(mut file: File, path: &Path, metadata: &Metadata) -> Result<(), String> {
    let (shown, mut bytes) = (path.display(), Vec::new());
    if metadata.len() > MAX_ARTEFACT_BYTES {
        return Err(format!("`{shown}` has more than {} MiB", MAX_ARTEFACT_BYTES >> 20));
    }
    file.read_to_end(&mut bytes).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    gatewright_host_native::inspect(&bytes).map_err(|error| format!("`{shown}` cannot be loaded: {error}"))
}

fn program(path: &Path, metadata: &Metadata) -> Result<(), String> {
    match metadata.permissions().mode() & 0o111 {
        0 => Err(format!("`{0}` is not executable: `chmod +x {0}`", path.display())),
        _ => Ok(()),
    }
}
