//! The connection itself: gone, and back.

use crate::effect::Effects;
use crate::input::{Stamp, VenueEvent};
use crate::kernel::Kernel;
use crate::names::{KernelDiagnosticCode as Code, KernelEventKind as Kind, VenueOrderStatus};
use crate::order::Order;
use crate::outcome::{Detail, Outcome};
use crate::planted::{Bug, planted};

impl Kernel {
    /// DISCONNECTED and RESYNCED. While the connection is down nothing is in doubt that was not before: the venue's
    /// picture of an acknowledged order is only old.
    #[cold]
    pub(super) fn take_connection(
        &mut self,
        stamp: Stamp,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        self.pass_time(stamp, event.timestamp_ns);
        let gone = event.kind == Kind::Disconnected;
        if self.connection.down_since_ns.is_some() == gone {
            return self.answer(Code::DuplicateEvent, None, Detail::None);
        }
        self.connection.down_since_ns = gone.then_some(self.now_ns);
        if !gone && !planted(Bug::BackWithoutQuestions) {
            self.ask_what_is_due(true, effects);
        }
        self.answer(Code::Ok, None, Detail::None)
    }

    /// True where an order was acknowledged and the connection has been down since: what is known of it may be old.
    pub fn is_stale(&self, order: &Order) -> bool {
        let acknowledged = !matches!(order.status, VenueOrderStatus::New | VenueOrderStatus::Sent);
        self.connection.down_since_ns.is_some() && acknowledged && order.is_live()
    }

    /// Kernel time since which the connection has been down, ns; `None` while it is there.
    pub fn disconnected_since_ns(&self) -> Option<i64> {
        self.connection.down_since_ns
    }
}
