//! Trade busts: what an execution did is taken back where the venue takes it back, at today's basis.

use super::entry::{Effect, Entry, Fee, Parts};
use super::fold::State;
use crate::instrument::Instrument;
use crate::num::{Money, Qty, Rounding};
use crate::position::Basis;

impl State {
    /// Takes back what an entry did, linearly. What a position that is flat then has left of its cost is profit.
    pub(super) fn undo(
        &mut self,
        entry: &Entry,
        gone: Option<&Effect>,
        rules: &Instrument,
    ) -> Option<Effect> {
        let (Some(of), Some(gone)) = (entry.revises, gone) else {
            self.reconcile_required.insert(entry.key);
            return None;
        };
        if !self.undone.insert(of) {
            self.reconcile_required.insert(entry.key);
            return None;
        }
        if gone.fee.asset == rules.settle
            && let Some(row) = self.row_before(gone.payer)
        {
            row.fees -= gone.fee.amount;
        }
        self.shrink(self.home(gone.payer), -gone.shrunk);
        let left = adjust(&mut self.book, -gone.qty, -gone.value - gone.exact);
        self.inter_slot += gone.exact - left;
        for part in gone.parts.iter() {
            let home = self.home(part.owner);
            let own_left = adjust(&mut self.row(home).basis, -part.qty, -part.value - part.profit);
            if let Some(row) = self.row_before(part.owner) {
                row.profit -= part.profit;
            }
            self.row(home).profit += own_left;
            let mut moved = Parts::default();
            self.take(home, Qty::ZERO, Money::ZERO, &mut moved);
            self.inter_slot += moved.iter().fold(own_left - part.profit, |sum, part| sum + part.profit);
        }
        self.pay(gone, rules, true);
        let mut booked = -gone.booked;
        if rules.base.is_none() {
            let rounded = left.rounded(rules.spec.fee_decimals, Rounding::HalfEven);
            let settled = match entry.reported {
                Some(reported) if gone.fee.asset == rules.settle => reported - gone.fee.amount + gone.booked,
                Some(reported) => reported + gone.booked,
                None => rounded,
            };
            self.credit(rules.settle, settled);
            booked += settled;
        }
        let fee = Fee { amount: Money::ZERO, asset: rules.settle };
        let (qty, value) = (Qty::ZERO, Money::ZERO);
        Some(Effect {
            qty,
            value,
            exact: value,
            booked,
            fee,
            payer: None,
            shrunk: qty,
            parts: Parts::default(),
        })
    }
}

/// Changes a basis without a trade. Returns the cost that a flat one has left, as profit.
fn adjust(basis: &mut Basis, qty: Qty, cost: Money) -> Money {
    *basis = Basis { qty: basis.qty + qty, cost: basis.cost + cost };
    match basis.qty.is_zero() {
        true => -core::mem::take(basis).cost,
        false => Money::ZERO,
    }
}
