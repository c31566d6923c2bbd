//! From a whole response to a stream of it: for plugins that answer whole, and providers that do.

use gatewright_model::{Channel, ChannelKind, ChatResponse, Chunk, Content, FinishReason, Part, Response, Usage};

/// The chunks that say what a response says: one for each block, then the end. `None` for what is no conversation.
pub fn replay(response: &Response) -> Option<Vec<Chunk>> {
    let chat = response.chat()?;
    let mut chunks = vec![start(chat, response)];
    for choice in &chat.choices {
        for (block, number) in choice.message.blocks().iter().zip(0..) {
            let channel = |kind| Channel { choice: choice.index, block: number, kind };
            chunks.extend(block_chunk(&block.content, channel));
        }
        let reason = choice.finish.clone().unwrap_or(FinishReason::Stop);
        chunks.push(Chunk::from_parts([Part::Finish { choice: choice.index, reason }]));
    }
    let usage = chat.usage.or_else(|| response.wire().and_then(|wire| wire.usage()));
    chunks.extend(usage.map(|usage: Usage| Chunk::from_parts([Part::Usage(usage)])));
    chunks.push(Chunk::from_parts([Part::Done]));
    Some(chunks)
}

fn start(chat: &ChatResponse, response: &Response) -> Chunk {
    let model = if chat.model.is_empty() { response.model.clone() } else { chat.model.clone() };
    Chunk::from_parts([Part::Start { id: chat.id.clone(), model }])
}

fn block_chunk(content: &Content, channel: impl Fn(ChannelKind) -> Channel) -> Option<Chunk> {
    let text = |kind: ChannelKind, text: &str| {
        let channel = channel(kind);
        vec![Part::Text { channel, text: text.to_owned() }, Part::BlockEnd(channel)]
    };
    let parts = match content {
        Content::Text(said) => text(ChannelKind::Text, said),
        Content::Refusal(said) => text(ChannelKind::Refusal, said),
        Content::Reasoning { text: said, signature, .. } => {
            let mut parts = text(ChannelKind::Reasoning, said);
            if let Some(signature) = signature {
                let channel = channel(ChannelKind::Reasoning);
                parts.insert(1, Part::Signature { channel, signature: signature.clone() });
            }
            parts
        }
        Content::ToolUse { id, name, arguments } => {
            let channel = channel(ChannelKind::ToolArguments);
            vec![
                Part::ToolUse { channel, id: id.clone(), name: name.clone() },
                Part::Text { channel, text: arguments.clone() },
                Part::BlockEnd(channel),
            ]
        }
        _ => return None,
    };
    Some(Chunk::from_parts(parts))
}

#[cfg(test)]
mod tests;
