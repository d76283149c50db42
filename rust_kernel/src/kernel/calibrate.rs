//! Fees that were seen, held against the prediction.

use alloc::boxed::Box;

use super::Kernel;
use crate::input::{FeeSample, Stamp};
use crate::names::KernelDiagnosticCode as Code;
use crate::outcome::{Detail, Outcome, Refusal};

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_calibration(&mut self, stamp: Stamp, sample: &FeeSample) -> Outcome {
        if let Err(refusal) = self.plan_calibration(sample) {
            return self.refused(None, *refusal);
        }
        self.pass_time(stamp, stamp.0);
        self.answer(Code::Ok, None, Detail::None)
    }

    pub(crate) fn plan_calibration(&self, _sample: &FeeSample) -> Result<(), Box<Refusal>> {
        Err(Refusal::not_yet(Code::InvalidIntent, "calibration in the core"))
    }
}
