//! The kernel as the player calls it: through its drain, with the interpreter or without.

use dita_engine::Engine;
use dita_host::{Failure, Hold, HostError};
use dita_kernel::input::Input;
use dita_play::Backend;
use dita_sim::{SimError, SimVenue};
use pyo3::prelude::*;

use crate::engine::{Outside, Shared};
use crate::errors::Error;

/// Why a call came to nothing.
pub struct Failed(Box<Error>);

impl Failed {
    pub fn into_error(self) -> Error {
        *self.0
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed(Box::new(error))
    }
}

impl From<Failure<Outside>> for Failed {
    #[cold]
    fn from(failure: HostError<PyErr>) -> Failed {
        Failed(Box::new(Error::from(failure)))
    }
}

/// A kernel's drain for the length of a step.
pub struct Play<'a> {
    shared: &'a Shared,
    hold: Hold<'a, Outside>,
}

impl<'a> Play<'a> {
    /// In a thread that holds the interpreter.
    pub fn holding(shared: &'a Shared, py: Python<'a>) -> Play<'a> {
        Play { shared, hold: Hold::Has(py) }
    }

    /// In a thread that has let go of it.
    pub fn alone(shared: &'a Shared) -> Play<'a> {
        Play { shared, hold: Hold::Takes }
    }
}

impl Backend for Play<'_> {
    type Error = Failed;

    #[inline]
    fn call(
        &mut self,
        time_ns: Option<i64>,
        call: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>) -> Result<(), SimError>,
    ) -> Result<(), Failed> {
        Ok(self.shared.play(self.hold, time_ns, |engine| engine.with_venue(call))?)
    }

    fn advance(&mut self, time_ns: i64) -> Result<(), Failed> {
        Ok(self.shared.play(self.hold, Some(time_ns), |engine| engine.bring_due(false).map(drop))?)
    }

    #[inline]
    fn read_settled<R>(&mut self, read: impl FnOnce(&Engine) -> R) -> Result<R, Failed> {
        Ok(read(&self.shared.settled()?.core))
    }

    #[inline]
    fn read<R>(&mut self, read: impl FnOnce(&Engine) -> R) -> Result<R, Failed> {
        Ok(read(&self.shared.open()?.core))
    }

    fn has_news(&mut self) -> bool {
        self.shared.foreign().has_news()
    }
}
