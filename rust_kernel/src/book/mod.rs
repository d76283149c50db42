//! The book of an instrument's position side: a fold over entries in the venue's order.
//!
//! A book holds facts, in whatever order they are received: entries, reported profits, fees, owners. What it is worth is a
//! pure function of them ([`State`]). An entry behind all others is one step. Anything else is put where it belongs, and
//! folded again from there on: late executions, busts, corrections and settlements are one rule. The caller posts the
//! difference between the sums before and after.
//!
//! A window of entries is kept, with a checkpoint of the sums each `stride` entries. Behind the window is the base. An
//! entry that belongs before the base is [`Late`]: the caller makes the book anew from the log.
//!
//! The kernel does not book by it yet: `tests/book` holds it against golden histories.

mod entry;
mod fold;
mod undo;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

pub use entry::{Entry, EntryKind, ExecKey, Fee, OrderKey, Owner, Place};
pub use fold::{Executed, Row, State};

use crate::instrument::Instrument;
use crate::num::{Money, Price, product};
use entry::Effect;
use fold::Context;

/// A fact that belongs before the window. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Late;

/// What is reported of an entry by its key; it may be received before the entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Figure {
    /// The profit that the venue reports.
    Profit(Money),
    /// The fee that the venue reports.
    Fee(Fee),
    /// The trade that its order was sent for.
    Owner(Option<Owner>),
    /// The order that it turns out to be of.
    Order(OrderKey),
    /// The price of an execution that was reported without one.
    Price(Price),
}

/// Figures that are ahead of their entry.
#[derive(Clone, Copy, Default, Debug)]
struct Ahead {
    profit: Option<Money>,
    fee: Option<Fee>,
    owner: Option<Option<Owner>>,
    order: Option<OrderKey>,
    price: Option<Price>,
}

/// An entry within the window, and what it did.
#[derive(Clone, Debug)]
struct Folded {
    place: Place,
    entry: Entry,
    effect: Option<Effect>,
}

/// The book.
#[derive(Clone, Debug)]
pub struct Book {
    rules: Instrument,
    window_max: usize,
    stride: usize,
    /// In order of place; among equal ones in order of arrival.
    window: VecDeque<Folded>,
    /// The sums before entry `0`, `stride`, `2 × stride` … of the window.
    checkpoints: VecDeque<State>,
    /// The sums after all entries.
    state: State,
    base_place: Option<Place>,
    /// What is behind the window.
    evicted: BTreeMap<ExecKey, Folded>,
    /// Revisions of what has not been received.
    waiting: Vec<Entry>,
    ahead: BTreeMap<ExecKey, Ahead>,
    executed: BTreeMap<OrderKey, Executed>,
}

impl Book {
    /// Returns an empty book that keeps at least `window_max` entries, and a checkpoint each `stride` (at least 1).
    pub fn new(rules: Instrument, window_max: usize, stride: usize) -> Book {
        Book {
            rules,
            window_max,
            stride: stride.max(1),
            window: VecDeque::new(),
            checkpoints: VecDeque::from([State::default()]),
            state: State::default(),
            base_place: None,
            evicted: BTreeMap::new(),
            waiting: Vec::new(),
            ahead: BTreeMap::new(),
            executed: BTreeMap::new(),
        }
    }

    /// Returns the sums of all entries received.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns what the wallet got: of the entries, and of figures whose entry has not been received.
    pub fn wallet(&self) -> BTreeMap<u16, Money> {
        let mut sums = self.state.clone();
        for ahead in self.ahead.values() {
            sums.credit(self.rules.settle, ahead.profit.unwrap_or_default());
            if let Some(fee) = ahead.fee {
                sums.credit(fee.asset, -fee.amount);
            }
        }
        sums.wallet
    }

    /// Adds an entry. A key that is known changes nothing.
    ///
    /// # Errors
    /// [`Late`] where it belongs before the window.
    pub fn receive(&mut self, entry: Entry) -> Result<(), Late> {
        if self.is_known(entry.key) {
            return Ok(());
        }
        if self.is_late(&entry) {
            return Err(Late);
        }
        let from = self.insert(entry);
        self.fold_from(from);
        self.evict();
        Ok(())
    }

