//! `dita torture`: seeds through the simulator that tries to break the kernel, with the interpreter released.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use dita_torture::faults::{FAULTS, FaultSet};
use dita_torture::{Campaign, Options, SeedReport, Shrunk, Summary, numbers, ranges, run, run_seed, shrink};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// The names of the faults, and what each does.
#[pyfunction]
pub fn torture_faults() -> Vec<(&'static str, &'static str)> {
    FAULTS.iter().map(|fault| (fault.name, fault.what)).collect()
}

fn options(
    inputs: u64,
    faults: Option<Vec<String>>,
    decisions: Option<&str>,
    tell: bool,
) -> PyResult<Options> {
    let only = faults.map(|names| FaultSet::named(names.iter().map(String::as_str)));
    let only = only.transpose().map_err(|name| PyValueError::new_err(format!("no such fault: {name}")))?;
    let decisions = decisions.map(numbers).transpose();
    let decisions =
        decisions.map_err(|part| PyValueError::new_err(format!("not a number or range: {part}")))?;
    Ok(Options { inputs, only, decisions, tell })
}

/// Runs so many seeds on so many threads. `progress` is called now and then with the seeds done, the seeds that failed
/// and the inputs so far; an exception that it raises, or a signal's, ends the work.
#[pyfunction]
#[pyo3(signature = (*, seeds, start, inputs, jobs, faults=None, progress=None))]
pub fn torture<'py>(
    py: Python<'py>,
    seeds: u64,
    start: u64,
    inputs: u64,
    jobs: usize,
    faults: Option<Vec<String>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let campaign = Campaign { start, seeds, jobs, options: options(inputs, faults, None, false)? };
    let mut interrupt: Option<PyErr> = None;
    let summary = py.detach(|| {
        run(&campaign, &mut |at| {
            let told = Python::attach(|py| {
                py.check_signals()?;
                match &progress {
                    Some(progress) => progress.call1(py, (at.done, at.failed, at.inputs)).map(drop),
                    None => Ok(()),
                }
            });
            match told {
                Ok(()) => ControlFlow::Continue(()),
                Err(raised) => {
                    interrupt = Some(raised);
                    ControlFlow::Break(())
                }
            }
        })
    });
    match interrupt {
        Some(raised) => Err(raised),
        None => summary_dict(py, &summary),
    }
}

fn summary_dict<'py>(py: Python<'py>, summary: &Summary) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("good", summary.is_good())?;
    dict.set_item("seeds", summary.seeds)?;
    dict.set_item("inputs", summary.inputs)?;
    dict.set_item("failed", summary.failed)?;
    let failures = PyList::empty(py);
    for report in &summary.failures {
        failures.append(report_dict(py, report)?)?;
    }
    dict.set_item("failures", failures)?;
    let count = |of: &BTreeMap<&'static str, u64>, name| of.get(name).copied().unwrap_or(0);
    let faults = PyList::empty(py);
    for fault in FAULTS {
        let row = PyDict::new(py);
        row.set_item("name", fault.name)?;
        row.set_item("seeds", count(&summary.enabled, fault.name))?;
        row.set_item("fired", count(&summary.fired, fault.name))?;
        faults.append(row)?;
    }
    dict.set_item("faults", faults)?;
    dict.set_item("silent", summary.silent())?;
    let namings = PyList::empty(py);
    for ((planted, named), times) in &summary.namings {
        namings.append((*planted, *named, *times))?;
    }
    dict.set_item("causes", namings)?;
    let figures = PyList::empty(py);
    for (figure, [held, open]) in summary.compared.all() {
        figures.append((figure, held, open))?;
    }
    dict.set_item("figures", figures)?;
    dict.set_item("cells", summary.cells.len())?;
    dict.set_item("cells_all", Summary::cells_all())?;
    dict.set_item("chain", summary.chain_text())?;
    Ok(dict)
}

fn report_dict<'py>(py: Python<'py>, report: &SeedReport) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("seed", report.seed)?;
    dict.set_item("inputs", report.inputs)?;
    dict.set_item("faults", report.faults.names())?;
    dict.set_item("check", report.trouble.as_ref().map(|trouble| &trouble.check))?;
    dict.set_item("what", report.trouble.as_ref().map(|trouble| &trouble.what))?;
    dict.set_item("story", &report.story)?;
    Ok(dict)
}

/// Runs one seed; with `shorten` a failure is made as short as it goes, which takes up to some minutes.
#[pyfunction]
#[pyo3(signature = (seed, *, inputs, faults=None, decisions=None, tell=false, shorten=false))]
pub fn torture_seed<'py>(
    py: Python<'py>,
    seed: u64,
    inputs: u64,
    faults: Option<Vec<String>>,
    decisions: Option<String>,
    tell: bool,
    shorten: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let options = options(inputs, faults, decisions.as_deref(), tell)?;
    let (report, shrunk) = py.detach(|| {
        let report = run_seed(seed, &options);
        let shrunk = if shorten && report.trouble.is_some() { shrink(seed, &options) } else { None };
        (report, shrunk)
    });
    let dict = report_dict(py, &report)?;
    dict.set_item("shrunk", shrunk.map(|shrunk| shrunk_dict(py, &shrunk)).transpose()?)?;
    Ok(dict)
}

fn shrunk_dict<'py>(py: Python<'py>, shrunk: &Shrunk) -> PyResult<Bound<'py, PyDict>> {
    let dict = report_dict(py, &shrunk.report)?;
    dict.set_item("decisions", ranges(&shrunk.decisions))?;
    dict.set_item("decisions_left", shrunk.decisions.len())?;
    dict.set_item("decisions_before", shrunk.decisions_before)?;
    dict.set_item("runs", shrunk.runs)?;
    Ok(dict)
}
