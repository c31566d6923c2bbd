//! Parts of a call: what is fetched when somebody looks.

use gatewright_plugin::{Access, Manifest};
use std::collections::BTreeSet;

/// A part of a call. Numbers are the wire format of every host: append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Part {
    /// The host's facts of the request.
    Facts = 0,
    /// The request's state, as pairs of key and value.
    State = 1,
    /// The plugin's scratchpad for this request; an empty document if there is none.
    Scratch = 2,
    /// The conversation of an LLM request.
    Chat = 3,
    /// The output of an LLM response.
    Output = 4,
    /// The body of the client's HTTP request: bytes, no document.
    RequestBody = 5,
    /// The body of the HTTP response: bytes, no document.
    ResponseBody = 6,
    /// The texts of the conversation of an LLM request: what is needed to read and to replace them.
    Texts = 7,
}

/// Why a part is not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotGiven {
    /// There is none in this call.
    #[error("this hook has no part `{}`", .0.name())]
    Nothing(Part),
    /// The manifest does not ask for it.
    #[error("its manifest asks for no messages: `messages = \"ro\"` or `\"rw\"` is needed")]
    NotAskedFor,
    /// What the client or provider sent cannot be read as one.
    #[error("{0}")]
    Unreadable(String),
}

/// What a plugin may see of a call, as its manifest asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    headers: BTreeSet<String>,
    messages: Access,
}

/// Headers that `*` does not stand for.
const CREDENTIALS: [&str; 7] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-goog-api-key", "api-key"];

// === impl Part ===

impl Part {
    /// Every part, by number.
    pub const ALL: [Self; 8] = [
        Self::Facts,
        Self::State,
        Self::Scratch,
        Self::Chat,
        Self::Output,
        Self::RequestBody,
        Self::ResponseBody,
        Self::Texts,
    ];

    /// The part of this number.
    pub fn numbered(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// Its name in the docs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::State => "state",
            Self::Scratch => "scratch",
            Self::Chat => "chat",
            Self::Output => "output",
            Self::RequestBody => "request_body",
            Self::ResponseBody => "response_body",
            Self::Texts => "texts",
        }
    }
}

// === impl View ===

impl View {
    /// All there is: for those who are trusted like the gateway itself.
    pub fn all() -> Self {
        let headers = CREDENTIALS.iter().map(|name| (*name).to_owned()).chain(["*".to_owned()]).collect();
        Self { headers, messages: Access::Rw }
    }

    /// What a manifest asks for.
    pub fn of(manifest: &Manifest) -> Self {
        Self { headers: manifest.headers.clone(), messages: manifest.messages }
    }

    /// Whether a header of this name, in lower case, is seen.
    pub fn header(&self, name: &str) -> bool {
        self.headers.contains(name) || (self.headers.contains("*") && !CREDENTIALS.contains(&name))
    }

    /// Whether edits of a header of this name, in lower case, are taken. Who does not see a credential may not put another
    /// in its place.
    pub fn changes(&self, name: &str) -> bool {
        !CREDENTIALS.contains(&name) || self.headers.contains(name)
    }

    /// Whether texts and bodies are seen.
    pub fn reads(&self) -> bool {
        self.messages != Access::None
    }

    /// Whether edits of them are taken.
    pub fn writes(&self) -> bool {
        self.messages == Access::Rw
    }
}

#[cfg(test)]
mod tests;
