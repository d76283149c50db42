//! `Client`: what a strategy calls. Its verbs fill an intent straight from their arguments, and build no `KernelIntent`.

use dita_kernel::id::Id;
use dita_kernel::input::Intent;
use dita_kernel::names::{KernelCommandType, TradeSide};
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::engine::Engine;
use crate::errors::Error;
use crate::intent::{fill, given_slot, place};
use crate::outcome::KernelOutcome;
use crate::text;

/// A caller of a kernel, and whose trades it makes.
///
/// A verb is the intent of the same fields: the same step, the same outcome, the same bytes in the log. `intent_id` is the
/// key of idempotence; `timestamp` is the kernel's time where it is left out.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Client {
    engine: Py<Engine>,
    owner: Id,
}

/// What every verb is given.
struct Call<'a, 'py> {
    action: KernelCommandType,
    slot_id: &'a Bound<'py, PyAny>,
    trade_id: &'a Bound<'py, PyAny>,
    asset: &'a Bound<'py, PyAny>,
    side: &'a Bound<'py, PyAny>,
    intent_id: &'a Bound<'py, PyAny>,
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
            (const { place("intent_id") }, Some(call.intent_id)),
            (const { place("trade_id") }, Some(call.trade_id)),
            (const { place("slot_id") }, Some(call.slot_id)),
            (const { place("asset") }, Some(call.asset)),
            (const { place("side") }, Some(call.side)),
        ];
        fill(&mut intent, &every)?;
        fill(&mut intent, more)?;
        if call.timestamp.is_none() {
            intent.timestamp_ns = engine.time_ns()?;
        }
        let given_slot = if intent.slot_id == u32::MAX { given_slot(call.slot_id) } else { None };
        engine.take(call.slot_id.py(), intent, given_slot)
    }
}

#[pymethods]
impl Client {
    /// Of a kernel's engine. `owner` says whose the trades are; empty when nobody's.
    #[new]
    #[pyo3(signature = (engine, owner=None))]
    fn new(engine: Py<Engine>, owner: Option<&Bound<'_, PyAny>>) -> Result<Client, Error> {
        let mut name = Id::EMPTY;
        if let Some(owner) = owner {
            text::read_optional_id(&mut name, owner, "owner")?;
        }
        Ok(Client { engine, owner: name })
    }

    /// What it holds of Python's, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.engine)
    }

    /// Whose trades it makes; empty when nobody's.
    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.owner)
    }

    /// Enters a trade with an order of `size` base units or contracts.
    #[pyo3(signature = (slot_id, trade_id, asset, side, size=None, *, intent_id, timestamp=None, leverage=None, exit_leg_ratios=None, reference_price=None, reason=None, metadata=None, stage=None, order_type=None, limit_price=None, time_in_force=None, expire_time=None, post_only=None, reduce_only=None, trigger_price=None, quote_size=None, oco_group=None, valid_until=None, source_run=None, regime=None, override_ref=None))]
    #[allow(clippy::too_many_arguments)] // each is one of the intent's
    fn enter(
        &self,
        slot_id: &Bound<'_, PyAny>,
        trade_id: &Bound<'_, PyAny>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        size: Option<&Bound<'_, PyAny>>,
        intent_id: &Bound<'_, PyAny>,
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
    ) -> Result<KernelOutcome, Error> {
        let call =
            Call { action: KernelCommandType::Enter, slot_id, trade_id, asset, side, intent_id, timestamp };
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
            ],
        )
    }

    /// Exits a trade, or a part of it; without a size to the next leg's target.
    #[pyo3(signature = (slot_id, trade_id, asset, side, size=None, *, intent_id, timestamp=None, reference_price=None, reason=None, metadata=None, stage=None, order_type=None, limit_price=None, time_in_force=None, expire_time=None, post_only=None, reduce_only=None, trigger_price=None, quote_size=None, oco_group=None, valid_until=None, source_run=None, regime=None, override_ref=None))]
    #[allow(clippy::too_many_arguments)] // each is one of the intent's
    fn exit(
        &self,
        slot_id: &Bound<'_, PyAny>,
        trade_id: &Bound<'_, PyAny>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        size: Option<&Bound<'_, PyAny>>,
        intent_id: &Bound<'_, PyAny>,
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
    #[pyo3(signature = (slot_id, trade_id, asset, side, *, intent_id, timestamp=None, target_client_id=None, reason=None, metadata=None, stage=None, source_run=None, regime=None, override_ref=None))]
    #[allow(clippy::too_many_arguments)] // each is one of the intent's
    fn cancel(
        &self,
        slot_id: &Bound<'_, PyAny>,
        trade_id: &Bound<'_, PyAny>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        intent_id: &Bound<'_, PyAny>,
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
    #[pyo3(signature = (slot_id, trade_id, asset, side, size=None, *, intent_id, timestamp=None, target_client_id=None, reference_price=None, limit_price=None, trigger_price=None, quote_size=None, reason=None, metadata=None, stage=None, expire_time=None, valid_until=None, source_run=None, regime=None, override_ref=None))]
    #[allow(clippy::too_many_arguments)] // each is one of the intent's
    fn amend(
        &self,
        slot_id: &Bound<'_, PyAny>,
        trade_id: &Bound<'_, PyAny>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        size: Option<&Bound<'_, PyAny>>,
        intent_id: &Bound<'_, PyAny>,
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
