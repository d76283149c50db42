//! A venue's limits for one market, and the rounding of an order to them. Exact for any decimals that venues send.

use alloc::vec::Vec;
use ethnum::I256;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::input::PriceBand;
use crate::names::{OrderSide, named};
use crate::num::{Decimal, NumError, pow10};

/// What a market takes. A field is absent where the venue states none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MarketLimits {
    /// The venue's symbol.
    pub symbol: Id,
    /// Smallest price step.
    pub tick_size: Option<Decimal>,
    /// Smallest quantity step.
    pub lot_step: Option<Decimal>,
    /// Smallest quantity.
    pub min_qty: Option<Decimal>,
    /// Largest quantity.
    pub max_qty: Option<Decimal>,
    /// Smallest value, in quote units.
    pub min_notional: Option<Decimal>,
    /// Highest price.
    pub max_price: Option<Decimal>,
    /// Largest order without a price.
    pub market_max_qty: Option<Decimal>,
    /// How far from the mark a price may be.
    pub price_band: Option<PriceBand>,
    /// How many orders may be open, conditional ones among them.
    pub max_open_orders: Option<u32>,
    /// How many conditional orders may be open.
    pub max_open_stops: Option<u32>,
    /// Base units per contract (linear), quote units per contract (inverse).
    pub contract_multiplier: Decimal,
    /// True where a contract is worth a fixed amount of quote.
    pub inverse: bool,
}

named! {
    /// Why a rounded order would be refused.
    OrderReject {
        /// Nothing is left of the quantity on the lot grid.
        QtyTruncatesToZero = "QTY_TRUNCATES_TO_ZERO",
        /// Under the smallest quantity.
        BelowMinQty = "BELOW_MIN_QTY",
        /// Over the largest quantity.
        AboveMaxQty = "ABOVE_MAX_QTY",
        /// Without a price, and over the largest quantity of such orders.
        AboveMarketMaxQty = "ABOVE_MARKET_MAX_QTY",
        /// Under the smallest value.
        BelowMinNotional = "BELOW_MIN_NOTIONAL",
        /// Over the highest price.
        AboveMaxPrice = "ABOVE_MAX_PRICE",
        /// A buy too far above the mark, or a sell too far below.
        OutsidePriceBand = "OUTSIDE_PRICE_BAND",
        /// Nothing is left of the price on the tick grid.
        PriceTruncatesToZero = "PRICE_TRUNCATES_TO_ZERO",
    }
}

named! {
    /// Where a price between two ticks goes.
    PriceRounding {
        /// A buy down, a sell up: never a worse price than asked for.
        Passive = "PASSIVE",
        /// To the nearest tick, half away from zero.
        Nearest = "NEAREST",
        /// Down, whatever the side.
        Floor = "FLOOR",
    }
}

/// An order on the venue's grid, and what the venue would refuse of it.
#[derive(Clone, PartialEq, Debug)]
pub struct RoundedOrder {
    /// On the tick grid; absent for a market order.
    pub price: Option<Decimal>,
    /// On the lot grid, never more than asked for.
    pub size: Decimal,
    /// Value in quote units; absent without a price (linear).
    pub notional: Option<Decimal>,
    /// Empty where the venue takes it.
    pub rejects: Vec<OrderReject>,
}

#[derive(Clone, Copy)]
enum Grid {
    Down,
    Up,
    Nearest,
}

impl MarketLimits {
    /// Rounds an order: the size down to the lot, the price as told. A field that the venue does not state is no
    /// limit and no grid; without a mark there is no band.
    ///
    /// # Errors
    /// [`NumError`] where a result needs more than 28 digits.
    pub fn round_order(
        &self,
        side: OrderSide,
        price: Option<Decimal>,
        size: Decimal,
        rounding: PriceRounding,
        mark: Option<Decimal>,
    ) -> Result<RoundedOrder, NumError> {
        let grid = match (rounding, side) {
            (PriceRounding::Passive, OrderSide::Buy)
            | (PriceRounding::Floor, OrderSide::Buy | OrderSide::Sell) => Grid::Down,
            (PriceRounding::Passive, OrderSide::Sell) => Grid::Up,
            (PriceRounding::Nearest, OrderSide::Buy | OrderSide::Sell) => Grid::Nearest,
        };
        let price = price.map(|price| on_grid(price, self.tick_size, grid)).transpose()?;
        let size = on_grid(size, self.lot_step, Grid::Down)?;
        let notional = match (self.inverse, price) {
            (true, _) => Some(exact_product(&[size, self.contract_multiplier])?),
            (false, Some(price)) => Some(exact_product(&[price, size, self.contract_multiplier])?),
            (false, None) => None,
        };
        let mut rejects = self.rejects(price, size, notional);
        if let (Some(price), Some(mark)) = (price, mark)
            && self.is_outside_band(side, price, mark)?
            && !size.is_zero()
        {
            rejects.push(OrderReject::OutsidePriceBand);
        }
        Ok(RoundedOrder { price, size, notional, rejects })
    }

