//! What the memory is too short for: the log is asked, and its verdict comes in beside the event.

use alloc::boxed::Box;

use super::Kernel;
use crate::effect::Effects;
use crate::input::{Input, Recalled, RecalledEvent, Stamp, Verdict};
use crate::names::KernelDiagnosticCode as Code;
use crate::outcome::{Detail, Outcome, Refusal};

impl Kernel {
    /// An event that was refused because it may be of what is forgotten, and what the log knows of it.
    #[cold]
    pub(super) fn take_recalled(
        &mut self,
        stamp: Stamp,
        recalled: &Recalled,
        effects: &mut Effects,
    ) -> Outcome {
        if let Verdict::Booked { seq } = recalled.verdict {
            self.pass_time(stamp, stamp.0);
            let first = Detail::First { seq, venue_client_id: crate::id::Id::EMPTY };
            return self.answer(Code::DuplicateEvent, None, first);
        }
        // The log answers for what is forgotten; the memory answers for the rest, as always.
        self.recalling = true;
        let outcome = match &recalled.event {
            RecalledEvent::Venue(event) => self.take_venue(stamp, event, effects),
            RecalledEvent::Account(event) => self.take_account(stamp, event),
        };
        self.recalling = false;
        outcome
    }

    /// The upper half of it. A question for a copy: what is being recalled is no argument of the plans.
    #[cold]
    pub(super) fn validate_recalled(&self, stamp: Stamp, recalled: &Recalled) -> Result<(), Box<Refusal>> {
        if let Verdict::Booked { .. } = recalled.verdict {
            return Ok(());
        }
        let mut replica = self.clone();
        replica.recalling = true;
        match &recalled.event {
            RecalledEvent::Venue(event) => replica.validate(stamp, &Input::Venue(event.clone())),
            RecalledEvent::Account(event) => replica.validate(stamp, &Input::Account(event.clone())),
        }
    }
}
