//! A slot: one trade from entry order through position and exits to closed.

pub mod classify;
pub mod table;

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::attached::Attached;
use crate::id::Id;
use crate::names::{TradeSide, TradeStage};
use crate::num::{Decimal, MONEY_SCALE, Money, Qty, Rounding, divide, multiply_divide};
use crate::order::OrderRef;
use crate::position::Basis;

/// How many exit orders of one slot may be live at once.
pub const EXITS_MAX: usize = 8;

/// One slot and the trade in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Counts the trades that the slot has carried; 0 before the first.
    pub trade_number: u64,
    /// The trade; the last one's while the slot is free.
    pub trade_id: Id,
    /// Whose trade it is; empty when nobody's.
    pub owner: Id,
    /// The instrument's place.
    pub instrument: u32,
    /// LONG or SHORT; FLAT before the first trade.
    pub side: TradeSide,
    /// The stage.
    pub stage: TradeStage,
    /// The slot's own position at its own cost.
    pub basis: Basis,
    /// Quantity that entries filled.
    pub initial: Qty,
    /// Value of those fills, unsigned.
    pub entry_value: Money,
    /// The leverage asked for.
    pub leverage: Decimal,
    /// When the first entry fill came, kernel time, ns; 0 before.
    pub entry_time_ns: i64,
    /// The last input that touched the slot, kernel time, ns.
    pub last_event_time_ns: i64,
    /// Realised PnL at the slot's own cost, before fees.
    pub realized: Money,
    /// Fees in the settlement asset, + paid.
    pub fees: Money,
    /// Funding in the settlement asset, + received.
    pub funding: Money,
    /// The exit ladder; empty means `(1,)`.
    pub ratios: Vec<Decimal>,
    /// The entry order.
    pub entry: Option<OrderRef>,
    /// The newest exit order.
    pub exit: Option<OrderRef>,
    /// The exit orders before it that are still live, oldest first; at most [`EXITS_MAX`] − 1.
    pub other_exits: Vec<OrderRef>,
    /// Why the trade ended, or is to end.
    pub close_reason: Id,
    /// True where a protective exit failed.
    pub unprotected: bool,
    /// The entry intent's metadata.
    pub metadata: Box<str>,
    /// The exits that the entry intent brought, and what has become of them; until the slot's next trade.
    pub attached: Option<Box<Attached>>,
}

impl Slot {
    /// A slot that was never used.
    pub fn idle() -> Slot {
        Slot {
            trade_number: 0,
            trade_id: Id::EMPTY,
            owner: Id::EMPTY,
            instrument: 0,
            side: TradeSide::Flat,
            stage: TradeStage::Idle,
            basis: Basis::FLAT,
            initial: Qty::ZERO,
            entry_value: Money::ZERO,
            leverage: Decimal::ONE,
            entry_time_ns: 0,
            last_event_time_ns: 0,
            realized: Money::ZERO,
            fees: Money::ZERO,
            funding: Money::ZERO,
            ratios: Vec::new(),
            entry: None,
            exit: None,
            other_exits: Vec::new(),
            close_reason: Id::EMPTY,
            unprotected: false,
            metadata: "".into(),
            attached: None,
        }
    }

    /// The position's size, unsigned.
    #[inline]
    pub fn size(&self) -> Qty {
        self.basis.qty.abs()
    }

    /// What exits have closed so far.
    #[inline]
    pub fn exited(&self) -> Qty {
        self.initial - self.size()
    }

    /// The size of the next leg: up to the first cumulative target that is not met yet, on the lot grid; the last
    /// leg is all that is left. What exits at work will close, `covered`, counts as closed. A leg under `least`, the
    /// venue's minimum, merges forward.
    #[inline]
    pub fn next_leg(&self, lot: Qty, least: Qty, covered: Qty) -> Qty {
        let left = if covered < self.size() { self.size() - covered } else { Qty::ZERO };
        if self.ratios.is_empty() {
            return left; // one leg is all that is left, however small
        }
        let exited = self.initial - left;
        let next = self.targets(lot).map(|target| target - exited).find(|gap| gap.0 > 0 && *gap >= least);
        match next {
            Some(gap) if gap < left => gap,
            _ => left,
        }
    }

