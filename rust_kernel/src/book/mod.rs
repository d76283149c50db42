//! The book of an instrument's position side: the venue's position, as a fold over its executions in the venue's order.
//!
//! A book keeps a window of entries, oldest first, and the position before the first of them. An execution behind all others
//! is one step. One that is busted, corrected, priced late or received late is changed or put in its place, and the window is
//! folded again: what closed behind it closes at the cost that the venue had. The caller posts the difference of the sums.
//!
//! What the venue reports of an execution's profit is its effect on the wallet. Of the others it is what the fold says, rounded
//! as the venue rounds. So a report that is late moves the profit of those alone that are not reported yet.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::num::{Money, Qty, Rounding};
use crate::order::OrderRef;
use crate::position::{Basis, Closing};

/// A book keeps at least so many entries once it had them, and at most twice as many.
pub const ENTRIES_KEPT: usize = 256;

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Kind {
    /// An execution.
    Execution,
    /// A fee in the base asset: it makes the position smaller, and its cost stays.
    Fee,
}

/// One entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Counted over the book's life; see [`crate::order::Fill::entry`].
    number: u64,
    /// The order that it is of.
    order: OrderRef,
    kind: Kind,
    /// The profit that the venue has reported of it.
    reported: Option<Money>,
    /// Signed quantity.
    qty: Qty,
    /// What that is worth, signed as a basis has it.
    value: Money,
    /// Its profit as the fold has it, exactly.
    profit: Money,
}

impl Entry {
    /// Returns its signed quantity and value, and its exact profit.
    pub fn figures(&self) -> (Qty, Money, Money) {
        (self.qty, self.value, self.profit)
    }

    /// Returns its order, which may be forgotten.
    pub fn order(&self) -> OrderRef {
        self.order
    }

    fn beside(&self) -> Money {
        self.reported.map_or(Money::ZERO, |reported| reported - self.profit)
    }

    fn apply(&self, position: &mut Basis) -> Closing {
        match self.kind {
            Kind::Execution if self.qty.is_zero() => Closing::default(),
            Kind::Execution => position.apply(self.qty, self.value),
            Kind::Fee => Closing { realized: -position.shrink(-self.qty), ..Closing::default() },
        }
    }
}

/// An execution that was folded again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changed {
    /// Its order, which may be forgotten.
    pub order: OrderRef,
    /// Its entry.
    pub number: u64,
    /// How much it closes, unsigned.
    pub closed: Qty,
    /// Its profit as the wallet has it; None where the venue has reported it.
    pub booked: Option<Money>,
}

/// What folding again has changed.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Refolded {
    /// The change of the exact profit, of all entries.
    pub exact: Money,
    /// The change of the profit in the wallet, of the entries that were not edited.
    pub booked: Money,
    /// The change of the position's cost.
    pub cost: Money,
    /// The executions that were folded again, the edited ones among them.
    pub changed: Vec<Changed>,
}

/// The book.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Book {
    /// The position after all entries.
    pub position: Basis,
    /// The position before the first entry.
    base: Basis,
    /// The position before the entry at [`ENTRIES_KEPT`], where there is one.
    checkpoint: Basis,
    /// How many entries there ever were.
    count: u64,
    /// The profits that the venue has reported, less those of the fold. It reports by the order in which it has executed: where
    /// that is not the order in which it has sent the reports, the two differ until the position is closed.
    pub beside: Money,
    entries: VecDeque<Entry>,
}

impl Book {
    /// Returns a book that is opened with a position.
    pub fn opened(position: Basis) -> Book {
        Book { position, base: position, ..Book::default() }
    }

