//! The twenty sequences that broke real systems, each as a named test, two of both sides on one book ([`sides`]), and
//! one of attached exits, 23, and one of what a venue takes at once, 24.
//!
//! Each of the twenty stands in the words of the contract suite for adapters (`python/dita/certify/sequences.py`), which plays them
//! through a venue; here the messages are put in one by one, so that every order of them is told, and what must be
//! true is exact. A test's first letters are its sequence's number: [`planted`] holds the planted bugs against them.

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod ends;
mod exits;
mod fills;
mod money;
mod orders;
#[cfg(feature = "planted")]
mod planted;
mod restarts;
mod sides;

use common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{InstrumentSpec, RareFields, VenueEvent};
use dita_kernel::names::{KernelEventKind as Kind, VenueOrderStatus as Status};
use dita_kernel::order::Order;
use dita_kernel::outcome::Outcome;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;

/// A limit entry of 2 at 99 that the venue has.
fn resting() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    (desk, entry)
}

fn order<'a>(desk: &'a Desk, client: &Id) -> &'a Order {
    let orders = desk.kernel.orders();
    orders.at(orders.by_client_id(client).expect("a known order"))
}

/// An order's status, and how much of it is filled.
fn standing(desk: &Desk, client: &Id) -> (Status, String) {
    let order = order(desk, client);
    (order.status, desk.kernel.instruments()[0].qty_decimal(order.filled).to_string())
}

/// What is held back for orders that may still fill.
fn reserved(desk: &Desk) -> String {
    desk.kernel.exposure().reserved(0).to_string()
}

/// The answer to a question about an order, or a status told by itself.
fn status(desk: &mut Desk, client: &Id, told: Status, filled: Option<&str>) -> Outcome {
    let filled = filled.map(dec);
    desk.event(Kind::OrderStatus, client, |event| {
        event.status = Some(told);
        event.filled_size = filled;
    })
}

/// An event with the venue's reason for it.
fn because(desk: &mut Desk, kind: Kind, client: &Id, code: &str) -> Outcome {
    let reason_code = id(code);
    desk.event(kind, client, |event| {
        event.rare = Some(Box::new(RareFields { reason_code, ..RareFields::default() }));
    })
}

/// A fill's own figures.
pub(crate) fn figures(event: &mut VenueEvent, trade: &str, size: &str, price: &str) {
    event.venue_trade_id = id(trade);
    event.size = Some(dec(size));
    event.price = Some(dec(price));
}

fn cancels(desk: &Desk) -> usize {
    desk.effects.commands.iter().filter(|command| matches!(command, Command::Cancel(_))).count()
}

fn questions(desk: &Desk) -> usize {
    desk.effects.commands.iter().filter(|command| matches!(command, Command::Query(_))).count()
}

/// A second instrument beside BTCUSDT.
fn list_ether(desk: &mut Desk) {
    let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    assert!(desk.put(dita_kernel::input::Input::Instrument(Box::new(spec))).accepted);
}
