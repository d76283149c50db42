//! Frames of a wallet: balance and margins as the venue has them.

use super::optional;
use crate::exchange::Exchange;
use crate::id::Id;
use crate::input::{AccountEvent, Stamp};
use crate::kernel::Kernel;
use crate::ledger::{Account, Cause, Posting};
use crate::names::KernelDiagnosticCode as Code;
use crate::num::{MONEY_SCALE, Money, pow10};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::planted::{Bug, planted};
use alloc::boxed::Box;

/// A wallet frame: the asset's place, where it has one already, and the figures; or that it is too old.
#[derive(Debug)]
pub(super) enum FramePlan {
    Told { asset: Option<u16>, figures: [Option<Money>; 4] },
    Old,
}

impl Kernel {
    #[inline]
    pub(super) fn take_frame(&mut self, stamp: Stamp, event: &AccountEvent) -> Outcome {
        if !event.venue_txn_id.is_empty() && self.is_repeated(event) {
            return self.take_repeated(stamp, event);
        }
        let plan = match self.plan_frame(event) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, event.timestamp_ns);
        if !event.venue_txn_id.is_empty() {
            self.remember_entry(event);
        }
        match plan {
            FramePlan::Old => self.answer(Code::StaleEvent, None, Detail::None),
            FramePlan::Told { asset, figures } => self.commit_frame(asset, figures, event),
        }
    }

    #[inline(always)] // its other caller is rare
    pub(super) fn plan_frame(&self, event: &AccountEvent) -> Result<FramePlan, Box<Refusal>> {
        let asset = self.check_wallet(&event.asset)?;
        let last_ns =
            asset.map_or(i64::MIN, |asset| self.assets[usize::from(asset)].exchange.frame_venue_time_ns);
        if self.is_older(event.timestamp_ns, last_ns) {
            return Ok(FramePlan::Old);
        }
        let figures = [
            optional("wallet_balance", event.wallet_balance)?,
            optional("available_margin", event.available_margin)?,
            optional("used_margin", event.used_margin)?,
            optional("maint_margin", event.maint_margin)?,
        ];
        Ok(FramePlan::Told { asset, figures })
    }

    #[inline]
    fn commit_frame(
        &mut self,
        asset: Option<u16>,
        figures: [Option<Money>; 4],
        event: &AccountEvent,
    ) -> Outcome {
        let asset = asset.unwrap_or_else(|| self.asset_or_open(&event.asset));
        let k = self.ledger.balance(asset, Account::Wallet);
        let now_ns = self.now_ns;
        let state = &mut self.assets[usize::from(asset)];
        let unit_decimals = state.unit_decimals;
        let exchange: &mut Exchange = &mut state.exchange;
        let [wallet, available, used, maint] = figures;
        exchange.wallet_balance = wallet.or(exchange.wallet_balance);
        exchange.available_margin = available.or(exchange.available_margin);
        exchange.used_margin = used.or(exchange.used_margin);
        exchange.maint_margin = maint.or(exchange.maint_margin);
        exchange.frame_time_ns = now_ns;
        if event.timestamp_ns != 0 {
            exchange.frame_venue_time_ns = event.timestamp_ns;
        }
        let differs = exchange.wallet_balance.is_some_and(|balance| {
            let unit = pow10(MONEY_SCALE.saturating_sub(unit_decimals)).unwrap_or(1);
            (balance - k).abs().0 > unit
        });
        exchange.differs_since_ns =
            if differs { Some(exchange.differs_since_ns.unwrap_or(now_ns)) } else { None };
        if planted(Bug::FrameMovesMoney)
            && let Some(balance) = wallet
        {
            self.ledger.post(
                self.seq,
                asset,
                balance - k,
                Posting {
                    cause: Cause::Adjustment,
                    from: Account::Adjustments,
                    to: Account::Wallet,
                    slot_id: None,
                    trade_id: &Id::EMPTY,
                    reference: &event.event_id,
                },
            );
        }
        self.answer(Code::Ok, None, Detail::None)
    }
}
