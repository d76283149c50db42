//! The committed corpora and every input that once failed, put to their targets without a fuzz engine.
#![allow(missing_docs)]

use std::path::{Path, PathBuf};

use dita_fuzz::TARGETS;
use dita_kernel::kernel::Kernel;

fn entries(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(target);
    let listed = std::fs::read_dir(&folder).expect("each target has a corpus");
    listed.map(|entry| entry.expect("it lists").path()).collect()
}

#[test]
fn every_entry_of_every_corpus_passes() {
    for (target, run) in TARGETS {
        let entries = entries(target);
        assert!(entries.len() >= 10, "{target} has a corpus of {}", entries.len());
        for path in entries {
            let bytes = std::fs::read(&path).expect("it reads");
            let passed = std::panic::catch_unwind(|| run(&bytes));
            assert!(passed.is_ok(), "{}: see above", path.display());
        }
    }
}

#[test]
fn a_part_of_the_stored_states_is_taken_and_lives_on() {
    let read = |path: &PathBuf| std::fs::read(path).expect("it reads");
    let taken = entries("snapshot").iter().filter(|path| Kernel::from_snapshot(&read(path)).is_ok()).count();
    assert!(
        taken >= 20,
        "only {taken} states of the corpus are taken: what comes after reading them is not tried"
    );
}
