//! One fill of an order, and the busts and corrections of it.

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::Liquidity;
use crate::num::{Money, Price, Qty};

/// One fill as it was booked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fill {
    /// The venue's trade id; empty for an inferred fill.
    pub venue_trade_id: Id,
    /// Unsigned quantity.
    pub qty: Qty,
    /// Price.
    pub price: Price,
    /// The fee booked so far, + a charge.
    pub fee: Money,
    /// The asset it was booked in.
    pub fee_asset: u16,
    /// The realised PnL booked to the wallet so far.
    pub realized: Money,
    /// How much of the position it closed, unsigned; the rest of it opened.
    pub closed: Qty,
    /// Maker or taker, as far as known.
    pub liquidity: Liquidity,
    /// True where the venue did not say which, and we assumed it.
    pub liquidity_assumed: bool,
    /// True while the fee is our prediction.
    pub fee_predicted: bool,
    /// True once the venue's own figures are booked.
    pub settled: bool,
    /// True where the venue told the profit: no price that comes later moves it.
    pub profit_told: bool,
    /// True where only a cumulative quantity told of it.
    pub inferred: bool,
    /// True where the price is not the venue's.
    pub price_pending: bool,
    /// True where the venue took it back: its quantity and money are zero by now.
    pub busted: bool,
    /// True where the venue forced it on the account, and slots that held the position have given for it.
    pub forced: bool,
    /// Its entry in the book of its position side; 0 where it has none.
    pub entry: u64,
    /// The input that booked it: fills of several orders are put in sequence by it.
    pub seq: u64,
    /// The venue's time of it, ns; 0 where it has none.
    pub venue_time_ns: i64,
    /// What it closed of other slots' trades, oldest first; the rest of it opened.
    pub pairs: Option<Box<[Pair]>>,
}

impl Fill {
    /// What it opened in its own slot, and what that was worth of `value`, the whole's.
    pub(crate) fn opened(&self, value: Money) -> (Qty, Money) {
        let pairs = self.pairs.as_deref().unwrap_or_default();
        pairs.iter().fold((self.qty, value), |(qty, value), pair| (qty - pair.qty, value - pair.value))
    }
}

/// What a fill closed of a trade in another slot before it opened its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pair {
    /// The slot that the trade was in.
    pub slot_id: u32,
    /// The slot's trade of then.
    pub trade_number: u64,
    /// How much of it, unsigned.
    pub qty: Qty,
    /// What that was worth at the fill's price, unsigned.
    pub value: Money,
    /// What of the trade's cost went with it, signed as that.
    pub released: Money,
}

/// The id of a bust or correction, and the fill that it was about.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Correction {
    /// The venue's id of it: a later correction may refer to this one.
    pub id: Id,
    /// The fill's position in its order.
    pub fill_at: u32,
    /// True where the id is a trade's: the venue settles the corrected fill by it, and no more by the fill's own.
    pub settles: bool,
}

/// True for the record of a fill that was settled before any event brought it: its money, none of its quantity.
#[inline]
pub(super) fn is_unseen(fill: &Fill) -> bool {
    fill.qty.is_zero() && !fill.busted
}

/// The venue's time of the last one.
#[inline]
pub(super) fn last_filled(fills: &[Fill]) -> i64 {
    fills.iter().map(|fill| fill.venue_time_ns).max().unwrap_or(i64::MIN)
}
