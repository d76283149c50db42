//! The one drain, with a venue outside that does what a script says.
#![allow(missing_docs, clippy::unwrap_used)]

mod scripted;

use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use dita_engine::{Engine, EngineConfig, LogSettings, Port};
use dita_host::{Drain, Foreign, Given, Hold, HostError, Patience, Reply};
use dita_kernel::effect::Command;
use dita_kernel::input::{EffectResult, Input, VenueEvent};
use dita_kernel::names::{KernelDiagnosticCode, KernelEventKind, TradeStage};
use dita_log::{MemoryDisk, SyncPolicy};

use scripted::{
    Interpreter, Kernelled, PATIENCE, Pressed, Script, around, enter, kernel, list, put, shown, until, with,
};

/// A kernel with an instrument.
fn listed(script: Script) -> Kernelled {
    let (drain, held) = kernel(script);
    list(&drain, held);
    (drain, held)
}

fn seq(drain: &Drain<Script>) -> u64 {
    drain.lock().core.kernel().seq()
}

/// An acknowledgement of what a submit asks.
fn acknowledged(question: &scripted::Question) -> Input {
    let Command::Submit(order) = &question.command else { panic!("no submit: {:?}", question.command) };
    let mut event = VenueEvent::new(KernelEventKind::OrderAck, 1);
    event.venue_client_id = order.venue_client_id.clone();
    Input::Venue(Box::new(event))
}

/// Puts an input in from another thread, which waits for the drain that goes on here.
fn behind(
    script: &Script,
    input: Input,
) -> std::thread::JoinHandle<Result<Given<Script>, HostError<Pressed>>> {
    let (drain, held) = (script.kernel(), script.interpreter);
    let released = held.released.load(Ordering::Relaxed);
    let thread = std::thread::spawn(move || held.with(|held| drain.put(held, input, None, Patience::Answer)));
    // This thread lets go once, and the other one once it waits.
    Script::released(held, || {
        until("the other thread waits", || held.released.load(Ordering::Relaxed) >= released + 2);
    });
    thread
}

#[test]
fn an_answer_of_the_venue_comes_before_what_waits_and_belongs_to_its_question() {
    let script = Script::new();
    script.line(|_, question| Reply { inputs: vec![acknowledged(question)], ..Reply::default() });
    let (drain, held) = listed(script);
    let given = put(&drain, held, enter(0));
    assert!(given.answer.outcome.accepted, "{:?}", given.answer.outcome);
    assert!(!given.queued && given.troubles.is_empty());
    assert_eq!(given.answer.outcome.state, Some(TradeStage::EntryWorking));
    assert_eq!(given.answer.events.len(), 1);
}

#[test]
fn a_caller_that_finds_another_thread_draining_waits_and_gets_the_answer_to_its_own_input() {
    let script = Script::new();
    let (sender, others) = channel();
    script.line(move |script, question| {
        sender.send(behind(script, enter(1))).unwrap();
        Reply { inputs: vec![acknowledged(question)], ..Reply::default() }
    });
    script.line(|_, question| Reply { inputs: vec![acknowledged(question)], ..Reply::default() });
    let (drain, held) = listed(script);
    let first = put(&drain, held, enter(0));
    let second = others.recv_timeout(PATIENCE).unwrap().join().unwrap().map_err(shown).unwrap();
    for (slot_id, given) in [(0, first), (1, second)] {
        let outcome = &given.answer.outcome;
        assert_eq!((outcome.slot_id, outcome.state), (Some(slot_id), Some(TradeStage::EntryWorking)));
        assert!(!given.queued);
    }
}

