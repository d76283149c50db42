//! The mark: a small file that says up to which sequence number everything was synced, and counts the openings.
//!
//! It is written, in place, after each sync and is itself synced only when a log is opened or a segment is sealed, so
//! that it costs no further sync. What it says is therefore always true, though after a power loss perhaps not the
//! latest. Two slots, each in a sector of its own and written in turn: a write torn by a power loss spoils one.

use crate::disk::{Disk, DiskFile};
use crate::record::{u32_at, u64_at};
use std::io;
use std::sync::Arc;

pub(crate) const MARK_NAME: &str = "durable.mark";
const MAGIC: &[u8; 4] = b"MARK";
const SLOT_BYTES: usize = 48;
const SECTOR_BYTES: u64 = 512;

/// What the mark says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Counts the writes, so that the later slot is known.
    pub count: u64,
    /// The last opening for writing.
    pub epoch: u32,
    /// Everything up to here was synced.
    pub durable_seq: u64,
}

impl Mark {
    fn encode(&self, log_id: &[u8; 32]) -> [u8; SLOT_BYTES] {
        let mut out = [0; SLOT_BYTES];
        out[..4].copy_from_slice(MAGIC);
        out[8..16].copy_from_slice(&self.count.to_le_bytes());
        out[16..20].copy_from_slice(&self.epoch.to_le_bytes());
        out[24..32].copy_from_slice(&self.durable_seq.to_le_bytes());
        out[32..48].copy_from_slice(&log_id[..16]);
        let crc = crc32c::crc32c(&out[8..]);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8], log_id: &[u8; 32]) -> Option<Mark> {
        let bytes = bytes.get(..SLOT_BYTES)?;
        let ours = &bytes[..4] == MAGIC && bytes[32..48] == log_id[..16];
        if !ours || u32_at(bytes, 4) != crc32c::crc32c(&bytes[8..]) {
            return None;
        }
        Some(Mark { count: u64_at(bytes, 8), epoch: u32_at(bytes, 16), durable_seq: u64_at(bytes, 24) })
    }

    /// The latest mark of the log; `None` where there is no file or neither slot is whole.
    pub fn read(disk: &dyn Disk, log_id: &[u8; 32]) -> io::Result<Option<Mark>> {
        let file = match disk.open_read(MARK_NAME) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut latest: Option<Mark> = None;
        for slot in 0..2 {
            let mut bytes = [0; SLOT_BYTES];
            let read = file.read_at(slot * SECTOR_BYTES, &mut bytes)?;
            let mark = Mark::decode(&bytes[..read], log_id);
            if mark.map(|mark| mark.count) > latest.map(|mark| mark.count) {
                latest = mark;
            }
        }
        Ok(latest)
    }
}

/// The open mark of a log that is written.
pub(crate) struct MarkFile {
    file: Arc<dyn DiskFile>,
    log_id: [u8; 32],
    mark: Mark,
}

impl MarkFile {
    /// Opens the file, or makes it. `mark` is what was read from it, with the new epoch.
    pub fn open(disk: &dyn Disk, log_id: &[u8; 32], mark: Mark) -> io::Result<MarkFile> {
        let file = match disk.open_write(MARK_NAME) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(MARK_NAME)?,
            Err(error) => return Err(error),
        };
        Ok(MarkFile { file, log_id: *log_id, mark })
    }

    /// Says that everything up to `durable_seq` is synced.
    pub fn write(&mut self, durable_seq: u64) -> io::Result<()> {
        self.mark.count += 1;
        self.mark.durable_seq = self.mark.durable_seq.max(durable_seq);
        self.file.write_at((self.mark.count % 2) * SECTOR_BYTES, &self.mark.encode(&self.log_id))
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
