//! The fold: what a book is worth, as a function of its entries in the venue's order. One [`State::step`] an entry.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::entry::{Effect, Entry, EntryKind, ExecKey, Fee, OrderKey, Owner, Part, Parts};
use crate::fees;
use crate::instrument::Instrument;
use crate::kernel::base_amount;
use crate::names::{Liquidity, OrderSide, PairOff};
use crate::num::{MONEY_SCALE, Money, Price, Qty, Rate, Rounding, divide, product};
use crate::position::{Basis, part};

/// An owner's part of a book.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Row {
    /// Position at its own cost.
    pub basis: Basis,
    /// Profit at its own cost, exact.
    pub profit: Money,
    /// Fees paid in the settlement asset.
    pub fees: Money,
    /// Funding received.
    pub funding: Money,
    /// How many entries there were when it was opened.
    pub(super) opened: u64,
}

impl Row {
    /// True where nothing is left of it in the sums.
    pub fn is_empty(&self) -> bool {
        let Row { basis, profit, fees, funding, opened: _ } = self;
        *basis == Basis::FLAT && [profit, fees, funding].into_iter().all(|amount| amount.is_zero())
    }
}

/// An order's remembered entries, and what its executions add up to, busted ones included.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderEntries {
    pub(super) key: OrderKey,
    pub(super) executed: Qty,
    /// Σ quantity × price of the executions, at the product of their scales.
    pub(super) worth: i128,
    /// How many of its entries are cumulative quantities.
    pub(super) totals: u32,
    /// The newest entry: each has the next older one.
    pub(super) first: u32,
    /// A quantity is inferred behind the window.
    pub(super) is_inferred_in_base: bool,
    pub(super) is_forgotten: bool,
}

impl Default for OrderEntries {
    fn default() -> OrderEntries {
        OrderEntries {
            key: 0,
            executed: Qty::ZERO,
            worth: 0,
            totals: 0,
            first: super::NONE,
            is_inferred_in_base: false,
            is_forgotten: false,
        }
    }
}

/// What the steps need beside an entry.
pub(super) struct Context<'a> {
    pub(super) rules: &'a Instrument,
    /// What the executions of a total's order add up to.
    pub(super) order: OrderEntries,
}

/// The sums after some of the entries.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct State {
    /// Position and cost as the venue has them.
    pub book: Basis,
    /// The unassigned position.
    pub unassigned: Row,
    /// Owners whose trades have not ended.
    rows: Vec<(Owner, Row)>,
    /// Owners whose trades have ended, in the order of their ends, until the base passes those.
    past: Vec<(Owner, Row)>,
    /// By slot: every trade below this number has ended.
    ended: Vec<u64>,
    /// What the entries moved in the wallet, by asset.
    wallet: Vec<(u16, Money)>,
    /// The owners' profit less the book's.
    pub inter_slot: Money,
    /// Busts of executions that are not known.
    pub reconcile_required: BTreeSet<ExecKey>,
    pub(super) inferred: BTreeMap<OrderKey, Qty>,
    pub(super) undone: BTreeSet<ExecKey>,
    /// How many entries there were.
    steps: u64,
}

impl State {
    /// Applies one entry. `undoes` is what the entry that it takes back did.
    pub(super) fn step(
        &mut self,
        entry: &Entry,
        undoes: Option<&Effect>,
        context: &Context<'_>,
    ) -> Option<Effect> {
        self.steps = self.steps.saturating_add(1);
        match entry.kind {
            EntryKind::Trade | EntryKind::Forced => Some(self.trade(entry, context.rules)),
            EntryKind::Undo => self.undo(entry, undoes, context.rules),
            EntryKind::Total { average } => self.infer(entry, average, context),
            EntryKind::Funding(rate) => Some(self.fund(entry, rate, context.rules)),
            EntryKind::Move(to) => {
                self.transfer(entry, to, context.rules);
                None
            }
            EntryKind::Set { cost, value } => {
                self.set(entry, cost, value);
                None
            }
            EntryKind::End => {
                self.transfer(entry, None, context.rules);
                self.end(entry.owner);
                None
            }
        }
    }

    /// Returns what the entries moved in the wallet, by asset.
    pub fn wallet(&self) -> &[(u16, Money)] {
        &self.wallet
    }

