//! A trade's story and the drift's: everything that had to do with it, nothing else, and when it arose.

mod past;

use std::ops::ControlFlow::Continue;

use dita_engine::{Story, StoryStep, Until, drift_story, kind_name, story};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, SlotOverride, VenueEvent};
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType as Action, KernelEventKind as Kind, TradeStage};
use dita_kernel::num::Money;
use dita_kernel::reconcile::{DriftCause, Proof};
use past::{Desk, dec, id, money};

fn told(desk: &mut Desk, trade: &str) -> Story {
    desk.settle();
    story(&desk.disk(), &id(trade), &mut |_| Continue(())).unwrap()
}

fn kinds(story: &Story) -> Vec<&'static str> {
    story.steps.iter().map(|step| kind_name(step.step.kind)).collect()
}

fn k_change(steps: &[StoryStep]) -> Money {
    let mut sum = Money::ZERO;
    for (transaction, _) in steps.iter().flat_map(|step| &step.booked) {
        match (transaction.from, transaction.to) {
            (Account::Wallet, _) => sum -= transaction.amount,
            (_, Account::Wallet) => sum += transaction.amount,
            _ => {}
        }
    }
    sum
}

#[test]
fn a_trades_story_is_all_of_it_and_nothing_else() {
    let mut desk = Desk::open();
    desk.trade(0, 0, "1", "101");
    desk.enter(1, 0, "2"); // the same slot
    desk.enter(2, 1, "3"); // at the same time
    desk.mark("102");
    desk.exit(2, 1);
    desk.exit(1, 0);
    let leg = ["INTENT", "VENUE_EVENT", "VENUE_EVENT", "ACCOUNT_EVENT"];
    let mut all = Money::ZERO;
    for trade in ["t0", "t1", "t2"] {
        let story = told(&mut desk, trade);
        assert_eq!(kinds(&story), [leg, leg].concat(), "{trade}");
        let stage = story.figures.as_ref().map(|figures| figures.stage);
        assert_eq!(stage, Some(TradeStage::Closed), "{trade}");
        all += k_change(&story.steps);
    }
    assert_eq!(desk.k() - money("100000"), all);
}

#[test]
fn a_refused_intent_is_a_story_and_does_not_get_into_anothers() {
    let mut desk = Desk::open();
    desk.enter(0, 0, "1");
    desk.enter(1, 0, "1"); // the slot is busy
    let refused = told(&mut desk, "t1");
    assert_eq!((kinds(&refused), refused.figures), (vec!["INTENT"], None));
    assert!(!refused.steps[0].step.outcome.accepted);
    assert_eq!(kinds(&told(&mut desk, "t0")).len(), 4);
    assert!(told(&mut desk, "t9").steps.is_empty());
}

#[test]
fn a_late_fill_and_an_operators_hand_belong_to_the_story() {
    let mut desk = Desk::open();
    desk.trade(0, 0, "1", "101");
    desk.enter(1, 1, "1");
    let mut change = SlotOverride::new(1, id("ops"), "too large".into());
    change.close_reason = Some(id("MANUAL"));
    desk.put(Input::Override(Box::new(change)));
    let order = desk.engine.kernel().orders().iter().find(|order| order.trade_id == id("t0")).unwrap();
    let mut late = VenueEvent::new(Kind::PartialFill, desk.now_ns);
    late.venue_order_id = order.venue_order_id.clone();
    late.venue_trade_id = id("T-late");
    late.size = Some(dec("0.1"));
    late.price = Some(dec("100"));
    late.fee = Some(dec("0.005"));
    desk.put(Input::Venue(Box::new(late)));
    let first = told(&mut desk, "t0");
    assert_eq!(kinds(&first).len(), 9);
    assert!(first.steps[8].booked.iter().any(|(transaction, _)| transaction.amount == money("0.005")));
    assert_eq!(kinds(&told(&mut desk, "t1")).last(), Some(&"OVERRIDE"));
}

#[test]
fn funding_is_a_trades_by_its_part() {
    let mut desk = Desk::open();
    desk.enter(0, 0, "1");
    desk.enter(1, 1, "3");
    desk.funding(0, "-0.4");
    let part = |story: &Story| story.steps.iter().fold(Money::ZERO, |sum, step| sum + step.funding);
    assert_eq!(part(&told(&mut desk, "t0")), money("-0.1"));
    assert_eq!(part(&told(&mut desk, "t1")), money("-0.3"));
}

#[test]
fn a_restart_in_doubt_is_a_part_of_the_story() {
    let mut desk = Desk::open();
    desk.enter_and_lose_the_answer(4, 3);
    desk.settle();
    let disk = desk.disk.kill();
    drop(desk);
    let mut desk = Desk::on(std::sync::Arc::new(disk), &dita_engine::LogSettings::default());
    desk.now_ns += 60 * past::SECOND_NS;
    desk.put(Input::Time);
    let story = told(&mut desk, "t4");
    assert_eq!(&kinds(&story)[..2], ["INTENT", "RESTART"]);
    assert_eq!(story.steps[1].commands.len(), 1, "the venue is asked");
}

#[test]
fn each_part_of_the_drift_names_the_input_that_made_it() {
    let mut desk = Desk::open();
    desk.frame("100000");
    desk.settle();
    let asked = |desk: &Desk| drift_story(&desk.disk(), Until::End, &mut |_| Continue(())).unwrap();
    let agreed = asked(&desk);
    assert!(agreed.assets[0].parted.is_none() && agreed.assets[0].parts.is_empty());
    // Apart and together again: that is not what parts them in the end.
    desk.frame("99990");
    desk.frame("100000");
    desk.frame("99995.8");
    let parted = desk.seq();
    for number in 0..3 {
        desk.trade(number, 0, "1", "101");
    }
    desk.frame("99995.8");
    desk.settle();
    let found = asked(&desk);
    let drift = &found.assets[0];
    assert_eq!(drift.k, desk.k());
    assert_eq!(drift.parted.as_ref().map(|change| change.seq), Some(parted));
    let proven: Vec<_> = drift.parts.iter().filter(|part| part.part.proof == Proof::Proven).collect();
    assert_eq!(proven.iter().map(|part| part.part.cause).collect::<Vec<_>>(), [DriftCause::Unexplained]);
    assert_eq!(proven[0].arose.seq, parted);
    assert_eq!(proven[0].arose.amount, money("-4.2"));
    assert_eq!(Some(proven[0].part.amount), drift.report.delta);
    assert_eq!(proven[0].changes.last().map(|change| change.amount), drift.report.delta);
    let sum = proven.iter().fold(Money::ZERO, |sum, part| sum + part.part.amount);
    assert_eq!(Some(sum), drift.report.delta);
}

#[test]
fn the_steps_of_the_intents_of_no_name_go_by_their_slot() {
    let mut desk = Desk::open();
    desk.enter(0, 0, "1");
    let mut exit = desk.intent(5, 0, Action::Exit);
    exit.trade_id = Id::EMPTY;
    desk.put(Input::Intent(Box::new(exit)));
    assert_eq!(kinds(&told(&mut desk, "t0")).len(), 8);
}
