//! The exits that are attached to trades, kept in step with them: the one place that sends, amends and cancels them, whatever
//! it was that moved the trade.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use super::intent::Prices;
use crate::attached::{Attached, Figures, LEGS_MAX, Leg, Tried, Wanted, Way, closing_side, is_better};
use crate::effect::{Effects, Notice};
use crate::id::Id;
use crate::input::{Attachment, Input, Intent};
use crate::names::{
    ExitKind, KernelCommandType, KernelDiagnosticCode as Code, OrderDoubt, Severity,
    VenueOrderStatus as Status,
};
use crate::num::Qty;
use crate::order::{Amendment, Order, OrderRef, OrderRole};
use crate::planted::{Bug, planted};
use crate::slot::table::{Rule, Symbol, rule};
use crate::slot::{EXITS_MAX, Slot};

const SECOND_NS: i64 = 1_000_000_000;
/// A position may be without a stop for so long while its stop is replaced.
const BARE_NS: i64 = 2 * SECOND_NS;
/// The same thing is asked of the venue at most so often.
const TRIES_MAX: u32 = 5;

impl Kernel {
    /// After a step: looks at the trades that it has moved. Commands leave in the order in which they are found here.
    #[cold]
    #[inline(never)]
    pub(super) fn mind_exits(&mut self, input: &Input, slot_id: Option<u32>, effects: &mut Effects) {
        let mut moved = core::mem::take(&mut self.touched);
        moved.extend(slot_id);
        match input {
            Input::Mark { symbol, .. } => self.follow_mark(symbol, &mut moved),
            Input::Time => {
                let now_ns = self.now_ns;
                let due = |slot: &Slot| slot.attached.as_ref()?.wake_ns.filter(|wake_ns| *wake_ns <= now_ns);
                let guarded = self.guarded.iter().copied();
                moved.extend(guarded.filter(|slot_id| due(&self.slots[*slot_id as usize]).is_some()));
            }
            Input::Restart | Input::Override(_) | Input::Instrument(_) | Input::Listed(_) => {
                moved.extend(&self.guarded)
            }
            Input::Intent(_)
            | Input::Venue(_)
            | Input::Account(_)
            | Input::Seed { .. }
            | Input::Effect(_)
            | Input::Control(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Recalled(_)
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Capacity { .. } => {}
        }
        moved.sort_unstable();
        moved.dedup();
        for slot_id in moved.drain(..) {
            self.mind_exits_of(slot_id, effects);
        }
        self.touched.clear();
    }

    /// A mark that is better by enough is the best one from now on.
    fn follow_mark(&mut self, symbol: &Id, moved: &mut Vec<u32>) {
        let Some(instrument) = self.instrument_of(symbol) else { return };
        let Some(mark) = self.instruments[instrument as usize].mark else { return };
        for at in 0..self.guarded.len() {
            let slot_id = self.guarded[at];
            if self.is_trailing(slot_id, instrument, mark) {
                if let Some(attached) = &mut self.slots[slot_id as usize].attached {
                    attached.best = Some(mark);
                }
                moved.push(slot_id);
            }
        }
    }

    fn is_trailing(&self, slot_id: u32, instrument: u32, mark: crate::num::Price) -> bool {
        let slot = &self.slots[slot_id as usize];
        slot.instrument == instrument
            && slot.attached.as_ref().is_some_and(|attached| attached.is_moved_by(self.figures(slot), mark))
    }

    /// True where a mark moves a trailing stop: it cannot wait until something else reads it.
    #[must_use]
    pub fn moves_a_stop(&self, input: &Input) -> bool {
        let Input::Mark { symbol, price, .. } = input else { return false };
        if self.guarded.is_empty() {
            return false;
        }
        let Some(instrument) = self.instrument_of(symbol) else { return false };
        let Ok(mark) = self.instruments[instrument as usize].mark(*price) else { return false };
        self.guarded.iter().any(|slot_id| self.is_trailing(*slot_id, instrument, mark))
    }

    /// When a tick has something to do for attached exits, ns.
    pub(super) fn next_exits_ns(&self) -> Option<i64> {
        let slots = self.guarded.iter().map(|slot_id| &self.slots[*slot_id as usize]);
        slots.filter_map(|slot| slot.attached.as_ref()?.wake_ns).min()
    }

    /// The slots say which of them have attached exits.
    pub(super) fn find_guarded(&mut self) {
        let slots = (0_u32..).zip(&self.slots);
        self.guarded =
            slots.filter(|(_, slot)| slot.attached.is_some()).map(|(slot_id, _)| slot_id).collect();
    }

    /// A new trade has these exits, or none.
    #[cold]
    pub(super) fn attach(&mut self, slot_id: u32, intent: &Intent) {
        self.slots[slot_id as usize].attached = Attached::of(&intent.intent_id, intent.exits());
        self.find_guarded();
    }

    /// The strategy cancels an exit: it does not want it any more.
    #[cold]
    pub(super) fn withdraw_exit(&mut self, slot_id: u32, place: u32) {
        let number = self.orders.at(place).number;
        let Some(attached) = &mut self.slots[slot_id as usize].attached else { return };
        let leg = attached.legs.iter().find(|leg| leg.order.number == number);
        if let Some(exit) = leg.and_then(|leg| attached.exits.get_mut(leg.exit as usize)) {
            exit.withdrawn = true;
        }
    }

    fn figures(&self, slot: &Slot) -> Figures {
        let rules = &self.instruments[slot.instrument as usize];
        let average = rules.average_price(slot.entry_value, slot.initial).filter(|_| !slot.initial.is_zero());
        let (taken, guarded) = (self.covered(slot, false), self.guarded(slot));
        Figures { side: slot.side, held: slot.size(), taken, guarded, initial: slot.initial, average }
    }

    fn mind_exits_of(&mut self, slot_id: u32, effects: &mut Effects) {
        // Out of the slot while they are looked at, and back at the end.
        let Some(mut attached) = self.slots[slot_id as usize].attached.take() else { return };
        attached.wake_ns = None;
        self.end_entry(slot_id, &attached, effects);
        let sold = self.look_at_legs(slot_id, &mut attached);
        let slot = &self.slots[slot_id as usize];
        let figures = self.figures(slot);
        let rules = &self.instruments[slot.instrument as usize];
        let mut wanted = attached.wanted(rules, figures, &sold);
        self.leave_to_the_tighter(&attached, figures, &mut wanted);
        for (exit, wanted) in wanted.into_iter().enumerate() {
            self.mind_exit(slot_id, &mut attached, exit as u32, wanted, effects);
        }
        self.mind_protection(slot_id, &mut attached, effects);
        self.slots[slot_id as usize].attached = Some(attached);
    }

    /// Of a STOP and a TRAIL only the tighter rests: both together would sell twice what is held. The other one guards until
    /// the venue has the tighter, and where it does not take that.
    fn leave_to_the_tighter(&self, attached: &Attached, of: Figures, wanted: &mut [Option<Wanted>]) {
        let trigger = |at: usize| wanted.get(at)?.as_ref()?.trigger;
        let is_stop = |at: &usize| attached.exits[*at].spec.kind != ExitKind::Target;
        let mut stops = (0..attached.exits.len()).filter(is_stop).filter_map(|at| Some((at, trigger(at)?)));
        let (Some((first, one)), Some((second, other))) = (stops.next(), stops.next()) else { return };
        let is_second = is_better(closing_side(of.side), other, one);
        let (tight, loose) = if is_second { (second, first) } else { (first, second) };
        let works = |at: usize, counts: fn(&Order) -> bool| {
            let legs = attached.legs.iter().filter(|leg| leg.exit as usize == at);
            legs.filter_map(|leg| self.orders.get(leg.order)).any(|order| order.is_live() && counts(order))
        };
        let stands = works(tight, |order| order.status != Status::Sent && !order.cancel_requested);
        let comes_first = attached.exits[tight].tried.is_none() || works(tight, |_| true);
        if stands || (comes_first && !works(loose, |_| true)) {
            wanted[loose] = None;
        }
    }

    /// Notes what has become of the orders, and returns what each exit has sold.
    fn look_at_legs(&mut self, slot_id: u32, attached: &mut Attached) -> Vec<Qty> {
        let flat = self.slots[slot_id as usize].basis.qty.is_zero();
        let mut legs = core::mem::take(&mut attached.legs);
        let live_beside = |legs: &[Leg], leg: &Leg| {
            legs.iter()
                .any(|other| other.exit == leg.exit && other.order != leg.order && self.is_live(other.order))
        };
        for at in 0..legs.len() {
            let mut leg = legs[at];
            let Some(order) = self.orders.get(leg.order) else { continue };
            leg.leaving |= order.cancel_requested || flat;
            if leg.changing && order.amendment().is_none() && order.is_live() {
                leg.changing = false;
                let exit = &mut attached.exits[leg.exit as usize];
                let kind = exit.spec.kind;
                if let Some(tried) = exit
                    .tried
                    .as_mut()
                    .filter(|tried| self.is_refused(order, &tried.wanted, (leg.exit, &legs)))
                {
                    // Refused: another way, and at once.
                    attached.way = attached.way.after_refusal(kind, Way::NewFirst);
                    tried.after_ns = self.now_ns;
                }
            }
            let over = !order.is_live();
            let refused = over && !leg.over && !leg.leaving && order.status != Status::Filled;
            if refused
                && live_beside(&legs, &leg)
                && !self.is_parted(order, attached.exits[leg.exit as usize].tried.as_ref())
            {
                let kind = attached.exits[leg.exit as usize].spec.kind;
                attached.way = attached.way.after_refusal(kind, Way::CancelFirst);
                if let Some(tried) = &mut attached.exits[leg.exit as usize].tried {
                    tried.after_ns = self.now_ns;
                }
            }
            if over && !leg.over && order.status == Status::Filled {
                attached.exits[leg.exit as usize].tried = None;
            }
            (leg.over, leg.filled) = (over, order.filled);
            legs[at] = leg;
        }
        while legs.len() > LEGS_MAX {
            let Some(oldest) = legs.iter().position(|leg| !self.is_live(leg.order)) else { break };
            let leg = legs.remove(oldest);
            let filled = self.orders.get(leg.order).map_or(Qty::ZERO, |order| order.filled);
            attached.exits[leg.exit as usize].sold += filled;
        }
        attached.legs = legs;
        let mut sold: Vec<Qty> = attached.exits.iter().map(|exit| exit.sold).collect();
        for leg in &attached.legs {
            if let (Some(sold), Some(order)) = (sold.get_mut(leg.exit as usize), self.orders.get(leg.order)) {
                *sold += order.filled;
            }
        }
        sold
    }

    pub(super) fn is_live(&self, reference: OrderRef) -> bool {
        self.orders.get(reference).is_some_and(Order::is_live)
    }

    /// What still works of an entry goes once a stop fills, or the exits have closed the position: as with EXIT.
    fn end_entry(&mut self, slot_id: u32, attached: &Attached, effects: &mut Effects) {
        let slot = &self.slots[slot_id as usize];
        let Some(entry) = slot.entry.filter(|entry| self.is_live(*entry)) else { return };
        let flat = slot.basis.qty.is_zero();
        let filled = |leg: &Leg| self.orders.get(leg.order).is_some_and(|order| order.filled > leg.filled);
        let stops = |leg: &Leg| attached.exits[leg.exit as usize].spec.kind != ExitKind::Target;
        if attached.legs.iter().any(|leg| filled(leg) && (flat || stops(leg))) {
            self.call_off(entry, effects);
        }
    }

    /// One exit: what rests for it, and what is to rest.
    fn mind_exit(
        &mut self,
        slot_id: u32,
        attached: &mut Attached,
        exit: u32,
        wanted: Option<Wanted>,
        effects: &mut Effects,
    ) {
        let legs = attached.legs.iter().filter(|leg| leg.exit == exit && self.is_live(leg.order));
        let live: Vec<OrderRef> = legs.map(|leg| leg.order).collect();
        let staying = |reference: &OrderRef| !self.orders.at(reference.place).cancel_requested;
        let current = live.iter().rev().copied().find(staying);
        let Some(wanted) = wanted else {
            if live.is_empty() {
                attached.exits[exit as usize].tried = None;
            }
            if !planted(Bug::ExitsStayBehind) {
                for order in live {
                    self.leave(attached, order, effects);
                }
            }
            return;
        };
        let rules = &self.instruments[self.slots[slot_id as usize].instrument as usize];
        if rules.market_max(wanted.order_type).is_some()
            && !planted(Bug::StopCoversOnePart)
            && let Some(largest) = rules.largest(wanted.order_type)
            && (wanted.qty > largest || live.len() > 1)
            && self.mind_parts(slot_id, attached, (exit, &live), (&wanted, largest), effects)
        {
            return;
        }
        let Some(current) = current else {
            // One that is being canceled to make room for it goes first.
            if live.is_empty() || way_of(attached, exit) != Way::CancelFirst {
                self.place_exit(slot_id, attached, exit, wanted, effects);
            }
            return;
        };
        let order = self.orders.at(current.place);
        if order.status == Status::Sent || order.doubt != OrderDoubt::None || order.is_unheard() {
            return; // its answer comes first
        }
        for older in live.into_iter().filter(|older| older.number < current.number) {
            self.leave(attached, older, effects);
        }
        self.change_exit(slot_id, attached, (exit, current), wanted, effects);
    }

    /// Takes an order back that is not wanted any more.
    pub(super) fn leave(&mut self, attached: &mut Attached, order: OrderRef, effects: &mut Effects) {
        self.call_off(order, effects);
        for leg in attached.legs.iter_mut().filter(|leg| leg.order == order) {
            leg.leaving = true;
        }
    }

    /// Brings an order that rests to what is wanted, by the way that the venue allows.
    fn change_exit(
        &mut self,
        slot_id: u32,
        attached: &mut Attached,
        (exit, current): (u32, OrderRef),
        wanted: Wanted,
        effects: &mut Effects,
    ) {
        let order = self.orders.at(current.place);
        let reported = order.reported_status();
        let pending = matches!(reported, Status::PendingCancel | Status::PendingReplace);
        if is_as_wanted(order, &wanted)
            || order.amendment().is_some()
            || pending
            || planted(Bug::StopStaysAsItWas)
        {
            return;
        }
        let rules = &self.instruments[order.instrument as usize];
        let slot = &self.slots[slot_id as usize];
        let (qty, way) = (order.filled + wanted.qty, way_of(attached, exit));
        let prices = Prices { limit: wanted.limit, trigger: wanted.trigger };
        let is_small = wanted.qty < self.least_exit(rules, slot.instrument, prices);
        if qty < rules.min_qty || (way != Way::Amend && is_small) {
            // The venue takes none that is as small: it must not stay larger than that.
            if order.will_fill() > wanted.qty {
                self.leave(attached, current, effects);
            }
            return;
        }
        if wanted.qty > order.may_fill()
            && !self.has_room_for(slot, &Wanted { qty: wanted.qty - order.may_fill(), ..wanted.clone() })
        {
            return; // others have to make room first
        }
        if way == Way::NewFirst && !self.takes_stop(slot, wanted.qty) {
            return; // one is replaced at a time
        }
        if !self.may_try(attached, exit, &wanted, order_is_like(order, &wanted)) {
            let tried = attached.exits[exit as usize].tried.as_ref();
            let is_over = tried.is_some_and(|tried| tried.after_ns == i64::MAX);
            if is_over && order.will_fill() > wanted.qty {
                // The venue changes it in no way: it would sell what the trade does not hold.
                self.leave(attached, current, effects);
            }
            return;
        }
        let room = self.exits_beside(&self.slots[slot_id as usize]) < EXITS_MAX;
        match way {
            Way::Amend => {
                let amendment = Amendment {
                    request_id: Id::EMPTY,
                    qty,
                    limit_price: wanted.limit,
                    trigger_price: wanted.trigger,
                    reserve_price: order.reserve_price,
                    sent_time_ns: self.now_ns,
                };
                self.send_amendment(current.place, amendment, effects);
                is_changing(attached, current);
                self.note_try(attached, exit, wanted);
            }
            Way::NewFirst if room => self.place_exit(slot_id, attached, exit, wanted, effects),
            Way::NewFirst | Way::CancelFirst => self.leave(attached, current, effects),
        }
    }

    /// Whether the venue may be asked for this now: not for the same thing over and over, and not for each tick of a mark.
    pub(super) fn may_try(
        &self,
        attached: &mut Attached,
        exit: u32,
        wanted: &Wanted,
        only_trigger: bool,
    ) -> bool {
        let trail = &attached.exits[exit as usize];
        let moved_ns = trail.moved_ns.filter(|_| only_trigger && !planted(Bug::TrailIsHasty));
        let mut due_ns = moved_ns.map_or(i64::MIN, |moved_ns| moved_ns.saturating_add(SECOND_NS));
        if let Some(tried) = trail.tried.as_ref().filter(|tried| tried.wanted == *wanted) {
            if tried.times >= TRIES_MAX && tried.after_ns > self.now_ns {
                return false;
            }
            due_ns = due_ns.max(tried.after_ns);
        }
        if due_ns > self.now_ns {
            wake(attached, due_ns);
            return false;
        }
        true
    }

    pub(super) fn note_try(&self, attached: &mut Attached, exit: u32, wanted: Wanted) {
        let now_ns = self.now_ns;
        let exit = &mut attached.exits[exit as usize];
        if exit.spec.kind == ExitKind::Trail {
            exit.moved_ns = exit
                .trail
                .filter(|trail| Some(*trail) != wanted.trigger)
                .map_or(exit.moved_ns, |_| Some(now_ns));
            exit.trail = wanted.trigger;
        }
        let before = exit.tried.take().filter(|tried| tried.wanted == wanted);
        let times = before.map_or(0, |tried| tried.times).saturating_add(1);
        // 1, 2, 4, 8, 16 s.
        let wait_ns = SECOND_NS.saturating_mul(1_i64 << times.saturating_sub(1).min(TRIES_MAX));
        let after_ns = if times >= TRIES_MAX { i64::MAX } else { now_ns.saturating_add(wait_ns) };
        exit.tried = Some(Tried { wanted, times, after_ns });
    }

    /// Sends an order for an exit. What the venue would not take is not sent.
    fn place_exit(
        &mut self,
        slot_id: u32,
        attached: &mut Attached,
        exit: u32,
        wanted: Wanted,
        effects: &mut Effects,
    ) {
        let slot = &self.slots[slot_id as usize];
        let rules = &self.instruments[slot.instrument as usize];
        let prices = Prices { limit: wanted.limit, trigger: wanted.trigger };
        if wanted.qty < self.least_exit(rules, slot.instrument, prices)
            || !self.takes_exit(slot)
            || !self.has_room_for(slot, &wanted)
        {
            return;
        }
        if self.may_try(attached, exit, &wanted, false) {
            self.send_leg(slot_id, attached, exit, &wanted, effects);
            self.note_try(attached, exit, wanted);
        }
    }

    /// Whether an exit may join those that work.
    pub(super) fn takes_exit(&self, slot: &Slot) -> bool {
        matches!(rule(slot.stage, Symbol::Exit), Rule::Go(_)) && self.exits_beside(slot) < EXITS_MAX
    }

    /// Whether so much more of an exit may leave beside what others may still sell.
    pub(super) fn has_room_for(&self, slot: &Slot, wanted: &Wanted) -> bool {
        if wanted.order_type.is_protective() {
            self.takes_stop(slot, wanted.qty)
        } else {
            wanted.qty <= self.sellable(slot)
        }
    }

    /// An order for an exit leaves.
    pub(super) fn send_leg(
        &mut self,
        slot_id: u32,
        attached: &mut Attached,
        exit: u32,
        wanted: &Wanted,
        effects: &mut Effects,
    ) {
        let slot = &self.slots[slot_id as usize];
        let rules = &self.instruments[slot.instrument as usize];
        let prices = Prices { limit: wanted.limit, trigger: wanted.trigger };
        let instrument = slot.instrument;
        let spec = &attached.exits[exit as usize].spec;
        let mut intent = Intent::new(
            KernelCommandType::Exit,
            attached.intent_id.clone(),
            slot.trade_id.clone(),
            slot_id,
            rules.spec.symbol.clone(),
            slot.side,
        );
        intent.order_type = wanted.order_type;
        intent.attached = Some(Box::new(Attachment { trigger_by: wanted.trigger_by, ..Attachment::NONE }));
        let reason = Id::new(spec.kind.name()).unwrap_or_default();
        let leg = (exit as u8).saturating_add(1) & 31;
        self.make_room_for_exit(slot_id);
        self.slots[slot_id as usize].close_reason = reason;
        let reference = self.new_order(OrderRole::Exit, leg, &intent, wanted.qty, prices);
        self.orders.at_mut(reference.place).extra_mut().attached = true;
        if self.nets(instrument) {
            self.go_by_net(reference.place, wanted.qty, prices);
        }
        self.send_exit(slot_id, reference, effects);
        attached.legs.push(Leg {
            exit,
            order: reference,
            filled: Qty::ZERO,
            leaving: false,
            over: false,
            changing: false,
        });
    }

    /// Whether the position has its stop, and since when it has none.
    fn mind_protection(&mut self, slot_id: u32, attached: &mut Attached, effects: &mut Effects) {
        let slot = &self.slots[slot_id as usize];
        let stays = |exit: &Order| exit.order_type.is_protective() && !exit.cancel_requested;
        let wants = attached.guards() && !slot.basis.qty.is_zero();
        let bare = !self.exits_of(slot).any(stays) || self.is_short_of_stops(slot);
        if wants && bare && !planted(Bug::ResizedWithoutAlarm) {
            self.slots[slot_id as usize].unprotected = true;
        } else if slot.unprotected && self.instruments[slot.instrument as usize].bounds.is_some() {
            // The last of several stops may have come to its size without a word of its own.
            self.refresh_protection(slot_id);
        }
        if !wants || !self.slots[slot_id as usize].unprotected {
            (attached.bare_since_ns, attached.alarmed) = (None, false);
            return;
        }
        let since_ns = *attached.bare_since_ns.get_or_insert(self.now_ns);
        if attached.alarmed {
            return;
        }
        let due_ns = since_ns.saturating_add(BARE_NS);
        if self.now_ns < due_ns {
            return wake(attached, due_ns);
        }
        attached.alarmed = true;
        let (seq, severity) = (self.seq, Severity::Critical);
        effects.notices.push(Notice { seq, code: Code::VenueRejected, severity, slot_id: Some(slot_id) });
    }
}

/// How an exit's size or price is changed.
pub(super) fn way_of(attached: &Attached, exit: u32) -> Way {
    attached.way.of(attached.exits[exit as usize].spec.kind)
}

/// A tick is wanted then, or before.
fn wake(attached: &mut Attached, due_ns: i64) {
    attached.wake_ns = Some(attached.wake_ns.map_or(due_ns, |wake_ns| wake_ns.min(due_ns)));
}

/// An order has been asked to change.
pub(super) fn is_changing(attached: &mut Attached, order: OrderRef) {
    for leg in attached.legs.iter_mut().filter(|leg| leg.order == order) {
        leg.changing = true;
    }
}

pub(super) fn is_as_wanted(order: &Order, wanted: &Wanted) -> bool {
    order_is_like(order, wanted) && order.trigger_price() == wanted.trigger
}

/// True where at most the trigger is another.
fn order_is_like(order: &Order, wanted: &Wanted) -> bool {
    order.filled + wanted.qty == order.qty && order.limit_price == wanted.limit
}
