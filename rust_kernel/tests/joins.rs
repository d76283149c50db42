//! Where the parts of the kernel meet: what one of them does to what another has booked, asked for or held back.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::names::KernelEventKind as Kind;

/// A position of 1 bought at 100 for a fee of 0.05, and an exit at work.
fn exiting() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    assert!(desk.exit(0).accepted);
    let exit = desk.submitted();
    desk.ack(&exit, "VX");
    (desk, exit)
}

fn told(desk: &mut Desk, order: &Id, total: &str, price: &str) {
    desk.event(Kind::OrderStatus, order, |event| {
        event.filled_size = Some(dec(total));
        event.price = Some(dec(price));
    });
}

#[test]
fn what_was_settled_ahead_stands_though_the_fill_was_inferred_meanwhile() {
    // The venue's profit and fee, whatever ours would have been: 1000 − 0.05 + profit − fee.
    for (total, fill, profit, fee, k) in [
        ("1", "1", "9.99", "0.054", "1009.886"),
        ("1", "1", "-3", "-0.01", "996.96"),
        // The inferred fill was a part of the real one.
        ("0.4", "1", "9.99", "0.054", "1009.886"),
    ] {
        let (mut desk, exit) = exiting();
        desk.settled("TX", profit, fee);
        told(&mut desk, &exit, total, "105");
        desk.fill(&exit, "TX", fill, "110");
        assert_eq!(desk.k(), k, "{total} of {fill}");
        assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fills, 1, "the entry's");
        // It is settled: the same figures by another way change nothing.
        desk.settled("TX", profit, fee);
        assert_eq!(desk.k(), k);
        desk.assert_replays();
    }
}
