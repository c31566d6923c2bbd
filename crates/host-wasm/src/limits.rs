//! What an instance may take of the machine's memory.

use wasmtime::{Error, ResourceLimiter, Result};

/// The most elements of all tables of an instance.
pub(crate) const MOST_ELEMENTS: usize = 100_000;

/// The memory of an instance, over all memories that its modules have.
pub(crate) struct Limits {
    most: usize,
    used: usize,
    /// What was granted last, in case that it fails.
    last: usize,
    /// In all its tables.
    elements: usize,
}

// === impl Limits ===

impl Limits {
    /// At most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, used: 0, last: 0, elements: 0 }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let more = desired.saturating_sub(current);
        let used = self.used.saturating_add(more);
        if used > self.most {
            let (wanted, most) = (used.div_ceil(1 << 20), self.most >> 20);
            return Err(Error::msg(format!(
                "it wants {wanted} MiB, which is more memory than the {most} MiB that `memory_mb` of its entry in the \
                 config gives it"
            )));
        }
        (self.used, self.last) = (used, more);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.used -= std::mem::take(&mut self.last).min(self.used);
        Err(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.elements = self.elements.saturating_add(desired.saturating_sub(current));
        match self.elements <= MOST_ELEMENTS {
            true => Ok(true),
            false => Err(Error::msg(format!("it wants more than {MOST_ELEMENTS} elements in its tables"))),
        }
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        Err(error)
    }
}
