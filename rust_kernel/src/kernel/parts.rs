//! An attached exit that is larger than the venue's largest order: several orders rest for it. They are one exit: what it
//! covers is their sum, and a change of it changes as few of them as it takes.

use alloc::vec::Vec;

use super::Kernel;
use super::attached::{is_as_wanted, is_changing, way_of};
use super::intent::Prices;
use crate::attached::{Attached, Leg, Tried, Wanted, Way};
use crate::bounds::parts;
use crate::effect::Effects;
use crate::id::Id;
use crate::names::{OrderDoubt, VenueOrderStatus as Status};
use crate::num::Qty;
use crate::order::{Amendment, Order, OrderRef};

impl Kernel {
    /// Brings the orders of an exit to what is wanted. False where one order is all that it takes, and there is no more:
    /// that goes its own way.
    #[cold]
    pub(super) fn mind_parts(
        &mut self,
        slot_id: u32,
        attached: &mut Attached,
        (exit, live): (u32, &[OrderRef]),
        (wanted, largest): (&Wanted, Qty),
        effects: &mut Effects,
    ) -> bool {
        let stays = |reference: &OrderRef| !self.orders.at(reference.place).cancel_requested;
        let staying: Vec<OrderRef> = live.iter().copied().filter(stays).collect();
        let orders = || staying.iter().map(|reference| self.orders.at(reference.place));
        let covered = orders().fold(Qty::ZERO, |sum, order| sum + order.remaining());
        let alike = orders().all(|order| has_prices(order, wanted) && order.remaining() <= largest);
        if covered == wanted.qty && alike && !staying.is_empty() {
            return true;
        }
        if wanted.qty <= largest {
            return false;
        }
        if orders().any(is_unanswered) || (way_of(attached, exit) != Way::Amend && staying.len() < live.len())
        {
            return true; // its answer comes first
        }
        if self.may_try(attached, exit, wanted, alike && covered == wanted.qty) {
            self.change_parts(slot_id, attached, (exit, staying), (wanted, largest), effects);
            self.note_try(attached, exit, wanted.clone());
        }
        true
    }

    /// The newest orders give way to what is covered too much, the newest takes what it can of what is missing, and the
    /// rest leaves as new ones.
    fn change_parts(
        &mut self,
        slot_id: u32,
        attached: &mut Attached,
        (exit, staying): (u32, Vec<OrderRef>),
        (wanted, largest): (&Wanted, Qty),
        effects: &mut Effects,
    ) {
        let instrument = self.slots[slot_id as usize].instrument;
        let rules = &self.instruments[instrument as usize];
        let least =
            self.least_exit(rules, instrument, Prices { limit: wanted.limit, trigger: wanted.trigger });
        let mut missing = wanted.qty;
        let way = way_of(attached, exit);
        for (at, reference) in staying.iter().enumerate() {
            let order = self.orders.at(reference.place);
            let is_last = at.saturating_add(1) == staying.len();
            let fits = if order.remaining() < largest { order.remaining() } else { largest };
            let most = if is_last && way == Way::Amend { largest } else { fits };
            let grown = if most < missing { most } else { missing };
            let is_more = grown > order.may_fill();
            let more = if is_more { grown - order.may_fill() } else { Qty::ZERO };
            let slot = &self.slots[slot_id as usize];
            let takes = !is_more || self.has_room_for(slot, &Wanted { qty: more, ..wanted.clone() });
            let kept = if fits < missing { fits } else { missing };
            let part = if takes { grown } else { kept };
            if part == order.remaining() && has_prices(order, wanted) {
                missing -= part;
            } else if way == Way::Amend && part >= least && !part.is_zero() {
                missing -= part;
                self.amend_part(*reference, part, wanted, effects);
                is_changing(attached, *reference);
            } else {
                self.leave(attached, *reference, effects);
            }
        }
        let leaves = |leg: &Leg| leg.exit == exit && leg.leaving && self.is_live(leg.order);
        if way == Way::CancelFirst && attached.legs.iter().any(leaves) {
            return; // room first
        }
        for part in parts(missing, largest, least) {
            let slot = &self.slots[slot_id as usize];
            let wanted = Wanted { qty: part, ..wanted.clone() };
            if part >= least && self.takes_exit(slot) && self.has_room_for(slot, &wanted) {
                self.send_leg(slot_id, attached, exit, &wanted, effects);
            }
        }
    }

    fn amend_part(&mut self, reference: OrderRef, part: Qty, wanted: &Wanted, effects: &mut Effects) {
        let order = self.orders.at(reference.place);
        let amendment = Amendment {
            request_id: Id::EMPTY,
            qty: order.filled + part,
            limit_price: wanted.limit,
            trigger_price: wanted.trigger,
            reserve_price: order.reserve_price,
            sent_time_ns: self.now_ns,
        };
        self.send_amendment(reference.place, amendment, effects);
    }

    /// True where several orders are to rest for an exit: one that is refused is not refused for the others' sake.
    pub(super) fn is_parted(&self, order: &Order, tried: Option<&Tried>) -> bool {
        let rules = &self.instruments[order.instrument as usize];
        let parted = |tried: &Tried| {
            let wanted = &tried.wanted;
            let largest = rules.market_max(wanted.order_type).and(rules.largest(wanted.order_type));
            largest.is_some_and(|largest| wanted.qty > largest)
        };
        tried.is_some_and(parted)
    }

    /// True where an order that was asked to change has an answer, and is not what was asked for.
    pub(super) fn is_refused(&self, order: &Order, wanted: &Wanted, (exit, legs): (u32, &[Leg])) -> bool {
        let rules = &self.instruments[order.instrument as usize];
        let largest = rules.market_max(wanted.order_type).and(rules.largest(wanted.order_type));
        if largest.is_none_or(|largest| wanted.qty <= largest) {
            return !is_as_wanted(order, wanted);
        }
        let live = legs.iter().filter(|leg| leg.exit == exit && !leg.leaving && self.is_live(leg.order));
        let orders: Vec<&Order> = live.map(|leg| self.orders.at(leg.order.place)).collect();
        let covered = orders.iter().fold(Qty::ZERO, |sum, order| sum + order.remaining());
        // With another one's answer outstanding nobody can say what they cover.
        let settled = orders.iter().all(|order| order.amendment().is_none());
        !has_prices(order, wanted) || (settled && covered != wanted.qty)
    }
}

fn has_prices(order: &Order, wanted: &Wanted) -> bool {
    order.limit_price == wanted.limit && order.trigger_price() == wanted.trigger
}

/// Nobody knows yet what the venue makes of it.
fn is_unanswered(order: &Order) -> bool {
    let pending = matches!(order.reported_status(), Status::PendingCancel | Status::PendingReplace);
    order.status == Status::Sent
        || order.doubt != OrderDoubt::None
        || order.is_unheard()
        || order.amendment().is_some()
        || pending
}
