//! Which slots of a kernel belong to whom: to a program's lease, or to a strategy inside the host. A slot has one holder.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_kernel::id::Id;
use dita_kernel::kernel::Kernel;

/// What to do where an account has no slot left.
pub const MORE_SLOTS: &str =
    "close a trade, or give the account more slots: max_slots in dita.toml, or --guest-slots of `dita run`";

/// An account has not so many free slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoFreeSlot {
    /// How many were found.
    pub found: usize,
}

/// Who holds which slot.
#[derive(Default, Debug)]
pub struct Seats {
    taken: Mutex<BTreeMap<u32, Id>>,
}

impl Seats {
    fn taken(&self) -> MutexGuard<'_, BTreeMap<u32, Id>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a name slots: first those that it holds or that carry its trades, then free ones by number.
    ///
    /// # Errors
    /// There are not so many; nothing is given.
    pub fn take(&self, kernel: &Kernel, name: &Id, count: usize) -> Result<Vec<u32>, NoFreeSlot> {
        let mut taken = self.taken();
        let is_own = |slot_id: &u32| {
            let carries =
                kernel.slot(*slot_id).is_some_and(|slot| !slot.stage.is_free() && slot.owner == *name);
            match taken.get(slot_id) {
                Some(holder) => holder == name,
                None => carries,
            }
        };
        let all = 0..kernel.config().max_slots;
        let mut given: Vec<u32> = all.clone().filter(is_own).collect();
        let wanted = count.max(given.len());
        let is_free = |slot_id: &u32| {
            !taken.contains_key(slot_id) && kernel.slot(*slot_id).is_some_and(|slot| slot.stage.is_free())
        };
        let free: Vec<u32> = all.filter(is_free).filter(|slot_id| !given.contains(slot_id)).collect();
        given.extend(free.into_iter().take(wanted - given.len()));
        if given.len() < count {
            return Err(NoFreeSlot { found: given.len() });
        }
        given.sort_unstable();
        taken.extend(given.iter().map(|slot_id| (*slot_id, name.clone())));
        Ok(given)
    }

    /// Gives a name the slots that it held before a restart. Those that another has stay the other's.
    pub fn restore(&self, name: &Id, slots: &[u32]) {
        let mut taken = self.taken();
        for slot_id in slots {
            taken.entry(*slot_id).or_insert_with(|| name.clone());
        }
    }

    /// True where a name holds slots.
    pub fn has(&self, name: &Id) -> bool {
        self.taken().values().any(|holder| holder == name)
    }

    /// Lets others have slots.
    pub fn leave(&self, slots: &[u32]) {
        let mut taken = self.taken();
        for slot_id in slots {
            taken.remove(slot_id);
        }
    }
}
