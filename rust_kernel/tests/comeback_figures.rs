//! Orders that had ended and work again, what guards a position, and what is forgotten. Each was got wrong in some way
//! that no other test saw (mutation testing).

use crate::common::{Desk, dec, id, opening_order};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, OpeningState, RareFields};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderType,
    TradeStage as Stage, VenueOrderStatus as Status,
};
use dita_kernel::order::Order;

/// An exit of so much; with a limit, and in a group where one is named.
fn exit(desk: &mut Desk, slot: u32, size: &str, limit: Option<&str>, group: &str) -> Id {
    let outcome = desk.intent(Action::Exit, slot, |intent| {
        (intent.target_size, intent.oco_group) = (Some(dec(size)), id(group));
        intent.order_type = if limit.is_some() { OrderType::Limit } else { OrderType::Market };
        intent.limit_price = limit.map(dec);
    });
    assert!(outcome.accepted, "{outcome:?}");
    let exit = desk.submitted();
    desk.ack(&exit, &format!("V-{}", desk.now));
    exit
}

fn stop(desk: &mut Desk, slot: u32, trigger: &str) -> Id {
    let outcome = desk.intent(Action::Exit, slot, |intent| {
        (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(dec(trigger)));
    });
    assert!(outcome.accepted, "{outcome:?}");
    desk.submitted()
}

/// The venue takes a fill back, and says that its order works on.
fn bust_and_work(desk: &mut Desk, trade: &str) {
    let outcome = desk.event(Kind::TradeBust, &Id::EMPTY, |event| {
        (event.asset, event.status) = (id("BTCUSDT"), Some(Status::Acked));
        event.rare = Some(Box::new(RareFields { ref_trade_id: id(trade), ..RareFields::default() }));
    });
    assert!(outcome.accepted, "{outcome:?}");
}

fn order<'a>(desk: &'a Desk, client_id: &Id) -> &'a Order {
    let orders = desk.kernel.orders();
    orders.at(orders.by_client_id(client_id).expect("it is remembered"))
}

fn group(desk: &Desk, name: &str) -> Vec<u64> {
    desk.kernel
        .groups()
        .find(&id(name))
        .map_or(Vec::new(), |group| group.members.iter().map(|member| member.number).collect())
}

/// The state can be stored and read, whatever was counted on the way.
fn stored_again(desk: &Desk) {
    let stored = desk.kernel.to_snapshot().expect("a snapshot");
    assert_eq!(Kernel::from_snapshot(&stored).map(drop), Ok(()));
}

#[test]
fn an_exit_that_works_again_stands_behind_newer_ones_in_its_turn() {
    let mut desk = Desk::new();
    desk.open(0, "4", "100");
    let exits = ["X0", "X1", "X2"].map(|_| exit(&mut desk, 0, "1", Some("120"), ""));
    desk.fill(&exits[1], "F1", "1", "120");
    bust_and_work(&mut desk, "F1");
    let numbers = exits.each_ref().map(|exit| order(&desk, exit).number);
    let slot = desk.kernel.slot(0).expect("a slot");
    assert_eq!(slot.exit.map(|exit| exit.number), Some(numbers[2]), "the newest is the newest");
    let others: Vec<u64> = slot.other_exits.iter().map(|exit| exit.number).collect();
    assert_eq!(others, numbers[..2], "the others, oldest first");
    // The newest ends: the one before it takes its place, and not the oldest.
    desk.event(Kind::CancelAck, &exits[2], |_| {});
    let seated = desk.kernel.slot(0).and_then(|slot| slot.exit).map(|exit| exit.number);
    assert_eq!(seated, Some(numbers[1]));
    stored_again(&desk);
    desk.assert_replays();
}

