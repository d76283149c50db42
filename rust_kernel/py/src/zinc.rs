//! The Zinc plane in shared memory: its writer, its readers, and the halt.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dita_engine::{
    Plane, ShownPrices, ShownQuote, read_bar, read_intent, read_prices, read_quote, read_slot, read_trade,
};
use dita_kernel::codec;
use dita_zinc::{Attempt, Gate, Got, Halt, Next, Place, Plan, Section, Segment, Standing, ZincError, unpack};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::engine::Engine;
use crate::errors::Error;
use crate::intent::KernelIntent;
use crate::player::views;
use crate::slot::TradeSlot;
use crate::{names, number, text};

/// How long a reader that waits for an input looks without a pause, and how long the pauses are then.
const SPIN: Duration = Duration::from_micros(50);
const PAUSE: Duration = Duration::from_micros(20);

impl From<ZincError> for Error {
    #[cold]
    fn from(error: ZincError) -> Error {
        let why = error.to_string();
        match error {
            ZincError::Name(name) => Error::text_value("name", &name, "is no name of a plane"),
            ZincError::NotThere(_)
            | ZincError::NotOurs { .. }
            | ZincError::Garbage { .. }
            | ZincError::Version { .. }
            | ZincError::Taken { .. }
            | ZincError::TooLarge { .. }
            | ZincError::Io { .. } => Error::Zinc(why.into_boxed_str()),
        }
    }
}

fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory in shared memory that planes of this user stand in.
#[pyfunction]
fn zinc_directory() -> PathBuf {
    dita_zinc::default_directory()
}

/// The names in a directory that have a segment or a halt, by name.
#[pyfunction]
fn zinc_names(directory: PathBuf) -> Result<Vec<String>, Error> {
    Ok(Place::all(&directory)?.iter().map(|place| place.name().to_owned()).collect())
}

/// The one writer of a plane: this process's, or a kernel's once it is given to one.
#[pyclass(frozen, module = "dita._kernel")]
pub struct ZincWriter {
    plane: Mutex<Option<Plane>>,
    halt: Arc<Halt>,
    path: PathBuf,
}

impl ZincWriter {
    fn with<R>(&self, write: impl FnOnce(&mut Plane) -> R) -> Result<R, Error> {
        match unpoisoned(&self.plane).as_mut() {
            Some(plane) => Ok(write(plane)),
            None => Err(Error::Zinc("the plane was closed, or a kernel writes it".into())),
        }
    }
}

#[pymethods]
impl ZincWriter {
    #[new]
    #[pyo3(signature = (directory, name, *, slots, kernel))]
    fn new(
        directory: &Bound<'_, PyAny>,
        name: &str,
        slots: usize,
        kernel: &str,
    ) -> Result<ZincWriter, Error> {
        let directory: PathBuf = directory.extract()?;
        let place = Place::new(&directory, name)?;
        let segment = Segment::create(&place, &Plan::of(slots))?;
        let path = segment.path().to_owned();
        let halt = Arc::new(Halt::make(&place)?);
        let plane = Plane::new(segment, Arc::clone(&halt), kernel);
        Ok(ZincWriter { plane: Mutex::new(Some(plane)), halt, path })
    }

    /// The segment's file.
    #[getter]
    fn path(&self) -> &Path {
        &self.path
    }

    /// The gate that operators have asked for: NORMAL, REDUCE_ONLY or HALTED.
    #[getter]
    fn gate(&self) -> &'static str {
        gate_name(self.halt.gate())
    }

    /// Shows a slot.
    fn write_slot(&self, slot: &TradeSlot) -> Result<(), Error> {
        self.with(|plane| plane.put_slot(slot.view().clone()))
    }

    /// Shows an intent.
    fn publish_intent(&self, intent: &KernelIntent) -> Result<(), Error> {
        self.with(|plane| plane.put_intent(intent.core().clone()))
    }

    /// Shows an asset's account as a JSON text.
    fn write_account(&self, place: usize, json: &str) -> Result<(), Error> {
        self.with(|plane| plane.put_account(place, json))
    }

    /// Shows the controls as a JSON text.
    fn write_control(&self, json: &str) -> Result<(), Error> {
        self.with(|plane| plane.put_control(json))
    }

    /// Has a kernel write it from now on, and heed its halt.
    fn give_to(&self, engine: &Engine) -> Result<(), Error> {
        let Some(plane) = unpoisoned(&self.plane).take() else {
            return Err(Error::Zinc("the plane was closed, or a kernel writes it".into()));
        };
        Ok(engine.shared().share(plane)?)
    }

    /// Ends it, where no kernel has it.
    fn close(&self) {
        drop(unpoisoned(&self.plane).take());
    }
}

