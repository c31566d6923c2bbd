//! From the chunks of a stream to the whole response.

use super::shown;
use gatewright_model::{
    Block, Channel, ChannelKind, ChatResponse, Choice, Chunk, Content, Extra, FinishReason, Kind, Message, Output,
    Part, Raw, Response, Role, Usage,
};
use gatewright_plugin::payload::ChannelText;
use serde_json::json;
use std::collections::BTreeMap;

/// Collects what chunks say.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    id: String,
    model: String,
    blocks: Vec<Growing>,
    /// Where the blocks of each channel are, the one that grows last.
    places: BTreeMap<Channel, Vec<usize>>,
    finishes: Vec<(u32, FinishReason)>,
    usage: Option<Usage>,
    /// Memory of blocks and finishes.
    grown: usize,
}

/// About what a block takes beside its text, and what a finish does.
const BLOCK_BYTES: usize = 256;
const FINISH_BYTES: usize = 64;

/// The member of a message under which hooks see the sources of what it says.
const SOURCES: &str = "annotations";

#[derive(Clone, Debug)]
struct Growing {
    channel: Channel,
    text: String,
    tool: Option<(String, String)>,
    signature: Option<String>,
}

// === impl Assembler ===

impl Assembler {
    /// Takes one chunk.
    pub fn push(&mut self, chunk: &Chunk) {
        for part in chunk.parts() {
            match part {
                Part::Start { id, model } => {
                    self.id.clone_from(id);
                    self.model.clone_from(model);
                }
                Part::ToolUse { channel, id, name } => {
                    self.grown += id.len() + name.len();
                    let mut block = self.block(*channel);
                    // Some providers give every call one number.
                    if block.tool.as_ref().is_some_and(|(before, said)| before != id || said != name) {
                        block = self.begin(*channel);
                    }
                    block.tool = Some((id.clone(), name.clone()));
                }
                Part::Text { channel, text } => self.say(*channel, text),
                Part::Signature { channel, signature } => {
                    self.grown += signature.len();
                    self.block(*channel).signature.get_or_insert_default().push_str(signature);
                }
                Part::Finish { choice, reason } => {
                    self.grown += FINISH_BYTES + reason.as_str().len();
                    self.finishes.push((*choice, reason.clone()));
                }
                Part::Usage(usage) => self.usage.get_or_insert_default().merge(usage),
                _ => {}
            }
        }
    }

    /// Takes a whole choice, each block as a channel of its own.
    pub fn push_choice(&mut self, choice: &Choice) {
        for (block, number) in choice.message.blocks().iter().zip(0..) {
            let kind = match block.content {
                Content::Reasoning { .. } => ChannelKind::Reasoning,
                Content::ToolUse { .. } => ChannelKind::ToolArguments,
                Content::Refusal(_) => ChannelKind::Refusal,
                _ => ChannelKind::Text,
            };
            let channel = Channel { choice: choice.index, block: number, kind };
            block.texts(&mut |text| self.say(channel, text));
        }
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.grown + self.id.len() + self.model.len()
    }

    /// The text of a channel so far.
    pub fn text(&self, channel: Channel) -> String {
        self.places.get(&channel).into_iter().flatten().map(|at| &*self.blocks[*at].text).collect()
    }

    /// The text of each channel so far.
    pub fn texts(&self) -> Vec<ChannelText> {
        let text = |block: &Growing| ChannelText {
            channel: block.channel,
            text: block.shown(),
            is_final: true,
            released: false,
        };
        self.blocks.iter().filter(|block| !block.text.is_empty()).map(text).collect()
    }

    /// The whole.
    pub fn finish(&self, provider: &str, model: &str) -> Response {
        self.whole(provider, model, |block| block.text.clone(), |_| Extra::new())
    }

    /// The whole for those who must see all that is said: with the texts that stand beside blocks.
    pub fn seen(&self, provider: &str, model: &str) -> Response {
        self.whole(provider, model, Growing::shown, |choice| {
            let of_choice = |block: &&Growing| block.channel.choice == choice && block.channel.is_beside();
            let texts: Vec<&str> = self.blocks.iter().filter(of_choice).map(|block| &*block.text).collect();
            match texts.is_empty() {
                true => Extra::new(),
                false => vec![(SOURCES.into(), Raw::from_value(&json!(texts)))],
            }
        })
    }

    fn whole(
        &self,
        provider: &str,
        model: &str,
        text_of: fn(&Growing) -> String,
        extra_of: impl Fn(u32) -> Extra,
    ) -> Response {
        let mut choices: Vec<Choice> = Vec::new();
        for index in self.choices() {
            let of_choice = |block: &&Growing| block.channel.choice == index && !block.channel.is_beside();
            let blocks = self.blocks.iter().filter(of_choice).map(|block| block.to_block(text_of(block)));
            let finish = self.finishes.iter().find(|(choice, _)| *choice == index).map(|(_, reason)| reason.clone());
            let message = Message::new(Role::Assistant, blocks.collect()).with_extra(extra_of(index));
            choices.push(Choice { index, message, finish, extra: Extra::new() });
        }
        let model_said = if self.model.is_empty() { model } else { &self.model };
        let chat = ChatResponse {
            id: self.id.clone(),
            model: model_said.to_owned(),
            created: None,
            choices,
            usage: self.usage,
            extra: Extra::new(),
        };
        Response::from_output(Kind::Chat, provider, model, Output::Chat(chat))
    }

    fn choices(&self) -> Vec<u32> {
        let of_blocks = self.blocks.iter().map(|block| block.channel.choice);
        let mut choices: Vec<u32> = of_blocks.chain(self.finishes.iter().map(|(choice, _)| *choice)).collect();
        choices.sort_unstable();
        choices.dedup();
        choices
    }

    fn say(&mut self, channel: Channel, text: &str) {
        self.grown += text.len();
        self.block(channel).text.push_str(text);
    }

    fn block(&mut self, channel: Channel) -> &mut Growing {
        let last = self.blocks.len().checked_sub(1).filter(|at| self.blocks[*at].channel == channel);
        // Mostly it is the last one that grows.
        match last.or_else(|| self.places.get(&channel)?.last().copied()) {
            Some(at) => &mut self.blocks[at],
            None => self.begin(channel),
        }
    }

    fn begin(&mut self, channel: Channel) -> &mut Growing {
        self.grown += BLOCK_BYTES;
        self.blocks.push(Growing { channel, text: String::new(), tool: None, signature: None });
        let last = self.blocks.len() - 1;
        self.places.entry(channel).or_default().push(last);
        &mut self.blocks[last]
    }
}

// === impl Growing ===

impl Growing {
    fn shown(&self) -> String {
        shown::text(self.channel, &self.text).into_owned()
    }

    fn to_block(&self, text: String) -> Block {
        Block::from(match self.channel.kind {
            ChannelKind::Text => Content::Text(text),
            ChannelKind::Refusal => Content::Refusal(text),
            ChannelKind::Reasoning => Content::Reasoning { text, signature: self.signature.clone(), redacted: None },
            ChannelKind::ToolArguments => {
                let (id, name) = self.tool.clone().unwrap_or_default();
                Content::ToolUse { id, name, arguments: text }
            }
        })
    }
}

#[cfg(test)]
mod tests;
