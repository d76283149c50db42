//! AMEND: a working order's new total and prices, by FIX's rules.

use alloc::boxed::Box;

use super::Kernel;
use crate::effect::Effects;
use crate::input::Intent;
use crate::names::KernelDiagnosticCode as Code;
use crate::outcome::{Outcome, Refusal};
use crate::slot::Slot;

/// What an AMEND does.
#[derive(Debug)]
pub(crate) struct AmendPlan {
    /// The order's place.
    pub(crate) place: u32,
}

impl Kernel {
    pub(crate) fn plan_amend(&self, _slot: &Slot, _intent: &Intent) -> Result<AmendPlan, Box<Refusal>> {
        Err(Refusal::not_yet(Code::InvalidIntent, "action AMEND"))
    }

    pub(crate) fn commit_amend(
        &mut self,
        plan: &AmendPlan,
        intent: &Intent,
        key: u64,
        _effects: &mut Effects,
    ) -> Outcome {
        self.remember_order(intent, key, plan.place)
    }
}
