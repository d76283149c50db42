//! What a planned venue event changes.

use super::fill::{Enrichment, fill_key};
use super::forced::{is_forced, told_remaining};
use super::news::{Beside, News};
use super::{External, OrderPlan, Target};
use crate::effect::{Effects, Notice};
use crate::id::Id;
use crate::input::VenueEvent;
use crate::kernel::Kernel;
use crate::ledger::Cause;
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind, OrderDoubt, Severity, VenueOrderStatus as Status,
};
use crate::num::Money;
use crate::order::OrderRole;
use crate::outcome::{Detail, Outcome};
use crate::planted::{Bug, planted};
use crate::slot::Slot;
use crate::slot::classify::Change;

impl Kernel {
    #[inline]
    pub(crate) fn commit_order(
        &mut self,
        plan: &OrderPlan,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        let place = match &plan.target {
            Target::Known(place) => *place,
            Target::External(external) => self.adopt_external(event, external),
            Target::Nothing => {
                if plan.unwanted {
                    self.cancel_unwanted(event, effects);
                }
                let outcome = self.answer(plan.code, None, Detail::None);
                return self.conclude_report(self.find_order(event), false, event, outcome);
            }
        };
        self.orders.link_venue_id(place, &event.venue_order_id);
        if let Some(rare) = &event.rare {
            self.orders.link_venue_id(place, &rare.parent_order_id);
        }
        let fee_asset = self.fee_asset_of(place, event);
        if let Some(enrichment) = &plan.enrich {
            self.enrich_fill(place, enrichment, fee_asset, fill_key(event), effects);
        }
        if let Some(amended) = &plan.amended {
            self.commit_amended(place, amended, event.kind, effects);
        }
        if plan.beside == Beside::Over {
            self.note_beside(place, None);
        }
        if is_forced(event.kind) {
            let instrument = self.orders.at(place).instrument;
            self.books[instrument as usize].liquidated = true;
        }
        self.commit_fills(place, plan, event, fee_asset, effects);
        self.commit_news(place, plan, event.kind, effects);
        let ended = self.orders.at(place).status.is_ended();
        match plan.beside {
            Beside::PendingReplace if ended => self.note_beside(place, Some(Status::PendingReplace)),
            Beside::DoneForDay if !ended => self.note_beside(place, Some(Status::DoneForDay)),
            Beside::PendingReplace | Beside::DoneForDay | Beside::Over | Beside::Unchanged => {}
        }
        if planted(Bug::LastWordWins)
            && let (KernelEventKind::OrderStatus, Some(status)) = (event.kind, event.status)
        {
            self.orders.at_mut(place).status = status;
        }
        if event.remaining_size.is_some() || self.orders.at(place).extra.is_some() {
            self.note_standing(place, plan, event);
        }
        if plan.ask {
            self.ask(place, effects);
        }
        if plan.unwanted {
            self.cancel_unwanted(event, effects);
        }
        let outcome = self.conclude(place, plan, event);
        let booked = plan.fill.is_some() || plan.replacement.is_some();
        self.conclude_report(Some(place), booked, event, outcome)
    }

    /// Settles the fill where the report has its profit. A repeated report that brings what was missing is no repetition.
    #[inline]
    fn conclude_report(
        &mut self,
        place: Option<u32>,
        booked: bool,
        event: &VenueEvent,
        outcome: Outcome,
    ) -> Outcome {
        if event.realized_pnl.is_none() {
            return outcome;
        }
        match self.settle_report(place, booked, event) {
            None => outcome,
            Some(settled) if settled.code == Code::Ok => {
                let mut outcome = if outcome.code == Code::DuplicateEvent {
                    self.answer(Code::Enriched, outcome.slot_id, outcome.detail)
                } else {
                    outcome
                };
                if settled.severity == Severity::Warning && outcome.severity == Severity::Info {
                    outcome.severity = Severity::Warning;
                }
                outcome
            }
            Some(settled) => Outcome { slot_id: outcome.slot_id, state: outcome.state, ..settled },
        }
    }

