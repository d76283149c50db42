//! The index of ids: it never forgets, and its memory stays flat.

mod common;

use common::{Directory, config, key, keys_of, open, payload, write};
use dita_log::disk::MemoryDisk;
use dita_log::{Config, Disk, Key, Log, LogError, SyncPolicy};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys of the proof of size; `DITA_LOG_KEYS` sets another number.
const KEYS: u64 = 1_000_000;

/// Hashes one after the other, none of which the log has seen.
fn unknown(number: u64) -> Key {
    *blake3::hash(&(number + (1 << 40)).to_be_bytes()).as_bytes().first_chunk().expect("32 bytes")
}

fn known(number: u64) -> Key {
    *blake3::hash(&number.to_be_bytes()).as_bytes().first_chunk().expect("32 bytes")
}

fn keys_in(_kind: u8, payload: &[u8], keys: &mut Vec<Key>) {
    keys.extend(payload.chunks_exact(16).map(|key| *key.first_chunk().expect("16 bytes")));
}

#[test]
fn a_million_keys_are_found_again_and_take_little_memory() {
    let count: u64 = std::env::var("DITA_LOG_KEYS").ok().and_then(|text| text.parse().ok()).unwrap_or(KEYS);
    let directory = Directory::new();
    let config = Config { policy: SyncPolicy::Off, segment_bytes_max: 1 << 20, ..config() };
    let mut log = Log::open(directory.disk(), config.clone(), &keys_in).expect("a new log opens").0;
    let mut records = 0;
    // Ten keys a record; the second of each record was there before and must keep its first number.
    for first in (0..count).step_by(10) {
        let mut keys: Vec<Key> = (first..first + 10).map(known).collect();
        keys.push(known(first / 2));
        records += 1;
        log.append(0, records, 0, &keys, |buffer| keys.iter().for_each(|key| buffer.extend_from_slice(key)))
            .expect("the record is taken");
        if records.is_multiple_of(20_000) {
            while log.maintain().expect("it merges") {}
        }
    }
    while log.maintain().expect("it merges") {}
    let check = |log: &Log| {
        for number in (0..count).step_by(97) {
            assert_eq!(log.find(&known(number)), Ok(Some(number / 10 + 1)), "key {number}");
            assert_eq!(log.find(&unknown(number)), Ok(None), "key {number}");
        }
    };
    check(&log);
    let (files, bytes) = (log.index_files(), log.index_bytes());
    log.close().expect("it closes");
    let log = Log::open(directory.disk(), config, &keys_in).expect("it opens").0;
    check(&log);
    let bits = log.index_bytes() as u64 * 8 / count;
    println!("{count} keys: {files} index files, {bytes} bytes of memory, {bits} bits a key");
    assert_eq!((log.index_files(), log.index_bytes()), (files, bytes));
    assert!(bits <= 13 && files <= 32);
}

#[test]
fn a_missing_or_damaged_index_is_made_again_from_the_records() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 300);
    log.close().expect("it closes");
    let files = memory.files();
    let indexes: Vec<&String> = files.keys().filter(|name| name.ends_with(".idx")).collect();
    assert!(indexes.len() > 5);
    for (number, name) in indexes.iter().enumerate() {
        let mut files = files.clone();
        match number % 3 {
            0 => drop(files.remove(*name)),
            1 => files.get_mut(*name).expect("it is there").truncate(50),
            _ => *files.get_mut(*name).and_then(|bytes| bytes.last_mut()).expect("it is there") ^= 1,
        }
        let expected = if number % 3 == 0 { 0 } else { 1 };
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
        let (log, recovered) = open(&disk, config()).expect("it opens");
        assert_eq!(recovered.remarks.len(), expected, "{:?}", recovered.remarks);
        for seq in (3..=300).step_by(3) {
            assert_eq!(log.find(&key(seq).expect("every third has a key")), Ok(Some(seq)));
        }
        drop(log);
        assert!(open(&disk, config()).expect("it opens").1.remarks.is_empty(), "it was made again");
    }
}

