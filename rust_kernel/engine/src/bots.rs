//! An account by the bots that share it, as rows that add up to it.

use dita_kernel::kernel::{BotStanding, Kernel};
use dita_kernel::num::Money;

/// A row.
#[derive(Clone, PartialEq, Debug)]
pub struct BotRow {
    /// `bot`, `unassigned` or `between`.
    pub kind: &'static str,
    /// Its figures.
    pub standing: BotStanding,
}

/// The rows of an asset: the bots by name, what is no bot's, and what is between their costs and the account's. Nothing
/// where no owner has a capital.
pub fn bot_rows(kernel: &Kernel, asset: u16) -> Vec<BotRow> {
    let Some(sheet) = kernel.bots_sheet(asset) else { return Vec::new() };
    let between = sheet.between_row();
    let mut rows: Vec<BotRow> =
        sheet.rows.into_iter().map(|standing| BotRow { kind: "bot", standing }).collect();
    rows.push(BotRow { kind: "unassigned", standing: sheet.unassigned });
    rows.push(BotRow { kind: "between", standing: between });
    rows
}

impl BotRow {
    /// The amounts by their public names, in the order of the journal's columns.
    pub fn amounts(&self) -> [(&'static str, Money); 10] {
        let bot = &self.standing.bot;
        [
            ("wallet", bot.wallet()),
            ("capital", bot.capital),
            ("realized_pnl", bot.realized),
            ("fees", bot.fees),
            ("funding", bot.funding),
            ("invested", bot.invested),
            ("open_pnl", self.standing.open),
            ("budget", self.standing.budget()),
            ("margin", self.standing.margin),
            ("free", self.standing.free()),
        ]
    }
}
