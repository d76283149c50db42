//! Writes down what a run comes to while it runs. Memory grows with the trades, not with the files.

use std::collections::HashMap;

use dita_engine::TransitionRecord;
use dita_kernel::id::Id;
use dita_kernel::input::VenueEvent;
use dita_kernel::names::{KernelEventKind, Liquidity, OrderSide, TradeSide, TradeStage};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, multiply_divide, pow10, product};
use dita_kernel::slot::table::Symbol;

use crate::numbers::sum;

/// How an order ends without a fill.
const ENDS: [(KernelEventKind, &str); 3] = [
    (KernelEventKind::OrderReject, "rejected"),
    (KernelEventKind::CancelAck, "canceled"),
    (KernelEventKind::Expired, "expired"),
];

/// What a slot says of its trade.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The trade.
    pub trade_id: &'a Id,
    /// Whose it is.
    pub owner: &'a Id,
    /// The instrument.
    pub asset: &'a Id,
    /// Long or short.
    pub side: TradeSide,
    /// What is open.
    pub size: Decimal,
    /// The average price of what is open.
    pub entry_price: Option<Decimal>,
    /// When it was first filled, ns.
    pub entry_time_ns: Option<i64>,
    /// Profit of prices alone.
    pub realized: Money,
    /// What was paid.
    pub fees: Money,
    /// What was received.
    pub funding: Money,
    /// Why it ended.
    pub close_reason: &'a Id,
}

/// A trade, with the sums that its prices are made of.
#[derive(Clone, PartialEq, Debug)]
pub struct TradeRow {
    /// From 1, in the order of entry.
    pub number: u64,
    /// Whose it is.
    pub owner: Id,
    /// The instrument.
    pub asset: Id,
    /// Long or short.
    pub side: TradeSide,
    /// Its first fill, ns.
    pub entry_time_ns: i64,
    /// When it was flat, ns; `None` while it runs.
    pub exit_time_ns: Option<i64>,
    /// Price times size of all that entered.
    pub entry_value: Money,
    /// How much that was.
    pub entry_size: Decimal,
    /// Price times size of all that left.
    pub exit_value: Money,
    /// How much that was.
    pub exit_size: Decimal,
    /// Profit of prices alone.
    pub realized: Money,
    /// What was paid.
    pub fees: Money,
    /// What was received.
    pub funding: Money,
    /// Why it ended.
    pub reason: Id,
    /// True where the bars leave open which of its orders filled first.
    pub ambiguous: bool,
}

/// An execution.
#[derive(Clone, PartialEq, Debug)]
pub struct Execution {
    /// The venue's time, ns.
    pub time_ns: i64,
    /// The instrument.
    pub asset: Id,
    /// BUY or SELL.
    pub side: Option<OrderSide>,
    /// Its price.
    pub price: Decimal,
    /// Base units or contracts.
    pub size: Decimal,
    /// What was paid, where the venue says it with the fill.
    pub fee: Option<Decimal>,
    /// Maker or taker.
    pub liquidity: Option<Liquidity>,
    /// The number of its trade.
    pub trade: u64,
}

/// Orders of a strategy that ended without a fill, in one way and for one reason.
#[derive(Clone, PartialEq, Debug)]
pub struct Unfilled {
    /// The strategy.
    pub owner: Id,
    /// The instrument.
    pub asset: Id,
    /// "rejected" or "expired".
    pub ended: &'static str,
    /// The venue's reason; empty where it gave none.
    pub reason: Box<str>,
    /// How many.
    pub count: u64,
    /// The time of the first, ns.
    pub first_ns: i64,
}

/// Counts by name, in the order in which the names came.
pub type Counts = Vec<(&'static str, u64)>;
/// Amounts by name, likewise.
pub type Amounts<N> = Vec<(N, Money)>;

/// Subscription every change of every slot.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Those that have ended, in the order of their ends.
    ended: Vec<TradeRow>,
    /// By trade id.
    open: HashMap<Box<str>, TradeRow>,
    begun: u64,
    executions: Vec<Execution>,
    orders: Counts,
    unfilled: Vec<Unfilled>,
    fees: Amounts<&'static str>,
    funding: Amounts<Id>,
    turnover: Money,
    /// A figure was larger than the kernel takes.
    overflowed: bool,
}

