//! What can go wrong at the border, and the Python exception each becomes.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

/// How much a message shows of a value, and of a key that names a field, in characters.
pub const SHOWN_CHARS_MAX: usize = 80;

/// A value that cannot be taken: which field, the value itself, and why.
pub struct Bad {
    field: Cow<'static, str>,
    value: Option<Py<PyAny>>,
    why: String,
}

/// Every error that the bindings raise by themselves.
pub enum Error {
    /// The right type with a value that cannot be taken. `InvalidInput`, also a `ValueError`.
    Value(Box<Bad>),
    /// The wrong type. `InvalidType`, also a `TypeError`.
    Type(Box<Bad>),
    /// The kernel was closed. `KernelClosed`.
    Closed,
    /// The kernel belongs to another process, which this one was forked from. `KernelClosed`.
    Forked(Box<str>),
    /// The kernel cannot do this yet. `NotYetSupported`, also a `NotImplementedError`.
    NotYetSupported(Box<str>),
    /// A step panicked: the state in memory is not to be trusted any more. `KernelPoisoned`.
    Poisoned(Box<str>),
    /// The bounded inbox has no room. `InboxFull`.
    InboxFull(Box<str>),
    /// A whole-state check found an invariant broken. `InvariantViolation`, `invariant` is its number.
    Invariant(u8, &'static str),
    /// Something is wrong with the log. `LogError` or the one of its subclasses that says what can be done.
    Log(LogTrouble, Box<str>),
    /// Something is wrong with a plane in shared memory. `ZincError`.
    Zinc(Box<str>),
    /// A kernel's server is not there, or does not do what it is asked. `LinkError` or one of its subclasses.
    Link(Box<LinkTrouble>),
    /// A venue adapter broke its contract. `VenueAdapterError`, raised from its cause where there is one.
    VenueAdapter(Box<str>, Option<Box<PyErr>>),
    /// An exception that Python code raised and that passes through.
    Python(Box<PyErr>),
}

/// What is wrong between a program and a kernel's server.
#[derive(Clone, PartialEq, Debug)]
pub enum LinkTrouble {
    /// Nobody answers, or not in time. `ServerAway`.
    Away(String),
    /// It says no, and why. `ServerRefused`, or `LeaseHeld` with the process and since when, ns.
    Refused {
        /// The reason's public name.
        code: &'static str,
        /// What is wrong and what to do.
        text: Box<str>,
        /// Who holds the lease; 0 where nobody does.
        pid: u32,
        /// Since when, ns since 1970.
        since_ns: i64,
    },
    /// It cannot serve. `LinkError`.
    Other(String),
}

/// What is wrong with a log, by what a person can do about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogTrouble {
    /// Nothing of the below. `LogError`.
    Other,
    /// Another process has it open. `LogLocked`.
    Locked,
    /// Damaged. `LogCorrupt`.
    Corrupt,
    /// Another kernel's. `LogMismatch`.
    Mismatch,
    /// Another version's. `LogVersion`.
    Version,
    /// The system refused a file. `LogDisk`.
    Disk,
    /// It failed at work. `LogFailed`.
    Failed,
}

impl Error {
    /// `field: value why`, for a value of the right type.
    #[cold]
    pub fn value(field: impl Into<Cow<'static, str>>, value: &Bound<'_, PyAny>, why: &str) -> Error {
        let field = cut(field.into());
        let why = format!("{field}: {} {why}", shown(value));
        Error::Value(Box::new(Bad { field, value: Some(value.clone().unbind()), why }))
    }

    /// `field: expected wanted, got type`.
    #[cold]
    pub fn wrong_type(field: impl Into<Cow<'static, str>>, value: &Bound<'_, PyAny>, wanted: &str) -> Error {
        let field = cut(field.into());
        let got = value.get_type().qualname().map(|name| name.to_string()).unwrap_or_else(|_| "?".into());
        let why = format!("{field}: expected {wanted}, got {got} {}", shown(value));
        Error::Type(Box::new(Bad { field, value: Some(value.clone().unbind()), why }))
    }

