//! How well predicted fees fit what the venue charges, and why they do not.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::fees;
use crate::instrument::Instrument;
use crate::names::{Liquidity, named};
use crate::num::{Decimal, MONEY_SCALE, Money, Rounding, bounded, divide, multiply_divide, pow10, product};
use crate::soundness::{Amounts, Places, Sound};

/// So many fills in a row at one rate make it the rate.
pub const RATE_FILLS_MIN: usize = 3;
/// How many rate changes are shown, the newest ones.
pub const RATE_CHANGES_MAX: usize = 16;
/// One newest sample weighs 1 / 10 in the average.
const EMA_PARTS: i128 = 10;
const ONE: i128 = 1_000_000_000_000_000_000;
/// A rate that is a tier's has at most so many decimals: 0.0045 % is 0.000045.
const TIER_DECIMALS: u8 = 7;
const RATE_DECIMALS: u8 = 12;

named! {
    /// Why a fee is not what was predicted.
    FeeDeviation {
        /// It is, to the venue's unit.
        AsPredicted = "AS_PREDICTED",
        /// It was charged as a maker's.
        MakerNotTaker = "MAKER_NOT_TAKER",
        /// It was charged as a taker's.
        TakerNotMaker = "TAKER_NOT_MAKER",
        /// Another rate.
        OtherTier = "OTHER_TIER",
        /// Paid in another asset, or with the discount that this brings: 10 % or 25 % less.
        DiscountAsset = "DISCOUNT_ASSET",
        /// It was paid to us.
        Rebate = "REBATE",
        /// None of these.
        Unknown = "UNKNOWN",
    }
}

/// A fee beside its prediction.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FeeReading {
    /// Predicted, + a charge.
    pub expected: Money,
    /// What it was predicted in.
    pub expected_asset: u16,
    /// Charged.
    pub actual: Money,
    /// Actual / expected at 1e-18, half-even; `None` where nothing was expected, or in another asset.
    pub ratio: Option<Money>,
    /// Why.
    pub why: FeeDeviation,
    /// The rate that it amounts to, as short as the venue's rounding lets it be; `None` where it was paid in another
    /// asset.
    pub implied_rate: Option<Decimal>,
}

/// The samples of one instrument and liquidity.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct FeeMeter {
    /// Average of actual / expected at 1e-18, the newest sample with weight 0.1; `None` before the first.
    pub ratio_ema: Option<Money>,
    /// How many samples it is of.
    pub samples: u32,
    /// The newest sample.
    pub last: Option<FeeReading>,
}

impl FeeMeter {
    pub(crate) fn add(&mut self, reading: FeeReading) {
        if let Some(ratio) = reading.ratio {
            self.samples = self.samples.saturating_add(1);
            let average = self.ratio_ema.unwrap_or(ratio);
            let step = divide((ratio - average).0, EMA_PARTS, Rounding::HalfEven).unwrap_or(0);
            self.ratio_ema = Some(average + Money(step));
        }
        self.last = Some(reading);
    }
}

impl FeeMeter {
    /// Whether a stored meter is one that this code could have made.
    pub(crate) fn check_sound(&self, field: &str, places: Places, amounts: &mut Amounts) -> Sound {
        amounts.add(format_args!("{field}.ratio_ema"), self.ratio_ema.unwrap_or_default().0)?;
        let Some(last) = &self.last else { return Ok(()) };
        places.asset(format_args!("{field}.last.expected_asset"), last.expected_asset)?;
        for money in [Some(last.expected), Some(last.actual), last.ratio] {
            amounts.add(format_args!("{field}.last"), money.unwrap_or_default().0)?;
        }
        Ok(())
    }
}

/// A rate that fills showed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RateChange {
    /// The input that brought the first fill at this rate.
    pub seq: u64,
    /// The rate.
    pub rate: Decimal,
}

/// What is known of the fees of one instrument and liquidity.
#[derive(Clone, PartialEq, Debug)]
pub struct Calibration {
    /// From the samples given by `calibrate_fee`.
    pub meter: FeeMeter,
    /// The rate that predictions are made with.
    pub configured: Decimal,
    /// The rate that the remembered fills show; the configured one until they show another.
    pub observed: Decimal,
    /// Where it changed, oldest first.
    pub changes: Vec<RateChange>,
}

/// A fee that the venue told of a fill, in the asset that `value` is in.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ToldFee {
    /// The input that brought it.
    pub seq: u64,
    /// What the fee is a part of, unsigned.
    pub value: Money,
    /// + a charge.
    pub fee: Money,
}

/// The venue's unit.
pub fn unit_of(decimals: u8) -> Money {
    Money(MONEY_SCALE.checked_sub(decimals).and_then(pow10).unwrap_or(1))
}

