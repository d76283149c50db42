//! An operator's hand in figures: what each field changes beside itself. Each was read in some wrong way that no other
//! test saw (mutation testing).

use crate::common::{Desk, dec, id};
use dita_kernel::input::{Input, InstrumentSpec, SlotOverride};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, OrderType,
    PositionSide, Product, TradeStage as Stage,
};
use dita_kernel::order::OrderRef;
use dita_kernel::outcome::{Detail, Outcome};

fn overrule(desk: &mut Desk, slot: u32, change: impl FnOnce(&mut SlotOverride)) -> Outcome {
    let mut wanted = SlotOverride::new(slot, id("ops"), "the venue's screen says so".into());
    change(&mut wanted);
    desk.put(Input::Override(Box::new(wanted)))
}

fn field(outcome: &Outcome) -> &'static str {
    match &outcome.detail {
        Detail::Field { field, .. } => field,
        _ => "",
    }
}

/// Somebody trades one under that order id.
fn stranger(desk: &mut Desk, order: &str, side: OrderSide, price: &str, fee: &str, fee_asset: &str) {
    let outcome = desk.event(Kind::FullFill, &id(""), |event| {
        event.venue_order_id = id(order);
        event.asset = id("BTCUSDT");
        (event.order_side, event.position_side) = (Some(side), Some(PositionSide::Both));
        event.venue_trade_id = id(&format!("T-{order}"));
        (event.size, event.price) = (Some(dec("1")), Some(dec(price)));
        (event.fee, event.fee_asset) = (Some(dec(fee)), id(fee_asset));
    });
    assert!(outcome.accepted, "{outcome:?}");
}

fn shown(desk: &Desk, slot: u32) -> (String, String) {
    let (rules, slot) = (&desk.kernel.instruments()[0], desk.kernel.slot(slot).expect("a slot"));
    let price = rules.average_price(slot.entry_value, slot.initial).expect("a price");
    (rules.qty_decimal(slot.initial).to_string(), rules.price_decimal(price).to_string())
}

#[test]
fn closing_goes_with_no_change_of_the_position() {
    type Change = fn(&mut SlotOverride);
    let changes: [(&str, Change); 6] = [
        ("trade_id", |change| change.trade_id = Some(id("other"))),
        ("size", |change| change.size = Some(dec("1"))),
        ("entry_price", |change| change.entry_price = Some(dec("99"))),
        ("initial_size", |change| change.initial_size = Some(dec("2"))),
        ("entry_order", |change| change.entry_order = Some(id("S1"))),
        ("exit_order", |change| change.exit_order = Some(id("S1"))),
    ];
    for (name, also) in changes {
        let mut desk = Desk::new();
        desk.open(0, "2", "100");
        stranger(&mut desk, "S1", OrderSide::Buy, "100", "0", "");
        let outcome = overrule(&mut desk, 0, |change| {
            also(change);
            change.closed = Some(true);
        });
        assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "closed"), "{name}");
        let mut desk = Desk::new();
        desk.open(0, "2", "100");
        assert!(overrule(&mut desk, 0, |change| change.closed = Some(false)).accepted, "it is open");
    }
}

#[test]
#[rustfmt::skip]
fn what_was_entered_follows_the_size_where_that_grows_and_keeps_its_average() {
    for (size, price, initial, entered, average, what) in [
        (Some("3"), None,       None,      "3.000", "100", "larger than what was entered"),
        (Some("1"), None,       None,      "2.000", "100", "smaller"),
        (Some("2"), None,       None,      "2.000", "100", "as it was"),
        (None,      None,       Some("4"), "4.000", "100", "more was entered"),
        (Some("1"), None,       Some("1"), "1.000", "100", "less was entered"),
        (None,      Some("90"), None,      "2.000", "90",  "for another price"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "2", "100");
        let outcome = overrule(&mut desk, 0, |change| {
            (change.size, change.entry_price) = (size.map(dec), price.map(dec));
            change.initial_size = initial.map(dec);
        });
        assert_eq!(outcome.code, Code::Ok, "{what}");
        assert_eq!(shown(&desk, 0), (entered.into(), average.into()), "{what}");
        desk.assert_replays();
    }
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let outcome = overrule(&mut desk, 0, |change| change.size = Some(dec("1")));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "entry_price"), "nothing to go by");
    assert!(overrule(&mut desk, 0, |change| change.initial_size = Some(dec("1"))).accepted);
}

#[test]
fn a_profit_that_is_overridden_again_is_booked_by_its_change() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    for (realized, between) in [("3", "-3"), ("5", "-5"), ("1", "-1")] {
        overrule(&mut desk, 0, |change| change.realized_pnl = Some(dec(realized)));
        let booked = desk.balance(Account::InterSlot);
        assert_eq!(booked.trim_start_matches('-'), between.trim_start_matches('-'), "{realized}");
    }
    desk.assert_replays();
}

