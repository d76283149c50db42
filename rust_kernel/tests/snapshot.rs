//! The stored state: what is not one of ours is refused, and never a panic.

use crate::common::Desk;
use dita_kernel::codec::CodecError;
use dita_kernel::kernel::{Kernel, SnapshotError};

/// A desk in the middle of things: one trade open, one order working.
fn busy() -> Vec<u8> {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.kernel.to_snapshot().expect("a snapshot")
}

#[test]
fn a_snapshot_is_the_state_to_the_last_byte() {
    let stored = busy();
    let kernel = Kernel::from_snapshot(&stored).expect("a kernel");
    assert_eq!(kernel.to_snapshot().expect("a snapshot"), stored);
    assert_eq!(kernel.slot(0).map(|slot| slot.stage.name()), Some("POSITION_OPEN"));
}

#[test]
fn a_snapshot_of_another_version_is_refused_by_number() {
    let mut stored = busy();
    stored[0] = 9;
    assert_eq!(
        Kernel::from_snapshot(&stored).err(),
        Some(SnapshotError::Codec(CodecError::Version { found: 9 }))
    );
}

#[test]
fn a_snapshot_that_is_cut_short_is_refused_wherever_it_is_cut() {
    let stored = busy();
    for length in 0..stored.len() {
        assert!(Kernel::from_snapshot(&stored[..length]).is_err(), "{length} of {} bytes", stored.len());
    }
}

#[test]
fn a_changed_byte_gives_an_error_or_a_sound_kernel_and_never_a_panic() {
    let stored = busy();
    let mut refused = 0;
    for at in 0..stored.len() {
        for flip in [1_u8, 0x80] {
            let mut changed = stored.clone();
            changed[at] ^= flip;
            match Kernel::from_snapshot(&changed) {
                Err(_) => refused += 1,
                // Names, times and limits may say anything; what comes out must still be a kernel.
                Ok(kernel) => drop(kernel.state_hash()),
            }
        }
    }
    assert!(refused > stored.len() / 4, "only {refused} of {} changes were seen", 2 * stored.len());
}