/// The rate that a fee amounts to: the shortest decimal that the venue's rounding turns into this fee.
pub fn implied_rate(value: Money, fee: Money, unit: Money) -> Option<Decimal> {
    let exact = multiply_divide(fee.0, pow10(RATE_DECIMALS)?, value.0, Rounding::HalfEven)?;
    for decimals in 0..=RATE_DECIMALS {
        let step = pow10(RATE_DECIMALS.saturating_sub(decimals))?;
        let rate = divide(exact, step, Rounding::HalfEven).and_then(|steps| product(steps, step))?;
        if fits(value, fee, rate, unit) {
            return Decimal::normalized(rate, RATE_DECIMALS).ok();
        }
    }
    Decimal::normalized(exact, RATE_DECIMALS).ok()
}

/// True where a rate, at 1e-12, turns a value into this fee within one unit.
fn fits(value: Money, fee: Money, rate: i128, unit: Money) -> bool {
    let one = pow10(RATE_DECIMALS).unwrap_or(1);
    multiply_divide(value.0, rate, one, Rounding::HalfEven)
        .is_some_and(|expected| expected.abs_diff(fee.0) <= unit.0.unsigned_abs())
}

/// Holds one fee against the prediction for a `value` in the asset of both.
pub(crate) fn read(
    rules: &Instrument,
    value: Money,
    liquidity: Liquidity,
    expected: (Money, u16),
    actual: Money,
    in_other_asset: bool,
) -> FeeReading {
    let unit = unit_of(rules.spec.fee_decimals);
    let (expected, expected_asset) = expected;
    let mut reading = FeeReading {
        expected,
        expected_asset,
        actual,
        ratio: None,
        why: FeeDeviation::DiscountAsset,
        implied_rate: None,
    };
    if in_other_asset {
        return reading;
    }
    let ratio = multiply_divide(actual.abs().0, ONE, expected.abs().0, Rounding::HalfEven);
    // A fee beyond all measure has no part in an average.
    let ratio = ratio.and_then(|ratio| bounded(ratio, MONEY_SCALE).ok());
    let is_opposite = actual.signum() != expected.signum();
    reading.ratio = ratio.map(|ratio| if is_opposite { -Money(ratio) } else { Money(ratio) });
    reading.implied_rate = implied_rate(value, actual, unit);
    reading.why = why(rules, value, liquidity, expected, actual, reading.implied_rate);
    reading
}

fn why(
    rules: &Instrument,
    value: Money,
    liquidity: Liquidity,
    expected: Money,
    actual: Money,
    implied: Option<Decimal>,
) -> FeeDeviation {
    let unit = unit_of(rules.spec.fee_decimals);
    let is = |amount: Money| (actual - amount).abs() <= unit;
    let less =
        |percent: i128| is(Money(multiply_divide(expected.0, percent, 100, Rounding::HalfEven).unwrap_or(0)));
    let other = match liquidity {
        Liquidity::Maker => Liquidity::Taker,
        Liquidity::Taker => Liquidity::Maker,
    };
    if is(expected) {
        return FeeDeviation::AsPredicted;
    }
    if is(fees::predicted(rules, value, other)) {
        return match liquidity {
            Liquidity::Maker => FeeDeviation::TakerNotMaker,
            Liquidity::Taker => FeeDeviation::MakerNotTaker,
        };
    }
    if actual.0 < 0 && expected.0 >= 0 {
        return FeeDeviation::Rebate;
    }
    if less(90) || less(75) {
        return FeeDeviation::DiscountAsset;
    }
    match implied {
        Some(rate) if rate.scale() <= TIER_DECIMALS && rate.at_scale(2).is_err() => FeeDeviation::OtherTier,
        Some(rate) if rate.is_zero() => FeeDeviation::OtherTier,
        Some(_) | None => FeeDeviation::Unknown,
    }
}

/// The rate that fills show, oldest first: a new one counts once [`RATE_FILLS_MIN`] in a row fit it beyond rounding.
pub(crate) fn observe(configured: Decimal, told: &[ToldFee], unit: Money) -> (Decimal, Vec<RateChange>) {
    let mut rate = configured;
    let mut changes: Vec<RateChange> = Vec::new();
    let mut run: Vec<ToldFee> = Vec::new();
    let fits_rate = |fill: &ToldFee, rate: Decimal| {
        rate.at_scale_rounded(RATE_DECIMALS, Rounding::HalfEven)
            .is_ok_and(|rate| fits(fill.value, fill.fee, rate, unit))
    };
    for fill in told {
        if fits_rate(fill, rate) {
            run.clear();
            continue;
        }
        run.push(*fill);
        // The largest fill tells it best.
        let best = run.iter().max_by_key(|fill| fill.value);
        let Some(shown) = best.and_then(|fill| implied_rate(fill.value, fill.fee, unit)) else { continue };
        if !run.iter().all(|fill| fits_rate(fill, shown)) {
            run.drain(..run.len().saturating_sub(1));
        } else if run.len() >= RATE_FILLS_MIN {
            rate = shown;
            let seq = run.first().map_or(fill.seq, |first| first.seq);
            if changes.len() >= RATE_CHANGES_MAX {
                changes.remove(0);
            }
            changes.push(RateChange { seq, rate });
            run.clear();
        }
    }
    (rate, changes)
}