#[test]
fn a_strangers_order_brings_its_fees_and_what_it_cost() {
    // Two strangers at 100 and 110: what is nobody's cost 105 each, and the slot takes the one of 110.
    for (fee_asset, fees) in [("", "0.05"), ("USDT", "0.05"), ("BNB", "0")] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let before = desk.money(0).1;
        stranger(&mut desk, "S1", OrderSide::Buy, "100", "0", "");
        stranger(&mut desk, "S2", OrderSide::Buy, "110", "0.05", fee_asset);
        let outcome = overrule(&mut desk, 0, |change| change.entry_order = Some(id("S2")));
        assert_eq!(outcome.code, Code::Ok, "{outcome:?}");
        assert_eq!((desk.size(0).as_str(), desk.book().1.as_str()), ("2.000", "1.000"));
        let added =
            dec(&desk.money(0).1).at_scale(18).expect("fits") - dec(&before).at_scale(18).expect("fits");
        assert_eq!(added, dec(fees).at_scale(18).expect("fits"), "a fee in {fee_asset:?}");
        let slot = desk.kernel.slot(0).expect("a slot");
        assert_eq!(slot.basis.cost.to_string(), "210", "100 and 110");
        assert_eq!(desk.kernel.unassigned(0)[0].cost.to_string(), "105", "one of two at 105");
        assert_eq!(desk.balance(Account::InterSlot), "5", "what they cost beyond the book's 310");
        desk.assert_replays();
    }
}

#[test]
fn on_spot_a_strangers_order_brings_what_its_fee_left_of_it() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.product = Product::Spot;
    let mut desk = Desk::over(spec, &[("USDT", "1000")], "100");
    desk.open(0, "1", "100");
    let (size, cost) = (desk.size(0), desk.kernel.slot(0).expect("a slot").basis.cost);
    stranger(&mut desk, "S1", OrderSide::Buy, "100", "0.001", "BTC");
    assert_eq!(dec(&desk.book().1), dec("0.999"));
    let outcome = overrule(&mut desk, 0, |change| change.entry_order = Some(id("S1")));
    assert_eq!(outcome.code, Code::Ok, "{outcome:?}");
    assert_eq!(dec(&desk.book().1), dec("0"), "nobody holds anything any more");
    let (before, after) =
        (dec(&size).at_scale(15).expect("fits"), dec(&desk.size(0)).at_scale(15).expect("fits"));
    assert_eq!(after - before, dec("0.999").at_scale(15).expect("fits"));
    let slot = desk.kernel.slot(0).expect("a slot");
    let books = desk.kernel.book(0);
    assert_eq!(slot.basis.cost, books[0].cost, "the one slot has all there is");
    assert!(slot.basis.cost > cost);
    assert_eq!(desk.balance(Account::InterSlot), "0");
    desk.assert_replays();
}

#[test]
fn an_attached_order_takes_the_seat_unless_one_works_there() {
    let venue_id = |desk: &Desk, seat: Option<OrderRef>| {
        seat.map(|seat| desk.kernel.orders().at(seat.place).venue_order_id.to_string())
    };
    // Nothing works: the seats are the strangers'.
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    stranger(&mut desk, "S1", OrderSide::Buy, "100", "0", "");
    stranger(&mut desk, "S2", OrderSide::Sell, "100", "0", "");
    overrule(&mut desk, 0, |change| change.entry_order = Some(id("S1")));
    overrule(&mut desk, 0, |change| change.exit_order = Some(id("S2")));
    let slot = desk.kernel.slot(0).expect("a slot");
    assert_eq!(venue_id(&desk, slot.entry), Some("S1".into()));
    assert_eq!(venue_id(&desk, slot.exit), Some("S2".into()));
    assert_eq!(desk.size(0), "2.000");
    // Both work: they keep their seats.
    let mut desk = Desk::new();
    desk.enter_limit(0, "3", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "E1");
    desk.fill(&entry, "T1", "1", "99");
    desk.intent(Action::Exit, 0, |intent| {
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("101")));
    });
    let exit = desk.submitted();
    desk.ack(&exit, "X1");
    stranger(&mut desk, "S1", OrderSide::Buy, "100", "0", "");
    stranger(&mut desk, "S2", OrderSide::Sell, "100", "0", "");
    overrule(&mut desk, 0, |change| change.entry_order = Some(id("S1")));
    overrule(&mut desk, 0, |change| change.exit_order = Some(id("S2")));
    let slot = desk.kernel.slot(0).expect("a slot");
    assert_eq!(venue_id(&desk, slot.entry), Some("E1".into()));
    assert_eq!(venue_id(&desk, slot.exit), Some("X1".into()));
    desk.assert_replays();
}

#[test]
fn a_strangers_exit_closes_the_slot() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    stranger(&mut desk, "S1", OrderSide::Sell, "110", "0", "");
    assert_eq!(desk.stage(0), Stage::PositionOpen);
    overrule(&mut desk, 0, |change| change.exit_order = Some(id("S1")));
    assert_eq!((desk.stage(0), desk.money(0).0.as_str()), (Stage::Closed, "10"));
    desk.assert_replays();
}

