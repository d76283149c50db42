//! `TwinLive`: what a live log came to, what a twin is given of it, and what the twin's log differs in.

use std::path::PathBuf;

use dita_engine::{Comparison, Row, RowKind, Side, Standing, compare};
use dita_host::{Hold, Patience};
use dita_kernel::input::Input;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::engine::Engine;
use crate::errors::Error;
use crate::replay::watch::{disk, watched};
use crate::{number, text};

/// What a live log came to. It is read once, without the log's lock; the log may go on meanwhile.
#[pyclass(frozen, module = "dita._kernel")]
pub struct TwinLive {
    side: Side,
}

/// What a call of [`TwinLive::give`] has come to: the next input, and what the twin refused that live took.
type Gave = (usize, Vec<(u64, &'static str)>);

#[pymethods]
impl TwinLive {
    /// Reads a log. `progress` is called now and then with the last input, the bytes read and all of them.
    #[new]
    #[pyo3(signature = (log_dir, *, progress=None))]
    fn new(py: Python<'_>, log_dir: PathBuf, progress: Option<Py<PyAny>>) -> Result<TwinLive, Error> {
        let disk = disk(log_dir);
        let side = watched(py, progress.as_ref(), |watch| Side::read(&disk, None, watch))?;
        Ok(TwinLive { side })
    }

    /// How many slots the live kernel has.
    #[getter]
    fn max_slots(&self) -> u32 {
        self.side.given.max_slots
    }

    /// Whether it keeps long and short positions apart.
    #[getter]
    fn hedge_mode(&self) -> bool {
        self.side.given.hedge_mode
    }

    /// The instruments before the first intent.
    #[getter]
    fn symbols(&self) -> Vec<String> {
        self.side.given.specs.iter().map(|spec| spec.symbol.as_str().to_owned()).collect()
    }

    /// What the wallet held before the first intent, by asset.
    #[getter]
    fn balances<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (asset, amount) in &self.side.given.balances {
            dict.set_item(text::get_id(py, asset), number::get_money(py, *amount)?)?;
        }
        Ok(dict)
    }

    /// Kernel time of the log's first and last inputs, ns.
    #[getter]
    fn span_ns(&self) -> (i64, i64) {
        self.side.given.span_ns
    }

    /// How many trades ran when the log begins; a twin does not have them.
    #[getter]
    fn carried(&self) -> usize {
        self.side.given.carried
    }

    /// The snapshot that the log begins with; `None` where it has its own beginning.
    #[getter]
    fn began(&self) -> Option<u64> {
        self.side.began
    }

    /// Kernel times of the intents, ns, in their order.
    #[getter]
    fn intent_times_ns(&self) -> Vec<i64> {
        let inputs = self.side.given.inputs.iter();
        inputs.filter(|one| matches!(one.what, Standing::Intent(_))).map(|one| one.stamp_ns).collect()
    }

    /// Lists the live instruments at an engine with a simulated venue.
    fn list_at(&self, py: Python<'_>, engine: &Bound<'_, Engine>) -> Result<(), Error> {
        let shared = engine.get().shared();
        for spec in &self.side.given.specs {
            shared.play(Hold::Has(py), None, |engine| {
                engine.with_venue(|venue, _, _| venue.add_instrument(spec))
            })?;
            shared.put(py, Input::instrument(spec.clone()), None, Patience::Answer)?;
        }
        Ok(())
    }

    /// The kernel time of an input, ns; `None` behind the last.
    fn time_ns(&self, at: usize) -> Option<i64> {
        self.side.given.inputs.get(at).map(|one| one.stamp_ns)
    }

    /// Gives the engine each input from `at` on whose time is not after `until_ns`, at its time; `None` gives all. Returns
    /// the next one's place, and `(seq, code)` of the intents that the engine refused and live took.
    /// `marks` says whether it is given the marks that live heard: where its market has none of its own.
    #[pyo3(signature = (engine, at, until_ns=None, *, marks=false))]
    fn give(
        &self,
        py: Python<'_>,
        engine: &Bound<'_, Engine>,
        at: usize,
        until_ns: Option<i64>,
        marks: bool,
    ) -> Result<Gave, Error> {
        let shared = engine.get().shared();
        let (mut next, mut refused) = (at, Vec::new());
        while let Some(one) = self.side.given.inputs.get(next) {
            if until_ns.is_some_and(|until_ns| one.stamp_ns > until_ns) {
                break;
            }
            next += 1;
            let time_ns = Some(one.stamp_ns);
            let input = match &one.what {
                Standing::Intent(intent) => {
                    let own = self.side.given.as_named_by(intent, shared.open()?.core.kernel());
                    let given = shared.put(py, Input::Intent(Box::new(own)), time_ns, Patience::Answer)?;
                    let outcome = &given.answer.outcome;
                    if one.accepted && !outcome.accepted {
                        refused.push((one.seq, outcome.code.name()));
                    }
                    continue;
                }
                Standing::Funding(terms) => {
                    let (Some(rate), Some(next_ns)) = (terms.rate, terms.next_boundary_ns) else { continue };
                    let spec = self.side.given.specs.iter().find(|spec| spec.symbol == terms.symbol);
                    let usual = spec.map_or(28_800, |spec| spec.funding_interval_secs);
                    let interval_secs = terms.interval_secs.unwrap_or(usual);
                    shared.play(Hold::Has(py), time_ns, |engine| {
                        engine.with_venue(|venue, now_ns, out| {
                            if next_ns <= now_ns || spec.is_none() {
                                return Ok(());
                            }
                            venue.set_funding(now_ns, &terms.symbol, rate, next_ns, interval_secs, out)
                        })
                    })?;
                    continue;
                }
                Standing::Mark { symbol, price } => {
                    let is_listed = self.side.given.specs.iter().any(|spec| spec.symbol == *symbol);
                    if marks && is_listed {
                        shared.play(Hold::Has(py), time_ns, |engine| {
                            engine.with_venue(|venue, now_ns, out| venue.mark(now_ns, symbol, *price, out))
                        })?;
                    }
                    continue;
                }
                Standing::Control(change) => Input::Control(change.clone()),
                Standing::Edge(edge) => edge.clone(),
            };
            shared.put(py, input, time_ns, Patience::Answer)?;
        }
        Ok((next, refused))
    }

    /// Holds the twin's log against the live one: rows, results, and sums for what a backtest assumes.
    #[pyo3(signature = (log_dir, *, progress=None))]
    fn compare<'py>(
        &self,
        py: Python<'py>,
        log_dir: PathBuf,
        progress: Option<Py<PyAny>>,
    ) -> Result<Bound<'py, PyDict>, Error> {
        let disk = disk(log_dir);
        let twin = watched(py, progress.as_ref(), |watch| Side::read(&disk, Some(&self.side.marks), watch))?;
        let found = py.detach(|| compare(&self.side, &twin));
        Ok(comparison_dict(py, &found)?)
    }
}

