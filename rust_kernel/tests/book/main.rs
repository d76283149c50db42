//! The book as a fold, held against golden histories: what venues report, and what a book is worth when all of it was received.
//! In any order, with repeats, and with a window that is too short for it, the sums are the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dita_kernel::reference::{Book, Entry, EntryKind, ExecKey, Fee, Figure, Late, Owner, Place, Row};
use dita_kernel::input::InstrumentSpec;
use dita_kernel::instrument::Instrument;
use dita_kernel::names::Product;
use dita_kernel::num::{Decimal, Money, Price, Qty, Rate};

use dita_kernel::id::Id;

const SETTLE: u16 = 0;
const BASE: u16 = 1;

/// Something that is reported.
#[derive(Clone, Debug)]
enum Fact {
    Entry(Box<Entry>),
    Figure(ExecKey, Figure),
}

struct History {
    name: String,
    rules: Instrument,
    facts: Vec<Fact>,
    /// Lines of what the book is worth, sorted.
    worth: Vec<String>,
    /// What the lines of trades that ended begin with: a base that has passed their ends does not have them.
    ended: Vec<String>,
}

impl History {
    fn without_ended(&self, lines: &[String]) -> Vec<String> {
        let is_ended = |line: &&String| self.ended.iter().any(|start| line.starts_with(start));
        lines.iter().filter(|line| !is_ended(line)).cloned().collect()
    }
}

fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

fn instrument(product: &str) -> Instrument {
    let decimal = |units, scale| Decimal::new(units, scale).expect("a decimal");
    let mut spec = InstrumentSpec::linear(id("S"), id("B"), id("Q"), decimal(1, 4), decimal(1, 8));
    spec.inverse = product == "inverse";
    if spec.inverse {
        spec.settle = id("B");
    }
    if product == "spot" {
        spec.product = Product::Spot;
    }
    let mut rules = Instrument::load(&spec, SETTLE).expect("an instrument");
    rules.base = (product == "spot").then_some(BASE);
    rules
}

fn key(text: &str) -> ExecKey {
    text.bytes().fold(0, |key, byte| key << 8 | u128::from(byte))
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

fn owner(text: &str) -> Option<Owner> {
    let parts: Vec<i64> = if text == "-" { vec![] } else { text.split('.').map(number).collect() };
    let [slot, trade, side] = parts[..] else { return None };
    Some(Owner { slot_id: slot as u32, trade_number: trade as u64, long: side > 0, bot: 0 })
}

fn entry(words: &[&str]) -> Entry {
    let [name, kind, time, sequence, order, of_owner, qty, price, revises, to] = words else {
        panic!("{words:?}")
    };
    let place = match (*time, *sequence) {
        ("-", _) => Place::UNSTAMPED,
        (time, "max") => Place::behind(number(time)),
        (time, sequence) => Place { time_ns: number(time), sequence: number(sequence), revision: 0 },
    };
    let kind = match *kind {
        "TRADE" => EntryKind::Trade,
        "FORCED" => EntryKind::Forced,
        "UNDO" => EntryKind::Undo,
        "TOTAL" => EntryKind::Total { average: true },
        "FUNDING" => {
            let rate = Decimal::new(number(qty), 9).expect("a decimal");
            EntryKind::Funding(Rate::from_decimal(rate).expect("a rate"))
        }
        "MOVE" => EntryKind::Move(owner(to)),
        "END" => EntryKind::End,
        other => panic!("no kind: {other}"),
    };
    let is_funding = matches!(kind, EntryKind::Funding(_));
    Entry {
        key: key(name),
        place,
        kind,
        owner: owner(of_owner),
        order: number(order),
        qty: Qty(if is_funding { 0 } else { number(qty) }),
        price: Price(number(price)),
        revises: (*revises != "-").then(|| key(revises)),
        reported: None,
        fee: None,
    }
}

fn asset(text: &str) -> u16 {
    if text == "SETTLE" { SETTLE } else { BASE }
}

fn histories(text: &str) -> Vec<History> {
    let mut histories: Vec<History> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["history", product, _] = words[..] {
            let (rules, name) = (instrument(product), line.to_owned());
            histories.push(History { name, rules, facts: Vec::new(), worth: Vec::new(), ended: Vec::new() });
            continue;
        }
        let history = histories.last_mut().expect("a history");
        let figure = |name, figure| Fact::Figure(key(name), figure);
        match words[..] {
            ["entry", ref words @ ..] => {
                if words[1] == "END" {
                    history.ended.push(format!("row {} ", words[5]));
                }
                history.facts.push(Fact::Entry(Box::new(entry(words))));
            }
            ["profit", name, amount] => {
                history.facts.push(figure(name, Figure::Profit(Money(number(amount)))));
            }
            ["fee", name, amount, of] => {
                let fee = Fee { amount: Money(number(amount)), asset: asset(of) };
                history.facts.push(figure(name, Figure::Fee(fee)));
            }
            ["owner", name, of] => history.facts.push(figure(name, Figure::Owner(owner(of)))),
            ["wallet", of, "0"] if of.len() > 1 => {}
            ["row", _, "0", "0", "0", "0", "0"] => {}
            ["wallet" | "book" | "row" | "inter_slot", ..] => history.worth.push(line.to_owned()),
            _ => panic!("{line}"),
        }
    }
    for history in &mut histories {
        history.worth.sort();
    }
    histories
}

