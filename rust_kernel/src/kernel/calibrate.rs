//! Fees that were seen, held against the prediction.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use super::spot::base_amount;
use crate::calibration::{Calibration, FeeMeter, FeeReading, ToldFee, observe, read, unit_of};
use crate::input::{FeeSample, Stamp};
use crate::instrument::Instrument;
use crate::names::{KernelDiagnosticCode as Code, Liquidity, OrderSide};
use crate::num::{MONEY_SCALE, Money, Rounding, bounded};
use crate::order::Fill;
use crate::outcome::{Detail, Outcome, Refusal};

/// A sample as validation found it.
#[derive(Debug)]
pub(crate) struct CalibrationPlan {
    instrument: u32,
    liquidity: Liquidity,
    reading: FeeReading,
}

fn wrong(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_calibration(&mut self, stamp: Stamp, sample: &FeeSample) -> Outcome {
        let plan = match self.plan_calibration(sample) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, stamp.0);
        let at = plan.instrument as usize;
        if self.meters.len() <= at {
            self.meters.resize_with(at.saturating_add(1), Default::default);
        }
        self.meters[at][plan.liquidity as usize].add(plan.reading);
        self.answer(Code::Ok, None, Detail::None)
    }

    pub(crate) fn plan_calibration(&self, sample: &FeeSample) -> Result<CalibrationPlan, Box<Refusal>> {
        let instrument = self
            .instrument_of(&sample.symbol)
            .ok_or_else(|| wrong("asset", &sample.symbol, "is not configured: set_exchange_config"))?;
        let rules = &self.instruments[instrument as usize];
        if !sample.price.is_positive() {
            return Err(wrong("fill_price", sample.price, "must be above zero"));
        }
        if !sample.size.is_positive() {
            return Err(wrong("fill_qty", sample.size, "must be above zero"));
        }
        let held = "cannot be held by the instrument";
        let price = rules.mark(sample.price).map_err(|_| wrong("fill_price", sample.price, held))?;
        let qty = rules.qty(sample.size).map_err(|_| wrong("fill_qty", sample.size, held))?;
        let value = rules.value(price, qty).ok_or_else(|| wrong("fill_qty", sample.size, held))?;
        let actual = sample
            .fee
            .at_scale_rounded(MONEY_SCALE, Rounding::HalfEven)
            .and_then(|mantissa| bounded(mantissa, MONEY_SCALE))
            .map(Money)
            .map_err(|_| wrong("actual_fee", sample.fee, "is too large"))?;
        let side = match sample.order_side {
            Some(side) => side,
            None if rules.base.is_none() => OrderSide::Buy,
            None => return Err(wrong("order_side", "None", "is needed for spot")),
        };
        let liquidity = sample.liquidity.unwrap_or(Liquidity::Taker);
        let expected = self.predicted_fee(rules, side, qty, value, liquidity);
        let expected_name = &self.assets[usize::from(expected.1)].name;
        let in_other_asset = !sample.fee_asset.is_empty() && sample.fee_asset != *expected_name;
        let value = if rules.base == Some(expected.1) { base_amount(rules, qty) } else { value };
        let reading = read(rules, value, liquidity, expected, actual, in_other_asset);
        Ok(CalibrationPlan { instrument, liquidity, reading })
    }

    /// What is known of the fees of an instrument and liquidity. It reads the remembered fills: not for the hot path.
    pub fn calibration(&self, instrument: u32, liquidity: Liquidity) -> Option<Calibration> {
        let rules = self.instruments.get(instrument as usize)?;
        let told = self.told_fees(instrument, liquidity);
        let configured = rules.rate(liquidity).to_decimal();
        let (observed, changes) = observe(configured, &told, unit_of(rules.spec.fee_decimals));
        let meter = self.meters.get(instrument as usize);
        let meter = meter.map_or_else(FeeMeter::default, |meters| meters[liquidity as usize].clone());
        Some(Calibration { meter, configured, observed, changes })
    }

    /// The fees that the venue told of remembered fills, in the order in which they were booked.
    fn told_fees(&self, instrument: u32, liquidity: Liquidity) -> Vec<ToldFee> {
        let Some(rules) = self.instruments.get(instrument as usize) else { return Vec::new() };
        let mut told = Vec::new();
        for order in self.orders.iter().filter(|order| order.instrument == instrument) {
            for fill in order.fills.iter().filter(|fill| fill.liquidity == liquidity) {
                let is_told =
                    !fill.fee_predicted && !fill.inferred && !fill.busted && !fill.venue_trade_id.is_empty();
                if let Some(value) = fee_base(rules, fill).filter(|value| is_told && value.0 > 0) {
                    told.push(ToldFee { seq: fill.seq, value, fee: fill.fee });
                }
            }
        }
        told.sort_by_key(|fee| fee.seq);
        told
    }
}

/// What a fill's fee is a part of, in the fee's own asset; `None` in a third one.
pub(crate) fn fee_base(rules: &Instrument, fill: &Fill) -> Option<Money> {
    if rules.base == Some(fill.fee_asset) {
        return Some(base_amount(rules, fill.qty));
    }
    let is_usual = fill.fee_asset == rules.settle;
    rules.value(fill.price, fill.qty).filter(|_| is_usual && !fill.price_pending)
}
