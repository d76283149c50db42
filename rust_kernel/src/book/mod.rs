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

use crate::funding::CLOCK_SKEW_NS;
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
    /// A trade bust: it takes back what an execution did, at the cost of its own place.
    Bust,
}

/// One entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Counted over the book's life; see [`crate::order::Fill::entry`].
    number: u64,
    /// The order that it is of.
    order: OrderRef,
    kind: Kind,
    /// True where the venue has reported its profit.
    is_reported: bool,
    /// True where a bust has taken it back: the wallet has nothing of it.
    is_busted: bool,
    /// The venue's time of it, ns; 0 where it has none.
    time_ns: i64,
    /// The venue's order of executions; 0 where it has reported none.
    sequence: i64,
    /// Of a bust, the entry that it takes back.
    of: u64,
    /// Signed quantity.
    qty: Qty,
    /// What that is worth, signed as a basis has it.
    value: Money,
    /// Its profit as the fold has it, exactly.
    profit: Money,
    /// The profit that the venue has reported; of a bust, the exact profit that it takes back.
    reported: Money,
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

    fn of(number: u64, kind: Kind, execution: &Execution) -> Entry {
        let Execution { order, time_ns, sequence, qty, value } = *execution;
        Entry {
            number,
            order,
            kind,
            is_reported: false,
            is_busted: false,
            time_ns,
            sequence,
            of: 0,
            qty,
            value,
            profit: Money::ZERO,
            reported: Money::ZERO,
        }
    }

    fn beside(&self) -> Money {
        if self.is_reported { self.reported - self.profit } else { Money::ZERO }
    }

    /// What the wallet has of it where that is the fold's to say.
    fn booked(&self, decimals: Option<u8>) -> Option<Money> {
        match self.kind {
            Kind::Execution => {
                (!self.is_reported && !self.is_busted).then(|| as_booked(self.profit, decimals))
            }
            Kind::Fee => None,
            // The profit goes back as it was booked.
            Kind::Bust => Some(as_booked(self.profit + self.reported, decimals)),
        }
    }

    fn apply(&self, position: &mut Basis) -> Closing {
        match self.kind {
            Kind::Execution if self.qty.is_zero() => Closing::default(),
            Kind::Execution => position.apply(self.qty, self.value),
            Kind::Fee => Closing { realized: -position.shrink(-self.qty), ..Closing::default() },
            Kind::Bust => {
                let left = position.adjust(self.qty, self.value - self.reported);
                Closing { realized: left - self.reported, ..Closing::default() }
            }
        }
    }
}

/// An execution as it is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Execution {
    /// Its order.
    pub order: OrderRef,
    /// The venue's time of it, ns; 0 where it has none.
    pub time_ns: i64,
    /// The venue's own order of executions; 0 where it has reported none.
    pub sequence: i64,
    /// Signed quantity.
    pub qty: Qty,
    /// What that is worth, signed as a basis has it.
    pub value: Money,
}

