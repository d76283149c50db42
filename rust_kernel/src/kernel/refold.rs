//! A booked fill becomes another one: its book is folded again, and the difference of the sums is posted.

use super::Kernel;
use super::booking::sign_as;
use super::busts::share;
use super::spot::base_amount;
use crate::book::{Execution, Gone, Refolded, as_booked};
use crate::id::Id;
use crate::ledger::{Account, Cause, Posting};
use crate::num::{Money, Qty};
use crate::order::{Fill, OrderRef};

/// How a fill becomes another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Edit {
    /// The venue had it so all along, and a profit that it has reported is of that.
    Priced,
    /// The venue had it so all along, as another fill.
    Named,
    /// The venue has made it another one at that time, ns; 0 where it has reported none.
    Revised(i64),
}

/// What a change of a fill has moved, signed as the order's side.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Moved {
    pub(crate) qty: Qty,
    pub(crate) value: Money,
    /// What the wallet got, rounded as the venue rounds.
    pub(crate) wallet: Money,
    /// The change of the book's profit, exactly.
    pub(crate) exact: Money,
    /// What the book's cost changed by.
    pub(crate) cost: Money,
}

impl Moved {
    pub(crate) fn add(&mut self, other: Moved) {
        self.qty += other.qty;
        self.value += other.value;
        self.wallet += other.wallet;
        self.exact += other.exact;
        self.cost += other.cost;
    }
}

impl Kernel {
    /// The order at a place, as others refer to it.
    #[inline]
    pub(crate) fn reference(&self, place: u32) -> OrderRef {
        OrderRef { place, number: self.orders.at(place).number }
    }

    /// The decimals that the venue rounds profits to; None for spot, where a profit is no entry of the venue's.
    pub(crate) fn profit_decimals(&self, instrument: u32) -> Option<u8> {
        let rules = &self.instruments[instrument as usize];
        rules.base.is_none().then_some(rules.spec.fee_decimals)
    }

    /// A fill's quantity and value, unsigned.
    fn worth_of(&self, place: u32, at: usize) -> (Qty, Money) {
        let order = self.orders.at(place);
        let (rules, fill) = (&self.instruments[order.instrument as usize], &order.fills[at]);
        // In bounds when it was planned.
        (fill.qty, rules.value(fill.price, fill.qty).unwrap_or_default())
    }

    /// The same, signed as its book has them.
    fn signed_fill(&self, place: u32, at: usize) -> (Qty, Money) {
        let (qty, value) = self.worth_of(place, at);
        let order = self.orders.at(place);
        sign_as(&self.instruments[order.instrument as usize], order.order_side, qty, value)
    }

    /// Makes a fill another one by `change`, and folds its book again. A profit that the venue has reported stands where
    /// `edit` says so, and is not reported any more where it does not.
    #[cold]
    pub(crate) fn change_fill(
        &mut self,
        place: u32,
        at: usize,
        edit: Edit,
        change: impl FnOnce(&mut Fill),
    ) -> Moved {
        let before = self.signed_fill(place, at);
        let (filled_before, worth_before) = self.worth_of(place, at);
        change(&mut self.orders.at_mut(place).fills[at]);
        let (qty, value) = self.signed_fill(place, at);
        let (filled, worth) = self.worth_of(place, at);
        let reference = self.reference(place);
        let order = self.orders.at_mut(place);
        order.filled += filled - filled_before;
        order.filled_value += worth - worth_before;
        let (instrument, side) = (order.instrument, order.position_side as usize);
        let fill = &mut order.fills[at];
        fill.profit_told &= edit == Edit::Priced;
        let (entry, realized, is_told) = (fill.entry, fill.realized, fill.profit_told);
        let (time_ns, closed) = (fill.venue_time_ns, fill.closed);
        let mut moved = Moved { qty: qty - before.0, value: value - before.1, ..Moved::default() };
        let decimals = self.profit_decimals(instrument);
        let book = &mut self.books[instrument as usize].book[side];
        let refolded = match edit {
            // It was busted before.
            _ if filled_before.is_zero() => {
                let cost = book.position.cost;
                let again = Execution { order: reference, time_ns, sequence: 0, qty, value };
                let (entry, closing) = book.execute(&again);
                moved.cost = book.position.cost - cost;
                let fill = &mut self.orders.at_mut(place).fills[at];
                (fill.entry, fill.closed) = (entry, closing.closed);
                fill.realized = as_booked(closing.realized, decimals);
                (moved.exact, moved.wallet) = (closing.realized, fill.realized - realized);
                return moved;
            }
            Edit::Revised(revised_ns) => {
                let (qty_before, value_before) = before;
                let gone = Gone {
                    number: entry,
                    order: reference,
                    time_ns,
                    qty: qty_before,
                    value: value_before,
                    profit: realized,
                };
                let (number, refolded) = book.revise(&gone, revised_ns, (qty, value), decimals);
                let fill = &mut self.orders.at_mut(place).fills[at];
                (fill.entry, fill.realized) = (number, Money::ZERO);
                fill.closed = if qty.is_zero() { Qty::ZERO } else { closed };
                refolded
            }
            Edit::Priced | Edit::Named => {
                book.set_reported(entry, is_told.then_some(realized));
                match book.change(entry, qty, value, decimals) {
                    Some(refolded) => refolded,
                    None => self.change_behind(place, at, before, &mut moved),
                }
            }
        };
        self.write_back(&refolded);
        moved.wallet += refolded.booked + self.orders.at(place).fills[at].realized - realized;
        moved.exact += refolded.exact;
        moved.cost = refolded.cost;
        if decimals.is_none() {
            // Spot: what a profit is more, the inventory is less.
            moved.wallet = moved.exact;
        }
        moved
    }

