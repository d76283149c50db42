//! Doubt: requests without an answer, answers that find nothing, and refusals that cannot be believed.

use alloc::boxed::Box;

use super::OrderPlan;
use super::amend::{Amended, request_id};
use super::news::{News, says_it_works};
use crate::effect::{CancelRequest, Command, Effects};
use crate::input::{Stamp, VenueEvent};
use crate::kernel::Kernel;
use crate::names::{KernelDiagnosticCode as Code, KernelEventKind, OrderDoubt, VenueOrderStatus as Status};
use crate::order::{Order, OrderRole};
use crate::outcome::Refusal;
use crate::planted::{Bug, planted};
use crate::slot::classify::Change;

/// A venue's reason, as its code or as its words, for the few reasons that mean something here. Adapters name the
/// codes; the words are for those that cannot.
fn says(event: &VenueEvent, codes: &[&str], words: &[&str]) -> bool {
    let Some(rare) = &event.rare else { return false };
    if codes.contains(&rare.reason_code.as_str()) || codes.contains(&&*rare.reason) {
        return true;
    }
    let reason = rare.reason.to_ascii_lowercase();
    words.iter().any(|word| reason.contains(word))
}

/// True where a refusal means that our id is taken: by the order itself, sent before.
pub(super) fn is_duplicate_id(event: &VenueEvent) -> bool {
    says(event, &["DUPLICATE_CLIENT_ID"], &["duplicate client", "duplicate order id", "duplicate cl"])
}

/// True where a refusal to cancel or to change says that there is nothing to cancel or to change.
pub(super) fn contradicts_life(event: &VenueEvent) -> bool {
    let ended = event.status.is_some_and(Status::is_ended) && !says_it_works(event);
    let codes = ["UNKNOWN_ORDER", "ALREADY_FILLED", "ALREADY_ENDED", "TOO_LATE"];
    let words =
        ["unknown order", "not found", "does not exist", "filled", "already ended", "too late", "completed"];
    ended || says(event, &codes, &words)
}

/// Which request a timeout is about; `None` where nothing is unanswered.
pub(super) fn unanswered(event: &VenueEvent, order: &Order) -> Option<OrderDoubt> {
    let request = request_id(event);
    let amendment = order.amendment();
    if amendment.is_some_and(|amendment| amendment.request_id == *request) {
        // An order that may not be there is in the greater doubt.
        return Some(if order.doubt == OrderDoubt::Submit { OrderDoubt::Submit } else { OrderDoubt::Amend });
    }
    match order.status {
        Status::Sent => Some(OrderDoubt::Submit),
        Status::New => None,
        Status::Filled
        | Status::Canceled
        | Status::Rejected
        | Status::Expired
        | Status::DoneForDay
        | Status::Acked
        | Status::PartiallyFilled
        | Status::PendingCancel
        | Status::PendingReplace
        | Status::Stopped => {
            let live = !order.status.is_ended();
            if live && (order.cancel_requested || order.status == Status::PendingCancel) {
                Some(OrderDoubt::Cancel)
            } else {
                amendment.map(|_| OrderDoubt::Amend)
            }
        }
    }
}

/// How long before our own sending the venue may have made an order that is ours: two clocks are never one.
const CLOCKS_APART_MAX_NS: i64 = 5_000_000_000;

impl Kernel {
    /// An order that the venue made before ours was sent is another one: of an older log, or of another program that uses
    /// our ids. What is said of it is no news of ours, which stays as it was.
    pub(super) fn check_not_foreign(&self, event: &VenueEvent, order: &Order) -> Result<(), Box<Refusal>> {
        let Some(created_ns) = event.rare.as_ref().and_then(|rare| rare.order_created_ns) else {
            return Ok(());
        };
        let is_told = !event.venue_order_id.is_empty() && order.venue_order_id == event.venue_order_id;
        let is_sent = order.role != OrderRole::External && order.status != Status::New;
        let first_sent_ns = order.extra.as_ref().and_then(|extra| extra.first_sent_time_ns);
        let oldest_ns = first_sent_ns.unwrap_or(order.sent_time_ns).saturating_sub(CLOCKS_APART_MAX_NS);
        // What an operator attached was at the venue before anything was sent here.
        let is_given = || self.orders.slot_of_given(&order.client_id).is_some();
        if is_told || !is_sent || created_ns >= oldest_ns || !is_given() {
            return Ok(());
        }
        Err(Refusal::field(
            Code::ForeignOrder,
            "order_created",
            created_ns,
            "is more than 5 s before ours was sent: another order has this id, ours stays as it was; find out at the \
             venue what became of it, and give every log of the account an instance_nonce of its own",
        ))
    }

