//! What a venue bounds of orders beside their grid and minimums, loaded: the largest order without a limit, prices
//! about the mark, how many may be open.

use crate::input::OrderBounds;
use crate::instrument::{Instrument, SpecError};
use crate::names::{OrderSide, OrderType};
use crate::num::{Decimal, MONEY_SCALE, Price, Qty, Rounding, divide, multiply_divide};

const ONE: i128 = 1_000_000_000_000_000_000;
/// An exit above the venue's largest order leaves in so many parts at most; what goes beyond them stays open.
pub const PARTS_MAX: usize = 64;
/// Of the orders that a venue lets be open, one in so many is kept for exits and stops: entries are refused before.
const RESERVE_PARTS: u32 = 5;

/// [`OrderBounds`] at an instrument's scales.
#[derive(Clone, PartialEq, Debug)]
pub struct Bounds {
    /// Largest order without a limit, in whole lots.
    pub market_max: Option<Qty>,
    /// Lowest limit of a sell and highest of a buy, as multiples of the mark at 1e-18.
    band: Option<(i128, i128)>,
    /// Orders that may be open.
    pub open_orders: Option<u32>,
    /// Conditional ones that may be open.
    pub open_stops: Option<u32>,
}

impl Bounds {
    /// Loads them.
    ///
    /// # Errors
    /// [`SpecError`] names the field that cannot be.
    pub(crate) fn load(given: &OrderBounds, rules: &Instrument) -> Result<Bounds, SpecError> {
        Ok(Bounds {
            market_max: given.market_max_qty.map(|most| market_max(most, rules)).transpose()?,
            band: given.price_band.map(|band| band_of(band.low, band.high)).transpose()?,
            open_orders: at_least_one(given.max_open_orders, "max_open_orders")?,
            open_stops: at_least_one(given.max_open_stops, "max_open_stops")?,
        })
    }

    /// The worst limit that the venue takes of a side, on the tick grid: a buy's highest, a sell's lowest. `None` where
    /// it has no band, or there is no such price.
    pub fn worst_limit(&self, rules: &Instrument, side: OrderSide, mark: Price) -> Option<Price> {
        let (low, high) = self.band?;
        let (factor, rounding) = match side {
            OrderSide::Buy => (high, Rounding::Floor),
            OrderSide::Sell => (low, Rounding::Ceiling),
        };
        let price = Price(multiply_divide(mark.0, factor, ONE, rounding)?);
        rules.limit_price(rules.price_decimal(price), side).ok()
    }
}

/// True where a limit is worse than the worst one of its side.
pub(crate) fn is_beyond(side: OrderSide, limit: Price, worst: Price) -> bool {
    match side {
        OrderSide::Buy => limit > worst,
        OrderSide::Sell => limit < worst,
    }
}

/// How many of `most` open orders entries may take.
pub(crate) const fn for_entries(most: u32) -> u32 {
    most.saturating_sub(most / RESERVE_PARTS)
}

fn market_max(most: Decimal, rules: &Instrument) -> Result<Qty, SpecError> {
    let refuse = |why| SpecError { field: "market_max_qty", why };
    let most = rules.qty_rounded(most, Rounding::Floor).map_err(|_| refuse("is too large"))?;
    if most.0 <= 0 { Err(refuse("must be at least one lot")) } else { Ok(most) }
}

fn band_of(low: Decimal, high: Decimal) -> Result<(i128, i128), SpecError> {
    let at_scale = |value: Decimal| value.at_scale(MONEY_SCALE).ok().filter(|mantissa| *mantissa >= 0);
    let band = at_scale(low).zip(at_scale(high)).filter(|(low, high)| *low <= ONE && *high >= ONE);
    let why = "must be two multiples of the mark, from 0 to 1 and from 1 on";
    band.ok_or(SpecError { field: "price_band", why })
}

fn at_least_one(most: Option<u32>, field: &'static str) -> Result<Option<u32>, SpecError> {
    if most == Some(0) { Err(SpecError { field, why: "must be at least 1" }) } else { Ok(most) }
}

/// The sizes of an exit's orders, each at most `largest` and none under `least` where the whole is not; at most
/// [`PARTS_MAX`] of them. Together they are the whole, as far as those go.
pub(crate) fn parts(whole: Qty, largest: Qty, least: Qty) -> impl Iterator<Item = Qty> {
    let count = divide(whole.0, largest.0, Rounding::Ceiling).unwrap_or(0);
    let count = usize::try_from(count).unwrap_or(PARTS_MAX).min(PARTS_MAX);
    let mut left = whole;
    (1..=count).map(move |at| {
        let mut part = if left < largest { left } else { largest };
        let rest = left - part;
        // What would be too small for the last one comes from the one before it.
        if at < count && rest < least && part + rest >= least + least {
            part -= least - rest;
        }
        left -= part;
        part
    })
}

impl Instrument {
    /// The largest order of a type; `None` where the venue states none.
    #[inline]
    pub fn largest(&self, order_type: OrderType) -> Option<Qty> {
        let market = self.market_max(order_type);
        match (self.max_qty, market) {
            (Some(one), Some(other)) => Some(if one < other { one } else { other }),
            (one, other) => one.or(other),
        }
    }

    /// The largest order of a type without a limit; `None` of others, and where the venue states none.
    #[inline]
    pub(crate) fn market_max(&self, order_type: OrderType) -> Option<Qty> {
        self.bounds.as_ref().and_then(|bounds| bounds.market_max).filter(|_| !order_type.has_limit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    #[rustfmt::skip]
    fn parts_are_the_whole_and_none_is_too_large_or_too_small() {
        for (whole, largest, least, expected) in [
            (10,    10, 1, &[10][..]),
            (11,    10, 1, &[10, 1][..]),
            (30,    10, 1, &[10, 10, 10][..]),
            (203,  100, 5, &[100, 98, 5][..]),
            (12,    10, 5, &[7, 5][..]),
            (11,    10, 9, &[10, 1][..]), // no two orders of nine each
            (0,     10, 1, &[][..]),
        ] {
            let sizes: Vec<i128> = parts(Qty(whole), Qty(largest), Qty(least)).map(|part| part.0).collect();
            assert_eq!(sizes, expected, "{whole} by {largest}");
        }
    }

    #[test]
    fn an_exit_has_so_many_parts_at_most() {
        assert_eq!(parts(Qty(1_000_000), Qty(1), Qty(1)).count(), PARTS_MAX);
        assert_eq!(parts(Qty(i128::MAX), Qty(1), Qty(1)).count(), PARTS_MAX);
    }

    #[test]
    fn a_fifth_of_the_open_orders_is_kept_for_exits() {
        assert_eq!([1, 4, 5, 10, 200].map(for_entries), [1, 4, 4, 8, 160]);
    }
}
