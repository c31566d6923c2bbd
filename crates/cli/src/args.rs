//! The command line. Every flag has an environment variable of its own; the flag wins.

mod plugin;

pub(crate) use plugin::{
    BuildPlugin, HostChoice, InspectPlugin, NewPlugin, PluginCommand, RunPlugin, StartedWith, TestPlugin,
};

use clap::{Args as ClapArgs, Parser, Subcommand};
use gatewright::config::{Config, LogLevel, LogStyle};
use std::path::PathBuf;

/// An AI gateway in which every step of a request is a hook.
#[derive(Debug, Parser)]
#[command(name = "gatewright", version, propagate_version = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves, by a config file or by the provider keys in the environment.
    Serve(Options),
    /// Says what is wrong with a config; exit code 1 if anything is.
    Validate(Options),
    /// Begins, builds, tests and looks at plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Says the version.
    Version,
}

/// What `serve` and `validate` share: both read the same config in the same way.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Options {
    /// The config file. Without it: `config.json` in the app dir, if that is there; else the environment alone.
    #[arg(long, env = "GATEWRIGHT_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The address to listen on; overrides `server.host`.
    #[arg(long, env = "GATEWRIGHT_HOST")]
    pub(crate) host: Option<String>,

    /// The port to listen on, 0 for a free one; overrides `server.port`.
    #[arg(long, env = "GATEWRIGHT_PORT")]
    pub(crate) port: Option<u16>,

    /// The folder for what the gateway keeps.
    #[arg(long, env = "GATEWRIGHT_APP_DIR", value_name = "DIR")]
    pub(crate) app_dir: Option<PathBuf>,

    /// trace, debug, info, warn or error; overrides `log_level`.
    #[arg(long, env = "GATEWRIGHT_LOG_LEVEL")]
    pub(crate) log_level: Option<LogLevel>,

    /// json or pretty; overrides `log_style`.
    #[arg(long, env = "GATEWRIGHT_LOG_STYLE")]
    pub(crate) log_style: Option<LogStyle>,

    /// Threads that serve requests, 0 for one a core; overrides `server.workers`.
    #[arg(long, env = "GATEWRIGHT_WORKERS")]
    pub(crate) workers: Option<u32>,

    /// Listen beyond loopback although clients need no key.
    #[arg(long, env = "GATEWRIGHT_ALLOW_ANONYMOUS", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) allow_anonymous: bool,
}

// === impl Options ===

impl Options {
    /// The folder for what the gateway keeps: the flag, else the user's config folder.
    pub(crate) fn app_dir(&self) -> PathBuf {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
        let user = || std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
        self.app_dir.clone().unwrap_or_else(|| user().unwrap_or_else(|| PathBuf::from(".")).join("gatewright"))
    }

    /// The config file, if there is one.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        let in_app_dir = || Some(self.app_dir().join("config.json")).filter(|file| file.is_file());
        self.config.clone().or_else(in_app_dir)
    }

    /// Puts the flags over what the config says.
    pub(crate) fn apply(&self, config: &mut Config) {
        if let Some(host) = &self.host {
            config.server.host.clone_from(host);
        }
        if let Some(port) = self.port {
            config.server.port = port;
        }
        if let Some(level) = self.log_level {
            config.log_level = level;
        }
        if let Some(style) = self.log_style {
            config.log_style = style;
        }
        if let Some(workers) = self.workers {
            config.server.workers = Some(workers).filter(|workers| *workers > 0);
        }
        if self.allow_anonymous && config.auth.keys.is_empty() {
            config.auth.allow_anonymous = true;
        }
    }
}

#[cfg(test)]
mod tests;
