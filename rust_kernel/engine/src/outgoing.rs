//! The requests that have not left yet.

use std::collections::VecDeque;

use dita_kernel::effect::Command;
use dita_kernel::input::Input;

use crate::run::VenueCall;

/// Requests in their order, and whom they concern: asked of each intent of a batch, so that it must not cost more the
/// more of them wait.
#[derive(Default)]
pub(crate) struct Outgoing {
    calls: VecDeque<VenueCall>,
    /// How many concern each slot, by its number, as far as any did.
    by_slot: Vec<u32>,
    /// How many concern all slots.
    of_all: u32,
}

impl Outgoing {
    #[inline]
    pub(crate) fn push(&mut self, call: VenueCall) {
        match slot_of(&call.command) {
            Some(slot) => {
                let slot = slot as usize;
                if slot >= self.by_slot.len() {
                    self.by_slot.resize(slot + 1, 0);
                }
                self.by_slot[slot] += 1;
            }
            None => self.of_all += 1,
        }
        self.calls.push_back(call);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<VenueCall> {
        let call = self.calls.pop_front()?;
        match slot_of(&call.command) {
            Some(slot) => self.by_slot[slot as usize] -= 1,
            None => self.of_all -= 1,
        }
        Some(call)
    }

    /// True where an input is about a slot that one of the requests concerns.
    #[inline]
    pub(crate) fn concern(&self, input: &Input) -> bool {
        let Some(slot) = input.slot_id() else { return true };
        self.of_all > 0 || self.by_slot.get(slot as usize).is_some_and(|count| *count > 0)
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<&VenueCall> {
        self.calls.front()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    #[cold]
    pub(crate) fn clear(&mut self) {
        *self = Outgoing::default();
    }
}

/// The slot that a request concerns; `None` where it concerns all.
#[inline]
fn slot_of(command: &Command) -> Option<u32> {
    match command {
        Command::Submit(order) => Some(order.slot_id),
        Command::Cancel(request) | Command::Query(request) => Some(request.slot_id),
        Command::Amend(request) => Some(request.slot_id),
        Command::SetLeverage { .. } => None,
    }
}
