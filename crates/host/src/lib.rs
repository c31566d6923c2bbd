//! What hosts share: the services that plugins call back for, and private copies of artefacts.
//!
//! Which of them a plugin may use, its manifest asks for and an operator grants; [`guarded`] answers the others with a
//! refusal that names the permission.

mod egress;
mod guard;
mod kv;
mod llm;
mod records;
mod stage;

pub use egress::{AllowedHosts, BadPattern, Egress, EgressPolicy, HostPattern, PluginEgress};
pub use guard::guarded;
pub use kv::MemoryKv;
pub use llm::{LlmCalls, MAX_LLM_DEPTH, Serving};
pub use records::LoggedRecords;
pub use stage::{MAX_ARTEFACT_BYTES, NotAHash, Sha256, Stage, StageError, Staged};
