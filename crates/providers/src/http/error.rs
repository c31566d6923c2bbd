//! What goes wrong between the gateway and a provider.

use std::error::Error;
use std::time::Duration;

/// A request that got no whole answer. Its text names no address and no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransportError {
    /// Name, TCP and TLS took too long.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// As many connections are open as may be.
    #[error("all of its {0} connections are in use")]
    Full(usize),
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke before the head of an answer.
    #[error("the connection broke before an answer: {0}")]
    Broken(String),
    /// What came was not HTTP.
    #[error("the answer is not HTTP: {0}")]
    Malformed(String),
    /// The answer ended in its middle.
    #[error("the answer broke off: {0}")]
    Cut(String),
}

// === impl TransportError ===

impl TransportError {
    /// No connection, for this cause.
    pub(crate) fn connect(cause: &(dyn Error + 'static)) -> Self {
        Self::Connect(innermost(cause))
    }

    /// No head of an answer, for this cause.
    pub(crate) fn broken(cause: &hyper::Error) -> Self {
        match cause.is_parse() {
            true => Self::Malformed(innermost(cause)),
            false => Self::Broken(innermost(cause)),
        }
    }

    /// No end of an answer, for this cause.
    pub(crate) fn cut(cause: &hyper::Error) -> Self {
        Self::Cut(innermost(cause))
    }
}

/// The cause of causes: the outer ones say only that something failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
