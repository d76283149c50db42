//! Segments whose header was read and found good.

use crate::directory::Files;
use crate::disk::{Disk, DiskFile};
use crate::error::LogError;
use crate::record::Record;
use crate::scan::{Found, Place, Scan};
use crate::segment::{
    FORMAT_VERSION, HeaderFlaw, Identity, SEGMENT_HEADER_BYTES_MAX, SegmentHeader, salt, segment_name,
};
use crate::survey::SegmentInfo;
use std::sync::Arc;

/// A segment whose header is good.
pub(crate) struct Opened {
    pub name: String,
    pub header: SegmentHeader,
    pub header_bytes: u64,
    pub file: Arc<dyn DiskFile>,
}

impl Opened {
    /// A scan of its records from the first on.
    pub fn scan(&self) -> Scan {
        let header = &self.header;
        let place = Place { next_seq: header.first_seq, epoch: header.epoch, chain: header.chain };
        Scan::new(self.file.clone(), self.header_bytes, salt(header.identity.hash(), header.first_seq), place)
    }

    pub fn info(&self, last_seq: u64, bytes: u64) -> SegmentInfo {
        SegmentInfo {
            name: self.name.clone(),
            first_seq: self.header.first_seq,
            previous_seq: self.header.previous_seq,
            last_seq,
            bytes,
            rules_version: self.header.rules_version,
        }
    }
}

fn failed(disk: &dyn Disk, name: &str, doing: &'static str, error: &std::io::Error) -> LogError {
    LogError::io(disk.path(name), doing, error)
}

fn corrupt(disk: &dyn Disk, name: &str, offset: u64, seq: u64, reason: impl Into<String>) -> LogError {
    LogError::Corrupt { file: disk.path(name), offset, seq, reason: reason.into() }
}

/// The header at the start of a segment's file.
fn read_header(
    disk: &dyn Disk,
    first_seq: u64,
) -> Result<(Arc<dyn DiskFile>, SegmentHeader, usize), LogError> {
    let name = segment_name(first_seq);
    let file = disk.open_read(&name).map_err(|error| failed(disk, &name, "open", &error))?;
    let mut bytes = vec![0; SEGMENT_HEADER_BYTES_MAX];
    let read = file.read_at(0, &mut bytes).map_err(|error| failed(disk, &name, "read", &error))?;
    match SegmentHeader::decode(&bytes[..read]) {
        Ok((header, header_bytes)) => Ok((file, header, header_bytes)),
        Err(HeaderFlaw::Damaged) => {
            Err(corrupt(disk, &name, 0, first_seq, "the segment's header is damaged"))
        }
        Err(HeaderFlaw::Newer(found)) => {
            Err(LogError::NewerFormat { file: disk.path(&name), found, known: FORMAT_VERSION })
        }
    }
}

/// Opens a segment for reading: of this log, this number, a known format, its header whole.
pub(crate) fn open_segment(disk: &dyn Disk, identity: &Identity, first_seq: u64) -> Result<Opened, LogError> {
    let name = segment_name(first_seq);
    let (file, header, header_bytes) = read_header(disk, first_seq)?;
    if header.identity.hash() != identity.hash() {
        return Err(LogError::OtherLog {
            file: disk.path(&name),
            found: header.identity.describe(),
            expected: identity.describe(),
        });
    }
    if header.first_seq != first_seq {
        let reason = format!("the header is of a segment that begins at seq {}", header.first_seq);
        return Err(corrupt(disk, &name, 0, first_seq, reason));
    }
    Ok(Opened { name, header, header_bytes: header_bytes as u64, file })
}

/// Whose log is in the directory, and the first sequence number it ever had, as the oldest segment says. The number
/// is 1 where the log's beginning is gone.
pub(crate) fn owner(disk: &dyn Disk) -> Result<(Identity, u64), LogError> {
    let missing = || LogError::io(disk.path(""), "find a log", &std::io::ErrorKind::NotFound.into());
    let first_seq = *Files::list(disk)?.segments.first().ok_or_else(missing)?;
    let (_, header, _) = read_header(disk, first_seq)?;
    let begins = header.chain == header.identity.genesis();
    Ok((header.identity, if begins { first_seq } else { 1 }))
}

/// Reads the records of one sealed segment, verified; a flaw is corruption.
pub(crate) fn read_sealed(
    disk: &dyn Disk,
    identity: &Identity,
    segment: &SegmentInfo,
    visit: &mut dyn FnMut(&Record<'_>),
) -> Result<(), LogError> {
    let opened = open_segment(disk, identity, segment.first_seq)?;
    let mut scan = opened.scan();
    loop {
        match scan.advance().map_err(|error| failed(disk, &opened.name, "read", &error))? {
            Found::Record => visit(&scan.record()),
            Found::End if scan.place.next_seq == segment.last_seq + 1 => return Ok(()),
            Found::End => {
                let reason = format!("the segment ends here, though its last seq is {}", segment.last_seq);
                return Err(corrupt(disk, &opened.name, scan.offset, scan.place.next_seq, reason));
            }
            Found::Bad(flaw) => {
                return Err(corrupt(disk, &opened.name, scan.offset, scan.place.next_seq, flaw.to_string()));
            }
        }
    }
}
