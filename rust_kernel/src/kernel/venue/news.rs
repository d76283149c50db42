//! News of an order beside fills: acknowledged, ended, canceling, in doubt.

use alloc::boxed::Box;

use super::OrderPlan;
use crate::input::{Stamp, VenueEvent};
use crate::kernel::Kernel;
use crate::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt, VenueOrderStatus as Status,
};
use crate::num::Decimal;
use crate::order::Order;
use crate::outcome::Refusal;

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
    /// No answer came.
    Doubt,
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
        let news = match event.kind {
            Kind::OrderAck => News::Ack,
            Kind::CancelAck => News::End(Status::Canceled, None),
            Kind::Expired => News::End(Status::Expired, None),
            Kind::DoneForDay => News::End(Status::DoneForDay, None),
            Kind::CancelPending => News::CancelPending,
            Kind::CancelReject => News::CancelRefused,
            Kind::SendTimeout => News::Doubt,
            Kind::OrderReject => return plan_reject(plan, event, order),
            Kind::RateLimited => return plan_rate_limited(plan, order),
            Kind::OrderStatus => status_news(event.status, order.doubt),
            Kind::OrderNotFound => return self.plan_not_found(plan, stamp, order),
            Kind::PartialFill
            | Kind::FullFill
            | Kind::AmendReject
            | Kind::AmendPending
            | Kind::AmendAck
            | Kind::Stopped
            | Kind::Restated
            | Kind::Triggered
            | Kind::TradeCorrect
            | Kind::TradeBust
            | Kind::Liquidation
            | Kind::Adl
            | Kind::Disconnected
            | Kind::Resynced => News::None,
        };
        let moved = plan.inferred.is_some();
        let (news, code) = match news {
            News::Ack if order.status == Status::Sent || order.status == Status::New => (news, Code::Ok),
            News::Ack if order.status == Status::Acked && order.venue_order_id == event.venue_order_id => {
                (News::None, Code::DuplicateEvent)
            }
            News::Ack => (News::None, Code::StaleEvent),
            News::End(status, _) if ended && order.status == status => (News::None, Code::DuplicateEvent),
            // A cancel that crossed the last fill is old news; an end of another kind does not reopen anything.
            News::End(..) | News::CancelPending | News::CancelRefused if ended => {
                (News::None, Code::StaleEvent)
            }
            News::Doubt if ended => (News::None, Code::StaleEvent),
            News::Doubt => (news, Code::InDoubt),
            News::None | News::Complete | News::End(..) | News::CancelPending | News::CancelRefused => {
                (news, Code::Ok)
            }
        };
        plan.news = news;
        if !moved || code != Code::Ok {
            plan.code = if moved { Code::InferredFill } else { code };
        }
        Ok(())
    }

    pub(super) fn plan_not_found(
        &self,
        plan: &mut OrderPlan,
        stamp: Stamp,
        order: &Order,
    ) -> Result<(), Box<Refusal>> {
        if order.status.is_ended() || order.doubt != OrderDoubt::Submit {
            plan.code = Code::StaleEvent;
            return Ok(());
        }
        let waited = stamp.0.saturating_sub(order.sent_time_ns);
        if waited < self.config.settling_window_ns {
            plan.code = Code::InDoubt; // too early to prove anything
            return Ok(());
        }
        plan.news = News::End(Status::Rejected, Some("NOT_RECEIVED"));
        Ok(())
    }
}

fn plan_reject(plan: &mut OrderPlan, event: &VenueEvent, order: &Order) -> Result<(), Box<Refusal>> {
    plan.code = Code::VenueRejected;
    if order.status.is_ended() {
        plan.code = if order.status == Status::Rejected { Code::DuplicateEvent } else { Code::StaleEvent };
        return Ok(());
    }
    let unanswered = matches!(order.status, Status::Sent | Status::New);
    let terminal = match event.status {
        Some(status) => status == Status::Rejected,
        None => unanswered,
    };
    if terminal || event.remaining_size.is_some_and(Decimal::is_zero) {
        plan.news = News::End(Status::Rejected, Some("REJECTED"));
    }
    Ok(())
}

fn plan_rate_limited(plan: &mut OrderPlan, order: &Order) -> Result<(), Box<Refusal>> {
    plan.code = if order.status.is_ended() { Code::StaleEvent } else { Code::RateLimited };
    match order.status {
        // In doubt, only the question was refused; with a cancel outstanding, only the cancel.
        Status::Sent | Status::New if order.doubt != OrderDoubt::None => {}
        Status::Sent | Status::New if order.cancel_requested => plan.news = News::CancelRefused,
        // Before acceptance: the order never was.
        Status::Sent | Status::New => plan.news = News::End(Status::Rejected, Some("RATE_LIMITED")),
        // Afterwards it was the cancel that was refused.
        Status::Acked
        | Status::PartiallyFilled
        | Status::PendingCancel
        | Status::PendingReplace
        | Status::Stopped => {
            plan.news = News::CancelRefused;
        }
        Status::Filled | Status::Canceled | Status::Rejected | Status::Expired | Status::DoneForDay => {}
    }
    Ok(())
}

fn status_news(status: Option<Status>, doubt: OrderDoubt) -> News {
    match status {
        // It still works: a cancel in doubt did not arrive, and may be tried again.
        Some(Status::Acked | Status::PartiallyFilled) if doubt == OrderDoubt::Cancel => News::CancelRefused,
        Some(Status::Acked | Status::PartiallyFilled) => News::Ack,
        Some(Status::Canceled) => News::End(Status::Canceled, None),
        Some(Status::Expired) => News::End(Status::Expired, None),
        Some(Status::Rejected) => News::End(Status::Rejected, Some("REJECTED")),
        Some(Status::DoneForDay) => News::End(Status::DoneForDay, None),
        Some(Status::PendingCancel) => News::CancelPending,
        Some(Status::New | Status::Sent | Status::Filled | Status::PendingReplace | Status::Stopped)
        | None => News::None,
    }
}

pub(super) fn not_yet(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::AmendReject | Kind::AmendPending | Kind::AmendAck => Some("amending orders"),
        Kind::Stopped => Some("STOPPED"),
        Kind::Restated => Some("RESTATED"),
        Kind::Triggered => Some("TRIGGERED"),
        Kind::TradeCorrect => Some("TRADE_CORRECT"),
        Kind::TradeBust => Some("TRADE_BUST"),
        Kind::Liquidation => Some("LIQUIDATION"),
        Kind::Adl => Some("ADL"),
        Kind::Disconnected => Some("DISCONNECTED"),
        Kind::Resynced => Some("RESYNCED"),
        Kind::OrderAck
        | Kind::PartialFill
        | Kind::FullFill
        | Kind::CancelPending
        | Kind::CancelAck
        | Kind::CancelReject
        | Kind::OrderReject
        | Kind::Expired
        | Kind::DoneForDay
        | Kind::OrderStatus
        | Kind::OrderNotFound
        | Kind::RateLimited
        | Kind::SendTimeout => None,
    }
}
