//! What somebody names on the command line: looked at before anything of it runs.

use super::Fault;
use gatewright::config::ArtefactKind;
use gatewright_host::Sha256;
use gatewright_host_process::Address;
use object::{Architecture, Object};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// An artefact.
#[derive(Debug)]
pub(super) struct Artefact {
    /// As it was named.
    pub(super) name: String,
    pub(super) kind: ArtefactKind,
    /// What is in its file, if it is one.
    pub(super) bytes: Option<Vec<u8>>,
}

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Of a text, so much is looked at.
const LOOKED_AT: usize = 4096;

// === impl Artefact ===

impl Artefact {
    /// Looks at what is named: its ending says what it is, as in a config, and what is in it must be that.
    pub(super) fn look(name: &str) -> Result<Self, Fault> {
        let kind = ArtefactKind::of(name);
        let bytes = match kind {
            ArtefactKind::Remote => {
                name.parse::<Address>().map_err(|error| error.to_string())?;
                None
            }
            ArtefactKind::Wasm | ArtefactKind::Native | ArtefactKind::Program => Some(read(name)?),
        };
        let artefact = Self { name: name.to_owned(), kind, bytes };
        artefact.fits().map_err(|what| format!("`{name}` {what}"))?;
        Ok(artefact)
    }

    /// The word of the host that runs it.
    pub(super) fn host(&self) -> &'static str {
        match self.kind {
            ArtefactKind::Wasm => "wasm",
            ArtefactKind::Native => "native",
            ArtefactKind::Remote | ArtefactKind::Program => "process",
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(&self.name)
    }

    pub(super) fn size(&self) -> Option<usize> {
        self.bytes.as_ref().map(Vec::len)
    }

    pub(super) fn sha256(&self) -> Option<Sha256> {
        // Reading from memory does not fail.
        self.bytes.as_ref().and_then(|bytes| Sha256::of(&**bytes).ok())
    }

    /// Whether what is in it is what its ending says; of a library, the host that loads it looks closer.
    fn fits(&self) -> Result<(), Fault> {
        let Some(bytes) = &self.bytes else { return Ok(()) };
        let is_text = is_text(bytes);
        match self.kind {
            _ if bytes.is_empty() => Err("is empty".to_owned()),
            ArtefactKind::Wasm if bytes.starts_with(COMPONENT) => Ok(()),
            ArtefactKind::Wasm if bytes.starts_with(CORE_MODULE) => {
                Err("is a core WASM module and no component: `gatewright plugin build --core` packs it".to_owned())
            }
            ArtefactKind::Wasm if is_text => Err("is a text file and no WASM component".to_owned()),
            ArtefactKind::Wasm => Err("is no WASM component, or is damaged".to_owned()),
            ArtefactKind::Program => self.is_program(bytes, is_text),
            ArtefactKind::Native if is_text => Err("is a text file and no native library".to_owned()),
            ArtefactKind::Native | ArtefactKind::Remote => Ok(()),
        }
    }

    fn is_program(&self, bytes: &[u8], is_text: bool) -> Result<(), Fault> {
        if bytes.starts_with(b"\0asm") {
            return Err("is WASM: give its file a name that ends in `.wasm`".to_owned());
        }
        if is_text && !bytes.starts_with(b"#!") {
            return Err("is a text file and no program: a script begins with `#!`".to_owned());
        }
        if !is_text {
            let program = object::File::parse(bytes);
            let program = program.map_err(|error| format!("is no program, or is damaged: {error}"))?;
            let found = program.architecture();
            if here().is_some_and(|here| here != found) {
                let (found, here) = (format!("{found:?}").to_lowercase(), std::env::consts::ARCH);
                return Err(format!("was built for {found}, and this machine is {here}"));
            }
        }
        match is_executable(&self.path()) {
            true => Ok(()),
            false => Err(format!("may not be run: `chmod +x {}`", self.name)),
        }
    }
}

fn read(name: &str) -> Result<Vec<u8>, Fault> {
    let path = Path::new(name);
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => format!("there is no file `{name}`"),
        _ => format!("cannot read `{name}`: {error}"),
    };
    let metadata = fs::metadata(path).map_err(refused)?;
    if metadata.is_dir() {
        return Err(format!(
            "`{name}` is a folder: name the artefact in it; `gatewright plugin build {name}` makes one"
        ));
    }
    // A pipe would keep waiting for who writes to it.
    if !metadata.is_file() {
        return Err(format!("`{name}` is not a file"));
    }
    if metadata.len() > gatewright_host::MAX_ARTEFACT_BYTES {
        return Err(format!("`{name}` has more than {} MiB", gatewright_host::MAX_ARTEFACT_BYTES >> 20));
    }
    fs::read(path).map_err(refused)
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

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}

fn here() -> Option<Architecture> {
    match std::env::consts::ARCH {
        "x86_64" => Some(Architecture::X86_64),
        "aarch64" => Some(Architecture::Aarch64),
        "riscv64" => Some(Architecture::Riscv64),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