    /// Puts a fill where the venue has executed it.
    #[cold]
    pub(crate) fn place_fill(&mut self, place: u32, at: usize, sequence: i64) -> Moved {
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument, order.position_side as usize);
        let (entry, realized) = (order.fills[at].entry, order.fills[at].realized);
        let decimals = self.profit_decimals(instrument);
        let book = &mut self.books[instrument as usize].book[side];
        let Some(refolded) = book.place(entry, sequence, decimals) else { return Moved::default() };
        self.write_back(&refolded);
        let booked = refolded.booked + self.orders.at(place).fills[at].realized - realized;
        let wallet = if decimals.is_some() { booked } else { refolded.exact };
        Moved { wallet, exact: refolded.exact, cost: refolded.cost, ..Moved::default() }
    }

    /// The same of a fill behind the window: what it closed it closes still, at the same cost, and the rest of it changes what
    /// the window begins with.
    fn change_behind(&mut self, place: u32, at: usize, before: (Qty, Money), moved: &mut Moved) -> Refolded {
        let (qty, value) = self.signed_fill(place, at);
        let order = self.orders.at_mut(place);
        let (instrument, side) = (order.instrument as usize, order.position_side as usize);
        let fill = &mut order.fills[at];
        let closed = if fill.closed > qty.abs() { qty.abs() } else { fill.closed };
        let released = -fill.realized - share(before.1, fill.closed, before.0.abs());
        let released = share(released, closed, fill.closed);
        let profit = match closed.is_zero() {
            true => Money::ZERO,
            false => -(share(value, closed, qty.abs()) + released),
        };
        let decimals = {
            let rules = &self.instruments[instrument];
            rules.base.is_none().then_some(rules.spec.fee_decimals)
        };
        let profit = if fill.profit_told { fill.realized } else { as_booked(profit, decimals) };
        let by = profit - fill.realized;
        (fill.closed, fill.realized) = (closed, profit);
        moved.exact = by;
        self.books[instrument].book[side].change_base(moved.qty, moved.value + by, decimals)
    }

    /// Posts what an execution that was received late has moved of the others' profits.
    #[cold]
    pub(crate) fn post_others(
        &mut self,
        place: u32,
        owner: Option<u32>,
        refolded: &Refolded,
        own: Money,
        reference: &Id,
    ) {
        self.write_back(refolded);
        let exact = refolded.exact - own;
        let is_spot = self.profit_decimals(self.orders.at(place).instrument).is_none();
        let wallet = if is_spot { exact } else { refolded.booked };
        let moved = Moved { wallet, exact, ..Moved::default() };
        self.post_moved(place, owner, (Cause::RealizedPnl, reference), moved, Money::ZERO);
    }

    /// Writes what was folded again into the fills that are remembered.
    pub(crate) fn write_back(&mut self, refolded: &Refolded) {
        for one in &refolded.changed {
            if self.orders.get(one.order).is_none() {
                continue;
            }
            let mut fills = self.orders.at_mut(one.order.place).fills.iter_mut();
            let Some(fill) = fills.find(|fill| fill.entry == one.number) else { continue };
            fill.closed = one.closed;
            fill.realized = one.booked.unwrap_or(fill.realized);
        }
    }

    /// Posts what a change of a fill has moved, and `own`, the change of the profit at the slots' own cost.
    pub(crate) fn post_moved(
        &mut self,
        place: u32,
        owner: Option<u32>,
        (cause, reference): (Cause, &Id),
        moved: Moved,
        own: Money,
    ) {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let settle = rules.settle;
        let posting = |cause, from, to| Posting {
            cause,
            from,
            to,
            slot_id: owner,
            trade_id: &order.trade_id,
            reference,
        };
        let profit = posting(cause, Account::RealizedPnl, Account::Wallet);
        self.ledger.post(self.seq, settle, moved.wallet, profit);
        let between = posting(Cause::InterSlot, Account::RealizedPnl, Account::InterSlot);
        // With bots, what settlements have reported of it already is between them: each has its own trades' profit.
        let booked = if self.aside.bots.is_some() { moved.wallet } else { moved.exact };
        self.ledger.post(self.seq, settle, own - booked, between);
        if let Some(base) = rules.base {
            // Spot: what it cost, and what it brought, go back.
            let paid = posting(cause, Account::Wallet, Account::Inventory);
            self.ledger.post(self.seq, settle, moved.cost, paid);
            let received = posting(cause, Account::Inventory, Account::Wallet);
            self.ledger.post(self.seq, base, base_amount(rules, moved.qty), received);
            self.assets[usize::from(base)].exchange.booked_time_ns = self.now_ns;
        }
        self.assets[usize::from(settle)].exchange.booked_time_ns = self.now_ns;
    }
}