fn comparison_dict<'py>(py: Python<'py>, found: &Comparison) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let rows = found.rows.iter().map(|row| row_dict(py, row)).collect::<PyResult<Vec<_>>>()?;
    dict.set_item("rows", PyList::new(py, rows)?)?;
    let results = PyDict::new(py);
    for (asset, [live, twin]) in &found.results {
        let pair = (number::get_money(py, *live)?, number::get_money(py, *twin)?);
        results.set_item(text::get_id(py, asset), pair)?;
    }
    dict.set_item("results", results)?;
    dict.set_item("trades", found.trades)?;
    dict.set_item("kinds", RowKind::ALL.map(RowKind::name))?;
    let estimates = &found.estimates;
    dict.set_item("answer_ns", &estimates.answer_ns)?;
    dict.set_item("taken", estimates.taken)?;
    dict.set_item("made", estimates.made)?;
    for (name, sums) in [("slippage", &estimates.slippage), ("queue", &estimates.queue)] {
        let by_asset = PyDict::new(py);
        for (asset, (part, whole)) in sums {
            let pair = (number::get_money(py, *part)?, number::get_money(py, *whole)?);
            by_asset.set_item(text::get_id(py, asset), pair)?;
        }
        dict.set_item(name, by_asset)?;
    }
    Ok(dict)
}

fn row_dict<'py>(py: Python<'py>, row: &Row) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("kind", row.kind.name())?;
    dict.set_item("trade_id", text::get_id(py, &row.trade_id))?;
    dict.set_item("symbol", text::get_id(py, &row.symbol))?;
    dict.set_item("asset", text::get_id(py, &row.asset))?;
    dict.set_item("begin_ns", row.begin_ns)?;
    dict.set_item("leg", row.enters.map(|enters| if enters { "entry" } else { "exit" }))?;
    dict.set_item("qty", number::get_optional(py, row.qty)?)?;
    dict.set_item("live_price", number::get_optional(py, row.prices.map(|(live, _)| live))?)?;
    dict.set_item("twin_price", number::get_optional(py, row.prices.map(|(_, twin)| twin))?)?;
    dict.set_item("later_ns", row.later_ns)?;
    dict.set_item("amount", row.amount.map(|amount| number::get_money(py, amount)).transpose()?)?;
    Ok(dict)
}
