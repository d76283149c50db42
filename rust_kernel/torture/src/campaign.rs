//! Many seeds on several threads, and what they come to together.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use dita_kernel::slot::table::{Rule, TABLE};

use crate::discrepancy::Naming;
use crate::faults::FAULTS;
use crate::naive::Compared;
use crate::run::{Options, SeedReport, run_seed};

/// So many failures are kept in words; all are counted.
pub const FAILURES_KEPT: usize = 100;
/// How often the listener hears, at least, ms.
const HEARS_EVERY_MS: u64 = 100;

/// Which seeds, and how.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The first.
    pub start: u64,
    /// How many.
    pub seeds: u64,
    /// On so many threads.
    pub jobs: usize,
    /// How each is run.
    pub options: Options,
}

/// How far a campaign is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Seeds that are done.
    pub done: u64,
    /// Of so many.
    pub seeds: u64,
    /// Seeds that failed.
    pub failed: u64,
    /// Inputs so far.
    pub inputs: u64,
}

/// What seeds came to together.
#[derive(Clone, Default, Debug)]
pub struct Summary {
    /// Seeds that were run.
    pub seeds: u64,
    /// Inputs that their kernels had.
    pub inputs: u64,
    /// Seeds that failed.
    pub failed: u64,
    /// The first of them, by number.
    pub failures: Vec<SeedReport>,
    /// In how many seeds each fault was on.
    pub enabled: BTreeMap<&'static str, u64>,
    /// How often it struck there.
    pub fired: BTreeMap<&'static str, u64>,
    /// The cells of the transition table that were gone through.
    pub cells: BTreeSet<u16>,
    /// The confusion matrix: how often a cause that was planted was called what.
    pub namings: BTreeMap<Naming, u64>,
    /// How often each figure was held against the naive model, and how often it could not be.
    pub compared: Compared,
    /// The sum of the seeds' chains: the same for the same seeds, on however many threads.
    pub chain: [u64; 4],
}

impl Summary {
    /// Adds a seed.
    pub fn add(&mut self, report: SeedReport) {
        self.seeds += 1;
        self.inputs += report.inputs;
        for fault in FAULTS.iter().filter(|fault| report.faults.has(fault.name)) {
            *self.enabled.entry(fault.name).or_default() += 1;
            *self.fired.entry(fault.name).or_default() += report.fired.get(fault.name).copied().unwrap_or(0);
        }
        self.cells.extend(&report.cells);
        for naming in &report.namings {
            *self.namings.entry(*naming).or_default() += 1;
        }
        self.compared.add(&report.compared);
        for (lane, bytes) in self.chain.iter_mut().zip(report.chain.chunks_exact(8)) {
            let part = bytes.iter().fold(0_u64, |part, byte| part << 8 | u64::from(*byte));
            *lane = lane.wrapping_add(part);
        }
        if report.trouble.is_some() {
            self.failed += 1;
            let at = self.failures.partition_point(|known| known.seed < report.seed);
            self.failures.insert(at, report);
            self.failures.truncate(FAILURES_KEPT);
        }
    }

    /// Faults that were on and never struck.
    pub fn silent(&self) -> Vec<&'static str> {
        let on = self.enabled.iter().filter(|(name, _)| self.fired.get(*name).copied().unwrap_or(0) == 0);
        on.map(|(name, _)| *name).collect()
    }

    /// True where every seed held and every fault that was on struck.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.silent().is_empty()
    }

    /// The chain as text.
    pub fn chain_text(&self) -> String {
        self.chain.iter().map(|lane| format!("{lane:016x}")).collect()
    }

    /// How many cells of the transition table take something somewhere.
    pub fn cells_all() -> usize {
        let goes = |rule: &&Rule| matches!(rule, Rule::Go(_));
        TABLE.iter().map(|(_, row)| row.iter().filter(goes).count()).sum()
    }
}

/// Runs the seeds. `listen` is told how far it is, and ends it where it breaks; then the summary is of what was done.
pub fn run(campaign: &Campaign, listen: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Summary {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (sender, receiver) = mpsc::sync_channel::<SeedReport>(64);
    let mut summary = Summary::default();
    std::thread::scope(|scope| {
        for _ in 0..campaign.jobs.max(1) {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= campaign.seeds {
                        return;
                    }
                    let report = run_seed(campaign.start.wrapping_add(at), &campaign.options);
                    if sender.send(report).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(Duration::from_millis(HEARS_EVERY_MS)) {
                Ok(report) => summary.add(report),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            let Summary { seeds, failed, inputs, .. } = summary;
            let progress = Progress { done: seeds, seeds: campaign.seeds, failed, inputs };
            if !stop.load(Ordering::Relaxed) && listen(progress).is_break() {
                stop.store(true, Ordering::Relaxed);
            }
        }
    });
    summary
}
