//! Groups of orders that cancel one another: which of them have live members, and what they hold back together.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::num::Money;
use crate::order::OrderRef;

/// What all members of a group have in common: entries of one instrument, or exits of one trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kin {
    /// Entries, of any slots.
    Entries {
        /// The instrument's place.
        instrument: u32,
    },
    /// Exits of one slot's trade.
    Exits {
        /// The slot.
        slot_id: u32,
        /// The slot's trade.
        trade_number: u64,
    },
}

/// One group with a live member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub id: Id,
    /// What its members have in common.
    pub kin: Kin,
    /// The number of its first member: an older order of the same name was of another group.
    pub since: u64,
    /// The live members.
    pub members: Vec<OrderRef>,
    /// What it holds back: its worst member.
    pub reserved: Money,
}

/// The groups that have a live order.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Groups {
    /// By name: a group is looked for at every change of each of its members.
    groups: BTreeMap<Id, Group>,
}

impl Groups {
    /// A group by its name.
    pub fn find(&self, id: &Id) -> Option<&Group> {
        self.groups.get(id)
    }

    /// All groups with a live member.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The live members of the group that an order of that name and number is or was in.
    pub(crate) fn members_of(&self, id: &Id, number: u64) -> Vec<OrderRef> {
        let group = self.find(id).filter(|group| number >= group.since);
        group.map(|group| group.members.clone()).unwrap_or_default()
    }

    /// One more member; the group begins with its first.
    pub(crate) fn join(&mut self, id: &Id, kin: Kin, member: OrderRef) {
        let begun = || Group {
            id: id.clone(),
            kin,
            since: member.number,
            members: Vec::new(),
            reserved: Money::ZERO,
        };
        self.groups.entry(id.clone()).or_insert_with(begun).members.push(member);
    }

    /// A member that ended; the group ends with its last.
    pub(crate) fn leave(&mut self, id: &Id, number: u64) {
        let Some(group) = self.groups.get_mut(id) else { return };
        group.members.retain(|member| member.number != number);
        if group.members.is_empty() {
            self.groups.remove(id);
        }
    }

    /// Sets what a group holds back, and returns the change.
    pub(crate) fn set_reserved(&mut self, id: &Id, reserved: Money) -> Money {
        let Some(group) = self.groups.get_mut(id) else { return Money::ZERO };
        let change = reserved - group.reserved;
        group.reserved = reserved;
        change
    }
}
