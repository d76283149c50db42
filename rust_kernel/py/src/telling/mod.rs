//! What happens to a kernel's trades, kept until somebody asks for it, and told to those who trade. Nothing is made of
//! Python's but what a callback is there for.

mod own_fill;
mod recorder;
mod teller;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dita_engine::{Observed, OrderView, SlotView, TransitionRecord};
use dita_kernel::id::Id;
use dita_kernel::input::VenueEvent;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, intern};

use crate::errors::Error;
use crate::text;
pub use recorder::Recorder;
pub use teller::Teller;

/// Registers the classes.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Watcher>()?;
    module.add_class::<Teller>()?;
    module.add_class::<Recorder>()?;
    module.add_class::<own_fill::OwnFill>()
}

/// One change of one slot.
pub struct Happening {
    /// The change.
    pub change: TransitionRecord,
    /// The slot after the drain that it was part of.
    pub slot: Arc<SlotView>,
    /// What the venue said, where it was the venue: with the first of the changes that it caused to the slot, so that a
    /// fill which also sends exits is one fill.
    pub event: Option<Arc<VenueEvent>>,
    /// The event's order after the drain, where it was told with the event: by another process.
    pub order: Option<Box<OrderView>>,
}

/// What was heard, and not told yet.
#[derive(Default)]
struct Heard {
    hears: bool,
    waiting: VecDeque<Happening>,
    /// The input that was heard of last, and the slots that it has changed so far.
    seq: u64,
    changed: Vec<u32>,
}

/// Hears what happens to a kernel's trades, in the kernel's order. Given to a kernel as `logs`.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Watcher {
    heard: Mutex<Heard>,
    /// Who is told, by the owner of trades.
    tellers: Mutex<Vec<(Id, Py<Teller>)>>,
}

impl Watcher {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the changes of a drain, with the slots that they are about. Makes nothing of Python's.
    pub fn hear(&self, changes: Vec<Observed>, slots: Vec<SlotView>) {
        self.hear_told(changes.into_iter().map(|change| (change, None)), slots);
    }

    /// The same, of changes that were told with the orders that they are about.
    pub fn hear_told(
        &self,
        changes: impl Iterator<Item = (Observed, Option<Box<OrderView>>)>,
        slots: Vec<SlotView>,
    ) {
        let mut heard = self.heard();
        if !heard.hears {
            return;
        }
        let slots: Vec<Arc<SlotView>> = slots.into_iter().map(Arc::new).collect();
        for (Observed { record: change, event }, order) in changes {
            if change.seq != heard.seq {
                heard.seq = change.seq;
                heard.changed.clear();
            }
            let is_first = !heard.changed.contains(&change.slot_id);
            if is_first {
                heard.changed.push(change.slot_id);
            }
            let Some(slot) = slots.iter().find(|slot| slot.slot_id == change.slot_id) else { continue };
            let slot = Arc::clone(slot);
            let event = event.filter(|_| is_first);
            heard.waiting.push_back(Happening { change, slot, event, order });
        }
    }

    fn teller_of(&self, py: Python<'_>, owner: &Id) -> Option<Py<Teller>> {
        let tellers = self.tellers.lock().unwrap_or_else(PoisonError::into_inner);
        tellers.iter().find(|(name, _)| name == owner).map(|(_, teller)| teller.clone_ref(py))
    }

    /// Tells what has happened, in the kernel's order, until nothing has: callbacks may cause more. True where one of them
    /// has raised.
    pub fn tell_all(&self, py: Python<'_>, recorder: Option<&Recorder>) -> PyResult<bool> {
        let (mut thread, mut raised) = (None, false);
        loop {
            // Taken by itself: no lock is held while Python runs.
            let Some(happening) = self.heard().waiting.pop_front() else { return Ok(raised) };
            if let Some(recorder) = recorder {
                recorder.hear(&happening);
            }
            let Some(teller) = self.teller_of(py, &happening.slot.owner) else { continue };
            let thread = match thread {
                Some(thread) => thread,
                None => *thread.insert(this_thread(py)?),
            };
            raised |= teller.get().tell(py, thread, &happening)?;
        }
    }
}

/// The number that Python has of this thread.
pub fn this_thread(py: Python<'_>) -> PyResult<u64> {
    py.import(intern!(py, "threading"))?.call_method0(intern!(py, "get_ident"))?.extract()
}

#[pymethods]
impl Watcher {
    /// Without `hears` it keeps nothing until `begin`.
    #[new]
    #[pyo3(signature = (*, hears=true))]
    fn new(hears: bool) -> Watcher {
        Watcher { heard: Mutex::new(Heard { hears, ..Heard::default() }), tellers: Mutex::default() }
    }

    /// What it holds of Python's, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.tellers.try_lock() {
            Ok(tellers) => tellers.iter().try_for_each(|(_, teller)| visit.call(teller)),
            Err(_) => Ok(()),
        }
    }

    /// Lets go of it: with the kernel that it watches it is a cycle of which nothing is Python's own.
    fn __clear__(&self) {
        let tellers = std::mem::take(&mut *self.tellers.lock().unwrap_or_else(PoisonError::into_inner));
        drop(tellers);
    }

    /// Hears from here on; `seq` is the last input that is no news.
    fn begin(&self, seq: u64) {
        let mut heard = self.heard();
        heard.hears = true;
        heard.seq = heard.seq.max(seq);
    }

    /// Who is told of an owner's trades from now on.
    fn add(&self, owner: &Bound<'_, PyAny>, teller: Py<Teller>) -> Result<(), Error> {
        let mut name = Id::EMPTY;
        text::read_id(&mut name, owner, "owner")?;
        self.tellers.lock().unwrap_or_else(PoisonError::into_inner).push((name, teller));
        Ok(())
    }

    /// The last input of which everything was told.
    fn told_seq(&self) -> u64 {
        let heard = self.heard();
        heard.waiting.front().map_or(heard.seq, |first| first.change.seq.saturating_sub(1))
    }

    /// Tells what has happened, in the kernel's order, until nothing has. A recorder hears each change as well, also of
    /// trades of which nobody is told.
    #[pyo3(signature = (recorder=None))]
    fn deliver(&self, py: Python<'_>, recorder: Option<&Bound<'_, Recorder>>) -> PyResult<()> {
        self.tell_all(py, recorder.map(Bound::get)).map(drop)
    }
}
