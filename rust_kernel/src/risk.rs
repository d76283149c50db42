//! Pre-trade limits and the exposure they are held against. Only what increases risk is held back.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::input::RiskLimits;
use crate::num::{Decimal, Money, Price, Rounding, multiply_divide};
use crate::outcome::Refusal;

const LEVERAGE_SCALE: u8 = 8;
const COLLAR_SCALE: u8 = 8;
const COLLAR_ONE: i128 = 100_000_000;

/// Limits, ready to be compared.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// As they were given.
    pub given: RiskLimits,
    order_notional: Option<Money>,
    total_notional: Option<Money>,
    leverage: Option<i128>,
    collar: Option<i128>,
}

impl Limits {
    /// Reads limits.
    ///
    /// # Errors
    /// The name of the field that is negative, too fine or too large.
    pub fn load(given: &RiskLimits) -> Result<Limits, &'static str> {
        let scaled = |value: Option<Decimal>, scale: u8, name: &'static str| {
            value.map(|v| v.at_scale(scale).ok().filter(|m| *m >= 0).ok_or(name)).transpose()
        };
        let money = |value: Option<Decimal>, name: &'static str| {
            value.map(|v| Money::from_decimal(v).ok().filter(|m| m.0 >= 0).ok_or(name)).transpose()
        };
        Ok(Limits {
            given: given.clone(),
            order_notional: money(given.max_order_notional, "max_order_notional")?,
            total_notional: money(given.max_total_notional, "max_total_notional")?,
            leverage: scaled(given.max_leverage, LEVERAGE_SCALE, "max_leverage")?,
            collar: scaled(given.price_collar, COLLAR_SCALE, "price_collar")?,
        })
    }
}

/// An entry, as far as the limits are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The order's value.
    pub notional: Money,
    /// Exposure of the settlement asset without it.
    pub exposed: Money,
    /// The leverage asked for.
    pub leverage: Decimal,
    /// Its limit price and the mark, where both are known.
    pub limit_and_mark: Option<(Price, Price)>,
    /// Slots that carry a trade without it.
    pub open_slots: u32,
}

/// Holds an entry against the limits.
///
/// # Errors
/// RISK_BLOCKED with the first limit that it breaks, in the order of the fields of [`RiskLimits`].
#[inline]
pub fn check(limits: &Limits, attempt: &Attempt) -> Result<(), Box<Refusal>> {
    if let Some(limit) = limits.order_notional
        && attempt.notional > limit
    {
        return Err(Refusal::limit("max_order_notional", limit, attempt.notional));
    }
    if let Some(limit) = limits.total_notional {
        let total = attempt.exposed + attempt.notional;
        if total > limit {
            return Err(Refusal::limit("max_total_notional", limit, total));
        }
    }
    if let (Some(limit), Some(given)) = (limits.leverage, limits.given.max_leverage) {
        let over = attempt.leverage.at_scale(LEVERAGE_SCALE).map_or(true, |wanted| wanted > limit);
        if over {
            return Err(Refusal::limit("max_leverage", given, attempt.leverage));
        }
    }
    check_collar(limits, attempt)?;
    match limits.given.max_open_slots {
        Some(limit) if attempt.open_slots >= limit => {
            Err(Refusal::limit("max_open_slots", limit, attempt.open_slots.saturating_add(1)))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_collar(limits: &Limits, attempt: &Attempt) -> Result<(), Box<Refusal>> {
    let (Some(collar), Some(given)) = (limits.collar, limits.given.price_collar) else { return Ok(()) };
    let Some((limit_price, mark)) = attempt.limit_and_mark else { return Ok(()) };
    let distance = (limit_price - mark).abs();
    let allowed = multiply_divide(mark.0, collar, COLLAR_ONE, Rounding::Floor).unwrap_or(0);
    if distance.0 <= allowed {
        return Ok(());
    }
    let attempted = multiply_divide(distance.0, COLLAR_ONE, mark.0, Rounding::Up)
        .and_then(|mantissa| Decimal::normalized(mantissa, COLLAR_SCALE).ok());
    Err(Refusal::limit("price_collar", given, attempted.unwrap_or(Decimal::ONE)))
}

/// What the limits over time remember: buckets, peaks, losses, freezes.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Guard {}

/// Exposure per instrument, and its sum per settlement asset kept along, so that a check costs the same however
/// many instruments there are.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Exposure {
    instruments: Vec<InstrumentExposure>,
    totals: Vec<Money>,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
struct InstrumentExposure {
    settle: u16,
    position: Money,
    reserved: Money,
}

impl Exposure {
    /// Makes room for one more instrument.
    pub fn open_instrument(&mut self, settle: u16) {
        self.instruments.push(InstrumentExposure { settle, ..InstrumentExposure::default() });
        if self.totals.len() <= usize::from(settle) {
            self.totals.resize(usize::from(settle).saturating_add(1), Money::ZERO);
        }
    }

    /// Positions and reservations of one settlement asset together.
    #[inline]
    pub fn total(&self, settle: u16) -> Money {
        self.totals.get(usize::from(settle)).copied().unwrap_or_default()
    }

    /// What working orders of one instrument hold back.
    pub fn reserved(&self, instrument: u32) -> Money {
        self.instruments.get(instrument as usize).map_or(Money::ZERO, |row| row.reserved)
    }

    /// The value of one instrument's positions.
    pub fn position(&self, instrument: u32) -> Money {
        self.instruments.get(instrument as usize).map_or(Money::ZERO, |row| row.position)
    }

    /// Sets the value of one instrument's positions.
    #[inline]
    pub fn set_position(&mut self, instrument: u32, value: Money) {
        let row = &mut self.instruments[instrument as usize];
        self.totals[usize::from(row.settle)] += value - row.position;
        row.position = value;
    }

    /// Adds to what working orders hold back.
    #[inline]
    pub fn reserve(&mut self, instrument: u32, change: Money) {
        let row = &mut self.instruments[instrument as usize];
        self.totals[usize::from(row.settle)] += change;
        row.reserved += change;
    }
}
