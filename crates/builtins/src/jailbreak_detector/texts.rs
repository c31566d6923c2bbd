//! The texts of a message that the model will read.

use gatewright_plugin::model::{Block, Content, Message};
use serde_json::Value as Json;

/// Calls `visit` with every text of the message, whatever kind of block it is in: blocks that the gateway does not know
/// are read by the model all the same. Where there are several, they are visited together too, since a sentence may
/// begin in one block and end in the next.
pub(super) fn visit(message: &Message, visit: &mut dyn FnMut(&str)) {
    if let [block] = message.blocks()
        && !matches!(block.content, Content::ToolResult { .. } | Content::Other(_))
    {
        return block.texts(visit);
    }
    let (mut count, mut joined) = (0, String::new());
    let mut each = |text: &str| {
        visit(text);
        if count > 0 {
            joined.push('\n');
        }
        joined.push_str(text);
        count += 1;
    };
    message.blocks().iter().for_each(|block| visit_block(block, &mut each));
    if count > 1 {
        visit(&joined);
    }
}

fn visit_block(block: &Block, visit: &mut dyn FnMut(&str)) {
    match &block.content {
        Content::ToolResult { content, .. } => content.iter().for_each(|block| visit_block(block, visit)),
        Content::Other(raw) => visit_json(&raw.to_value(), visit),
        _ => block.texts(visit),
    }
}

fn visit_json(value: &Json, visit: &mut dyn FnMut(&str)) {
    match value {
        Json::String(text) => visit(text),
        Json::Array(items) => items.iter().for_each(|item| visit_json(item, visit)),
        Json::Object(members) => members.values().for_each(|member| visit_json(member, visit)),
        _ => {}
    }
}
