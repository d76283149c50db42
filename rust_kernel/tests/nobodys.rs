//! Positions that are not ours: whom they stand in the way of, and how they came to be there.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, SlotOverride};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, Origin, PositionSide, TradeSide,
};
use dita_kernel::num::Decimal;
use dita_kernel::outcome::{Detail, Outcome};

/// A trade by hand: a fill of an order that is not ours.
fn by_hand(desk: &mut Desk, side: OrderSide, number: u32, size: &str) {
    let size = dec(size);
    let outcome = desk.event(Kind::FullFill, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.venue_order_id = id(&format!("hand-{number}"));
        event.venue_trade_id = id(&format!("H{number}"));
        event.order_side = Some(side);
        event.position_side = Some(match side {
            OrderSide::Buy => PositionSide::Long,
            OrderSide::Sell => PositionSide::Short,
        });
        event.size = Some(size);
        event.price = Some(dec("100"));
    });
    assert!(outcome.accepted, "{outcome:?}");
}

fn held_by_nobody(outcome: &Outcome) -> Option<Decimal> {
    match outcome.detail {
        Detail::HeldBy { held_by: "unassigned", size } if outcome.code == Code::OppositeSide => Some(size),
        _ => None,
    }
}

/// OPENING, MANUAL, ORPHAN, DUST, in thousandths, of the one-way book.
fn parts(desk: &Desk) -> [i128; 4] {
    let nobodys = desk.kernel.unassigned_parts(0)[PositionSide::Both as usize];
    [Origin::Opening, Origin::Manual, Origin::Orphan, Origin::Dust].map(|origin| nobodys.part(origin).0)
}

#[test]
fn an_entry_against_a_position_taken_by_hand_is_refused_until_that_is_closed() {
    let mut desk = Desk::new();
    by_hand(&mut desk, OrderSide::Buy, 1, "2");
    let refused = desk.enter_side(0, TradeSide::Short, "1");
    assert_eq!(held_by_nobody(&refused), Some(dec("2")), "{refused:?}");
    assert!(desk.enter_side(1, TradeSide::Long, "1").accepted, "the same side is free");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert!(desk.exit(1).accepted);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "1", "100");
    by_hand(&mut desk, OrderSide::Sell, 2, "1.5");
    assert_eq!(held_by_nobody(&desk.enter_side(0, TradeSide::Short, "1")), Some(dec("0.5")));
    by_hand(&mut desk, OrderSide::Sell, 3, "0.5");
    assert!(desk.enter_side(0, TradeSide::Short, "1").accepted, "nothing is in its way");
    desk.assert_replays();
}

#[test]
fn an_entry_long_against_a_short_of_nobodys_is_refused_with_its_sign() {
    let mut desk = Desk::new();
    by_hand(&mut desk, OrderSide::Sell, 1, "0.25");
    assert_eq!(held_by_nobody(&desk.enter_side(0, TradeSide::Long, "1")), Some(dec("-0.25")));
    assert!(desk.enter_side(0, TradeSide::Short, "1").accepted);
}

#[test]
fn once_a_slot_has_adopted_it_the_other_side_is_the_slots() {
    let mut desk = Desk::new();
    by_hand(&mut desk, OrderSide::Buy, 1, "2");
    let change = SlotOverride {
        trade_id: Some(id("adopted")),
        asset: Some(id("BTCUSDT")),
        side: Some(TradeSide::Long),
        size: Some(dec("2")),
        entry_price: Some(dec("100")),
        ..SlotOverride::new(1, id("ana"), "it was bought by hand".into())
    };
    let taken = desk.put(Input::Override(Box::new(change)));
    assert!(taken.accepted, "{taken:?}");
    let refused = desk.enter_side(0, TradeSide::Short, "1");
    assert_eq!((refused.code, held_by_nobody(&refused)), (Code::OppositeSide, None));
    assert_eq!(parts(&desk), [0; 4]);
}

#[test]
fn hedge_accounts_keep_two_books_and_refuse_neither_side() {
    let config = KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() };
    let mut desk = Desk::with(config);
    by_hand(&mut desk, OrderSide::Buy, 1, "2");
    assert!(desk.enter_side(0, TradeSide::Short, "1").accepted);
    assert!(desk.enter_side(1, TradeSide::Long, "1").accepted);
}

#[test]
fn an_exit_beyond_its_slot_is_an_orphan_and_a_trade_by_hand_takes_of_its_own_first() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    assert!(desk.exit(0).accepted);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "1.5", "100");
    assert_eq!(parts(&desk), [0, 0, -500, 0]);
    by_hand(&mut desk, OrderSide::Sell, 1, "1");
    assert_eq!(parts(&desk), [0, -1000, -500, 0]);
    by_hand(&mut desk, OrderSide::Buy, 2, "0.75");
    assert_eq!(parts(&desk), [0, -250, -500, 0]);
    by_hand(&mut desk, OrderSide::Buy, 3, "1");
    assert_eq!(parts(&desk), [0, 250, 0, 0], "through zero it is of what came last");
    desk.assert_replays();
}
