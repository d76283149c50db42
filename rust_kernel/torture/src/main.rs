//! Seeds from the command line, without Python: what `dita torture` runs, for CI and for those who work on the core.

#[cfg(feature = "planted")]
mod planted;
#[cfg(not(feature = "planted"))]
mod planted {
    //! Without the feature there is no bug to be found.
    pub fn find(_: &dita_torture::Campaign) -> bool {
        eprintln!(
            "built without the planted bugs: cargo run -p dita-torture --features planted -- --planted"
        );
        false
    }
}

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Instant;

use dita_torture::faults::{FAULTS, FaultSet};
use dita_torture::{Campaign, INPUTS, Options, SeedReport, Summary, numbers, ranges, run, run_seed, shrink};

const USAGE: &str = "dita-torture [--seeds N] [--start S] [--inputs N] [--jobs J] [--faults a,b] [--progress] [--open 3,17]\n\
dita-torture --planted [--seeds N]\n\
dita-torture --seed S [--faults a,b] [--decisions 3,17-20] [--inputs N] [--story] [--shrink]";

/// So many seeds are run before anybody looks whether one failed.
const BLOCK: u64 = 32;

struct Words {
    seed: Option<u64>,
    campaign: Campaign,
    shrink: bool,
    progress: bool,
    planted: bool,
    until_failure: bool,
    /// Seeds that are known to fail and not understood yet: each must still fail.
    open: Vec<u64>,
}

fn words() -> Result<Words, String> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let campaign =
        Campaign { start: 0, seeds: 100, jobs, options: Options { inputs: INPUTS, ..Options::default() } };
    let mut words = Words {
        seed: None,
        campaign,
        shrink: false,
        progress: false,
        planted: false,
        until_failure: false,
        open: Vec::new(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        let mut value = || given.next().ok_or(format!("{word} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{word}: not a number: {text}"));
        let options = &mut words.campaign.options;
        match word.as_str() {
            "--seed" => words.seed = Some(number(value()?)?),
            "--seeds" => words.campaign.seeds = number(value()?)?,
            "--start" => words.campaign.start = number(value()?)?,
            "--inputs" => options.inputs = number(value()?)?,
            "--jobs" => words.campaign.jobs = usize::try_from(number(value()?)?).unwrap_or(1),
            "--faults" => {
                let text = value()?;
                let names = text.split(',').filter(|name| !name.is_empty());
                options.only = Some(FaultSet::named(names).map_err(|name| format!("no such fault: {name}"))?);
            }
            "--decisions" => {
                options.decisions = Some(numbers(&value()?).map_err(|part| format!("--decisions: {part}"))?)
            }
            "--story" => options.tell = true,
            "--shrink" => words.shrink = true,
            "--progress" => words.progress = true,
            "--planted" => words.planted = true,
            "--open" => {
                words.open =
                    numbers(&value()?).map_err(|part| format!("--open: {part}"))?.into_iter().collect()
            }
            "--until-failure" => words.until_failure = true,
            _ => return Err(format!("unknown word: {word}")),
        }
    }
    Ok(words)
}

