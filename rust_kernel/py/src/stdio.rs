//! `Session`: the engine protocol on a host's kernel, with its strategies.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dita_kernel::id::Id;
use dita_kernel::num::Decimal;
use dita_play::FileSource;
use dita_play::read::RowRules;
use dita_stdio::{
    FileMarket, Lines, Market, Pace, Pulse, Server, Session as Core, Settings, Standing, StrategyRunner,
    Synthetic, Trouble, Verb,
};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::engine::{Engine, Outside};
use crate::errors::Error;
use crate::{number, text};

/// The engine protocol on a kernel with a simulated venue, whose time the session drives.
///
/// `company` has the strategies: `list(name)` gives names, states and errors; `start`, `stop` and `pause` take a name
/// and give a refusal or None; `quote(symbol, bid, ask, ts_ns)`, `tick(ts_ns)` and `deliver()` are told of time.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Session {
    engine: Py<Engine>,
    company: Option<Py<PyAny>>,
    settings: Mutex<Option<Settings>>,
    pulse: Arc<Pulse>,
    hello: String,
}

fn bad_market(what: &str, why: &str) -> Error {
    Error::text_value("market", what, why)
}

/// A file as a market: bars of a known length, or ticks.
fn file_market(path: &str, symbol: &Id, bar_ns: Option<i64>, start_ns: i64) -> Result<Market, Error> {
    let place = PathBuf::from(path);
    let rules = RowRules { allow_gaps: true, ..RowRules::default() };
    let source = match bar_ns {
        Some(bar_ns) => FileSource::bars(&place, symbol.as_str(), rules, bar_ns),
        None => FileSource::ticks(&place, symbol.as_str(), rules),
    };
    let market = source
        .map_err(|fault| fault.to_string())
        .and_then(|source| FileMarket::new(symbol.clone(), source, bar_ns.unwrap_or(0), start_ns));
    market.map(|market| Market::File(Box::new(market))).map_err(|why| bad_market(path, &why))
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (engine, *, owner, slots, start_ns, version, market="none", symbols=Vec::new(), bar_ns=None, step_ns=None, drain_s=30.0, company=None))]
    #[allow(clippy::too_many_arguments)] // one description
    fn new(
        engine: Py<Engine>,
        owner: &Bound<'_, PyAny>,
        slots: Vec<u32>,
        start_ns: i64,
        version: String,
        market: &str,
        symbols: Vec<(String, Bound<'_, PyAny>)>,
        bar_ns: Option<i64>,
        step_ns: Option<i64>,
        drain_s: f64,
        company: Option<Py<PyAny>>,
    ) -> Result<Session, Error> {
        let mut listed = Vec::with_capacity(symbols.len());
        for (symbol, tick) in symbols {
            let symbol = Id::new(&symbol).map_err(|_| bad_market(&symbol, "is longer than 64 bytes"))?;
            let tick: Decimal = number::read(&tick, "tick_size")?;
            listed.push((symbol, tick));
        }
        let market = match (market, listed.first()) {
            ("none", _) => Market::None,
            ("synthetic", _) => Market::Synthetic(Synthetic::new(&listed, start_ns)),
            (path, Some((symbol, _))) => file_market(path, symbol, bar_ns, start_ns)?,
            (path, None) => return Err(bad_market(path, "is of no instrument")),
        };
        let mut name = Id::EMPTY;
        text::read_id(&mut name, owner, "owner")?;
        let pace = step_ns.map_or_else(|| Pace::System { began: Instant::now() }, Pace::Step);
        let drain = Duration::try_from_secs_f64(drain_s).unwrap_or(Duration::ZERO);
        let hello = dita_stdio::hello(&version);
        let settings = Settings { version, owner: name, slots, pace, start_ns, market, drain };
        let settings = Mutex::new(Some(settings));
        Ok(Session { engine, company, settings, pulse: Arc::default(), hello })
    }

    /// Takes commands from standard input, and writes events to standard output, until there is no more input or `stop`
    /// was called. In the main thread, so that signals are heard.
    fn run_stdio(&self, py: Python<'_>) -> Result<(), Error> {
        let lines = Lines::of(std::io::stdin()).map_err(PyErr::from)?;
        self.run(py, lines, |bytes| {
            let mut out = std::io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        })
    }

    /// The same at a Unix socket, for several clients at once, until `stop` is called.
    fn run_socket(&self, py: Python<'_>, path: PathBuf) -> Result<(), Error> {
        let (server, lines) = Server::open(&path, &self.hello)
            .map_err(|error| PyOSError::new_err(format!("{}: {error}", path.display())))?;
        self.run(py, lines, |bytes| {
            server.write(bytes);
            Ok(())
        })
    }

    /// Lets it end: it takes no more commands, and waits for what is under way. From any thread, and from a signal.
    fn stop(&self) {
        self.pulse.stop.store(true, Ordering::Relaxed);
    }

    /// How often it has looked around: ten times a second at least, while it works.
    #[getter]
    fn beats(&self) -> u64 {
        self.pulse.beats.load(Ordering::Relaxed)
    }

    /// How many commands it has taken.
    #[getter]
    fn commands(&self) -> u64 {
        self.pulse.commands.load(Ordering::Relaxed)
    }

    /// What it holds of Python's, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.engine)?;
        visit.call(&self.company)
    }
}

