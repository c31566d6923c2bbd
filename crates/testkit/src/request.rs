//! Requests for tests.

use gatewright_model::{Block, Chat, Content, Message, Params, Request, Role};
use serde_json::Value as Json;

/// Makes a request, message by message.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    model: String,
    provider: Option<String>,
    stream: bool,
    messages: Vec<Message>,
    params: Params,
}

/// A request for this model, with no messages yet.
pub fn request(model: &str) -> RequestBuilder {
    RequestBuilder {
        model: model.to_owned(),
        provider: None,
        stream: false,
        messages: Vec::new(),
        params: Params::default(),
    }
}

// === impl RequestBuilder ===

impl RequestBuilder {
    /// Names the provider, as routing does.
    pub fn provider(mut self, provider: &str) -> Self {
        self.provider = Some(provider.to_owned());
        self
    }

    /// Asks for a stream.
    pub fn stream(mut self) -> Self {
        self.stream = true;
        self
    }

    /// Sets sampling and limits.
    pub fn params(mut self, params: Params) -> Self {
        self.params = params;
        self
    }

    /// Adds a message.
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds a message of several blocks.
    pub fn blocks(self, role: Role, blocks: impl IntoIterator<Item = Block>) -> Self {
        self.message(Message::new(role, blocks.into_iter().collect()))
    }

    /// Adds a system message.
    pub fn system(self, text: &str) -> Self {
        self.message(Message::text(Role::System, text))
    }

    /// Adds a message of the user.
    pub fn user(self, text: &str) -> Self {
        self.message(Message::text(Role::User, text))
    }

    /// Adds a message of the model.
    pub fn assistant(self, text: &str) -> Self {
        self.message(Message::text(Role::Assistant, text))
    }

    /// Adds a message in which the model asks for a tool.
    pub fn tool_use(self, id: &str, name: &str, arguments: &Json) -> Self {
        let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_string());
        self.blocks(Role::Assistant, [Content::ToolUse { id, name, arguments }.into()])
    }

    /// Adds a message in which a tool answers.
    pub fn tool_result(self, id: &str, text: &str) -> Self {
        let result = Content::ToolResult { id: id.to_owned(), content: vec![Block::text(text)], is_error: false };
        self.blocks(Role::Tool, [result.into()])
    }

    /// The request.
    pub fn build(self) -> Request {
        let chat = Chat { messages: self.messages.into(), params: self.params, ..Chat::default() };
        let mut request = Request::from_chat(self.model, self.stream, chat);
        request.provider = self.provider;
        request
    }
}

#[cfg(test)]
mod tests;
