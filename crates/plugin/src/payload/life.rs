//! What the hooks of a plugin's life are given.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Of `on_startup`: the instance is about to serve. An error fails the load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Startup {
    /// The instance's name in the config.
    pub name: String,
    /// The instance's `config`.
    pub config: Json,
}

/// Of `on_shutdown`: the instance's last user is gone.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Shutdown;

/// Of `health`: somebody asks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct HealthCheck;
