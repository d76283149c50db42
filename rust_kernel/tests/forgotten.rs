//! Orders that are forgotten, and what comes of them after that.

use crate::common::{Desk, dec, id, opening_order};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, OpeningState, VenueEvent};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, TradeStage as Stage,
    VenueOrderStatus as Status,
};
use dita_kernel::outcome::Outcome;

/// An order of 3 that is canceled with 2 of it filled; then so many others that it is forgotten.
fn forgotten() -> Desk {
    let mut desk = Desk::new();
    desk.enter_limit(0, "3", "100");
    let entry = desk.submitted();
    desk.ack(&entry, "V-old");
    desk.fill_to(&entry, "T1", "2", "100", "2");
    desk.event(Kind::CancelAck, &entry, |_| {});
    for number in 0..8 {
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("X{number}"), &desk.size(0), "100");
        desk.open(0, "1", "100");
    }
    assert!(desk.kernel.orders().by_venue_id(&id("V-old")).is_none(), "it is forgotten");
    assert_eq!(desk.book(), ("1.000".into(), "0.000".into()));
    desk
}

/// News of that order, by the venue's id of it.
fn news(desk: &mut Desk, kind: Kind, order: &str, change: impl FnOnce(&mut VenueEvent)) -> Outcome {
    let order = id(order);
    desk.event(kind, &Id::EMPTY, |event| {
        (event.asset, event.venue_order_id) = (id("BTCUSDT"), order);
        event.order_side = Some(OrderSide::Buy);
        change(event);
    })
}

fn fill(desk: &mut Desk, order: &str, trade: &str, size: &str, total: Option<&str>) -> Outcome {
    let (trade, size, total) = (id(trade), dec(size), total.map(dec));
    news(desk, Kind::PartialFill, order, |event| {
        (event.venue_trade_id, event.size, event.price) = (trade, Some(size), Some(dec("100")));
        event.filled_size = total;
    })
}

fn status(desk: &mut Desk, order: &str, total: &str) -> Outcome {
    let total = dec(total);
    news(desk, Kind::OrderStatus, order, |event| {
        (event.status, event.filled_size) = (Some(Status::Filled), Some(total));
        event.average_price = Some(dec("100"));
    })
}

fn unassigned(desk: &Desk) -> String {
    desk.book().1
}

#[test]
fn a_total_of_an_order_that_was_forgotten_does_not_book_its_old_fills_again() {
    for total in [Some("3"), None] {
        let mut desk = forgotten();
        let outcome = fill(&mut desk, "V-old", "T2", "1", total);
        assert_eq!((outcome.code, unassigned(&desk).as_str()), (Code::UnknownOrder, "1.000"));
        let before = (desk.k(), desk.book());
        let outcome = status(&mut desk, "V-old", "3");
        assert_eq!(outcome.code, Code::ReconcileRequired);
        assert_eq!((desk.k(), desk.book()), before, "{total:?}: two of the three are booked under our order");
        desk.assert_replays();
    }
}

#[test]
fn neither_does_the_total_that_a_later_fill_of_it_tells() {
    let mut desk = forgotten();
    fill(&mut desk, "V-old", "T2", "0.5", Some("2.5"));
    let outcome = fill(&mut desk, "V-old", "T3", "0.5", Some("3"));
    assert_eq!((outcome.code, unassigned(&desk).as_str()), (Code::UnknownOrder, "1.000"));
    desk.assert_replays();
}

#[test]
fn an_old_fill_of_it_is_not_booked_though_a_later_one_has_made_it_a_strangers() {
    for (old, ns) in [(true, 1), (false, i64::MAX / 2)] {
        let mut desk = forgotten();
        assert!(fill(&mut desk, "V-old", "T2", "1", Some("3")).accepted);
        let before = (desk.k(), desk.book());
        let outcome = news(&mut desk, Kind::PartialFill, "V-old", |event| {
            (event.venue_trade_id, event.timestamp_ns) = (id("T1"), ns);
            (event.size, event.price) = (Some(dec("2")), Some(dec("100")));
        });
        assert_eq!(outcome.accepted, !old, "{outcome:?}");
        assert_eq!(outcome.asks_the_log(), old);
        assert_eq!((desk.k(), desk.book()) == before, old, "another one would be booked");
    }
}

