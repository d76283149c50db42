//! Runs the exhaustive model check and prints its report; fails where it finds anything.
//!
//! `cargo run --release -p dita-sim --example model_check` runs the thorough bounds; `-- quick` the small ones; `-- joint`
//! those and everything a venue does to orders at once; `-- NAME` those of that name.

use std::process::ExitCode;

use dita_sim::model::{Bounds, check, runs};

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1);
    let chosen: Vec<Bounds> = match wanted.as_deref() {
        None => runs::THOROUGH.to_vec(),
        Some("quick") => runs::QUICK.to_vec(),
        Some("joint") => [runs::QUICK, runs::JOINT].concat(),
        Some(name) => {
            let all = runs::THOROUGH.iter().chain(runs::QUICK).chain(runs::JOINT);
            all.filter(|bounds| bounds.name == name).take(1).cloned().collect()
        }
    };
    let report = match check(&chosen) {
        Ok(report) => report,
        Err(why) => {
            eprintln!("the first state could not be made: {why}");
            return ExitCode::FAILURE;
        }
    };
    println!("{report}");
    let errors = report.errors();
    for error in &errors {
        eprintln!("error: {error}");
    }
    if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
