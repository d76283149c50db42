//! Sequences 9 and 11 to 16: fills that are told late, twice, with another's name, too large, without a price, or
//! not at all.

use super::{SECOND, figures, list_ether, order, questions, reserved, resting, standing, status};
use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields, VenueEvent};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderDoubt, OrderSide, Severity, TradeStage as Stage, VenueOrderStatus as Status,
};

#[test]
#[rustfmt::skip]
fn s09_an_inferred_fill_then_the_real_one() {
    for (by_status, price, what) in [
        (true,  "99", "a status told of it"),
        (false, "99", "the next fill told of it"),
        (false, "98", "and it had another price"),
    ] {
        let (mut desk, entry) = resting();
        if by_status {
            assert_eq!(status(&mut desk, &entry, Status::Filled, Some("2")).code, Code::InferredFill, "{what}");
        } else {
            assert_eq!(desk.fill_to(&entry, "T2", "1", "99", "2").code, Code::InferredFill, "{what}");
        }
        assert_eq!((desk.size(0), desk.stage(0)), ("2.000".into(), Stage::PositionOpen), "{what}");
        desk.fill(&entry, "T1", "1", price);
        if by_status {
            desk.fill(&entry, "T2", "1", "99");
        }
        assert_eq!(standing(&desk, &entry), (Status::Filled, "2.000".into()), "{what}: it stands in for it");
        assert_eq!((desk.size(0), desk.book().0), ("2.000".into(), "2.000".into()), "{what}");
        let fills = &order(&desk, &entry).fills;
        assert!(fills.iter().all(|fill| !fill.inferred && !fill.price_pending), "{what}: no guess is left");
        let cost = if price == "98" { "197" } else { "198" };
        assert_eq!(desk.kernel.slot(0).expect("a slot").basis.cost.to_string(), cost, "{what}");
        // Both come again.
        for trade in ["T1", "T2"] {
            assert_eq!(desk.fill(&entry, trade, "1", "99").code, Code::DuplicateEvent, "{what}");
        }
        assert_eq!(desk.size(0), "2.000", "{what}");
        desk.assert_replays();
    }
}

#[test]
fn s11_one_trade_id_on_the_two_halves_of_a_self_trade() {
    for (second, fees) in [("0.02", "0.13"), ("0.01", "0.12")] {
        let mut desk = Desk::new();
        desk.open(0, "2", "100");
        desk.exit_size(0, "1");
        let exit = desk.submitted();
        desk.enter(1, "1");
        let entry = desk.submitted();
        assert_eq!(desk.fill(&entry, "T1", "1", "100").code, Code::Ok);
        assert_eq!(desk.fill(&exit, "T1", "1", "100").code, Code::Ok, "the other half is a fill of its own");
        assert_eq!(
            (desk.size(0), desk.size(1), desk.book().0),
            ("1.000".into(), "1.000".into(), "2.000".into())
        );
        // The venue settles both under the one id, and a repetition finds both settled.
        for (fee, code) in [("0.01", Code::Ok), (second, Code::Ok), (second, Code::DuplicateEvent)] {
            assert_eq!(desk.settled("T1", "0", fee).code, code, "{second}: {fee}");
        }
        // 0.1 of the opening fill, which is not settled, and the two.
        assert_eq!(desk.balance(Account::Fees), fees);
        for order in [&entry, &exit] {
            assert_eq!(desk.fill(order, "T1", "1", "100").code, Code::DuplicateEvent, "each only once");
        }
        desk.assert_replays();
    }
}

#[test]
fn s11_one_trade_id_on_the_two_fills_of_a_position_flip() {
    // The venue splits what turns a long into a short: both parts carry the id, on two orders of ours.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    assert_eq!(desk.fill(&exit, "T1", "1", "110").state, Some(Stage::Closed));
    desk.enter_side(1, dita_kernel::names::TradeSide::Short, "1");
    let flip = desk.submitted();
    assert_eq!(desk.fill(&flip, "T1", "1", "110").state, Some(Stage::PositionOpen), "the second part");
    assert_eq!(desk.book(), ("-1.000".into(), "0.000".into()));
    desk.assert_replays();
}

/// A fill of somebody else's order.
fn strangers(desk: &mut Desk, asset: &str, order: &str, trade: &str) -> Code {
    desk.event(Kind::FullFill, &Id::EMPTY, |event| {
        event.asset = id(asset);
        event.venue_order_id = id(order);
        event.order_side = Some(OrderSide::Buy);
        figures(event, trade, "1", "100");
    })
    .code
}

