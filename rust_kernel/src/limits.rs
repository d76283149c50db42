//! A venue's limits for one market, and the rounding of an order to them. Exact for any decimals that venues send.

use alloc::vec::Vec;
use ethnum::I256;
use serde::{Deserialize, Serialize};

use crate::id::Id;
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
        /// Under the smallest value.
        BelowMinNotional = "BELOW_MIN_NOTIONAL",
        /// Over the highest price.
        AboveMaxPrice = "ABOVE_MAX_PRICE",
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
    /// limit and no grid.
    ///
    /// # Errors
    /// [`NumError`] where a result needs more than 28 digits.
    pub fn round_order(
        &self,
        side: OrderSide,
        price: Option<Decimal>,
        size: Decimal,
        rounding: PriceRounding,
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
        let rejects = self.rejects(price, size, notional);
        Ok(RoundedOrder { price, size, notional, rejects })
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
            let rounded = limits().round_order(side, Some(dec(price)), dec(size), rounding);
            let shown = rounded.map(|order| {
                (order.price.unwrap_or(Decimal::ZERO).to_string(), order.size.to_string(),
                 order.notional.unwrap_or(Decimal::ZERO).to_string(), order.rejects)
            });
            assert_eq!(shown, Ok((price_out.into(), size_out.into(), notional.into(), rejects.to_vec())), "{side} {price} {size}");
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
            limits.round_order(OrderSide::Buy, Some(dec("12.3")), dec("3.9"), PriceRounding::Passive);
        assert_eq!(rounded.map(|order| order.notional), Ok(Some(dec("30"))));
    }
}
