//! The transition table: what every stage does with every symbol. There is no other place that says it.
//!
//! A [`Symbol`] is an input boiled down to what matters for the stage (see [`super::classify`]). Each row of
//! [`TABLE`] is one symbol; its nine cells are the nine stages in the order of [`TradeStage::ALL`]. The array types
//! leave no cell out, and the assertions below stop the build if a row stands in the wrong place.

use serde::{Deserialize, Serialize};

use crate::names::{KernelDiagnosticCode, TradeStage, named};

named! {
    /// What happened, as far as a slot's stage is concerned.
    Symbol {
        /// An ENTER intent passed all checks.
        Enter = "ENTER",
        /// An EXIT intent, and there is a position.
        Exit = "EXIT",
        /// An EXIT intent, and there is none.
        ExitFlat = "EXIT_FLAT",
        /// A CANCEL intent that found its order.
        Cancel = "CANCEL",
        /// The entry order left for the venue.
        EntryReleased = "ENTRY_RELEASED",
        /// The venue has the entry order.
        EntryAcked = "ENTRY_ACKED",
        /// A part of the entry filled, the rest works.
        EntryPartFilled = "ENTRY_PART_FILLED",
        /// The entry filled to its end.
        EntryFilled = "ENTRY_FILLED",
        /// An entry filled after it had ended; another may be at work, where an operator gave the slot two.
        EntryLateFilled = "ENTRY_LATE_FILLED",
        /// The entry is over, and the slot holds nothing: it ended unfilled, or what it filled closed other trades.
        EntryEndedFlat = "ENTRY_ENDED_FLAT",
        /// The entry ended, and the slot holds what was filled.
        EntryEndedOpen = "ENTRY_ENDED_OPEN",
        /// The entry ended while an exit is at work.
        EntryEndedExiting = "ENTRY_ENDED_EXITING",
        /// A request about the entry was not answered.
        EntryDoubt = "ENTRY_DOUBT",
        /// News of the entry that moves neither quantity nor life (pending, refused cancel).
        EntryReported = "ENTRY_REPORTED",
        /// The exit order left for the venue.
        ExitReleased = "EXIT_RELEASED",
        /// The venue has the exit order.
        ExitAcked = "EXIT_ACKED",
        /// A part of the exit filled, the rest works.
        ExitPartFilled = "EXIT_PART_FILLED",
        /// The exit is over, a position is left, nothing else works.
        ExitDoneOpen = "EXIT_DONE_OPEN",
        /// The exit is over, nothing is left, nothing else works.
        ExitDoneFlat = "EXIT_DONE_FLAT",
        /// The exit is over, and the entry still works.
        ExitDoneEntryWorking = "EXIT_DONE_ENTRY_WORKING",
        /// The exit filled after it had ended; a position is left, or other orders work, or none was there.
        ExitLateFilled = "EXIT_LATE_FILLED",
        /// The exit filled after it had ended, and that closed the position.
        ExitLateFilledFlat = "EXIT_LATE_FILLED_FLAT",
        /// A request about the exit was not answered.
        ExitDoubt = "EXIT_DOUBT",
        /// News of the exit that moves neither quantity nor life.
        ExitReported = "EXIT_REPORTED",
        /// An AMEND intent that found its order.
        Amend = "AMEND",
        /// An ended entry works again: it was amended up, or a fill of it was busted.
        EntryReopened = "ENTRY_REOPENED",
        /// An ended exit works again.
        ExitReopened = "EXIT_REOPENED",
        /// The position changed past the slot's orders (liquidation, bust, override), and the stage did not.
        PositionMoved = "POSITION_MOVED",
        /// The position went past the slot's orders, and nothing works.
        PositionGone = "POSITION_GONE",
        /// A free slot has a position: adopted, or back by a bust.
        PositionBack = "POSITION_BACK",
        /// The newest exit is over, and the one before it is on its way to the venue.
        ExitDoneOtherSent = "EXIT_DONE_OTHER_SENT",
        /// The newest exit is over, and the one before it works.
        ExitDoneOtherWorking = "EXIT_DONE_OTHER_WORKING",
        /// An exit before the newest was acknowledged, filled or ended: the newest says what the stage is.
        OtherExitMoved = "OTHER_EXIT_MOVED",
        /// An ENTER that adds to the trade passed all checks; no other entry of it works.
        Add = "ADD",
        /// The exit is over, and an added entry is on its way to the venue.
        ExitDoneEntrySent = "EXIT_DONE_ENTRY_SENT",
    }
}

