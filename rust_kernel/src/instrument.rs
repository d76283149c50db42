//! An instrument as the kernel uses it: scales, grids, minimums, rates. Loaded exactly or refused by name.

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

use crate::bounds::Bounds;
use crate::input::InstrumentSpec;
use crate::margin::MarginTiers;
use crate::names::{Liquidity, OppositeSlots, OrderSide, PairOff, Product};
use crate::num::{
    Decimal, MONEY_SCALE, Money, NumError, Price, Qty, Rate, Rounding, UNITS_MAX, bounded, divide,
    multiply_divide, pow10, product,
};

/// Decimals that spot quantities have at least, where the tick leaves room: what venues round fees in base to.
const BASE_FEE_SCALE: u8 = 8;
/// Decimals beyond the tick's that prices of inverse contracts have, for marks and averages.
const AVERAGE_DIGITS: u8 = 6;
/// [`UNITS_MAX`] at 1e-18.
const VALUE_LIMIT: u128 = UNITS_MAX.unsigned_abs().wrapping_mul(1_000_000_000_000_000_000);

/// Why an instrument cannot be loaded: the field and what is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpecError {
    /// The specification's field.
    pub field: &'static str,
    /// What is wrong.
    pub why: &'static str,
}

/// A loaded instrument. The scales of a linear one satisfy `price_scale + qty_scale + multiplier scale = 18`, so that
/// the product of the three mantissas is money at 1e-18. An inverse contract's value is a quotient, which no scale makes
/// exact: it is rounded half-even at 1e-18, and its price scale only has to hold marks and averages.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Instrument {
    /// As it was given.
    pub spec: InstrumentSpec,
    /// Decimal places of prices.
    pub price_scale: u8,
    /// Decimal places of quantities.
    pub qty_scale: u8,
    /// Money per (price mantissa × quantity mantissa); of an inverse contract, money × price mantissa per quantity
    /// mantissa.
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
    /// Spot: the base asset's place.
    pub base: Option<u16>,
    /// The place of the asset that fees are paid in, where the specification names one.
    pub fee_asset: Option<u16>,
    /// The instrument whose price turns fees into `fee_asset`, where that is neither base nor settlement asset.
    pub fee_price_from: Option<u32>,
    /// The last mark.
    pub mark: Option<Price>,
    /// When the kernel got it, ns.
    pub mark_time_ns: i64,
    /// Whether it ages: time ran by itself when it was taken.
    pub mark_ages: bool,
    /// The leverage that the venue has confirmed.
    pub leverage: Decimal,
    /// Maintenance margin by notional; of spot there is none.
    pub tiers: MarginTiers,
    /// What else the venue bounds of orders. Stored apart, where there is any of it.
    #[serde(skip)]
    pub bounds: Option<Box<Bounds>>,
}

fn grid(value: Decimal, field: &'static str) -> Result<(i128, u8), SpecError> {
    if !value.is_positive() {
        return Err(SpecError { field, why: "must be above zero" });
    }
    Decimal::normalized(value.mantissa(), value.scale())
        .map(|reduced| (reduced.mantissa(), reduced.scale()))
        .map_err(|_| SpecError { field, why: "has too many digits" })
}

/// Scales of quantity and price, and [`Instrument::unit`].
type Scales = (u8, u8, i128);

fn linear_scales(tick_scale: u8, qty_scale: u8, multiplier: (i128, u8)) -> Result<Scales, SpecError> {
    let (multiplier, multiplier_scale) = multiplier;
    let price_scale = MONEY_SCALE
        .checked_sub(qty_scale)
        .and_then(|left| left.checked_sub(multiplier_scale))
        .filter(|left| *left >= tick_scale)
        .ok_or(SpecError {
            field: "tick_size",
            why: "with lot_step and contract_multiplier needs over 18 decimals",
        })?;
    Ok((qty_scale, price_scale, multiplier))
}

