//! One trade id on the two halves of a self-trade: a settlement that tells what was bought or sold is of that half alone.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input, RareFields};
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide,
};
use dita_kernel::outcome::Outcome;

/// Slot 0 has bought 2 at 100; an entry of slot 1 buys 1, and an exit of slot 0 sells 1: they will meet as T9.
fn meeting() -> (Desk, Id, Id) {
    let mut desk = Desk::new();
    let entry = desk.open(0, "2", "100");
    assert!(!entry.is_empty());
    desk.account(AccountEventKind::FillSettled, |event| {
        event.venue_trade_id = id("T5-0");
        event.fee = Some(dec("0"));
    });
    desk.enter_limit(1, "1", "105");
    let buy = desk.submitted();
    desk.exit_size(0, "1");
    let sell = desk.submitted();
    (desk, buy, sell)
}

/// The settlement of one half, `size` signed.
fn settle(desk: &mut Desk, size: Option<&str>, profit: &str, fee: &str) -> Outcome {
    let (size, profit, fee) = (size.map(dec), dec(profit), dec(fee));
    desk.account(AccountEventKind::FillSettled, |event| {
        (event.venue_trade_id, event.size) = (id("T9"), size);
        (event.realized_pnl, event.fee) = (Some(profit), Some(fee));
    })
}

fn bought(desk: &mut Desk) -> Code {
    settle(desk, Some("1"), "0", "0.02").code
}

fn sold(desk: &mut Desk) -> Code {
    settle(desk, Some("-1"), "5", "0.05").code
}

/// Realised profit and fees of both slots, and K.
fn money(desk: &Desk) -> [String; 3] {
    [desk.money(0).1, desk.money(1).1, desk.k()]
}

/// Each half with its own fee, and the profit of the sale.
fn assert_each_has_its_own(desk: &Desk, before: &Desk) {
    let fee_before = dec(&before.money(0).1);
    let expected = dec(&before.k());
    assert_eq!(desk.money(1).1, "0.02", "the half that bought");
    assert_eq!(dec(&desk.money(0).1), fee_before.plus("0.05"), "the half that sold");
    assert_eq!(dec(&desk.k()), expected.plus("4.93"));
    desk.assert_replays();
}

trait Plus {
    fn plus(self, more: &str) -> Self;
}

impl Plus for dita_kernel::num::Decimal {
    fn plus(self, more: &str) -> Self {
        use dita_kernel::num::{Decimal, MONEY_SCALE, Money};
        let both = [self, dec(more)].map(|value| Money::from_decimal(value).expect("money"));
        Decimal::normalized(both[0].0 + both[1].0, MONEY_SCALE).expect("a decimal")
    }
}

#[test]
fn the_settlement_of_the_half_that_has_not_come_is_no_repetition() {
    let (mut desk, buy, sell) = meeting();
    let (before, _, _) = meeting();
    desk.fill(&buy, "T9", "1", "105");
    assert_eq!(bought(&mut desk), Code::Ok);
    assert_eq!(sold(&mut desk), Code::ReconcileRequired, "no event has brought it yet");
    assert_eq!(sold(&mut desk), Code::DuplicateEvent);
    assert_eq!(desk.fill(&sell, "T9", "1", "105").code, Code::Ok);
    assert_each_has_its_own(&desk, &before);
}

#[test]
fn a_repeated_settlement_of_one_half_is_not_taken_for_the_others() {
    let (mut desk, buy, sell) = meeting();
    let (before, _, _) = meeting();
    desk.fill(&buy, "T9", "1", "105");
    assert_eq!(bought(&mut desk), Code::Ok);
    desk.fill(&sell, "T9", "1", "105");
    assert_eq!(bought(&mut desk), Code::DuplicateEvent);
    assert_eq!(sold(&mut desk), Code::Ok);
    assert_each_has_its_own(&desk, &before);
}