impl Recorder {
    /// Takes over a trade that runs already, with what was paid for it.
    pub fn begin_with(&mut self, slot: &Facts<'_>) {
        let value = match slot.entry_price {
            Some(price) => value(price, slot.size),
            None => Some(Money::ZERO),
        };
        let mut trade = self.begun_by(slot, slot.entry_time_ns.unwrap_or_default());
        trade.entry_size = slot.size;
        self.overflowed |= value.is_none();
        trade.entry_value = value.unwrap_or_default();
        self.open.insert(slot.trade_id.as_str().into(), trade);
    }

    fn begun_by(&mut self, slot: &Facts<'_>, entry_time_ns: i64) -> TradeRow {
        self.begun = self.begun.saturating_add(1);
        TradeRow {
            number: self.begun,
            owner: slot.owner.clone(),
            asset: slot.asset.clone(),
            side: slot.side,
            entry_time_ns,
            exit_time_ns: None,
            entry_value: Money::ZERO,
            entry_size: Decimal::ZERO,
            exit_value: Money::ZERO,
            exit_size: Decimal::ZERO,
            realized: Money::ZERO,
            fees: Money::ZERO,
            funding: Money::ZERO,
            reason: Id::EMPTY,
            ambiguous: false,
        }
    }

    /// Takes one change of a slot, which comes to `slot`. `event` is what the venue said, with the first of the changes
    /// that it caused.
    pub fn hear(&mut self, change: &TransitionRecord, slot: &Facts<'_>, event: Option<&VenueEvent>) {
        if matches!(change.trigger, Symbol::EntryReleased | Symbol::ExitReleased) {
            count(&mut self.orders, "placed", 1);
        }
        if let Some(event) = event {
            self.hear_event(&change.trade_id, slot, event);
        }
        if change.next_state == TradeStage::Closed
            && let Some(trade) = self.open.remove(change.trade_id.as_str())
        {
            let row = with_end(trade, slot, Some(change.timestamp_ns));
            add(&mut self.funding, &row.asset, row.funding);
            self.ended.push(row);
        }
    }

    fn hear_event(&mut self, trade_id: &Id, slot: &Facts<'_>, event: &VenueEvent) {
        if let Some((_, ended)) = ENDS.iter().find(|(kind, _)| *kind == event.kind) {
            count(&mut self.orders, ended, 1);
            if event.kind != KernelEventKind::CancelAck {
                self.add_unfilled(slot, ended, event);
            }
        }
        let is_whole = event.kind == KernelEventKind::FullFill;
        let (Some(price), Some(size)) = (event.price, event.size) else { return };
        if !is_whole && event.kind != KernelEventKind::PartialFill {
            return;
        }
        count(&mut self.orders, "filled", u64::from(is_whole));
        let Some(value) = value(price, size) else {
            self.overflowed = true;
            return;
        };
        self.turnover += value;
        if let Some(fee) = event.fee {
            match Money::from_decimal(fee) {
                Ok(fee) => add(&mut self.fees, &cause_of(event.liquidity), fee),
                Err(_) => self.overflowed = true,
            }
        }
        if !self.open.contains_key(trade_id.as_str()) {
            let trade = self.begun_by(slot, event.timestamp_ns);
            self.open.insert(trade_id.as_str().into(), trade);
        }
        let Some(trade) = self.open.get_mut(trade_id.as_str()) else { return };
        self.executions.push(Execution {
            time_ns: event.timestamp_ns,
            asset: slot.asset.clone(),
            side: event.order_side,
            price,
            size,
            fee: event.fee,
            liquidity: event.liquidity,
            trade: trade.number,
        });
        let enters = (event.order_side == Some(OrderSide::Buy)) == (trade.side == TradeSide::Long);
        let (values, sizes) = match enters {
            true => (&mut trade.entry_value, &mut trade.entry_size),
            false => (&mut trade.exit_value, &mut trade.exit_size),
        };
        *values += value;
        match sum(*sizes, size) {
            Some(whole) => *sizes = whole,
            None => self.overflowed = true,
        }
    }

