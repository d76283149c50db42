//! What the kernel's inputs are to its books: each fill, figure, bust, movement and end of a trade as an entry or a
//! figure of [`crate::reference`].
//!
//! The rules of booking state their facts here where they book. With the feature `shadow` the facts are kept, and torture
//! folds them beside the rules. Without it none is made.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use super::venue::{OrderPlan, fill_key};
use crate::reference::{Entry, EntryKind, ExecKey, Fee, Figure, Owner, Place};
use crate::id::Id;
use crate::input::VenueEvent;
use crate::names::{OrderSide, PositionSide, TradeSide};
use crate::num::{Money, Price, Qty};
use crate::order::{Order, OrderRole};
use crate::position::{Basis, position_side};

/// An instrument's position side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BookId {
    /// The instrument's place in the kernel's list.
    pub instrument: u32,
    /// Its [`PositionSide`], as a number.
    pub side: u8,
}

/// Something that a book receives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// An entry. Its place is in order of arrival, and has the venue's time.
    Entry(Box<Entry>),
    /// A figure of an entry.
    Figure(ExecKey, Figure),
    /// Figures that were received ahead of their entry belong to another key.
    Withdrawn(ExecKey),
}

/// A change of one book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    /// The input that brought it.
    pub seq: u64,
    /// The book.
    pub book: BookId,
    /// The change.
    pub change: Change,
}

/// What a key is of.
#[derive(Clone, Copy)]
enum Keyed {
    Execution = 1,
    Undo = 2,
    Own = 3,
}

/// Returns the key of an execution by the venue's id. `side` is None where a settlement does not tell it.
pub fn exec_key(instrument: u32, side: Option<OrderSide>, id: &Id) -> ExecKey {
    let side = match side {
        None => 0,
        Some(OrderSide::Buy) => 1,
        Some(OrderSide::Sell) => 2,
    };
    key_of(Keyed::Execution, u64::from(instrument) << 2 | side, id.as_bytes())
}

