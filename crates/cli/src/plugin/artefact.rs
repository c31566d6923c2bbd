//! What somebody names on the command line: looked at before anything of it runs.

use super::Fault;
use gatewright::artefact;
use gatewright::config::ArtefactKind;
use gatewright_host::Sha256;
use gatewright_host_process::Address;
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
            ArtefactKind::Wasm | ArtefactKind::Native | ArtefactKind::Program => {
                let bytes = artefact::read(Path::new(name))?;
                artefact::look(kind, Path::new(name), &bytes)?;
                Some(bytes)
            }
        };
        Ok(Self { name: name.to_owned(), kind, bytes })
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
}

#[cfg(test)]
mod tests;
