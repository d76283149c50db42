//! Funding: schedules, and what positions pay or receive at each boundary.
//!
//! Funding is predicted when a boundary is crossed and settled when the venue books it. Between the two, a fill that
//! comes late may show that the position was another.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::instrument::Instrument;
use crate::num::{MONEY_SCALE, Money, Price, Qty, Rate, Rounding, multiply_divide};
use crate::soundness::{Amounts, Places, Sound, hold};

/// How many predictions of an instrument are kept: a month of boundaries eight hours apart, and some.
pub const PREDICTIONS_MAX: usize = 128;
/// How much earlier than its boundary a venue may stamp its funding, and how far its clock may be ahead of ours, ns.
pub const CLOCK_SKEW_NS: i64 = 5_000_000_000;

/// An instrument's schedule.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Schedule {
    /// The rate of the next boundary; nothing is predicted without one.
    pub rate: Option<Rate>,
    /// The next boundary, ns; `i64::MAX` where it is not known.
    pub next_boundary_ns: i64,
    /// From one boundary to the next, ns.
    pub interval_ns: i64,
    /// The price of the next boundary, where the venue told it.
    pub price: Option<Price>,
}

/// How far a prediction is held against the venue's own booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Settlement {
    /// Not yet.
    Open,
    /// By an entry of its own.
    Single,
    /// By one entry for several instruments.
    Pooled,
    /// Both came: by an entry of its own, and within a pool.
    Both,
}

/// A slot's part in a prediction.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Share {
    /// The slot.
    pub slot_id: u32,
    /// Its trade at the boundary.
    pub trade_number: u64,
    /// Which of the venue's books.
    pub side: u8,
    /// Its position at the boundary, signed.
    pub qty: Qty,
    /// What it was credited so far.
    pub credited: Money,
}

/// What one instrument's positions pay or receive at one boundary.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Prediction {
    /// The boundary, ns.
    pub boundary_ns: i64,
    /// The rate.
    pub rate: Rate,
    /// The price that valued the position.
    pub price: Price,
    /// The positions at the boundary by [`crate::names::PositionSide`], signed.
    pub qty: [Qty; 3],
    /// What is booked for it, + received: the prediction, or once settled the venue's figure.
    pub booked: Money,
    /// Whether the venue has booked it.
    pub settlement: Settlement,
    /// The slots' parts.
    pub shares: Vec<Share>,
}

impl Prediction {
    /// True where no position was open: nothing is booked, and a late fill may change that.
    pub fn is_flat(&self) -> bool {
        self.qty.iter().all(|qty| qty.is_zero())
    }

    /// True where the venue's booking is expected.
    pub fn is_open(&self) -> bool {
        self.settlement == Settlement::Open && !self.is_flat()
    }

    /// What the positions receive: longs pay a positive rate. Of inverse contracts in coin.
    pub fn amount(&self, rules: &Instrument) -> Money {
        self.qty.iter().fold(Money::ZERO, |sum, qty| sum + amount(rules, self.rate, self.price, *qty))
    }
}

/// What one signed position receives at a boundary: −value × rate, rounded as the venue rounds.
pub fn amount(rules: &Instrument, rate: Rate, price: Price, qty: Qty) -> Money {
    // Positions are booked in bounds; a price that takes their value out of them is a venue's mistake.
    let value = rules.value(price, qty).unwrap_or_default();
    -rate.of(value, rules.spec.fee_decimals, rules.spec.fee_rounding)
}

/// The same as exactly as money can be: a part of a position has no rounding of its own at the venue.
pub fn exact_amount(rules: &Instrument, rate: Rate, price: Price, qty: Qty) -> Money {
    let value = rules.value(price, qty).unwrap_or_default();
    -rate.of(value, MONEY_SCALE, Rounding::Down)
}

/// `whole × part / total` toward zero, whatever their signs.
pub fn share_of(whole: Money, part: Qty, total: Qty) -> Money {
    let share = multiply_divide(whole.0, part.0, total.abs().0, Rounding::Down).unwrap_or_default();
    Money(if total.0 < 0 { share.saturating_neg() } else { share })
}

/// One instrument's schedule and last predictions, oldest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FundingRow {
    /// When and at which rate.
    pub schedule: Schedule,
    /// At most [`PREDICTIONS_MAX`].
    pub predictions: VecDeque<Prediction>,
}

/// Schedules, rates and predictions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FundingBook {
    /// The next boundary of any instrument, kernel time, ns: what every step compares with.
    pub(crate) next_due_ns: i64,
    /// The last boundary that is not settled, ns: what every fill's venue time is compared with.
    pub(crate) last_open_ns: i64,
    /// By instrument; `None` where no terms ever came.
    pub(crate) rows: Vec<Option<FundingRow>>,
}

