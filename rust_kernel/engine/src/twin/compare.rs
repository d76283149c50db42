//! Two sides beside each other: each difference of their results as rows of exact amounts.
//!
//! Of a trade that both sides have the order is: quantity missed or extra, price, fee, funding, rounding. A quantity that one
//! side alone has is valued at the mark at which what is open is valued; of a trade that is flat on both sides the mark cancels
//! out of the sum. What as much of both sides cost is the price's row. What the fills do not explain of the profit is rounding
//! as far as the venue's unit allows, and `Other` beyond that: a liquidation, a correction, an operator's override.

use std::collections::{BTreeMap, BTreeSet};

use dita_kernel::id::Id;
use dita_kernel::instrument::Instrument;
use dita_kernel::names::Liquidity;
use dita_kernel::num::{Decimal, Money, Price, Qty};

use super::matching::{Leg, Part, match_leg};
use super::side::{Side, SideFill, SideTrade, unit_of};

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RowKind {
    /// A trade that the twin lacks, with its whole result.
    OnlyLive,
    /// A trade that the live side lacks, with its whole result.
    OnlyTwin,
    /// Quantity that was missed, or is extra.
    Fill,
    /// The same quantity at another price.
    Price,
    /// The same quantity at another time: no amount.
    Time,
    /// Fees.
    Fee,
    /// Funding.
    Funding,
    /// Roundings at the venue.
    Rounding,
    /// What no fill explains.
    Other,
    /// What belongs to no trade, and is more than a rounding.
    Unassigned,
}

impl RowKind {
    /// Every kind, in the order of attribution.
    pub const ALL: [RowKind; 10] = [
        RowKind::OnlyLive,
        RowKind::OnlyTwin,
        RowKind::Fill,
        RowKind::Price,
        RowKind::Time,
        RowKind::Fee,
        RowKind::Funding,
        RowKind::Rounding,
        RowKind::Other,
        RowKind::Unassigned,
    ];

    /// Its public name.
    pub const fn name(self) -> &'static str {
        match self {
            RowKind::OnlyLive => "only live",
            RowKind::OnlyTwin => "only twin",
            RowKind::Fill => "fill",
            RowKind::Price => "price",
            RowKind::Time => "time",
            RowKind::Fee => "fee",
            RowKind::Funding => "funding",
            RowKind::Rounding => "rounding",
            RowKind::Other => "other",
            RowKind::Unassigned => "unassigned",
        }
    }
}

/// One row.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is about.
    pub kind: RowKind,
    /// The trade; empty for what is nobody's.
    pub trade_id: Id,
    /// The instrument; empty for what is nobody's.
    pub symbol: Id,
    /// In what the amount is.
    pub asset: Id,
    /// When the trade began on the side that has it, or on the live one, ns.
    pub begin_ns: i64,
    /// FILL, PRICE, TIME: whether of the entries; else of the exits.
    pub enters: Option<bool>,
    /// FILL: by how much live traded more (+) or less (−); PRICE and TIME: how much was traded on both sides.
    pub qty: Option<Decimal>,
    /// PRICE: the average price, live and of the twin.
    pub prices: Option<(Decimal, Decimal)>,
    /// TIME: how much later live was, ns, on the average of the quantity.
    pub later_ns: Option<i64>,
    /// Live less twin; `None` for TIME.
    pub amount: Option<Money>,
}

/// Sums for the numbers that a backtest assumes. None of them is a fit: each is a quotient, or a median.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Estimates {
    /// From an order's sending to the venue's first word of it, ns, ascending.
    pub answer_ns: Vec<i64>,
    /// What takers paid more than the twin's, + worse; and what the twin's were worth: by asset.
    pub slippage: BTreeMap<Id, (Money, Money)>,
    /// How many pairs of fills that took liquidity on both sides, for the same intent.
    pub taken: u64,
    /// What the twin's makers were worth that live lacks; and all of them: by asset.
    pub queue: BTreeMap<Id, (Money, Money)>,
    /// How many of the twin's fills made liquidity.
    pub made: u64,
}

