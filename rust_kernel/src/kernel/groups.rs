//! Groups of orders that cancel one another, as orders join, fill and end.

use alloc::boxed::Box;

use super::Kernel;
use super::intent::invalid;
use crate::effect::Effects;
use crate::input::Intent;
use crate::names::VenueOrderStatus;
use crate::num::Money;
use crate::oco::{Groups, Kin};
use crate::order::{Order, OrderRef, OrderRole};
use crate::outcome::Refusal;
use crate::slot::Slot;

impl Kernel {
    /// The groups of orders that cancel one another.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Whether an order may join its group; returns how much more the group then holds back.
    #[cold]
    pub(crate) fn plan_group(
        &self,
        role: OrderRole,
        instrument: u32,
        slot: &Slot,
        intent: &Intent,
        notional: Money,
    ) -> Result<Money, Box<Refusal>> {
        let Some(group) = self.groups.find(&intent.oco_group) else { return Ok(notional) };
        let kin = Kin::of(role, instrument, intent.slot_id, slot.trade_number);
        let kin = kin.on_side(intent.side.entry_side().filter(|_| self.nets(instrument)));
        if group.kin != kin {
            let why = match role {
                OrderRole::Entry if self.nets(instrument) => {
                    "is at work for exits, or for entries of another asset or side"
                }
                OrderRole::Entry => "is at work for exits, or for entries of another asset",
                OrderRole::Exit | OrderRole::External => "is at work for entries, or for another trade",
            };
            return Err(invalid("oco_group", &intent.oco_group, why));
        }
        Ok(if notional > group.reserved { notional - group.reserved } else { Money::ZERO })
    }

    fn kin_of(&self, order: &Order) -> Kin {
        let kin = Kin::of(order.role, order.instrument, order.slot_id, order.trade_number);
        kin.on_side(Some(order.order_side).filter(|_| self.nets(order.instrument)))
    }

    /// A new order joins the group that it names.
    pub(crate) fn join_group(&mut self, member: OrderRef) {
        let order = self.orders.at(member.place);
        let kin = self.kin_of(order);
        if let Some(group) = order.oco_group() {
            self.groups.join(group, kin, member);
        }
    }

    /// An ended order works again (amended up, or a fill of it was busted): back to its slot's exits and to its group,
    /// before its reservation is computed. Where its group's name is another's by now, it stands alone.
    pub(crate) fn rejoin(&mut self, place: u32) {
        let order = self.orders.at(place);
        if order.role == OrderRole::Exit {
            self.rejoin_exit(place);
        }
        let order = self.orders.at(place);
        let member = OrderRef { place, number: order.number };
        let Some(id) = order.oco_group() else { return };
        let kin = self.kin_of(order);
        match self.groups.find(id) {
            Some(group) if group.kin != kin || member.number < group.since => {
                self.orders.at_mut(place).extra_mut().oco_group = crate::id::Id::EMPTY;
            }
            Some(_) | None => self.join_group(member),
        }
    }

    /// Sets what an order holds back. In a group, only the worst member counts.
    #[inline(always)]
    pub(crate) fn set_reserved(&mut self, place: u32, wanted: Money) {
        let order = self.orders.at_mut(place);
        let change = wanted - order.reserved;
        order.reserved = wanted;
        let (instrument, side) = (order.instrument, order.order_side);
        if order.extra.is_some() {
            return self.reserve_in_group(place, change);
        }
        self.exposure.reserve(instrument, side, change);
    }

    #[cold]
    fn reserve_in_group(&mut self, place: u32, change: Money) {
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument, order.order_side);
        let id = order.oco_group().cloned().unwrap_or_default();
        let members = self.groups.members_of(&id, order.number);
        if members.iter().all(|member| member.number != order.number) {
            return self.exposure.reserve(instrument, side, change);
        }
        let reserved =
            members.iter().filter_map(|member| self.orders.get(*member)).map(|order| order.reserved);
        let worst = reserved.fold(Money::ZERO, |worst, one| if one > worst { one } else { worst });
        let change = self.groups.set_reserved(&id, worst);
        self.exposure.reserve(instrument, side, change);
    }

    /// What a change of a member means to the others: they go when an entry has filled at all, or an exit has filled
    /// to its end, in all its parts.
    #[cold]
    pub(crate) fn after_group_change(&mut self, place: u32, effects: &mut Effects) {
        let order = self.orders.at(place);
        let Some(id) = order.oco_group().cloned() else { return };
        let (number, intent_id) = (order.number, order.intent_id.clone());
        let (parted, ended) = (order.role == OrderRole::Exit, order.status.is_ended());
        let done = match order.role {
            OrderRole::Entry => !order.filled.is_zero(),
            OrderRole::Exit => order.status == VenueOrderStatus::Filled,
            OrderRole::External => false,
        };
        let mut others = if done { self.groups.members_of(&id, number) } else { alloc::vec::Vec::new() };
        let is_part = |other: &OrderRef| {
            let order = self.orders.get(*other).filter(|order| parted && order.number != number);
            order.is_some_and(|order| order.intent_id == intent_id && order.is_live())
        };
        if others.iter().any(is_part) {
            others.clear();
        }
        if ended {
            // What it held back is given back by now.
            self.groups.leave(&id, number);
        }
        for other in others.into_iter().filter(|other| other.number != number) {
            self.call_off(other, effects);
        }
    }

    /// Takes an order back, unless it has ended or that was asked for already.
    pub(crate) fn call_off(&mut self, reference: OrderRef, effects: &mut Effects) {
        let wanted = |order: &&Order| order.is_live() && !order.cancel_requested;
        if self.orders.get(reference).as_ref().is_some_and(wanted) {
            self.let_go(reference.place, effects);
        }
    }
}
