//! An open-addressed index from 64-bit hashes to numbers: deterministic, no per-entry allocation.
//!
//! Linear probing with backward-shift deletion, so that deletions leave no tombstones and the cost stays flat
//! however many entries have come and gone. Hashes may collide; the caller confirms each candidate.

use alloc::vec;
use alloc::vec::Vec;

const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    value: u32,
}

/// The index. Values are below `u32::MAX`.
#[derive(Clone, Debug)]
pub struct Index {
    entries: Vec<Entry>,
    mask: usize,
    len: usize,
}

impl Default for Index {
    fn default() -> Index {
        Index::with_capacity(16)
    }
}

impl Index {
    /// An index that takes `capacity` entries before it grows.
    pub fn with_capacity(capacity: usize) -> Index {
        let size = capacity.saturating_mul(2).max(16).next_power_of_two();
        Index { entries: vec![Entry { hash: 0, value: EMPTY }; size], mask: size.wrapping_sub(1), len: 0 }
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash as usize) & self.mask
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask
    }

    /// The first value under `hash` that `confirm` accepts.
    #[inline]
    pub fn find(&self, hash: u64, mut confirm: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let entry = self.entries[at];
            if entry.value == EMPTY {
                return None;
            }
            if entry.hash == hash && confirm(entry.value) {
                return Some(entry.value);
            }
            at = self.after(at);
        }
    }

    /// Adds `value` under `hash`.
    #[inline]
    pub fn insert(&mut self, hash: u64, value: u32) {
        if self.len.saturating_mul(4) >= self.entries.len().saturating_mul(3) {
            self.grow();
        }
        let mut at = self.home(hash);
        while self.entries[at].value != EMPTY {
            at = self.after(at);
        }
        self.entries[at] = Entry { hash, value };
        self.len = self.len.wrapping_add(1);
    }

    /// Takes `value` under `hash` out; false when it was not there.
    #[inline]
    pub fn remove(&mut self, hash: u64, value: u32) -> bool {
        let mut at = self.home(hash);
        loop {
            let entry = self.entries[at];
            if entry.value == EMPTY {
                return false;
            }
            if entry.hash == hash && entry.value == value {
                break;
            }
            at = self.after(at);
        }
        self.len = self.len.wrapping_sub(1);
        let mut hole = at;
        let mut next = self.after(at);
        while self.entries[next].value != EMPTY {
            let distance = next.wrapping_sub(self.home(self.entries[next].hash)) & self.mask;
            let gap = next.wrapping_sub(hole) & self.mask;
            if distance >= gap {
                self.entries[hole] = self.entries[next];
                hole = next;
            }
            next = self.after(next);
        }
        self.entries[hole].value = EMPTY;
        true
    }

    #[cold]
    fn grow(&mut self) {
        let mut bigger = Index::with_capacity(self.entries.len());
        for entry in &self.entries {
            if entry.value != EMPTY {
                bigger.insert(entry.hash, entry.value);
            }
        }
        *self = bigger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_like_a_multimap(ops in proptest::collection::vec((0_u8..3, 0_u64..40, 0_u32..50), 1..400)) {
            let mut index = Index::with_capacity(4);
            let mut model: BTreeMap<(u64, u32), usize> = BTreeMap::new();
            for (op, key, value) in ops {
                let hash = key.wrapping_mul(0x11); // few homes, many collisions
                match op {
                    0 => {
                        index.insert(hash, value);
                        *model.entry((hash, value)).or_default() += 1;
                    }
                    1 => {
                        let there = model.get_mut(&(hash, value)).filter(|n| **n > 0);
                        prop_assert_eq!(index.remove(hash, value), there.is_some());
                        if let Some(n) = there { *n -= 1; }
                    }
                    _ => {
                        let there = model.get(&(hash, value)).is_some_and(|n| *n > 0);
                        prop_assert_eq!(index.find(hash, |v| v == value), there.then_some(value));
                    }
                }
                prop_assert_eq!(index.len(), model.values().sum::<usize>());
            }
        }
    }
}
