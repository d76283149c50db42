//! The orders, and the ways to find them.
//!
//! The store is a slab. The client id that we give an order carries its place in the slab, so that an event finds
//! its order without a search; one index finds it by the venue's ids, another finds fills by the venue's trade ids.
//! Ended orders are remembered up to a bound, so that late fills find them, and then make room.

mod fills;
mod forget;
mod soundness;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::client_id::{LEG, NUMBER, PLACE, PREFIX_BYTES, SLOT, read_base32, write_base32};
use super::{Order, OrderRef, OrderRole};
use crate::id::Id;
use crate::index::Index;
use crate::names::VenueOrderStatus;
use forget::Ended;

/// How many of the venue's ids an order is known by, beside its first: where every change brings one, the newest.
pub const OTHER_VENUE_IDS_MAX: usize = 64;

/// Places beyond this do not fit the client id.
pub const ORDERS_MAX: usize = 1 << 25;

/// The orders, and the ways to find them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderStore {
    orders: Vec<Order>,
    free: Vec<u32>,
    ended: VecDeque<Ended>,
    remembered_max: usize,
    by_venue_id: Index,
    by_fill: Index,
    next_number: u64,
    /// Fills that are settled and not seen yet.
    unseen: u32,
    /// Orders that are not ours.
    external: u32,
    /// The venue's time of the last fill of any forgotten order, ns.
    forgotten_ns: i64,
    /// Places of those that have a client id.
    foreign: Vec<u32>,
    prefix: [u8; PREFIX_BYTES],
}

/// One at least, and no more than leave room for as many live ones.
fn remembered_of(wanted: usize) -> usize {
    wanted.clamp(1, ORDERS_MAX >> 1)
}

fn prefix_of(nonce: u64) -> [u8; PREFIX_BYTES] {
    let mut prefix = [b'D'; PREFIX_BYTES];
    write_base32(&mut prefix[1..], nonce);
    prefix
}

/// The place that a client id of ours carries; of any other text some number.
#[inline(always)]
fn place_in(id: &Id) -> Option<u32> {
    read_base32(id, PLACE).and_then(|place| u32::try_from(place).ok())
}

impl OrderStore {
    /// An empty store that remembers `remembered_max` ended orders; `nonce` (40 bits) marks this instance's ids.
    pub fn new(remembered_max: usize, nonce: u64) -> OrderStore {
        OrderStore {
            orders: Vec::new(),
            free: Vec::new(),
            ended: VecDeque::new(),
            remembered_max: remembered_of(remembered_max),
            by_venue_id: Index::default(),
            by_fill: Index::default(),
            next_number: 1,
            unseen: 0,
            external: 0,
            forgotten_ns: i64::MIN,
            foreign: Vec::new(),
            prefix: prefix_of(nonce),
        }
    }

    /// Remembers so many ended orders from now on.
    pub(crate) fn remember(&mut self, remembered_max: usize) {
        self.remembered_max = remembered_of(remembered_max);
    }

    /// The order at a place that the store itself handed out.
    #[inline]
    pub fn at(&self, place: u32) -> &Order {
        &self.orders[place as usize]
    }

    /// The same, to change.
    #[inline]
    pub fn at_mut(&mut self, place: u32) -> &mut Order {
        &mut self.orders[place as usize]
    }

    /// The order, unless its place has been given to another since.
    #[inline]
    pub fn get(&self, reference: OrderRef) -> Option<&Order> {
        self.orders.get(reference.place as usize).filter(|order| order.number == reference.number)
    }

    /// Every place and the order in it, the vacant ones too.
    pub(crate) fn places(&self) -> &[Order] {
        &self.orders
    }

