//! What hosts share: the services that plugins call back for.
//!
//! Which of them a plugin may use, its manifest asks for and an operator grants; [`guarded`] answers the others with a
//! refusal that names the permission.

mod egress;
mod guard;
mod kv;
mod llm;
mod records;

pub use egress::Egress;
pub use guard::guarded;
pub use kv::MemoryKv;
pub use llm::{LlmCalls, MAX_LLM_DEPTH, Serving};
pub use records::LoggedRecords;
