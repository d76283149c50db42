//! The book as a fold beside the kernel's rules: it receives the same facts, and what it is worth is held against what the
//! kernel has booked. The venue is the judge.
//!
//! Two books are kept: one has the venue's own order of trades, the other only knows in which order they arrived.

use std::collections::{BTreeMap, BTreeSet};

use dita_kernel::reference::{Book, Entry, EntryKind, ExecKey, Owner, Place, Row};
use dita_kernel::id::Id;
use dita_kernel::kernel::{BookId, Change, Fact, Kernel, exec_key};
use dita_kernel::ledger::Account;
use dita_kernel::names::{OrderSide, PairOff, PositionSide, Product};
use dita_kernel::num::Money;
use dita_sim::SimVenue;

/// Entries between two checkpoints.
const STRIDE: usize = 32;

/// What was compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Compares {
    /// What trades have moved in a wallet.
    Wallet,
    /// An instrument's position.
    Position,
    /// What it has cost.
    Cost,
    /// A slot's quantity.
    SlotQuantity,
    /// A slot's profit at its own cost.
    SlotProfit,
    /// A slot's fees.
    SlotFees,
    /// What belongs to no slot.
    Unassigned,
}

/// When it was compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum When {
    /// After an input that changed a book.
    Step,
    /// Once the venue has reported everything.
    Healed,
    /// Once every trade is closed.
    Closed,
}

/// How the book knows the venue's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Order {
    /// By the venue's sequence.
    Known,
    /// By arrival.
    Arrival,
}

/// Who is right, where kernel and book differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Right {
    /// The venue says what the kernel says.
    Kernel,
    /// The venue says what the book says.
    Book,
    /// The venue says something else.
    Neither,
    /// The venue does not say: news of it are on their way, or it knows no slots.
    Unknown,
}

/// Why kernel and book may differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// The amounts are the same but for the venue's units.
    Rounding,
    /// Executions are known by a cumulative quantity alone.
    Inferred,
    /// A price is unknown.
    Unpriced,
    /// Settlements are ahead of their executions.
    Ahead,
    /// A trade was busted or corrected.
    Revised,
    /// The venue forced trades.
    Forced,
    /// An override wrote a slot's figures.
    Override,
    /// An operator wrote a slot's realized profit.
    Written,
    /// Slots of both sides are paired off.
    Paired,
    /// Executions were received in another order than they were made.
    Order,
    /// An execution of a slot's earlier trade.
    Reused,
    /// None of these.
    Other,
}

