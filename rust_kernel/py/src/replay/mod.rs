//! `Replay`: a kernel of the past, out of a log.

mod changes;
pub mod inputs;
mod logs;
mod steps;
mod stories;
pub(crate) mod watch;

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_engine::{DIFFERENCES_MAX, Difference, Replica, Start, Until, order_views, slot_view};
use dita_kernel::id::Id;
use dita_kernel::invariant;
use dita_kernel::kernel::Kernel;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::engine::log::refusal;
use crate::engine::reads;
use crate::errors::Error;
use crate::order::VenueOrder;
use crate::slot::TradeSlot;
use crate::text;
use steps::{Deeds, step_dict};
use watch::{disk, watched};

pub use changes::what_if;
pub use logs::{log_stats, read_notes, verify_log};
pub use stories::{explain_drift, explain_trade};

/// What a replay found that came to something else than when it was logged.
#[derive(Default)]
struct Differences {
    first: Vec<Difference>,
    all: u64,
}

impl Differences {
    fn count(&mut self, step: &dita_engine::Step) {
        if step.differs() {
            self.all += 1;
            if self.first.len() < DIFFERENCES_MAX {
                let (then, now) = (step.accepted_then, step.outcome.accepted);
                self.first.push(Difference { seq: step.seq, then, now });
            }
        }
    }
}

struct Past {
    replica: Replica,
    differences: Differences,
}

/// A kernel of the past: a log, replayed into a core of its own. It takes no lock and writes nothing.
///
/// Iterate over it for the steps, or `run` to where it ends; then ask it as one asks a kernel.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Replay {
    past: Mutex<Past>,
}

/// Where a replay ends, from what Python gave.
pub fn until(until_seq: Option<u64>, until_ns: Option<i64>) -> Until {
    match (until_seq, until_ns) {
        (Some(seq), _) => Until::Seq(seq),
        (None, Some(time_ns)) => Until::Time(time_ns),
        (None, None) => Until::End,
    }
}

impl Replay {
    fn lock(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<R>(&self, copy: impl FnOnce(&Kernel) -> R) -> R {
        copy(self.lock().replica.kernel())
    }
}

#[pymethods]
impl Replay {
    #[new]
    #[pyo3(signature = (log_dir, *, until_seq=None, until_ns=None, from_start=false))]
    fn new(
        py: Python<'_>,
        log_dir: PathBuf,
        until_seq: Option<u64>,
        until_ns: Option<i64>,
        from_start: bool,
    ) -> Result<Replay, Error> {
        let start = if from_start { Start::First } else { Start::Nearest };
        let opened = py.detach(|| Replica::open(disk(log_dir), start, until(until_seq, until_ns)));
        let replica = opened.map_err(|error| refusal(&error))?;
        Ok(Replay { past: Mutex::new(Past { replica, differences: Differences::default() }) })
    }

