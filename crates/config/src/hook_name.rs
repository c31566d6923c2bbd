//! Hooks by name, as the config writes them.

use gatewright_plugin::Hook;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;

/// A hook, by its name or one that another system has for it, without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HookName(Hook);

// === impl HookName ===

impl HookName {
    /// The hook.
    pub fn hook(self) -> Hook {
        self.0
    }
}

impl From<Hook> for HookName {
    fn from(hook: Hook) -> Self {
        Self(hook)
    }
}

impl Serialize for HookName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for HookName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Hook::named(&name).map(Self).ok_or_else(|| de::Error::custom(format!("there is no hook `{name}`")))
    }
}

impl JsonSchema for HookName {
    fn schema_name() -> Cow<'static, str> {
        "HookName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Hook::TABLE.iter().map(|row| row.name);
        let mut accepted: Vec<&str> = names.collect();
        for alias in Hook::TABLE.iter().flat_map(|row| row.aliases) {
            if !accepted.contains(alias) {
                accepted.push(alias);
            }
        }
        json_schema!({
            "type": "string",
            "description": "A hook, by its name or one that another system has for it.",
            "enum": accepted,
            "x-ignore-case": true,
        })
    }
}