    /// The venue does not know the order. That counts only where it was asked once it had had time to, and while it can
    /// be heard.
    pub(super) fn plan_not_found(&self, plan: &mut OrderPlan, stamp: Stamp, order: &Order) {
        let deaf = self.connection.down_since_ns.is_some() && !planted(Bug::SilenceProvesAbsence);
        let waited = asked_ns(order).unwrap_or(stamp.0).saturating_sub(order.sent_time_ns);
        let early = deaf || waited < self.config.settling_window_ns;
        let early = early && !planted(Bug::NotFoundIsBelieved);
        if order.role == OrderRole::External || order.status == Status::New {
            plan.code = Code::StaleEvent;
            return;
        }
        if order.status.is_ended() {
            plan.code = Code::StaleEvent;
            if let Some(amendment) = order.amendment() {
                // A filled order that the venue has put away is not amended any more.
                if deaf || !self.was_asked_late_enough(order, amendment.sent_time_ns) {
                    plan.code = Code::InDoubt;
                } else {
                    plan.code = Code::Ok;
                    plan.amended = Some(Box::new(Amended::GivenUp));
                }
            }
            return;
        }
        match order.status {
            Status::Sent if order.doubt == OrderDoubt::None => plan.code = Code::StaleEvent,
            Status::Sent | Status::Acked | Status::PartiallyFilled | Status::Stopped if early => {
                plan.code = Code::InDoubt; // too early to prove anything
            }
            Status::PendingCancel | Status::PendingReplace if early => plan.code = Code::InDoubt,
            Status::Acked
            | Status::PartiallyFilled
            | Status::Stopped
            | Status::PendingCancel
            | Status::PendingReplace
                if !was_asked(order) =>
            {
                // An answer from before the last news, or to a question of somebody else: ask.
                plan.code = Code::StaleEvent;
                plan.ask = true;
            }
            Status::Sent => plan.news = not_received(stamp, order),
            Status::Acked
            | Status::PartiallyFilled
            | Status::Stopped
            | Status::PendingCancel
            | Status::PendingReplace => {
                // It was there: it is over, and how is for somebody to find out.
                plan.news = News::End(Status::Canceled, Some("NOT_FOUND"));
                plan.code = Code::ReconcileRequired;
            }
            Status::New
            | Status::Filled
            | Status::Canceled
            | Status::Rejected
            | Status::Expired
            | Status::DoneForDay => {}
        }
    }

    /// True where the venue was asked once it had had time for what left at `sent_ns`.
    pub(super) fn was_asked_late_enough(&self, order: &Order, sent_ns: i64) -> bool {
        asked_ns(order)
            .is_some_and(|asked_ns| asked_ns.saturating_sub(sent_ns) >= self.config.settling_window_ns)
    }

    /// A request was not answered: ask.
    #[cold]
    pub(super) fn commit_doubt(&mut self, place: u32, doubt: OrderDoubt, effects: &mut Effects) {
        self.orders.at_mut(place).doubt = doubt;
        self.watch_order(place);
        self.ask(place, effects);
        self.after_change(place, Change::Doubted, effects);
    }

    /// Sends an exit that the venue never got again, under the same id.
    #[cold]
    pub(super) fn commit_resend(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        order.doubt = OrderDoubt::None;
        let sent_ns = order.sent_time_ns;
        let extra = order.extra_mut();
        extra.first_sent_time_ns.get_or_insert(sent_ns);
        extra.resent = extra.resent.saturating_add(1);
        self.submit(place, effects);
        self.after_change(place, Change::Reported, effects);
    }

    /// What had ended here works there after all: nobody wants it, so it is canceled, as often as the venue says that it
    /// works: the first wish may have been lost, and a second one does no harm.
    #[cold]
    pub(super) fn commit_still_works(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at_mut(place);
        if order.role == OrderRole::External {
            return;
        }
        order.cancel_requested = true;
        let request = self.order_key(place);
        effects.commands.push(Command::Cancel(request));
    }

    /// True where the venue says that an order works which got its id here, had ended, and is forgotten since, or has no
    /// slot any more: `known` is what a stranger's record has of it. What was at work when the account was opened is not
    /// meant, whoever gave it its id.
    #[cold]
    pub(super) fn is_unwanted(&self, event: &VenueEvent, known: Option<&Order>) -> bool {
        event.kind == KernelEventKind::OrderStatus
            && says_it_works(event)
            && !planted(Bug::CanceledIsBelieved)
            && known.is_none_or(|order| order.client_id.is_empty() || !order.intent_id.is_empty())
            && self.orders.slot_of_given(&event.venue_client_id).is_some_and(|slot| self.slot(slot).is_some())
    }

    /// Cancels what [`Self::is_unwanted`], as often as the venue says that it works. All that is known of it is what the
    /// event says.
    #[cold]
    pub(super) fn cancel_unwanted(&self, event: &VenueEvent, effects: &mut Effects) {
        let Some(slot_id) = self.orders.slot_of_given(&event.venue_client_id) else { return };
        effects.commands.push(Command::Cancel(CancelRequest {
            venue_client_id: event.venue_client_id.clone(),
            venue_order_id: event.venue_order_id.clone(),
            asset: event.asset.clone(),
            slot_id,
        }));
    }
}

/// True where nothing has come of the order since the venue was last asked.
pub(super) fn was_asked(order: &Order) -> bool {
    asked_ns(order).is_some() || order.doubt != OrderDoubt::None
}

/// When the venue was last asked about the order, ns, where nothing has come of it since. An answer is as of then: what
/// the venue did not show then it may show by now, and an answer proves no more for having been heard late.
fn asked_ns(order: &Order) -> Option<i64> {
    order.extra.as_ref().and_then(|extra| extra.queried_time_ns)
}

/// An entry that never arrived is over; an exit is still wanted while it is valid.
fn not_received(stamp: Stamp, order: &Order) -> News {
    let valid_until_ns = order.extra.as_ref().and_then(|extra| extra.valid_until_ns);
    let wanted = order.role == OrderRole::Exit
        && !order.cancel_requested
        && valid_until_ns.is_some_and(|until| until > stamp.0);
    if wanted { News::Resend } else { News::End(Status::Rejected, Some("NOT_RECEIVED")) }
}
