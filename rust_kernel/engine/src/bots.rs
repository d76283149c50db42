//! An account by the bots that share it, as rows that add up to it.

use dita_kernel::bots::BotLimit;
use dita_kernel::kernel::{BotStanding, Kernel};
use dita_kernel::num::Money;

/// The row of a bot, as its kind is named.
const BOT: &str = "bot";

/// A row.
#[derive(Clone, PartialEq, Debug)]
pub struct BotRow {
    /// `bot`, `unassigned` or `between`.
    pub kind: &'static str,
    /// Its figures.
    pub standing: BotStanding,
    /// What it may do at most beside its budget; `None` where nothing else limits it.
    pub limit: Option<BotLimit>,
}

/// The rows of an asset: the bots by name, what is no bot's, and what is between their costs and the account's. Nothing
/// where no owner has a capital.
pub fn bot_rows(kernel: &Kernel, asset: u16) -> Vec<BotRow> {
    let Some(sheet) = kernel.bots_sheet(asset) else { return Vec::new() };
    let between = sheet.between_row();
    let limit = |standing: &BotStanding| kernel.bots()?.limit(&standing.bot.name, asset).cloned();
    let row = |standing| BotRow { kind: BOT, limit: limit(&standing), standing };
    let mut rows: Vec<BotRow> = sheet.rows.into_iter().map(row).collect();
    rows.push(BotRow { kind: "unassigned", standing: sheet.unassigned, limit: None });
    rows.push(BotRow { kind: "between", standing: between, limit: None });
    rows
}

impl BotRow {
    /// What a bot's positions and working entries are worth; `None` for rows that are no bot's.
    pub fn notional(&self) -> Option<Money> {
        (self.kind == BOT).then_some(self.standing.notional)
    }

    /// The limits that are amounts, by their public names; `max_slots` is the one that is none.
    pub fn limits(&self) -> [(&'static str, Option<Money>); 2] {
        let limit = self.limit.as_ref();
        [
            ("max_order_notional", limit.and_then(|limit| limit.max_order_notional)),
            ("max_notional", limit.and_then(|limit| limit.max_notional)),
        ]
    }

    /// How many trades a bot may carry at once.
    pub fn max_slots(&self) -> Option<u32> {
        self.limit.as_ref().and_then(|limit| limit.max_slots)
    }

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
