//! The core's slots and orders as values: copied while the state is held, shown afterwards.

mod order;
mod slot;

use dita_kernel::instrument::Instrument;
use dita_kernel::num::{Decimal, Money, Qty};

pub use order::{Amend, OrderView, order_view, order_views};
pub(crate) use slot::fills_seen;
pub use slot::{SlotView, blank_slot, close_reason, leg_index, slot_view};

fn average(rules: &Instrument, value: Money, qty: Qty) -> Option<Decimal> {
    rules.average_price(value, qty).map(|price| rules.price_decimal(price))
}

/// `whole - part`; `None` where it does not fit.
pub fn difference(whole: Decimal, part: Decimal) -> Option<Decimal> {
    let scale = whole.scale().max(part.scale());
    let left = whole.at_scale(scale).ok()?.checked_sub(part.at_scale(scale).ok()?)?;
    Decimal::new(left, scale).ok()
}
