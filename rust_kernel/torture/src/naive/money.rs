//! What trades are worth and what they cost, by the venue's published rules, in plain integers: quantities and prices
//! at twelve places, money at eighteen.

use dita_kernel::input::InstrumentSpec;
use dita_kernel::num::{Decimal, Rounding, divide, multiply_divide};

/// Places of quantities and prices.
pub(super) const PLACES: u8 = 12;
/// Places of money.
const MONEY_PLACES: u8 = 18;

/// Ten to the power of so much.
pub(super) fn ten(power: u8) -> i128 {
    10_i128.pow(u32::from(power))
}

/// A quantity or a price.
pub(super) fn fixed(value: Decimal) -> i128 {
    value.at_scale_rounded(PLACES, Rounding::HalfEven).unwrap_or(0)
}

/// Money.
pub(super) fn money(value: Decimal) -> i128 {
    value.at_scale_rounded(MONEY_PLACES, Rounding::HalfEven).unwrap_or(0)
}

/// The unit in which an instrument's venue counts fees and profits.
pub(super) fn unit(spec: &InstrumentSpec) -> i128 {
    ten(MONEY_PLACES - spec.fee_decimals)
}

/// What a quantity is worth at a price, unsigned.
pub(super) fn worth(spec: &InstrumentSpec, lots: i128, price: i128) -> i128 {
    let multiplier = spec.contract_multiplier;
    let (many, places) = (multiplier.mantissa(), multiplier.scale());
    let worth = if spec.inverse {
        multiply_divide(lots * many, ten(MONEY_PLACES), price * ten(places), Rounding::HalfEven)
    } else {
        let whole = ten(2 * PLACES - MONEY_PLACES) * ten(places);
        multiply_divide(lots * price, many, whole, Rounding::HalfEven)
    };
    worth.unwrap_or(0)
}

/// The same with the sign that a cost has: who buys pays; of inverse contracts the buyer owes coin.
pub(super) fn signed_worth(spec: &InstrumentSpec, buys: bool, lots: i128, price: i128) -> i128 {
    let worth = worth(spec, lots, price);
    if buys == spec.inverse { -worth } else { worth }
}

/// The fee on an amount by the configured rate.
pub(super) fn fee(spec: &InstrumentSpec, amount: i128, maker: bool) -> i128 {
    let rate = if maker { spec.maker_rate } else { spec.taker_rate };
    let unit = unit(spec);
    let units = multiply_divide(amount, rate.mantissa(), ten(rate.scale()) * unit, spec.fee_rounding);
    units.unwrap_or(0) * unit
}

/// A profit as the venue's wallet has it.
pub(super) fn rounded(spec: &InstrumentSpec, profit: i128) -> i128 {
    let unit = unit(spec);
    divide(profit, unit, Rounding::HalfEven).unwrap_or(0) * unit
}

/// A position at average cost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Position {
    pub(super) lots: i128,
    pub(super) cost: i128,
}

impl Position {
    /// Takes a trade in. What closes takes its share of the cost with it. Returns the profit.
    pub(super) fn take(&mut self, lots: i128, value: i128) -> i128 {
        if self.lots == 0 || (self.lots > 0) == (lots > 0) {
            self.lots += lots;
            self.cost += value;
            return 0;
        }
        let (held, traded) = (self.lots.abs(), lots.abs());
        let share = |whole, part, of| multiply_divide(whole, part, of, Rounding::HalfEven).unwrap_or(0);
        let closing = if traded > held { share(value, held, traded) } else { value };
        let released = if traded < held { share(self.cost, traded, held) } else { self.cost };
        self.lots += lots;
        // Past zero the rest opens at the trade's own price.
        self.cost = if traded > held { value - closing } else { self.cost - released };
        -(closing + released)
    }
}