    fn is_outside_band(&self, side: OrderSide, price: Decimal, mark: Decimal) -> Result<bool, NumError> {
        let Some(PriceBand { low, high }) = self.price_band else { return Ok(false) };
        Ok(match side {
            OrderSide::Buy => less(exact_product(&[mark, high])?, price),
            OrderSide::Sell => less(price, exact_product(&[mark, low])?),
        })
    }

    fn rejects(&self, price: Option<Decimal>, size: Decimal, notional: Option<Decimal>) -> Vec<OrderReject> {
        let mut rejects = Vec::new();
        if price.is_some_and(|price| !price.is_positive()) {
            rejects.push(OrderReject::PriceTruncatesToZero);
        }
        if size.is_zero() {
            // What else is wrong follows from this.
            rejects.push(OrderReject::QtyTruncatesToZero);
            return rejects;
        }
        let below = |value: Decimal, limit: Option<Decimal>| limit.is_some_and(|limit| less(value, limit));
        let above = |value: Decimal, limit: Option<Decimal>| limit.is_some_and(|limit| less(limit, value));
        if below(size, self.min_qty) {
            rejects.push(OrderReject::BelowMinQty);
        }
        if above(size, self.max_qty) {
            rejects.push(OrderReject::AboveMaxQty);
        }
        if price.is_none() && above(size, self.market_max_qty) {
            rejects.push(OrderReject::AboveMarketMaxQty);
        }
        if notional.is_some_and(|notional| below(notional, self.min_notional)) {
            rejects.push(OrderReject::BelowMinNotional);
        }
        if price.is_some_and(|price| above(price, self.max_price)) {
            rejects.push(OrderReject::AboveMaxPrice);
        }
        rejects
    }
}

fn wide(value: Decimal, scale: u8) -> Result<I256, NumError> {
    let factor = pow10(scale.saturating_sub(value.scale())).ok_or(NumError::Overflow)?;
    // 96 bits by 94 bits at most
    I256::from(value.mantissa()).checked_mul(I256::from(factor)).ok_or(NumError::Overflow)
}

fn less(a: Decimal, b: Decimal) -> bool {
    let scale = a.scale().max(b.scale());
    matches!((wide(a, scale), wide(b, scale)), (Ok(a), Ok(b)) if a < b)
}

fn on_grid(value: Decimal, step: Option<Decimal>, grid: Grid) -> Result<Decimal, NumError> {
    let Some(step) = step.filter(|step| step.is_positive()) else { return Ok(value) };
    let scale = value.scale().max(step.scale());
    let (value, step_wide) = (wide(value, scale)?, wide(step, scale)?);
    let floor = value.checked_div_euclid(step_wide).ok_or(NumError::Overflow)?;
    let rest = value.checked_rem_euclid(step_wide).ok_or(NumError::Overflow)?;
    let up = match grid {
        Grid::Down => false,
        Grid::Up => rest > I256::ZERO,
        Grid::Nearest => rest.checked_mul(I256::from(2_i8)).ok_or(NumError::Overflow)? >= step_wide,
    };
    let steps = floor.checked_add(I256::from(i8::from(up))).ok_or(NumError::Overflow)?;
    let mantissa = steps.checked_mul(I256::from(step.mantissa())).ok_or(NumError::Overflow)?;
    narrow(mantissa, u32::from(step.scale()))
}

fn exact_product(factors: &[Decimal]) -> Result<Decimal, NumError> {
    let mut mantissa = I256::ONE;
    let mut scale: u32 = 0;
    for factor in factors {
        let reduced = Decimal::normalized(factor.mantissa(), factor.scale())?;
        mantissa = mantissa.checked_mul(I256::from(reduced.mantissa())).ok_or(NumError::Overflow)?;
        scale = scale.saturating_add(u32::from(reduced.scale()));
    }
    narrow(mantissa, scale)
}

