//! News of an order beside fills: acknowledged, ended, pending, triggered, in doubt.

use alloc::boxed::Box;

use super::OrderPlan;
use super::amend::{Amended, request_id};
use super::doubt::{contradicts_life, is_duplicate_id, unanswered, was_asked};
use crate::input::{Stamp, VenueEvent};
use crate::kernel::Kernel;
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt, TimeInForce,
    VenueOrderStatus as Status,
};
use crate::num::{Decimal, Qty};
use crate::order::{Order, OrderRole};
use crate::outcome::Refusal;
use crate::planted::{Bug, planted};

/// What an event says beside fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// Nothing more.
    None,
    /// The venue has it.
    Ack,
    /// It is over.
    End(Status, Option<&'static str>),
    /// All that the venue will fill is filled.
    Complete,
    /// A cancel is under way there.
    CancelPending,
    /// A cancel was refused.
    CancelRefused,
    /// A change is under way there.
    AmendPending,
    /// It works there, as it was or as it is from now on.
    Works,
    /// It is guaranteed, and not filled.
    Stopped,
    /// Its trigger was reached.
    Triggered,
    /// No answer came to a request.
    Doubt(OrderDoubt),
    /// It never arrived, and is still wanted.
    Resend,
    /// It had ended here, and works there.
    StillWorks,
}

/// What an event says beside the order's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Beside {
    /// Nothing.
    Unchanged,
    /// What was pending is answered, or the day has begun.
    Over,
    /// The venue is at work on a change of an order that has filled.
    PendingReplace,
    /// It rests until tomorrow, and keeps its leaves.
    DoneForDay,
}

impl Kernel {
    /// News without a fill of their own.
    pub(super) fn plan_news(
        &self,
        plan: &mut OrderPlan,
        stamp: Stamp,
        event: &VenueEvent,
        order: &Order,
    ) -> Result<(), Box<Refusal>> {
        let ended = order.status.is_ended();
        let moved = plan.inferred.is_some();
        plan.code = Code::Ok;
        let news = match event.kind {
            Kind::OrderAck if order.status == Status::Rejected => News::StillWorks,
            Kind::OrderAck => News::Ack,
            Kind::CancelAck => News::End(Status::Canceled, None),
            Kind::Expired => News::End(Status::Expired, None),
            Kind::DoneForDay => {
                plan_rest(plan, event, order);
                if rests(plan) { News::Works } else { News::End(Status::DoneForDay, None) }
            }
            Kind::CancelPending => News::CancelPending,
            Kind::CancelReject if planted(Bug::CancelRejectMeansCanceled) && contradicts_life(event) => {
                News::End(Status::Canceled, None)
            }
            Kind::CancelReject => {
                plan.ask = !ended && contradicts_life(event);
                News::CancelRefused
            }
            Kind::SendTimeout => unanswered(event, order).map_or(News::None, News::Doubt),
            Kind::AmendPending => News::AmendPending,
            Kind::Stopped => News::Stopped,
            Kind::Triggered => News::Triggered,
            Kind::OrderStatus => self.plan_status(plan, stamp, event, order)?,
            Kind::OrderReject => plan_reject(plan, event, order),
            Kind::RateLimited => plan_rate_limited(plan, event, order),
            Kind::AmendAck | Kind::Restated | Kind::AmendReject | Kind::OrderNotFound => {
                return self.plan_answer(plan, stamp, event, order, moved);
            }
            Kind::PartialFill
            | Kind::FullFill
            | Kind::TradeCorrect
            | Kind::TradeBust
            | Kind::Liquidation
            | Kind::Adl
            | Kind::Disconnected
            | Kind::Resynced => News::None,
        };
        // What is over is not changed any more: it had ended before, or by the fills that this event tells of.
        let inferred = plan.inferred.as_ref().map_or(Qty::ZERO, |fill| fill.qty);
        let over = ended || order.filled + inferred >= order.qty;
        let unchanged = over && matches!(news, News::End(..)) && order.amendment().is_some();
        let (news, code) = weigh(news, event, order);
        plan.news = news;
        if unchanged {
            plan.amended = Some(Box::new(Amended::Refused));
        } else if plan.code == Code::Ok {
            plan.code = code;
        }
        if moved && !matches!(plan.code, Code::VenueRejected | Code::RateLimited) {
            plan.code = Code::InferredFill;
        }
        Ok(())
    }

