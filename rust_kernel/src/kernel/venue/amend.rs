//! What the venue says of a change of an order: pending, made, refused, or its own doing.

use alloc::boxed::Box;

use super::news::{News, plan_rest, rests};
use super::{OrderPlan, precision, value_of};
use crate::effect::{Command, Effects, Notice};
use crate::id::Id;
use crate::input::{Stamp, VenueEvent};
use crate::instrument::Instrument;
use crate::kernel::Kernel;
use crate::kernel::amend::amended_reserve;
use crate::kernel::intent::Prices;
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt, Severity, VenueOrderStatus as Status,
};
use crate::num::{Price, Qty};
use crate::order::{Amendment, Order, OrderRef, OrderRole};
use crate::outcome::Refusal;
use crate::planted::{Bug, planted};
use crate::slot::classify::Change;

/// What became of a change of an order.
#[derive(Debug)]
pub(super) enum Amended {
    /// The venue has the order so from now on.
    To(Terms),
    /// It did not take the change.
    Refused,
    /// It shows no sign of it, and has had time enough.
    GivenUp,
}

/// An order as the venue has it.
#[derive(Debug)]
pub(super) struct Terms {
    /// The total, filled part included.
    pub(super) qty: Qty,
    limit_price: Option<Price>,
    trigger_price: Option<Price>,
    reserve_price: Price,
}

/// Which of our requests an event answers; empty where it does not say.
pub(super) fn request_id(event: &VenueEvent) -> &Id {
    const NONE: &Id = &Id::EMPTY;
    event.rare.as_ref().map_or(NONE, |rare| &rare.request_id)
}

impl Kernel {
    /// AMEND_ACK: the answer to the change that is asked for, to one that was given up, or the venue's own doing.
    #[cold]
    pub(super) fn plan_amend_ack(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
    ) -> Result<(), Box<Refusal>> {
        let request = request_id(event);
        let given_up = order.extra.as_ref().and_then(|extra| extra.given_up.as_ref());
        let asked = order.amendment();
        let answers = |amendment: &&Amendment| request.is_empty() || amendment.request_id == *request;
        let late = given_up.filter(|amendment| amendment.request_id == *request);
        let answered = asked.filter(answers).or(late);
        if answered.is_none()
            && (!request.is_empty() || (event.order_size.is_none() && event.order_price.is_none()))
        {
            plan.code = Code::StaleEvent;
            return Ok(());
        }
        let unasked = answered.is_none();
        self.plan_terms(plan, event, order, answered)?;
        if unasked && plan.code == Code::Ok {
            plan.severity = Some(Severity::Warning);
        }
        Ok(())
    }

    /// RESTATED: the venue changed the order by itself.
    #[cold]
    pub(super) fn plan_restated(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
    ) -> Result<(), Box<Refusal>> {
        let rules = &self.instruments[order.instrument as usize];
        let total = event.filled_size.and_then(|size| rules.qty(size).ok());
        if order.status == Status::Filled && total.is_some_and(|total| total < order.filled) {
            // Told before its last fill: it was smaller by then, and is full.
            plan.code = Code::StaleEvent;
            return Ok(());
        }
        self.plan_terms(plan, event, order, None)?;
        if event.status == Some(Status::DoneForDay) {
            plan_rest(plan, event, order);
        }
        let ended = event.status.filter(|status| status.is_ended() && *status != Status::Filled);
        if let Some(status) = ended.filter(|_| !rests(plan)) {
            plan.news = News::End(status, None);
        }
        if plan.code == Code::Ok {
            plan.severity = Some(Severity::Warning);
        }
        Ok(())
    }

    /// The order's terms as the event has them; what it does not say is as it was asked for, or as it was.
    fn plan_terms(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
        asked: Option<&Amendment>,
    ) -> Result<(), Box<Refusal>> {
        if order.status.is_ended() && !matches!(order.status, Status::Filled | Status::DoneForDay) {
            plan.code = Code::StaleEvent;
            return Ok(());
        }
        let rules = &self.instruments[order.instrument as usize];
        let terms = told_terms(rules, event, order, asked)?;
        let same = terms.qty == order.qty
            && terms.limit_price == order.limit_price
            && terms.trigger_price == order.trigger_price();
        if same && asked.is_none() && event.kind != Kind::Restated {
            plan.code = Code::DuplicateEvent;
            return Ok(());
        }
        let inferred = plan.inferred.as_ref().map_or(Qty::ZERO, |fill| fill.qty);
        let filled = order.filled + inferred;
        if order.status.is_ended() && terms.qty <= filled {
            // It is over either way.
            if asked.is_some() {
                plan.amended = Some(Box::new(Amended::Refused));
            }
            return Ok(());
        }
        if terms.qty.is_zero() && filled.is_zero() {
            plan.news = News::End(Status::Canceled, None);
            return Ok(());
        }
        if filled > terms.qty {
            plan.code = Code::Overfill;
        }
        plan.amended = Some(Box::new(Amended::To(terms)));
        plan.news = News::Works;
        Ok(())
    }

