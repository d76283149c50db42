//! The kernel's server, as a host has it.

use std::path::PathBuf;
use std::sync::Arc;

use dita_kernel::id::Id;
use dita_link::{Account, CALL_US, Seats as Book, Server, ServerConfig, ServerError};
use dita_zinc::{Life, Place, Pulse};
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::engine::Engine;
use crate::errors::{Error, LinkTrouble};
use crate::text;

impl From<ServerError> for Error {
    #[cold]
    fn from(error: ServerError) -> Error {
        Error::Link(Box::new(LinkTrouble::Other(error.to_string())))
    }
}

/// Which slots of a kernel belong to whom: strategies inside the host, and programs that are connected.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Seats {
    book: Arc<Book>,
    engine: Py<Engine>,
}

#[pymethods]
impl Seats {
    #[new]
    fn new(engine: Py<Engine>) -> Seats {
        Seats { book: Arc::default(), engine }
    }

    /// What it holds of Python's, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.engine)
    }

    /// Gives a name slots: those that carry its trades first, then free ones by number. Gives how many were found where they are
    /// too few: then none is given. `None` where the name has slots already.
    fn take(&self, name: &Bound<'_, PyAny>, slots: usize) -> Result<Option<Vec<u32>>, Error> {
        let mut id = Id::EMPTY;
        text::read_id(&mut id, name, "name")?;
        if self.book.has(&id) {
            return Ok(None);
        }
        let shared = self.engine.get().shared();
        let state = shared.settled()?;
        self.book.take(state.core.kernel(), &id, slots).map(Some).map_err(|none| {
            let why = format!("slots: {slots} are asked for and {} are free; raise max_slots", none.found);
            let code = "NO_FREE_SLOT";
            Error::Link(Box::new(LinkTrouble::Refused { code, text: why.into(), pid: 0, since_ns: 0 }))
        })
    }

    /// Lets others have slots.
    fn leave(&self, slots: Vec<u32>) {
        self.book.leave(&slots);
    }
}

/// A server at work: one thread of its own, which takes the interpreter only where an adapter of Python's is asked.
#[pyclass(frozen, module = "dita._kernel")]
pub struct KernelServer {
    server: Server,
}

type Served<'py> = (String, Bound<'py, Engine>, Bound<'py, Seats>, Option<(String, String)>);

