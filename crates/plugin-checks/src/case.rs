//! A case: one rule, and how it went.

use gatewright_plugin::Hook;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum About {
    /// What it says of itself.
    Manifest,
    /// Its start, health and end.
    Life,
    /// What it makes of a config that is wrong.
    Config,
    /// What it does with what was not granted.
    Permissions,
    /// A hook that it implements.
    Hook(Hook),
    /// All its hooks, in one request.
    Request,
    /// What it keeps.
    Memory,
}

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The rule holds.
    Holds,
    /// It holds, and its author should know this.
    Advice(String),
    /// It does not hold.
    Fails(String),
    /// It was not tried.
    NotRun(String),
}

/// One case, and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// What it is about.
    pub about: About,
    /// Its name, unique for what it is about.
    pub name: String,
    /// The rule, in one sentence.
    pub rule: String,
    /// How it went.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
}

// === impl About ===

impl About {
    /// Its word; of a hook, the hook's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Life => "life",
            Self::Config => "config",
            Self::Permissions => "permissions",
            Self::Hook(hook) => hook.name(),
            Self::Request => "request",
            Self::Memory => "memory",
        }
    }
}

impl From<About> for &'static str {
    fn from(about: About) -> Self {
        about.as_str()
    }
}

impl TryFrom<String> for About {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let others = [Self::Manifest, Self::Life, Self::Config, Self::Permissions, Self::Request, Self::Memory];
        let other = others.into_iter().find(|about| about.as_str() == word);
        other.or_else(|| Hook::named(&word).map(Self::Hook)).ok_or_else(|| format!("no case is about `{word}`"))
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

// === impl Outcome ===

impl Outcome {
    /// Whether it is a failure, or was not tried because of one.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Fails(_) | Self::NotRun(_))
    }

    /// What there is to say of it.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Holds => None,
            Self::Advice(message) | Self::Fails(message) | Self::NotRun(message) => Some(message),
        }
    }
}

// === impl CaseReport ===

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.about, self.name)
    }
}
