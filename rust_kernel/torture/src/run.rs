//! One seed, from its plan to its verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use dita_sim::FaultCounters;

use crate::discrepancy::Naming;
use crate::faults::FaultSet;
use crate::naive::Compared;
use crate::plan::{self, Plan};
use crate::quiet;
use crate::story;
use crate::trouble::Trouble;
use crate::world::World;
use crate::{ending, script};

/// Inputs of a seed, where nothing else is asked for.
pub const INPUTS: u64 = 2_000;

/// How a seed is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// So many inputs, at least, before the end.
    pub inputs: u64,
    /// Just these faults, instead of those that the seed draws.
    pub only: Option<FaultSet>,
    /// Just these decisions of the script, instead of all.
    pub decisions: Option<BTreeSet<u64>>,
    /// True where what happens is written down.
    pub tell: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { inputs: INPUTS, only: None, decisions: None, tell: false }
    }
}

/// What came of a seed.
#[derive(Clone, Debug)]
pub struct SeedReport {
    /// Which.
    pub seed: u64,
    /// What is wrong, if anything is.
    pub trouble: Option<Trouble>,
    /// The decision it came to.
    pub decision: u64,
    /// The inputs that the kernel took or refused.
    pub inputs: u64,
    /// The faults that were on.
    pub faults: FaultSet,
    /// How often each fault struck.
    pub fired: BTreeMap<&'static str, u64>,
    /// The cells of the transition table that were gone through.
    pub cells: BTreeSet<u16>,
    /// The hash of every input with what came of it, and of the state at the end.
    pub chain: [u8; 32],
    /// What each planted cause of a difference was called.
    pub namings: Vec<Naming>,
    /// How often each figure was held against the naive model, and how often nobody could say yet what it should be.
    pub compared: Compared,
    /// What happened, where that was asked for.
    pub story: Vec<String>,
}

/// Runs a seed. Whatever goes wrong, a panic too, is in the report.
pub fn run_seed(seed: u64, options: &Options) -> SeedReport {
    quiet::panics_are_reported_not_printed();
    let plan = plan::draw(seed, options.only);
    let faults = plan.faults;
    let mut world = None;
    let ended = quiet::within(|| catch_unwind(AssertUnwindSafe(|| live(&mut world, plan, options))));
    let trouble = match ended {
        Ok(result) => result.err(),
        Err(panic) => Some(Trouble::new("panic", words(panic.as_ref()))),
    };
    let mut report = SeedReport {
        seed,
        trouble,
        decision: 0,
        inputs: 0,
        faults,
        fired: BTreeMap::new(),
        cells: BTreeSet::new(),
        chain: [0; 32],
        namings: Vec::new(),
        compared: Compared::default(),
        story: Vec::new(),
    };
    if let Some(mut world) = world {
        if report.trouble.is_some() {
            world.tell_fills();
        }
        report.fired = fired(&mut world);
        report.decision = world.decision;
        report.namings = core::mem::take(&mut world.namings);
        report.inputs = world.inputs;
        report.story = world.story.take().unwrap_or_default();
        report.compared = core::mem::take(&mut world.audit.compared);
        report.cells = core::mem::take(&mut world.audit.cells);
        if report.trouble.is_none() {
            report.chain = world.audit.chain(&world.shell);
        }
    }
    report
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

fn live(place: &mut Option<World>, plan: Plan, options: &Options) -> Result<(), Trouble> {
    let world = place.insert(World::new(plan)?);
    if options.tell {
        world.story = Some(vec![story::head(world)]);
        world.venue.keep_statement();
    }
    script::begin(world)?;
    match &options.decisions {
        None => {
            let mut step = 0;
            while world.inputs < options.inputs {
                step += 1;
                for decision in script::decisions(world.plan.seed, step) {
                    script::decide(world, decision)?;
                }
            }
        }
        Some(decisions) => decisions.iter().try_for_each(|decision| script::decide(world, *decision))?,
    }
    ending::end(world)
}

/// How often each fault struck, under the names of the list.
fn fired(world: &mut World) -> BTreeMap<&'static str, u64> {
    let counters = world.venue.counters();
    let faults: FaultCounters = counters.faults;
    let mut fired = world.fired.clone();
    for (name, count) in faults.all() {
        *fired.entry(name).or_default() += count;
    }
    let plan = &world.plan;
    fired.insert("funding", counters.fundings);
    fired.insert("late_funding", if plan.faults.has("late_funding") { counters.fundings } else { 0 });
    let fills_where = |name: &str| if plan.faults.has(name) { counters.fills } else { 0 };
    fired.insert("no_settlement", fills_where("no_settlement"));
    fired.insert("late_fee", if plan.faults.has("late_fee") { counters.fills } else { 0 });
    fired.insert("missed_fill", if plan.faults.has("missed_fill") { counters.expired } else { 0 });
    fired.insert("latency", if plan.faults.has("latency") { counters.orders } else { 0 });
    let disk_faults = world.durable().map_or(0, |durable| durable.disk_faults());
    fired.insert("disk_fault", disk_faults);
    fired
}
