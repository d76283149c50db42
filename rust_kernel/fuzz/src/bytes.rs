//! Choices read from bytes; where they end, everything is zero.

/// Bytes that are used up from the front.
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub fn new(rest: &'a [u8]) -> Bytes<'a> {
        Bytes { rest }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes on with other bytes.
    pub fn go_on(&mut self, rest: &'a [u8]) {
        self.rest = rest;
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub fn long(&mut self) -> u64 {
        let mut field = [0; 8];
        field.fill_with(|| self.byte());
        u64::from_le_bytes(field)
    }

    /// One of a few.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// One of a few, or none.
    pub fn maybe<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let chosen = usize::from(self.byte()) % (from.len() + 1);
        from.get(chosen).copied()
    }

    /// So many of the bytes that are left, or all of them.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}
