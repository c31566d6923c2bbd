//! Why a choice ended.

use gatewright_model::FinishReason;

/// Reads `finish_reason`.
pub(super) fn read(word: &str) -> FinishReason {
    match word {
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolUse,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other(word.to_owned()),
    }
}

/// Writes `finish_reason`. Words of other dialects become the nearest of this one: clients switch on them.
pub(super) fn word(reason: &FinishReason, own: bool) -> &str {
    match reason {
        FinishReason::Stop | FinishReason::StopSequence(_) => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolUse => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other(word) if own => word,
        FinishReason::Other(word) if word == "model_context_window_exceeded" => "length",
        FinishReason::Other(_) => "stop",
    }
}
