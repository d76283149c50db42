//! Which slots a drain may have changed: told by what steps say of themselves, so that nobody compares all of them.

use dita_kernel::effect::{Command, Effects};
use dita_kernel::input::Input;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::OppositeSlots;
use dita_kernel::outcome::Outcome;

/// Slots that are to be shown.
pub(super) struct Touched {
    few: Vec<u32>,
    /// By slot: whether it is among the few.
    is_in: Vec<bool>,
    /// All that carry anything are to be shown, from this one on.
    all_from: Option<u32>,
}

impl Touched {
    /// In the beginning all are.
    pub(super) fn new(slots: usize) -> Touched {
        Touched { few: Vec::new(), is_in: vec![false; slots], all_from: Some(0) }
    }

    pub(super) fn any(&self) -> bool {
        self.all_from.is_some() || !self.few.is_empty()
    }

    #[inline]
    fn one(&mut self, slot_id: u32) {
        if let Some(is_in) = self.is_in.get_mut(slot_id as usize)
            && !*is_in
        {
            *is_in = true;
            self.few.push(slot_id);
        }
    }

    fn all(&mut self) {
        self.all_from = Some(0);
    }

    /// The next slot; afterwards it is not touched any more.
    #[inline]
    pub(super) fn next(&mut self, kernel: &Kernel) -> Option<u32> {
        if let Some(slot_id) = self.few.pop() {
            self.is_in[slot_id as usize] = false;
            return Some(slot_id);
        }
        let from = self.all_from? as usize;
        let used = |at: &usize| kernel.slots()[*at].trade_number > 0;
        let found = (from..kernel.slots().len()).find(used);
        self.all_from = found.map(|at| at as u32 + 1);
        found.map(|at| at as u32)
    }

    /// Learns what a step may have changed.
    #[inline]
    pub(super) fn note(&mut self, kernel: &Kernel, input: &Input, outcome: &Outcome, effects: &Effects) {
        for slot_id in outcome.slot_id.into_iter().chain(input.slot_id()) {
            self.one(slot_id);
        }
        for transition in &effects.transitions {
            self.one(transition.slot_id);
        }
        for command in &effects.commands {
            match command {
                Command::Submit(order) => self.one(order.slot_id),
                Command::Cancel(request) | Command::Query(request) => self.one(request.slot_id),
                Command::Amend(request) => self.one(request.slot_id),
                Command::SetLeverage { .. } => {}
            }
        }
        for number in effects.ledger.clone() {
            let booked = kernel.ledger().transaction(number);
            if let Some(slot_id) = booked.and_then(|booked| booked.slot_id) {
                self.one(slot_id);
            }
        }
        match input {
            // A refusal has changed nothing.
            _ if !outcome.accepted && effects.transitions.is_empty() => {}
            Input::Intent(_) => {}
            Input::Mark { symbol, .. } => {
                let place = kernel.instrument_of(symbol);
                for (slot_id, slot) in (0_u32..).zip(kernel.slots()) {
                    if Some(slot.instrument) == place && !slot.basis.qty.is_zero() {
                        self.one(slot_id);
                    }
                }
            }
            // What fills on a book that both sides share may pair off with other slots.
            Input::Venue(event) => {
                let alone = outcome.slot_id.is_some()
                    && kernel.instrument_of(&event.asset).is_some_and(|place| {
                        let rules = kernel.instruments().get(place as usize);
                        rules.is_some_and(|rules| rules.spec.opposite_slots == OppositeSlots::Refuse)
                    });
                if !alone {
                    self.all();
                }
            }
            Input::Account(_)
            | Input::Instrument(_)
            | Input::Seed { .. }
            | Input::Time
            | Input::Effect(_)
            | Input::Control(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Override(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Recalled(_)
            | Input::Capacity { .. }
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Listed(_) => self.all(),
        }
    }
}
