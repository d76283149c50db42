//! The invariants as code: [`check`] holds the whole state against them. In tests it runs after every step.

use alloc::vec;
use alloc::vec::Vec;

use crate::kernel::{Kernel, exposure_of};
use crate::ledger::Account;
use crate::names::OrderSide;
use crate::num::{Money, Qty};
use crate::oco::Group;
use crate::order::{Order, OrderRef, OrderRole};
use crate::position::Basis;
use crate::slot::classify::stage_of;
use crate::unassigned::UnassignedPosition;

/// A broken invariant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Its number, 1 to 10, as in the crate's documentation.
    pub invariant: u8,
    /// What is wrong.
    pub what: &'static str,
}

fn hold(condition: bool, invariant: u8, what: &'static str) -> Result<(), Violation> {
    if condition { Ok(()) } else { Err(Violation { invariant, what }) }
}

/// Holds a kernel's state against every invariant that can be seen in one state (I6, I7 and I9 are about two).
///
/// # Errors
/// The first one broken.
pub fn check(kernel: &Kernel) -> Result<(), Violation> {
    fills_are_booked_once(kernel)?;
    positions_add_up(kernel)?;
    books_are_their_fills(kernel)?;
    ledger_balances(kernel)?;
    sent_orders_are_recorded(kernel)?;
    orders_have_one_home(kernel)?;
    groups_hold_live_orders(kernel)?;
    exposure_covers(kernel)?;
    causes_add_up(kernel)
}

/// I1
fn fills_are_booked_once(kernel: &Kernel) -> Result<(), Violation> {
    for order in kernel.orders().iter() {
        let (mut total, mut inferred) = (Qty::ZERO, Qty::ZERO);
        let mut fills = order.fills.iter();
        while let Some(fill) = fills.next() {
            total += fill.qty;
            if fill.inferred {
                inferred += fill.qty;
            }
            if fill.venue_trade_id.is_empty() {
                continue;
            }
            // Parts of one venue fill lie side by side only where an inferred fill was replaced.
            let twin = fills.clone().find(|later| later.venue_trade_id == fill.venue_trade_id);
            hold(
                twin.is_none_or(|later| later.price == fill.price),
                1,
                "one trade id was booked at two prices",
            )?;
        }
        hold(total == order.filled, 1, "an order's cumulative quantity is not the sum of its fills")?;
        hold(
            inferred == order.inferred,
            1,
            "an order's inferred quantity is not the sum of its inferred fills",
        )?;
    }
    Ok(())
}

/// I2
fn positions_add_up(kernel: &Kernel) -> Result<(), Violation> {
    let count = kernel.instruments().len();
    let mut sums: Vec<[Basis; 3]> = vec![[Basis::FLAT; 3]; count];
    for slot in kernel.slots().iter().filter(|slot| slot.trade_number > 0) {
        let side = crate::position::position_side(kernel.is_hedged(slot.instrument), slot.side);
        let sum = &mut sums[slot.instrument as usize][side as usize];
        sum.qty += slot.basis.qty;
    }
    for (instrument, row) in (0_u32..).zip(sums.iter()) {
        let (book, unassigned) = (kernel.book(instrument), kernel.unassigned(instrument));
        let parts = kernel.unassigned_parts(instrument);
        hold(
            parts.iter().all(UnassignedPosition::adds_up),
            2,
            "the origins of the unassigned position do not add up to it",
        )?;
        for ((book, unassigned), sum) in book.iter().zip(unassigned.iter()).zip(row.iter()) {
            hold(book.qty == sum.qty + unassigned.qty, 2, "slots and unassigned do not add up to the book")?;
            hold(!book.qty.is_zero() || book.cost.is_zero(), 2, "a flat book has a cost")?;
        }
    }
    Ok(())
}

/// I2: a book's entries add up to its position, and are what the fills say.
fn books_are_their_fills(kernel: &Kernel) -> Result<(), Violation> {
    for (instrument, _) in (0_u32..).zip(kernel.instruments()) {
        for book in kernel.books_of(instrument) {
            hold(book.adds_up(), 2, "a book's entries do not add up to its position")?;
            for (number, entry) in book.entries() {
                let order = kernel.orders().get(entry.order());
                let of = |order: &'_ Order| order.fills.iter().find(|fill| fill.entry == number).cloned();
                let Some(fill) = order.and_then(of) else { continue };
                hold(entry.figures().0.abs() == fill.qty, 2, "a book's entry is not what its fill says")?;
            }
        }
    }
    Ok(())
}