impl Class {
    /// A sentence for the table.
    pub fn sentence(self) -> &'static str {
        match self {
            Class::Rounding => "within 32 of the venue's units",
            Class::Inferred => "executions that only a cumulative quantity reports",
            Class::Unpriced => "an execution without its price",
            Class::Ahead => "a settlement ahead of its execution",
            Class::Revised => "a bust or correction",
            Class::Forced => "a liquidation or auto-deleveraging",
            Class::Override => "an override of a slot",
            Class::Written => "a realized profit that an operator wrote",
            Class::Paired => "slots of both sides, paired off",
            Class::Order => "executions received out of the venue's order",
            Class::Reused => "a slot that carries another trade by now",
            Class::Other => "no class",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Kind {
    /// How the book knows the order.
    pub order: Order,
    /// When.
    pub when: When,
    /// What.
    pub compares: Compares,
    /// Why.
    pub class: Class,
    /// Who is right.
    pub right: Right,
}

/// The differences that one seed showed.
#[derive(Clone, Default, Debug)]
pub struct Differences {
    /// By row: how often, and the largest amount or quantity at 1e-18.
    pub rows: BTreeMap<Kind, (u64, i128)>,
    /// How often anything was compared.
    pub compared: u64,
    /// The first of each row, in words.
    pub first: BTreeMap<Kind, String>,
}

impl Differences {
    /// Adds a seed's: how often becomes how many seeds.
    pub fn add(&mut self, seed: u64, other: &Differences) {
        self.compared += other.compared;
        for (kind, (_, amount)) in &other.rows {
            let row = self.rows.entry(*kind).or_default();
            row.0 += 1;
            row.1 = row.1.max(*amount);
        }
        for (kind, first) in &other.first {
            self.first.entry(*kind).or_insert_with(|| format!("seed {seed}: {first}"));
        }
    }
}

/// What was seen of a book.
#[derive(Clone, Copy, Default, Debug)]
struct Seen {
    revised: bool,
    forced: bool,
    set: bool,
    disordered: bool,
    totals: bool,
}

/// Books in one order.
#[derive(Debug)]
struct Folds {
    order: Order,
    books: BTreeMap<BookId, Book>,
    last: BTreeMap<BookId, Place>,
    seen: BTreeMap<BookId, Seen>,
    arrived: u64,
}

/// The books beside the kernel.
#[derive(Debug)]
pub(crate) struct Beside {
    folds: [Folds; 2],
    facts: Vec<Fact>,
    seq: u64,
    /// The venue's order: which of its trades a key is.
    places: BTreeMap<ExecKey, u64>,
    times: Vec<i64>,
    /// Fills that the adapter has given an id of its own: the venue's id.
    names: BTreeMap<Id, Id>,
    /// Slots and their trades whose profit an operator has written.
    overridden: BTreeSet<(u32, u64)>,
    pub(crate) differences: Differences,
}

fn folds(order: Order) -> Folds {
    Folds { order, books: BTreeMap::new(), last: BTreeMap::new(), seen: BTreeMap::new(), arrived: 0 }
}

impl Folds {
    /// Where an entry stands.
    fn place(&mut self, fact: &Fact, entry: &Entry, beside: &Known<'_>) -> Place {
        self.arrived += 1;
        let before =
            self.last.get(&fact.book).copied().unwrap_or(Place { time_ns: 0, sequence: 0, revision: 0 });
        let place = match (entry.kind, self.order) {
            (EntryKind::Undo, _) => return Place::UNSTAMPED,
            (EntryKind::Trade, _) if entry.revises.is_some() && self.order == Order::Arrival => {
                return Place::UNSTAMPED;
            }
            (EntryKind::Trade | EntryKind::Forced, Order::Known) => match beside.places.get(&entry.key) {
                Some(at) => Place { time_ns: 0, sequence: at * 2 + 1, revision: 0 },
                // Behind all that the statement has, a bust of the last line included.
                None => Place { revision: u32::MAX, ..before },
            },
            (EntryKind::Total { .. }, Order::Known) => {
                let at = beside.times.partition_point(|time| *time <= entry.place.time_ns) as u64;
                Place { time_ns: 0, sequence: at * 2, revision: 0 }
            }
            (EntryKind::Trade | EntryKind::Forced | EntryKind::Total { .. }, Order::Arrival) => {
                Place { time_ns: 0, sequence: self.arrived, revision: 0 }
            }
            (
                EntryKind::Move(_) | EntryKind::Set { .. } | EntryKind::End | EntryKind::Funding(_),
                Order::Known,
            ) => Place { revision: u32::MAX, ..before },
            (
                EntryKind::Move(_) | EntryKind::Set { .. } | EntryKind::End | EntryKind::Funding(_),
                Order::Arrival,
            ) => Place { time_ns: 0, sequence: self.arrived, revision: 0 },
        };
        let seen = self.seen.entry(fact.book).or_default();
        seen.disordered |= place < before;
        self.last.insert(fact.book, before.max(place));
        place
    }

    fn receive(&mut self, kernel: &Kernel, fact: &Fact, known: &Known<'_>) {
        let Some(rules) = kernel.instruments().get(fact.book.instrument as usize) else { return };
        let place = match &fact.change {
            Change::Entry(entry) => Some(self.place(fact, entry, known)),
            Change::Figure(..) | Change::Withdrawn(_) => None,
        };
        let seen = self.seen.entry(fact.book).or_default();
        if let Change::Entry(entry) = &fact.change {
            seen.revised |= entry.kind == EntryKind::Undo;
            seen.forced |= entry.kind == EntryKind::Forced;
            seen.set |= matches!(entry.kind, EntryKind::Set { .. } | EntryKind::Move(_));
            seen.totals |= matches!(entry.kind, EntryKind::Total { .. });
        }
        let book =
            self.books.entry(fact.book).or_insert_with(|| Book::new(rules.clone(), usize::MAX / 2, STRIDE));
        // Nothing is behind so large a window.
        let late = match (&fact.change, place) {
            (Change::Entry(entry), Some(place)) => {
                book.receive(Entry { place, ..Entry::clone(entry) }).is_err()
            }
            (Change::Entry(_), None) => true,
            (Change::Figure(key, figure), _) => book.report(*key, *figure).is_err(),
            (Change::Withdrawn(key), _) => {
                book.withdraw(*key);
                false
            }
        };
        assert!(!late, "a book without a bound refused {fact:?}");
    }
}

/// What is known of the venue's order.
struct Known<'a> {
    places: &'a BTreeMap<ExecKey, u64>,
    times: &'a [i64],
}

impl Beside {
    pub(crate) fn new() -> Beside {
        Beside {
            folds: [folds(Order::Known), folds(Order::Arrival)],
            facts: Vec::new(),
            seq: 0,
            places: BTreeMap::new(),
            times: Vec::new(),
            names: BTreeMap::new(),
            overridden: BTreeSet::new(),
            differences: Differences::default(),
        }
    }

