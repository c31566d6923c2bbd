//! Why a gateway does not start.

use gatewright_config::ConfigErrors;
use std::path::PathBuf;

/// Why a gateway does not start, or a config is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The config is wrong, or plugins of it do not start: all that could be found.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// A provider cannot be made from its settings.
    #[error(transparent)]
    Provider(#[from] gatewright_providers::BuildError),
    /// Two plugins that are linked in have this name.
    #[error("two plugins that are linked in are called `{0}`: give yours another name, `#[plugin(name = \"...\")]`")]
    Ambiguous(String),
    /// Too many plugins.
    #[error(transparent)]
    TooMany(#[from] gatewright_pipeline::TooMany),
    /// The address is no address.
    #[error("`{0}` is no address to listen on")]
    Address(String),
    /// The address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] gatewright_server::BindError),
    /// A plugin needs the store, which cannot be opened.
    #[error(transparent)]
    Store(#[from] gatewright_store::StoreError),
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] gatewright_telemetry::LogError),
    /// It was stopped before it served.
    #[error("it was stopped before it served")]
    Stopped,
    /// It was stopped a second time, before the plugins that had started were shut down.
    #[error("plugins were cut off by a second signal")]
    PluginsCutOff,
    /// It was stopped before all requests were done.
    #[error("requests were cut off {0}")]
    CutOff(&'static str),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

// === impl Error ===

impl Error {
    /// Of a config that came from this file.
    pub(crate) fn in_file(mut self, file: Option<&PathBuf>) -> Self {
        if let Self::Config(errors) = &mut self {
            errors.file = errors.file.take().or_else(|| file.cloned());
        }
        self
    }
}
