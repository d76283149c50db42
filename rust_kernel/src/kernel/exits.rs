//! Several exits of one trade: which is the newest, what becomes of the others, and whether a stop is missing.
//!
//! `Slot::exit` is the newest live exit, or where none is live, the last one. The live ones before it stand in
//! `Slot::other_exits`, so that a slot with one exit is looked at as quickly as ever.

use super::Kernel;
use crate::effect::{Effects, Notice};
use crate::id::Id;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{KernelDiagnosticCode as Code, Origin, PositionSide, Severity, VenueOrderStatus};
use crate::num::{Money, Qty};
use crate::order::{Order, OrderRef, OrderRole, OrderStore};
use crate::planted::{Bug, planted};
use crate::position::{Basis, position_side};
use crate::slot::Slot;
use crate::slot::table::Symbol;

impl Kernel {
    /// A slot's live exits, oldest first.
    pub(crate) fn exits_of<'a>(&'a self, slot: &'a Slot) -> impl Iterator<Item = &'a Order> {
        let references = slot.other_exits.iter().copied().chain(slot.exit);
        references.filter_map(|reference| self.orders.get(reference)).filter(|order| order.is_live())
    }

    pub(crate) fn live_exits(&self, slot_id: u32) -> alloc::vec::Vec<OrderRef> {
        let slot = &self.slots[slot_id as usize];
        let references = slot.other_exits.iter().copied().chain(slot.exit);
        references.filter(|reference| self.orders.get(*reference).is_some_and(Order::is_live)).collect()
    }

    /// The newest exit steps back for one more, while it works.
    #[inline]
    pub(crate) fn make_room_for_exit(&mut self, slot_id: u32) {
        if let Some(exit) = self.slots[slot_id as usize].exit
            && self.orders.get(exit).is_some_and(Order::is_live)
        {
            self.step_back(slot_id, exit);
        }
    }

    /// It takes along why the trade is to end if it is the one that closes it.
    #[cold]
    fn step_back(&mut self, slot_id: u32, exit: OrderRef) {
        let slot = &mut self.slots[slot_id as usize];
        slot.exit = None;
        slot.other_exits.push(exit);
        self.orders.at_mut(exit.place).extra_mut().reason.clone_from(&slot.close_reason);
    }

    /// An exit has ended while others work: it leaves the list, and the newest of the others takes its place.
    #[cold]
    pub(crate) fn drop_ended_exit(&mut self, slot_id: u32, number: u64) {
        let slot = &mut self.slots[slot_id as usize];
        slot.other_exits.retain(|reference| reference.number != number);
        if slot.exit.is_none_or(|reference| reference.number != number) {
            return;
        }
        // One that waits for room stands in front, and takes the place once it leaves.
        let sent =
            |orders: &OrderStore, exit: OrderRef| orders.at(exit.place).status != VenueOrderStatus::New;
        if let Some(next) = slot.other_exits.pop_if(|next| sent(&self.orders, *next)) {
            slot.exit = Some(next);
        }
    }

    /// An exit works again (amended up, or a fill of it was busted): back to its slot, behind those that work.
    pub(crate) fn rejoin_exit(&mut self, place: u32) {
        let order = self.orders.at(place);
        let reference = OrderRef { place, number: order.number };
        let slot = &self.slots[order.slot_id as usize];
        let slot_id = order.slot_id;
        let newest = slot.exit.filter(|exit| exit.number != reference.number);
        let works = newest.is_some_and(|exit| self.orders.get(exit).is_some_and(Order::is_live));
        let slot = &mut self.slots[slot_id as usize];
        if !works {
            slot.exit = Some(reference);
        } else if slot.other_exits.iter().all(|other| other.number != reference.number) {
            let at = slot.other_exits.partition_point(|other| other.number < reference.number);
            slot.other_exits.insert(at, reference);
        }
    }

    /// The newest exit ended without closing the trade: its reason does not stand. The one that is the newest now says
    /// why the trade is to end.
    #[cold]
    pub(crate) fn withdraw_reason(&mut self, slot_id: u32) {
        let next = self.slots[slot_id as usize].other_exits.last().copied();
        let extra = next.and_then(|next| self.orders.at(next.place).extra.as_ref());
        let reason = extra.map_or(Id::EMPTY, |extra| extra.reason.clone());
        self.slots[slot_id as usize].close_reason = reason;
    }

