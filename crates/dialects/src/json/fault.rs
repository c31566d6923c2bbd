//! What is wrong with a member, and where it is.

use crate::scan::ScanError;
use gatewright_model::DecodeError;

/// The answer of a reading.
pub(crate) type Read<T> = Result<T, Fault>;

/// What is wrong with a value. The path grows while the error passes outward, so that nobody pays for paths of
/// bodies that are right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    path: String,
    problem: String,
}

// === impl Fault ===

impl Fault {
    /// `problem` goes on from the path: "must be a string".
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { path: String::new(), problem: problem.into() }
    }

    /// The same fault, seen from the object that holds the value as `name`.
    pub(crate) fn under(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    /// The same fault, seen from the array that holds the value at `index`.
    pub(crate) fn at(self, index: usize) -> Self {
        self.under(&format!("[{index}]"))
    }
}

impl From<ScanError> for Fault {
    fn from(error: ScanError) -> Self {
        Self::new(format!("is not valid JSON: {error}"))
    }
}

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> Self {
        match &*fault.path {
            "" => Self::new(format!("the body {}", fault.problem)),
            path => Self::new(format!("`{path}` {}", fault.problem)).at(path),
        }
    }
}
