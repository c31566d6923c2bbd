//! Tokens used. `input_tokens` counts neither what was read from the cache nor what was written to it; the model
//! counts both in.

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

/// Reads `usage`. In streams it may be partial: what is absent is 0.
pub(super) fn read(value: Value<'_>) -> Read<Usage> {
    let mut object = value.object()?;
    let mut count = |name: &str| -> Read<u64> { Ok(object.read_as(name, Value::u64)?.unwrap_or(0)) };
    let (fresh, output) = (count("input_tokens")?, count("output_tokens")?);
    let (written, read) = (count("cache_creation_input_tokens")?, count("cache_read_input_tokens")?);
    Ok(Usage {
        input_tokens: fresh.saturating_add(written).saturating_add(read),
        output_tokens: output,
        cache_read_tokens: read,
        cache_write_tokens: written,
        reasoning_tokens: 0,
    })
}

/// Writes the value of `usage`.
pub(super) fn write(object: &mut ObjectWriter<'_>, usage: &Usage) {
    let cached = usage.cache_read_tokens.saturating_add(usage.cache_write_tokens);
    object.display("input_tokens", usage.input_tokens.saturating_sub(cached));
    object.display("cache_creation_input_tokens", usage.cache_write_tokens);
    object.display("cache_read_input_tokens", usage.cache_read_tokens);
    object.display("output_tokens", usage.output_tokens);
}
