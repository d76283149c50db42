//! What a market says.

use dita_kernel::num::Decimal;

/// One event of a market, with its time.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// When it was, ns since 1970; of a bar its opening.
    pub time_ns: i64,
    /// What it is.
    pub what: EventKind,
}

/// What it is.
#[derive(Clone, PartialEq, Debug)]
pub enum EventKind {
    /// The best bid and ask; a size may not be told.
    Quote {
        /// Best bid.
        bid: Decimal,
        /// Size at the bid.
        bid_size: Option<Decimal>,
        /// Best ask.
        ask: Decimal,
        /// Size at the ask.
        ask_size: Option<Decimal>,
    },
    /// A trade of others.
    Trade {
        /// Its price.
        price: Decimal,
        /// Its size.
        size: Decimal,
        /// True where the taker sold.
        buyer_is_maker: bool,
    },
    /// Open, high, low, close and volume.
    Bar([Decimal; 5]),
    /// Levels of the book.
    Depth(Box<Depth>),
}

/// A change of the book, or the whole of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Depth {
    /// Price and size; size 0 removes the level.
    pub bids: Vec<(Decimal, Decimal)>,
    /// The same of the other side.
    pub asks: Vec<(Decimal, Decimal)>,
    /// True where this is the whole book.
    pub snapshot: bool,
}

impl Event {
    /// True for a bar.
    pub fn is_bar(&self) -> bool {
        matches!(self.what, EventKind::Bar(_))
    }
}
