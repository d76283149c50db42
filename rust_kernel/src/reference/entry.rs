//! What a book is made of: entries in the venue's order, and the figures that the venue reports of them.

use alloc::vec::Vec;

use crate::num::{Money, Price, Qty, Rate};

/// A 128-bit key of an execution, a trade bust, a funding boundary or a movement of the kernel's own.
pub type ExecKey = u128;
/// A key of an order: the orders of one book have different ones.
pub type OrderKey = u64;

/// The trade that an order was sent for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Owner {
    /// Its slot.
    pub slot_id: u32,
    /// Which of the slot's trades.
    pub trade_number: u64,
    /// True where the trade is long.
    pub long: bool,
    /// The bot that it is of: only trades of one bot close each other. 0 where there is none.
    pub bot: u32,
}

impl Owner {
    /// True where a quantity lies on the other side than the trade's.
    #[inline]
    pub(super) fn is_against(&self, qty: Qty) -> bool {
        if self.long { qty.0 < 0 } else { qty.0 > 0 }
    }
}

/// Where an entry stands in the venue's order.
///
/// `time_ns` and `sequence` are the caller's statement of that order: the venue's sequence where it has one, else the order of
/// arrival, with the venue's time only for what is older than its clocks are off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Nanoseconds, or 0 where the sequence orders alone.
    pub time_ns: i64,
    /// Within one time.
    pub sequence: u64,
    /// How many revisions behind the entry that has the first two for its own.
    pub revision: u32,
}

impl Place {
    /// Before everything: what carries no stamp of its own stands right behind what it revises.
    pub const UNSTAMPED: Place = Place { time_ns: i64::MIN, sequence: 0, revision: 0 };

    /// Behind everything that is stamped up to a time, as funding is.
    pub fn behind(time_ns: i64) -> Place {
        Place { time_ns, sequence: u64::MAX, revision: 0 }
    }

    /// Right behind another one.
    pub(super) fn after(self) -> Place {
        Place { revision: self.revision.saturating_add(1), ..self }
    }
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// An execution of an order.
    Trade,
    /// A liquidation or auto-deleveraging: it takes from the trades that hold the position, by slot number.
    Forced,
    /// A trade bust: it takes back the entry that [`Entry::revises`] names.
    Undo,
    /// An order's cumulative quantity: what is in it and in no execution received is inferred. Where `average` is set the
    /// price is that of the whole quantity, else of what is inferred.
    Total {
        /// True where the venue reports the average price.
        average: bool,
    },
    /// A funding boundary, at `price`.
    Funding(Rate),
    /// A movement of `qty` (0: all) from the owner to another, at `price` (0: at its cost): an override, dust, an adoption.
    Move(Option<Owner>),
    /// An override: the owner's part becomes `qty` at `cost`. The unassigned position takes what it was more, at `value`.
    Set {
        /// What the part costs from here on.
        cost: Money,
        /// What the quantity is worth that leaves the part, signed.
        value: Money,
    },
    /// The owner's slot is given to another trade: what it still holds becomes unassigned.
    End,
}

/// A fee: + is a charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fee {
    /// How much.
    pub amount: Money,
    /// The asset's place in the kernel's list.
    pub asset: u16,
}

/// One entry. Its figures may come later; they move no position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its key.
    pub key: ExecKey,
    /// Where the venue has it, before [`Entry::revises`] is looked at.
    pub place: Place,
    /// What it is.
    pub kind: EntryKind,
    /// The trade that its order was sent for; none is unassigned.
    pub owner: Option<Owner>,
    /// The order that it is of.
    pub order: OrderKey,
    /// Signed quantity.
    pub qty: Qty,
    /// Price; of a total, its average.
    pub price: Price,
    /// The entry that it revises: a bust's execution, or the bust that a corrected execution follows.
    pub revises: Option<ExecKey>,
    /// The profit that the venue reports of it.
    pub reported: Option<Money>,
    /// The fee: reported, or predicted when the execution was received. None: the fold predicts it.
    pub fee: Option<Fee>,
}

/// What an owner's part of a book got of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part {
    pub(super) owner: Option<Owner>,
    pub(super) qty: Qty,
    pub(super) value: Money,
    pub(super) profit: Money,
}

/// What owners' parts got of an entry: nearly always one of them got it all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Parts {
    first: Option<Part>,
    more: Vec<Part>,
}

impl Parts {
    #[inline]
    pub(super) fn push(&mut self, part: Part) {
        match self.first {
            None => self.first = Some(part),
            Some(_) => self.more.push(part),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.first.iter().chain(&self.more)
    }
}

/// What an entry did: what an undo takes back, and what is kept of an entry behind the window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Effect {
    pub(super) qty: Qty,
    pub(super) value: Money,
    /// The book's profit, not rounded.
    pub(super) exact: Money,
    /// The profit as the wallet has it.
    pub(super) booked: Money,
    pub(super) fee: Fee,
    /// Who paid the fee, and how much smaller a fee in the base asset made the position.
    pub(super) payer: Option<Owner>,
    pub(super) shrunk: Qty,
    pub(super) parts: Parts,
}
