//! The venue's own orders: the live ones, and the last that ended.

use std::collections::BTreeMap;

use dita_kernel::effect::OrderRequest;
use dita_kernel::id::Id;
use dita_kernel::names::{OrderSide, PositionSide, TimeInForce, TradeSide, VenueOrderStatus};

use crate::index::IdIndex;
use crate::terms::Terms;

/// How many ended orders the venue remembers.
pub(crate) const FINISHED_MAX: usize = 4096;
/// How many buckets they are looked up by: enough that an id that is new nearly always finds its bucket empty.
const BUCKETS: usize = 8 * FINISHED_MAX;
/// Between two orders this many (as a power of two) lost places in line are told apart.
pub(crate) const PRIORITY_BITS: u32 = 24;

/// An order that the venue took.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) venue_client_id: Id,
    pub(crate) venue_order_id: Id,
    pub(crate) trade_id: Id,
    pub(crate) slot_id: u32,
    /// Which market, by its place in the venue's list.
    pub(crate) market: u32,
    pub(crate) side: TradeSide,
    pub(crate) order_side: OrderSide,
    pub(crate) position_side: PositionSide,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) reduce_only: bool,
    /// True where `size` is less than what was asked for.
    pub(crate) cut: bool,
    /// The limit; `None` for a market order.
    pub(crate) limit: Option<i128>,
    pub(crate) size: i128,
    pub(crate) filled: i128,
    /// Σ price × quantity of its fills, for the average.
    pub(crate) paid: i128,
    /// The number in its venue id: priority in time.
    pub(crate) sequence: u64,
    pub(crate) client_hash: u64,
    /// What only few orders have.
    pub(crate) terms: Option<Box<Terms>>,
}

impl Order {
    /// An order to be written over.
    pub(crate) fn blank() -> Order {
        Order {
            venue_client_id: Id::EMPTY,
            venue_order_id: Id::EMPTY,
            trade_id: Id::EMPTY,
            slot_id: 0,
            market: 0,
            side: TradeSide::Flat,
            order_side: OrderSide::Buy,
            position_side: PositionSide::Both,
            time_in_force: TimeInForce::Gtc,
            reduce_only: false,
            cut: false,
            limit: None,
            size: 0,
            filled: 0,
            paid: 0,
            sequence: 0,
            client_hash: 0,
            terms: None,
        }
    }

    #[inline]
    pub(crate) fn remaining(&self) -> i128 {
        self.size - self.filled
    }

    /// True while it waits for its trigger.
    pub(crate) fn is_dormant(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.dormant)
    }

    /// True where it waits for a bar's open, and for nothing else.
    pub(crate) fn waits_for_open(&self) -> bool {
        self.terms
            .as_ref()
            .is_some_and(|terms| terms.dormant && terms.trigger.is_none() && !terms.meets_market)
    }

    /// True where a price of that time, ns, is none of its: it was sent later.
    pub(crate) fn came_after(&self, price_ns: i64) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.from_ns > price_ns)
    }

    /// Its place in line at its price: the lower the earlier. An order that lost its place stands behind all orders
    /// that came before it lost it.
    pub(crate) fn priority(&self) -> u64 {
        match &self.terms {
            Some(terms) if terms.priority > 0 => terms.priority,
            Some(_) | None => self.sequence << PRIORITY_BITS,
        }
    }

    /// The order's terms, to be written.
    pub(crate) fn terms_mut(&mut self) -> &mut Terms {
        self.terms.get_or_insert_default()
    }
}

/// What remains of an order that ended. Enough to answer a query.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) venue_client_id: Id,
    /// The number in its venue id; 0 where it was rejected and never had a venue id.
    pub(crate) sequence: u64,
    pub(crate) market: u32,
    pub(crate) slot_id: u32,
    pub(crate) side: TradeSide,
    pub(crate) order_side: OrderSide,
    pub(crate) position_side: PositionSide,
    pub(crate) status: VenueOrderStatus,
    /// The number of the next older one in its bucket of the history.
    older: u16,
    pub(crate) size: i128,
    pub(crate) filled: i128,
    pub(crate) paid: i128,
}

impl Finished {
    /// To be written over.
    fn blank() -> Finished {
        Finished {
            venue_client_id: Id::EMPTY,
            sequence: 0,
            market: 0,
            slot_id: 0,
            side: TradeSide::Flat,
            order_side: OrderSide::Buy,
            position_side: PositionSide::Both,
            status: VenueOrderStatus::Rejected,
            older: 0,
            size: 0,
            filled: 0,
            paid: 0,
        }
    }
}

/// Where an order is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Live(u32),
    Ended(usize),
}

