//! The data plane: HTTP in, the engine behind it, HTTP out.
//!
//! A [`Server`] accepts connections and deals them out to workers, each a thread with a runtime of its own, so that a
//! request and its upstream connection stay on one core. Every LLM endpoint takes the same way (`exchange.rs`): a route
//! names a dialect and a kind, and nothing else differs.

mod admission;
mod auth;
mod body;
mod connection;
mod dealer;
mod exchange;
mod info;
mod intake;
mod latecomers;
mod open;
mod patience;
mod request_id;
mod respond;
mod route;
mod server;
mod snapshot;
mod standby;
mod stop;
mod stream;
mod streams;
mod threads;
mod transport;
mod worker;

pub use auth::{ClientKey, ClientKeys};
pub use route::endpoints;
pub use server::{BindError, Reserved, Server, ServerHandle};
pub use snapshot::{Limits, Readiness, Shared, Snapshot};