/// What of the market was read: in its order, the new places in the rings of trades and bars, and how many of each were missed.
type Market<'py> = (Bound<'py, PyList>, (u64, u64), (u64, u64));

/// A reader of a plane. It never waits for the writer, and finds what takes the plane's place.
#[pyclass(frozen, module = "dita._kernel")]
pub struct ZincReader {
    place: Place,
    /// With when it was last looked whether its file is still the one of its name.
    segment: Mutex<(Arc<Segment>, Instant)>,
}

/// How often a reader looks whether a new file has taken the name of a killed writer's.
const LOOK: Duration = Duration::from_millis(100);

impl ZincReader {
    /// The segment; the one that has taken its name, where it has ended.
    #[inline]
    fn segment(&self) -> Arc<Segment> {
        let mut guard = unpoisoned(&self.segment);
        let (segment, looked) = &mut *guard;
        let mut is_old = !segment.is_kept_up();
        if !is_old && looked.elapsed() >= LOOK {
            *looked = Instant::now();
            is_old = !segment.is_in_place();
        }
        if is_old && let Ok(newer) = Segment::open(&self.place) {
            *segment = Arc::new(newer);
        }
        Arc::clone(segment)
    }

    /// A section's newest record as bytes; `None` before the first.
    #[inline]
    fn newest(&self, section: Section, place: usize) -> Result<Option<Vec<u8>>, Error> {
        let segment = self.segment();
        let Some(lane) = segment.lane(section, place) else { return Ok(None) };
        let mut words = vec![0; segment.words(section)];
        match lane.newest(&mut words) {
            Attempt::Got(Got { bytes, .. }) => Ok(Some(unpack(&words[..bytes.div_ceil(8)], bytes))),
            Attempt::Empty => Ok(None),
            Attempt::Lapped => Err(unreadable("is written without a pause, or damaged")),
        }
    }

    fn text(&self, section: Section, place: usize) -> Result<Option<String>, Error> {
        let bytes = self.newest(section, place)?;
        bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| unreadable("is no text"))).transpose()
    }

    fn quote(&self, place: usize) -> Result<Option<ShownQuote>, Error> {
        let bytes = self.newest(Section::Quotes, place)?;
        bytes.map(|bytes| read_quote(&bytes).ok_or_else(|| unreadable("is no quote"))).transpose()
    }

    fn prices(&self, section: Section, place: usize) -> Result<Option<ShownPrices>, Error> {
        let bytes = self.newest(section, place)?;
        bytes.map(|bytes| read_prices(&bytes).ok_or_else(|| unreadable("is no price"))).transpose()
    }
}

/// Where to go on in a ring: a number that it has not come to is another segment's.
fn place_in(last: u64, after: u64) -> u64 {
    if after > last { 0 } else { after }
}

impl ZincReader {
    /// Reads a ring from behind a place, while `take` takes what it reads; gives the new place.
    fn ring(
        &self,
        section: Section,
        after: u64,
        missed: &mut u64,
        mut take: impl FnMut(&[u8]) -> Result<bool, Error>,
    ) -> Result<u64, Error> {
        let segment = self.segment();
        let Some(lane) = segment.lane(section, 0) else { return Ok(after) };
        let (mut words, mut read) = (vec![0; segment.words(section)], place_in(lane.last(), after));
        loop {
            match lane.after(read, &mut words) {
                Next::None => return Ok(read),
                Next::Gone { oldest } => {
                    *missed += oldest - read - 1;
                    read = oldest - 1;
                }
                Next::Got(Got { number, bytes }) => {
                    if !take(&unpack(&words[..bytes.div_ceil(8)], bytes))? {
                        return Ok(read);
                    }
                    read = number;
                }
            }
        }
    }
}

#[cold]
fn unreadable(what: &str) -> Error {
    Error::Zinc(format!("a record of the plane {what}").into_boxed_str())
}

#[pymethods]
impl ZincReader {
    #[new]
    fn new(directory: &Bound<'_, PyAny>, name: &str) -> Result<ZincReader, Error> {
        let directory: PathBuf = directory.extract()?;
        let place = Place::new(&directory, name)?;
        let segment = Mutex::new((Arc::new(Segment::open(&place)?), Instant::now()));
        Ok(ZincReader { place, segment })
    }

    /// A slot as it was shown last; `None` before its first trade, and for one that is not there.
    fn read_slot(&self, slot_id: usize) -> Result<Option<TradeSlot>, Error> {
        let Some(bytes) = self.newest(Section::Slots, slot_id)? else { return Ok(None) };
        let shown = read_slot(&bytes).ok_or_else(|| unreadable("is no slot"))?;
        Ok(Some(TradeSlot::from(shown.view)))
    }

