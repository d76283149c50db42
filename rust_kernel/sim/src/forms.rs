//! Events that were read and handed back, to be written again.
//!
//! An event is some 400 bytes. Allocating, moving and freeing four of them for each order is most of what an order
//! costs, so the venue writes its frequent events in place, into boxes it was given back where there are any.

use dita_kernel::input::{AccountEvent, Input, VenueEvent};
use dita_kernel::names::{AccountEventKind, KernelEventKind};

/// More than this many boxes of a kind are not kept.
const KEPT_MAX: usize = 1024;

/// The events at hand. What is written on them is of no meaning: who takes one writes every field.
///
/// They are kept as whole inputs: one that is put together from its parts is stored in pieces, and its move into
/// the caller's buffer then waits for them.
#[derive(Clone, Default, Debug)]
pub(crate) struct Forms {
    venue: Vec<Input>,
    account: Vec<Input>,
}

impl Forms {
    /// Takes events back and leaves the buffer empty. The last comes to lie lowest: the next order takes them in the
    /// order in which this one did, and finds most of what it must write already there.
    #[inline]
    pub(crate) fn give_back(&mut self, spent: &mut Vec<Input>) {
        for input in spent.drain(..).rev() {
            let kept = match &input {
                Input::Venue(_) => &mut self.venue,
                Input::Account(_) => &mut self.account,
                _ => continue,
            };
            if kept.len() < KEPT_MAX {
                kept.push(input);
            }
        }
    }

    /// Appends a venue event to be written.
    #[inline]
    pub(crate) fn venue<'a>(&mut self, out: &'a mut Vec<Input>) -> &'a mut VenueEvent {
        out.push(
            self.venue
                .pop()
                .unwrap_or_else(|| Input::Venue(Box::new(VenueEvent::new(KernelEventKind::OrderAck, 0)))),
        );
        match out.last_mut() {
            Some(Input::Venue(event)) => event,
            _ => unreachable!("a venue event was just appended"),
        }
    }

    /// Appends an account event to be written.
    #[inline]
    pub(crate) fn account<'a>(&mut self, out: &'a mut Vec<Input>) -> &'a mut AccountEvent {
        out.push(self.account.pop().unwrap_or_else(|| {
            Input::Account(Box::new(AccountEvent::new(AccountEventKind::AccountUpdate, 0)))
        }));
        match out.last_mut() {
            Some(Input::Account(event)) => event,
            _ => unreachable!("an account event was just appended"),
        }
    }
}
