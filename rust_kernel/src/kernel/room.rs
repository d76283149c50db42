//! What the exits of one trade may sell together: its limit and market exits no more than it holds, and its stops no more
//! than it holds beside the one that is being replaced. What is not confirmed counts as it was.
//!
//! Market exits come before resting ones, and those before attached targets. An exit that needs the room of others waits,
//! unsent, until the venue has confirmed that they have given it. Of stops the newest comes first, once the venue has it:
//! until then the older ones guard.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use super::amend::is_free;
use super::intent::Prices;
use crate::effect::{Effects, Notice};
use crate::id::Id;
use crate::input::{Attachment, Intent};
use crate::names::{
    KernelCommandType, KernelDiagnosticCode as Code, OrderType, Severity, VenueOrderStatus as Status,
};
use crate::num::Qty;
use crate::order::{Amendment, Order, OrderRef, OrderRole};
use crate::planted::{Bug, planted};
use crate::slot::Slot;
use crate::slot::classify::Change;

/// True for an exit that is to sell: no stop.
pub(crate) fn sells(order: &Order) -> bool {
    !order.order_type.is_protective()
}

/// True for an exit that has not left, as others have to make room for it.
fn waits(order: &Order) -> bool {
    order.status == Status::New
}

fn least(one: Qty, other: Qty) -> Qty {
    if one < other { one } else { other }
}

impl Kernel {
    /// How much of a trade no limit or market exit that has left may still sell.
    pub(crate) fn sellable(&self, slot: &Slot) -> Qty {
        let sent = self.exits_of(slot).filter(|exit| sells(exit) && !waits(exit));
        let taken = sent.fold(Qty::ZERO, |sum, exit| sum + exit.may_fill());
        if taken < slot.size() { slot.size() - taken } else { Qty::ZERO }
    }

    /// What the strategy's own limit and market exits will sell; what is at the market counts until it has ended.
    pub(crate) fn covered(&self, slot: &Slot, at_market_only: bool) -> Qty {
        let own = self.exits_of(slot).filter(|exit| sells(exit) && !exit.is_attached());
        own.fold(Qty::ZERO, |sum, exit| match (exit.order_type == OrderType::Market, at_market_only) {
            (true, _) => sum + exit.may_fill(),
            (false, true) => sum,
            (false, false) => sum + exit.will_fill(),
        })
    }

    /// What the strategy's own stops guard, as far as the venue has them.
    pub(crate) fn guarded(&self, slot: &Slot) -> Qty {
        let own = self.exits_of(slot).filter(|exit| !sells(exit) && !exit.is_attached());
        let there = own.filter(|exit| !waits(exit) && exit.status != Status::Sent);
        there.fold(Qty::ZERO, |sum, exit| sum + exit.will_fill())
    }

    /// Whether a stop may join those of its slot: beside what is held, one exit's are replaced at a time.
    pub(crate) fn takes_stop(&self, slot: &Slot, qty: Qty) -> bool {
        let (mut sum, mut largest) = (qty, Qty::ZERO);
        let stops = || self.exits_of(slot).filter(|exit| !sells(exit));
        for stop in stops() {
            sum += stop.may_fill();
            let parts = stops().filter(|part| part.intent_id == stop.intent_id);
            let whole = parts.fold(Qty::ZERO, |sum, part| sum + part.may_fill());
            largest = if whole > largest { whole } else { largest };
        }
        sum <= slot.size() + largest
    }

    /// True for an exit that, with the others of its kind as the venue has them, is more than its trade holds.
    #[cold]
    pub(crate) fn is_too_large(&self, exit: &Order) -> bool {
        let owner = self.owner_of(exit.role, exit.slot_id, exit.trade_number);
        let Some(slot_id) = owner.filter(|_| exit.role == OrderRole::Exit) else { return false };
        let slot = &self.slots[slot_id as usize];
        let alike = self.exits_of(slot).filter(|other| sells(other) == sells(exit) && !waits(other));
        alike.fold(Qty::ZERO, |sum, other| sum + other.may_fill()) > slot.size()
    }

    /// True while the exits of a trade, as far as they were asked to change, would sell more than it holds, or one waits.
    fn is_crowded(&self, slot: &Slot) -> bool {
        let (mut selling, mut guarding, size) = (Qty::ZERO, Qty::ZERO, slot.size());
        for exit in self.exits_of(slot) {
            if waits(exit) {
                return true;
            }
            let sum = if sells(exit) { &mut selling } else { &mut guarding };
            if exit.status != Status::Sent || sells(exit) {
                *sum += exit.will_fill();
            }
        }
        !size.is_zero() && (selling > size || guarding > size)
    }

    /// The slots say which of them are crowded.
    pub(super) fn find_crowded(&mut self) {
        let slots = (0_u32..).zip(&self.slots).filter(|(_, slot)| self.is_crowded(slot));
        self.waiting = slots.map(|(slot_id, _)| slot_id).collect();
    }

