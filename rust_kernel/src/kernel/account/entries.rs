//! Entries of the wallet that are no fill's: funding, transfers, rebates and the rest. They come by two ways, and count
//! once.

use super::{AccountPlan, amount};
use crate::funding::CLOCK_SKEW_NS;
use crate::id::Id;
use crate::input::AccountEvent;
use crate::kernel::Kernel;
use crate::kernel::settling::Match;
use crate::kernel::window::Named;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{AccountEventKind as Kind, KernelDiagnosticCode as Code};
use crate::num::{Money, Qty, Rounding, multiply_divide};
use crate::outcome::{Detail, FORGOTTEN, Outcome, Refusal};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How many wallet entries are held against those that come by another way.
pub(crate) const ENTRY_MARKS_MAX: usize = 256;

/// A wallet entry by its id, with the venue's time of it, ns.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct WalletEntry {
    pub(crate) id: Id,
    pub(crate) timestamp_ns: i64,
}

impl Named for WalletEntry {
    #[inline]
    fn id(&self) -> &Id {
        &self.id
    }
}

/// A wallet entry by what it says: the stream tells it without the venue's id, and REST with it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct EntryMark {
    kind: Kind,
    asset: Id,
    symbol: Id,
    pub(crate) amount: Money,
    timestamp_ns: i64,
    has_txn_id: bool,
    /// True once it came both ways.
    pub(super) is_paired: bool,
}

impl EntryMark {
    /// The stream stamps an entry with its own time, and may not say the symbol.
    fn says_the_same(&self, event: &AccountEvent, amount: Money) -> bool {
        let apart = i128::from(self.timestamp_ns).abs_diff(i128::from(event.timestamp_ns));
        let symbol = self.symbol == event.symbol || self.symbol.is_empty() || event.symbol.is_empty();
        self.kind == event.kind
            && self.amount == amount
            && self.asset == event.asset
            && symbol
            && apart <= u128::from(CLOCK_SKEW_NS.unsigned_abs())
    }
}

impl Kernel {
    pub(super) fn plan_entry(
        &self,
        event: &AccountEvent,
        cause: Cause,
        account: Account,
    ) -> Result<AccountPlan, Box<Refusal>> {
        self.check_wallet(&event.asset)?;
        let credited = amount("amount", event.amount)?;
        self.check_opening_taken()?;
        if self.is_in_opening(event.timestamp_ns) {
            return Ok(AccountPlan::Old(Code::DuplicateEvent));
        }
        let has_txn_id = !event.venue_txn_id.is_empty();
        let twin = self.entry_marks.iter().position(|mark| {
            !mark.is_paired && mark.has_txn_id != has_txn_id && mark.says_the_same(event, credited)
        });
        if let Some(twin) = twin {
            return Ok(AccountPlan::Twin(twin));
        }
        self.check_entry_not_forgotten(event)?;
        Ok(AccountPlan::Entry { cause, account, credited, instrument: self.instrument_of(&event.symbol) })
    }

    /// An entry from before the oldest of its kind that is remembered may have been booked then. One without a time is
    /// believed: there is nothing to tell by.
    fn check_entry_not_forgotten(&self, event: &AccountEvent) -> Result<(), Box<Refusal>> {
        let forgotten_ns = self.entries_forgotten_ns[event.kind as usize];
        if self.recalling || event.timestamp_ns == 0 || event.timestamp_ns > forgotten_ns {
            return Ok(());
        }
        Err(Refusal::field(Code::ReconcileRequired, "timestamp", event.timestamp_ns, FORGOTTEN))
    }

    pub(super) fn commit_entry(
        &mut self,
        cause: Cause,
        account: Account,
        credited: Money,
        instrument: Option<u32>,
        event: &AccountEvent,
    ) -> Outcome {
        let asset = self.asset_or_open(&event.asset);
        let reference = if event.venue_txn_id.is_empty() { &event.event_id } else { &event.venue_txn_id };
        if self.entry_marks.len() >= ENTRY_MARKS_MAX {
            self.entry_marks.pop_front();
        }
        // As it came: a liquidation fee is + when charged there.
        let told = if cause == Cause::LiquidationFee { -credited } else { credited };
        self.entry_marks.push_back(mark_of(event, told, !event.venue_txn_id.is_empty()));
        let instrument = instrument.filter(|at| self.instruments[*at as usize].settle == asset);
        if cause == Cause::Funding {
            match self.settle_funding(asset, credited, instrument, event, reference) {
                Match::Nothing => {}
                Match::Settled => return self.answer(Code::Ok, None, Detail::None),
                Match::Repeats => return self.answer(Code::DuplicateEvent, None, Detail::None),
            }
        }
        let posting = Posting {
            cause,
            from: account,
            to: Account::Wallet,
            slot_id: None,
            trade_id: &Id::EMPTY,
            reference,
        };
        self.ledger.post(self.seq, asset, credited, posting);
        self.assets[usize::from(asset)].exchange.booked_time_ns = self.now_ns;
        if let (Cause::Funding, Some(instrument)) = (cause, instrument) {
            self.share_funding(instrument, credited, event.timestamp_ns);
        }
        if let (Cause::LiquidationFee, Some(instrument)) = (cause, instrument) {
            self.share_forced_fee(instrument, asset, credited);
        }
        self.answer(Code::Ok, None, Detail::None)
    }

    /// Books funding that nothing predicted to the trades that held the instrument at that time: by size, as no rate is
    /// known. What belongs to no slot bears its part, which no slot shows; without that, the last trade takes what division
    /// leaves.
    fn share_funding(&mut self, instrument: u32, credited: Money, time_ns: i64) {
        let (holders, of_nobody) = self.funded_by(instrument, time_ns);
        let held = holders.iter().fold(of_nobody, |sum, share| sum + share.qty.abs());
        let settle = self.instruments[instrument as usize].settle;
        let sizes: Vec<Qty> = holders.iter().map(|share| share.qty.abs()).chain([of_nobody]).collect();
        let in_units = self.by_size(credited, &sizes, settle);
        let mut left = credited;
        let mut unserved = held;
        for (at, holder) in holders.iter().enumerate() {
            let size = holder.qty.abs();
            let share = if let Some(units) = &in_units {
                units[at]
            } else if size == unserved {
                left
            } else {
                Money(multiply_divide(credited.0, size.0, held.0, Rounding::Down).unwrap_or_default())
            };
            let slot = &mut self.slots[holder.slot_id as usize];
            if slot.trade_number == holder.trade_number {
                slot.funding += share;
            }
            self.add_funding(holder.slot_id, holder.trade_number, settle, share);
            left -= share;
            unserved -= size;
        }
    }
}

fn mark_of(event: &AccountEvent, amount: Money, has_txn_id: bool) -> EntryMark {
    EntryMark {
        kind: event.kind,
        asset: event.asset.clone(),
        symbol: event.symbol.clone(),
        amount,
        timestamp_ns: event.timestamp_ns,
        has_txn_id,
        is_paired: false,
    }
}
