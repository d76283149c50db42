//! The slots that the session trades with.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dita_kernel::id::Id;
use dita_kernel::kernel::Kernel;

use crate::orders::Place;

/// What a slot carries of the session's.
#[derive(Clone, Default, Debug)]
struct Seat {
    taken: bool,
    instrument: u32,
    /// The orders at work on it.
    parts: Vec<(Id, Place)>,
}

/// The session's slots, the free ones by number.
pub(crate) struct Seats {
    /// The seat of a slot, by its number.
    places: Vec<Option<u32>>,
    seats: Vec<Seat>,
    free: BinaryHeap<Reverse<u32>>,
    /// Of each instrument, the slots that are taken.
    busy: Vec<Vec<u32>>,
}

impl Seats {
    /// As the kernel has them: what carries a trade is taken.
    pub(crate) fn new(slots: &[u32], kernel: &Kernel) -> Seats {
        let most = slots.iter().max().map_or(0, |slot_id| *slot_id as usize + 1);
        let mut places = vec![None; most];
        for (place, slot_id) in (0..).zip(slots) {
            places[*slot_id as usize] = Some(place);
        }
        let mut seats = Seats {
            places,
            seats: vec![Seat::default(); slots.len()],
            free: BinaryHeap::new(),
            busy: vec![Vec::new(); kernel.instruments().len()],
        };
        for (slot_id, seat) in slots.iter().zip(&mut seats.seats) {
            match kernel.slot(*slot_id).filter(|slot| !slot.stage.is_free()) {
                None => seats.free.push(Reverse(*slot_id)),
                Some(slot) => {
                    (seat.taken, seat.instrument) = (true, slot.instrument);
                    seats.busy[slot.instrument as usize].push(*slot_id);
                }
            }
        }
        seats
    }

    fn seat(&mut self, slot_id: u32) -> Option<&mut Seat> {
        let place = (*self.places.get(slot_id as usize)?)?;
        self.seats.get_mut(place as usize)
    }

    /// The free slot with the lowest number.
    pub(crate) fn first_free(&mut self, kernel: &Kernel) -> Option<u32> {
        if self.free.is_empty() {
            self.reclaim(kernel);
        }
        self.free.peek().map(|slot_id| slot_id.0)
    }

    /// Takes back slots whose trades ended by no order of the session's: by a liquidation, or an operator.
    #[cold]
    fn reclaim(&mut self, kernel: &Kernel) {
        let is_free = |slot_id: &u32| kernel.slot(*slot_id).is_some_and(|slot| slot.stage.is_free());
        let over: Vec<u32> = self.busy.iter().flatten().copied().filter(is_free).collect();
        for slot_id in over {
            self.leave(slot_id, &Id::EMPTY, true);
        }
    }

    /// The slots that carry trades of an instrument, in no order.
    pub(crate) fn busy(&self, instrument: u32) -> &[u32] {
        self.busy.get(instrument as usize).map_or(&[], Vec::as_slice)
    }

    /// An order of the kernel's works on a slot for an order of the session's.
    pub(crate) fn work(&mut self, slot_id: u32, instrument: u32, client_id: Id, place: Place) {
        if self.free.peek() == Some(&Reverse(slot_id)) {
            self.free.pop();
            self.busy[instrument as usize].push(slot_id);
        }
        if let Some(seat) = self.seat(slot_id) {
            (seat.taken, seat.instrument) = (true, instrument);
            seat.parts.push((client_id, place));
        }
    }

    /// Whose order it is that works on a slot.
    #[inline]
    pub(crate) fn whose(&mut self, slot_id: u32, client_id: &Id) -> Option<Place> {
        let parts = &self.seat(slot_id)?.parts;
        parts.iter().find(|(known, _)| known == client_id).map(|(_, place)| *place)
    }

    /// An order has ended; `is_free` says whether the slot carries nothing more.
    pub(crate) fn leave(&mut self, slot_id: u32, client_id: &Id, is_free: bool) {
        let Some(seat) = self.seat(slot_id) else { return };
        seat.parts.retain(|(known, _)| known != client_id);
        if !(is_free && seat.taken && seat.parts.is_empty()) {
            return;
        }
        seat.taken = false;
        let instrument = seat.instrument as usize;
        self.busy[instrument].retain(|busy| *busy != slot_id);
        self.free.push(Reverse(slot_id));
    }
}
