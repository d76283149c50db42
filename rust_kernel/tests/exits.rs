//! Several exits of one trade, stops, protection, and what is too small to sell.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::{Command, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, InstrumentSpec};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderType, Origin,
    Product, Severity, TimeInForce, TradeSide, TradeStage as Stage, VenueOrderStatus as Status,
};
use dita_kernel::outcome::{Detail, Outcome};

fn limit_exit(desk: &mut Desk, size: Option<&str>, price: &str) -> Outcome {
    let (size, price) = (size.map(dec), dec(price));
    desk.intent(Action::Exit, 0, |intent| {
        intent.target_size = size;
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(price);
    })
}

fn stop_exit(desk: &mut Desk, slot: u32, size: Option<&str>, trigger: &str) -> Outcome {
    let (size, trigger) = (size.map(dec), dec(trigger));
    desk.intent(Action::Exit, slot, |intent| {
        intent.target_size = size;
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(trigger);
    })
}

fn request(desk: &Desk) -> OrderRequest {
    let mut requests = desk.effects.commands.iter().filter_map(|command| match command {
        Command::Submit(order) => Some(order.clone()),
        Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    });
    requests.next_back().expect("an order was submitted")
}

/// The client ids that cancels were asked for, in this step.
fn canceled(desk: &Desk) -> Vec<Id> {
    let of = |command: &Command| match command {
        Command::Cancel(request) => Some(request.venue_client_id.clone()),
        Command::Submit(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn has_notice(desk: &Desk, code: Code, severity: Severity) -> bool {
    desk.effects.notices.iter().any(|notice| notice.code == code && notice.severity == severity)
}

fn field(outcome: &Outcome) -> &'static str {
    match &outcome.detail {
        Detail::Field { field, .. } => field,
        Detail::Limit { limit, .. } => limit,
        _ => "",
    }
}

fn unprotected(desk: &Desk) -> bool {
    desk.kernel.slot(0).expect("a slot").unprotected
}

fn close_reason(desk: &Desk) -> String {
    desk.kernel.slot(0).expect("a slot").close_reason.to_string()
}

#[test]
#[rustfmt::skip]
fn an_order_type_brings_its_prices_and_no_others() {
    use OrderType::{Limit, Market, StopLimit, StopMarket, TakeProfit};
    for (order_type, limit, trigger, post_only, wrong) in [
        (Market,     None,         None,        false, None),
        (Market,     None,         Some("90"),  false, Some("trigger_price")),
        (Market,     Some("90"),   None,        false, Some("limit_price")),
        (Market,     None,         None,        true,  Some("post_only")),
        (Limit,      Some("90"),   None,        true,  None),
        (Limit,      Some("90"),   Some("90"),  false, Some("trigger_price")),
        (Limit,      None,         None,        false, Some("limit_price")),
        (StopMarket, None,         Some("110"), false, None),
        (StopMarket, None,         None,        false, Some("trigger_price")),
        (StopMarket, Some("111"),  Some("110"), false, Some("limit_price")),
        (StopMarket, None,         Some("110"), true,  Some("post_only")),
        (StopMarket, None,         Some("0"),   false, Some("trigger_price")),
        (StopMarket, None,         Some("-1"),  false, Some("trigger_price")),
        (StopMarket, None,         Some("5001"), false, Some("trigger_price")),
        (StopLimit,  Some("111"),  Some("110"), true,  None),
        (StopLimit,  Some("111"),  None,        false, Some("trigger_price")),
        (StopLimit,  None,         Some("110"), false, Some("limit_price")),
        (StopLimit,  Some("5001"), Some("110"), false, Some("limit_price")),
        (TakeProfit, None,         Some("90"),  false, None),
        (TakeProfit, Some("90"),   Some("90"),  false, Some("limit_price")),
    ] {
        for action in [Action::Enter, Action::Exit] {
            let mut desk = Desk::new();
            let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
            spec.max_price = Some(dec("5000"));
            desk.put(Input::Instrument(Box::new(spec)));
            let slot = if action == Action::Exit { desk.open(0, "1", "100"); 0 } else { 1 };
            let outcome = desk.intent(action, slot, |intent| {
                intent.target_size = Some(dec("1"));
                intent.order_type = order_type;
                intent.limit_price = limit.map(dec);
                intent.trigger_price = trigger.map(dec);
                intent.post_only = post_only;
            });
            let what = format!("{action} {order_type} {limit:?} {trigger:?} {post_only}");
            assert_eq!(outcome.accepted, wrong.is_none(), "{what}: {outcome:?}");
            if let Some(wrong) = wrong {
                assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, wrong), "{what}");
            }
        }
    }
}

