//! The tail rule, byte by byte.

mod common;

use common::{append, config, keys_of, open, read_all, write};
use dita_log::disk::MemoryDisk;
use dita_log::{Check, Config, Disk, HEADER_BYTES, Log, LogError, segment_name, verify};
use std::collections::BTreeMap;
use std::sync::Arc;

type Files = BTreeMap<String, Vec<u8>>;
/// What is done to the files, in words and in deed.
type Damage<'a> = (&'a str, &'a dyn Fn(&mut Files));

/// One segment of ten records that were written, of which so many are synced; and where each record begins.
fn ten(synced: u64) -> (Files, Vec<usize>) {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let large = Config { segment_bytes_max: 1 << 20, ..config() };
    let mut log = open(&disk, large).expect("a new log opens").0;
    let mut starts = vec![];
    for seq in 1..=10 {
        log.flush().expect("memory takes it");
        starts.push(memory.files()[&segment_name(1)].len());
        append(&mut log).expect("the record is taken");
        if seq <= synced {
            log.sync().expect("memory syncs");
        }
    }
    log.flush().expect("memory takes it");
    log.abandon();
    (memory.files(), starts)
}

/// Opens the files: either how many records there are and what was cut off, or the refusal.
fn opened(files: &Files) -> Result<(u64, Option<(u64, u64)>), LogError> {
    let memory = MemoryDisk::holding(files.clone());
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    match open(&disk, config()) {
        Ok((log, recovered)) => {
            assert_eq!(read_all(&log, 1).expect("what is left reads"), recovered.last_seq);
            drop(log);
            let again = open(&disk, config()).expect("what was repaired opens").1;
            assert_eq!((again.last_seq, again.torn), (recovered.last_seq, None), "one repair is enough");
            Ok((recovered.last_seq, recovered.torn.map(|torn| (torn.offset, torn.bytes))))
        }
        Err(error) => {
            assert_eq!(&memory.files(), files, "a refused log is not touched");
            Err(error)
        }
    }
}

fn segment(files: &mut Files) -> &mut Vec<u8> {
    files.get_mut(&segment_name(1)).expect("the segment is there")
}

#[test]
fn every_cut_of_an_unsynced_last_record_is_a_torn_write() {
    let (files, starts) = ten(9);
    let whole = files[&segment_name(1)].len();
    let last = *starts.last().expect("ten records");
    for length in last..=whole {
        let mut files = files.clone();
        segment(&mut files).truncate(length);
        let expected = match length - last {
            0 => (9, None),
            left if length < whole => (9, Some((last as u64, left as u64))),
            _ => (10, None),
        };
        assert_eq!(opened(&files), Ok(expected), "cut at {length}");
    }
}

#[test]
fn every_flipped_byte_of_an_unsynced_last_record_is_a_torn_write() {
    let (files, starts) = ten(9);
    let whole = files[&segment_name(1)].len();
    let last = *starts.last().expect("ten records");
    for at in last..whole {
        let mut files = files.clone();
        segment(&mut files)[at] ^= 0x10;
        let expected = (9, Some((last as u64, (whole - last) as u64)));
        assert_eq!(opened(&files), Ok(expected), "flipped at {at}");
    }
}

