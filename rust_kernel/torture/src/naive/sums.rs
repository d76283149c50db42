//! What all trades come to, added up from the first to the last.

use std::collections::BTreeMap;

use dita_kernel::names::Product;

use super::money::signed_worth;
use super::trades::{Fee, Trade};
use super::{Asset, Naive};

/// Money of an asset, as far as it can be said.
#[derive(Clone, Default, Debug)]
pub(super) struct Amount {
    pub(super) amount: i128,
    /// True where a part of it nobody has told yet.
    pub(super) open: bool,
}

/// The sums.
#[derive(Clone, Default, Debug)]
pub(super) struct Sums {
    /// By instrument and side.
    pub(super) positions: BTreeMap<(usize, usize), i128>,
    pub(super) fees: BTreeMap<Asset, Amount>,
    /// Spot: what was paid and received.
    pub(super) flows: BTreeMap<Asset, Amount>,
    /// Perpetuals: profits, each as it was told or as it follows from the average cost.
    pub(super) profits: BTreeMap<Asset, Amount>,
    /// Perpetuals: what all that was traded was worth, signed as a cost.
    pub(super) values: BTreeMap<Asset, Amount>,
    /// Profits that were told ahead of their trades.
    pub(super) ahead: BTreeMap<Asset, i128>,
    /// How many trades there were: each was rounded a few times.
    pub(super) trades: BTreeMap<Asset, i128>,
    /// Fees of what each slot carries.
    pub(super) slot_fees: BTreeMap<u32, Amount>,
    /// What was held at a funding boundary, by instrument, side and boundary: added up when it is first asked for.
    pub(super) held: BTreeMap<(usize, usize, i64), i128>,
}

impl Naive {
    pub(super) fn add_up(&self) -> Sums {
        let mut sums = Sums::default();
        for trade in &self.trades {
            self.add_trade(&mut sums, trade);
        }
        for ahead in &self.ahead {
            let settle = self.listed[ahead.instrument].settle;
            if let Some((asset, fee)) = &ahead.fee {
                sums.fees.entry(*asset).or_default().amount += fee;
            }
            if let Some(profit) = ahead.profit {
                *sums.ahead.entry(settle).or_default() += profit;
                sums.profits.entry(settle).or_default().amount += profit;
            }
        }
        for ((instrument, _), book) in &self.books {
            let settle = self.listed[*instrument].settle;
            sums.profits.entry(settle).or_default().open |= book.blurred;
        }
        sums
    }

    fn add_trade(&self, sums: &mut Sums, trade: &Trade) {
        let spec = &self.instruments[trade.instrument];
        let super::Listed { settle, base } = self.listed[trade.instrument];
        let signed = if trade.buys { trade.lots } else { -trade.lots };
        *sums.positions.entry((trade.instrument, trade.book)).or_default() += signed;
        *sums.trades.entry(settle).or_default() += 1;
        let value = trade.price.map(|price| signed_worth(spec, trade.buys, trade.lots, price));
        let is_open = trade.lots != 0 && (value.is_none() || trade.id.is_empty());
        if spec.product == Product::Spot {
            let quote = sums.flows.entry(settle).or_default();
            quote.amount -= value.unwrap_or(0);
            quote.open |= is_open;
            sums.flows.entry(base).or_default().amount += signed * 1_000_000;
        } else {
            let whole = sums.values.entry(settle).or_default();
            whole.amount += value.unwrap_or(0);
            whole.open |= is_open;
            let profit = sums.profits.entry(settle).or_default();
            profit.amount += trade.told_profit.unwrap_or(trade.own_profit);
        }
        let (amount, open) = match &trade.fee {
            Fee::Told(_, amount) | Fee::Guess(_, amount) => (*amount, false),
            Fee::Unsure(_) => (0, true),
        };
        let fees = sums.fees.entry(trade.fee.asset()).or_default();
        fees.amount += amount;
        fees.open |= open;
        if let Some(slot) = trade.slot.filter(|_| self.is_carried(trade))
            && trade.fee.asset() == settle
        {
            let fees = sums.slot_fees.entry(slot).or_default();
            fees.amount += amount;
            fees.open |= open;
        }
        if spec.product == Product::Spot && trade.fee.asset() == base {
            // What is charged in the asset itself is gone from the position; part of the smallest unit counts whole.
            let unit = 10_i128.pow(10);
            let gone = amount.div_euclid(unit) + i128::from(amount.rem_euclid(unit) != 0);
            let position = sums.positions.entry((trade.instrument, trade.book)).or_default();
            *position -= gone * 10_000;
        }
    }
}
