//! The opening state: balances, positions and orders of a live account, taken as one.

use alloc::boxed::Box;

use super::Kernel;
use crate::input::{OpeningState, Stamp};
use crate::names::KernelDiagnosticCode as Code;
use crate::outcome::{Detail, Outcome, Refusal};

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_opening(&mut self, stamp: Stamp, opening: &OpeningState) -> Outcome {
        if let Err(refusal) = self.plan_opening(opening) {
            return self.refused(None, *refusal);
        }
        self.pass_time(stamp, opening.timestamp_ns);
        self.answer(Code::Ok, None, Detail::None)
    }

    pub(crate) fn plan_opening(&self, _opening: &OpeningState) -> Result<(), Box<Refusal>> {
        Err(Refusal::not_yet(Code::InvalidIntent, "opening states"))
    }
}