#[test]
fn an_index_that_is_gone_with_its_records_is_refused() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("a new log opens").0;
    for _ in 0..2 {
        let seq = write(&mut log, 100);
        log.write_snapshot(seq, 0, b"state", &[0; 32]).expect("memory takes it");
    }
    let removed = log.retain(0).expect("memory removes").removed;
    log.close().expect("it closes");
    let mut files = memory.files();
    let name = files.keys().find(|name| name.ends_with(".idx")).expect("there are indexes").clone();
    files.remove(&name);
    let memory = MemoryDisk::holding(files.clone());
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let error = open(&disk, config()).map(|_| ()).expect_err("a fill could be booked twice");
    let text = format!("covers seq 1 to {}, and the records are gone", removed[0].last_seq);
    assert!(matches!(&error, LogError::Corrupt { reason, .. } if reason.contains(&text)), "{error}");
    assert_eq!(memory.files(), files);
}

#[test]
fn a_bit_flipped_in_an_index_is_seen_at_the_opening_and_the_index_is_made_again() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let config = Config { segment_bytes_max: 1 << 16, ..config() };
    let mut log = open(&disk, config.clone()).expect("a new log opens").0;
    write(&mut log, 1_500);
    log.close().expect("it closes");
    let files = memory.files();
    let name = files.keys().find(|name| name.ends_with(".idx")).expect("there is one").clone();
    for at in (0..files[&name].len()).step_by(11) {
        let mut damaged = files.clone();
        damaged.get_mut(&name).expect("it is there")[at] ^= 0x20;
        let memory = MemoryDisk::holding(damaged);
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let (log, recovered) = Log::open(disk, config.clone(), &keys_of).expect("an index stops no opening");
        assert_eq!(recovered.remarks.len(), 1, "byte {at}: {:?}", recovered.remarks);
        assert!(recovered.remarks[0].contains(&name) && recovered.remarks[0].contains("made again"));
        for seq in 1..1_500 {
            let asked = key(seq).unwrap_or_else(|| unknown(seq));
            assert_eq!(log.find(&asked), Ok(key(seq).map(|_| seq)), "byte {at}");
        }
        drop(log);
        assert!(memory.files()[&name] == files[&name], "byte {at}: it is what it was");
    }
}

#[test]
fn a_damaged_index_of_many_segments_is_made_again_and_does_not_stay() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 300);
    while log.maintain().expect("it merges") {}
    log.close().expect("it closes");
    let mut files = memory.files();
    let (name, bytes) = files.iter_mut().find(|(name, _)| name.ends_with(".idx")).expect("there are indexes");
    let (name, last_seq) = (name.clone(), name[21..41].parse::<u64>().expect("twenty digits"));
    assert!(last_seq > 100, "it was merged");
    bytes[30] ^= 1;
    let memory = MemoryDisk::holding(files);
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let (log, recovered) = open(&disk, config()).expect("it opens");
    assert_eq!(recovered.remarks.len(), 1, "{:?}", recovered.remarks);
    for seq in (3..=300).step_by(3) {
        assert_eq!(log.find(&key(seq).expect("every third has a key")), Ok(Some(seq)));
    }
    log.close().expect("it closes");
    assert!(!memory.files().contains_key(&name), "those of its segments stand for it");
    assert_eq!(open(&disk, config()).expect("it opens").1.remarks, Vec::<String>::new());
}

#[test]
fn an_index_whose_segment_was_not_sealed_after_all_is_no_index() {
    // The crash came between the index and the segment after it: the old segment goes on and will have a longer one.
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("a new log opens").0;
    write(&mut log, 60);
    log.abandon();
    let indexes =
        |memory: &MemoryDisk| memory.files().into_keys().filter(|name| name.ends_with(".idx")).count();
    let mut timeline = memory.timeline();
    let image = loop {
        assert!(timeline.advance(), "the log has rolled");
        let image = timeline.killed();
        if indexes(&image) == 1 {
            break image;
        }
    };
    let disk: Arc<dyn Disk> = Arc::new(image.clone());
    let (log, recovered) = open(&disk, config()).expect("it opens");
    assert!(log.sealed().is_empty() && log.index_files() == 0 && indexes(&image) == 0);
    for seq in (3..=recovered.last_seq).step_by(3) {
        assert_eq!(log.find(&key(seq).expect("every third has a key")), Ok(Some(seq)));
    }
}

/// A second key of every record: an owner that has begun to give them.
fn second_key(seq: u64) -> Key {
    *blake3::hash(&(seq + (1 << 50)).to_le_bytes()).as_bytes().first_chunk().expect("32 bytes")
}

fn more_keys_of(kind: u8, payload: &[u8], keys: &mut Vec<Key>) {
    keys_of(kind, payload, keys);
    keys.push(second_key(u64::from_le_bytes(
        *payload.first_chunk().expect("each payload begins with its number"),
    )));
}