#[test]
fn s12_trade_ids_unique_per_symbol_only() {
    let ether = |event: &mut dita_kernel::input::AccountEvent| event.symbol = id("ETHUSDT");
    // Whichever is settled first, each bears its own fee.
    for ether_first in [false, true] {
        let mut desk = Desk::new();
        list_ether(&mut desk);
        desk.enter(0, "1");
        let bitcoin = desk.submitted();
        desk.fill(&bitcoin, "T1", "1", "100");
        desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
        desk.intent(Action::Enter, 1, |intent| {
            intent.asset = id("ETHUSDT");
            intent.target_size = Some(dec("1"));
        });
        let other = desk.submitted();
        assert_eq!(desk.fill(&other, "T1", "1", "100").code, Code::Ok, "the same id of another symbol");
        assert_eq!((desk.size(0), desk.size(1)), ("1.000".into(), "1.000".into()));
        let settle = |desk: &mut Desk, of_ether: bool| {
            let outcome = desk.account(AccountEventKind::FillSettled, |event| {
                if of_ether {
                    ether(event);
                }
                event.venue_trade_id = id("T1");
                event.fee = Some(dec(if of_ether { "0.02" } else { "0.01" }));
            });
            assert_eq!(outcome.code, Code::Ok);
        };
        settle(&mut desk, ether_first);
        settle(&mut desk, !ether_first);
        assert_eq!((desk.money(0).1, desk.money(1).1), ("0.01".into(), "0.02".into()));
        desk.assert_replays();
    }
}

#[test]
fn s12_fills_of_nobodys_orders_whose_ids_are_unique_per_symbol_only() {
    let mut desk = Desk::new();
    list_ether(&mut desk);
    assert_eq!(strangers(&mut desk, "BTCUSDT", "X1", "T1"), Code::UnknownOrder);
    assert_eq!(
        strangers(&mut desk, "ETHUSDT", "X2", "T1"),
        Code::UnknownOrder,
        "another symbol, another fill"
    );
    assert_eq!(strangers(&mut desk, "ETHUSDT", "X2", "T1"), Code::DuplicateEvent);
    let rules = &desk.kernel.instruments()[1];
    assert_eq!(rules.qty_decimal(desk.kernel.unassigned(1)[0].qty).to_string(), "1.000");
    assert_eq!(desk.book(), ("1.000".into(), "1.000".into()));
    desk.assert_replays();
}

/// Asks for another total, and gives the request's id.
fn amend(desk: &mut Desk, size: &str) -> Id {
    let size = dec(size);
    assert!(desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(size)).accepted);
    match desk.effects.commands.as_slice() {
        [Command::Amend(request)] => request.request_id.clone(),
        other => panic!("not one amend: {other:?}"),
    }
}

fn amended(desk: &mut Desk, entry: &Id, request_id: &Id, size: Option<&str>) -> (Code, Severity) {
    let (request_id, size) = (request_id.clone(), size.map(dec));
    let outcome = desk.event(Kind::AmendAck, entry, |event| {
        event.order_size = size;
        event.rare = Some(Box::new(RareFields { request_id, ..RareFields::default() }));
    });
    (outcome.code, outcome.severity)
}

