//! What counts as an attempt.

use gatewright_plugin::Failure;
use regex::{Regex, RegexSet};

/// The patterns that are always looked for.
pub(super) const BUILT_IN: [&str; 5] = [
    r"(?i)ignore\s+(all\s+)?previous\s+instructions",
    r"(?i)disregard\s+(all\s+)?prior\s+(instructions|rules|guidelines)",
    r"(?i)you\s+are\s+now\s+(DAN|jailbroken|unrestricted|unfiltered)",
    r"(?i)pretend\s+you\s+(are|have)\s+no\s+(restrictions|rules)",
    r"(?i)bypass\s+(your\s+)?(safety|content)\s+(filters?|restrictions?)",
];

/// All patterns, searched for in one pass over a text, in time that grows with the text alone.
#[derive(Clone, Debug)]
pub(super) struct Patterns(RegexSet);

/// Which of them were found.
#[derive(Clone, Debug)]
pub(super) struct Found<'a> {
    patterns: &'a Patterns,
    /// By pattern; empty while none was found, as for most requests.
    found: Vec<bool>,
}

// === impl Patterns ===

impl Patterns {
    /// The built-in patterns and these. An error names the one that is not legal.
    pub(super) fn with(custom: &[String]) -> Result<Self, Failure> {
        for (at, pattern) in custom.iter().enumerate() {
            if let Err(error) = Regex::new(pattern) {
                return Err(Failure::new(format!(
                    "custom_patterns[{at}]: `{pattern}` is not a regular expression: {}",
                    reason(&error)
                )));
            }
        }
        let all = BUILT_IN.into_iter().chain(custom.iter().map(String::as_str));
        RegexSet::new(all)
            .map(Self)
            .map_err(|error| Failure::new(format!("custom_patterns: together they are too large: {}", reason(&error))))
    }

    pub(super) fn search(&self) -> Found<'_> {
        Found { patterns: self, found: Vec::new() }
    }
}

/// The last line of an error says what is wrong; those before draw the place.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

// === impl Found ===

impl<'a> Found<'a> {
    pub(super) fn look_in(&mut self, text: &str) {
        let set = &self.patterns.0;
        // Says no without an allocation.
        if set.is_match(text) {
            self.found.resize(set.len(), false);
            set.matches(text).iter().for_each(|at| self.found[at] = true);
        }
    }

    /// The patterns that were found, in their order.
    pub(super) fn patterns(&self) -> Vec<&'a str> {
        let all = self.patterns.0.patterns().iter();
        all.zip(&self.found).filter(|(_, found)| **found).map(|(pattern, _)| pattern.as_str()).collect()
    }
}
