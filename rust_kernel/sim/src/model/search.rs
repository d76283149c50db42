//! Breadth first through every state within the bounds, so that the first way found to anything is a shortest one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use super::bounds::Bounds;
use super::heal;
use super::machine::{Cell, Machine, World};
use super::message::Action;
use super::quick::QuickMap;

/// Something wrong, and the way there.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What.
    pub what: String,
    /// The particulars of the first one.
    pub detail: String,
    /// The actions that lead there from the start.
    pub witness: Vec<Action>,
    /// How many states or transitions show it.
    pub count: u64,
}

/// What one search found.
#[derive(Clone, Debug)]
pub struct Search {
    /// Within these bounds.
    pub bounds: Bounds,
    /// Different states of kernel, venue and wire together.
    pub states: u64,
    /// Different kernels among them.
    pub kernels: u64,
    /// Steps that the real kernel took.
    pub steps: u64,
    /// Ways from one to the next.
    pub transitions: u64,
    /// Ways that the bounds cut off: more messages in flight than allowed.
    pub cut: u64,
    /// The longest shortest way.
    pub depth: u32,
    /// States that were not expanded: none, or the search was not exhaustive.
    pub frontier: u64,
    /// Pairs of kernels that count as one, reached in different ways, that were seen to answer alike.
    pub twins: u64,
    /// How long it took.
    pub time: Duration,
    /// The table's cells used, each with a shortest way that uses it.
    pub cells: HashMap<Cell, Vec<Action>>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

struct Seen {
    parent: u32,
    action: Action,
}

struct Run {
    machine: Machine,
    seen: Vec<Seen>,
    places: QuickMap<World, u32>,
    next: Vec<(u32, World)>,
    search: Search,
    by_kind: HashMap<String, usize>,
    cells: HashMap<Cell, (u32, Action)>,
}

/// Searches everything within the bounds.
///
/// # Errors
/// What the kernel has against the first state.
pub fn search(bounds: &Bounds) -> Result<Search, String> {
    let started = Instant::now();
    let (machine, first) = Machine::new(bounds)?;
    let mut run = Run {
        machine,
        seen: vec![Seen { parent: 0, action: Action::Start }],
        places: QuickMap::from_iter([(first, 0)]),
        next: vec![(0, first)],
        search: Search::new(bounds),
        by_kind: HashMap::new(),
        cells: HashMap::new(),
    };
    run.through();
    let cells = run.cells.iter().map(|(cell, (place, action))| (*cell, run.path(*place, *action))).collect();
    let mut search = run.search;
    search.cells = cells;
    search.states = run.seen.len() as u64;
    search.kernels = run.machine.kernels();
    search.steps = run.machine.steps();
    search.twins = run.machine.twins();
    search.time = started.elapsed();
    Ok(search)
}

impl Search {
    fn new(bounds: &Bounds) -> Search {
        Search {
            bounds: bounds.clone(),
            states: 0,
            kernels: 0,
            steps: 0,
            transitions: 0,
            cut: 0,
            depth: 0,
            frontier: 0,
            twins: 0,
            time: Duration::ZERO,
            cells: HashMap::new(),
            findings: Vec::new(),
        }
    }
}

impl Run {
    fn through(&mut self) {
        let mut actions = Vec::new();
        while !self.next.is_empty() {
            let frontier = std::mem::take(&mut self.next);
            for (done, (place, world)) in frontier.iter().enumerate() {
                if self.seen.len() > self.search.bounds.states_max {
                    let left = frontier.len().saturating_sub(done).saturating_add(self.next.len());
                    self.search.frontier = left as u64;
                    return;
                }
                self.machine.actions(world, &mut actions);
                for &action in &actions {
                    self.follow(*place, world, action);
                }
            }
            if !self.next.is_empty() {
                self.search.depth = self.search.depth.saturating_add(1);
            }
        }
    }

    fn follow(&mut self, from: u32, world: &World, action: Action) {
        let (next, step) = self.machine.act(world, action);
        if next.flight.len() > self.search.bounds.flight_max() {
            self.search.cut = self.search.cut.saturating_add(1);
            return;
        }
        self.search.transitions = self.search.transitions.saturating_add(1);
        if let Some(number) = step {
            let step = self.machine.step(number);
            for cell in &step.cells {
                self.cells.entry(*cell).or_insert((from, action));
            }
            if let Some(trouble) = step.trouble.clone() {
                self.report(from, action, &trouble, String::new());
            }
        }
        let number = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        let Entry::Vacant(vacant) = self.places.entry(next) else { return };
        vacant.insert(number);
        self.seen.push(Seen { parent: from, action });
        self.next.push((number, next));
        // With something in flight, delivering it leads to another state of this search: that one is healed.
        if next.flight.is_empty()
            && let Err(dead) = heal::heal(&mut self.machine, next)
        {
            self.report(from, action, dead.what, dead.detail);
        }
    }

    fn report(&mut self, from: u32, action: Action, what: &str, detail: String) {
        if let Some(&at) = self.by_kind.get(what) {
            let finding = &mut self.search.findings[at];
            finding.count = finding.count.saturating_add(1);
            return;
        }
        let witness = self.path(from, action);
        self.by_kind.insert(what.to_owned(), self.search.findings.len());
        self.search.findings.push(Finding { what: what.to_owned(), detail, witness, count: 1 });
    }

    fn path(&self, from: u32, action: Action) -> Vec<Action> {
        let mut path = vec![action];
        let mut place = from;
        while place != 0 {
            let seen = &self.seen[place as usize];
            path.push(seen.action);
            place = seen.parent;
        }
        path.reverse();
        path
    }
}
