//! `Client`: what a strategy calls. Its verbs fill an intent straight from their arguments, and build no `KernelIntent`.

use std::sync::atomic::{AtomicU64, Ordering};

use dita_kernel::id::{Id, IdError};
use dita_kernel::input::Intent;
use dita_kernel::names::{KernelCommandType, TradeSide};
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::engine::Engine;
use crate::errors::Error;
use crate::intent::{fill, given_slot, place};
use crate::outcome::KernelOutcome;
use crate::{names, text};

/// A caller of a kernel, and whose trades it makes.
///
/// A verb is the intent of the same fields: the same step, the same outcome, the same bytes in the log. `intent_id` is the
/// key of idempotence; `timestamp` is the kernel's time where it is left out. Trade, instrument and side are the slot's
/// where they are left out. A numbered client makes the ids that are left out: `OWNER-n`, and `OWNER-tn` of a new trade.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Client {
    engine: Py<Engine>,
    owner: Id,
    /// The number of its next ids, where it makes them.
    number: Option<AtomicU64>,
}

/// What every verb is given.
struct Call<'a, 'py> {
    action: KernelCommandType,
    slot_id: &'a Bound<'py, PyAny>,
    trade_id: Option<&'a Bound<'py, PyAny>>,
    asset: Option<&'a Bound<'py, PyAny>>,
    side: Option<&'a Bound<'py, PyAny>>,
    intent_id: Option<&'a Bound<'py, PyAny>>,
    timestamp: Option<&'a Bound<'py, PyAny>>,
}

impl Client {
    /// Fills the intent and has the kernel take it. `more` are the verb's own fields by their places.
    #[inline]
    fn call(
        &self,
        call: &Call<'_, '_>,
        more: &[(usize, Option<&Bound<'_, PyAny>>)],
    ) -> Result<KernelOutcome, Error> {
        let engine = self.engine.get();
        let blank = Intent::new(call.action, Id::EMPTY, Id::EMPTY, 0, Id::EMPTY, TradeSide::Long);
        // Where it stays: an intent is long, and moving it costs more than most of its fields.
        let mut intent = Box::new(blank);
        intent.owner.clone_from(&self.owner);
        let every = [
            (const { place("timestamp") }, call.timestamp),
            (const { place("intent_id") }, call.intent_id),
            (const { place("trade_id") }, call.trade_id),
            (const { place("slot_id") }, Some(call.slot_id)),
            (const { place("asset") }, call.asset),
            (const { place("side") }, call.side),
        ];
        fill(&mut intent, &every)?;
        fill(&mut intent, more)?;
        self.complete(&mut intent, call)?;
        if call.timestamp.is_none() {
            intent.timestamp_ns = engine.time_ns()?;
        }
        let given_slot = if intent.slot_id == u32::MAX { given_slot(call.slot_id) } else { None };
        engine.take(call.slot_id.py(), intent, given_slot)
    }

    /// Fills in what the caller left out. Last, so that a value that is refused takes no number.
    #[inline]
    fn complete(&self, intent: &mut Intent, call: &Call<'_, '_>) -> Result<(), Error> {
        let enters = call.action == KernelCommandType::Enter;
        if !enters && (call.trade_id.is_none() || call.asset.is_none() || call.side.is_none()) {
            let (trade_id, asset, side) = self.engine.get().trade_of(intent.slot_id)?;
            for (given, field, known) in
                [(call.trade_id, &mut intent.trade_id, trade_id), (call.asset, &mut intent.asset, asset)]
            {
                if given.is_none() {
                    *field = known;
                }
            }
            if call.side.is_none() {
                intent.side = side;
            }
        }
        let makes_trade = enters && call.trade_id.is_none();
        if makes_trade || call.intent_id.is_none() {
            let number = self.next_number(if makes_trade { "trade_id" } else { "intent_id" })?;
            if makes_trade {
                intent.trade_id = self.own_id("-t", number)?;
            }
            if call.intent_id.is_none() {
                intent.intent_id = self.own_id("-", number)?;
            }
        }
        Ok(())
    }

    fn next_number(&self, missing: &'static str) -> Result<u64, Error> {
        let number = self.number.as_ref().ok_or_else(|| Error::missing(missing))?;
        Ok(number.fetch_add(1, Ordering::Relaxed))
    }

    /// An id of this client's own.
    fn own_id(&self, mark: &str, number: u64) -> Result<Id, Error> {
        let id = format!("{}{mark}{number}", self.owner);
        Id::new(&id)
            .map_err(|IdError::TooLong| Error::text_value("owner", &self.owner.to_string(), "is too long"))
    }
}

#[pymethods]
impl Client {
    /// Of a kernel's engine. `owner` says whose the trades are; empty for unassigned ones. With `numbered` it makes the ids that its
    /// verbs leave out; one client of an owner may.
    #[new]
    #[pyo3(signature = (engine, owner=None, *, numbered=false))]
    fn new(engine: Py<Engine>, owner: Option<&Bound<'_, PyAny>>, numbered: bool) -> Result<Client, Error> {
        let mut name = Id::EMPTY;
        if let Some(owner) = owner {
            text::read_optional_id(&mut name, owner, "owner")?;
        }
        // Every intent is an input, and inputs are counted in the log: so no id is ever given twice.
        let number = if numbered { Some(engine.get().next_seq()?.into()) } else { None };
        Ok(Client { engine, owner: name, number })
    }

    /// Takes the number of a numbered client's next ids.
    fn take_number(&self) -> Result<u64, Error> {
        self.next_number("numbered")
    }

    /// The first of these slots that is free; `None` where all carry trades.
    fn free_slot(&self, slots: Vec<u32>) -> Result<Option<u32>, Error> {
        self.engine.get().first_free(&slots)
    }

    /// What a slot carries: trade, instrument and side; of one that was never used `("", "", FLAT)`.
    fn trade<'py>(&self, py: Python<'py>, slot_id: u32) -> Result<Bound<'py, PyTuple>, Error> {
        let (trade_id, asset, side) = self.engine.get().trade_of(slot_id)?;
        let trade = (text::get_id(py, &trade_id), text::get_id(py, &asset), names::get(py, side)?);
        Ok(trade.into_pyobject(py)?)
    }

