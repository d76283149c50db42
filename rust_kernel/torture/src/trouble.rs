//! What is wrong, and by which check.

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// The check that found it: while a failure is made shorter it stays a failure of this check.
    pub check: String,
    /// In words.
    pub what: String,
}

impl Trouble {
    pub(crate) fn new(check: &str, what: impl Into<String>) -> Trouble {
        Trouble { check: check.into(), what: what.into() }
    }

    /// The simulator itself cannot go on: no verdict about the kernel.
    pub(crate) fn harness(error: impl core::fmt::Debug) -> Trouble {
        Trouble { check: "simulator".into(), what: format!("{error:?}") }
    }
}
