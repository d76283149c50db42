//! Looks through a whole log and changes nothing: what is there, what is valid, where it ends and why.

use crate::config::SEGMENT_BYTES_MAX;
use crate::directory::Files;
use crate::disk::{Disk, DiskFile};
use crate::error::LogError;
use crate::mark::{MARK_NAME, Mark};
use crate::opened::{Opened, open_segment};
use crate::record::{Flaw, RECORD_BYTES_MAX, Record};
use crate::scan::{Found, Place, Scan};
use crate::segment::{Identity, salt, segment_name};
use crate::snapshot::Snapshot;
use crate::tail;
use std::sync::Arc;

/// How much of a log is read when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// What recovery needs: from the newest usable snapshot on. Of older segments only the headers.
    #[default]
    FromSnapshot,
    /// Every record.
    All,
}

/// A segment as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The file's name.
    pub name: String,
    /// The first sequence number that it has or will have.
    pub first_seq: u64,
    /// The first sequence number of the segment before it; 0 in a log's first.
    pub previous_seq: u64,
    /// The last sequence number in it; one less than the first if it has no records.
    pub last_seq: u64,
    /// Its valid bytes, header included.
    pub bytes: u64,
    /// The rules under which it was begun.
    pub rules_version: u32,
}

/// A write that a crash tore: bytes at the end of the log that were never acknowledged as synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment's file.
    pub file: String,
    /// Where the valid bytes end.
    pub offset: u64,
    /// The sequence number that the torn record had, or would have had.
    pub seq: u64,
    /// How many bytes are of no use from there.
    pub bytes: u64,
    /// How many whole records stand behind the first bad one; they were never acknowledged either.
    pub records_behind: u64,
    /// What is wrong with the first bad record.
    pub reason: String,
}

/// What a survey tells its caller as it goes.
pub(crate) enum Visit<'a> {
    /// The records of another segment follow.
    Segment,
    Record(&'a Record<'a>),
    /// So many bytes of the log are read.
    Progress(u64),
}

/// Everything a survey finds.
pub(crate) struct Survey {
    pub files: Files,
    pub mark: Option<Mark>,
    pub segments: Vec<SegmentInfo>,
    pub snapshot: Option<Snapshot>,
    pub snapshots_usable: Vec<u64>,
    pub remarks: Vec<String>,
    pub torn: Option<TornTail>,
    pub end: Place,
    /// Everything up to here was once acknowledged as synced.
    pub durable_seq: u64,
    pub epoch_max: u32,
}

pub(crate) struct Surveyor<'a> {
    pub disk: &'a dyn Disk,
    pub identity: &'a Identity,
    pub first_seq: u64,
    pub check: Check,
    pub snapshots: usize,
}