fn inverse_scales(tick_scale: u8, qty_scale: u8, multiplier: (i128, u8)) -> Result<Scales, SpecError> {
    let (multiplier, multiplier_scale) = multiplier;
    let price_scale = tick_scale.saturating_add(AVERAGE_DIGITS).min(MONEY_SCALE);
    if price_scale < tick_scale {
        return Err(SpecError { field: "tick_size", why: "needs over 18 decimals" });
    }
    // contracts × multiplier / price at 1e-18, from the three mantissas
    let unit = MONEY_SCALE
        .saturating_add(price_scale)
        .checked_sub(qty_scale)
        .and_then(|left| left.checked_sub(multiplier_scale))
        .and_then(pow10)
        .and_then(|power| product(power, multiplier))
        .ok_or(SpecError {
            field: "contract_multiplier",
            why: "with lot_step and tick_size needs more digits than there are",
        })?;
    Ok((qty_scale, price_scale, unit))
}

/// Both sides of a book that has only one, and pairs of which there are none.
fn check_sides(spec: &InstrumentSpec) -> Result<(), SpecError> {
    match (spec.opposite_slots, spec.pair_off, spec.product) {
        (OppositeSlots::Net, _, Product::Spot) => Err(SpecError {
            field: "opposite_slots",
            why: "NET is for perpetuals: spot has no short positions",
        }),
        (OppositeSlots::Refuse, PairOff::SameOwner, _) => {
            Err(SpecError { field: "pair_off", why: "SAME_OWNER needs opposite_slots NET" })
        }
        (OppositeSlots::Net | OppositeSlots::Refuse, _, _) => Ok(()),
    }
}

/// What a product cannot be.
fn check_product(spec: &InstrumentSpec) -> Result<(), SpecError> {
    match (spec.product, spec.inverse) {
        (Product::Spot, true) => Err(SpecError { field: "inverse", why: "spot is never inverse" }),
        (Product::Perp, true) if spec.settle != spec.base => {
            Err(SpecError { field: "settle", why: "of an inverse contract is its base asset" })
        }
        (Product::Perp, _) => Ok(()),
        (Product::Spot, false) => check_spot(spec),
    }
}