/// The last orders that ended, by client id.
///
/// Each bucket leads to its youngest order, each order to the next older one of its bucket. Nothing is ever taken
/// out: a number too old is that of an order that was written over, and ends the chain.
///
/// Numbers start again after 2^16 orders: the buckets must fit a near cache. One not used since then may lead into
/// the chain of another; that chain ends, as ages must grow along it, and none of its orders has an id of this bucket.
#[derive(Clone, Debug)]
struct History {
    orders: Vec<Finished>,
    /// By the low bits of the id's hash: the number of the youngest.
    buckets: Vec<u16>,
    /// How many have ended. They are numbered from 1; number `n` lies at `(n - 1) % FINISHED_MAX`.
    ended: u16,
}

impl History {
    fn new() -> History {
        History { orders: Vec::new(), buckets: vec![0; BUCKETS], ended: 0 }
    }

    #[inline]
    fn place_of(number: u16) -> usize {
        number.wrapping_sub(1) as usize % FINISHED_MAX
    }

    /// The place of the order of that client id. `hash` is the id's.
    #[inline]
    fn find(&self, id: &Id, hash: u64) -> Option<usize> {
        let mut number = self.buckets[hash as usize % BUCKETS];
        let mut youngest = 0;
        loop {
            // 0 means none, and is too old from the first order on.
            let age = self.ended.wrapping_sub(number) as usize;
            if !(youngest..self.orders.len()).contains(&age) {
                return None;
            }
            let place = History::place_of(number);
            let order = &self.orders[place];
            if order.venue_client_id == *id {
                return Some(place);
            }
            number = order.older;
            youngest = age + 1;
        }
    }

    /// The order that is written next, over the oldest once the list is full. Its id is linked under `hash`.
    #[inline]
    fn next(&mut self, hash: u64) -> &mut Finished {
        self.ended = self.ended.wrapping_add(1);
        let place = History::place_of(self.ended);
        if place == self.orders.len() {
            self.orders.push(Finished::blank());
        }
        let order = &mut self.orders[place];
        order.older = core::mem::replace(&mut self.buckets[hash as usize % BUCKETS], self.ended);
        order
    }
}

/// All the orders.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    live: Vec<Option<Order>>,
    free: Vec<u32>,
    live_by_client: IdIndex,
    history: History,
    /// From the first number of an order that got a second one when it was triggered, to the second.
    second_numbers: BTreeMap<u64, u64>,
}

impl Orders {
    pub(crate) fn new() -> Orders {
        Orders {
            live: Vec::new(),
            free: Vec::new(),
            live_by_client: IdIndex::new(),
            history: History::new(),
            second_numbers: BTreeMap::new(),
        }
    }

    /// An order has got a second number; both find it from now on.
    pub(crate) fn renumbered(&mut self, first: u64, second: u64) {
        if self.second_numbers.len() >= FINISHED_MAX {
            self.second_numbers.pop_first();
        }
        self.second_numbers.insert(first, second);
    }

    /// The order of that client id. `hash` is the id's.
    #[inline]
    pub(crate) fn by_client(&self, id: &Id, hash: u64) -> Option<Place> {
        let is_it = |place| self.live(place).is_some_and(|order| order.venue_client_id == *id);
        match self.live_by_client.find(hash, is_it) {
            Some(place) => Some(Place::Live(place)),
            None => self.history.find(id, hash).map(Place::Ended),
        }
    }

    /// The order of that number. Rare (a caller who knows only the venue's id), so it looks through the list.
    pub(crate) fn by_sequence(&self, sequence: u64) -> Option<Place> {
        let sequence = self.second_numbers.get(&sequence).copied().unwrap_or(sequence);
        let is_it = |order: &Option<Order>| order.as_ref().is_some_and(|order| order.sequence == sequence);
        if let Some(place) = self.live.iter().position(is_it) {
            return u32::try_from(place).ok().map(Place::Live);
        }
        self.history.orders.iter().position(|ended| ended.sequence == sequence).map(Place::Ended)
    }

    pub(crate) fn live(&self, place: u32) -> Option<&Order> {
        self.live.get(place as usize).and_then(Option::as_ref)
    }

    pub(crate) fn live_mut(&mut self, place: u32) -> Option<&mut Order> {
        self.live.get_mut(place as usize).and_then(Option::as_mut)
    }

    pub(crate) fn ended(&self, place: usize) -> Option<&Finished> {
        self.history.orders.get(place)
    }

    /// Every live order, by place.
    pub(crate) fn all_live(&self) -> impl Iterator<Item = &Order> {
        self.live.iter().flatten()
    }