fn main() -> ExitCode {
    let words = match words() {
        Ok(words) => words,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let good = match words.seed {
        _ if words.planted => planted::find(&words.campaign),
        _ if words.until_failure => until_failure(&words.campaign),
        Some(seed) => one(seed, &words),
        None => many(&words),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, words: &Words) -> bool {
    let report = run_seed(seed, &words.campaign.options);
    show(&report.story);
    println!("seed {seed}: {} inputs, faults: {}", report.inputs, report.faults.names().join(","));
    let Some(trouble) = &report.trouble else {
        println!("held");
        return true;
    };
    println!("FAILED {}: {}", trouble.check, trouble.what);
    if words.shrink {
        match shrink(seed, &words.campaign.options) {
            None => println!("it cannot be made shorter: it fails by its inputs' number alone"),
            Some(shrunk) => {
                show(&shrunk.report.story);
                if let Some(trouble) = &shrunk.report.trouble {
                    println!("FAILED {}: {}", trouble.check, trouble.what);
                }
                let (left, before) = (shrunk.decisions.len(), shrunk.decisions_before);
                println!("{left} of {before} decisions are left, after {} runs:", shrunk.runs);
                println!(
                    "dita torture --seed {seed} --faults {} --decisions {} --story",
                    shrunk.faults.names().join(","),
                    ranges(&shrunk.decisions)
                );
            }
        }
    }
    false
}

/// Prints the first seed that fails, and by which check.
fn until_failure(campaign: &Campaign) -> bool {
    for start in (campaign.start..campaign.start + campaign.seeds).step_by(BLOCK as usize) {
        let seeds = BLOCK.min(campaign.start + campaign.seeds - start);
        let block = Campaign { start, seeds, ..campaign.clone() };
        let summary = run(&block, &mut |_| ControlFlow::Continue(()));
        if let Some(first) = summary.failures.first() {
            let check = first.trouble.as_ref().map_or("", |trouble| trouble.check.as_str());
            println!("{} {check}", first.seed);
            return false;
        }
    }
    true
}

fn show(story: &[String]) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for line in story {
        // Who stops reading has seen enough.
        if writeln!(out, "{line}").is_err() {
            return;
        }
    }
}

fn many(words: &Words) -> bool {
    let begun = Instant::now();
    let mut told = Instant::now();
    let summary = run(&words.campaign, &mut |at| {
        if words.progress && told.elapsed().as_secs() >= 10 {
            told = Instant::now();
            eprintln!("{} of {} seeds, {} failed, {} inputs", at.done, at.seeds, at.failed, at.inputs);
        }
        ControlFlow::Continue(())
    });
    for report in &summary.failures {
        failure(report, words);
    }
    print(&summary, begun.elapsed().as_secs_f64());
    let failed: Vec<u64> = summary.failures.iter().map(|report| report.seed).collect();
    let campaign = &words.campaign;
    let run_now = |seed: &u64| (campaign.start..campaign.start.saturating_add(campaign.seeds)).contains(seed);
    let open: Vec<u64> = words.open.iter().copied().filter(run_now).collect();
    if !open.is_empty() {
        println!("known to fail, and open: {}", ranges(&open.iter().copied().collect()));
    }
    summary.silent().is_empty() && summary.failed == open.len() as u64 && failed == open
}

fn failure(report: &SeedReport, words: &Words) {
    let Some(trouble) = &report.trouble else { return };
    let what: String = trouble.what.chars().take(400).collect();
    println!("seed {}: {}: {what}", report.seed, trouble.check);
    println!("    faults: {}", report.faults.names().join(","));
    let inputs = words.campaign.options.inputs;
    let inputs = if inputs == INPUTS { String::new() } else { format!(" --inputs {inputs}") };
    let only = words.campaign.options.only.map(|set| format!(" --faults {}", set.names().join(",")));
    println!("    dita torture --seed {}{inputs}{} --shrink", report.seed, only.unwrap_or_default());
}

fn print(summary: &Summary, seconds: f64) {
    println!("fault                 on in seeds        struck");
    for fault in FAULTS {
        let count = |of: &std::collections::BTreeMap<&str, u64>| of.get(fault.name).copied().unwrap_or(0);
        println!("  {:<20} {:>10} {:>13}", fault.name, count(&summary.enabled), count(&summary.fired));
    }
    for name in summary.silent() {
        println!("{name} was on and never struck");
    }
    println!("cause planted           named as              times");
    for ((planted, named), times) in &summary.namings {
        println!("  {planted:<22}{named:<22}{times:>5}");
    }
    println!("naive model                 compared          open");
    for (figure, [held, open]) in summary.compared.all() {
        println!("  {figure:<20} {held:>13} {open:>13}");
    }
    println!("{} of {} cells of the transition table", summary.cells.len(), Summary::cells_all());
    println!("chain {}", summary.chain_text());
    println!(
        "{} seeds, {} inputs, {} failed; {seconds:.1} s, {:.1} seeds a second",
        summary.seeds,
        summary.inputs,
        summary.failed,
        summary.seeds as f64 / seconds.max(0.001)
    );
}
