//! One message, of a request or of a response.

mod assistant;
mod list;
mod read;

pub(super) use assistant::write_assistant;
pub(super) use list::Messages;
pub(super) use read::read;

/// Members under which providers send reasoning; the first is written where a block does not say.
pub(super) const REASONING: [&str; 2] = ["reasoning_content", "reasoning"];

/// What the model said aloud: the sound, and its words under [`TRANSCRIPT`].
const AUDIO: &str = "audio";
const TRANSCRIPT: &str = "transcript";

/// The older single call of a function, in place of `tool_calls`.
const FUNCTION_CALL: &str = "function_call";