impl Session {
    fn run(
        &self,
        py: Python<'_>,
        mut lines: Lines,
        mut write: impl FnMut(&[u8]) -> std::io::Result<()> + Send,
    ) -> Result<(), Error> {
        let taken = self.settings.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut settings) = taken else {
            return Err(PyRuntimeError::new_err("a session runs once").into());
        };
        if let Pace::System { began } = &mut settings.pace {
            *began = Instant::now();
        }
        let shared = self.engine.get().shared();
        let company = Strategies { company: self.company.as_ref().map(|company| company.bind(py)) };
        let mut session = Core::<Outside, _>::new(&shared, py, company, settings).map_err(failed)?;
        session.run(&mut lines, &self.pulse, &mut write).map_err(failed)
    }
}

fn failed(trouble: Trouble<PyErr>) -> Error {
    match trouble {
        Trouble::Kernel(failure) => Error::from(failure),
        Trouble::Log(error) => crate::engine::log::refusal(&error),
        Trouble::Market(why) => bad_market("market", &why),
        Trouble::Write(error) => PyErr::from(error).into(),
    }
}

/// The strategies, as Python has them.
struct Strategies<'py> {
    company: Option<&'py Bound<'py, PyAny>>,
}

fn verb_name(verb: Verb) -> &'static str {
    match verb {
        Verb::List => "list",
        Verb::Start => "start",
        Verb::Stop => "stop",
        Verb::Pause => "pause",
    }
}

impl StrategyRunner for Strategies<'_> {
    type Interrupt = PyErr;

    fn list(&mut self, name: &str) -> PyResult<Vec<Standing>> {
        let Some(company) = self.company else { return Ok(Vec::new()) };
        let rows: Vec<(String, String, String)> = company.call_method1("list", (name,))?.extract()?;
        Ok(rows.into_iter().map(|(name, state, error)| Standing { name, state, error }).collect())
    }

    fn tell(&mut self, verb: Verb, name: &str) -> PyResult<Option<String>> {
        match self.company {
            Some(company) => company.call_method1(verb_name(verb), (name,))?.extract(),
            None => Ok(Some(format!("strategy: {name:?} is none: there are no strategies"))),
        }
    }

    fn quote(&mut self, symbol: &Id, bid: Decimal, ask: Decimal, time_ns: i64) -> PyResult<()> {
        let Some(company) = self.company else { return Ok(()) };
        let py = company.py();
        let (bid, ask) = (number::get(py, bid)?, number::get(py, ask)?);
        company.call_method1("quote", (symbol.as_str(), bid, ask, time_ns)).map(drop)
    }

    fn tick(&mut self, time_ns: i64) -> PyResult<()> {
        self.company.map_or(Ok(()), |company| company.call_method1("tick", (time_ns,)).map(drop))
    }

    fn deliver(&mut self) -> PyResult<()> {
        self.company.map_or(Ok(()), |company| company.call_method0("deliver").map(drop))
    }

    fn is_empty(&self) -> bool {
        self.company.is_none()
    }
}

/// How a plain order stands, by its parts (status and filled size of each), its size, and whether something of it was
/// refused. `KernelError` where an amount cannot be held.
#[pyfunction]
pub fn plain_standing(
    parts: Vec<(String, Bound<'_, PyAny>)>,
    size: &Bound<'_, PyAny>,
    refused: bool,
) -> Result<&'static str, Error> {
    let mut known = Vec::with_capacity(parts.len());
    for (status, filled) in &parts {
        let status = dita_kernel::names::VenueOrderStatus::from_name(status)
            .ok_or_else(|| Error::text_value("status", status, "is no order's status"))?;
        known.push((status, number::read_money(filled, "filled_size")?.0));
    }
    Ok(dita_host::standing(&known, number::read_money(size, "size")?.0, refused).name())
}