/// I3
fn ledger_balances(kernel: &Kernel) -> Result<(), Violation> {
    for asset in 0..kernel.assets().len() {
        let asset = u16::try_from(asset).unwrap_or(u16::MAX);
        let sum = kernel.ledger().balances(asset).iter().fold(Money::ZERO, |sum, balance| sum + *balance);
        hold(sum.is_zero(), 3, "an asset's accounts do not balance to zero")?;
    }
    inventory_is_cost(kernel)?;
    let mut last = None;
    for transaction in kernel.ledger().recent() {
        let follows = last.is_none_or(|last: u64| transaction.number == last.wrapping_add(1));
        hold(follows, 3, "the ledger's numbers have a gap")?;
        hold(transaction.from != transaction.to, 3, "a transaction moves money to where it came from")?;
        last = Some(transaction.number);
    }
    Ok(())
}

/// I3 for spot: what was paid for what is held lies in the quote asset's inventory, as long as that asset is nobody's base.
fn inventory_is_cost(kernel: &Kernel) -> Result<(), Violation> {
    for asset in 0..kernel.assets().len() {
        let asset = u16::try_from(asset).unwrap_or(u16::MAX);
        if kernel.instruments().iter().any(|rules| rules.base == Some(asset)) {
            continue;
        }
        let mut cost = Money::ZERO;
        let spot = |rules: &crate::instrument::Instrument| rules.base.is_some() && rules.settle == asset;
        for (instrument, _) in (0_u32..).zip(kernel.instruments()).filter(|(_, rules)| spot(rules)) {
            cost += kernel.book(instrument).iter().fold(Money::ZERO, |sum, basis| sum + basis.cost);
        }
        let inventory = kernel.ledger().balance(asset, Account::Inventory);
        hold(inventory == cost, 3, "the inventory is not what the spot books cost")?;
    }
    Ok(())
}

/// I4
fn sent_orders_are_recorded(kernel: &Kernel) -> Result<(), Violation> {
    for order in kernel.orders().iter().filter(|order| order.role != OrderRole::External) {
        hold(order.number < kernel.orders().next_number(), 4, "an order has a number that was never given")?;
        hold(!order.client_id.is_empty(), 4, "an order of ours has no client id")?;
    }
    Ok(())
}

/// I5
fn orders_have_one_home(kernel: &Kernel) -> Result<(), Violation> {
    kernel.orders().check().map_err(|what| Violation { invariant: 5, what })?;
    for order in kernel.orders().iter().filter(|order| order.is_live()) {
        let slot = kernel.slot(order.slot_id).filter(|slot| slot.trade_number == order.trade_number);
        let homes = slot.map_or(0, |slot| {
            let holds = |reference: Option<OrderRef>| {
                u8::from(reference.is_some_and(|reference| reference.number == order.number))
            };
            let others =
                slot.other_exits.iter().fold(0, |sum: u8, other| sum.saturating_add(holds(Some(*other))));
            holds(slot.entry).saturating_add(holds(slot.exit)).saturating_add(others)
        });
        hold(homes == 1, 5, "a live order is not in exactly one slot")?;
    }
    let mut busy: u32 = 0;
    for (slot_id, slot) in (0_u32..).zip(kernel.slots()) {
        hold(slot.stage == stage_of(kernel.facts_of(slot)), 5, "a slot's stage is not what its facts say")?;
        let live = |reference: OrderRef| kernel.orders().get(reference).is_some_and(Order::is_live);
        hold(slot.other_exits.iter().all(|exit| live(*exit)), 5, "an ended exit is listed as live")?;
        let newest = slot.other_exits.is_empty() || slot.exit.is_some_and(live);
        hold(newest, 5, "the newest exit has ended, and another still works")?;
        let indexed = kernel.slot_of_trade(&slot.trade_id) == Some(slot_id);
        if slot.stage.is_free() {
            hold(slot.basis.qty.is_zero(), 5, "a free slot holds a position")?;
            hold(!indexed, 5, "a free slot's trade is still in the index")?;
        } else {
            busy = busy.saturating_add(1);
            hold(indexed, 5, "a busy slot's trade is not in the index")?;
        }
    }
    hold(busy == kernel.busy_slots(), 5, "the count of busy slots is wrong")
}

