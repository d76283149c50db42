//! An instrument as the kernel uses it: scales, grids, minimums, rates. Loaded exactly or refused by name.

use serde::{Deserialize, Serialize};

use crate::input::InstrumentSpec;
use crate::names::{Liquidity, OrderSide, Product};
use crate::num::{
    Decimal, MONEY_SCALE, Money, NumError, Price, Qty, Rate, Rounding, UNITS_MAX, bounded, divide, product,
};

/// Why an instrument cannot be loaded: the field and what is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpecError {
    /// The specification's field.
    pub field: &'static str,
    /// What is wrong.
    pub why: &'static str,
}

/// A loaded instrument. Its scales satisfy `price_scale + qty_scale + multiplier scale = 18`, so that the product
/// of the three mantissas is money at 1e-18.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Instrument {
    /// As it was given.
    pub spec: InstrumentSpec,
    /// Decimal places of prices.
    pub price_scale: u8,
    /// Decimal places of quantities.
    pub qty_scale: u8,
    /// Money per (price mantissa × quantity mantissa).
    pub unit: i128,
    /// Price grid.
    pub tick: Price,
    /// Quantity grid.
    pub lot: Qty,
    /// Smallest order; zero when the venue has none.
    pub min_qty: Qty,
    /// Largest order.
    pub max_qty: Option<Qty>,
    /// Smallest order's value; zero when the venue has none.
    pub min_notional: Money,
    /// Highest price.
    pub max_price: Option<Price>,
    /// Maker fee.
    pub maker: Rate,
    /// Taker fee.
    pub taker: Rate,
    /// The settlement asset's place in the kernel's list.
    pub settle: u16,
    /// The last mark.
    pub mark: Option<Price>,
    /// When the kernel got it, ns.
    pub mark_time_ns: i64,
    /// The leverage that the venue has confirmed.
    pub leverage: Decimal,
}

fn grid(value: Decimal, field: &'static str) -> Result<(i128, u8), SpecError> {
    if !value.is_positive() {
        return Err(SpecError { field, why: "must be above zero" });
    }
    Decimal::normalized(value.mantissa(), value.scale())
        .map(|reduced| (reduced.mantissa(), reduced.scale()))
        .map_err(|_| SpecError { field, why: "has too many digits" })
}

fn too_fine(field: &'static str) -> impl Fn(NumError) -> SpecError {
    move |_| SpecError { field, why: "has more digits than its grid, or is too large" }
}

impl Instrument {
    /// Loads a specification; `settle` is the settlement asset's place.
    ///
    /// # Errors
    /// [`SpecError`] names the field: what cannot be held exactly, and what this version does not trade.
    pub fn load(spec: &InstrumentSpec, settle: u16) -> Result<Instrument, SpecError> {
        if spec.inverse {
            return Err(SpecError { field: "inverse", why: "inverse contracts are not supported yet" });
        }
        if spec.product != Product::Perp {
            return Err(SpecError { field: "product", why: "only linear perpetuals are supported yet" });
        }
        if spec.symbol.is_empty() {
            return Err(SpecError { field: "symbol", why: "must not be empty" });
        }
        if spec.settle.is_empty() {
            return Err(SpecError { field: "settle", why: "must not be empty" });
        }
        let (_, tick_scale) = grid(spec.tick_size, "tick_size")?;
        let (_, lot_scale) = grid(spec.lot_step, "lot_step")?;
        let (multiplier, multiplier_scale) = grid(spec.contract_multiplier, "contract_multiplier")?;
        let qty_scale = lot_scale;
        let price_scale = MONEY_SCALE
            .checked_sub(qty_scale)
            .and_then(|left| left.checked_sub(multiplier_scale))
            .filter(|left| *left >= tick_scale)
            .ok_or(SpecError {
                field: "tick_size",
                why: "with lot_step and contract_multiplier needs over 18 decimals",
            })?;
        let rate = |value, field| Rate::from_decimal(value).map_err(too_fine(field));
        let money = |value: Option<Decimal>, field| {
            value.map_or(Ok(Money::ZERO), Money::from_decimal).map_err(too_fine(field))
        };
        if spec.fee_decimals > MONEY_SCALE {
            return Err(SpecError { field: "fee_decimals", why: "must be at most 18" });
        }
        if !spec.leverage.is_positive() {
            return Err(SpecError { field: "leverage", why: "must be above zero" });
        }
        let mut instrument = Instrument {
            spec: spec.clone(),
            price_scale,
            qty_scale,
            unit: multiplier,
            tick: Price(spec.tick_size.at_scale(price_scale).map_err(too_fine("tick_size"))?),
            lot: Qty(spec.lot_step.at_scale(qty_scale).map_err(too_fine("lot_step"))?),
            min_qty: Qty::ZERO,
            max_qty: None,
            min_notional: money(spec.min_notional, "min_notional")?,
            max_price: None,
            maker: rate(spec.maker_rate, "maker_rate")?,
            taker: rate(spec.taker_rate, "taker_rate")?,
            settle,
            mark: None,
            mark_time_ns: 0,
            leverage: spec.leverage,
        };
        // A minimum off the lot grid means the next lot; a maximum means the lot below.
        if let Some(value) = spec.min_qty {
            instrument.min_qty =
                instrument.qty_rounded(value, Rounding::Ceiling).map_err(too_fine("min_qty"))?;
        }
        if let Some(value) = spec.max_qty {
            instrument.max_qty =
                Some(instrument.qty_rounded(value, Rounding::Floor).map_err(too_fine("max_qty"))?);
        }
        if let Some(value) = spec.max_price {
            instrument.max_price = Some(instrument.price(value).map_err(too_fine("max_price"))?);
        }
        Ok(instrument)
    }