    /// Returns each part: the unassigned one, then by owner. Trades that ended before the base have none.
    pub fn rows(&self) -> impl Iterator<Item = (Option<Owner>, &Row)> {
        let owned = self.rows.iter().chain(&self.past).map(|(owner, row)| (Some(*owner), row));
        core::iter::once((None, &self.unassigned)).chain(owned)
    }

    /// How many trades ended behind the base.
    pub(super) fn past(&self) -> usize {
        self.past.len()
    }

    /// Drops the trades that ended first.
    pub(super) fn drop_past(&mut self, count: usize) {
        self.past.drain(..count.min(self.past.len()));
    }

    pub(super) fn row(&mut self, owner: Option<Owner>) -> &mut Row {
        let Some(owner) = owner else { return &mut self.unassigned };
        let at = self.rows.iter().position(|(known, _)| *known == owner).unwrap_or_else(|| {
            self.rows.push((owner, Row::default()));
            self.rows.len().saturating_sub(1)
        });
        &mut self.rows[at].1
    }

    /// The part of an owner whose trade may have ended; None where it is not known any more.
    pub(super) fn row_before(&mut self, owner: Option<Owner>) -> Option<&mut Row> {
        let Some(ended) = owner.filter(|_| self.home(owner).is_none()) else { return Some(self.row(owner)) };
        self.past.iter_mut().rev().find(|(known, _)| *known == ended).map(|(_, row)| row)
    }

    /// An owner's trade ends.
    fn end(&mut self, owner: Option<Owner>) {
        let Some(owner) = self.home(owner) else { return };
        let slot = owner.slot_id as usize;
        if self.ended.len() <= slot {
            self.ended.resize(slot.saturating_add(1), 0);
        }
        self.ended[slot] = owner.trade_number.saturating_add(1);
        if let Some(at) = self.rows.iter().position(|(known, _)| *known == owner) {
            let row = self.rows.swap_remove(at);
            self.past.push(row);
        }
    }

    /// Where an owner's entries belong now: a trade whose slot carries another one has no part any more.
    pub(super) fn home(&self, owner: Option<Owner>) -> Option<Owner> {
        let ended = |owner: &Owner| self.ended.get(owner.slot_id as usize).copied().unwrap_or_default();
        owner.filter(|owner| owner.trade_number >= ended(owner))
    }

    pub(super) fn credit(&mut self, asset: u16, amount: Money) {
        if amount.is_zero() {
            return;
        }
        match self.wallet.iter_mut().find(|(known, _)| *known == asset) {
            Some((_, sum)) => *sum += amount,
            None => self.wallet.push((asset, amount)),
        }
    }

    /// Trades in an owner's part, at its own cost. What would lie against the trade's side is unassigned, at its cost.
    pub(super) fn take(&mut self, owner: Option<Owner>, qty: Qty, value: Money, parts: &mut Parts) {
        let (home, steps) = (self.home(owner), self.steps);
        let row = self.row(home);
        if row.opened == 0 && home.is_some_and(|home| !home.is_against(qty)) {
            row.opened = steps;
        }
        let profit = row.basis.apply(qty, value).realized;
        row.profit += profit;
        let mut beyond = Basis::FLAT;
        if home.is_some_and(|home| home.is_against(row.basis.qty)) {
            beyond = core::mem::take(&mut row.basis);
        }
        parts.push(Part { owner: home, qty: qty - beyond.qty, value: value - beyond.cost, profit });
        if !beyond.qty.is_zero() {
            let unassigned = self.row(None);
            let profit = unassigned.basis.apply(beyond.qty, beyond.cost).realized;
            unassigned.profit += profit;
            parts.push(Part { owner: None, qty: beyond.qty, value: beyond.cost, profit });
        }
    }

