//! `jailbreak_detector`: blocks requests that try to talk the model out of its instructions.

mod patterns;
mod texts;

use gatewright_plugin::prelude::*;
use patterns::Patterns;
use serde::Deserialize;

/// Blocks a request if a text of any of its messages matches one of its patterns.
#[derive(Clone, Debug)]
pub struct JailbreakDetector {
    patterns: Patterns,
}

/// The `config` of [`JailbreakDetector`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JailbreakDetectorConfig {
    /// Regular expressions to look for beside the built-in ones, without look-around and back-references. Case counts
    /// unless one begins with `(?i)`.
    pub custom_patterns: Vec<String>,
}

// === impl JailbreakDetector ===

#[plugin(
    description = "Blocks requests that try to talk the model out of its instructions",
    priority = 5,
    failure_mode = FailureMode::Closed,
    messages = Access::Ro
)]
impl Plugin for JailbreakDetector {
    fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let mut found = self.patterns.search();
        texts::visit(request, &mut |text| found.look_in(text))?;
        let matched = found.patterns();
        if matched.is_empty() {
            return Ok(Verdict::Allow);
        }
        cx.metadata("matched_patterns", matched);
        Ok(Verdict::block("Potential jailbreak attempt detected"))
    }
}

impl FromConfig for JailbreakDetector {
    type Config = JailbreakDetectorConfig;

    fn from_config(config: JailbreakDetectorConfig) -> Result<Self, Failure> {
        Ok(Self { patterns: Patterns::with(&config.custom_patterns)? })
    }
}

#[cfg(test)]
mod tests;
