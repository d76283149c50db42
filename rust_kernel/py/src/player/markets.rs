//! Readers of market files.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use dita_kernel::num::Decimal;
use dita_play::columns::ColumnReader;
use dita_play::read::{BarReader, CaptureCounts, CaptureReader, RowRules, TickReader, Tolerance};
use dita_play::{Event, EventKind, Fault, FileSource, Next, Part, Source};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::fault_error;
use crate::errors;

/// What is wrong, with values as every error shows them.
pub fn message(py: Python<'_>, fault: &Fault) -> PyResult<String> {
    let mut message = String::new();
    for part in &fault.parts {
        let shown = match part {
            Part::Text(text) => message.write_str(text),
            Part::Value(value) => message.write_str(&errors::shown(PyString::new(py, value).as_any())),
            Part::Line(line) => message.write_str(PyString::new(py, line).repr()?.to_str()?),
        };
        shown.map_err(|_| PyRuntimeError::new_err("a message that cannot be written"))?;
    }
    Ok(message)
}

/// Reads a market file once, from its beginning. What cannot be raises `ValueError(message, line)`.
#[pyclass(frozen, module = "dita._kernel")]
pub struct MarketReader {
    reading: Mutex<Reading>,
}

struct Reading {
    source: Option<FileSource>,
    symbol: String,
    /// Raised at the next call: what came before it is given first.
    fault: Option<Fault>,
}

impl MarketReader {
    fn of(source: FileSource, symbol: String) -> MarketReader {
        MarketReader { reading: Mutex::new(Reading { source: Some(source), symbol, fault: None }) }
    }

    /// The file, which belongs to the player from then on.
    pub fn take(&self) -> PyResult<FileSource> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.source.take().ok_or_else(|| PyRuntimeError::new_err("reader: a player has it already"))
    }
}

#[pymethods]
impl MarketReader {
    /// Of a file of bars of a known length, ns.
    #[staticmethod]
    #[pyo3(signature = (path, symbol, interval_ns, *, allow_gaps=false, allow_disorder=false, closing_times=false))]
    fn bars(
        py: Python<'_>,
        path: PathBuf,
        symbol: String,
        interval_ns: i64,
        allow_gaps: bool,
        allow_disorder: bool,
        closing_times: bool,
    ) -> PyResult<MarketReader> {
        let rules = RowRules { allow_gaps, allow_disorder, closing_times };
        let source = FileSource::bars(&path, &symbol, rules, interval_ns);
        Ok(MarketReader::of(source.map_err(|fault| fault_error(py, &fault))?, symbol))
    }

    /// Of a file of quotes or of trades.
    #[staticmethod]
    #[pyo3(signature = (path, symbol, *, allow_disorder=false))]
    fn ticks(py: Python<'_>, path: PathBuf, symbol: String, allow_disorder: bool) -> PyResult<MarketReader> {
        let rules = RowRules { allow_disorder, ..RowRules::default() };
        let source = FileSource::ticks(&path, &symbol, rules);
        Ok(MarketReader::of(source.map_err(|fault| fault_error(py, &fault))?, symbol))
    }

    /// Of a raw capture of an instrument.
    #[staticmethod]
    fn capture(py: Python<'_>, path: PathBuf, symbol: String) -> PyResult<MarketReader> {
        let source = FileSource::capture(&path, &symbol);
        Ok(MarketReader::of(source.map_err(|fault| fault_error(py, &fault))?, symbol))
    }

