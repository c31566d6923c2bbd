//! How much the model is to think first: `thinking` and `output_config.effort`.

use crate::{
    carry::Carry,
    json::{Object, Read, Value, write},
};
use bytes::BytesMut;
use gatewright_model::{Chat, Content, Params, Reasoning, Role, ToolChoice};

/// Takes `thinking` out of a request. `effort`: the word of `output_config`, which counts for thinking that adapts;
/// it is `None` again if it does. A type that is not known stays among the extra members.
pub(super) fn read(object: &mut Object<'_>, effort: &mut Option<String>) -> Read<Option<Reasoning>> {
    object.refuse_mistaken("thinking")?;
    let Some(value) = object.peek("thinking") else {
        return Ok(effort.take().map(Reasoning::Effort));
    };
    let fault = |fault: crate::json::Fault| fault.under("thinking");
    let mut thinking = value.object().map_err(fault)?;
    let reasoning = match &*thinking.kind() {
        "enabled" => Reasoning::Budget(thinking.need("budget_tokens", Value::u64).map_err(fault)?),
        "disabled" => Reasoning::Off,
        // Without a word it thinks as much as at `high`.
        "adaptive" => Reasoning::Effort(effort.take().unwrap_or_else(|| "high".to_owned())),
        _ => return Ok(None),
    };
    object.remove("thinking")?;
    Ok(Some(reasoning))
}

/// Writes `thinking`.
pub(super) fn write(out: &mut BytesMut, reasoning: &Reasoning) {
    write::object(out, |object| match budget(reasoning) {
        Some(tokens) => {
            object.string("type", "enabled");
            object.display("budget_tokens", tokens);
        }
        None => object.string("type", "disabled"),
    });
}

/// The tokens to think with: 1024 for `minimal` and `low`, 8192 for `medium`, 24576 for `high`, 32768 for more.
fn budget(reasoning: &Reasoning) -> Option<u64> {
    match reasoning {
        Reasoning::Off => None,
        Reasoning::Budget(tokens) => Some(*tokens),
        Reasoning::Effort(word) => Some(match &**word {
            "minimal" | "low" => 1024,
            "high" => 24576,
            "xhigh" | "max" => 32768,
            _ => 8192,
        }),
    }
}

/// Makes limits and sampling agree with the thinking that is asked for, as the provider demands: the limit of tokens
/// is raised by the budget if it is not above it, and what must not be set beside thinking is left out and reported.
///
/// Thinking itself is left out and reported (`reasoning_effort`) where the provider would refuse the request: a tool
/// is forced, or the turn of a tool call goes on without the signed thinking that came before it, which clients of
/// other dialects cannot send back.
pub(super) fn settle(chat: &Chat, params: &mut Params, carry: &mut Carry) {
    let forced = matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
    if params.reasoning.as_ref().and_then(budget).is_some() && (forced || goes_on_unsigned(chat)) {
        params.reasoning = None;
        carry.drop("reasoning_effort");
    }
    if let Some(budget) = params.reasoning.as_ref().and_then(budget) {
        params.max_tokens =
            params.max_tokens.map(|limit| if limit <= budget { limit.saturating_add(budget) } else { limit });
        if params.temperature.take().is_some_and(|temperature| temperature != 1.0) {
            carry.drop("temperature");
        }
        if params.top_p.take().is_some() {
            carry.drop("top_p");
        }
        if params.top_k.take().is_some() {
            carry.drop("top_k");
        }
    }
}

/// Whether the last turn of the model's asked for tools, and has no thinking that the provider signed.
fn goes_on_unsigned(chat: &Chat) -> bool {
    let turn = chat.messages.iter().rev().find(|message| message.role() == Role::Assistant);
    let last = chat.messages.iter().next_back().map(gatewright_model::Message::role);
    let answered = chat.messages.iter().next_back().is_some_and(|message| {
        message.blocks().iter().any(|block| matches!(block.content, Content::ToolResult { .. }))
    });
    turn.is_some_and(|turn| {
        let has = |test: fn(&Content) -> bool| turn.blocks().iter().any(|block| test(&block.content));
        (answered || last == Some(Role::Tool))
            && has(|content| matches!(content, Content::ToolUse { .. }))
            && !has(|content| {
                matches!(
                    content,
                    Content::Reasoning { signature: Some(_), .. } | Content::Reasoning { redacted: Some(_), .. }
                )
            })
    })
}