    /// The last input that a slot, as it was shown, knows of, and whether something was left out.
    fn slot_standing(&self, slot_id: usize) -> Result<Option<(u64, bool)>, Error> {
        let Some(bytes) = self.newest(Section::Slots, slot_id)? else { return Ok(None) };
        let shown = read_slot(&bytes).ok_or_else(|| unreadable("is no slot"))?;
        Ok(Some((shown.seq, shown.is_cut)))
    }

    /// The account of an asset by its place, as a JSON text.
    fn read_account(&self, place: usize) -> Result<Option<String>, Error> {
        self.text(Section::Accounts, place)
    }

    /// The controls, as a JSON text.
    fn read_control(&self) -> Result<Option<String>, Error> {
        self.text(Section::Control, 0)
    }

    /// The health, as a JSON text.
    fn read_health(&self) -> Result<Option<String>, Error> {
        self.text(Section::Health, 0)
    }

    /// The newest mark of an instrument by its place: `(symbol, price, time_ns)`.
    fn read_mark<'py>(&self, py: Python<'py>, place: usize) -> Result<Option<Bound<'py, PyTuple>>, Error> {
        let Some(mark) = self.prices(Section::Marks, place)? else { return Ok(None) };
        let shown = (text::get_id(py, &mark.symbol), number::get(py, mark.price)?, mark.time_ns);
        Ok(Some(shown.into_pyobject(py)?))
    }

    /// The newest quote of an instrument by its place: `(symbol, bid, bid_size, ask, ask_size, time_ns)`.
    fn read_quote<'py>(&self, py: Python<'py>, place: usize) -> Result<Option<Bound<'py, PyTuple>>, Error> {
        let Some(quote) = self.quote(place)?.map(|shown| shown.prices) else { return Ok(None) };
        let shown = (
            text::get_id(py, &quote.symbol),
            number::get(py, quote.price)?,
            number::get_optional(py, quote.size)?,
            number::get_optional(py, quote.other_price)?,
            number::get_optional(py, quote.other_size)?,
            quote.time_ns,
        );
        Ok(Some(shown.into_pyobject(py)?))
    }

    /// What of the market is numbered behind the first of `span` and up to the second, in its order: quotes (of this many instruments, each the
    /// newest), trades and closed bars behind `places` in their rings. Gives a list of `QuoteTick`, `TradeTick` and
    /// `Bar`, the new places in both rings, and how many trades and bars were overwritten before they were read.
    fn read_market<'py>(
        &self,
        py: Python<'py>,
        span: (u64, u64),
        instruments: usize,
        places: (u64, u64),
    ) -> Result<Market<'py>, Error> {
        let ((after, upto), (trades, bars)) = (span, places);
        let mut found: Vec<(u64, Py<PyAny>)> = Vec::new();
        for place in 0..instruments {
            if let Some(ShownQuote { number, prices, .. }) = self.quote(place)?
                && number > after
                && number <= upto
            {
                found.push((number, views::quote(py, &prices)?));
            }
        }
        let mut missed = (0, 0);
        let trades = self.ring(Section::Trades, trades, &mut missed.0, |bytes| {
            let shown = read_trade(bytes).ok_or_else(|| unreadable("is no trade"))?;
            if shown.number <= upto {
                found.push((shown.number, views::trade(py, &shown)?));
            }
            Ok(shown.number <= upto)
        })?;
        let bars = self.ring(Section::Bars, bars, &mut missed.1, |bytes| {
            let shown = read_bar(bytes).ok_or_else(|| unreadable("is no bar"))?;
            if shown.number <= upto {
                found.push((shown.number, views::bar(py, &shown)?));
            }
            Ok(shown.number <= upto)
        })?;
        found.sort_by_key(|(number, _)| *number);
        let list = PyList::new(py, found.into_iter().map(|(_, tick)| tick))?;
        Ok((list, (trades, bars), missed))
    }

    /// The newest places of both rings of the market: trades and bars.
    fn market_places(&self) -> (u64, u64) {
        let segment = self.segment();
        let place = |section| segment.lane(section, 0).map_or(0, |lane| lane.last());
        (place(Section::Trades), place(Section::Bars))
    }

    /// The intents behind a place in the ring, oldest first, at most so many: a list of
    /// `(number, seq, time_ns, accepted, code, intent)`, and how many were overwritten before they were read.
    fn read_intents<'py>(
        &self,
        py: Python<'py>,
        after: u64,
        most: usize,
    ) -> Result<(Bound<'py, PyList>, u64), Error> {
        let segment = self.segment();
        let (list, mut missed) = (PyList::empty(py), 0);
        let Some(lane) = segment.lane(Section::Intents, 0) else { return Ok((list, 0)) };
        let mut words = vec![0; segment.words(Section::Intents)];
        let mut read = place_in(lane.last(), after);
        while list.len() < most {
            match lane.after(read, &mut words) {
                Next::None => break,
                Next::Gone { oldest } => {
                    missed += oldest - read - 1;
                    read = oldest - 1;
                }
                Next::Got(Got { number, bytes }) => {
                    read = number;
                    let bytes = unpack(&words[..bytes.div_ceil(8)], bytes);
                    let shown = read_intent(&bytes).ok_or_else(|| unreadable("is no intent"))?;
                    let intent = Bound::new(py, KernelIntent::from(*shown.intent))?;
                    let code = names::get(py, shown.code)?;
                    list.append((number, shown.seq, shown.time_ns, shown.accepted, code, intent))?;
                }
            }
        }
        Ok((list, missed))
    }

    /// True once the plane shows everything up to an input; waits for that, at most so long.
    fn reaches(&self, py: Python<'_>, seq: u64, timeout_us: u64) -> bool {
        if self.segment().seq() >= seq {
            return true;
        }
        py.detach(|| {
            let began = Instant::now();
            loop {
                let waited = began.elapsed();
                if self.segment().seq() >= seq {
                    return true;
                }
                if waited >= Duration::from_micros(timeout_us) {
                    return false;
                }
                if waited < SPIN { std::hint::spin_loop() } else { std::thread::sleep(PAUSE) }
            }
        })
    }

    /// The last input that the plane shows.
    #[getter]
    fn seq(&self) -> u64 {
        self.segment().seq()
    }

    /// The last input that accounts and controls show; 0 where the writer is older than that word.
    #[getter]
    fn figures_seq(&self) -> u64 {
        self.segment().figures_seq()
    }

    /// That input's kernel time, ns.
    #[getter]
    fn time_ns(&self) -> i64 {
        self.segment().time_ns()
    }

    /// The process that writes it.
    #[getter]
    fn pid(&self) -> u32 {
        self.segment().pid()
    }

    /// How many slots there are.
    #[getter]
    fn slots(&self) -> usize {
        self.segment().lanes(Section::Slots)
    }

    /// LIVE, CLOSED, SUPERSEDED, or DEAD where its writer was killed.
    #[getter]
    fn standing(&self) -> &'static str {
        match self.segment().standing() {
            Standing::Live => "LIVE",
            Standing::Closed => "CLOSED",
            Standing::Superseded => "SUPERSEDED",
            Standing::Dead => "DEAD",
        }
    }

    /// The version of the codec that intents are in.
    #[staticmethod]
    fn codec_version() -> u8 {
        codec::FORMAT_VERSION
    }
}

