//! Providers against a scripted upstream on a real socket.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod answers;
mod cancel;
mod demo;
mod headers;
mod http2;
mod pooling;
mod retries;
mod streams;
mod support;
mod timeouts;
mod tls;
mod trouble;
