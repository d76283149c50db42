//! What operators and guards let through: the control state, and the edge monitor.

use alloc::boxed::Box;

use super::Kernel;
use super::setup::SetupPlan;
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{ControlChange, Stamp};
use crate::names::KernelDiagnosticCode as Code;
use crate::num::Decimal;
use crate::outcome::{Detail, Outcome, Refusal};
use crate::risk::Limits;

fn wrong(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_edge(
        &mut self,
        stamp: Stamp,
        symbol: &Id,
        edge_bps: Decimal,
        _effects: &mut Effects,
    ) -> Outcome {
        if let Err(refusal) = self.plan_edge(symbol, edge_bps) {
            return self.refused(None, *refusal);
        }
        self.pass_time(stamp, stamp.0);
        self.answer(Code::Ok, None, Detail::None)
    }

    pub(crate) fn plan_edge(&self, _symbol: &Id, _edge_bps: Decimal) -> Result<(), Box<Refusal>> {
        Err(Refusal::not_yet(Code::InvalidIntent, "the edge monitor"))
    }

    pub(crate) fn plan_control(&self, change: &ControlChange) -> Result<SetupPlan, Box<Refusal>> {
        if let Some(mode) = change.mode
            && mode != self.control.mode
            && (self.busy_slots() > 0
                || self.books.iter().any(|books| books.book.iter().any(|b| !b.qty.is_zero())))
        {
            return Err(wrong("mode", mode, "changes only when flat and nothing is at work"));
        }
        let limits = match &change.limits {
            Some(limits) => Some(Box::new(Limits::load(limits).map_err(|field| {
                wrong(field, "given limit", "must not be negative, too fine or too large")
            })?)),
            None => None,
        };
        Ok(SetupPlan::Control(limits))
    }

    pub(crate) fn commit_control(
        &mut self,
        limits: Option<Box<Limits>>,
        change: &ControlChange,
        _effects: &mut Effects,
    ) {
        let control = &mut self.control;
        control.mode = change.mode.unwrap_or(control.mode);
        control.gate = change.gate.unwrap_or(control.gate);
        control.verbosity = change.verbosity.unwrap_or(control.verbosity);
        control.debug_clickhouse_enabled =
            change.debug_clickhouse_enabled.unwrap_or(control.debug_clickhouse_enabled);
        control.frozen = change.frozen.unwrap_or(control.frozen);
        control.require_audit = change.require_audit.unwrap_or(control.require_audit);
        control.regime = change.regime.unwrap_or(control.regime);
        if let Some(limits) = limits {
            control.limits = *limits;
        }
        control.version = control.version.wrapping_add(1);
        control.updated_by = change.updated_by.clone();
        control.updated_at_ns = self.now_ns;
        self.remember_audited(&change.audited);
    }
}
