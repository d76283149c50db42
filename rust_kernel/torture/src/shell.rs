//! What is around the kernel: nothing but a replica, or an engine with its log on a disk in memory.

use std::ops::ControlFlow;
use std::sync::Arc;

use dita_engine::{Engine, EngineConfig, LogSettings, Port, Progress, replay_check};
use dita_kernel::codec;
use dita_kernel::effect::{Command, Effects};
use dita_kernel::input::{Input, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::outcome::Outcome;
use dita_log::disk::{Deed, Effect, Fate, Fault, FaultyDisk, HookedDisk, Threaded};
use dita_log::{Disk, MemoryDisk, SyncPolicy};

use crate::dice::Dice;
use crate::trouble::Trouble;

/// What came of one input.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) outcome: Outcome,
    pub(crate) commands: Vec<Command>,
    /// The cells of the transition table that were gone through.
    pub(crate) cells: Vec<u16>,
}

/// What a shell says to an input.
#[derive(Debug)]
pub(crate) enum Said {
    Taken(Taken),
    /// The log failed: the process is as good as dead.
    Died,
}

/// A kernel and what is around it.
pub(crate) enum Shell {
    Plain(Box<Plain>),
    Durable(Box<Durable>),
}

/// A kernel, and a second one that is fed from the written form of what the first was fed.
pub(crate) struct Plain {
    kernel: Kernel,
    effects: Effects,
    replica: Kernel,
    written: Vec<u8>,
    /// Where each input that the replica has not had begins in `written`, and its stamp.
    inputs: Vec<(usize, Stamp)>,
}

/// An engine on a log, whose venue is outside.
pub(crate) struct Durable {
    /// Absent only while it is being opened again.
    engine: Option<Engine>,
    memory: MemoryDisk,
    faulty: FaultyDisk,
    config: KernelConfig,
    pub(crate) recoveries: u64,
    /// The last input that the log had when it was opened.
    pub(crate) recovered_seq: u64,
    /// Disk faults of earlier lives.
    fired_before: u64,
}

fn settings() -> LogSettings {
    LogSettings {
        policy: SyncPolicy::Batch { delay_us_max: 3_600_000_000, records_max: 1_000_000 },
        segment_bytes_max: 32 << 10,
        snapshot_records: 150,
        ..LogSettings::default()
    }
}

impl Shell {
    pub(crate) fn new(config: &KernelConfig, durable: bool) -> Result<Shell, Trouble> {
        if !durable {
            let kernel = Kernel::new(config.clone()).map_err(Trouble::harness)?;
            return Ok(Shell::Plain(Box::new(Plain {
                replica: kernel.clone(),
                kernel,
                effects: Effects::default(),
                written: Vec::new(),
                inputs: Vec::new(),
            })));
        }
        let memory = MemoryDisk::new();
        let faulty = FaultyDisk::new(Arc::new(memory.clone()));
        let mut shell = Durable {
            engine: None,
            memory,
            faulty,
            config: config.clone(),
            recoveries: 0,
            recovered_seq: 0,
            fired_before: 0,
        };
        shell.open()?;
        Ok(Shell::Durable(Box::new(shell)))
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        match self {
            Shell::Plain(plain) => &plain.kernel,
            Shell::Durable(durable) => durable.kernel(),
        }
    }

    /// True where the state does not show something yet that was taken (a mark that nothing has read).
    pub(crate) fn lags(&self) -> bool {
        match self {
            Shell::Plain(_) => false,
            Shell::Durable(durable) => durable.engine.as_ref().is_some_and(Engine::marks_wait),
        }
    }

    pub(crate) fn take(&mut self, now_ns: i64, input: &Input) -> Result<Said, Trouble> {
        match self {
            Shell::Plain(plain) => plain.take(Stamp(now_ns), input).map(Said::Taken),
            Shell::Durable(durable) => durable.take(now_ns, input),
        }
    }

