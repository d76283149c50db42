//! A replica that becomes the kernel: of the very log that it has followed, and of no other one.

mod past;

use std::ops::ControlFlow::Continue;
use std::sync::Arc;

use dita_engine::{Engine, EngineConfig, LogSettings, Port, Recovery, Warm};
use dita_kernel::kernel::KernelConfig;
use past::Desk;

/// Some trades that leave at a price. Whatever that is, their log has as many records.
fn traded(leave_at: &str) -> Desk {
    let mut desk = Desk::open();
    for number in 0..5 {
        desk.trade(number, 0, "0.5", leave_at);
    }
    desk.settle();
    desk
}

fn followed(desk: &Desk) -> Warm {
    let mut warm = Warm::open(desk.disk()).unwrap();
    while warm.follow(7).unwrap() > 0 {}
    assert_eq!(warm.seq(), desk.seq());
    warm
}

/// What becomes of a log whose owner was killed.
fn taken_over(desk: &Desk, warm: Warm) -> (Engine, Recovery) {
    let kernel = KernelConfig { max_slots: 8, remembered_orders: 64, ..KernelConfig::default() };
    let config = EngineConfig { kernel, ..EngineConfig::default() };
    let (disk, settings) = (Arc::new(desk.disk.kill()), LogSettings::default());
    Engine::take_over(config, Port::Foreign, disk, &settings, Some(warm), &mut |_| Continue(())).unwrap()
}

#[test]
fn a_replica_of_this_very_log_becomes_the_kernel_and_replays_the_tail_alone() {
    let mut desk = traded("101.5");
    let warm = followed(&desk);
    let before = warm.seq();
    desk.trade(5, 1, "0.5", "99");
    desk.settle();
    let (engine, recovery) = taken_over(&desk, warm);
    assert_eq!(recovery.remarks, Vec::<String>::new());
    assert_eq!((recovery.last_seq, recovery.replayed), (desk.seq(), desk.seq() - before));
    assert_eq!(engine.kernel().state_hash(), desk.engine.kernel().state_hash());
}

#[test]
fn a_replica_of_another_log_that_is_as_long_is_not_used() {
    let (desk, other) = (traded("101.5"), traded("99"));
    assert_eq!(desk.seq(), other.seq());
    let (engine, recovery) = taken_over(&desk, followed(&other));
    let why =
        format!("the replica that followed the log is not used: its record {} is not the log's", desk.seq());
    assert_eq!(recovery.remarks, [why]);
    assert_eq!(recovery.replayed, desk.seq(), "the log itself is replayed, all of it");
    assert_eq!(engine.kernel().state_hash(), desk.engine.kernel().state_hash());
}

#[test]
fn a_replica_of_a_log_of_another_length_is_not_used() {
    let (desk, mut other) = (traded("101.5"), traded("101.5"));
    other.mark("102");
    other.settle();
    let (engine, recovery) = taken_over(&desk, followed(&other));
    let (its, ends) = (other.seq(), desk.seq());
    let why = format!(
        "the replica that followed the log is not used: it comes to input {its}, and the log ends with {ends}"
    );
    assert_eq!(recovery.remarks, [why]);
    assert_eq!(engine.kernel().state_hash(), desk.engine.kernel().state_hash());
}
