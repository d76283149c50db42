//! What is not trading: instruments, seed, marks, leverage answers.

use alloc::boxed::Box;

use super::venue::ASSETS_MAX;
use super::{Books, Kernel};
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{EffectResult, Input, InstrumentSpec, Stamp};
use crate::instrument::Instrument;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{KernelDiagnosticCode as Code, OppositeSlots, Product, VenueOrderStatus};
use crate::num::{Decimal, Money, Price};
use crate::order::{Order, OrderRef};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::risk::Limits;
use crate::slot::classify::Change;

#[derive(Debug)]
pub(crate) enum SetupPlan {
    /// Nothing to change; the code is the answer.
    Note(Code),
    Instrument {
        place: Option<u32>,
        instrument: Box<Instrument>,
    },
    Seed(Money),
    Mark {
        instrument: u32,
        price: Price,
    },
    Leverage {
        instrument: u32,
        confirmed: Option<Decimal>,
    },
    NotSent(u32),
    Control(Option<Box<Limits>>),
}

fn wrong(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

impl Kernel {
    /// Takes what is neither an intent nor the venue's news.
    #[inline(never)]
    pub(crate) fn take_setup(&mut self, stamp: Stamp, input: &Input, effects: &mut Effects) -> Outcome {
        let plan = match self.plan_setup(input) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        let venue_time_ns =
            if let Input::Mark { venue_time_ns, .. } = input { *venue_time_ns } else { stamp.0 };
        self.pass_time(stamp, venue_time_ns);
        self.commit_setup(plan, input, effects)
    }

    pub(crate) fn plan_setup(&self, input: &Input) -> Result<SetupPlan, Box<Refusal>> {
        match input {
            // Its bounds would be lost to whoever stores it.
            Input::Instrument(spec) if spec.bounds.is_some() => Err(wrong(
                "bounds",
                &spec.symbol,
                "are stored by Input::Listed: make it with Input::instrument",
            )),
            Input::Instrument(spec) => self.plan_instrument(spec),
            Input::Listed(listed) => self.plan_instrument(&listed.0),
            Input::Seed { asset, amount } => self.plan_seed(asset, *amount),
            Input::Mark { symbol, price, .. } => self.plan_mark(symbol, *price),
            Input::Effect(result) => self.plan_effect(result),
            Input::Control(change) => self.plan_control(change),
            // They have plans of their own.
            Input::Intent(_)
            | Input::Venue(_)
            | Input::Account(_)
            | Input::Time
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Override(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Recalled(_)
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Capacity { .. } => Ok(SetupPlan::Note(Code::IllegalTransition)),
        }
    }

    fn plan_instrument(&self, spec: &InstrumentSpec) -> Result<SetupPlan, Box<Refusal>> {
        self.check_room(spec)?;
        let settle = self.asset_of(&spec.settle).unwrap_or(self.assets.len() as u16);
        let mut instrument = Instrument::load(spec, settle)
            .map_err(|error| Refusal::field(Code::Precision, error.field, &spec.symbol, error.why))?;
        let place = self.instrument_of(&spec.symbol);
        self.check_opposite_slots(spec.opposite_slots, place)?;
        if let Some(place) = place {
            let old = &self.instruments[place as usize];
            let same_grid = old.price_scale == instrument.price_scale
                && old.qty_scale == instrument.qty_scale
                && old.unit == instrument.unit
                && old.settle == instrument.settle
                && old.spec.product == spec.product
                && old.spec.inverse == spec.inverse
                && (old.spec.product == Product::Perp || old.spec.base == spec.base);
            if !same_grid {
                return Err(wrong(
                    "lot_step",
                    &spec.symbol,
                    "scales of a configured instrument cannot change",
                ));
            }
            instrument.mark = old.mark;
            instrument.mark_time_ns = old.mark_time_ns;
            instrument.mark_ages = old.mark_ages;
            if spec.leverage == old.spec.leverage {
                instrument.leverage = old.leverage;
            }
        }
        Ok(SetupPlan::Instrument { place, instrument: Box::new(instrument) })
    }

    /// Two books need no netting; and what shares a book cannot be told apart while both sides are there, nor may what
    /// was ordered by one rule be held back by the other.
    fn check_opposite_slots(&self, wanted: OppositeSlots, place: Option<u32>) -> Result<(), Box<Refusal>> {
        if wanted == OppositeSlots::Net && self.config.hedge_mode {
            let why = "is for one-way accounts: hedge mode keeps the sides apart";
            return Err(wrong("opposite_slots", wanted, why));
        }
        let Some(place) = place else { return Ok(()) };
        let changes = self.instruments[place as usize].spec.opposite_slots != wanted;
        let at_work = |order: &Order| order.instrument == place && !order.reserved.is_zero();
        let busy = self.books[place as usize].busy != [0, 0];
        if changes && (busy || self.orders.iter().any(at_work)) {
            return Err(wrong("opposite_slots", wanted, "cannot change while a slot or an order is at work"));
        }
        Ok(())
    }

    /// Settlement asset, base and fee asset may all be new.
    fn check_room(&self, spec: &InstrumentSpec) -> Result<(), Box<Refusal>> {
        let names = [&spec.settle, &spec.base, &spec.fee_asset];
        let new = names.iter().filter(|name| !name.is_empty() && self.asset_of(name).is_none()).count();
        if self.assets.len().saturating_add(new) > ASSETS_MAX {
            return Err(wrong("settle", &spec.settle, "the kernel keeps at most 1024 assets"));
        }
        Ok(())
    }

    fn plan_seed(&self, asset: &Id, amount: Decimal) -> Result<SetupPlan, Box<Refusal>> {
        if self.opening.is_some() {
            return Err(wrong(
                "capital",
                amount,
                "is what the opening state says: it cannot be set after it",
            ));
        }
        if asset.is_empty() {
            return Err(wrong("asset", "", "must not be empty"));
        }
        if self.asset_of(asset).is_none() && self.assets.len() >= ASSETS_MAX {
            return Err(wrong("asset", asset, "the kernel keeps at most 1024 assets"));
        }
        if amount.is_negative() {
            return Err(wrong("capital", amount, "must not be negative"));
        }
        let money = Money::from_decimal(amount)
            .map_err(|_| wrong("capital", amount, "has over 18 decimals or is too large"))?;
        Ok(SetupPlan::Seed(money))
    }

    #[inline]
    fn plan_mark(&self, symbol: &Id, price: Decimal) -> Result<SetupPlan, Box<Refusal>> {
        let instrument = self
            .instrument_of(symbol)
            .ok_or_else(|| wrong("asset", symbol, "is not configured: set_exchange_config"))?;
        if !price.is_positive() {
            return Err(wrong("price", price, "must be above zero"));
        }
        let mark = self.instruments[instrument as usize]
            .mark(price)
            .map_err(|_| wrong("price", price, "is too large"))?;
        if mark.is_zero() {
            return Err(wrong("price", price, "is zero at the instrument's decimals"));
        }
        Ok(SetupPlan::Mark { instrument, price: mark })
    }

    fn plan_effect(&self, result: &EffectResult) -> Result<SetupPlan, Box<Refusal>> {
        let place = |symbol: &Id| {
            self.instrument_of(symbol).ok_or_else(|| wrong("symbol", symbol, "is not configured"))
        };
        let plan = match result {
            EffectResult::LeverageSet { symbol, leverage } if leverage.is_positive() => {
                SetupPlan::Leverage { instrument: place(symbol)?, confirmed: Some(*leverage) }
            }
            EffectResult::LeverageSet { leverage, .. } => {
                return Err(wrong("leverage", leverage, "must be above zero"));
            }
            EffectResult::LeverageRefused { symbol, .. } => {
                SetupPlan::Leverage { instrument: place(symbol)?, confirmed: None }
            }
            EffectResult::NotSent { venue_client_id, .. } => {
                let place = self
                    .orders
                    .by_client_id(venue_client_id)
                    .ok_or_else(|| Refusal::plain(Code::UnknownOrder))?;
                if self.orders.at(place).status != VenueOrderStatus::Sent {
                    return Ok(SetupPlan::Note(Code::StaleEvent));
                }
                SetupPlan::NotSent(place)
            }
        };
        Ok(plan)
    }

    // ------------------------------------------------------------------------------------------------ commit

    #[inline]
    fn commit_setup(&mut self, plan: SetupPlan, input: &Input, effects: &mut Effects) -> Outcome {
        match (plan, input) {
            (SetupPlan::Note(code), _) => return self.answer(code, None, Detail::None),
            (SetupPlan::Mark { instrument, price }, Input::Mark { venue_time_ns, ages, .. }) => {
                let now_ns = self.now_ns;
                let rules = &mut self.instruments[instrument as usize];
                rules.mark = Some(price);
                // What the venue said long ago is no younger for having come just now.
                let told_before = *ages && (1..now_ns).contains(venue_time_ns);
                rules.mark_time_ns = if told_before { *venue_time_ns } else { now_ns };
                rules.mark_ages = *ages;
                self.books[instrument as usize].last_price = Some(price);
                self.refresh_exposure(instrument);
            }
            (SetupPlan::Instrument { place, instrument }, _) => self.commit_instrument(place, *instrument),
            (SetupPlan::Seed(amount), Input::Seed { asset, .. }) => self.commit_seed(asset, amount),
            (SetupPlan::Leverage { instrument, confirmed }, _) => {
                self.commit_leverage(instrument, confirmed, effects);
            }
            (SetupPlan::NotSent(place), _) => {
                self.end_order(place, VenueOrderStatus::Rejected, Change::Ended, effects);
            }
            (SetupPlan::Control(limits), Input::Control(change)) => {
                self.commit_control(limits, change, effects)
            }
            (SetupPlan::Seed(_) | SetupPlan::Control(_) | SetupPlan::Mark { .. }, _) => {
                return self.answer(Code::IllegalTransition, None, Detail::None);
            }
        }
        self.answer(Code::Ok, None, Detail::None)
    }

    fn commit_instrument(&mut self, place: Option<u32>, mut instrument: Instrument) {
        let settle = self.asset_or_open(&instrument.spec.settle);
        if instrument.spec.product == Product::Spot {
            instrument.base = Some(self.asset_or_open(&instrument.spec.base));
        }
        if !instrument.spec.fee_asset.is_empty() {
            instrument.fee_asset = Some(self.asset_or_open(&instrument.spec.fee_asset));
        }
        let asset = &mut self.assets[usize::from(settle)];
        asset.unit_decimals = instrument.spec.fee_decimals;
        let nets = instrument.nets();
        let at = place.unwrap_or(self.instruments.len() as u32);
        let had = place.is_some_and(|place| self.instruments[place as usize].bounds.is_some());
        if had || instrument.bounds.is_some() {
            self.aside.set_bounds(at, instrument.spec.bounds.as_deref());
        }
        let priced_alike =
            place.is_some_and(|place| prices_alike(&self.instruments[place as usize].spec, &instrument.spec));
        match place {
            Some(place) => {
                instrument.fee_price_from = self.instruments[place as usize].fee_price_from;
                self.instruments[place as usize] = instrument;
            }
            None => {
                let place = self.instruments.len() as u32;
                self.symbols.insert(instrument.spec.symbol.hash64(), place);
                self.instruments.push(instrument);
                self.books.push(Books::default());
                self.exposure.open_instrument(settle);
            }
        }
        self.exposure.net_sides(at, nets);
        if nets {
            self.refresh_exposure(at); // the side is new
        }
        match place {
            None => self.find_new_fee_prices(at),
            Some(_) if priced_alike => {}
            Some(_) => self.find_fee_prices(),
        }
    }

    /// What a new instrument, the last one, changes: its own fees' price, and that of those that had none. The others
    /// keep theirs, as the first that prices it is taken.
    fn find_new_fee_prices(&mut self, at: u32) {
        let new = &self.instruments[at as usize];
        let own = self.fee_price_source(&new.spec);
        let (base, quote, inverse) = (new.spec.base.clone(), new.spec.quote.clone(), new.spec.inverse);
        for other in self.instruments.iter_mut().filter(|_| !inverse) {
            let waits = other.fee_price_from.is_none() && !other.spec.fee_asset.is_empty();
            if waits && other.spec.fee_asset == base && other.spec.settle == quote {
                other.fee_price_from = Some(at);
            }
        }
        self.instruments[at as usize].fee_price_from = own;
    }

    /// Finds for each instrument whose fees are paid in a third asset the one that prices it.
    fn find_fee_prices(&mut self) {
        for at in 0..self.instruments.len() {
            self.instruments[at].fee_price_from = self.fee_price_source(&self.instruments[at].spec);
        }
    }

    pub(super) fn fee_price_source(&self, spec: &InstrumentSpec) -> Option<u32> {
        if spec.fee_asset.is_empty() {
            return None;
        }
        let prices = |other: &Instrument| {
            other.spec.base == spec.fee_asset && other.spec.quote == spec.settle && !other.spec.inverse
        };
        self.instruments.iter().position(prices).map(|source| source as u32)
    }

    /// Sets what was brought in; a second seed moves the wallet by the difference.
    fn commit_seed(&mut self, asset: &Id, amount: Money) {
        let place = self.asset_or_open(asset);
        let brought = -self.ledger.balance(place, Account::Capital);
        let posting = Posting {
            cause: Cause::Seed,
            from: Account::Capital,
            to: Account::Wallet,
            slot_id: None,
            trade_id: &Id::EMPTY,
            reference: &Id::EMPTY,
        };
        self.ledger.post(self.seq, place, amount - brought, posting);
        self.assets[usize::from(place)].exchange.booked_time_ns = self.now_ns;
        self.opened = true;
    }

    /// Releases the entries that waited for a leverage setting, or ends them where the venue refused it or has set
    /// another.
    fn commit_leverage(&mut self, instrument: u32, confirmed: Option<Decimal>, effects: &mut Effects) {
        if let Some(leverage) = confirmed {
            self.instruments[instrument as usize].leverage = leverage;
        }
        let waiting = core::mem::take(&mut self.books[instrument as usize].waiting);
        for reference in waiting {
            let waits = self.orders.get(reference).filter(|order| order.status == VenueOrderStatus::New);
            let Some(slot_id) = waits.map(|order| order.slot_id) else { continue };
            let as_asked = confirmed == Some(self.slots[slot_id as usize].leverage);
            if !as_asked {
                self.notice(effects, Code::VenueRejected, Some(slot_id));
            }
            self.release_or_end(reference, as_asked, effects);
        }
    }

    fn release_or_end(&mut self, reference: OrderRef, confirmed: bool, effects: &mut Effects) {
        if confirmed {
            self.release(reference.place, effects);
        } else {
            self.end_order(reference.place, VenueOrderStatus::Rejected, Change::Ended, effects);
        }
    }
}

/// True where one stored in the other's place changes no fee's price.
fn prices_alike(old: &InstrumentSpec, new: &InstrumentSpec) -> bool {
    let key = |spec: &InstrumentSpec| {
        (spec.base.clone(), spec.quote.clone(), spec.settle.clone(), spec.fee_asset.clone(), spec.inverse)
    };
    key(old) == key(new)
}
