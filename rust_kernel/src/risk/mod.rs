//! Pre-trade limits and the exposure they are held against. Only what increases risk is held back.

mod buckets;
mod limits;
mod losses;

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::instrument::Instrument;
use crate::names::OrderSide;
use crate::num::{Decimal, Money};
use crate::outcome::Refusal;
use crate::soundness::{Amounts, Places, Sound, hold};
use buckets::Bucket;
pub use buckets::BucketSize;
pub use limits::{Attempt, LimitError, Limits};
pub use losses::Losses;

/// What the limits over time remember: buckets, results, freezes, the kill switch.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Guard {
    orders: Option<Bucket>,
    cancels: Option<Bucket>,
    /// Results by day and from their peak.
    pub(crate) losses: Losses,
    pub(crate) freeze_events: u64,
    pub(crate) last_freeze_reason: Box<str>,
    pub(crate) last_freeze_symbol: Id,
    /// True from a freeze by the edge monitor until an operator unfreezes.
    pub(crate) edge_frozen: bool,
    pub(crate) kill_switch: bool,
}

impl Guard {
    /// How often the edge monitor has frozen entries.
    pub fn freeze_events(&self) -> u64 {
        self.freeze_events
    }

    /// Why it did so last; empty before the first time.
    pub fn last_freeze_reason(&self) -> &str {
        &self.last_freeze_reason
    }

    /// For which instrument; empty before the first time.
    pub fn last_freeze_symbol(&self) -> &Id {
        &self.last_freeze_symbol
    }

    /// True while the kill switch is on.
    pub fn kill_switch(&self) -> bool {
        self.kill_switch
    }

    /// Tokens in the order bucket at that kernel time; `None` without such a limit.
    pub fn order_tokens(&self, limits: &Limits, now_ns: i64) -> Option<Decimal> {
        limits.orders().map(|size| buckets::tokens(buckets::level(self.orders, size, now_ns)))
    }

    /// Tokens in the bucket of cancels and amends at that kernel time; `None` without such a limit.
    pub fn cancel_tokens(&self, limits: &Limits, now_ns: i64) -> Option<Decimal> {
        limits.cancels().map(|size| buckets::tokens(buckets::level(self.cancels, size, now_ns)))
    }

    /// Whether an entry may leave: it needs a token beyond those that are kept for exits.
    pub(crate) fn check_order(&self, limits: &Limits, now_ns: i64) -> Result<(), Box<Refusal>> {
        let Some(size) = limits.orders() else { return Ok(()) };
        let level = buckets::level(self.orders, size, now_ns);
        buckets::check("orders_per_second", limits.given.orders_per_second, level, limits.reserve())
    }

    /// An order leaves. An exit takes what is there.
    #[inline]
    pub(crate) fn take_order(&mut self, limits: &Limits, now_ns: i64) {
        if let Some(size) = limits.orders() {
            buckets::take(&mut self.orders, size, now_ns);
        }
    }

    /// Whether an amend that increases risk may leave: it needs a token.
    pub(crate) fn check_amend(&self, limits: &Limits, now_ns: i64) -> Result<(), Box<Refusal>> {
        let Some(size) = limits.cancels() else { return Ok(()) };
        let level = buckets::level(self.cancels, size, now_ns);
        buckets::check("cancels_per_second", limits.given.cancels_per_second, level, 0)
    }

    /// A cancel or an amend leaves. It takes what is there.
    #[inline]
    pub(crate) fn take_cancel(&mut self, limits: &Limits, now_ns: i64) {
        if let Some(size) = limits.cancels() {
            buckets::take(&mut self.cancels, size, now_ns);
        }
    }

    /// Other limits hold from here on: a bucket keeps what it has, up to its new size; a new one is full.
    pub(crate) fn resize(&mut self, old: &Limits, new: &Limits, now_ns: i64) {
        buckets::resize(&mut self.orders, old.orders(), new.orders(), now_ns);
        buckets::resize(&mut self.cancels, old.cancels(), new.cancels(), now_ns);
    }

    /// Whether a stored guard is one that this code could have made under these limits.
    pub(crate) fn check_sound(
        &self,
        places: Places,
        limits: &Limits,
        now_ns: i64,
        amounts: &mut Amounts,
    ) -> Sound {
        buckets::check_sound("guard.orders", self.orders, limits.orders())?;
        buckets::check_sound("guard.cancels", self.cancels, limits.cancels())?;
        self.losses.check_sound(places, limits.watches_peak(), now_ns, amounts)
    }
}

/// Exposure per instrument, and its sum per settlement asset kept along, so that a check costs the same however
/// many instruments there are.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Exposure {
    instruments: Vec<InstrumentExposure>,
    totals: Vec<Money>,
}

#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
struct InstrumentExposure {
    settle: u16,
    position: Money,
    /// What orders may add to the position at worst: all that entries hold back, or where slots of both sides share the
    /// book, what the worse of the two sides adds.
    reserved: Money,
    /// Where slots of both sides share the book.
    sides: Option<Box<Sides>>,
}

/// What may still be bought and sold of an instrument whose slots share the book.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
struct Sides {
    /// True where the net position is short.
    short: bool,
    buys: Money,
    sells: Money,
}

impl Sides {
    fn side(&mut self, side: OrderSide) -> &mut Money {
        match side {
            OrderSide::Buy => &mut self.buys,
            OrderSide::Sell => &mut self.sells,
        }
    }

    /// How much larger than `position`, the net position's value, it may become on either side:
    /// max(net + buys, sells − net) less |net|.
    fn beyond(self, position: Money) -> Money {
        let (along, against) = if self.short { (self.sells, self.buys) } else { (self.buys, self.sells) };
        let across = against - position - position;
        if along > across { along } else { across }
    }
}