    /// Answers that decide their own code.
    #[cold]
    fn plan_answer(
        &self,
        plan: &mut OrderPlan,
        stamp: Stamp,
        event: &VenueEvent,
        order: &Order,
        moved: bool,
    ) -> Result<(), Box<Refusal>> {
        if event.kind == Kind::OrderNotFound {
            self.plan_not_found(plan, stamp, order);
        } else if order.role == OrderRole::External {
            plan.code = Code::UnknownOrder;
        } else if event.kind == Kind::AmendAck {
            self.plan_amend_ack(plan, event, order)?;
        } else if event.kind == Kind::Restated {
            self.plan_restated(plan, event, order)?;
        } else {
            self.plan_amend_reject(plan, event, order);
        }
        if moved && matches!(plan.code, Code::Ok | Code::StaleEvent | Code::DuplicateEvent) {
            plan.code = Code::InferredFill;
        }
        Ok(())
    }

    /// The answer to a question, or a status that the venue tells by itself.
    fn plan_status(
        &self,
        plan: &mut OrderPlan,
        stamp: Stamp,
        event: &VenueEvent,
        order: &Order,
    ) -> Result<News, Box<Refusal>> {
        let rules = &self.instruments[order.instrument as usize];
        let total = event.filled_size.and_then(|size| rules.qty(size).ok());
        let works = says_it_works(event);
        let open = works || matches!(event.status, Some(Status::New | Status::Sent));
        if open && total.is_some_and(|total| total < order.filled) {
            plan.code = Code::StaleEvent; // told before the last fill
            return Ok(News::None);
        }
        if event.status == Some(Status::DoneForDay) {
            plan_rest(plan, event, order);
        }
        if works
            && order.status.is_ended()
            && order.status != Status::Filled
            && !planted(Bug::CanceledIsBelieved)
        {
            return Ok(News::StillWorks);
        }
        if let Some(amendment) = order.amendment().filter(|_| works || event.status == Some(Status::Filled)) {
            self.plan_amended_by_status(plan, stamp, event, order, amendment)?;
            // Made and filled, it is over by what it is now; otherwise the rest of the news decides.
            let made = matches!(plan.amended.as_deref(), Some(Amended::To(_)));
            if made || (plan.amended.is_some() && works) {
                return Ok(News::Works);
            }
        }
        let told_of_life = works || event.status == Some(Status::Filled);
        if told_of_life && self.plan_made_after_all(plan, event, order)? {
            return Ok(News::Works);
        }
        let told = event.order_size.and_then(|size| rules.qty(size).ok());
        let larger = told.is_some_and(|told| told > order.filled) && order.amendment().is_none();
        if works && larger && order.status == Status::Filled {
            return Ok(News::StillWorks);
        }
        let replaced = order.status == Status::PendingReplace && order.amendment().is_none();
        Ok(match event.status {
            // It still works: a cancel in doubt did not arrive, and may be tried again.
            Some(Status::Acked | Status::PartiallyFilled) if order.doubt == OrderDoubt::Cancel => {
                News::CancelRefused
            }
            Some(Status::DoneForDay) if rests(plan) && order.doubt == OrderDoubt::Cancel => {
                News::CancelRefused
            }
            Some(Status::Acked | Status::PartiallyFilled) if replaced => News::Works,
            Some(Status::Acked | Status::PartiallyFilled) => News::Ack,
            Some(Status::Canceled) => News::End(Status::Canceled, None),
            Some(Status::Expired) => News::End(Status::Expired, None),
            Some(Status::Rejected) => News::End(Status::Rejected, Some("REJECTED")),
            Some(Status::DoneForDay) if rests(plan) => News::Works,
            Some(Status::DoneForDay) => News::End(Status::DoneForDay, None),
            Some(Status::PendingCancel) => News::CancelPending,
            Some(Status::PendingReplace) => News::AmendPending,
            Some(Status::Stopped) => News::Stopped,
            Some(Status::Filled) if self.is_over(plan, order, total) => News::End(Status::Filled, None),
            Some(Status::Filled) => {
                // It may be a word from before an amendment: the answer to a question is not.
                plan.ask = plan.inferred.is_none() && total == Some(order.filled) && order.is_live();
                News::None
            }
            Some(Status::New | Status::Sent) | None => News::None,
        })
    }

    /// True where the venue, being asked, calls an order filled that has less here than was ordered: what was busted
    /// is gone from the order. Unasked and unrevised, it may be a word from before an amendment.
    fn is_over(&self, plan: &OrderPlan, order: &Order, total: Option<Qty>) -> bool {
        let revised = order.extra.as_ref().is_some_and(|extra| !extra.corrections.is_empty());
        let busted = order.fills.iter().any(|fill| fill.busted);
        let inferred = plan.inferred.as_ref().map_or(Qty::ZERO, |fill| fill.qty);
        (was_asked(order) || busted || revised)
            && order.amendment().is_none()
            && total == Some(order.filled + inferred)
    }
}

