//! What an edit may put where: what the types of the answer have no room for would be lost, or fail the hook.

use super::{BODY, Refused, TEXTS, replace, walk};
use crate::tree::{Node, is_number};
use gatewright_abi::document;
use gatewright_abi::native::Status;
use gatewright_model::{
    Chat, Extra, Headers, Kind, LlmError, Message, Output, Params, Part as ChunkPart, StreamChunk, Tool, ToolChoice,
};
use gatewright_plugin::Hook;
use gatewright_plugin::payload::{AgentCall, AgentEvent, ChannelText, ObjectChange, ToolAnswer, ToolCall};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

/// How an edit is judged: as part of the smallest whole around it that has a type.
pub(super) struct Fit {
    /// How many members of the path lead to that whole.
    depth: usize,
    /// Whether something stands at a path in it once it was read as its type.
    keeps: fn(&Node, &[&str]) -> bool,
}

fn keeps<T: Serialize + DeserializeOwned>(whole: &Node, path: &[&str]) -> bool {
    // However much a client sent: it was handed over.
    let Ok(read) = document::read_with::<T>(&document::write(whole), document::checked) else { return false };
    let kept = document::read_with::<Node>(&document::write(&read), document::checked);
    kept.is_ok_and(|kept| kept.at(path.iter().copied()).is_some())
}

fn are_headers(headers: &Node, _: &[&str]) -> bool {
    document::read::<Headers>(&document::write(headers)).is_ok()
}

/// How an edit at this path is judged; `None` if the hook does not edit it.
pub(super) fn of(hook: Hook, path: &[&str]) -> Option<Fit> {
    let whole = |keeps: fn(&Node, &[&str]) -> bool| Some(Fit { depth: 0, keeps });
    match hook {
        Hook::PreLlm | Hook::BeforeModel => request(path),
        Hook::AfterModel => response(path),
        Hook::PostLlm => match path {
            ["response" | "stream_end", path @ ..] => response(path).map(Fit::below),
            ["error", ..] => Some(Fit { depth: 1, keeps: keeps::<LlmError> }),
            ["chunk", ..] => Some(Fit { depth: 1, keeps: keeps::<Vec<ChunkPart>> }),
            _ => None,
        },
        Hook::HttpRequest | Hook::PreAuth | Hook::PostAuth => match path {
            ["query", ..] => Some(Fit { depth: 1, keeps: keeps::<Vec<(String, String)>> }),
            path => http(path),
        },
        Hook::HttpResponse => match path {
            ["response", "status"] => Some(Fit { depth: 2, keeps: keeps::<u16> }),
            ["response", path @ ..] => http(path).map(Fit::below),
            _ => None,
        },
        Hook::HttpStreamChunk => Some(Fit { depth: 1, keeps: keeps::<StreamChunk> }),
        Hook::AfterTool => Some(Fit { depth: 1, keeps: keeps::<ToolAnswer> }),
        Hook::OnStreamChunk => whole(keeps::<ChannelText>),
        Hook::OnUserMessage => whole(keeps::<Message>),
        Hook::BeforeAgent => whole(keeps::<AgentCall>),
        Hook::BeforeTool => whole(keeps::<ToolCall>),
        Hook::OnEvent => whole(keeps::<AgentEvent>),
        Hook::BeforeCreate | Hook::BeforeUpdate | Hook::BeforeDelete => whole(keeps::<ObjectChange>),
        _ => None,
    }
}

fn request(path: &[&str]) -> Option<Fit> {
    let (depth, keeps): (_, fn(&Node, &[&str]) -> bool) = match path {
        // They are looked at where they are put.
        [TEXTS, ..] => (path.len(), |_, _| true),
        ["provider" | "model"] => (1, keeps::<String>),
        // One message alone, however long the conversation is.
        ["messages", _, _, ..] => (2, keeps::<Message>),
        ["messages", ..] => (0, keeps::<Chat>),
        ["tools", ..] => (1, keeps::<Vec<Tool>>),
        ["tool_choice", ..] => (1, keeps::<ToolChoice>),
        ["params", ..] => (1, keeps::<Params>),
        ["extra", ..] => (1, keeps::<Extra>),
        _ => return None,
    };
    Some(Fit { depth, keeps })
}

fn response(path: &[&str]) -> Option<Fit> {
    let keeps: fn(&Node, &[&str]) -> bool = match path {
        ["kind"] => keeps::<Kind>,
        ["provider" | "model"] => keeps::<String>,
        ["extra_fields", ..] => keeps::<Map<String, Json>>,
        ["output", ..] => keeps::<Output>,
        _ => return None,
    };
    Some(Fit { depth: 1, keeps })
}

fn http(path: &[&str]) -> Option<Fit> {
    match path {
        // Headers are sent back by their names.
        ["headers", name] if !is_number(name) => Some(Fit { depth: 1, keeps: are_headers }),
        [BODY] => Some(Fit { depth: 1, keeps: |_, _| true }),
        _ => None,
    }
}

// === impl Fit ===

impl Fit {
    fn below(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// Puts a value in place of what stands at a path, if it fits. A whole number is made another one where one is asked
    /// for.
    pub(super) fn replace(&self, root: &mut Node, path: &[&str], value: Node) -> Result<(), Refused> {
        let float = match value {
            Node::Int(value) => Some(Node::Float(value as f64)),
            _ => None,
        };
        let (way, inside) = path.split_at(self.depth);
        let before = walk(root, way).cloned();
        let mut put = |value| {
            let put = replace(root, path, value).and_then(|()| {
                let fits = walk(root, way).is_some_and(|whole| (self.keeps)(whole, inside));
                let misfit = || Refused(Status::Invalid, format!("there is no room for that at `{}`", path.join("/")));
                fits.then_some(()).ok_or_else(misfit)
            });
            if put.is_err() {
                restore(root, way, before.clone());
            }
            put
        };
        match (put(value), float) {
            (Err(_), Some(float)) => put(float),
            (done, _) => done,
        }
    }
}

/// Puts back what was there.
fn restore(root: &mut Node, way: &[&str], before: Option<Node>) {
    match (before, way) {
        (Some(before), way) => {
            if let Some(whole) = walk(root, way) {
                *whole = before;
            }
        }
        (None, [above @ .., name]) => {
            if let Some(above) = walk(root, above) {
                above.take(name);
            }
        }
        (None, []) => {}
    }
}
