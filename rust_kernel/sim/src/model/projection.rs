//! Which kernels are the same: a projection onto what decides what they can do from here on.
//!
//! Left out are names and counters that only grow (client ids, sequence numbers, times past) and money, which follows
//! from quantities because every fill has one price. The structures are taken apart field by field, without `..`, so
//! that a field added to the kernel breaks this file until somebody has decided whether it matters.

use std::hash::{DefaultHasher, Hash, Hasher};

use dita_kernel::attached::Attached;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::VenueOrderStatus;
use dita_kernel::order::{Amendment, Fill, Order, OrderExtra, OrderRef};
use dita_kernel::slot::Slot;

use super::message::NOBODYS;
use super::trader::{Trader, WINDOW_NS};

/// A kernel's key: 128 bits, so that no two in a hundred million meet by chance.
pub type Key = u128;

/// The key of a trader.
pub fn key(trader: &Trader) -> Key {
    let mut low = DefaultHasher::new();
    let mut high = DefaultHasher::new();
    high.write_u8(1);
    let mut both = Both(&mut low, &mut high);
    write_trader(trader, &mut both);
    (u128::from(high.finish()) << 64) | u128::from(low.finish())
}

/// Writes to two hashers at once.
struct Both<'a>(&'a mut DefaultHasher, &'a mut DefaultHasher);

impl Hasher for Both<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

fn write_trader(trader: &Trader, into: &mut impl Hasher) {
    (trader.entered, trader.added, trader.exits, trader.orders.len()).hash(into);
    (trader.amends, trader.hands, trader.crashes, trader.is_down()).hash(into);
    for (slot_id, slot) in (0..).zip(trader.kernel.slots()) {
        write_slot(trader, slot, into);
        trader.kernel.filled_beyond(slot_id).0.hash(into);
    }
    for books in [trader.kernel.book(0), trader.kernel.unassigned(0)] {
        for basis in books {
            basis.qty.0.hash(into);
        }
    }
    for number in (0..).take(trader.orders.len()) {
        match trader.known(number) {
            Some(order) => {
                write_order(order, trader.settled(order), into);
                write_amends(trader, number, order, into);
            }
            None => into.write_u8(0),
        }
    }
    // Orders that are not ours, and ours that never left.
    for order in trader.kernel.orders().iter() {
        if !trader.orders.iter().any(|known| known.client_id == order.client_id) {
            write_order(order, (true, true), into);
        }
    }
    write_leverage(&trader.kernel, into);
    if trader.sequenced {
        write_sequence(&trader.kernel, into);
    }
}

/// In which sequence all fills were booked, and what each closed: a slot's figures are made again from them where one
/// is revised.
fn write_sequence(kernel: &Kernel, into: &mut impl Hasher) {
    let mut fills: Vec<((u64, u64, usize), &Fill)> = Vec::new();
    for order in kernel.orders().iter() {
        let of_order = order.fills.iter().enumerate();
        fills.extend(of_order.map(|(at, fill)| ((fill.seq, order.number, at), fill)));
    }
    fills.sort_unstable_by_key(|(sequence, _)| *sequence);
    for (_, fill) in fills {
        fill.venue_trade_id.as_bytes().hash(into);
        (fill.qty.0, fill.closed.0, fill.inferred, fill.busted, paired(fill)).hash(into);
    }
}

fn write_leverage(kernel: &Kernel, into: &mut impl Hasher) {
    for instrument in kernel.instruments() {
        instrument.leverage.mantissa().hash(into);
    }
}

fn write_slot(trader: &Trader, slot: &Slot, into: &mut impl Hasher) {
    let Slot {
        trade_number,
        trade_id: _, // follows from the number
        owner: _,    // told, not acted upon
        instrument: _,
        side,
        stage,
        basis,
        initial,
        entry_value: _,
        leverage: _,
        entry_time_ns: _,
        last_event_time_ns: _,
        realized: _,
        fees: _,
        funding: _,
        ratios: _,
        entry,
        exit,
        other_exits,
        close_reason: _, // told, not acted upon
        unprotected,
        metadata: _,
        attached,
    } = slot;
    if let Some(attached) = attached {
        write_attached(trader, attached, into);
    }
    (trade_number, side, stage, basis.qty.0, initial.0, unprotected).hash(into);
    for reference in entry.iter().chain(exit).chain(other_exits) {
        into.write_u8(trader.number_of(*reference));
    }
}

fn write_attached(trader: &Trader, attached: &Attached, into: &mut impl Hasher) {
    let Attached { intent_id: _, exits, legs, best, way, bare_since_ns, alarmed, wake_ns } = attached;
    (best.map(|best| best.0), way, bare_since_ns.is_some(), alarmed, wake_ns.is_some()).hash(into);
    for exit in exits {
        let tried = exit.tried.as_ref().map(|tried| (tried.wanted.qty.0, tried.times));
        (exit.withdrawn, exit.sold.0, exit.trail.map(|trail| trail.0), exit.moved_ns.is_some(), tried)
            .hash(into);
    }
    for leg in legs {
        (leg.exit, trader.number_of(leg.order), leg.filled.0).hash(into);
        (leg.leaving, leg.over, leg.changing).hash(into);
    }
}