#[test]
#[rustfmt::skip]
fn a_trigger_goes_to_the_passive_side_of_its_order() {
    for (side, action, given, sent) in [
        (TradeSide::Long,  Action::Enter, "110.17", "110.1"),
        (TradeSide::Short, Action::Enter, "90.13",  "90.2"),
        (TradeSide::Long,  Action::Exit,  "90.13",  "90.2"), // sells
        (TradeSide::Short, Action::Exit,  "110.17", "110.1"), // buys
    ] {
        let mut desk = Desk::new();
        if action == Action::Exit {
            desk.enter_side(0, side, "1");
            let order = desk.submitted();
            desk.fill(&order, "T1", "1", "100");
        }
        desk.intent(action, 0, |intent| {
            intent.side = side;
            intent.target_size = Some(dec("1"));
            intent.order_type = OrderType::StopMarket;
            intent.trigger_price = Some(dec(given));
        });
        let order = request(&desk);
        assert_eq!(order.trigger_price, Some(dec(sent)), "{side} {action}");
        assert_eq!((order.order_type, order.limit_price), (OrderType::StopMarket, None));
        assert_eq!(order.reduce_only, action == Action::Exit, "on a one-way account");
    }
}

#[test]
#[rustfmt::skip]
fn a_stop_entry_is_held_back_for_at_its_worst() {
    use OrderType::{Limit, StopLimit, StopMarket, TakeProfit};
    // The mark is 100.
    for (side, order_type, limit, trigger, reserved) in [
        (TradeSide::Long,  Limit,      Some("90"),  None,        "100"), // judged at the mark
        (TradeSide::Long,  StopMarket, None,        Some("110"), "110"),
        (TradeSide::Long,  StopMarket, None,        Some("90"),  "100"), // reached already: a market order
        (TradeSide::Long,  StopLimit,  Some("112"), Some("110"), "112"),
        (TradeSide::Long,  StopLimit,  Some("80"),  Some("110"), "110"),
        (TradeSide::Long,  TakeProfit, None,        Some("90"),  "100"),
        (TradeSide::Short, StopMarket, None,        Some("90"),  "100"),
        (TradeSide::Short, StopLimit,  Some("120"), Some("90"),  "120"),
        (TradeSide::Short, TakeProfit, None,        Some("110"), "110"),
    ] {
        let mut desk = Desk::new();
        desk.intent(Action::Enter, 0, |intent| {
            intent.side = side;
            intent.target_size = Some(dec("1"));
            intent.order_type = order_type;
            intent.limit_price = limit.map(dec);
            intent.trigger_price = trigger.map(dec);
        });
        assert_eq!(desk.kernel.exposure().reserved(0).to_string(), reserved, "{side} {order_type} {trigger:?}");
    }
}

