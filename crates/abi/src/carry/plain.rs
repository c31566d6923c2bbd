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
use std::sync::Arc;

macro_rules! whole {
    (edited: $($edited:ty),*; read: $($read:ty),*; bare: $($bare:ident),*) => {
        $(impl Carry for Draft<$edited> {
            type Edits = $edited;

            fn head(&self, _: &View) -> Vec<u8> {
                document::write(&**self)
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

            fn head(&self, _: &View) -> Vec<u8> {
                document::write(&**self)
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
    edited: Message, AgentCall, ToolCall, AgentEvent, ObjectChange;
    read: LlmError, RequestSummary, AgentResult, ObjectChange, RpcCall, AssetCall, ScheduledTask;
    bare: Shutdown, HealthCheck
}

#[derive(Serialize, Deserialize)]
struct ToolOutcomeHead {
    call: Arc<ToolCall>,
    answer: ToolAnswer,
}

#[derive(Serialize, Deserialize)]
struct ToolErrorHead {
    call: Arc<ToolCall>,
    message: String,
}

// === impl Carry ===

impl Carry for Draft<ChannelText> {
    type Edits = ChannelText;

    fn head(&self, view: &View) -> Vec<u8> {
        match view.reads() {
            true => document::write(&**self),
            false => document::write(&ChannelText { text: String::new(), ..(**self).clone() }),
        }
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        read::<ChannelText>(head, far).map(Self::from)
    }

    fn edits(&self) -> Option<ChannelText> {
        self.is_edited().then(|| (**self).clone())
    }

    fn apply(&mut self, edits: ChannelText, view: &View) -> Result<(), Unfit> {
        writable(view)?;
        self.replace(edits);
        Ok(())
    }
}

impl Carry for ToolOutcome {
    type Edits = ToolAnswer;

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(&ToolOutcomeHead { call: self.call.clone(), answer: (*self.answer).clone() })
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let ToolOutcomeHead { call, answer } = read(head, far)?;
        Ok(Self { call, answer: answer.into() })
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

    fn head(&self, _: &View) -> Vec<u8> {
        document::write(&ToolErrorHead { call: self.call.clone(), message: self.message.clone() })
    }

    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument> {
        let ToolErrorHead { call, message } = read(head, far)?;
        Ok(Self { call, message })
    }

    fn apply(&mut self, edits: NoEdits, _: &View) -> Result<(), Unfit> {
        match edits {}
    }
}
