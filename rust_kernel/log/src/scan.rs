//! Reads one segment record by record, and checks each record's place: sequence, epoch, watermark, chain.

use crate::disk::DiskFile;
use crate::record::{self, Chain, Flaw, HEADER_BYTES, Record};
use std::io;
use std::sync::Arc;

/// How much is read at once, in bytes.
const CHUNK_BYTES: usize = 256 << 10;

/// Where a scan stands in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The sequence number that must come next.
    pub next_seq: u64,
    /// The epoch of the record before.
    pub epoch: u32,
    /// The hash of the record before.
    pub chain: Chain,
}

/// What stands at a scan's position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// The next record; [`Scan::record`] lends it.
    Record,
    /// The file ends here.
    End,
    /// Bytes that are not the record which must come next. The scan stays; a later call looks again.
    Bad(Flaw),
}

pub(crate) struct Scan {
    file: Arc<dyn DiskFile>,
    salt: u32,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The length of the record that was found last; it ends at `start`.
    length: usize,
    /// Up to here whatever counts only together is known to be whole.
    whole_seq: u64,
    /// The position in the file of `buffer[start]`.
    pub offset: u64,
    pub place: Place,
}

impl Scan {
    pub fn new(file: Arc<dyn DiskFile>, offset: u64, salt: u32, place: Place) -> Scan {
        Scan { file, salt, buffer: Vec::new(), start: 0, end: 0, length: 0, whole_seq: 0, offset, place }
    }

    /// Goes on to the next record. Of those that count only together the first is found once the last one is there.
    pub fn advance(&mut self) -> io::Result<Found> {
        let (offset, place) = (self.offset, self.place);
        let found = self.step()?;
        if found == Found::Record && place.next_seq > self.whole_seq && self.record().is_open {
            return self.look_ahead(offset, place);
        }
        Ok(found)
    }

    /// Looks whether records that count only together are all there, and comes back to the first.
    #[cold]
    fn look_ahead(&mut self, offset: u64, place: Place) -> io::Result<Found> {
        let found = loop {
            match self.step()? {
                Found::Record if self.record().is_open => {}
                found => break found,
            }
        };
        if found == Found::Record {
            self.whole_seq = self.place.next_seq - 1;
        }
        (self.start, self.end) = (0, 0);
        (self.offset, self.place) = (offset, place);
        match found {
            Found::Record => self.step(),
            Found::End => Ok(Found::Bad(Flaw::Together)),
            Found::Bad(flaw) => Ok(Found::Bad(flaw)),
        }
    }

    fn step(&mut self) -> io::Result<Found> {
        self.fill(HEADER_BYTES)?;
        if self.start == self.end {
            return Ok(Found::End);
        }
        let length = match record::length(&self.buffer[self.start..self.end]) {
            Ok(length) => length,
            Err(flaw) => return Ok(self.bad(flaw)),
        };
        self.fill(length)?;
        if let Err(flaw) = self.check() {
            return Ok(self.bad(flaw));
        }
        let bytes = &self.buffer[self.start..self.start + length];
        let record = record::fields(bytes);
        self.place = Place { next_seq: record.seq + 1, epoch: record.epoch, chain: record::link(bytes) };
        self.start += length;
        self.offset += length as u64;
        self.length = length;
        Ok(Found::Record)
    }

