//! Records that count only together: a process that is killed in the midst of writing them leaves nothing of them.

mod common;

use common::{append, config, key, open, read_all, write};
use dita_log::disk::MemoryDisk;
use dita_log::{Config, Disk, Log, LogError, Reader, Span, segment_name, verify};
use std::collections::BTreeMap;
use std::sync::Arc;

type Files = BTreeMap<String, Vec<u8>>;

/// A log as it is, and where its only segment ends.
struct Written {
    memory: MemoryDisk,
    disk: Arc<dyn Disk>,
    log: Log,
}

impl Written {
    fn new() -> Written {
        let memory = MemoryDisk::new();
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let log = open(&disk, Config { segment_bytes_max: 1 << 20, ..config() }).expect("a new log opens").0;
        Written { memory, disk, log }
    }

    fn bytes(&self) -> usize {
        self.memory.files()[&segment_name(1)].len()
    }

    fn together(&mut self, records: usize) {
        self.log.keep_together(true);
        for _ in 0..records {
            append(&mut self.log).expect("the record is taken");
        }
        self.log.keep_together(false);
        self.log.flush().expect("memory takes it");
    }
}

/// The last record that an opening finds in the first `bytes` of the segment, and whether something was cut off. A reader
/// that looks before finds the same.
fn found(files: &Files, bytes: usize) -> (u64, bool) {
    let mut files = files.clone();
    files.get_mut(&segment_name(1)).expect("the segment is there").truncate(bytes);
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
    let mut reader = Reader::open(disk.clone(), None, 1, Span::Written).expect("the log is there");
    let mut read = 0;
    while let Some(record) = reader.next().expect("nothing is damaged") {
        read = record.seq;
    }
    let report = verify(&disk, None, &mut |_, _| {}).expect("nothing is damaged");
    assert_eq!(report.seq_range.map_or(0, |(_, last)| last), read);
    let (mut log, recovered) = open(&disk, config()).expect("a torn end is repaired");
    assert_eq!((read_all(&log, 1).expect("what is left reads"), recovered.last_seq), (read, read));
    // What was cut off is not remembered either, and what comes now has its place.
    for gone in read + 1..read + 10 {
        if let Some(key) = key(gone) {
            assert_eq!(log.find(&key).expect("memory reads"), None);
        }
    }
    assert_eq!(append(&mut log).expect("the record is taken"), read + 1);
    log.flush().expect("memory takes it");
    assert_eq!(read_all(&log, 1).expect("it reads"), read + 1);
    (read, recovered.torn.is_some())
}

#[test]
fn of_records_that_count_only_together_every_cut_leaves_none() {
    let mut written = Written::new();
    write(&mut written.log, 3);
    written.log.flush().expect("memory takes it");
    let from = written.bytes();
    written.together(4);
    let to = written.bytes();
    let files = written.memory.files();
    assert_eq!(found(&files, from), (3, false));
    for bytes in from + 1..to {
        assert_eq!(found(&files, bytes), (3, true), "cut at {bytes} of {from} to {to}");
    }
    assert_eq!(found(&files, to), (7, false));
}

#[test]
fn a_record_alone_and_the_one_behind_them_count_by_themselves() {
    let mut written = Written::new();
    written.together(1);
    let one = written.bytes();
    written.together(2);
    let three = written.bytes();
    append(&mut written.log).expect("the record is taken");
    written.log.flush().expect("memory takes it");
    let files = written.memory.files();
    assert_eq!(found(&files, one), (1, false));
    assert_eq!(found(&files, three - 1), (1, true));
    assert_eq!(found(&files, three), (3, false));
    assert_eq!(found(&files, written.bytes() - 1), (3, true));
    assert_eq!(found(&files, written.bytes()), (4, false));
}

#[test]
fn what_had_to_leave_on_the_way_stays_whatever_becomes_of_the_rest() {
    let mut written = Written::new();
    written.log.keep_together(true);
    append(&mut written.log).expect("the record is taken");
    append(&mut written.log).expect("the record is taken");
    written.log.sync().expect("memory syncs");
    let left = written.bytes();
    append(&mut written.log).expect("the record is taken");
    append(&mut written.log).expect("the record is taken");
    written.log.keep_together(false);
    written.log.flush().expect("memory takes it");
    let files = written.memory.files();
    assert_eq!(found(&files, left), (2, false));
    for bytes in left + 1..written.bytes() {
        assert_eq!(found(&files, bytes), (2, true));
    }
    assert_eq!(found(&files, written.bytes()), (4, false));
}

#[test]
fn a_reader_behind_a_live_writer_waits_for_the_last_of_them() {
    let mut written = Written::new();
    write(&mut written.log, 2);
    written.log.flush().expect("memory takes it");
    let from = written.bytes();
    written.together(3);
    let whole = written.memory.files()[&segment_name(1)].clone();
    let file = written.disk.open_write(&segment_name(1)).expect("it is there");
    file.truncate(whole.len() as u64 - 1).expect("memory cuts");
    let mut reader = Reader::open(written.disk.clone(), None, 1, Span::Written).expect("the log is there");
    let read = |reader: &mut Reader| -> Result<Vec<u64>, LogError> {
        let mut seqs = Vec::new();
        while let Some(record) = reader.next()? {
            seqs.push(record.seq);
        }
        Ok(seqs)
    };
    assert_eq!(read(&mut reader).expect("nothing is damaged"), [1, 2]);
    assert_eq!(read(&mut reader).expect("nothing is damaged"), []);
    file.write_at(from as u64, &whole[from..]).expect("memory takes it");
    assert_eq!(read(&mut reader).expect("nothing is damaged"), [3, 4, 5]);
}

#[test]
fn a_part_of_them_that_was_synced_is_damage() {
    let mut written = Written::new();
    write(&mut written.log, 2);
    written.together(3);
    written.log.sync().expect("memory syncs");
    let mut files = written.memory.files();
    let bytes = written.bytes();
    files.get_mut(&segment_name(1)).expect("it is there").truncate(bytes - 1);
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
    assert!(matches!(open(&disk, config()), Err(LogError::Corrupt { seq: 3, .. })));
}