#[test]
fn what_the_venue_puts_in_while_it_is_asked_is_queued_and_taken_by_the_same_drain() {
    let script = Script::new();
    script.line(|script, question| {
        let before = seq(&script.kernel());
        for patience in [Patience::Answer, Patience::None] {
            let given = script.kernel().put(script.interpreter, enter(1), None, patience).map_err(shown);
            let given = given.unwrap();
            assert!(given.queued && !given.answer.outcome.accepted);
            assert_eq!(given.answer.outcome.slot_id, Some(1));
        }
        let batch = script.kernel().put_batch(Hold::Has(script.interpreter), vec![Input::Time; 2], None);
        assert!(batch.map_err(shown).unwrap().iter().all(|given| given.queued));
        assert_eq!(seq(&script.kernel()), before, "nothing is taken inside of the call");
        Reply { inputs: vec![acknowledged(question)], ..Reply::default() }
    });
    let (drain, held) = listed(script);
    let before = seq(&drain);
    put(&drain, held, enter(0));
    assert_eq!(seq(&drain), before + 6, "two entries, the answer, one entry's second sending, and two ticks");
    assert_eq!(drain.lock().core.kernel().slot(1).map(|slot| slot.stage), Some(TradeStage::OrderSent));
}

#[test]
fn news_behind_another_threads_drain_are_left_there_and_nobody_waits() {
    let script = Script::new();
    script.line(|script, _| {
        let (drain, held) = (script.kernel(), script.interpreter);
        let news = std::thread::spawn(move || {
            held.with(|held| drain.put(held, Input::Time, None, Patience::None)).map_err(shown).unwrap()
        });
        let given = Script::released(held, || news.join().unwrap());
        assert!(given.queued);
        Reply::default()
    });
    let (drain, held) = listed(script);
    let before = seq(&drain);
    put(&drain, held, enter(0));
    assert_eq!(seq(&drain), before + 2);
}

#[test]
fn who_is_interrupted_while_another_thread_drains_leaves_its_input_behind() {
    let script = Script::new();
    let (sender, others) = channel();
    script.line(move |script, _| {
        let other = behind(script, Input::Time);
        script.interpreter.pressed.store(true, Ordering::Relaxed);
        let result = Script::released(script.interpreter, || other.join().unwrap());
        sender.send(matches!(result, Err(HostError::Interrupted(Pressed)))).unwrap();
        Reply::default()
    });
    let (drain, held) = listed(script);
    let before = seq(&drain);
    put(&drain, held, enter(0));
    assert!(others.recv_timeout(PATIENCE).unwrap());
    assert_eq!(seq(&drain), before + 2, "it is taken all the same");
}

#[test]
fn what_interrupts_the_venue_is_raised_once_the_drain_is_over_and_what_failed_goes_to_who_asked() {
    let script = Script::new();
    script.line(|_, question| Reply {
        inputs: vec![acknowledged(question)],
        trouble: Some("late"),
        interrupt: Some(Pressed),
    });
    script.line(|_, _| Reply { trouble: Some("no answer"), ..Reply::default() });
    let (drain, held) = listed(script);
    let first = held.with(|held| drain.put(held, enter(0), None, Patience::Answer));
    assert!(matches!(first, Err(HostError::Interrupted(Pressed))));
    assert_eq!(drain.lock().core.kernel().slot(0).map(|slot| slot.stage), Some(TradeStage::EntryWorking));
    assert_eq!(put(&drain, held, enter(1)).troubles, ["no answer"]);
    assert!(put(&drain, held, enter(2)).troubles.is_empty());
}

#[test]
fn a_panic_poisons_the_kernel_and_stays_inside() {
    let (drain, held) = listed(Script::new());
    let failed = drain.guarded(&mut drain.lock(), |_| -> Result<(), _> { panic!("overflow") });
    assert!(matches!(failed, Err(HostError::Poisoned(_))));
    for _ in 0..2 {
        let later = held.with(|held| drain.put(held, Input::Time, None, Patience::Answer));
        let Err(HostError::Poisoned(why)) = later else { panic!("a poisoned kernel went on") };
        assert!(why.contains("overflow") && why.contains("reopen"), "{why}");
    }
    assert!(matches!(drain.settled().map(drop), Err(HostError::Poisoned(_))));
}