    /// The asset that an event names for its fee; `None` where it names none.
    #[inline]
    pub(crate) fn fee_asset_of(&mut self, place: u32, event: &VenueEvent) -> Option<u16> {
        if event.fee.is_none() || event.fee_asset.is_empty() {
            return None;
        }
        let settle = self.instruments[self.orders.at(place).instrument as usize].settle;
        let is_settle = self.assets[usize::from(settle)].name == event.fee_asset;
        let is_settle = is_settle || planted(Bug::EveryFeeInSettlement);
        Some(if is_settle { settle } else { self.asset_or_open(&event.fee_asset) })
    }

    /// Gives a known fill what it lacked. Where it stands in several parts, the first one carries the whole fee.
    #[cold]
    fn enrich_fill(
        &mut self,
        place: u32,
        enrichment: &Enrichment,
        fee_asset: Option<u16>,
        key: &Id,
        effects: &mut Effects,
    ) {
        if let Some(price) = enrichment.price {
            self.price_fill(place, key, price, effects);
        }
        for at in 0..self.orders.at(place).fills.len() {
            if self.orders.at(place).fills[at].venue_trade_id != *key {
                continue;
            }
            if let Some(liquidity) = enrichment.liquidity {
                let fill = &mut self.orders.at_mut(place).fills[at];
                fill.liquidity = liquidity;
                fill.liquidity_assumed = false;
                self.predict_again(Cause::FeePredicted, place, at, key);
            }
            if let Some(fee) = enrichment.fee {
                let asset = fee_asset.unwrap_or_else(|| self.paid_in(place, fee));
                let fee = if at == enrichment.at { fee } else { Money::ZERO };
                self.correct_fee(place, at, fee, asset, key);
            }
        }
    }

    /// Keeps what the venue says remains, where that is not order − filled and not stale, and that a question is
    /// answered.
    fn note_standing(&mut self, place: u32, plan: &OrderPlan, event: &VenueEvent) {
        self.note_hearing(place, event.kind);
        let moved = plan.fill.is_some() || plan.inferred.is_some();
        if moved || !matches!(plan.news, News::None | News::Doubt(_) | News::Resend) {
            // What was asked is answered.
            if let Some(extra) = &mut self.orders.at_mut(place).extra {
                extra.queried_time_ns = None;
            }
        }
        let order = self.orders.at(place);
        if order.status.is_ended() {
            return;
        }
        let rules = &self.instruments[order.instrument as usize];
        let read = |size| rules.qty(size).ok();
        let unfilled = order.unfilled();
        let told = told_remaining(event).and_then(read);
        let current = event.filled_size.map(|total| read(total) == Some(order.filled));
        let differs = match (told, current) {
            (Some(told), Some(true)) => Some(told).filter(|told| *told != unfilled),
            // Without the cumulative quantity beside it, more than is left can only be old.
            (Some(told), None) => Some(told).filter(|told| *told < unfilled),
            (Some(_), Some(false)) | (None, _) => None,
        };
        let is_old = moved || (told == Some(unfilled) && current != Some(false));
        if differs.is_some() {
            self.orders.at_mut(place).extra_mut().remaining_told = differs;
        } else if let (Some(extra), true) = (&mut self.orders.at_mut(place).extra, is_old) {
            extra.remaining_told = None;
        }
        self.refresh_reservation(place);
    }

    /// After a restart only the venue's word on the whole order counts: a single fill may have others before it. That it
    /// does not know the order is such a word where it was asked once it had had time to.
    fn note_hearing(&mut self, place: u32, kind: KernelEventKind) {
        let order = self.orders.at(place);
        let deaf = self.connection.down_since_ns.is_some();
        let final_absence = kind == KernelEventKind::OrderNotFound
            && !deaf
            && self.was_asked_late_enough(order, order.sent_time_ns);
        if (kind == KernelEventKind::OrderStatus || final_absence)
            && let Some(extra) = &mut self.orders.at_mut(place).extra
        {
            extra.unheard = false;
        }
    }

