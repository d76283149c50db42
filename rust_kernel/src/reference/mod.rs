//! The book of an instrument's position side: a fold over entries in the venue's order.
//!
//! A book holds facts, in whatever order they are received: entries, reported profits, fees, owners. What it is worth is a
//! pure function of them ([`State`]). An entry behind all others is one step. Anything else is put where it belongs, and
//! folded again from there on: late executions, busts, corrections and settlements are one rule. The caller posts the
//! difference between the sums before and after.
//!
//! A window of entries is kept, with a checkpoint of the sums each `stride` entries. Behind the window is the base. An
//! entry that belongs before the base is [`Late`]: the caller makes the book anew from the log. What an execution behind
//! the window did is kept until its order is forgotten ([`Book::forget`]), for a bust or a correction of today. The base
//! does not wait for that.
//!
//! The kernel does not book by it yet: `tests/book` holds it against golden histories.

mod entry;
mod fold;
mod undo;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

pub use entry::{Entry, EntryKind, ExecKey, Fee, OrderKey, Owner, Place};
pub use fold::{Row, State};

use crate::index::Index;
use crate::instrument::Instrument;
use crate::num::{Money, Price, product};
use entry::Effect;
use fold::{Context, OrderEntries};

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

/// The end of a list, and no entry.
const NONE: u32 = u32::MAX;

/// An entry that is remembered, and what it did.
#[derive(Clone, Debug)]
struct Known {
    place: Place,
    entry: Entry,
    effect: Option<Effect>,
    /// Whose list it is in: its order's, or that of the order whose execution it revises. [`NONE`]: in none.
    order: u32,
    /// The next entry of that list.
    next: u32,
    in_window: bool,
}

/// The book.
#[derive(Clone, Debug)]
pub struct Book {
    rules: Instrument,
    window_max: usize,
    stride: usize,
    /// Entries that are remembered, in no order. Those in `free` are not.
    known: Vec<Known>,
    free: Vec<u32>,
    /// Remembered entries by key.
    index: Index,
    /// In order of place; among equal ones in order of arrival.
    window: VecDeque<u32>,
    /// The sums before entry `0`, `stride`, `2 × stride` … of the window.
    checkpoints: VecDeque<State>,
    /// The sums after all entries.
    state: State,
    base_place: Option<Place>,
    /// Revisions of what has not been received.
    waiting: Vec<Entry>,
    ahead: BTreeMap<ExecKey, Ahead>,
    /// Orders that are remembered. Those in `free_orders` are not.
    orders: Vec<OrderEntries>,
    free_orders: Vec<u32>,
    order_index: Index,
}

impl Book {
    /// Returns an empty book that keeps at least `window_max` entries, and a checkpoint each `stride` (at least 1).
    pub fn new(rules: Instrument, window_max: usize, stride: usize) -> Book {
        Book {
            rules,
            window_max,
            stride: stride.max(1),
            known: Vec::new(),
            free: Vec::new(),
            index: Index::default(),
            window: VecDeque::new(),
            checkpoints: VecDeque::from([State::default()]),
            state: State::default(),
            base_place: None,
            waiting: Vec::new(),
            ahead: BTreeMap::new(),
            orders: Vec::new(),
            free_orders: Vec::new(),
            order_index: Index::default(),
        }
    }

    /// Returns the sums of all entries received.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns how many entries are remembered: those of the window, and those of orders that are not forgotten.
    pub fn remembered(&self) -> usize {
        self.index.len()
    }

    /// Returns what the wallet got: of the entries, and of figures whose entry has not been received.
    pub fn wallet(&self) -> BTreeMap<u16, Money> {
        let mut wallet: BTreeMap<u16, Money> = self.state.wallet().iter().copied().collect();
        for ahead in self.ahead.values() {
            *wallet.entry(self.rules.settle).or_default() += ahead.profit.unwrap_or_default();
            if let Some(fee) = ahead.fee {
                *wallet.entry(fee.asset).or_default() -= fee.amount;
            }
        }
        wallet
    }