#[test]
fn whoever_waits_is_told_where_the_thread_that_drains_panics() {
    let script = Script::new();
    let (sender, others) = channel();
    script.line(move |script, _| {
        sender.send(behind(script, Input::Time)).unwrap();
        panic!("the shell is broken")
    });
    let (drain, held) = listed(script);
    let draining = {
        let drain = drain.clone();
        std::thread::spawn(move || {
            held.with(|held| drain.put(held, enter(0), None, Patience::Answer)).map(drop).map_err(shown)
        })
    };
    assert!(draining.join().is_err());
    let waiting = others.recv_timeout(PATIENCE).unwrap().join().unwrap();
    assert!(matches!(waiting, Err(HostError::Poisoned(_))));
    assert!(matches!(drain.open().map(drop), Err(HostError::Poisoned(_))));
}

#[test]
fn a_kernel_closed_from_inside_is_read_to_the_end_there_and_closed_everywhere_else() {
    let script = Script { watched: true, ..Script::new() };
    script.line(|script, question| {
        let (drain, held) = (script.kernel(), script.interpreter);
        assert!(drain.close(held, None).map_err(shown).unwrap());
        assert!(drain.settled().is_ok(), "the thread that drains reads on");
        assert!(matches!(drain.open().map(drop), Err(HostError::Closed)));
        let other = std::thread::spawn(move || drain.settled().map(drop).map_err(shown));
        assert_eq!(other.join().unwrap(), Err("closed".into()));
        Reply { inputs: vec![acknowledged(question)], ..Reply::default() }
    });
    let (drain, held) = listed(script);
    assert!(put(&drain, held, enter(0)).answer.outcome.accepted);
    assert!(matches!(drain.settled().map(drop), Err(HostError::Closed)));
}

#[test]
fn who_closes_waits_for_the_drain_that_goes_on_as_long_as_it_has_patience() {
    let script = Script::new();
    script.line(|script, _| {
        let (drain, held) = (script.kernel(), script.interpreter);
        let impatient = std::thread::spawn(move || {
            held.with(|held| drain.close(held, Some(std::time::Duration::ZERO))).map_err(shown).unwrap()
        });
        assert!(!Script::released(held, || impatient.join().unwrap()));
        Reply::default()
    });
    let (drain, held) = listed(script);
    put(&drain, held, enter(0));
    assert!(held.with(|held| drain.close(held, None)).map_err(shown).unwrap());
    assert!(held.with(|held| drain.close(held, None)).map_err(shown).unwrap(), "again, it does nothing");
}

#[test]
fn those_who_look_on_see_what_they_lead_to_themselves() {
    let script = Script { watched: true, ..Script::new() };
    *script.show.lock().unwrap() = Some(Box::new(|script, _| {
        let given = script.kernel().put(script.interpreter, Input::Time, None, Patience::Answer);
        assert!(given.map_err(shown).unwrap().queued);
        Err(Pressed)
    }));
    let (drain, held) = kernel(script);
    let given = held.with(|held| drain.put(held, Input::Time, None, Patience::Answer));
    assert!(matches!(given, Err(HostError::Interrupted(Pressed))));
    assert_eq!(*drain.foreign().shown.lock().unwrap(), [1, 2]);
}

#[test]
fn a_batch_that_has_no_room_is_not_begun() {
    let (drain, held) = with(Script::new(), EngineConfig { inbox_max: 2, ..EngineConfig::default() });
    let batch = |count| held.with(|held| drain.put_batch(Hold::Has(held), vec![Input::Time; count], Some(5)));
    assert!(matches!(batch(3), Err(HostError::NoRoom(_))));
    assert_eq!(seq(&drain), 0);
    assert_eq!(batch(2).map_err(shown).unwrap().len(), 2);
    assert_eq!((seq(&drain), drain.lock().latest_ns()), (2, 5));
}

