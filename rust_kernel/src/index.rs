//! An open-addressed index from 64-bit hashes to numbers: deterministic, no per-entry allocation.
//!
//! Linear probing with backward-shift deletion, so that deletions leave no tombstones and the cost stays flat
//! however many entries have come and gone. Hashes may collide; the caller confirms each candidate.

use alloc::vec;
use alloc::vec::Vec;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of a free cell.
const FREE: u32 = u32::MAX;

/// Eight bytes, so that a cache line holds eight cells: half of the hash says where it belongs and whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    tag: u32,
    value: u32,
}

impl Cell {
    #[inline]
    fn new(hash: u64, value: u32) -> Cell {
        Cell { tag: hash as u32, value }
    }

    #[inline]
    fn is_free(self) -> bool {
        self.value == FREE
    }
}

/// The index. Values are below `u32::MAX`.
#[derive(Clone, Debug)]
pub struct Index {
    /// A power of two of them, at most three in eight taken: most probes end at their first cell, as the processor
    /// expects.
    cells: Vec<Cell>,
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
        Index::with_cells(capacity.saturating_mul(3).max(16).next_power_of_two())
    }

    fn with_cells(count: usize) -> Index {
        Index { cells: vec![Cell::new(0, FREE); count], len: 0 }
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first value under `hash` that `confirm` accepts.
    #[inline]
    pub fn find(&self, hash: u64, mut confirm: impl FnMut(u32) -> bool) -> Option<u32> {
        let cells = self.cells.as_slice();
        let mask = cells.len().wrapping_sub(1);
        let tag = hash as u32;
        let mut at = tag as usize;
        loop {
            let cell = cells[at & mask];
            if cell.is_free() {
                return None;
            }
            if cell.tag == tag && confirm(cell.value) {
                return Some(cell.value);
            }
            at = at.wrapping_add(1);
        }
    }

    /// Adds `value` under `hash`.
    #[inline]
    pub fn insert(&mut self, hash: u64, value: u32) {
        self.len = self.len.wrapping_add(1);
        if self.len.saturating_mul(8) > self.cells.len().saturating_mul(3) {
            self.grow();
        }
        self.put(Cell::new(hash, value));
    }

    #[inline]
    fn put(&mut self, cell: Cell) {
        let cells = self.cells.as_mut_slice();
        let mask = cells.len().wrapping_sub(1);
        let mut at = cell.tag as usize;
        while !cells[at & mask].is_free() {
            at = at.wrapping_add(1);
        }
        cells[at & mask] = cell;
    }

    /// Takes `value` under `hash` out; false when it was not there.
    #[inline]
    pub fn remove(&mut self, hash: u64, value: u32) -> bool {
        let cells = self.cells.as_mut_slice();
        let mask = cells.len().wrapping_sub(1);
        let wanted = Cell::new(hash, value);
        let mut hole = wanted.tag as usize;
        loop {
            let cell = cells[hole & mask];
            if cell.is_free() {
                return false;
            }
            if cell == wanted {
                break;
            }
            hole = hole.wrapping_add(1);
        }
        self.len = self.len.wrapping_sub(1);
        // Each cell after the hole moves into it, unless that is before the place where it belongs.
        let mut next = hole.wrapping_add(1);
        loop {
            let cell = cells[next & mask];
            if cell.is_free() {
                break;
            }
            let distance = next.wrapping_sub(cell.tag as usize) & mask;
            if distance >= next.wrapping_sub(hole) {
                cells[hole & mask] = cell;
                hole = next;
            }
            next = next.wrapping_add(1);
        }
        cells[hole & mask] = Cell::new(0, FREE);
        true
    }

    #[cold]
    fn grow(&mut self) {
        let bigger = Index::with_cells(self.cells.len().saturating_mul(2));
        let smaller = core::mem::replace(&mut self.cells, bigger.cells);
        for cell in smaller.into_iter().filter(|cell| !cell.is_free()) {
            self.put(cell);
        }
    }
}