    /// One execution: the book by the venue's convention, owners at their own cost, the wallet as reported or else as folded.
    fn trade(&mut self, entry: &Entry, rules: &Instrument) -> Effect {
        let (qty, value) = (entry.qty, signed_value(rules, entry.qty, entry.price));
        let exact = self.book.apply(qty, value).realized;
        let mut parts = Parts::default();
        let (mut left, mut left_value) = (qty, value);
        for (owner, held) in self.givers(entry, rules) {
            let part = if held < left.abs() { held } else { left.abs() };
            if part.is_zero() {
                break;
            }
            let part = if qty.0 > 0 { part } else { -part };
            let worth = if part == left { left_value } else { signed_value(rules, part, entry.price) };
            self.take(Some(owner), part, worth, &mut parts);
            (left, left_value) = (left - part, left_value - worth);
        }
        if !left.is_zero() {
            self.take(entry.owner, left, left_value, &mut parts);
        }
        let fee = entry.fee.unwrap_or_else(|| predicted(rules, qty, value));
        let booked = match rules.base {
            Some(_) => exact,
            None => {
                entry.reported.unwrap_or_else(|| exact.rounded(rules.spec.fee_decimals, Rounding::HalfEven))
            }
        };
        let shrunk = crate::kernel::shrinkage(rules, fee.amount, fee.asset);
        let payer = self.shrink(self.home(entry.owner), shrunk);
        if fee.asset == rules.settle {
            self.row(payer).fees += fee.amount;
        }
        let profit = parts.iter().fold(Money::ZERO, |sum, part| sum + part.profit);
        self.inter_slot += profit - exact;
        let effect = Effect { qty, value, exact, booked, fee, payer, shrunk, parts };
        self.pay(&effect, rules, false);
        effect
    }

    /// Moves an execution's money in the wallet, or takes it back.
    pub(super) fn pay(&mut self, effect: &Effect, rules: &Instrument, back: bool) {
        let signed = |amount: Money| if back { -amount } else { amount };
        match rules.base {
            Some(base) => {
                self.credit(rules.settle, signed(-effect.value));
                self.credit(base, signed(base_amount(rules, effect.qty)));
            }
            None => self.credit(rules.settle, signed(effect.booked)),
        }
        self.credit(effect.fee.asset, signed(-effect.fee.amount));
    }

    /// Those whose position an entry closes before its own owner's, in turn, and how much each holds. Of a forced one by slot
    /// number, or the newest first where slots of both sides share the book; of an entry that pairs off the oldest first.
    fn givers(&self, entry: &Entry, rules: &Instrument) -> Vec<(Owner, Qty)> {
        if entry.kind == EntryKind::Forced {
            let mut givers = self.holders_against(entry.qty);
            if rules.nets() {
                self.by_age(&mut givers);
                givers.reverse();
            }
            return givers;
        }
        let opens = self.home(entry.owner).filter(|owner| !owner.is_against(entry.qty));
        let Some(own) = opens.filter(|_| rules.spec.pair_off == PairOff::SameOwner) else {
            return Vec::new();
        };
        let mut givers = self.holders_against(entry.qty);
        givers.retain(|(owner, _)| owner.bot == own.bot);
        self.by_age(&mut givers);
        givers
    }

    fn by_age(&self, givers: &mut [(Owner, Qty)]) {
        let opened = |owner: Owner| {
            let row = self.rows.iter().find(|(known, _)| *known == owner);
            row.map_or(0, |(_, row)| row.opened)
        };
        givers.sort_unstable_by_key(|(owner, _)| (opened(*owner), owner.slot_id));
    }

    /// Those who hold a position against a quantity, by slot number, and how much, unsigned.
    fn holders_against(&self, qty: Qty) -> Vec<(Owner, Qty)> {
        let held = self.rows.iter().filter(|(_, row)| row.basis.qty.signum() == (-qty).signum());
        let mut held: Vec<(Owner, Qty)> = held.map(|(owner, row)| (*owner, row.basis.qty.abs())).collect();
        held.sort_unstable_by_key(|(owner, _)| *owner);
        held
    }

    /// Takes a fee in the base asset out of the position, at unchanged cost. It never closes a slot: where too little is left
    /// there it is unassigned. Returns who paid.
    pub(super) fn shrink(&mut self, home: Option<Owner>, by: Qty) -> Option<Owner> {
        if by.is_zero() {
            return home;
        }
        let held = self.row(home).basis.qty;
        let payer = home.filter(|_| held > by);
        self.row(payer).basis.qty -= by;
        self.book.qty -= by;
        payer
    }

    /// Infers what an order's cumulative quantity has beyond its executions, at the price that makes the average right.
    fn infer(&mut self, entry: &Entry, average: bool, context: &Context<'_>) -> Option<Effect> {
        let order = context.order;
        let inferred = self.inferred.get(&entry.order).copied().unwrap_or_default();
        let gap = entry.qty - order.executed - inferred;
        if gap.signum() == 0 || gap.signum() != entry.qty.signum() {
            return None;
        }
        let mut price = entry.price;
        if average && inferred.is_zero() {
            let worth = product(entry.qty.0, entry.price.0).unwrap_or_default().saturating_sub(order.worth);
            let average = divide(worth.saturating_abs(), gap.abs().0, Rounding::HalfEven).unwrap_or_default();
            price = if average == 0 { price } else { Price(average) };
        }
        *self.inferred.entry(entry.order).or_default() += gap;
        let fill =
            Entry { kind: EntryKind::Trade, qty: gap, price, reported: None, fee: None, ..entry.clone() };
        Some(self.trade(&fill, context.rules))
    }

