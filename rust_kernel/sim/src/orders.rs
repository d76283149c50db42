//! The venue's own orders: the live ones, and the last that ended.

use dita_kernel::effect::OrderRequest;
use dita_kernel::id::Id;
use dita_kernel::names::{OrderSide, TimeInForce, TradeSide, VenueOrderStatus};

use crate::index::IdIndex;

/// How many ended orders the venue remembers.
pub(crate) const FINISHED_MAX: usize = 4096;
/// Marks a place in the list of ended orders.
const ENDED: u32 = 1 << 31;

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
            time_in_force: TimeInForce::Gtc,
            reduce_only: false,
            cut: false,
            limit: None,
            size: 0,
            filled: 0,
            paid: 0,
            sequence: 0,
            client_hash: 0,
        }
    }

    #[inline]
    pub(crate) fn remaining(&self) -> i128 {
        self.size - self.filled
    }
}

/// What remains of an order that ended. Enough to answer a query.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) venue_client_id: Id,
    pub(crate) client_hash: u64,
    /// The number in its venue id; 0 where it was rejected and never had a venue id.
    pub(crate) sequence: u64,
    pub(crate) market: u32,
    pub(crate) slot_id: u32,
    pub(crate) side: TradeSide,
    pub(crate) order_side: OrderSide,
    pub(crate) status: VenueOrderStatus,
    pub(crate) size: i128,
    pub(crate) filled: i128,
    pub(crate) paid: i128,
}

/// Where an order is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Live(u32),
    Ended(usize),
}

/// All the orders.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    live: Vec<Option<Order>>,
    free: Vec<u32>,
    finished: Vec<Finished>,
    /// Where the next ended order goes: over the oldest, once the list is full.
    next: usize,
    by_client: IdIndex,
}

impl Orders {
    pub(crate) fn new() -> Orders {
        Orders {
            live: Vec::new(),
            free: Vec::new(),
            finished: Vec::new(),
            next: 0,
            by_client: IdIndex::new(),
        }
    }

    fn client_at(&self, place: u32) -> Option<&Id> {
        if place & ENDED == 0 {
            return self.live(place).map(|order| &order.venue_client_id);
        }
        self.finished.get((place & !ENDED) as usize).map(|ended| &ended.venue_client_id)
    }

    /// The order of that client id. `hash` is the id's.
    #[inline]
    pub(crate) fn by_client(&self, id: &Id, hash: u64) -> Option<Place> {
        let place = self.by_client.find(hash, |place| self.client_at(place) == Some(id))?;
        Some(if place & ENDED == 0 { Place::Live(place) } else { Place::Ended((place & !ENDED) as usize) })
    }

    /// The order of that number. Rare (a caller who knows only the venue's id), so it looks through the list.
    pub(crate) fn by_sequence(&self, sequence: u64) -> Option<Place> {
        let is_it = |order: &Option<Order>| order.as_ref().is_some_and(|order| order.sequence == sequence);
        if let Some(place) = self.live.iter().position(is_it) {
            return u32::try_from(place).ok().map(Place::Live);
        }
        self.finished.iter().position(|ended| ended.sequence == sequence).map(Place::Ended)
    }

    pub(crate) fn live(&self, place: u32) -> Option<&Order> {
        self.live.get(place as usize).and_then(Option::as_ref)
    }

    pub(crate) fn live_mut(&mut self, place: u32) -> Option<&mut Order> {
        self.live.get_mut(place as usize).and_then(Option::as_mut)
    }

    pub(crate) fn ended(&self, place: usize) -> Option<&Finished> {
        self.finished.get(place)
    }

    /// Every live order, by place.
    pub(crate) fn all_live(&self) -> impl Iterator<Item = &Order> {
        self.live.iter().flatten()
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
        self.by_client.insert(hash, place);
        place
    }

    /// Ends a live order and frees its place.
    pub(crate) fn end(&mut self, place: u32, status: VenueOrderStatus) {
        let Some(order) = self.live.get_mut(place as usize).and_then(Option::take) else { return };
        self.free.push(place);
        self.by_client.remove(order.client_hash, place);
        self.remember(finished(&order, status));
    }

    /// Ends an order that was never kept: it came and went in one answer.
    #[inline]
    pub(crate) fn end_at_once(&mut self, order: &Order, status: VenueOrderStatus) {
        let place = self.next;
        let Some(ended) = self.finished.get_mut(place) else { return self.remember(finished(order, status)) };
        // Over the oldest, in place.
        let forgotten = ended.client_hash;
        ended.venue_client_id.clone_from(&order.venue_client_id);
        ended.client_hash = order.client_hash;
        ended.sequence = order.sequence;
        ended.market = order.market;
        ended.slot_id = order.slot_id;
        ended.side = order.side;
        ended.order_side = order.order_side;
        ended.status = status;
        ended.size = order.size;
        ended.filled = order.filled;
        ended.paid = order.paid;
        self.by_client.remove(forgotten, place as u32 | ENDED);
        self.by_client.insert(order.client_hash, place as u32 | ENDED);
        self.next = (place + 1) % FINISHED_MAX;
    }

    /// Remembers a rejected order, so that a query finds it and its client id is not used again.
    pub(crate) fn remember_rejected(&mut self, request: &OrderRequest, market: u32, hash: u64) {
        self.remember(Finished {
            venue_client_id: request.venue_client_id.clone(),
            client_hash: hash,
            sequence: 0,
            market,
            slot_id: request.slot_id,
            side: request.side,
            order_side: request.order_side,
            status: VenueOrderStatus::Rejected,
            size: 0,
            filled: 0,
            paid: 0,
        });
    }

    #[inline]
    fn remember(&mut self, ended: Finished) {
        let hash = ended.client_hash;
        let place = self.next;
        if place == self.finished.len() {
            self.finished.push(ended);
        } else {
            self.by_client.remove(self.finished[place].client_hash, place as u32 | ENDED);
            self.finished[place] = ended;
        }
        self.by_client.insert(hash, place as u32 | ENDED);
        self.next = (place + 1) % FINISHED_MAX;
    }
}

fn finished(order: &Order, status: VenueOrderStatus) -> Finished {
    Finished {
        venue_client_id: order.venue_client_id.clone(),
        client_hash: order.client_hash,
        sequence: order.sequence,
        market: order.market,
        slot_id: order.slot_id,
        side: order.side,
        order_side: order.order_side,
        status,
        size: order.size,
        filled: order.filled,
        paid: order.paid,
    }
}