    /// Adds a figure of an entry. The newest one counts.
    ///
    /// # Errors
    /// [`Late`] where the entry is behind the window, and the figure changes it.
    pub fn report(&mut self, key: ExecKey, figure: Figure) -> Result<(), Late> {
        if let Some(known) = self.evicted.get(&key) {
            return if known.entry.has(figure) { Ok(()) } else { Err(Late) };
        }
        if let Some(at) = self.window.iter().position(|known| known.entry.key == key) {
            self.change(at, figure);
        } else if let Some(known) = self.waiting.iter_mut().find(|known| known.key == key) {
            known.set(figure);
        } else {
            self.ahead.entry(key).or_default().set(figure);
        }
        Ok(())
    }

    /// Takes back the figures of an entry that has not been received: they are reported anew under another key.
    pub fn withdraw(&mut self, key: ExecKey) {
        self.ahead.remove(&key);
    }

    /// Changes a figure of an entry in the window.
    fn change(&mut self, at: usize, figure: Figure) {
        let Some(known) = self.window.get_mut(at).filter(|known| !known.entry.has(figure)) else { return };
        let before = known.entry.clone();
        known.entry.set(figure);
        let after = known.entry.clone();
        let mut from = at;
        if after.executes() && (before.order, before.price) != (after.order, after.price) {
            self.count(&before, -1);
            self.count(&after, 1);
            from = from.min(self.first_total(before.order)).min(self.first_total(after.order));
        }
        self.fold_from(from);
    }

    /// Adds an execution to what its order's executions add up to, or takes it out.
    fn count(&mut self, entry: &Entry, sign: i128) {
        let sum = self.executed.entry(entry.order).or_default();
        sum.qty += if sign < 0 { -entry.qty } else { entry.qty };
        let worth = product(entry.qty.0, entry.price.0).unwrap_or_default();
        sum.worth = sum.worth.saturating_add(worth.saturating_mul(sign));
    }

    /// Where an order's first total stands in the window; its end where there is none.
    fn first_total(&self, order: OrderKey) -> usize {
        let of = |known: &Folded| known.entry.is_total() && known.entry.order == order;
        self.window.iter().position(of).unwrap_or(self.window.len())
    }

    /// True where figures are ahead of their entry.
    pub fn is_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    fn is_known(&self, key: ExecKey) -> bool {
        self.evicted.contains_key(&key)
            || self.waiting.iter().any(|known| known.key == key)
            || self.window.iter().any(|known| known.entry.key == key)
    }

    /// Where an entry stands. A revision is never before what it revises; None while that has not been received.
    fn place_of(&self, entry: &Entry) -> Option<Place> {
        let Some(of) = entry.revises else { return Some(entry.place) };
        let in_window = self.window.iter().find(|known| known.entry.key == of);
        let revised = in_window.or_else(|| self.evicted.get(&of))?;
        Some(entry.place.max(revised.place.after()))
    }

    /// True where an entry, or a revision that waits for it, belongs before the window; or where it shows what was inferred
    /// there to be wrong.
    fn is_late(&self, entry: &Entry) -> bool {
        let Some(base) = self.base_place else { return false };
        let Some(place) = self.place_of(entry) else { return false };
        let is_total = |known: &Folded| known.entry.is_total() && known.effect.is_some();
        let wrong = |known: &Folded| entry.executes() && is_total(known) && known.entry.order == entry.order;
        place <= base || self.evicted.values().any(wrong)
    }

    /// Puts an entry where it belongs, and the revisions that waited for it. Returns the first that has to be folded.
    fn insert(&mut self, mut entry: Entry) -> usize {
        if let Some(ahead) = self.ahead.remove(&entry.key) {
            entry.set_ahead(ahead);
        }
        let Some(place) = self.place_of(&entry) else {
            self.waiting.push(entry);
            return self.window.len();
        };
        let mut from = self.window.partition_point(|known| known.place <= place);
        let (key, order, executes) = (entry.key, entry.order, entry.executes());
        if executes {
            self.count(&entry, 1);
        }
        self.window.insert(from, Folded { place, entry, effect: None });
        if executes {
            from = from.min(self.first_total(order));
        }
        while let Some(at) = self.waiting.iter().position(|known| known.revises == Some(key)) {
            let waited = self.waiting.remove(at);
            from = from.min(self.insert(waited));
        }
        from
    }