#[test]
fn an_order_that_works_again_is_not_forgotten_and_the_ended_ones_still_are() {
    let config = KernelConfig { max_slots: 3, remembered_orders: 3, ..KernelConfig::default() };
    let mut desk = Desk::with(config);
    for number in 0..2 {
        desk.open(1, "0.1", "100");
        let out = exit(&mut desk, 1, "0.1", None, "");
        desk.fill(&out, &format!("O{number}"), "0.1", "100");
    }
    desk.enter_limit(0, "2", "100");
    let entry = desk.submitted();
    desk.ack(&entry, "V-entry");
    desk.fill(&entry, "F1", "2", "100");
    bust_and_work(&mut desk, "F1");
    assert_eq!(desk.stage(0), Stage::EntryWorking);
    stored_again(&desk);
    for number in 0..6 {
        desk.open(1, "0.1", "100");
        let out = exit(&mut desk, 1, "0.1", None, "");
        desk.fill(&out, &format!("P{number}"), "0.1", "100");
        stored_again(&desk);
    }
    assert!(order(&desk, &entry).is_live(), "it works on");
    assert_eq!(desk.kernel.orders().iter().count(), 4, "three that have ended, and the one that works");
    assert_eq!(desk.fill(&entry, "F2", "2", "100").state, Some(Stage::PositionOpen));
    desk.assert_replays();
}

#[test]
fn an_order_comes_back_to_its_own_group_and_to_no_other_of_that_name() {
    // Its own, though it was the first of it.
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    let first = exit(&mut desk, 0, "1", Some("120"), "g");
    let second = exit(&mut desk, 0, "1", Some("130"), "g");
    desk.fill(&first, "F1", "0.4", "120");
    desk.event(Kind::Expired, &first, |_| {});
    assert_eq!(group(&desk, "g").len(), 1, "the other one works on");
    bust_and_work(&mut desk, "F1");
    let mut members = group(&desk, "g");
    members.sort_unstable();
    assert_eq!(members, [&first, &second].map(|exit| order(&desk, exit).number));
    desk.assert_replays();
    // Another trade's.
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    let first = exit(&mut desk, 0, "1", Some("120"), "g");
    desk.fill(&first, "F1", "1", "120");
    desk.open(1, "1", "100");
    let others = exit(&mut desk, 1, "1", Some("120"), "g");
    bust_and_work(&mut desk, "F1");
    assert!(order(&desk, &first).is_live() && order(&desk, &first).oco_group().is_none(), "it stands alone");
    assert_eq!(group(&desk, "g"), [order(&desk, &others).number]);
    desk.assert_replays();
    // A later one of the same kind.
    let mut desk = Desk::new();
    let entry = |desk: &mut Desk, slot: u32, trade: Option<&str>| {
        desk.intent(Action::Enter, slot, |intent| {
            (intent.target_size, intent.oco_group) = (Some(dec("1")), id("g"));
            (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("99")));
        });
        let entry = desk.submitted();
        desk.ack(&entry, &format!("V-{slot}"));
        if let Some(trade) = trade {
            desk.fill(&entry, trade, "1", "99");
        }
        entry
    };
    let first = entry(&mut desk, 0, Some("F1"));
    let later = entry(&mut desk, 1, None);
    bust_and_work(&mut desk, "F1");
    assert!(order(&desk, &first).is_live() && order(&desk, &first).oco_group().is_none(), "it stands alone");
    assert_eq!(group(&desk, "g"), [order(&desk, &later).number]);
    assert_eq!(desk.kernel.exposure().reserved(0).to_string(), "200", "each holds back its own");
    desk.assert_replays();
}

#[test]
fn only_a_stop_that_works_guards_again() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    let unprotected = |desk: &Desk| desk.kernel.slot(0).expect("a slot").unprotected;
    let lost = stop(&mut desk, 0, "90");
    desk.event(Kind::OrderReject, &lost, |_| {});
    assert!(unprotected(&desk));
    exit(&mut desk, 0, "1", Some("120"), "");
    assert!(unprotected(&desk), "a limit guards nothing");
    let sent = stop(&mut desk, 0, "90");
    exit(&mut desk, 0, "0.5", Some("121"), "");
    assert!(unprotected(&desk), "the stop is only on its way");
    desk.ack(&sent, "V-stop");
    assert!(!unprotected(&desk));
    desk.assert_replays();
}