#[test]
fn without_a_trade_id_nothing_tells_a_fill_of_it_from_one_that_is_booked() {
    let mut desk = forgotten();
    fill(&mut desk, "V-old", "T2", "1", Some("3"));
    let outcome = news(&mut desk, Kind::PartialFill, "V-old", |event| {
        (event.size, event.price, event.filled_size) = (Some(dec("1")), Some(dec("100")), Some(dec("3")));
    });
    assert_eq!((outcome.accepted, outcome.code), (false, Code::ReconcileRequired));
    assert_eq!(unassigned(&desk), "1.000");
}

#[test]
fn a_strangers_order_that_was_heard_from_its_first_fill_on_is_believed_its_totals() {
    let mut desk = forgotten();
    fill(&mut desk, "S1", "T2", "1", Some("1"));
    let outcome = status(&mut desk, "S1", "3");
    assert_eq!((outcome.code, unassigned(&desk).as_str()), (Code::InferredFill, "3.000"));
    desk.assert_replays();
}

#[test]
fn what_the_opening_state_has_of_a_strangers_order_no_total_books_again() {
    let mut desk = Desk::unseeded(KernelConfig::default());
    let balances = vec![(id("USDT"), dec("1000"))];
    let opening = OpeningState { timestamp_ns: 1, balances, ..OpeningState::default() };
    assert!(desk.put(Input::Opening(Box::new(opening))).accepted);
    fill(&mut desk, "S1", "T2", "1", Some("3"));
    let outcome = status(&mut desk, "S1", "3");
    assert_eq!((outcome.code, unassigned(&desk).as_str()), (Code::ReconcileRequired, "1.000"));
    desk.assert_replays();
}

#[test]
fn a_total_that_tells_no_more_than_is_booked_needs_nobody() {
    let mut desk = forgotten();
    fill(&mut desk, "V-old", "T2", "1", Some("3"));
    let outcome = status(&mut desk, "V-old", "1");
    assert_eq!((outcome.code, unassigned(&desk).as_str()), (Code::Ok, "1.000"));
    assert_eq!(status(&mut desk, "V-old", "1.001").code, Code::ReconcileRequired);
}

#[test]
fn an_order_of_several_fills_and_ids_is_forgotten_in_its_turn_and_whole() {
    let mut desk = Desk::new();
    let mut orders = Vec::new();
    for round in 0..20 {
        desk.enter(0, "2");
        let entry = desk.submitted();
        desk.ack(&entry, &format!("V{round}"));
        desk.event(Kind::OrderAck, &entry, |event| event.venue_order_id = id(&format!("W{round}")));
        desk.fill(&entry, &format!("A{round}"), "1", "100");
        desk.fill(&entry, &format!("B{round}"), "1", "100");
        orders.push(entry);
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("C{round}"), "1", "100");
        desk.fill(&exit, &format!("D{round}"), "1", "100");
    }
    let store = desk.kernel.orders();
    let remembered = store.iter().count();
    assert!(remembered <= 10, "{remembered} orders are remembered");
    let is_known = |round: usize| {
        let venue_ids = ["V", "W"].map(|name| store.by_venue_id(&id(&format!("{name}{round}"))).is_some());
        (store.by_client_id(&orders[round]).is_some(), venue_ids)
    };
    assert_eq!((is_known(0), is_known(19)), ((false, [false; 2]), (true, [true; 2])));
    let stored = desk.kernel.to_snapshot().expect("a snapshot");
    assert!(Kernel::from_snapshot(&stored).is_ok(), "the store is sound");
    desk.assert_replays();
}

