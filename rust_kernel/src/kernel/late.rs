//! Late news of what a position had cost: a price, a correction, a bust that comes after the position was closed.
//!
//! What it changes of the profit, the venue may have told by then: it settled the close by the cost that it knew. The
//! difference between what it told and our own figure is kept beside the book, and late news take out of it what they
//! explain: that money is in the wallet already.

use super::Kernel;
use crate::num::{MONEY_SCALE, Money, Qty, pow10};
use crate::order::Fill;

/// Two roundings, ours and the venue's, may be this many units apart without there being anything to explain.
const ROUNDINGS: i128 = 2;
/// Several closes of one position, each with its two roundings, may together be this many units apart from what explains
/// them.
const ROUNDINGS_TOGETHER: i128 = 16;

impl Kernel {
    fn is_within(&self, instrument: u32, amount: Money, units: i128) -> bool {
        let decimals = self.instruments[instrument as usize].spec.fee_decimals;
        let unit = MONEY_SCALE.checked_sub(decimals).and_then(pow10).unwrap_or(1);
        amount.abs().0 <= unit.saturating_mul(units)
    }

    /// The venue's profit of a close is another one than ours.
    #[inline]
    pub(crate) fn note_told(&mut self, instrument: u32, side: usize, beside: Money) {
        if !beside.is_zero() && !self.is_within(instrument, beside, ROUNDINGS) {
            self.books[instrument as usize].told_beside[side] += beside;
        }
    }

    /// How much of a late profit or loss the venue has told by its settlements. That is explained from here on.
    #[cold]
    pub(crate) fn take_told(&mut self, instrument: u32, side: usize, late: Money) -> Money {
        let beside = self.books[instrument as usize].told_beside[side];
        if self.is_within(instrument, beside, ROUNDINGS_TOGETHER)
            && !self.is_within(instrument, late, ROUNDINGS_TOGETHER.saturating_mul(2))
        {
            // What earlier positions left of their roundings explains no part of something so much larger.
            return Money::ZERO;
        }
        let beside = &mut self.books[instrument as usize].told_beside[side];
        let told = match (late.0.signum() == beside.0.signum(), late.abs() < beside.abs()) {
            (false, _) => Money::ZERO,
            (true, true) => late,
            (true, false) => *beside,
        };
        *beside -= told;
        told
    }

    /// What of a late profit or loss, rounded as the wallet has it, has yet to come into the wallet.
    #[cold]
    pub(crate) fn untold(&mut self, instrument: u32, side: usize, late: Money) -> Money {
        let told = self.take_told(instrument, side, late);
        let rest = late - told;
        let explained = !told.is_zero() && self.is_within(instrument, rest, ROUNDINGS_TOGETHER);
        if explained { Money::ZERO } else { rest }
    }

    /// A late profit or loss came into the wallet before the close was settled that it is part of: the settlement will
    /// have it in it.
    #[cold]
    pub(crate) fn add_to_unsettled_close(&mut self, instrument: u32, side: usize, late: Money) {
        if late.is_zero() {
            return;
        }
        let closes = |fill: &Fill| fill.closed > Qty::ZERO && !fill.settled;
        let places = self.orders.places().iter().enumerate().filter(|(_, order)| {
            order.number != 0 && order.instrument == instrument && order.position_side as usize == side
        });
        let last = places
            .flat_map(|(place, order)| {
                let fills = order.fills.iter().enumerate().filter(|(_, fill)| closes(fill));
                fills.map(move |(at, fill)| ((fill.seq, order.number, at), place, at))
            })
            .max_by_key(|(sequence, ..)| *sequence);
        if let Some((_, place, at)) = last {
            self.orders.at_mut(place as u32).fills[at].realized += late;
        }
    }
}
