//! The process host: plugins that are processes of their own, spoken with over gRPC (`proto/`).
//!
//! [`Processes`] owns a thread on which, for each plugin, a supervisor lives, which starts the process, waits for its end,
//! and starts it anew. A hook's call runs where its request runs: it puts a frame into a session over a connection of its
//! own runtime, and answers what the plugin asks meanwhile, until the answer is there; dropping it cancels it over there.
//! While a process is away, calls fail at once.
//!
//! Nothing that a process does can hold others up: what waits for it is bounded, what it says is bounded, and one that
//! does not heed, does not answer, or breaks the protocol is killed with its whole group and started again.

mod accept;
mod address;
mod call;
mod callbacks;
mod child;
mod connect;
mod desk;
mod error;
mod flights;
mod frames;
mod given;
mod lines;
mod link;
mod links;
#[cfg(test)]
mod nothing;
mod options;
mod prefetch;
mod process;
mod processes;
mod results;
mod session;
mod single;
mod spawn;
mod supervisor;
mod told;
mod wire;

pub use address::{Address, BadAddress};
pub use error::LoadError;
pub use gatewright_proto::COOKIE as COOKIE_VARIABLE;
pub use options::{Options, Patience};
pub use process::{Process, Status};
pub use processes::Processes;
pub use spawn::missing_interpreter;
