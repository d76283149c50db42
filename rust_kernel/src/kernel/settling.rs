//! Funding as the venue books it, held against the predictions: only the difference moves money.

use alloc::vec::Vec;

use super::Kernel;
use crate::funding::{CLOCK_SKEW_NS, FundingRow, Settlement, share_of};
use crate::id::Id;
use crate::input::AccountEvent;
use crate::ledger::Cause;
use crate::num::{MONEY_SCALE, Money, Qty, pow10};

/// Where a prediction stands: the instrument, and its position among the instrument's.
type At = (u32, usize);

/// What a funding entry turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Match {
    /// Nothing predicted it: it is booked whole.
    Nothing,
    /// It settled what was predicted.
    Settled,
    /// It repeats what came another way.
    Repeats,
}

/// The newest prediction that an entry of that time can be about, whose boundary is at most `ahead_ns` later than that.
fn newest(row: &FundingRow, time_ns: i64, ahead_ns: i64) -> Option<usize> {
    let latest_ns = time_ns.saturating_add(ahead_ns);
    let at = row.predictions.iter().rposition(|prediction| prediction.boundary_ns <= latest_ns)?;
    let boundary_ns = row.predictions.get(at)?.boundary_ns;
    (time_ns < boundary_ns.saturating_add(row.schedule.interval_ns)).then_some(at)
}

impl Kernel {
    /// Settles predictions by a funding entry.
    pub(super) fn settle_funding(
        &mut self,
        asset: u16,
        credited: Money,
        instrument: Option<u32>,
        event: &AccountEvent,
        reference: &Id,
    ) -> Match {
        match instrument {
            Some(instrument) => self.settle_one(instrument, credited, event.timestamp_ns, reference),
            None if event.symbol.is_empty() => self.settle_pool(asset, credited, event, reference),
            None => Match::Nothing,
        }
    }

    fn settle_one(&mut self, instrument: u32, credited: Money, time_ns: i64, reference: &Id) -> Match {
        let Some(row) = self.funding.row(instrument) else { return Match::Nothing };
        let find = |ahead_ns| newest(row, time_ns, ahead_ns).map(|at| (instrument, at));
        let (before, last) = (find(0).into_iter().collect(), find(CLOCK_SKEW_NS).into_iter().collect());
        let Some((_, at)) = self.meant(before, last, credited).pop() else { return Match::Nothing };
        let prediction = self.funding.row_mut(instrument).and_then(|row| row.predictions.get_mut(at));
        let Some(prediction) = prediction else { return Match::Nothing };
        match prediction.settlement {
            Settlement::Open => {}
            Settlement::Pooled => {
                // The pool that came first had it in it.
                prediction.settlement = Settlement::Both;
                return Match::Repeats;
            }
            // The other one of two books, or a correction: it is about the same positions.
            Settlement::Single => {
                let whole = prediction.booked + credited;
                self.rebook(instrument, at, whole, Cause::Funding, reference);
                return Match::Settled;
            }
            Settlement::Both => return Match::Nothing,
        }
        prediction.settlement = Settlement::Single;
        let cause = if prediction.is_flat() { Cause::Funding } else { Cause::FundingSettled };
        self.rebook(instrument, at, credited, cause, reference);
        self.funding.refresh();
        Match::Settled
    }

    /// An entry without a symbol: one of the last boundary's predictions if it fits one, else all of them together.
    fn settle_pool(&mut self, asset: u16, credited: Money, event: &AccountEvent, reference: &Id) -> Match {
        let find = |ahead_ns| self.last_boundary(asset, event.timestamp_ns, ahead_ns);
        let last = self.meant(find(0), find(CLOCK_SKEW_NS), credited);
        let (flat, pool): (Vec<At>, Vec<At>) = last.into_iter().partition(|at| self.is_flat(*at));
        let open: Vec<At> = pool.iter().copied().filter(|at| self.is_open(*at)).collect();
        if open.is_empty() && !pool.is_empty() {
            return self.repeats_singles(&pool, credited, event);
        }
        let settled = match self.closest(asset, &open, &flat, credited) {
            Some(one) => alloc::vec![one],
            // Of what seemed flat a fill may be on its way: whatever it was, it is paid by this.
            None => flat.into_iter().filter(|at| self.is_open(*at)).chain(open).collect(),
        };
        if settled.is_empty() {
            return Match::Nothing;
        }
        let total = settled.iter().fold(Money::ZERO, |sum, at| sum + self.booked(*at));
        self.settle_all(&settled, credited - total, reference);
        self.funding.refresh();
        Match::Settled
    }