/// An execution that is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone {
    /// Its entry.
    pub number: u64,
    /// Its order.
    pub order: OrderRef,
    /// The venue's time of it, ns; 0 where it has none.
    pub time_ns: i64,
    /// Its signed quantity.
    pub qty: Qty,
    /// What that was worth, signed as a basis has it.
    pub value: Money,
    /// Its profit as it was booked: what it takes back where its entry is behind the window.
    pub profit: Money,
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
    /// The highest of the venue's sequence.
    last_sequence: i64,
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

    /// Adds an execution behind all others. Returns its entry's number, and what it did to the position.
    #[inline]
    pub fn execute(&mut self, execution: &Execution) -> (u64, Closing) {
        self.push(Kind::Execution, execution)
    }

    /// True where the venue has executed before it what is in the window already.
    #[inline]
    pub fn is_late(&self, sequence: i64) -> bool {
        sequence < self.last_sequence
    }

    /// Adds an execution where the venue has it. Returns its entry's number, what it did to the position there, and what that
    /// changes; of the profits in the wallet those of the others.
    #[cold]
    pub fn execute_late(&mut self, execution: &Execution, decimals: Option<u8>) -> (u64, Closing, Refolded) {
        self.count = self.count.wrapping_add(1);
        let number = self.count;
        let is_behind = |entry: &Entry| entry.sequence > execution.sequence;
        let at = self.entries.iter().position(is_behind).unwrap_or(self.entries.len());
        self.entries.insert(at, Entry::of(number, Kind::Execution, execution));
        let refolded = self.fold(at, decimals, |edited| edited == number);
        let profit = self.entries.get(at).map_or(Money::ZERO, |entry| entry.profit);
        let closed = refolded.changed.iter().find(|one| one.number == number);
        let closed = closed.map_or(Qty::ZERO, |one| one.closed);
        (number, Closing { closed, realized: profit, flipped: false }, refolded)
    }

    /// Takes a fee in the base asset out of the position. Returns the cost for which nothing is left to stand.
    pub fn shrink(&mut self, order: OrderRef, by: Qty) -> Money {
        let fee = Execution { order, time_ns: 0, sequence: 0, qty: -by, value: Money::ZERO };
        let (_, closing) = self.push(Kind::Fee, &fee);
        -closing.realized
    }

    #[inline]
    fn push(&mut self, kind: Kind, execution: &Execution) -> (u64, Closing) {
        if self.entries.len() >= ENTRIES_KEPT {
            self.pass();
        }
        self.count = self.count.wrapping_add(1);
        let number = self.count;
        if execution.sequence > self.last_sequence {
            self.last_sequence = execution.sequence;
        }
        let mut entry = Entry::of(number, kind, execution);
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
            entry.is_reported = reported.is_some();
            entry.reported = reported.unwrap_or_default();
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

    /// Makes an execution another one in its place: as the venue had it all along. Returns what that changes; None where its
    /// entry is behind the window, and nothing is changed. `decimals` are those that the venue rounds a profit to; None where it
    /// does not.
    #[cold]
    pub fn change(&mut self, number: u64, qty: Qty, value: Money, decimals: Option<u8>) -> Option<Refolded> {
        let at = self.find(number)?;
        let entry = self.entries.get_mut(at)?;
        (entry.qty, entry.value) = (qty, value);
        Some(self.fold(at, decimals, |edited| edited == number))
    }

    /// Puts an execution where the venue has it, once that has reported its sequence. Returns what that changes; None where its
    /// entry is behind the window.
    #[cold]
    pub fn place(&mut self, number: u64, sequence: i64, decimals: Option<u8>) -> Option<Refolded> {
        let from = self.find(number)?;
        let mut entry = self.entries.remove(from)?;
        entry.sequence = sequence;
        let is_behind = |entry: &Entry| entry.sequence > sequence;
        let behind = self.entries.iter().position(is_behind).unwrap_or(self.entries.len());
        // It stays where it is, unless what is before it there was executed behind it, or the other way round.
        let before = |entry: &Entry| entry.sequence != 0 && entry.sequence < sequence;
        let first = self.entries.iter().rposition(before).map_or(0, |at| at.saturating_add(1));
        let to = from.max(first).min(behind);
        self.entries.insert(to, entry);
        self.last_sequence = self.last_sequence.max(sequence);
        Some(self.fold(from.min(to), decimals, |edited| edited == number))
    }

    /// Takes an execution back at `time_ns`, the venue's time of that, and puts another one there in its stead. Without a time,
    /// or so soon behind it that clocks do not tell, that is right behind it. Returns the number of the new one, 0 where it has no quantity, and what that changes.
    #[cold]
    pub fn revise(
        &mut self,
        gone: &Gone,
        time_ns: i64,
        (qty, value): (Qty, Money),
        decimals: Option<u8>,
    ) -> (u64, Refolded) {
        let revised = self.find(gone.number);
        let first = revised.map_or(0, |at| at.saturating_add(1));
        // What was received behind it and is not from between the two was made before it, or after its bust.
        let is_between = |entry: &Entry| gone.time_ns < entry.time_ns && entry.time_ns <= time_ns;
        let behind = self.entries.iter().rposition(is_between).map_or(0, |at| at.saturating_add(1));
        let is_at_once = time_ns.saturating_sub(gone.time_ns) <= CLOCK_SKEW_NS;
        let at = if gone.time_ns == 0 || is_at_once || behind < first { first } else { behind };
        self.set_reported(gone.number, None);
        let mut profit = gone.profit;
        if let Some(entry) = revised.and_then(|at| self.entries.get_mut(at)) {
            (entry.is_busted, profit) = (true, entry.profit);
        }
        let bust = Entry {
            number: self.count.wrapping_add(1),
            order: gone.order,
            kind: Kind::Bust,
            is_reported: false,
            is_busted: false,
            time_ns,
            sequence: 0,
            of: gone.number,
            qty: -gone.qty,
            value: -gone.value,
            // Before it is folded it has done nothing.
            profit: -profit,
            reported: profit,
        };
        let number = self.count.wrapping_add(2);
        self.count = number;
        let before = Entry { profit: Money::ZERO, ..bust.clone() };
        self.entries.insert(at, bust);
        if !qty.is_zero() {
            let kind = Kind::Execution;
            let execution = Entry { number, kind, of: 0, qty, value, reported: Money::ZERO, ..before };
            self.entries.insert(at.saturating_add(1), execution);
        }
        let mut refolded = self.fold(at, decimals, |edited| edited == number);
        refolded.exact -= profit;
        (if qty.is_zero() { 0 } else { number }, refolded)
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
        let rest = Entry {
            number: second,
            is_reported: false,
            qty: entry.qty - qty,
            value: entry.value - value,
            profit: Money::ZERO,
            reported: Money::ZERO,
            ..*entry
        };
        (entry.qty, entry.value) = (qty, value);
        self.entries.insert(at.saturating_add(1), rest);
        Some((second, self.fold(at, decimals, |edited| edited == number || edited == second)))
    }

    /// Folds the window again from an entry on.
    fn fold(&mut self, from: usize, decimals: Option<u8>, is_edited: impl Fn(u64) -> bool) -> Refolded {
        let cost_before = self.position.cost;
        let is_behind = from > ENTRIES_KEPT;
        let (mut position, start) = if is_behind { (self.checkpoint, ENTRIES_KEPT) } else { (self.base, 0) };
        let mut refolded = Refolded::default();
        for at in start..self.entries.len() {
            if at == ENTRIES_KEPT {
                self.checkpoint = position;
            }
            let taken_back = self.profit_taken_back(at);
            let Some(entry) = self.entries.get_mut(at) else { break };
            let (booked, before, beside) = (entry.booked(decimals), entry.profit, entry.beside());
            entry.reported = taken_back.unwrap_or(entry.reported);
            let closing = entry.apply(&mut position);
            entry.profit = closing.realized;
            if at < from {
                continue;
            }
            refolded.exact += entry.profit - before;
            self.beside += entry.beside() - beside;
            let after = entry.booked(decimals);
            if !is_edited(entry.number) {
                refolded.booked += after.unwrap_or_default() - booked.unwrap_or_default();
            }
            if entry.kind == Kind::Execution {
                let Entry { order, number, .. } = *entry;
                refolded.changed.push(Changed { order, number, closed: closing.closed, booked: after });
            }
        }
        self.position = position;
        refolded.cost = position.cost - cost_before;
        refolded
    }

    /// Returns the profit that a bust at that place takes back, as far as that is in the window.
    fn profit_taken_back(&self, at: usize) -> Option<Money> {
        let of = self.entries.get(at).filter(|entry| entry.kind == Kind::Bust)?.of;
        self.entries.get(self.find(of)?).map(|entry| entry.profit)
    }

    /// Changes what an execution behind the window has left of itself: by a quantity and a cost. Returns what that changes.
    #[cold]
    pub fn change_base(&mut self, qty: Qty, cost: Money, decimals: Option<u8>) -> Refolded {
        let left = self.base.adjust(qty, cost);
        let refolded = self.fold(0, decimals, |_| false);
        let booked = refolded.booked + as_booked(left, decimals);
        Refolded { exact: refolded.exact + left, booked, ..refolded }
    }

    /// Returns whether each entry has a number of its own, one that was given.
    pub fn is_numbered(&self) -> bool {
        let mut numbers: Vec<u64> = self.entries.iter().map(|entry| entry.number).collect();
        numbers.sort_unstable();
        let is_given = numbers.iter().all(|number| (1..=self.count).contains(number));
        is_given && numbers.windows(2).all(|pair| pair.first() != pair.last())
    }

    /// Returns whether a fill of an order may have an entry of that number.
    pub fn may_hold(&self, number: u64, order: OrderRef) -> bool {
        let entry = self.find(number).and_then(|at| self.entries.get(at));
        number <= self.count && entry.is_none_or(|entry| entry.order == order)
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