fn write_order(order: &Order, settled: (bool, bool), into: &mut impl Hasher) {
    let Order {
        number: _,
        client_id: _,
        venue_order_id: _, // every event carries our own id, which is asked first
        other_venue_ids: _,
        intent_id: _,
        slot_id: _,
        trade_number,
        trade_id: _,
        role,
        instrument: _,
        side: _,
        order_side: _,
        position_side: _,
        order_type: _,
        time_in_force: _,
        expire_time_ns: _,
        post_only: _,
        reduce_only,
        limit_price: _,
        qty,
        filled,
        filled_value: _,
        inferred,
        status,
        doubt,
        cancel_requested,
        reserve_price: _,
        reserved: _,     // follows from what remains
        sent_time_ns: _, // as far as it matters: `settled`
        fills,
        extra,
    } = order;
    (*role as u8, *status, *doubt, cancel_requested, qty.0, filled.0, inferred.0).hash(into);
    (trade_number, settled, reduce_only).hash(into);
    fills.iter().filter(|fill| fill.inferred).map(paired).sum::<i128>().hash(into);
    // In whatever order and in however many parts they were booked, the same fills are the same; what is inferred
    // counts by its sum.
    let mut known: Vec<(&[u8], i128, bool, i128)> = Vec::new();
    for (id, qty, busted, paired) in fills.iter().filter_map(fill_key) {
        match known.iter_mut().find(|(other, _, gone, _)| *other == id && *gone == busted) {
            Some((_, sum, _, pairs)) => {
                (*sum, *pairs) = (sum.saturating_add(qty), pairs.saturating_add(paired));
            }
            None => known.push((id, qty, busted, paired)),
        }
    }
    known.sort_unstable();
    known.hash(into);
    if let Some(extra) = extra {
        write_extra(extra, asked(order), into);
    }
}

/// Which of our requests is outstanding, by its number.
fn write_amends(trader: &Trader, number: u8, order: &Order, into: &mut impl Hasher) {
    let requests = &trader.orders[usize::from(number)].amends;
    requests.len().hash(into);
    let place = |amendment: &Amendment| requests.iter().position(|id| *id == amendment.request_id);
    order.amendment().map(place).hash(into);
    let given_up = order.extra.as_ref().and_then(|extra| extra.given_up.as_ref());
    given_up.map(place).hash(into);
}

fn fill_key(fill: &Fill) -> Option<(&[u8], i128, bool, i128)> {
    let Fill {
        venue_trade_id,
        qty,
        price: _,
        fee: _,
        fee_asset: _,
        realized: _,
        liquidity: _,
        fee_predicted: _,
        settled: _,
        profit_told: _,
        inferred,
        price_pending: _,
        busted,
        entry: _,
        seq: _,
        venue_time_ns: _,
        closed: _,
        liquidity_assumed: _,
        forced,
        pairs: _, // by how much
    } = fill;
    (!*inferred).then_some((venue_trade_id.as_bytes(), qty.0, *busted || *forced, paired(fill)))
}

/// How much a fill has closed of other slots.
fn paired(fill: &Fill) -> i128 {
    fill.pairs.iter().flatten().map(|pair| pair.qty.0).sum()
}

/// What an answer to the question that is open can prove: of the order, and of a change of it.
fn asked(order: &Order) -> Option<(bool, bool)> {
    let asked_ns = order.extra.as_ref().and_then(|extra| extra.queried_time_ns)?;
    let over = |since_ns: i64| asked_ns.saturating_sub(since_ns) >= WINDOW_NS;
    Some((over(order.sent_time_ns), order.amendment().is_some_and(|change| over(change.sent_time_ns))))
}

fn write_extra(extra: &OrderExtra, asked: Option<(bool, bool)>, into: &mut impl Hasher) {
    let OrderExtra {
        trigger_price: _,
        by_mark: _, // the venue's to know
        attached,
        triggered,
        oco_group: _,
        amendment,
        valid_until_ns: _,
        resent,
        first_sent_time_ns: _, // no order in the model says when it was made
        queried_time_ns: _,    // as far as it matters: `asked`
        unheard,
        begun_unheard,
        remaining_told,
        corrections,
        reason: _, // told, not acted upon
        owner: _,
        given_up,
        beside,
    } = extra;
    (triggered, resent, asked, remaining_told.map(|left| left.0)).hash(into);
    (attached, unheard, begun_unheard, beside.map(|status| status as u8)).hash(into);
    for change in [amendment, given_up] {
        change.as_ref().map(|change| change.qty.0).hash(into);
    }
    corrections.len().hash(into);
}

impl Trader {
    /// An order's number in the history; 255 for one that never left.
    fn number_of(&self, reference: OrderRef) -> u8 {
        let Some(order) = self.kernel.orders().get(reference) else { return u8::MAX };
        let number = self.orders.iter().position(|known| known.client_id == order.client_id);
        // An attached one is another than one that never left.
        let other = if order.status == VenueOrderStatus::New { u8::MAX } else { NOBODYS };
        number.and_then(|number| u8::try_from(number).ok()).unwrap_or(other)
    }
}
