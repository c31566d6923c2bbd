//! A look at an artefact without running anything of it: what `validate` and the commands of `plugin` can say of any.

use super::file_of;
use gatewright_config::{ArtefactKind, PluginEntry};
use gatewright_host::{MAX_ARTEFACT_BYTES, Sha256};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How a component begins, and how a core module does.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Of a text, so much is looked at.
const LOOKED_AT: usize = 4096;

/// What is in an artefact's file. An error names the file.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file `{shown}`"),
        _ => format!("cannot read `{shown}`: {error}"),
    };
    let metadata = fs::metadata(path).map_err(refused)?;
    if metadata.is_dir() {
        return Err(format!("`{shown}` is a folder: name the artefact that `gatewright plugin build` makes of it"));
    }
    // A pipe would keep waiting for who writes to it.
    if !metadata.is_file() {
        return Err(format!("`{shown}` is not a file"));
    }
    if metadata.len() > MAX_ARTEFACT_BYTES {
        return Err(format!("`{shown}` has more than {} MiB", MAX_ARTEFACT_BYTES >> 20));
    }
    fs::read(path).map_err(refused)
}

/// Whether what is in a file is what its ending says. An error names the file.
pub fn look(kind: ArtefactKind, path: &Path, bytes: &[u8]) -> Result<(), String> {
    let looked = match kind {
        ArtefactKind::Remote => Ok(()),
        _ if bytes.is_empty() => Err("is empty".to_owned()),
        ArtefactKind::Wasm => component(bytes),
        ArtefactKind::Native => {
            gatewright_host_native::inspect(bytes).map_err(|error| format!("cannot be loaded: {error}"))
        }
        ArtefactKind::Program => program(path, bytes),
    };
    looked.map_err(|what| format!("`{}` {what}", path.display()))
}

/// What is in an entry's artefact, if it is a file; or what is wrong with it, as far as that shows without loading it.
pub(super) fn inspect(entry: &PluginEntry, base: &Path) -> Result<Option<Vec<u8>>, String> {
    let (Some(kind), Some(path)) = (entry.artefact(), file_of(entry, base)) else { return Ok(None) };
    let bytes = read(&path)?;
    look(kind, &path, &bytes)?;
    let Some(expected) = entry.sha256.as_deref().and_then(|sha256| sha256.parse::<Sha256>().ok()) else {
        return Ok(Some(bytes));
    };
    // Reading from memory does not fail.
    match Sha256::of(bytes.as_slice()) {
        Ok(found) if found != expected => {
            Err(format!("`{}` has the SHA-256 {found}, and the entry says {expected}", path.display()))
        }
        _ => Ok(Some(bytes)),
    }
}

fn component(bytes: &[u8]) -> Result<(), String> {
    match bytes {
        _ if bytes.starts_with(COMPONENT) => Ok(()),
        _ if bytes.starts_with(CORE_MODULE) => {
            Err("is a core WASM module and no component: `gatewright plugin build --core` packs it".to_owned())
        }
        _ => Err("is no WASM component, or is damaged".to_owned()),
    }
}

fn program(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let is_text = is_text(bytes);
    if bytes.starts_with(b"\0asm") {
        return Err("is WASM: give its file a name that ends in `.wasm`".to_owned());
    }
    if is_text && !bytes.starts_with(b"#!") {
        return Err("is a text file and no program: a script begins with `#!`".to_owned());
    }
    if let Some(interpreter) = gatewright_host_process::missing_interpreter(bytes) {
        return Err(format!("names the interpreter `{interpreter}` in its first line, which is missing"));
    }
    if !is_text {
        gatewright_host_native::built_for_this_machine(bytes).map_err(|why| format!("is no program: {why}"))?;
    }
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode());
    match mode.is_ok_and(|mode| mode & 0o111 != 0) {
        true => Ok(()),
        false => Err(format!("is not executable: `chmod +x {}`", path.display())),
    }
}

/// Whether what it begins with reads as a text.
fn is_text(bytes: &[u8]) -> bool {
    let begin = &bytes[..bytes.len().min(LOOKED_AT)];
    let text = match std::str::from_utf8(begin) {
        Ok(_) => true,
        // A character may be cut in two.
        Err(error) => error.error_len().is_none(),
    };
    text && !begin.iter().any(|byte| *byte < 0x20 && !byte.is_ascii_whitespace() && *byte != 0x1b)
}

#[cfg(test)]
mod tests;
