//! What the searches found together, for people and for the build.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use dita_kernel::names::TradeStage;
use dita_kernel::slot::table::{Rule, Symbol, TABLE};

use super::bounds::Bounds;
use super::heal::describe;
use super::machine::{Cell, Machine};
use super::message::Action;
use super::search::{Search, search};

/// The report of several searches.
#[derive(Clone, Debug)]
pub struct Report {
    /// Each of them.
    pub searches: Vec<Search>,
}

/// Runs all searches.
///
/// # Errors
/// What the kernel has against the first state of one.
pub fn check(bounds: &[Bounds]) -> Result<Report, String> {
    let searches: Result<Vec<Search>, String> = bounds.iter().map(search).collect();
    Ok(Report { searches: searches? })
}

/// The transition table's cells that go somewhere, in the table's order.
pub fn cells_that_go() -> impl Iterator<Item = Cell> {
    TABLE.iter().flat_map(|(symbol, rules)| {
        rules.iter().zip(TradeStage::ALL).filter_map(|(rule, stage)| match rule {
            Rule::Go(_) => Some((*symbol, *stage)),
            Rule::Ignore(_) | Rule::Refuse(_) => None,
        })
    })
}

impl Report {
    /// The shortest way that any search found to use a cell, and the search.
    pub fn witness(&self, cell: Cell) -> Option<(&Search, &[Action])> {
        let ways = self.searches.iter().filter_map(|search| {
            let way = search.cells.get(&cell)?;
            Some((search, way.as_slice()))
        });
        ways.min_by_key(|(_, way)| way.len())
    }

    /// Everything that makes the check fail, a sentence each.
    pub fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        for search in &self.searches {
            let name = search.bounds.name;
            if search.frontier > 0 {
                errors.push(format!("{name}: {} states were left unexpanded", search.frontier));
            }
            for finding in &search.findings {
                errors
                    .push(format!("{name}: {} ({} times): {}", finding.what, finding.count, finding.detail));
            }
        }
        for cell @ (symbol, stage) in cells_that_go() {
            if self.witness(cell).is_none() {
                errors.push(format!("nothing reaches {symbol} at {stage}"));
            }
        }
        errors
    }

    /// How long it took in all.
    pub fn time(&self) -> Duration {
        self.searches.iter().map(|search| search.time).sum()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for search in &self.searches {
            write_search(f, search)?;
        }
        write_cells(f, self)?;
        for search in &self.searches {
            for finding in &search.findings {
                writeln!(
                    f,
                    "\n{}: {} ({} times): {}",
                    search.bounds.name, finding.what, finding.count, finding.detail
                )?;
                f.write_str(&story(&search.bounds, &finding.witness))?;
            }
        }
        let (states, transitions) = self.searches.iter().fold((0_u64, 0_u64), |(states, ways), search| {
            (states.saturating_add(search.states), ways.saturating_add(search.transitions))
        });
        writeln!(f, "\n{states} states, {transitions} transitions, {:.1?} in all", self.time())
    }
}

fn write_search(f: &mut fmt::Formatter<'_>, search: &Search) -> fmt::Result {
    writeln!(f, "{}: {}", search.bounds.name, search.bounds.describe())?;
    writeln!(
        f,
        "    {} states ({} kernels), {} transitions ({} steps of the kernel), depth {}, frontier {}, {:.1?}",
        search.states,
        search.kernels,
        search.transitions,
        search.steps,
        search.depth,
        search.frontier,
        search.time,
    )?;
    writeln!(
        f,
        "    {} transitions cut off by the bound on messages; {} pairs of kernels that count as one compared; {} findings",
        search.cut,
        search.twins,
        search.findings.len(),
    )
}

fn write_cells(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let all: Vec<Cell> = cells_that_go().collect();
    let reached = all.iter().filter(|cell| report.witness(**cell).is_some()).count();
    writeln!(f, "\n{reached} of {} cells of the transition table that go somewhere are reached:", all.len())?;
    let mut rows: BTreeMap<Symbol, Vec<String>> = BTreeMap::new();
    for cell @ (symbol, stage) in all {
        let way = match report.witness(cell) {
            Some((_, way)) => format!("{stage} in {}", way.len()),
            None => format!("{stage} NOT REACHED"),
        };
        rows.entry(symbol).or_default().push(way);
    }
    for (symbol, ways) in rows {
        writeln!(f, "    {symbol:<24} {}", ways.join(", "))?;
    }
    Ok(())
}

/// A witness, told step by step.
pub fn story(bounds: &Bounds, witness: &[Action]) -> String {
    let Ok((mut machine, mut world)) = Machine::new(bounds) else { return String::new() };
    let mut text = String::new();
    for (at, action) in witness.iter().enumerate() {
        world = machine.act(&world, *action).0;
        text.push_str(&format!(
            "    {:>2}  {:<44} {}\n",
            at.saturating_add(1),
            action.to_string(),
            describe(&machine, &world)
        ));
    }
    text
}
