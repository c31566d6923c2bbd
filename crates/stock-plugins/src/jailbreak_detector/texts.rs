//! The texts of a message that the model will read.

use gatewright_plugin::model::{Content, Message};

/// Calls `visit` with every text of the message, whatever kind of block it is in. Where there are several, they are visited together too, since a sentence may
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
    message.texts(&mut each);
    if count > 1 {
        visit(&joined);
    }
}
