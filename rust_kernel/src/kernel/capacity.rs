//! More room: a kernel may be opened with more slots, or a longer memory, than its log was begun with.

use alloc::boxed::Box;

use super::{Kernel, SLOTS_MAX};
use crate::input::Stamp;
use crate::names::KernelDiagnosticCode as Code;
use crate::outcome::{Detail, Outcome, Refusal};
use crate::slot::Slot;

impl Kernel {
    /// Slots are never taken away, and nothing that is remembered is forgotten by it.
    pub(super) fn plan_capacity(&self, max_slots: u32, remembered_orders: u32) -> Result<(), Box<Refusal>> {
        let refuse = |field, value, why| Err(Refusal::field(Code::InvalidIntent, field, value, why));
        if max_slots < self.config.max_slots {
            return refuse("max_slots", max_slots, "is less than the kernel has: slots are never taken away");
        }
        if max_slots > SLOTS_MAX {
            return refuse("max_slots", max_slots, "is more than a kernel can have: at most 8388608");
        }
        if (remembered_orders as usize) < self.config.remembered_orders {
            let why = "is less than the kernel remembers: late events of those orders would be strangers'";
            return refuse("remembered_orders", remembered_orders, why);
        }
        Ok(())
    }

    #[cold]
    pub(super) fn take_capacity(&mut self, stamp: Stamp, max_slots: u32, remembered_orders: u32) -> Outcome {
        if let Err(refusal) = self.plan_capacity(max_slots, remembered_orders) {
            return self.refused(None, *refusal);
        }
        self.pass_time(stamp, stamp.0);
        let more = max_slots.saturating_sub(self.config.max_slots);
        self.free_slots = self.free_slots.saturating_add(more);
        self.slots.resize(max_slots as usize, Slot::idle());
        self.orders.remember(remembered_orders as usize);
        self.config.max_slots = max_slots;
        self.config.remembered_orders = remembered_orders as usize;
        self.answer(Code::Ok, None, Detail::None)
    }

    /// The first trade that is in the way of having only `max_slots` slots: its slot and its id.
    pub fn in_the_way(&self, max_slots: u32) -> Option<(u32, &crate::id::Id)> {
        let busy = |(_, slot): &(u32, &Slot)| !slot.stage.is_free();
        let beyond = (0_u32..).zip(&self.slots).skip(max_slots as usize);
        beyond.into_iter().find(busy).map(|(slot_id, slot)| (slot_id, &slot.trade_id))
    }
}
