//! A venue outside that does what a script says, beside a lock that stands for an interpreter: a thread that calls the
//! kernel has it, and lets go of it where the drain says so.
#![allow(missing_docs, clippy::unwrap_used, dead_code)] // each test file uses its part

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dita_engine::{Clock, Engine, EngineConfig, Observed, Port};
use dita_host::{Drain, Failure, Foreign, Given, HostError, Patience, Reply, State};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{KernelCommandType, TradeSide};
use dita_kernel::num::Decimal;

/// How long anything may take before its test fails.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One thread has it at a time.
#[derive(Default)]
pub struct Interpreter {
    taken: Mutex<bool>,
    free: Condvar,
    pub ending: AtomicBool,
    /// The next look for signals finds one.
    pub pressed: AtomicBool,
    pub released: AtomicU64,
}

impl Interpreter {
    fn take(&self) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.free.wait_timeout_while(taken, PATIENCE, |taken| *taken);
        let (mut taken, late) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!late.timed_out(), "nobody lets go of the interpreter");
        *taken = true;
    }

    fn give(&self) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.free.notify_one();
    }

    /// Runs something with it.
    pub fn with<R>(&'static self, call: impl FnOnce(&'static Interpreter) -> R) -> R {
        struct Has(&'static Interpreter);
        impl Drop for Has {
            fn drop(&mut self) {
                self.0.give();
            }
        }
        self.take();
        let _has = Has(self);
        call(self)
    }

    pub fn is_taken(&self) -> bool {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What ends a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pressed;

/// Each interpreter lives as long as its test's process: threads and the timer refer to it.
pub type Line = Box<dyn FnOnce(&Script, &Question) -> Reply<Script> + Send>;
pub type Show = Box<dyn FnMut(&Script, u64) -> Result<(), Pressed> + Send>;

pub struct Question {
    pub command: Command,
    pub reason: Option<Id>,
}

/// What the venue does, in order; then it says nothing.
pub struct Script {
    pub interpreter: &'static Interpreter,
    pub lines: Mutex<VecDeque<Line>>,
    pub show: Mutex<Option<Show>>,
    pub watched: bool,
    pub shown: Mutex<Vec<u64>>,
    pub asleep: Mutex<Vec<(i64, i64)>>,
    pub repairs: Mutex<VecDeque<bool>>,
    pub told: AtomicU64,
    pub kernel: Mutex<std::sync::Weak<Drain<Script>>>,
}

impl Script {
    pub fn new() -> Script {
        Script {
            interpreter: Box::leak(Box::default()),
            lines: Mutex::default(),
            show: Mutex::default(),
            watched: false,
            shown: Mutex::default(),
            asleep: Mutex::default(),
            repairs: Mutex::default(),
            told: AtomicU64::new(0),
            kernel: Mutex::default(),
        }
    }

    pub fn line(&self, line: impl FnOnce(&Script, &Question) -> Reply<Script> + Send + 'static) {
        self.lines.lock().unwrap().push_back(Box::new(line));
    }

    pub fn kernel(&self) -> Arc<Drain<Script>> {
        self.kernel.lock().unwrap().upgrade().unwrap()
    }
}

impl Foreign for Script {
    type Held<'a> = &'static Interpreter;
    type Interrupt = Pressed;
    type Trouble = &'static str;
    type Question = Question;
    type Seen = Vec<Observed>;

    fn released<R: Send>(held: &'static Interpreter, work: impl FnOnce() -> R + Send) -> R {
        held.released.fetch_add(1, Ordering::Relaxed);
        held.give();
        let result = work();
        held.take();
        result
    }

    fn check_signals(held: &'static Interpreter) -> Result<(), Pressed> {
        if held.pressed.swap(false, Ordering::Relaxed) { Err(Pressed) } else { Ok(()) }
    }

    fn attached<R>(call: impl FnOnce(&'static Interpreter) -> R) -> Option<R> {
        // A thread of its own has none: of one that is given it, the script's own is as good.
        let interpreter = TIMERS.lock().unwrap().unwrap();
        if interpreter.ending.load(Ordering::Relaxed) {
            return None;
        }
        Some(interpreter.with(call))
    }

    fn tell(_: &'static Interpreter, _: Pressed) {
        TOLD.fetch_add(1, Ordering::Relaxed);
    }

    fn answers(&self) -> bool {
        true
    }

    fn question(_: &Kernel, command: Command, reason: Option<Id>) -> Question {
        Question { command, reason }
    }

    fn ask(&self, held: &'static Interpreter, question: Question, _: i64) -> Reply<Script> {
        assert!(held.is_taken(), "the venue is asked without the interpreter");
        let line = self.lines.lock().unwrap().pop_front();
        line.map_or_else(Reply::default, |line| line(self, &question))
    }

    fn observes(&self) -> bool {
        self.watched
    }

    fn look(&self, _: &Kernel, changes: Vec<Observed>) -> Vec<Observed> {
        changes
    }

    fn show(&self, _: &'static Interpreter, _: Vec<Observed>, seq: u64) -> Result<(), Pressed> {
        self.shown.lock().unwrap().push(seq);
        let mut show = self.show.lock().unwrap().take();
        show.as_mut().map_or(Ok(()), |show| show(self, seq))
    }

    fn catches_up(&self) -> bool {
        true
    }

    fn asleep(&self, held: &'static Interpreter, since_ns: i64, lost_ns: i64) -> Result<(), Pressed> {
        assert!(held.is_taken());
        self.asleep.lock().unwrap().push((since_ns, lost_ns));
        Ok(())
    }

    fn repair(&self, held: &'static Interpreter, _: i64) -> bool {
        assert!(held.is_taken());
        self.repairs.lock().unwrap().pop_front().unwrap_or(false)
    }
}

/// Whose interpreter the timers of this process take; the tests that have timers run one after the other.
pub static TIMERS: Mutex<Option<&'static Interpreter>> = Mutex::new(None);
pub static TOLD: AtomicU64 = AtomicU64::new(0);

pub type Kernelled = (Arc<Drain<Script>>, &'static Interpreter);

/// A kernel without instruments, whose venue is the script.
pub fn kernel(script: Script) -> Kernelled {
    with(script, EngineConfig::default())
}

pub fn live(script: Script) -> Kernelled {
    with(script, EngineConfig { clock: Clock::System, ..EngineConfig::default() })
}

pub fn with(script: Script, config: EngineConfig) -> Kernelled {
    let config = EngineConfig { observe: script.watched, ..config };
    around(Engine::new(config, Port::Foreign).unwrap(), script)
}

pub fn around(engine: Engine, script: Script) -> Kernelled {
    let interpreter = script.interpreter;
    let drain = Arc::new(Drain::new(State::new(engine), script));
    *drain.foreign().kernel.lock().unwrap() = Arc::downgrade(&drain);
    (drain, interpreter)
}

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// Lists an instrument, which the leverage of is not asked for.
pub fn list(drain: &Drain<Script>, held: &'static Interpreter) {
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), Decimal::ONE, Decimal::ONE);
    put(drain, held, Input::Instrument(Box::new(spec)));
    put(drain, held, Input::Seed { asset: id("USDT"), amount: Decimal::new(1_000_000, 0).unwrap() });
    let mark = Input::Mark { symbol: id("BTCUSDT"), price: Decimal::ONE, venue_time_ns: 0, ages: false };
    put(drain, held, mark);
}

/// An entry at the market.
pub fn enter(number: u32) -> Input {
    let (intent_id, trade_id) = (id(&format!("intent-{number}")), id(&format!("trade-{number}")));
    let mut intent =
        Intent::new(KernelCommandType::Enter, intent_id, trade_id, number, id("BTCUSDT"), TradeSide::Long);
    intent.target_size = Some(Decimal::ONE);
    intent.reference_price = Some(Decimal::ONE);
    Input::Intent(Box::new(intent))
}

pub fn put(drain: &Drain<Script>, held: &'static Interpreter, input: Input) -> Given<Script> {
    held.with(|held| drain.put(held, input, None, Patience::Answer)).map_err(shown).unwrap()
}

pub fn shown(failure: Failure<Script>) -> String {
    match failure {
        HostError::Closed => "closed".into(),
        HostError::Forked { why, .. }
        | HostError::Poisoned(why)
        | HostError::LogFailed(why)
        | HostError::NoRoom(why)
        | HostError::NoTimer(why) => why.into(),
        HostError::Engine(error) => error.to_string(),
        HostError::Interrupted(Pressed) => "pressed".into(),
    }
}

/// Waits until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: it never was");
        std::thread::yield_now();
    }
}