    /// `field: value why`, for a value that is only known as text.
    #[cold]
    pub fn text_value(field: impl Into<Cow<'static, str>>, value: &str, why: &str) -> Error {
        let field = cut(field.into());
        let why = format!("{field}: {} {why}", cut(value.into()));
        let value = Python::attach(|py| PyString::new(py, value).into_any().unbind());
        Error::Value(Box::new(Bad { field, value: Some(value), why }))
    }

    /// A field that must be there and is not.
    #[cold]
    pub fn missing(field: &'static str) -> Error {
        Error::Value(Box::new(Bad { field: field.into(), value: None, why: format!("{field}: is required") }))
    }

    /// The same, of a field that lies inside of another: `place` and its separator stand in front of the name.
    #[cold]
    #[must_use]
    pub fn within(self, place: &str) -> Error {
        let place = cut(place.into());
        let moved = |bad: Box<Bad>| {
            let field = Cow::Owned(format!("{place}{}", bad.field));
            Box::new(Bad { field, value: bad.value, why: format!("{place}{}", bad.why) })
        };
        match self {
            Error::Value(bad) => Error::Value(moved(bad)),
            Error::Type(bad) => Error::Type(moved(bad)),
            other @ (Error::Closed
            | Error::Forked(_)
            | Error::NotYetSupported(_)
            | Error::Poisoned(_)
            | Error::InboxFull(_)
            | Error::Invariant(..)
            | Error::Log(..)
            | Error::Zinc(_)
            | Error::Link(_)
            | Error::VenueAdapter(..)
            | Error::Python(_)) => other,
        }
    }
}

/// A value as an error's text shows it: its `repr`, cut at `SHOWN_CHARS_MAX`. Never fails.
#[pyfunction]
pub fn shown(value: &Bound<'_, PyAny>) -> String {
    // A huge int's repr is refused by Python itself, and a class may break its own.
    let text = match value.repr() {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => "<a value that cannot be shown>".into(),
    };
    cut(text.into()).into_owned()
}

/// A text as an error shows it, for example a key that names a field: cut at `SHOWN_CHARS_MAX`.
#[pyfunction]
#[pyo3(name = "cut")]
fn cut_text(text: &Bound<'_, PyString>) -> String {
    cut(text.to_string_lossy()).into_owned()
}

/// The one place where what errors show is cut.
fn cut(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => text,
    }
}

impl From<PyErr> for Error {
    #[cold]
    fn from(error: PyErr) -> Error {
        Error::Python(Box::new(error))
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        if let Error::Python(error) = error {
            return *error;
        }
        Python::attach(|py| raise(py, error).unwrap_or_else(|broken| broken))
    }
}

fn raise(py: Python<'_>, error: Error) -> PyResult<PyErr> {
    let classes = classes(py)?;
    let plain =
        |class: &Py<PyType>, message: &str| PyErr::from_type(class.bind(py).clone(), (message.to_owned(),));
    Ok(match error {
        Error::Value(bad) => bad_value(py, &classes.invalid_input, *bad)?,
        Error::Type(bad) => bad_value(py, &classes.invalid_type, *bad)?,
        Error::Closed => plain(&classes.closed, "the kernel is closed"),
        Error::Forked(why) => plain(&classes.closed, &why),
        Error::NotYetSupported(what) => plain(&classes.not_yet_supported, &what),
        Error::Poisoned(why) => plain(&classes.poisoned, &why),
        Error::InboxFull(why) => plain(&classes.inbox_full, &why),
        Error::Invariant(number, what) => {
            let raised = plain(&classes.invariant_violation, &format!("I{number}: {what}"));
            raised.value(py).setattr("invariant", number)?;
            raised
        }
        Error::Log(trouble, why) => plain(classes.log(trouble), &why),
        Error::Zinc(why) => plain(&classes.zinc_error, &why),
        Error::Link(trouble) => match *trouble {
            LinkTrouble::Away(why) => plain(&classes.server_away, &why),
            LinkTrouble::Other(why) => plain(&classes.link_error, &why),
            LinkTrouble::Refused { code, text, pid, since_ns } => {
                let held = code == "LEASE_HELD";
                let raised = plain(if held { &classes.lease_held } else { &classes.server_refused }, &text);
                raised.value(py).setattr("code", code)?;
                if held {
                    raised.value(py).setattr("pid", pid)?;
                    raised.value(py).setattr("since_ns", since_ns)?;
                }
                raised
            }
        },
        Error::VenueAdapter(why, cause) => {
            let raised = plain(&classes.venue_adapter, &why);
            raised.set_cause(py, cause.map(|cause| *cause));
            raised
        }
        Error::Python(error) => *error,
    })
}

