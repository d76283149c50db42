//! The passing of time: what is due when the clock moves, and what a tick asks for.

use alloc::vec::Vec;
use serde::Serialize;

use super::Kernel;
use crate::effect::Effects;
use crate::input::Stamp;
use crate::names::KernelDiagnosticCode as Code;
use crate::order::OrderRef;
use crate::outcome::{Detail, Outcome};

/// Orders that a tick must look at: in doubt, being amended, or of limited life. Ended ones drop out at the next tick.
#[derive(Clone, PartialEq, Default, Debug, Serialize)]
pub(crate) struct Watch {
    pub(crate) orders: Vec<OrderRef>,
}

/// The connection to the venue.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Connection {
    /// Kernel time since which it has been gone, ns; `None` while it is there.
    pub down_since_ns: Option<i64>,
}

impl Kernel {
    /// Moves kernel time on, once an input is taken: everything between planning and here would see another state, so
    /// only the ledger is touched (funding boundaries). `venue_time_ns` is the input's own, which the ledger shows.
    #[inline]
    pub(crate) fn pass_time(&mut self, stamp: Stamp, venue_time_ns: i64) {
        self.now_ns = stamp.0;
        if stamp.0 >= self.guard.losses.due_ns {
            self.sample_results();
        }
        if stamp.0 >= self.funding.next_due_ns {
            self.cross_boundaries(stamp.0);
        }
        if venue_time_ns > self.funding.next_due_ns {
            self.cross_ahead(venue_time_ns);
        }
        self.ledger.set_venue_time(if venue_time_ns == 0 { stamp.0 } else { venue_time_ns });
    }

    /// A tick.
    pub(crate) fn take_time(&mut self, stamp: Stamp, _effects: &mut Effects) -> Outcome {
        self.pass_time(stamp, stamp.0);
        self.answer(Code::Ok, None, Detail::None)
    }
}
