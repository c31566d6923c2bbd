//! Why the answer ended.

use gatewright_model::FinishReason;

/// Reads `stop_reason`, and the `stop_sequence` beside it.
pub(super) fn read(word: &str, sequence: Option<String>) -> FinishReason {
    match word {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence(sequence),
        "max_tokens" => FinishReason::Length,
        "tool_use" => FinishReason::ToolUse,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Other(word.to_owned()),
    }
}

/// Writes `stop_reason`. Words of other dialects become the nearest of this one: clients switch on them.
///
/// `calls`: the answer asks for a tool, and its reason is not this dialect's own. Providers of other dialects may call that a
/// plain stop, and clients of this one run no tool then.
pub(super) fn word(reason: &FinishReason, own: bool, calls: bool) -> &str {
    match reason {
        FinishReason::Stop if calls => "tool_use",
        FinishReason::Stop => "end_turn",
        FinishReason::StopSequence(_) => "stop_sequence",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolUse => "tool_use",
        FinishReason::ContentFilter => "refusal",
        FinishReason::Other(word) if own => word,
        FinishReason::Other(_) => "end_turn",
    }
}

/// The value of `stop_sequence`.
pub(super) fn sequence(reason: &FinishReason) -> Option<&str> {
    match reason {
        FinishReason::StopSequence(Some(sequence)) => Some(sequence),
        _ => None,
    }
}
