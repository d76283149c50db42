//! What busts and corrections leave in a slot where other slots, the venue or strangers have a part in it, and which
//! fill they mean. Each was wrong in some way that no other test saw (mutation testing).

use crate::bust_figures::{bust, correct, entered, exited, figures, liquidated, revise, strangers};
use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, TradeSide};

#[test]
fn a_neighbours_first_trade_is_not_a_part_of_this_slots_first_trade() {
    let mut desk = Desk::new();
    desk.open(1, "1", "80");
    desk.enter(0, "4");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "2", "100");
    desk.fill(&entry, "T2", "2", "110");
    exited(&mut desk, "2", "2", "120");
    correct(&mut desk, "T1", "1", "100");
    // 3 for 320, 2 of them sold at 120: the average is made again, as all fills of the slot are known.
    let want = ["1.000", "3.000", "320", "106.666666666666666667", "26.666666666666666667"];
    assert_eq!(figures(&desk)[..5], want);
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn the_price_of_an_exit_is_profit_where_nothing_of_its_entries_is_left() {
    for (side, forced_by, forced_at, sold, corrected, realized, nobodys, what) in [
        (TradeSide::Long,  OrderSide::Sell, "90",  "120", "124", "-3", ("-1.000", "-110"), "long"),
        (TradeSide::Short, OrderSide::Buy,  "120", "90",  "86",  "7",  ("1.000", "110"),   "short"),
    ] {
        let (mut desk, _) = entered(side);
        liquidated(&mut desk, forced_by, "0.5", forced_at);
        exited(&mut desk, "0.5", "0.5", sold);
        bust(&mut desk, "T1");
        bust(&mut desk, "T2");
        correct(&mut desk, "T3", "0.5", corrected);
        // 4 better on 0.5: 2 more than the loss of 5, or the profit of 5, that the bust of T1 left of the average.
        assert_eq!(figures(&desk)[..5], ["0.000", "0.000", "0", "0", realized], "{what}");
        let unassigned = desk.kernel.unassigned(0)[0];
        assert_eq!((desk.book().1.as_str(), unassigned.cost.to_string().as_str()), nobodys, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn what_a_slot_leaves_past_zero_may_close_what_is_nobodys() {
    // 1.5 left for 157.5 in the slot, and 0.5 of a stranger's at 95; the entries never were.
    let (mut desk, _) = entered(TradeSide::Long);
    liquidated(&mut desk, OrderSide::Sell, "0.5", "90");
    strangers(&mut desk, "S1", OrderSide::Buy, "0.5", "95");
    bust(&mut desk, "T1");
    bust(&mut desk, "T2");
    assert_eq!(desk.book(), ("0.000".into(), "0.000".into()));
    // The stranger's 0.5 for 47.5 meets what the slot had sold for 52.5: nobody gains 5, and the book says the same.
    assert_eq!(figures(&desk), ["0.000", "0.000", "0", "0", "-7.5", "997.5"]);
    assert_eq!(desk.balance(Account::InterSlot), "0");
    desk.assert_replays();
}

#[test]
fn a_correction_without_a_trade_id_of_its_own_is_settled_by_the_fills() {
    for settled_before in [false, true] {
        let mut desk = Desk::new();
        desk.enter(0, "1");
        let entry = desk.submitted();
        desk.fill(&entry, "T1", "1", "100");
        if settled_before {
            desk.settled("T1", "0", "0.05");
        }
        revise(&mut desk, Kind::TradeCorrect, "T1", |event| {
            event.event_id = id("C1");
            event.price = Some(dec("120"));
        });
        let (code, k) = if settled_before { (Code::DuplicateEvent, "999.95") } else { (Code::Ok, "999.93") };
        assert_eq!((desk.settled("T1", "0", "0.07").code, desk.k().as_str()), (code, k), "{settled_before}");
        desk.assert_replays();
    }
}

#[test]
fn of_two_fills_of_one_trade_the_order_says_which_is_meant() {
    let both = || {
        let mut desk = Desk::new();
        let orders: Vec<Id> = (0..3)
            .map(|slot| {
                desk.enter(slot, "1");
                let entry = desk.submitted();
                desk.ack(&entry, &format!("V{slot}"));
                entry
            })
            .collect();
        for entry in &orders[..2] {
            desk.fill(entry, "T1", "1", "100");
        }
        (desk, orders)
    };
    for (named, sizes) in [
        (Some(0), Some(["0.000", "1.000"])),
        (Some(1), Some(["1.000", "0.000"])),
        (Some(2), None), // which has no such fill
        (None, None),
    ] {
        let (mut desk, orders) = both();
        let order: Option<&Id> = named.map(|slot: usize| &orders[slot]);
        let outcome = revise(&mut desk, Kind::TradeBust, "T1", |event| {
            event.venue_client_id = order.cloned().unwrap_or(Id::EMPTY);
        });
        assert_eq!(outcome.accepted, sizes.is_some(), "{named:?}");
        assert_eq!([desk.size(0), desk.size(1)], sizes.unwrap_or(["1.000", "1.000"]), "{named:?}");
        desk.assert_replays();
    }
}

#[test]
fn one_real_fill_may_stand_for_two_inferred_ones() {
    let mut desk = Desk::new();
    desk.enter(0, "4");
    let entry = desk.submitted();
    for total in ["1", "3"] {
        desk.event(Kind::OrderStatus, &entry, |event| {
            (event.filled_size, event.average_price) = (Some(dec(total)), Some(dec("100")));
        });
    }
    desk.fill_to(&entry, "T1", "2", "100", "3");
    let orders = desk.kernel.orders();
    let order = orders.at(orders.by_client_id(&entry).expect("an order"));
    let rules = &desk.kernel.instruments()[0];
    let parts: Vec<(String, bool)> =
        order.fills.iter().map(|fill| (rules.qty_decimal(fill.qty).to_string(), fill.inferred)).collect();
    assert_eq!(parts, [("1.000".into(), false), ("1.000".into(), false), ("1.000".into(), true)]);
    assert_eq!(rules.qty_decimal(order.inferred).to_string(), "1.000");
    desk.assert_replays();
}

#[test]
fn the_fee_of_a_fill_that_stands_for_two_inferred_ones_is_charged_once() {
    for (fee, k) in [("0.08", "999.92"), ("-0.02", "1000.02")] {
        let mut desk = Desk::new();
        desk.enter(0, "3");
        let entry = desk.submitted();
        for total in ["1", "3"] {
            desk.event(Kind::OrderStatus, &entry, |event| {
                (event.filled_size, event.average_price) = (Some(dec(total)), Some(dec("100")));
            });
        }
        desk.event(Kind::FullFill, &entry, |event| {
            event.venue_trade_id = id("T1");
            (event.size, event.price) = (Some(dec("3")), Some(dec("100")));
            (event.filled_size, event.fee) = (Some(dec("3")), Some(dec(fee)));
        });
        assert_eq!(desk.k(), k);
        assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fills, 0);
        desk.assert_replays();
    }
}
