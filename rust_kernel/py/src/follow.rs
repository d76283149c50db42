//! `LogFollower`: goes along behind a log, and gives out the journal's rows and the states that changed.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_engine::{
    Batch, BatchBounds, ChangedStates, FollowError, Follower, ReplayError, SharedDisk, TABLES, Wanted, Warm,
    first_to_follow, member_names,
};
use dita_log::{Cursor, LogError, Span, followers};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::engine::log::refusal;
use crate::errors::{Error, LogTrouble};
use crate::replay::watch::{disk, watched};

fn log_error(error: LogError) -> Error {
    refusal(&ReplayError::Log(error))
}

fn failed(error: &FollowError) -> Error {
    match error {
        FollowError::Replay(error) => refusal(error),
        FollowError::Gone { .. } | FollowError::Ahead { .. } => {
            Error::Log(LogTrouble::Mismatch, error.to_string().into_boxed_str())
        }
    }
}

/// Goes along behind a log, in a core of its own. It takes no lock and writes nothing but its cursor.
#[pyclass(frozen, module = "dita._kernel")]
pub struct LogFollower {
    follower: Mutex<Follower>,
    disk: SharedDisk,
    name: String,
}

impl LogFollower {
    fn lock(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl LogFollower {
    /// Opens a follower that has read everything up to `seq`. `kernel` is the name that rows and states carry.
    #[new]
    #[allow(clippy::too_many_arguments)] // keywords, in Python
    #[pyo3(signature = (log_dir, kernel, name, *, seq=0, journal=false, when_enabled=false, states=false, durable=true, progress=None))]
    fn new(
        py: Python<'_>,
        log_dir: PathBuf,
        kernel: &str,
        name: String,
        seq: u64,
        journal: bool,
        when_enabled: bool,
        states: bool,
        durable: bool,
        progress: Option<Py<PyAny>>,
    ) -> Result<LogFollower, Error> {
        let disk = disk(log_dir);
        let span = if durable { Span::Durable } else { Span::Written };
        let wanted = Wanted { journal, when_enabled, states };
        let mut refused = None;
        let opened = watched(py, progress.as_ref(), |watch| {
            match Follower::open(disk.clone(), kernel, seq, span, wanted, watch) {
                Ok(follower) => Ok(Some(follower)),
                Err(FollowError::Replay(error)) => Err(error),
                Err(error) => {
                    refused = Some(error);
                    Ok(None)
                }
            }
        })?;
        match (opened, refused) {
            (Some(follower), _) => Ok(LogFollower { follower: Mutex::new(follower), disk, name }),
            (None, Some(error)) => Err(failed(&error)),
            (None, None) => unreachable!("a follower opens or says why not"),
        }
    }

    /// The next batch as a dict; `None` where the log has nothing more yet.
    #[pyo3(signature = (*, records_max, bytes_max, last_seq=None))]
    fn poll<'py>(
        &self,
        py: Python<'py>,
        records_max: u64,
        bytes_max: usize,
        last_seq: Option<u64>,
    ) -> Result<Option<Bound<'py, PyDict>>, Error> {
        let bounds = BatchBounds { records_max, bytes_max, last_seq };
        let batch = py.detach(|| self.lock().poll(&bounds)).map_err(|error| failed(&error))?;
        Ok(batch.map(|batch| batch_dict(py, &batch)).transpose()?)
    }

    /// All states there are, as of the last input read, as in a batch.
    fn everything<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let states = py.detach(|| self.lock().everything());
        states_dict(py, &states)
    }

    /// The last input read.
    #[getter]
    fn seq(&self) -> u64 {
        self.lock().kernel().seq()
    }

    /// Kernel time of the last input read, ns; `None` before the first.
    #[getter]
    fn time_ns(&self) -> Option<i64> {
        let follower = self.lock();
        let kernel = follower.kernel();
        (kernel.seq() > 0).then(|| kernel.now_ns())
    }

    /// Whether the kernel wants a journal: its control `debug_clickhouse_enabled`, as of the last input read.
    #[getter]
    fn journal_wanted(&self) -> bool {
        self.lock().kernel().control().debug_clickhouse_enabled
    }

    /// Bytes of the log that were there and not read yet when last looked.
    #[getter]
    fn bytes_behind(&self) -> u64 {
        self.lock().bytes_behind()
    }

    /// Ledger rows that are missing, since one input booked more than the core remembers.
    #[getter]
    fn ledger_missing(&self) -> u64 {
        self.lock().ledger_missing()
    }

    /// Writes the cursor: all up to `seq` was taken; with `pending` a batch up to there may have been.
    #[pyo3(signature = (seq, time_ns, *, pending=None, target=""))]
    fn write_cursor(
        &self,
        py: Python<'_>,
        seq: u64,
        time_ns: i64,
        pending: Option<u64>,
        target: &str,
    ) -> Result<(), Error> {
        let cursor = Cursor { seq, time_ns, pending, target: target.to_owned() };
        py.detach(|| cursor.write(self.disk.as_ref(), &self.name)).map_err(log_error)
    }
}

