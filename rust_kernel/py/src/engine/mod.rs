//! `Engine`: the kernel with its shell and its venue, as Python drives it.

mod adapter;
pub mod calls;
mod clock;
pub mod inputs;
pub mod log;
mod looks;
mod outside;
mod queries;
pub mod reads;
pub mod settings;
mod simulated;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::sync::Arc;

use dita_engine::{Clock, Engine as Shell, EngineConfig, Port};
use dita_kernel::id::Id;
use dita_kernel::invariant;
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::TradeSide;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Error;
use crate::telling::Watcher;
use crate::text;
use log::{LogChoice, Recovered};
use outside::State;
pub use outside::was_forked;
pub use outside::{Outside, Shared};
use settings::SimSettings;
pub use simulated::levels;

/// The kernel with its shell and its venue. `dita.ExecutionKernel` is its public face.
///
/// One thread at a time drains; calls that want an answer wait for it with the interpreter released, events from
/// other threads are left behind. A call from inside an adapter or an observer is queued and answered with
/// `accepted=False` and `details["queued"]`.
#[pyclass(frozen, weakref, module = "dita._kernel")]
pub struct Engine {
    shared: Arc<Shared>,
    recovery: Option<Recovered>,
}

fn id(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Id, Error> {
    let mut id = Id::EMPTY;
    text::read_id(&mut id, value, field)?;
    Ok(id)
}

impl Engine {
    /// Copies something out of the state. `copy` must make no Python object.
    #[inline]
    fn read<R>(&self, copy: impl FnOnce(&Kernel) -> R) -> Result<R, Error> {
        Ok(copy(self.shared.settled()?.core.kernel()))
    }
}

impl Engine {
    /// What drains it, for who plays on it.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// What the clock shows now: the machine's time, or where time is driven the kernel's, ns.
    pub fn time_ns(&self) -> Result<i64, Error> {
        let mut state = self.shared.open()?;
        Ok(match state.core.clock() {
            Clock::Driven => state.latest_ns(),
            Clock::System => state.core.clock_ns(),
        })
    }

    /// The number of the next input.
    pub fn next_seq(&self) -> Result<u64, Error> {
        Ok(self.shared.open()?.core.kernel().seq() + 1)
    }

    /// The first of these slots that is free.
    pub fn first_free(&self, slots: &[u32]) -> Result<Option<u32>, Error> {
        let state = self.shared.settled()?;
        let is_free =
            |slot_id: &u32| state.core.kernel().slot(*slot_id).is_some_and(|slot| slot.stage.is_free());
        Ok(slots.iter().copied().find(is_free))
    }

    /// Trade, instrument and side of what a slot carries or has carried last.
    pub fn trade_of(&self, slot_id: u32) -> Result<(Id, Id, TradeSide), Error> {
        let state = self.shared.settled()?;
        let kernel = state.core.kernel();
        let used = kernel.slot(slot_id).filter(|slot| slot.trade_number > 0);
        let rules = used.and_then(|slot| kernel.instruments().get(slot.instrument as usize));
        let (Some(slot), Some(rules)) = (used, rules) else {
            return Ok((Id::EMPTY, Id::EMPTY, TradeSide::Flat));
        };
        Ok((slot.trade_id.clone(), rules.spec.symbol.clone(), slot.side))
    }
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, max_slots=10, instance_nonce=0, keeps_nonce=false, hedge_mode=false, remembered_orders=4096, inbox_max=65536, start_ns=None, simulated=None, adapter=None, observer=None, watcher=None, log=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        max_slots: u32,
        instance_nonce: u64,
        keeps_nonce: bool,
        hedge_mode: bool,
        remembered_orders: usize,
        inbox_max: usize,
        start_ns: Option<i64>,
        simulated: Option<&Bound<'_, PyDict>>,
        adapter: Option<Py<PyAny>>,
        observer: Option<Py<PyAny>>,
        watcher: Option<Py<Watcher>>,
        log: Option<&Bound<'_, PyDict>>,
    ) -> Result<Engine, Error> {
        let simulated = simulated.map(SimSettings::read).transpose()?;
        let port = match &simulated {
            Some(settings) => Port::Sim(Box::new(settings.venue()?)),
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
            observe: observer.is_some() || watcher.is_some(),
            ..EngineConfig::default()
        };
        let (mut core, recovery) = match log {
            None => (Shell::new(config, port)?, None),
            Some(log) => {
                let (core, recovery) = LogChoice::read(log)?.open(py, config, port, keeps_nonce)?;
                let recovered = Recovered::of(recovery, core.kernel());
                (core, Some(recovered))
            }
        };
        if let Some(settings) = &simulated {
            settings.deposit(&mut core)?;
        }
        let mut state = State::new(core);
        if let Some(start_ns) = start_ns {
            state.tell(start_ns);
        }
        Ok(Engine {
            shared: Arc::new(Shared::new(state, Outside::new(adapter, observer, watcher))),
            recovery,
        })
    }

    /// What it holds of Python's, for the garbage collector: an adapter that holds the kernel would else keep both alive.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.shared.foreign().traverse(&visit)
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

    /// What marks this instance's client ids: 40 bits.
    #[getter]
    fn instance_nonce(&self) -> Result<u64, Error> {
        self.read(|kernel| kernel.config().instance_nonce)
    }

    /// What trading with real money still lacks, by name; nothing where the venue trades none.
    fn unarmed(&self) -> Result<Vec<&'static str>, Error> {
        self.read(|kernel| kernel.unarmed().names())
    }

    /// Kernel time of the last input, or what local callers have told since. Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn now_ns(&self) -> Result<i64, Error> {
        Ok(self.shared.open()?.latest_ns())
    }

    /// What the clock shows now: the machine's time, or where time is driven the kernel's. Nanoseconds since 1970-01-01
    /// UTC.
    #[getter]
    fn clock_ns(&self) -> Result<i64, Error> {
        self.time_ns()
    }

    /// True once closed.
    #[getter]
    fn closed(&self) -> bool {
        self.shared.is_forked() || self.shared.lock().is_closed()
    }

    /// True in what an adapter or an observer does in the thread that drains: the kernel waits for it to return.
    #[getter]
    fn calls_here(&self) -> bool {
        !self.shared.is_forked() && self.shared.lock().is_drained_here()
    }
}
