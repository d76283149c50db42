//! Entries of the wallet, position reports and settlements at their edges: what was forgotten, what came before the
//! opening, what comes again. Each was read in some wrong way that no other test saw (mutation testing).

use crate::common::{Desk, dec, id};
use crate::opening::{OPENED, opened};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{AccountEventKind, KernelDiagnosticCode as Code};

#[test]
fn an_entry_as_old_as_the_newest_that_was_forgotten_may_have_been_booked_then() {
    let config = KernelConfig { max_slots: 3, remembered_wallet_entries: 2, ..KernelConfig::default() };
    let mut desk = Desk::with(config);
    for (txn, time, accepted) in [
        ("X1", 10, true),
        ("X2", 20, true),
        ("X3", 30, true), // X1 is forgotten
        ("X4", 10, false),
        ("X5", 11, true),
        ("X6", 0, true), // without a time there is nothing to tell by
    ] {
        let outcome = desk.account(AccountEventKind::Transfer, |event| {
            event.timestamp_ns = time;
            event.amount = Some(dec("1"));
            event.venue_txn_id = id(txn);
        });
        assert_eq!(outcome.accepted, accepted, "{txn}: {outcome:?}");
    }
    assert_eq!(desk.k(), "1005");
    desk.assert_replays();
}

#[test]
fn a_position_report_of_the_same_time_is_not_older() {
    let mut desk = opened();
    for (time, size, code) in [
        (OPENED + 9, "1.5", Code::ReconcileRequired),
        (OPENED + 9, "1", Code::Ok),
        (OPENED + 8, "2", Code::StaleEvent),
    ] {
        let outcome = desk.account(AccountEventKind::PositionUpdate, |event| {
            event.timestamp_ns = time;
            event.size = Some(dec(size));
        });
        assert_eq!(outcome.code, code, "{size}");
    }
    let reported = desk.kernel.reported(0)[0].expect("a report");
    assert_eq!(desk.kernel.instruments()[0].qty_decimal(reported.qty).to_string(), "1.000");
}

#[test]
fn a_settlement_under_an_id_that_came_before_is_a_repetition_of_whatever_fill() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    desk.fill(&entry, "T2", "1", "100");
    for (trade, txn, code, k) in [
        ("T1", "X1", Code::Ok, "999.91"),
        ("T2", "X1", Code::DuplicateEvent, "999.91"),
        ("T2", "X2", Code::Ok, "999.92"),
    ] {
        let outcome = desk.account(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = id(trade);
            event.venue_txn_id = id(txn);
            event.fee = Some(dec("0.04"));
        });
        assert_eq!((outcome.code, desk.k().as_str()), (code, k), "{trade} {txn}");
    }
    desk.assert_replays();
}

#[test]
fn a_settlement_from_before_the_opening_is_in_it() {
    for (time, code, k) in [
        (OPENED - 5, Code::DuplicateEvent, "1000.5"),
        (OPENED, Code::DuplicateEvent, "1000.5"),
        (OPENED + 1, Code::ReconcileRequired, "1007.4"), // of a fill that no event has brought yet
    ] {
        let mut desk = opened();
        let outcome = desk.account(AccountEventKind::FillSettled, |event| {
            event.timestamp_ns = time;
            event.venue_trade_id = id("T1");
            (event.realized_pnl, event.fee) = (Some(dec("7")), Some(dec("0.1")));
        });
        assert_eq!((outcome.accepted, outcome.code, desk.k().as_str()), (true, code, k), "{time}");
        desk.assert_replays();
    }
}
