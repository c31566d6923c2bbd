//! What hooks that serve calls of their own are given.

use crate::Identity;
use crate::model::HttpRequest;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Of `endpoint`: a request under `/plugins/{name}/`.
#[derive(Clone, Debug)]
pub struct EndpointCall {
    /// The request; its path is the rest after the plugin's name.
    pub request: HttpRequest,
    /// Who asks, if the route demands it.
    pub identity: Option<Identity>,
}

/// Of `rpc`: a call of the plugin's own user interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RpcCall {
    /// The method.
    pub method: String,
    /// Its argument.
    pub payload: Json,
    /// Who asks.
    pub identity: Identity,
}

/// Of `asset`: a file of the plugin's own user interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AssetCall {
    /// The path, without a leading `/`.
    pub path: String,
}

/// A file of a plugin's own user interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// `text/html`, ...
    pub media_type: String,
    /// The file.
    pub bytes: Bytes,
}

/// Of `schedule`: a task whose time came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScheduledTask {
    /// The task's name.
    pub name: String,
    /// Its own settings.
    pub config: Json,
}