    /// The position is gone while exits are at work: they are taken back.
    #[cold]
    pub(crate) fn call_off_exits(&mut self, slot_id: u32, effects: &mut Effects) {
        for exit in self.live_exits(slot_id) {
            self.call_off(exit, effects);
        }
    }

    /// A stop ended without our asking and without having closed its part. Where no other one is live, the position
    /// has no protection: somebody must know at once.
    #[cold]
    pub(crate) fn protection_failed(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at(place);
        let Some(slot_id) = self.owner_of(order.role, order.slot_id, order.trade_number) else { return };
        let slot = &self.slots[slot_id as usize];
        let guarded = self.exits_of(slot).any(|exit| exit.order_type.is_protective());
        if slot.basis.qty.is_zero() || (guarded && !self.is_short_of_stops(slot)) {
            return;
        }
        self.slots[slot_id as usize].unprotected = true;
        let (seq, severity) = (self.seq, Severity::Critical);
        effects.notices.push(Notice { seq, code: Code::VenueRejected, severity, slot_id: Some(slot_id) });
    }

    /// A stop works again, or there is nothing left to protect.
    #[cold]
    pub(crate) fn refresh_protection(&mut self, slot_id: u32) {
        let slot = &self.slots[slot_id as usize];
        let acknowledged = |exit: &Order| {
            exit.order_type.is_protective()
                && !matches!(exit.status, VenueOrderStatus::New | VenueOrderStatus::Sent)
        };
        let guarded = self.exits_of(slot).any(acknowledged) && !self.is_short_of_stops(slot);
        if slot.basis.qty.is_zero() || guarded {
            self.slots[slot_id as usize].unprotected = false;
        }
    }

    /// True where an order that ends now leaves a gap in the protection: a stop of an exit, not full, not by our wish.
    #[inline]
    pub(crate) fn is_failing_stop(order: &Order, status: VenueOrderStatus) -> bool {
        !planted(Bug::LostStopIsQuiet)
            && order.role == OrderRole::Exit
            && order.order_type.is_protective()
            && status != VenueOrderStatus::Filled
            && !order.cancel_requested
    }

    /// True where the venue's position is less than a slot's: strangers' trades, or another slot's overfill, have closed
    /// a part of it, and an order that may only reduce is rejected for the rest. Where slots of both sides share the book,
    /// that is nothing unusual, and exits go by it.
    #[inline]
    pub(crate) fn is_closed_by_others(&self, slot_id: u32) -> bool {
        let slot = &self.slots[slot_id as usize];
        let side = position_side(self.is_hedged(slot.instrument), slot.side) as usize;
        let Some(books) = self.books.get(slot.instrument as usize) else { return false };
        let (book, held) = (books.book[side].position.qty, slot.basis.qty);
        let rules = &self.instruments[slot.instrument as usize];
        let goes_by_itself = rules.base.is_some() || rules.nets();
        !goes_by_itself && !held.is_zero() && (book.signum() != held.signum() || book.abs() < held.abs())
    }

    /// Pairs a slot off with its exact opposite among what is unassigned, where the venue has neither: the trade is over, at
    /// what that was traded for. Exits of it could only be refused. False where that is not so, and where entries may trade
    /// against what is unassigned.
    #[cold]
    pub(crate) fn pair_off_with_unassigned(&mut self, slot_id: u32, effects: &mut Effects) -> bool {
        let slot = &self.slots[slot_id as usize];
        let side = position_side(self.is_hedged(slot.instrument), slot.side) as usize;
        let (instrument, held) = (slot.instrument as usize, slot.basis.qty);
        let books = &self.books[instrument];
        let opposite = books.unassigned[side].basis;
        let is_flat = books.book[side].position.qty.is_zero() && opposite.qty == -held;
        let grows = slot.entry.is_some_and(|entry| self.is_live(entry));
        if !is_flat || grows || !self.is_closed_by_others(slot_id) || planted(Bug::StuckSlotStays) {
            return false;
        }
        let slot = &mut self.slots[slot_id as usize];
        let own = slot.basis.apply(opposite.qty, opposite.cost).realized;
        slot.realized += own;
        slot.close_reason = Id::new("PAIRED_OFF").unwrap_or_default();
        let unassigned = &mut self.books[instrument].unassigned[side];
        let rest = unassigned.apply(-opposite.qty, -opposite.cost, Origin::Manual).realized;
        self.post_between(slot_id, own + rest, Cause::InterSlot, &Id::EMPTY);
        self.notice(effects, Code::ReconcileRequired, Some(slot_id));
        self.after_move(slot_id, effects);
        true
    }