/// I8
fn exposure_covers(kernel: &Kernel) -> Result<(), Violation> {
    for (instrument, rules) in (0_u32..).zip(kernel.instruments()) {
        let price = kernel.valuation_price(instrument);
        let wanted = price.map_or(Money::ZERO, |price| exposure_of(rules, price, &kernel.book(instrument)));
        hold(kernel.exposure().position(instrument) == wanted, 8, "a position's exposure is not its value")?;
        if rules.nets() {
            sides_cover(kernel, instrument)?;
            continue;
        }
        let of_orders = |sum: Money, order: &Order| {
            let of_instrument = order.instrument == instrument && !order.reserved.is_zero();
            let alone = of_instrument && group_of(kernel, order).is_none();
            if alone { sum + order.reserved } else { sum }
        };
        let mut reserved = kernel.orders().iter().fold(Money::ZERO, of_orders);
        for group in kernel.groups().iter() {
            let members = group.members.iter().filter_map(|member| kernel.orders().get(*member));
            let of_instrument = members.filter(|order| order.instrument == instrument);
            reserved +=
                of_instrument.fold(
                    Money::ZERO,
                    |worst, order| {
                        if order.reserved > worst { order.reserved } else { worst }
                    },
                );
        }
        hold(kernel.exposure().reserved(instrument) == reserved, 8, "reservations do not add up")?;
    }
    let increases = |order: &&Order| {
        order.role == OrderRole::Entry
            || (order.role == OrderRole::Exit && !order.reduce_only && kernel.nets(order.instrument))
            || (order.role == OrderRole::External && !order.reserve_price.is_zero())
    };
    for order in kernel.orders().iter().filter(increases) {
        let rules = &kernel.instruments()[order.instrument as usize];
        let remaining = order.remaining();
        let worst = if remaining.is_zero() {
            Money::ZERO
        } else {
            rules.value(order.reserve_price, remaining).unwrap_or_default()
        };
        hold(order.reserved >= worst, 8, "an entry holds back less than may still fill")?;
        if let Some(amendment) = order.amendment().filter(|amendment| amendment.qty > order.filled) {
            let worst =
                rules.value(amendment.reserve_price, amendment.qty - order.filled).unwrap_or_default();
            hold(order.reserved >= worst, 8, "an entry holds back less than its amendment may fill")?;
        }
    }
    Ok(())
}

/// I8 where slots of both sides share the book: max(net + buys, sells − net) is held, of each group its worst member.
fn sides_cover(kernel: &Kernel, instrument: u32) -> Result<(), Violation> {
    let held_back = |side: OrderSide| {
        let of_side = |order: &&Order| order.instrument == instrument && order.order_side == side;
        let alone = kernel.orders().iter().filter(of_side).filter(|order| group_of(kernel, order).is_none());
        let mut sum = alone.fold(Money::ZERO, |sum, order| sum + order.reserved);
        for group in kernel.groups().iter() {
            let members = group.members.iter().filter_map(|member| kernel.orders().get(*member));
            sum += members.filter(of_side).map(|order| order.reserved).max().unwrap_or_default();
        }
        sum
    };
    let value = kernel.exposure().position(instrument);
    let net = if kernel.book(instrument)[0].qty.0 < 0 { -value } else { value };
    let (bought, sold) = (net + held_back(OrderSide::Buy), held_back(OrderSide::Sell) - net);
    let worst = if bought > sold { bought } else { sold };
    hold(kernel.exposure().at_worst(instrument) == worst, 8, "both sides of a book are not held back for")
}

/// The group that a live order is in.
fn group_of<'a>(kernel: &'a Kernel, order: &Order) -> Option<&'a Group> {
    let group = kernel.groups().find(order.oco_group()?)?;
    group.members.iter().any(|member| member.number == order.number).then_some(group)
}

/// Every live member of a group is listed in it, and nothing else is.
fn groups_hold_live_orders(kernel: &Kernel) -> Result<(), Violation> {
    for order in kernel.orders().iter().filter(|order| order.is_live() && order.oco_group().is_some()) {
        hold(group_of(kernel, order).is_some(), 5, "a live order is not in its group")?;
    }
    for group in kernel.groups().iter() {
        let live = |member: &OrderRef| kernel.orders().get(*member).is_some_and(Order::is_live);
        hold(!group.members.is_empty(), 5, "a group has no member")?;
        hold(group.members.iter().all(live), 5, "an ended order is still in its group")?;
    }
    Ok(())
}

/// I10
fn causes_add_up(kernel: &Kernel) -> Result<(), Violation> {
    for place in 0..kernel.assets().len() {
        let Some(weighed) = kernel.weigh(u16::try_from(place).unwrap_or(u16::MAX), false) else { continue };
        let proven = weighed
            .parts
            .iter()
            .filter(|part| part.proof == crate::reconcile::Proof::Proven)
            .fold(Money::ZERO, |sum, part| sum + part.amount);
        hold(
            weighed.delta.is_none_or(|delta| delta == proven),
            10,
            "the causes do not add up to the difference",
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
