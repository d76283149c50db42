//! Followers' cursors: written whole, told apart, and read by retention.

mod common;

use common::{config, open, write};
use dita_log::disk::MemoryDisk;
use dita_log::{Config, Cursor, Disk, LogError, followers, slowest};
use std::sync::Arc;

fn log_of(identity: &[u8]) -> (MemoryDisk, Arc<dyn Disk>) {
    let memory = MemoryDisk::new();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let mut log = open(&disk, Config { identity: identity.to_vec(), ..config() }).expect("a new log opens").0;
    write(&mut log, 3);
    log.close().expect("it closes");
    (memory, disk)
}

fn at(seq: u64) -> Cursor {
    Cursor { seq, time_ns: -5, pending: Some(seq + 7), target: "clickhouse 0f1e at /a b".to_string() }
}

#[test]
fn a_cursor_is_read_as_it_was_written() {
    let (_, disk) = log_of(b"one");
    assert_eq!(Cursor::read(disk.as_ref(), "journal"), Ok(None));
    for cursor in [at(2), Cursor { pending: None, ..at(3) }, Cursor::default()] {
        cursor.write(disk.as_ref(), "journal").expect("memory takes it");
        assert_eq!(Cursor::read(disk.as_ref(), "journal"), Ok(Some(cursor)));
    }
}

#[test]
fn every_damaged_byte_is_found() {
    let (memory, disk) = log_of(b"one");
    at(1234).write(disk.as_ref(), "journal").expect("memory takes it");
    let files = memory.files();
    let whole = &files["journal.cursor"];
    for place in 0..whole.len() {
        for cut in [false, true] {
            let mut files = files.clone();
            let bytes = files.get_mut("journal.cursor").expect("it is there");
            if cut {
                bytes.truncate(place)
            } else {
                bytes[place] ^= 1
            }
            let disk = MemoryDisk::holding(files);
            let read = Cursor::read(&disk, "journal");
            assert!(matches!(read, Err(LogError::Cursor { .. })), "byte {place}, cut {cut}: {read:?}");
            assert_eq!(slowest(&disk), Ok(Some(0)), "it holds everything");
        }
    }
}

#[test]
fn a_cursor_of_another_log_is_refused_and_says_what_to_do() {
    let (one, disk) = log_of(b"one");
    at(2).write(disk.as_ref(), "journal").expect("memory takes it");
    let (two, _) = log_of(b"two");
    let mut files = two.files();
    files.insert("journal.cursor".to_string(), one.files()["journal.cursor"].clone());
    let error = Cursor::read(&MemoryDisk::holding(files), "journal").expect_err("it is of another log");
    assert!(error.to_string().contains("another log; restore it from a copy, or remove the file"), "{error}");
}

#[test]
fn the_slowest_follower_counts_and_names_are_plain() {
    let (_, disk) = log_of(b"one");
    assert_eq!(slowest(disk.as_ref()), Ok(None));
    at(2).write(disk.as_ref(), "journal").expect("memory takes it");
    at(1).write(disk.as_ref(), "projection-2").expect("memory takes it");
    assert_eq!(slowest(disk.as_ref()), Ok(Some(1)));
    assert_eq!(followers(disk.as_ref()), Ok(vec!["journal".to_string(), "projection-2".to_string()]));
    let long = "x".repeat(65);
    for name in ["", "../x", "a b", "a.b", &long] {
        assert!(matches!(at(1).write(disk.as_ref(), name), Err(LogError::Config { field: "name", .. })));
    }
    let target = Cursor { target: "two\nlines".to_string(), ..at(1) };
    assert!(matches!(target.write(disk.as_ref(), "x"), Err(LogError::Config { field: "target", .. })));
}