#[test]
fn an_order_that_ends_once_more_is_not_forgotten_by_that() {
    // However many have ended since: for some number of them its turn comes just as it ends.
    for (others, fills) in (0..12).flat_map(|others| [(others, true), (others, false)]) {
        let mut desk = Desk::new();
        desk.enter(0, "2");
        let first = desk.submitted();
        desk.ack(&first, "V-first");
        desk.fill(&first, "T1", "2", "100");
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, "T2", "2", "100");
        desk.open(0, "1", "100");
        // The venue has made it larger: it works again, and its slot carries another trade.
        let outcome = desk.event(Kind::Restated, &first, |event| event.order_size = Some(dec("3")));
        assert!(outcome.accepted, "{outcome:?}");
        for number in 0..others {
            desk.settled(&format!("TS{number}"), "0", "0");
        }
        if desk.kernel.orders().by_client_id(&first).is_none() {
            continue;
        }
        if fills {
            desk.fill(&first, "T3", "1", "100");
        } else {
            desk.event(Kind::CancelAck, &first, |event| event.status = Some(Status::Canceled));
        }
        let place = desk.kernel.orders().by_client_id(&first).expect("it is remembered");
        let ended = if fills { Status::Filled } else { Status::Canceled };
        assert_eq!(desk.kernel.orders().at(place).status, ended, "{others}");
        let stored = desk.kernel.to_snapshot().expect("a snapshot");
        assert!(Kernel::from_snapshot(&stored).is_ok(), "{others}: the store is sound");
        desk.assert_replays();
    }
}

#[test]
fn an_order_that_fills_after_its_end_is_remembered_until_that_is_settled() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.ack(&exit, "V-late");
    desk.event(Kind::CancelAck, &exit, |_| {});
    let others = |desk: &mut Desk, round: &str, count: usize| {
        for number in 0..count {
            fill(desk, &format!("S{round}{number}"), &format!("T{round}{number}"), "1", Some("1"));
        }
    };
    // Strangers' orders end twice, when they come and when they are filled.
    others(&mut desk, "A", 3);
    desk.fill(&exit, "T-late", "1", "100");
    assert_eq!(desk.stage(0), Stage::Closed);
    others(&mut desk, "B", 2);
    assert_eq!(
        desk.settled("T-late", "0", "0.02").code,
        Code::Ok,
        "its turn has come, and it has filled since"
    );
    others(&mut desk, "C", 8);
    assert!(desk.kernel.orders().by_client_id(&exit).is_none(), "and is forgotten in the end");
    desk.assert_replays();
}

#[test]
fn an_order_with_an_inferred_fill_is_remembered_while_a_settled_one_is_on_its_way() {
    for settled in [true, false] {
        let mut desk = Desk::new();
        desk.open(0, "2", "100");
        desk.exit(0);
        let exit = desk.submitted();
        desk.ack(&exit, "V-inferred");
        if settled {
            desk.settled("T-first", "0", "0.02");
        }
        // The first one of two is known by the total alone.
        desk.fill_to(&exit, "T-second", "1", "100", "2");
        assert_eq!(desk.stage(0), Stage::Closed);
        desk.settled("T-second", "0", "0.02");
        for number in 0..7 {
            fill(&mut desk, &format!("S{number}"), &format!("T{number}"), "1", Some("1"));
        }
        let known = desk.kernel.orders().by_client_id(&exit).is_some();
        assert_eq!(known, settled);
        if settled {
            let unassigned_before = unassigned(&desk);
            let outcome = desk.fill_to(&exit, "T-first", "1", "100", "1");
            assert_eq!((outcome.code, unassigned(&desk)), (Code::Ok, unassigned_before), "{outcome:?}");
        }
        desk.assert_replays();
    }
}

/// The venue says that an order works: by our id of it, and by its own.
fn at_work(desk: &mut Desk, client: &Id, order: &str) -> Outcome {
    let order = id(order);
    desk.event(Kind::OrderStatus, client, |event| {
        (event.asset, event.venue_order_id) = (id("BTCUSDT"), order);
        (event.status, event.order_size) = (Some(Status::Acked), Some(dec("3")));
    })
}

