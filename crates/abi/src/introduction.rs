//! What an artefact says of itself before it serves.

use crate::{VERSION, document};
use gatewright_plugin::{HookSet, Manifest};
use serde::{Deserialize, Serialize};

/// What an artefact says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Introduction {
    /// The version of the contract that it was built for: major and minor.
    pub contract: (u32, u32),
    /// Its manifest.
    pub manifest: Manifest,
    /// The hooks that it implements, as bits: bit N is hook number N.
    pub hooks: u64,
    /// Of these, the ones that answer at once and never wait.
    #[serde(default)]
    pub immediate: u64,
}

/// An artefact cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unintelligible {
    /// What it says is not an introduction.
    #[error("what it says of itself is {0}")]
    NotOne(#[from] document::NotADocument),
    /// It was built for another contract.
    #[error(
        "it was built for version {found} of the contract, and this gateway speaks version {ours}: {remedy}",
        ours = VERSION.0
    )]
    Contract {
        /// The version that it was built for.
        found: u32,
        /// What to do.
        remedy: &'static str,
    },
}

// === impl Introduction ===

impl Introduction {
    /// Of a plugin with this manifest and these hooks, built with this crate.
    pub fn new(manifest: Manifest, hooks: HookSet, immediate: HookSet) -> Self {
        Self { contract: VERSION, manifest, hooks: hooks.bits(), immediate: immediate.bits() }
    }

    /// As a document.
    pub fn write(&self) -> Vec<u8> {
        document::write(self)
    }

    /// From a document. One that was built for another major version is refused; hooks that this gateway does not know
    /// yet are left out.
    pub fn read(document: &[u8]) -> Result<Self, Unintelligible> {
        /// The member that never changes its place, read first.
        #[derive(Deserialize)]
        struct Version {
            contract: (u32, u32),
        }
        let Version { contract: (found, _) } = document::read(document)?;
        let remedy = match found {
            found if found == VERSION.0 => return Ok(document::read(document)?),
            found if found > VERSION.0 => "upgrade the gateway, or build the plugin with an older SDK",
            _ => "build the plugin with a newer SDK",
        };
        Err(Unintelligible::Contract { found, remedy })
    }

    /// The hooks that it implements.
    pub fn hooks(&self) -> HookSet {
        HookSet::from_bits(self.hooks)
    }

    /// Of these, the ones that answer at once.
    pub fn immediate(&self) -> HookSet {
        HookSet::from_bits(self.immediate & self.hooks)
    }
}
