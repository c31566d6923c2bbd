//! Whether the arguments of a tool call are complete.

/// Follows a JSON value as it grows, by its brackets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    depth: u32,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

// === impl Progress ===

impl Progress {
    pub(crate) fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.begun = true;
                    self.depth += 1;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether an object or array has begun and closed again.
    pub(crate) fn is_complete(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}