/// DONE_FOR_DAY of an order with leaves: it rests until it expires, is canceled or is restated. What is done at once has
/// no tomorrow.
pub(super) fn plan_rest(plan: &mut OrderPlan, event: &VenueEvent, order: &Order) {
    let filled = order.filled + plan.inferred.as_ref().map_or(Qty::ZERO, |fill| fill.qty);
    let has_tomorrow = match order.time_in_force {
        TimeInForce::Gtc | TimeInForce::Gtd => true,
        TimeInForce::Ioc | TimeInForce::Fok => false,
    };
    let leaves = event.remaining_size.map_or(has_tomorrow && filled < order.qty, Decimal::is_positive);
    if leaves && !order.status.is_ended() {
        plan.beside = Beside::DoneForDay;
    }
}

/// True where an event says of an order that works here that it rests until tomorrow.
pub(super) fn rests(plan: &OrderPlan) -> bool {
    plan.beside == Beside::DoneForDay
}

/// What an event means for what the venue has reported beside the order's life.
pub(super) fn plan_beside(plan: &mut OrderPlan, event: &VenueEvent, order: &Order, old: bool) {
    if rests(plan) {
        let is_news = order.beside() != Some(Status::DoneForDay) || plan.inferred.is_some();
        if !is_news && plan.code == Code::Ok && order.doubt == OrderDoubt::None {
            plan.code = Code::DuplicateEvent;
        }
        return;
    }
    let over = match order.beside() {
        None => {
            if event.kind == Kind::AmendPending
                && order.status == Status::Filled
                && order.amendment().is_some()
            {
                (plan.beside, plan.code) = (Beside::PendingReplace, Code::Ok);
            }
            return;
        }
        Some(beside) => ends_beside(beside, plan, event, order, old),
    };
    if over {
        plan.beside = Beside::Over;
        if matches!(plan.code, Code::StaleEvent | Code::DuplicateEvent) {
            plan.code = Code::Ok;
        }
    }
}

/// Whether what was reported beside the order's life is over with an event; `old` where that is from before a fill.
fn ends_beside(beside: Status, plan: &OrderPlan, event: &VenueEvent, order: &Order, old: bool) -> bool {
    let moved = plan.fill.is_some() || plan.inferred.is_some() || plan.replacement.is_some();
    let unasked = order.amendment().is_none();
    let named = event.status.filter(|status| !matches!(status, Status::New | Status::Sent));
    let day = beside == Status::DoneForDay;
    match event.kind {
        Kind::OrderStatus if day => says_it_works(event) && !old,
        Kind::OrderStatus => named.is_some_and(|status| status != beside) && !old,
        Kind::Restated => !old && (day || unasked),
        Kind::AmendAck => day || (beside == Status::PendingReplace && unasked),
        Kind::AmendReject => beside == Status::PendingReplace && unasked,
        Kind::CancelAck | Kind::Expired => true,
        // An order that the venue has thrown out has nothing pending; that an id is taken says nothing of it.
        Kind::OrderReject => !is_duplicate_id(event),
        Kind::CancelReject => beside == Status::PendingCancel,
        // The venue trades it again: that it has begun another day it need not say otherwise.
        Kind::PartialFill | Kind::FullFill => day && moved && event.status != Some(beside),
        Kind::Stopped | Kind::Triggered => day,
        Kind::OrderAck
        | Kind::CancelPending
        | Kind::AmendPending
        | Kind::DoneForDay
        | Kind::TradeCorrect
        | Kind::TradeBust
        | Kind::OrderNotFound
        | Kind::RateLimited
        | Kind::SendTimeout
        | Kind::Liquidation
        | Kind::Adl
        | Kind::Disconnected
        | Kind::Resynced => false,
    }
}

/// True where a status says that the order is at work, or rests until tomorrow.
pub(super) fn says_it_works(event: &VenueEvent) -> bool {
    let has_leaves = event.remaining_size.is_some_and(Decimal::is_positive);
    (event.status == Some(Status::DoneForDay) && has_leaves)
        || matches!(
            event.status,
            Some(
                Status::Acked
                    | Status::PartiallyFilled
                    | Status::PendingCancel
                    | Status::PendingReplace
                    | Status::Stopped
            )
        )
}