fn worth(book: &Book) -> Vec<String> {
    let mut lines = Vec::new();
    let state = book.state();
    for (asset, amount) in book.wallet() {
        if !amount.is_zero() {
            lines.push(format!("wallet {} {}", if asset == SETTLE { "SETTLE" } else { "BASE" }, amount.0));
        }
    }
    lines.push(format!("book {} {}", state.book.qty.0, state.book.cost.0));
    for (owner, row) in state.rows().filter(|(_, row)| !row.is_empty()) {
        let mut line = String::from("row ");
        match owner {
            None => line.push('-'),
            Some(owner) => {
                let side = if owner.long { 1 } else { -1 };
                write!(line, "{}.{}.{side}", owner.slot_id, owner.trade_number).expect("text");
            }
        }
        let Row { basis, profit, fees, funding, .. } = row;
        write!(line, " {} {} {} {} {}", basis.qty.0, basis.cost.0, profit.0, fees.0, funding.0)
            .expect("text");
        lines.push(line);
    }
    lines.push(format!("inter_slot {}", state.inter_slot.0));
    lines.sort();
    lines
}

fn give(book: &mut Book, fact: &Fact) -> Result<(), Late> {
    match fact {
        Fact::Entry(entry) => book.receive((**entry).clone()),
        Fact::Figure(key, figure) => book.report(*key, *figure),
    }
}

/// A book that is made anew from all facts, as a log has them, whenever one is before its window.
fn receive_all(rules: &Instrument, facts: &[Fact], window: usize, stride: usize) -> (Book, u32) {
    let (mut book, mut anew) = (Book::new(rules.clone(), window, stride), 0);
    for (at, fact) in facts.iter().enumerate() {
        if give(&mut book, fact).is_ok() {
            continue;
        }
        anew += 1;
        let mut all = Book::new(rules.clone(), facts.len(), stride);
        for fact in &facts[..=at] {
            give(&mut all, fact).expect("a window for all of it");
        }
        all.shorten(window);
        book = all;
    }
    (book, anew)
}

/// A multiplicative generator: the orders in which the facts are received.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn shuffled_with_repeats(&mut self, facts: &[Fact]) -> Vec<Fact> {
        let mut all = facts.to_vec();
        all.extend(facts.iter().filter(|_| self.below(5) == 0).cloned().collect::<Vec<_>>());
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
        all
    }
}

