//! Account events: the venue's own figures of fills ([`settled`]), wallets ([`frame`]), funding and the rest
//! ([`entries`]).

mod entries;
mod frame;
mod settled;

use super::venue::ASSETS_MAX;
use super::{AssetState, Kernel};
use crate::effect::Effects;
use crate::exchange::{Exchange, Reported};
use crate::funding::CLOCK_SKEW_NS;
use crate::id::Id;
use crate::input::{AccountEvent, Stamp};
use crate::ledger::{Account, Cause};
use crate::names::{AccountEventKind as Kind, KernelDiagnosticCode as Code, PositionSide, Severity};
use crate::num::{Decimal, MONEY_SCALE, Money, Price, Qty, Rounding, bounded};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::position::position_side;
use alloc::boxed::Box;
pub(crate) use entries::{ENTRY_MARKS_MAX, EntryMark, WalletEntry};

/// What an account event does.
#[derive(Debug)]
pub(crate) enum AccountPlan {
    /// It came before.
    Duplicate,
    /// It came before by another way, without the id that it brings, or with it; the mark's place.
    Twin(usize),
    /// The venue's figures of a fill, or a wallet frame: each has a plan of its own.
    Elsewhere,
    /// It is older than what is known, or in the opening state.
    Old(Code),
    /// A position as the venue has it.
    Position { instrument: u32, side: PositionSide, qty: Qty, entry_price: Option<Price> },
    /// A wallet entry.
    Entry { cause: Cause, account: Account, credited: Money, instrument: Option<u32> },
}

/// What tells a wallet entry from its repetition: the venue's id of it, else, for one that moves money, the event's.
/// Ids are kept by kind: venues number each kind of entry by itself.
#[inline]
pub(super) fn entry_id(event: &AccountEvent) -> &Id {
    match event.kind {
        Kind::FillSettled | Kind::AccountUpdate | Kind::PositionUpdate => &event.venue_txn_id,
        Kind::FundingFee | Kind::Transfer | Kind::Rebate | Kind::LiquidationFee | Kind::Adjustment => {
            if event.venue_txn_id.is_empty() { &event.event_id } else { &event.venue_txn_id }
        }
    }
}

