//! Rows of the ledger, of what the venue said of the account, and of the account as it then was.

use dita_kernel::exchange::Exchange;
use dita_kernel::input::{AccountEvent, Input};
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::{Account, Transaction};
use dita_kernel::num::Money;

use super::super::shown;
use super::super::tables::Table;
use super::Rows;
use super::orders::verdict;
use crate::account::account_with;
use crate::bots::bot_rows;
use crate::replica::{Replica, Step};

/// What a transaction did to K.
fn k_change(booked: &Transaction) -> Money {
    let gained = if booked.to == Account::Wallet { booked.amount } else { Money::ZERO };
    let given = if booked.from == Account::Wallet { booked.amount } else { Money::ZERO };
    gained - given
}

impl Rows {
    /// The transactions of a step, and the accounts that it moved.
    pub(super) fn ledger(&mut self, replica: &Replica, step: &Step) {
        let kernel = replica.kernel();
        let (booked, missing) = replica.booked();
        self.ledger_missing += missing;
        for (n, booked) in (0_u32..).zip(&booked) {
            let asset = kernel.assets().get(usize::from(booked.asset));
            let row = self.begin(Table::LedgerEntries, step, n);
            // What is brought in is no news of the venue's, and has no time but the kernel's.
            row.time(if booked.venue_time_ns == 0 { step.stamp_ns } else { booked.venue_time_ns });
            row.whole(booked.number);
            row.text(asset.map_or("", |asset| asset.name.as_str()));
            row.text(booked.cause.name());
            row.member(booked.from as u8);
            row.member(booked.to as u8);
            row.money(booked.amount);
            row.money(k_change(booked));
            row.short_or_none(booked.slot_id);
            row.id(&booked.trade_id);
            row.id(&booked.reference);
            row.end();
        }
        let (mut n, mut bot_n) = (0, 0);
        let transfer = match (&step.input, step.outcome.accepted) {
            (Input::Bots(transfer), true) => Some(transfer),
            _ => None,
        };
        for (place, asset) in (0_u16..).zip(kernel.assets()) {
            let before = self.before.exchanges.get(usize::from(place));
            let moved = before != Some(&asset.exchange)
                || booked.iter().any(|booked| booked.asset == place)
                || missing > 0;
            if moved {
                let frame_ns = |exchange: &Exchange| (exchange.frame_time_ns, exchange.wallet_balance);
                let framed = before.map(frame_ns) != Some(frame_ns(&asset.exchange));
                self.snapshot(kernel, step, n, place, framed);
                n += 1;
            }
            let transferred = transfer.is_some_and(|transfer| transfer.asset == asset.name);
            if moved || transferred {
                bot_n = self.bots(kernel, step, bot_n, place);
            }
        }
    }

    /// The account by its bots, from row `n` of the input on. Returns the next row's number.
    fn bots(&mut self, kernel: &Kernel, step: &Step, mut n: u32, place: u16) -> u32 {
        let Some(asset) = kernel.assets().get(usize::from(place)) else { return n };
        let (transfer_id, by) = match &step.input {
            Input::Bots(transfer) => (transfer.transfer_id.as_str(), transfer.by.as_str()),
            _ => ("", ""),
        };
        for bot in bot_rows(kernel, place) {
            let row = self.begin(Table::BotSnapshots, step, n);
            row.id(&asset.name);
            row.id(&bot.standing.bot.name);
            row.text(bot.kind);
            for (_, amount) in bot.amounts() {
                row.money(amount);
            }
            row.short(bot.standing.slots);
            row.text(transfer_id);
            row.text(by);
            row.end();
            n += 1;
        }
        n
    }

    /// E's own news are explained in full. After a booking E's frame is still to come, and the search for hypotheses would
    /// take most of a follower's time.
    fn snapshot(&mut self, kernel: &Kernel, step: &Step, n: u32, place: u16, framed: bool) {
        let report = kernel.verdict(place, !framed);
        let Some(figures) = report.and_then(|report| account_with(kernel, place, report)) else { return };
        let Some(asset) = kernel.assets().get(usize::from(place)) else { return };
        let row = self.begin(Table::AccountSnapshots, step, n);
        row.id(&asset.name);
        for amount in [
            figures.equity,
            figures.unrealized_pnl,
            figures.open_notional,
            figures.reserved_notional,
            figures.available_capital,
        ] {
            row.money(amount);
        }
        row.short(figures.open_positions);
        for amount in [figures.capital, figures.realized_pnl, figures.fees_paid, figures.funding_net] {
            row.money(amount);
        }
        for amount in [
            asset.exchange.wallet_balance,
            asset.exchange.available_margin,
            asset.exchange.used_margin,
            asset.exchange.maint_margin,
            figures.report.delta,
        ] {
            row.money_or_none(amount);
        }
        row.money(figures.report.tolerance);
        row.member(figures.report.status as u8);
        row.text(&figures.report.explanation);
        let causes = shown::causes(&figures.report);
        row.text(&if causes.is_empty() { String::new() } else { format!("[{}]", causes.join(",")) });
        row.end();
    }

    pub(super) fn account_event(&mut self, step: &Step, event: &AccountEvent, recalled: bool) {
        let row = self.begin(Table::AccountEvents, step, 0);
        row.short(step.epoch);
        row.time(event.timestamp_ns);
        row.member(event.kind as u8);
        row.id(&event.event_id);
        row.id(&event.venue_txn_id);
        row.id(&event.asset);
        row.id(&event.symbol);
        row.id(&event.venue_trade_id);
        row.number(event.amount);
        row.number(event.realized_pnl);
        row.number(event.fee);
        row.id(&event.fee_asset);
        row.number(event.wallet_balance);
        row.number(event.available_margin);
        row.number(event.used_margin);
        row.number(event.maint_margin);
        row.member_or_none(event.position_side.map(|it| it as u8));
        row.number(event.size);
        row.number(event.entry_price);
        row.number(event.rate);
        row.number(event.mark_price);
        row.signed_or_none(event.venue_sequence);
        verdict(row, step);
        row.flag(recalled);
        row.end_with_unheld();
    }
}
