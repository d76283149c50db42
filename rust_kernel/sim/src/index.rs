//! A dictionary from an id to a place in a table that keeps the id itself.
//!
//! It holds 32 bits of each id's fixed hash and the place, open addressed with linear probing; the caller says
//! whether a place carries the id meant. It cannot be iterated, so no order of its own can leak into results.

#[derive(Clone, Copy, Debug)]
struct Cell {
    /// The low half of the id's hash: the home cell, and most of the comparison.
    tag: u32,
    /// The place plus one; 0 means empty.
    place: u32,
}

const EMPTY: Cell = Cell { tag: 0, place: 0 };

/// From id to place. At most half full.
#[derive(Clone, Debug)]
pub(crate) struct IdIndex {
    cells: Vec<Cell>,
    len: usize,
}

impl IdIndex {
    pub(crate) fn new() -> IdIndex {
        IdIndex { cells: vec![EMPTY; 64], len: 0 }
    }

    #[inline]
    fn after(&self, cell: usize) -> usize {
        (cell + 1) & (self.cells.len() - 1)
    }

    #[inline]
    fn home(&self, tag: u32) -> usize {
        tag as usize & (self.cells.len() - 1)
    }

    /// The place of the id with this hash for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.cell_of(hash as u32, is_it).map(|cell| self.cells[cell].place - 1)
    }

    #[inline]
    fn cell_of(&self, tag: u32, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        let mut cell = self.home(tag);
        loop {
            let Cell { tag: found, place } = self.cells[cell];
            if place == 0 {
                return None;
            }
            if found == tag && is_it(place - 1) {
                return Some(cell);
            }
            cell = self.after(cell);
        }
    }

    /// Adds an id that is not there.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, place: u32) {
        if (self.len + 1) * 2 > self.cells.len() {
            self.grow();
        }
        self.len += 1;
        self.put(Cell { tag: hash as u32, place: place + 1 });
    }

    #[inline]
    fn put(&mut self, entry: Cell) {
        let mut cell = self.home(entry.tag);
        while self.cells[cell].place != 0 {
            cell = self.after(cell);
        }
        self.cells[cell] = entry;
    }

    #[cold]
    fn grow(&mut self) {
        let doubled = vec![EMPTY; self.cells.len() * 2];
        for entry in core::mem::replace(&mut self.cells, doubled) {
            if entry.place != 0 {
                self.put(entry);
            }
        }
    }

    /// Takes the id at this place out, and closes the gap, so that no probe ends too early.
    pub(crate) fn remove(&mut self, hash: u64, old: u32) {
        let Some(mut gap) = self.cell_of(hash as u32, |place| place == old) else { return };
        self.len -= 1;
        let mask = self.cells.len() - 1;
        let mut cell = self.after(gap);
        while self.cells[cell].place != 0 {
            let home = self.home(self.cells[cell].tag);
            // It may move back into the gap when the gap lies between its home and where it stands.
            if cell.wrapping_sub(home) & mask >= cell.wrapping_sub(gap) & mask {
                self.cells[gap] = self.cells[cell];
                gap = cell;
            }
            cell = self.after(cell);
        }
        self.cells[gap] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    #[test]
    fn it_agrees_with_an_ordered_map_under_collisions() {
        let mut random = Random::new(11);
        let (mut index, mut model) = (IdIndex::new(), BTreeMap::new());
        for place in 0..20_000_u32 {
            // Few distinct hashes: most cells are not at home, and many tags are equal.
            let hash = random.draw() % 97;
            index.insert(hash, place);
            model.insert(place, hash);
            if place % 3 != 0 {
                let victim = *model.keys().nth((random.draw() % 5) as usize % model.len()).unwrap();
                let hash = model.remove(&victim).unwrap();
                index.remove(hash, victim);
                assert_eq!(index.find(hash, |p| p == victim), None);
            }
            if place > 3_000 {
                break;
            }
        }
        for (&place, &hash) in &model {
            assert_eq!(index.find(hash, |p| p == place), Some(place));
        }
        assert_eq!(index.len, model.len());
    }
}