    /// An adapter has given a fill an id of its own.
    pub(crate) fn named(&mut self, own: &Id, venues: &Id) {
        self.names.insert(own.clone(), venues.clone());
    }

    fn read(&mut self, kernel: &Kernel, venue: &SimVenue) {
        let from = self.times.len();
        for (at, line) in venue.statement().iter().enumerate().skip(from) {
            self.times.push(line.time_ns);
            if let (Some(side), Some(instrument)) = (line.side, kernel.instrument_of(&line.symbol)) {
                self.places.insert(exec_key(instrument, Some(side), &line.id), at as u64);
            }
        }
        let names = core::mem::take(&mut self.names);
        for (own, venues) in &names {
            for (instrument, _) in (0_u32..).zip(kernel.instruments()) {
                for side in [OrderSide::Buy, OrderSide::Sell] {
                    let side = Some(side);
                    if let Some(at) = self.places.get(&exec_key(instrument, side, venues)).copied() {
                        self.places.insert(exec_key(instrument, side, own), at);
                    }
                }
            }
        }
    }

    /// Receives what an input brought, and compares.
    pub(crate) fn after(&mut self, kernel: &Kernel, venue: &SimVenue, words: &dyn core::fmt::Debug) {
        let from = kernel.book_facts().partition_point(|fact| fact.seq <= self.seq);
        let facts = kernel.book_facts()[from..].to_vec();
        self.seq = kernel.seq();
        if facts.is_empty() {
            return;
        }
        self.read(kernel, venue);
        let known = Known { places: &self.places, times: &self.times };
        for fact in &facts {
            for folds in &mut self.folds {
                folds.receive(kernel, fact, &known);
            }
        }
        let texts: String = facts.iter().map(|fact| format!("{:?} ", fact.change)).collect();
        self.facts.extend(facts);
        self.compare(kernel, venue, When::Step, &format!("{words:?} => {texts}"));
    }

    /// What was not durable never happened.
    pub(crate) fn restarted(&mut self, kernel: &Kernel, recovered_seq: u64) {
        let received = self.seq;
        self.seq = recovered_seq;
        self.facts.retain(|fact| fact.seq <= recovered_seq);
        // One that was not answered may be in the log.
        let unanswered = |fact: &&Fact| fact.seq > received && fact.seq <= recovered_seq;
        self.facts.extend(kernel.book_facts().iter().filter(unanswered).cloned());
        self.folds = [folds(Order::Known), folds(Order::Arrival)];
        let known = Known { places: &self.places, times: &self.times };
        for fact in &self.facts {
            for folds in &mut self.folds {
                folds.receive(kernel, fact, &known);
            }
        }
    }

    pub(crate) fn compare(&mut self, kernel: &Kernel, venue: &SimVenue, when: When, words: &str) {
        self.differences.compared += 1;
        let mut found: Vec<(Kind, i128, String)> = Vec::new();
        for folds in &self.folds {
            let order = folds.order;
            let mut note = |compares, class, right, amount: i128, what: String| {
                let kind = Kind { order, when, compares, class, right };
                found.push((kind, amount, format!("{what} {words}")));
            };
            compare_wallets(folds, kernel, venue, when, &mut note);
            compare_books(folds, kernel, venue, when, &mut note);
            compare_slots(folds, kernel, &self.overridden, &mut note);
        }
        for (kind, amount, what) in found {
            let row = self.differences.rows.entry(kind).or_default();
            row.0 += 1;
            row.1 = row.1.max(amount.abs());
            self.differences.first.entry(kind).or_insert(what);
        }
    }