    /// A late fill shows that other positions were held at a boundary than when it was paid: an entry without a symbol that
    /// seemed to be of one instrument may have been the sum of several.
    #[cold]
    pub(super) fn pool_again(&mut self, instrument: u32, boundary_ns: i64) {
        let settle = self.instruments[instrument as usize].settle;
        let (mut paid, mut due): (Vec<At>, Vec<At>) = (Vec::new(), Vec::new());
        for (instrument, rules) in (0_u32..).zip(&self.instruments) {
            let row = self.funding.row(instrument).filter(|_| rules.settle == settle);
            for (at, prediction) in row.into_iter().flat_map(|row| row.predictions.iter().enumerate()) {
                if prediction.boundary_ns != boundary_ns {
                    continue;
                }
                if prediction.settlement == Settlement::Pooled {
                    paid.push((instrument, at));
                } else if prediction.is_open() {
                    due.push((instrument, at));
                }
            }
        }
        let [one] = paid[..] else { return };
        let rules = &self.instruments[one.0 as usize];
        let prediction = self.funding.row(one.0).and_then(|row| row.predictions.get(one.1));
        let Some(own) = prediction.map(|prediction| prediction.amount(rules)) else { return };
        let credited = self.booked(one);
        let total = due.iter().fold(own, |sum, at| sum + self.booked(*at));
        if due.is_empty() || (credited - total).abs() >= (credited - own).abs() {
            return;
        }
        self.rebook(one.0, one.1, own, Cause::FundingRepredicted, &Id::EMPTY);
        due.push(one);
        self.settle_all(&due, credited - total, &Id::EMPTY);
        self.funding.refresh();
    }

    /// The one of several predictions that an amount is closest to, where it is closer to that than to all of them.
    fn closest(&self, asset: u16, open: &[At], flat: &[At], credited: Money) -> Option<At> {
        let unit_decimals = self.assets[usize::from(asset)].unit_decimals;
        let unit = MONEY_SCALE.checked_sub(unit_decimals).and_then(pow10).unwrap_or(1);
        let roundings = unit.saturating_mul(3);
        let off = |at: &At| (credited - self.booked(*at)).abs();
        let fits = |at: &&At| {
            let percent = self.booked(**at).abs().0.checked_div(100).unwrap_or(0);
            off(at).0 <= percent.max(roundings)
        };
        let one = open.iter().filter(fits).min_by_key(|at| off(at))?;
        let total = open.iter().fold(Money::ZERO, |sum, at| sum + self.booked(*at));
        let is_alone = open.len() == 1 && (flat.is_empty() || off(one).0 <= roundings);
        (is_alone || off(one) < (credited - total).abs()).then_some(*one)
    }

    /// Books a pool's difference, by the size of what was predicted; the last one takes what division leaves.
    fn settle_all(&mut self, settled: &[At], difference: Money, reference: &Id) {
        let weight = |at: &At| Qty(self.booked(*at).abs().0);
        let whole = settled.iter().fold(Qty::ZERO, |sum, at| sum + weight(at));
        let parts: Vec<Money> = settled.iter().map(|at| share_of(difference, weight(at), whole)).collect();
        let mut left = difference;
        for (place, (at, part)) in settled.iter().zip(parts).enumerate() {
            let is_last = place.saturating_add(1) == settled.len();
            let part = if is_last { left } else { part };
            left -= part;
            let (instrument, place) = *at;
            let amount = self.booked(*at) + part;
            if let Some(prediction) =
                self.funding.row_mut(instrument).and_then(|row| row.predictions.get_mut(place))
            {
                prediction.settlement = Settlement::Pooled;
            }
            let cause = if self.is_flat(*at) { Cause::Funding } else { Cause::FundingSettled };
            self.rebook(instrument, place, amount, cause, reference);
        }
    }