/// FNV-1a of 128 bits.
fn key_of(kind: Keyed, number: u64, text: &[u8]) -> ExecKey {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let head = (number << 2 | kind as u64).to_le_bytes();
    let bytes = head.iter().chain(text);
    bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

/// The trade that an order was sent for.
fn owner_of(order: &Order) -> Option<Owner> {
    let opens = order.role == OrderRole::Entry;
    let long = opens == (order.order_side == OrderSide::Buy);
    let bot = bot_of(order.owner());
    let owner = Owner { slot_id: order.slot_id, trade_number: order.trade_number, long, bot };
    (order.role != OrderRole::External).then_some(owner)
}

/// A bot's number.
fn bot_of(owner: &Id) -> u32 {
    if owner.is_empty() { 0 } else { owner.hash64() as u32 | 1 }
}

fn signed(side: OrderSide, qty: Qty) -> Qty {
    match side {
        OrderSide::Buy => qty,
        OrderSide::Sell => -qty,
    }
}

impl Kernel {
    /// The facts since the kernel was opened, with the feature `shadow` alone.
    pub fn book_facts(&self) -> &[Fact] {
        &self.facts
    }

    /// States what an input is to a book.
    #[inline(always)]
    fn state_facts(&mut self, facts: impl FnOnce(&Kernel) -> Vec<(BookId, Change)>) {
        if cfg!(feature = "shadow") {
            let seq = self.seq;
            let facts = facts(self).into_iter().map(|(book, change)| Fact { seq, book, change });
            let facts: Vec<Fact> = facts.collect();
            self.facts.extend(facts);
        }
    }

    fn book_id(order: &Order) -> BookId {
        BookId { instrument: order.instrument, side: order.position_side as u8 }
    }

    /// The book that holds the figures of executions which have not been received.
    fn book_ahead(&self, instrument: u32) -> BookId {
        let side = if self.is_hedged(instrument) { PositionSide::Long } else { PositionSide::Both };
        BookId { instrument, side: side as u8 }
    }

    fn entry(&self, key: ExecKey, kind: EntryKind, venue_time_ns: i64) -> Entry {
        Entry {
            key,
            place: Place { time_ns: venue_time_ns, sequence: self.seq, revision: 0 },
            kind,
            owner: None,
            order: 0,
            qty: Qty::ZERO,
            price: Price::ZERO,
            revises: None,
            reported: None,
            fee: None,
        }
    }

    /// A key for what the venue has no id of.
    fn own_key(&self, number: u64) -> ExecKey {
        key_of(Keyed::Own, number, &self.seq.to_le_bytes())
    }

    /// The key of a fill as the venue has it now: of its last correction, else its own.
    fn key_of_fill(&self, order: &Order, fill_id: &Id) -> ExecKey {
        let at = order.fills.iter().position(|fill| fill.venue_trade_id == *fill_id);
        let correction = order.extra.as_ref().zip(at).and_then(|(extra, at)| {
            extra.corrections.iter().rev().find(|one| usize::try_from(one.fill_at) == Ok(at))
        });
        let id = correction.map_or(fill_id, |one| &one.id);
        let unknown = order.is_settled_ahead() && order.qty.is_zero();
        let side = (!unknown).then_some(order.order_side);
        exec_key(order.instrument, side, id)
    }

    /// The fee of a fill, of all its parts.
    fn fee_of_fill(order: &Order, fill_id: &Id) -> Option<Fee> {
        let parts = order.fills.iter().filter(|fill| fill.venue_trade_id == *fill_id);
        parts.fold(None, |sum: Option<Fee>, fill| {
            let before = sum.filter(|sum| sum.asset == fill.fee_asset).map_or(Money::ZERO, |sum| sum.amount);
            match sum {
                Some(sum) if sum.asset != fill.fee_asset && fill.fee.is_zero() => Some(sum),
                Some(_) | None => Some(Fee { amount: before + fill.fee, asset: fill.fee_asset }),
            }
        })
    }

    /// States the fills of a venue event, once they are booked.
    #[inline(always)]
    pub(crate) fn state_fills(&mut self, place: u32, plan: &OrderPlan, event: &VenueEvent) {
        self.state_facts(|kernel| {
            let mut facts = Vec::new();
            let order = kernel.orders.at(place);
            let book = Kernel::book_id(order);
            // What is inferred is judged by the newest total: what is received since is in it.
            let inferred = order.fills.iter().find(|fill| fill.inferred).map(|fill| fill.price);
            // A repetition may be from before a bust.
            let inferred = inferred.filter(|_| plan.fill.is_some() || plan.replacement.is_some());
            let price = plan.inferred.as_ref().map(|fill| fill.price).or(inferred);
            if let Some(price) = price {
                let total = event
                    .filled_size
                    .and_then(|total| kernel.instruments.get(order.instrument as usize)?.qty(total).ok());
                let average = event
                    .average_price
                    .filter(|price| price.is_positive())
                    .and_then(|price| kernel.instruments.get(order.instrument as usize)?.mark(price).ok());
                let entry = Entry {
                    owner: owner_of(order),
                    order: order.number,
                    qty: signed(order.order_side, total.unwrap_or(order.filled)),
                    price: average.unwrap_or(price),
                    ..kernel.entry(
                        kernel.own_key(order.number),
                        EntryKind::Total { average: average.is_some() },
                        event.timestamp_ns,
                    )
                };
                facts.push((book, Change::Entry(Box::new(entry))));
            }
            let parts = [plan.replacement.as_deref(), plan.fill.as_ref()];
            let qty = parts.into_iter().flatten().fold(Qty::ZERO, |sum, fill| sum + fill.qty);
            let Some(first) = parts.into_iter().flatten().next() else { return facts };
            let id = fill_key(event);
            let key = match id.is_empty() {
                true => key_of(Keyed::Own, order.number, &[]) ^ u128::from(kernel.seq),
                false => exec_key(order.instrument, Some(order.order_side), id),
            };
            let kind = if first.forced.is_some() { EntryKind::Forced } else { EntryKind::Trade };
            let entry = Entry {
                owner: owner_of(order),
                order: order.number,
                qty: signed(order.order_side, qty),
                price: first.price,
                fee: Kernel::fee_of_fill(order, id),
                ..kernel.entry(key, kind, event.timestamp_ns)
            };
            facts.push((book, Change::Entry(Box::new(entry))));
            facts
        });
    }

    /// States that a part of what was inferred is this fill, which is booked in no other way.
    #[inline(always)]
    pub(crate) fn state_named(&mut self, place: u32, qty: Qty, price: Price, fill_id: &Id, time_ns: i64) {
        self.state_facts(|kernel| {
            let order = kernel.orders.at(place);
            let entry = Entry {
                owner: owner_of(order),
                order: order.number,
                qty: signed(order.order_side, qty),
                price,
                fee: Kernel::fee_of_fill(order, fill_id),
                ..kernel.entry(
                    exec_key(order.instrument, Some(order.order_side), fill_id),
                    EntryKind::Trade,
                    time_ns,
                )
            };
            alloc::vec![(Kernel::book_id(order), Change::Entry(Box::new(entry)))]
        });
    }

    /// States the profit that the venue reports of a fill.
    #[inline(always)]
    pub(crate) fn state_profit(&mut self, place: u32, fill_id: &Id, profit: Money) {
        self.state_facts(|kernel| {
            let order = kernel.orders.at(place);
            let book = match order.is_settled_ahead() {
                true => kernel.book_ahead(order.instrument),
                false => Kernel::book_id(order),
            };
            let key = kernel.key_of_fill(order, fill_id);
            alloc::vec![(book, Change::Figure(key, Figure::Profit(profit)))]
        });
    }

    /// States the fee of a fill: the venue's, or the prediction.
    #[inline(always)]
    pub(crate) fn state_fee(&mut self, place: u32, fill_at: usize) {
        self.state_facts(|kernel| {
            let order = kernel.orders.at(place);
            let Some(id) = order.fills.get(fill_at).map(|fill| &fill.venue_trade_id) else {
                return Vec::new();
            };
            let Some(fee) = Kernel::fee_of_fill(order, id).filter(|_| !id.is_empty()) else {
                return Vec::new();
            };
            let book = match order.is_settled_ahead() {
                true => kernel.book_ahead(order.instrument),
                false => Kernel::book_id(order),
            };
            let key = kernel.key_of_fill(order, id);
            alloc::vec![(book, Change::Figure(key, Figure::Fee(fee)))]
        });
    }

    /// States the price of a fill that was received without one.
    #[inline(always)]
    pub(crate) fn state_price(&mut self, place: u32, fill_id: &Id, price: Price) {
        self.state_facts(|kernel| {
            let order = kernel.orders.at(place);
            let key = kernel.key_of_fill(order, fill_id);
            alloc::vec![(Kernel::book_id(order), Change::Figure(key, Figure::Price(price)))]
        });
    }

    /// States the figures of a fill that has not been received.
    #[inline(always)]
    pub(crate) fn state_ahead(&mut self, place: u32) {
        self.state_facts(|kernel| {
            let order = kernel.orders.at(place);
            let Some(fill) = order.fills.first() else { return Vec::new() };
            let key = kernel.key_of_fill(order, &fill.venue_trade_id);
            let book = kernel.book_ahead(order.instrument);
            let profit = fill.profit_told.then_some(Figure::Profit(fill.realized));
            let fee = Figure::Fee(Fee { amount: fill.fee, asset: fill.fee_asset });
            let fee = (!fill.fee_predicted).then_some(fee);
            profit.into_iter().chain(fee).map(|figure| (book, Change::Figure(key, figure))).collect()
        });
    }

    /// States that the figures of a fill which had not been received are taken back.
    #[inline(always)]
    pub(crate) fn state_withdrawn(&mut self, instrument: u32, side: OrderSide, fill_id: &Id) {
        self.state_facts(|kernel| {
            let book = kernel.book_ahead(instrument);
            let keys = [None, Some(side)].map(|side| exec_key(instrument, side, fill_id));
            keys.into_iter().map(|key| (book, Change::Withdrawn(key))).collect()
        });
    }

    /// Returns the key of a fill before a revision, with the feature `shadow`.
    pub(crate) fn key_before(&self, place: u32, fill_id: &Id) -> ExecKey {
        if cfg!(feature = "shadow") { self.key_of_fill(self.orders.at(place), fill_id) } else { 0 }
    }

    /// States a bust, or a correction where a quantity is left, of a fill. `before` is its key until then.
    #[inline(always)]
    pub(crate) fn state_revision(
        &mut self,
        place: u32,
        fill_id: &Id,
        own_id: &Id,
        before: ExecKey,
        time_ns: i64,
    ) {
        self.state_facts(|kernel| {
            let order = kernel.orders.at(place);
            let book = Kernel::book_id(order);
            let undo = key_of(Keyed::Undo, kernel.seq, &before.to_le_bytes());
            let entry = Entry { revises: Some(before), ..kernel.entry(undo, EntryKind::Undo, time_ns) };
            let mut facts = alloc::vec![(book, Change::Entry(Box::new(entry)))];
            let parts = order.fills.iter().filter(|fill| fill.venue_trade_id == *fill_id);
            let qty = parts.clone().fold(Qty::ZERO, |sum, fill| sum + fill.qty);
            if let (Some(first), false) = (parts.clone().next(), qty.is_zero()) {
                let entry = Entry {
                    owner: owner_of(order),
                    order: order.number,
                    qty: signed(order.order_side, qty),
                    price: first.price,
                    revises: Some(undo),
                    fee: Kernel::fee_of_fill(order, fill_id),
                    ..kernel.entry(
                        exec_key(order.instrument, Some(order.order_side), own_id),
                        EntryKind::Trade,
                        time_ns,
                    )
                };
                facts.push((book, Change::Entry(Box::new(entry))));
            }
            facts
        });
    }

    /// States that the fills of an external order are of one of ours.
    #[inline(always)]
    pub(crate) fn state_adopted(&mut self, place: u32, stray: u32) {
        self.state_facts(|kernel| {
            let (order, stray) = (kernel.orders.at(place), kernel.orders.at(stray));
            let book = Kernel::book_id(stray);
            let mut facts = Vec::new();
            for fill in stray.fills.iter().filter(|fill| !fill.forced && !fill.venue_trade_id.is_empty()) {
                let key = kernel.key_of_fill(stray, &fill.venue_trade_id);
                facts.push((book, Change::Figure(key, Figure::Owner(owner_of(order)))));
                facts.push((book, Change::Figure(key, Figure::Order(order.number))));
            }
            facts
        });
    }

    /// States that an order's fills are of a trade from here on.
    #[inline(always)]
    pub(crate) fn state_taken(&mut self, place: u32) {
        self.state_facts(|kernel| {
            let order = kernel.orders.at(place);
            let book = Kernel::book_id(order);
            let owner = Figure::Owner(owner_of(order));
            let keys = order.fills.iter().map(|fill| kernel.key_of_fill(order, &fill.venue_trade_id));
            keys.map(|key| (book, Change::Figure(key, owner))).collect()
        });
    }

    fn part_of(&self, slot_id: u32) -> Option<(BookId, Owner)> {
        let slot = self.slots.get(slot_id as usize).filter(|slot| slot.trade_number > 0)?;
        let side = position_side(self.is_hedged(slot.instrument), slot.side) as u8;
        let book = BookId { instrument: slot.instrument, side };
        let long = slot.side == TradeSide::Long;
        let bot = bot_of(&slot.owner);
        Some((book, Owner { slot_id, trade_number: slot.trade_number, long, bot }))
    }

    /// States that a slot's position goes to the unassigned book, at its cost.
    #[inline(always)]
    pub(crate) fn state_left(&mut self, slot_id: u32) {
        self.state_facts(|kernel| {
            let Some((book, owner)) = kernel.part_of(slot_id) else { return Vec::new() };
            let key = kernel.own_key(u64::from(slot_id));
            let entry = Entry { owner: Some(owner), ..kernel.entry(key, EntryKind::Move(None), 0) };
            alloc::vec![(book, Change::Entry(Box::new(entry)))]
        });
    }

    /// States that a slot's position is another one from here on. `value` is what leaves it.
    #[inline(always)]
    pub(crate) fn state_set(&mut self, slot_id: u32, after: Basis, value: Money) {
        self.state_facts(|kernel| {
            let Some((book, owner)) = kernel.part_of(slot_id) else { return Vec::new() };
            let key = kernel.own_key(u64::from(slot_id));
            let kind = EntryKind::Set { cost: after.cost, value };
            let entry = Entry { owner: Some(owner), qty: after.qty, ..kernel.entry(key, kind, 0) };
            alloc::vec![(book, Change::Entry(Box::new(entry)))]
        });
    }

    /// States that a slot is given to another trade.
    #[inline(always)]
    pub(crate) fn state_end(&mut self, slot_id: u32) {
        self.state_facts(|kernel| {
            let Some((book, owner)) = kernel.part_of(slot_id) else { return Vec::new() };
            let key = kernel.own_key(u64::from(slot_id) | 1 << 40);
            let entry = Entry { owner: Some(owner), ..kernel.entry(key, EntryKind::End, 0) };
            alloc::vec![(book, Change::Entry(Box::new(entry)))]
        });
    }
}
