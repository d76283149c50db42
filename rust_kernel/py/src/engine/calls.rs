//! What Python puts in: intents, events, marks, terms and an operator's changes.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use dita_engine::{Answer, Clock, first_answers};
use dita_host::{Hold, Patience};
use dita_kernel::id::Id;
use dita_kernel::input::{Arming, BotLimits, BotTransfer, ControlChange, EffectResult, Input, Intent, Stamp};
use dita_kernel::names::{KernelCommandType, KernelDiagnosticCode as Code, Liquidity, Severity};
use dita_kernel::outcome::{Detail as CoreDetail, Outcome};
use pyo3::PyTypeCheck;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::settings::{self, ControlUpdate};
use super::{Engine, id, inputs, outside, reads};
use crate::account_event::account_event_from_dict;
use crate::details::{Detail, Details};
use crate::errors::Error;
use crate::intent::KernelIntent;
use crate::outcome::{KernelOutcome, OutcomeView};
use crate::venue_event::VenueEvent;
use crate::{number, time};

/// A refusal of a setting as an exception: nobody looks at the outcome of a setting.
fn settled(outcome: KernelOutcome) -> Result<KernelOutcome, Error> {
    let answer = &outcome.view().answer;
    if answer.outcome.accepted || outcome.view().extra != Details::EMPTY {
        return Ok(outcome);
    }
    Err(refused(&answer.outcome))
}

/// Why a setting is not taken, as an exception.
#[cold]
pub fn refused(outcome: &Outcome) -> Error {
    match &outcome.detail {
        CoreDetail::Field { field, value, why } => Error::text_value(*field, value, why),
        CoreDetail::None
        | CoreDetail::Order(_)
        | CoreDetail::Carries { .. }
        | CoreDetail::NotAtWork { .. }
        | CoreDetail::Choose(_)
        | CoreDetail::Gated(_)
        | CoreDetail::HeldBySlot { .. }
        | CoreDetail::HeldByOwner { .. }
        | CoreDetail::HeldBy { .. }
        | CoreDetail::Budget(_)
        | CoreDetail::BotLimit(_)
        | CoreDetail::Limit { .. }
        | CoreDetail::Retry { .. }
        | CoreDetail::Venue { .. }
        | CoreDetail::Unarmed(_)
        | CoreDetail::First { .. } => Error::text_value("input", "", outcome.code.name()),
    }
}

/// A value of one of our own classes.
#[inline]
fn instance<'a, 'py, T: PyTypeCheck>(
    value: &'a Bound<'py, PyAny>,
    field: &'static str,
    wanted: &str,
) -> Result<&'a Bound<'py, T>, Error> {
    value.cast::<T>().map_err(|_| Error::wrong_type(field, value, wanted))
}

fn intents_of<'py>(intents: &[Bound<'py, PyAny>]) -> Result<Vec<Bound<'py, KernelIntent>>, Error> {
    let check = |(at, intent): (usize, &Bound<'py, PyAny>)| {
        let cast = intent.cast::<KernelIntent>().cloned();
        cast.map_err(|_| Error::wrong_type(format!("intents[{at}]"), intent, "KernelIntent"))
    };
    intents.iter().enumerate().map(check).collect()
}

/// What an outcome says of the intent that it belongs to.
pub struct About {
    intent_id: Id,
    action: KernelCommandType,
    asset: Id,
    slot_id: u32,
    /// What was given as its slot and is none.
    given_slot: Option<i128>,
}

impl About {
    /// Of an intent. `given_slot` is what was given as its slot and is none.
    #[inline]
    pub fn of(intent: &Intent, given_slot: Option<i128>) -> About {
        let (intent_id, asset) = (intent.intent_id.clone(), intent.asset.clone());
        About { intent_id, action: intent.action, asset, slot_id: intent.slot_id, given_slot }
    }

