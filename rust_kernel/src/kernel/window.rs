//! A bounded memory of the last things seen, by id: the oldest makes room for the newest.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::index::Index;
use crate::soundness::{Sound, hold};

/// Something that an id names.
pub trait Named {
    /// Its id.
    fn id(&self) -> &Id;
}

impl Named for Id {
    #[inline]
    fn id(&self) -> &Id {
        self
    }
}

/// The memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Window<T> {
    items: Vec<T>,
    /// Their ids' hashes, so that forgetting the oldest does not hash again.
    hashes: Vec<u64>,
    index: Index,
    next: usize,
    capacity: usize,
}

impl<T: Named + Default> Window<T> {
    /// A memory of `capacity` things.
    pub fn new(capacity: usize) -> Window<T> {
        Window {
            items: Vec::new(),
            hashes: Vec::new(),
            index: Index::default(),
            next: 0,
            capacity: capacity_of(capacity),
        }
    }

    /// The place of the thing with that id, whose hash is `hash`.
    #[inline]
    pub fn find(&self, id: &Id, hash: u64) -> Option<u32> {
        self.index.find(hash, |at| self.items[at as usize].id() == id)
    }

    /// The thing at a place that [`Window::find`] gave.
    #[inline]
    pub fn at(&self, at: u32) -> &T {
        &self.items[at as usize]
    }

    /// Remembers one more, in the oldest one's place: the caller writes it there. `hash` is its id's.
    #[inline]
    pub fn remember(&mut self, hash: u64) -> &mut T {
        let at = self.next;
        self.next = if at.wrapping_add(1) >= self.capacity { 0 } else { at.wrapping_add(1) };
        match self.hashes.get_mut(at) {
            Some(known) => {
                self.index.remove(core::mem::replace(known, hash), at as u32);
            }
            None => {
                self.hashes.push(hash);
                self.items.push(T::default());
            }
        }
        self.index.insert(hash, at as u32);
        &mut self.items[at]
    }
}

impl<T> Window<T> {
    /// What it remembers, and where it goes on: the rest follows from that.
    pub(crate) fn trading_state(&self) -> (&[T], usize) {
        (&self.items, self.next)
    }

    /// Whether a stored memory is one that this code could have made, with room for so many.
    pub(crate) fn check_sound(&self, field: &str, wanted: usize) -> Sound
    where
        T: Named,
    {
        let (count, hashes) = (self.items.len(), self.hashes.len());
        hold(
            self.capacity == capacity_of(wanted),
            format_args!("{field}.capacity"),
            self.capacity,
            "it is not what the settings say",
        )?;
        hold(
            count <= self.capacity,
            format_args!("{field}.items"),
            count,
            "there are more than it has room for",
        )?;
        hold(hashes == count, format_args!("{field}.hashes"), hashes, "each thing has one")?;
        let next = if count < self.capacity { self.next == count } else { self.next < count };
        hold(
            next,
            format_args!("{field}.next"),
            self.next,
            "it is not where the oldest is, or the first free place",
        )?;
        for ((at, item), hash) in self.items.iter().enumerate().zip(&self.hashes) {
            hold(
                item.id().hash64() == *hash,
                format_args!("{field}.hashes[{at}]"),
                hash,
                "it is not its id's",
            )?;
        }
        let entries = self.hashes.iter().copied().zip(0_u32..);
        hold(
            self.index.holds_exactly(entries),
            format_args!("{field}.index"),
            self.index.len(),
            "its entries are not what is remembered",
        )
    }
}

/// Room for one at least, and for what an index can count at most.
fn capacity_of(wanted: usize) -> usize {
    wanted.clamp(1, 1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    /// Room for three, and so many remembered.
    fn window(count: usize) -> Window<Id> {
        let mut window = Window::new(3);
        for number in 0..count {
            let id = Id::new(&format!("id-{number}")).unwrap();
            let hash = id.hash64();
            *window.remember(hash) = id;
        }
        window
    }

    fn flaw(window: &Window<Id>) -> Option<String> {
        window.check_sound("memory", 3).err().map(|flaw| flaw.field)
    }

    #[test]
    #[rustfmt::skip]
    fn a_stored_memory_is_one_that_remembering_makes() {
        for count in 0..9 {
            assert_eq!(flaw(&window(count)), None, "{count} remembered");
        }
        type Break = fn(&mut Window<Id>);
        let breaks: [(usize, &str, Break); 12] = [
            (2, "memory.capacity",  |w| w.capacity = 2),
            (2, "memory.capacity",  |w| w.capacity = 4),
            (3, "memory.items",     |w| w.items.push(Id::EMPTY)),
            (2, "memory.hashes",    |w| w.hashes.truncate(1)),
            (2, "memory.hashes",    |w| w.hashes.push(0)),
            (2, "memory.next",      |w| w.next = 1),
            (2, "memory.next",      |w| w.next = 0),
            (3, "memory.next",      |w| w.next = 3),
            (2, "memory.hashes[1]", |w| w.hashes[1] ^= 1 << 40),
            (2, "memory.hashes[0]", |w| w.items[0] = Id::EMPTY),
            (2, "memory.index",     |w| w.index.insert(7, 1)),
            (2, "memory.index",     |w| assert!(w.index.remove(w.hashes[1], 1))),
        ];
        for (at, (count, field, break_it)) in breaks.iter().enumerate() {
            let mut window = window(*count);
            break_it(&mut window);
            assert_eq!(flaw(&window).as_deref(), Some(*field), "number {at}");
        }
        for next in 0..3 {
            let mut full = window(3);
            full.next = next;
            assert_eq!(flaw(&full), None, "of a full one any may be the oldest");
        }
    }

    #[test]
    fn what_is_remembered_and_where_it_goes_on_is_a_part_of_the_state() {
        let text = |count| {
            let window = window(count);
            let (items, next) = window.trading_state();
            (items.iter().map(|id| format!("{id}")).collect::<Vec<String>>().join(" "), next)
        };
        assert_eq!(text(0), (String::new(), 0));
        assert_eq!(text(2), ("id-0 id-1".into(), 2));
        assert_eq!(text(4), ("id-3 id-1 id-2".into(), 1), "the oldest made room");
    }

    #[test]
    fn there_is_room_for_one_at_least_and_for_what_an_index_can_count() {
        for (wanted, room) in [(0, 1), (1, 1), (1 << 30, 1 << 30), (usize::MAX, 1 << 30)] {
            assert_eq!(capacity_of(wanted), room, "{wanted}");
        }
    }
}