    /// An exit has changed beside others: what they may sell is looked at once the step is over. A venue that has just
    /// refused to cancel refuses again: it is asked later.
    #[cold]
    pub(crate) fn note_crowded(&mut self, slot_id: u32, change: Change) {
        if change != Change::CancelRefused {
            self.crowded.push(slot_id);
        } else if !self.waiting.contains(&slot_id) {
            self.waiting.push(slot_id);
        }
    }

    /// An exit that has to wait: behind those of its slot that have left.
    #[cold]
    pub(crate) fn let_wait(&mut self, slot_id: u32, exit: OrderRef, reason: &Id) {
        let now_ns = self.now_ns;
        self.orders.at_mut(exit.place).extra_mut().reason.clone_from(reason);
        let slot = &mut self.slots[slot_id as usize];
        slot.other_exits.insert(0, exit);
        slot.last_event_time_ns = now_ns;
        if slot.attached.is_some() {
            self.touched.push(slot_id);
        }
        self.crowded.push(slot_id);
    }

    /// The trade is closed: what waits to sell of it never leaves.
    #[cold]
    pub(crate) fn drop_waiting(&mut self, slot_id: u32) {
        for exit in self.live_exits(slot_id) {
            if waits(self.orders.at(exit.place)) {
                self.drop_unsent(exit);
            }
        }
    }

    /// An exit that waits never leaves. No stage has come of it, and none goes with it.
    #[cold]
    pub(crate) fn drop_unsent(&mut self, exit: OrderRef) {
        let order = self.orders.at_mut(exit.place);
        order.status = Status::Canceled;
        let slot_id = order.slot_id;
        if let Some(group) = order.oco_group().cloned() {
            self.groups.leave(&group, exit.number);
        }
        self.slots[slot_id as usize].other_exits.retain(|other| *other != exit);
        self.retire(exit.place);
    }

    /// After a step: brings the exits of the slots that it has touched to what they may sell, and sends what has waited for
    /// room and has it.
    #[cold]
    #[inline(never)]
    pub(super) fn fit_exits(&mut self, effects: &mut Effects) {
        let mut crowded = core::mem::take(&mut self.crowded);
        crowded.sort_unstable();
        crowded.dedup();
        for slot_id in crowded.drain(..) {
            self.cut_exits(slot_id, effects);
            self.send_waiting(slot_id, effects);
            self.waiting.push(slot_id);
        }
        self.crowded.clear();
        self.refused.clear();
        let mut waiting = core::mem::take(&mut self.waiting);
        waiting.sort_unstable();
        waiting.dedup();
        waiting.retain(|slot_id| self.is_crowded(&self.slots[*slot_id as usize]));
        self.waiting = waiting;
    }

    /// The strategy's own exits get a smaller total where they would sell more than there is, or go where nothing is left for
    /// them. Attached ones are brought to size with their trade.
    fn cut_exits(&mut self, slot_id: u32, effects: &mut Effects) {
        let slot = &self.slots[slot_id as usize];
        // What is under a lot no order can sell.
        let size = self.instruments[slot.instrument as usize].whole_lots(slot.size());
        if slot.size().is_zero() || planted(Bug::ExitsOutgrowTheirSlot) {
            return;
        }
        let mut exits = self.live_exits(slot_id);
        exits.sort_unstable_by_key(|exit| exit.number);
        exits.retain(|exit| !self.orders.at(exit.place).is_attached());
        let mut room = size;
        for at_market in [true, false] {
            for exit in &exits {
                let order = self.orders.at(exit.place);
                if !sells(order) || (order.order_type == OrderType::Market) != at_market {
                    continue;
                }
                let wanted = order.will_fill();
                let kept = least(wanted, room);
                room -= kept;
                if kept < wanted {
                    self.shrink(*exit, kept, effects);
                }
            }
        }
        room = size;
        for exit in exits.iter().rev() {
            let order = self.orders.at(exit.place);
            if sells(order) {
                continue;
            }
            let wanted = order.will_fill();
            // One that the venue does not have yet takes no other's place.
            let kept = least(wanted, if order.status == Status::Sent { size } else { room });
            if order.status != Status::Sent {
                room -= kept;
            }
            if kept < wanted {
                self.shrink(*exit, kept, effects);
            }
        }
    }

    fn shrink(&mut self, exit: OrderRef, kept: Qty, effects: &mut Effects) {
        let order = self.orders.at(exit.place);
        let least = self.instruments[order.instrument as usize].min_qty;
        let (total, stays) = (order.filled + kept, !kept.is_zero());
        if waits(order) && stays && kept >= least {
            self.orders.at_mut(exit.place).qty = kept;
        } else if !stays || total < least {
            self.call_off(exit, effects);
        } else if self.refused.is_empty() && is_free(order) {
            self.cut_exit(exit.place, total, effects);
        } else if sells(order) {
            self.call_off(exit, effects);
        } else if self.refused.contains(&exit.number) {
            self.replace_stop(exit, kept, effects);
        } else if !self.refused.is_empty() {
            // Nor does the venue take a second stop beside it: it would sell what is not the trade's.
            let (seq, slot_id) = (self.seq, order.slot_id);
            self.call_off(exit, effects);
            self.slots[slot_id as usize].unprotected = true;
            let (code, severity) = (Code::VenueRejected, Severity::Critical);
            effects.notices.push(Notice { seq, code, severity, slot_id: Some(slot_id) });
        }
    }

