//! `Engine`: the kernel with its shell and its venue, as Python drives it.

mod adapter;
mod drain;
mod inputs;
pub mod reads;
mod settings;
mod views;

use std::fmt::Write;

use dita_engine::{Clock, Engine as Shell, EngineConfig, Port};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, Stamp};
use dita_kernel::invariant;
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{Liquidity, PositionSide, TradeStage};
use dita_kernel::num::{Decimal, Qty};
use dita_kernel::outcome::{Detail as CoreDetail, Outcome};
use pyo3::PyTypeCheck;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::account_event::account_event_from_dict;
use crate::details::{Detail, Details};
use crate::errors::Error;
use crate::intent::KernelIntent;
use crate::order::VenueOrder;
use crate::outcome::KernelOutcome;
use crate::slot::TradeSlot;
use crate::venue_event::VenueEvent;
use crate::{names, number, text, time};
use drain::{Patience, Shared, State};
use settings::ControlUpdate;

/// The kernel with its shell and its venue. `dita.ExecutionKernel` is its public face.
///
/// One thread at a time drains; calls that want an answer wait for it with the interpreter released, events from
/// other threads are left behind. A call from inside an adapter or an observer is queued and answered with
/// `accepted=False` and `details["queued"]`.
#[pyclass(frozen, weakref, module = "dita._kernel")]
pub struct Engine {
    shared: Shared,
}

/// A position as two decimals.
type SizeAndCost<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// A refusal of a setting as an exception: nobody looks at the outcome of a setting.
fn settled(outcome: KernelOutcome) -> Result<KernelOutcome, Error> {
    let answer = &outcome.view().answer;
    if answer.outcome.accepted || outcome.view().extra != crate::details::Details::EMPTY {
        return Ok(outcome);
    }
    Err(refused(&answer.outcome))
}

#[cold]
fn refused(outcome: &Outcome) -> Error {
    match &outcome.detail {
        CoreDetail::Field { field, value, why } => Error::text_value(*field, value, why),
        CoreDetail::None
        | CoreDetail::Order(_)
        | CoreDetail::Limit { .. }
        | CoreDetail::Retry { .. }
        | CoreDetail::Venue { .. }
        | CoreDetail::First { .. } => Error::text_value("input", "", outcome.code.name()),
    }
}

