//! What fills and ends make of an order's status, and by the table of its slot.

use crate::effect::Effects;
use crate::id::Id;
use crate::kernel::Kernel;
use crate::names::{OrderDoubt, TradeStage, VenueOrderStatus};
use crate::order::{Amendment, Order, OrderRef, OrderRole};
use crate::slot::classify::{Change, Seat, symbol};
use crate::slot::table::Symbol;

/// One in so many of the remembered orders may be fills that were settled and have not come.
const AHEAD_PART: usize = 4;

impl Kernel {
    /// What fills make of their order's status, and of its slot.
    #[inline]
    pub(crate) fn after_fills(&mut self, place: u32, complete: bool, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        if order.doubt == OrderDoubt::Submit {
            order.doubt = OrderDoubt::None;
        }
        let complete = complete || order.filled >= order.qty;
        if order.status.is_ended() {
            // Ended stays ended: the fill is late, the money is real.
            if complete && order.filled >= order.qty {
                order.status = VenueOrderStatus::Filled;
            }
            return self.after_change(place, Change::LateFilled, effects);
        }
        if complete {
            return self.end_order(place, VenueOrderStatus::Filled, Change::Filled, effects);
        }
        // Pending states outrank working ones, and so does a guarantee.
        let outranked = matches!(
            order.status,
            VenueOrderStatus::PendingCancel | VenueOrderStatus::PendingReplace | VenueOrderStatus::Stopped
        );
        if !outranked {
            order.status = VenueOrderStatus::PartiallyFilled;
        }
        self.after_change(place, Change::Filled, effects);
    }

    /// Ends an order: nothing of it works any more. Late fills may still come.
    pub(crate) fn end_order(
        &mut self,
        place: u32,
        status: VenueOrderStatus,
        change: Change,
        effects: &mut Effects,
    ) {
        let order = self.orders.at_mut(place);
        if order.extra.is_some() || order.order_type.is_protective() || order.is_pending() {
            return self.end_unusual(place, status, change, effects);
        }
        order.status = status;
        order.cancel_requested = false;
        order.doubt = OrderDoubt::None;
        if !order.reserved.is_zero() {
            self.refresh_reservation(place);
        }
        self.after_change(place, change, effects);
        self.retire(place);
    }

    /// The same of an order with a trigger, a group or a change on the way.
    #[cold]
    #[inline(never)]
    fn end_unusual(&mut self, place: u32, status: VenueOrderStatus, change: Change, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        let unguarded = Kernel::is_failing_stop(order, status);
        // What is pending at the venue is so until the venue has answered, whatever fills meanwhile.
        let pending = Some(order.status).filter(|_| order.is_pending() && status == VenueOrderStatus::Filled);
        if order.extra.is_some() || pending.is_some() {
            order.extra_mut().beside = pending;
        }
        order.status = status;
        order.cancel_requested = false;
        // What is filled may still be amended up; what ended otherwise may not. A group holds nothing back for what
        // has ended: there the answer counts when it comes.
        let filled = order.filled;
        let grows = |asked: &Amendment| status == VenueOrderStatus::Filled && asked.qty > filled;
        let amendable = order.amendment().is_some_and(grows) && order.oco_group().is_none();
        if !amendable || order.doubt != OrderDoubt::Amend {
            order.doubt = OrderDoubt::None;
        }
        if let (Some(extra), false) = (&mut order.extra, amendable) {
            // One that was given up before may have been made all the same.
            let asked = extra.amendment.take().or_else(|| extra.given_up.take());
            extra.given_up = asked.filter(grows);
        }
        self.refresh_reservation(place);
        self.after_change(place, change, effects);
        if unguarded {
            if status == VenueOrderStatus::Rejected {
                self.refused.push(self.orders.at(place).number);
            }
            self.protection_failed(place, effects);
        }
        self.retire(place);
    }