/// As a decimal without trailing zeros.
fn narrow(mut mantissa: I256, mut scale: u32) -> Result<Decimal, NumError> {
    let ten = I256::from(10_i8);
    while scale > 0 && mantissa.checked_rem(ten) == Some(I256::ZERO) {
        mantissa = mantissa.checked_div(ten).ok_or(NumError::Overflow)?;
        scale = scale.saturating_sub(1);
    }
    let mantissa = i128::try_from(mantissa).map_err(|_| NumError::Overflow)?;
    Decimal::new(mantissa, u8::try_from(scale).map_err(|_| NumError::Inexact)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn dec(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or(Decimal::ZERO)
    }

    fn limits() -> MarketLimits {
        MarketLimits {
            symbol: Id::EMPTY,
            tick_size: Some(dec("0.1")),
            lot_step: Some(dec("0.01")),
            min_qty: Some(dec("0.02")),
            max_qty: Some(dec("100")),
            min_notional: Some(dec("5")),
            max_price: Some(dec("1000")),
            market_max_qty: Some(dec("60")),
            price_band: Some(PriceBand { low: dec("0.9"), high: dec("1.1") }),
            max_open_orders: Some(200),
            max_open_stops: Some(10),
            contract_multiplier: Decimal::ONE,
            inverse: false,
        }
    }

    #[test]
    #[rustfmt::skip]
    fn orders_are_rounded_to_the_grid_and_held_against_the_limits() {
        use OrderReject::{AboveMaxPrice, AboveMaxQty, BelowMinNotional, BelowMinQty, PriceTruncatesToZero, QtyTruncatesToZero};
        use OrderSide::{Buy, Sell};
        use PriceRounding::{Floor, Nearest, Passive};
        for (side, rounding, price, size, price_out, size_out, notional, rejects) in [
            (Buy,  Passive, "100.19",  "0.29",   "100.1",  "0.29", "29.029",  &[][..]),
            (Sell, Passive, "100.11",  "0.299",  "100.2",  "0.29", "29.058",  &[][..]),
            (Buy,  Nearest, "100.15",  "1",      "100.2",  "1",    "100.2",   &[][..]),
            (Sell, Floor,   "100.19",  "1",      "100.1",  "1",    "100.1",   &[][..]),
            (Buy,  Passive, "100",     "0.009",  "100",    "0",    "0",       &[QtyTruncatesToZero][..]),
            (Buy,  Passive, "100",     "0.01",   "100",    "0.01", "1",       &[BelowMinQty, BelowMinNotional][..]),
            (Buy,  Passive, "10",      "100.01", "10",     "100.01", "1000.1", &[AboveMaxQty][..]),
            (Sell, Passive, "1000.01", "1",      "1000.1", "1",    "1000.1",  &[AboveMaxPrice][..]),
            (Buy,  Passive, "0.09",    "50",     "0",      "50",   "0",       &[PriceTruncatesToZero, BelowMinNotional][..]),
        ] {
            let rounded = limits().round_order(side, Some(dec(price)), dec(size), rounding, None);
            let shown = rounded.map(|order| {
                (order.price.unwrap_or(Decimal::ZERO).to_string(), order.size.to_string(),
                 order.notional.unwrap_or(Decimal::ZERO).to_string(), order.rejects)
            });
            assert_eq!(shown, Ok((price_out.into(), size_out.into(), notional.into(), rejects.to_vec())), "{side} {price} {size}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn market_orders_and_prices_about_the_mark_have_bounds_of_their_own() {
        use OrderReject::{AboveMarketMaxQty, AboveMaxPrice, AboveMaxQty, BelowMinQty, OutsidePriceBand, QtyTruncatesToZero};
        use OrderSide::{Buy, Sell};
        for (side, price, size, mark, rejects) in [
            (Buy,  None,           "60",     None,        &[][..]),
            (Sell, None,           "60.01",  None,        &[AboveMarketMaxQty][..]),
            (Sell, None,           "100.01", None,        &[AboveMaxQty, AboveMarketMaxQty][..]),
            (Sell, Some("100"),    "99",     None,        &[][..]),
            (Buy,  Some("110"),    "1",      Some("100"), &[][..]),
            (Buy,  Some("110.1"),  "1",      Some("100"), &[OutsidePriceBand][..]),
            (Buy,  Some("50"),     "1",      Some("100"), &[][..]), // far below it may rest
            (Sell, Some("90"),     "1",      Some("100"), &[][..]),
            (Sell, Some("89.9"),   "1",      Some("100"), &[OutsidePriceBand][..]),
            (Sell, Some("200"),    "1",      Some("100"), &[][..]),
            (Buy,  Some("1000.1"), "0.01",   Some("100"), &[BelowMinQty, AboveMaxPrice, OutsidePriceBand][..]),
            (Buy,  Some("999"),    "0.001",  Some("100"), &[QtyTruncatesToZero][..]),
        ] {
            let rounded = limits().round_order(side, price.map(dec), dec(size), PriceRounding::Passive, mark.map(dec));
            assert_eq!(rounded.map(|order| order.rejects), Ok(rejects.to_vec()), "{side} {price:?} {size} {mark:?}");
        }
    }

    #[test]
    fn an_inverse_contract_is_worth_its_multiplier() {
        let limits = MarketLimits {
            inverse: true,
            contract_multiplier: dec("10"),
            lot_step: Some(dec("1")),
            ..limits()
        };
        let rounded =
            limits.round_order(OrderSide::Buy, Some(dec("12.3")), dec("3.9"), PriceRounding::Passive, None);
        assert_eq!(rounded.map(|order| order.notional), Ok(Some(dec("30"))));
    }
}