/// What one stage does with one symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// Take it and be in this stage afterwards.
    Go(TradeStage),
    /// Take no notice; the code says why.
    Ignore(KernelDiagnosticCode),
    /// Say no. For an intent: the answer. For anything else: it cannot happen, and is an alarm if it does.
    Refuse(KernelDiagnosticCode),
}

/// The number of stages.
pub const STAGES: usize = TradeStage::ALL.len();
/// The number of symbols.
pub const SYMBOLS: usize = Symbol::ALL.len();

const REQ: Rule = Rule::Go(TradeStage::OrderRequested);
const SNT: Rule = Rule::Go(TradeStage::OrderSent);
const WRK: Rule = Rule::Go(TradeStage::EntryWorking);
const OPN: Rule = Rule::Go(TradeStage::PositionOpen);
const XRQ: Rule = Rule::Go(TradeStage::ExitRequested);
const XSN: Rule = Rule::Go(TradeStage::ExitSent);
const XWK: Rule = Rule::Go(TradeStage::ExitWorking);
const CLO: Rule = Rule::Go(TradeStage::Closed);
/// Too late to matter.
#[allow(non_upper_case_globals)] // lower case keeps what moves nothing out of the eye's way
const old: Rule = Rule::Ignore(KernelDiagnosticCode::StaleEvent);
/// Cannot happen.
#[allow(non_upper_case_globals)]
const xxx: Rule = Rule::Refuse(KernelDiagnosticCode::IllegalTransition);
#[allow(non_upper_case_globals)]
const busy: Rule = Rule::Refuse(KernelDiagnosticCode::SlotBusy);
#[allow(non_upper_case_globals)]
const flat: Rule = Rule::Refuse(KernelDiagnosticCode::NoPosition);
#[allow(non_upper_case_globals)]
const none: Rule = Rule::Refuse(KernelDiagnosticCode::NoActiveOrder);