    /// Whether the venue's net position covers an exit of `qty` beside the exits that count on it already: of each slot of
    /// that side no more than it holds. Only then may the exit be one that only reduces: the venue rejects or cuts one
    /// that goes further.
    #[cold]
    pub(crate) fn net_covers(&self, slot_id: u32, qty: Qty) -> bool {
        let slot = &self.slots[slot_id as usize];
        let (instrument, side) = (slot.instrument, slot.side);
        let net = self.books[instrument as usize].book[PositionSide::Both as usize].position.qty;
        if planted(Bug::OwnSizeIsCover) {
            return true;
        }
        if net.signum() != slot.basis.qty.signum() {
            return false;
        }
        let mut wanted = Qty::ZERO;
        for (at, slot) in (0_u32..).zip(&self.slots) {
            if slot.instrument != instrument || slot.side != side || slot.basis.qty.is_zero() {
                continue;
            }
            let counts = |exit: &&Order| exit.reduce_only && exit.status != VenueOrderStatus::New;
            let own = if at == slot_id { qty } else { Qty::ZERO };
            let at_work = self.exits_of(slot).filter(counts).fold(own, |sum, exit| sum + exit.remaining());
            wanted += if at_work < slot.size() { at_work } else { slot.size() };
        }
        wanted <= net.abs()
    }

    /// What is left of a slot's position, under the venue's minimum, goes to the unassigned book; the slot closes once
    /// nothing of it works.
    pub(crate) fn leave_dust(&mut self, slot_id: u32, effects: &mut Effects) {
        let slot = &self.slots[slot_id as usize];
        let whole = slot.basis;
        let cause = (Cause::InterSlot, Origin::Dust);
        self.move_to_unassigned(slot_id, whole.qty, whole.cost, cause, &Id::EMPTY);
        let slot = &mut self.slots[slot_id as usize];
        slot.basis = Basis::FLAT;
        slot.close_reason = Id::new("DUST").unwrap_or_default();
        self.after_move(slot_id, effects);
    }

    /// Puts a signed quantity and its cost into the unassigned book beside a slot's: taken out of the slot by the
    /// caller, or with the signs turned, to be put into it. Where that closes what lies there, the profit is the
    /// difference between slots and book, and is booked as such. `origin` is what it counts as there; what is taken out
    /// is of that first.
    pub(crate) fn move_to_unassigned(
        &mut self,
        slot_id: u32,
        qty: Qty,
        cost: Money,
        (cause, origin): (Cause, Origin),
        reference: &Id,
    ) {
        let slot = &self.slots[slot_id as usize];
        let side = position_side(self.is_hedged(slot.instrument), slot.side) as usize;
        let instrument = slot.instrument as usize;
        let realized = self.books[instrument].unassigned[side].apply(qty, cost, origin).realized;
        self.post_between(slot_id, realized, cause, reference);
    }

    /// Books a difference between what slots and what the book have realised.
    pub(crate) fn post_between(&mut self, slot_id: u32, amount: Money, cause: Cause, reference: &Id) {
        let slot = &self.slots[slot_id as usize];
        let settle = self.instruments[slot.instrument as usize].settle;
        let posting = Posting {
            cause,
            from: Account::RealizedPnl,
            to: Account::InterSlot,
            slot_id: Some(slot_id),
            trade_id: &slot.trade_id,
            reference,
        };
        self.ledger.post(self.seq, settle, amount, posting);
    }

    /// Moves a slot whose position changed past its orders.
    pub(crate) fn after_move(&mut self, slot_id: u32, effects: &mut Effects) {
        if self.slots[slot_id as usize].basis.qty.is_zero() {
            self.drop_waiting(slot_id);
        }
        let slot = &self.slots[slot_id as usize];
        let facts = self.facts(slot);
        let at_work = facts.entry.is_some() || facts.exit.is_some();
        let symbol = match (slot.stage.is_free(), facts.holds, at_work) {
            (true, true, _) => Symbol::PositionBack,
            (true, false, _) => return,
            (false, false, false) => Symbol::PositionGone,
            (false, _, _) => Symbol::PositionMoved,
        };
        self.move_slot(slot_id, symbol, effects);
        if facts.exit.is_some() && !facts.holds {
            self.call_off_exits(slot_id, effects);
        } else if facts.exit.is_some() {
            self.crowded.push(slot_id);
        }
        if self.slots[slot_id as usize].unprotected {
            self.refresh_protection(slot_id);
        }
    }
}
