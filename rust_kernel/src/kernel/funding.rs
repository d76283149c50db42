//! Funding: terms taken in, boundaries crossed, predictions settled.

use alloc::boxed::Box;

use super::Kernel;
use crate::input::{FundingTerms, Stamp};
use crate::names::KernelDiagnosticCode as Code;
use crate::outcome::{Outcome, Refusal};

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_funding(&mut self, stamp: Stamp, terms: &FundingTerms) -> Outcome {
        if let Err(refusal) = self.plan_funding(terms) {
            return self.refused(None, *refusal);
        }
        self.pass_time(stamp, terms.venue_time_ns);
        self.answer(Code::Ok, None, crate::outcome::Detail::None)
    }

    pub(crate) fn plan_funding(&self, _terms: &FundingTerms) -> Result<(), Box<Refusal>> {
        Err(Refusal::not_yet(Code::InvalidIntent, "prediction of funding"))
    }

    /// Predicts funding for every boundary that is due.
    #[cold]
    pub(crate) fn cross_boundaries(&mut self) {}
}
