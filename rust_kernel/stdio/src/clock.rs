//! Where kernel time comes from.

use std::time::Instant;

/// How time goes on.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As on the machine, from the start on.
    System {
        /// When it started, on the machine.
        began: Instant,
    },
    /// By so much for each command, ns.
    Step(i64),
}

/// Kernel time.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    pace: Pace,
    start_ns: i64,
    now_ns: i64,
}

impl Clock {
    pub(crate) fn new(pace: Pace, start_ns: i64) -> Clock {
        Clock { pace, start_ns, now_ns: start_ns }
    }

    pub(crate) fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// A command has come.
    #[inline]
    pub(crate) fn step(&mut self) -> i64 {
        match self.pace {
            Pace::System { .. } => self.look(),
            Pace::Step(step_ns) => {
                self.now_ns = self.now_ns.saturating_add(step_ns);
                self.now_ns
            }
        }
    }

    /// Nothing has come.
    pub(crate) fn look(&mut self) -> i64 {
        if let Pace::System { began } = self.pace {
            let passed_ns = i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX);
            self.now_ns = self.now_ns.max(self.start_ns.saturating_add(passed_ns));
        }
        self.now_ns
    }

    /// How long it is until then on the machine, ns; `None` where the machine's time means nothing.
    pub(crate) fn until_ns(&mut self, due_ns: i64) -> Option<i64> {
        match self.pace {
            Pace::System { .. } => Some(due_ns.saturating_sub(self.look()).max(0)),
            Pace::Step(_) => None,
        }
    }

    /// Time goes on to then at once, where it is not the machine's.
    pub(crate) fn jump(&mut self, to_ns: i64) -> i64 {
        if let Pace::Step(_) = self.pace {
            self.now_ns = self.now_ns.max(to_ns);
        }
        self.look()
    }
}
