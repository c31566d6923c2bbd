//! A set of positions in a plugin set.

use smallvec::SmallVec;

/// Positions, without an allocation up to 128 plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(SmallVec<[u64; 2]>);

impl Bits {
    /// Puts a position in.
    pub(crate) fn insert(&mut self, position: u16) {
        let (word, bit) = (usize::from(position / 64), position % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    /// Takes a position out.
    pub(crate) fn remove(&mut self, position: u16) {
        if let Some(word) = self.0.get_mut(usize::from(position / 64)) {
            *word &= !(1 << (position % 64));
        }
    }

    /// Whether a position is in it.
    pub(crate) fn contains(&self, position: u16) -> bool {
        self.0.get(usize::from(position / 64)).is_some_and(|word| word & (1 << (position % 64)) != 0)
    }
}

#[cfg(test)]
mod tests;
