//! Orders of one group cancel one another.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, Input, InstrumentSpec, RiskLimits};
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderType,
    TradeStage as Stage,
};
use dita_kernel::outcome::{Detail, Outcome};

fn bracket(desk: &mut Desk, group: &str) -> (Id, Id) {
    let group = id(group);
    desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
        intent.oco_group = group.clone();
    });
    let stop = desk.submitted();
    desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::TakeProfit;
        intent.trigger_price = Some(dec("120"));
        intent.oco_group = group;
    });
    (stop, desk.submitted())
}

fn entry(desk: &mut Desk, slot: u32, size: &str, price: &str, asset: &str, group: &str) -> Outcome {
    desk.intent(Action::Enter, slot, |intent| {
        intent.asset = id(asset);
        intent.target_size = Some(dec(size));
        intent.order_type = OrderType::Limit;
        intent.limit_price = Some(dec(price));
        intent.oco_group = id(group);
    })
}

fn canceled(desk: &Desk) -> Vec<Id> {
    let of = |command: &Command| match command {
        Command::Cancel(request) => Some(request.venue_client_id.clone()),
        Command::Submit(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    };
    desk.effects.commands.iter().filter_map(of).collect()
}

fn reserved(desk: &Desk) -> String {
    desk.kernel.exposure().reserved(0).to_string()
}

#[test]
fn a_refused_cancel_of_the_other_is_not_repeated_at_once() {
    for refusal in [Kind::CancelReject, Kind::RateLimited] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let (stop, target) = bracket(&mut desk, "g");
        desk.ack(&stop, "W");
        desk.ack(&target, "L");
        desk.fill(&stop, "F1", "1", "90");
        assert_eq!(canceled(&desk), std::slice::from_ref(&target));
        // The same quote has ended it at the venue; the refusal comes before the news of that.
        desk.event(refusal, &target, |_| {});
        assert!(canceled(&desk).is_empty(), "or a venue that answers at once is asked for ever: {refusal}");
        desk.event(Kind::Expired, &target, |_| {});
        assert_eq!(desk.stage(0), Stage::Closed);
        desk.assert_replays();
    }
}

#[test]
fn a_stop_and_a_take_profit_rest_together_and_the_one_that_fills_takes_back_the_other() {
    for stop_fills in [true, false] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let (stop, target) = bracket(&mut desk, "g");
        assert_eq!(desk.kernel.groups().find(&id("g")).map(|group| group.members.len()), Some(2));
        let (winner, loser) = if stop_fills { (&stop, &target) } else { (&target, &stop) };
        desk.ack(winner, "W");
        desk.fill(winner, "F1", "0.4", "120");
        assert!(canceled(&desk).is_empty(), "a part takes back nothing");
        desk.fill(winner, "F2", "0.6", "120");
        assert_eq!(canceled(&desk), std::slice::from_ref(loser));
        assert_eq!(desk.size(0), "0.000");
        desk.event(Kind::CancelAck, loser, |_| {});
        assert_eq!(desk.stage(0), Stage::Closed);
        assert!(desk.kernel.groups().iter().next().is_none(), "the group is over");
        desk.assert_replays();
    }
}

#[test]
fn a_group_beside_plain_exits_sells_what_they_leave_and_its_stop_guards_all() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit_size(0, "0.5");
    let (stop, target) = bracket(&mut desk, "g");
    for (order, size) in [(&stop, "1"), (&target, "0.5")] {
        let place = desk.kernel.orders().by_client_id(order).unwrap();
        let rules = &desk.kernel.instruments()[0];
        assert_eq!(rules.qty_decimal(desk.kernel.orders().at(place).qty), dec(size));
    }
    // What leaves at the market takes the target's place.
    assert!(desk.exit_size(0, "0.5").accepted);
    assert_eq!(canceled(&desk), [target]);
    assert_eq!(desk.exit_size(0, "0.1").code, Code::SlotBusy);
}

#[test]
fn a_member_that_fails_takes_nothing_with_it() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let (stop, target) = bracket(&mut desk, "g");
    desk.event(Kind::Expired, &target, |_| {});
    assert!(canceled(&desk).is_empty());
    let place = desk.kernel.orders().by_client_id(&stop).unwrap();
    assert!(desk.kernel.orders().at(place).is_live());
}