    /// I7: what was written leads to the state that there is.
    pub(crate) fn replay(&mut self) -> Result<(), Trouble> {
        match self {
            Shell::Plain(plain) => plain.catch_up(),
            Shell::Durable(_) => Ok(()),
        }
    }

    /// Makes durable what was taken so far.
    pub(crate) fn sync(&mut self) -> Result<(), Trouble> {
        match self {
            Shell::Plain(_) => Ok(()),
            Shell::Durable(durable) => durable.engine()?.sync_log().map_err(Trouble::harness),
        }
    }

    /// The same of everything from the beginning.
    pub(crate) fn replay_all(&mut self) -> Result<(), Trouble> {
        match self {
            Shell::Plain(plain) => plain.catch_up(),
            Shell::Durable(durable) => durable.replay_all(),
        }
    }
}

impl Plain {
    fn take(&mut self, stamp: Stamp, input: &Input) -> Result<Taken, Trouble> {
        self.inputs.push((self.written.len(), stamp));
        codec::encode(input, &mut self.written).map_err(Trouble::harness)?;
        self.effects.clear();
        let outcome = self.kernel.step(stamp, input, &mut self.effects);
        let cells = self.effects.transitions.iter().map(|transition| transition.rule).collect();
        Ok(Taken { outcome, commands: core::mem::take(&mut self.effects.commands), cells })
    }

    fn catch_up(&mut self) -> Result<(), Trouble> {
        let mut effects = Effects::default();
        let ends = self.inputs.iter().skip(1).map(|(begin, _)| *begin).chain([self.written.len()]);
        for ((begin, stamp), end) in self.inputs.iter().zip(ends) {
            let bytes = self.written.get(*begin..end).unwrap_or_default();
            let input: Input = codec::decode(bytes).map_err(Trouble::harness)?;
            effects.clear();
            self.replica.step(*stamp, &input, &mut effects);
        }
        self.inputs.clear();
        self.written.clear();
        if self.replica.state_hash() != self.kernel.state_hash() {
            return Err(Trouble::new("I7", "the replica, fed from what was written, came to another state"));
        }
        // It goes on from a snapshot, so that those lead to the same state too.
        let bytes = self.replica.to_snapshot().map_err(Trouble::harness)?;
        self.replica = Kernel::from_snapshot(&bytes)
            .map_err(|error| Trouble::new("I7", format!("a snapshot cannot be taken: {error:?}")))?;
        Ok(())
    }
}

impl Durable {
    fn open(&mut self) -> Result<(), Trouble> {
        let config = EngineConfig { kernel: self.config.clone(), ..EngineConfig::default() };
        // A thread syncs beside it, as beside real files: a drain ends with records that are not synced.
        let disk: Arc<dyn Disk> =
            Arc::new(HookedDisk::new(Arc::new(self.faulty.clone()), Arc::new(Threaded)));
        let opened = Engine::recover(config, Port::Foreign, disk, &settings(), &mut |_| {});
        let (engine, recovery) = opened.map_err(|error| Trouble::new("recovery", error.to_string()))?;
        self.recovered_seq = recovery.last_seq;
        self.engine = Some(engine);
        Ok(())
    }

    fn kernel(&self) -> &Kernel {
        match &self.engine {
            Some(engine) => engine.kernel(),
            None => unreachable!("an engine is only absent while it is being opened"),
        }
    }

    fn engine(&mut self) -> Result<&mut Engine, Trouble> {
        self.engine.as_mut().ok_or_else(|| Trouble::harness("no engine"))
    }

    fn take(&mut self, now_ns: i64, input: &Input) -> Result<Said, Trouble> {
        let engine = self.engine()?;
        engine.tell_time(now_ns);
        let ticket = match engine.push(input.clone(), true) {
            Ok(ticket) => ticket,
            Err(_) => return Ok(Said::Died),
        };
        let Some(commands) = drained(engine) else { return Ok(Said::Died) };
        let answer = ticket.and_then(|ticket| engine.take_answer(ticket));
        let answer = answer.ok_or_else(|| Trouble::new("engine", "an input was not answered"))?;
        let cells = answer.transitions.iter().map(|transition| transition.rule).collect();
        Ok(Said::Taken(Taken { outcome: answer.outcome, commands, cells }))
    }

