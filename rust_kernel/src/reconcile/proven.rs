//! What records prove of a difference: bookings of K that E's last frame is too old for.

use alloc::vec::Vec;

use super::{DriftCause, Part, Proof, REFERENCES_MAX};
use crate::id::Id;
use crate::kernel::Kernel;
use crate::ledger::{Account, Cause, Transaction};
use crate::num::Money;
use crate::order::{Fill, Order, OrderRole};

/// The name of a booking that is on its way to E; `None` for what no frame brings.
fn name_of(kernel: &Kernel, transaction: &Transaction) -> Option<DriftCause> {
    match transaction.cause {
        Cause::RealizedPnl
        | Cause::Inventory
        | Cause::Fee
        | Cause::FeePredicted
        | Cause::FeeSettled
        | Cause::PnlSettled
        | Cause::FillRepriced
        | Cause::TradeBusted
        | Cause::TradeCorrected => {
            let found = fill_of(kernel, &transaction.reference);
            let ours = transaction.slot_id.is_some()
                || found.is_some_and(|(order, _)| order.role != OrderRole::External);
            Some(if ours { DriftCause::FillInFlight } else { DriftCause::ManualTrade })
        }
        Cause::UnseenFill => Some(DriftCause::FillInFlight),
        Cause::Funding | Cause::FundingPredicted | Cause::FundingRepredicted | Cause::FundingSettled => {
            Some(DriftCause::FundingNotBooked)
        }
        Cause::Transfer => Some(DriftCause::Transfer),
        Cause::Rebate => Some(DriftCause::Rebate),
        Cause::LiquidationFee => Some(DriftCause::LiquidationFee),
        Cause::Adjustment | Cause::Override => Some(DriftCause::Adjustment),
        Cause::Seed | Cause::Opening | Cause::InterSlot => None,
    }
}

/// A remembered fill by its venue id.
fn fill_of<'a>(kernel: &'a Kernel, id: &Id) -> Option<(&'a Order, &'a Fill)> {
    if id.is_empty() {
        return None;
    }
    (0..kernel.instruments().len() as u32).find_map(|instrument| {
        let (place, at) = kernel.orders().by_fill(instrument, id, None)?;
        let order = kernel.orders().at(place);
        order.fills.get(at).map(|fill| (order, fill))
    })
}

/// When the venue's wallet changed by it: what corrects a fill's figures is as old as the fill.
fn wallet_time(kernel: &Kernel, transaction: &Transaction) -> i64 {
    match transaction.cause {
        Cause::FeeSettled | Cause::PnlSettled | Cause::FillRepriced => {
            let time = fill_of(kernel, &transaction.reference).map(|(_, fill)| fill.venue_time_ns);
            time.filter(|time| *time != 0).unwrap_or(transaction.venue_time_ns)
        }
        Cause::Seed
        | Cause::RealizedPnl
        | Cause::InterSlot
        | Cause::Fee
        | Cause::FeePredicted
        | Cause::UnseenFill
        | Cause::Funding
        | Cause::Transfer
        | Cause::Rebate
        | Cause::LiquidationFee
        | Cause::Adjustment
        | Cause::Inventory
        | Cause::Opening
        | Cause::TradeBusted
        | Cause::TradeCorrected
        | Cause::FundingPredicted
        | Cause::FundingRepredicted
        | Cause::FundingSettled
        | Cause::Override => transaction.venue_time_ns,
    }
}

/// What a transaction did to the wallet.
pub(super) fn wallet_effect(transaction: &Transaction) -> Money {
    match (transaction.from, transaction.to) {
        (_, Account::Wallet) => transaction.amount,
        (Account::Wallet, _) => -transaction.amount,
        (_, _) => Money::ZERO,
    }
}

/// The parts of E − K that are K's bookings after E's last frame, one for each cause.
pub(super) fn parts(kernel: &Kernel, asset: u16, frame_time_ns: i64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for transaction in kernel.ledger().recent().filter(|transaction| transaction.asset == asset) {
        let effect = wallet_effect(transaction);
        if effect.is_zero() || transaction.venue_time_ns <= frame_time_ns {
            continue;
        }
        // The venue's wallet may have moved before the event that told us.
        if wallet_time(kernel, transaction) <= frame_time_ns {
            continue;
        }
        let Some(cause) = name_of(kernel, transaction) else { continue };
        let known = parts.iter_mut().find(|part| part.cause == cause);
        let part = match known {
            Some(part) => part,
            None => {
                parts.push(Part { cause, amount: Money::ZERO, proof: Proof::Proven, references: Vec::new() });
                let Some(part) = parts.last_mut() else { continue };
                part
            }
        };
        part.amount -= effect;
        part.refer(&transaction.reference);
    }
    parts.retain(|part| !part.amount.is_zero());
    parts
}

impl Part {
    /// Adds a reference, once, up to the bound.
    pub(super) fn refer(&mut self, id: &Id) {
        let room = self.references.len() < REFERENCES_MAX;
        if room && !id.is_empty() && !self.references.contains(id) {
            self.references.push(id.clone());
        }
    }
}
