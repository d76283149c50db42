//! Fee prediction: what a fill will cost, before the venue says so.

use crate::instrument::Instrument;
use crate::names::{Liquidity, OrderType};
use crate::num::Money;

/// The fee of a fill worth `value` (unsigned): value × rate, rounded as the venue rounds. + is a charge.
#[inline]
pub fn predicted(instrument: &Instrument, value: Money, liquidity: Liquidity) -> Money {
    instrument.rate(liquidity).of(value, instrument.spec.fee_decimals, instrument.spec.fee_rounding)
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
