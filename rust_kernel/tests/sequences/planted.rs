//! The planted bugs, held against the sequences: each has to make a test of its own sequence fail.

use std::process::Command;
use std::time::Instant;

use dita_kernel::planted::{Bug, VARIABLE};

const THIS: &str = "planted::every_planted_bug_is_caught";

/// All of them.
const SEQUENCES: [u8; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24];

/// Runs all the other tests of this binary in a process of their own, with that bug switched on; gives the names of
/// those that failed.
fn failed_with(bug: Option<&str>) -> Vec<String> {
    let binary = std::env::current_exe().expect("this binary");
    let mut tests = Command::new(binary);
    tests.args(["--skip", THIS]).env("RUST_BACKTRACE", "0").env_remove(VARIABLE);
    if let Some(bug) = bug {
        tests.env(VARIABLE, bug);
    }
    let output = tests.output().expect("the tests run");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains("test result: "), "the tests did not come to an end: {report}");
    let failed: Vec<String> = report
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
        .map(str::to_owned)
        .collect();
    assert_eq!(output.status.success(), failed.is_empty(), "{report}");
    failed
}

/// True for a test of that sequence.
fn is_of(test: &str, sequence: u8) -> bool {
    test.rsplit("::").next().is_some_and(|name| name.starts_with(&format!("s{sequence:02}_")))
}

#[test]
fn every_planted_bug_is_caught() {
    let started = Instant::now();
    assert_eq!(failed_with(None), Vec::<String>::new(), "without a bug every test passes");
    let (mut caught, mut covered) = (0, Vec::new());
    for (_, sequence, bug, what) in Bug::ALL {
        let failed = failed_with(Some(bug));
        let own: Vec<&str> =
            failed.iter().map(String::as_str).filter(|test| is_of(test, *sequence)).collect();
        let verdict = match own.as_slice() {
            [] => "MISSED".to_owned(),
            [first, ..] => {
                caught += 1;
                covered.push(*sequence);
                let others = failed.len() - 1;
                let more = if others == 0 { String::new() } else { format!(" and {others} more") };
                format!("caught by {}{more}", first.rsplit("::").next().unwrap_or(first))
            }
        };
        println!("{sequence:>2}  {bug:<27} {verdict}\n    {what}");
    }
    covered.dedup();
    println!(
        "{caught} of {} planted bugs caught; {} of {} sequences have one that is; {:.1} s",
        Bug::ALL.len(),
        covered.len(),
        SEQUENCES.len(),
        started.elapsed().as_secs_f64()
    );
    assert_eq!(caught, Bug::ALL.len(), "a bug was missed");
    assert_eq!(covered, SEQUENCES, "each sequence has a bug, in their order");
}
