//! Verifies a whole log directory, with a report.

use crate::directory::index_name;
use crate::disk::Disk;
use crate::error::LogError;
use crate::ids::{Ids, Range, flaw_error};
use crate::opened::owner;
use crate::snapshot::Snapshot;
use crate::survey::{Check, SegmentInfo, Surveyor, TornTail, Visit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a verified log has in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Whose log it is, for a person.
    pub identity: String,
    /// The segments, oldest first.
    pub segments: Vec<SegmentInfo>,
    /// Valid bytes in the segments.
    pub bytes: u64,
    /// Records, each with its checksum, its place and its link of the chain verified.
    pub records: u64,
    /// The first and the last sequence number; `None` without records.
    pub seq_range: Option<(u64, u64)>,
    /// Everything up to here is known to have been synced.
    pub durable_seq: u64,
    /// The earliest and the latest time, in nanoseconds.
    pub ts_range_ns: Option<(i64, i64)>,
    /// The openings that wrote records.
    pub epochs: BTreeSet<u32>,
    /// Records of each kind.
    pub kinds: BTreeMap<u8, u64>,
    /// Usable snapshots, oldest first: sequence number and bytes of state.
    pub snapshots: Vec<(u64, u64)>,
    /// Index files, and keys in them.
    pub indexes: (u64, u64),
    /// Bytes at the end that a crash tore; the next opening for writing cuts them off.
    pub torn: Option<TornTail>,
    /// Damage that loses nothing, for example a damaged snapshot beside a good one.
    pub remarks: Vec<String>,
}

/// Reads everything in the directory and changes nothing. `identity` is whose log it must be; `None` takes any.
/// `progress` is told the bytes read and the bytes of all segments. Corruption is the error, with its position.
pub fn verify(
    disk: &Arc<dyn Disk>,
    identity: Option<&[u8]>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, LogError> {
    let (found, first_seq) = owner(disk.as_ref())?;
    let identity = identity.map_or(Ok(found), crate::segment::Identity::new)?;
    let surveyor = Surveyor {
        disk: disk.as_ref(),
        identity: &identity,
        first_seq,
        check: Check::All,
        snapshots: usize::MAX,
    };
    let mut report = VerifyReport { identity: identity.describe(), ..VerifyReport::default() };
    let bytes_all = bytes_all(disk.as_ref())?;
    let survey = surveyor.run(&mut |visit| report.count(&visit, bytes_all, progress))?;
    report.bytes = survey.segments.iter().map(|segment| segment.bytes).sum();
    report.durable_seq = survey.durable_seq;
    report.torn = survey.torn;
    report.remarks = survey.remarks;
    report.segments = survey.segments;
    for seq in survey.snapshots_usable.iter().rev() {
        if let Ok(snapshot) = Snapshot::read(disk.as_ref(), &identity, *seq)? {
            report.snapshots.push((*seq, snapshot.state.len() as u64));
        }
    }
    let mut ids = Ids::new(disk.clone(), &identity, 0);
    for (first_seq, last_seq) in survey.files.indexes {
        let range = Range { first_seq, last_seq };
        if let Err(flaw) = ids.open_verified(range)? {
            let name = index_name(first_seq, last_seq);
            report.remarks.push(flaw_error(disk.as_ref(), &name, range, &flaw).to_string());
        }
    }
    report.indexes = (ids.files.len() as u64, ids.files.iter().map(|file| file.count).sum());
    Ok(report)
}

fn bytes_all(disk: &dyn Disk) -> Result<u64, LogError> {
    let mut bytes = 0;
    for first_seq in crate::directory::Files::list(disk)?.segments {
        let name = crate::segment::segment_name(first_seq);
        let length = disk.open_read(&name).and_then(|file| file.length());
        bytes += length.map_err(|error| LogError::io(disk.path(&name), "read", &error))?;
    }
    Ok(bytes)
}

impl VerifyReport {
    fn count(&mut self, visit: &Visit<'_>, bytes_all: u64, progress: &mut dyn FnMut(u64, u64)) {
        match visit {
            Visit::Segment => {}
            Visit::Record(record) => {
                self.records += 1;
                *self.kinds.entry(record.kind).or_default() += 1;
                self.epochs.insert(record.epoch);
                let first = self.seq_range.map_or(record.seq, |(first, _)| first);
                self.seq_range = Some((first, record.seq));
                let (from, to) = self.ts_range_ns.unwrap_or((record.ts_ns, record.ts_ns));
                self.ts_range_ns = Some((from.min(record.ts_ns), to.max(record.ts_ns)));
            }
            Visit::Progress(bytes) => progress(*bytes, bytes_all),
        }
    }
}
