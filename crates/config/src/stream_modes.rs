//! `stream_mode`: how the hooks that see a stream's text stand in it.

use crate::hook_name::HookName;
use gatewright_plugin::{Hook, StreamMode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One mode for all hooks that have one, or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StreamModes {
    /// The same for all.
    All(Mode),
    /// One for each.
    PerHook(BTreeMap<HookName, Mode>),
}

/// A stream mode as the config writes it: `buffer`, `window:N`, `chunk`, `observe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub StreamMode);

/// The hooks that have a stream mode.
pub const STREAMED_HOOKS: [Hook; 3] = [Hook::PostLlm, Hook::OnStreamChunk, Hook::CheckOutput];

/// The largest window, in characters.
pub const MAX_WINDOW: u32 = 65_536;

// === impl StreamModes ===

impl StreamModes {
    /// The mode of a hook; `None` if none is set, or if the hook has no mode.
    pub fn of(&self, hook: Hook) -> Option<StreamMode> {
        match self {
            _ if !STREAMED_HOOKS.contains(&hook) => None,
            Self::All(mode) => Some(mode.0),
            Self::PerHook(modes) => modes.get(&HookName::from(hook)).map(|mode| mode.0),
        }
    }
}

impl JsonSchema for StreamModes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StreamModes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mode = json_schema!({
            "type": "string",
            "format": "stream-mode",
            "pattern": "^(buffer|chunk|observe|window:[1-9][0-9]*)$",
        });
        let mut hooks = serde_json::Map::new();
        for row in STREAMED_HOOKS.map(Hook::info) {
            let mut property = mode.clone();
            property.insert("x-aliases".to_owned(), row.aliases.into());
            hooks.insert(row.name.to_owned(), property.to_value());
        }
        json_schema!({ "anyOf": [
            mode,
            { "type": "object", "properties": hooks, "additionalProperties": false },
        ]})
    }
}

// === impl Mode ===

impl Mode {
    /// The mode of this word; otherwise what is wrong with it.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        match StreamMode::parse(word) {
            Some(StreamMode::Window(size)) if size > MAX_WINDOW => {
                Err(format!("a window has at most {MAX_WINDOW} characters"))
            }
            Some(mode) => Ok(Self(mode)),
            None if word == "window" || word.starts_with("window:") => {
                Err("a window is written `window:N`, with the number of characters to hold back, at least 1".to_owned())
            }
            None => Err(format!(
                "`{}` is not one of `buffer`, `chunk`, `observe`, `window:N`",
                crate::problem::shortened(word)
            )),
        }
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            StreamMode::Buffer => serializer.serialize_str("buffer"),
            StreamMode::Chunk => serializer.serialize_str("chunk"),
            StreamMode::Observe => serializer.serialize_str("observe"),
            StreamMode::Window(size) => serializer.collect_str(&format_args!("window:{size}")),
        }
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