/// One row per symbol, one cell per stage. Nothing happens in EXIT_REQUESTED but the release: an exit is requested and
/// released within one step.
#[rustfmt::skip]
pub const TABLE: [(Symbol, [Rule; STAGES]); SYMBOLS] = [
    //                              IDLE  O_REQ O_SNT E_WRK P_OPN X_REQ X_SNT X_WRK CLOSED
    (Symbol::Enter,                [REQ,  busy, busy, busy, busy, busy, busy, busy, REQ ]),
    (Symbol::Exit,                 [flat, flat, XRQ,  XRQ,  XRQ,  busy, XRQ,  XRQ,  flat]),
    (Symbol::ExitFlat,             [flat, flat, flat, flat, flat, flat, flat, flat, flat]),
    (Symbol::Cancel,               [none, REQ,  SNT,  WRK,  none, xxx,  XSN,  XWK,  none]),
    (Symbol::EntryReleased,        [xxx,  SNT,  xxx,  xxx,  xxx,  xxx,  XSN,  XWK,  xxx ]),
    (Symbol::EntryAcked,           [xxx,  xxx,  WRK,  xxx,  xxx,  xxx,  XSN,  XWK,  xxx ]),
    (Symbol::EntryPartFilled,      [xxx,  xxx,  WRK,  WRK,  xxx,  xxx,  XSN,  XWK,  xxx ]),
    (Symbol::EntryFilled,          [xxx,  xxx,  OPN,  OPN,  xxx,  xxx,  XSN,  XWK,  xxx ]),
    (Symbol::EntryLateFilled,      [xxx,  REQ,  SNT,  WRK,  OPN,  xxx,  XSN,  XWK,  OPN ]),
    (Symbol::EntryEndedFlat,       [xxx,  CLO,  CLO,  CLO,  xxx,  xxx,  xxx,  xxx,  CLO ]),
    (Symbol::EntryEndedOpen,       [xxx,  OPN,  OPN,  OPN,  xxx,  xxx,  xxx,  xxx,  xxx ]),
    (Symbol::EntryEndedExiting,    [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  XSN,  XWK,  xxx ]),
    (Symbol::EntryDoubt,           [old,  old,  SNT,  WRK,  old,  xxx,  XSN,  XWK,  old ]),
    (Symbol::EntryReported,        [old,  old,  SNT,  WRK,  old,  xxx,  XSN,  XWK,  old ]),
    (Symbol::ExitReleased,         [xxx,  xxx,  xxx,  xxx,  xxx,  XSN,  xxx,  xxx,  xxx ]),
    (Symbol::ExitAcked,            [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  XWK,  xxx,  xxx ]),
    (Symbol::ExitPartFilled,       [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  XWK,  XWK,  xxx ]),
    (Symbol::ExitDoneOpen,         [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  OPN,  OPN,  xxx ]),
    (Symbol::ExitDoneFlat,         [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  CLO,  CLO,  xxx ]),
    (Symbol::ExitDoneEntryWorking, [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  WRK,  WRK,  xxx ]),
    (Symbol::ExitLateFilled,       [xxx,  REQ,  SNT,  WRK,  OPN,  xxx,  XSN,  XWK,  CLO ]),
    (Symbol::ExitLateFilledFlat,   [xxx,  xxx,  xxx,  xxx,  CLO,  xxx,  xxx,  xxx,  xxx ]),
    (Symbol::ExitDoubt,            [old,  old,  old,  old,  old,  xxx,  XSN,  XWK,  old ]),
    (Symbol::ExitReported,         [old,  old,  old,  old,  old,  xxx,  XSN,  XWK,  old ]),
    (Symbol::Amend,                [none, none, SNT,  WRK,  OPN,  none, XSN,  XWK,  none]),
    (Symbol::EntryReopened,        [xxx,  xxx,  xxx,  xxx,  WRK,  xxx,  XSN,  XWK,  WRK ]),
    (Symbol::ExitReopened,         [xxx,  xxx,  xxx,  XWK,  XWK,  xxx,  XSN,  XWK,  XWK ]),
    (Symbol::PositionMoved,        [xxx,  REQ,  SNT,  WRK,  OPN,  xxx,  XSN,  XWK,  xxx ]),
    (Symbol::PositionGone,         [xxx,  xxx,  xxx,  xxx,  CLO,  xxx,  xxx,  xxx,  xxx ]),
    (Symbol::PositionBack,         [OPN,  xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  OPN ]),
    (Symbol::ExitDoneOtherSent,    [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  XSN,  XSN,  xxx ]),
    (Symbol::ExitDoneOtherWorking, [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  XWK,  XWK,  xxx ]),
    (Symbol::OtherExitMoved,       [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  XSN,  XWK,  xxx ]),
    (Symbol::Add,                  [flat, busy, busy, busy, REQ,  busy, XSN,  XWK,  flat]),
    (Symbol::ExitDoneEntrySent,    [xxx,  xxx,  xxx,  xxx,  xxx,  xxx,  SNT,  SNT,  xxx ]),
];

const _: () = {
    let mut row = 0;
    while row < SYMBOLS {
        assert!(TABLE[row].0 as usize == row, "a row of the transition table stands in the wrong place");
        row = row.wrapping_add(1);
    }
    let mut stage = 0;
    while stage < STAGES {
        assert!(TradeStage::ALL[stage] as usize == stage, "the stages are out of order");
        stage = stage.wrapping_add(1);
    }
};

/// What `stage` does with `symbol`.
#[inline]
pub fn rule(stage: TradeStage, symbol: Symbol) -> Rule {
    TABLE[symbol as usize].1[stage as usize]
}

/// The number of that cell, as transitions report it.
#[inline]
pub fn rule_number(stage: TradeStage, symbol: Symbol) -> u16 {
    (symbol as u16).wrapping_mul(STAGES as u16).wrapping_add(stage as u16)
}
