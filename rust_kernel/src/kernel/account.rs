//! Account events: the venue's own figures of fills, wallets, funding and the rest.

use super::settling::Match;
use super::venue::ASSETS_MAX;
use super::{AssetState, Kernel};
use crate::funding::CLOCK_SKEW_NS;
use crate::id::Id;
use crate::input::{AccountEvent, Stamp};
use crate::ledger::{Account, Cause, Posting};
use crate::names::{
    AccountEventKind as Kind, KernelDiagnosticCode as Code, Liquidity, PositionSide, Severity,
};
use crate::num::{Decimal, MONEY_SCALE, Money, Price, Qty, Rounding, bounded, multiply_divide};
use crate::order::Fill;
use crate::outcome::{Detail, Outcome, Refusal};
use crate::reconcile::{Exchange, Reported};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How many wallet entries are held against those that come by another way.
const ENTRY_MARKS_MAX: usize = 256;

/// A wallet entry by what it says: the stream tells it without the venue's id, and REST with it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct EntryMark {
    kind: Kind,
    asset: Id,
    symbol: Id,
    amount: Money,
    timestamp_ns: i64,
    has_txn_id: bool,
    /// True once it came both ways.
    is_paired: bool,
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

/// The venue's figures of a fill, and where they go.
#[derive(Debug)]
pub(crate) struct SettledPlan {
    target: Settling,
    fee: Option<Money>,
    realized: Option<Money>,
}

#[derive(Clone, Copy, Debug)]
enum Settling {
    /// A known fill of that order.
    Known(u32),
    /// A fill of that instrument which no event has brought yet.
    Unseen(u32),
    /// It came before.
    Repeats,
    /// The opening state has it.
    Old,
    /// The figures of what was corrected since.
    Superseded,
}

/// A wallet frame: the asset's place, where it has one already, and the figures; or that it is too old.
#[derive(Debug)]
pub(crate) enum FramePlan {
    Told { asset: Option<u16>, figures: [Option<Money>; 4] },
    Old,
}

