//! Responses for tests.

use gatewright_model::{Block, Channel, ChatResponse, Choice, Extra, FinishReason, Message, Output};
use gatewright_model::{Kind, Response, Role, Usage};
use gatewright_plugin::payload::{ChannelText, OutputCheck};
use std::sync::Arc;

/// Makes a response, choice by choice.
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    provider: String,
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

/// A response of one choice that says this; provider and model are `mock`.
pub fn response(text: &str) -> ResponseBuilder {
    let (provider, model) = ("mock".to_owned(), "mock".to_owned());
    ResponseBuilder { provider, model, choices: Vec::new(), usage: None }.choice(text)
}

/// What `check_output` is given for a whole answer of this text.
pub fn output(text: &str) -> OutputCheck {
    let channel = ChannelText { channel: Channel::TEXT, text: text.to_owned(), is_final: true, released: false };
    OutputCheck { texts: vec![channel], is_final: true, response: Some(Arc::new(response(text).build())) }
}

// === impl ResponseBuilder ===

impl ResponseBuilder {
    /// Names the provider.
    pub fn provider(mut self, provider: &str) -> Self {
        self.provider = provider.to_owned();
        self
    }

    /// Names the model.
    pub fn model(mut self, model: &str) -> Self {
        self.model = model.to_owned();
        self
    }

    /// Adds a choice of one text.
    pub fn choice(self, text: &str) -> Self {
        self.blocks([Block::text(text)], FinishReason::Stop)
    }

    /// Adds a choice of several blocks.
    pub fn blocks(mut self, blocks: impl IntoIterator<Item = Block>, finish: FinishReason) -> Self {
        let index = u32::try_from(self.choices.len()).unwrap_or(u32::MAX);
        let message = Message::new(Role::Assistant, blocks.into_iter().collect());
        self.choices.push(Choice { index, message, finish: Some(finish), extra: Extra::new() });
        self
    }

    /// Sets the tokens used.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// The response.
    pub fn build(self) -> Response {
        let (model, choices, usage) = (self.model.clone(), self.choices, self.usage);
        let chat = ChatResponse { model, choices, usage, ..ChatResponse::default() };
        Response::from_output(Kind::Chat, &self.provider, &self.model, Output::Chat(chat))
    }
}
