//! Fees: what a fill will cost before the venue says so, in which asset, and what cumulative figures mean for one fill.

use crate::instrument::Instrument;
use crate::names::{Liquidity, OrderSide, OrderType};
use crate::num::{MONEY_SCALE, Money, Price, Rounding, bounded, multiply_divide, pow10};

/// The fee of a fill worth `value` (unsigned): value × rate, rounded as the venue rounds. + is a charge. The rate is the
/// configured one, as it stands: a discount for paying in another asset must be in it already.
#[inline]
pub fn predicted(instrument: &Instrument, value: Money, liquidity: Liquidity) -> Money {
    instrument.rate(liquidity).of(value, instrument.spec.fee_decimals, instrument.spec.fee_rounding)
}

/// The same, paid in an asset that costs `price` in settlement units; `source` is the instrument that the price is of.
pub fn predicted_in_other(
    instrument: &Instrument,
    value: Money,
    liquidity: Liquidity,
    source: &Instrument,
    price: Price,
) -> Option<Money> {
    let spec = &instrument.spec;
    let fee = instrument.rate(liquidity).of(value, MONEY_SCALE, Rounding::HalfEven);
    let one = pow10(source.price_scale)?;
    let amount = multiply_divide(fee.0, one, price.0, Rounding::HalfEven)?;
    // An asset that costs next to nothing prices nothing.
    let amount = bounded(amount, MONEY_SCALE).ok()?;
    Some(Money(amount).rounded(spec.fee_decimals, spec.fee_rounding))
}

/// The asset in which a fee is paid where the venue does not say. Derivatives: what they settle in. Spot: what the
/// trade brings, base for a buy and quote for a sell, and for a rebate the other one (Bybit's rule).
#[inline]
pub fn paid_in(instrument: &Instrument, side: OrderSide, is_rebate: bool) -> u16 {
    match (instrument.base, side, is_rebate) {
        (None, _, _) => instrument.settle,
        (Some(base), OrderSide::Buy, false) | (Some(base), OrderSide::Sell, true) => base,
        (Some(_), OrderSide::Buy, true) | (Some(_), OrderSide::Sell, false) => instrument.settle,
    }
}

/// How a venue signs a charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeeSign {
    /// Binance, Bybit `execFee`, Hyperliquid: a charge is positive.
    ChargeIsPositive,
    /// BingX, OKX: a charge is negative, a rebate positive.
    ChargeIsNegative,
}

/// One fill's fee from a venue that reports what an order has cost so far (BingX, OKX), with the canonical sign. A frame
/// that repeats the figure, as OKX's last one does, makes it zero.
pub fn per_fill(cumulative_now: Money, cumulative_before: Money, sign: FeeSign) -> Money {
    match sign {
        FeeSign::ChargeIsPositive => cumulative_now - cumulative_before,
        FeeSign::ChargeIsNegative => cumulative_before - cumulative_now,
    }
}

/// The liquidity to expect where a fill does not say: only a post-only order surely made it; for all others the
/// dearer assumption keeps K from being too high.
#[inline]
pub fn expected_liquidity(order_type: OrderType, post_only: bool) -> Liquidity {
    match (order_type, post_only) {
        (OrderType::Limit | OrderType::StopLimit, true) => Liquidity::Maker,
        (
            OrderType::Market
            | OrderType::Limit
            | OrderType::StopMarket
            | OrderType::StopLimit
            | OrderType::TakeProfit,
            _,
        ) => Liquidity::Taker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::Decimal;
    use alloc::string::ToString;

    #[test]
    #[rustfmt::skip]
    fn cumulative_fees_become_each_fills_own() {
        let money = |text| Decimal::parse(text).and_then(Money::from_decimal).unwrap_or_default();
        for (sign, reported, own, what) in [
            (FeeSign::ChargeIsNegative, &["-0.01369708", "-0.02739416"][..], &["0.01369708", "0.01369708"][..], "BingX"),
            (FeeSign::ChargeIsNegative, &["-0.5", "-1.25", "-1.25"][..],     &["0.5", "0.75", "0"][..],         "OKX: the last frame repeats"),
            (FeeSign::ChargeIsNegative, &["0.02", "0.03"][..],               &["-0.02", "-0.01"][..],           "OKX: rebates"),
            (FeeSign::ChargeIsPositive, &["0.1", "0.3"][..],                 &["0.1", "0.2"][..],               "the other sign"),
        ] {
            let mut before = Money::ZERO;
            for (reported, own) in reported.iter().zip(own) {
                assert_eq!(per_fill(money(reported), before, sign).to_string(), *own, "{what}");
                before = money(reported);
            }
        }
    }
}