fn batch_dict<'py>(py: Python<'py>, batch: &Batch) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("first_seq", batch.first_seq)?;
    dict.set_item("last_seq", batch.last_seq)?;
    dict.set_item("last_ns", batch.last_ns)?;
    dict.set_item("at_end", batch.at_end)?;
    let blocks = PyList::empty(py);
    for block in &batch.blocks {
        blocks.append((block.table, block.rows, PyBytes::new(py, &block.bytes)))?;
    }
    dict.set_item("blocks", blocks)?;
    dict.set_item("states", batch.changes.as_ref().map(|states| states_dict(py, states)).transpose()?)?;
    Ok(dict)
}

fn states_dict<'py>(py: Python<'py>, states: &ChangedStates) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("seq", states.seq)?;
    let slots = states.slots.iter().map(|slot| (slot.key, slot.json.as_str()));
    dict.set_item("slots", PyList::new(py, slots.collect::<Vec<_>>())?)?;
    let orders = states.orders.iter().map(|(order, live)| (order.key.as_str(), *live, order.json.as_str()));
    dict.set_item("orders", PyList::new(py, orders.collect::<Vec<_>>())?)?;
    dict.set_item("forgotten_orders", PyList::new(py, &states.forgotten)?)?;
    let accounts = states.accounts.iter().map(|account| (account.key.as_str(), account.json.as_str()));
    dict.set_item("accounts", PyList::new(py, accounts.collect::<Vec<_>>())?)?;
    dict.set_item("control", states.control.as_deref())?;
    Ok(dict)
}

/// A core that goes along behind a log, ready to become the kernel. It takes no lock and writes nothing.
#[pyclass(frozen, module = "dita._kernel")]
pub struct LogReplica {
    warm: Mutex<Option<Warm>>,
}

impl LogReplica {
    /// What it has, for who opens the log; it follows nothing any more.
    pub fn give(&self) -> Option<Warm> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<R>(&self, read: impl FnOnce(&mut Warm) -> Result<R, ReplayError>) -> Result<R, Error> {
        match self.warm.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(warm) => read(warm).map_err(|error| refusal(&error)),
            None => Err(Error::Closed),
        }
    }
}

#[pymethods]
impl LogReplica {
    #[new]
    fn new(py: Python<'_>, log_dir: PathBuf) -> Result<LogReplica, Error> {
        let warm = py.detach(|| Warm::open(disk(log_dir))).map_err(|error| refusal(&error))?;
        Ok(LogReplica { warm: Mutex::new(Some(warm)) })
    }

    /// Goes on to what is written by now, at most so many records; how many it took.
    #[pyo3(signature = (records_max=65_536))]
    fn follow(&self, py: Python<'_>, records_max: u64) -> Result<u64, Error> {
        py.detach(|| self.with(|warm| warm.follow(records_max)))
    }

    /// The last record that it has.
    #[getter]
    fn seq(&self) -> Result<u64, Error> {
        self.with(|warm| Ok(warm.seq()))
    }

    /// Kernel time of its last input, ns since 1970.
    #[getter]
    fn now_ns(&self) -> Result<i64, Error> {
        self.with(|warm| Ok(warm.now_ns()))
    }
}

/// A follower's cursor as a dict of `seq time_ns pending target`; `None` where there is none yet.
#[pyfunction]
pub fn read_cursor<'py>(
    py: Python<'py>,
    log_dir: PathBuf,
    name: &str,
) -> Result<Option<Bound<'py, PyDict>>, Error> {
    let disk = disk(log_dir);
    let Some(cursor) = Cursor::read(disk.as_ref(), name).map_err(log_error)? else { return Ok(None) };
    let dict = PyDict::new(py);
    dict.set_item("seq", cursor.seq)?;
    dict.set_item("time_ns", cursor.time_ns)?;
    dict.set_item("pending", cursor.pending)?;
    dict.set_item("target", cursor.target)?;
    Ok(Some(dict))
}

/// The names of the followers that have a cursor in a log's directory.
#[pyfunction]
pub fn followers_of(log_dir: PathBuf) -> Result<Vec<String>, Error> {
    followers(disk(log_dir).as_ref()).map_err(log_error)
}

/// Where a log can be followed from and to: the input after which a follower can begin, and the last input that is
/// known to be durable.
#[pyfunction]
pub fn log_bounds(log_dir: PathBuf) -> Result<(u64, u64), Error> {
    let disk = disk(log_dir);
    let first = first_to_follow(&disk).map_err(log_error)?;
    let last = dita_log::past::durable_seq(disk.as_ref()).map_err(log_error)?;
    Ok((first, last))
}

/// The journal's tables: name, and each column's name, the type in which its values come, and its members' names where
/// it is of an enumeration.
#[pyfunction]
pub fn journal_tables(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let tables = PyList::empty(py);
    for (table, columns) in TABLES {
        let rows = PyList::empty(py);
        for (column, kind) in columns {
            let members = member_names(&format!("{table}.{column}")).or_else(|| member_names(column));
            rows.append((*column, kind.native(), members))?;
        }
        tables.append((table, rows))?;
    }
    Ok(tables)
}
