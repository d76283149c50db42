//! Figures that few kernels have, kept beside the slots and instruments that they are of.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::bots::Bots;
use crate::input::OrderBounds;
use crate::num::Qty;

/// Quantity that a trade's exits filled beyond its slot's position, unsigned: it is in the unassigned book, and goes back
/// out of that first where an exit's fill is taken back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Beyond {
    pub(crate) slot_id: u32,
    pub(crate) trade_number: u64,
    pub(crate) qty: Qty,
}

/// When the venue last told an instrument's funding terms, ns: what it told before that is no news.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) instrument: u32,
    pub(crate) time_ns: i64,
}

/// What the venue bounds of an instrument's orders, beside what its specification stores.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Bounded {
    pub(crate) instrument: u32,
    pub(crate) bounds: OrderBounds,
}

/// All of them.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Aside {
    pub(crate) beyond: Vec<Beyond>,
    pub(crate) terms: Vec<Told>,
    /// By instrument.
    pub(crate) bounded: Vec<Bounded>,
    pub(crate) bots: Option<Box<Bots>>,
}

impl Aside {
    /// An instrument has these bounds from now on, or none.
    pub(crate) fn set_bounds(&mut self, instrument: u32, bounds: Option<&OrderBounds>) {
        self.bounded.retain(|one| one.instrument != instrument);
        if let Some(bounds) = bounds {
            let at = self.bounded.partition_point(|one| one.instrument < instrument);
            self.bounded.insert(at, Bounded { instrument, bounds: bounds.clone() });
        }
    }

    /// What the exits of a slot's trade filled beyond it.
    #[cold]
    pub(crate) fn beyond(&self, slot_id: u32, trade_number: u64) -> Qty {
        let is_its = |one: &&Beyond| one.slot_id == slot_id && one.trade_number == trade_number;
        self.beyond.iter().find(is_its).map_or(Qty::ZERO, |one| one.qty)
    }

    /// Of each slot there is one: its last trade's.
    #[cold]
    pub(crate) fn set_beyond(&mut self, slot_id: u32, trade_number: u64, qty: Qty) {
        self.beyond.retain(|one| one.slot_id != slot_id);
        if !qty.is_zero() {
            self.beyond.push(Beyond { slot_id, trade_number, qty });
        }
    }

    /// Notes terms that the venue told at that time; false where it has told later ones. Those without a time are believed.
    #[cold]
    pub(crate) fn are_newest_terms(&mut self, instrument: u32, time_ns: i64) -> bool {
        if time_ns == 0 {
            return true;
        }
        match self.terms.iter_mut().find(|told| told.instrument == instrument) {
            Some(told) if told.time_ns > time_ns => return false,
            Some(told) => told.time_ns = time_ns,
            None => self.terms.push(Told { instrument, time_ns }),
        }
        true
    }
}
