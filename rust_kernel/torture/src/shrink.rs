//! Makes a failing seed short: fewer faults, then fewer decisions, as long as the same check fails.

use std::collections::BTreeSet;

use crate::faults::{FAULTS, FaultSet};
use crate::run::{Options, SeedReport, run_seed};
use crate::script;

/// So many runs are spent on it at most.
const RUNS_MAX: u32 = 1_500;

/// A seed made short.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The run that is left, told.
    pub report: SeedReport,
    /// The faults that are left.
    pub faults: FaultSet,
    /// The decisions that are left.
    pub decisions: BTreeSet<u64>,
    /// How many there were.
    pub decisions_before: usize,
    /// How many runs it took.
    pub runs: u32,
}

struct Shrinking<'a> {
    seed: u64,
    check: &'a str,
    inputs: u64,
    faults: FaultSet,
    decisions: Vec<u64>,
    runs: u32,
}

impl Shrinking<'_> {
    fn options(&self, faults: FaultSet, decisions: &[u64], tell: bool) -> Options {
        let decisions = Some(decisions.iter().copied().collect());
        Options { inputs: self.inputs, only: Some(faults), decisions, tell }
    }

    fn still_fails(&mut self, faults: FaultSet, decisions: &[u64]) -> bool {
        self.runs += 1;
        let report = run_seed(self.seed, &self.options(faults, decisions, false));
        report.trouble.is_some_and(|trouble| trouble.check == self.check)
    }

    fn fewer_faults(&mut self) {
        for fault in FAULTS.iter().filter(|fault| self.faults.has(fault.name)).collect::<Vec<_>>() {
            let fewer = self.faults.without(fault.name);
            if self.runs < RUNS_MAX && self.still_fails(fewer, &self.decisions.clone()) {
                self.faults = fewer;
            }
        }
    }

    /// Leaves out runs of decisions, from half of all down to single ones.
    fn fewer_decisions(&mut self) {
        let mut size = self.decisions.len() / 2;
        while size > 0 {
            let mut from = 0;
            while from < self.decisions.len() && self.runs < RUNS_MAX {
                let until = self.decisions.len().min(from + size);
                let mut fewer = self.decisions.clone();
                fewer.drain(from..until);
                if self.still_fails(self.faults, &fewer) {
                    self.decisions = fewer;
                } else {
                    from = until;
                }
            }
            size /= 2;
        }
    }
}

/// Shrinks a failure; `None` where the seed does not fail.
pub fn shrink(seed: u64, options: &Options) -> Option<Shrunk> {
    let failed = run_seed(seed, options);
    let check = failed.trouble.as_ref()?.check.clone();
    let decisions: Vec<u64> = match &options.decisions {
        Some(decisions) => decisions.iter().copied().collect(),
        None => {
            (1..=script::step_of(failed.decision)).flat_map(|step| script::decisions(seed, step)).collect()
        }
    };
    let decisions_before = decisions.len();
    let mut shrinking =
        Shrinking { seed, check: &check, inputs: options.inputs, faults: failed.faults, decisions, runs: 0 };
    if !shrinking.still_fails(failed.faults, &shrinking.decisions.clone()) {
        return None;
    }
    shrinking.fewer_faults();
    shrinking.fewer_decisions();
    // What was in the way of leaving a fault out may be gone.
    shrinking.fewer_faults();
    let options = shrinking.options(shrinking.faults, &shrinking.decisions, true);
    Some(Shrunk {
        report: run_seed(seed, &options),
        faults: shrinking.faults,
        decisions: shrinking.decisions.iter().copied().collect(),
        decisions_before,
        runs: shrinking.runs,
    })
}

/// Numbers as `3,17-20`.
pub fn ranges(numbers: &BTreeSet<u64>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some(_) | None => runs.push((number, number)),
        }
    }
    let text = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(text).collect::<Vec<_>>().join(",")
}

/// The numbers of `3,17-20`.
///
/// # Errors
/// The part that is none.
pub fn numbers(text: &str) -> Result<BTreeSet<u64>, String> {
    let mut numbers = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last && last - first < 10_000_000 => {
                numbers.extend(first..=last)
            }
            (_, _) => return Err(part.to_owned()),
        }
    }
    Ok(numbers)
}
