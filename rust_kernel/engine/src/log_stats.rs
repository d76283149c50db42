//! What is in a log, counted: records and bytes by type, openings, rates, the largest records.

use dita_kernel::RULES_VERSION;
use dita_log::{HEADER_BYTES, Reader, Span, past};

use crate::durable::{REFUSED, SharedDisk};
use crate::recovery::ReplayError;
use crate::replica::{PROGRESS_RECORDS, ReplayWatch, watch};

/// So many of the largest records are named.
pub const LARGEST_MAX: usize = 5;
const NS_PER_SECOND: i64 = 1_000_000_000;

/// Records of one type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KindStats {
    /// How many.
    pub records: u64,
    /// How many of them the kernel refused.
    pub refused: u64,
    /// Their bytes, headers included.
    pub bytes: u64,
}

/// One opening of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Epoch {
    /// Its number.
    pub epoch: u32,
    /// Its first input.
    pub first_seq: u64,
    /// Its last one.
    pub last_seq: u64,
    /// Kernel time of the first, ns.
    pub first_ns: i64,
    /// Kernel time of the last, ns.
    pub last_ns: i64,
}

/// A record by its size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Large {
    /// Its input.
    pub seq: u64,
    /// Its type.
    pub kind: u8,
    /// Its bytes, header included.
    pub bytes: u64,
}

/// Everything counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogStats {
    /// By the input's number (see [`crate::kind_name`]); types that do not occur are left out.
    pub kinds: Vec<(u8, KindStats)>,
    /// The openings that wrote records, oldest first.
    pub epochs: Vec<Epoch>,
    /// The largest records, largest first.
    pub largest: Vec<Large>,
    /// The second of kernel time with the most records: when it began, ns, and how many.
    pub busiest: Option<(i64, u64)>,
    /// The rules that this version has.
    pub rules_version: u32,
}

/// Reads a whole log and counts.
///
/// # Errors
/// [`ReplayError::Log`]: it is damaged.
pub fn log_stats(disk: &SharedDisk, progress: &mut ReplayWatch<'_>) -> Result<LogStats, ReplayError> {
    let first_seq = past::first_seq(disk.as_ref())?;
    let mut reader = Reader::open(disk.clone(), None, first_seq, Span::Written)?;
    let mut kinds = [KindStats::default(); 64];
    let mut stats = LogStats { rules_version: RULES_VERSION, ..LogStats::default() };
    let mut second = (i64::MIN, 0_u64);
    let mut records = 0_u64;
    while let Some(record) = reader.next()? {
        let (seq, ts_ns, kind) = (record.seq, record.ts_ns, record.kind & 0x3F);
        let bytes = (HEADER_BYTES + record.payload.len()) as u64;
        let counted = &mut kinds[usize::from(kind)];
        counted.records += 1;
        counted.refused += u64::from(record.kind & REFUSED != 0);
        counted.bytes += bytes;
        stats.count_epoch(record.epoch, seq, ts_ns);
        stats.count_large(Large { seq, kind, bytes });
        let start = ts_ns.div_euclid(NS_PER_SECOND) * NS_PER_SECOND;
        second = if second.0 == start { (start, second.1 + 1) } else { (start, 1) };
        if stats.busiest.is_none_or(|(_, most)| second.1 > most) {
            stats.busiest = Some(second);
        }
        records += 1;
        if records.is_multiple_of(PROGRESS_RECORDS) {
            watch(&reader, seq, progress)?;
        }
    }
    stats.kinds = (0_u8..).zip(kinds).filter(|(_, counted)| counted.records > 0).collect();
    Ok(stats)
}

impl LogStats {
    fn count_epoch(&mut self, epoch: u32, seq: u64, ts_ns: i64) {
        match self.epochs.last_mut() {
            Some(last) if last.epoch == epoch => (last.last_seq, last.last_ns) = (seq, ts_ns),
            Some(_) | None => self.epochs.push(Epoch {
                epoch,
                first_seq: seq,
                last_seq: seq,
                first_ns: ts_ns,
                last_ns: ts_ns,
            }),
        }
    }

    fn count_large(&mut self, record: Large) {
        let smallest = self.largest.last().map_or(0, |last| last.bytes);
        if self.largest.len() == LARGEST_MAX && record.bytes <= smallest {
            return;
        }
        let at = self.largest.partition_point(|other| other.bytes >= record.bytes);
        self.largest.insert(at, record);
        self.largest.truncate(LARGEST_MAX);
    }
}
