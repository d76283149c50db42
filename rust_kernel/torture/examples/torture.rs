//! Scratch driver.
use std::time::Instant;

use dita_torture::faults::FaultSet;
use dita_torture::{Options, run_seed};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| words.get(at).and_then(|w| w.parse().ok()).unwrap_or(default);
    let (start, seeds) = (number(0, 0), number(1, 100));
    let only = words.get(2).filter(|w| !w.is_empty() && *w != "-").map(|w| FaultSet::named(w.split(',')).unwrap());
    let tell = words.get(3).is_some();
    let options = Options { only, tell, ..Options::default() };
    let begun = Instant::now();
    let (mut inputs, mut failed) = (0, 0);
    let mut by_check = std::collections::BTreeMap::<String, Vec<u64>>::new();
    std::panic::set_hook(Box::new(|_| ()));
    for seed in start..start + seeds {
        let report = run_seed(seed, &options);
        inputs += report.inputs;
        if tell {
            for line in &report.story {
                println!("{line}");
            }
        }
        if let Some(trouble) = report.trouble {
            failed += 1;
            by_check.entry(trouble.check.clone()).or_default().push(seed);
            let what: String = trouble.what.chars().take(600).collect();
            println!("seed {seed} step {} inputs {}: {}: {what}\n     {}", report.steps, report.inputs, trouble.check, report.faults.names().join(","));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{seeds} seeds, {failed} failed, {inputs} inputs, {seconds:.1} s, {:.1} seeds/s {:.0} inputs/s", seeds as f64 / seconds, inputs as f64 / seconds);
    for (check, seeds) in by_check {
        println!("{check}: {} {:?}", seeds.len(), &seeds[..seeds.len().min(10)]);
    }
}