    /// Returns the entries of the window, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.iter().map(|entry| (entry.number, entry))
    }

    /// Adds an execution behind all others: its signed quantity, and what that is worth. Returns its entry's number, and what
    /// it did to the position.
    #[inline]
    pub fn execute(&mut self, order: OrderRef, qty: Qty, value: Money) -> (u64, Closing) {
        self.push(order, Kind::Execution, qty, value)
    }

    /// Takes a fee in the base asset out of the position. Returns the cost for which nothing is left to stand.
    pub fn shrink(&mut self, order: OrderRef, by: Qty) -> Money {
        let (_, closing) = self.push(order, Kind::Fee, -by, Money::ZERO);
        -closing.realized
    }

    #[inline]
    fn push(&mut self, order: OrderRef, kind: Kind, qty: Qty, value: Money) -> (u64, Closing) {
        if self.entries.len() >= ENTRIES_KEPT {
            self.pass();
        }
        self.count = self.count.wrapping_add(1);
        let number = self.count;
        let mut entry = Entry { number, order, kind, reported: None, qty, value, profit: Money::ZERO };
        let closing = entry.apply(&mut self.position);
        entry.profit = closing.realized;
        self.entries.push_back(entry);
        (number, closing)
    }

    /// Moves the base over half the window where that is full.
    #[inline]
    fn pass(&mut self) {
        if self.entries.len() >= ENTRIES_KEPT.saturating_mul(2) {
            self.entries.drain(..ENTRIES_KEPT);
            self.base = self.checkpoint;
        }
        if self.entries.len() == ENTRIES_KEPT {
            self.checkpoint = self.position;
        }
    }

    /// Returns where an entry stands; None where it is behind the window.
    fn find(&self, number: u64) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.number == number).filter(|_| number != 0)
    }

    /// Returns whether an entry is in the window.
    pub fn has(&self, number: u64) -> bool {
        self.find(number).is_some()
    }

    /// Notes the profit that the venue has reported of an execution, or that what it has reported does not count any more.
    #[inline]
    pub fn set_reported(&mut self, number: u64, reported: Option<Money>) {
        let Some(at) = self.find(number) else { return };
        if let Some(entry) = self.entries.get_mut(at) {
            let beside = entry.beside();
            entry.reported = reported;
            self.beside += entry.beside() - beside;
        }
    }

    /// Notes that an entry is of another order.
    pub fn set_order(&mut self, number: u64, order: OrderRef) {
        let Some(at) = self.find(number) else { return };
        if let Some(entry) = self.entries.get_mut(at) {
            entry.order = order;
        }
    }

    /// Makes an execution another one: zero takes it back. Returns what that changes; None where its entry is behind the
    /// window, and nothing is changed. `decimals` are those that the venue rounds a profit to; None where it does not.
    #[cold]
    pub fn change(&mut self, number: u64, qty: Qty, value: Money, decimals: Option<u8>) -> Option<Refolded> {
        let at = self.find(number)?;
        let entry = self.entries.get_mut(at)?;
        (entry.qty, entry.value) = (qty, value);
        Some(self.fold(at, decimals, |edited| edited == number))
    }

    /// Parts an execution in two: the first keeps `qty` and `value`, the second gets the rest, behind it. Returns the second's
    /// number, and what that changes; None where the entry is behind the window.
    #[cold]
    pub fn part(
        &mut self,
        number: u64,
        qty: Qty,
        value: Money,
        decimals: Option<u8>,
    ) -> Option<(u64, Refolded)> {
        let at = self.find(number)?;
        self.count = self.count.wrapping_add(1);
        let second = self.count;
        let entry = self.entries.get_mut(at)?;
        let rest = Entry { number: second, qty: entry.qty - qty, value: entry.value - value, reported: None, ..entry.clone() };
        (entry.qty, entry.value) = (qty, value);
        self.entries.insert(at.saturating_add(1), Entry { profit: Money::ZERO, ..rest });
        Some((second, self.fold(at, decimals, |edited| edited == number || edited == second)))
    }

    /// Folds the window again from an entry on.
    fn fold(&mut self, from: usize, decimals: Option<u8>, is_edited: impl Fn(u64) -> bool) -> Refolded {
        let cost_before = self.position.cost;
        let is_behind = from > ENTRIES_KEPT;
        let (mut position, start) =
            if is_behind { (self.checkpoint, ENTRIES_KEPT) } else { (self.base, 0) };
        let mut refolded = Refolded::default();
        for (at, entry) in self.entries.iter_mut().enumerate().skip(start) {
            if at == ENTRIES_KEPT {
                self.checkpoint = position;
            }
            let closing = entry.apply(&mut position);
            let before = core::mem::replace(&mut entry.profit, closing.realized);
            if at < from {
                continue;
            }
            let (after, edited) = (closing.realized, is_edited(entry.number));
            refolded.exact += after - before;
            let booked = entry.reported.is_none().then(|| as_booked(after, decimals));
            if entry.reported.is_some() {
                self.beside -= after - before;
            }
            if let (Some(booked), false) = (booked, edited) {
                refolded.booked += booked - as_booked(before, decimals);
            }
            if entry.kind == Kind::Execution {
                let Entry { order, number, .. } = *entry;
                refolded.changed.push(Changed { order, number, closed: closing.closed, booked });
            }
        }
        self.position = position;
        refolded.cost = position.cost - cost_before;
        refolded
    }

    /// Changes what an execution behind the window has left of itself: by a quantity and a cost. Returns what that changes.
    #[cold]
    pub fn change_base(&mut self, qty: Qty, cost: Money, decimals: Option<u8>) -> Refolded {
        let left = self.base.adjust(qty, cost);
        let refolded = self.fold(0, decimals, |_| false);
        let booked = refolded.booked + as_booked(left, decimals);
        Refolded { exact: refolded.exact + left, booked, ..refolded }
    }

    /// Returns whether the entries add up to the position.
    pub fn adds_up(&self) -> bool {
        let mut position = self.base;
        for (at, entry) in self.entries.iter().enumerate() {
            if at == ENTRIES_KEPT && position != self.checkpoint {
                return false;
            }
            if entry.apply(&mut position).realized != entry.profit {
                return false;
            }
        }
        position == self.position
    }
}

/// Returns a profit as the wallet has it.
pub fn as_booked(profit: Money, decimals: Option<u8>) -> Money {
    decimals.map_or(profit, |decimals| profit.rounded(decimals, Rounding::HalfEven))
}
