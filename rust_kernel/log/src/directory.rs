//! Which files are in a log's directory, by their names.

use crate::disk::Disk;
use crate::error::LogError;
use crate::segment::{numbered, segment_first_seq};

/// A file that is still being written ends so; it is renamed when it is whole.
pub(crate) const UNFINISHED: &str = ".tmp";
const SNAPSHOT_SUFFIX: &str = ".snap";
const INDEX_SUFFIX: &str = ".idx";
const CURSOR_SUFFIX: &str = ".cursor";

/// The files of a log, each kind sorted. Files of other names are left alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// First sequence numbers.
    pub segments: Vec<u64>,
    /// Sequence numbers.
    pub snapshots: Vec<u64>,
    /// First and last sequence numbers.
    pub indexes: Vec<(u64, u64)>,
    /// Names of followers.
    pub cursors: Vec<String>,
    /// What an interrupted write left behind.
    pub unfinished: Vec<String>,
}

impl Files {
    pub fn list(disk: &dyn Disk) -> Result<Files, LogError> {
        let names = disk.list().map_err(|error| LogError::io(disk.path(""), "list the directory", &error))?;
        let mut files = Files::default();
        for name in names {
            if let Some(first_seq) = segment_first_seq(&name) {
                files.segments.push(first_seq);
            } else if let Some(seq) = name.strip_suffix(SNAPSHOT_SUFFIX).and_then(numbered) {
                files.snapshots.push(seq);
            } else if let Some(range) = index_range(&name) {
                files.indexes.push(range);
            } else if let Some(follower) = name.strip_suffix(CURSOR_SUFFIX) {
                files.cursors.push(follower.to_string());
            } else if is_unfinished(&name) {
                files.unfinished.push(name);
            }
        }
        files.segments.sort_unstable();
        files.snapshots.sort_unstable();
        files.indexes.sort_unstable();
        files.cursors.sort_unstable();
        files.unfinished.sort_unstable();
        Ok(files)
    }
}

fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(UNFINISHED).is_some_and(|whole| {
        let snapshot = whole.strip_suffix(SNAPSHOT_SUFFIX).and_then(numbered).is_some();
        snapshot || index_range(whole).is_some() || segment_first_seq(whole).is_some()
    })
}

pub(crate) fn snapshot_name(seq: u64) -> String {
    format!("{seq:020}{SNAPSHOT_SUFFIX}")
}

pub(crate) fn index_name(first_seq: u64, last_seq: u64) -> String {
    format!("{first_seq:020}-{last_seq:020}{INDEX_SUFFIX}")
}

pub(crate) fn cursor_name(follower: &str) -> String {
    format!("{follower}{CURSOR_SUFFIX}")
}

fn index_range(name: &str) -> Option<(u64, u64)> {
    let (first, last) = name.strip_suffix(INDEX_SUFFIX)?.split_once('-')?;
    Some((numbered(first)?, numbered(last)?))
}

/// Writes a file so that it is there whole or not at all: under another name, synced, renamed, the directory synced.
pub(crate) fn write_whole(
    disk: &dyn Disk,
    name: &str,
    write: impl FnOnce(&dyn crate::disk::DiskFile) -> std::io::Result<()>,
) -> Result<(), LogError> {
    let unfinished = format!("{name}{UNFINISHED}");
    let failed = |doing, error: &std::io::Error| LogError::io(disk.path(name), doing, error);
    match disk.remove(&unfinished) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("remove an unfinished copy of it", &error)),
    }
    let file = disk.create(&unfinished).map_err(|error| failed("create", &error))?;
    write(file.as_ref()).map_err(|error| failed("write", &error))?;
    file.sync().map_err(|error| failed("sync", &error))?;
    disk.rename(&unfinished, name).map_err(|error| failed("rename an unfinished file to it", &error))?;
    disk.sync_dir().map_err(|error| failed("sync the directory of", &error))
}
