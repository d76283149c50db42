//! Boxes of events that were read and handed back, to be written again.
//!
//! An event is some 400 bytes. Allocating, moving and freeing four of them for each order is most of what an order
//! costs, so the venue writes its frequent events in place, into boxes it was given back where there are any.

use dita_kernel::input::{AccountEvent, Input, VenueEvent};
use dita_kernel::names::{AccountEventKind, KernelEventKind};

/// More than this many boxes of a kind are not kept.
const KEPT_MAX: usize = 1024;

/// The boxes at hand. What is written on them is of no meaning: who takes one writes every field.
#[derive(Clone, Default, Debug)]
pub(crate) struct Forms {
    venue: Vec<Box<VenueEvent>>,
    account: Vec<Box<AccountEvent>>,
}

impl Forms {
    /// Takes events back and leaves the buffer empty.
    #[inline]
    pub(crate) fn give_back(&mut self, spent: &mut Vec<Input>) {
        for input in spent.drain(..) {
            match input {
                Input::Venue(event) if self.venue.len() < KEPT_MAX => self.venue.push(event),
                Input::Account(event) if self.account.len() < KEPT_MAX => self.account.push(event),
                _ => {}
            }
        }
    }

    #[inline]
    pub(crate) fn venue(&mut self) -> Box<VenueEvent> {
        match self.venue.pop() {
            Some(event) => event,
            None => Box::new(VenueEvent::new(KernelEventKind::OrderAck, 0)),
        }
    }

    #[inline]
    pub(crate) fn account(&mut self) -> Box<AccountEvent> {
        match self.account.pop() {
            Some(event) => event,
            None => Box::new(AccountEvent::new(AccountEventKind::AccountUpdate, 0)),
        }
    }
}