    fn add_unfilled(&mut self, slot: &Facts<'_>, ended: &'static str, event: &VenueEvent) {
        let reason = event.rare.as_ref().map_or("", |rare| &rare.reason);
        let is_it = |one: &&mut Unfilled| {
            one.ended == ended
                && *one.reason == *reason
                && one.owner == *slot.owner
                && one.asset == *slot.asset
        };
        if let Some(one) = self.unfilled.iter_mut().find(is_it) {
            one.count = one.count.saturating_add(1);
            return;
        }
        let (owner, asset, first_ns) = (slot.owner.clone(), slot.asset.clone(), event.timestamp_ns);
        self.unfilled.push(Unfilled { owner, asset, ended, reason: reason.into(), count: 1, first_ns });
    }

    /// Says that bars leave open which of a trade's orders fills first.
    pub fn mark_ambiguous(&mut self, trade_id: &Id) {
        if let Some(trade) = self.open.get_mut(trade_id.as_str()) {
            trade.ambiguous = true;
        }
    }

    /// Every trade by number: those that have ended, and those that run, as these slots have them at the end.
    pub fn trades<'a>(&self, slots: impl Iterator<Item = Facts<'a>>) -> Vec<TradeRow> {
        let running = slots.filter_map(|slot| {
            self.open.get(slot.trade_id.as_str()).map(|trade| with_end(trade.clone(), &slot, None))
        });
        let mut rows: Vec<TradeRow> = self.ended.iter().cloned().chain(running).collect();
        rows.sort_by_key(|row| row.number);
        rows
    }

    /// How many trades have ended.
    pub fn ended(&self) -> usize {
        self.ended.len()
    }

    /// Every execution, in the order of the kernel.
    pub fn executions(&self) -> &[Execution] {
        &self.executions
    }

    /// The orders that were rejected or expired, by strategy, instrument and reason.
    pub fn unfilled(&self) -> &[Unfilled] {
        &self.unfilled
    }

    /// How many orders were placed, filled, rejected, canceled and expired.
    pub fn orders(&self) -> &Counts {
        &self.orders
    }

    /// What was paid, as maker and as taker.
    pub fn fees(&self) -> &Amounts<&'static str> {
        &self.fees
    }

    /// What trades have received, by instrument: those that have ended, and those that these slots run at the end.
    pub fn funding<'a>(&self, slots: impl Iterator<Item = Facts<'a>>) -> Amounts<Id> {
        let mut received = self.funding.clone();
        for slot in slots.filter(|slot| self.open.contains_key(slot.trade_id.as_str())) {
            add(&mut received, slot.asset, slot.funding);
        }
        received
    }

    /// Price times size of all fills.
    pub fn turnover(&self) -> Money {
        self.turnover
    }

    /// True where a figure was larger than the kernel takes: the sums lack it.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }
}

/// A trade as its slot has it.
fn with_end(trade: TradeRow, slot: &Facts<'_>, exit_time_ns: Option<i64>) -> TradeRow {
    let Facts { realized, fees, funding, close_reason, .. } = *slot;
    TradeRow { exit_time_ns, realized, fees, funding, reason: close_reason.clone(), ..trade }
}

fn cause_of(liquidity: Option<Liquidity>) -> &'static str {
    match liquidity {
        Some(Liquidity::Maker) => "maker",
        Some(Liquidity::Taker) => "taker",
        None => "unknown",
    }
}

/// Price times size, to the unit of money, to the nearest and to even; `None` beyond what the kernel takes.
fn value(price: Decimal, size: Decimal) -> Option<Money> {
    let scale = price.scale().saturating_add(size.scale());
    let (price, size) = (price.mantissa(), size.mantissa());
    let value = match MONEY_SCALE.checked_sub(scale) {
        Some(missing) => product(product(price, size)?, pow10(missing)?)?,
        None => multiply_divide(price, size, pow10(scale.saturating_sub(MONEY_SCALE))?, Rounding::HalfEven)?,
    };
    Some(Money(value))
}

fn count(counts: &mut Counts, name: &'static str, more: u64) {
    match counts.iter_mut().find(|(known, _)| *known == name) {
        Some((_, number)) => *number = number.saturating_add(more),
        None => counts.push((name, more)),
    }
}