#[test]
fn every_cut_and_every_flipped_byte_of_what_was_synced_is_refused() {
    let (files, starts) = ten(10);
    let whole = files[&segment_name(1)].len();
    for at in 0..whole {
        let record = starts.partition_point(|start| *start <= at);
        let (seq, offset) = if record == 0 { (1, 0) } else { (record as u64, starts[record - 1] as u64) };
        let mut flipped = files.clone();
        segment(&mut flipped)[at] ^= 0x10;
        let mut cut = files.clone();
        segment(&mut cut).truncate(at);
        for (what, files) in [("flipped", flipped), ("cut", cut)] {
            match opened(&files) {
                Err(LogError::Corrupt { file, offset: found_offset, seq: found_seq, .. }) => {
                    assert_eq!((found_offset, found_seq), (offset, seq), "{what} at {at}");
                    assert!(file.ends_with(&segment_name(1)), "{file}");
                }
                // A version above ours may stand in a damaged header, and is not ours to judge.
                Err(LogError::NewerFormat { .. }) => assert!((8..12).contains(&at), "{what} at {at}"),
                other => panic!("{what} at {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn whole_records_behind_a_tear_are_cut_off_if_nothing_ever_said_that_they_were_synced() {
    // Five records in one batch that was never synced: the disk kept the later ones and lost the sixth.
    let (mut files, starts) = ten(5);
    segment(&mut files)[starts[5] + HEADER_BYTES] ^= 1;
    let whole = files[&segment_name(1)].len();
    assert_eq!(opened(&files), Ok((5, Some((starts[5] as u64, (whole - starts[5]) as u64)))));
}

#[test]
fn a_damaged_record_is_refused_on_the_word_of_a_later_one_alone() {
    // No mark: it was not yet on the disk when the power went. The watermarks in the records remain.
    let (mut files, starts) = ten(8);
    files.remove("durable.mark").expect("there is a mark");
    for (seq, refused) in [(3, true), (7, true), (9, false), (10, false)] {
        let mut files = files.clone();
        segment(&mut files)[starts[seq - 1] + HEADER_BYTES] ^= 1;
        match opened(&files) {
            Err(LogError::Corrupt { offset, seq: found, .. }) => {
                assert!(refused && (found, offset) == (seq as u64, starts[seq - 1] as u64), "seq {seq}");
            }
            Ok((last_seq, torn)) => {
                assert!(!refused && last_seq == seq as u64 - 1 && torn.is_some(), "seq {seq}")
            }
            Err(error) => panic!("seq {seq}: {error}"),
        }
    }
}

#[test]
fn a_copy_of_records_inside_a_torn_payload_is_not_taken_for_records() {
    let (other, _) = ten(10);
    let (mut files, _) = ten(10);
    let memory = MemoryDisk::holding(files.clone());
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("it opens").0;
    // The payload is a log: of this very kernel, with sequence numbers that would fit, from another segment.
    let other_name = segment_name(1);
    let elsewhere = MemoryDisk::new();
    let first = Config { first_seq: 11, segment_bytes_max: 1 << 20, ..config() };
    let other_disk: Arc<dyn Disk> = Arc::new(elsewhere.clone());
    let mut copied = Log::open(other_disk, first, &keys_of).expect("a new log opens").0;
    // Each synced by itself: their watermarks cover the record that will be torn.
    for _ in 0..12 {
        write(&mut copied, 1);
    }
    copied.close().expect("it closes");
    let mut bytes = other[&other_name].clone();
    bytes.extend_from_slice(&elsewhere.files()[&segment_name(11)]);
    let before = memory.files()[&segment_name(1)].len();
    let encode = |buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(&11_u64.to_le_bytes());
        buffer.extend_from_slice(&bytes);
    };
    log.append(1, 11, 0, &[], encode).expect("the record is taken");
    log.flush().expect("memory takes it");
    log.abandon();
    files = memory.files();
    segment(&mut files)[before + HEADER_BYTES] ^= 1;
    let (last_seq, torn) = opened(&files).expect("a torn write is no reason to refuse");
    assert_eq!((last_seq, torn.map(|torn| torn.0)), (10, Some(before as u64)));
}

#[test]
fn a_crash_during_recovery_changes_nothing_about_it() {
    let (mut files, starts) = ten(5);
    segment(&mut files)[starts[5] + HEADER_BYTES] ^= 1;
    let memory = MemoryDisk::holding(files);
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    open(&disk, config()).expect("it opens").0.abandon();
    let mut timeline = memory.timeline();
    let mut boundaries = 0;
    loop {
        let image: Arc<dyn Disk> = Arc::new(timeline.killed());
        assert_eq!(open(&image, config()).expect("it opens").1.last_seq, 5);
        boundaries += 1;
        if !timeline.advance() {
            break;
        }
    }
    assert!(boundaries > 4, "recovery truncates, syncs and marks");
}

#[test]
fn a_hole_a_missing_segment_and_a_broken_chain_are_refused() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 120);
    let segments: Vec<u64> = log.sealed().iter().map(|segment| segment.first_seq).collect();
    let active =
        segments.last().map(|_| log.sealed().last().expect("sealed").last_seq + 1).expect("it has rolled");
    log.close().expect("it closes");
    let files = memory.files();
    let first_of_three = segments[2];
    let cases: [Damage<'_>; 5] = [
        ("a sealed segment is gone    ", &|files| drop(files.remove(&segment_name(first_of_three)))),
        ("the last segment is gone    ", &|files| drop(files.remove(&segment_name(active)))),
        ("a sealed one is cut short   ", &|files| {
            let bytes = files.get_mut(&segment_name(first_of_three)).expect("it is there");
            bytes.truncate(bytes.len() - 1);
        }),
        ("two segments change places  ", &|files| {
            let (one, two) = (segment_name(segments[1]), segment_name(first_of_three));
            let bytes = files[&one].clone();
            let other = files.insert(two, bytes).expect("it is there");
            files.insert(one, other);
        }),
        ("everything but the mark goes", &|files| files.retain(|name, _| name == "durable.mark")),
    ];
    for (what, damage) in cases {
        let mut files = files.clone();
        damage(&mut files);
        let memory = MemoryDisk::holding(files.clone());
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let error = open(&disk, Config { check: Check::All, ..config() }).map(|_| ()).expect_err(what);
        assert!(matches!(error, LogError::Corrupt { .. }), "{what}: {error}");
        assert_eq!(memory.files(), files, "{what}: the files were touched");
        if !files.keys().any(|name| name.ends_with(".seg")) {
            continue;
        }
        verify(&disk, None, &mut |_, _| {}).expect_err("verification sees it too");
    }
}

#[test]
fn a_hole_far_below_the_snapshot_is_refused_though_nothing_there_is_read() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 120);
    log.write_snapshot(120, 0, b"state", &[0; 32]).expect("memory takes it");
    let third = log.sealed()[2].clone();
    log.close().expect("it closes");
    let mut files = memory.files();
    files.remove(&third.name).expect("it is there");
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
    let from_snapshot = Config { check: Check::FromSnapshot, ..config() };
    let error = open(&disk, from_snapshot).map(|_| ()).expect_err("a segment is missing");
    let LogError::Corrupt { seq, reason, .. } = &error else { panic!("{error}") };
    assert!(*seq == third.first_seq && reason.contains("a hole"), "{error}");
}