    #[inline]
    fn commit_fills(
        &mut self,
        place: u32,
        plan: &OrderPlan,
        event: &VenueEvent,
        fee_asset: Option<u16>,
        effects: &mut Effects,
    ) {
        let brings = plan.replacement.is_some() || plan.fill.is_some();
        let ahead = if brings { self.unbook_ahead(place, fill_key(event)) } else { None };
        if let Some(fill) = &plan.replacement {
            self.replace_inferred(place, fill, fill_key(event), fee_asset);
        }
        if let Some(fill) = &plan.inferred {
            self.book_fill(place, fill, &Id::EMPTY, None, effects);
        }
        if let Some(fill) = &plan.fill {
            self.book_fill(place, fill, fill_key(event), fee_asset, effects);
        }
        if let Some(ahead) = ahead {
            self.settle_as_told(place, fill_key(event), &ahead);
        }
        if plan.fill.is_none() && plan.inferred.is_none() {
            return;
        }
        self.after_fills(place, plan.news == News::Complete, effects);
    }

    #[inline]
    fn commit_news(&mut self, place: u32, plan: &OrderPlan, kind: KernelEventKind, effects: &mut Effects) {
        if self.orders.at(place).status.is_ended() {
            // The fill in this very event ended it, or it had ended before.
            match plan.news {
                News::StillWorks => self.commit_still_works(place, effects),
                News::Doubt(doubt) => self.commit_doubt(place, doubt, effects),
                News::None
                | News::Complete
                | News::Ack
                | News::End(..)
                | News::CancelPending
                | News::CancelRefused
                | News::AmendPending
                | News::Works
                | News::Stopped
                | News::Triggered
                | News::Resend => {}
            }
            return;
        }
        match plan.news {
            News::None | News::StillWorks => {}
            // Nothing was added: a fill that had been inferred came, and says that nothing is left.
            News::Complete => self.end_order(place, Status::Filled, Change::Ended, effects),
            News::Ack => {
                let order = self.orders.at_mut(place);
                if order.doubt != OrderDoubt::None {
                    // It works: a cancel that was sent into the doubt may be tried again.
                    order.cancel_requested = false;
                }
                if order.doubt != OrderDoubt::Amend {
                    order.doubt = OrderDoubt::None;
                }
                if order.status == Status::Sent || planted(Bug::AckStartsAfresh) {
                    order.status = Status::Acked;
                    self.after_change(place, Change::Acked, effects);
                }
            }
            News::End(status, reason) => self.commit_end(place, status, reason, effects),
            News::CancelPending => {
                let order = self.orders.at_mut(place);
                let first_news = order.status == Status::Sent;
                order.doubt = OrderDoubt::None;
                order.status = Status::PendingCancel;
                self.after_change(place, if first_news { Change::Acked } else { Change::Reported }, effects);
            }
            // There is nothing to cancel, says the venue: the answer to the question decides, and no second cancel.
            News::CancelRefused if plan.ask => self.commit_cancel_unclear(place, effects),
            News::CancelRefused => self.commit_cancel_refused(place, kind, effects),
            News::AmendPending => self.commit_amend_pending(place, effects),
            News::Works => self.commit_works(place, effects),
            News::Stopped | News::Triggered => self.commit_milestone(place, plan.news, effects),
            News::Doubt(doubt) => self.commit_doubt(place, doubt, effects),
            News::Resend => self.commit_resend(place, effects),
        }
    }

    /// What the venue has reported beside the order's life.
    #[cold]
    fn note_beside(&mut self, place: u32, beside: Option<Status>) {
        self.orders.at_mut(place).extra_mut().beside = beside;
    }

    /// Guaranteed, or triggered: it works on, and is acknowledged by that.
    #[cold]
    fn commit_milestone(&mut self, place: u32, news: News, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        let first_news = order.status == Status::Sent;
        if order.doubt == OrderDoubt::Submit {
            order.doubt = OrderDoubt::None;
        }
        if news == News::Triggered {
            order.extra_mut().triggered = true;
        }
        let pending = matches!(order.status, Status::PendingCancel | Status::PendingReplace);
        if news == News::Stopped && !pending {
            order.status = Status::Stopped;
        } else if first_news {
            order.status = Status::Acked;
        }
        self.after_change(place, if first_news { Change::Acked } else { Change::Reported }, effects);
    }