fn bad_value(py: Python<'_>, class: &Py<PyType>, bad: Bad) -> PyResult<PyErr> {
    let exception = class.bind(py).call1((bad.why,))?;
    exception.setattr("field", bad.field.as_ref())?;
    exception.setattr("value", bad.value)?;
    Ok(PyErr::from_value(exception))
}

struct Classes {
    kernel_error: Py<PyType>,
    invalid_input: Py<PyType>,
    invalid_type: Py<PyType>,
    closed: Py<PyType>,
    not_yet_supported: Py<PyType>,
    poisoned: Py<PyType>,
    inbox_full: Py<PyType>,
    venue_adapter: Py<PyType>,
    invariant_violation: Py<PyType>,
    not_sent: Py<PyType>,
    log_error: Py<PyType>,
    log_locked: Py<PyType>,
    log_corrupt: Py<PyType>,
    log_mismatch: Py<PyType>,
    log_version: Py<PyType>,
    log_disk: Py<PyType>,
    log_failed: Py<PyType>,
    zinc_error: Py<PyType>,
    link_error: Py<PyType>,
    server_away: Py<PyType>,
    server_refused: Py<PyType>,
    lease_held: Py<PyType>,
}

impl Classes {
    fn log(&self, trouble: LogTrouble) -> &Py<PyType> {
        match trouble {
            LogTrouble::Other => &self.log_error,
            LogTrouble::Locked => &self.log_locked,
            LogTrouble::Corrupt => &self.log_corrupt,
            LogTrouble::Mismatch => &self.log_mismatch,
            LogTrouble::Version => &self.log_version,
            LogTrouble::Disk => &self.log_disk,
            LogTrouble::Failed => &self.log_failed,
        }
    }
}

static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();