#[test]
fn a_stop_for_the_whole_position_rests_while_a_ladder_works() {
    let mut desk = Desk::new();
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.exit_leg_ratios = vec![dec("0.5"), dec("0.3"), dec("0.2")];
    });
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert!(stop_exit(&mut desk, 0, None, "90").accepted);
    let stop = desk.submitted();
    assert_eq!(request(&desk).size, dec("1"), "a stop without a size guards all");
    let legs: Vec<(Id, String)> = ["110", "120", "130"]
        .iter()
        .map(|price| {
            assert!(limit_exit(&mut desk, None, price).accepted);
            (desk.submitted(), request(&desk).size.to_string())
        })
        .collect();
    assert_eq!(legs.iter().map(|(_, size)| size.as_str()).collect::<Vec<_>>(), ["0.500", "0.300", "0.200"]);
    let more = limit_exit(&mut desk, None, "140");
    assert_eq!((more.code, field(&more)), (Code::SlotBusy, "target_size"), "all is covered");
    let more = limit_exit(&mut desk, Some("0.1"), "140");
    assert_eq!(more.code, Code::SlotBusy);
    // The legs fill, last first: the targets are cumulative, and the stop goes when all is gone.
    for (at, (leg, size)) in legs.iter().enumerate().rev() {
        assert!(canceled(&desk).is_empty());
        assert_eq!(desk.fill(leg, &format!("L{at}"), size, "120").code, Code::Ok);
    }
    assert_eq!(canceled(&desk), std::slice::from_ref(&stop));
    assert_eq!((desk.size(0).as_str(), desk.stage(0)), ("0.000", Stage::ExitSent));
    desk.event(Kind::CancelAck, &stop, |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
    assert!(!unprotected(&desk), "we asked for it");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn what_exits_at_work_will_close_is_not_sold_twice() {
    // The first exit's size, the second one's wish and what it gets; the position is 1, in one leg.
    for (first, second, sent) in [
        ("0.4", None,        Some("0.600")),
        ("0.4", Some("0.2"), Some("0.200")),
        ("0.4", Some("0.9"), Some("0.600")),
        ("1",   None,        None),
        ("1",   Some("0.1"), None),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        assert!(limit_exit(&mut desk, Some(first), "110").accepted);
        let outcome = limit_exit(&mut desk, second, "111");
        assert_eq!(outcome.accepted, sent.is_some(), "{first} {second:?}");
        if let Some(sent) = sent {
            assert_eq!(request(&desk).size.to_string(), sent, "{first} {second:?}");
        } else {
            assert_eq!(outcome.code, Code::SlotBusy);
        }
    }
}

#[test]
fn the_stage_follows_the_newest_live_exit() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    limit_exit(&mut desk, Some("0.2"), "110");
    let first = desk.submitted();
    desk.ack(&first, "A");
    assert_eq!(desk.stage(0), Stage::ExitWorking);
    limit_exit(&mut desk, Some("0.3"), "111");
    let second = desk.submitted();
    assert_eq!(desk.stage(0), Stage::ExitSent);
    desk.fill(&first, "F1", "0.1", "110");
    assert_eq!(desk.stage(0), Stage::ExitSent, "an older one's fill leaves the newest's stage");
    stop_exit(&mut desk, 0, None, "90");
    let third = desk.submitted();
    desk.ack(&third, "C");
    assert_eq!(desk.stage(0), Stage::ExitWorking);
    desk.ack(&second, "B");
    assert_eq!(desk.stage(0), Stage::ExitWorking, "an older one's acknowledgement neither");
    limit_exit(&mut desk, Some("0.1"), "112");
    let fourth = desk.submitted();
    desk.event(Kind::CancelAck, &third, |_| {});
    assert_eq!(desk.stage(0), Stage::ExitSent);
    assert!(desk.event(Kind::OrderReject, &fourth, |event| event.status = Some(Status::Rejected)).accepted);
    assert_eq!(desk.stage(0), Stage::ExitWorking, "back to the second");
    assert_eq!(
        desk.kernel.slot(0).unwrap().exit.map(|exit| exit.place),
        desk.kernel.orders().by_client_id(&second)
    );
    desk.event(Kind::Expired, &second, |_| {});
    assert_eq!(desk.stage(0), Stage::ExitWorking, "back to the first");
    desk.fill(&first, "F2", "0.1", "110");
    assert_eq!((desk.stage(0), desk.size(0).as_str()), (Stage::PositionOpen, "0.800"));
    desk.assert_replays();
}

#[test]
fn eight_exits_may_work_at_once() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    for _ in 0..8 {
        assert!(limit_exit(&mut desk, Some("0.1"), "110").accepted);
    }
    let ninth = limit_exit(&mut desk, Some("0.1"), "110");
    assert_eq!((ninth.code, field(&ninth)), (Code::SlotBusy, "exits_per_slot"));
    assert_eq!(stop_exit(&mut desk, 0, None, "90").code, Code::SlotBusy, "a bound is a bound");
}

#[test]
fn the_exit_that_closes_the_trade_says_why_it_ended() {
    for (fills, wanted) in [(0, "target"), (1, "stop"), (2, "time is up")] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let mut orders = Vec::new();
        for (reason, trigger) in [("target", None), ("stop", Some("90")), ("time is up", Some("91"))] {
            desk.intent(Action::Exit, 0, |intent| {
                intent.reason = id(reason);
                intent.order_type = if trigger.is_some() { OrderType::StopMarket } else { OrderType::Limit };
                intent.limit_price = if trigger.is_some() { None } else { Some(dec("110")) };
                intent.trigger_price = trigger.map(dec);
            });
            orders.push(desk.submitted());
        }
        desk.fill(&orders[fills], "F", "1", "110");
        for order in orders.iter().enumerate().filter(|(at, _)| *at != fills).map(|(_, order)| order) {
            desk.event(Kind::CancelAck, order, |_| {});
        }
        assert_eq!((desk.stage(0), close_reason(&desk).as_str()), (Stage::Closed, wanted));
    }
}

