//! The kernel's tests, in one binary: what is linked once is built once. The sequences that broke real systems are in
//! another (`sequences/`), as the planted bugs are held against them alone.
#![allow(missing_docs)]

mod common;

mod amend_figures;
mod answers;
mod arming;
mod attached;
mod awaited;
mod bad_input;
mod book;
mod bots;
mod bounds;
mod bust_figures;
mod busts;
mod calibration;
mod capacity;
mod closes;
mod codec;
mod comeback_figures;
mod damaged;
mod doubt;
mod drift;
mod drift_figures;
mod due;
mod ended_figures;
mod entry_figures;
mod exits;
mod exposure;
mod figures;
mod forgotten;
mod funding;
mod funding_figures;
mod funding_pools;
mod intents;
mod joins;
mod late;
mod margin;
mod matrices;
mod memory_figures;
mod net;
mod news_figures;
mod nobodys;
mod oco;
mod one_id;
mod one_report;
mod opening;
mod orders;
mod override_figures;
mod overrides;
mod owners;
mod pairs;
mod pieces;
mod products;
mod provenance;
mod random;
mod recall;
mod restart;
mod review;
mod risk;
mod roundings;
mod setup_figures;
mod silence_figures;
mod slot_figures;
mod snapshot;
mod strangers;
mod stray_figures;
mod told_figures;
mod trades;

#[test]
fn no_test_file_is_left_out() {
    let list = include_str!("main.rs");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for entry in std::fs::read_dir(folder).expect("the tests' folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("plain text");
        if let Some(name) = name.strip_suffix(".rs").filter(|name| *name != "main") {
            assert!(
                list.contains(&format!("\nmod {name};")),
                "tests/{name}.rs is in no binary: list it in tests/main.rs"
            );
        }
    }
}
