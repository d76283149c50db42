//! The last values of a stream.

/// The last `length` values. Memory is taken as it fills.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    values: Vec<f64>,
    length: usize,
    next: usize,
}

impl Window {
    pub(crate) fn new(length: usize) -> Window {
        Window { values: Vec::new(), length: length.max(1), next: 0 }
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.values.len() == self.length
    }

    /// Whether the next value takes the place of the first that the memory has: once in `length` values.
    pub(crate) fn is_round(&self) -> bool {
        self.next == 0
    }

    /// Take a value; return the one that leaves for it.
    pub(crate) fn push(&mut self, value: f64) -> Option<f64> {
        let left = match self.values.get_mut(self.next) {
            Some(place) => Some(std::mem::replace(place, value)),
            None => {
                self.values.push(value);
                None
            }
        };
        self.next = if self.next + 1 == self.length { 0 } else { self.next + 1 };
        left
    }

    /// The values, in no order that means anything.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.next = 0;
    }
}