fn add<N: Clone + PartialEq>(amounts: &mut Amounts<N>, name: &N, more: Money) {
    match amounts.iter_mut().find(|(known, _)| known == name) {
        Some((_, amount)) => *amount += more,
        None => amounts.push((name.clone(), more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dita_kernel::names::{KernelMode, KernelVerbosity};

    fn id(text: &str) -> Id {
        Id::new(text).unwrap_or(Id::EMPTY)
    }

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or(Decimal::ZERO)
    }

    fn change(trigger: Symbol, next_state: TradeStage, timestamp_ns: i64) -> TransitionRecord {
        TransitionRecord {
            timestamp_ns,
            seq: 1,
            slot_id: 0,
            trade_id: id("t1"),
            prev_state: TradeStage::Idle,
            next_state,
            trigger,
            rule: 0,
            intent_id: Id::EMPTY,
            event_id: Id::EMPTY,
            mode: KernelMode::Paper,
            verbosity: KernelVerbosity::Quiet,
        }
    }

    fn fill(kind: KernelEventKind, side: OrderSide, price: &str, size: &str, fee: &str) -> VenueEvent {
        VenueEvent {
            timestamp_ns: 5,
            order_side: Some(side),
            price: Some(number(price)),
            size: Some(number(size)),
            fee: Some(number(fee)),
            liquidity: Some(Liquidity::Taker),
            ..VenueEvent::new(kind, 5)
        }
    }

    #[test]
    fn a_trade_in_parts_comes_to_exact_sums_and_one_row() {
        let (trade, owner, asset, why) = (id("t1"), id("me"), id("XUSDT"), id("EXIT"));
        let slot = Facts {
            trade_id: &trade,
            owner: &owner,
            asset: &asset,
            side: TradeSide::Short,
            size: number("3"),
            entry_price: None,
            entry_time_ns: None,
            realized: Money(7),
            fees: Money(2),
            funding: Money(-1),
            close_reason: &why,
        };
        let mut recorder = Recorder::default();
        recorder.hear(&change(Symbol::EntryReleased, TradeStage::EntryWorking, 1), &slot, None);
        let stay = |at| change(Symbol::EntryPartFilled, TradeStage::PositionOpen, at);
        let part = fill(KernelEventKind::PartialFill, OrderSide::Sell, "0.1", "1", "0.01");
        recorder.hear(&stay(2), &slot, Some(&part));
        let rest = fill(KernelEventKind::FullFill, OrderSide::Sell, "0.2", "2.5", "0.02");
        recorder.hear(&stay(3), &slot, Some(&rest));
        recorder.mark_ambiguous(&trade);
        assert_eq!((recorder.ended(), recorder.trades([slot].into_iter()).len()), (0, 1), "it runs");
        let back = fill(KernelEventKind::FullFill, OrderSide::Buy, "0.3", "3.5", "0.03");
        recorder.hear(&change(Symbol::ExitLateFilledFlat, TradeStage::Closed, 9), &slot, Some(&back));
        let rows = recorder.trades(std::iter::empty());
        let [row] = &rows[..] else { panic!("{} rows", rows.len()) };
        let tenth = 100_000_000_000_000_000;
        assert_eq!((row.number, row.exit_time_ns, row.ambiguous), (1, Some(9), true));
        assert_eq!((row.entry_value, row.exit_value), (Money(6 * tenth), Money(105 * tenth / 10)));
        assert_eq!((row.entry_size, row.exit_size), (number("3.5"), number("3.5")));
        assert_eq!((row.realized, row.fees, row.funding), (Money(7), Money(2), Money(-1)));
        assert_eq!(recorder.turnover(), Money(165 * tenth / 10));
        assert_eq!(recorder.orders(), &vec![("placed", 1), ("filled", 2)]);
        assert_eq!(recorder.fees(), &vec![("taker", Money(6 * tenth / 10))]);
        assert_eq!(recorder.funding(std::iter::empty()), vec![(asset.clone(), Money(-1))]);
        assert!(!recorder.overflowed());
        let vast = fill(KernelEventKind::FullFill, OrderSide::Buy, "9e20", "9e7", "0");
        recorder.hear(&stay(10), &slot, Some(&vast));
        assert!(recorder.overflowed(), "what does not fit is told, never wrapped");
    }
}
