//! What a script can do to a payload.

use super::saw::Saw;
use gatewright_plugin::model::{Chunk, HttpRequest, LlmError, Message, Messages, Raw, Request, Response};
use gatewright_plugin::payload::{
    AgentCall, AgentEvent, ChannelText, HttpExchange, LlmResult, ObjectChange, StreamExchange, ToolCall, ToolOutcome,
};
use gatewright_plugin::{Draft, Failure};
use serde_json::Value as Json;

/// A payload in the hands of a script.
pub(super) trait Subject: Saw + Send {
    /// Replaces texts: `edit` answers `Some` where one is to change.
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure>;

    /// Whether it has left already, so that it cannot be edited any more.
    fn has_left(&self) -> bool {
        false
    }

    /// Leaves behind what the hook does not allow.
    fn spoil(&mut self) -> Result<(), Failure> {
        Err(Failure::new("this hook has nothing to spoil"))
    }

    /// Sends an attempt elsewhere.
    fn target(&mut self, _provider: &str, _model: &str) -> Result<(), Failure> {
        Err(Failure::new("this hook has no target"))
    }

    /// Makes it a response.
    fn recover(&mut self, _text: &str) -> Result<(), Failure> {
        Err(Failure::new("this hook has nothing to recover"))
    }

    /// Makes it an error.
    fn invalidate(&mut self, _error: LlmError) -> Result<(), Failure> {
        Err(Failure::new("this hook has nothing to invalidate"))
    }
}

/// A payload that a hook only reads.
pub(super) struct Read<'a, P>(pub(super) &'a P);

/// All texts of a payload, joined by line breaks.
pub(super) fn text_of(subject: &dyn Subject) -> String {
    fn collect(json: &Json, into: &mut Vec<String>) {
        match json {
            Json::String(text) => into.push(text.clone()),
            Json::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Json::Object(members) => members.values().for_each(|member| collect(member, into)),
            _ => {}
        }
    }
    let mut texts = Vec::new();
    collect(&subject.saw(), &mut texts);
    texts.join("\n")
}

fn map_json(json: &mut Json, edit: &mut dyn FnMut(&str) -> Option<String>) {
    match json {
        Json::String(text) => {
            if let Some(new) = edit(text) {
                *text = new;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| map_json(item, edit)),
        Json::Object(members) => members.values_mut().for_each(|member| map_json(member, edit)),
        _ => {}
    }
}

fn map_message(message: &mut Message, edit: &mut dyn FnMut(&str) -> Option<String>) {
    for block in message.blocks_mut() {
        block.map_texts(edit);
    }
}

// === impl Read ===

impl<P: Saw> Saw for Read<'_, P> {
    fn saw(&self) -> Json {
        self.0.saw()
    }

    fn phase(&self) -> &'static str {
        self.0.phase()
    }
}

impl<P: Saw + Sync> Subject for Read<'_, P> {
    fn map(&mut self, _: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        Err(Failure::new("this hook edits nothing"))
    }
}

// === impl Subject ===

impl Subject for Draft<HttpRequest> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        let body = edit(&String::from_utf8_lossy(&self.body));
        if let Some(body) = body {
            self.edit().body = body.into();
        }
        Ok(())
    }
}

impl Subject for HttpExchange {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        let body = edit(&String::from_utf8_lossy(&self.response.body));
        if let Some(body) = body {
            self.response.edit().body = body.into();
        }
        Ok(())
    }

    fn spoil(&mut self) -> Result<(), Failure> {
        self.response.edit().status = 99;
        Ok(())
    }
}

impl Subject for StreamExchange {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        let mut data = self.chunk.body.data().to_value();
        map_json(&mut data, edit);
        *self.chunk.edit().body.data_mut() = Raw::from_value(&data);
        Ok(())
    }

    fn spoil(&mut self) -> Result<(), Failure> {
        *self.chunk.edit().body.data_mut() = Raw::new("{}\n\ndata: {}".into()).unwrap_or_default();
        Ok(())
    }
}

impl Subject for Draft<Request> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        self.map_texts(|_, text| edit(text))?;
        Ok(())
    }

    fn spoil(&mut self) -> Result<(), Failure> {
        self.edit().chat_mut()?.messages = Messages::default();
        Ok(())
    }

    fn target(&mut self, provider: &str, model: &str) -> Result<(), Failure> {
        let request = self.edit();
        request.provider = Some(provider.to_owned());
        model.clone_into(&mut request.model);
        Ok(())
    }
}

impl Subject for Draft<LlmResult> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        let mut copy = (**self).clone();
        if copy.map_texts(edit) {
            self.replace(copy);
        }
        Ok(())
    }

    fn spoil(&mut self) -> Result<(), Failure> {
        // An end may not become a chunk, nor a chunk an end.
        let other = match self.is_final() {
            true => LlmResult::Chunk(Chunk::from_parts([])),
            false => LlmResult::Response(Response::of_text("spoiled", "spoiled", "spoiled")),
        };
        self.replace(other);
        Ok(())
    }

    fn recover(&mut self, text: &str) -> Result<(), Failure> {
        self.replace(LlmResult::Response(Response::of_text("recovery", "recovery", text)));
        Ok(())
    }

    fn invalidate(&mut self, error: LlmError) -> Result<(), Failure> {
        self.replace(LlmResult::Error(error));
        Ok(())
    }
}

impl Subject for Draft<ChannelText> {
    fn has_left(&self) -> bool {
        self.released
    }

    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        if let Some(text) = edit(&self.text) {
            self.edit().text = text;
        }
        Ok(())
    }
}

impl Subject for Draft<Message> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        map_message(self.edit(), edit);
        Ok(())
    }

    fn spoil(&mut self) -> Result<(), Failure> {
        self.edit().blocks_mut().clear();
        Ok(())
    }
}

impl Subject for Draft<AgentCall> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        self.edit().input.iter_mut().for_each(|message| map_message(message, edit));
        Ok(())
    }
}

impl Subject for Draft<Response> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        self.edit().map_texts(edit);
        Ok(())
    }
}

impl Subject for Draft<ToolCall> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        map_json(&mut self.edit().arguments, edit);
        Ok(())
    }
}

impl Subject for ToolOutcome {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        map_json(&mut self.answer.edit().content, edit);
        Ok(())
    }
}

impl Subject for Draft<AgentEvent> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        map_json(&mut self.edit().content, edit);
        Ok(())
    }
}

impl Subject for Draft<ObjectChange> {
    fn map(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Result<(), Failure> {
        map_json(&mut self.edit().object, edit);
        Ok(())
    }
}