/// What news are worth to an order in its state, and the code that says so.
fn weigh(news: News, event: &VenueEvent, order: &Order) -> (News, Code) {
    let ended = order.status.is_ended();
    let triggered = order.extra.as_ref().is_some_and(|extra| extra.triggered);
    match news {
        News::Ack if matches!(order.status, Status::Sent | Status::New) => (news, Code::Ok),
        News::Ack if planted(Bug::AckStartsAfresh) => (news, Code::Ok),
        News::Ack if order.status == Status::Acked && order.venue_order_id == event.venue_order_id => {
            (News::None, Code::DuplicateEvent)
        }
        News::Ack => (News::None, Code::StaleEvent),
        News::End(status, _) if ended && order.status == status => (News::None, Code::DuplicateEvent),
        News::End(Status::Expired, _) if planted(Bug::ExpiryNeedsAck) && order.status == Status::Sent => {
            (News::None, Code::StaleEvent)
        }
        News::Doubt(doubt) if ended && doubt != OrderDoubt::Amend => (News::None, Code::StaleEvent),
        News::Doubt(_) => (news, Code::InDoubt),
        News::None if event.kind == Kind::SendTimeout => (News::None, Code::StaleEvent),
        News::Stopped if order.status == Status::Stopped => (News::None, Code::DuplicateEvent),
        News::AmendPending if order.status == Status::PendingReplace => (News::None, Code::DuplicateEvent),
        News::Triggered if triggered => (News::None, Code::DuplicateEvent),
        // A cancel that crossed the last fill is old news; an end of another kind does not reopen anything.
        News::End(..)
        | News::CancelPending
        | News::CancelRefused
        | News::AmendPending
        | News::Stopped
        | News::Triggered
            if ended =>
        {
            (News::None, Code::StaleEvent)
        }
        News::Stopped | News::Triggered | News::AmendPending if order.role == OrderRole::External => {
            (News::None, Code::UnknownOrder)
        }
        News::StillWorks => (news, Code::StaleEvent),
        News::None
        | News::Complete
        | News::End(..)
        | News::CancelPending
        | News::CancelRefused
        | News::AmendPending
        | News::Works
        | News::Stopped
        | News::Triggered
        | News::Resend => (news, Code::Ok),
    }
}

fn plan_reject(plan: &mut OrderPlan, event: &VenueEvent, order: &Order) -> News {
    if is_duplicate_id(event) && !planted(Bug::TakenIdIsARefusal) {
        // The id is taken because the order is there: not rejected, but to be asked for.
        return if order.status == Status::Sent {
            News::Doubt(OrderDoubt::Submit)
        } else {
            plan.code = Code::StaleEvent;
            News::None
        };
    }
    plan.code = Code::VenueRejected;
    if order.status.is_ended() {
        plan.code = if order.status == Status::Rejected { Code::DuplicateEvent } else { Code::StaleEvent };
        return News::None;
    }
    let unanswered = matches!(order.status, Status::Sent | Status::New);
    let terminal = match event.status {
        Some(status) => status == Status::Rejected,
        None => unanswered,
    };
    if terminal || event.remaining_size.is_some_and(Decimal::is_zero) {
        return News::End(Status::Rejected, Some("REJECTED"));
    }
    News::None
}

fn plan_rate_limited(plan: &mut OrderPlan, event: &VenueEvent, order: &Order) -> News {
    let request = request_id(event);
    let amend_named = order.amendment().is_some_and(|amendment| amendment.request_id == *request);
    let refused = Some(Box::new(Amended::Refused));
    plan.code = if order.status.is_ended() { Code::StaleEvent } else { Code::RateLimited };
    if amend_named && order.doubt == OrderDoubt::None {
        plan.code = Code::RateLimited;
        plan.amended = refused;
        return News::None;
    }
    match order.status {
        // In doubt, only the question was refused; with a cancel outstanding, only the cancel.
        Status::Sent | Status::New if order.doubt != OrderDoubt::None => News::None,
        Status::Sent | Status::New if order.cancel_requested => News::CancelRefused,
        // Which of the two requests was refused, only the venue knows.
        Status::Sent if order.amendment().is_some() => News::Doubt(OrderDoubt::Submit),
        // Before acceptance: the order never was.
        Status::Sent | Status::New => News::End(Status::Rejected, Some("RATE_LIMITED")),
        // Afterwards it was the cancel or the change that was refused.
        Status::Acked
        | Status::PartiallyFilled
        | Status::PendingCancel
        | Status::PendingReplace
        | Status::Stopped => {
            if order.amendment().is_some() && !order.cancel_requested && order.doubt == OrderDoubt::None {
                // It names no request: should it have been another's, the change may be made all the same.
                plan.amended = Some(Box::new(Amended::GivenUp));
                return News::None;
            }
            News::CancelRefused
        }
        Status::Filled | Status::Canceled | Status::Rejected | Status::Expired | Status::DoneForDay => {
            News::None
        }
    }
}