    /// How many cumulative targets are met.
    #[inline]
    pub fn active_leg_index(&self, lot: Qty) -> usize {
        if self.initial.is_zero() {
            return 0;
        }
        let exited = self.exited();
        if self.ratios.is_empty() {
            return usize::from(exited >= self.initial);
        }
        self.targets(lot).take_while(|target| exited >= *target).count()
    }

    /// The cumulative targets: `Σ ratios × initial`, on the lot grid, the last one exact.
    fn targets(&self, lot: Qty) -> impl Iterator<Item = Qty> + '_ {
        let last = self.ratios.len().saturating_sub(1);
        let legs = self.ratios.len().max(1);
        let mut sum: i128 = 0;
        (0..legs).map(move |leg| {
            let ratio = self.ratios.get(leg).and_then(|ratio| ratio.at_scale(MONEY_SCALE).ok());
            sum = sum.saturating_add(ratio.unwrap_or(0));
            if leg >= last { self.initial } else { on_lot(self.initial, sum, lot) }
        })
    }
}

fn on_lot(whole: Qty, parts: i128, lot: Qty) -> Qty {
    const ONE: i128 = 1_000_000_000_000_000_000;
    let raw = multiply_divide(whole.0, parts, ONE, Rounding::Floor).unwrap_or(0);
    let lots = divide(raw, lot.0, Rounding::Floor).unwrap_or(0);
    Qty(lots.saturating_mul(lot.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(initial: i128, left: i128, ratios: &[&str]) -> Slot {
        let mut slot = Slot::idle();
        slot.initial = Qty(initial);
        slot.basis.qty = Qty(left);
        slot.ratios = ratios.iter().filter_map(|text| Decimal::parse(text).ok()).collect();
        slot
    }

    #[test]
    #[rustfmt::skip]
    fn exit_legs_have_cumulative_targets() {
        for (initial, left, ratios, next, met) in [
            (100, 100, &[][..],                      100, 0),
            (100, 100, &["0.5", "0.5"][..],           50, 0),
            (100,  50, &["0.5", "0.5"][..],           50, 1),
            (100,  60, &["0.5", "0.5"][..],           10, 0),
            (100,  30, &["0.5", "0.5"][..],           30, 1),
            ( 10,  10, &["0.33", "0.33", "0.34"][..],  3, 0),
            ( 10,   7, &["0.33", "0.33", "0.34"][..],  3, 1),
            ( 10,   4, &["0.33", "0.33", "0.34"][..],  4, 2),
            ( 10,   0, &["0.33", "0.33", "0.34"][..],  0, 3),
            (  1,   1, &["0.5", "0.5"][..],            1, 1), // half a lot is no leg: it merges forward
            (  0,   0, &[][..],                        0, 0),
        ] {
            let slot = slot(initial, left, ratios);
            assert_eq!((slot.next_leg(Qty(1), Qty::ZERO, Qty::ZERO).0, slot.active_leg_index(Qty(1))), (next, met), "{initial} {left} {ratios:?}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn legs_at_work_count_as_closed_and_small_ones_merge_forward() {
        for (left, ratios, least, covered, next) in [
            (100, &["0.5", "0.5"][..],         0,   0,  50),
            (100, &["0.5", "0.5"][..],         0,  50,  50),
            (100, &["0.5", "0.5"][..],         0, 100,   0),
            (100, &["0.5", "0.5"][..],         0, 120,   0), // more at work than held
            (100, &["0.5", "0.5"][..],         0,  20,  30),
            ( 50, &["0.5", "0.5"][..],         0,  50,   0),
            (100, &["0.1", "0.4", "0.5"][..], 20,   0,  50), // 10 is under the minimum, and goes with the next
            (100, &["0.9", "0.1"][..],        20,  90,  10), // the last has no next: it is all that is left
        ] {
            let slot = slot(100, left, ratios);
            assert_eq!(slot.next_leg(Qty(1), Qty(least), Qty(covered)).0, next, "{left} {ratios:?} {covered}");
        }
    }
}
