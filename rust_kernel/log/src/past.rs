//! Snapshots for those who only look: without the lock, beside a live writer.

use crate::directory::Files;
use crate::disk::Disk;
use crate::error::LogError;
use crate::mark::{MARK_NAME, Mark};
use crate::opened::owner;
use crate::snapshot::Snapshot;
use std::io::ErrorKind;

/// Whose log it is: the owner's bytes, as the oldest segment has them.
pub fn identity(disk: &dyn Disk) -> Result<Vec<u8>, LogError> {
    owner(disk).map(|(identity, _)| identity.bytes().to_vec())
}

/// The first sequence number whose record is still there.
pub fn first_seq(disk: &dyn Disk) -> Result<u64, LogError> {
    let (_, begins) = owner(disk)?;
    Ok(Files::list(disk)?.segments.first().copied().unwrap_or(begins))
}

/// The sequence numbers of the snapshots, oldest first; a damaged one counts as well.
pub fn snapshots(disk: &dyn Disk) -> Result<Vec<u64>, LogError> {
    Files::list(disk).map(|files| files.snapshots)
}

/// The snapshot of a sequence number, wholly checked. `None` where it is damaged, or has been removed meanwhile.
pub fn snapshot(disk: &dyn Disk, seq: u64) -> Result<Option<Snapshot>, LogError> {
    let (identity, _) = owner(disk)?;
    match Snapshot::read(disk, &identity, seq) {
        Ok(read) => Ok(read.ok()),
        Err(LogError::Io { kind: ErrorKind::NotFound, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The last sequence number that is known as synced; 0 where nothing is known.
pub fn durable_seq(disk: &dyn Disk) -> Result<u64, LogError> {
    let (identity, _) = owner(disk)?;
    let mark = Mark::read(disk, identity.hash());
    let mark = mark.map_err(|error| LogError::io(disk.path(MARK_NAME), "read", &error))?;
    Ok(mark.map_or(0, |mark| mark.durable_seq))
}