    /// A price, exactly.
    ///
    /// # Errors
    /// [`NumError`] where it has too many digits or is too large.
    #[inline]
    pub fn price(&self, value: Decimal) -> Result<Price, NumError> {
        bounded(value.at_scale(self.price_scale)?, self.price_scale).map(Price)
    }

    /// A price to value positions at: digits beyond the scale are rounded half-even.
    ///
    /// # Errors
    /// [`NumError::Overflow`] where it is too large.
    pub fn mark(&self, value: Decimal) -> Result<Price, NumError> {
        bounded(value.at_scale_rounded(self.price_scale, Rounding::HalfEven)?, self.price_scale).map(Price)
    }

    /// A quantity, exactly.
    ///
    /// # Errors
    /// [`NumError`] where it has too many digits or is too large.
    #[inline]
    pub fn qty(&self, value: Decimal) -> Result<Qty, NumError> {
        bounded(value.at_scale(self.qty_scale)?, self.qty_scale).map(Qty)
    }

    /// A quantity on the lot grid.
    ///
    /// # Errors
    /// [`NumError::Overflow`] where it is too large.
    #[inline]
    pub fn qty_rounded(&self, value: Decimal, rounding: Rounding) -> Result<Qty, NumError> {
        let raw = bounded(value.at_scale_rounded(self.qty_scale, rounding)?, self.qty_scale)?;
        on_grid(raw, self.lot.0, rounding).map(Qty).ok_or(NumError::Overflow)
    }

    /// A limit price on the tick grid, rounded to the passive side: a buy down, a sell up.
    ///
    /// # Errors
    /// [`NumError::Overflow`] where it is too large.
    #[inline]
    pub fn limit_price(&self, value: Decimal, side: OrderSide) -> Result<Price, NumError> {
        let rounding = match side {
            OrderSide::Buy => Rounding::Floor,
            OrderSide::Sell => Rounding::Ceiling,
        };
        let raw = bounded(value.at_scale_rounded(self.price_scale, rounding)?, self.price_scale)?;
        on_grid(raw, self.tick.0, rounding).map(Price).ok_or(NumError::Overflow)
    }

    /// `price × quantity × multiplier`, signed as the quantity; `None` past [`UNITS_MAX`] units.
    #[inline]
    pub fn value(&self, price: Price, qty: Qty) -> Option<Money> {
        let raw = product(price.0, qty.0)?;
        let value = if self.unit == 1 { raw } else { product(raw, self.unit)? };
        // 1e33 = UNITS_MAX at 1e-18
        const LIMIT: u128 = UNITS_MAX.unsigned_abs().wrapping_mul(1_000_000_000_000_000_000);
        (value.unsigned_abs() <= LIMIT).then_some(Money(value))
    }

    /// The rate for that liquidity.
    #[inline]
    pub fn rate(&self, liquidity: Liquidity) -> Rate {
        match liquidity {
            Liquidity::Maker => self.maker,
            Liquidity::Taker => self.taker,
        }
    }

    /// A price for people and venues, without trailing zeros.
    pub fn price_decimal(&self, price: Price) -> Decimal {
        Decimal::normalized(price.0, self.price_scale).unwrap_or(Decimal::ZERO)
    }

    /// A limit price as cheap as can be: trailing zeros stay.
    #[inline]
    pub fn price_on_wire(&self, price: Price) -> Decimal {
        Decimal::new(price.0, self.price_scale).unwrap_or_else(|_| self.price_decimal(price))
    }

    /// A quantity for people and venues.
    #[inline]
    pub fn qty_decimal(&self, qty: Qty) -> Decimal {
        Decimal::new(qty.0, self.qty_scale).unwrap_or(Decimal::ZERO)
    }
}

#[inline]
fn on_grid(raw: i128, step: i128, rounding: Rounding) -> Option<i128> {
    if step == 1 {
        return Some(raw);
    }
    divide(raw, step, rounding).and_then(|steps| product(steps, step))
}
