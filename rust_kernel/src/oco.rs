//! Groups of orders that cancel one another: which of them have live members, and what they hold back together.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::OrderSide;
use crate::num::Money;
use crate::order::{OrderRef, OrderRole, OrderStore};
use crate::soundness::{Amounts, Sound, hold};

/// What all members of a group have in common: entries of one instrument, or exits of one trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kin {
    /// Entries, of any slots.
    Entries {
        /// The instrument's place.
        instrument: u32,
        /// Their side, where slots of both sides share the book: what holds back one side holds back nothing of the other.
        side: Option<OrderSide>,
    },
    /// Exits of one slot's trade.
    Exits {
        /// The slot.
        slot_id: u32,
        /// The slot's trade.
        trade_number: u64,
    },
}

impl Kin {
    /// What an order has in common with its group.
    pub(crate) fn of(role: OrderRole, instrument: u32, slot_id: u32, trade_number: u64) -> Kin {
        match role {
            OrderRole::Entry => Kin::Entries { instrument, side: None },
            OrderRole::Exit | OrderRole::External => Kin::Exits { slot_id, trade_number },
        }
    }

    /// The same of entries of one side alone, where there is one to name.
    pub(crate) fn on_side(self, side: Option<OrderSide>) -> Kin {
        match self {
            Kin::Entries { instrument, .. } => Kin::Entries { instrument, side },
            Kin::Exits { .. } => self,
        }
    }

    fn has_side(self) -> bool {
        matches!(self, Kin::Entries { side: Some(_), .. })
    }
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

impl Groups {
    /// Whether stored groups are ones that this code could have made of these orders.
    pub(crate) fn check_sound(&self, orders: &OrderStore, amounts: &mut Amounts) -> Sound {
        for (name, group) in &self.groups {
            let at = |field: &'static str| format!("groups[{name}].{field}");
            hold(group.id == *name, at("id"), &group.id, "it is another group's")?;
            let mut worst = Money::ZERO;
            for (number, member) in group.members.iter().enumerate() {
                let named = orders.get(*member).filter(|order| order.oco_group() == Some(name));
                hold(named.is_some(), at("members"), member, "the order is not in the group")?;
                let kin = named.map(|o| {
                    let side = group.kin.has_side().then_some(o.order_side);
                    Kin::of(o.role, o.instrument, o.slot_id, o.trade_number).on_side(side)
                });
                hold(kin == Some(group.kin), at("kin"), group.kin, "a member is of another kind")?;
                hold(member.number >= group.since, at("since"), group.since, "a member is older")?;
                let twin = group.members.iter().position(|other| other == member);
                hold(twin == Some(number), at("members"), member, "it is there twice")?;
                worst = named.map_or(worst, |order| worst.max(order.reserved));
            }
            let reserved = group.reserved;
            hold(reserved == worst, at("reserved"), reserved, "it is not what the worst member holds back")?;
            amounts.add(at("reserved"), reserved.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_kin_by_instrument_and_exits_by_trade() {
        assert_eq!(Kin::of(OrderRole::Entry, 1, 2, 3), Kin::of(OrderRole::Entry, 1, 7, 8));
        assert_ne!(Kin::of(OrderRole::Entry, 1, 2, 3), Kin::of(OrderRole::Exit, 1, 2, 3));
        assert_ne!(Kin::of(OrderRole::Exit, 1, 2, 3), Kin::of(OrderRole::Exit, 1, 2, 4));
    }
}
