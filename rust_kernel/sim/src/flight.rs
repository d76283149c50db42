//! What is under way between trader and venue, in order of arrival.

use core::cmp::Ordering;
use std::collections::BinaryHeap;

use dita_kernel::effect::{AmendRequest, CancelRequest, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::num::Decimal;

use crate::funding::Payment;

/// A request on its way to the venue, or an answer on its way back.
#[derive(Clone, Debug)]
pub(crate) enum Cargo {
    Submit(Box<OrderRequest>),
    Cancel(CancelRequest),
    Amend(Box<AmendRequest>),
    Query(CancelRequest),
    SetLeverage {
        symbol: Id,
        leverage: Decimal,
    },
    Answer(Input),
    /// The end of a GTD order.
    Expire {
        place: u32,
        sequence: u64,
    },
    /// An order that has come first meets the market.
    Meet {
        place: u32,
        sequence: u64,
    },
    /// A funding boundary of a market.
    Boundary {
        market: usize,
    },
    /// The connection is back.
    Repair,
    /// Funding that was due at a boundary is paid.
    Pay(Box<Payment>),
}

#[derive(Clone, Debug)]
struct Flying {
    due_ns: i64,
    sequence: u64,
    cargo: Cargo,
}

impl Flying {
    /// The least comes first: the earliest, and of one time the first sent. A boundary comes last: what arrives on it was
    /// there.
    fn turn(&self) -> (i64, bool, u64) {
        (self.due_ns, matches!(self.cargo, Cargo::Boundary { .. }), self.sequence)
    }
}

impl Ord for Flying {
    /// The heap gives the greatest first.
    fn cmp(&self, other: &Flying) -> Ordering {
        other.turn().cmp(&self.turn())
    }
}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Flying) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flying {
    fn eq(&self, other: &Flying) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flying {}

/// Everything under way.
#[derive(Clone, Default, Debug)]
pub(crate) struct Flight {
    heap: BinaryHeap<Flying>,
    sent: u64,
}

impl Flight {
    pub(crate) fn send(&mut self, due_ns: i64, cargo: Cargo) {
        self.sent += 1;
        self.heap.push(Flying { due_ns, sequence: self.sent, cargo });
    }

    pub(crate) fn next_due_ns(&self) -> Option<i64> {
        self.heap.peek().map(|flying| flying.due_ns)
    }

    /// Hands over all answers that are under way, in their order.
    pub(crate) fn land(&mut self, out: &mut Vec<Input>) {
        let mut flying = core::mem::take(&mut self.heap).into_vec();
        flying.sort_unstable_by(|a, b| b.cmp(a));
        for flight in flying {
            match flight.cargo {
                Cargo::Answer(input) => out.push(input),
                _ => self.heap.push(flight),
            }
        }
    }

    /// The first that has arrived by `now_ns`, with its time.
    pub(crate) fn arrive(&mut self, now_ns: i64) -> Option<(i64, Cargo)> {
        if self.next_due_ns()? > now_ns {
            return None;
        }
        self.heap.pop().map(|flying| (flying.due_ns, flying.cargo))
    }
}