/// 120 histories; `DITA_BOOK_HISTORIES` names a file with more.
fn golden() -> String {
    match std::env::var("DITA_BOOK_HISTORIES") {
        Ok(path) => std::fs::read_to_string(path).expect("the file"),
        Err(_) => include_str!("../recorded/book.txt").to_owned(),
    }
}

#[test]
fn any_order_of_receiving_gives_the_worth_of_the_golden_histories() {
    let (mut anew, mut counts) = (0, BTreeMap::new());
    let text = golden();
    for (seed, history) in histories(&text).iter().enumerate() {
        let mut draw = Draw(seed as u64);
        for (window, stride) in [(10_000, 256), (10_000, 3), (8, 4), (1, 1)] {
            let facts = draw.shuffled_with_repeats(&history.facts);
            let (book, again) = receive_all(&history.rules, &facts, window, stride);
            anew += again;
            let (worth, what) = (worth(&book), format!("{}, window {window}, stride {stride}", history.name));
            if window == 10_000 {
                assert_eq!(worth, history.worth, "{what}");
            }
            assert_eq!(history.without_ended(&worth), history.without_ended(&history.worth), "{what}");
        }
        *counts
            .entry(history.rules.spec.inverse as u8 + 2 * history.rules.base.is_some() as u8)
            .or_insert(0) += 1;
    }
    println!("{counts:?} histories of each product, {anew} books made anew");
    assert!(anew > 0 && counts.len() == 3, "windows were too long, or a product is missing");
}

/// Orders of all entries, and how often a fact names each.
fn orders_of(facts: &[Fact]) -> BTreeMap<u64, usize> {
    let mut orders = BTreeMap::new();
    let of = |key: &ExecKey| {
        facts.iter().find_map(|fact| match fact {
            Fact::Entry(entry) if entry.key == *key => Some(entry.order),
            Fact::Entry(_) | Fact::Figure(..) => None,
        })
    };
    for fact in facts {
        let order = match fact {
            Fact::Entry(entry) => entry.revises.as_ref().and_then(of).unwrap_or(entry.order),
            Fact::Figure(key, _) => of(key).unwrap_or_default(),
        };
        *orders.entry(order).or_insert(0) += 1;
    }
    orders
}

#[test]
fn forgetting_orders_changes_no_sum_and_leaves_the_window_alone() {
    let text = golden();
    let mut forgotten = 0;
    for (seed, history) in histories(&text).iter().enumerate() {
        let mut facts = history.facts.clone();
        let mut draw = Draw(seed as u64);
        for at in (1..facts.len()).rev() {
            facts.swap(at, draw.below(at + 1));
        }
        // Each order is forgotten in a book that has received everything of some orders, and refolds with the rest.
        let mut book = Book::new(history.rules.clone(), facts.len(), 3);
        let orders = orders_of(&facts);
        for (at, fact) in facts.iter().enumerate() {
            give(&mut book, fact).expect("a window for all of it");
            let given = orders_of(&facts[..=at]);
            for (order, _) in orders.iter().filter(|(order, count)| given.get(*order) == Some(*count)) {
                book.forget(*order);
                forgotten += 1;
            }
        }
        assert_eq!(worth(&book), history.worth, "{}", history.name);
        book.shorten(1);
        book.forget(0);
        let (is, was) = (history.without_ended(&worth(&book)), history.without_ended(&history.worth));
        assert_eq!(is, was, "{}, with a short window", history.name);
        assert!(book.remembered() <= 1 + 3, "{}: {} entries", history.name, book.remembered());
    }
    assert!(forgotten > 1000, "{forgotten} orders were forgotten");
}