#[test]
fn an_order_is_attached_to_a_trade_and_once() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    stranger(&mut desk, "S1", OrderSide::Buy, "100", "0", "");
    let outcome = overrule(&mut desk, 0, |change| {
        (change.entry_order, change.exit_order) = (Some(id("S1")), Some(id("S1")));
    });
    assert!(!outcome.accepted);
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T9", "1", "100");
    assert_eq!(desk.stage(0), Stage::Closed);
    let outcome = overrule(&mut desk, 0, |change| change.entry_order = Some(id("S1")));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "entry_order"), "no trade to take it");
    // What was busted is no fill that a slot could take.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    stranger(&mut desk, "S1", OrderSide::Buy, "100", "0", "");
    desk.event(Kind::TradeBust, &id(""), |event| {
        event.asset = id("BTCUSDT");
        let rare = event.rare.get_or_insert_default();
        rare.ref_trade_id = id("T-S1");
    });
    let outcome = overrule(&mut desk, 0, |change| change.entry_order = Some(id("S1")));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "entry_order"));
}

#[test]
fn a_text_may_be_as_long_as_the_most() {
    for (length, code) in [(4_096, Code::Ok), (4_097, Code::InvalidIntent)] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let text = "x".repeat(length);
        let outcome = overrule(&mut desk, 0, |change| change.metadata = Some(text.clone().into()));
        assert_eq!(outcome.code, code, "metadata of {length}");
        let outcome = overrule(&mut desk, 0, |change| change.reason = text.into());
        assert_eq!(outcome.code, code, "a reason of {length}");
    }
}

#[test]
fn an_order_is_taken_once_it_has_filled_and_with_fills_that_stand() {
    let part = |desk: &mut Desk, trade: &str| {
        let outcome = desk.event(Kind::PartialFill, &id(""), |event| {
            (event.venue_order_id, event.asset, event.venue_trade_id) = (id("S1"), id("BTCUSDT"), id(trade));
            (event.order_side, event.position_side) = (Some(OrderSide::Buy), Some(PositionSide::Both));
            (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        });
        assert!(outcome.accepted, "{outcome:?}");
    };
    // More than was known of it at first: all of it is taken.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    part(&mut desk, "P1");
    part(&mut desk, "P2");
    assert_eq!(overrule(&mut desk, 0, |change| change.entry_order = Some(id("S1"))).code, Code::Ok);
    assert_eq!(desk.size(0), "3.000");
    // One of its two fills was taken back: which of them the slot should have, nobody can say.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    part(&mut desk, "P1");
    part(&mut desk, "P2");
    let busted = desk.event(Kind::TradeBust, &id(""), |event| {
        event.asset = id("BTCUSDT");
        event.rare.get_or_insert_default().ref_trade_id = id("P2");
    });
    assert!(busted.accepted, "{busted:?}");
    let outcome = overrule(&mut desk, 0, |change| change.entry_order = Some(id("S1")));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "entry_order"));
    assert_eq!(desk.size(0), "1.000");
}

#[test]
fn on_spot_what_a_strangers_exit_has_left_of_others_pays_its_fee() {
    // 1 BTC of the slot's and 0.01 of others; the exit sells 1 and pays 0.01 in coin: nothing is left of either.
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.product = Product::Spot;
    (spec.maker_rate, spec.taker_rate) = (dec("0"), dec("0"));
    for names_ours in [false, true] {
        let mut desk = Desk::over(spec.clone(), &[("USDT", "1000")], "100");
        desk.open(0, "1", "100");
        desk.exit(0);
        let exit = desk.submitted();
        let nobodys =
            |desk: &mut Desk, order: &str, client: &dita_kernel::id::Id, side, size: &str, fee: &str| {
                let outcome = desk.event(Kind::PartialFill, client, |event| {
                    (event.venue_order_id, event.asset) = (id(order), id("BTCUSDT"));
                    event.venue_trade_id = id(&format!("T-{order}"));
                    (event.order_side, event.position_side) = (Some(side), Some(PositionSide::Both));
                    (event.size, event.price) = (Some(dec(size)), Some(dec("90")));
                    (event.fee, event.fee_asset) = (Some(dec(fee)), id("BTC"));
                });
                assert!(outcome.accepted, "{outcome:?}");
            };
        nobodys(&mut desk, "S1", &id(""), OrderSide::Buy, "0.01", "0");
        nobodys(&mut desk, "S2", &id(""), OrderSide::Sell, "1", "0.01");
        if names_ours {
            nobodys(&mut desk, "S2", &exit, OrderSide::Sell, "1", "0.01");
        } else {
            desk.event(Kind::CancelAck, &exit, |_| {});
            assert_eq!(overrule(&mut desk, 0, |change| change.exit_order = Some(id("S2"))).code, Code::Ok);
        }
        assert_eq!(
            (dec(&desk.size(0)), dec(&desk.book().0), dec(&desk.book().1)),
            (dec("0"), dec("0"), dec("0"))
        );
        assert_eq!(desk.money(0).0, "-10", "the slot sold at 90 what it had bought at 100");
        assert_eq!(
            desk.balance(Account::InterSlot),
            "0",
            "where nothing is held, nothing lies between: {names_ours}"
        );
        assert_eq!(desk.k(), "989.1", "100 and 0.9 were paid, and 90 came in");
        desk.assert_replays();
    }
}
