//! What operators and guards let through: the control state, and the edge monitor.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;

use super::Kernel;
use super::setup::SetupPlan;
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{ControlChange, Stamp};
use crate::names::{ControlGate, FreezeScope, KernelDiagnosticCode as Code};
use crate::num::Decimal;
use crate::outcome::{Detail, Outcome, Refusal};
use crate::risk::Limits;

fn wrong(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

impl Kernel {
    /// A strategy's edge. Under the threshold it freezes entries, until an operator unfreezes them.
    #[inline(never)]
    pub(crate) fn take_edge(
        &mut self,
        stamp: Stamp,
        symbol: &Id,
        edge_bps: Decimal,
        effects: &mut Effects,
    ) -> Outcome {
        if let Err(refusal) = self.plan_edge(symbol) {
            return self.refused(None, *refusal);
        }
        self.pass_time(stamp, stamp.0);
        if !self.control.limits.is_edge_too_small(edge_bps) {
            return self.answer(Code::Ok, None, Detail::None);
        }
        let least = self.control.limits.given.min_edge_bps.unwrap_or(Decimal::ZERO);
        if !self.guard.edge_frozen {
            self.freeze(symbol, edge_bps, least, effects);
        }
        let (value, attempt) = (least.to_string().into_boxed_str(), edge_bps.to_string().into_boxed_str());
        self.answer(Code::Frozen, None, Detail::Limit { limit: "min_edge_bps", value, attempt })
    }

    pub(crate) fn plan_edge(&self, symbol: &Id) -> Result<(), Box<Refusal>> {
        match self.instrument_of(symbol) {
            Some(_) => Ok(()),
            None => Err(wrong("asset", symbol, "is not configured: set_exchange_config")),
        }
    }

    fn freeze(&mut self, symbol: &Id, edge_bps: Decimal, least: Decimal, effects: &mut Effects) {
        let guard = &mut self.guard;
        guard.edge_frozen = true;
        guard.freeze_events = guard.freeze_events.saturating_add(1);
        guard.last_freeze_reason = format!("edge {edge_bps} bps is under min_edge_bps {least}").into();
        guard.last_freeze_symbol = symbol.clone();
        let control = &mut self.control;
        control.frozen = true;
        // The version stays: it counts what operators set, as their control plane does.
        control.updated_by = Id::new("EDGE_MONITOR").unwrap_or_default();
        control.updated_at_ns = self.now_ns;
        match self.control.limits.given.edge_freeze_cancels.unwrap_or(FreezeScope::Entries) {
            FreezeScope::Entries => self.call_off_all(false, effects),
            FreezeScope::All => self.call_off_all(true, effects),
            FreezeScope::Nothing => {}
        }
    }

    /// Takes back every working entry, and `exits` too where that is wanted.
    fn call_off_all(&mut self, exits: bool, effects: &mut Effects) {
        self.call_off_of(None, exits, effects);
    }

    /// The same of the slots whose trades settle in an asset, or of all.
    pub(crate) fn call_off_of(&mut self, settle: Option<u16>, exits: bool, effects: &mut Effects) {
        for slot_id in 0..self.config.max_slots {
            let slot = &self.slots[slot_id as usize];
            let elsewhere = |asset| self.instruments[slot.instrument as usize].settle != asset;
            if slot.stage.is_free() || settle.is_some_and(elsewhere) {
                continue;
            }
            if let Some(entry) = slot.entry {
                self.call_off(entry, effects);
            }
            if exits {
                self.call_off_exits(slot_id, effects);
            }
        }
    }

    pub(crate) fn plan_control(&self, change: &ControlChange) -> Result<SetupPlan, Box<Refusal>> {
        if let Some(mode) = change.mode
            && mode != self.control.mode
            && (self.busy_slots() > 0
                || self.books.iter().any(|books| books.book.iter().any(|book| !book.position.qty.is_zero())))
        {
            return Err(wrong("mode", mode, "changes only when flat and nothing is at work"));
        }
        let killed = change.kill_switch.unwrap_or(self.guard.kill_switch);
        if let Some(gate) = change.gate
            && killed
            && gate != ControlGate::Halted
        {
            return Err(wrong("gate", gate, "stays HALTED while the kill switch is on"));
        }
        let limits = match &change.limits {
            Some(limits) => Some(Box::new(
                Limits::load(limits).map_err(|error| wrong(error.field, "given limit", error.why))?,
            )),
            None => None,
        };
        Ok(SetupPlan::Control(limits))
    }

    pub(crate) fn commit_control(
        &mut self,
        limits: Option<Box<Limits>>,
        change: &ControlChange,
        effects: &mut Effects,
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
        control.arming = change.arming.unwrap_or(control.arming);
        if change.frozen == Some(false) {
            self.guard.edge_frozen = false;
        }
        if let Some(limits) = limits {
            self.guard.resize(&control.limits, &limits, self.now_ns);
            control.limits = *limits;
        }
        control.version = change.version.unwrap_or(control.version.wrapping_add(1));
        control.updated_by = change.updated_by.clone();
        control.updated_at_ns = self.now_ns;
        self.remember_audited(&change.audited);
        if change.limits.is_some() {
            // Peaks are watched from here on, or no longer.
            self.sample_results();
        }
        if let Some(on) = change.kill_switch {
            self.guard.kill_switch = on;
        }
        let killed = change.kill_switch == Some(true);
        if killed {
            self.control.gate = ControlGate::Halted;
        }
        if killed || change.gate == Some(ControlGate::Halted) {
            self.call_off_all(false, effects);
        }
    }
}
