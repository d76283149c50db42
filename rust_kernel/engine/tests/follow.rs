//! A follower's batches: the same however they are cut, and what is gone is said.

use dita_engine::{BatchBounds, FollowError, Follower, SharedDisk, Wanted, first_to_follow};
use dita_log::{FileDisk, Span};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

const JOURNAL: Wanted = Wanted { journal: true, when_enabled: false, states: true };

/// The log of the newest version, as it is committed: with a snapshot, and its beginning.
fn golden() -> SharedDisk {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/kernel_logs");
    let newest =
        std::fs::read_dir(directory).expect("old logs are committed").flatten().map(|it| it.path()).max();
    Arc::new(FileDisk::existing(newest.expect("there is one")))
}

fn follower(disk: &SharedDisk, seq: u64, wanted: Wanted) -> Result<Follower, FollowError> {
    Follower::open(disk.clone(), "main", seq, Span::Written, wanted, &mut |_| ControlFlow::Continue(()))
}

fn bounds(records_max: u64, last_seq: Option<u64>) -> BatchBounds {
    BatchBounds { records_max, bytes_max: usize::MAX, last_seq }
}

/// Rows by table, and the last input.
fn rows(follower: &mut Follower, bounds: &BatchBounds) -> (Vec<(&'static str, usize)>, u64) {
    let mut sums: Vec<(&'static str, usize)> = Vec::new();
    let mut last_seq = 0;
    while let Some(batch) = follower.poll(bounds).expect("the log is whole") {
        assert_eq!(batch.first_seq, last_seq + 1);
        last_seq = batch.last_seq;
        for block in batch.blocks {
            match sums.iter_mut().find(|(table, _)| *table == block.table) {
                Some((_, sum)) => *sum += block.rows,
                None => sums.push((block.table, block.rows)),
            }
        }
    }
    sums.sort_unstable();
    (sums, last_seq)
}

#[test]
fn batches_of_any_size_have_the_same_rows() {
    let disk = golden();
    let whole = rows(&mut follower(&disk, 0, JOURNAL).expect("it opens"), &bounds(u64::MAX, None));
    assert!(whole.1 > 10 && whole.0.len() > 4, "{whole:?}");
    for records_max in [1, 3, 7] {
        let parts = rows(&mut follower(&disk, 0, JOURNAL).expect("it opens"), &bounds(records_max, None));
        assert_eq!(parts, whole);
    }
}

#[test]
fn a_batch_is_given_again_byte_for_byte() {
    let disk = golden();
    let mut first = follower(&disk, 0, JOURNAL).expect("it opens");
    let before = first.poll(&bounds(5, None)).expect("it reads").expect("there are five");
    let given = first.poll(&bounds(4, None)).expect("it reads").expect("there are four more");
    let mut again = follower(&disk, before.last_seq, JOURNAL).expect("it opens in the middle");
    let repeated = again.poll(&bounds(u64::MAX, Some(given.last_seq))).expect("it reads").expect("the same");
    assert_eq!((repeated.first_seq, repeated.last_seq), (given.first_seq, given.last_seq));
    assert_eq!(repeated.blocks, given.blocks);
}

#[test]
fn a_cursor_past_the_end_is_refused() {
    let disk = golden();
    let error = follower(&disk, 1_000_000, JOURNAL).map(|_| ()).expect_err("the log is shorter");
    assert!(matches!(error, FollowError::Ahead { seq: 1_000_000, .. }), "{error}");
    assert_eq!(first_to_follow(&disk), Ok(0));
}
