//! The simulator itself: that a seed repeats, that what is wrong is found, and that it is made short.
#![allow(missing_docs, clippy::unwrap_used)]

use std::ops::ControlFlow;

use dita_torture::faults::{FAULTS, FaultSet, THEFT};
use dita_torture::{Campaign, Options, Summary, numbers, ranges, run, run_seed, shrink};

fn only(names: &[&str]) -> Option<FaultSet> {
    Some(FaultSet::named(names.iter().copied()).unwrap())
}

fn campaign(seeds: u64, jobs: usize, options: Options) -> Summary {
    run(&Campaign { start: 0, seeds, jobs, options }, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn some_seeds_hold_and_come_to_the_same_again() {
    let options = || Options { inputs: 600, ..Options::default() };
    let (first, again) = (campaign(24, 2, options()), campaign(24, 1, options()));
    let failed = first.failures.first();
    assert!(failed.is_none(), "{:?}", failed.map(|report| (report.seed, &report.trouble)));
    assert_eq!((first.failed, first.seeds), (0, 24));
    assert_eq!(first.chain, again.chain, "on however many threads");
    assert_eq!(first.inputs, again.inputs);
    assert!(first.namings.keys().all(|(planted, named)| planted == named), "{:?}", first.namings);
    for (figure, [held, open]) in first.compared.all() {
        // Few accounts are inverse or have no funding: the seldom figures are compared seldom.
        assert!(held > 0 && open <= held, "{figure}: {held} compared, {open} open");
    }
    assert!(first.cells.len() > 40 && first.cells.len() <= Summary::cells_all());
}

#[test]
fn no_two_seeds_are_the_same() {
    let options = Options { inputs: 200, ..Options::default() };
    let chains: Vec<[u8; 32]> = (0..8).map(|seed| run_seed(seed, &options).chain).collect();
    for (at, chain) in chains.iter().enumerate() {
        assert!(!chains[at + 1..].contains(chain), "seed {at}");
    }
}

#[test]
fn money_that_vanishes_is_found_and_the_failure_is_made_short() {
    let options = Options { inputs: 600, only: only(&[THEFT, "duplicate", "reorder"]), ..Options::default() };
    let shrunk = shrink(0, &options).expect("it fails");
    assert_eq!(shrunk.report.trouble.as_ref().unwrap().check, "K = E");
    assert_eq!(shrunk.faults.names(), [THEFT], "the faults that have nothing to do with it are gone");
    assert_eq!(shrunk.decisions.len(), 1, "of {}: {:?}", shrunk.decisions_before, shrunk.decisions);
    assert!(shrunk.report.story.len() > 1);
    // What is printed plays it again.
    let decisions = numbers(&ranges(&shrunk.decisions)).unwrap();
    let again = Options { only: Some(shrunk.faults), decisions: Some(decisions), ..options };
    assert_eq!(run_seed(0, &again).trouble, shrunk.report.trouble);
}

#[test]
fn every_fault_strikes_where_it_is_on() {
    // Each alone, with what it needs beside it.
    for fault in FAULTS.iter().filter(|fault| fault.name != THEFT) {
        let beside: &[&str] = match fault.name {
            "late_funding" | "schedule_change" => &["funding"],
            "not_found" => &["send_timeout"],
            _ => &[],
        };
        let names: Vec<&str> = beside.iter().copied().chain([fault.name]).collect();
        let options = Options { inputs: 500, only: only(&names), ..Options::default() };
        // Only accounts with two instruments share ids, a sixth of them.
        let seeds = if fault.name == "shared_trade_ids" { 40 } else { 10 };
        let summary = campaign(seeds, 1, options);
        assert_eq!(summary.failed, 0, "{}: {:?}", fault.name, summary.failures[0].trouble);
        let on = summary.enabled.get(fault.name).copied().unwrap_or(0);
        let struck = summary.fired.get(fault.name).copied().unwrap_or(0);
        assert!(on > 0 && struck > 0, "{}: on in {on} seeds, struck {struck} times", fault.name);
    }
}

#[test]
fn a_campaign_stops_where_its_listener_does() {
    let options = Options { inputs: 50, ..Options::default() };
    let endless = Campaign { start: 0, seeds: u64::MAX, jobs: 2, options };
    let summary = run(&endless, &mut |at| {
        if at.done < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!((3..100).contains(&summary.seeds), "{}", summary.seeds);
}

#[test]
fn numbers_are_written_as_ranges_and_read_again() {
    for (text, count) in [("", 0), ("3", 1), ("3,17-20", 5), ("1-2,4", 3)] {
        let read = numbers(text).unwrap();
        assert_eq!((read.len(), ranges(&read).as_str()), (count, text));
    }
    for wrong in ["x", "9-3", "1-", "-4"] {
        assert!(numbers(wrong).is_err(), "{wrong}");
    }
}
