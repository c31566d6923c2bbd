//! What the gateway keeps from one start to the next: an SQLite file in its app dir.
//!
//! One thread owns the file, so that there is one writer; workers, each with a runtime of its own, send it what is to
//! be done and wait for the answer. What was answered survives the end of the process, however it ends: it is in the
//! file's write-ahead log. A machine that loses its power may lose the last moments, and keeps the file whole
//! (`synchronous = NORMAL`).

mod database;
mod error;
mod kv;
mod store;

pub use error::StoreError;
pub use kv::SqliteKv;
pub use store::{FILE_NAME, Store};