#[test]
fn a_sealed_segment_cut_between_two_records_is_a_hole() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 60);
    let first = log.sealed()[0].clone();
    log.close().expect("it closes");
    let mut files = memory.files();
    let last = HEADER_BYTES + common::payload(first.last_seq).len();
    segment(&mut files).truncate(first.bytes as usize - last);
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
    let error = open(&disk, config()).map(|_| ()).expect_err("a record is missing");
    let LogError::Corrupt { seq, reason, .. } = &error else { panic!("{error}") };
    assert!(*seq == first.last_seq && reason.contains("a hole"), "{error}");
}

#[test]
fn a_segment_of_another_history_is_refused_by_its_chain_alone() {
    // Two logs of one kernel, alike in everything but one bit of one early payload.
    let history = |bit: u8| {
        let memory = MemoryDisk::new();
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let mut log = open(&disk, config()).expect("a new log opens").0;
        for seq in 1..=60 {
            let mut payload = common::payload(seq);
            payload[20] ^= if seq == 2 { bit } else { 0 };
            log.append(0, seq, 0, &[], |buffer| buffer.extend_from_slice(&payload))
                .expect("the record is taken");
        }
        let second = log.sealed()[1].clone();
        log.close().expect("it closes");
        (memory.files(), second)
    };
    let ((mut files, second), (others, _)) = (history(0), history(1));
    files.insert(second.name.clone(), others[&second.name].clone());
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files.clone()));
    let error = open(&disk, config()).map(|_| ()).expect_err("it is another history");
    let LogError::Corrupt { seq, reason, .. } = &error else { panic!("{error}") };
    assert!(*seq == second.first_seq && reason.contains("the chain is broken"), "{error}");
    // With a header that fits, the first record gives it away.
    let (header, others) = (files[&segment_name(1)].clone(), others[&segment_name(1)].clone());
    let start = header.len().min(96 + common::IDENTITY.len());
    files = history(0).0;
    let mut mixed = header[..start].to_vec();
    let first = u32::from_le_bytes(*others[start..].first_chunk().expect("a length")) as usize;
    mixed.extend_from_slice(&header[start..start + first]);
    let second = u32::from_le_bytes(*others[start + first..].first_chunk().expect("a length")) as usize;
    mixed.extend_from_slice(&others[start + first..start + first + second]);
    mixed.extend_from_slice(&header[start + first + second..]);
    files.insert(segment_name(1), mixed);
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
    let error = open(&disk, config()).map(|_| ()).expect_err("the third does not follow the second");
    let LogError::Corrupt { seq: 3, reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("the chain is broken"), "{error}");
}