#[pymethods]
impl KernelServer {
    /// Begins to serve. `accounts` are `(name, engine, seats, plane)`, the plane a directory and a name. `pulse` is where it shows
    /// that it is alive: `(directory, name, pid, started)`. `spins` offers programs channels in shared memory.
    #[new]
    #[allow(clippy::too_many_arguments)] // each is one of the server's
    #[pyo3(signature = (path, accounts, *, host, mode=0o600, clients_max=128, pulse=None, spins=false))]
    fn new(
        path: PathBuf,
        accounts: Vec<Served<'_>>,
        host: &str,
        mode: u32,
        clients_max: usize,
        pulse: Option<(PathBuf, String, u64, u64)>,
        spins: bool,
    ) -> Result<KernelServer, Error> {
        let account = |(name, engine, seats, plane): Served<'_>| {
            let id =
                Id::new(&name).map_err(|_| Error::text_value("account", &name, "is longer than 64 bytes"))?;
            let (drain, seats) = (engine.get().shared(), Arc::clone(&seats.get().book));
            Ok(Account { name: id, drain, seats, plane })
        };
        let accounts = accounts.into_iter().map(account).collect::<Result<Vec<_>, Error>>()?;
        let host = Id::new(host).map_err(|_| Error::text_value("host", host, "is longer than 64 bytes"))?;
        let pulse = pulse.map(|(directory, name, pid, started)| {
            Pulse::make(&Place::new(&directory, &name)?, pid, started)
        });
        let pulse = pulse.transpose()?;
        let server = Server::start(ServerConfig { path, mode, host, clients_max, spins, accounts, pulse })?;
        Ok(KernelServer { server })
    }

    /// Takes nothing more, tells every program, and ends. Leases stay; no policy acts.
    fn end(&self, py: Python<'_>) {
        // Its thread may wait for the interpreter, to ask an adapter.
        py.detach(|| self.server.end());
    }

    /// True while its thread runs.
    #[getter]
    fn alive(&self) -> bool {
        self.server.is_alive()
    }

    /// How it stands: `clients messages refused gaps beats unread spinning`.
    fn standing<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let standing = self.server.standing();
        let dict = PyDict::new(py);
        dict.set_item("clients", standing.clients)?;
        dict.set_item("messages", standing.messages)?;
        dict.set_item("refused", standing.refused)?;
        dict.set_item("gaps", standing.gaps)?;
        dict.set_item("beats", standing.beats)?;
        dict.set_item("unread", standing.unread)?;
        dict.set_item("spinning", standing.spinning)?;
        Ok(dict)
    }

    /// What it counts: `calls`, a list of (upper bound in seconds or `None`, how many calls took so long), `calls_took_s`, and
    /// `intents`, a list of (account, code, limit or "", how many).
    fn figures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let calls = self.server.calls();
        let dict = PyDict::new(py);
        let bounds = CALL_US.iter().map(|us| Some(*us as f64 / 1e6)).chain([None]);
        dict.set_item("calls", PyList::new(py, bounds.zip(calls.classes))?)?;
        dict.set_item("calls_took_s", calls.took_ns as f64 / 1e9)?;
        let intents = self.server.verdicts();
        let rows =
            intents.iter().map(|((account, code, limit), count)| (account.as_str(), *code, &**limit, *count));
        dict.set_item("intents", PyList::new(py, rows)?)?;
        Ok(dict)
    }

    /// The leases: dicts of `account name slots policy grace_s pid since_ns settled`; `pid` is `None` where nobody holds one.
    fn leases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        for lease in self.server.leases() {
            let row = PyDict::new(py);
            row.set_item("account", lease.account.as_str())?;
            row.set_item("name", lease.name.as_str())?;
            row.set_item("slots", lease.slots)?;
            row.set_item("policy", lease.policy.name())?;
            row.set_item("grace_s", f64::from(lease.grace_ms) / 1000.0)?;
            row.set_item("pid", lease.holder.map(|(pid, _)| pid))?;
            row.set_item("since_ns", lease.holder.map(|(_, since_ns)| since_ns))?;
            row.set_item("settled", lease.settled)?;
            rows.append(row)?;
        }
        Ok(rows)
    }
}

impl Drop for KernelServer {
    fn drop(&mut self) {
        // As in `end`; without an interpreter any more its thread cannot wait for one either.
        if Python::try_attach(|py| py.detach(|| self.server.end())).is_none() {
            self.server.end();
        }
    }
}

/// What a server shows of its being alive, for who watches it.
#[pyclass(frozen, module = "dita._kernel")]
pub struct PulseReader {
    pulse: Pulse,
}

#[pymethods]
impl PulseReader {
    #[new]
    fn new(directory: PathBuf, name: &str) -> Result<PulseReader, Error> {
        Ok(PulseReader { pulse: Pulse::open(&Place::new(&directory, name)?)? })
    }

    /// `(pid, started, life, beats)`, the life one of "opening", "serving" and "ending"; `None` while it changes hands.
    fn shown(&self) -> Option<(u64, u64, &'static str, u64)> {
        let shown = self.pulse.shown()?;
        let life = match shown.life {
            Life::Opening => "opening",
            Life::Serving => "serving",
            Life::Ending => "ending",
        };
        Some((shown.pid, shown.started, life, shown.beats))
    }
}

/// Adds all of it to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Seats>()?;
    module.add_class::<KernelServer>()?;
    module.add_class::<PulseReader>()
}