    /// The intent's outcome, with what was given as its slot and is none.
    #[inline]
    pub fn complete(self, mut outcome: OutcomeView) -> KernelOutcome {
        let About { intent_id, action, asset, slot_id, given_slot } = self;
        if let Some(given) = given_slot {
            outcome.extra.add("value", Detail::Text(given.to_string().into_boxed_str()));
        }
        let code = outcome.answer.outcome.code;
        if code == Code::InvalidIntent {
            outcome.extra.add("intent_id", Detail::Id(intent_id));
            outcome.extra.add("action", Detail::Name(action.name()));
            outcome.extra.add("asset", Detail::Id(asset));
        } else if code == Code::InvalidSlotId {
            let slot_id = given_slot.unwrap_or_else(|| slot_id.into());
            let whole = i64::try_from(slot_id);
            let slot_id =
                whole.map_or_else(|_| Detail::Text(slot_id.to_string().into_boxed_str()), Detail::Whole);
            outcome.extra.add("slot_id", slot_id);
            outcome.extra.add("intent_id", Detail::Id(intent_id));
        }
        outcome.into()
    }
}

impl Engine {
    /// Puts an input in; its outcome.
    #[inline]
    fn put(
        &self,
        py: Python<'_>,
        input: Input,
        time_ns: Option<i64>,
        patience: Patience,
    ) -> Result<OutcomeView, Error> {
        let given = self.shared.put(py, input, time_ns, patience)?;
        Ok(outside::outcome(&self.shared, py, given))
    }

    /// Takes an intent, and with it all that its venue answers at once. `given_slot` is what was given as its slot and
    /// is none.
    #[inline]
    pub fn take(
        &self,
        py: Python<'_>,
        intent: Box<Intent>,
        given_slot: Option<i128>,
    ) -> Result<KernelOutcome, Error> {
        let (about, time_ns) = (About::of(&intent, given_slot), intent.timestamp_ns);
        let outcome = self.put(py, Input::Intent(intent), Some(time_ns), Patience::Answer)?;
        Ok(about.complete(outcome))
    }

    /// Outcomes of intents that are sent again: of those that were accepted before the first one, out of the log. Where the
    /// log does not tell, what the kernel says stays.
    #[cold]
    fn retold(&self, py: Python<'_>, mut outcomes: Vec<OutcomeView>) -> Vec<OutcomeView> {
        let first_of = |view: &OutcomeView| match (view.answer.outcome.code, &view.answer.outcome.detail) {
            (Code::DuplicateIntent, CoreDetail::First { seq, .. }) => Some(*seq),
            _ => None,
        };
        let seqs: BTreeSet<u64> = outcomes.iter().filter_map(first_of).collect();
        let mut answers = py.detach(|| {
            let mut state = self.shared.lock();
            // Where the log has failed the next input says so.
            let synced = state.core.sync_log().is_ok();
            let disk = state.core.log_disk().filter(|_| synced && !seqs.is_empty());
            drop(state);
            let found = disk.map(|disk| first_answers(&disk, &seqs, &mut |_| ControlFlow::Continue(())));
            found.and_then(Result::ok).unwrap_or_default()
        });
        for view in &mut outcomes {
            if let Some(answer) = first_of(view).and_then(|seq| answers.remove(&seq)) {
                *view = OutcomeView { answer: Answer { durable: true, ..answer }, extra: Details::EMPTY };
            }
        }
        outcomes
    }

    #[inline]
    fn take_intent(&self, intent: &Bound<'_, KernelIntent>) -> Result<KernelOutcome, Error> {
        let its = intent.get();
        self.take(intent.py(), Box::new(its.core().clone()), its.given_slot())
    }

    fn settle(&self, py: Python<'_>, input: Input, time_ns: Option<i64>) -> Result<KernelOutcome, Error> {
        settled(self.put(py, input, time_ns, Patience::Answer)?.into())
    }

    /// Checks a time that shall be the kernel's.
    fn check_time(&self, time: &Bound<'_, PyAny>, time_ns: i64) -> Result<(), Error> {
        // Read first and then let go: showing the time in an error may run Python.
        let mut state = self.shared.open()?;
        let (clock, last_ns, clock_ns) = (state.core.clock(), state.latest_ns(), state.core.clock_ns());
        drop(state);
        if time_ns < last_ns {
            let why = format!("is before the kernel's time, {last_ns} ns: kernel time runs forward only");
            return Err(Error::value("timestamp", time, &why));
        }
        match clock {
            Clock::Driven => Ok(()),
            Clock::System if time_ns <= clock_ns => Ok(()),
            Clock::System => Err(Error::value(
                "timestamp",
                time,
                "is ahead of the machine's clock, which this kernel goes by: open it with ManualClock to drive time",
            )),
        }
    }
}