    /// What it holds of Python's, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.engine)
    }

    /// Whose trades it makes; empty for unassigned ones.
    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.owner)
    }

    /// Enters a trade with an order of `size` base units or contracts.
    #[pyo3(signature = (slot_id, trade_id, asset, side, size=None, *, intent_id=None, timestamp=None, leverage=None, exit_leg_ratios=None, reference_price=None, reason=None, metadata=None, stage=None, order_type=None, limit_price=None, time_in_force=None, expire_time=None, post_only=None, reduce_only=None, trigger_price=None, quote_size=None, oco_group=None, valid_until=None, source_run=None, regime=None, override_ref=None, add=None, trigger_by=None, exits=None))]
    #[allow(clippy::too_many_arguments)] // each is one of the intent's
    fn enter(
        &self,
        slot_id: &Bound<'_, PyAny>,
        trade_id: Option<&Bound<'_, PyAny>>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        size: Option<&Bound<'_, PyAny>>,
        intent_id: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
        leverage: Option<&Bound<'_, PyAny>>,
        exit_leg_ratios: Option<&Bound<'_, PyAny>>,
        reference_price: Option<&Bound<'_, PyAny>>,
        reason: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
        stage: Option<&Bound<'_, PyAny>>,
        order_type: Option<&Bound<'_, PyAny>>,
        limit_price: Option<&Bound<'_, PyAny>>,
        time_in_force: Option<&Bound<'_, PyAny>>,
        expire_time: Option<&Bound<'_, PyAny>>,
        post_only: Option<&Bound<'_, PyAny>>,
        reduce_only: Option<&Bound<'_, PyAny>>,
        trigger_price: Option<&Bound<'_, PyAny>>,
        quote_size: Option<&Bound<'_, PyAny>>,
        oco_group: Option<&Bound<'_, PyAny>>,
        valid_until: Option<&Bound<'_, PyAny>>,
        source_run: Option<&Bound<'_, PyAny>>,
        regime: Option<&Bound<'_, PyAny>>,
        override_ref: Option<&Bound<'_, PyAny>>,
        add: Option<&Bound<'_, PyAny>>,
        trigger_by: Option<&Bound<'_, PyAny>>,
        exits: Option<&Bound<'_, PyAny>>,
    ) -> Result<KernelOutcome, Error> {
        let action = KernelCommandType::Enter;
        let call =
            Call { action, slot_id, trade_id, asset: Some(asset), side: Some(side), intent_id, timestamp };
        self.call(
            &call,
            &[
                (const { place("target_size") }, size),
                (const { place("leverage") }, leverage),
                (const { place("exit_leg_ratios") }, exit_leg_ratios),
                (const { place("reference_price") }, reference_price),
                (const { place("reason") }, reason),
                (const { place("metadata") }, metadata),
                (const { place("stage") }, stage),
                (const { place("order_type") }, order_type),
                (const { place("limit_price") }, limit_price),
                (const { place("time_in_force") }, time_in_force),
                (const { place("expire_time") }, expire_time),
                (const { place("post_only") }, post_only),
                (const { place("reduce_only") }, reduce_only),
                (const { place("trigger_price") }, trigger_price),
                (const { place("quote_size") }, quote_size),
                (const { place("oco_group") }, oco_group),
                (const { place("valid_until") }, valid_until),
                (const { place("source_run") }, source_run),
                (const { place("regime") }, regime),
                (const { place("override_ref") }, override_ref),
                (const { place("add") }, add),
                (const { place("trigger_by") }, trigger_by),
                (const { place("exits") }, exits),
            ],
        )
    }

    /// Exits a trade, or a part of it; without a size to the next leg's target.
    #[pyo3(signature = (slot_id, trade_id=None, asset=None, side=None, size=None, *, intent_id=None, timestamp=None, reference_price=None, reason=None, metadata=None, stage=None, order_type=None, limit_price=None, time_in_force=None, expire_time=None, post_only=None, reduce_only=None, trigger_price=None, quote_size=None, oco_group=None, valid_until=None, source_run=None, regime=None, override_ref=None))]
    #[allow(clippy::too_many_arguments)] // each is one of the intent's
    fn exit(
        &self,
        slot_id: &Bound<'_, PyAny>,
        trade_id: Option<&Bound<'_, PyAny>>,
        asset: Option<&Bound<'_, PyAny>>,
        side: Option<&Bound<'_, PyAny>>,
        size: Option<&Bound<'_, PyAny>>,
        intent_id: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
        reference_price: Option<&Bound<'_, PyAny>>,
        reason: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
        stage: Option<&Bound<'_, PyAny>>,
        order_type: Option<&Bound<'_, PyAny>>,
        limit_price: Option<&Bound<'_, PyAny>>,
        time_in_force: Option<&Bound<'_, PyAny>>,
        expire_time: Option<&Bound<'_, PyAny>>,
        post_only: Option<&Bound<'_, PyAny>>,
        reduce_only: Option<&Bound<'_, PyAny>>,
        trigger_price: Option<&Bound<'_, PyAny>>,
        quote_size: Option<&Bound<'_, PyAny>>,
        oco_group: Option<&Bound<'_, PyAny>>,
        valid_until: Option<&Bound<'_, PyAny>>,
        source_run: Option<&Bound<'_, PyAny>>,
        regime: Option<&Bound<'_, PyAny>>,
        override_ref: Option<&Bound<'_, PyAny>>,
    ) -> Result<KernelOutcome, Error> {
        let call =
            Call { action: KernelCommandType::Exit, slot_id, trade_id, asset, side, intent_id, timestamp };
        self.call(
            &call,
            &[
                (const { place("target_size") }, size),
                (const { place("reference_price") }, reference_price),
                (const { place("reason") }, reason),
                (const { place("metadata") }, metadata),
                (const { place("stage") }, stage),
                (const { place("order_type") }, order_type),
                (const { place("limit_price") }, limit_price),
                (const { place("time_in_force") }, time_in_force),
                (const { place("expire_time") }, expire_time),
                (const { place("post_only") }, post_only),
                (const { place("reduce_only") }, reduce_only),
                (const { place("trigger_price") }, trigger_price),
                (const { place("quote_size") }, quote_size),
                (const { place("oco_group") }, oco_group),
                (const { place("valid_until") }, valid_until),
                (const { place("source_run") }, source_run),
                (const { place("regime") }, regime),
                (const { place("override_ref") }, override_ref),
            ],
        )
    }

    /// Cancels an order of a trade: the one that is named, or what the trade has at work.
    #[pyo3(signature = (slot_id, trade_id=None, asset=None, side=None, *, intent_id=None, timestamp=None, target_client_id=None, reason=None, metadata=None, stage=None, source_run=None, regime=None, override_ref=None))]
    #[allow(clippy::too_many_arguments)] // each is one of the intent's
    fn cancel(
        &self,
        slot_id: &Bound<'_, PyAny>,
        trade_id: Option<&Bound<'_, PyAny>>,
        asset: Option<&Bound<'_, PyAny>>,
        side: Option<&Bound<'_, PyAny>>,
        intent_id: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
        target_client_id: Option<&Bound<'_, PyAny>>,
        reason: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
        stage: Option<&Bound<'_, PyAny>>,
        source_run: Option<&Bound<'_, PyAny>>,
        regime: Option<&Bound<'_, PyAny>>,
        override_ref: Option<&Bound<'_, PyAny>>,
    ) -> Result<KernelOutcome, Error> {
        let call =
            Call { action: KernelCommandType::Cancel, slot_id, trade_id, asset, side, intent_id, timestamp };
        self.call(
            &call,
            &[
                (const { place("target_client_id") }, target_client_id),
                (const { place("reason") }, reason),
                (const { place("metadata") }, metadata),
                (const { place("stage") }, stage),
                (const { place("source_run") }, source_run),
                (const { place("regime") }, regime),
                (const { place("override_ref") }, override_ref),
            ],
        )
    }

    /// Changes an order of a trade.
    #[pyo3(signature = (slot_id, trade_id=None, asset=None, side=None, size=None, *, intent_id=None, timestamp=None, target_client_id=None, reference_price=None, limit_price=None, trigger_price=None, quote_size=None, reason=None, metadata=None, stage=None, expire_time=None, valid_until=None, source_run=None, regime=None, override_ref=None))]
    #[allow(clippy::too_many_arguments)] // each is one of the intent's
    fn amend(
        &self,
        slot_id: &Bound<'_, PyAny>,
        trade_id: Option<&Bound<'_, PyAny>>,
        asset: Option<&Bound<'_, PyAny>>,
        side: Option<&Bound<'_, PyAny>>,
        size: Option<&Bound<'_, PyAny>>,
        intent_id: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
        target_client_id: Option<&Bound<'_, PyAny>>,
        reference_price: Option<&Bound<'_, PyAny>>,
        limit_price: Option<&Bound<'_, PyAny>>,
        trigger_price: Option<&Bound<'_, PyAny>>,
        quote_size: Option<&Bound<'_, PyAny>>,
        reason: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
        stage: Option<&Bound<'_, PyAny>>,
        expire_time: Option<&Bound<'_, PyAny>>,
        valid_until: Option<&Bound<'_, PyAny>>,
        source_run: Option<&Bound<'_, PyAny>>,
        regime: Option<&Bound<'_, PyAny>>,
        override_ref: Option<&Bound<'_, PyAny>>,
    ) -> Result<KernelOutcome, Error> {
        let call =
            Call { action: KernelCommandType::Amend, slot_id, trade_id, asset, side, intent_id, timestamp };
        self.call(
            &call,
            &[
                (const { place("target_size") }, size),
                (const { place("target_client_id") }, target_client_id),
                (const { place("reference_price") }, reference_price),
                (const { place("limit_price") }, limit_price),
                (const { place("trigger_price") }, trigger_price),
                (const { place("quote_size") }, quote_size),
                (const { place("reason") }, reason),
                (const { place("metadata") }, metadata),
                (const { place("stage") }, stage),
                (const { place("expire_time") }, expire_time),
                (const { place("valid_until") }, valid_until),
                (const { place("source_run") }, source_run),
                (const { place("regime") }, regime),
                (const { place("override_ref") }, override_ref),
            ],
        )
    }
}