    /// An operator has written the profit of a slot's trade.
    pub(crate) fn overridden(&mut self, slot_id: u32, trade_number: u64) {
        self.overridden.insert((slot_id, trade_number));
    }
}

type Note<'a> = &'a mut dyn FnMut(Compares, Class, Right, i128, String);

fn judged<T: PartialEq>(when: When, venue: Option<T>, kernel: &T, book: &T) -> Right {
    match venue {
        _ if when == When::Step => Right::Unknown,
        None => Right::Unknown,
        Some(venue) if venue == *kernel => Right::Kernel,
        Some(venue) if venue == *book => Right::Book,
        Some(_) => Right::Neither,
    }
}

/// What may be why an instrument's figures differ.
fn class_of(folds: &Folds, kernel: &Kernel, book: BookId) -> Class {
    let seen = folds.seen.get(&book).copied().unwrap_or_default();
    let of = |order: &&dita_kernel::order::Order| {
        order.instrument == book.instrument && order.position_side as u8 == book.side
    };
    let orders = || kernel.orders().iter().filter(of);
    if orders().any(|order| order.fills.iter().any(|fill| fill.price_pending)) {
        return Class::Unpriced;
    }
    if orders().any(|order| !order.inferred.is_zero()) {
        return Class::Inferred;
    }
    let ahead = folds.books.get(&book).is_some_and(Book::is_ahead);
    if ahead {
        Class::Ahead
    } else if seen.revised {
        Class::Revised
    } else if seen.disordered {
        Class::Order
    } else if seen.totals {
        Class::Inferred
    } else {
        Class::Other
    }
}

fn compare_wallets(folds: &Folds, kernel: &Kernel, venue: &SimVenue, when: When, note: Note<'_>) {
    let ledger = kernel.ledger();
    for (place, asset) in (0_u16..).zip(kernel.assets()) {
        let accounts = [Account::RealizedPnl, Account::InterSlot, Account::Inventory, Account::Fees];
        let booked = accounts.iter().fold(Money::ZERO, |sum, of| sum - ledger.balance(place, *of));
        let mut folded = Money::ZERO;
        for book in folds.books.values() {
            folded += book.wallet().get(&place).copied().unwrap_or_default();
        }
        if booked == folded {
            continue;
        }
        let wallet = ledger.balance(place, Account::Wallet);
        let right = judged(when, venue.wallet_balance(&asset.name), &wallet, &(wallet - booked + folded));
        let amount = (booked - folded).abs();
        let unit = 10_i128.pow(18_u32.saturating_sub(u32::from(asset.unit_decimals)));
        let class = if amount.0 <= 32 * unit {
            Class::Rounding
        } else {
            let ids = folds.books.keys().filter(|id| {
                kernel
                    .instruments()
                    .get(id.instrument as usize)
                    .is_some_and(|rules| rules.settle == place || rules.base == Some(place))
            });
            ids.map(|id| class_of(folds, kernel, *id)).min().unwrap_or(Class::Other)
        };
        note(
            Compares::Wallet,
            class,
            right,
            amount.0,
            format!("{}: {booked} here, {folded} folded", asset.name),
        );
    }
}

fn compare_books(folds: &Folds, kernel: &Kernel, venue: &SimVenue, when: When, note: Note<'_>) {
    for (id, book) in &folds.books {
        let Some(rules) = kernel.instruments().get(id.instrument as usize) else { continue };
        let booked = kernel.book(id.instrument)[id.side as usize];
        let folded = book.state().book;
        let symbol = &rules.spec.symbol;
        let theirs = match (rules.spec.product, kernel.is_hedged(id.instrument)) {
            (Product::Spot, _) => None,
            (Product::Perp, false) => venue.position(symbol),
            (Product::Perp, true) => venue
                .hedged_position(symbol)
                .map(|[long, short]| if id.side == PositionSide::Long as u8 { long } else { short }),
        };
        let class = || class_of(folds, kernel, *id);
        if booked.qty != folded.qty {
            let theirs = theirs.and_then(|(qty, _)| rules.qty(qty).ok());
            let right = judged(when, theirs, &booked.qty, &folded.qty);
            let amount = (booked.qty - folded.qty).0;
            note(
                Compares::Position,
                class(),
                right,
                amount,
                format!("{symbol}: {booked:?} here, {folded:?} folded"),
            );
        } else if booked.cost != folded.cost {
            let theirs = theirs.map(|(_, cost)| cost);
            let right = judged(when, theirs, &booked.cost.abs(), &folded.cost.abs());
            let amount = (booked.cost - folded.cost).abs();
            let unit = 10_i128.pow(18_u32.saturating_sub(u32::from(rules.spec.fee_decimals)));
            let class = if amount.0 <= 32 * unit { Class::Rounding } else { class() };
            note(
                Compares::Cost,
                class,
                right,
                amount.0,
                format!("{symbol}: {booked:?} here, {folded:?} folded"),
            );
        }
        let booked = kernel.unassigned(id.instrument)[id.side as usize];
        let folded = book.state().unassigned.basis;
        if booked.qty != folded.qty {
            let class = slot_class(folds, kernel, *id, false);
            let amount = (booked.qty - folded.qty).0;
            note(
                Compares::Unassigned,
                class,
                Right::Unknown,
                amount,
                format!("{symbol}: {booked:?} here, {folded:?} folded"),
            );
        }
    }
}

fn slot_class(folds: &Folds, kernel: &Kernel, id: BookId, overridden: bool) -> Class {
    let pairs = kernel
        .instruments()
        .get(id.instrument as usize)
        .is_some_and(|rules| rules.spec.pair_off == PairOff::SameOwner);
    let seen = folds.seen.get(&id).copied().unwrap_or_default();
    if overridden {
        Class::Written
    } else if pairs {
        Class::Paired
    } else if seen.forced {
        Class::Forced
    } else if seen.set {
        Class::Override
    } else {
        class_of(folds, kernel, id)
    }
}

fn compare_slots(folds: &Folds, kernel: &Kernel, overridden: &BTreeSet<(u32, u64)>, note: Note<'_>) {
    for (slot_id, slot) in (0_u32..).zip(kernel.slots()) {
        if slot.trade_number == 0 {
            continue;
        }
        let side = dita_kernel::position::position_side(kernel.is_hedged(slot.instrument), slot.side) as u8;
        let id = BookId { instrument: slot.instrument, side };
        let Some(rules) = kernel.instruments().get(slot.instrument as usize) else { continue };
        let Some(book) = folds.books.get(&id) else { continue };
        let is_its = |owner: &Owner| (owner.slot_id, owner.trade_number) == (slot_id, slot.trade_number);
        let row = book.state().rows().find(|(owner, _)| owner.as_ref().is_some_and(is_its));
        let row = row.map_or(Row::default(), |(_, row)| *row);
        let class = || slot_class(folds, kernel, id, overridden.contains(&(slot_id, slot.trade_number)));
        let unknown = Right::Unknown;
        if slot.basis.qty != row.basis.qty {
            let amount = (slot.basis.qty - row.basis.qty).0;
            note(
                Compares::SlotQuantity,
                class(),
                unknown,
                amount,
                format!("slot {slot_id}: {:?} here, {row:?} folded", slot.basis),
            );
        }
        let unit = 10_i128.pow(18_u32.saturating_sub(u32::from(rules.spec.fee_decimals)));
        let within = |amount: Money| amount.abs().0 <= 32 * unit;
        if slot.basis.qty == row.basis.qty && slot.realized != row.profit {
            let amount = slot.realized - row.profit;
            let class = if within(amount) { Class::Rounding } else { class() };
            note(
                Compares::SlotProfit,
                class,
                unknown,
                amount.0,
                format!("slot {slot_id}: {} here, {row:?} folded", slot.realized),
            );
        }
        if slot.fees != row.fees {
            let amount = slot.fees - row.fees;
            let class = if within(amount) { Class::Rounding } else { class() };
            note(
                Compares::SlotFees,
                class,
                unknown,
                amount.0,
                format!("slot {slot_id}: {} here, {row:?} folded", slot.fees),
            );
        }
    }
}
