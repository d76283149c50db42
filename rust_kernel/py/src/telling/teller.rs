//! `Teller`: tells one strategy what happens to its trades.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_engine::{OrderView, SlotView};
use dita_kernel::id::Id;
use dita_kernel::input::VenueEvent as CoreEvent;
use dita_kernel::names::KernelEventKind;
use dita_kernel::num::Decimal;
use dita_play::compare;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::own_fill::OwnFill;
use super::{Happening, this_thread};
use crate::engine::Engine;
use crate::errors::Error;
use crate::number;
use crate::order::VenueOrder;
use crate::player::Listener;
use crate::slot::TradeSlot;
use crate::venue_event::VenueEvent;

/// What the strategy knows already.
#[derive(Default)]
struct Told {
    /// Nothing up to this input is news.
    seq: u64,
    /// What each slot held when it was last told.
    sizes: HashMap<u32, Decimal>,
    /// The input that is being told, and how many callbacks have heard of it.
    at: Option<(u64, u32)>,
    /// The same of the input that was told last.
    last: Option<(u64, u32)>,
    /// So many callbacks of the past have heard already.
    skipped: u32,
}

/// Tells one strategy what happens to its trades: the order, the fill, the position, in this order. What it has no callback
/// for is not made.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Teller {
    /// Where orders are looked up; nothing where each change is told with its order.
    engine: Option<Py<Engine>>,
    listener: Py<Listener>,
    settle: Py<PyAny>,
    raised: Py<PyAny>,
    on_order: Option<Py<PyAny>>,
    on_fill: Option<Py<PyAny>>,
    on_position: Option<Py<PyAny>>,
    on_change: Option<Py<PyAny>>,
    told: Mutex<Told>,
}

impl Teller {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a change, unless it is known; true where a callback has raised.
    pub fn tell(&self, py: Python<'_>, thread: u64, happening: &Happening) -> PyResult<bool> {
        let Happening { change, slot, event, order } = happening;
        let Some(event) = event.as_deref().filter(|_| change.seq > self.told().seq) else {
            return Ok(false);
        };
        let is_asked = self.on_order.is_some() || (self.on_fill.is_some() && is_fill(event));
        let order = match (is_asked && !event.venue_client_id.is_empty(), order, &self.engine) {
            (false, _, _) | (true, None, None) => None,
            (true, Some(order), _) => Some((**order).clone()),
            (true, None, Some(engine)) => engine.get().order_view(&event.venue_client_id)?,
        };
        self.begin(change.seq);
        let told = self.tell_one(py, thread, (&change.trade_id, slot), event, order);
        self.told().at = None;
        told
    }

    /// An input is told from here on. Of one that changes several slots, each comes by itself.
    fn begin(&self, seq: u64) {
        let mut told = self.told();
        let before = told.last.filter(|(last, _)| *last == seq).map_or(0, |(_, calls)| calls);
        (told.at, told.last) = (Some((seq, before)), Some((seq, before)));
    }

    /// A callback is about to hear; false where it has heard before a restart.
    fn count_call(&self) -> bool {
        let mut told = self.told();
        if told.skipped > 0 {
            told.skipped -= 1;
            return false;
        }
        if let Some((seq, calls)) = told.at {
            (told.at, told.last) = (Some((seq, calls + 1)), Some((seq, calls + 1)));
        }
        true
    }

    fn tell_one(
        &self,
        py: Python<'_>,
        thread: u64,
        (trade_id, slot): (&Id, &SlotView),
        event: &CoreEvent,
        order: Option<OrderView>,
    ) -> PyResult<bool> {
        // A fill that closes trades of the other side changes their slots too. It is news of its own trade alone.
        if order.as_ref().is_some_and(|order| order.internal_trade_id != *trade_id) {
            return self.tell_slot(py, thread, slot);
        }
        let mut raised = false;
        if let Some(callback) = &self.on_fill {
            let fill = fill_of(trade_id, slot, event, order.as_ref());
            raised |= self.tell_order(py, thread, order, event)?;
            if let Some(fill) = fill {
                raised |= self.call(py, thread, callback, "on_fill", fill)?;
            }
        } else {
            raised |= self.tell_order(py, thread, order, event)?;
        }
        Ok(raised | self.tell_slot(py, thread, slot)?)
    }

    /// Tells what has become of a slot.
    fn tell_slot(&self, py: Python<'_>, thread: u64, slot: &SlotView) -> PyResult<bool> {
        let mut raised = false;
        if let Some(callback) = &self.on_position {
            let before = self.told().sizes.insert(slot.slot_id, slot.size);
            if compare(before.unwrap_or(Decimal::ZERO), slot.size).is_ne() {
                raised |= self.call(py, thread, callback, "on_position", TradeSlot::from(slot.clone()))?;
            }
        }
        if let Some(callback) = &self.on_change {
            callback.call1(py, (TradeSlot::from(slot.clone()),))?;
        }
        Ok(raised)
    }

