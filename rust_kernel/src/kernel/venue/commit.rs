//! What a planned venue event changes.

use super::fill::fill_key;
use super::news::News;
use super::{External, OrderPlan, Target};
use crate::effect::{Command, Effects};
use crate::id::Id;
use crate::input::VenueEvent;
use crate::kernel::Kernel;
use crate::names::{KernelDiagnosticCode as Code, OrderDoubt, Severity, VenueOrderStatus as Status};
use crate::num::Money;
use crate::order::OrderRole;
use crate::outcome::{Detail, Outcome};
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
            Target::Nothing => return self.answer(plan.code, None, Detail::None),
        };
        self.orders.link_venue_id(place, &event.venue_order_id);
        if let Some(rare) = &event.rare {
            self.orders.link_venue_id(place, &rare.parent_order_id);
        }
        let settle = self.instruments[self.orders.at(place).instrument as usize].settle;
        let fee_asset = match &event.fee {
            Some(_) if event.fee_asset.is_empty() => None,
            Some(_) if self.assets[usize::from(settle)].name == event.fee_asset => Some(settle),
            Some(_) => Some(self.asset_or_open(&event.fee_asset)),
            None => None,
        };
        if let Some(enrich) = &plan.enrich {
            let (at, fee) = **enrich;
            let asset = fee_asset.unwrap_or_else(|| self.paid_in(place, fee));
            self.enrich_fill(place, at, fee, asset, fill_key(event));
        }
        self.commit_fills(place, plan, event, fee_asset, effects);
        self.commit_news(place, plan, effects);
        self.conclude(place, plan.code, event)
    }

    /// Gives a known fill its fee. Where it stands in several parts, the first one carries the whole.
    #[cold]
    fn enrich_fill(&mut self, place: u32, first: usize, fee: Money, asset: u16, key: &Id) {
        for at in first.saturating_add(1)..self.orders.at(place).fills.len() {
            if self.orders.at(place).fills[at].venue_trade_id == *key {
                self.correct_fee(place, at, Money::ZERO, asset, key);
            }
        }
        self.correct_fee(place, first, fee, asset, key);
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
        if let Some(fill) = &plan.replacement {
            self.replace_inferred(place, fill, fill_key(event), fee_asset);
        }
        if let Some(fill) = &plan.inferred {
            self.book_fill(place, fill, &Id::EMPTY, None, effects);
        }
        if let Some(fill) = &plan.fill {
            self.book_fill(place, fill, fill_key(event), fee_asset, effects);
        }
        if plan.fill.is_none() && plan.inferred.is_none() {
            return;
        }
        self.after_fills(place, plan.news == News::Complete, effects);
    }

    #[inline]
    fn commit_news(&mut self, place: u32, plan: &OrderPlan, effects: &mut Effects) {
        if self.orders.at(place).status.is_ended() {
            return; // the fill in this very event ended it, or it had ended before
        }
        match plan.news {
            News::None | News::Complete => {}
            News::Ack => {
                let order = self.orders.at_mut(place);
                if order.doubt != OrderDoubt::None {
                    // It works: a cancel that was sent into the doubt may be tried again.
                    order.cancel_requested = false;
                }
                order.doubt = OrderDoubt::None;
                if order.status == Status::Sent {
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
            News::CancelRefused => self.commit_cancel_refused(place, effects),
            News::Doubt => {
                let order = self.orders.at_mut(place);
                order.doubt =
                    if order.status == Status::Sent { OrderDoubt::Submit } else { OrderDoubt::Cancel };
                let request = self.order_key(place);
                effects.commands.push(Command::Query(request));
                self.after_change(place, Change::Doubted, effects);
            }
        }
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
        if let (Some(slot_id), Some(reason), OrderRole::Entry) = (owner, reason, order.role)
            && let Ok(reason) = Id::new(reason)
        {
            self.slots[slot_id as usize].close_reason = reason;
        }
        self.end_order(place, status, Change::Ended, effects);
    }

    fn commit_cancel_refused(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        order.cancel_requested = false;
        if order.doubt == OrderDoubt::Cancel {
            order.doubt = OrderDoubt::None;
        }
        if order.status == Status::PendingCancel {
            order.status = if order.filled.is_zero() { Status::Acked } else { Status::PartiallyFilled };
        }
        self.after_change(place, Change::CancelRefused, effects);
    }

    #[inline]
    fn conclude(&self, place: u32, code: Code, event: &VenueEvent) -> Outcome {
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
        if code == Code::Overfill {
            outcome.severity = Severity::Critical;
        }
        outcome
    }

    /// Makes a record for an order that is not ours, so that its fills are booked once.
    #[cold]
    fn adopt_external(&mut self, event: &VenueEvent, external: &External) -> u32 {
        let (reference, order) = self.orders.claim_external();
        order.instrument = external.instrument;
        order.order_side = external.order_side;
        order.position_side = external.position_side;
        order.qty = external.qty;
        order.trade_id = event.trade_id.clone();
        self.retire(reference.place);
        reference.place
    }
}