impl Surveyor<'_> {
    fn failed(&self, name: &str, doing: &'static str, error: &std::io::Error) -> LogError {
        LogError::io(self.disk.path(name), doing, error)
    }

    fn corrupt(&self, name: &str, offset: u64, seq: u64, reason: impl Into<String>) -> LogError {
        LogError::Corrupt { file: self.disk.path(name), offset, seq, reason: reason.into() }
    }

    /// Reads the log. The mark is read before anything else: with a live log the segments may then only say more.
    pub fn run(&self, visit: &mut dyn FnMut(Visit<'_>)) -> Result<Survey, LogError> {
        let mark = Mark::read(self.disk, self.identity.hash())
            .map_err(|error| self.failed(MARK_NAME, "read", &error))?;
        let files = Files::list(self.disk)?;
        let mut survey = Survey {
            mark,
            segments: Vec::with_capacity(files.segments.len()),
            files,
            snapshot: None,
            snapshots_usable: Vec::new(),
            remarks: Vec::new(),
            torn: None,
            end: Place { next_seq: self.first_seq, epoch: 0, chain: self.identity.genesis() },
            durable_seq: mark.map_or(0, |mark| mark.durable_seq),
            epoch_max: mark.map_or(0, |mark| mark.epoch),
        };
        self.snapshots(&mut survey)?;
        let headers = self.headers(&survey)?;
        self.segments(&mut survey, &headers, visit)?;
        self.reach(&survey)?;
        self.remark_on_mark(&mut survey);
        Ok(survey)
    }

    /// Without the mark one witness of what was synced is gone, and a person should know. A log whose first opening
    /// did not come to its end never had one; it has no records either.
    fn remark_on_mark(&self, survey: &mut Survey) {
        if survey.mark.is_none() && survey.end.next_seq > self.first_seq {
            let file = self.disk.path(MARK_NAME);
            survey.remarks.push(format!(
                "{file}: missing or damaged: up to where the log was synced is known from its other files alone; an \
                 opening for writing makes it again, and should the end of the log have gone with it, restore a copy"
            ));
        }
    }

    /// The newest usable snapshots, and a remark on each damaged one on the way.
    fn snapshots(&self, survey: &mut Survey) -> Result<(), LogError> {
        // An index is written only of what was synced.
        let indexed = survey.files.indexes.iter().map(|(_, last_seq)| *last_seq).max();
        survey.durable_seq = survey.durable_seq.max(indexed.unwrap_or(0));
        for &seq in survey.files.snapshots.iter().rev() {
            if survey.snapshots_usable.len() >= self.snapshots.max(1) {
                break;
            }
            match Snapshot::read(self.disk, self.identity, seq)? {
                Ok(snapshot) => {
                    survey.durable_seq = survey.durable_seq.max(seq);
                    survey.epoch_max = survey.epoch_max.max(snapshot.epoch);
                    survey.snapshots_usable.push(seq);
                    survey.snapshot.get_or_insert(snapshot);
                }
                Err(reason) => {
                    let file = self.disk.path(&crate::directory::snapshot_name(seq));
                    survey.remarks.push(format!("{file}: damaged, passed over: {reason}"));
                }
            }
        }
        Ok(())
    }

    /// Every segment's header. A segment gets its name only when its header is synced, so a bad one is damage.
    fn headers(&self, survey: &Survey) -> Result<Vec<Opened>, LogError> {
        let open = |first_seq: &u64| open_segment(self.disk, self.identity, *first_seq);
        survey.files.segments.iter().map(open).collect()
    }

    fn rest(&self, name: &str, file: &Arc<dyn DiskFile>, offset: u64, seq: u64) -> Result<Vec<u8>, LogError> {
        let length = file.length().map_err(|error| self.failed(name, "read", &error))?;
        let left = length.saturating_sub(offset);
        if left > SEGMENT_BYTES_MAX + RECORD_BYTES_MAX as u64 {
            let reason = format!("{left} bytes follow, more than a segment can have");
            return Err(self.corrupt(name, offset, seq, reason));
        }
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let mut bytes = vec![0; left];
        let read = file.read_at(offset, &mut bytes).map_err(|error| self.failed(name, "read", &error))?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn segments(
        &self,
        survey: &mut Survey,
        headers: &[Opened],
        visit: &mut dyn FnMut(Visit<'_>),
    ) -> Result<(), LogError> {
        let mut expected: Option<Place> = None;
        for (index, opened) in headers.iter().enumerate() {
            let header = &opened.header;
            survey.epoch_max = survey.epoch_max.max(header.epoch);
            let before = index.checked_sub(1).map(|index| headers[index].header.first_seq);
            if before.is_some_and(|before| before != header.previous_seq) {
                let reason =
                    format!("the segment before it, of seq {}, is missing: a hole", header.previous_seq);
                return Err(self.corrupt(&opened.name, 0, header.previous_seq, reason));
            }
            // A header proves that everything before it was synced.
            survey.durable_seq = survey.durable_seq.max(header.first_seq.saturating_sub(1));
            let start = self.start(survey, opened, expected)?;
            visit(Visit::Segment);
            let sealed = headers.get(index + 1).map(|next| next.header.first_seq);
            expected = match sealed {
                Some(next_seq) if self.may_skip(survey, next_seq) => {
                    let length =
                        opened.file.length().map_err(|error| self.failed(&opened.name, "read", &error))?;
                    survey.segments.push(opened.info(next_seq - 1, length));
                    survey.end = Place { next_seq, ..start };
                    None
                }
                sealed => {
                    survey.end = self.records(survey, opened, sealed.is_some(), visit)?;
                    Some(survey.end)
                }
            };
            if let Some(next_seq) = sealed.filter(|next_seq| *next_seq != survey.end.next_seq) {
                let name = segment_name(next_seq);
                let reason = format!("the segment before it ends at seq {}: a hole", survey.end.next_seq - 1);
                return Err(self.corrupt(&name, 0, survey.end.next_seq, reason));
            }
        }
        Ok(())
    }

    /// Where a segment's records begin: what its header says, which has to agree with the segment before.
    fn start(&self, survey: &Survey, opened: &Opened, expected: Option<Place>) -> Result<Place, LogError> {
        let header = &opened.header;
        let start = Place { next_seq: header.first_seq, epoch: header.epoch, chain: header.chain };
        let first = header.first_seq == self.first_seq;
        let snapshot = survey.snapshot.as_ref().filter(|snapshot| snapshot.seq + 1 == header.first_seq);
        let chain = expected.map(|place| place.chain).or_else(|| first.then(|| self.identity.genesis()));
        let chain = chain.or_else(|| snapshot.map(|snapshot| snapshot.chain));
        if chain.is_some_and(|chain| chain != header.chain) {
            return Err(self.corrupt(&opened.name, 0, header.first_seq, Flaw::Chain.to_string()));
        }
        if expected.is_some_and(|place| header.epoch < place.epoch) {
            return Err(self.corrupt(
                &opened.name,
                0,
                header.first_seq,
                Flaw::Epoch(header.epoch).to_string(),
            ));
        }
        Ok(start)
    }

    fn may_skip(&self, survey: &Survey, next_seq: u64) -> bool {
        let covered = survey.snapshot.as_ref().is_some_and(|snapshot| next_seq <= snapshot.seq);
        self.check == Check::FromSnapshot && covered
    }

    /// Reads one segment's records; gives the place behind the last valid one.
    fn records(
        &self,
        survey: &mut Survey,
        opened: &Opened,
        sealed: bool,
        visit: &mut dyn FnMut(Visit<'_>),
    ) -> Result<Place, LogError> {
        let mut scan = opened.scan();
        let before: u64 = survey.segments.iter().map(|segment| segment.bytes).sum();
        let flaw = loop {
            match scan.advance().map_err(|error| self.failed(&opened.name, "read", &error))? {
                Found::Record => {
                    visit(Visit::Record(&scan.record()));
                    self.agrees(survey, opened, &scan)?;
                    visit(Visit::Progress(before + scan.offset));
                }
                Found::End => break None,
                Found::Bad(flaw) => break Some(flaw),
            }
        };
        survey.epoch_max = survey.epoch_max.max(scan.place.epoch);
        survey.segments.push(opened.info(scan.place.next_seq - 1, scan.offset));
        let Some(flaw) = flaw else { return Ok(scan.place) };
        if sealed {
            return Err(self.corrupt(&opened.name, scan.offset, scan.place.next_seq, flaw.to_string()));
        }
        survey.torn = Some(self.torn(survey.durable_seq, opened, &scan, flaw)?);
        Ok(scan.place)
    }

    /// The snapshot was taken of this log: its chain is the record's.
    fn agrees(&self, survey: &Survey, opened: &Opened, scan: &Scan) -> Result<(), LogError> {
        let Place { next_seq, chain, .. } = scan.place;
        match &survey.snapshot {
            Some(snapshot) if snapshot.seq + 1 == next_seq && snapshot.chain != chain => {
                let reason = "the snapshot of this seq carries another record's hash";
                Err(self.corrupt(&opened.name, scan.offset, snapshot.seq, reason))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The tail rule, for a bad record in the last segment.
    fn torn(&self, durable_seq: u64, opened: &Opened, scan: &Scan, flaw: Flaw) -> Result<TornTail, LogError> {
        let seq = scan.place.next_seq;
        let bytes = self.rest(&opened.name, &opened.file, scan.offset, seq)?;
        let salt = salt(self.identity.hash(), opened.header.first_seq);
        let Some(behind) = tail::search(&bytes, salt, seq, scan.place.epoch) else {
            let reason = format!("{flaw}, and what follows looks like too many records to tell what it is");
            return Err(self.corrupt(&opened.name, scan.offset, seq, reason));
        };
        let durable_seq = durable_seq.max(behind.durable_seq);
        if seq <= durable_seq {
            let reason = format!("{flaw}, though everything up to seq {durable_seq} was synced");
            return Err(self.corrupt(&opened.name, scan.offset, seq, reason));
        }
        Ok(TornTail {
            file: self.disk.path(&opened.name),
            offset: scan.offset,
            seq,
            bytes: bytes.len() as u64,
            records_behind: behind.records,
            reason: flaw.to_string(),
        })
    }

    /// Whether the log reaches from where recovery starts to what was acknowledged.
    fn reach(&self, survey: &Survey) -> Result<(), LogError> {
        let next_seq = survey.end.next_seq;
        if survey.durable_seq >= next_seq {
            let (name, offset) =
                survey.segments.last().map_or((String::new(), 0), |s| (s.name.clone(), s.bytes));
            let reason =
                format!("the log ends here, though everything up to seq {} was synced", survey.durable_seq);
            return Err(self.corrupt(&name, offset, next_seq, reason));
        }
        let begins = survey.segments.first().map_or(self.first_seq, |segment| segment.first_seq);
        let bridged = survey.snapshot.as_ref().is_some_and(|snapshot| snapshot.seq + 1 >= begins);
        if begins > self.first_seq && !bridged {
            return Err(LogError::NoSnapshot { file: self.disk.path(""), first_seq: begins });
        }
        Ok(())
    }
}
