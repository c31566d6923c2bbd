//! What object hooks are given.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A change of a managed object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectChange {
    /// The type: `provider`, `plugin`, `key`, ...
    pub object_type: String,
    /// The object's id; empty before it is created.
    pub id: String,
    /// The object; when deleted, as it was.
    pub object: Json,
    /// As it was before an update.
    pub previous: Option<Json>,
    /// Who does it.
    pub actor: Actor,
}

/// Who makes a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user; empty for the system itself.
    pub user_id: String,
    /// Where from: `api`, `config`, `plugin:NAME`.
    pub source: String,
}