fn id(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Id, Error> {
    let mut id = Id::EMPTY;
    text::read_id(&mut id, value, field)?;
    Ok(id)
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

/// Levels of a book: a list or tuple of (price, size).
fn levels(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Vec<(Decimal, Decimal)>, Error> {
    let mut read = Vec::with_capacity(value.len().unwrap_or_default());
    for level in value.try_iter()? {
        let level = level?;
        if level.len()? != 2 {
            return Err(Error::value(field, &level, "is no (price, size)"));
        }
        read.push((number::read(&level.get_item(0)?, field)?, number::read(&level.get_item(1)?, field)?));
    }
    Ok(read)
}

impl Engine {
    fn settle(&self, py: Python<'_>, input: Input, time_ns: Option<i64>) -> Result<KernelOutcome, Error> {
        settled(self.shared.put(py, input, time_ns, Patience::Answer)?.into())
    }

    /// Copies something out of the state. `copy` must make no Python object.
    #[inline]
    fn read<R>(&self, copy: impl FnOnce(&Kernel) -> R) -> Result<R, Error> {
        Ok(copy(self.shared.open()?.core.kernel()))
    }

    /// A call of the simulated venue, and then the drain of what it says.
    fn simulate(
        &self,
        py: Python<'_>,
        time_ns: Option<i64>,
        call: impl FnOnce(&mut dita_sim::SimVenue, i64, &mut Vec<Input>) -> Result<(), dita_sim::SimError>,
    ) -> Result<(), Error> {
        let mut state = self.shared.open()?;
        if let Some(time_ns) = time_ns {
            state.tell(time_ns);
        }
        self.shared.guarded(&mut state, |state| Ok(state.core.with_venue(call)?))?;
        self.shared.drain_if_idle(py, state)
    }

    /// Checks a time that shall be the kernel's.
    fn check_time(&self, time: &Bound<'_, PyAny>, time_ns: i64) -> Result<(), Error> {
        // Read first and then let go: showing the time in an error may run Python.
        let state = self.shared.open()?;
        let (clock, last_ns) = (state.core.clock(), state.core.now_ns().max(state.told_ns));
        drop(state);
        if time_ns < last_ns {
            let why = format!("is before the kernel's time, {last_ns} ns: kernel time runs forward only");
            return Err(Error::value("timestamp", time, &why));
        }
        match clock {
            Clock::Driven => Ok(()),
            Clock::System if time_ns <= dita_engine::system_ns() => Ok(()),
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
    #[new]
    #[pyo3(signature = (*, max_slots=10, instance_nonce=0, hedge_mode=false, remembered_orders=4096, inbox_max=65536, start_ns=None, simulated=None, adapter=None, observer=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        max_slots: u32,
        instance_nonce: u64,
        hedge_mode: bool,
        remembered_orders: usize,
        inbox_max: usize,
        start_ns: Option<i64>,
        simulated: Option<&Bound<'_, PyDict>>,
        adapter: Option<Py<PyAny>>,
        observer: Option<Py<PyAny>>,
    ) -> Result<Engine, Error> {
        let port = match simulated {
            Some(keywords) => Port::Sim(Box::new(settings::simulated_venue(keywords)?)),
            None => Port::Foreign,
        };
        let config = EngineConfig {
            kernel: KernelConfig {
                max_slots,
                instance_nonce,
                hedge_mode,
                remembered_orders,
                ..KernelConfig::default()
            },
            clock: if start_ns.is_some() { Clock::Driven } else { Clock::System },
            inbox_max,
            observe: observer.is_some(),
            ..EngineConfig::default()
        };
        let mut state = State::new(Shell::new(config, port)?);
        if let Some(start_ns) = start_ns {
            state.tell(start_ns);
        }
        Ok(Engine { shared: Shared::new(state, adapter, observer) })
    }

    // ------------------------------------------------------------------------------------------------ inputs

    /// Takes an intent, and with it all that its venue answers at once.
    fn process_intent(&self, intent: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let intent = instance::<KernelIntent>(intent, "intent", "KernelIntent")?;
        let core = intent.get().core();
        let time_ns = core.timestamp_ns;
        let input = Input::Intent(Box::new(core.clone()));
        let mut outcome = self.shared.put(intent.py(), input, Some(time_ns), Patience::Answer)?;
        if let Some(given) = intent.get().given_slot() {
            outcome.extra.add("value", Detail::Text(given.to_string().into_boxed_str()));
        }
        Ok(outcome.into())
    }

    /// Takes intents one after the other; their outcomes in the same order.
    fn process_intents<'py>(
        &self,
        py: Python<'py>,
        intents: Vec<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let outcomes = PyList::empty(py);
        for intent in &intents {
            outcomes.append(Bound::new(py, self.process_intent(intent)?)?)?;
        }
        Ok(outcomes)
    }

    /// Takes a venue event, from any thread.
    fn on_venue_event(&self, event: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let event = instance::<VenueEvent>(event, "event", "VenueEvent")?;
        let input = Input::Venue(Box::new(event.get().core().clone()));
        Ok(self.shared.put(event.py(), input, None, Patience::None)?.into())
    }

    /// Takes an account event, from any thread; raises where it is refused.
    fn on_account_event(&self, event: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let input = Input::Account(Box::new(account_event_from_dict(event)?));
        settled(self.shared.put(event.py(), input, None, Patience::None)?.into())
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
        let input = Input::Mark { symbol, price, venue_time_ns: time_ns.unwrap_or_default() };
        Ok(self.shared.put(asset.py(), input, time_ns, Patience::None)?.into())
    }

    /// Moves kernel time forward.
    fn advance_time(&self, timestamp: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let time_ns = time::read(timestamp, "timestamp")?;
        self.check_time(timestamp, time_ns)?;
        Ok(self.shared.put(timestamp.py(), Input::Time, Some(time_ns), Patience::None)?.into())
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
        let input = Input::Instrument(Box::new(spec.clone()));
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
        let change = self.shared.open()?.change(update);
        self.settle(py, Input::Control(Box::new(change)), None)
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
        Ok(self.shared.put(asset.py(), Input::Funding(Box::new(terms)), time_ns, Patience::None)?.into())
    }

    /// Takes over trades known from elsewhere: all of them, or none.
    fn adopt(&self, slots: &Bound<'_, PyAny>, by: &Bound<'_, PyAny>) -> Result<KernelOutcome, Error> {
        let adopted = inputs::adopted(slots, by)?;
        let left = inputs::orders_left(slots)?;
        let input = Input::Adopt(Box::new(adopted));
        let mut outcome = self.shared.put(slots.py(), input, None, Patience::Answer)?;
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
        Ok(self.shared.put(asset.py(), input, time_ns, Patience::None)?.into())
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
        Ok(self.shared.put(py, Input::Effect(result), None, Patience::None)?.into())
    }

    // ------------------------------------------------------------------------------------- the simulated venue

    /// A new best quote.
    #[pyo3(signature = (symbol, bid, bid_size, ask, ask_size, timestamp=None))]
    fn sim_quote(
        &self,
        symbol: &Bound<'_, PyAny>,
        bid: &Bound<'_, PyAny>,
        bid_size: &Bound<'_, PyAny>,
        ask: &Bound<'_, PyAny>,
        ask_size: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let (bid, ask) = (number::read(bid, "bid")?, number::read(ask, "ask")?);
        let bid_size = number::read_optional(bid_size, "bid_size")?;
        let ask_size = number::read_optional(ask_size, "ask_size")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| {
            venue.quote(now_ns, &symbol, bid, bid_size, ask, ask_size, out)
        })
    }

    /// New depth: a whole book, or single levels of which size 0 removes one.
    #[pyo3(signature = (symbol, bids, asks, timestamp=None, *, snapshot=false))]
    fn sim_depth(
        &self,
        symbol: &Bound<'_, PyAny>,
        bids: &Bound<'_, PyAny>,
        asks: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
        snapshot: bool,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let (bids, asks) = (levels(bids, "bids")?, levels(asks, "asks")?);
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| {
            venue.depth(now_ns, &symbol, &bids, &asks, snapshot, out)
        })
    }

    /// A trade of others.
    #[pyo3(signature = (symbol, price, size, timestamp=None))]
    fn sim_trade(
        &self,
        symbol: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let (price, size) = (number::read(price, "price")?, number::read(size, "size")?);
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| venue.trade(now_ns, &symbol, price, size, out))
    }

    /// A new mark price.
    #[pyo3(signature = (symbol, price, timestamp=None))]
    fn sim_mark(
        &self,
        symbol: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let price = number::read(price, "price")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| venue.mark(now_ns, &symbol, price, out))
    }

    /// An instrument's funding rate and schedule.
    #[pyo3(signature = (symbol, rate, next_boundary, interval_secs, timestamp=None))]
    fn sim_funding(
        &self,
        symbol: &Bound<'_, PyAny>,
        rate: &Bound<'_, PyAny>,
        next_boundary: &Bound<'_, PyAny>,
        interval_secs: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let rate = number::read(rate, "rate")?;
        let next_ns = time::read(next_boundary, "next_boundary")?;
        let interval_secs: u32 = number::read_whole(interval_secs, "interval_secs")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| {
            venue.set_funding(now_ns, &symbol, rate, next_ns, interval_secs, out)
        })
    }

    /// Moves money in (+) or out (-) of the simulated wallet.
    #[pyo3(signature = (asset, amount, timestamp=None))]
    fn sim_transfer(
        &self,
        asset: &Bound<'_, PyAny>,
        amount: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = asset.py();
        let asset = id(asset, "asset")?;
        let amount = number::read(amount, "amount")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| venue.transfer(now_ns, &asset, amount, out))
    }

    /// Credits (+) or charges (-) the simulated wallet: a rebate, or an adjustment.
    #[pyo3(signature = (asset, amount, *, rebate=false))]
    fn sim_credit(
        &self,
        asset: &Bound<'_, PyAny>,
        amount: &Bound<'_, PyAny>,
        rebate: bool,
    ) -> Result<(), Error> {
        let py = asset.py();
        let asset = id(asset, "asset")?;
        let amount = number::read(amount, "amount")?;
        self.simulate(py, None, |venue, now_ns, out| venue.credit(now_ns, rebate, &asset, amount, out))
    }

    /// A trade that somebody else made on this account.
    #[pyo3(signature = (symbol, order_side, size, price, position_side=None))]
    fn sim_manual_trade(
        &self,
        symbol: &Bound<'_, PyAny>,
        order_side: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        position_side: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let order_side = names::read(order_side, "order_side")?;
        let book = position_side.map(|value| names::read(value, "position_side")).transpose()?;
        let book = book.unwrap_or(PositionSide::Both);
        let (size, price) = (number::read(size, "size")?, number::read(price, "price")?);
        self.simulate(py, None, |venue, now_ns, out| {
            venue.manual_trade(now_ns, &symbol, order_side, book, size, price, out)
        })
    }

    /// Takes a part of the simulated venue's position away.
    fn sim_adl(
        &self,
        symbol: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let (size, price) = (number::read(size, "size")?, number::read(price, "price")?);
        self.simulate(py, None, |venue, now_ns, out| venue.force_adl(now_ns, &symbol, size, price, out))
    }

    /// Ends the simulated venue's faults: what was withheld arrives.
    fn sim_heal(&self, py: Python<'_>) -> Result<(), Error> {
        self.simulate(py, None, |venue, now_ns, out| {
            venue.heal(now_ns, out);
            Ok(())
        })
    }

    /// Changes the simulated venue's fee rates, without a word.
    fn sim_fee_rates(
        &self,
        symbol: &Bound<'_, PyAny>,
        maker_rate: &Bound<'_, PyAny>,
        taker_rate: &Bound<'_, PyAny>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let maker = number::read(maker_rate, "maker_rate")?;
        let taker = number::read(taker_rate, "taker_rate")?;
        self.simulate(py, None, |venue, _, _| venue.set_fee_rates(&symbol, maker, taker))
    }

    /// Has the simulated venue take fees in another asset, or with `None` in the usual one again.
    #[pyo3(signature = (asset, price=None, discount=None))]
    fn sim_fee_asset(
        &self,
        py: Python<'_>,
        asset: Option<&Bound<'_, PyAny>>,
        price: Option<&Bound<'_, PyAny>>,
        discount: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let asset = asset.map(|asset| id(asset, "asset")).transpose()?;
        let price = price.map(|price| number::read(price, "price")).transpose()?.unwrap_or(Decimal::ONE);
        let discount = discount.map(|value| number::read(value, "discount")).transpose()?;
        let discount = discount.unwrap_or(Decimal::ZERO);
        self.simulate(py, None, |venue, _, _| {
            venue.pay_fees_in(asset.as_ref().map(|asset| (asset, price, discount)))
        })
    }

    /// The simulated wallet's balance of an asset, or `None`.
    fn sim_wallet<'py>(&self, asset: &Bound<'py, PyAny>) -> Result<Option<Bound<'py, PyAny>>, Error> {
        let name = id(asset, "asset")?;
        let state = self.shared.open()?;
        let balance = state.core.simulated_venue().and_then(|venue| venue.wallet_balance(&name));
        drop(state);
        Ok(balance.map(|balance| number::get_money(asset.py(), balance)).transpose()?)
    }

    /// The simulated venue's position: signed size and cost, or `None` for an unknown symbol.
    fn sim_position<'py>(&self, symbol: &Bound<'py, PyAny>) -> Result<Option<SizeAndCost<'py>>, Error> {
        let py = symbol.py();
        let name = id(symbol, "symbol")?;
        let state = self.shared.open()?;
        let position = state.core.simulated_venue().and_then(|venue| venue.position(&name));
        drop(state);
        let Some((size, cost)) = position else { return Ok(None) };
        Ok(Some((number::get(py, size)?, number::get_money(py, cost)?)))
    }

    /// How often the simulated venue did what.
    fn sim_counters<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let state = self.shared.open()?;
        let counters = state.core.simulated_venue().map(dita_sim::SimVenue::counters).unwrap_or_default();
        drop(state);
        let dict = PyDict::new(py);
        for (name, count) in [
            ("orders", counters.orders),
            ("fills", counters.fills),
            ("rejects", counters.rejects),
            ("cancels", counters.cancels),
            ("expired", counters.expired),
            ("amends", counters.amends),
            ("amend_rejects", counters.amend_rejects),
            ("triggered", counters.triggered),
            ("trimmed", counters.trimmed),
            ("fundings", counters.fundings),
            ("liquidations", counters.liquidations),
            ("adls", counters.adls),
            ("transfers", counters.transfers),
        ] {
            dict.set_item(name, count)?;
        }
        for (name, count) in counters.faults.all() {
            dict.set_item(format!("fault_{name}"), count)?;
        }
        Ok(dict)
    }

    // ------------------------------------------------------------------------------------------------- reads

    /// A slot as it is now.
    fn slot(&self, slot_id: u32) -> Result<TradeSlot, Error> {
        let view = self.read(|kernel| views::slot_view(kernel, slot_id))?;
        view.map(TradeSlot::from)
            .ok_or_else(|| Error::text_value("slot_id", &slot_id.to_string(), "is not below max_slots"))
    }

    /// A slot's stage, without copying the rest.
    fn slot_stage<'py>(&self, py: Python<'py>, slot_id: u32) -> Result<Bound<'py, PyAny>, Error> {
        let stage = self.read(|kernel| kernel.slot(slot_id).map(|slot| slot.stage))?;
        Ok(names::get(py, stage.unwrap_or(TradeStage::Idle))?)
    }

    /// The size of a slot's position, without copying the rest.
    fn slot_size<'py>(&self, py: Python<'py>, slot_id: u32) -> Result<Bound<'py, PyAny>, Error> {
        let size = self.read(|kernel| {
            let slot = kernel.slot(slot_id)?;
            let rules = kernel.instruments().get(slot.instrument as usize)?;
            Some(rules.qty_decimal(slot.size()))
        })?;
        Ok(number::get(py, size.unwrap_or(Decimal::ZERO))?)
    }

    /// The size of a slot's next exit leg, in base units or contracts.
    fn slot_next_leg<'py>(&self, py: Python<'py>, slot_id: u32) -> Result<Bound<'py, PyAny>, Error> {
        let leg = self.read(|kernel| {
            let slot = kernel.slot(slot_id)?;
            let rules = kernel.instruments().get(slot.instrument as usize)?;
            Some(rules.qty_decimal(slot.next_leg(rules.lot, rules.min_qty, Qty::ZERO)))
        })?;
        Ok(number::get(py, leg.unwrap_or(Decimal::ZERO))?)
    }

    /// How many slots there are.
    #[getter]
    fn max_slots(&self) -> Result<u32, Error> {
        self.read(|kernel| kernel.config().max_slots)
    }

    /// The free slot with the lowest number, or `None`.
    fn free_slot(&self) -> Result<Option<u32>, Error> {
        self.read(Kernel::free_slot)
    }

    /// An order by our id: live, or ended and still remembered; else `None`.
    fn order(&self, venue_client_id: &Bound<'_, PyAny>) -> Result<Option<VenueOrder>, Error> {
        let name = id(venue_client_id, "venue_client_id")?;
        let view = self.read(|kernel| {
            let place = kernel.orders().by_client_id(&name)?;
            views::order_view(kernel, kernel.orders().at(place))
        })?;
        Ok(view.map(VenueOrder::from))
    }

    /// Our orders, oldest first: live and remembered, or the live ones only.
    #[pyo3(signature = (*, live_only=false))]
    fn orders<'py>(&self, py: Python<'py>, live_only: bool) -> Result<Bound<'py, PyList>, Error> {
        let views = self.read(|kernel| views::order_views(kernel, live_only))?;
        let made = views.into_iter().map(|view| Bound::new(py, VenueOrder::from(view)));
        Ok(PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// Trade id to slot, for each trade that a slot carries now.
    fn active_trade_index<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let trades = self.read(|kernel| {
            let carried = (0_u32..).zip(kernel.slots()).filter(|(_, slot)| !slot.stage.is_free());
            carried.map(|(slot_id, slot)| (slot.trade_id.clone(), slot_id)).collect::<Vec<_>>()
        })?;
        index(py, &trades)
    }

    /// The venue's order id to slot, for each live order.
    fn venue_order_index<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let orders = self.read(|kernel| {
            let mut orders = Vec::new();
            for order in kernel.orders().iter().filter(|order| order.is_live()) {
                let ids = std::iter::once(&order.venue_order_id).chain(&order.other_venue_ids);
                orders.extend(ids.filter(|id| !id.is_empty()).map(|id| (id.clone(), order.slot_id)));
            }
            orders
        })?;
        index(py, &orders)
    }

    /// Our order id to slot, for each live order.
    fn client_order_index<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let orders = self.read(|kernel| {
            let live = kernel.orders().iter().filter(|order| order.is_live());
            live.map(|order| (order.client_id.clone(), order.slot_id)).collect::<Vec<_>>()
        })?;
        index(py, &orders)
    }

    /// An asset's account, or `None`. Without a name: the first instrument's settlement asset.
    #[pyo3(signature = (asset=None))]
    fn account<'py>(
        &self,
        py: Python<'py>,
        asset: Option<&Bound<'py, PyAny>>,
    ) -> Result<Option<Bound<'py, PyDict>>, Error> {
        let name = asset.map(|asset| id(asset, "asset")).transpose()?;
        let view = self.read(|kernel| {
            let name = name.or_else(|| reads::settlement_asset(kernel))?;
            reads::account_view(kernel, &name)
        })?;
        Ok(view.map(|view| view.to_dict(py)).transpose()?)
    }

    /// The names of the assets that the kernel knows.
    fn assets(&self) -> Result<Vec<String>, Error> {
        self.read(|kernel| kernel.assets().iter().map(|asset| asset.name.as_str().to_owned()).collect())
    }

    /// The last transactions, oldest first.
    #[pyo3(signature = (limit=None, *, asset=None, trade_id=None))]
    fn ledger<'py>(
        &self,
        py: Python<'py>,
        limit: Option<usize>,
        asset: Option<&Bound<'py, PyAny>>,
        trade_id: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let asset = asset.map(|asset| id(asset, "asset")).transpose()?;
        let trade_id = trade_id.map(|trade| id(trade, "trade_id")).transpose()?;
        let found = self.read(|kernel| {
            let name = |place: u16| kernel.assets().get(usize::from(place)).map(|asset| asset.name.clone());
            let mut found: Vec<_> = kernel
                .ledger()
                .recent()
                .filter(|it| trade_id.as_ref().is_none_or(|trade| it.trade_id == *trade))
                .filter_map(|it| Some((it.clone(), name(it.asset)?)))
                .filter(|(_, name)| asset.as_ref().is_none_or(|asset| name == asset))
                .collect();
            let first = found.len().saturating_sub(limit.unwrap_or(usize::MAX));
            found.split_off(first)
        })?;
        let rows = found.iter().map(|(it, name)| reads::transaction_dict(py, it, name));
        Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// The venue's positions as the kernel books them, and as the venue last reported them.
    fn positions<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let found = self.read(reads::positions)?;
        let rows = found.iter().map(|position| position.to_dict_with_report(py));
        Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// What of them belongs to no slot.
    fn unassigned<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let found = self.read(reads::unassigned)?;
        let rows = found.iter().map(|position| position.to_dict(py));
        Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// The controls.
    fn control<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let (control, guard) = self.read(|kernel| (kernel.control().clone(), reads::guard_view(kernel)))?;
        Ok(reads::control_dict(py, &control, &guard)?)
    }

    /// The symbols of the instruments.
    fn instruments(&self) -> Result<Vec<String>, Error> {
        self.read(|kernel| {
            kernel.instruments().iter().map(|rules| rules.spec.symbol.as_str().to_owned()).collect()
        })
    }

    /// BLAKE3 of the whole trading state, as 64 hexadecimal digits.
    fn state_hash(&self) -> Result<String, Error> {
        let hash = self.read(Kernel::state_hash)?;
        Ok(hash.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// Holds the whole state against the invariants; raises InvariantViolation.
    fn check_invariants(&self) -> Result<(), Error> {
        self.read(invariant::check)?.map_err(|broken| Error::Invariant(broken.invariant, broken.what))
    }

    /// The last input's sequence number.
    #[getter]
    fn seq(&self) -> Result<u64, Error> {
        self.read(Kernel::seq)
    }

    /// Kernel time of the last input, or what local callers have told since. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn now_ns(&self) -> Result<i64, Error> {
        let state = self.shared.open()?;
        Ok(state.core.now_ns().max(state.told_ns))
    }

    /// Closes the kernel: whatever is called after this raises KernelClosed. Closing again does nothing.
    fn close(&self) {
        self.shared.lock().closed = true;
    }

    /// True once closed.
    #[getter]
    fn closed(&self) -> bool {
        self.shared.lock().closed
    }
}

fn index<'py>(py: Python<'py>, pairs: &[(Id, u32)]) -> Result<Bound<'py, PyDict>, Error> {
    let dict = PyDict::new(py);
    for (id, slot_id) in pairs {
        dict.set_item(text::get_id(py, id), slot_id)?;
    }
    Ok(dict)
}
