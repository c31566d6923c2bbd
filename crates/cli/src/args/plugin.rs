//! The command line of `gatewright plugin`.

use clap::{Args, Subcommand, ValueEnum};
use gatewright::config::LogLevel;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Begins a plugin: a crate that compiles and passes its own test at once.
    New(NewPlugin),
    /// Builds a plugin's crate as an artefact: a WASM component, a native library or a program.
    Build(BuildPlugin),
    /// Tests an artefact with every case that applies to it; exit code 1 if any fails.
    Test(TestPlugin),
    /// Serves with one plugin, which is loaded anew whenever its file is saved.
    Run(RunPlugin),
    /// Says what an artefact is: name, version, hooks, contract, permissions, size, hash.
    Inspect(InspectPlugin),
    /// Serves a native library as a process: what a gateway starts for `isolation`, and to see a library opened first.
    #[command(hide = true)]
    Host {
        /// The library.
        library: PathBuf,
    },
}

/// What runs a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostChoice {
    /// A component, `NAME.wasm`.
    #[default]
    Wasm,
    /// A native library, `NAME.so`.
    Native,
    /// A program, `NAME`.
    Process,
}

#[derive(Debug, Args)]
pub(crate) struct NewPlugin {
    /// Its name: small letters, digits and single `-`, a letter first and no `-` last; also the folder's.
    pub(crate) name: String,

    /// What it is built for unless `plugin build` is told otherwise; the source is the same for all.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) host: HostChoice,

    /// Where a checkout of Gatewright is; the one that this program was built from unless told.
    #[arg(long, value_name = "DIR")]
    pub(crate) gatewright: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BuildPlugin {
    /// The crate's folder.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,

    /// What it is built for; what its Cargo.toml says unless told.
    #[arg(long, value_enum)]
    pub(crate) host: Option<HostChoice>,

    /// Where the artefact goes; beside Cargo.toml, under the crate's name, unless told.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// A core WASM module that is built already: it is only packed.
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    pub(crate) core: Option<PathBuf>,
}

/// What a program is started with.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StartedWith {
    /// A variable of a program's environment, of which a VALUE may be `env.NAME`; may stand more than once. It has no
    /// others.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,

    /// An argument of a program; may stand more than once, in their order.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub(crate) argument: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectPlugin {
    /// A component, a library, a program, or the address of a process. Of all but a component, code is run.
    pub(crate) artefact: String,

    #[command(flatten)]
    pub(crate) program: StartedWith,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TestPlugin {
    /// A component, a library, a program, or the address of a process.
    pub(crate) artefact: String,

    /// Its config: a JSON object, or `@FILE` for a file with it.
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) config: Option<String>,

    /// A permission that it is granted; may stand more than once. All that it asks for unless told.
    #[arg(long, value_name = "PERMISSION")]
    pub(crate) permission: Vec<String>,

    /// Grants nothing.
    #[arg(long, conflicts_with = "permission")]
    pub(crate) no_permissions: bool,

    #[command(flatten)]
    pub(crate) program: StartedWith,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Tests in this process, and writes what happens as lines of JSON.
    #[arg(long, hide = true)]
    pub(crate) events: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunPlugin {
    /// A component, a library, a program, or the address of a process. It is granted what it asks for.
    pub(crate) artefact: String,

    /// Its config: a JSON object, or `@FILE` for a file with it.
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) config: Option<String>,

    /// A host that its requests may go to, if it asks for `http`; may stand more than once.
    #[arg(long, value_name = "HOST")]
    pub(crate) http: Vec<String>,

    #[command(flatten)]
    pub(crate) program: StartedWith,

    /// Runs a native library in a process of its own.
    #[arg(long)]
    pub(crate) isolation: bool,

    /// The address to listen on; 127.0.0.1 unless told.
    #[arg(long)]
    pub(crate) host: Option<String>,

    /// The port to listen on, 0 for a free one; 8080 unless told.
    #[arg(long)]
    pub(crate) port: Option<u16>,

    /// trace, debug, info, warn or error.
    #[arg(long)]
    pub(crate) log_level: Option<LogLevel>,
}

// === impl HostChoice ===

impl HostChoice {
    /// The word on the command line and in Cargo.toml.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Native => "native",
            Self::Process => "process",
        }
    }
}
