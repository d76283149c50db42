//! The kernel's log: its settings, opening it, how it stands, closing it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dita_engine::{
    Engine as Shell, EngineConfig, EngineError, LogSettings, LogStanding, NOTE_BYTES_MAX, NOTES_MAX, Note,
    Port, Recovery, ReplayError, ReplayProgress, config_of,
};
use dita_kernel::kernel::Kernel;
use dita_log::{FileDisk, LogError, SyncPolicy, past};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{Engine, id};
use crate::errors::{Error, LogTrouble};
use crate::follow::LogReplica;
use crate::record::{Field, apply_changes};
use crate::{number, text};

/// The logger that tells operators of the log.
const LOGGER: &str = "dita.log";
/// How often a long replay says how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Where a log is, and how it is kept.
pub struct LogChoice {
    directory: PathBuf,
    settings: LogSettings,
    policy: Policy,
    delay_us_max: u64,
    records_max: u64,
    warm: Option<dita_engine::Warm>,
}

#[derive(Clone, Copy)]
enum Policy {
    Batch,
    Always,
    Off,
    Written,
    Queue,
}

#[rustfmt::skip]
const FIELDS: [Field<LogChoice>; 9] = [
    Field::required("log_dir", |c, n, v| { c.directory = v.extract().map_err(|_| Error::wrong_type(n, v, "str or os.PathLike"))?; Ok(()) }),
    Field::optional("log_policy", |c, n, v| { c.policy = read_policy(v, n)?; Ok(()) }),
    Field::optional("log_delay_us", |c, n, v| { c.delay_us_max = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("log_records", |c, n, v| { c.records_max = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("log_segment_bytes", |c, n, v| { c.settings.segment_bytes_max = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("log_snapshot_records", |c, n, v| { c.settings.snapshot_records = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("log_retained_bytes", |c, n, v| { c.settings.retained_bytes_max = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("log_follower_bytes", |c, n, v| { c.settings.follower_bytes_max = number::read_whole(v, n)?; Ok(()) }),
    Field::optional("log_replica", |c, n, v| { c.warm = read_replica(v, n)?; Ok(()) }),
];

fn read_policy(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Policy, Error> {
    match text::read_text(value, name)?.as_ref() {
        "batch" => Ok(Policy::Batch),
        "always" => Ok(Policy::Always),
        "off" => Ok(Policy::Off),
        "written" => Ok(Policy::Written),
        // A kernel's without a log: nobody else asks for it.
        "queue" => Ok(Policy::Queue),
        _ => Err(Error::value(name, value, "is none of batch, always, written, off")),
    }
}

fn read_replica(value: &Bound<'_, PyAny>, name: &'static str) -> Result<Option<dita_engine::Warm>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    let replica = value.cast::<LogReplica>().map_err(|_| Error::wrong_type(name, value, "LogReplica"))?;
    Ok(replica.get().give())
}

impl LogChoice {
    /// From keywords.
    pub fn read(keywords: &Bound<'_, PyDict>) -> Result<LogChoice, Error> {
        let mut choice = LogChoice {
            directory: PathBuf::new(),
            settings: LogSettings::default(),
            policy: Policy::Batch,
            delay_us_max: 0,
            records_max: 0,
            warm: None,
        };
        if let SyncPolicy::Batch { delay_us_max, records_max } = SyncPolicy::default() {
            (choice.delay_us_max, choice.records_max) = (delay_us_max, records_max);
        }
        apply_changes(&mut choice, &FIELDS, keywords)?;
        choice.settings.policy = match choice.policy {
            Policy::Batch => SyncPolicy::Batch {
                delay_us_max: choice.delay_us_max,
                records_max: choice.records_max.max(1),
            },
            Policy::Always => SyncPolicy::Always,
            Policy::Off => SyncPolicy::Off,
            Policy::Written | Policy::Queue => SyncPolicy::Written,
        };
        Ok(choice)
    }

    /// Opens an engine on the log, with the interpreter released. Ctrl-C stops a long replay.
    /// With `keeps_nonce` a log that is there already keeps its own instance nonce, whatever `config` says.
    pub fn open(
        mut self,
        py: Python<'_>,
        mut config: EngineConfig,
        port: Port,
        keeps_nonce: bool,
    ) -> Result<(Shell, Recovery), Error> {
        let mut teller = Teller { told: Instant::now(), interrupt: None };
        let opened = py.detach(|| {
            let disk = FileDisk::create(&self.directory).map_err(|error| {
                let file = self.directory.display().to_string();
                let (kind, cause) = (error.kind(), error.to_string());
                let error = LogError::Io { file, doing: "make the directory", kind, cause };
                EngineError::Replay(Box::new(ReplayError::Log(error)))
            })?;
            if matches!(self.policy, Policy::Queue) {
                return Shell::queued(config, port, Arc::new(disk), &self.settings);
            }
            // What is wrong with a log that does not say whose it is, its opening says better.
            if keeps_nonce && let Some(own) = past::identity(&disk).ok().as_deref().and_then(config_of) {
                config.kernel.instance_nonce = own.instance_nonce;
            }
            let progress = &mut |at| teller.tell(at);
            let warm = self.warm.take();
            Shell::take_over(config, port, Arc::new(disk), &self.settings, warm, progress)
        });
        match teller.interrupt {
            Some(interrupt) => Err(interrupt.into()),
            None => Ok(opened?),
        }
    }
}

/// Tells of a long replay, and listens for signals meanwhile.
struct Teller {
    told: Instant,
    interrupt: Option<PyErr>,
}

impl Teller {
    fn tell(&mut self, at: ReplayProgress) -> ControlFlow<()> {
        let told = Python::attach(|py| {
            // What a signal's handler takes counts as well.
            py.check_signals()?;
            if self.told.elapsed() < PROGRESS_INTERVAL {
                return Ok(());
            }
            self.told = Instant::now();
            log_progress(py, at)
        });
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(interrupt) => {
                self.interrupt = Some(interrupt);
                ControlFlow::Break(())
            }
        }
    }
}

fn log_progress(py: Python<'_>, at: ReplayProgress) -> PyResult<()> {
    let ReplayProgress { seq, bytes_done, bytes_all } = at;
    let logger = py.import("logging")?.call_method1("getLogger", (LOGGER,))?;
    let words = "replaying the log: %d of %d KiB, input %d";
    logger.call_method1("info", (words, bytes_done >> 10, bytes_all >> 10, seq))?;
    Ok(())
}

/// What is wrong with a log that does not open.
#[cold]
pub fn refusal(error: &ReplayError) -> Error {
    let trouble = match error {
        ReplayError::Log(LogError::Config { field, reason }) => {
            let (value, why) = reason.split_once(", ").unwrap_or(("", reason));
            return Error::text_value(setting(field), value, why);
        }
        ReplayError::Log(error) => trouble_of(error),
        ReplayError::Snapshot { .. } => LogTrouble::Corrupt,
        ReplayError::Record { .. } | ReplayError::Differs { .. } | ReplayError::Rules { .. } => {
            LogTrouble::Version
        }
        ReplayError::Identity { .. } | ReplayError::Shrinks { .. } => LogTrouble::Mismatch,
        ReplayError::Stopped { .. } => LogTrouble::Other,
    };
    Error::Log(trouble, error.to_string().into_boxed_str())
}

fn trouble_of(error: &LogError) -> LogTrouble {
    match error {
        LogError::Io { .. } => LogTrouble::Disk,
        LogError::Locked { .. } => LogTrouble::Locked,
        LogError::OtherLog { .. } => LogTrouble::Mismatch,
        LogError::NewerFormat { .. } => LogTrouble::Version,
        LogError::Corrupt { .. }
        | LogError::NoSnapshot { .. }
        | LogError::Removed { .. }
        | LogError::Cursor { .. } => LogTrouble::Corrupt,
        LogError::Moved { .. } | LogError::Poisoned { .. } => LogTrouble::Failed,
        LogError::TooLarge { .. } | LogError::Sequence { .. } | LogError::Config { .. } => LogTrouble::Other,
    }
}

/// The log's name of a setting as the kernel's.
fn setting(field: &'static str) -> &'static str {
    match field {
        "segment_bytes_max" => "log_segment_bytes",
        other => other,
    }
}

/// What opening a log found.
pub struct Recovered {
    recovery: Recovery,
    /// Kernel time of the last input, ns.
    last_ns: i64,
    /// Kernel time up to which the venue was heard, ns.
    heard_ns: i64,
}

impl Recovered {
    /// Of an engine that was just opened.
    pub fn of(recovery: Recovery, kernel: &Kernel) -> Recovered {
        let last_ns = kernel.now_ns();
        let heard_ns = kernel.disconnected_since_ns().unwrap_or(last_ns);
        Recovered { recovery, last_ns, heard_ns }
    }
}

fn recovery_dict<'py>(py: Python<'py>, found: &Recovered) -> PyResult<Bound<'py, PyDict>> {
    let Recovered { recovery, last_ns, heard_ns } = found;
    let dict = PyDict::new(py);
    dict.set_item("snapshot_seq", recovery.snapshot_seq)?;
    dict.set_item("replayed", recovery.replayed)?;
    dict.set_item("last_seq", recovery.last_seq)?;
    dict.set_item("last_ns", last_ns)?;
    dict.set_item("heard_ns", heard_ns)?;
    dict.set_item("epoch", recovery.epoch)?;
    let torn = recovery.torn.as_ref().map(|torn| {
        let dict = PyDict::new(py);
        dict.set_item("file", &torn.file)?;
        dict.set_item("offset", torn.offset)?;
        dict.set_item("seq", torn.seq)?;
        dict.set_item("bytes", torn.bytes)?;
        dict.set_item("reason", &torn.reason)?;
        PyResult::Ok(dict)
    });
    dict.set_item("torn", torn.transpose()?)?;
    dict.set_item("remarks", &recovery.remarks)?;
    Ok(dict)
}

fn standing_dict<'py>(py: Python<'py>, standing: &LogStanding) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("last_seq", standing.last_seq)?;
    dict.set_item("durable_seq", standing.durable_seq)?;
    dict.set_item("epoch", standing.epoch)?;
    dict.set_item("snapshots", PyList::new(py, &standing.snapshots)?)?;
    dict.set_item("sealed_segments", standing.sealed_segments)?;
    dict.set_item("index_bytes", standing.index_bytes)?;
    dict.set_item("sync_waits", standing.sync_waits)?;
    dict.set_item("sync_wait_ns", standing.sync_wait_ns)?;
    dict.set_item("snapshot_failure", standing.snapshot_failure.as_deref())?;
    Ok(dict)
}

#[pymethods]
impl Engine {
    /// What opening the log found; `None` without one.
    fn recovery<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.recovery.as_ref().map(|recovery| recovery_dict(py, recovery)).transpose()
    }

    /// Asks the venue about each order that may be at work, after a recovery. Returns what went wrong at the adapter: a
    /// list of (method, error).
    fn resume<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let troubles = self.shared.resume(py)?;
        Ok(PyList::new(py, troubles.into_iter().map(|trouble| (trouble.method(), trouble.why().to_owned())))?)
    }

    /// Why the followers of a kernel without a log get nothing more; `None` where they do.
    fn queue_failure(&self) -> Option<String> {
        self.shared.lock().core.queue_failure()
    }

    /// How the log stands; `None` without one.
    fn log_standing<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyDict>>, Error> {
        let standing = self.shared.settled()?.core.log_standing();
        Ok(standing.map(|standing| standing_dict(py, &standing)).transpose()?)
    }

    /// How many inputs wait to be taken.
    fn inbox_depth(&self) -> Result<usize, Error> {
        Ok(self.shared.settled()?.core.waiting())
    }

    /// Writes nothing to the log until `let_go`: what is taken meanwhile, and the notes on it, is durable together or not
    /// at all. What leaves to a venue outside is written before it all the same.
    fn hold(&self) -> Result<(), Error> {
        Ok(self.shared.hold()?)
    }

    /// Notes a text of at most 64 KiB under a name; `told_seq` is the last input that whoever asks has heard of.
    fn note(&self, name: &Bound<'_, PyAny>, text: &str, told_seq: u64) -> Result<(), Error> {
        if text.len() > NOTE_BYTES_MAX {
            let found = format!("{} bytes", text.len());
            return Err(Error::text_value("text", &found, "is more than 65,536 bytes"));
        }
        let name = id(name, "name")?;
        if name.is_empty() {
            return Err(Error::text_value("name", "", "must not be empty"));
        }
        let state = self.shared.open()?;
        if state.core.noted(&name).is_none() && state.core.notes() >= NOTES_MAX {
            return Err(Error::text_value(
                "name",
                name.as_str(),
                "would be one name more than 256 with a note",
            ));
        }
        let time_ns = state.latest_ns();
        drop(state);
        Ok(self.shared.note(name, Note { told_seq, time_ns, text: text.into() })?)
    }

    /// Ends `hold`: what was held is written, and synced as the log's policy says.
    fn let_go(&self, py: Python<'_>) -> Result<(), Error> {
        Ok(self.shared.let_go(py)?)
    }

    /// The newest note of a name: (text, told_seq, time in ns); `None` where there is none.
    fn noted(&self, name: &Bound<'_, PyAny>) -> Result<Option<(String, u64, i64)>, Error> {
        let name = id(name, "name")?;
        let state = self.shared.open()?;
        Ok(state.core.noted(&name).map(|note| (note.text.to_string(), note.told_seq, note.time_ns)))
    }

    /// Makes everything durable that was taken so far.
    fn sync(&self, py: Python<'_>) -> Result<(), Error> {
        Ok(self.shared.sync(py)?)
    }

    /// Closes the kernel: whatever is called after this raises KernelClosed. With a log, everything becomes durable and a
    /// snapshot is left. Closing again does nothing. Another thread that drains is waited for, where `patience_ms` is given
    /// at most so long: `False` where it still does.
    #[pyo3(signature = (patience_ms=None))]
    fn close(&self, py: Python<'_>, patience_ms: Option<u64>) -> Result<bool, Error> {
        Ok(self.shared.close(py, patience_ms.map(Duration::from_millis))?)
    }
}