#[test]
fn both_halves_settled_ahead_of_their_fills_find_their_own() {
    for sale_first in [false, true] {
        let (mut desk, buy, sell) = meeting();
        let (before, _, _) = meeting();
        assert_eq!(bought(&mut desk), Code::ReconcileRequired);
        assert_eq!(sold(&mut desk), Code::ReconcileRequired);
        let fills = if sale_first { [&sell, &buy] } else { [&buy, &sell] };
        for order in fills {
            assert_eq!(desk.fill(order, "T9", "1", "105").code, Code::Ok);
        }
        assert_each_has_its_own(&desk, &before);
    }
}

#[test]
fn a_bust_ahead_of_one_half_leaves_what_the_other_was_settled_with() {
    let (mut desk, buy, sell) = meeting();
    let before = money(&desk);
    assert_eq!((bought(&mut desk), sold(&mut desk)), (Code::ReconcileRequired, Code::ReconcileRequired));
    let outcome = desk.event(Kind::TradeBust, &sell, |event| {
        (event.venue_trade_id, event.size) = (id("B1"), Some(dec("1")));
        event.rare = Some(Box::new(RareFields { ref_trade_id: id("T9"), ..RareFields::default() }));
    });
    assert_eq!(outcome.code, Code::Ok);
    desk.fill(&buy, "T9", "1", "105");
    assert_eq!((desk.money(0).1, desk.money(1).1), (before[0].clone(), "0.02".into()));
    assert_eq!(dec(&desk.k()), dec(&before[2]).plus("-0.02"), "the sale's money went back with it");
    desk.assert_replays();
}

#[test]
fn without_its_side_other_figures_of_a_settled_half_are_named_and_not_booked() {
    let (mut desk, buy, sell) = meeting();
    desk.fill(&buy, "T9", "1", "105");
    assert_eq!(settle(&mut desk, None, "0", "0.02").code, Code::Ok);
    let before = money(&desk);
    assert_eq!(settle(&mut desk, None, "0", "0.02").code, Code::DuplicateEvent, "the same again");
    for (profit, fee) in [("5", "0.02"), ("0", "0.05")] {
        assert_eq!(settle(&mut desk, None, profit, fee).code, Code::ReconcileRequired, "{profit} {fee}");
    }
    assert_eq!(money(&desk), before, "whose they are, nobody can tell");
    desk.fill(&sell, "T9", "1", "105");
    assert_eq!(
        settle(&mut desk, None, "5", "0.05").code,
        Code::Ok,
        "once the other half is there, it is its"
    );
    desk.assert_replays();
}

#[test]
fn the_log_finds_the_settlement_of_each_half_by_its_side() {
    let (desk, _, _) = meeting();
    for (size, side) in [("1", Some(OrderSide::Buy)), ("-1", Some(OrderSide::Sell)), ("0", None)] {
        let mut event = AccountEvent::new(AccountEventKind::FillSettled, 0);
        (event.symbol, event.venue_trade_id, event.size) = (id("BTCUSDT"), id("T9"), Some(dec(size)));
        let input = Input::Account(Box::new(event));
        assert_eq!(desk.kernel.booking_key(&input).expect("a key").side, side, "{size}");
    }
}

#[test]
fn without_its_side_a_repetition_is_one_of_either_half_by_its_figures() {
    let (mut desk, buy, sell) = meeting();
    desk.fill(&buy, "T9", "1", "105");
    desk.fill(&sell, "T9", "1", "105");
    assert_eq!((bought(&mut desk), sold(&mut desk)), (Code::Ok, Code::Ok));
    let before = desk.k();
    for (profit, fee, code) in [
        ("0", "0.02", Code::DuplicateEvent),
        ("5", "0.05", Code::DuplicateEvent),
        ("5", "0.02", Code::ReconcileRequired),
        ("-5", "0.05", Code::ReconcileRequired),
    ] {
        assert_eq!(settle(&mut desk, None, profit, fee).code, code, "{profit} and {fee}");
        assert_eq!(desk.k(), before, "{profit} and {fee}");
    }
    desk.assert_replays();
}
