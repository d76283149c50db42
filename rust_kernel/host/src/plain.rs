//! Plain orders: a side, a size, a price. By which rules one becomes intents, and what its parts say of the whole.
//!
//! Against the side that is held an order closes: the oldest trades first, one EXIT each. What is left opens a trade in a
//! free slot. There is no book of orders here: what became of one is read from the kernel's own.

use dita_kernel::kernel::Kernel;
use dita_kernel::names::{OrderSide, TradeSide, VenueOrderStatus};
use dita_kernel::num::Qty;

/// The longest id of a plain order, in bytes: its parts have a number behind it.
pub const PLAIN_ID_BYTES_MAX: usize = 60;

/// True for what can be a plain order's id: a dot divides it from the number of a part.
pub fn is_plain_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= PLAIN_ID_BYTES_MAX && !text.contains('.')
}

/// The side that an order opens.
#[inline]
pub fn opens(order_side: OrderSide) -> TradeSide {
    match order_side {
        OrderSide::Buy => TradeSide::Long,
        OrderSide::Sell => TradeSide::Short,
    }
}

/// Which trades of these slots an order closes, oldest first, and how much of each: what their exits at work have left
/// free. Gives how much of the order is left.
pub fn closes(
    kernel: &Kernel,
    slots: &[u32],
    instrument: u32,
    order_side: OrderSide,
    size: Qty,
    parts: &mut Vec<(u32, Qty)>,
) -> Qty {
    let against = match order_side {
        OrderSide::Buy => TradeSide::Short,
        OrderSide::Sell => TradeSide::Long,
    };
    let held = slots.iter().filter_map(|slot_id| {
        let slot = kernel.slot(*slot_id)?;
        let is_held = slot.instrument == instrument && slot.side == against && !slot.size().is_zero();
        (is_held && !slot.stage.is_free()).then_some((slot.entry_time_ns, *slot_id))
    });
    let mut held: Vec<(i64, u32)> = held.collect();
    held.sort_unstable();
    let mut left = size;
    for (_, slot_id) in held {
        let part = free(kernel, slot_id).min(left);
        if part > Qty::ZERO {
            parts.push((slot_id, part));
            left -= part;
        }
    }
    left
}

/// What the exits at work of a slot have left of its position.
fn free(kernel: &Kernel, slot_id: u32) -> Qty {
    let Some(slot) = kernel.slot(slot_id) else { return Qty::ZERO };
    let exits = slot.exit.iter().chain(&slot.other_exits).filter_map(|exit| kernel.orders().get(*exit));
    exits.filter(|exit| exit.is_live()).fold(slot.size(), |left, exit| left - exit.remaining())
}

/// How a plain order stands, by its parts: status and what has filled of each. The first that is true counts.
///
/// A part is at work and something has filled: PARTIALLY_FILLED; a part is at work: NEW (SENT while none is
/// acknowledged); filled in whole: FILLED; a part is CANCELED, EXPIRED or DONE_FOR_DAY: that; something has filled:
/// CANCELED; else REJECTED. `refused` says that something was refused before it became an order.
pub fn standing(parts: &[(VenueOrderStatus, i128)], size: i128, refused: bool) -> VenueOrderStatus {
    use VenueOrderStatus as Status;
    let filled = parts.iter().fold(0_i128, |sum, (_, filled)| sum.saturating_add(*filled));
    let mut live = parts.iter().map(|(status, _)| *status).filter(|status| !status.is_ended()).peekable();
    if live.peek().is_some() {
        return match filled {
            0 if live.all(|status| matches!(status, Status::New | Status::Sent)) => Status::Sent,
            0 => Status::New,
            _ => Status::PartiallyFilled,
        };
    }
    if filled >= size && !refused {
        return Status::Filled;
    }
    let ended = [Status::Canceled, Status::Expired, Status::DoneForDay];
    let found = ended.into_iter().find(|status| parts.iter().any(|(known, _)| known == status));
    // A part that was refused leaves the rest with less than was asked for: it is over, short of its size.
    found.unwrap_or(if filled == 0 { Status::Rejected } else { Status::Canceled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use VenueOrderStatus::{Acked, Canceled, Expired, Filled, New, PartiallyFilled, Rejected, Sent};

    #[test]
    #[rustfmt::skip]
    fn the_parts_say_how_the_whole_stands() {
        for (parts, size, refused, want) in [
            (&[(Sent, 0)][..],                           5, false, Sent),
            (&[(Sent, 0), (Acked, 0)][..],               5, false, New),
            (&[(Filled, 2), (Acked, 0)][..],             5, false, PartiallyFilled),
            (&[(Filled, 2), (Filled, 3)][..],            5, false, Filled),
            (&[(Filled, 2)][..],                         5, true,  Canceled),
            (&[(Filled, 2), (Canceled, 1)][..],          5, false, Canceled),
            (&[(Expired, 0), (Rejected, 0)][..],         5, false, Expired),
            (&[(Rejected, 0)][..],                       5, false, Rejected),
            (&[][..],                                    5, true,  Rejected),
        ] {
            assert_eq!(standing(parts, size, refused), want, "{parts:?}");
        }
    }

    #[test]
    fn an_id_has_no_dot_and_room_for_the_number_of_a_part() {
        for (text, is_id) in
            [("a", true), ("", false), ("a.1", false), (&"x".repeat(60), true), (&"x".repeat(61), false)]
        {
            assert_eq!(is_plain_id(text), is_id, "{text}");
        }
    }
}