/// What came out.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// By trade and kind, in the order of the trades' beginnings.
    pub rows: Vec<Row>,
    /// What each side came to, by asset: live, and the twin.
    pub results: BTreeMap<Id, [Money; 2]>,
    /// How many trades live has, the twin has, and both have.
    pub trades: [u64; 3],
    /// Sums for what a backtest assumes.
    pub estimates: Estimates,
}

/// Puts two sides beside each other. The twin's has to be read at the live side's marks.
pub fn compare(live: &Side, twin: &Side) -> Comparison {
    let mut found = Comparison {
        rows: Vec::new(),
        results: BTreeMap::new(),
        trades: [0; 3],
        estimates: Estimates { answer_ns: live.answer_ns.clone(), ..Estimates::default() },
    };
    found.estimates.answer_ns.sort_unstable();
    let ids: BTreeSet<&Id> = live.trades.keys().chain(twin.trades.keys()).collect();
    let mut of_trades: BTreeMap<Id, Money> = BTreeMap::new();
    for trade_id in ids {
        let sides = [live, twin].map(|side| side.trades.get(trade_id).filter(|trade| is_traded(trade)));
        let first = found.rows.len();
        match sides {
            [Some(one), Some(other)] if one.symbol == other.symbol => {
                found.trades = [found.trades[0] + 1, found.trades[1] + 1, found.trades[2] + 1];
                compare_trades(&mut found, (live, trade_id), one, other);
            }
            [one, other] => {
                for (trade, kind, at) in [(one, RowKind::OnlyLive, 0), (other, RowKind::OnlyTwin, 1)] {
                    let Some(trade) = trade else { continue };
                    found.trades[at] += 1;
                    let amount = if at == 0 { trade.net() } else { -trade.net() };
                    let qty = trade.fills.iter().filter(|fill| fill.enters);
                    let qty = qty.fold(Qty::ZERO, |sum, fill| sum + fill.qty.abs());
                    let rules = [live, twin][at].rules.get(&trade.symbol);
                    let qty = rules.map(|rules| rules.qty_decimal(qty));
                    found.rows.push(Row { qty, amount: Some(amount), ..blank(kind, trade_id, trade) });
                }
                if let Some(other) = other
                    && let Some(rules) = twin.rules.get(&other.symbol)
                {
                    // Of a trade that live lacks every maker was missed.
                    let fills: Vec<&SideFill> = other.fills.iter().collect();
                    let makers = fills.iter().filter(|fill| fill.liquidity == Liquidity::Maker);
                    let missed = makers
                        .fold(Money::ZERO, |sum, fill| sum + value_of(rules, fill.price, fill.qty.abs()));
                    add_makers(&mut found.estimates, rules, &other.asset, &fills, missed);
                }
            }
        }
        for row in &found.rows[first..] {
            *of_trades.entry(row.asset.clone()).or_default() += row.amount.unwrap_or_default();
        }
    }
    found.rows.sort_by(|one, other| {
        (one.begin_ns, &one.trade_id, one.kind).cmp(&(other.begin_ns, &other.trade_id, other.kind))
    });
    add_results(&mut found, live, twin, &of_trades);
    found
}

/// The results, and what of their difference belongs to no trade: each side's own.
fn add_results(found: &mut Comparison, live: &Side, twin: &Side, of_trades: &BTreeMap<Id, Money>) {
    let assets: BTreeSet<&Id> = live.results.keys().chain(twin.results.keys()).collect();
    for asset in assets {
        let [one, other] = [live, twin].map(|side| side.results.get(asset).copied().unwrap_or_default());
        found.results.insert(asset.clone(), [one, other]);
        let amount = unassigned(live, asset) - unassigned(twin, asset);
        debug_assert_eq!(
            amount + of_trades.get(asset).copied().unwrap_or_default(),
            one - other,
            "the rows come to the difference"
        );
        if !amount.is_zero() {
            // What a venue rounds of several positions together is no trade's.
            let booked = i128::from(live.booked) + i128::from(twin.booked);
            let bound = Money(coarsest(live, asset).0.saturating_mul(booked));
            let kind = if amount.abs() <= bound { RowKind::Rounding } else { RowKind::Unassigned };
            found.rows.push(Row {
                kind,
                trade_id: Id::EMPTY,
                symbol: Id::EMPTY,
                asset: asset.clone(),
                begin_ns: 0,
                enters: None,
                qty: None,
                prices: None,
                later_ns: None,
                amount: Some(amount),
            });
        }
    }
}