    /// Folds again from a place in the window on.
    fn fold_from(&mut self, from: usize) {
        if from >= self.window.len() {
            return;
        }
        let is_last = from.saturating_add(1) == self.window.len();
        let mut at = from;
        if !is_last || self.window.get(from).is_some_and(|one| one.effect.is_some()) {
            let last = from.checked_div(self.stride).unwrap_or_default();
            self.checkpoints.truncate(last.saturating_add(1));
            self.state = self.checkpoints.back().cloned().unwrap_or_default();
            at = self.checkpoints.len().saturating_sub(1).saturating_mul(self.stride);
        }
        while at < self.window.len() {
            if at.is_multiple_of(self.stride) && at.checked_div(self.stride) == Some(self.checkpoints.len()) {
                self.checkpoints.push_back(self.state.clone());
            }
            self.step(at);
            at = at.saturating_add(1);
        }
    }

    fn step(&mut self, at: usize) {
        let Some(folded) = self.window.get(at) else { return };
        let undoes = match (folded.entry.kind, folded.entry.revises) {
            (EntryKind::Undo, Some(of)) => self.effect_of(of).cloned(),
            _ => None,
        };
        let context = Context { rules: &self.rules, executed: &self.executed };
        let effect = self.state.step(&folded.entry, undoes.as_ref(), &context);
        if let Some(folded) = self.window.get_mut(at) {
            folded.effect = effect;
        }
    }

    fn effect_of(&self, key: ExecKey) -> Option<&Effect> {
        let in_window = self.window.iter().find(|known| known.entry.key == key);
        in_window.or_else(|| self.evicted.get(&key))?.effect.as_ref()
    }

    /// Moves the base over whole strides of entries. The checkpoint there is its sums.
    fn evict(&mut self) {
        while self.window.len() >= self.window_max.saturating_add(self.stride) && self.checkpoints.len() > 1 {
            self.checkpoints.pop_front();
            for _ in 0..self.stride {
                let Some(oldest) = self.window.pop_front() else { return };
                self.base_place = self.base_place.max(Some(oldest.place));
                self.evicted.insert(oldest.entry.key, oldest);
            }
        }
    }

    /// Keeps fewer entries from here on.
    pub fn shorten(&mut self, window_max: usize) {
        self.window_max = window_max;
        self.evict();
    }
}

impl Entry {
    /// True for an execution that a cumulative quantity counts.
    fn executes(&self) -> bool {
        matches!(self.kind, EntryKind::Trade | EntryKind::Forced) && self.revises.is_none()
    }

    fn is_total(&self) -> bool {
        matches!(self.kind, EntryKind::Total { .. })
    }

    fn has(&self, figure: Figure) -> bool {
        match figure {
            Figure::Profit(profit) => self.reported == Some(profit),
            Figure::Fee(fee) => self.fee == Some(fee),
            Figure::Owner(owner) => self.owner == owner,
            Figure::Order(order) => self.order == order,
            Figure::Price(price) => self.price == price,
        }
    }

    fn set(&mut self, figure: Figure) {
        match figure {
            Figure::Profit(profit) => self.reported = Some(profit),
            Figure::Fee(fee) => self.fee = Some(fee),
            Figure::Owner(owner) => self.owner = owner,
            Figure::Order(order) => self.order = order,
            Figure::Price(price) => self.price = price,
        }
    }

    fn set_ahead(&mut self, ahead: Ahead) {
        self.reported = ahead.profit.or(self.reported);
        self.fee = ahead.fee.or(self.fee);
        self.owner = ahead.owner.unwrap_or(self.owner);
        self.order = ahead.order.unwrap_or(self.order);
        self.price = ahead.price.unwrap_or(self.price);
    }
}

impl Ahead {
    fn set(&mut self, figure: Figure) {
        match figure {
            Figure::Profit(profit) => self.profit = Some(profit),
            Figure::Fee(fee) => self.fee = Some(fee),
            Figure::Owner(owner) => self.owner = Some(owner),
            Figure::Order(order) => self.order = Some(order),
            Figure::Price(price) => self.price = Some(price),
        }
    }
}
