//! A position that belongs to no slot, and how each part of it came to be there.

use serde::{Deserialize, Serialize};

use crate::names::Origin;
use crate::num::{Money, Qty};
use crate::position::{Basis, Closing, part};

/// The unassigned position on one side of an instrument. Only its methods change it, and each of them takes the origin:
/// so the parts always add up to the whole.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct UnassignedPosition {
    pub(crate) basis: Basis,
    /// By [`Origin`], signed; none is against the whole.
    pub(crate) parts: [Qty; 4],
}

/// What closes takes from these in turn, once nothing is left of its own origin. What was there before the kernel comes
/// last: it may be somebody's hedge.
const LEAVES: [Origin; 4] = [Origin::Manual, Origin::Orphan, Origin::Dust, Origin::Opening];

impl UnassignedPosition {
    /// A position that was there when the kernel was opened.
    pub(crate) fn opened(basis: Basis) -> UnassignedPosition {
        let mut position = UnassignedPosition { basis, ..UnassignedPosition::default() };
        position.follow(Origin::Opening);
        position
    }

    /// The position and what it cost.
    #[inline]
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// How much of it came there that way, signed.
    pub fn part(&self, origin: Origin) -> Qty {
        self.parts[origin as usize]
    }

    /// The parts, each with its share of the cost; the last one takes what division leaves.
    pub fn by_origin(&self) -> [(Origin, Basis); 4] {
        let mut rest = self.basis;
        [Origin::Opening, Origin::Manual, Origin::Orphan, Origin::Dust].map(|origin| {
            let qty = self.part(origin);
            let cost = if qty == rest.qty { rest.cost } else { part(rest.cost, qty.abs(), rest.qty.abs()) };
            rest = Basis { qty: rest.qty - qty, cost: rest.cost - cost };
            (origin, Basis { qty, cost })
        })
    }

    /// [`Basis::apply`].
    pub(crate) fn apply(&mut self, qty: Qty, value: Money, origin: Origin) -> Closing {
        self.change(origin, |basis| basis.apply(qty, value))
    }

    /// [`Basis::shrink`].
    pub(crate) fn shrink(&mut self, by: Qty, origin: Origin) -> Money {
        self.change(origin, |basis| basis.shrink(by))
    }

    /// Whatever else is done to the position.
    pub(crate) fn change<T>(&mut self, origin: Origin, change: impl FnOnce(&mut Basis) -> T) -> T {
        let result = change(&mut self.basis);
        self.follow(origin);
        result
    }

    /// Brings the parts to what the whole is now: what came is of `origin`, what went was of it first.
    fn follow(&mut self, origin: Origin) {
        let after = self.basis.qty;
        let before = self.sum();
        if after.signum() != before.signum() {
            self.parts = [Qty::ZERO; 4];
            self.parts[origin as usize] = after;
            return;
        }
        if after.abs() > before.abs() {
            self.parts[origin as usize] += after - before;
            return;
        }
        let mut left = before.abs() - after.abs();
        for origin in core::iter::once(origin).chain(LEAVES) {
            let part = &mut self.parts[origin as usize];
            let gone = if part.abs() < left { part.abs() } else { left };
            *part -= if part.signum() < 0 { -gone } else { gone };
            left -= gone;
        }
    }

    fn sum(&self) -> Qty {
        self.parts.iter().fold(Qty::ZERO, |sum, part| sum + *part)
    }

    /// Whether the parts are the whole's.
    pub(crate) fn adds_up(&self) -> bool {
        let side = self.basis.qty.signum();
        let alike = |part: &Qty| part.is_zero() || part.signum() == side;
        self.parts.iter().all(alike) && self.sum() == self.basis.qty
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Origin::{Dust, Manual, Opening, Orphan};

    #[test]
    #[rustfmt::skip]
    fn what_goes_is_of_its_own_origin_first_and_the_openings_last() {
        for (steps, parts, what) in [
            // OPENING, MANUAL, ORPHAN, DUST
            (&[(2, Opening)][..],                                        [2, 0, 0, 0],   "comes"),
            (&[(2, Opening), (1, Manual), (3, Orphan), (1, Dust)][..],   [2, 1, 3, 1],   "each by itself"),
            (&[(2, Opening), (3, Orphan), (-1, Orphan)][..],             [2, 0, 2, 0],   "its own first"),
            (&[(2, Opening), (1, Manual), (3, Orphan), (-2, Orphan)][..], [2, 1, 1, 0],  "its own first, and enough"),
            (&[(2, Opening), (1, Manual), (1, Orphan), (-2, Dust)][..],  [2, 0, 0, 0],   "then the others"),
            (&[(2, Opening), (1, Manual), (1, Dust), (-3, Manual)][..],  [1, 0, 0, 0],   "then the opening's"),
            (&[(2, Opening), (-3, Manual)][..],                          [0, -1, 0, 0],  "through zero"),
            (&[(-2, Opening), (-1, Manual), (2, Manual)][..],            [-1, 0, 0, 0],  "of a short"),
            (&[(2, Opening), (1, Manual), (-3, Orphan)][..],             [0, 0, 0, 0],   "all of it"),
        ] {
            let mut position = UnassignedPosition::default();
            for &(qty, origin) in steps {
                position.apply(Qty(qty), Money(qty * 100), origin);
                assert!(position.adds_up(), "{what}");
            }
            assert_eq!(position.parts.map(|part| part.0), parts, "{what}");
        }
    }

    #[test]
    fn the_parts_costs_add_up_to_the_whole_cost() {
        let mut position = UnassignedPosition::default();
        for (qty, origin) in [(1, Opening), (1, Dust), (1, Orphan)] {
            position.apply(Qty(qty), Money(0), origin);
        }
        position.change(Manual, |basis| basis.cost = Money(100));
        let parts = position.by_origin().map(|(_, basis)| (basis.qty.0, basis.cost.0));
        assert_eq!(parts, [(1, 33), (0, 0), (1, 34), (1, 33)]);
    }
}