#[test]
fn the_reason_of_an_exit_that_ends_goes_back_to_the_one_before_it() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    for (reason, price) in [("first", "110"), ("", "111"), ("third", "112")] {
        desk.intent(Action::Exit, 0, |intent| {
            intent.reason = id(reason);
            intent.target_size = Some(dec("0.3"));
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec(price));
        });
    }
    assert_eq!(close_reason(&desk), "third");
    let third = desk.submitted();
    // Surely not sent, and the venue never heard of it.
    let reason = "no route".into();
    desk.put(Input::Effect(EffectResult::NotSent { venue_client_id: third, reason }));
    assert_eq!(close_reason(&desk), "");
    let slot = desk.kernel.slot(0).unwrap();
    let second = desk.kernel.orders().at(slot.exit.unwrap().place).client_id.clone();
    desk.event(Kind::Expired, &second, |_| {});
    assert_eq!(close_reason(&desk), "first");
}

#[test]
fn an_older_exit_without_a_reason_that_closes_the_trade_does_not_borrow_one() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    limit_exit(&mut desk, None, "110");
    let target = desk.submitted();
    desk.intent(Action::Exit, 0, |intent| {
        intent.reason = id("stop");
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
    });
    let stop = desk.submitted();
    desk.fill(&target, "F", "1", "110");
    desk.event(Kind::CancelAck, &stop, |_| {});
    assert_eq!((desk.stage(0), close_reason(&desk).as_str()), (Stage::Closed, "EXIT"));
}

#[test]
#[rustfmt::skip]
fn a_stop_that_fails_leaves_the_position_unprotected_and_says_so_at_once() {
    for (what, kind, status, partly, asked, alarm) in [
        ("refused",           Kind::OrderReject, Some(Status::Rejected), false, false, true),
        ("rate limited",      Kind::RateLimited, None,                   false, false, true),
        ("expired",           Kind::Expired,     None,                   false, false, true),
        ("expired in part",   Kind::Expired,     None,                   true,  false, true),
        ("venue canceled it", Kind::CancelAck,   None,                   false, false, true),
        ("we canceled it",    Kind::CancelAck,   None,                   false, true,  false),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        stop_exit(&mut desk, 0, None, "90");
        let stop = desk.submitted();
        if partly {
            desk.fill(&stop, "F", "0.4", "90");
        }
        if asked {
            assert!(desk.cancel(0).accepted);
        }
        desk.event(kind, &stop, |event| event.status = status);
        assert_eq!((unprotected(&desk), has_notice(&desk, Code::VenueRejected, Severity::Critical)), (alarm, alarm), "{what}");
        assert_eq!(desk.stage(0), Stage::PositionOpen, "{what}");
        // A new one that the venue has taken ends the alarm.
        stop_exit(&mut desk, 0, None, "89");
        let again = desk.submitted();
        assert_eq!(unprotected(&desk), alarm, "{what}: sent is not taken");
        desk.ack(&again, "AGAIN");
        assert!(!unprotected(&desk), "{what}");
    }
}

#[test]
fn another_stop_or_nothing_to_protect_is_no_alarm() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    stop_exit(&mut desk, 0, None, "90");
    let first = desk.submitted();
    stop_exit(&mut desk, 0, None, "80");
    let second = desk.submitted();
    desk.event(Kind::Expired, &first, |_| {});
    assert!(!unprotected(&desk), "the second still guards");
    desk.event(Kind::Expired, &second, |_| {});
    assert!(unprotected(&desk));
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "F", "1", "100");
    assert!(!unprotected(&desk), "flat");
    assert_eq!(desk.stage(0), Stage::Closed);
    // An exit that guards nothing may fail without alarm.
    desk.open(0, "1", "100");
    limit_exit(&mut desk, None, "110");
    let target = desk.submitted();
    desk.event(Kind::Expired, &target, |_| {});
    assert!(!unprotected(&desk));
}

#[test]
fn an_exit_while_the_entry_works_takes_back_the_rest_and_a_late_fill_reopens() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "E");
    desk.fill(&entry, "T1", "0.4", "99");
    assert_eq!(desk.stage(0), Stage::EntryWorking);
    desk.exit(0);
    assert_eq!((canceled(&desk), request(&desk).size), (vec![entry.clone()], dec("0.4")));
    let exit = desk.submitted();
    desk.fill(&exit, "F1", "0.4", "100");
    assert_eq!(desk.stage(0), Stage::EntryWorking, "until the venue has let the rest go");
    desk.event(Kind::CancelAck, &entry, |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
    assert_eq!(desk.fill(&entry, "T2", "0.1", "99").code, Code::LateFill);
    assert_eq!((desk.stage(0), desk.size(0).as_str()), (Stage::PositionOpen, "0.100"));
    desk.assert_replays();
}