#[test]
fn the_end_of_what_is_no_stop_of_an_exit_leaves_no_gap() {
    let quiet = |desk: &Desk, what: &str| {
        assert!(!desk.kernel.slot(0).expect("a slot").unprotected, "{what}");
        assert!(desk.effects.notices.iter().all(|notice| notice.code != Code::VenueRejected), "{what}");
    };
    // A limit exit of a group.
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    let target = exit(&mut desk, 0, "1", Some("120"), "g");
    desk.event(Kind::Expired, &target, |_| {});
    quiet(&desk, "a target");
    // An entry by stop, and one of a group, that have filled in part.
    for (order_type, group) in [(OrderType::StopMarket, ""), (OrderType::Limit, "g")] {
        let mut desk = Desk::new();
        desk.intent(Action::Enter, 0, |intent| {
            (intent.order_type, intent.oco_group) = (order_type, id(group));
            intent.trigger_price = (order_type == OrderType::StopMarket).then(|| dec("101"));
            intent.limit_price = (order_type == OrderType::Limit).then(|| dec("101"));
            intent.target_size = Some(dec("2"));
        });
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        desk.fill(&entry, "T1", "1", "101");
        desk.event(Kind::Expired, &entry, |_| {});
        assert_eq!(desk.stage(0), Stage::PositionOpen);
        quiet(&desk, "an entry");
        desk.assert_replays();
    }
}

#[test]
fn an_ordinary_order_carries_nothing_extra() {
    let mut desk = Desk::new();
    let entry = desk.open(0, "1", "100");
    assert!(order(&desk, &entry).extra.is_none(), "an entry");
    desk.exit(0);
    let out = desk.submitted();
    assert!(order(&desk, &out).extra.is_none(), "an exit");
    let mut desk = Desk::new();
    desk.intent(Action::Enter, 0, |intent| {
        (intent.target_size, intent.valid_until_ns) = (Some(dec("1")), Some(i64::MAX));
    });
    let entry = desk.submitted();
    assert!(order(&desk, &entry).extra.is_none(), "an entry is never sent again");
}

#[test]
fn what_is_forgotten_leaves_every_index_and_counter() {
    let config = KernelConfig { max_slots: 3, remembered_orders: 2, ..KernelConfig::default() };
    // Settlements that no fill has come for, and orders of one fill and of two, come and go.
    let mut desk = Desk::with(config.clone());
    for round in 0..5 {
        desk.settled(&format!("U{round}"), "0", "0.01");
        stored_again(&desk);
        desk.enter(0, "2");
        let entry = desk.submitted();
        desk.ack(&entry, &format!("V{round}"));
        desk.fill(&entry, &format!("A{round}"), "1", "100");
        desk.fill(&entry, &format!("B{round}"), "1", "100");
        desk.exit(0);
        let out = desk.submitted();
        desk.fill(&out, &format!("C{round}"), "2", "100");
        stored_again(&desk);
    }
    desk.assert_replays();
    // Orders of others that were at work when the account was opened, with client ids of theirs.
    let mut desk = Desk::unseeded(config);
    let foreign = |number: u32| opening_order(&format!("V{number}"), &format!("web-{number}"));
    let opening = OpeningState {
        timestamp_ns: 2,
        balances: vec![(id("USDT"), dec("1000"))],
        positions: Vec::new(),
        orders: (0..5).map(foreign).collect(),
        fill_cursor: Id::EMPTY,
        income_cursor: Id::EMPTY,
    };
    assert!(desk.put(Input::Opening(Box::new(opening))).accepted);
    for number in 0..4 {
        assert!(desk.event(Kind::CancelAck, &id(&format!("web-{number}")), |_| {}).accepted);
        stored_again(&desk);
    }
    let orders = desk.kernel.orders();
    assert!(orders.by_client_id(&id("web-4")).is_some(), "the one at work is found");
    assert_eq!(orders.iter().count(), 3, "it, and the last two that ended");
    assert!(orders.by_client_id(&id("web-0")).is_none(), "what is forgotten is not found");
    desk.assert_replays();
}