    /// Sets a fault of the disk for one of the next operations.
    pub(crate) fn break_disk(&mut self, dice: &mut Dice) {
        let (deed, suffix) = dice
            .pick(&[
                (Deed::Write, ".seg"),
                (Deed::Sync, ".seg"),
                (Deed::Write, ".tmp"),
                (Deed::Create, ".tmp"),
            ])
            .unwrap_or((Deed::Sync, ".seg"));
        let kind = if dice.once_in(2) { std::io::ErrorKind::StorageFull } else { std::io::ErrorKind::Other };
        let effect = Effect::Fail(kind, dice.below(64) as usize);
        self.faulty.fault(Fault { deed, suffix: suffix.into(), after: dice.below(4), count: 1, effect });
    }

    /// What has not struck yet never will.
    pub(crate) fn heal_disk(&self) {
        self.faulty.heal();
    }

    pub(crate) fn disk_faults(&self) -> u64 {
        self.fired_before + self.faulty.fired()
    }

    /// The process dies, alone or with the power, and its disk is whole again. Gives the number of the last input that
    /// was promised to survive.
    pub(crate) fn die(&mut self, dice: &mut Dice) -> u64 {
        let promised = self.engine.as_ref().and_then(Engine::durable_seq).unwrap_or(0);
        let draw = dice.below(u64::MAX);
        let image = match dice.below(6) {
            0 => self.memory.crash(Fate::Lost),
            1 => self.memory.crash(Fate::Subset(draw)),
            2 => self.memory.crash(Fate::Torn(draw)),
            3 => self.memory.crash(Fate::Flipped(draw)),
            _ => self.memory.kill(),
        };
        // What it says while it is dropped goes to a disk that nobody reads.
        self.engine = None;
        self.memory = image;
        let fired = self.faulty.fired();
        self.faulty = FaultyDisk::new(Arc::new(self.memory.clone()));
        self.recoveries += 1;
        self.fired_before += fired;
        promised
    }

    /// Comes back from the log; gives what the kernel asks first.
    pub(crate) fn come_back(&mut self, now_ns: i64, promised: u64) -> Result<Vec<Command>, Trouble> {
        self.open()?;
        let engine = self.engine()?;
        if engine.kernel().seq() < promised {
            let found = engine.kernel().seq();
            return Err(Trouble::new(
                "durability",
                format!("input {promised} was durable, and the log ends at {found}"),
            ));
        }
        engine.tell_time(now_ns);
        drained(engine).ok_or_else(|| Trouble::harness("a disk without faults failed"))
    }

    fn replay_all(&mut self) -> Result<(), Trouble> {
        let engine = self.engine()?;
        engine.sync_log().map_err(|error| Trouble::new("I7", error.to_string()))?;
        let hash = engine.kernel().state_hash();
        let disk: Arc<dyn Disk> = Arc::new(self.memory.clone());
        let check = replay_check(&disk, &mut |_| ControlFlow::Continue(()))
            .map_err(|error| Trouble::new("I7", error.to_string()))?;
        if !check.is_good() || check.state_hash != hash {
            return Err(Trouble::new(
                "I7",
                format!("the log leads to another state: {:?}", check.differences),
            ));
        }
        Ok(())
    }
}

/// Works until quiet, and gives what the venue is to be asked; `None` where the log failed.
fn drained(engine: &mut Engine) -> Option<Vec<Command>> {
    let mut commands = Vec::new();
    loop {
        match engine.run() {
            Progress::Quiet => return Some(commands),
            Progress::Yield => {}
            Progress::Call(call) => commands.push(call.command),
            Progress::Failed(_) => return None,
        }
    }
}
