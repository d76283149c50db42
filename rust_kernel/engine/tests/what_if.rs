//! The same log with other fees, limits and latency: held against sums of the test's own, and against an engine that
//! really ran so.

mod past;

use std::ops::ControlFlow::Continue;
use std::sync::Arc;

use dita_engine::{Changes, LogSettings, WhatIf, WhatIfError, what_if};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RiskLimits};
use dita_kernel::names::{KernelCommandType as Action, KernelDiagnosticCode as Code, OrderType};
use dita_kernel::num::{Decimal, Money};
use dita_log::MemoryDisk;
use past::{Desk, client_id, dec, id, money};

fn asked(desk: &Desk, changes: &Changes) -> WhatIf {
    what_if(&desk.disk(), changes, &mut |_| Continue(())).unwrap()
}

fn taker(rate: &str) -> Changes {
    Changes { taker_rate: Some(dec(rate)), ..Changes::default() }
}

fn order_limit(notional: &str) -> RiskLimits {
    RiskLimits { max_order_notional: Some(dec(notional)), ..RiskLimits::default() }
}

fn moved(found: &WhatIf) -> Money {
    found.assets[0].k[1] - found.assets[0].k[0]
}

fn sum(fills: impl Iterator<Item = Money>) -> Money {
    fills.fold(Money::ZERO, |sum, value| sum + value)
}

/// A part of an amount: `amount × bps / 10000`, which must be exact.
fn basis_points(amount: Money, bps: i128) -> Money {
    assert_eq!(amount.0 * bps % 10_000, 0);
    Money(amount.0 * bps / 10_000)
}

/// Taken and made entries, two slots at once, funding, a refusal, a frame of the exchange.
fn busy(desk: &mut Desk) {
    for number in 0..12 {
        desk.trade(3 * number, 0, "0.5", if number % 2 == 0 { "101.5" } else { "98.5" });
        desk.enter_as_maker(3 * number + 1, 1, "0.25", "98.1");
        desk.enter(3 * number + 2, 2, "2.125");
        desk.funding(number, "-0.0125");
        desk.mark("100.5");
        desk.exit(3 * number + 1, 1);
        desk.mark("99.5");
        desk.exit(3 * number + 2, 2);
        desk.exit(1_000 + number, 5);
        desk.frame("100000");
    }
    desk.settle();
}

fn busy_desk() -> Desk {
    let mut desk = Desk::open();
    busy(&mut desk);
    desk
}

#[test]
fn with_nothing_changed_everything_is_as_it_was_to_the_last_bit() {
    let desk = busy_desk();
    let found = asked(&desk, &Changes::default());
    assert_eq!(found.state_hash, [desk.engine.kernel().state_hash(); 2]);
    assert_eq!(found.assets[0].k, [desk.k(); 2]);
    assert!(found.trades.is_empty() && found.trades_all == 36);
    assert_eq!((found.counts.fills_taken, found.counts.fills_made), (60, 12));
    assert_eq!(found.counts.dropped + found.counts.refused + found.counts.unanswered, 0);
}

#[test]
fn a_taker_rate_one_basis_point_lower_moves_k_by_exactly_that_of_what_was_taken() {
    for fee_with_fill in [true, false] {
        let mut desk = Desk::open();
        desk.venue.fee_with_fill = fee_with_fill;
        busy(&mut desk);
        let found = asked(&desk, &taker("0.0004"));
        let taken = || desk.venue.fills.iter().filter(|fill| fill.taker);
        let expected = basis_points(sum(taken().map(|fill| fill.notional)), 1);
        assert!(expected.0 > 0);
        assert_eq!(moved(&found), expected, "fee_with_fill={fee_with_fill}");
        assert_eq!(found.assets[0].k[0], desk.k());
        assert_eq!(found.assets[0].fees[0] - found.assets[0].fees[1], expected);
        assert_eq!(found.assets[0].realized[0], found.assets[0].realized[1]);
        for trade in &found.trades {
            let own = sum(taken().filter(|fill| fill.trade_id == trade.trade_id).map(|fill| fill.notional));
            assert_eq!(trade.k[1] - trade.k[0], basis_points(own, 1), "{}", trade.trade_id);
        }
        assert_eq!(found.trades.len(), 36);
    }
}

#[test]
fn a_maker_rate_concerns_only_what_was_made_and_a_symbol_only_itself() {
    let desk = busy_desk();
    let changes = Changes { maker_rate: Some(dec("-0.0001")), ..Changes::default() };
    let made = desk.venue.fills.iter().filter(|fill| !fill.taker).map(|fill| fill.notional);
    assert_eq!(moved(&asked(&desk, &changes)), basis_points(sum(made), 3));
    let elsewhere = Changes { symbol: id("ETHUSDT"), ..taker("0.0001") };
    assert_eq!(moved(&asked(&desk, &elsewhere)), Money::ZERO);
}