/// What the last step cancels: our id, the venue's, the instrument and the slot.
fn canceled(desk: &Desk) -> Vec<(Id, Id, Id, u32)> {
    let cancels = desk.effects.commands.iter().filter_map(|command| match command {
        Command::Cancel(order) => Some((
            order.venue_client_id.clone(),
            order.venue_order_id.clone(),
            order.asset.clone(),
            order.slot_id,
        )),
        Command::Submit(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    });
    cancels.collect()
}

/// An order that was not found, and so taken for lost; then so many others that it is forgotten.
fn lost_and_forgotten() -> (Desk, Id) {
    lost_and_forgotten_after(0)
}

/// The same behind so many trades of others.
fn lost_and_forgotten_after(trades: usize) -> (Desk, Id) {
    let mut desk = Desk::new();
    trade(&mut desk, trades, "Y");
    desk.enter_limit(2, "3", "90");
    let lost = desk.submitted();
    desk.ack(&lost, "V-lost");
    desk.now += 6_000_000_000;
    for _ in 0..2 {
        desk.event(Kind::OrderNotFound, &lost, |_| {});
    }
    assert_eq!(desk.stage(2), Stage::Closed);
    trade(&mut desk, 8, "X");
    assert!(desk.kernel.orders().by_client_id(&lost).is_none(), "it is forgotten");
    (desk, lost)
}

fn trade(desk: &mut Desk, trades: usize, name: &str) {
    for number in 0..trades {
        desk.open(0, "1", "100");
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("{name}{number}"), "1", "100");
    }
}

#[test]
fn a_forgotten_order_that_works_at_the_venue_is_canceled_as_often_as_it_says_so() {
    let (mut desk, lost) = lost_and_forgotten();
    for _ in 0..2 {
        let outcome = at_work(&mut desk, &lost, "V-lost");
        assert_eq!((outcome.accepted, outcome.code), (true, Code::UnknownOrder));
        assert_eq!(canceled(&desk), [(lost.clone(), id("V-lost"), id("BTCUSDT"), 2)]);
    }
    for ended in [Status::Canceled, Status::Filled] {
        let outcome = desk.event(Kind::OrderStatus, &lost, |event| event.status = Some(ended));
        assert_eq!(
            (outcome.accepted, canceled(&desk).len()),
            (false, 0),
            "{ended}: there is nothing to cancel"
        );
    }
    desk.assert_replays();
}

#[test]
fn so_is_one_whose_number_has_two_digits() {
    let (mut desk, lost) = lost_and_forgotten_after(20);
    assert!(&lost.as_str()[14..23] > "000000000", "{lost}");
    at_work(&mut desk, &lost, "V-lost");
    assert_eq!(canceled(&desk), [(lost, id("V-lost"), id("BTCUSDT"), 2)]);
}

#[test]
fn so_is_one_that_a_fill_has_made_a_strangers_since() {
    let (mut desk, lost) = lost_and_forgotten();
    assert!(fill(&mut desk, "V-lost", "T1", "1", Some("1")).accepted);
    at_work(&mut desk, &lost, "V-lost");
    assert_eq!(canceled(&desk), [(lost, id("V-lost"), id("BTCUSDT"), 2)]);
    assert_eq!(unassigned(&desk), "1.000");
    desk.assert_replays();
}

#[test]
fn what_never_got_its_id_here_is_not_canceled() {
    let (mut desk, lost) = lost_and_forgotten();
    let changed = |from: &str, to: &str| {
        let text = lost.as_str().replacen(from, to, 1);
        assert_ne!(text, lost.as_str());
        id(&text)
    };
    // Base 32, as ids are written: no letter that looks like a digit.
    let next = desk.kernel.orders().next_number() as usize;
    let digit = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".get(next..=next).expect("few orders so far");
    let numbered = |digits: &str| id(&format!("{}{digits}{}", &lost.as_str()[..14], &lost.as_str()[24..]));
    let strangers = [
        id("web-1"),
        changed("D0", "D1"),
        changed("D", "A"),
        id(&format!("{lost}0")),
        id(&lost.as_str()[..29]),
        id(&format!("{}00004{}", &lost.as_str()[..24], &lost.as_str()[29..])),
        numbered("0000000000"),
        numbered(&format!("000000000{digit}")),
    ];
    for other in strangers {
        let outcome = at_work(&mut desk, &other, "V-other");
        assert_eq!((outcome.accepted, outcome.code), (false, Code::UnknownOrder), "{other}");
        assert_eq!(canceled(&desk), [], "{other}");
    }
}

#[test]
fn what_was_at_work_when_the_account_was_opened_is_left_alone_whoever_gave_it_its_id() {
    let (_, earlier) = lost_and_forgotten();
    let mut desk = Desk::unseeded(KernelConfig::default());
    desk.open_with(vec![opening_order("V-lost", earlier.as_str())]);
    desk.open(0, "1", "100");
    at_work(&mut desk, &earlier, "V-lost");
    assert_eq!(canceled(&desk), []);
}