fn with_minimum(min_qty: &str) -> Desk {
    let mut desk = Desk::new();
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.min_qty = Some(dec(min_qty));
    spec.min_notional = Some(dec("20"));
    desk.put(Input::Instrument(Box::new(spec)));
    desk
}

#[test]
fn what_cannot_be_sold_is_closed_as_dust_into_the_unassigned_book() {
    let mut desk = with_minimum("0.01");
    desk.open(0, "1", "100");
    desk.exit_size(0, "0.995");
    let exit = desk.submitted();
    desk.fill(&exit, "F1", "0.995", "110");
    assert_eq!(desk.size(0), "0.005");
    let realized = desk.kernel.slot(0).unwrap().realized;
    assert_eq!(desk.exit_size(0, "0.004").code, Code::BelowFloor, "not all that is left: refused");
    assert_eq!(desk.stage(0), Stage::PositionOpen);
    assert_eq!(stop_exit(&mut desk, 0, None, "90").code, Code::BelowFloor);
    assert_eq!(desk.stage(0), Stage::PositionOpen, "a stop closes nothing by itself");
    let outcome = desk.exit(0);
    assert_eq!(
        (outcome.accepted, outcome.code, outcome.severity),
        (true, Code::BelowFloor, Severity::Warning)
    );
    assert!(desk.effects.commands.is_empty(), "nothing is sent");
    assert_eq!((desk.stage(0), close_reason(&desk).as_str()), (Stage::Closed, "DUST"));
    assert_eq!(desk.book(), ("0.005".into(), "0.005".into()));
    assert_eq!(desk.kernel.slot(0).unwrap().realized, realized);
    assert_eq!(desk.kernel.unassigned(0)[0].cost.to_string(), "0.5", "at the slot's own cost");
    assert_eq!(desk.kernel.unassigned_parts(0)[0].part(Origin::Dust).0, 5);
    desk.assert_replays();
}

#[test]
fn dust_beside_a_resting_stop_takes_the_stop_back_first() {
    let mut desk = with_minimum("0.01");
    desk.open(0, "1", "100");
    stop_exit(&mut desk, 0, None, "90");
    let stop = desk.submitted();
    desk.exit_size(0, "0.995");
    let exit = desk.submitted();
    desk.fill(&exit, "F1", "0.995", "110");
    assert_eq!(canceled(&desk), std::slice::from_ref(&stop), "the venue takes no stop as small");
    assert_eq!(desk.exit(0).code, Code::BelowFloor);
    assert_eq!((canceled(&desk), desk.stage(0)), (vec![], Stage::ExitSent));
    desk.event(Kind::CancelAck, &stop, |_| {});
    assert_eq!((desk.stage(0), close_reason(&desk).as_str()), (Stage::Closed, "DUST"));
}

#[test]
fn a_small_value_holds_back_no_exit_of_a_perpetual() {
    let mut desk = with_minimum("0.001");
    desk.open(0, "1", "100");
    desk.mark("1");
    let outcome = desk.exit_size(0, "0.5");
    assert!(outcome.accepted, "0.5 is worth less than min_notional, and reduce-only: {outcome:?}");
}

#[test]
fn in_hedge_mode_the_position_side_says_what_reduces() {
    let config = KernelConfig { hedge_mode: true, max_slots: 3, ..KernelConfig::default() };
    let mut desk = Desk::with(config);
    desk.open(0, "1", "100");
    desk.exit(0);
    assert!(!request(&desk).reduce_only, "the venue refuses the flag here");
}

#[test]
fn an_exit_keeps_until_when_it_may_be_sent_again() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.intent(Action::Exit, 0, |intent| {
        intent.valid_until_ns = Some(77);
        intent.time_in_force = TimeInForce::Ioc;
    });
    let place = desk.kernel.orders().by_client_id(&desk.submitted()).unwrap();
    let extra = desk.kernel.orders().at(place).extra.as_ref().expect("more than a plain order");
    assert_eq!(extra.valid_until_ns, Some(77));
}