#[test]
fn the_rate_of_then_reproduces_what_a_venue_charged_by_it() {
    let desk = busy_desk();
    let found = asked(&desk, &taker("0.0005"));
    assert_eq!((moved(&found), found.trades.len()), (Money::ZERO, 0));
    assert!(found.counts.fees_recomputed >= 60);
}

#[test]
fn limits_come_to_what_an_engine_with_those_limits_came_to() {
    let then = busy_desk();
    let mut really = Desk::on(Arc::new(MemoryDisk::new()), &LogSettings::default());
    really.limit(order_limit("100"));
    really.begin();
    // The maker's fill comes from the test: only what that engine sends can be filled.
    busy(&mut really);
    let found = asked(&then, &Changes { limits: order_limit("100"), ..Changes::default() });
    assert_eq!(found.counts.refused, 12);
    assert_eq!(found.counts.followed, 12, "their exits have nothing to exit");
    assert!(found.refused.iter().all(|intent| intent.code == Code::RiskBlocked));
    assert_ne!(found.assets[0].k[1], found.assets[0].k[0]);
    // Funding was charged on 2.375 then, and on 0.25 now.
    let per_boundary = money("-0.0125");
    let now = money("-0.00131579");
    let funding = Money(12 * (now.0 - per_boundary.0));
    assert_eq!(found.assets[0].funding[1] - found.assets[0].funding[0], funding);
    assert_eq!(found.assets[0].k[1] - funding, really.k());
    assert_eq!(
        found.assets[0].fees[1],
        really.engine.kernel().ledger().balance(0, dita_kernel::ledger::Account::Fees)
    );
}

#[test]
fn what_was_refused_then_and_would_pass_now_is_counted_and_left_out() {
    let mut desk = Desk::open();
    desk.limit(order_limit("60"));
    desk.trade(0, 0, "0.5", "101");
    let refused = desk.enter(1, 1, "5");
    assert_eq!(refused.outcome.code, Code::RiskBlocked);
    // Had it been let in, it would stand in the way of this one.
    desk.trade(2, 1, "0.5", "102");
    desk.settle();
    let found = asked(&desk, &Changes { limits: order_limit("100000"), ..Changes::default() });
    let counts = &found.counts;
    assert_eq!((counts.let_through, counts.refused, counts.unanswered), (1, 0, 0));
    assert_eq!(found.assets[0].k, [desk.k(); 2]);
}

#[test]
fn a_later_fill_costs_what_the_mark_moved() {
    let mut desk = Desk::open();
    // Asked at 100, and a second later the mark is at 103; left at 103, and a second later it is at 102.
    desk.enter(1, 0, "0.5");
    desk.mark("103");
    desk.exit(1, 0);
    desk.mark("102");
    let seen = desk.intent(9, 5, Action::Exit);
    desk.put(dita_kernel::input::Input::Intent(Box::new(seen))); // something that reads the mark
    desk.settle();
    let found = asked(&desk, &Changes { latency_ns: past::SECOND_NS, ..Changes::default() });
    assert_eq!((found.counts.repriced, found.counts.without_mark), (2, 0));
    let profit = money("-1.5") - money("0.5"); // in 3 higher, out 1 lower
    let fees = money("0.00075") - money("0.00025"); // 5 bps of 0.5 × 3 more and of 0.5 × 1 less
    assert_eq!(found.assets[0].realized[1] - found.assets[0].realized[0], profit);
    assert_eq!(found.assets[0].fees[1] - found.assets[0].fees[0], fees);
    assert_eq!(moved(&found), profit - fees);
    let short = asked(&desk, &Changes { latency_ns: past::SECOND_NS / 2, ..Changes::default() });
    assert_eq!((short.counts.repriced, short.counts.without_mark, moved(&short)), (0, 2, Money::ZERO));
}

/// An entry that waits at 90. Gives its client id.
fn wait_at_90(desk: &mut Desk, number: u32, slot: u32, size: &str) -> Id {
    let mut intent = desk.intent(number, slot, Action::Enter);
    intent.target_size = Some(dec(size));
    intent.order_type = OrderType::Limit;
    intent.limit_price = Some(dec("90"));
    client_id(&desk.put(Input::Intent(Box::new(intent))))
}

