//! A live kernel's timer, with a venue outside that does what a script says.
#![allow(missing_docs, clippy::unwrap_used)]

mod scripted;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dita_host::{HostError, Patience};
use dita_kernel::input::{FundingTerms, Input};
use dita_kernel::num::Decimal;

use scripted::{Kernelled, PATIENCE, Script, TIMERS, id, kernel, list, live, put, shown, until};

const SECOND: i64 = 1_000_000_000;

/// A live kernel whose timer runs; one test at a time has one.
fn timed(script: Script) -> (Kernelled, MutexGuard<'static, ()>) {
    static ONE: Mutex<()> = Mutex::new(());
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    *TIMERS.lock().unwrap() = Some(script.interpreter);
    let (drain, held) = live(script);
    drain.start_timer(5_000).map_err(shown).unwrap();
    assert!(drain.timer().runs);
    ((drain, held), one)
}

fn seq(drain: &dita_host::Drain<Script>) -> u64 {
    drain.lock().core.kernel().seq()
}

#[test]
fn a_kernel_whose_time_is_driven_has_no_timer() {
    let (drain, _) = kernel(Script::new());
    drain.start_timer(5_000).map_err(shown).unwrap();
    assert_eq!(drain.timer(), Default::default());
}

#[test]
fn a_timer_ends_with_the_kernel_that_is_closed_or_poisoned_or_gone() {
    let ((closed, held), one) = timed(Script::new());
    assert!(held.with(|held| closed.close(held, Some(PATIENCE))).map_err(shown).unwrap());
    assert!(!closed.timer().runs);
    assert!(held.with(|held| closed.end_timer(held, Some(PATIENCE))).map_err(shown).unwrap());
    drop(one);

    let ((poisoned, _), one) = timed(Script::new());
    let failed = poisoned.guarded(&mut poisoned.lock(), |_| -> Result<(), _> { panic!("overflow") });
    assert!(matches!(failed, Err(HostError::Poisoned(_))));
    until("the timer of a poisoned kernel ends", || !poisoned.timer().runs);
    drop(one);

    let ((gone, _), _one) = timed(Script::new());
    let left = Arc::downgrade(&gone);
    drop(gone);
    until("the timer lets go of a kernel that nobody has", || left.strong_count() == 0);
}

#[test]
fn what_is_due_is_brought_while_other_threads_keep_the_interpreter() {
    let ((drain, held), _one) = timed(Script::new());
    list(&drain, held);
    let boundary_ns = drain.lock().core.clock_ns() + SECOND / 20;
    let terms = FundingTerms {
        symbol: id("BTCUSDT"),
        rate: Some(Decimal::ZERO),
        next_boundary_ns: Some(boundary_ns),
        interval_secs: None,
        mark_price: None,
        venue_time_ns: 0,
    };
    put(&drain, held, Input::Funding(Box::new(terms)));
    let before = seq(&drain);
    held.with(|_| until("the boundary is met", || seq(&drain) > before));
    assert!(drain.lock().core.now_ns() >= boundary_ns);
}

#[test]
fn a_process_that_did_not_run_is_disconnected_until_the_venue_was_asked() {
    let script = Script::new();
    script.repairs.lock().unwrap().push_back(true);
    let ((drain, held), _one) = timed(script);
    put(&drain, held, Input::Time);
    let before_ns = drain.lock().core.clock_ns();
    let before = seq(&drain);
    drain.oversleep(30 * SECOND);
    until("it is disconnected, and caught up", || seq(&drain) >= before + 2);
    assert_eq!(drain.lock().core.kernel().disconnected_since_ns(), None);
    let asleep = drain.foreign().asleep.lock().unwrap().clone();
    let [(since_ns, lost_ns)] = asleep[..] else { panic!("{asleep:?}") };
    assert!((29 * SECOND..35 * SECOND).contains(&lost_ns), "{lost_ns}");
    assert!(since_ns + lost_ns >= before_ns, "{since_ns} {lost_ns} {before_ns}");
    assert_eq!(drain.timer().late_wakes, 1);
}

#[test]
fn a_repair_that_comes_to_nothing_leaves_the_kernel_disconnected() {
    let ((drain, held), _one) = timed(Script::new());
    put(&drain, held, Input::Time);
    drain.oversleep(30 * SECOND);
    until("it is disconnected", || drain.lock().core.kernel().disconnected_since_ns().is_some());
    let wakes = drain.timer().wakes;
    until("it wakes again", || drain.timer().wakes >= wakes + 2);
    assert!(drain.lock().core.kernel().disconnected_since_ns().is_some());
}

#[test]
fn a_timer_whose_interpreter_is_ending_ends_without_a_word() {
    let ((drain, held), _one) = timed(Script::new());
    put(&drain, held, Input::Time);
    let before = seq(&drain);
    held.ending.store(true, Ordering::Relaxed);
    drain.oversleep(30 * SECOND);
    until("the timer ends", || !drain.timer().runs);
    assert_eq!(seq(&drain), before, "nothing is told that nobody can be asked about");
    held.with(|held| drain.put(held, Input::Time, None, Patience::Answer)).map_err(shown).unwrap();
}
