//! A set of positions in a plugin set.

/// Positions, without an allocation up to 128 plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    first: [u64; 2],
    more: Vec<u64>,
}

impl Bits {
    /// Puts a position in.
    #[inline]
    pub(crate) fn insert(&mut self, position: u16) {
        let (word, bit) = place(position);
        match self.first.get_mut(word) {
            Some(word) => *word |= bit,
            None => self.insert_more(word - 2, bit),
        }
    }

    #[cold]
    fn insert_more(&mut self, word: usize, bit: u64) {
        if word >= self.more.len() {
            self.more.resize(word + 1, 0);
        }
        self.more[word] |= bit;
    }

    /// Takes a position out.
    pub(crate) fn remove(&mut self, position: u16) {
        let (word, bit) = place(position);
        if let Some(word) = self.first.iter_mut().chain(&mut self.more).nth(word) {
            *word &= !bit;
        }
    }

    /// Whether a position is in it.
    #[inline]
    pub(crate) fn contains(&self, position: u16) -> bool {
        let (word, bit) = place(position);
        let held = self.first.get(word).or_else(|| self.more.get(word - 2));
        held.is_some_and(|held| held & bit != 0)
    }
}

fn place(position: u16) -> (usize, u64) {
    (usize::from(position / 64), 1 << (position % 64))
}

#[cfg(test)]
mod tests;