    /// True where entries with symbols came first, and this one is their sum or one of them.
    fn repeats_singles(&mut self, pool: &[At], credited: Money, event: &AccountEvent) -> Match {
        let single = |kernel: &Kernel, at: &At| kernel.settlement(*at) == Some(Settlement::Single);
        let singles: Vec<At> = pool.iter().copied().filter(|at| single(self, at)).collect();
        let sum = singles.iter().fold(Money::ZERO, |sum, at| sum + self.booked(*at));
        let one = singles.iter().position(|at| self.booked(*at) == credited);
        let repeated: Vec<At> = match one {
            _ if singles.is_empty() || !event.venue_txn_id.is_empty() => return Match::Nothing,
            Some(one) => singles.get(one).copied().into_iter().collect(),
            None if sum == credited => singles,
            None => return Match::Nothing,
        };
        for (instrument, place) in repeated {
            if let Some(prediction) =
                self.funding.row_mut(instrument).and_then(|row| row.predictions.get_mut(place))
            {
                prediction.settlement = Settlement::Both;
            }
        }
        Match::Repeats
    }

    /// An entry that is stamped a little before the last boundary may be about that one, by a clock that is behind, or about
    /// the one before it, which was paid late: the amount says which, where that one is still to be paid.
    fn meant(&self, before: Vec<At>, last: Vec<At>, credited: Money) -> Vec<At> {
        let is_due = |at: &&At| self.is_open(**at) && !self.is_flat(**at);
        // As with a pool: it may be of one of them, or of all.
        let off = |places: &[At]| {
            let due = places.iter().filter(is_due).map(|at| self.booked(*at));
            let whole = due.clone().fold(Money::ZERO, |sum, booked| sum + booked);
            due.chain([whole]).map(|amount| (credited - amount).abs()).min()
        };
        let is_closer = before != last && before.iter().any(|at| is_due(&at)) && off(&before) < off(&last);
        if is_closer { before } else { last }
    }

    /// The predictions of the last boundary that an entry of that time can be about, over all instruments that settle in
    /// an asset; `ahead_ns` as above.
    fn last_boundary(&self, asset: u16, time_ns: i64, ahead_ns: i64) -> Vec<At> {
        let mut found: Vec<(i64, At)> = Vec::new();
        for (instrument, rules) in (0_u32..).zip(&self.instruments) {
            let row = self.funding.row(instrument).filter(|_| rules.settle == asset);
            let Some(row) = row else { continue };
            let Some(at) = newest(row, time_ns, ahead_ns) else { continue };
            if let Some(prediction) = row.predictions.get(at) {
                found.push((prediction.boundary_ns, (instrument, at)));
            }
        }
        let is_held = |one: &&(i64, At)| !self.is_flat(one.1);
        let last_held = found.iter().filter(is_held).map(|(boundary_ns, _)| *boundary_ns).max();
        let last = last_held.or(found.iter().map(|(boundary_ns, _)| *boundary_ns).max());
        found.into_iter().filter(|(boundary_ns, _)| Some(*boundary_ns) == last).map(|(_, at)| at).collect()
    }

    fn settlement(&self, (instrument, at): At) -> Option<Settlement> {
        let prediction = self.funding.row(instrument).and_then(|row| row.predictions.get(at));
        prediction.map(|prediction| prediction.settlement)
    }

    fn is_flat(&self, (instrument, at): At) -> bool {
        let prediction = self.funding.row(instrument).and_then(|row| row.predictions.get(at));
        prediction.is_none_or(|prediction| prediction.is_flat())
    }

    fn is_open(&self, at: At) -> bool {
        self.settlement(at) == Some(Settlement::Open)
    }

    fn booked(&self, (instrument, at): At) -> Money {
        let prediction = self.funding.row(instrument).and_then(|row| row.predictions.get(at));
        prediction.map_or(Money::ZERO, |prediction| prediction.booked)
    }
}
