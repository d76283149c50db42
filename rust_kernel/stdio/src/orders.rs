//! The orders of a session: those at work, the last that ended, and every id that was ever used.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher};

use dita_kernel::id::Id;
use dita_kernel::names::{OrderSide, VenueOrderStatus};
use dita_kernel::num::{Decimal, Money, Price, Qty};

/// So many orders that ended can still be asked for.
pub const ENDED_MAX: usize = 65_536;
/// So many orders a session takes: their ids are remembered, each in 16 bytes, so that none is used twice.
pub const IDS_MAX: usize = 1 << 24;

/// A plain order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) client_id: Id,
    pub(crate) symbol: Id,
    /// The instrument's place, and the decimal places of its quantities and prices.
    pub(crate) instrument: u32,
    pub(crate) qty_scale: u8,
    pub(crate) price_scale: u8,
    pub(crate) side: OrderSide,
    /// What was asked for: as it was written, and in the instrument's units.
    pub(crate) quantity: Decimal,
    pub(crate) size: Qty,
    pub(crate) price: Decimal,
    pub(crate) venue_order_id: Id,
    pub(crate) status: VenueOrderStatus,
    pub(crate) filled: Qty,
    /// What it paid or got on average; 0 while nothing has filled.
    pub(crate) average: Price,
    pub(crate) refused: bool,
    /// True once it was told how it stands.
    pub(crate) shown: bool,
    pub(crate) reason: String,
    pub(crate) last_ns: i64,
    pub(crate) parts: Vec<Part>,
}

/// What became of a part of an order: an order of the kernel's.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) client_id: Id,
    pub(crate) slot_id: u32,
    pub(crate) status: VenueOrderStatus,
    pub(crate) filled: Qty,
    pub(crate) value: Money,
    /// What of it is at work.
    pub(crate) held: Qty,
}

impl Order {
    pub(crate) fn has_ended(&self) -> bool {
        self.status.is_ended()
    }
}

/// Where an order is kept.
pub(crate) type Place = u32;

/// An id's 128 bits, of two hashes with keys of their own: nobody can make two ids meet.
#[derive(Default)]
struct Prints([RandomState; 2]);

impl Prints {
    fn of(&self, id: &str) -> u128 {
        let [low, high] = [0, 1].map(|at: usize| self.0[at].hash_one(id));
        u128::from(low) | (u128::from(high) << 64)
    }
}

/// A key that is a hash already.
#[derive(Clone, Copy, Default)]
struct AsItIs;

struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 ^= value;
    }

    fn write_u128(&mut self, value: u128) {
        self.0 ^= (value as u64) ^ (value >> 64) as u64;
    }
}

impl BuildHasher for AsItIs {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(0)
    }
}

/// An id as the key of the orders that are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Key(Id);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash64());
    }
}

/// All orders.
#[derive(Default)]
pub(crate) struct Orders {
    prints: Prints,
    used: HashSet<u128, AsItIs>,
    kept: Vec<Order>,
    free: Vec<Place>,
    by_id: HashMap<Key, Place, AsItIs>,
    ended: VecDeque<Place>,
}

impl Orders {
    /// True where the id was used before.
    #[inline]
    pub(crate) fn is_used(&self, id: &str) -> bool {
        self.used.contains(&self.prints.of(id))
    }

    /// True where no further id can be remembered.
    pub(crate) fn is_full(&self) -> bool {
        self.used.len() >= IDS_MAX
    }

    /// Keeps a new order.
    pub(crate) fn add(&mut self, order: Order) -> Place {
        self.used.insert(self.prints.of(order.client_id.as_str()));
        let key = Key(order.client_id.clone());
        let place = match self.free.pop() {
            Some(place) => {
                self.kept[place as usize] = order;
                place
            }
            None => {
                self.kept.push(order);
                (self.kept.len() - 1) as Place
            }
        };
        self.by_id.insert(key, place);
        place
    }

    /// An order has ended: the oldest that did is forgotten where there are too many.
    pub(crate) fn end(&mut self, place: Place) {
        self.ended.push_back(place);
        if self.ended.len() > ENDED_MAX
            && let Some(oldest) = self.ended.pop_front()
        {
            let id = self.kept[oldest as usize].client_id.clone();
            self.by_id.remove(&Key(id));
            self.free.push(oldest);
        }
    }

    /// Those at work, oldest first by their place.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Order> {
        self.kept.iter().filter(|order| !order.has_ended())
    }

    pub(crate) fn find(&self, id: &str) -> Option<Place> {
        self.by_id.get(&Key(Id::new(id).ok()?)).copied()
    }

    #[inline]
    pub(crate) fn at(&self, place: Place) -> &Order {
        &self.kept[place as usize]
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, place: Place) -> &mut Order {
        &mut self.kept[place as usize]
    }
}
