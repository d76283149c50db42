//! What the venue's news of then mean now: orders have other names, or were never sent.

use std::collections::{BTreeMap, BTreeSet};

use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::VenueEvent;

/// Names of then and now.
#[derive(Default)]
pub(super) struct Routes {
    /// Client ids and request ids of then that are others now.
    renamed: BTreeMap<Id, Id>,
    /// Client ids of then that are not sent now.
    unsent: BTreeSet<Id>,
    /// The venue's ids of those orders.
    venue_ids: BTreeSet<Id>,
    /// Instrument and venue trade id of their fills.
    fills: BTreeSet<(Id, Id)>,
    /// Trades whose entry is refused now.
    pub(super) missing_trades: BTreeSet<Id>,
}

impl Routes {
    /// Holds the requests of a step against one another. Gives how many of now have no counterpart.
    pub(super) fn learn(&mut self, then: &[Command], now: &[Command]) -> u64 {
        let mut left: Vec<&Command> = now.iter().collect();
        for command in then {
            let twin = left.iter().position(|other| self.is_twin(command, other)).map(|at| left.remove(at));
            match (command, twin) {
                (Command::Submit(order), Some(Command::Submit(other))) => {
                    self.unsent.remove(&order.venue_client_id);
                    self.rename_to(&order.venue_client_id, &other.venue_client_id);
                }
                (Command::Submit(order), _) => {
                    self.unsent.insert(order.venue_client_id.clone());
                }
                (Command::Amend(request), Some(Command::Amend(other))) => {
                    self.rename_to(&request.request_id, &other.request_id);
                }
                (
                    Command::Amend(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. },
                    _,
                ) => {}
            }
        }
        left.len() as u64
    }

    fn is_twin(&self, then: &Command, now: &Command) -> bool {
        match (then, now) {
            (Command::Submit(then), Command::Submit(now)) => {
                (&then.trade_id, then.slot_id, then.order_side)
                    == (&now.trade_id, now.slot_id, now.order_side)
            }
            (Command::Cancel(then), Command::Cancel(now)) | (Command::Query(then), Command::Query(now)) => {
                *self.name(&then.venue_client_id) == now.venue_client_id
            }
            (Command::Amend(then), Command::Amend(now)) => {
                *self.name(&then.venue_client_id) == now.venue_client_id
            }
            (Command::SetLeverage { symbol: then, .. }, Command::SetLeverage { symbol: now, .. }) => {
                then == now
            }
            (
                Command::Submit(_)
                | Command::Cancel(_)
                | Command::Query(_)
                | Command::Amend(_)
                | Command::SetLeverage { .. },
                _,
            ) => false,
        }
    }

    /// Most names stay: only those that do not are kept.
    fn rename_to(&mut self, then: &Id, now: &Id) {
        if then == now {
            self.renamed.remove(then);
        } else {
            self.renamed.insert(then.clone(), now.clone());
        }
    }

    /// What a client id or a request id of then is now.
    pub(super) fn name<'a>(&'a self, then: &'a Id) -> &'a Id {
        self.renamed.get(then).unwrap_or(then)
    }

    /// True where a request of then is not made now.
    pub(super) fn is_unsent(&self, client_id: &Id) -> bool {
        self.unsent.contains(client_id)
    }

    /// True for news of an order that is not sent now.
    pub(super) fn is_of_unsent(&self, event: &VenueEvent) -> bool {
        if self.unsent.is_empty() {
            return false;
        }
        if event.venue_client_id.is_empty() && event.venue_order_id.is_empty() {
            return !event.trade_id.is_empty() && self.missing_trades.contains(&event.trade_id);
        }
        self.unsent.contains(&event.venue_client_id) || self.venue_ids.contains(&event.venue_order_id)
    }

    /// Learns the other names of an order that is not sent now, and its fill.
    pub(super) fn leave_out(&mut self, symbol: Option<&Id>, event: &VenueEvent) {
        if !event.venue_order_id.is_empty() {
            self.venue_ids.insert(event.venue_order_id.clone());
        }
        if let Some(symbol) = symbol
            && !event.venue_trade_id.is_empty()
        {
            self.fills.insert((symbol.clone(), event.venue_trade_id.clone()));
        }
    }

    /// True for a fill of an order that is not sent now.
    pub(super) fn is_left_out(&self, symbol: &Id, venue_trade_id: &Id) -> bool {
        !self.fills.is_empty() && self.fills.contains(&(symbol.clone(), venue_trade_id.clone()))
    }

    /// Gives an event the names of now.
    pub(super) fn rename(&self, event: &mut VenueEvent) {
        if self.renamed.is_empty() {
            return;
        }
        if let Some(now) = self.renamed.get(&event.venue_client_id) {
            event.venue_client_id = now.clone();
        }
        if let Some(rare) = &mut event.rare
            && let Some(now) = self.renamed.get(&rare.request_id)
        {
            rare.request_id = now.clone();
        }
    }
}
