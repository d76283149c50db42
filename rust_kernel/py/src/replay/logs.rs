//! A log as such: whether it is whole, and what is in it.

use std::path::PathBuf;

use dita_engine::{ReplayCheck, ReplayProgress, each_note, kind_name, replay_check};
use dita_log::{LogError, VerifyReport, verify};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::hex;
use super::watch::{disk, watched};
use crate::engine::log::refusal;
use crate::errors::Error;

/// The bytes of a log between two words about how far its verification is.
const PROGRESS_BYTES: u64 = 8 << 20;

/// Verifies a log: each checksum, each sequence number, each link of the chain, and each snapshot; with `replay` also
/// that each input comes to what it came to, and to the snapshots' states. Corruption is in the answer, not an exception.
#[pyfunction]
#[pyo3(signature = (log_dir, *, replay=false, progress=None))]
pub fn verify_log<'py>(
    py: Python<'py>,
    log_dir: PathBuf,
    replay: bool,
    progress: Option<Py<PyAny>>,
) -> Result<Bound<'py, PyDict>, Error> {
    let disk = disk(log_dir);
    let found = watched(py, progress.as_ref(), |watch| {
        let mut next = PROGRESS_BYTES;
        // A verification has no way out in its middle: what the listener raises ends it afterwards.
        let mut listening = true;
        let verified = verify(&disk, None, &mut |bytes_done, bytes_all| {
            if listening && bytes_done >= next {
                next = bytes_done.saturating_add(PROGRESS_BYTES);
                listening = watch(ReplayProgress { seq: 0, bytes_done, bytes_all }).is_continue();
            }
        });
        match verified {
            Ok(report) => {
                let check = if replay { Some(replay_check(&disk, watch)?) } else { None };
                Ok(Ok((report, check)))
            }
            Err(LogError::Corrupt { file, offset, seq, reason }) => Ok(Err((file, offset, seq, reason))),
            Err(error) => Err(error.into()),
        }
    })?;
    let dict = PyDict::new(py);
    match found {
        Ok((report, check)) => {
            dict.set_item("good", check.as_ref().is_none_or(ReplayCheck::is_good))?;
            dict.set_item("damage", py.None())?;
            report_into(&dict, &report)?;
            dict.set_item("replay", check.map(|check| check_dict(py, &check)).transpose()?)?;
        }
        Err((file, offset, seq, reason)) => {
            let damage = PyDict::new(py);
            damage.set_item("file", file)?;
            damage.set_item("offset", offset)?;
            damage.set_item("seq", seq)?;
            damage.set_item("reason", reason)?;
            dict.set_item("good", false)?;
            dict.set_item("damage", damage)?;
        }
    }
    Ok(dict)
}

fn report_into(dict: &Bound<'_, PyDict>, report: &VerifyReport) -> PyResult<()> {
    let py = dict.py();
    dict.set_item("identity", &report.identity)?;
    let mut segments = Vec::new();
    for segment in &report.segments {
        let row = PyDict::new(py);
        row.set_item("file", &segment.name)?;
        row.set_item("first_seq", segment.first_seq)?;
        row.set_item("last_seq", segment.last_seq)?;
        row.set_item("bytes", segment.bytes)?;
        row.set_item("rules_version", segment.rules_version)?;
        segments.push(row);
    }
    dict.set_item("segments", segments)?;
    dict.set_item("bytes", report.bytes)?;
    dict.set_item("records", report.records)?;
    dict.set_item("first_seq", report.seq_range.map(|(first, _)| first))?;
    dict.set_item("last_seq", report.seq_range.map(|(_, last)| last))?;
    dict.set_item("durable_seq", report.durable_seq)?;
    dict.set_item("first_ns", report.ts_range_ns.map(|(first, _)| first))?;
    dict.set_item("last_ns", report.ts_range_ns.map(|(_, last)| last))?;
    dict.set_item("epochs", report.epochs.len())?;
    let mut snapshots = Vec::new();
    for (seq, bytes) in &report.snapshots {
        let row = PyDict::new(py);
        row.set_item("seq", seq)?;
        row.set_item("bytes", bytes)?;
        snapshots.push(row);
    }
    dict.set_item("snapshots", snapshots)?;
    dict.set_item("index_files", report.indexes.0)?;
    dict.set_item("index_keys", report.indexes.1)?;
    let torn = report.torn.as_ref().map(|torn| {
        let row = PyDict::new(py);
        row.set_item("file", &torn.file)?;
        row.set_item("offset", torn.offset)?;
        row.set_item("seq", torn.seq)?;
        row.set_item("bytes", torn.bytes)?;
        row.set_item("records_behind", torn.records_behind)?;
        row.set_item("reason", &torn.reason)?;
        PyResult::Ok(row)
    });
    dict.set_item("torn", torn.transpose()?)?;
    dict.set_item("remarks", &report.remarks)
}

