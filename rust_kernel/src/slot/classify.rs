//! From facts to the table's words: the stage that a slot's facts mean, and the symbol that a change means.

use super::table::Symbol;
use crate::names::{TradeStage, VenueOrderStatus};
use crate::order::OrderRole;

/// What the stage is a function of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The entry order's status, while it is live.
    pub entry: Option<VenueOrderStatus>,
    /// The newest live exit order's status.
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
    /// The venue refused to cancel it.
    CancelRefused,
}

/// Which of a slot's orders changed, and whether it still works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat {
    /// What the order is for.
    pub role: OrderRole,
    /// True for an entry, and for the exit that was the newest live one before the change.
    pub newest: bool,
    /// True while the order has not ended.
    pub live: bool,
}

/// The table's symbol for a change of an order in that seat, given the slot's facts afterwards.
#[inline]
pub fn symbol(seat: Seat, change: Change, facts: Facts) -> Option<Symbol> {
    match seat.role {
        OrderRole::Entry => Some(entry_symbol(change, facts)),
        OrderRole::Exit => Some(exit_symbol(seat, change, facts)),
        OrderRole::External => None,
    }
}

#[inline]
fn entry_symbol(change: Change, facts: Facts) -> Symbol {
    match change {
        Change::Acked => Symbol::EntryAcked,
        Change::Filled if facts.entry.is_some() => Symbol::EntryPartFilled,
        Change::Filled if facts.holds || facts.exit.is_some() => Symbol::EntryFilled,
        // All of it closed other trades.
        Change::Filled => Symbol::EntryEndedFlat,
        Change::LateFilled if facts.holds || facts.entry.is_some() || facts.exit.is_some() => {
            Symbol::EntryLateFilled
        }
        Change::LateFilled => Symbol::EntryEndedFlat,
        Change::Ended if facts.exit.is_some() => Symbol::EntryEndedExiting,
        Change::Ended if facts.holds => Symbol::EntryEndedOpen,
        Change::Ended => Symbol::EntryEndedFlat,
        Change::Doubted => Symbol::EntryDoubt,
        Change::Reported | Change::CancelRefused => Symbol::EntryReported,
        Change::Reopened => Symbol::EntryReopened,
    }
}

#[inline]
fn exit_symbol(seat: Seat, change: Change, facts: Facts) -> Symbol {
    match change {
        Change::LateFilled => Symbol::ExitLateFilled,
        Change::Doubted => Symbol::ExitDoubt,
        Change::Reported | Change::CancelRefused => Symbol::ExitReported,
        Change::Reopened => Symbol::ExitReopened,
        Change::Acked | Change::Filled | Change::Ended if !seat.newest => Symbol::OtherExitMoved,
        Change::Acked => Symbol::ExitAcked,
        Change::Filled if seat.live => Symbol::ExitPartFilled,
        Change::Filled | Change::Ended => match (facts.exit, facts.entry, facts.holds) {
            (Some(VenueOrderStatus::New | VenueOrderStatus::Sent), _, _) => Symbol::ExitDoneOtherSent,
            (Some(_), _, _) => Symbol::ExitDoneOtherWorking,
            (None, Some(VenueOrderStatus::Sent), _) => Symbol::ExitDoneEntrySent,
            (None, Some(_), _) => Symbol::ExitDoneEntryWorking,
            (None, None, true) => Symbol::ExitDoneOpen,
            (None, None, false) => Symbol::ExitDoneFlat,
        },
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
    /// An exit never rests unsent: what is left when another is over is sent or works.
    const EXITS: [Option<VenueOrderStatus>; 4] = [LIVE[0], LIVE[2], LIVE[3], LIVE[5]];
    /// An entry beside an exit has filled in part, or adds to what is held: it is sent, works, or has ended.
    const ENTRIES: [Option<VenueOrderStatus>; 4] = [LIVE[0], LIVE[2], LIVE[4], LIVE[5]];

    #[test]
    fn an_order_that_ends_leaves_its_slot_where_the_facts_say() {
        let mut checked = 0;
        for entry in ENTRIES {
            for exit in EXITS {
                for holds in [false, true] {
                    let facts = Facts { entry, exit, holds, used: true };
                    for (role, newest) in
                        [(OrderRole::Entry, true), (OrderRole::Exit, true), (OrderRole::Exit, false)]
                    {
                        // An older exit has a newer one beside it; an ended entry is not live.
                        let apart = (role == OrderRole::Exit && !newest && exit.is_none())
                            || (role == OrderRole::Entry && entry.is_some());
                        let seat = Seat { role, newest, live: false };
                        let Some(symbol) = symbol(seat, Change::Ended, facts).filter(|_| !apart) else {
                            continue;
                        };
                        for &stage in TradeStage::ALL {
                            let exits = matches!(stage, TradeStage::ExitSent | TradeStage::ExitWorking);
                            // Where the change is not the newest exit's, the stage was what the facts say before.
                            let before = newest && role == OrderRole::Exit && exits;
                            let unmoved = exit.is_some() && stage == stage_of(facts);
                            if let Rule::Go(next) = rule(stage, symbol)
                                && (before || unmoved || exit.is_none())
                            {
                                assert_eq!(next, stage_of(facts), "{stage} {symbol} {facts:?}");
                                checked += 1;
                            }
                        }
                    }
                }
            }
        }
        assert!(checked > 40, "{checked}");
    }

    #[test]
    fn a_change_of_an_older_exit_leaves_the_stage_to_the_newest() {
        let seat = Seat { role: OrderRole::Exit, newest: false, live: true };
        for exit in [VenueOrderStatus::Sent, VenueOrderStatus::Acked] {
            for holds in [false, true] {
                let facts = Facts { entry: None, exit: Some(exit), holds, used: true };
                for change in [Change::Acked, Change::Filled, Change::Ended, Change::LateFilled] {
                    let stage = stage_of(facts);
                    let symbol = symbol(seat, change, facts).unwrap_or(Symbol::Enter);
                    assert_eq!(rule(stage, symbol), Rule::Go(stage), "{stage} {symbol}");
                }
            }
        }
    }
}