    /// A funding boundary: every part of the position pays for what it held, and what the venue booked otherwise is shared out
    /// by size.
    fn fund(&mut self, entry: &Entry, rate: Rate, rules: &Instrument) -> Effect {
        let pay = |qty: Qty| funding_of(rules, rate, entry.price, qty);
        let rounded = |amount: Money| amount.rounded(rules.spec.fee_decimals, Rounding::HalfEven);
        let total = entry.reported.unwrap_or_else(|| rounded(pay(self.book.qty)));
        let (mut rest, mut size) = (total, Qty::ZERO);
        for (_, row) in self.rows().filter(|(_, row)| !row.basis.qty.is_zero()) {
            rest -= pay(row.basis.qty);
            size += row.basis.qty.abs();
        }
        let rows = self.rows.iter_mut().map(|(_, row)| row).chain([&mut self.unassigned]);
        for row in rows.filter(|row| !row.basis.qty.is_zero()) {
            row.funding += pay(row.basis.qty) + part(rest, row.basis.qty.abs(), size);
        }
        self.credit(rules.settle, total);
        let fee = Fee { amount: Money::ZERO, asset: rules.settle };
        let nothing = Money::ZERO;
        Effect {
            qty: Qty::ZERO,
            value: nothing,
            exact: nothing,
            booked: total,
            fee,
            payer: None,
            shrunk: Qty::ZERO,
            parts: Parts::default(),
        }
    }

    /// Writes an owner's part anew, against the unassigned position.
    fn set(&mut self, entry: &Entry, cost: Money, value: Money) {
        let after = Basis { qty: entry.qty, cost };
        let steps = self.steps;
        let row = self.row(entry.owner);
        if row.opened == 0 {
            row.opened = steps;
        }
        let before = core::mem::replace(&mut row.basis, after);
        let unassigned = self.row(None);
        let profit = unassigned.basis.apply(before.qty - entry.qty, value).realized;
        unassigned.profit += profit;
        self.inter_slot += profit + cost + value - before.cost;
    }

    /// Gives what an owner holds, or a part of it, to another one.
    fn transfer(&mut self, entry: &Entry, to: Option<Owner>, rules: &Instrument) {
        let Basis { qty: held, cost } = self.row(entry.owner).basis;
        let whole = entry.kind == EntryKind::End || entry.qty.is_zero() || entry.qty.abs() > held.abs();
        let qty = if whole { held } else { entry.qty };
        if qty.is_zero() {
            return;
        }
        let value = match entry.price.is_zero() {
            true => part(cost, qty.abs(), held.abs()),
            false => signed_value(rules, qty, entry.price),
        };
        let mut parts = Parts::default();
        self.take(entry.owner, -qty, -value, &mut parts);
        self.take(to, qty, value, &mut parts);
        self.inter_slot += parts.iter().fold(Money::ZERO, |sum, part| sum + part.profit);
    }
}

/// What a signed quantity is worth, as a basis counts it. [`super::Book::receive`] has bounded it.
fn signed_value(rules: &Instrument, qty: Qty, price: Price) -> Money {
    rules.basis_value(price, qty).unwrap_or_default()
}

/// The fee of an execution that came without one.
fn predicted(rules: &Instrument, qty: Qty, value: Money) -> Fee {
    let side = if qty.0 > 0 { OrderSide::Buy } else { OrderSide::Sell };
    let asset = fees::paid_in(rules, side, false);
    let worth = if rules.base == Some(asset) { base_amount(rules, qty.abs()) } else { value.abs() };
    Fee { amount: fees::predicted(rules, worth, Liquidity::Taker), asset }
}

/// What a signed quantity receives at a boundary, exactly.
fn funding_of(rules: &Instrument, rate: Rate, price: Price, qty: Qty) -> Money {
    let value = rules.value(price, qty).unwrap_or_default();
    -rate.of(value, MONEY_SCALE, Rounding::HalfEven)
}