    fn commit_end(
        &mut self,
        place: u32,
        status: Status,
        reason: Option<&'static str>,
        effects: &mut Effects,
    ) {
        let order = self.orders.at(place);
        let owner = self.owner_of(order.role, order.slot_id, order.trade_number);
        // An addition that ends says nothing of the trade, and a trade with exits at work ends by one of them.
        let begins =
            |slot: &Slot| slot.initial == order.filled && (slot.attached.is_none() || slot.initial.is_zero());
        if let (Some(slot_id), Some(reason), OrderRole::Entry) = (owner, reason, order.role)
            && begins(&self.slots[slot_id as usize])
            && let Ok(reason) = Id::new(reason)
        {
            self.slots[slot_id as usize].close_reason = reason;
        }
        let is_exit = order.role == OrderRole::Exit && !order.cancel_requested && status != Status::Filled;
        self.end_order(place, status, Change::Ended, effects);
        if self.orders.at(place).beside().is_some() {
            self.note_beside(place, None); // the venue has just said how it stands
        }
        let is_refused = reason == Some("REJECTED");
        if let (Some(slot_id), true) = (owner, is_exit)
            && self.is_closed_by_others(slot_id)
            && !(is_refused && self.pair_off_with_unassigned(slot_id, effects))
        {
            // No exit will do: an operator has to say what becomes of the slot.
            let (seq, code) = (self.seq, Code::ReconcileRequired);
            let severity = Severity::Critical;
            effects.notices.push(Notice { seq, code, severity, slot_id: Some(slot_id) });
        }
    }

    /// A cancel that was refused is not repeated at once: what ends the order may be on its way, and the venue would
    /// refuse again. Where the venue was asked and says that the order works, nothing is on its way.
    fn commit_cancel_refused(&mut self, place: u32, kind: KernelEventKind, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        order.cancel_requested = false;
        if order.doubt == OrderDoubt::Cancel {
            order.doubt = OrderDoubt::None;
        }
        if order.status == Status::PendingCancel {
            order.status = order.working_status();
        }
        let asked = kind == KernelEventKind::OrderStatus;
        self.after_change(place, if asked { Change::Reported } else { Change::CancelRefused }, effects);
    }

    #[cold]
    fn commit_cancel_unclear(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        if order.doubt == OrderDoubt::None {
            order.doubt = OrderDoubt::Cancel;
        }
        self.watch_order(place);
        self.after_change(place, Change::Doubted, effects);
    }

    #[inline]
    fn conclude(&self, place: u32, plan: &OrderPlan, event: &VenueEvent) -> Outcome {
        let code = plan.code;
        let order = self.orders.at(place);
        let slot_id = (order.role != OrderRole::External).then_some(order.slot_id);
        let detail = match (code, &event.rare) {
            (Code::RateLimited, rare) => Detail::Retry {
                reason: rare.as_ref().map(|rare| rare.reason.clone()).unwrap_or_default(),
                retry_after_ms: rare.as_ref().and_then(|rare| rare.retry_after_ms),
                venue_event_kind: event.kind,
            },
            (_, Some(rare)) if !rare.reason.is_empty() => {
                Detail::Venue { reason: rare.reason.clone(), reason_code: rare.reason_code.clone() }
            }
            (_, _) => Detail::None,
        };
        let mut outcome = self.answer(code, slot_id, detail);
        if let Some(severity) = plan.severity {
            outcome.severity = severity;
        }
        outcome
    }

    /// Makes a record for an order that is not ours, so that its fills are booked once.
    #[cold]
    fn adopt_external(&mut self, event: &VenueEvent, external: &External) -> u32 {
        let rules = &self.instruments[external.instrument as usize];
        let is_first = event.filled_size.is_some_and(|total| rules.qty(total) == Ok(external.qty));
        let begun_unheard = !is_first && (self.opening.is_some() || self.orders.has_forgotten());
        let (reference, order) = self.orders.claim_external();
        if begun_unheard {
            order.extra_mut().begun_unheard = true;
        }
        order.instrument = external.instrument;
        order.order_side = external.order_side;
        order.position_side = external.position_side;
        order.qty = external.qty;
        order.trade_id = event.trade_id.clone();
        self.retire(reference.place);
        reference.place
    }
}
