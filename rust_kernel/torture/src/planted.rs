//! The kernel's planted bugs, found by seeds alone: how many it took for each.
//!
//! A seed counts for a bug only where the same seed holds without it. Of each sequence at least one bug is to be found.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use dita_kernel::planted::{Bug, VARIABLE};
use dita_torture::{Campaign, run_seed};

/// Runs seeds for each bug, in a process of its own, until one fails; `campaign` says how many at most.
pub fn find(campaign: &Campaign) -> bool {
    let begun = Instant::now();
    let mut found: BTreeMap<_, u32> = BTreeMap::new();
    let mut died = false;
    println!("sequence  bug                          seeds  found by");
    for (_, sequence, bug, _) in Bug::ALL {
        let of_sequence = found.entry(*sequence).or_default();
        match seeds_until(bug, campaign) {
            Ok(Some((seeds, check))) => {
                println!("{sequence:>8}  {bug:<27} {seeds:>6}  {check}");
                *of_sequence += 1;
            }
            Ok(None) => println!("{sequence:>8}  {bug:<27} {:>6}  NOT FOUND in {}", "-", campaign.seeds),
            Err(error) => {
                println!("{sequence:>8}  {bug:<27} {:>6}  {error}", "-");
                died = true;
            }
        }
    }
    let (bugs, sequences) = (Bug::ALL.len(), found.len());
    let held: Vec<_> = found.iter().filter(|(_, bugs)| **bugs == 0).map(|(sequence, _)| sequence).collect();
    let seconds = begun.elapsed().as_secs_f64();
    if !held.is_empty() {
        println!("NOTHING WAS FOUND of the sequences {held:?}");
    }
    let (bugs_found, sequences_found) = (found.values().sum::<u32>(), sequences - held.len());
    println!(
        "{bugs_found} of {bugs} bugs found, of {sequences_found} of {sequences} sequences; {seconds:.0} s"
    );
    held.is_empty() && !died
}

fn seeds_until(bug: &str, campaign: &Campaign) -> Result<Option<(u64, String)>, String> {
    let binary = std::env::current_exe().map_err(|error| error.to_string())?;
    let (mut start, end) = (campaign.start, campaign.start + campaign.seeds);
    while start < end {
        let mut seeds = Command::new(&binary);
        seeds.args(["--until-failure", "--start", &start.to_string(), "--seeds", &(end - start).to_string()]);
        seeds.args(["--inputs", &campaign.options.inputs.to_string()]);
        seeds.args(["--jobs", &campaign.jobs.to_string()]).env(VARIABLE, bug);
        let output = seeds.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let failed =
            text.trim().split_once(' ').and_then(|(seed, check)| Some((seed.parse::<u64>().ok()?, check)));
        let Some((seed, check)) = failed else { return Err(format!("the process died: {}", output.status)) };
        if run_seed(seed, &campaign.options).trouble.is_none() {
            return Ok(Some((seed - campaign.start + 1, check.to_owned())));
        }
        start = seed + 1;
    }
    Ok(None)
}
