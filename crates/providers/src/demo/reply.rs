//! What the demo says.

use super::sample;
use gatewright_model::{Chat, Content, Message, ResponseFormat, Role, Tool, ToolChoice, Usage};
use serde_json::{Value, json};

/// Most characters of the user's that are quoted.
const LONGEST_QUOTE: usize = 2000;

/// Most choices.
const MOST_CHOICES: u64 = 8;

const ABOUT: &str = "This is the demo provider of Gatewright: no model was asked. Set OPENAI_API_KEY or \
                     ANTHROPIC_API_KEY, or name a provider in the config, to talk to one.";

/// What the demo says to a conversation.
pub(super) struct Reply {
    pub(super) said: Said,
    /// How often it says so.
    pub(super) choices: u32,
    /// Whether `max_tokens` cut it short.
    pub(super) cut: bool,
    pub(super) usage: Usage,
}

pub(super) enum Said {
    Text(String),
    /// A call of the tool of this name, with arguments in JSON.
    Call(String, String),
}

// === impl Reply ===

impl Reply {
    /// The reply to a conversation.
    pub(super) fn to(chat: &Chat) -> Self {
        let mut said = match wanted_tool(chat) {
            Some((name, schema)) => Said::Call(name.to_owned(), sample::of(schema.as_ref()).to_string()),
            None => Said::Text(text(chat)),
        };
        let mut cut = false;
        if let (Said::Text(text), Some(most)) = (&mut said, chat.params.max_tokens) {
            let end = words(text).nth(usize::try_from(most).unwrap_or(usize::MAX)).map(|(at, _)| at);
            if let Some(end) = end {
                text.truncate(end);
                text.truncate(text.trim_end().len());
                cut = true;
            }
        }
        let choices = chat.params.n.unwrap_or(1).clamp(1, MOST_CHOICES) as u32;
        let spoken = match &said {
            Said::Text(text) => count(text),
            Said::Call(_, arguments) => count(arguments),
        };
        let heard = chat.messages.iter().map(|message| {
            let mut heard = 0;
            message.texts(&mut |text| heard += count(text));
            heard
        });
        let output_tokens = spoken * u64::from(choices);
        let usage = Usage { input_tokens: heard.sum(), output_tokens, ..Usage::default() };
        Self { said, choices, cut, usage }
    }
}

/// The words of a text, each with what stands before it: where it begins, and its text.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |length| word + length);
        let found = (at, &rest[..end]);
        at += end;
        Some(found)
    })
}

fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

fn text(chat: &Chat) -> String {
    let answers = tool_answers(chat);
    let said = last_user(chat).map(Message::joined_text).unwrap_or_default();
    match &chat.params.response_format {
        Some(ResponseFormat::JsonObject) => {
            json!({ "demo": true, "you_said": quote(&said), "about": ABOUT }).to_string()
        }
        Some(ResponseFormat::JsonSchema(raw)) => {
            let value = raw.to_value();
            // OpenAI wraps the schema in an object with a name.
            sample::of(value.get("schema").or(Some(&value))).to_string()
        }
        _ if !answers.is_empty() => format!("The tool answered: {}", quote(&answers)),
        _ if said.is_empty() => ABOUT.to_owned(),
        _ => format!("You said: \"{}\"\n\n{ABOUT}", quote(&said)),
    }
}

fn quote(text: &str) -> &str {
    text.char_indices().nth(LONGEST_QUOTE).map_or(text, |(end, _)| &text[..end])
}

fn last_user(chat: &Chat) -> Option<&Message> {
    chat.messages.iter().rev().find(|message| message.role() == Role::User)
}

/// What the tools answered after the model's last turn.
fn tool_answers(chat: &Chat) -> String {
    let after = chat.messages.iter().rev().take_while(|message| message.role() != Role::Assistant);
    let results = after.filter(|message| {
        let has_result = message.blocks().iter().any(|block| matches!(block.content, Content::ToolResult { .. }));
        message.role() == Role::Tool || has_result
    });
    let mut texts: Vec<String> = results.map(Message::joined_text).collect();
    texts.reverse();
    texts.join("\n")
}

/// The tool to call, and the schema of its arguments: the one that must be used, or that the user names. None if it
/// has answered already.
fn wanted_tool(chat: &Chat) -> Option<(&str, Option<Value>)> {
    if !tool_answers(chat).is_empty() {
        return None;
    }
    let said = last_user(chat).map(Message::joined_text).unwrap_or_default().to_lowercase();
    let functions = || {
        chat.tools.iter().filter_map(|tool| match tool {
            Tool::Function { name, schema, .. } => Some((name.as_str(), schema)),
            Tool::Other(_) => None,
        })
    };
    let named = || functions().find(|(name, _)| said.contains(&name.to_lowercase()));
    let (name, schema) = match &chat.tool_choice {
        Some(ToolChoice::None) => None,
        Some(ToolChoice::Tool(wanted)) => functions().find(|(name, _)| name == wanted),
        Some(ToolChoice::Required) => named().or_else(|| functions().next()),
        _ => named(),
    }?;
    Some((name, schema.as_ref().map(gatewright_model::Raw::to_value)))
}
