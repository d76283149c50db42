//! Cells of the transition table that no search reaches, and why. The check fails where a cell is neither reached nor
//! listed here, and where it is both.

use std::fmt::{self, Display};

use dita_kernel::names::TradeStage as Stage;
use dita_kernel::slot::table::Symbol;

use super::machine::Cell;

/// A reason, and the cells that it is the reason for.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// The symbols.
    pub symbols: &'static [Symbol],
    /// The stages.
    pub stages: &'static [Stage],
    /// Why nothing reaches them here.
    pub why: &'static str,
}

impl Exception {
    /// True where it is about that cell.
    pub fn covers(&self, (symbol, stage): Cell) -> bool {
        self.symbols.contains(&symbol) && self.stages.contains(&stage)
    }
}

impl Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbols: Vec<&str> = self.symbols.iter().map(|symbol| symbol.name()).collect();
        let stages: Vec<&str> = self.stages.iter().map(|stage| stage.name()).collect();
        write!(f, "{} at {}: {}", symbols.join(", "), stages.join(", "), self.why)
    }
}

/// All of them.
pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        symbols: &[
            Symbol::Cancel,
            Symbol::EntryPartFilled,
            Symbol::EntryFilled,
            Symbol::EntryLateFilled,
            Symbol::EntryEndedExiting,
            Symbol::EntryDoubt,
            Symbol::EntryReported,
            Symbol::ExitDoneOpen,
            Symbol::ExitDoneFlat,
            Symbol::ExitDoneEntryWorking,
            Symbol::ExitLateFilled,
            Symbol::ExitDoubt,
            Symbol::ExitReported,
        ],
        stages: &[Stage::ExitRequested],
        why: "an exit is requested and released within one step",
    },
    Exception {
        symbols: &[Symbol::EntryLateFilled, Symbol::ExitLateFilled],
        stages: &[Stage::OrderRequested, Stage::OrderSent],
        why: "a trade has one entry, unless an operator's override gives it another",
    },
    Exception {
        symbols: &[Symbol::EntryLateFilled],
        stages: &[Stage::EntryWorking],
        why: "a trade has one entry, unless an operator's override gives it another",
    },
    Exception {
        symbols: &[Symbol::EntryEndedOpen],
        stages: &[Stage::OrderSent],
        why: "a fill that the end tells of is booked first, and the stage has moved on by then",
    },
    Exception {
        symbols: &[Symbol::Amend, Symbol::EntryReopened, Symbol::ExitReopened],
        stages: Stage::ALL,
        why: "not searched yet: AMEND, busts and corrections are no actions here",
    },
    Exception {
        symbols: &[Symbol::PositionMoved, Symbol::PositionGone, Symbol::PositionBack],
        stages: Stage::ALL,
        why: "not searched yet: liquidation, ADL, busts, overrides and adoption are no actions here",
    },
];