    /// What a file holds whose first line this is: "bars", "ticks", "capture", or `None` where it is none of these.
    #[staticmethod]
    fn held(header: &str) -> Option<&'static str> {
        if BarReader::is_header(header) {
            Some("bars")
        } else if TickReader::is_header(header) {
            Some("ticks")
        } else {
            CaptureReader::is_line(header).then_some("capture")
        }
    }

    /// The instrument that a capture names first.
    #[staticmethod]
    fn captured_symbol(py: Python<'_>, path: PathBuf) -> PyResult<String> {
        let tolerance = Tolerance { late_lines: true, bad_lines: false };
        CaptureReader::find_symbol(&path, tolerance).map_err(|fault| fault_error(py, &fault))
    }

    /// Of a file of columns.
    #[staticmethod]
    fn columns(py: Python<'_>, path: PathBuf) -> PyResult<MarketReader> {
        let reader = ColumnReader::open(&path).map_err(|fault| fault_error(py, &fault))?;
        let symbol = reader.symbol().to_owned();
        Ok(MarketReader::of(FileSource::Columns(Box::new(reader)), symbol))
    }

    /// True where a file's first bytes are those of a file of columns.
    #[staticmethod]
    fn is_columns(head: &[u8]) -> bool {
        ColumnReader::is_head(head)
    }

    /// The length of a file's bars, ns, which its first two rows tell.
    #[staticmethod]
    #[pyo3(signature = (path, symbol, *, allow_disorder=false))]
    fn measure(py: Python<'_>, path: PathBuf, symbol: &str, allow_disorder: bool) -> PyResult<i64> {
        BarReader::measure(&path, symbol, allow_disorder).map_err(|fault| fault_error(py, &fault))
    }

    /// The next rows, at most so many, as plain tuples in the order of `dita.market`'s; none at the end.
    fn read<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let Reading { source, symbol, fault } = &mut *reading;
        if let Some(fault) = fault {
            return Err(fault_error(py, fault));
        }
        let source = source.as_mut().ok_or_else(|| PyRuntimeError::new_err("reader: a player has it"))?;
        let symbol = PyString::new(py, symbol);
        let mut rows = Vec::new();
        while rows.len() < count {
            match source.next_event() {
                Ok(Next::Event(event)) => rows.push(row(py, &symbol, &event)?),
                Ok(Next::Empty | Next::End) => break,
                Err(found) if rows.is_empty() => return Err(fault_error(py, &found)),
                Err(found) => {
                    *fault = Some(found);
                    break;
                }
            }
        }
        Ok(rows)
    }

    /// The instrument.
    #[getter]
    fn symbol(&self) -> String {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).symbol.clone()
    }

    /// How much of the file was read, from 0 to 1.
    #[getter]
    fn fraction(&self) -> f64 {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.source.as_ref().map_or(0.0, Source::fraction)
    }

    /// How many bars were missing so far.
    #[getter]
    fn gaps(&self) -> u64 {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.source.as_ref().map_or(0, Source::gaps)
    }

    /// How many rows were left out so far because their time goes back.
    #[getter]
    fn disordered(&self) -> u64 {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.source.as_ref().map_or(0, Source::disordered)
    }

    /// The line of a CSV file that was read last, from 1; `None` for other files.
    #[getter]
    fn line(&self) -> Option<u64> {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.source.as_ref().and_then(FileSource::line)
    }

    /// What a capture has told so far, by name; `None` for other files.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = reading.source.as_ref().and_then(FileSource::counts);
        drop(reading);
        counts.map(|counts| named(py, &counts)).transpose()
    }
}

/// A capture's counts by their names.
pub fn named<'py>(py: Python<'py>, counts: &CaptureCounts) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, count) in counts.figures() {
        dict.set_item(name, count)?;
    }
    Ok(dict)
}

fn row<'py>(py: Python<'py>, symbol: &Bound<'py, PyString>, event: &Event) -> PyResult<Bound<'py, PyTuple>> {
    let text = |value: &Decimal| value.to_string();
    let size = |value: &Option<Decimal>| value.as_ref().map(text);
    match &event.what {
        EventKind::Bar([open, high, low, close, volume]) => {
            (symbol, text(open), text(high), text(low), text(close), text(volume), event.time_ns)
                .into_pyobject(py)
        }
        EventKind::Quote { bid, bid_size, ask, ask_size } => {
            (symbol, text(bid), size(bid_size), text(ask), size(ask_size), event.time_ns).into_pyobject(py)
        }
        EventKind::Trade { price, size, buyer_is_maker } => {
            (symbol, text(price), text(size), *buyer_is_maker, event.time_ns).into_pyobject(py)
        }
        EventKind::Depth(depth) => {
            let levels = |levels: &[(Decimal, Decimal)]| {
                PyTuple::new(py, levels.iter().map(|(price, size)| (text(price), text(size))))
            };
            (symbol, levels(&depth.bids)?, levels(&depth.asks)?, depth.snapshot, event.time_ns)
                .into_pyobject(py)
        }
    }
}