/// The largest unit of the instruments that settle in an asset.
fn coarsest(side: &Side, asset: &Id) -> Money {
    let own = side.rules.values().filter(|rules| rules.spec.settle == *asset);
    own.map(|rules| unit_of(&rules.spec)).max().unwrap_or_default()
}

/// What of a side's result belongs to no trade that was traded.
fn unassigned(side: &Side, asset: &Id) -> Money {
    let traded = side.trades.values().filter(|trade| trade.asset == *asset && is_traded(trade));
    let sum = traded.fold(Money::ZERO, |sum, trade| sum + trade.net());
    side.results.get(asset).copied().unwrap_or_default() - sum
}

/// True for a trade that came to something: entries that never filled are none.
fn is_traded(trade: &SideTrade) -> bool {
    !(trade.fills.is_empty() && trade.net().is_zero())
}

fn blank(kind: RowKind, trade_id: &Id, trade: &SideTrade) -> Row {
    Row {
        kind,
        trade_id: trade_id.clone(),
        symbol: trade.symbol.clone(),
        asset: trade.asset.clone(),
        begin_ns: trade.begin_ns,
        enters: None,
        qty: None,
        prices: None,
        later_ns: None,
        amount: None,
    }
}

fn compare_trades(
    found: &mut Comparison,
    (side, trade_id): (&Side, &Id),
    live: &SideTrade,
    twin: &SideTrade,
) {
    let Some(rules) = side.rules.get(&live.symbol) else { return };
    let last = live.fills.last().or(twin.fills.last()).map(|fill| fill.price);
    let mark = side.marks.get(&live.symbol).and_then(|mark| rules.mark(*mark).ok()).or(last);
    let mut explained = Money::ZERO;
    for enters in [true, false] {
        let one: Vec<&SideFill> = live.fills.iter().filter(|fill| fill.enters == enters).collect();
        let other: Vec<&SideFill> = twin.fills.iter().filter(|fill| fill.enters == enters).collect();
        let leg = match_leg(&one, &other);
        learn(&mut found.estimates, rules, &live.asset, &leg, &other);
        for (kind, figures) in rows_of(&leg, rules, mark) {
            explained += figures.amount.unwrap_or_default();
            found.rows.push(Row { enters: Some(enters), ..figures.placed(kind, trade_id, live) });
        }
    }
    let plain = |kind, amount: Money| Row { amount: Some(amount), ..blank(kind, trade_id, live) };
    let left = live.profit - twin.profit - explained;
    let count = i128::try_from(live.fills.len() + twin.fills.len()).unwrap_or(i128::MAX);
    let bound = Money(unit_of(&rules.spec).0.saturating_mul(count));
    let rest = if left.abs() <= bound { RowKind::Rounding } else { RowKind::Other };
    for (kind, amount) in
        [(RowKind::Fee, twin.fees - live.fees), (RowKind::Funding, live.funding - twin.funding), (rest, left)]
    {
        if !amount.is_zero() {
            found.rows.push(plain(kind, amount));
        }
    }
}

/// A leg's figures without their trade.
#[derive(Default)]
struct Figures {
    qty: Option<Decimal>,
    prices: Option<(Decimal, Decimal)>,
    later_ns: Option<i64>,
    amount: Option<Money>,
}

impl Figures {
    fn placed(self, kind: RowKind, trade_id: &Id, trade: &SideTrade) -> Row {
        let Figures { qty, prices, later_ns, amount } = self;
        Row { qty, prices, later_ns, amount, ..blank(kind, trade_id, trade) }
    }
}