fn check_spot(spec: &InstrumentSpec) -> Result<(), SpecError> {
    if spec.settle != spec.quote {
        return Err(SpecError { field: "settle", why: "of spot is its quote asset" });
    }
    if spec.base.is_empty() || spec.base == spec.quote {
        return Err(SpecError { field: "base", why: "of spot must be named, and is not its quote asset" });
    }
    if spec.contract_multiplier != Decimal::ONE {
        return Err(SpecError { field: "contract_multiplier", why: "of spot is 1" });
    }
    if spec.leverage != Decimal::ONE {
        return Err(SpecError { field: "leverage", why: "of spot is 1: margin trading is not supported" });
    }
    Ok(())
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
        if spec.symbol.is_empty() {
            return Err(SpecError { field: "symbol", why: "must not be empty" });
        }
        if spec.settle.is_empty() {
            return Err(SpecError { field: "settle", why: "must not be empty" });
        }
        let (_, tick_scale) = grid(spec.tick_size, "tick_size")?;
        let (_, lot_scale) = grid(spec.lot_step, "lot_step")?;
        let multiplier = grid(spec.contract_multiplier, "contract_multiplier")?;
        check_product(spec)?;
        check_sides(spec)?;
        let (qty_scale, price_scale, unit) = match (spec.product, spec.inverse) {
            (_, true) => inverse_scales(tick_scale, lot_scale, multiplier)?,
            (Product::Perp, false) => linear_scales(tick_scale, lot_scale, multiplier)?,
            (Product::Spot, false) => {
                // Fees in base are finer than lots.
                let room = MONEY_SCALE.saturating_sub(tick_scale).min(BASE_FEE_SCALE);
                linear_scales(tick_scale, lot_scale.max(room), multiplier)?
            }
        };
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
            unit,
            tick: Price(spec.tick_size.at_scale(price_scale).map_err(too_fine("tick_size"))?),
            lot: Qty(spec.lot_step.at_scale(qty_scale).map_err(too_fine("lot_step"))?),
            min_qty: Qty::ZERO,
            max_qty: None,
            min_notional: money(spec.min_notional, "min_notional")?,
            max_price: None,
            maker: rate(spec.maker_rate, "maker_rate")?,
            taker: rate(spec.taker_rate, "taker_rate")?,
            settle,
            base: None,
            fee_asset: None,
            fee_price_from: None,
            mark: None,
            mark_time_ns: 0,
            mark_ages: false,
            leverage: spec.leverage,
            tiers: match (spec.product, spec.margin_tiers.is_empty()) {
                (Product::Spot, true) => MarginTiers::default(),
                (Product::Perp, true) => MarginTiers::assumed(),
                (Product::Perp | Product::Spot, false) => MarginTiers::load(&spec.margin_tiers)
                    .map_err(|why| SpecError { field: "margin_tiers", why })?,
            },
            bounds: None,
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
        instrument.load_bounds()?;
        Ok(instrument)
    }

    /// Brings the bounds to the scales.
    ///
    /// # Errors
    /// [`SpecError`] names the one that cannot be.
    pub(crate) fn load_bounds(&mut self) -> Result<(), SpecError> {
        let given = self.spec.bounds.as_ref();
        self.bounds = given.map(|given| Bounds::load(given, self).map(Box::new)).transpose()?;
        Ok(())
    }

    /// True where slots of both sides share the book.
    #[inline(always)]
    pub fn nets(&self) -> bool {
        self.spec.opposite_slots == OppositeSlots::Net
    }

    /// True where the venue's margin tiers are not known, and one is assumed.
    #[inline]
    pub fn assumes_tiers(&self) -> bool {
        self.spec.product == Product::Perp && self.spec.margin_tiers.is_empty()
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
    #[inline(always)]
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

    /// What of a quantity are whole lots.
    pub fn whole_lots(&self, qty: Qty) -> Qty {
        on_grid(qty.0, self.lot.0, Rounding::Down).map_or(Qty::ZERO, Qty)
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

    /// What a quantity is worth at a price, signed as the quantity: `price × quantity × multiplier`, and of an inverse
    /// contract `quantity × multiplier / price` in coin, half-even at 1e-18. `None` past [`UNITS_MAX`] units.
    #[inline]
    pub fn value(&self, price: Price, qty: Qty) -> Option<Money> {
        if self.spec.inverse {
            return self.inverse_value(price, qty);
        }
        let raw = product(price.0, qty.0)?;
        let value = if self.unit == 1 { raw } else { product(raw, self.unit)? };
        (value.unsigned_abs() <= VALUE_LIMIT).then_some(Money(value))
    }

    #[cold]
    fn inverse_value(&self, price: Price, qty: Qty) -> Option<Money> {
        let value = multiply_divide(qty.0, self.unit, price.0, Rounding::HalfEven)?;
        (value.unsigned_abs() <= VALUE_LIMIT).then_some(Money(value))
    }

    /// The value of a signed quantity as a [`crate::position::Basis`] counts it: what was given for it. A linear long
    /// costs quote and counts as +. An inverse long is short of coin: it counts as −, and a fall of the coin's price,
    /// which makes its contracts worth more coin, is its loss.
    #[inline]
    pub fn basis_value(&self, price: Price, qty: Qty) -> Option<Money> {
        let value = self.value(price, qty)?;
        Some(self.basis_sign(value))
    }

    /// A value that is signed as its quantity, as a basis counts it.
    #[inline]
    pub fn basis_sign(&self, value: Money) -> Money {
        if self.spec.inverse { -value } else { value }
    }

    /// The average price of a quantity that cost so much, half-even at the price's scale; `None` when flat. Signs do
    /// not matter.
    pub fn average_price(&self, cost: Money, qty: Qty) -> Option<Price> {
        if self.spec.inverse {
            return multiply_divide(qty.abs().0, self.unit, cost.abs().0, Rounding::HalfEven).map(Price);
        }
        let weight = product(qty.abs().0, self.unit)?;
        divide(cost.abs().0, weight, Rounding::HalfEven).map(Price)
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
