//! Tokens used. `prompt_tokens` counts cached tokens in, as the model does.

use crate::{
    json::{Read, Value, write::ObjectWriter},
    scan,
};
use gatewright_model::Usage;

/// Finds the usage in a response.
pub(super) fn scan(body: &[u8]) -> Option<Usage> {
    let text = std::str::from_utf8(body).ok()?;
    let usage = scan::members(text).map_while(Result::ok).find(|member| member.name() == "usage")?;
    read(Value::loose(usage.value)).ok()
}

/// Reads `usage`.
pub(super) fn read(value: Value<'_>) -> Read<Usage> {
    let mut object = value.object()?;
    let mut usage = Usage {
        input_tokens: object.read_as("prompt_tokens", Value::u64)?.unwrap_or(0),
        output_tokens: object.read_as("completion_tokens", Value::u64)?.unwrap_or(0),
        ..Usage::default()
    };
    if let Some(details) = object.take("prompt_tokens_details") {
        let mut details = details.object()?;
        usage.cache_read_tokens = details.read_as("cached_tokens", Value::u64)?.unwrap_or(0);
        usage.cache_write_tokens = details.read_as("cache_write_tokens", Value::u64)?.unwrap_or(0);
    } else if let Some(hits) = object.read_as("prompt_cache_hit_tokens", Value::u64)? {
        usage.cache_read_tokens = hits;
    }
    if let Some(details) = object.take("completion_tokens_details") {
        usage.reasoning_tokens = details.object()?.read_as("reasoning_tokens", Value::u64)?.unwrap_or(0);
    }
    Ok(usage)
}

/// Writes the value of `usage`.
pub(super) fn write(object: &mut ObjectWriter<'_>, usage: &Usage) {
    object.display("prompt_tokens", usage.input_tokens);
    object.display("completion_tokens", usage.output_tokens);
    object.display("total_tokens", usage.total_tokens());
    object.object("prompt_tokens_details", |details| {
        details.display("cached_tokens", usage.cache_read_tokens);
        if usage.cache_write_tokens > 0 {
            details.display("cache_write_tokens", usage.cache_write_tokens);
        }
    });
    object.object("completion_tokens_details", |details| {
        details.display("reasoning_tokens", usage.reasoning_tokens);
    });
}