/// A stop and a target rest in one slot; the stop is canceled by its name, the target amended by its own, and filled.
/// Without the first order, the target has the name that the stop has with it.
fn stop_and_target(desk: &mut Desk) {
    let first = wait_at_90(desk, 0, 0, "2"); // too big for a limit of 100
    desk.name_one(0, 0, Action::Cancel, &first, |_| ());
    desk.enter(1, 1, "0.5");
    let stop = desk.rest(1, 1, "stop", |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
    });
    let target = desk.rest(1, 1, "target", |intent| {
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec("110"));
    });
    desk.name_one(1, 1, Action::Amend, &target, |intent| {
        intent.target_size = Some(dec("0.4"));
        intent.limit_price = Some(dec("109"));
    });
    desk.name_one(1, 1, Action::Cancel, &stop, |_| ());
    desk.mark("109");
    desk.fill_resting(&target, "109", "0.4");
    desk.settle();
}

#[test]
fn an_intent_that_names_one_of_two_orders_of_a_slot_means_the_same_one_under_its_name_of_now() {
    let mut then = Desk::open();
    stop_and_target(&mut then);
    let mut really = Desk::on(Arc::new(MemoryDisk::new()), &LogSettings::default());
    really.limit(order_limit("100"));
    really.begin();
    stop_and_target(&mut really);
    let found = asked(&then, &Changes { limits: order_limit("100"), ..Changes::default() });
    let counts = &found.counts;
    assert_eq!((counts.refused, counts.followed, counts.unanswered), (1, 1, 0), "{:?}", found.refused);
    assert_eq!(found.assets[0].k[1], really.k());
}

#[test]
fn an_intent_that_names_an_order_that_is_not_sent_now_touches_no_other() {
    let mut desk = Desk::open();
    let first = wait_at_90(&mut desk, 0, 0, "2"); // too big for a limit of 100
    desk.fill_resting(&first, "90", "2");
    desk.exit(0, 0);
    let second = wait_at_90(&mut desk, 1, 0, "0.5");
    // What was the first order's name is the second's name now.
    let wrong = desk.name_one(1, 0, Action::Cancel, &first, |_| ());
    assert_eq!(wrong.outcome.code, Code::NoActiveOrder);
    desk.name_one(1, 0, Action::Cancel, &second, |_| ());
    desk.settle();
    let found = asked(&desk, &Changes { limits: order_limit("100"), ..Changes::default() });
    let counts = &found.counts;
    assert_eq!((counts.refused, counts.followed, counts.let_through), (1, 1, 0), "{:?}", found.refused);
}

#[test]
fn a_change_that_cannot_be_is_named() {
    let desk = Desk::open();
    for (changes, expected) in [
        (taker("1.5"), "taker_rate"),
        (Changes { maker_rate: Some(Decimal::new(1, 13).unwrap()), ..Changes::default() }, "maker_rate"),
        (Changes { latency_ns: -1, ..Changes::default() }, "latency_ns"),
    ] {
        let refused = what_if(&desk.disk(), &changes, &mut |_| Continue(()));
        assert!(matches!(refused, Err(WhatIfError::Field { field, .. }) if field == expected), "{expected}");
    }
    let negative = Changes { limits: order_limit("-1"), ..Changes::default() };
    let mut desk = desk;
    desk.settle();
    let refused = what_if(&desk.disk(), &negative, &mut |_| Continue(()));
    assert!(matches!(refused, Err(WhatIfError::Refused(outcome)) if outcome.code == Code::InvalidIntent));
}

#[test]
fn a_log_whose_beginning_is_gone_is_changed_from_its_first_snapshot_on() {
    let settings = LogSettings {
        snapshot_records: 40,
        segment_bytes_max: 4096,
        retained_bytes_max: 1,
        ..LogSettings::default()
    };
    let mut desk = Desk::on(Arc::new(MemoryDisk::new()), &settings);
    desk.begin();
    busy(&mut desk);
    let found = asked(&desk, &taker("0.0004"));
    assert!(found.began.is_some());
    let expected: Vec<&Id> = found.trades.iter().map(|trade| &trade.trade_id).collect();
    assert!(!expected.is_empty() && expected.len() < 36);
    let own = desk.venue.fills.iter().filter(|fill| fill.taker && found_has(&found, &fill.trade_id));
    let all = basis_points(sum(own.map(|fill| fill.notional)), 1);
    // A trade may be under way at the snapshot: of that, only what came after it.
    assert!(moved(&found).0 > 0 && moved(&found) <= all, "{} {all}", moved(&found));
}

fn found_has(found: &WhatIf, trade_id: &Id) -> bool {
    found.trades.iter().any(|trade| trade.trade_id == *trade_id)
}
