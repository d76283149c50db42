//! The drain with Python's own interpreter: who has it while the disk is waited for, and while a timer ticks.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dita_engine::{Clock, Engine as Shell, EngineConfig, LogSettings, Port};
use dita_host::{HostError, Patience};
use dita_kernel::id::Id;
use dita_kernel::input::{FundingTerms, Input, InstrumentSpec};
use dita_kernel::num::Decimal;
use dita_log::disk::{Hook, HookedDisk};
use dita_log::{DiskFile, MemoryDisk, SyncPolicy};
use pyo3::prelude::*;

use super::outside::{Outside, Shared, State};
use crate::errors::Error;

/// How long a sync waits before it gives up and the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the first sync waits for.
#[derive(Default)]
struct Gate {
    /// Whether it is open.
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    fn pass(&self) -> io::Result<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.opened.wait_timeout_while(open, PATIENCE, |open| !*open);
        let in_time = *waited.unwrap_or_else(PoisonError::into_inner).0;
        if in_time { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }
}

/// Segments are synced once the gate is open.
impl Hook for Gate {
    fn sync(&self, name: &str, file: &dyn DiskFile) -> io::Result<()> {
        if name.ends_with(".seg") {
            self.pass()?;
        }
        file.sync()
    }
}

/// An engine on a log whose syncs wait for the gate.
fn gated(policy: SyncPolicy) -> Result<(Arc<Gate>, Arc<Shared>), Error> {
    let gate = Arc::new(Gate::default());
    let disk = Arc::new(HookedDisk::new(Arc::new(MemoryDisk::new()), gate.clone()));
    let settings = LogSettings { policy, ..LogSettings::default() };
    let opened = Shell::recover(EngineConfig::default(), Port::Foreign, disk, &settings, &mut |_| {})?;
    Ok((gate, Arc::new(Shared::new(State::new(opened.0), Outside::new(None, None, None)))))
}

#[test]
fn another_thread_has_the_interpreter_during_a_sync_and_its_input_is_answered_by_the_same_drain()
-> PyResult<()> {
    Python::initialize();
    Ok(Python::attach(|py| -> Result<(), Error> {
        let (gate, shared) = gated(SyncPolicy::Always)?;
        let other = std::thread::spawn({
            let shared = shared.clone();
            move || {
                Python::attach(|py| {
                    // The interpreter is there, and the lock is held by who waits for the disk.
                    gate.open();
                    let outcome = shared.put(py, Input::Time, None, Patience::Answer)?;
                    Ok::<_, HostError<PyErr>>((outcome.answer.outcome.seq, outcome.answer.durable))
                })
            }
        });
        let outcome = shared.put(py, Input::Time, None, Patience::Answer)?;
        assert_eq!((outcome.answer.outcome.seq, outcome.answer.durable), (1, true));
        let theirs = py.detach(|| other.join()).map_err(|_| Error::Closed)??;
        assert_eq!(theirs, (2, true));
        Ok(())
    })?)
}

#[test]
fn another_thread_has_the_interpreter_while_everything_is_made_durable() -> PyResult<()> {
    type Way = fn(&Shared, Python<'_>) -> Result<(), Error>;
    let ways: [Way; 2] =
        [|shared, py| Ok(shared.sync(py)?), |shared, py| Ok(shared.close(py, None).map(drop)?)];
    Python::initialize();
    Ok(Python::attach(|py| -> Result<(), Error> {
        for way in ways {
            let (gate, shared) = gated(SyncPolicy::Off)?;
            let outcome = shared.put(py, Input::Time, None, Patience::Answer)?;
            assert!(!outcome.answer.durable);
            let other = std::thread::spawn(move || Python::attach(|_| gate.open()));
            way(&shared, py)?;
            py.detach(|| other.join()).map_err(|_| Error::Closed)?;
        }
        Ok(())
    })?)
}

const SECOND: i64 = 1_000_000_000;
/// A kernel without a venue, whose timer runs.
fn live() -> Result<Arc<Shared>, Error> {
    let config = EngineConfig { clock: Clock::System, ..EngineConfig::default() };
    let shared =
        Arc::new(Shared::new(State::new(Shell::new(config, Port::Foreign)?), Outside::new(None, None, None)));
    shared.start_timer(5_000)?;
    Ok(shared)
}

#[test]
fn a_kernel_that_is_poisoned_or_closed_ends_its_timer() -> PyResult<()> {
    type Way = fn(&Shared, Python<'_>) -> Result<(), Error>;
    let ways: [Way; 2] = [
        |shared, _| {
            let section = |_: &mut State| -> Result<(), HostError<PyErr>> { panic!("overflow") };
            assert!(matches!(shared.guarded(&mut shared.lock(), section), Err(HostError::Poisoned(_))));
            Ok(())
        },
        |shared, py| {
            assert!(shared.close(py, Some(PATIENCE))?);
            Ok(())
        },
    ];
    Python::initialize();
    Ok(Python::attach(|py| -> Result<(), Error> {
        for way in ways {
            let shared = live()?;
            assert!(shared.timer().runs);
            way(&shared, py)?;
            let began = Instant::now();
            while shared.timer().runs {
                assert!(began.elapsed() < PATIENCE, "the timer goes on");
                py.detach(std::thread::yield_now);
            }
            assert!(shared.end_timer(py, Some(PATIENCE))?, "again, it does nothing");
        }
        Ok(())
    })?)
}

#[test]
fn a_timer_goes_with_its_kernel_and_needs_no_interpreter_for_a_tick() -> PyResult<()> {
    Python::initialize();
    Ok(Python::attach(|py| -> Result<(), Error> {
        let shared = live()?;
        let alive = Arc::downgrade(&shared);
        shared.put(py, Input::Time, None, Patience::Answer)?;
        let spec = InstrumentSpec::linear(
            Id::new("BTCUSDT").unwrap_or_default(),
            Id::new("BTC").unwrap_or_default(),
            Id::new("USDT").unwrap_or_default(),
            Decimal::ONE,
            Decimal::ONE,
        );
        let symbol = spec.symbol.clone();
        shared.put(py, Input::Instrument(Box::new(spec)), None, Patience::Answer)?;
        let boundary_ns = shared.lock().core.clock_ns() + SECOND / 20;
        let terms = FundingTerms {
            symbol,
            rate: Some(Decimal::ZERO),
            next_boundary_ns: Some(boundary_ns),
            interval_secs: None,
            mark_price: None,
            venue_time_ns: 0,
        };
        shared.put(py, Input::Funding(Box::new(terms)), None, Patience::Answer)?;
        // This thread keeps the interpreter meanwhile.
        let seq = shared.lock().core.kernel().seq();
        let began = Instant::now();
        while shared.lock().core.kernel().seq() == seq {
            assert!(began.elapsed() < PATIENCE, "the boundary was not met");
            std::thread::yield_now();
        }
        assert!(shared.lock().core.now_ns() >= boundary_ns);
        drop(shared);
        while alive.strong_count() > 0 {
            assert!(began.elapsed() < PATIENCE, "the timer holds it");
            py.detach(std::thread::yield_now);
        }
        Ok(())
    })?)
}