#[test]
fn a_log_gets_the_keys_that_its_owner_gives_since_then_of_all_records_that_are_left() {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, config()).expect("a new log opens").0;
    let middle = write(&mut log, 150);
    while log.maintain().expect("it merges") {}
    log.write_snapshot(middle, 0, b"state", &[0; 32]).expect("memory takes it");
    let seq = write(&mut log, 100);
    log.write_snapshot(seq, 0, b"state", &[0; 32]).expect("memory takes it");
    write(&mut log, 100);
    // Of a merged file some segments go, and some stay.
    let bytes: u64 = log.sealed().iter().map(|segment| segment.bytes).sum();
    let gone = log.retain(bytes - 5_000).expect("memory removes").removed.last().expect("some").last_seq;
    assert!(gone > 20 && log.sealed()[0].first_seq < 140, "{gone}");
    log.close().expect("it closes");
    let newer = Config { keys_version: 1, ..config() };
    let check = |log: &Log| {
        for seq in 1..=350 {
            assert_eq!(log.find(&second_key(seq)), Ok((seq > gone).then_some(seq)), "seq {seq}");
            let first = key(seq).map_or(Ok(None), |key| log.find(&key));
            assert_eq!(first, Ok(key(seq).map(|_| seq)), "seq {seq}");
        }
    };
    let files = memory.files();
    let again = MemoryDisk::holding(files.clone());
    let disk: Arc<dyn Disk> = Arc::new(again.clone());
    let (log, recovered) = Log::open(disk, newer.clone(), &more_keys_of).expect("it opens");
    assert_eq!(recovered.remarks, Vec::<String>::new());
    check(&log);
    // It is killed, and opened again: nothing is left to be done.
    log.abandon();
    let indexes = |files: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
        files.clone().into_iter().filter(|(name, _)| name.ends_with(".idx")).collect()
    };
    let made = indexes(&again.files());
    assert_eq!(made.keys().collect::<Vec<_>>(), indexes(&files).keys().collect::<Vec<_>>());
    let (log, _) = Log::open(Arc::new(again.kill()), newer.clone(), &more_keys_of).expect("it opens");
    check(&log);
    log.abandon();
    assert!(indexes(&again.files()) == made);
    // Or killed on the way: the next opening comes to the same.
    let mut timeline = again.timeline();
    let mut images = 0;
    while timeline.advance() {
        let image = timeline.killed();
        let opened = Log::open(Arc::new(image.clone()), newer.clone(), &more_keys_of);
        let (log, _) = opened.expect("what a kill leaves opens");
        check(&log);
        log.abandon();
        assert_eq!(indexes(&image.files()).keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
        images += 1;
    }
    assert!(images > 30, "{images}");
}

#[test]
fn when_a_record_came_is_known_to_the_minute_once_it_is_gone() {
    const MINUTE_NS: i64 = 60_000_000_000;
    let time_ns = |seq: u64| 1_700_000_000_000_000_000 + seq as i64 * 7_000_000_000;
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let config = Config { keys_version: 1, ..config() };
    let mut log = open(&disk, config.clone()).expect("a new log opens").0;
    let append_to = |log: &mut Log, until: u64| {
        for seq in log.last_seq() + 1..=until {
            log.append(0, seq, time_ns(seq), &[], |buffer| buffer.extend_from_slice(&payload(seq)))
                .expect("taken");
        }
        log.write_snapshot(until, 0, b"state", &[0; 32]).expect("memory takes it");
    };
    append_to(&mut log, 200);
    while log.maintain().expect("it merges") {}
    append_to(&mut log, 300);
    append_to(&mut log, 310);
    let gone = log.retain(0).expect("memory removes").removed.last().expect("some").last_seq;
    assert!(gone > 200);
    let check = |log: &Log| {
        for seq in 1..=310 {
            let found = log.time_of(seq).expect("memory reads").expect("it is known");
            let expected = if seq > gone { time_ns(seq) } else { time_ns(seq) / MINUTE_NS * MINUTE_NS };
            assert_eq!(found, expected, "seq {seq}");
            assert_eq!(log.leads_to(seq), seq > 300, "seq {seq}");
        }
    };
    check(&log);
    log.close().expect("it closes");
    check(&open(&disk, config).expect("it opens").0);
}
