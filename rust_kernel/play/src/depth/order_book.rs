//! A live order book: raw messages in, the best levels and the depth out, and word of what it needs.

use dita_kernel::names::OrderSide;
use dita_kernel::num::{Decimal, MONEY_SCALE, pow10};
use dita_sim::{Ladder, Level as Rung};

use super::message::{Level, Levels, Message, read_message};
use super::sequence::{Counts, Sequence, Verdict};
use crate::fault::Fault;

/// What a message did to the book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// It is of another kind, or about another instrument.
    Nothing,
    /// Of the book, by its number.
    Depth(Verdict),
    /// The book was crossed by it (a bid at or above an ask): it is wrong, and a snapshot is needed.
    Crossed,
}

/// One instrument's order book.
///
/// Prices and sizes are kept at eighteen decimal places, and given with as many as the venue has written.
#[derive(Clone, Debug)]
pub struct OrderBook {
    symbol: String,
    sequence: Sequence,
    sides: Sides,
    crossed: u64,
    changes: u64,
}

#[derive(Clone, Debug)]
struct Sides {
    bids: Ladder,
    asks: Ladder,
    /// The most decimal places that prices and sizes were written with.
    places: [u8; 2],
}

impl OrderBook {
    /// A book of which nothing is known yet.
    pub fn new(symbol: &str) -> OrderBook {
        OrderBook {
            symbol: symbol.to_owned(),
            sequence: Sequence::default(),
            sides: Sides {
                bids: Ladder::new(OrderSide::Buy),
                asks: Ladder::new(OrderSide::Sell),
                places: [0; 2],
            },
            crossed: 0,
            changes: 0,
        }
    }

    /// Takes a raw message: a change of the book, or the whole of it as the venue answers a request for it. A whole book does
    /// not say of which instrument it is: that is the caller's to know.
    ///
    /// # Errors
    /// It cannot be read: the book is as it was. A number that the book cannot hold: the book is reset.
    pub fn take(&mut self, text: &str) -> Result<Said, Fault> {
        let message = read_message(text)?;
        if message.symbol().is_some_and(|symbol| symbol != self.symbol) {
            return Ok(Said::Nothing);
        }
        let (sides, changes) = (&mut self.sides, &mut self.changes);
        let mut unfit = None;
        let hand_on = |levels: Levels, whole: bool| {
            *changes += levels.count();
            unfit = unfit.take().or(sides.apply(&levels, whole).err());
        };
        let verdict = match message {
            Message::Update { update, .. } => self.sequence.update(update, hand_on),
            Message::Snapshot(snapshot) => self.sequence.snapshot(snapshot, hand_on),
            Message::Gap { .. } => self.sequence.cut(hand_on),
            Message::Quote { .. } | Message::Trade { .. } | Message::Other(_) => return Ok(Said::Nothing),
        };
        if let Some(fault) = unfit {
            self.reset();
            return Err(fault);
        }
        if self.sides.is_crossed() {
            self.crossed += 1;
            self.reset();
            return Ok(Said::Crossed);
        }
        Ok(Said::Depth(verdict))
    }

    /// Forgets the book, as where the stream was cut: a snapshot is needed.
    pub fn reset(&mut self) {
        self.sequence.reset();
        self.sides.clear();
    }

    /// The instrument.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// True while there is no book that may be used.
    pub fn needs_snapshot(&self) -> bool {
        self.sequence.needs_snapshot()
    }

    /// The venue's number of the last update that the book holds.
    pub fn last_update(&self) -> Option<u64> {
        self.sequence.last()
    }

    /// The best levels of the bids, at most so many.
    pub fn bids(&self, count: usize) -> Vec<Level> {
        self.sides.best(&self.sides.bids, count)
    }

    /// The best levels of the asks, at most so many.
    pub fn asks(&self, count: usize) -> Vec<Level> {
        self.sides.best(&self.sides.asks, count)
    }

    /// How many levels each side has.
    pub fn depth(&self) -> (usize, usize) {
        (self.sides.bids.count(), self.sides.asks.count())
    }

    /// What was seen so far.
    pub fn counts(&self) -> Counts {
        self.sequence.counts()
    }

    /// How many levels were set or removed, and how many books were crossed.
    pub fn applied(&self) -> (u64, u64) {
        (self.changes, self.crossed)
    }
}

impl Sides {
    fn apply(&mut self, levels: &Levels, whole: bool) -> Result<(), Fault> {
        if whole {
            self.clear();
        }
        for (ladder, levels) in [(&mut self.bids, &levels.bids), (&mut self.asks, &levels.asks)] {
            for &(price, size) in levels {
                for (places, number) in self.places.iter_mut().zip([price, size]) {
                    *places = (*places).max(number.scale());
                }
                ladder.set(Rung { price: fine(price)?, size: fine(size)? });
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    fn is_crossed(&self) -> bool {
        self.bids.best().zip(self.asks.best()).is_some_and(|(bid, ask)| bid.price >= ask.price)
    }

    fn best(&self, ladder: &Ladder, count: usize) -> Vec<Level> {
        let [price_places, size_places] = self.places;
        let level = |rung: Rung| Some((plain(rung.price, price_places)?, plain(rung.size, size_places)?));
        ladder.levels().take(count).filter_map(level).collect()
    }
}

fn fine(number: Decimal) -> Result<i128, Fault> {
    let unfit = |_| Fault::text("a number with more than 18 decimal places, or too large: ").value(number);
    number.at_scale(MONEY_SCALE).map_err(unfit)
}

/// A number of the book with so many decimal places, which hold it: none was written with more. One that is too long with
/// them is given with fewer.
fn plain(mantissa: i128, places: u8) -> Option<Decimal> {
    let unit = pow10(MONEY_SCALE.checked_sub(places)?)?;
    let plain = Decimal::new(mantissa.checked_div(unit)?, places);
    plain.or_else(|_| Decimal::normalized(mantissa, MONEY_SCALE)).ok()
}