fn wrong(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

fn amount(field: &'static str, value: Option<Decimal>) -> Result<Money, Box<Refusal>> {
    optional(field, value)?.ok_or_else(|| wrong(field, "None", "is needed for this kind of account event"))
}

#[inline(always)] // twice with every fill, and mostly there is none
fn optional(field: &'static str, value: Option<Decimal>) -> Result<Option<Money>, Box<Refusal>> {
    let Some(value) = value else { return Ok(None) };
    let mantissa = value.at_scale_rounded(MONEY_SCALE, Rounding::HalfEven);
    match mantissa.and_then(|mantissa| bounded(mantissa, MONEY_SCALE)) {
        Ok(mantissa) => Ok(Some(Money(mantissa))),
        Err(_) => Err(wrong(field, value, "is too large")),
    }
}

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_account(
        &mut self,
        stamp: Stamp,
        event: &AccountEvent,
        effects: &mut Effects,
    ) -> Outcome {
        // What comes with every trade has ways of its own: a plan that could be any of them would have to be moved.
        match event.kind {
            Kind::AccountUpdate => self.take_frame(stamp, event),
            Kind::FillSettled => self.take_settled(stamp, event),
            Kind::PositionUpdate
            | Kind::FundingFee
            | Kind::Transfer
            | Kind::Rebate
            | Kind::LiquidationFee
            | Kind::Adjustment => self.take_entry(stamp, event, effects),
        }
    }

    fn take_entry(&mut self, stamp: Stamp, event: &AccountEvent, effects: &mut Effects) -> Outcome {
        let plan = match self.plan_account(event) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, event.timestamp_ns);
        self.commit_account(&plan, event, effects)
    }

    /// True where an entry of that id came before.
    #[cold]
    fn is_repeated(&self, event: &AccountEvent) -> bool {
        let id = entry_id(event);
        !id.is_empty() && self.wallet_entries[event.kind as usize].find(id, id.hash64()).is_some()
    }

    #[cold]
    fn take_repeated(&mut self, stamp: Stamp, event: &AccountEvent) -> Outcome {
        self.pass_time(stamp, event.timestamp_ns);
        self.answer(Code::DuplicateEvent, None, Detail::None)
    }

    #[cold]
    fn remember_entry(&mut self, event: &AccountEvent) {
        let id = entry_id(event);
        if !id.is_empty() {
            let oldest = self.wallet_entries[event.kind as usize].remember(id.hash64());
            if !oldest.id.is_empty() {
                let forgotten_ns = &mut self.entries_forgotten_ns[event.kind as usize];
                *forgotten_ns = (*forgotten_ns).max(oldest.timestamp_ns);
            }
            oldest.id.clone_from(id);
            oldest.timestamp_ns = event.timestamp_ns;
        }
    }

    pub(crate) fn plan_account(&self, event: &AccountEvent) -> Result<AccountPlan, Box<Refusal>> {
        if self.is_repeated(event) {
            return Ok(AccountPlan::Duplicate);
        }
        let plan = match event.kind {
            Kind::FillSettled => self.plan_settled(event).map(|_| AccountPlan::Elsewhere)?,
            Kind::AccountUpdate => self.plan_frame(event).map(|_| AccountPlan::Elsewhere)?,
            Kind::PositionUpdate => self.plan_position_update(event)?,
            Kind::FundingFee => self.plan_entry(event, Cause::Funding, Account::Funding)?,
            Kind::Transfer => self.plan_entry(event, Cause::Transfer, Account::Transfers)?,
            Kind::Rebate => self.plan_entry(event, Cause::Rebate, Account::Rebates)?,
            Kind::Adjustment => self.plan_entry(event, Cause::Adjustment, Account::Adjustments)?,
            Kind::LiquidationFee => {
                let plan = self.plan_entry(event, Cause::LiquidationFee, Account::LiquidationFees)?;
                match plan {
                    // A fee is + when charged.
                    AccountPlan::Entry { cause, account, credited, instrument } => {
                        AccountPlan::Entry { cause, account, credited: -credited, instrument }
                    }
                    AccountPlan::Elsewhere
                    | AccountPlan::Twin(_)
                    | AccountPlan::Old(_)
                    | AccountPlan::Position { .. }
                    | AccountPlan::Duplicate => plan,
                }
            }
        };
        Ok(plan)
    }

    /// The asset's place, where it has one; one more must fit.
    #[inline(always)]
    fn check_wallet(&self, asset: &Id) -> Result<Option<u16>, Box<Refusal>> {
        if asset.is_empty() {
            return Err(wrong("asset", "", "must not be empty"));
        }
        let place = self.asset_of(asset);
        if place.is_none() && self.assets.len() >= ASSETS_MAX {
            return Err(wrong("asset", asset, "the kernel keeps at most 1024 assets"));
        }
        Ok(place)
    }

    /// True for a report from before the last one. One from the future, by a clock or a unit that was wrong, is no
    /// measure: it would silence all that come after it.
    fn is_older(&self, venue_time_ns: i64, last_ns: i64) -> bool {
        let believed = last_ns <= self.now_ns.saturating_add(CLOCK_SKEW_NS);
        venue_time_ns != 0 && venue_time_ns < last_ns && believed
    }

    fn plan_position_update(&self, event: &AccountEvent) -> Result<AccountPlan, Box<Refusal>> {
        let instrument = self
            .instrument_of(&event.symbol)
            .ok_or_else(|| wrong("symbol", &event.symbol, "is not configured: set_exchange_config"))?;
        let rules = &self.instruments[instrument as usize];
        if rules.base.is_some() {
            return Err(wrong("symbol", &event.symbol, "is spot: what is held there is a balance"));
        }
        let side = event.position_side.unwrap_or(PositionSide::Both);
        self.check_side(instrument, side, event.size)?;
        let size =
            event.size.ok_or_else(|| wrong("size", "None", "is needed for this kind of account event"))?;
        let qty = rules.qty(size).map_err(|_| {
            Refusal::field(Code::Precision, "size", size, "cannot be held exactly by the instrument")
        })?;
        let entry_price = match event.entry_price.filter(|price| price.is_positive()) {
            Some(price) => Some(rules.mark(price).map_err(|_| wrong("entry_price", price, "is too large"))?),
            None => None,
        };
        let last = self.reported(instrument)[side as usize];
        if last.is_some_and(|last| self.is_older(event.timestamp_ns, last.venue_time_ns)) {
            return Ok(AccountPlan::Old(Code::StaleEvent));
        }
        Ok(AccountPlan::Position { instrument, side, qty, entry_price })
    }

    fn commit_account(&mut self, plan: &AccountPlan, event: &AccountEvent, effects: &mut Effects) -> Outcome {
        if !matches!(plan, AccountPlan::Duplicate) {
            self.remember_entry(event);
        }
        match *plan {
            AccountPlan::Duplicate | AccountPlan::Elsewhere => {
                self.answer(Code::DuplicateEvent, None, Detail::None)
            }
            AccountPlan::Twin(at) => {
                if let Some(mark) = self.entry_marks.get_mut(at) {
                    mark.is_paired = true;
                }
                self.answer(Code::DuplicateEvent, None, Detail::None)
            }
            AccountPlan::Old(code) => self.answer(code, None, Detail::None),
            AccountPlan::Position { instrument, side, qty, entry_price } => {
                let outcome = self.commit_position_update(instrument, side, qty, entry_price, event);
                if qty.is_zero() && outcome.code == Code::Ok {
                    self.pair_off_flat(instrument, side, effects);
                }
                outcome
            }
            AccountPlan::Entry { cause, account, credited, instrument } => {
                self.commit_entry(cause, account, credited, instrument, event)
            }
        }
    }

    /// Keeps what the venue reports. Where the book has another quantity nothing is healed: fills decide.
    fn commit_position_update(
        &mut self,
        instrument: u32,
        side: PositionSide,
        qty: Qty,
        entry_price: Option<Price>,
        event: &AccountEvent,
    ) -> Outcome {
        let (time_ns, venue_time_ns) = (self.now_ns, event.timestamp_ns);
        let books = &mut self.books[instrument as usize];
        let report = Reported { qty, entry_price, time_ns, venue_time_ns };
        books.reported.get_or_insert_default()[side as usize] = Some(report);
        if books.book[side as usize].position.qty == qty {
            return self.answer(Code::Ok, None, Detail::None);
        }
        let mut outcome = self.answer(Code::ReconcileRequired, None, Detail::None);
        outcome.severity = Severity::Warning;
        outcome
    }

    /// The venue has no position there, and our book has none: a slot that still holds one has its opposite elsewhere.
    #[cold]
    fn pair_off_flat(&mut self, instrument: u32, side: PositionSide, effects: &mut Effects) {
        if self.books[instrument as usize].unassigned[side as usize].basis.qty.is_zero() {
            return;
        }
        for slot_id in 0..self.config.max_slots {
            let slot = &self.slots[slot_id as usize];
            let book = position_side(self.is_hedged(instrument), slot.side);
            if slot.instrument == instrument && book == side && !slot.basis.qty.is_zero() {
                self.pair_off_with_unassigned(slot_id, effects);
            }
        }
    }

    /// The place of an asset, which it gets now if it is new. Validation has checked that there is room.
    pub(crate) fn asset_or_open(&mut self, name: &Id) -> u16 {
        if let Some(asset) = self.asset_of(name) {
            return asset;
        }
        let place = self.assets.len() as u16;
        self.assets.push(AssetState { name: name.clone(), exchange: Exchange::default(), unit_decimals: 8 });
        self.ledger.open_asset();
        place
    }
}