/// A leg's rows: those that say something.
fn rows_of(leg: &Leg<'_>, rules: &Instrument, mark: Option<Price>) -> Vec<(RowKind, Figures)> {
    let mut rows = Vec::new();
    let gain = |part: &Part<'_>| {
        let Some(mark) = mark else { return Money::ZERO };
        basis_of(rules, mark, part.signed()) - basis_of(rules, part.price(), part.signed())
    };
    let sum = |parts: &[Part<'_>]| parts.iter().fold(Money::ZERO, |sum, part| sum + gain(part));
    let size = |parts: &[Part<'_>]| parts.iter().fold(Qty::ZERO, |sum, part| sum + part.qty);
    let missed = size(&leg.extra) - size(&leg.missed);
    if !leg.extra.is_empty() || !leg.missed.is_empty() {
        let amount = Some(sum(&leg.extra) - sum(&leg.missed));
        let qty = Some(rules.qty_decimal(missed));
        rows.push((RowKind::Fill, Figures { qty, amount, ..Figures::default() }));
    }
    if leg.pairs.is_empty() {
        return rows;
    }
    let (mut cost, mut qty, mut later) = ([Money::ZERO; 2], Qty::ZERO, 0_i128);
    let mut worth = [Money::ZERO; 2];
    for pair in &leg.pairs {
        for (at, part) in [pair.live, pair.twin].iter().enumerate() {
            cost[at] += basis_of(rules, part.price(), part.signed());
            worth[at] += basis_of(rules, part.price(), part.qty);
        }
        qty += pair.live.qty;
        let later_ns = pair.live.fill.time_ns.saturating_sub(pair.twin.fill.time_ns);
        later = later.saturating_add(i128::from(later_ns).saturating_mul(pair.live.qty.0));
    }
    let amount = cost[1] - cost[0];
    let size = Some(rules.qty_decimal(qty));
    if !amount.is_zero() {
        let average = |cost| rules.average_price(cost, qty).map(|price| rules.price_decimal(price));
        let prices = average(worth[0]).zip(average(worth[1]));
        rows.push((RowKind::Price, Figures { qty: size, prices, later_ns: None, amount: Some(amount) }));
    }
    let later_ns =
        later.checked_div(qty.0).and_then(|mean| i64::try_from(mean).ok()).filter(|mean| *mean != 0);
    if later_ns.is_some() {
        rows.push((RowKind::Time, Figures { qty: size, later_ns, ..Figures::default() }));
    }
    rows
}

/// Learns from a leg what a backtest assumes.
fn learn(estimates: &mut Estimates, rules: &Instrument, asset: &Id, leg: &Leg<'_>, twin: &[&SideFill]) {
    for pair in leg.pairs.iter().filter(|pair| pair.same_intent) {
        let [one, other] = [pair.live, pair.twin];
        if one.fill.liquidity != Liquidity::Taker || other.fill.liquidity != Liquidity::Taker {
            continue;
        }
        estimates.taken += 1;
        let (paid, worth) = estimates.slippage.entry(asset.clone()).or_default();
        let values = [one, other].map(|part| value_of(rules, part.price(), part.qty));
        // A buy that cost more is worse, and so is a sale that brought less; an inverse contract's value runs the other way.
        let worse = (one.fill.qty.signum() > 0) != rules.spec.inverse;
        *paid += if worse { values[0] - values[1] } else { values[1] - values[0] };
        *worth += values[1];
    }
    let unmade = leg.unmade.iter().map(|part| value_of(rules, part.price(), part.qty));
    let unmade = unmade.fold(Money::ZERO, |sum, value| sum + value);
    add_makers(estimates, rules, asset, twin, unmade);
}

/// Counts the twin's fills that made liquidity, and what of their worth live lacks.
fn add_makers(estimates: &mut Estimates, rules: &Instrument, asset: &Id, twin: &[&SideFill], missed: Money) {
    let (lacking, all) = estimates.queue.entry(asset.clone()).or_default();
    *lacking += missed;
    for fill in twin.iter().filter(|fill| fill.liquidity == Liquidity::Maker) {
        *all += value_of(rules, fill.price, fill.qty.abs());
        estimates.made += 1;
    }
}

fn value_of(rules: &Instrument, price: Price, qty: Qty) -> Money {
    rules.value(price, qty).unwrap_or_default()
}

fn basis_of(rules: &Instrument, price: Price, qty: Qty) -> Money {
    rules.basis_value(price, qty).unwrap_or_default()
}
