//! The passing of time: what is due when the clock moves, and what a tick asks for.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::Kernel;
use crate::effect::{Command, Effects};
use crate::funding::CLOCK_SKEW_NS;
use crate::input::Stamp;
use crate::names::{KernelDiagnosticCode as Code, OrderDoubt, TimeInForce, VenueOrderStatus};
use crate::order::{Order, OrderRef};
use crate::outcome::{Detail, Outcome};
use crate::planted::{Bug, planted};

/// Orders that a tick must look at: in doubt, not heard of since a restart, being amended, or of limited life. Ended ones drop out at the next tick.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) orders: Vec<OrderRef>,
}

/// After so many more watched orders, a power of two less one, those that have ended are dropped.
const WATCH_SWEEP: usize = 1023;

/// The connection to the venue.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Connection {
    /// Kernel time since which it has been gone, ns; `None` while it is there.
    pub down_since_ns: Option<i64>,
}

/// What a tick does with a watched order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Due {
    /// Nothing is to be expected of it any more.
    Drop,
    /// Not yet.
    Wait,
    /// Ask the venue.
    Ask,
    /// A change that was asked for is not answered: from now on it is in doubt.
    Doubt,
}

/// What is to come of a watched order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    /// From that kernel time on, ns.
    At(i64, Due),
    /// Not in the time that there is.
    Never,
    /// There is nothing to wait for.
    Nothing,
}

impl Expected {
    fn from(due_ns: Option<i64>, due: Due) -> Expected {
        due_ns.map_or(Expected::Never, |due_ns| Expected::At(due_ns, due))
    }
}

/// Up to when the venue's clock, which may be a little ahead of ours, has crossed boundaries. Exactly on one is still
/// before it.
fn crossed_ahead(stamp: Stamp, venue_time_ns: i64) -> i64 {
    venue_time_ns.min(stamp.0.saturating_add(CLOCK_SKEW_NS)).saturating_sub(1)
}

impl Kernel {
    /// Moves kernel time on, once an input is taken: everything between planning and here would see another state, so
    /// only the ledger is touched (funding boundaries). `venue_time_ns` is the input's own, which the ledger shows.
    #[inline]
    pub(crate) fn pass_time(&mut self, stamp: Stamp, venue_time_ns: i64) {
        self.now_ns = stamp.0;
        if stamp.0.max(venue_time_ns) >= self.guard.losses.due_ns.min(self.funding.next_due_ns) {
            self.meet_what_is_due(stamp, venue_time_ns);
        }
        self.ledger.set_venue_time(if venue_time_ns == 0 { stamp.0 } else { venue_time_ns });
    }

    /// Something may be due: a look at the results, or a funding boundary.
    #[cold]
    #[inline(never)]
    fn meet_what_is_due(&mut self, stamp: Stamp, venue_time_ns: i64) {
        if stamp.0 >= self.guard.losses.due_ns {
            self.sample_results();
        }
        let until_ns = stamp.0.max(crossed_ahead(stamp, venue_time_ns));
        if until_ns >= self.funding.next_due_ns {
            self.cross_boundaries(until_ns);
        }
    }

    /// A tick.
    pub(crate) fn take_time(&mut self, stamp: Stamp, effects: &mut Effects) -> Outcome {
        self.pass_time(stamp, stamp.0);
        // While the connection is down nothing can be asked, and nothing that is not found is proven.
        if self.connection.down_since_ns.is_none() {
            self.ask_what_is_due(false, effects);
            self.clear_the_way(effects);
        }
        self.answer(Code::Ok, None, Detail::None)
    }

    /// Puts an order among those that a tick looks at.
    #[cold]
    pub(crate) fn watch_order(&mut self, place: u32) {
        let reference = OrderRef { place, number: self.orders.at(place).number };
        if !self.watch.orders.contains(&reference) {
            self.watch.orders.push(reference);
        }
    }

    /// The same for an order that is on its way for the first time, and cannot be there yet. Where nobody tells the time,
    /// no tick drops those that have ended: now and then this does.
    pub(crate) fn watch_new(&mut self, place: u32) {
        if self.watch.orders.len() & WATCH_SWEEP == WATCH_SWEEP {
            let mut watched = core::mem::take(&mut self.watch.orders);
            watched.retain(|reference| {
                self.orders.get(*reference).is_some_and(|order| self.due(order, false) != Due::Drop)
            });
            self.watch.orders = watched;
        }
        let reference = OrderRef { place, number: self.orders.at(place).number };
        self.watch.orders.push(reference);
    }

    /// How many orders a tick looks at.
    pub fn watched(&self) -> usize {
        self.watch.orders.len()
    }

    /// Asks the venue what became of an order, and of its fills.
    #[cold]
    pub(crate) fn ask(&mut self, place: u32, effects: &mut Effects) {
        let request = self.order_key(place);
        effects.commands.push(Command::Query(request));
        let now_ns = self.now_ns;
        self.orders.at_mut(place).extra_mut().queried_time_ns = Some(now_ns);
    }

