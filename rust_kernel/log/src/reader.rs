//! Reads a log without the lock: from a directory that nobody may write, or behind a live writer.

use crate::directory::Files;
use crate::disk::Disk;
use crate::error::LogError;
use crate::mark::{MARK_NAME, Mark};
use crate::opened::{open_segment, owner};
use crate::record::{Chain, Flaw, Record};
use crate::scan::{Found, Scan};
use crate::segment::{Identity, segment_name};
use crate::writer::Log;
use std::sync::Arc;

/// How far a reader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// To what is known as synced: no power loss takes back what this reader has given out.
    Durable,
    /// To the last whole record that is written.
    Written,
}

/// How far a reader has come, in bytes of the segments that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Read so far.
    pub bytes_done: u64,
    /// There when last looked.
    pub bytes_all: u64,
}

/// Gives a log's records in order, each verified: checksum, sequence, epoch, chain.
pub struct Reader {
    disk: Arc<dyn Disk>,
    identity: Identity,
    span: Span,
    from_seq: u64,
    scan: Scan,
    name: String,
    durable_seq: u64,
    /// Bytes of the segments before the one that is read.
    bytes_before: u64,
    bytes_all: u64,
}

impl Reader {
    /// A reader that begins with the record `from_seq`, or with the log's first if that is later and nothing was
    /// removed. `identity` is whose log it must be; `None` takes any.
    pub fn open(
        disk: Arc<dyn Disk>,
        identity: Option<&[u8]>,
        from_seq: u64,
        span: Span,
    ) -> Result<Reader, LogError> {
        let (identity, log_first_seq) = match identity {
            Some(bytes) => (Identity::new(bytes)?, owner(disk.as_ref())?.1),
            None => owner(disk.as_ref())?,
        };
        let segments = Files::list(disk.as_ref())?.segments;
        let first_seq = segments.first().copied().unwrap_or(log_first_seq);
        let from_seq = from_seq.max(log_first_seq);
        let within = segments.partition_point(|segment| *segment <= from_seq);
        let Some(start) = within.checked_sub(1).map(|index| segments[index]) else {
            return Err(LogError::Removed { file: disk.path(""), seq: from_seq, first_seq });
        };
        let opened = open_segment(disk.as_ref(), &identity, start)?;
        let bytes_all = segments[within - 1..].iter().map(|segment| bytes_of(disk.as_ref(), *segment)).sum();
        let (scan, name) = (opened.scan(), opened.name);
        Ok(Reader { disk, identity, span, from_seq, scan, name, durable_seq: 0, bytes_before: 0, bytes_all })
    }

    /// Whose log it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The sequence number that comes next.
    pub fn next_seq(&self) -> u64 {
        self.scan.place.next_seq.max(self.from_seq)
    }

    /// The hash of the last record that was read: the chain's own of it.
    pub fn chain(&self) -> Chain {
        self.scan.place.chain
    }

    /// How far the reader has come.
    pub fn state(&self) -> State {
        let bytes_done = self.bytes_before + self.scan.offset;
        State { bytes_done, bytes_all: self.bytes_all.max(bytes_done) }
    }

    /// The next record; `None` at the end. Behind a live writer more may come: ask again later.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, LogError> {
        loop {
            if self.span == Span::Durable && !self.is_durable()? {
                return Ok(None);
            }
            if !self.advance()? {
                return Ok(None);
            }
            if self.scan.place.next_seq > self.from_seq {
                break;
            }
        }
        Ok(Some(self.scan.record()))
    }

    fn is_durable(&mut self) -> Result<bool, LogError> {
        let next_seq = self.scan.place.next_seq;
        if self.durable_seq < next_seq {
            self.durable_seq = self.read_mark()?;
        }
        Ok(self.durable_seq >= next_seq)
    }

    fn read_mark(&self) -> Result<u64, LogError> {
        let mark = Mark::read(self.disk.as_ref(), self.identity.hash());
        let mark = mark.map_err(|error| LogError::io(self.disk.path(MARK_NAME), "read", &error))?;
        Ok(mark.map_or(0, |mark| mark.durable_seq))
    }

    /// Goes to the next record, over the segments' ends; whether there is one.
    fn advance(&mut self) -> Result<bool, LogError> {
        loop {
            if self.scan()? == Found::Record {
                return Ok(true);
            }
            // A live writer goes on meanwhile: what it says now, it had written before, so one more look settles it.
            let durable_seq = self.read_mark()?;
            let segments = Files::list(self.disk.as_ref())?.segments;
            let found = self.scan()?;
            let next_seq = self.scan.place.next_seq;
            let later = segments
                .iter()
                .copied()
                .find(|first| *first >= next_seq && segment_name(*first) != self.name);
            match (found, later) {
                (Found::Record, Some(_) | None) => return Ok(true),
                (Found::End, Some(segment)) if segment == next_seq => self.enter(segment)?,
                (Found::End, Some(segment)) => {
                    let reason =
                        format!("the segment ends here, and the next one begins at seq {segment}: a hole");
                    return Err(self.corrupt(reason));
                }
                (Found::Bad(flaw), Some(_)) => return Err(self.corrupt(flaw.to_string())),
                (Found::End | Found::Bad(_), None) => return self.ended(found, durable_seq),
            }
        }
    }

    fn scan(&mut self) -> Result<Found, LogError> {
        self.scan.advance().map_err(|error| LogError::io(self.disk.path(&self.name), "read", &error))
    }

    fn enter(&mut self, segment: u64) -> Result<(), LogError> {
        let opened = open_segment(self.disk.as_ref(), &self.identity, segment)?;
        if opened.header.chain != self.scan.place.chain {
            let (file, seq) = (self.disk.path(&opened.name), segment);
            return Err(LogError::Corrupt { file, offset: 0, seq, reason: Flaw::Chain.to_string() });
        }
        self.bytes_before += self.scan.offset;
        self.bytes_all = self.bytes_all.max(self.bytes_before + bytes_of(self.disk.as_ref(), segment));
        self.scan = opened.scan();
        self.name = opened.name;
        Ok(())
    }

    /// The end of the last segment: of what was synced, nothing may be missing.
    fn ended(&self, found: Found, durable_seq: u64) -> Result<bool, LogError> {
        let seq = self.scan.place.next_seq;
        if seq > durable_seq {
            return Ok(false);
        }
        let reason = match found {
            Found::Bad(flaw) => flaw.to_string(),
            Found::End | Found::Record => "the log ends here".to_string(),
        };
        Err(self.corrupt(format!("{reason}, though everything up to seq {durable_seq} was synced")))
    }

    fn corrupt(&self, reason: String) -> LogError {
        let (file, seq) = (self.disk.path(&self.name), self.scan.place.next_seq);
        LogError::Corrupt { file, offset: self.scan.offset, seq, reason }
    }
}

/// A file's length for the progress only: one that was just removed counts nothing.
fn bytes_of(disk: &dyn Disk, segment: u64) -> u64 {
    disk.open_read(&segment_name(segment)).and_then(|file| file.length()).unwrap_or(0)
}

impl Log {
    /// Where its files are: for readers that go by themselves.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// A reader of this log from `from_seq` on. It sees what is flushed.
    pub fn reader(&self, from_seq: u64) -> Result<Reader, LogError> {
        Reader::open(self.disk.clone(), Some(self.identity.bytes()), from_seq, Span::Written)
    }
}
