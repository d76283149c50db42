//! Slots written from outside: trades adopted from elsewhere, and an operator's own hand.

use alloc::boxed::Box;

use super::Kernel;
use crate::effect::Effects;
use crate::input::{AdoptedSlots, SlotOverride, Stamp};
use crate::names::KernelDiagnosticCode as Code;
use crate::outcome::{Detail, Outcome, Refusal};

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_adopted(
        &mut self,
        stamp: Stamp,
        adopted: &AdoptedSlots,
        _effects: &mut Effects,
    ) -> Outcome {
        if let Err(refusal) = self.plan_adopted(adopted) {
            return self.refused(None, *refusal);
        }
        self.pass_time(stamp, stamp.0);
        self.answer(Code::Ok, None, Detail::None)
    }

    pub(crate) fn plan_adopted(&self, _adopted: &AdoptedSlots) -> Result<(), Box<Refusal>> {
        Err(Refusal::not_yet(Code::InvalidIntent, "adopting slots"))
    }

    #[inline(never)]
    pub(crate) fn take_override(
        &mut self,
        stamp: Stamp,
        change: &SlotOverride,
        _effects: &mut Effects,
    ) -> Outcome {
        if let Err(refusal) = self.plan_override(change) {
            return self.refused(Some(change.slot_id), *refusal);
        }
        self.pass_time(stamp, stamp.0);
        self.answer(Code::Ok, Some(change.slot_id), Detail::None)
    }

    pub(crate) fn plan_override(&self, _change: &SlotOverride) -> Result<(), Box<Refusal>> {
        Err(Refusal::not_yet(Code::InvalidIntent, "overrides"))
    }
}
