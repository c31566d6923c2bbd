//! What crosses from one dialect to another, and what has to stay behind.

use gatewright_model::{DecodeError, Dialect, Dropped, EncodeError, Extra, Message, Role};

/// What an encoder knows of the payload that it writes, and what it had to leave out so far.
#[derive(Debug)]
pub(crate) struct Carry {
    /// The dialect that the payload came in; `None` for one that was made here.
    source: Option<Dialect>,
    target: Dialect,
    /// The message that is being written, by its number in the source.
    message: Option<usize>,
    /// How many messages were met.
    met: usize,
    /// The message that is being written came in another dialect, whatever the rest did.
    strange: bool,
    /// An answer, which is better delivered without a part than not at all.
    answer: bool,
    dropped: Vec<Dropped>,
    /// How many of them are reported.
    reported: usize,
}

/// The most names that are noted of what is left out. Who sends more members than anybody knows is not told of all.
const MOST_DROPPED: usize = 100;

static NO_EXTRA: Extra = Extra::new();

// === impl Carry ===

impl Carry {
    pub(crate) fn request(source: Option<Dialect>, target: Dialect) -> Self {
        Self { source, target, message: None, met: 0, strange: false, answer: false, dropped: Vec::new(), reported: 0 }
    }

    pub(crate) fn answer(source: Option<Dialect>, target: Dialect) -> Self {
        Self { source, target, message: None, met: 0, strange: false, answer: true, dropped: Vec::new(), reported: 0 }
    }

    /// Whether what is written is of the target's dialect, so that members without a field of the model's own go with
    /// it. What was made here has such members only if its author wrote them for the target.
    pub(crate) fn own(&self) -> bool {
        !self.strange && self.source.is_none_or(|source| source == self.target)
    }

    /// Whether the payload as a whole has to be made fit for the target: it did not come in its dialect.
    pub(crate) fn translates(&self) -> bool {
        self.source != Some(self.target)
    }

    pub(crate) fn is_answer(&self) -> bool {
        self.answer
    }

    /// Goes to the next message, so that errors can call it by its number in the source.
    pub(crate) fn next_message(&mut self, message: &Message) {
        let dialects = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];
        self.strange = dialects.into_iter().any(|dialect| dialect != self.target && message.raw(dialect).is_some());
        // Anthropic's system text stands outside of the messages.
        let counted = self.source != Some(Dialect::Anthropic) || message.role() != Role::System;
        self.message = counted.then_some(self.met);
        self.met += usize::from(counted);
    }

    /// Says that no message is being written.
    pub(crate) fn leave_messages(&mut self) {
        (self.message, self.strange) = (None, false);
    }

    /// The extra members that go with what is written: all in the own dialect; else none, and they are noted, but for
    /// those that are in `silent`.
    pub(crate) fn extra<'e>(&mut self, extra: &'e Extra, silent: &[&str]) -> &'e Extra {
        if self.own() {
            return extra;
        }
        self.drop_extra(extra, silent);
        &NO_EXTRA
    }

    /// Notes what is left out without changing the meaning; the same thing once, and no more than [`MOST_DROPPED`].
    pub(crate) fn drop(&mut self, param: &str) {
        if self.dropped.len() < MOST_DROPPED && !self.dropped.iter().any(|dropped| dropped.param == param) {
            self.dropped.push(Dropped { param: param.to_owned() });
        }
    }

    /// Notes the extra members that stay behind, but for those that are in `silent` or say nothing.
    pub(crate) fn drop_extra(&mut self, extra: &Extra, silent: &[&str]) {
        for (name, value) in extra {
            if !silent.contains(&&**name) && !matches!(value.as_str(), "null" | "false" | "[]" | "{}") {
                self.drop(name);
            }
        }
    }

    /// What cannot be said, and would change the meaning if it were left out: refused in a request, dropped from an
    /// answer.
    pub(crate) fn cannot(&mut self, param: &str, reason: &str) -> Result<(), EncodeError> {
        if self.answer {
            self.drop(param);
            return Ok(());
        }
        Err(self.refuse(param, reason))
    }

    pub(crate) fn refuse(&self, param: &str, reason: &str) -> EncodeError {
        let param = match self.message {
            Some(index) => format!("messages[{index}].{param}"),
            None => param.to_owned(),
        };
        EncodeError { param, dialect: self.target, reason: reason.to_owned() }
    }

    /// Refuses a request that has a member without which the answer would not be what was asked for.
    pub(crate) fn refuse_needed(&self, extra: &Extra, needed: &[(&str, &str)]) -> Result<(), EncodeError> {
        let says = |name: &str| {
            extra.iter().any(|(key, raw)| &**key == name && !matches!(raw.as_str(), "null" | "false" | "[]" | "{}"))
        };
        match needed.iter().find(|(name, _)| says(name)) {
            Some((name, reason)) => Err(self.refuse(name, reason)),
            None => Ok(()),
        }
    }

    /// The request's body is not what its own dialect says it must be.
    pub(crate) fn unreadable(&self, error: &DecodeError) -> EncodeError {
        self.refuse(error.param().unwrap_or("body"), &error.to_string())
    }

    /// What was left out since the last time.
    pub(crate) fn take_new(&mut self) -> Vec<Dropped> {
        let new = self.dropped.split_off(self.reported);
        self.dropped.extend(new.iter().cloned());
        self.reported = self.dropped.len();
        new
    }

    pub(crate) fn finish(self) -> Vec<Dropped> {
        self.dropped
    }
}