    /// The places of the live orders that are meant, the oldest first.
    pub(crate) fn places(&self, meant: impl Fn(&Order) -> bool) -> Vec<u32> {
        let live = (0_u32..).zip(&self.live).filter_map(|(place, order)| Some((place, order.as_ref()?)));
        let mut found: Vec<(u64, u32)> =
            live.filter(|(_, order)| meant(order)).map(|(place, order)| (order.sequence, place)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, place)| place).collect()
    }

    /// Keeps a live order.
    pub(crate) fn keep(&mut self, order: Order) -> u32 {
        let hash = order.client_hash;
        let place = match self.free.pop() {
            Some(place) => {
                self.live[place as usize] = Some(order);
                place
            }
            None => {
                self.live.push(Some(order));
                (self.live.len() - 1) as u32
            }
        };
        self.live_by_client.insert(hash, place);
        place
    }

    /// Ends a live order and frees its place.
    pub(crate) fn end(&mut self, place: u32, status: VenueOrderStatus) {
        let Some(order) = self.live.get_mut(place as usize).and_then(Option::take) else { return };
        self.free.push(place);
        self.live_by_client.remove(order.client_hash, place);
        self.remember(&order, status);
    }

    /// Remembers an order that has ended, and is not kept as a live one.
    #[inline(always)] // its frequent caller pays 40 instructions for a call
    pub(crate) fn remember(&mut self, order: &Order, new_status: VenueOrderStatus) {
        let Finished {
            venue_client_id,
            sequence,
            market,
            slot_id,
            side,
            order_side,
            position_side,
            status,
            older: _, // the history's
            size,
            filled,
            paid,
        } = self.history.next(order.client_hash);
        venue_client_id.clone_from(&order.venue_client_id);
        *sequence = order.sequence;
        *market = order.market;
        *slot_id = order.slot_id;
        *side = order.side;
        *order_side = order.order_side;
        *position_side = order.position_side;
        *status = new_status;
        *size = order.size;
        *filled = order.filled;
        *paid = order.paid;
    }

    /// Remembers a rejected order, so that a query finds it and its client id is not used again.
    pub(crate) fn remember_rejected(&mut self, request: &OrderRequest, market: u32, hash: u64) {
        let ended = self.history.next(hash);
        *ended = Finished {
            venue_client_id: request.venue_client_id.clone(),
            sequence: 0,
            market,
            slot_id: request.slot_id,
            side: request.side,
            order_side: request.order_side,
            position_side: request.position_side,
            status: VenueOrderStatus::Rejected,
            older: ended.older,
            size: 0,
            filled: 0,
            paid: 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(number: u64, hash: u64) -> Order {
        let venue_client_id = Id::new(&format!("C{number}")).unwrap();
        Order { venue_client_id, sequence: number, client_hash: hash, ..Order::blank() }
    }

    #[test]
    fn the_last_that_ended_are_found_and_no_others() {
        let mut orders = Orders::new();
        let last = 3 * FINISHED_MAX as u64 + 17;
        // Few distinct hashes: long chains, of which the old end was written over.
        let hash = |number: u64| number % 7;
        for number in 1..=last {
            orders.remember(&order(number, hash(number)), VenueOrderStatus::Filled);
        }
        for number in 1..=last + 1 {
            let id = order(number, 0).venue_client_id;
            let found = match orders.by_client(&id, hash(number)) {
                Some(Place::Ended(place)) => orders.ended(place).map(|ended| ended.sequence),
                Some(Place::Live(_)) | None => None,
            };
            let remembered = number + FINISHED_MAX as u64 > last && number <= last;
            assert_eq!(found, remembered.then_some(number), "{number}");
        }
    }

    #[test]
    fn numbers_start_again() {
        let mut orders = Orders::new();
        orders.remember(&order(1, 5), VenueOrderStatus::Filled); // bucket 5 leads to number 1
        let last = 65_537;
        for number in 2..=last {
            orders.remember(&order(number, 6 + number % 2), VenueOrderStatus::Filled);
        }
        assert_eq!(orders.history.ended, 1); // number 1 again
        for hash in 5..8 {
            let id = order(1, hash).venue_client_id;
            assert_eq!(orders.by_client(&id, hash), None);
        }
        for number in last - FINISHED_MAX as u64 + 1..=last {
            let id = order(number, 0).venue_client_id;
            assert!(orders.by_client(&id, 6 + number % 2).is_some(), "{number}");
        }
    }

    #[test]
    fn a_forgotten_id_may_come_again() {
        let mut orders = Orders::new();
        for number in 1..=FINISHED_MAX as u64 + 1 {
            orders.remember(&order(number, number), VenueOrderStatus::Filled);
        }
        let first = order(1, 1);
        assert_eq!(orders.by_client(&first.venue_client_id, 1), None);
        let place = orders.keep(first.clone());
        assert_eq!(orders.by_client(&first.venue_client_id, 1), Some(Place::Live(place)));
        orders.end(place, VenueOrderStatus::Canceled);
        assert_eq!(orders.by_client(&first.venue_client_id, 1), Some(Place::Ended(1)));
    }
}
