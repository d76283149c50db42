//! What the kernel does about its halt: takes it as a control input, and lets it follow where an operator opens the gate.

use std::sync::Arc;

use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, Input};
use dita_kernel::kernel::{Control, Kernel};
use dita_kernel::names::{ControlGate, KernelCommandType};
use dita_zinc::{Gate, Halt};

/// Whom a change is of that nobody has signed.
const UNSIGNED: &str = "halt";

/// A halt, and how far the kernel has heeded it.
pub(crate) struct Halting {
    halt: Arc<Halt>,
    /// The word that the kernel goes by.
    heeded: u64,
    /// The one that its next control input is for.
    on_its_way: Option<u64>,
}

impl Halting {
    /// What stands in it counts: a restart lifts no halt.
    pub(crate) fn of(halt: Arc<Halt>) -> Halting {
        Halting { halt, heeded: 0, on_its_way: None }
    }

    pub(crate) fn halt(&self) -> &Arc<Halt> {
        &self.halt
    }

    /// True where an operator has asked for something since it was last looked at: one load.
    #[inline(always)]
    pub(crate) fn is_asked(&self) -> bool {
        self.halt.word() != self.heeded
    }

    /// True for what has to wait until that was looked at: what is neither CANCEL nor EXIT may increase risk.
    #[inline(always)]
    pub(crate) fn holds_back(input: &Input) -> bool {
        matches!(input, Input::Intent(intent)
            if !matches!(intent.action, KernelCommandType::Cancel | KernelCommandType::Exit))
    }

    /// Looks at it: the change that tightens the controls, where they are not as tight already.
    #[cold]
    pub(crate) fn heed(&mut self, control: &Control) -> Option<Input> {
        let asked = self.halt.asked(self.halt.word());
        self.heeded = asked.word;
        let change = tighten(asked.gate, control)?;
        let by = if asked.who.is_empty() { UNSIGNED } else { &asked.who };
        self.on_its_way = Some(asked.word);
        Some(Input::Control(Box::new(ControlChange {
            // It counts what operators set, as their control plane does.
            version: Some(control.version),
            updated_by: Id::new(by).unwrap_or_default(),
            ..change
        })))
    }

    /// Nothing was to be done about what was asked for.
    pub(crate) fn tell_heeded(&self) {
        if self.on_its_way.is_none() {
            self.halt.tell_taken(self.heeded);
        }
    }

    /// A control input was taken: it was this halt's, or an operator's who may have opened the gate.
    #[cold]
    pub(crate) fn hear(&mut self, kernel: &Kernel, change: &ControlChange, accepted: bool) {
        if let Some(word) = self.on_its_way.take() {
            self.halt.tell_taken(word);
            return;
        }
        let touches_gate = change.gate.is_some() || change.kill_switch.is_some();
        let asked = self.halt.asked(self.heeded).gate;
        if accepted && touches_gate && tighten(asked, kernel.control()).is_some() {
            // Where somebody has asked anew meanwhile, that stands, and is heeded next.
            let opened = self.halt.open_again(self.heeded);
            if opened & !0xFF == self.heeded & !0xFF {
                self.heeded = opened;
                self.halt.tell_taken(opened);
            }
        }
    }
}

/// The change that brings the controls to a gate; `None` where they are as tight.
fn tighten(gate: Gate, control: &Control) -> Option<ControlChange> {
    let halt = ControlChange { kill_switch: Some(true), ..ControlChange::default() };
    let reduce = ControlChange { gate: Some(ControlGate::ReduceOnly), ..ControlChange::default() };
    match (gate, control.gate) {
        (Gate::Halted, ControlGate::Normal | ControlGate::ReduceOnly) => Some(halt),
        (Gate::ReduceOnly, ControlGate::Normal) => Some(reduce),
        (Gate::Halted, ControlGate::Halted)
        | (Gate::ReduceOnly, ControlGate::ReduceOnly | ControlGate::Halted)
        | (Gate::Normal, ControlGate::Normal | ControlGate::ReduceOnly | ControlGate::Halted) => None,
    }
}
