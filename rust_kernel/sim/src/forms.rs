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
    /// The last buffer that came back, as it came: the next order takes its events in the order in which this one
    /// did, and finds most of what it must write already there.
    last: Vec<Input>,
    /// How many of them are taken.
    taken: usize,
    /// What was not taken of earlier ones.
    venue: Vec<Input>,
    account: Vec<Input>,
}

impl Forms {
    /// Takes events back and leaves the buffer empty.
    #[inline]
    pub(crate) fn give_back(&mut self, spent: &mut Vec<Input>) {
        if spent.is_empty() {
            return;
        }
        if self.taken < self.last.len() {
            self.sort();
        }
        self.last.clear();
        self.taken = 0;
        spent.truncate(KEPT_MAX);
        core::mem::swap(&mut self.last, spent);
    }

    /// Keeps what is left of the last buffer by kind, the last lowest, so that it too is taken in its order.
    #[cold]
    fn sort(&mut self) {
        for input in self.last.drain(self.taken..).rev() {
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
    #[inline(always)]
    pub(crate) fn venue<'a>(&mut self, out: &'a mut Vec<Input>) -> &'a mut VenueEvent {
        match self.last.get_mut(self.taken) {
            Some(input @ Input::Venue(_)) => {
                self.taken += 1;
                out.push(core::mem::replace(input, Input::Time));
            }
            Some(_) | None => out.push(self.other_venue()),
        }
        match out.last_mut() {
            Some(Input::Venue(event)) => event,
            _ => unreachable!("a venue event was just appended"),
        }
    }

    #[cold]
    fn other_venue(&mut self) -> Input {
        self.sort();
        self.venue
            .pop()
            .unwrap_or_else(|| Input::Venue(Box::new(VenueEvent::new(KernelEventKind::OrderAck, 0))))
    }

    /// Appends an account event to be written.
    #[inline(always)]
    pub(crate) fn account<'a>(&mut self, out: &'a mut Vec<Input>) -> &'a mut AccountEvent {
        match self.last.get_mut(self.taken) {
            Some(input @ Input::Account(_)) => {
                self.taken += 1;
                out.push(core::mem::replace(input, Input::Time));
            }
            Some(_) | None => out.push(self.other_account()),
        }
        match out.last_mut() {
            Some(Input::Account(event)) => event,
            _ => unreachable!("an account event was just appended"),
        }
    }

    #[cold]
    fn other_account(&mut self) -> Input {
        self.sort();
        self.account.pop().unwrap_or_else(|| {
            Input::Account(Box::new(AccountEvent::new(AccountEventKind::AccountUpdate, 0)))
        })
    }
}