    /// AMEND_REJECT.
    #[cold]
    pub(super) fn plan_amend_reject(&self, plan: &mut OrderPlan, event: &VenueEvent, order: &Order) {
        let request = request_id(event);
        let answers = |amendment: &&Amendment| request.is_empty() || amendment.request_id == *request;
        if order.amendment().filter(answers).is_none() {
            plan.code = Code::StaleEvent;
            return;
        }
        plan.code = Code::VenueRejected;
        // One that names no request may refuse another's: should ours be answered after all, that counts.
        let refused = if request.is_empty() { Amended::GivenUp } else { Amended::Refused };
        plan.amended = Some(Box::new(refused));
        let contradicts = super::doubt::contradicts_life(event);
        if contradicts && order.status == Status::Sent && plan.inferred.is_none() {
            // Unheard of so far, it may never have arrived: the question's answer counts, and it is asked until there is one.
            plan.news = News::Doubt(OrderDoubt::Submit);
        } else {
            plan.ask = contradicts && !order.status.is_ended();
        }
    }

    /// An order's status tells if a change was made: by the total and the price where it names them. Until it does,
    /// the change stays in doubt; one that has had time enough and does not show is given up.
    #[cold]
    pub(super) fn plan_amended_by_status(
        &self,
        plan: &mut OrderPlan,
        stamp: Stamp,
        event: &VenueEvent,
        order: &Order,
        amendment: &Amendment,
    ) -> Result<(), Box<Refusal>> {
        let rules = &self.instruments[order.instrument as usize];
        let told = told_terms(rules, event, order, None)?;
        let silent = event.order_size.is_none() && event.order_price.is_none();
        let price_told = event.order_price.is_some();
        let made = !silent
            && (event.order_size.is_none() || told.qty == amendment.qty)
            && (!price_told
                || (told.limit_price == amendment.limit_price
                    && told.trigger_price == amendment.trigger_price));
        let as_it_was = told.qty == order.qty
            && told.limit_price == order.limit_price
            && told.trigger_price == order.trigger_price();
        if made && !as_it_was {
            return self.plan_terms(plan, event, order, Some(amendment));
        }
        let over = event.status == Some(Status::Filled);
        let waited = stamp.0.saturating_sub(amendment.sent_time_ns) >= self.config.settling_window_ns;
        // A venue that never reports totals leaves a lost cut in doubt for ever: another way is found.
        let is_cut = amendment.qty < order.qty && self.is_too_large(order);
        if waited && (over || if silent { is_cut } else { as_it_was }) {
            plan.amended = Some(Box::new(Amended::GivenUp));
        } else if !silent && !as_it_was {
            self.plan_terms(plan, event, order, Some(amendment))?;
        } else {
            plan.code = Code::InDoubt;
        }
        Ok(())
    }

    /// True where a status shows that a change was made that had been given up: its total is the order's now.
    pub(super) fn plan_made_after_all(
        &self,
        plan: &mut OrderPlan,
        event: &VenueEvent,
        order: &Order,
    ) -> Result<bool, Box<Refusal>> {
        let given_up = order.extra.as_ref().and_then(|extra| extra.given_up.as_ref());
        let (Some(given_up), Some(_)) = (given_up, event.order_size) else { return Ok(false) };
        let rules = &self.instruments[order.instrument as usize];
        let told = told_terms(rules, event, order, None)?.qty;
        if told != given_up.qty || told == order.qty {
            return Ok(false);
        }
        self.plan_terms(plan, event, order, Some(given_up))?;
        Ok(matches!(plan.amended.as_deref(), Some(Amended::To(_))))
    }

    // ------------------------------------------------------------------------------------------------ commit

    /// Carries out what became of a change, before the event's fills are booked.
    #[cold]
    pub(super) fn commit_amended(
        &mut self,
        place: u32,
        amended: &Amended,
        kind: Kind,
        effects: &mut Effects,
    ) {
        match amended {
            Amended::To(terms) => {
                // Whatever else the venue says of it, a request that it has not answered may be on its way.
                let asked = self.orders.at(place).amendment();
                let unanswered = asked.is_some_and(|asked| asked.qty != terms.qty) && kind != Kind::AmendAck;
                self.apply_terms(place, terms, unanswered, effects);
                if kind == Kind::Restated {
                    let order = self.orders.at(place);
                    let slot_id = (order.role != OrderRole::External).then_some(order.slot_id);
                    let (seq, severity) = (self.seq, Severity::Warning);
                    effects.notices.push(Notice { seq, code: Code::Ok, severity, slot_id });
                }
            }
            Amended::Refused | Amended::GivenUp => {
                self.drop_amendment(place, matches!(amended, Amended::GivenUp));
                self.refused.push(self.orders.at(place).number);
                if self.orders.at(place).is_live() {
                    self.after_change(place, Change::Reported, effects);
                }
            }
        }
    }