#[test]
fn entries_of_a_group_hold_back_for_the_worst_of_them() {
    let mut desk = Desk::new();
    entry(&mut desk, 0, "1", "99", "BTCUSDT", "g");
    let first = desk.submitted();
    assert_eq!(reserved(&desk), "100");
    entry(&mut desk, 1, "2", "98", "BTCUSDT", "g");
    let second = desk.submitted();
    assert_eq!(reserved(&desk), "200", "not 300");
    desk.event(Kind::Expired, &second, |_| {});
    assert_eq!(reserved(&desk), "100");
    entry(&mut desk, 2, "0.5", "97", "BTCUSDT", "g");
    let third = desk.submitted();
    assert_eq!(reserved(&desk), "100");
    // The first fill of one takes back the others.
    desk.fill(&third, "F", "0.1", "97");
    assert_eq!(canceled(&desk), std::slice::from_ref(&first));
    desk.event(Kind::CancelAck, &first, |_| {});
    assert_eq!(reserved(&desk), "40", "0.4 of the third may still come");
    desk.assert_replays();
}

#[test]
fn a_group_is_held_against_the_limits_by_its_worst_member() {
    let mut desk = Desk::new();
    let limits = RiskLimits { max_total_notional: Some(dec("200")), ..RiskLimits::default() };
    desk.control(ControlChange { limits: Some(limits), ..ControlChange::default() });
    assert!(entry(&mut desk, 0, "1.9", "99", "BTCUSDT", "g").accepted);
    assert!(entry(&mut desk, 1, "2", "99", "BTCUSDT", "g").accepted, "198 at worst");
    assert_eq!(entry(&mut desk, 2, "2.1", "99", "BTCUSDT", "g").code, Code::RiskBlocked);
    assert_eq!(entry(&mut desk, 2, "0.1", "99", "BTCUSDT", "").code, Code::RiskBlocked, "alone it adds up");
}

#[test]
#[rustfmt::skip]
fn a_group_is_of_one_kind() {
    let wrong = |outcome: &Outcome| {
        outcome.code == Code::InvalidIntent && matches!(&outcome.detail, Detail::Field { field: "oco_group", .. })
    };
    let mut desk = Desk::new();
    let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(spec)));
    desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
    entry(&mut desk, 1, "1", "99", "BTCUSDT", "g");
    assert!(wrong(&entry(&mut desk, 2, "1", "99", "ETHUSDT", "g")), "entries of another asset");
    desk.open(0, "1", "100");
    let exit = desk.intent(Action::Exit, 0, |intent| {
        intent.oco_group = id("g");
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
    });
    assert!(wrong(&exit), "an exit among entries");
    bracket(&mut desk, "exits");
    assert!(wrong(&entry(&mut desk, 2, "1", "99", "BTCUSDT", "exits")), "an entry among exits");
    assert!(entry(&mut desk, 2, "1", "99", "BTCUSDT", "g").accepted);
}

#[test]
fn a_late_fill_of_an_old_group_leaves_a_new_one_of_its_name_alone() {
    let mut desk = Desk::new();
    entry(&mut desk, 0, "1", "99", "BTCUSDT", "g");
    let old = desk.submitted();
    desk.event(Kind::CancelAck, &old, |_| {});
    entry(&mut desk, 1, "1", "99", "BTCUSDT", "g");
    assert_eq!(desk.fill(&old, "F", "1", "99").code, Code::LateFill);
    assert!(canceled(&desk).is_empty());
}

#[test]
fn a_late_fill_takes_back_what_is_left_of_its_own_group() {
    let mut desk = Desk::new();
    entry(&mut desk, 0, "1", "99", "BTCUSDT", "g");
    let first = desk.submitted();
    entry(&mut desk, 1, "1", "98", "BTCUSDT", "g");
    let second = desk.submitted();
    desk.event(Kind::CancelAck, &first, |_| {});
    desk.fill(&first, "F", "1", "99");
    assert_eq!(canceled(&desk), [second]);
}