impl Default for FundingBook {
    fn default() -> FundingBook {
        FundingBook { next_due_ns: i64::MAX, last_open_ns: i64::MIN, rows: Vec::new() }
    }
}

impl FundingBook {
    /// An instrument's row.
    pub fn row(&self, instrument: u32) -> Option<&FundingRow> {
        self.rows.get(instrument as usize).and_then(Option::as_ref)
    }

    pub(crate) fn row_mut(&mut self, instrument: u32) -> Option<&mut FundingRow> {
        self.rows.get_mut(instrument as usize).and_then(Option::as_mut)
    }

    /// The row, which it gets now if it has none.
    pub(crate) fn open_row(&mut self, instrument: u32, interval_ns: i64) -> &mut FundingRow {
        let at = instrument as usize;
        if self.rows.len() <= at {
            self.rows.resize(at.saturating_add(1), None);
        }
        self.rows[at].get_or_insert_with(|| FundingRow {
            schedule: Schedule { rate: None, next_boundary_ns: i64::MAX, interval_ns, price: None },
            predictions: VecDeque::new(),
        })
    }

    /// Finds again what steps compare with: terms come often.
    pub(crate) fn refresh_due(&mut self) {
        let due = self.rows.iter().flatten().filter(|row| row.schedule.rate.is_some());
        self.next_due_ns = due.map(|row| row.schedule.next_boundary_ns).min().unwrap_or(i64::MAX);
    }

    /// Finds again what steps and fills compare with.
    pub(crate) fn refresh(&mut self) {
        self.refresh_due();
        let rows = self.rows.iter().flatten();
        let open = rows.filter_map(|row| {
            let last = row.predictions.iter().rfind(|last| last.settlement == Settlement::Open);
            last.map(|last| last.boundary_ns)
        });
        self.last_open_ns = open.max().unwrap_or(i64::MIN);
    }
}

impl FundingBook {
    /// Whether a stored book is one that this code could have made.
    pub(crate) fn check_sound(&self, places: Places, amounts: &mut Amounts) -> Sound {
        let rows = self.rows.len();
        hold(rows <= places.instruments, "funding.rows", rows, "there are more than instruments")?;
        for (place, row) in self.rows.iter().enumerate() {
            let Some(row) = row else { continue };
            let at = |field: &'static str| format!("funding.rows[{place}].{field}");
            let Schedule { rate, interval_ns, price, .. } = row.schedule;
            hold(rate.is_none_or(Rate::is_sound), at("schedule.rate"), rate, "it is no rate")?;
            hold(interval_ns > 0, at("schedule.interval_ns"), interval_ns, "it must be above zero")?;
            amounts.add_unsigned(at("schedule.price"), price.unwrap_or_default().0)?;
            let count = row.predictions.len();
            hold(count <= PREDICTIONS_MAX, at("predictions"), count, "there are too many")?;
            for (number, prediction) in row.predictions.iter().enumerate() {
                prediction.check_sound(&at("predictions"), number, places, amounts)?;
            }
        }
        let mut found = self.clone();
        found.refresh();
        let due = self.next_due_ns;
        hold(due == found.next_due_ns, "funding.next_due_ns", due, "it is not the next boundary")?;
        let open = self.last_open_ns;
        hold(
            open == found.last_open_ns,
            "funding.last_open_ns",
            open,
            "it is not the last one that is not settled",
        )
    }
}

impl Prediction {
    fn check_sound(&self, of: &str, number: usize, places: Places, amounts: &mut Amounts) -> Sound {
        let at = |field: &'static str| format!("{of}[{number}].{field}");
        hold(self.rate.is_sound(), at("rate"), self.rate, "it is no rate")?;
        amounts.add_unsigned(at("price"), self.price.0)?;
        amounts.add(at("booked"), self.booked.0)?;
        for qty in self.qty {
            amounts.add(at("qty"), qty.0)?;
        }
        self.shares.iter().try_for_each(|share| {
            places.slot(at("shares.slot_id"), share.slot_id)?;
            let book = usize::from(share.side) < self.qty.len();
            hold(book, at("shares.side"), share.side, "there is no such book")?;
            amounts.add(at("shares.qty"), share.qty.0)?;
            amounts.add(at("shares.credited"), share.credited.0)
        })
    }
}

/// The first boundary after `time_ns` where boundaries are aligned to the epoch, as venues align them (00, 08, 16 UTC).
pub fn boundary_after(time_ns: i64, interval_ns: i64) -> i64 {
    let into = time_ns.checked_rem_euclid(interval_ns).unwrap_or(0);
    time_ns.saturating_sub(into).saturating_add(interval_ns)
}