    fn apply_terms(&mut self, place: u32, terms: &Terms, unanswered: bool, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        order.qty = if terms.qty > order.filled { terms.qty } else { order.filled };
        order.limit_price = terms.limit_price;
        order.reserve_price = terms.reserve_price;
        let trigger_price = terms.trigger_price;
        if order.extra.is_some() || trigger_price.is_some() {
            let extra = order.extra_mut();
            extra.trigger_price = trigger_price;
            extra.remaining_told = None;
        }
        self.drop_amendment(place, unanswered);
        self.refresh_reservation(place);
        let order = self.orders.at(place);
        let owner = self.owner_of(order.role, order.slot_id, order.trade_number);
        if let (OrderRole::Exit, Some(slot_id)) = (order.role, owner) {
            self.crowded.push(slot_id); // one that is alone may be larger than its trade, too
        }
        if order.status.is_ended() && order.qty > order.filled {
            self.reopen(place, effects);
        }
    }

    /// An order that had ended works again. Where its slot carries another trade or entry by now, nobody wants it: it is
    /// canceled, and what it fills is nobody's.
    #[cold]
    pub(crate) fn reopen(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        // What is pending at the venue is so of the order that works again.
        let beside = order.extra.as_mut().and_then(|extra| extra.beside.take());
        order.status = beside.unwrap_or_else(|| order.working_status());
        order.cancel_requested = false;
        let reference = OrderRef { place, number: order.number };
        let (role, slot_id, trade_number) = (order.role, order.slot_id, order.trade_number);
        let number = reference.number;
        // An operator may have given the trade another entry meanwhile: there is one seat.
        let seat_taken = |slot_id: u32| {
            let seated = self.slots[slot_id as usize].entry;
            role == OrderRole::Entry && seated.is_some_and(|entry| entry.number != number)
        };
        let owner = self
            .owner_of(role, slot_id, trade_number)
            .filter(|slot_id| !self.moved_on(*slot_id) && !seat_taken(*slot_id));
        let Some(slot_id) = owner else {
            self.orders.disown(place);
            self.orders.at_mut(place).cancel_requested = true;
            self.refresh_reservation(place);
            let request = self.order_key(place);
            effects.commands.push(Command::Cancel(request));
            return self.notice(effects, Code::ReconcileRequired, Some(slot_id));
        };
        self.orders.unretire(reference);
        self.rejoin(place);
        let slot = &mut self.slots[slot_id as usize];
        if slot.stage.is_free() {
            slot.close_reason = Id::EMPTY;
        }
        self.refresh_reservation(place);
        self.after_change(place, Change::Reopened, effects);
    }

    /// The order works at the venue, with whatever terms it has now.
    #[cold]
    pub(super) fn commit_works(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        let first_news = order.status == Status::Sent;
        if order.doubt == OrderDoubt::Submit {
            order.doubt = OrderDoubt::None;
        }
        if first_news || (order.status == Status::PendingReplace && order.amendment().is_none()) {
            order.status = order.working_status();
        }
        if order.filled >= order.qty && !planted(Bug::AmendedBelowFillsWorksOn) {
            return self.end_order(place, Status::Filled, Change::Ended, effects);
        }
        self.after_change(place, if first_news { Change::Acked } else { Change::Reported }, effects);
    }

    /// The venue is at work on a change.
    #[cold]
    pub(super) fn commit_amend_pending(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        let first_news = order.status == Status::Sent;
        order.doubt = OrderDoubt::None;
        // A pending cancel outranks a pending change.
        if order.status != Status::PendingCancel {
            order.status = Status::PendingReplace;
        }
        self.after_change(place, if first_news { Change::Acked } else { Change::Reported }, effects);
    }
}

fn told_terms(
    rules: &Instrument,
    event: &VenueEvent,
    order: &Order,
    asked: Option<&Amendment>,
) -> Result<Terms, Box<Refusal>> {
    let qty = match event.order_size {
        Some(value) if value.is_negative() => {
            return Err(Refusal::field(
                Code::ReconcileRequired,
                "order_size",
                value,
                "an order's total cannot be negative",
            ));
        }
        Some(value) => rules.qty(value).map_err(precision("order_size", value))?,
        None => asked.map_or(order.qty, |asked| asked.qty),
    };
    let mut limit_price = asked.map_or(order.limit_price, |asked| asked.limit_price);
    let mut trigger_price = asked.map_or(order.trigger_price(), |asked| asked.trigger_price);
    if let Some(value) = event.order_price.filter(|price| price.is_positive()) {
        let price = rules.price(value).map_err(precision("order_price", value))?;
        if limit_price.is_some() {
            limit_price = Some(price);
        } else if trigger_price.is_some() {
            trigger_price = Some(price);
        }
    }
    let prices = Prices { limit: limit_price, trigger: trigger_price };
    let reserve_price = amended_reserve(rules, order, prices);
    // An exit that only reduces holds nothing back, and has no price to value it at.
    if !reserve_price.is_zero() {
        value_of(rules, reserve_price, qty)?;
    }
    Ok(Terms { qty, limit_price, trigger_price, reserve_price })
}