    /// Goes on to where it ends; gives how many inputs it took. `progress` is called now and then with the last input,
    /// the bytes read, and all of them.
    #[pyo3(signature = (progress=None))]
    fn run(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> Result<u64, Error> {
        watched(py, progress.as_ref(), |watch| {
            let mut past = self.lock();
            let Past { replica, differences } = &mut *past;
            let before = replica.replayed();
            while let Some(step) = replica.step()? {
                differences.count(&step);
                replica.tell(watch)?;
            }
            Ok(replica.replayed() - before)
        })
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// The next input and what came of it, as a dict.
    fn __next__<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyDict>>, Error> {
        py.check_signals()?;
        let mut past = self.lock();
        let Past { replica, differences } = &mut *past;
        let Some(step) = replica.step().map_err(|error| refusal(&error))? else { return Ok(None) };
        differences.count(&step);
        let effects = replica.effects();
        let (booked, booked_missing) = replica.booked();
        let assets = replica.kernel().assets();
        let name = |asset: u16| assets.get(usize::from(asset)).map(|asset| asset.name.clone());
        let deeds = Deeds {
            transitions: &effects.transitions,
            notices: &effects.notices,
            commands: &effects.commands,
            booked: booked.into_iter().map(|it| (it, name(it.asset).unwrap_or_default())).collect(),
            booked_missing,
        };
        Ok(Some(step_dict(py, &step, &deeds)?))
    }

    /// The last input of the snapshot that the replay began with; `None` where it began with the log.
    #[getter]
    fn began(&self) -> Option<u64> {
        self.lock().replica.began()
    }

    /// How many inputs were replayed.
    #[getter]
    fn replayed(&self) -> u64 {
        self.lock().replica.replayed()
    }

    /// The inputs that came to something else than when they were logged: how many, and the first of them as tuples of
    /// (seq, accepted then, accepted now).
    fn differences(&self) -> (u64, Vec<(u64, bool, bool)>) {
        let past = self.lock();
        let first = past.differences.first.iter().map(|it| (it.seq, it.then, it.now)).collect();
        (past.differences.all, first)
    }

    /// The last input's sequence number.
    #[getter]
    fn seq(&self) -> u64 {
        self.read(Kernel::seq)
    }

    /// Kernel time of the last input, ns; `None` before the first.
    #[getter]
    fn now_ns(&self) -> Option<i64> {
        self.read(|kernel| (kernel.seq() > 0).then(|| kernel.now_ns()))
    }

    /// BLAKE3 of the whole trading state, as 64 hexadecimal digits.
    fn state_hash(&self) -> String {
        hex(&self.read(Kernel::state_hash))
    }

    /// Holds the whole state against the invariants; raises InvariantViolation.
    fn check_invariants(&self) -> Result<(), Error> {
        self.read(invariant::check).map_err(|broken| Error::Invariant(broken.invariant, broken.what))
    }

    /// How many slots there are.
    #[getter]
    fn max_slots(&self) -> u32 {
        self.read(|kernel| kernel.config().max_slots)
    }

    /// A slot as it was.
    fn slot(&self, slot_id: u32) -> Result<TradeSlot, Error> {
        let view = self.read(|kernel| slot_view(kernel, slot_id));
        view.map(TradeSlot::from)
            .ok_or_else(|| Error::text_value("slot_id", &slot_id.to_string(), "is not below max_slots"))
    }

    /// The slots that have carried a trade.
    fn slots<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let views = self.read(|kernel| {
            let used = (0_u32..).zip(kernel.slots()).filter(|(_, slot)| slot.trade_number > 0);
            used.filter_map(|(slot_id, _)| slot_view(kernel, slot_id)).collect::<Vec<_>>()
        });
        let made = views.into_iter().map(|view| Bound::new(py, TradeSlot::from(view)));
        Ok(PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// Our orders, oldest first: live and remembered, or the live ones only.
    #[pyo3(signature = (*, live_only=false))]
    fn orders<'py>(&self, py: Python<'py>, live_only: bool) -> Result<Bound<'py, PyList>, Error> {
        let views = self.read(|kernel| order_views(kernel, live_only));
        let made = views.into_iter().map(|view| Bound::new(py, VenueOrder::from(view)));
        Ok(PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// The assets' names.
    fn assets(&self) -> Vec<String> {
        self.read(|kernel| kernel.assets().iter().map(|asset| asset.name.as_str().to_owned()).collect())
    }

    /// An asset's figures as a dict; without a name the first instrument's settlement asset. `None` where there is none.
    #[pyo3(signature = (asset=None))]
    fn account<'py>(
        &self,
        py: Python<'py>,
        asset: Option<&Bound<'py, PyAny>>,
    ) -> Result<Option<Bound<'py, PyDict>>, Error> {
        let mut name = Id::EMPTY;
        match asset {
            Some(asset) => text::read_id(&mut name, asset, "asset")?,
            None => name = self.read(reads::settlement_asset).unwrap_or_default(),
        }
        let view = self.read(|kernel| reads::account_view(kernel, &name));
        Ok(view.map(|view| view.to_dict(py)).transpose()?)
    }

    /// The venue's positions as the kernel books them, and as the venue last reported them.
    fn positions<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let found = self.read(reads::positions);
        let rows = found.iter().map(|position| position.to_dict_with_report(py));
        Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// What of them belongs to no slot.
    fn unassigned<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let found = self.read(reads::unassigned);
        let rows = found.iter().map(|position| position.to_dict(py));
        Ok(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// The account by its bots, in an asset: without a name the first instrument's settlement asset.
    #[pyo3(signature = (asset=None))]
    fn bots<'py>(
        &self,
        py: Python<'py>,
        asset: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let mut name = Id::EMPTY;
        if let Some(asset) = asset {
            text::read_id(&mut name, asset, "asset")?;
        }
        let name = Some(name).filter(|name| !name.is_empty());
        let found = self.read(|kernel| reads::bots_of(kernel, name));
        let (asset, rows) = found.unwrap_or_default();
        Ok(reads::bots_list(py, &asset, &rows)?)
    }

    /// The controls; `updated_at` is in nanoseconds.
    fn control<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let (control, guard) = self.read(|kernel| (kernel.control().clone(), reads::guard_view(kernel)));
        let dict = reads::control_dict(py, &control, &guard)?;
        dict.set_item("updated_at", control.changed_at_ns())?;
        Ok(dict)
    }
}

/// A hash as hexadecimal digits.
fn hex(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
