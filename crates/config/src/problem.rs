//! What is wrong with a config, and where.

use crate::printable::printable;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path as FilePath, PathBuf};

/// Something that must be put right before the config can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `plugins[1].timeout_seconds`; empty if it is the file itself.
    pub path: String,
    /// A sentence of what is wrong, without the path.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

/// Something that works, and that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where, as in [`Problem::path`].
    pub path: String,
    /// A sentence of what to look at.
    pub message: String,
}

/// Everything that a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What must be put right, at most [`MAX_PROBLEMS`].
    pub errors: Vec<Problem>,
    /// What works all the same, at most [`MAX_PROBLEMS`].
    pub warnings: Vec<Warning>,
}

/// A config that cannot be used. `Display` writes a line for each problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The file; `None` if the text came from elsewhere.
    pub file: Option<PathBuf>,
    /// All problems that could be found, and the warnings found on the way; never without an error.
    pub report: Report,
}

/// How many errors, and how many warnings, one report names.
pub const MAX_PROBLEMS: usize = 100;

/// A place in a config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(String);

/// A report in the making. A place that is already known to be wrong is not complained about a second time, nor is
/// anything inside it: the first complaint is the cause.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    report: Report,
    wrong: BTreeSet<String>,
}

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&printable(&self.message))?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; did you mean `{}`?", printable(hint)))
    }
}

// === impl Warning ===

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&printable(&self.message)),
            path => write!(f, "{path}: {}", printable(&self.message)),
        }
    }
}

// === impl Report ===

impl Report {
    /// Whether the config can be used.
    pub fn is_usable(&self) -> bool {
        self.errors.is_empty()
    }

    /// Takes in what another check found, without saying anything twice.
    pub fn absorb(&mut self, other: Self) {
        for error in other.errors {
            if !self.errors.contains(&error) {
                self.errors.push(error);
            }
        }
        for warning in other.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }
}

// === impl ConfigErrors ===

impl ConfigErrors {
    /// One problem with the file as a whole.
    pub(crate) fn of_text(message: impl Into<String>) -> Self {
        let problem = Problem { path: String::new(), message: message.into(), hint: None };
        Self { file: None, report: Report { errors: vec![problem], warnings: Vec::new() } }
    }

    pub(crate) fn in_file(mut self, file: &FilePath) -> Self {
        self.file = Some(file.to_owned());
        self
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{} cannot be used:", file.display())?,
            None => f.write_str("the config cannot be used:")?,
        }
        for error in &self.report.errors {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

// === impl Path ===

impl Path {
    /// A key of an object that is here.
    pub(crate) fn key(&self, key: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$');
        Self(match !key.is_empty() && key.len() <= 64 && key.bytes().all(plain) {
            true if self.0.is_empty() => key.to_owned(),
            true => format!("{}.{key}", self.0),
            false => format!("{}[{:?}]", self.0, shortened(key)),
        })
    }

    /// An item of a list that is here.
    pub(crate) fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl Findings ===

impl Findings {
    pub(crate) fn error(&mut self, path: &Path, message: impl Into<String>) {
        self.hinted(path, message, None);
    }

    pub(crate) fn hinted(&mut self, path: &Path, message: impl Into<String>, hint: Option<&str>) {
        if !self.is_full() && !self.is_wrong(path.as_str()) {
            self.wrong.insert(path.as_str().to_owned());
            self.aside(path, message, hint);
        }
    }

    /// An error that is no cause of others: what is there, and inside it, is still worth checking.
    pub(crate) fn aside(&mut self, path: &Path, message: impl Into<String>, hint: Option<&str>) {
        if self.is_full() {
            return;
        }
        self.report.errors.push(match self.report.errors.len() {
            MAX_PROBLEMS => Problem {
                path: String::new(),
                message: format!("there are more problems than these {MAX_PROBLEMS}"),
                hint: None,
            },
            _ => Problem { path: path.as_str().to_owned(), message: message.into(), hint: hint.map(ToOwned::to_owned) },
        });
    }

    pub(crate) fn warn(&mut self, path: &Path, message: impl Into<String>) {
        let warning = Warning { path: path.as_str().to_owned(), message: message.into() };
        let full = self.report.warnings.len() >= MAX_PROBLEMS;
        if !full && !self.is_wrong(path.as_str()) && !self.report.warnings.contains(&warning) {
            self.report.warnings.push(warning);
        }
    }

    /// Whether no further error would be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.report.errors.len() > MAX_PROBLEMS
    }

    /// Whether nothing is known to be wrong here, around or inside. A check for what is missing asks this first, since
    /// what is wrong was left out of the config that it sees.
    pub(crate) fn is_sound(&self, path: &Path) -> bool {
        let inside = |wrong: &String| {
            wrong.strip_prefix(path.as_str()).is_some_and(|rest| path.0.is_empty() || rest.starts_with(['.', '[']))
        };
        !self.is_wrong(path.as_str()) && !self.wrong.iter().any(inside)
    }

    pub(crate) fn finish(self) -> Report {
        self.report
    }

    fn is_wrong(&self, path: &str) -> bool {
        let cuts = path.match_indices(['.', '[']).map(|(at, _)| &path[..at]);
        self.wrong.contains(path) || cuts.into_iter().any(|above| !above.is_empty() && self.wrong.contains(above))
    }
}

/// A text for a message: of a long one, the beginning.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