/// What a stored index may hold at most: more is no index of ours.
const CELLS_MAX: usize = 1 << 28;

impl Serialize for Index {
    /// The cells that are taken, each where it lies: which of two entries of one hash is found first depends on it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let taken = self.cells.iter().enumerate().filter(|(_, cell)| !cell.is_free());
        let taken: Vec<(u32, u32, u32)> = taken.map(|(at, cell)| (at as u32, cell.tag, cell.value)).collect();
        (self.cells.len() as u64, taken).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Index, D::Error> {
        let (count, taken) = <(u64, Vec<(u32, u32, u32)>)>::deserialize(deserializer)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let roomy = taken.len().saturating_mul(8) <= count.saturating_mul(3);
        // An index without a free cell would be searched for ever; one that is mostly room is somebody's joke.
        let fair = count <= taken.len().saturating_mul(1 << 16).saturating_add(1 << 16);
        if !(16..=CELLS_MAX).contains(&count) || !count.is_power_of_two() || !roomy || !fair {
            return Err(D::Error::custom("an index of an impossible size"));
        }
        let mut index = Index::with_cells(count);
        for (at, tag, value) in taken {
            let cell = index.cells.get_mut(at as usize).filter(|cell| cell.is_free() && value != FREE);
            *cell.ok_or_else(|| D::Error::custom("an index with an impossible cell"))? = Cell { tag, value };
            index.len = index.len.wrapping_add(1);
        }
        Ok(index)
    }
}

impl Index {
    /// True where it holds exactly these entries, each where a search comes by.
    pub(crate) fn holds_exactly(&self, entries: impl Iterator<Item = (u64, u32)>) -> bool {
        let mut expected: Vec<(u32, u32)> = entries.map(|(hash, value)| (hash as u32, value)).collect();
        let taken = self.cells.iter().filter(|cell| !cell.is_free());
        let mut held: Vec<(u32, u32)> = taken.map(|cell| (cell.tag, cell.value)).collect();
        expected.sort_unstable();
        held.sort_unstable();
        expected == held && (0..self.cells.len()).all(|at| self.is_within_reach(at))
    }

    /// True where no free cell lies between the cell and the place where a search for it begins.
    fn is_within_reach(&self, at: usize) -> bool {
        let mask = self.cells.len().wrapping_sub(1);
        let cell = self.cells[at];
        let distance = at.wrapping_sub(cell.tag as usize) & mask;
        let between = (0..distance).map(|step| self.cells[at.wrapping_sub(step).wrapping_sub(1) & mask]);
        cell.is_free() || between.into_iter().all(|other| !other.is_free())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[test]
    fn a_stored_index_has_its_entries_and_no_others_and_each_where_a_search_comes_by() {
        let entries = [(3_u64, 0_u32), (3, 1), (3, 0), (15, 2), (31, 3), (200, 4)];
        let mut index = Index::default();
        for (hash, value) in entries {
            index.insert(hash, value);
        }
        assert!(index.holds_exactly(entries.into_iter()));
        assert!(index.holds_exactly(entries.into_iter().rev()), "in whatever order they came");
        assert!(!index.holds_exactly(entries.into_iter().skip(1)), "one is there more often");
        assert!(!index.holds_exactly(entries.into_iter().chain([(9, 9)])), "one is missing");
        assert!(!index.holds_exactly(entries.map(|(hash, value)| (hash, value + 1)).into_iter()), "others");
        // A cell moved on by one, past a free one: no search comes by. The entries are the same.
        let at = index.cells.iter().position(|cell| cell.value == 4).unwrap_or_default();
        let beyond = (at + 2) % index.cells.len();
        assert!(index.cells[beyond].is_free());
        index.cells.swap(at, beyond);
        assert!(!index.holds_exactly(entries.into_iter()), "out of reach");
        assert_eq!(index.find(200, |_| true), None);
    }

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