    /// Asks for every watched order whose time has come; with `at_once` for all that are in doubt.
    pub(crate) fn ask_what_is_due(&mut self, at_once: bool, effects: &mut Effects) {
        if self.watch.orders.is_empty() {
            return;
        }
        let mut watched = core::mem::take(&mut self.watch.orders);
        watched.retain(|reference| {
            let due = self.orders.get(*reference).map_or(Due::Drop, |order| self.due(order, at_once));
            match due {
                Due::Drop => return false,
                Due::Wait => return true,
                Due::Doubt => self.doubt_amendment(reference.place),
                Due::Ask => {}
            }
            self.ask(reference.place, effects);
            true
        });
        self.watch.orders = watched;
    }

    /// A change that nobody answers is in doubt. An order that may not be there is in the greater doubt, which no answer to
    /// the change takes from it.
    fn doubt_amendment(&mut self, place: u32) {
        let order = self.orders.at_mut(place);
        let is_there = order.status != VenueOrderStatus::Sent;
        order.doubt = if is_there { OrderDoubt::Amend } else { OrderDoubt::Submit };
    }

    /// True where no question about an order is open, or it has been for long enough.
    pub(crate) fn may_ask_again(&self, order: &Order) -> bool {
        let asked_ns = order.extra.as_ref().and_then(|extra| extra.queried_time_ns).unwrap_or(i64::MIN);
        self.now_ns.saturating_sub(asked_ns) >= self.config.requery_interval_ns
    }

    fn due(&self, order: &Order, at_once: bool) -> Due {
        if at_once && order.doubt != OrderDoubt::None {
            return Due::Ask;
        }
        match self.expected(order) {
            Expected::Nothing => Due::Drop,
            Expected::At(due_ns, due) if due_ns <= self.now_ns => due,
            Expected::At(_, _) | Expected::Never => Due::Wait,
        }
    }

    /// What a tick will do with a watched order, and from which kernel time on.
    fn expected(&self, order: &Order) -> Expected {
        let asked_ns = order.extra.as_ref().and_then(|extra| extra.queried_time_ns);
        let again_ns = match asked_ns {
            Some(asked_ns) => asked_ns.checked_add(self.config.requery_interval_ns),
            None => Some(i64::MIN),
        };
        let after = |since_ns: i64| past(since_ns, self.config.settling_window_ns);
        if order.doubt != OrderDoubt::None {
            return Expected::from(again_ns, Due::Ask);
        }
        if let Some(amendment) = order.amendment() {
            return Expected::from(after(amendment.sent_time_ns), Due::Doubt);
        }
        let limited = order.time_in_force == TimeInForce::Gtd && order.is_live();
        let limited = limited && !planted(Bug::LimitedLifeIsTrusted);
        if order.is_unheard() && !planted(Bug::NotFoundIsAnAnswer) {
            return Expected::from(again_ns, Due::Ask);
        }
        match order.expire_time_ns.filter(|_| limited) {
            Some(until_ns) => {
                let both = after(until_ns).zip(again_ns).map(|(ended_ns, again_ns)| ended_ns.max(again_ns));
                Expected::from(both, Due::Ask)
            }
            None => Expected::Nothing,
        }
    }

    // ---------------------------------------------------------------------------- when a tick is wanted

    /// From which kernel time on a tick has something to do, ns; `None` where nothing is to come. Reading it costs as much as
    /// there are orders that a tick looks at.
    pub fn next_due_ns(&self) -> Option<i64> {
        if self.now_ns == i64::MIN {
            return None; // no input has come yet
        }
        let known = |due_ns: i64| Some(due_ns).filter(|due_ns| *due_ns != i64::MAX);
        let due = [
            self.next_question_ns(),
            known(self.funding.next_due_ns),
            known(self.guard.losses.next_midnight_ns()),
            self.next_verdict_ns(),
            self.next_exits_ns(),
            self.next_waiting_ns(),
        ];
        due.into_iter().flatten().min()
    }

    /// When the venue is next asked about an order. While the connection is down it is not.
    fn next_question_ns(&self) -> Option<i64> {
        if self.connection.down_since_ns.is_some() {
            return None;
        }
        let watched = self.watch.orders.iter().filter_map(|reference| self.orders.get(*reference));
        let due = watched.filter_map(|order| match self.expected(order) {
            Expected::At(due_ns, _) => Some(due_ns),
            Expected::Never | Expected::Nothing => None,
        });
        due.min()
    }

    /// The orders that were sent longer than the settling window ago, and of which nothing was heard, with the kernel time
    /// from which on that is so, ns. None while the connection is down: nothing could be heard.
    pub fn unanswered(&self) -> impl Iterator<Item = (&Order, i64)> {
        let none_at_work =
            self.free_slots == self.config.max_slots || self.connection.down_since_ns.is_some();
        let slots = if none_at_work { &[] } else { self.slots.as_slice() };
        let busy = slots.iter().filter(|slot| !slot.stage.is_free());
        let sent = busy.flat_map(|slot| slot.entry.iter().chain(&slot.exit).chain(&slot.other_exits));
        sent.filter_map(|reference| {
            let order = self.orders.get(*reference)?;
            let silent = order.status == VenueOrderStatus::Sent && order.doubt == OrderDoubt::None;
            let due_ns = past(order.sent_time_ns, self.config.settling_window_ns)?;
            silent.then_some((order, due_ns))
        })
    }
}

/// The first time that is longer than a window after another one; `None` where there is none.
pub(crate) fn past(since_ns: i64, window_ns: i64) -> Option<i64> {
    since_ns.checked_add(window_ns)?.checked_add(1)
}
