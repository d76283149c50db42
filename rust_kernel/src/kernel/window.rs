//! A bounded memory of the last things seen, by id: the oldest makes room for the newest.

use alloc::vec::Vec;
use serde::{Serialize, Serializer};

use crate::id::Id;
use crate::index::Index;

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
#[derive(Clone, Debug)]
pub struct Window<T> {
    items: Vec<T>,
    index: Index,
    next: usize,
    capacity: usize,
}

impl<T: Named> Window<T> {
    /// A memory of `capacity` things.
    pub fn new(capacity: usize) -> Window<T> {
        Window { items: Vec::new(), index: Index::default(), next: 0, capacity: capacity.clamp(1, 1 << 30) }
    }

    /// The place of the thing with that id.
    #[inline]
    pub fn find(&self, id: &Id) -> Option<u32> {
        self.index.find(id.hash64(), |at| self.items[at as usize].id() == id)
    }

    /// The thing at a place that [`Window::find`] gave.
    #[inline]
    pub fn at(&self, at: u32) -> &T {
        &self.items[at as usize]
    }

    /// Remembers one more.
    #[inline]
    pub fn remember(&mut self, item: T) {
        let at = self.next;
        self.next = if at.wrapping_add(1) >= self.capacity { 0 } else { at.wrapping_add(1) };
        let hash = item.id().hash64();
        match self.items.get_mut(at) {
            Some(oldest) => {
                let forgotten = oldest.id().hash64();
                *oldest = item;
                self.index.remove(forgotten, at as u32);
            }
            None => self.items.push(item),
        }
        self.index.insert(hash, at as u32);
    }
}

impl<T: Serialize> Serialize for Window<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.items, self.next).serialize(serializer)
    }
}
