//! Ended orders: remembered in turn, and forgotten to make room.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::OrderStore;
use crate::order::fill::{is_unseen, last_filled};
use crate::order::{Correction, Fill, Order, OrderRef, OrderRole};

/// An ended order, and what the indexes knew it by when it ended. The keys were read while the order was at hand:
/// forgetting it goes to its entries straight, and not by way of memory that nobody has read for a long time. They
/// are guesses, since the venue may say more of an ended order: an index takes out only what is there.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) reference: OrderRef,
    venue_key: u64,
    fill_key: u64,
    /// The venue's time of its last fill, ns.
    pub(super) filled_ns: i64,
}

impl Ended {
    /// True where fills have come since: their settlements are still to come, and more of them may.
    #[inline]
    fn has_filled_since(&self, order: &Order) -> bool {
        // An order of one fill, which it had when it ended, is not read: forgetting it does not read it either.
        let before = usize::from(self.filled_ns > i64::MIN);
        order.fills.len() > before && last_filled(&order.fills) > self.filled_ns
    }
}

impl OrderStore {
    /// An ended order works again: it is not to be forgotten in its turn.
    #[cold]
    pub fn unretire(&mut self, reference: OrderRef) {
        self.ended.retain(|ended| ended.reference != reference);
    }

    /// Remembers an ended order, and forgets the oldest ones past the bound unless `is_pinned` says that its slot
    /// still needs it.
    #[inline]
    pub fn retire(&mut self, reference: OrderRef, is_pinned: impl Fn(&Order) -> bool) {
        let ending = self.as_ended(reference);
        // Room is made first, so that the order being retired stays for its caller. A pinned one goes to the back; a
        // few tries a step keep the work bounded.
        let mut tries: u8 = 4;
        while self.ended.len() >= self.remembered_max && tries > 0 {
            tries = tries.wrapping_sub(1);
            let Some(oldest) = self.ended.pop_front() else { break };
            match self.get(oldest.reference) {
                // It has ended before, and ends again: it is at hand, and its turn is to come.
                Some(_) if oldest.reference == reference => {}
                Some(order) if is_pinned(order) => self.ended.push_back(oldest),
                // A fill that is settled already, and has not come, may be what was inferred here.
                Some(order) if self.unseen > 0 && !order.inferred.is_zero() => self.ended.push_back(oldest),
                Some(order) if oldest.has_filled_since(order) => self.put_back(oldest.reference),
                Some(_) => self.forget(oldest),
                None => {}
            }
        }
        self.ended.push_back(ending);
    }

    #[cold]
    fn put_back(&mut self, reference: OrderRef) {
        let again = self.as_ended(reference);
        self.ended.push_back(again);
    }

    /// An order as it stands now, to be forgotten in its turn.
    #[inline(always)] // at each order's end
    fn as_ended(&self, reference: OrderRef) -> Ended {
        let order = self.at(reference.place);
        let venue_key = order.venue_order_id.hash64();
        let fill_key =
            order.fills.first().map_or(0, |fill| Self::fill_key(order.instrument, &fill.venue_trade_id));
        Ended { reference, venue_key, fill_key, filled_ns: last_filled(&order.fills) }
    }

    /// True where a fill of that time of the venue may be one of an order that is forgotten: whether it was booked then,
    /// nobody here can tell.
    pub fn may_be_forgotten(&self, venue_time_ns: i64) -> bool {
        venue_time_ns <= self.forgotten_ns
    }

    /// True once an order with fills was forgotten.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.forgotten_ns > i64::MIN
    }

    /// Takes out an order that is not ours, with its fills: they turned out to be another's.
    #[cold]
    pub fn take_external(&mut self, place: u32) -> (Vec<Fill>, Vec<Correction>) {
        let order = &mut self.orders[place as usize];
        let fills = core::mem::take(&mut order.fills);
        let corrections =
            order.extra.as_mut().map(|extra| core::mem::take(&mut extra.corrections)).unwrap_or_default();
        for correction in &corrections {
            self.by_fill.remove(Self::fill_key(order.instrument, &correction.id), place);
        }
        for fill in fills.iter().filter(|fill| !fill.venue_trade_id.is_empty()) {
            self.by_fill.remove(Self::fill_key(order.instrument, &fill.venue_trade_id), place);
        }
        let reference = OrderRef { place, number: order.number };
        let venue_key = order.venue_order_id.hash64();
        self.forget(Ended { reference, venue_key, fill_key: 0, filled_ns: i64::MIN });
        (fills, corrections)
    }

    fn forget(&mut self, ended: Ended) {
        let place = ended.reference.place;
        let order = &mut self.orders[place as usize];
        // An order of one venue id has one entry at most: once that is out, there is nothing to look for.
        let alone = order.other_venue_ids.is_empty();
        if !(alone && self.by_venue_id.remove(ended.venue_key, place)) {
            if !order.venue_order_id.is_empty() {
                self.by_venue_id.remove(order.venue_order_id.hash64(), place);
            }
            for id in order.other_venue_ids.drain(..) {
                self.by_venue_id.remove(id.hash64(), place);
            }
        }
        // The same for an order of one fill, but that an unseen one is counted.
        let alone = order.fills.len() == 1 && self.unseen == 0;
        let mut filled_ns = ended.filled_ns;
        if !(alone && self.by_fill.remove(ended.fill_key, place)) {
            filled_ns = last_filled(&order.fills);
            for fill in &order.fills {
                if !fill.venue_trade_id.is_empty() {
                    self.by_fill.remove(Self::fill_key(order.instrument, &fill.venue_trade_id), place);
                }
                if is_unseen(fill) {
                    self.unseen = self.unseen.saturating_sub(1);
                }
            }
        }
        if let Some(extra) = &order.extra {
            for correction in &extra.corrections {
                self.by_fill.remove(Self::fill_key(order.instrument, &correction.id), place);
            }
        }
        if order.role == OrderRole::External {
            self.external = self.external.saturating_sub(1);
            self.foreign.retain(|foreign| *foreign != place);
        }
        self.forgotten_ns = self.forgotten_ns.max(filled_ns);
        order.vacate();
        self.free.push(place);
    }
}