    fn cut_exit(&mut self, place: u32, total: Qty, effects: &mut Effects) {
        let order = self.orders.at(place);
        let amendment = Amendment {
            request_id: Id::EMPTY,
            qty: total,
            limit_price: order.limit_price,
            trigger_price: order.trigger_price(),
            reserve_price: order.reserve_price,
            sent_time_ns: self.now_ns,
        };
        self.send_amendment(place, amendment, effects);
    }

    /// The venue does not amend a stop: another one of its intent is sent, and takes its place once the venue has it.
    fn replace_stop(&mut self, exit: OrderRef, qty: Qty, effects: &mut Effects) {
        let order = self.orders.at(exit.place);
        let slot_id = order.slot_id;
        let slot = &self.slots[slot_id as usize];
        if !self.takes_stop(slot, qty) || !self.takes_exit(slot) {
            return;
        }
        let reason = match &order.extra {
            Some(extra) if slot.exit.is_none_or(|newest| newest.number != exit.number) => &extra.reason,
            Some(_) | None => &slot.close_reason,
        };
        let mut intent = Intent::new(
            KernelCommandType::Exit,
            order.intent_id.clone(),
            slot.trade_id.clone(),
            slot_id,
            self.instruments[slot.instrument as usize].spec.symbol.clone(),
            slot.side,
        );
        intent.order_type = order.order_type;
        (intent.time_in_force, intent.expire_time_ns) = (order.time_in_force, order.expire_time_ns);
        intent.post_only = order.post_only;
        intent.oco_group = order.oco_group().cloned().unwrap_or_default();
        intent.valid_until_ns = order.extra.as_ref().and_then(|extra| extra.valid_until_ns);
        let trigger_by = order.trigger_by();
        intent.attached = Some(Box::new(Attachment { trigger_by, ..Attachment::NONE }));
        intent.reason = reason.clone();
        let prices = Prices { limit: order.limit_price, trigger: order.trigger_price() };
        self.order_exit(qty, prices, &intent, effects);
    }

    /// Sends what has waited, as far as the exits that have left allow it.
    fn send_waiting(&mut self, slot_id: u32, effects: &mut Effects) {
        let slot = &self.slots[slot_id as usize];
        let mut waiting: Vec<OrderRef> = slot.other_exits.clone();
        waiting.retain(|exit| self.orders.get(*exit).is_some_and(waits));
        waiting.sort_unstable_by_key(|exit| exit.number);
        for exit in waiting {
            let slot = &self.slots[slot_id as usize];
            let order = self.orders.at(exit.place);
            if order.qty > self.sellable(slot) {
                return;
            }
            let (qty, instrument) = (order.qty, order.instrument);
            let prices = Prices { limit: order.limit_price, trigger: order.trigger_price() };
            let reason = order.extra.as_ref().map(|extra| extra.reason.clone()).unwrap_or_default();
            let slot = &mut self.slots[slot_id as usize];
            slot.other_exits.retain(|other| *other != exit);
            self.make_room_for_exit(slot_id);
            self.slots[slot_id as usize].close_reason = reason;
            if self.nets(instrument) {
                self.go_by_net(exit.place, qty, prices);
            }
            self.send_exit(slot_id, exit, effects);
        }
    }

    // ---------------------------------------------------------------------------------- a way that is not cleared

    /// An exit waits for room or is too large, and nothing has come of what the venue was asked for: it is asked once more.
    pub(super) fn clear_the_way(&mut self, effects: &mut Effects) {
        let now_ns = self.now_ns;
        for at in 0..self.waiting.len() {
            let slot_id = self.waiting[at];
            let slot = &self.slots[slot_id as usize];
            let due_ns = slot.last_event_time_ns.saturating_add(self.config.requery_interval_ns);
            if due_ns > now_ns || !self.is_crowded(slot) {
                continue;
            }
            self.slots[slot_id as usize].last_event_time_ns = now_ns;
            for exit in self.live_exits(slot_id) {
                let order = self.orders.at(exit.place);
                if order.cancel_requested && order.doubt == crate::names::OrderDoubt::None {
                    self.ask(exit.place, effects);
                }
            }
            self.crowded.push(slot_id);
            if self.slots[slot_id as usize].attached.is_some() {
                self.touched.push(slot_id);
            }
        }
    }

    /// When that is, ns.
    pub(super) fn next_waiting_ns(&self) -> Option<i64> {
        if self.connection.down_since_ns.is_some() {
            return None;
        }
        let interval_ns = self.config.requery_interval_ns;
        let slots = self.waiting.iter().map(|slot_id| &self.slots[*slot_id as usize]);
        let crowded = slots.filter(|slot| self.is_crowded(slot));
        crowded.filter_map(|slot| slot.last_event_time_ns.checked_add(interval_ns)).min()
    }
}