    /// All orders, live and remembered, by place.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.number != 0)
    }

    /// The number that the next order gets.
    #[inline]
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// True where an order has had that number.
    pub(crate) fn was_given(&self, reference: OrderRef) -> bool {
        (1..self.next_number).contains(&reference.number)
    }

    /// As if so many more had been given, and were forgotten by now.
    #[cfg(test)]
    pub(crate) fn skip_numbers(&mut self, count: u64) {
        self.next_number += count;
    }

    /// The client id of an order: a pure function of instance, place, order number, slot and leg.
    #[inline]
    fn client_id(&self, place: u32, number: u64, slot_id: u32, leg: u8) -> Id {
        let mut text = [0_u8; 30];
        text[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        write_base32(&mut text[PLACE], u64::from(place));
        write_base32(&mut text[NUMBER], number);
        write_base32(&mut text[SLOT], u64::from(slot_id));
        write_base32(&mut text[LEG], u64::from(leg));
        Id::from_ascii(&text)
    }

    /// The id of a request to change an order: a pure function of instance, order number and input.
    pub fn request_id(&self, number: u64, seq: u64) -> Id {
        let mut text = [0_u8; 31];
        text[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        text[0] = b'A';
        write_base32(&mut text[PREFIX_BYTES..19], number);
        write_base32(&mut text[19..], seq);
        Id::from_ascii(&text)
    }

    /// Gives out a place for a new order of a slot: vacant but for its number, client id and slot.
    #[inline]
    pub fn claim(&mut self, slot_id: u32, leg: u8) -> (OrderRef, &mut Order) {
        let reference = self.claim_place();
        let client_id = self.client_id(reference.place, reference.number, slot_id, leg);
        let order = &mut self.orders[reference.place as usize];
        order.client_id = client_id;
        order.slot_id = slot_id;
        (reference, order)
    }

    /// Gives out a place for the record of an order that is not ours.
    pub fn claim_external(&mut self) -> (OrderRef, &mut Order) {
        let reference = self.claim_place();
        self.external = self.external.saturating_add(1);
        let order = &mut self.orders[reference.place as usize];
        order.role = OrderRole::External;
        order.status = VenueOrderStatus::Acked;
        (reference, order)
    }

    #[inline(always)]
    fn claim_place(&mut self) -> OrderRef {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.orders.push(Order::vacant());
                self.orders.len().wrapping_sub(1) as u32
            }
        };
        self.orders[place as usize].number = number;
        OrderRef { place, number }
    }

    /// Remembers that an order which is not ours has a client id.
    pub fn note_foreign(&mut self, place: u32) {
        if !self.at(place).client_id.is_empty() {
            self.foreign.push(place);
        }
    }

    /// Finds an order by its client id: ours, or one that was at work when the account was opened.
    pub fn by_client_id(&self, id: &Id) -> Option<u32> {
        let own = self.by_own_id(id);
        if own.is_some() || self.foreign.is_empty() {
            return own;
        }
        // They are few, and become fewer.
        self.foreign.iter().copied().find(|place| self.at(*place).client_id == *id)
    }

    /// Finds an order by the client id that the store gave it.
    #[inline]
    pub(crate) fn by_own_id(&self, id: &Id) -> Option<u32> {
        // Whatever the text may be, its place is only a guess until the order there says that this is its id.
        let place = place_in(id)?;
        self.orders.get(place as usize).filter(|order| order.client_id == *id).map(|_| place)
    }

    /// The slot of the order that got that client id here, remembered or not; `None` where no order did.
    #[cold]
    pub fn slot_of_given(&self, id: &Id) -> Option<u32> {
        let place = place_in(id).filter(|place| (*place as usize) < self.orders.len())?;
        let number = read_base32(id, NUMBER).filter(|number| (1..self.next_number).contains(number))?;
        let slot_id = u32::try_from(read_base32(id, SLOT)?).ok()?;
        let leg = u8::try_from(read_base32(id, LEG)?).ok()?;
        // What is no id of ours does not come out again as it is.
        (self.client_id(place, number, slot_id, leg) == *id).then_some(slot_id)
    }

    /// Finds an order by any of the venue's ids for it.
    #[inline]
    pub fn by_venue_id(&self, id: &Id) -> Option<u32> {
        self.by_venue_id.find(id.hash64(), |place| {
            let order = self.at(place);
            order.venue_order_id == *id || order.other_venue_ids.contains(id)
        })
    }

    /// Learns one more venue id of an order; false when it was known.
    #[inline]
    pub fn link_venue_id(&mut self, place: u32, id: &Id) -> bool {
        if id.is_empty() {
            return false;
        }
        let order = &mut self.orders[place as usize];
        if order.venue_order_id == *id || order.other_venue_ids.contains(id) {
            return false;
        }
        if order.venue_order_id.is_empty() {
            order.venue_order_id.clone_from(id);
        } else {
            if order.other_venue_ids.len() >= OTHER_VENUE_IDS_MAX {
                let oldest = order.other_venue_ids.remove(0);
                self.by_venue_id.remove(oldest.hash64(), place);
            }
            order.other_venue_ids.push(id.clone());
        }
        self.by_venue_id.insert(id.hash64(), place);
        true
    }

    /// An order of ours has no slot any more: from here on its fills are nobody's.
    #[cold]
    pub fn disown(&mut self, place: u32) {
        let order = &mut self.orders[place as usize];
        if order.role != OrderRole::External {
            order.role = OrderRole::External;
            self.external = self.external.saturating_add(1);
        }
    }

    /// True where some remembered order is not ours.
    #[inline]
    pub fn has_external(&self) -> bool {
        self.external > 0
    }

    /// The record of an order that is not ours becomes one of ours, with an id of our own.
    #[cold]
    pub fn make_ours(&mut self, place: u32, slot_id: u32) -> OrderRef {
        let number = self.at(place).number;
        let client_id = self.client_id(place, number, slot_id, 0);
        self.external = self.external.saturating_sub(1);
        self.foreign.retain(|foreign| *foreign != place);
        let order = &mut self.orders[place as usize];
        order.client_id = client_id;
        order.slot_id = slot_id;
        OrderRef { place, number }
    }

    /// Checks that both indexes agree with the orders.
    ///
    /// # Errors
    /// A sentence about the first disagreement.
    pub fn check(&self) -> Result<(), &'static str> {
        let mut venue_ids: usize = 0;
        let mut fills: usize = 0;
        for (place, order) in self.orders.iter().enumerate().filter(|(_, order)| order.number != 0) {
            let named = usize::from(!order.venue_order_id.is_empty());
            venue_ids = venue_ids.saturating_add(named).saturating_add(order.other_venue_ids.len());
            fills = fills
                .saturating_add(order.fills.iter().filter(|fill| !fill.venue_trade_id.is_empty()).count())
                .saturating_add(order.extra.as_ref().map_or(0, |extra| extra.corrections.len()));
            let place = place as u32;
            // Mostly an entry of that hash is the order's own: then the ids need not be compared.
            let has_entry = || {
                let own = self.by_venue_id.find(order.venue_order_id.hash64(), |found| found == place);
                own.is_some() || self.by_venue_id(&order.venue_order_id).is_some()
            };
            if named == 1 && !has_entry() {
                return Err("a venue order id is not in its index");
            }
            let leads_here = || {
                place_in(&order.client_id) == Some(place)
                    || self.by_client_id(&order.client_id) == Some(place)
            };
            if !order.client_id.is_empty() && !leads_here() {
                return Err("a client id does not lead to its order");
            }
        }
        if venue_ids != self.by_venue_id.len() {
            return Err("the index of venue order ids has entries without orders");
        }
        if fills != self.by_fill.len() {
            return Err("the index of fills has entries without fills");
        }
        Ok(())
    }

    /// The orders, the order of forgetting and the counter; the indexes follow from them.
    pub(crate) fn trading_state(&self) -> impl Serialize + '_ {
        let ended: Vec<(OrderRef, i64)> =
            self.ended.iter().map(|ended| (ended.reference, ended.filled_ns)).collect();
        (&self.orders, &self.free, ended, self.next_number, self.forgotten_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_order_is_remembered_at_least_and_half_of_the_places_at_most() {
        for (wanted, remembered) in [(0, 1), (1, 1), (8, 8), (usize::MAX, ORDERS_MAX / 2)] {
            assert_eq!(remembered_of(wanted), remembered, "{wanted}");
        }
    }

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    #[test]
    fn each_of_many_orders_is_found_by_its_own_client_id() {
        let mut store = OrderStore::new(8, 7);
        // More places than one, and than two, characters of a client id can count.
        let ids: Vec<Id> = (0..1_100).map(|slot| store.claim(slot % 7, 0).1.client_id.clone()).collect();
        for (place, id) in (0_u32..).zip(&ids) {
            assert_eq!(store.by_client_id(id), Some(place), "{id}");
        }
    }

    #[test]
    fn a_venue_id_is_learned_once() {
        let mut store = OrderStore::new(8, 7);
        let place = store.claim(0, 0).0.place;
        for (name, is_new) in
            [("", false), ("V1", true), ("V1", false), ("V2", true), ("V2", false), ("V1", false)]
        {
            assert_eq!(store.link_venue_id(place, &id(name)), is_new, "{name}");
        }
        let order = store.at(place);
        assert_eq!((&order.venue_order_id, &order.other_venue_ids[..]), (&id("V1"), &[id("V2")][..]));
    }

    #[test]
    fn an_order_of_others_that_becomes_ours_is_not_listed_among_theirs() {
        let mut store = OrderStore::new(8, 7);
        let places: Vec<u32> = ["web-0", "web-1", "web-2"]
            .map(|name| {
                let (reference, order) = store.claim_external();
                order.client_id = id(name);
                store.note_foreign(reference.place);
                reference.place
            })
            .into();
        store.make_ours(places[1], 4);
        let found = ["web-0", "web-1", "web-2"].map(|name| store.by_client_id(&id(name)));
        assert_eq!(found, [Some(places[0]), None, Some(places[2])]);
        assert_eq!(store.foreign, [places[0], places[2]], "and only these are");
        let ours = store.at(places[1]).client_id.clone();
        assert_eq!((store.by_client_id(&ours), store.external), (Some(places[1]), 2));
    }
}