    /// The record that [`Scan::advance`] found last.
    pub fn record(&self) -> Record<'_> {
        record::fields(&self.buffer[self.start - self.length..self.start])
    }

    /// Whether the bytes at the position are the next record.
    fn check(&self) -> Result<(), Flaw> {
        let (record, _) = record::parse(&self.buffer[self.start..self.end], self.salt)?;
        let place = &self.place;
        if record.seq != place.next_seq {
            return Err(Flaw::Sequence(record.seq));
        }
        if record.epoch < place.epoch {
            return Err(Flaw::Epoch(record.epoch));
        }
        if record.durable_seq >= record.seq {
            return Err(Flaw::Watermark(record.durable_seq));
        }
        if record.previous != place.chain { Err(Flaw::Chain) } else { Ok(()) }
    }

    /// Forgets what was read ahead, since the writer of a live log may be in the middle of these bytes.
    fn bad(&mut self, flaw: Flaw) -> Found {
        self.start = 0;
        self.end = 0;
        Found::Bad(flaw)
    }

    /// Makes `wanted` bytes available from the position on, or as many as the file has.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        if self.end - self.start >= wanted {
            return Ok(());
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let from = self.offset + self.end as u64;
        let left = usize::try_from(self.file.length()?.saturating_sub(from)).unwrap_or(usize::MAX);
        let room = CHUNK_BYTES.min(self.end.saturating_add(left)).max(wanted);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        self.end += self.file.read_at(from, &mut self.buffer[self.end..])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, MemoryDisk};
    use crate::record::{Stamp, begin, seal};

    const SALT: u32 = 7;
    const PLACE: Place = Place { next_seq: 5, epoch: 3, chain: [1; 16] };

    fn found(
        change: impl FnOnce(&mut Stamp, &mut Chain),
        spoil: impl FnOnce(&mut Vec<u8>),
        salt: u32,
    ) -> Found {
        let mut stamp = Stamp { seq: 5, epoch: 3, kind: 1, ts_ns: 0, durable_seq: 4 };
        let mut previous = [1; 16];
        change(&mut stamp, &mut previous);
        let mut bytes = vec![9; HEADER_BYTES + 10];
        begin(&mut bytes, &stamp);
        seal(&mut bytes, &previous, salt);
        spoil(&mut bytes);
        let disk = MemoryDisk::holding([("one".to_string(), bytes)]);
        let file = disk.open_read("one").expect("it is there");
        Scan::new(file, 0, SALT, PLACE).advance().expect("memory reads")
    }

    #[test]
    fn a_record_whose_checksum_is_right_is_bad_in_the_wrong_place() {
        let same = |_: &mut Vec<u8>| {};
        assert_eq!(found(|_, _| {}, same, SALT), Found::Record);
        assert_eq!(found(|stamp, _| stamp.epoch = 4, same, SALT), Found::Record);
        assert_eq!(found(|stamp, _| stamp.seq = 6, same, SALT), Found::Bad(Flaw::Sequence(6)));
        assert_eq!(found(|stamp, _| stamp.seq = 4, same, SALT), Found::Bad(Flaw::Sequence(4)));
        assert_eq!(found(|stamp, _| stamp.epoch = 2, same, SALT), Found::Bad(Flaw::Epoch(2)));
        assert_eq!(found(|stamp, _| stamp.durable_seq = 5, same, SALT), Found::Bad(Flaw::Watermark(5)));
        assert_eq!(found(|_, previous| *previous = [2; 16], same, SALT), Found::Bad(Flaw::Chain));
        assert_eq!(found(|_, _| {}, same, SALT + 1), Found::Bad(Flaw::Checksum));
        assert_eq!(found(|_, _| {}, |bytes| bytes.truncate(60), SALT), Found::Bad(Flaw::Short));
        assert_eq!(found(|_, _| {}, |bytes| bytes.truncate(3), SALT), Found::Bad(Flaw::Short));
        assert_eq!(found(|_, _| {}, Vec::clear, SALT), Found::End);
        for length in [0, 1, 55, 1 << 21, u32::MAX] {
            let spoil = |bytes: &mut Vec<u8>| bytes[..4].copy_from_slice(&length.to_le_bytes());
            assert_eq!(found(|_, _| {}, spoil, SALT), Found::Bad(Flaw::Length));
        }
        let reserved = |at: usize, value: u8| {
            move |bytes: &mut Vec<u8>| {
                bytes[at] = value;
                let crc = crc32c::crc32c_append(SALT, &bytes[8..]);
                bytes[4..8].copy_from_slice(&crc.to_le_bytes());
            }
        };
        for (at, value) in [(21, 2), (22, 1), (23, 1)] {
            assert_eq!(found(|_, _| {}, reserved(at, value), SALT), Found::Bad(Flaw::Reserved));
        }
        assert_eq!(found(|_, _| {}, reserved(21, 1), SALT), Found::Bad(Flaw::Together));
    }
}