/// A million trades; what each did is in the sums alone, and a resting order's first execution can still be busted.
#[test]
fn what_a_book_remembers_stays_flat_over_a_million_trades() {
    const TRADES: u64 = 1_000_000;
    let (window, stride) = (256, 128);
    let mut book = Book::new(instrument("linear"), window, stride);
    let mut sequence = 0;
    let mut entry = |key: u128, order: u64, owner: Owner, kind, qty: i128, price: i128| {
        sequence += 1;
        let place = Place { time_ns: 0, sequence, revision: 0 };
        let fee = Some(Fee { amount: Money(price * qty.abs() / 1000), asset: SETTLE });
        let owner = Some(owner);
        Entry {
            key,
            place,
            kind,
            owner,
            order,
            qty: Qty(qty),
            price: Price(price),
            revises: None,
            reported: None,
            fee,
        }
    };
    let resting = Owner { slot_id: 9, trade_number: 1, long: true, bot: 0 };
    let (unit, first) = (10_i128.pow(18), 1);
    book.receive(entry(first, 1, resting, EntryKind::Trade, 5, 100 * unit)).expect("the first");
    for trade in 1..=TRADES {
        let owner = Owner { slot_id: (trade % 4) as u32, trade_number: trade, long: true, bot: 0 };
        let (key, order) = (u128::from(trade) << 8, trade << 1);
        let price = (100 + i128::from(trade % 7)) * unit;
        book.receive(entry(key, order, owner, EntryKind::Trade, 3, price)).expect("an entry's execution");
        book.receive(entry(key + 1, order + 1, owner, EntryKind::Trade, -3, price + unit))
            .expect("an exit's");
        book.receive(entry(key + 2, 0, owner, EntryKind::End, 0, 0)).expect("the end");
        book.forget(order);
        book.forget(order + 1);
        assert!(book.remembered() <= window + stride + 2, "{} entries after {trade}", book.remembered());
        assert!(book.state().rows().count() <= window + stride, "owners after {trade}");
    }
    let held = |book: &Book| {
        book.state().rows().find(|(owner, _)| *owner == Some(resting)).map(|(_, row)| row.basis.qty)
    };
    assert_eq!(held(&book), Some(Qty(5)));
    let bust = Entry { revises: Some(first), ..entry(2, 0, resting, EntryKind::Undo, 0, 0) };
    book.receive(bust).expect("the bust of the first execution");
    assert_eq!(held(&book), Some(Qty(0)));
    assert_eq!(book.state().book.qty, Qty(0));
    // What is left is what the other trades gained, less their fees. Each profit was rounded once.
    let gained = i128::from(TRADES) * 3 * unit;
    let paid: i128 =
        (1..=TRADES).map(|trade| (2 * (100 + i128::from(trade % 7)) + 1) * unit * 3 / 1000).sum();
    let off = (book.wallet()[&SETTLE] - Money(gained - paid)).abs();
    assert!(off <= Money(i128::from(TRADES) * 5 * 10_i128.pow(9)), "{off} off");
}

#[test]
fn an_order_is_forgotten_with_its_last_entry_and_not_before() {
    let mut book = Book::new(instrument("linear"), 4, 1);
    let (unit, owner) = (10_i128.pow(18), Owner { slot_id: 0, trade_number: 1, long: true, bot: 0 });
    let entry = |sequence: u64, order, kind, qty| Entry {
        key: u128::from(sequence),
        place: Place { time_ns: 0, sequence, revision: 0 },
        kind,
        owner: Some(owner),
        order,
        qty: Qty(qty),
        price: Price(100 * unit),
        revises: None,
        reported: None,
        fee: None,
    };
    let total = EntryKind::Total { average: false };
    for (sequence, order, kind, qty) in [
        (1, 7, EntryKind::Trade, 2),
        (5, 7, total, 3),
        (10, 8, EntryKind::Trade, 1),
        (12, 8, EntryKind::Trade, 1),
        (14, 8, EntryKind::Trade, 1),
    ] {
        book.receive(entry(sequence, order, kind, qty)).expect("in order");
        book.forget(7);
    }
    assert_eq!(book.remembered(), 4, "the base has passed the first execution");
    // What is received now is before the total: that is judged again, by all that its order has executed.
    book.receive(entry(3, 8, EntryKind::Trade, 1)).expect("within the window");
    assert_eq!(book.state().book.qty, Qty(7));
}