fn check_dict<'py>(py: Python<'py>, check: &ReplayCheck) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("began", check.began)?;
    dict.set_item("replayed", check.replayed)?;
    dict.set_item("state_hash", hex(&check.state_hash))?;
    dict.set_item("differences_all", check.differences_all)?;
    let mut differences = Vec::new();
    for difference in &check.differences {
        let row = PyDict::new(py);
        row.set_item("seq", difference.seq)?;
        row.set_item("accepted_then", difference.then)?;
        row.set_item("accepted_now", difference.now)?;
        differences.push(row);
    }
    dict.set_item("differences", differences)?;
    let mut snapshots = Vec::new();
    for (seq, same) in &check.snapshots {
        let row = PyDict::new(py);
        row.set_item("seq", seq)?;
        row.set_item("same", same)?;
        snapshots.push(row);
    }
    dict.set_item("snapshots", snapshots)?;
    Ok(dict)
}

/// Counts what is in a log; everything is verified on the way, and corruption raises LogCorrupt.
#[pyfunction]
#[pyo3(signature = (log_dir, *, progress=None))]
pub fn log_stats<'py>(
    py: Python<'py>,
    log_dir: PathBuf,
    progress: Option<Py<PyAny>>,
) -> Result<Bound<'py, PyDict>, Error> {
    let disk = disk(log_dir);
    let stats = watched(py, progress.as_ref(), |watch| dita_engine::log_stats(&disk, watch))?;
    let report = py.detach(|| verify(&disk, None, &mut |_, _| {}));
    let report = report.map_err(|error| refusal(&error.into()))?;
    let dict = PyDict::new(py);
    report_into(&dict, &report)?;
    dict.set_item("rules_version", stats.rules_version)?;
    let kinds = PyList::empty(py);
    for (kind, counted) in &stats.kinds {
        let row = PyDict::new(py);
        row.set_item("type", kind_name(*kind))?;
        row.set_item("records", counted.records)?;
        row.set_item("refused", counted.refused)?;
        row.set_item("bytes", counted.bytes)?;
        kinds.append(row)?;
    }
    dict.set_item("types", kinds)?;
    let epochs = PyList::empty(py);
    for epoch in &stats.epochs {
        let row = PyDict::new(py);
        row.set_item("epoch", epoch.epoch)?;
        row.set_item("first_seq", epoch.first_seq)?;
        row.set_item("last_seq", epoch.last_seq)?;
        row.set_item("first_ns", epoch.first_ns)?;
        row.set_item("last_ns", epoch.last_ns)?;
        epochs.append(row)?;
    }
    dict.set_item("epochs", epochs)?;
    let largest = PyList::empty(py);
    for record in &stats.largest {
        let row = PyDict::new(py);
        row.set_item("seq", record.seq)?;
        row.set_item("type", kind_name(record.kind))?;
        row.set_item("bytes", record.bytes)?;
        largest.append(row)?;
    }
    dict.set_item("largest", largest)?;
    let busiest = stats.busiest.map(|(time_ns, records)| {
        let row = PyDict::new(py);
        row.set_item("time_ns", time_ns)?;
        row.set_item("records", records)?;
        PyResult::Ok(row)
    });
    dict.set_item("busiest_second", busiest.transpose()?)?;
    Ok(dict)
}

/// Every note that a log still has, oldest first: tuples of number, kernel time in ns, name and text.
#[pyfunction]
pub fn read_notes(py: Python<'_>, log_dir: PathBuf) -> Result<Vec<(u64, i64, String, String)>, Error> {
    let mut found = Vec::new();
    py.detach(|| {
        each_note(&disk(log_dir), &mut |(seq, name, note)| {
            found.push((seq, note.time_ns, name.as_str().to_owned(), note.text.into()));
        })
    })
    .map_err(|error| refusal(&error))?;
    Ok(found)
}
