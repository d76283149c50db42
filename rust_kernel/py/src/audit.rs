//! The audit ledger: written by a follower, verified and proven by anybody.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_audit::{Head, Ledger, LedgerError, Side, Verdict, hex, unhex};
use dita_engine::{JournalBlock, TABLES};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::errors::{Error, LogTrouble};

fn failed(error: &LedgerError) -> Error {
    let trouble = match error {
        LedgerError::Disk(..) => LogTrouble::Disk,
        LedgerError::Fault(_) | LedgerError::Block(_) => LogTrouble::Corrupt,
        LedgerError::Other { .. } => LogTrouble::Mismatch,
    };
    Error::Log(trouble, error.to_string().into_boxed_str())
}

fn unread(folder: &std::path::Path, error: &std::io::Error) -> Error {
    Error::Log(LogTrouble::Disk, format!("{}: {error}", folder.display()).into_boxed_str())
}

/// A ledger that is written, in a folder of its own.
#[pyclass(frozen, module = "dita._kernel")]
pub struct AuditLedger {
    ledger: Mutex<Ledger>,
}

impl AuditLedger {
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// A signature that Python can read needs a literal; this holds it to the crate's own figure.
const _: () = assert!(dita_audit::RECORDS_PER_FILE == 1_000_000);

#[pymethods]
impl AuditLedger {
    /// Opens a folder's ledger, verified, or begins one; what was not wholly written is cut off.
    #[new]
    #[pyo3(signature = (folder, kernel, *, records_per_file=1_000_000))]
    fn new(
        py: Python<'_>,
        folder: PathBuf,
        kernel: &str,
        records_per_file: u64,
    ) -> Result<AuditLedger, Error> {
        let per_file = records_per_file.max(1);
        let ledger =
            py.detach(|| Ledger::open_with(&folder, kernel, per_file)).map_err(|error| failed(&error))?;
        Ok(AuditLedger { ledger: Mutex::new(ledger) })
    }

    /// Writes a batch's blocks, and returns how many records they made.
    fn write(&self, py: Python<'_>, blocks: Vec<(String, usize, Vec<u8>)>) -> Result<u64, Error> {
        let known = |name: &str| TABLES.iter().map(|(table, _)| *table).find(|table| *table == name);
        let block = |(table, rows, bytes): (String, usize, Vec<u8>)| {
            known(&table).map(|table| JournalBlock { table, rows, bytes })
        };
        let blocks: Vec<JournalBlock> = blocks.into_iter().filter_map(block).collect();
        py.detach(|| self.lock().write(&blocks)).map_err(|error| failed(&error))
    }

    /// The last input whose records are written; 0 for none.
    #[getter]
    fn seq(&self) -> u64 {
        self.lock().seq()
    }

    /// How many records it has.
    #[getter]
    fn records(&self) -> u64 {
        self.lock().records()
    }

    /// The Merkle root of its records, as text.
    #[getter]
    fn root(&self) -> String {
        hex(&self.lock().root())
    }
}

/// Verifies a folder's ledger. `head` is how many records a head that was kept elsewhere has, and its root.
///
/// Gives a dict: `fault` (file, line, what), or what the ledger holds.
#[pyfunction]
#[pyo3(signature = (folder, head=None))]
pub fn audit_verify<'py>(
    py: Python<'py>,
    folder: PathBuf,
    head: Option<(u64, String)>,
) -> Result<Bound<'py, PyDict>, Error> {
    let head = match head {
        None => None,
        Some((records, root)) => match unhex(root.as_bytes()) {
            Some(root) => Some(Head { records, root }),
            None => {
                let text = format!("head: root is {root:?}, and must be 64 lower-case hexadecimal digits");
                return Err(Error::Log(LogTrouble::Corrupt, text.into_boxed_str()));
            }
        },
    };
    let verdict =
        py.detach(|| dita_audit::verify(&folder, head.as_ref())).map_err(|error| unread(&folder, &error))?;
    let dict = PyDict::new(py);
    match verdict {
        Verdict::Bad(fault) => dict.set_item("fault", (fault.file, fault.line, fault.what))?,
        Verdict::Good(report) => {
            dict.set_item("fault", py.None())?;
            dict.set_item("kernel", report.kernel)?;
            dict.set_item("records", report.records)?;
            dict.set_item("executions", report.executions)?;
            dict.set_item("seq", report.seq)?;
            dict.set_item("last_hash", hex(&report.last))?;
            dict.set_item("root", hex(&report.root))?;
            dict.set_item("unfinished", report.unfinished)?;
            dict.set_item("headed", report.headed)?;
        }
    }
    Ok(dict)
}

/// The root of a folder's records, how many there are, and a trade's records: number, line, the execution's line or None,
/// and the path to the root as (side, hash). It does not verify.
#[pyfunction]
pub fn audit_prove<'py>(
    py: Python<'py>,
    folder: PathBuf,
    trade_id: &str,
) -> Result<(String, u64, Bound<'py, PyList>), Error> {
    let (root, records, proven) =
        py.detach(|| dita_audit::prove(&folder, trade_id)).map_err(|error| unread(&folder, &error))?;
    let side = |side| match side {
        Side::Left => "left",
        Side::Right => "right",
    };
    let found = PyList::empty(py);
    for one in proven {
        let path: Vec<_> = one.path.iter().map(|(at, hash)| (side(*at), hex(hash))).collect();
        found.append((one.number, one.line, one.execution, path))?;
    }
    Ok((hex(&root), records, found))
}