    /// Adds an entry. A key that is known changes nothing.
    ///
    /// # Errors
    /// [`Late`] where it belongs before the window.
    pub fn receive(&mut self, entry: Entry) -> Result<(), Late> {
        let key = entry.key;
        if self.find(key).is_some() || self.waiting.iter().any(|waits| waits.key == key) {
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
        let Some(id) = self.find(key) else {
            match self.waiting.iter_mut().find(|waits| waits.key == key) {
                Some(waits) => waits.set(figure),
                None => self.ahead.entry(key).or_default().set(figure),
            }
            return Ok(());
        };
        match self.get(id) {
            Some(known) if known.entry.has(figure) => Ok(()),
            Some(known) if known.in_window => {
                self.change(id, figure);
                Ok(())
            }
            Some(_) | None => Err(Late),
        }
    }

    /// Takes back the figures of an entry that has not been received: they are reported anew under another key.
    pub fn withdraw(&mut self, key: ExecKey) {
        self.ahead.remove(&key);
    }

    /// Forgets an order's entries as soon as they are behind the window. What is received of it afterwards is new.
    ///
    /// Entries without an order are those of order 0: of them, those behind the window are forgotten now.
    pub fn forget(&mut self, order: OrderKey) {
        let Some(at) = self.order_at(order) else { return };
        let Some(entries) = self.orders.get_mut(at as usize) else { return };
        entries.is_forgotten = order != 0;
        let mut id = core::mem::replace(&mut entries.first, NONE);
        let mut kept = NONE;
        while let Some(known) = self.get(id) {
            let (next, in_window) = (known.next, known.in_window);
            if in_window {
                self.set_next(id, kept);
                kept = id;
            } else {
                self.drop_known(id);
            }
            id = next;
        }
        if let Some(entries) = self.orders.get_mut(at as usize) {
            entries.first = kept;
            if kept == NONE {
                self.drop_order(at);
            }
        }
    }

    fn order_at(&self, order: OrderKey) -> Option<u32> {
        let is_it = |at: u32| self.orders.get(at as usize).is_some_and(|entries| entries.key == order);
        self.order_index.find(order, is_it)
    }

    fn entries_of(&self, order: OrderKey) -> Option<&OrderEntries> {
        self.orders.get(self.order_at(order)? as usize)
    }

    fn get(&self, id: u32) -> Option<&Known> {
        self.known.get(id as usize)
    }

    fn set_next(&mut self, id: u32, next: u32) {
        if let Some(known) = self.known.get_mut(id as usize) {
            known.next = next;
        }
    }

    fn find(&self, key: ExecKey) -> Option<u32> {
        self.index.find(hash_of(key), |id| self.get(id).is_some_and(|known| known.entry.key == key))
    }

    /// Remembers an entry in its list.
    fn remember(&mut self, place: Place, entry: Entry) -> u32 {
        let revised = entry.revises.filter(|_| entry.order == 0).and_then(|of| self.get(self.find(of)?));
        let revised = revised.and_then(|revised| self.orders.get(revised.order as usize));
        let (key, order) = (entry.key, revised.map_or(entry.order, |entries| entries.key));
        let known = Known { place, entry, effect: None, order: NONE, next: NONE, in_window: true };
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(cell) = self.known.get_mut(id as usize) {
                    *cell = known;
                }
                id
            }
            None => {
                self.known.push(known);
                u32::try_from(self.known.len()).unwrap_or(NONE).saturating_sub(1)
            }
        };
        self.index.insert(hash_of(key), id);
        if self.get(id).is_some_and(|known| known.entry.gets_figures()) {
            self.list(id, order);
        }
        id
    }

    /// Puts an entry into an order's list.
    fn list(&mut self, id: u32, order: OrderKey) {
        let at = self.order_at(order).unwrap_or_else(|| {
            let entries = OrderEntries { key: order, ..OrderEntries::default() };
            let at = match self.free_orders.pop() {
                Some(at) => {
                    self.orders[at as usize] = entries;
                    at
                }
                None => {
                    self.orders.push(entries);
                    u32::try_from(self.orders.len()).unwrap_or(NONE).saturating_sub(1)
                }
            };
            self.order_index.insert(order, at);
            at
        });
        let (Some(entries), Some(known)) =
            (self.orders.get_mut(at as usize), self.known.get_mut(id as usize))
        else {
            return;
        };
        known.order = at;
        known.next = core::mem::replace(&mut entries.first, id);
        entries.count(&known.entry, 1);
    }

    /// Takes an entry out of its order's list.
    fn unlist(&mut self, id: u32) {
        let Some((order, next)) = self.get(id).map(|known| (known.order, known.next)) else { return };
        let Some(entries) = self.orders.get_mut(order as usize) else { return };
        let mut at = entries.first;
        if at == id {
            entries.first = next;
        }
        while let Some(known) = self.known.get_mut(at as usize) {
            if known.next == id {
                known.next = next;
                return;
            }
            at = known.next;
        }
    }

    /// Forgets one entry. Its list does not have it any more.
    fn drop_known(&mut self, id: u32) {
        let Some(known) = self.known.get_mut(id as usize) else { return };
        known.effect = None;
        let key = known.entry.key;
        self.index.remove(hash_of(key), id);
        self.free.push(id);
        if self.state.undone.contains(&key) {
            for state in self.checkpoints.iter_mut().chain([&mut self.state]) {
                state.undone.remove(&key);
            }
        }
    }

    /// Forgets what an order's executions add up to.
    fn drop_order(&mut self, at: u32) {
        let Some(order) = self.orders.get(at as usize).map(|entries| entries.key) else { return };
        self.order_index.remove(order, at);
        self.free_orders.push(at);
        if self.state.inferred.contains_key(&order) {
            for state in self.checkpoints.iter_mut().chain([&mut self.state]) {
                state.inferred.remove(&order);
            }
        }
    }

    /// Changes a figure of an entry in the window.
    fn change(&mut self, id: u32, figure: Figure) {
        let Some(known) = self.known.get(id as usize) else { return };
        let (place, before, listed) = (known.place, known.entry.order, known.order);
        let mut from = self.at(place, id);
        let is_listed_anew = matches!(figure, Figure::Order(_) | Figure::Price(_));
        if is_listed_anew {
            self.unlist(id);
            if let (Some(entries), Some(known)) =
                (self.orders.get_mut(listed as usize), self.known.get(id as usize))
            {
                entries.count(&known.entry, -1);
            }
        }
        let Some(known) = self.known.get_mut(id as usize) else { return };
        known.entry.set(figure);
        let (order, executes) = (known.entry.order, known.entry.executes());
        if is_listed_anew {
            self.list(id, order);
        }
        if is_listed_anew && executes {
            from = from.min(self.first_total(before)).min(self.first_total(order));
        }
        self.fold_from(from);
    }

    /// Where an entry stands in the window; its end where it does not.
    fn at(&self, place: Place, id: u32) -> usize {
        let from =
            self.window.partition_point(|other| self.get(*other).is_some_and(|known| known.place < place));
        let behind = self.window.iter().skip(from).position(|other| *other == id);
        behind.map_or(self.window.len(), |behind| from.saturating_add(behind))
    }

    /// Where an order's first total stands in the window; its end where there is none.
    fn first_total(&self, order: OrderKey) -> usize {
        if self.entries_of(order).is_none_or(|entries| entries.totals == 0) {
            return self.window.len();
        }
        let of = |known: &Known| known.entry.is_total() && known.entry.order == order;
        self.window.iter().position(|id| self.get(*id).is_some_and(of)).unwrap_or(self.window.len())
    }

    /// True where figures are ahead of their entry.
    pub fn is_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Where an entry stands. A revision is never before what it revises; None while that has not been received.
    fn place_of(&self, entry: &Entry) -> Option<Place> {
        let Some(of) = entry.revises else { return Some(entry.place) };
        let revised = self.get(self.find(of)?)?;
        Some(entry.place.max(revised.place.after()))
    }

    /// True where an entry, or a revision that waits for it, belongs before the window; or where it shows what was inferred
    /// there to be wrong.
    fn is_late(&self, entry: &Entry) -> bool {
        let Some(base) = self.base_place else { return false };
        let Some(place) = self.place_of(entry) else { return false };
        let wrong = |entries: &OrderEntries| entries.is_inferred_in_base;
        place <= base || entry.executes() && self.entries_of(entry.order).is_some_and(wrong)
    }

    /// Puts an entry where it belongs, and the revisions that waited for it. Returns the first that has to be folded.
    fn insert(&mut self, mut entry: Entry) -> usize {
        if !self.ahead.is_empty()
            && let Some(ahead) = self.ahead.remove(&entry.key)
        {
            entry.set_ahead(ahead);
        }
        let Some(place) = self.place_of(&entry) else {
            self.waiting.push(entry);
            return self.window.len();
        };
        let (key, order, executes) = (entry.key, entry.order, entry.executes());
        let is_last =
            self.window.back().and_then(|last| self.get(*last)).is_none_or(|last| last.place <= place);
        let mut from = match is_last {
            true => self.window.len(),
            false => {
                let before = |id: &u32| self.get(*id).is_some_and(|known| known.place <= place);
                self.window.partition_point(before)
            }
        };
        let id = self.remember(place, entry);
        self.window.insert(from, id);
        if executes {
            from = from.min(self.first_total(order));
        }
        while let Some(at) = self.waiting.iter().position(|waits| waits.revises == Some(key)) {
            let waited = self.waiting.remove(at);
            from = from.min(self.insert(waited));
        }
        from
    }

    /// Folds again from a place in the window on.
    fn fold_from(&mut self, from: usize) {
        let Some(first) = self.window.get(from) else { return };
        let is_last = from.saturating_add(1) == self.window.len();
        let mut at = from;
        if !is_last || self.get(*first).is_some_and(|one| one.effect.is_some()) {
            let last = from.checked_div(self.stride).unwrap_or_default();
            self.checkpoints.truncate(last.saturating_add(1));
            self.state = self.checkpoints.back().cloned().unwrap_or_default();
            at = self.checkpoints.len().saturating_sub(1).saturating_mul(self.stride);
        }
        while let Some(id) = self.window.get(at).copied() {
            if at.is_multiple_of(self.stride) && at.checked_div(self.stride) == Some(self.checkpoints.len()) {
                self.checkpoints.push_back(self.state.clone());
            }
            self.step(id);
            at = at.saturating_add(1);
        }
    }

    fn step(&mut self, id: u32) {
        let Some(known) = self.known.get(id as usize) else { return };
        let undoes = match (known.entry.kind, known.entry.revises) {
            (EntryKind::Undo, Some(of)) => self.find(of).and_then(|of| self.get(of)?.effect.clone()),
            _ => None,
        };
        let order = known.entry.is_total().then(|| self.entries_of(known.entry.order)).flatten();
        let context = Context { rules: &self.rules, order: order.copied().unwrap_or_default() };
        let effect = self.state.step(&known.entry, undoes.as_ref(), &context);
        if let Some(known) = self.known.get_mut(id as usize) {
            known.effect = effect;
        }
    }

    /// Moves the base over whole strides of entries. The checkpoint there is its sums.
    fn evict(&mut self) {
        while self.window.len() >= self.window_max.saturating_add(self.stride) && self.checkpoints.len() > 1 {
            self.checkpoints.pop_front();
            let past = self.checkpoints.front().map_or(0, State::past);
            self.checkpoints.iter_mut().chain([&mut self.state]).for_each(|state| state.drop_past(past));
            for _ in 0..self.stride {
                let Some(oldest) = self.window.pop_front() else { return };
                self.pass(oldest);
            }
        }
    }

    /// The base passes an entry: it is kept while its order is remembered. What never gets a figure is not.
    fn pass(&mut self, id: u32) {
        let Some(known) = self.known.get_mut(id as usize) else { return };
        known.in_window = false;
        self.base_place = self.base_place.max(Some(known.place));
        let order = known.order;
        let infers = known.entry.is_total() && known.effect.is_some();
        if !known.entry.gets_figures() {
            return self.drop_known(id);
        }
        let Some(entries) = self.orders.get_mut(order as usize) else { return };
        entries.is_inferred_in_base |= infers;
        if entries.is_forgotten {
            self.unlist(id);
            self.drop_known(id);
            if self.orders.get(order as usize).is_some_and(|entries| entries.first == NONE) {
                self.drop_order(order);
            }
        }
    }

    /// Keeps fewer entries from here on.
    pub fn shorten(&mut self, window_max: usize) {
        self.window_max = window_max;
        self.evict();
    }
}

fn hash_of(key: ExecKey) -> u64 {
    (key ^ key >> 64) as u64
}

impl OrderEntries {
    /// Adds an entry to what the order's executions add up to, or takes it out.
    fn count(&mut self, entry: &Entry, sign: i128) {
        if entry.is_total() {
            self.totals =
                if sign < 0 { self.totals.saturating_sub(1) } else { self.totals.saturating_add(1) };
        }
        if entry.executes() {
            self.executed += if sign < 0 { -entry.qty } else { entry.qty };
            let worth = product(entry.qty.0, entry.price.0).unwrap_or_default();
            self.worth = self.worth.saturating_add(worth.saturating_mul(sign));
        }
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

    /// True where figures may be reported of it after it was received.
    fn gets_figures(&self) -> bool {
        match self.kind {
            EntryKind::Trade | EntryKind::Forced | EntryKind::Undo => true,
            EntryKind::Total { .. } | EntryKind::Funding(_) => true,
            EntryKind::Move(_) | EntryKind::Set { .. } | EntryKind::End => false,
        }
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
