//! Positions at exact cost: the venue's book, the slots' attribution of it, and what belongs to no slot.

use serde::{Deserialize, Serialize};

use crate::names::{PositionSide, TradeSide};
use crate::num::{Money, Qty, Rounding, multiply_divide};

/// A quantity, + long and − short, and what it cost, signed as [`crate::instrument::Instrument::basis_value`] says.
/// Never an average.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Basis {
    /// Signed quantity.
    pub qty: Qty,
    /// Signed cost of that quantity; an inverse long's is negative.
    pub cost: Money,
}

/// What a fill did to a [`Basis`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Closing {
    /// How much it closed, unsigned.
    pub closed: Qty,
    /// Exact profit or loss of the closed part, before fees.
    pub realized: Money,
    /// True where it went through zero to the other side.
    pub flipped: bool,
}

impl Basis {
    /// Flat.
    pub const FLAT: Basis = Basis { qty: Qty::ZERO, cost: Money::ZERO };

    /// Adds a signed quantity worth a signed `value`. Cost is released pro rata, half-even at 1e-18, and whole when
    /// everything closes: what rounding leaves stays in the basis, so that a trade's total is exact.
    #[inline]
    pub fn apply(&mut self, qty: Qty, value: Money) -> Closing {
        if self.qty.signum() == 0 || self.qty.signum() == qty.signum() {
            self.qty += qty;
            self.cost += value;
            return Closing::default();
        }
        let held = self.qty.abs();
        let traded = qty.abs();
        if traded == held {
            let realized = -(value + self.cost);
            *self = Basis::FLAT;
            return Closing { closed: held, realized, flipped: false };
        }
        if traded < held {
            let released = part(self.cost, traded, held);
            self.qty += qty;
            self.cost -= released;
            return Closing { closed: traded, realized: -(value + released), flipped: false };
        }
        let closing_value = part(value, held, traded);
        let realized = -(closing_value + self.cost);
        *self = Basis { qty: self.qty + qty, cost: value - closing_value };
        Closing { closed: held, realized, flipped: true }
    }

    /// Takes `by` out of it for nothing: the cost stays, and stands for less. Returns the cost where nothing is left that
    /// it could stand for.
    pub fn shrink(&mut self, by: Qty) -> Money {
        let side = self.qty.signum();
        self.qty -= by;
        if self.qty.signum() == side { Money::ZERO } else { core::mem::take(&mut self.cost) }
    }

    /// Adds to it past its trades. Returns, as profit, what is left of a flat one's cost; what would leave a position whose
    /// price is below zero counts as a trade at that value.
    pub fn adjust(&mut self, qty: Qty, cost: Money) -> Money {
        let after = Basis { qty: self.qty + qty, cost: self.cost + cost };
        if after.qty.is_zero() {
            *self = Basis::FLAT;
            return -after.cost;
        }
        let alike = |basis: &Basis| basis.qty.signum() == basis.cost.signum();
        if self.qty.is_zero() || alike(self) == alike(&after) {
            *self = after;
            return Money::ZERO;
        }
        self.apply(qty, cost).realized
    }

    /// What it would gain if closed at `value_now`, the signed value of the quantity at a mark.
    #[inline]
    pub fn unrealized(&self, value_now: Money) -> Money {
        value_now - self.cost
    }
}

/// `whole × numerator / denominator`, half-even at 1e-18.
#[inline]
pub(crate) fn part(whole: Money, numerator: Qty, denominator: Qty) -> Money {
    // The quotient is at most `whole`, so it always fits.
    Money(multiply_divide(whole.0, numerator.0, denominator.0, Rounding::HalfEven).unwrap_or_default())
}

/// The venue's book that an order of `side` belongs to.
#[inline]
pub fn position_side(hedge_mode: bool, side: TradeSide) -> PositionSide {
    match (hedge_mode, side) {
        (false, TradeSide::Long | TradeSide::Short | TradeSide::Flat) | (true, TradeSide::Flat) => {
            PositionSide::Both
        }
        (true, TradeSide::Long) => PositionSide::Long,
        (true, TradeSide::Short) => PositionSide::Short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis(steps: &[(i128, i128)]) -> (Basis, i128) {
        let mut basis = Basis::FLAT;
        let mut realized = 0;
        for &(qty, price) in steps {
            realized += basis.apply(Qty(qty), Money(qty * price)).realized.0;
        }
        (basis, realized)
    }

    #[test]
    #[rustfmt::skip]
    fn realised_profit_follows_average_cost() {
        for (steps, qty, cost, realized, what) in [
            (&[(2, 100)][..],                       2,  200,   0, "opens"),
            (&[(2, 100), (-2, 110)][..],            0,    0,  20, "closes with profit"),
            (&[(-2, 100), (2, 110)][..],            0,    0, -20, "a short loses when the price rises"),
            (&[(2, 100), (2, 200), (-2, 160)][..],  2,  300,  20, "average cost 150"),
            (&[(2, 100), (-5, 110)][..],           -3, -330,  20, "flips at the fill's price"),
            (&[(-1, 100), (4, 90)][..],             3,  270,  10, "flips the other way"),
            (&[(3, 100), (1, 101), (-3, 100), (-1, 100)][..], 0, 0, -1, "the remainder of a division is not lost"),
        ] {
            let (left, gained) = basis(steps);
            assert_eq!((left.qty.0, left.cost.0, gained), (qty, cost, realized), "{what}");
        }
    }
}
