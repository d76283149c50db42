//! The requests that have not left yet.

use std::collections::VecDeque;

use dita_kernel::effect::Command;
use dita_kernel::input::Input;
use dita_kernel::kernel::SLOTS_MAX;

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
        if let Some(count) = self.count(&call.command) {
            *count += 1;
        }
        self.calls.push_back(call);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<VenueCall> {
        let call = self.calls.pop_front()?;
        if let Some(count) = self.count(&call.command) {
            *count -= 1;
        }
        Some(call)
    }

    /// The count that a request is in; none for one about an order that is in no slot, such as a stranger's.
    #[inline]
    fn count(&mut self, command: &Command) -> Option<&mut u32> {
        let Some(slot) = slot_of(command) else { return Some(&mut self.of_all) };
        if slot >= SLOTS_MAX {
            return None;
        }
        let slot = slot as usize;
        if slot >= self.by_slot.len() {
            self.by_slot.resize(slot + 1, 0);
        }
        self.by_slot.get_mut(slot)
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

/// The slot that a request concerns, beyond all slots where its order is in none; `None` where it concerns all.
#[inline]
fn slot_of(command: &Command) -> Option<u32> {
    match command {
        Command::Submit(order) => Some(order.slot_id),
        Command::Cancel(request) | Command::Query(request) => Some(request.slot_id),
        Command::Amend(request) => Some(request.slot_id),
        Command::SetLeverage { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use dita_kernel::effect::CancelRequest;
    use dita_kernel::id::Id;

    use super::*;
    use crate::run::Ticket;

    fn cancel(slot_id: u32) -> VenueCall {
        let [venue_client_id, venue_order_id, asset] = [Id::default(), Id::default(), Id::default()];
        let command = Command::Cancel(CancelRequest { venue_client_id, venue_order_id, asset, slot_id });
        VenueCall { ticket: Some(Ticket::of(1)), command, cause_seq: 1 }
    }

    #[test]
    fn an_order_in_no_slot_concerns_none_and_takes_no_room() {
        let mut outgoing = Outgoing::default();
        for slot_id in [u32::MAX, 3, SLOTS_MAX] {
            outgoing.push(cancel(slot_id));
        }
        assert_eq!(outgoing.by_slot, [0, 0, 0, 1]);
        while outgoing.pop().is_some() {}
        assert_eq!(outgoing.by_slot, [0, 0, 0, 0]);
    }
}