#[test]
fn a_quote_size_is_for_spot_entries() {
    let mut desk = Desk::new();
    let outcome = desk.intent(Action::Enter, 0, |intent| intent.quote_size = Some(dec("50")));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "quote_size"));
    desk.open(0, "1", "100");
    let outcome = desk.intent(Action::Exit, 0, |intent| intent.quote_size = Some(dec("50")));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "quote_size"));
}

/// Spot without fees, lot 0.001, smallest value 20.
fn spot() -> Desk {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.product = Product::Spot;
    spec.min_notional = Some(dec("20"));
    (spec.maker_rate, spec.taker_rate) = (dec("0"), dec("0"));
    Desk::over(spec, &[("USDT", "1000")], "100")
}

#[test]
#[rustfmt::skip]
fn a_quote_size_buys_whole_lots_at_the_price_that_it_is_valued_at() {
    for (quote, limit, size) in [
        ("50",    None,       Some("0.500")), // at the mark of 100
        ("50.09", None,       Some("0.500")),
        ("50",    Some("99"), Some("0.505")), // 0.50505
        ("19.99", None,       None),          // under the smallest value
        ("0.05",  None,       None),
    ] {
        let mut desk = spot();
        let outcome = desk.intent(Action::Enter, 0, |intent| {
            intent.quote_size = Some(dec(quote));
            intent.order_type = if limit.is_some() { OrderType::Limit } else { OrderType::Market };
            intent.limit_price = limit.map(dec);
        });
        match size {
            Some(size) => {
                let order = request(&desk);
                assert_eq!((order.size, order.reduce_only), (dec(size), false), "{quote} {limit:?}");
            }
            None => assert_eq!((outcome.code, field(&outcome)), (Code::BelowFloor, "quote_size"), "{quote}"),
        }
    }
}

#[test]
#[rustfmt::skip]
fn spot_has_no_shorts_no_leverage_and_one_size() {
    type Change = fn(&mut dita_kernel::input::Intent);
    for (change, named) in [
        ((|i| i.side = TradeSide::Short) as Change,          "side"),
        (|i| i.leverage = Some(dec("2")),                    "leverage"),
        (|i| i.target_size = Some(dec("1")),                 "quote_size"),
        (|i| i.quote_size = Some(dec("0")),                  "quote_size"),
        (|i| i.quote_size = None,                            "target_size"),
    ] {
        let mut desk = spot();
        let outcome = desk.intent(Action::Enter, 0, |intent| {
            intent.quote_size = Some(dec("50"));
            change(intent);
        });
        assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, named));
    }
}

#[test]
fn on_spot_the_smallest_value_binds_exits_too() {
    let mut desk = spot();
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.exit_leg_ratios = vec![dec("0.1"), dec("0.4"), dec("0.5")];
    });
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert_eq!(desk.exit_size(0, "0.199").code, Code::BelowFloor, "worth 19.9");
    desk.exit(0);
    assert_eq!((request(&desk).size, request(&desk).reduce_only), (dec("0.5"), false), "0.1 merges forward");
    let exit = desk.submitted();
    desk.fill(&exit, "F1", "0.5", "100");
    desk.mark("30");
    assert_eq!(desk.exit(0).code, Code::BelowFloor, "0.5 is worth 15: dust now");
    assert_eq!((desk.stage(0), close_reason(&desk).as_str()), (Stage::Closed, "DUST"));
    assert_eq!(desk.book().0, desk.book().1, "0.5 is nobody's");
    desk.assert_replays();
}

#[test]
fn an_inverse_stop_is_held_back_for_at_the_lowest_price() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USD"), dec("0.1"), dec("1"));
    (spec.inverse, spec.settle, spec.contract_multiplier) = (true, id("BTC"), dec("100"));
    // 1,000 contracts of 100 USD at a mark of 100: 1,000 coins, and the more the lower the price.
    for (side, trigger, reserved) in [
        (TradeSide::Long, "110", "1000"),
        (TradeSide::Long, "80", "1250"),
        (TradeSide::Short, "80", "1250"),
        (TradeSide::Short, "110", "1000"),
    ] {
        let mut desk = Desk::over(spec.clone(), &[("BTC", "2000")], "100");
        desk.intent(Action::Enter, 0, |intent| {
            intent.side = side;
            intent.target_size = Some(dec("1000"));
            intent.order_type = OrderType::StopMarket;
            intent.trigger_price = Some(dec(trigger));
        });
        assert_eq!(desk.kernel.exposure().reserved(0).to_string(), reserved, "{side} {trigger}");
    }
}
