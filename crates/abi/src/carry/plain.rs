//! Payloads that are small, and cross whole.

use super::http::writable;
use super::{Carry, NoEdits, Unfit};
use crate::document::{self, NotADocument};
use crate::far::{Far, read};
use crate::part::View;
use gatewright_model::{LlmError, Message};
use gatewright_plugin::Draft;
use gatewright_plugin::payload::{
    AgentCall, AgentEvent, AgentResult, AssetCall, ChannelText, HealthCheck, ObjectChange, RequestSummary, RpcCall,
    ScheduledTask, Shutdown, Startup, ToolAnswer, ToolCall, ToolError, ToolOutcome,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::sync::Arc;

macro_rules! whole {
    (edited: $($edited:ty),*; read: $($read:ty),*; bare: $($bare:ident),*) => {
        $(impl Carry for Draft<$edited> {
            type Edits = $edited;

            fn head(&self, view: &View) -> Vec<u8> {
                document::write(&*seen(&**self, view))
            }

            fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
                read::<$edited>(head, far).map(Self::from)
            }

            fn edits(&self) -> Option<$edited> {
                self.is_edited().then(|| (**self).clone())
            }

            fn apply(&mut self, edits: $edited, view: &View) -> Result<(), Unfit> {
                writable(view)?;
                self.replace(edits);
                Ok(())
            }
        })*
        $(impl Carry for Arc<$read> {
            type Edits = NoEdits;

            fn head(&self, view: &View) -> Vec<u8> {
                document::write(&*seen(&**self, view))
            }

            fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
                read::<$read>(head, far).map(Self::new)
            }

            fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
                match edits {}
            }
        })*
        $(impl Carry for $bare {
            type Edits = NoEdits;

            fn head(&self, _: &View) -> Vec<u8> {
                Vec::new()
            }

            fn arrive(_: &[u8], _: &Arc<dyn Far>) -> Result<Self, NotADocument> {
                Ok($bare)
            }

            fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
                match edits {}
            }
        })*
    };
}
whole! {
    edited: Message, AgentCall, ToolCall, AgentEvent, ObjectChange, ChannelText;
    read: LlmError, RequestSummary, AgentResult, ObjectChange, RpcCall, AssetCall, ScheduledTask;
    bare: Shutdown, HealthCheck
}

/// What may be said to those who ask for no messages.
trait Discreet: Clone {
    /// The same without what users, models and tools say; `None` where it holds nothing of it.
    fn discreet(&self) -> Option<Self> {
        None
    }
}

/// A payload as its plugin may see it.
fn seen<'a, T: Discreet>(payload: &'a T, view: &View) -> Cow<'a, T> {
    let discreet = if view.reads() { None } else { payload.discreet() };
    discreet.map_or(Cow::Borrowed(payload), Cow::Owned)
}

#[derive(Serialize, Deserialize)]
struct ToolOutcomeHead<'a> {
    call: Cow<'a, ToolCall>,
    answer: Cow<'a, ToolAnswer>,
}

#[derive(Serialize, Deserialize)]
struct ToolErrorHead<'a> {
    call: Cow<'a, ToolCall>,
    message: Cow<'a, str>,
}

// === impl Carry ===

impl Carry for ToolOutcome {
    type Edits = ToolAnswer;

    fn head(&self, view: &View) -> Vec<u8> {
        document::write(&ToolOutcomeHead { call: seen(&*self.call, view), answer: seen(&*self.answer, view) })
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let ToolOutcomeHead { call, answer } = read(head, far)?;
        Ok(Self { call: Arc::new(call.into_owned()), answer: answer.into_owned().into() })
    }

    fn edits(&self) -> Option<ToolAnswer> {
        self.answer.is_edited().then(|| (*self.answer).clone())
    }

    fn apply(&mut self, edits: ToolAnswer, view: &View) -> Result<(), Unfit> {
        writable(view)?;
        self.answer.replace(edits);
        Ok(())
    }
}

impl Carry for Startup {
    type Edits = NoEdits;

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(self)
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        read(head, far)
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}

impl Carry for ToolError {
    type Edits = NoEdits;

    fn head(&self, view: &View) -> Vec<u8> {
        document::write(&ToolErrorHead { call: seen(&*self.call, view), message: Cow::Borrowed(&self.message) })
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let ToolErrorHead { call, message } = read(head, far)?;
        Ok(Self { call: Arc::new(call.into_owned()), message: message.into_owned() })
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}

// === impl Discreet ===

impl Discreet for LlmError {}
impl Discreet for RequestSummary {}
impl Discreet for ObjectChange {}
impl Discreet for RpcCall {}
impl Discreet for AssetCall {}
impl Discreet for ScheduledTask {}

impl Discreet for ChannelText {
    fn discreet(&self) -> Option<Self> {
        Some(Self { text: String::new(), ..self.clone() })
    }
}

impl Discreet for Message {
    fn discreet(&self) -> Option<Self> {
        Some(Self::new(self.role(), Vec::new()))
    }
}

impl Discreet for AgentCall {
    fn discreet(&self) -> Option<Self> {
        Some(Self { agent: self.agent.clone(), input: Vec::new() })
    }
}

impl Discreet for AgentResult {
    fn discreet(&self) -> Option<Self> {
        Some(Self { agent: self.agent.clone(), output: Vec::new(), error: self.error.clone() })
    }
}

impl Discreet for ToolCall {
    fn discreet(&self) -> Option<Self> {
        Some(Self { id: self.id.clone(), name: self.name.clone(), arguments: Json::Null })
    }
}

impl Discreet for ToolAnswer {
    fn discreet(&self) -> Option<Self> {
        Some(Self { content: Json::Null, is_error: self.is_error })
    }
}

impl Discreet for AgentEvent {
    fn discreet(&self) -> Option<Self> {
        Some(Self { content: Json::Null, ..self.clone() })
    }
}
