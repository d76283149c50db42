//! What the exits of a trade may sell together, added up from the orders: never more than it holds.
//!
//! What the venue has filled and not reported is in no book yet, so that a trade may hold less than is known here. Hence two
//! rules. What is *sent* is within bounds as it leaves, with every exit counted as large as it was until the venue has
//! confirmed otherwise. And what a fill leaves too large is *asked* to become smaller in the same step; where the venue
//! refuses that it is asked again, which has to come to something within a minute.

use std::collections::BTreeMap;

use dita_kernel::effect::Command;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::VenueOrderStatus as Status;
use dita_kernel::order::{Order, OrderRole};
use dita_kernel::slot::Slot;

use crate::trouble::Trouble;

const REFUSALS_NS: i64 = 60_000_000_000;

fn wrong(slot_id: u32, what: impl core::fmt::Display) -> Trouble {
    Trouble::new("exposure", format!("slot {slot_id}: {what}"))
}

/// What an order may still fill at worst.
fn worst(order: &Order) -> i128 {
    let asked = order.amendment().map_or(0, |asked| asked.qty.0);
    (asked.max(order.qty.0) - order.filled.0).max(0)
}

/// What it may fill once the venue has done what it was asked for.
fn asked(order: &Order) -> i128 {
    let total = order.amendment().map_or(order.qty.0, |asked| asked.qty.0);
    if order.cancel_requested { 0 } else { (total - order.filled.0).max(0) }
}

/// A sum of exits, and the largest of them: the orders of one intent are one exit.
fn sum<'a>(orders: impl Iterator<Item = &'a &'a Order>, size: fn(&Order) -> i128) -> (i128, i128) {
    let mut by_intent: BTreeMap<&str, i128> = BTreeMap::new();
    for order in orders {
        *by_intent.entry(order.intent_id.as_str()).or_default() += size(order);
    }
    (by_intent.values().sum(), by_intent.values().copied().max().unwrap_or(0))
}

/// Which trades have been too small for their exits, and since when, ns.
#[derive(Clone, Default, Debug)]
pub(crate) struct Room {
    since: BTreeMap<u32, i64>,
}

impl Room {
    /// Holds all exits against what their trades hold. `is_new` says of an order whether it left just now.
    pub(crate) fn check(
        &mut self,
        kernel: &Kernel,
        commands: &[Command],
        is_new: impl Fn(&Order) -> bool,
    ) -> Result<(), Trouble> {
        let raised = |order: &Order| {
            let amended = commands.iter().any(|command| match command {
                Command::Amend(request) => request.venue_client_id == order.client_id,
                Command::Submit(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => {
                    false
                }
            });
            amended && order.amendment().is_some_and(|asked| asked.qty > order.qty)
        };
        let mut planned: BTreeMap<(u32, usize), i128> = BTreeMap::new();
        for (slot_id, slot) in (0_u32..).zip(kernel.slots()) {
            if slot.stage.is_free() || slot.basis.qty.is_zero() {
                self.since.remove(&slot_id);
                continue;
            }
            let exits = exits_of(kernel, slot_id, slot);
            let held = slot.basis.qty.0.abs();
            let mut too_large = false;
            for protects in [false, true] {
                let of_kind = || exits.iter().filter(move |exit| exit.order_type.is_protective() == protects);
                let left = || of_kind().filter(|exit| exit.status != Status::New);
                let (all, largest) = sum(left(), worst);
                let most = held + if protects { largest } else { 0 };
                if all > most && left().any(|exit| is_new(exit) || raised(exit)) {
                    let kind = if protects { "stops" } else { "limit and market exits" };
                    return Err(wrong(slot_id, format_args!("{kind} of {all} for {held}: {exits:?}")));
                }
                let (all, largest) = sum(of_kind(), asked);
                too_large |= all > held + if protects { largest } else { 0 };
                if !protects {
                    let book = exits.first().map_or(0, |exit| exit.position_side as usize);
                    *planned.entry((slot.instrument, book)).or_default() += all;
                }
            }
            let now_ns = kernel.now_ns();
            if !too_large || kernel.connection().down_since_ns.is_some() {
                self.since.remove(&slot_id);
            } else if now_ns - *self.since.entry(slot_id).or_insert(now_ns) > REFUSALS_NS {
                return Err(wrong(slot_id, format_args!("{held} is held for a minute: {exits:?}")));
            }
        }
        if kernel.connection().down_since_ns.is_some() { Ok(()) } else { self.check_books(kernel, &planned) }
    }

    /// The same of a whole book, where all of it is slots'.
    fn check_books(&self, kernel: &Kernel, planned: &BTreeMap<(u32, usize), i128>) -> Result<(), Trouble> {
        for ((instrument, side), all) in planned {
            let rules = kernel.instruments().get(*instrument as usize);
            let unassigned = kernel.unassigned(*instrument)[*side].qty.0;
            let held = kernel.book(*instrument)[*side].qty.0;
            // A late fill may have opened a trade again on the other side.
            let of_sign = |sign: i128| {
                let mut slots = kernel.slots().iter().filter(|slot| slot.instrument == *instrument);
                slots.any(|slot| slot.basis.qty.0.signum() == sign)
            };
            let is_alone = rules.is_some_and(|rules| !rules.nets())
                && unassigned.signum() * (held - unassigned).signum() >= 0
                && !(of_sign(1) && of_sign(-1));
            if self.since.is_empty() && is_alone && *all > held.abs() {
                return Err(Trouble::new(
                    "exposure",
                    format!("exits of {all} are for sale of a position of {held}"),
                ));
            }
        }
        Ok(())
    }
}

fn exits_of<'a>(kernel: &'a Kernel, slot_id: u32, slot: &Slot) -> Vec<&'a Order> {
    let its = |order: &&Order| {
        order.role == OrderRole::Exit
            && order.is_live()
            && order.slot_id == slot_id
            && order.trade_number == slot.trade_number
    };
    kernel.orders().iter().filter(its).collect()
}