impl Exposure {
    /// Makes room for one more instrument.
    pub fn open_instrument(&mut self, settle: u16) {
        self.instruments.push(InstrumentExposure { settle, ..InstrumentExposure::default() });
        if self.totals.len() <= usize::from(settle) {
            self.totals.resize(usize::from(settle).saturating_add(1), Money::ZERO);
        }
    }

    /// Positions and reservations of one settlement asset together.
    #[inline]
    pub fn total(&self, settle: u16) -> Money {
        self.totals.get(usize::from(settle)).copied().unwrap_or_default()
    }

    /// The instruments of one settlement asset that something is held or at work in.
    pub(crate) fn of_asset(&self, settle: u16) -> impl Iterator<Item = u32> + '_ {
        let is_used = move |row: &InstrumentExposure| {
            row.settle == settle && !(row.position.is_zero() && row.reserved.is_zero())
        };
        (0_u32..).zip(&self.instruments).filter(move |(_, row)| is_used(row)).map(|(place, _)| place)
    }

    /// What working orders of one instrument hold back.
    pub fn reserved(&self, instrument: u32) -> Money {
        self.instruments.get(instrument as usize).map_or(Money::ZERO, |row| row.reserved)
    }

    /// The value of one instrument's positions.
    pub fn position(&self, instrument: u32) -> Money {
        self.instruments.get(instrument as usize).map_or(Money::ZERO, |row| row.position)
    }

    /// Positions and reservations of one instrument together.
    pub fn at_worst(&self, instrument: u32) -> Money {
        self.position(instrument) + self.reserved(instrument)
    }

    /// Sets the value of one instrument's positions; `short` counts where slots of both sides share the book.
    #[inline]
    pub fn set_position(&mut self, instrument: u32, value: Money, short: bool) {
        let row = &mut self.instruments[instrument as usize];
        self.totals[usize::from(row.settle)] += value - row.position;
        row.position = value;
        if let Some(sides) = &mut row.sides {
            sides.short = short;
            self.settle_sides(instrument);
        }
    }

    /// Adds to what working orders of a side hold back.
    #[inline]
    pub fn reserve(&mut self, instrument: u32, side: OrderSide, change: Money) {
        let row = &mut self.instruments[instrument as usize];
        if let Some(sides) = &mut row.sides {
            *sides.side(side) += change;
            return self.settle_sides(instrument);
        }
        self.totals[usize::from(row.settle)] += change;
        row.reserved += change;
    }

    /// Brings what an instrument holds back to what its two sides make of it.
    #[cold]
    fn settle_sides(&mut self, instrument: u32) {
        let row = &mut self.instruments[instrument as usize];
        let Some(sides) = &row.sides else { return };
        let wanted = sides.beyond(row.position);
        self.totals[usize::from(row.settle)] += wanted - row.reserved;
        row.reserved = wanted;
    }

    /// How much larger the exposure gets at worst by so much more to buy or to sell.
    #[inline]
    pub(crate) fn increase(&self, instrument: u32, side: OrderSide, added: Money) -> Money {
        match self.instruments.get(instrument as usize).and_then(|row| row.sides.as_deref()) {
            Some(sides) => self.increase_of(instrument, *sides, side, added),
            None => added,
        }
    }

    #[cold]
    fn increase_of(&self, instrument: u32, mut sides: Sides, side: OrderSide, added: Money) -> Money {
        *sides.side(side) += added;
        sides.beyond(self.position(instrument)) - self.reserved(instrument)
    }

    /// Whether slots of both sides share an instrument's book; changed only while nothing is held back.
    pub(crate) fn net_sides(&mut self, instrument: u32, nets: bool) {
        let sides = &mut self.instruments[instrument as usize].sides;
        match (nets, sides.is_some()) {
            (true, false) => *sides = Some(Box::default()),
            (false, true) => *sides = None,
            (true, true) | (false, false) => {}
        }
    }
}

impl Exposure {
    /// Whether a stored exposure is of these instruments, and its sums are theirs. Whether the parts are right is an
    /// invariant's question.
    pub(crate) fn check_sound(&self, rules: &[Instrument], amounts: &mut Amounts) -> Sound {
        let count = self.instruments.len();
        hold(count == rules.len(), "exposure.instruments", count, "each instrument has one")?;
        let mut summed = Exposure::default();
        for ((place, row), rules) in (0_u32..).zip(&self.instruments).zip(rules) {
            amounts.add(format_args!("exposure.instruments[{place}].position"), row.position.0)?;
            amounts.add(format_args!("exposure.instruments[{place}].reserved"), row.reserved.0)?;
            summed.open_instrument(rules.settle);
            hold(
                row.sides.is_some() == rules.nets(),
                format_args!("exposure.instruments[{place}].sides"),
                row.sides.is_some(),
                "they are there where slots of both sides share the book",
            )?;
            match &row.sides {
                Some(sides) => {
                    amounts.add(format_args!("exposure.instruments[{place}].sides.buys"), sides.buys.0)?;
                    amounts.add(format_args!("exposure.instruments[{place}].sides.sells"), sides.sells.0)?;
                    summed.net_sides(place, true);
                    summed.reserve(place, OrderSide::Buy, sides.buys);
                    summed.reserve(place, OrderSide::Sell, sides.sells);
                    summed.set_position(place, row.position, sides.short);
                }
                None => {
                    summed.set_position(place, row.position, false);
                    summed.reserve(place, OrderSide::Buy, row.reserved);
                }
            }
        }
        hold(
            summed == *self,
            "exposure.totals",
            &self.totals,
            "they are not the sums of the instruments by asset",
        )
    }
}