#[test]
#[rustfmt::skip]
fn s13_an_amend_races_a_fill_and_overfills() {
    for (first, race, told, code, total, what) in [
        ("0.5", "1",   None,      Code::Overfill, "1.500", "more had filled than the new total"),
        ("0.5", "0.5", None,      Code::Ok,       "1.000", "exactly the new total"),
        ("0.5", "1",   Some("1"), Code::Overfill, "1.500", "and the venue names the total"),
    ] {
        let (mut desk, entry) = resting();
        desk.fill(&entry, "T1", first, "99");
        let request = amend(&mut desk, "1");
        desk.fill(&entry, "T2", race, "99");
        let (answer, severity) = amended(&mut desk, &entry, &request, told);
        assert_eq!(answer, code, "{what}");
        assert_eq!(severity == Severity::Critical, code == Code::Overfill, "{what}");
        assert_eq!(standing(&desk, &entry), (Status::Filled, total.into()), "{what}: nothing is open");
        assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, total.into()), "{what}");
        assert_eq!(reserved(&desk), "0", "{what}");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn s13_while_an_amend_is_on_its_way_the_worst_of_both_is_held_back() {
    for (wanted, asked, answered, what) in [
        ("3", "300", "300", "it grows: the new total may be there already"),
        ("1", "200", "100", "it shrinks: the old total may still fill"),
    ] {
        let (mut desk, entry) = resting();
        let request = amend(&mut desk, wanted);
        assert_eq!(reserved(&desk), asked, "{what}");
        amended(&mut desk, &entry, &request, None);
        assert_eq!(reserved(&desk), answered, "{what}");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn s14_an_overfill_beyond_the_orders_size() {
    for (before, size, total, what) in [
        ("0", "2.5", "2.500", "in one fill"),
        ("1", "1.5", "2.500", "in the last one"),
        ("2", "0.5", "2.500", "when it was full already"),
    ] {
        let (mut desk, entry) = resting();
        if before != "0" {
            desk.fill(&entry, "T1", before, "99");
        }
        let outcome = desk.fill(&entry, "T2", size, "99");
        assert_eq!((outcome.code, outcome.severity), (Code::Overfill, Severity::Critical), "{what}");
        assert_eq!(standing(&desk, &entry), (Status::Filled, total.into()), "{what}");
        assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, total.into()), "{what}");
        assert_eq!(desk.book(), (total.into(), "0.000".into()), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn s14_an_exit_that_fills_beyond_the_position_turns_it() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "TX", "1.25", "104");
    assert_eq!(desk.book(), ("-0.250".into(), "-0.250".into()), "the rest is nobody's");
    assert_eq!((desk.stage(0), desk.size(0)), (Stage::Closed, "0.000".into()));
    assert!(desk.effects.notices.iter().any(|notice| notice.code == Code::PositionFlipped));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn s15_a_fill_at_price_0() {
    for (price, what) in [(Some("0"), "it says 0"), (None, "it says nothing")] {
        let (mut desk, entry) = resting();
        let fill = |price: Option<&str>| {
            let price = price.map(dec);
            move |event: &mut VenueEvent| {
                figures(event, "T1", "2", "1");
                event.price = price;
            }
        };
        desk.event(Kind::FullFill, &entry, fill(price));
        assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, "2.000".into()), "{what}: the quantity is real");
        assert!(order(&desk, &entry).fills[0].price_pending, "{what}");
        let cost = |desk: &Desk| desk.kernel.slot(0).expect("a slot").basis.cost.to_string();
        assert_eq!(cost(&desk), "198", "{what}: at the likeliest price, its limit");
        assert_eq!(desk.event(Kind::FullFill, &entry, fill(Some("98.5"))).code, Code::Enriched, "{what}");
        assert_eq!((cost(&desk), desk.size(0)), ("197".into(), "2.000".into()), "{what}: and then at the real one");
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, "T2", "2", "100");
        assert_eq!((desk.money(0).0, desk.balance(Account::RealizedPnl)), ("3".into(), "-3".into()), "{what}");
        desk.assert_replays();
    }
}

fn connection(desk: &mut Desk, kind: Kind) {
    assert_eq!(desk.event(kind, &Id::EMPTY, |_| {}).code, Code::Ok);
}

#[test]
fn s16_the_stream_silent_while_pings_answer() {
    // What it kept to itself is told by the answers that come another way.
    let (mut desk, entry) = resting();
    desk.now += 60 * SECOND;
    let outcome = desk.account(AccountEventKind::PositionUpdate, |event| event.size = Some(dec("2")));
    assert_eq!((outcome.code, outcome.severity), (Code::ReconcileRequired, Severity::Warning));
    assert_eq!(desk.size(0), "0.000", "a position is no fill: nothing is healed");
    connection(&mut desk, Kind::Disconnected);
    assert!(desk.kernel.is_stale(order(&desk, &entry)), "what is known of it may be old");
    connection(&mut desk, Kind::Resynced);
    assert_eq!(status(&mut desk, &entry, Status::Filled, Some("2")).code, Code::InferredFill);
    assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, "2.000".into()));
    // The stream wakes up, and tells what it had kept.
    desk.fill(&entry, "T1", "2", "99");
    assert_eq!((desk.size(0), desk.book().0), ("2.000".into(), "2.000".into()));
    desk.assert_replays();
}

#[test]
fn s16_silence_proves_nothing() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.now += 60 * SECOND;
    desk.event(Kind::SendTimeout, &entry, |_| {});
    assert_eq!(questions(&desk), 1, "late enough for an answer to count");
    connection(&mut desk, Kind::Disconnected);
    assert_eq!(desk.event(Kind::OrderNotFound, &entry, |_| {}).code, Code::InDoubt);
    assert_eq!((desk.stage(0), order(&desk, &entry).doubt), (Stage::OrderSent, OrderDoubt::Submit));
    assert_eq!(reserved(&desk), "200", "it may be there");
    connection(&mut desk, Kind::Resynced);
    assert_eq!(questions(&desk), 1, "and the venue is asked at once");
    assert_eq!(desk.fill(&entry, "T1", "2", "99").state, Some(Stage::PositionOpen));
    desk.assert_replays();
}
