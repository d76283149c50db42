//! The committed corpora and every input that once failed, put to their targets without a fuzz engine.
#![allow(missing_docs)]

use std::path::{Path, PathBuf};

use dita_fuzz::TARGETS;

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