/// Where an operator halts a kernel: it only tightens.
#[pyclass(frozen, module = "dita._kernel")]
pub struct ZincHalt {
    halt: Halt,
}

#[pymethods]
impl ZincHalt {
    #[new]
    fn new(directory: &Bound<'_, PyAny>, name: &str) -> Result<ZincHalt, Error> {
        let directory: PathBuf = directory.extract()?;
        Ok(ZincHalt { halt: Halt::open(&Place::new(&directory, name)?)? })
    }

    /// Asks for REDUCE_ONLY or HALTED; gives what `is_taken` wants.
    fn ask(&self, gate: &str, who: &str, at_ns: i64) -> Result<u64, Error> {
        let gate = match gate {
            "REDUCE_ONLY" => Gate::ReduceOnly,
            "HALTED" => Gate::Halted,
            _ => {
                return Err(Error::text_value(
                    "gate",
                    gate,
                    "is none of REDUCE_ONLY, HALTED: it only tightens",
                ));
            }
        };
        Ok(self.halt.ask(gate, who, at_ns))
    }

    /// True once the kernel goes by that request, or by a later one; waits for that, at most so long.
    fn is_taken(&self, py: Python<'_>, asked: u64, timeout_us: u64) -> bool {
        py.detach(|| {
            let began = Instant::now();
            while !self.halt.is_taken(asked) {
                if began.elapsed() >= Duration::from_micros(timeout_us) {
                    return false;
                }
                std::thread::sleep(PAUSE);
            }
            true
        })
    }

    /// What stands: `(gate, who, at_ns)`.
    fn standing(&self) -> (&'static str, String, i64) {
        let asked = self.halt.asked(self.halt.word());
        (gate_name(asked.gate), asked.who, asked.at_ns)
    }
}

fn gate_name(gate: Gate) -> &'static str {
    match gate {
        Gate::Normal => "NORMAL",
        Gate::ReduceOnly => "REDUCE_ONLY",
        Gate::Halted => "HALTED",
    }
}

/// Adds all of it to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ZincWriter>()?;
    module.add_class::<ZincReader>()?;
    module.add_class::<ZincHalt>()?;
    module.add_function(wrap_pyfunction!(zinc_directory, module)?)?;
    module.add_function(wrap_pyfunction!(zinc_names, module)?)?;
    Ok(())
}
