//! Long work on a log, with the interpreter released: how far it is, and Ctrl-C.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use dita_engine::{ReplayError, ReplayProgress, ReplayWatch, SharedDisk};
use dita_log::FileDisk;
use pyo3::prelude::*;

use crate::engine::log::refusal;
use crate::errors::Error;

/// The directory of a log, to be read.
pub fn disk(log_dir: PathBuf) -> SharedDisk {
    Arc::new(FileDisk::existing(log_dir))
}

/// Works on a log without the interpreter. `progress` is called now and then with the last input, the bytes read and
/// all of them; an exception that it raises, or a signal's, ends the work.
pub fn watched<R: Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    work: impl FnOnce(&mut ReplayWatch<'_>) -> Result<R, ReplayError> + Send,
) -> Result<R, Error> {
    let mut interrupt: Option<PyErr> = None;
    let done = py.detach(|| {
        let mut tell = |at: ReplayProgress| match told(progress, at) {
            Ok(()) => ControlFlow::Continue(()),
            Err(raised) => {
                interrupt = Some(raised);
                ControlFlow::Break(())
            }
        };
        work(&mut tell)
    });
    match interrupt {
        Some(raised) => Err(raised.into()),
        None => done.map_err(|error| refusal(&error)),
    }
}

fn told(progress: Option<&Py<PyAny>>, at: ReplayProgress) -> PyResult<()> {
    Python::attach(|py| {
        py.check_signals()?;
        match progress {
            Some(progress) => progress.call1(py, (at.seq, at.bytes_done, at.bytes_all)).map(drop),
            None => Ok(()),
        }
    })
}