    fn tell_order(
        &self,
        py: Python<'_>,
        thread: u64,
        order: Option<OrderView>,
        event: &CoreEvent,
    ) -> PyResult<bool> {
        match (&self.on_order, order) {
            (Some(callback), Some(order)) => {
                let reason = event.rare.as_ref().map_or("", |rare| &rare.reason);
                self.call(py, thread, callback, "on_order", VenueOrder::with_reason(order, reason))
            }
            (Some(_), None) | (None, _) => Ok(false),
        }
    }

    /// Calls a callback where the strategy runs; true where it has raised. What ends the kernel comes back as an error.
    fn call<'py, T: IntoPyObject<'py>>(
        &self,
        py: Python<'py>,
        thread: u64,
        callback: &Py<PyAny>,
        name: &'static str,
        told: T,
    ) -> PyResult<bool> {
        let listener = self.listener.get();
        if !listener.core().is_running() || !self.count_call() {
            return Ok(false);
        }
        match listener.call(py, thread, &self.settle, callback, told) {
            Ok(()) => Ok(false),
            Err(error) => self.raised.call1(py, (error.into_value(py), name)).map(|_| true),
        }
    }
}

fn is_fill(event: &CoreEvent) -> bool {
    matches!(event.kind, KernelEventKind::PartialFill | KernelEventKind::FullFill)
}

/// What `on_fill` hears; `None` where the event is no fill.
fn fill_of(trade_id: &Id, slot: &SlotView, event: &CoreEvent, order: Option<&OrderView>) -> Option<OwnFill> {
    let (price, size) = (event.price.filter(|_| is_fill(event))?, event.size?);
    Some(OwnFill {
        symbol: slot.asset.clone(),
        slot: slot.slot_id,
        trade_id: trade_id.clone(),
        order_id: event.venue_client_id.clone(),
        side: event.order_side.or(order.map(|order| order.order_side)),
        price,
        size,
        fee: event.fee,
        liquidity: event.liquidity,
        time_ns: event.timestamp_ns,
    })
}

#[pymethods]
impl Teller {
    /// `settle` ends a callback that somebody suspects, `raised` takes what one has raised, and its name. A callback is
    /// `None` where there is none; `on_change` hears of each slot that the venue's word has changed, and is no strategy's.
    #[new]
    #[pyo3(signature = (engine, listener, settle, raised, *, on_order=None, on_fill=None, on_position=None, on_change=None))]
    #[allow(clippy::too_many_arguments)] // each is one of its callbacks
    fn new(
        engine: Option<Py<Engine>>,
        listener: Py<Listener>,
        settle: Py<PyAny>,
        raised: Py<PyAny>,
        on_order: Option<Py<PyAny>>,
        on_fill: Option<Py<PyAny>>,
        on_position: Option<Py<PyAny>>,
        on_change: Option<Py<PyAny>>,
    ) -> Teller {
        let told = Mutex::default();
        Teller { engine, listener, settle, raised, on_order, on_fill, on_position, on_change, told }
    }

    /// What it holds of Python's, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.engine)?;
        visit.call(&self.listener)?;
        visit.call(&self.settle)?;
        visit.call(&self.raised)?;
        for callback in [&self.on_order, &self.on_fill, &self.on_position, &self.on_change] {
            visit.call(callback)?;
        }
        Ok(())
    }

    /// Says what a slot holds: that is no news.
    fn set_size(&self, slot_id: u32, size: &Bound<'_, PyAny>) -> Result<(), Error> {
        let size = number::read(size, "size")?;
        self.told().sizes.insert(slot_id, size);
        Ok(())
    }

    /// Forgets what the slots hold.
    fn clear_sizes(&self) {
        self.told().sizes.clear();
    }

    /// Says that nothing up to an input is news any more.
    fn set_told_seq(&self, seq: u64) {
        self.told().seq = seq;
    }

    /// The input that is being told now, and how many callbacks have heard of it, with the one that runs; `None` outside.
    fn under_way(&self) -> Option<(u64, u32)> {
        self.told().at
    }

    /// Leaves out the first callbacks of what is told again: they have heard.
    fn skip(&self, callbacks: u32) {
        self.told().skipped = callbacks;
    }

    /// Tells what has happened before a restart, with the order as it was then.
    #[pyo3(signature = (slot, event, order=None))]
    fn retell(
        &self,
        slot: &Bound<'_, TradeSlot>,
        event: &Bound<'_, VenueEvent>,
        order: Option<&Bound<'_, VenueOrder>>,
    ) -> PyResult<()> {
        let (py, order) = (slot.py(), order.map(|order| order.get().view().clone()));
        let slot = slot.get().view();
        self.tell_one(py, this_thread(py)?, (&slot.trade_id, slot), event.get().inner(), order).map(drop)
    }
}