    /// Moves the order's slot by the table, if it still carries the order's trade.
    #[inline]
    pub(crate) fn after_change(&mut self, place: u32, change: Change, effects: &mut Effects) {
        let order = self.orders.at(place);
        let has_extra = order.extra.is_some();
        if has_extra {
            self.after_group_change(place, effects);
        }
        let order = self.orders.at(place);
        let (role, status, number, filled) = (order.role, order.status, order.number, order.filled);
        let Some(slot_id) = self.owner_of(role, order.slot_id, order.trade_number) else { return };
        if change == Change::LateFilled && self.moved_on(slot_id) {
            return;
        }
        let mut newest = true;
        if role == OrderRole::Exit {
            let slot = &self.slots[slot_id as usize];
            newest = slot.exit.is_some_and(|exit| exit.number == number);
            let others = !slot.other_exits.is_empty();
            // One that has filled a part of it is not why the others will end the trade.
            let is_over = change == Change::Ended || (others && status.is_ended());
            if is_over && newest && !slot.basis.qty.is_zero() {
                self.withdraw_reason(slot_id);
            }
            if others && status.is_ended() {
                if self.slots[slot_id as usize].basis.qty.is_zero() {
                    self.drop_waiting(slot_id);
                }
                self.drop_ended_exit(slot_id, number);
            }
            if others || has_extra || !newest {
                self.note_crowded(slot_id, change);
            }
        }
        let seat = Seat { role, newest, live: !status.is_ended() };
        let slot = &self.slots[slot_id as usize];
        let facts = self.facts(slot);
        let Some(mut symbol) = symbol(seat, change, facts) else { return };
        if symbol == Symbol::ExitLateFilled && slot.stage == TradeStage::PositionOpen && !facts.holds {
            symbol = Symbol::ExitLateFilledFlat;
        }
        self.move_slot(slot_id, symbol, effects);
        if has_extra && !newest && status == VenueOrderStatus::Filled && !facts.holds {
            self.take_reason(slot_id, place);
        }
        let slot = &mut self.slots[slot_id as usize];
        // An addition that ends says nothing of the trade.
        let cut_short = || {
            role == OrderRole::Entry
                && change == Change::Ended
                && status != VenueOrderStatus::Filled
                && slot.stage == TradeStage::PositionOpen
                && slot.initial == filled
        };
        if (slot.stage == TradeStage::Closed || cut_short()) && slot.close_reason.is_empty() {
            slot.close_reason = close_reason(role, status);
            if role == OrderRole::Entry && status == VenueOrderStatus::Filled {
                self.say_if_netted(slot_id, place);
            }
        }
        if self.slots[slot_id as usize].unprotected {
            self.refresh_protection(slot_id);
        }
        // A venue that has just refused refuses again, before the news that say why have come: never at once.
        if facts.exit.is_some() && !facts.holds && change != Change::CancelRefused {
            self.call_off_exits(slot_id, effects);
        }
    }

    /// Not the newest exit has closed the trade: what that one was for is not why.
    #[cold]
    fn take_reason(&mut self, slot_id: u32, place: u32) {
        if let Some(extra) = &self.orders.at(place).extra {
            self.slots[slot_id as usize].close_reason.clone_from(&extra.reason);
        }
    }

    /// Lets an ended order be forgotten in its turn, but not while its slot carries its trade, nor while it is asked for.
    #[inline]
    pub(crate) fn retire(&mut self, place: u32) {
        let reference = OrderRef { place, number: self.orders.at(place).number };
        let slots = &self.slots;
        // What is settled ahead of its fill is held back until that comes, as far as a part of the memory goes.
        let ahead_may_stay = self.orders.unseen() <= self.config.remembered_orders / AHEAD_PART;
        let pinned = |order: &Order| {
            !order.reserved.is_zero()
                || order.is_unheard()
                || (ahead_may_stay && order.is_settled_ahead())
                || slots.get(order.slot_id as usize).is_some_and(|slot| {
                    order.role != OrderRole::External
                        && slot.trade_number == order.trade_number
                        && !slot.stage.is_free()
                })
        };
        self.orders.retire(reference, pinned);
    }
}

/// Why a trade ended, where the strategy did not say.
fn close_reason(role: OrderRole, status: VenueOrderStatus) -> Id {
    let text = match (role, status) {
        (OrderRole::Exit, _) | (_, VenueOrderStatus::Filled) => "EXIT",
        (_, VenueOrderStatus::Rejected) => "REJECTED",
        (_, VenueOrderStatus::Expired) => "EXPIRED",
        (_, VenueOrderStatus::DoneForDay) => "DONE_FOR_DAY",
        (_, _) => "CANCELED",
    };
    Id::new(text).unwrap_or_default()
}
