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

/// How an order stands, as a note of the log has it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) symbol: &'a str,
    pub(crate) side: OrderSide,
    pub(crate) quantity: Decimal,
    pub(crate) price: Decimal,
    pub(crate) venue_order_id: &'a str,
    pub(crate) status: VenueOrderStatus,
    pub(crate) filled: i128,
    pub(crate) average: i128,
    pub(crate) refused: bool,
    pub(crate) last_ns: i64,
    /// What became of it, as [`Part::read`] takes each, with commas between them.
    pub(crate) parts: &'a str,
    pub(crate) reason: &'a str,
}

impl<'a> Kept<'a> {
    /// From the text of a note; `None` where it is no order.
    pub(crate) fn read(text: &'a str) -> Option<Kept<'a>> {
        // The reason may be the venue's own words: it has the rest.
        let mut words = text.splitn(13, '\t');
        let mut next = || words.next();
        Some(Kept {
            client_id: next()?,
            symbol: next()?,
            side: OrderSide::from_name(next()?)?,
            quantity: Decimal::parse(next()?).ok()?,
            price: Decimal::parse(next()?).ok()?,
            venue_order_id: next()?,
            status: VenueOrderStatus::from_name(next()?)?,
            filled: next()?.parse().ok()?,
            average: next()?.parse().ok()?,
            refused: next()?.parse().ok()?,
            last_ns: next()?.parse().ok()?,
            parts: next()?,
            reason: next()?,
        })
    }
}

impl Part {
    /// From a part of a note; `None` where it is none. What of it is at work is the kernel's to say.
    pub(crate) fn read(text: &str) -> Option<Part> {
        let mut words = text.split(':');
        let mut next = || words.next();
        Some(Part {
            client_id: Id::new(next()?).ok()?,
            slot_id: next()?.parse().ok()?,
            status: VenueOrderStatus::from_name(next()?)?,
            filled: Qty(next()?.parse().ok()?),
            value: Money(next()?.parse().ok()?),
            held: Qty::ZERO,
        })
    }

    fn to_text(&self) -> String {
        let Part { client_id, slot_id, status, filled, value, .. } = self;
        format!("{}:{slot_id}:{}:{}:{}", client_id.as_str(), status.name(), filled.0, value.0)
    }
}

impl Order {
    pub(crate) fn has_ended(&self) -> bool {
        self.status.is_ended()
    }

    /// The text that [`Kept::read`] reads.
    pub(crate) fn to_text(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(Part::to_text).collect();
        let words = [
            self.client_id.as_str(),
            self.symbol.as_str(),
            self.side.name(),
            &self.quantity.to_string(),
            &self.price.to_string(),
            self.venue_order_id.as_str(),
            self.status.name(),
            &self.filled.0.to_string(),
            &self.average.0.to_string(),
            &self.refused.to_string(),
            &self.last_ns.to_string(),
            &parts.join(","),
            &self.reason,
        ];
        words.join("\t")
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

    /// Keeps an order as the log has it: a new one, or how a known one stands since.
    pub(crate) fn put_back(&mut self, order: Order) {
        let ended = order.has_ended();
        let place = match self.find(order.client_id.as_str()) {
            // A snapshot has the newest note once more.
            Some(place) if self.at(place).has_ended() => return,
            Some(place) => {
                self.kept[place as usize] = order;
                place
            }
            None => self.add(order),
        };
        if ended {
            self.end(place);
        }
    }

    /// Where those at work are.
    pub(crate) fn live_places(&self) -> Vec<Place> {
        let live = (0..).zip(&self.kept).filter(|(_, order)| !order.has_ended());
        live.map(|(place, _)| place).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_noted_whatever_the_venue_says() {
        let text = "a\tBTCUSDT\tSELL\t0.10\t100\tORD000001\tREJECTED\t5\t7\ttrue\t-9\tx:3:FILLED:5:35\tits own\twords\n";
        let kept = Kept::read(text).unwrap();
        assert_eq!((kept.client_id, kept.parts, kept.reason), ("a", "x:3:FILLED:5:35", "its own\twords\n"));
        assert_eq!((kept.side, kept.status), (OrderSide::Sell, VenueOrderStatus::Rejected));
        let order = Order {
            client_id: Id::new(kept.client_id).unwrap(),
            symbol: Id::new(kept.symbol).unwrap(),
            instrument: 0,
            qty_scale: 5,
            price_scale: 2,
            side: kept.side,
            quantity: kept.quantity,
            size: Qty(10_000),
            price: kept.price,
            venue_order_id: Id::new(kept.venue_order_id).unwrap(),
            status: kept.status,
            filled: Qty(kept.filled),
            average: Price(kept.average),
            refused: kept.refused,
            shown: true,
            reason: kept.reason.to_owned(),
            last_ns: kept.last_ns,
            parts: vec![Part::read(kept.parts).unwrap()],
        };
        assert_eq!(Kept::read(&order.to_text()), Some(kept));
        assert_eq!(Kept::read("{\"grid\":1}"), None);
    }
}