#[test]
fn what_a_recovery_left_to_ask_is_asked_once_and_says_what_failed() {
    let disk = Arc::new(MemoryDisk::new());
    let open = |script| {
        let settings = LogSettings { policy: SyncPolicy::Always, ..LogSettings::default() };
        let config = EngineConfig::default();
        let opened = Engine::recover(config, Port::Foreign, disk.clone(), &settings, &mut |_| {});
        around(opened.unwrap().0, script)
    };
    let (drain, held): Kernelled = open(Script::new());
    list(&drain, held);
    assert!(put(&drain, held, enter(0)).answer.durable, "with the interpreter let go of meanwhile");
    assert!(held.released.load(Ordering::Relaxed) > 0);
    assert!(held.with(|held| drain.close(held, None)).map_err(shown).unwrap());
    drop(drain);

    let script = Script::new();
    script.line(|_, question| {
        assert!(matches!(question.command, Command::Query(_)), "{:?}", question.command);
        Reply { trouble: Some("no route"), ..Reply::default() }
    });
    let (drain, held): Kernelled = open(script);
    let resume = |held: &'static Interpreter| drain.resume(held).map_err(shown).unwrap();
    assert_eq!(held.with(resume), ["no route"]);
    assert!(held.with(resume).is_empty());
    let sync = held.with(|held| drain.sync(held)).map_err(shown);
    assert_eq!(sync, Ok(()));
}

#[test]
fn a_request_that_cannot_be_put_any_more_leaves_the_kernel_as_a_kill_would() {
    let script = Script::new();
    script.interpreter.ending.store(true, Ordering::Relaxed);
    *scripted::TIMERS.lock().unwrap() = Some(script.interpreter);
    let (drain, held) = listed(script);
    drain.lock().core.push(enter(0), false).unwrap();
    let failed = drain.drain(Hold::Takes, drain.lock()).map(drop);
    assert!(matches!(failed, Err(HostError::Poisoned(_))));
    let later = held.with(|held| drain.put(held, Input::Time, None, Patience::Answer));
    assert!(matches!(later, Err(HostError::Poisoned(_))));
}

#[test]
fn the_reason_of_an_intent_reaches_the_request_that_follows_from_it() {
    let script = Script::new();
    script.line(|_, question| {
        assert_eq!(question.reason, Some(scripted::id("breakout")));
        let Command::Submit(order) = &question.command else { panic!("{:?}", question.command) };
        let refused =
            EffectResult::NotSent { venue_client_id: order.venue_client_id.clone(), reason: "shut".into() };
        Reply { inputs: vec![Input::Effect(refused)], ..Reply::default() }
    });
    let (drain, held) = listed(script);
    let Input::Intent(mut intent) = enter(0) else { panic!("no intent") };
    intent.reason = scripted::id("breakout");
    let given = put(&drain, held, Input::Intent(intent));
    assert_eq!(given.answer.outcome.code, KernelDiagnosticCode::VenueRejected);
}

#[test]
fn a_kernel_goes_on_at_rest_and_with_each_step_and_not_while_its_venue_hangs() {
    let script = Script::new();
    let before = Arc::new(Mutex::new(None));
    for _ in 0..2 {
        let before = Arc::clone(&before);
        script.line(move |script, question| {
            let mut before = before.lock().unwrap();
            let (drain, held) = (script.kernel(), script.interpreter);
            assert!(drain.goes_on(&mut before), "it has come further than when it was asked last");
            for _ in 0..3 {
                assert!(!drain.goes_on(&mut before), "its venue has said nothing since");
            }
            // What waits behind it is no progress of its own.
            let given = drain.put(held, Input::Time, None, Patience::None).map_err(shown).unwrap();
            assert!(given.queued && !drain.goes_on(&mut before));
            Reply { inputs: vec![acknowledged(question)], ..Reply::default() }
        });
    }
    let (drain, held) = listed(script);
    let at_rest = || (0..3).all(|_| drain.goes_on(&mut before.lock().unwrap()));
    assert!(at_rest());
    put(&drain, held, enter(0));
    assert!(at_rest(), "the same number again, and nobody works");
    put(&drain, held, enter(1));
    assert!(at_rest());
    assert!(drain.foreign().lines.lock().unwrap().is_empty());
}
