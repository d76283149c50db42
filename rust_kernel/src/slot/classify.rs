//! From facts to the table's words: the stage that a slot's facts mean, and the symbol that a change means.

use super::table::Symbol;
use crate::names::{TradeStage, VenueOrderStatus};
use crate::order::OrderRole;

/// What the stage is a function of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The entry order's status, while it is live.
    pub entry: Option<VenueOrderStatus>,
    /// The newest exit order's status, while it is live.
    pub exit: Option<VenueOrderStatus>,
    /// True where the slot holds a position.
    pub holds: bool,
    /// True where the slot has carried a trade.
    pub used: bool,
}

/// The stage of a slot: a pure function of its entry order, its position and its exit order.
#[inline]
pub fn stage_of(facts: Facts) -> TradeStage {
    match (facts.exit, facts.entry, facts.holds, facts.used) {
        (Some(VenueOrderStatus::New), _, _, _) => TradeStage::ExitRequested,
        (Some(VenueOrderStatus::Sent), _, _, _) => TradeStage::ExitSent,
        (Some(_), _, _, _) => TradeStage::ExitWorking,
        (None, Some(VenueOrderStatus::New), _, _) => TradeStage::OrderRequested,
        (None, Some(VenueOrderStatus::Sent), _, _) => TradeStage::OrderSent,
        (None, Some(_), _, _) => TradeStage::EntryWorking,
        (None, None, true, _) => TradeStage::PositionOpen,
        (None, None, false, true) => TradeStage::Closed,
        (None, None, false, false) => TradeStage::Idle,
    }
}

/// A change of one order of a slot, as seen after it was booked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The venue has it.
    Acked,
    /// It filled.
    Filled,
    /// It filled after it had ended.
    LateFilled,
    /// It ended.
    Ended,
    /// A request about it was not answered.
    Doubted,
    /// News that move neither quantity nor life.
    Reported,
    /// It had ended, and works again.
    Reopened,
}

/// The table's symbol for a change of an order in that role, given the slot's facts afterwards.
#[inline]
pub fn symbol(role: OrderRole, change: Change, facts: Facts) -> Option<Symbol> {
    match role {
        OrderRole::Entry => Some(entry_symbol(change, facts)),
        OrderRole::Exit => Some(exit_symbol(change, facts)),
        OrderRole::External => None,
    }
}

#[inline]
fn entry_symbol(change: Change, facts: Facts) -> Symbol {
    match change {
        Change::Acked => Symbol::EntryAcked,
        Change::Filled if facts.entry.is_some() => Symbol::EntryPartFilled,
        Change::Filled => Symbol::EntryFilled,
        Change::LateFilled => Symbol::EntryLateFilled,
        Change::Ended if facts.exit.is_some() => Symbol::EntryEndedExiting,
        Change::Ended if facts.holds => Symbol::EntryEndedOpen,
        Change::Ended => Symbol::EntryEndedFlat,
        Change::Doubted => Symbol::EntryDoubt,
        Change::Reported => Symbol::EntryReported,
        Change::Reopened => Symbol::EntryReopened,
    }
}

#[inline]
fn exit_symbol(change: Change, facts: Facts) -> Symbol {
    match change {
        Change::Acked => Symbol::ExitAcked,
        Change::Filled if facts.exit.is_some() => Symbol::ExitPartFilled,
        Change::Filled | Change::Ended => match (facts.entry.is_some(), facts.holds) {
            (true, _) => Symbol::ExitDoneEntryWorking,
            (false, true) => Symbol::ExitDoneOpen,
            (false, false) => Symbol::ExitDoneFlat,
        },
        Change::LateFilled => Symbol::ExitLateFilled,
        Change::Doubted => Symbol::ExitDoubt,
        Change::Reported => Symbol::ExitReported,
        Change::Reopened => Symbol::ExitReopened,
    }
}

/// The table's symbol for a position that changed past the slot's orders, given the stage before and the facts
/// afterwards. `None` where a free slot stays free: nothing of it has changed.
pub fn position_symbol(before: TradeStage, facts: Facts) -> Option<Symbol> {
    match (before.is_free(), stage_of(facts).is_free()) {
        (true, true) => None,
        (true, false) => Some(Symbol::PositionBack),
        (false, true) => Some(Symbol::PositionGone),
        (false, false) => Some(Symbol::PositionMoved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::table::{Rule, rule};

    const LIVE: [Option<VenueOrderStatus>; 6] = [
        None,
        Some(VenueOrderStatus::New),
        Some(VenueOrderStatus::Sent),
        Some(VenueOrderStatus::Acked),
        Some(VenueOrderStatus::PartiallyFilled),
        Some(VenueOrderStatus::PendingCancel),
    ];

    #[test]
    fn the_table_never_contradicts_the_stage_function() {
        // Wherever the table goes somewhere on a fill's or an end's symbol, it must be where the facts say.
        let mut checked = 0;
        for entry in LIVE {
            for exit in LIVE {
                for holds in [false, true] {
                    let facts = Facts { entry, exit, holds, used: true };
                    for role in [OrderRole::Entry, OrderRole::Exit] {
                        let Some(symbol) = symbol(role, Change::Ended, facts) else { continue };
                        for &stage in TradeStage::ALL {
                            if let Rule::Go(next) = rule(stage, symbol)
                                && exit.is_none()
                                && entry.is_none()
                            {
                                assert_eq!(next, stage_of(facts), "{stage} {symbol}");
                                checked += 1;
                            }
                        }
                    }
                }
            }
        }
        assert!(checked > 5, "{checked}");
    }
}
