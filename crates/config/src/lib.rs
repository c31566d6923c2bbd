//! The configuration of a gateway.
//!
//! [`Config::load`] reads `config.json`: its shape is checked against the [JSON Schema](json_schema) that is made from
//! the types, references to the [`Environment`] are resolved, [known providers](Found) are detected, and everything
//! that is wrong is reported at once, with the path to it. [`validate`] checks the plugins against a [`Catalog`], and
//! a [`ConfigWatcher`] tells when the file changes. [`Prices`] says what a request costs.
//!
//! ```
//! use gatewright_config::{Config, Environment};
//!
//! let environment = Environment::from_iter([("OPENAI_API_KEY", "sk-secret")]);
//! let text = br#"{ "plugins": [{ "name": "request_logger", "timeout": 5 }] }"#;
//! let errors = Config::parse(text, &environment).unwrap_err();
//! assert_eq!(
//!     errors.report.errors[0].to_string(),
//!     "plugins[0].timeout: is not a key here; did you mean `timeout_seconds`?"
//! );
//! ```

mod artefact;
mod auth;
mod catalog;
mod check;
mod config;
mod detect;
mod document;
mod environment;
mod hook_name;
mod known;
mod parse;
mod plugin;
mod price;
mod printable;
mod problem;
mod provider;
mod resolve;
mod rules;
mod schema;
mod secret;
mod server;
mod settings;
mod stream_modes;
mod suggest;
#[cfg(test)]
mod testing;
mod unit;
mod url;
mod watch;

pub use artefact::{
    ArtefactKind, DEFAULT_MEMORY_MB, DEFAULT_PROCESS_MEMORY_MB, Grant, InstanceMode, Isolation, Permissions,
};
pub use auth::{Auth, ClientKey};
pub use catalog::{Catalog, PluginFacts, Unusable, check_exposure, validate};
pub use config::{Config, LogLevel, LogStyle};
pub use detect::Found;
pub use document::MAX_FILE_BYTES;
pub use environment::Environment;
pub use hook_name::HookName;
pub use parse::{Loaded, parse};
pub use plugin::{Placement, PluginEntry, PluginSource, PluginVersion};
pub use price::{Price, Prices};
pub use printable::printable;
pub use problem::{ConfigErrors, MAX_PROBLEMS, Problem, Report, Warning};
pub use provider::{MaxTokensField, Network, ProviderConfig, ProviderKey, ProviderKind};
pub use schema::json_schema;
pub use secret::{Secret, Secrets};
pub use server::Server;
pub use settings::Settings;
pub use stream_modes::{MAX_WINDOW, Mode, STREAMED_HOOKS, StreamModes};
pub use unit::{Millis, Seconds};
pub use watch::{Changed, ConfigWatcher, DEBOUNCE, POLL};
