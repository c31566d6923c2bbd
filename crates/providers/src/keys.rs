//! Keys: which one a request goes with, and which one is next.

use http::HeaderMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The longest time for which a key is left alone that was over its limit.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// A provider's enabled keys.
#[derive(Debug)]
pub(crate) struct KeyRing {
    keys: Vec<Key>,
}

/// One key, ready to be sent.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name; never the key.
    pub(crate) name: String,
    /// The headers that each request with this key begins with, authorization included.
    pub(crate) headers: HeaderMap,
    /// Its share beside the others' weights; at least 0.
    pub(crate) weight: f64,
    /// Names and patterns of models; none stands for all.
    pub(crate) models: Vec<String>,
    /// Until when others are used before it.
    pub(crate) rests: Mutex<Option<Instant>>,
}

/// The keys of one attempt, in the order in which they are tried: each a weighted random choice among those that were
/// not used yet, and when all were, a fresh round. Those that were over their limit a moment ago come last.
#[derive(Debug)]
pub(crate) struct Rotation<'a> {
    ring: &'a KeyRing,
    model: &'a str,
    current: usize,
    /// Used in this round, before the current one.
    used: Vec<usize>,
}

// === impl KeyRing ===

impl KeyRing {
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }

    /// Begins with one of the keys that support the model. `None` if none does.
    pub(crate) fn rotation<'a>(&'a self, model: &'a str) -> Option<Rotation<'a>> {
        let mut rotation = Rotation { ring: self, model, current: 0, used: Vec::new() };
        rotation.current = rotation.pick(None, rand::random)?;
        Some(rotation)
    }
}

// === impl Key ===

impl Key {
    /// Whether it may be used for this model.
    pub(crate) fn supports(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| gatewright_model::glob::matches(pattern, model))
    }

    /// It is over its limit, for about so long.
    pub(crate) fn rest(&self, time: Duration) {
        let until = Some(Instant::now() + time.min(LONGEST_REST));
        let mut rests = self.rests.lock().unwrap_or_else(PoisonError::into_inner);
        *rests = until.max(*rests);
    }

    fn rests(&self) -> bool {
        let until = *self.rests.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}

// === impl Rotation ===

impl<'a> Rotation<'a> {
    /// The key to send now.
    pub(crate) fn key(&self) -> &'a Key {
        &self.ring.keys[self.current]
    }

    /// Goes on to a key that was not used yet. When all were, a fresh round begins, with another key than the current
    /// one if there is another. Answers whether it may be used at once: it was not used yet, and does not rest.
    pub(crate) fn rotate(&mut self) -> bool {
        self.rotate_by(rand::random)
    }

    fn rotate_by(&mut self, draw: impl Fn() -> f64) -> bool {
        let last = self.current;
        self.used.push(last);
        if let Some(next) = self.pick(None, &draw) {
            self.current = next;
            return !self.key().rests();
        }
        self.used.clear();
        self.current = self.pick(Some(last), &draw).unwrap_or(last);
        false
    }

    fn pick(&self, not: Option<usize>, draw: impl Fn() -> f64) -> Option<usize> {
        self.pick_of(not, &draw, |key| !key.rests()).or_else(|| self.pick_of(not, &draw, |_| true))
    }

    /// A weighted random choice; `draw` gives a number from 0 to below 1, and is not asked where there is no choice.
    fn pick_of(&self, not: Option<usize>, draw: impl Fn() -> f64, suits: impl Fn(&Key) -> bool) -> Option<usize> {
        let open = |index: &usize| {
            let key = &self.ring.keys[*index];
            Some(*index) != not && !self.used.contains(index) && key.supports(self.model) && suits(key)
        };
        let weight = |index: &usize| self.ring.keys[*index].weight;
        let mut candidates = (0..self.ring.keys.len()).filter(open);
        let first = candidates.next()?;
        let Some(second) = candidates.next() else { return Some(first) };
        let candidates = || [first, second].into_iter().chain((second + 1..self.ring.keys.len()).filter(open));
        let total: f64 = candidates().map(|index| weight(&index)).sum();
        if total <= 0.0 {
            let count = candidates().count();
            return candidates().nth((draw() * count as f64) as usize);
        }
        let mut left = draw() * total;
        let weighty = candidates().filter(|index| weight(index) > 0.0);
        let mut last = None;
        for index in weighty {
            last = Some(index);
            left -= weight(&index);
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests;