#[pymethods]
impl Engine {
    /// Takes an intent, and with it all that its venue answers at once.
    fn process_intent(&self, intent: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let intent = instance::<KernelIntent>(intent, "intent", "KernelIntent")?;
        self.take_intent(intent)
    }

    /// Takes intents that may have been taken before, one after the other; of those that were, the first outcomes.
    fn resend_intents<'py>(
        &self,
        py: Python<'py>,
        intents: Vec<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let intents = intents_of(&intents)?;
        let about = |intent: &KernelIntent| About::of(intent.core(), intent.given_slot());
        let mut outcomes = Vec::with_capacity(intents.len());
        for intent in &intents {
            let its = intent.get().core();
            let input = Input::Intent(Box::new(its.clone()));
            outcomes.push(self.put(py, input, Some(its.timestamp_ns), Patience::Answer)?);
        }
        let told = self.retold(py, outcomes);
        let told = intents.iter().zip(told).map(|(intent, view)| about(intent.get()).complete(view));
        let told = told.map(|outcome| Bound::new(py, outcome));
        Ok(PyList::new(py, told.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// The outcome of what was given as an intent and is none: nothing is taken, and nothing has changed.
    #[pyo3(signature = (*, slot_id, trade_id, intent_id, action, asset, field, value, reason))]
    #[allow(clippy::too_many_arguments)] // each is one of the outcome's
    fn refuse_intent(
        &self,
        slot_id: Option<u32>,
        trade_id: &str,
        intent_id: String,
        action: String,
        asset: String,
        field: String,
        value: String,
        reason: String,
    ) -> Result<KernelOutcome, Error> {
        let state = self.shared.open()?;
        let verdict = (Code::InvalidIntent, Severity::Error);
        let answer = state.untaken(verdict, slot_id, Id::new(trade_id).unwrap_or_default());
        let named = [
            ("field", field),
            ("value", value),
            ("reason", reason),
            ("intent_id", intent_id),
            ("action", action),
            ("asset", asset),
        ];
        let extra = named
            .into_iter()
            .fold(Details::EMPTY, |all, (name, text)| all.with(name, Detail::Text(text.into_boxed_str())));
        Ok(OutcomeView { answer, extra }.into())
    }

    /// Takes intents, checked all before the first: with a log they become durable together, and what they lead to leaves
    /// after that; else one after the other. Their outcomes in the same order.
    fn process_intents<'py>(
        &self,
        py: Python<'py>,
        intents: Vec<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let intents = intents_of(&intents)?;
        let outcomes = if !self.shared.has_log() || intents.is_empty() {
            intents.iter().map(|intent| self.take_intent(intent)).collect::<Result<Vec<_>, _>>()?
        } else {
            let inputs = intents.iter().map(|intent| Input::Intent(Box::new(intent.get().core().clone())));
            let time_ns = intents.iter().map(|intent| intent.get().core().timestamp_ns).max();
            let given = self.shared.put_batch(Hold::Has(py), inputs.collect(), time_ns)?;
            let outcomes = given.into_iter().map(|given| outside::outcome(&self.shared, py, given));
            let about =
                intents.iter().map(|intent| About::of(intent.get().core(), intent.get().given_slot()));
            about.zip(outcomes).map(|(about, outcome)| about.complete(outcome)).collect()
        };
        let outcomes = outcomes.into_iter().map(|outcome| Bound::new(py, outcome));
        Ok(PyList::new(py, outcomes.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// Takes a venue event, from any thread.
    fn on_venue_event(&self, event: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let event = instance::<VenueEvent>(event, "event", "VenueEvent")?;
        let input = Input::Venue(Box::new(event.get().core().clone()));
        Ok(self.put(event.py(), input, None, Patience::None)?.into())
    }

    /// Takes an account event, from any thread; raises where it is refused.
    fn on_account_event(&self, event: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let input = Input::Account(Box::new(account_event_from_dict(event)?));
        settled(self.put(event.py(), input, None, Patience::None)?.into())
    }

    /// Takes what a venue says it did: venue events and dicts of account events, all of them read before the first is
    /// taken. Raises where one cannot be read, naming its place in what `method` gave. Their outcomes in the same order.
    fn take_events<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        events: Vec<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let read = |(at, event): (usize, &Bound<'py, PyAny>)| match event.cast::<VenueEvent>() {
            Ok(event) => Ok(Input::Venue(Box::new(event.get().core().clone()))),
            Err(_) => match account_event_from_dict(event) {
                Ok(event) => Ok(Input::Account(Box::new(event))),
                Err(error) => Err(error.within(&format!("{method}[{at}]."))),
            },
        };
        let inputs = events.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let outcomes = PyList::empty(py);
        for input in inputs {
            let outcome = self.put(py, input, None, Patience::Answer)?;
            outcomes.append(Bound::new(py, KernelOutcome::from(outcome))?)?;
        }
        Ok(outcomes)
    }

    /// Takes the price that positions are valued at.
    #[pyo3(signature = (asset, price, timestamp=None))]
    fn mark_price(
        &self,
        asset: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<KernelOutcome, Error> {
        let symbol = id(asset, "asset")?;
        let price = number::read(price, "price")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        let input = Input::Mark { symbol, price, venue_time_ns: time_ns.unwrap_or_default(), ages: false };
        Ok(self.put(asset.py(), input, time_ns, Patience::None)?.into())
    }

    /// Moves kernel time forward.
    fn advance_time(&self, timestamp: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let time_ns = time::read(timestamp, "timestamp")?;
        self.check_time(timestamp, time_ns)?;
        Ok(self.put(timestamp.py(), Input::Time, Some(time_ns), Patience::None)?.into())
    }

    /// Sets what was brought in of an asset.
    fn set_seed_capital(
        &self,
        amount: &Bound<'_, PyAny>,
        asset: &Bound<'_, PyAny>,
    ) -> Result<KernelOutcome, Error> {
        let input = Input::Seed { asset: id(asset, "asset")?, amount: number::read(amount, "capital")? };
        self.settle(amount.py(), input, None)
    }

    /// Moves capital between bots; None stands for what is no bot's. Its outcome says whether it was taken.
    #[pyo3(signature = (transfer_id, giver, taker, amount, asset, by, opens=false))]
    #[expect(clippy::too_many_arguments, reason = "a transfer has so many facts, all named in Python")]
    fn transfer_capital(
        &self,
        transfer_id: &Bound<'_, PyAny>,
        giver: Option<&Bound<'_, PyAny>>,
        taker: Option<&Bound<'_, PyAny>>,
        amount: &Bound<'_, PyAny>,
        asset: &Bound<'_, PyAny>,
        by: &Bound<'_, PyAny>,
        opens: bool,
    ) -> Result<KernelOutcome, Error> {
        let bot = |value: Option<&Bound<'_, PyAny>>, field| {
            value.map_or(Ok(dita_kernel::id::Id::EMPTY), |value| id(value, field))
        };
        let transfer = BotTransfer {
            transfer_id: id(transfer_id, "transfer_id")?,
            from: bot(giver, "giver")?,
            to: bot(taker, "taker")?,
            asset: id(asset, "asset")?,
            amount: number::read(amount, "amount")?,
            opens,
            by: id(by, "by")?,
        };
        let input = Input::Bots(Box::new(transfer));
        Ok(self.put(amount.py(), input, None, Patience::Answer)?.into())
    }

    /// Sets what a bot may do at most, in place of what was set before; `None` is no limit.
    #[pyo3(signature = (bot, asset, max_slots, max_order_notional, max_notional, by))]
    fn set_bot_limits(
        &self,
        bot: &Bound<'_, PyAny>,
        asset: &Bound<'_, PyAny>,
        max_slots: Option<&Bound<'_, PyAny>>,
        max_order_notional: Option<&Bound<'_, PyAny>>,
        max_notional: Option<&Bound<'_, PyAny>>,
        by: &Bound<'_, PyAny>,
    ) -> Result<KernelOutcome, Error> {
        let amount = |value: Option<&Bound<'_, PyAny>>, field| {
            value.map(|value| number::read(value, field)).transpose()
        };
        let limits = BotLimits {
            bot: id(bot, "bot")?,
            asset: id(asset, "asset")?,
            max_slots: max_slots.map(|value| number::read_whole(value, "max_slots")).transpose()?,
            max_order_notional: amount(max_order_notional, "max_order_notional")?,
            max_notional: amount(max_notional, "max_notional")?,
            by: id(by, "by")?,
        };
        Ok(self.put(bot.py(), Input::BotLimits(Box::new(limits)), None, Patience::Answer)?.into())
    }

    /// Lists an instrument at the kernel, and at the simulated venue where there is one.
    #[pyo3(signature = (**spec))]
    fn add_instrument(
        &self,
        py: Python<'_>,
        spec: Option<&Bound<'_, PyDict>>,
    ) -> Result<KernelOutcome, Error> {
        let spec = match spec {
            Some(spec) => settings::instrument(spec)?,
            None => return Err(Error::missing("symbol")),
        };
        let input = Input::instrument(spec.clone());
        let mut state = self.shared.open()?;
        // The kernel's refusal comes first: the venue must not list what the kernel does not.
        let stamp = Stamp(state.core.kernel().now_ns());
        if let Err(refusal) = state.core.kernel().validate(stamp, &input) {
            let outcome = Outcome {
                seq: 0,
                accepted: false,
                code: refusal.code,
                severity: refusal.severity,
                slot_id: None,
                state: None,
                detail: refusal.detail,
            };
            drop(state);
            return Err(refused(&outcome));
        }
        if state.core.simulated_venue().is_some() {
            self.shared.guarded(&mut state, |state| {
                Ok(state.core.with_venue(|venue, _, _| venue.add_instrument(&spec))?)
            })?;
        }
        drop(state);
        self.settle(py, input, None)
    }

    /// Changes the controls; what is absent or `None` stays. Of `limits`, those named.
    #[pyo3(signature = (**changes))]
    fn update_control(
        &self,
        py: Python<'_>,
        changes: Option<&Bound<'_, PyDict>>,
    ) -> Result<KernelOutcome, Error> {
        let update = ControlUpdate::read(changes)?;
        let change = self.shared.open()?.change(|standing| update.change(standing));
        self.settle(py, Input::Control(Box::new(change)), None)
    }

    /// Says what the venue is, and how the kernel was opened on it. An input only where that is news.
    fn arm(&self, py: Python<'_>, real_money: bool, said_live: bool, set_live: bool) -> Result<(), Error> {
        let arming = Arming { real_money, said_live, set_live };
        let control = self.read(|kernel| kernel.control().clone())?;
        if control.arming == arming {
            return Ok(());
        }
        // No operator has changed anything: their count stays, and who was the last of them.
        let (version, updated_by) = (Some(control.version), control.updated_by);
        let change = ControlChange { arming: Some(arming), version, updated_by, ..ControlChange::default() };
        self.settle(py, Input::Control(Box::new(change)), None).map(drop)
    }

    /// Takes what the venue's account holds, before the first trade; raises where it is refused.
    fn open_with(&self, opening_state: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let opening = inputs::opening(opening_state, self.now_ns()?)?;
        let time_ns = opening.timestamp_ns;
        self.settle(opening_state.py(), Input::Opening(Box::new(opening)), Some(time_ns))
    }

    /// Takes funding terms; what is absent or `None` stays.
    #[pyo3(signature = (asset, **terms))]
    fn on_funding(
        &self,
        asset: &Bound<'_, PyAny>,
        terms: Option<&Bound<'_, PyDict>>,
    ) -> Result<KernelOutcome, Error> {
        let mut terms = inputs::funding(asset, terms)?;
        let time_ns = Some(terms.venue_time_ns).filter(|time_ns| *time_ns != 0);
        if time_ns.is_none() {
            terms.venue_time_ns = self.now_ns()?;
        }
        Ok(self.put(asset.py(), Input::Funding(Box::new(terms)), time_ns, Patience::None)?.into())
    }

    /// Takes over trades known from elsewhere: all of them, or none.
    fn adopt(&self, slots: &Bound<'_, PyAny>, by: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let adopted = inputs::adopted(slots, by)?;
        let left = inputs::orders_left(slots)?;
        let input = Input::Adopt(Box::new(adopted));
        let mut outcome = self.put(slots.py(), input, None, Patience::Answer)?;
        if !left.is_empty() && outcome.answer.outcome.accepted {
            let row = |(slot_id, id): (u32, Id)| {
                Details::EMPTY
                    .with("slot_id", Detail::Whole(slot_id.into()))
                    .with("venue_client_id", Detail::Id(id))
            };
            outcome.extra.add("orders_to_attach", Detail::List(left.into_iter().map(row).collect()));
        }
        Ok(outcome.into())
    }

    /// Takes an operator's change of a slot; raises where it is refused.
    #[pyo3(signature = (slot_id, by, reason, **changes))]
    fn override_slot(
        &self,
        slot_id: u32,
        by: &Bound<'_, PyAny>,
        reason: &Bound<'_, PyAny>,
        changes: Option<&Bound<'_, PyDict>>,
    ) -> Result<KernelOutcome, Error> {
        let change = inputs::slot_override(slot_id, by, reason, changes)?;
        self.settle(by.py(), Input::Override(Box::new(change)), None)
    }

    /// Takes a fee that was seen, and holds it against the prediction; raises where it is refused.
    #[pyo3(signature = (**sample))]
    fn calibrate<'py>(
        &self,
        py: Python<'py>,
        sample: Option<&Bound<'py, PyDict>>,
    ) -> Result<Bound<'py, PyDict>, Error> {
        let Some(sample) = sample else { return Err(Error::missing("symbol")) };
        let sample = inputs::fee_sample(sample)?;
        let (symbol, liquidity) = (sample.symbol.clone(), sample.liquidity.unwrap_or(Liquidity::Taker));
        let outcome = self.settle(py, Input::Calibration(Box::new(sample)), None)?;
        if !outcome.view().answer.outcome.accepted {
            return Ok(outcome.view().extra.to_dict(py)?); // queued
        }
        let found = self.read(|kernel| {
            let calibration = kernel.calibration(kernel.instrument_of(&symbol)?, liquidity)?;
            let asset = calibration.meter.last.as_ref().map_or(0, |reading| reading.expected_asset);
            let name = kernel.assets().get(usize::from(asset)).map(|asset| asset.name.clone());
            Some((calibration, name.unwrap_or_default()))
        })?;
        match found {
            Some((calibration, asset)) => Ok(reads::calibration_dict(py, &calibration, &asset)?),
            None => Ok(PyDict::new(py)),
        }
    }

    /// Takes a strategy's edge, in basis points.
    #[pyo3(signature = (asset, edge_bps, timestamp=None))]
    fn on_edge(
        &self,
        asset: &Bound<'_, PyAny>,
        edge_bps: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<KernelOutcome, Error> {
        let symbol = id(asset, "asset")?;
        let edge_bps = number::read(edge_bps, "edge_bps")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        let input = Input::Edge { symbol, edge_bps };
        Ok(self.put(asset.py(), input, time_ns, Patience::None)?.into())
    }

    /// What came of a leverage setting, where the adapter learns it later.
    #[pyo3(signature = (symbol, leverage=None, reason=""))]
    fn on_leverage(
        &self,
        symbol: &Bound<'_, PyAny>,
        leverage: Option<&Bound<'_, PyAny>>,
        reason: &str,
    ) -> Result<KernelOutcome, Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let result = match leverage {
            Some(value) => EffectResult::LeverageSet { symbol, leverage: number::read(value, "leverage")? },
            None => EffectResult::LeverageRefused { symbol, reason: reason.into() },
        };
        Ok(self.put(py, Input::Effect(result), None, Patience::None)?.into())
    }
}