fn classes(py: Python<'_>) -> PyResult<&'static Classes> {
    CLASSES.get_or_try_init(py, || build(py))
}

fn build(py: Python<'_>) -> PyResult<Classes> {
    let builtins = py.import("builtins")?;
    let builtin = |name: &str| builtins.getattr(name);
    let define = |name: &str,
                  bases: &[&Bound<'_, PyAny>],
                  doc: &str,
                  names_a_value: bool|
     -> PyResult<Py<PyType>> {
        let namespace = PyDict::new(py);
        namespace.set_item("__module__", "dita._kernel")?;
        namespace.set_item("__doc__", doc)?;
        if names_a_value {
            namespace.set_item("field", "")?;
            namespace.set_item("value", py.None())?;
        }
        let made =
            py.get_type::<PyType>().call1((PyString::new(py, name), PyTuple::new(py, bases)?, namespace))?;
        Ok(made.cast_into::<PyType>()?.unbind())
    };
    let kernel_error = define(
        "KernelError",
        &[&builtin("Exception")?],
        "Base of every error that the kernel raises.",
        false,
    )?;
    let base = kernel_error.bind(py).as_any();
    let poisoned = define(
        "KernelPoisoned",
        &[base],
        "A step failed half way: the state in memory is not to be trusted. Reopen the kernel from its log.",
        false,
    )?;
    let link_error =
        define("LinkError", &[base], "Something is wrong between a program and a kernel's server.", false)?;
    let link = link_error.bind(py).as_any();
    let server_refused = define(
        "ServerRefused",
        &[link],
        "The kernel's server does not do that. `code` is the reason's name.",
        false,
    )?;
    server_refused.bind(py).setattr("code", "")?;
    let lease_held = define(
        "LeaseHeld",
        &[server_refused.bind(py).as_any()],
        "Another process holds the lease. `pid` is its id, `since_ns` since when, ns since 1970.",
        false,
    )?;
    lease_held.bind(py).setattr("pid", 0)?;
    lease_held.bind(py).setattr("since_ns", 0)?;
    let log_error = define("LogError", &[base], "Something is wrong with the log, or with its use.", false)?;
    let log = log_error.bind(py).as_any();
    let log_class = |name: &str, doc: &str| define(name, &[log], doc, false);
    Ok(Classes {
        log_locked: log_class(
            "LogLocked",
            "Another process, or another kernel of this one, has the log open. Stop it, or use another directory.",
        )?,
        log_corrupt: log_class(
            "LogCorrupt",
            "What was durable is damaged or gone; the text says where. Nothing was changed: restore a copy.",
        )?,
        log_mismatch: log_class(
            "LogMismatch",
            "The log belongs to a kernel with other settings. Give each kernel a directory of its own.",
        )?,
        log_version: log_class(
            "LogVersion",
            "The log was written by another version. Open it with that one.",
        )?,
        log_disk: log_class(
            "LogDisk",
            "The system refused a file of the log: no permission, no space, a read-only disk.",
        )?,
        log_failed: define(
            "LogFailed",
            &[log, poisoned.bind(py).as_any()],
            "The log failed at work: nothing more is taken, and nothing has left whose cause is not durable. \
             Close the kernel, put the disk right, and open the log again.",
            false,
        )?,
        server_away: define(
            "ServerAway",
            &[link],
            "No server answers, or not in time. What was sent may have been taken or not: send it again under its own id.",
            false,
        )?,
        server_refused,
        lease_held,
        link_error,
        log_error,
        zinc_error: define(
            "ZincError",
            &[base],
            "A plane in shared memory cannot be made, read or written; the text names its file and says why.",
            false,
        )?,
        invalid_input: define(
            "InvalidInput",
            &[base, &builtin("ValueError")?],
            "A value that the kernel cannot take. `field` names it, `value` is it.",
            true,
        )?,
        invalid_type: define(
            "InvalidType",
            &[base, &builtin("TypeError")?],
            "A value of a type that the kernel cannot take. `field` names it, `value` is it.",
            true,
        )?,
        closed: define(
            "KernelClosed",
            &[base],
            "The kernel was closed, or belongs to the process that this one was forked from.",
            false,
        )?,
        not_yet_supported: define(
            "NotYetSupported",
            &[base, &builtin("NotImplementedError")?],
            "This version of the kernel cannot do this yet.",
            false,
        )?,
        poisoned,
        inbox_full: define("InboxFull", &[base], "The bounded inbox has no room for another input.", false)?,
        venue_adapter: define("VenueAdapterError", &[base], "A venue adapter broke its contract.", false)?,
        invariant_violation: define(
            "InvariantViolation",
            &[base],
            "The state contradicts itself. `invariant` is the invariant's number, 1 to 10.",
            false,
        )?,
        not_sent: define(
            "NotSent",
            &[base],
            "Raised by a venue adapter whose request surely never left: nothing is in doubt.",
            false,
        )?,
        kernel_error,
    })
}

/// True for the exception by which an adapter says that its request surely never left.
pub fn is_not_sent(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    Ok(error.is_instance(py, classes(py)?.not_sent.bind(py)))
}

/// True for the exception by which something says that it cannot do that.
pub fn is_not_yet_supported(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    Ok(error.is_instance(py, classes(py)?.not_yet_supported.bind(py)))
}

/// Adds the exceptions to the module, and what cuts the values that they show.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("SHOWN_CHARS_MAX", SHOWN_CHARS_MAX)?;
    module.add_function(wrap_pyfunction!(shown, module)?)?;
    module.add_function(wrap_pyfunction!(cut_text, module)?)?;
    let classes = classes(py)?;
    for class in [
        &classes.kernel_error,
        &classes.invalid_input,
        &classes.invalid_type,
        &classes.closed,
        &classes.not_yet_supported,
        &classes.poisoned,
        &classes.inbox_full,
        &classes.venue_adapter,
        &classes.invariant_violation,
        &classes.not_sent,
        &classes.log_error,
        &classes.log_locked,
        &classes.log_corrupt,
        &classes.log_mismatch,
        &classes.log_version,
        &classes.log_disk,
        &classes.log_failed,
        &classes.zinc_error,
        &classes.link_error,
        &classes.server_away,
        &classes.server_refused,
        &classes.lease_held,
    ] {
        let class = class.bind(py);
        module.add(class.name()?, class)?;
    }
    Ok(())
}