/// What tells a wallet entry from its repetition: the venue's id of it, else, for one that moves money, the event's.
/// Ids are kept by kind: venues number each kind of entry by itself.
#[inline]
fn entry_id(event: &AccountEvent) -> &Id {
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
    pub(crate) fn take_account(&mut self, stamp: Stamp, event: &AccountEvent) -> Outcome {
        // What comes with every trade has ways of its own: a plan that could be any of them would have to be moved.
        match event.kind {
            Kind::AccountUpdate => self.take_frame(stamp, event),
            Kind::FillSettled => self.take_settled(stamp, event),
            Kind::PositionUpdate
            | Kind::FundingFee
            | Kind::Transfer
            | Kind::Rebate
            | Kind::LiquidationFee
            | Kind::Adjustment => self.take_entry(stamp, event),
        }
    }

    fn take_entry(&mut self, stamp: Stamp, event: &AccountEvent) -> Outcome {
        let plan = match self.plan_account(event) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, event.timestamp_ns);
        self.commit_account(&plan, event)
    }

    #[inline]
    fn take_frame(&mut self, stamp: Stamp, event: &AccountEvent) -> Outcome {
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

    #[inline]
    fn take_settled(&mut self, stamp: Stamp, event: &AccountEvent) -> Outcome {
        if !event.venue_txn_id.is_empty() && self.is_repeated(event) {
            return self.take_repeated(stamp, event);
        }
        let plan = match self.plan_settled(event) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        if matches!(plan.target, Settling::Repeats) {
            return self.take_repeated(stamp, event);
        }
        self.pass_time(stamp, event.timestamp_ns);
        if !event.venue_txn_id.is_empty() {
            self.remember_entry(event);
        }
        let SettledPlan { target, fee, realized } = plan;
        match target {
            Settling::Known(place) => self.commit_settle(place, fee, realized, event),
            Settling::Unseen(instrument) => self.commit_unseen(instrument, fee, realized, event),
            Settling::Repeats | Settling::Old => self.answer(Code::DuplicateEvent, None, Detail::None),
            Settling::Superseded => self.answer(Code::StaleEvent, None, Detail::None),
        }
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
            self.wallet_entries[event.kind as usize].remember(id.hash64()).clone_from(id);
        }
    }

    #[inline(always)] // its other caller is rare
    fn plan_frame(&self, event: &AccountEvent) -> Result<FramePlan, Box<Refusal>> {
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
        self.check_side(side, event.size)?;
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

    fn plan_entry(
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
        Ok(AccountPlan::Entry { cause, account, credited, instrument: self.instrument_of(&event.symbol) })
    }

    #[inline(always)] // as well
    fn plan_settled(&self, event: &AccountEvent) -> Result<SettledPlan, Box<Refusal>> {
        let instrument = self
            .instrument_of(&event.symbol)
            .ok_or_else(|| wrong("symbol", &event.symbol, "is not configured: set_exchange_config"))?;
        if event.venue_trade_id.is_empty() {
            return Err(wrong("venue_trade_id", "", "must not be empty"));
        }
        let fee = optional("fee", event.fee)?;
        let realized = optional("realized_pnl", event.realized_pnl)?;
        if fee.is_some() && !event.fee_asset.is_empty() {
            let settle = usize::from(self.instruments[instrument as usize].settle);
            if self.assets[settle].name != event.fee_asset {
                self.check_wallet(&event.fee_asset)?;
            }
        }
        let id = &event.venue_trade_id;
        let found = self.orders.by_fill(instrument, id).or_else(|| self.orders.by_correction(instrument, id));
        let target = match found {
            Some((place, at)) if self.orders.at(place).fills[at].settled => Settling::Repeats,
            Some((place, at))
                if self.orders.at(place).settling_correction(at).is_some_and(|last| last.id != *id) =>
            {
                Settling::Superseded
            }
            Some((place, _)) => Settling::Known(place),
            None if self.is_in_opening(event.timestamp_ns) => Settling::Old,
            None => {
                self.check_opening_taken()?;
                self.check_not_forgotten(event.timestamp_ns)?;
                Settling::Unseen(instrument)
            }
        };
        Ok(SettledPlan { target, fee, realized })
    }

    // ------------------------------------------------------------------------------------------------ commit

    fn commit_account(&mut self, plan: &AccountPlan, event: &AccountEvent) -> Outcome {
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
                self.commit_position_update(instrument, side, qty, entry_price, event)
            }
            AccountPlan::Entry { cause, account, credited, instrument } => {
                self.commit_entry(cause, account, credited, instrument, event)
            }
        }
    }

    #[inline]
    fn commit_settle(
        &mut self,
        place: u32,
        fee: Option<Money>,
        realized: Option<Money>,
        event: &AccountEvent,
    ) -> Outcome {
        let order = self.orders.at(place);
        let settle = self.instruments[order.instrument as usize].settle;
        let slot_id = self.owner_of(order.role, order.slot_id, order.trade_number);
        let fee = fee.map(|fee| {
            let asset = if event.fee_asset.is_empty() {
                self.paid_in(place, fee)
            } else if self.assets[usize::from(settle)].name == event.fee_asset {
                settle
            } else {
                self.asset_or_open(&event.fee_asset)
            };
            (fee, asset)
        });
        let order = self.orders.at(place);
        if order.extra.is_none() {
            self.settle_fill(place, &event.venue_trade_id, fee, realized);
        } else {
            let fill_id = order.fill_id_of(&event.venue_trade_id).clone();
            self.settle_fill(place, &fill_id, fee, realized);
        }
        self.answer(Code::Ok, slot_id, Detail::None)
    }

    /// Books what the venue's figures change of ours. One venue fill may stand here in several parts (where an
    /// inferred fill was replaced by a larger one): the figures are the sum's.
    #[inline]
    pub(super) fn settle_fill(
        &mut self,
        place: u32,
        fill_id: &Id,
        fee: Option<(Money, u16)>,
        realized: Option<Money>,
    ) {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let settle = rules.settle;
        let slot_id = self.owner_of(order.role, order.slot_id, order.trade_number);
        let mut first = None;
        let mut others = Vec::new();
        let mut profit = Money::ZERO;
        for (at, fill) in order.fills.iter().enumerate() {
            if fill.settled || fill.venue_trade_id != *fill_id {
                continue;
            }
            profit += fill.realized;
            match first {
                None => first = Some(at),
                Some(_) => others.push(at),
            }
        }
        let Some(first) = first else { return };
        // What a spot sale brought is in the wallets already: profit is a thing of the books.
        let realized = realized.filter(|_| rules.base.is_none());
        if let Some(realized) = realized {
            let posting = Posting {
                cause: Cause::PnlSettled,
                from: Account::RealizedPnl,
                to: Account::Wallet,
                slot_id,
                trade_id: &order.trade_id,
                reference: fill_id,
            };
            self.ledger.post(self.seq, settle, realized - profit, posting);
            self.assets[usize::from(settle)].exchange.booked_time_ns = self.now_ns;
        }
        if let Some((fee, asset)) = fee {
            for &at in &others {
                self.correct_fee(place, at, Money::ZERO, asset, fill_id);
            }
            self.correct_fee(place, first, fee, asset, fill_id);
        }
        let fills = &mut self.orders.at_mut(place).fills;
        if let Some(realized) = realized {
            fills[first].realized += realized - profit;
        }
        fills[first].settled = true;
        for at in others {
            fills[at].settled = true;
        }
    }

    /// Books a settled fill's money ahead of the fill itself; the fill, when it comes, books only the rest.
    #[cold]
    fn commit_unseen(
        &mut self,
        instrument: u32,
        fee: Option<Money>,
        realized: Option<Money>,
        event: &AccountEvent,
    ) -> Outcome {
        let rules = &self.instruments[instrument as usize];
        let settle = rules.settle;
        let realized = realized.filter(|_| rules.base.is_none());
        let fee_asset =
            if event.fee_asset.is_empty() { settle } else { self.asset_or_open(&event.fee_asset) };
        let posting = |from, to| Posting {
            cause: Cause::UnseenFill,
            from,
            to,
            slot_id: None,
            trade_id: &Id::EMPTY,
            reference: &event.venue_trade_id,
        };
        let profit = posting(Account::RealizedPnl, Account::Wallet);
        self.ledger.post(self.seq, settle, realized.unwrap_or_default(), profit);
        let charge = posting(Account::Wallet, Account::Fees);
        self.ledger.post(self.seq, fee_asset, fee.unwrap_or_default(), charge);
        for asset in [settle, fee_asset] {
            self.assets[usize::from(asset)].exchange.booked_time_ns = self.now_ns;
        }
        let (reference, order) = self.orders.claim_external();
        order.instrument = instrument;
        self.orders.add_fill(reference.place, &event.venue_trade_id, || {
            settled_ahead(fee, fee_asset, realized, event)
        });
        self.retire(reference.place);
        self.answer(Code::ReconcileRequired, None, Detail::None)
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
            let unit = crate::num::pow10(MONEY_SCALE.saturating_sub(unit_decimals)).unwrap_or(1);
            (balance - k).abs().0 > unit
        });
        exchange.differs_since_ns =
            if differs { Some(exchange.differs_since_ns.unwrap_or(now_ns)) } else { None };
        self.answer(Code::Ok, None, Detail::None)
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
        if books.book[side as usize].qty == qty {
            return self.answer(Code::Ok, None, Detail::None);
        }
        let mut outcome = self.answer(Code::ReconcileRequired, None, Detail::None);
        outcome.severity = Severity::Warning;
        outcome
    }

    fn commit_entry(
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
            self.share_funding(instrument, credited);
        }
        self.answer(Code::Ok, None, Detail::None)
    }

    /// Shows funding in the slots that hold the instrument, by size; the last one takes what division leaves.
    fn share_funding(&mut self, instrument: u32, credited: Money) {
        let holders = |slot: &crate::slot::Slot| slot.instrument == instrument && !slot.basis.qty.is_zero();
        let mut held = Qty::ZERO;
        for slot in self.slots.iter().filter(|slot| holders(slot)) {
            held += slot.size();
        }
        let mut left = credited;
        let mut unserved = held;
        for slot in self.slots.iter_mut().filter(|slot| holders(slot)) {
            let size = slot.size();
            let share = if size == unserved {
                left
            } else {
                Money(multiply_divide(credited.0, size.0, held.0, Rounding::Down).unwrap_or_default())
            };
            slot.funding += share;
            left -= share;
            unserved -= size;
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

/// The record of a fill that is settled before any event brought it: all of its money, none of its quantity.
fn settled_ahead(fee: Option<Money>, fee_asset: u16, realized: Option<Money>, event: &AccountEvent) -> Fill {
    Fill {
        venue_trade_id: event.venue_trade_id.clone(),
        qty: Qty::ZERO,
        price: Price::ZERO,
        fee: fee.unwrap_or_default(),
        fee_asset,
        realized: realized.unwrap_or_default(),
        closed: Qty::ZERO,
        liquidity: Liquidity::Taker,
        liquidity_assumed: true,
        // What the settlement did not tell, the fill itself will.
        fee_predicted: fee.is_none(),
        settled: true,
        inferred: false,
        price_pending: realized.is_none(),
        busted: false,
        seq: 0,
        venue_time_ns: event.timestamp_ns,
    }
}
