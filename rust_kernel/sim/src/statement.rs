//! What the venue has booked, trade by trade and entry by entry: its own account statement, for whoever has to find out
//! where another account of the same trades went wrong.

use dita_kernel::id::Id;
use dita_kernel::names::OrderSide;
use dita_kernel::num::Money;

use crate::venue::SimVenue;

/// One line of the statement.
#[derive(Clone, PartialEq, Debug)]
pub struct StatementLine {
    /// The instrument; empty where the entry has none.
    pub symbol: Id,
    /// The trade's id, or the wallet entry's.
    pub id: Id,
    /// The trade's side; an entry has none.
    pub side: Option<OrderSide>,
    /// The venue's time, ns.
    pub time_ns: i64,
    /// Profit before fees, or the entry's amount; spot trades have none.
    pub amount: Money,
    /// Its asset.
    pub asset: Id,
    /// What was charged, in the asset of the account that paid it.
    pub fee: Money,
    /// That asset.
    pub fee_asset: Id,
    /// True for funding.
    pub is_funding: bool,
    /// True where it was taken back, or replaced by a correction.
    pub gone: bool,
}

impl SimVenue {
    /// Writes down from here on what is booked.
    pub fn keep_statement(&mut self) {
        self.desk.statement.get_or_insert_default();
    }

    /// What was booked since, the oldest first.
    pub fn statement(&self) -> &[StatementLine] {
        self.desk.statement.as_deref().unwrap_or_default()
    }
}
