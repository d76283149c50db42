//! What a log refuses to be opened for, in words that say what to do.

mod common;

use common::{Directory, IDENTITY, append, config, keys_of, open, read_all, ts_ns, write};
use dita_log::disk::{Deed, Effect, Fault, FaultyDisk, MemoryDisk};
use dita_log::{Config, Disk, FileDisk, Log, LogError, Reader, Span, segment_name, verify};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind};
use std::ops::Range;
use std::process::{Command, Stdio};
use std::sync::Arc;

const CHILD_DIRECTORY: &str = "DITA_LOG_CHILD_DIRECTORY";

/// A closed log of so many records, in memory.
fn written(records: u64) -> MemoryDisk {
    let memory = MemoryDisk::new();
    let mut log = open(&(Arc::new(memory.clone()) as Arc<dyn Disk>), config()).expect("a new log opens").0;
    write(&mut log, records);
    log.close().expect("it closes");
    memory
}

#[test]
fn a_log_of_another_kernel_is_refused_and_both_are_named() {
    let memory = written(100);
    let before = memory.files();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let other = Config { identity: b"live kernel 7".to_vec(), ..config() };
    let error = open(&disk, other).map(|_| ()).expect_err("it is another kernel's");
    let text = error.to_string();
    assert!(
        text.contains("log of 'paper kernel 1' (id ") && text.contains("not of 'live kernel 7' (id "),
        "{text}"
    );
    let error = Reader::open(disk.clone(), Some(b"live kernel 7"), 1, Span::Written)
        .map(|_| ())
        .expect_err("nor read");
    assert!(matches!(error, LogError::OtherLog { .. }));
    assert_eq!(memory.files(), before);
    assert_eq!(Reader::open(disk, None, 1, Span::Written).expect("any").identity().bytes(), IDENTITY);
}

/// A closed log with a segment that is sealed, an index and a snapshot; and of the first file that ends so its name,
/// where its header (an index's: its footer) begins, and where that ends.
fn headed(suffix: &str) -> (BTreeMap<String, Vec<u8>>, String, Range<usize>) {
    let memory = written(100);
    let mut log = open(&(Arc::new(memory.clone()) as Arc<dyn Disk>), config()).expect("it opens").0;
    log.write_snapshot(100, 0, b"state", &[1; 32]).expect("memory takes it");
    log.close().expect("it closes");
    let files = memory.files();
    let (name, bytes) = files.iter().find(|(name, _)| name.ends_with(suffix)).expect("there is one");
    let header = match suffix {
        ".seg" => 0..96 + IDENTITY.len(),
        ".idx" => bytes.len() - 72..bytes.len(),
        _ => 0..168,
    };
    (files.clone(), name.clone(), header)
}

/// The suffixes, and where in a header its checksum stands.
const HEADED: [(&str, usize); 3] = [(".seg", 16), (".idx", 12), (".snap", 12)];

#[test]
fn a_newer_format_is_refused_and_not_touched() {
    for (suffix, crc_at) in HEADED {
        let (mut files, name, header) = headed(suffix);
        // What every later format promises: its checksum stands there and covers its version.
        let bytes = &mut files.get_mut(&name).expect("it is there")[header];
        bytes[8] = 2;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[8..crc_at]), &bytes[crc_at + 4..]);
        bytes[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
        let memory = MemoryDisk::holding(files.clone());
        let disk: Arc<dyn Disk> = Arc::new(memory.clone());
        let error = open(&disk, config()).map(|_| ()).expect_err("it is newer");
        assert_eq!(error, LogError::NewerFormat { file: format!("memory:/{name}"), found: 2, known: 1 });
        assert_eq!(memory.files(), files);
    }
}

#[test]
fn a_bit_flipped_in_a_headers_version_is_damage_and_sends_nobody_for_a_newer_build() {
    for (suffix, _) in HEADED {
        let (files, name, header) = headed(suffix);
        for bit in 0..32 {
            let mut files = files.clone();
            files.get_mut(&name).expect("it is there")[header.start + 8 + bit / 8] ^= 1 << (bit % 8);
            let memory = MemoryDisk::holding(files.clone());
            let disk: Arc<dyn Disk> = Arc::new(memory.clone());
            let opened = open(&disk, config()).map(|(_, recovered)| recovered.remarks);
            if suffix == ".seg" {
                let error = opened.expect_err("records that cannot be vouched for");
                assert!(matches!(error, LogError::Corrupt { offset: 0, .. }), "bit {bit}: {error}");
                assert_eq!(memory.files(), files);
            } else {
                // The one is made again, the other passed over: the records are all there.
                let remarks = opened.expect("the records are whole");
                assert_eq!(remarks.len(), 1, "{suffix}, bit {bit}: {remarks:?}");
                assert!(remarks[0].contains(&name) && remarks[0].contains("damaged"), "{remarks:?}");
            }
        }
    }
}

#[test]
fn a_log_without_its_mark_opens_and_the_mark_is_remarked_upon_once() {
    for removed in [true, false] {
        let mut files = written(50).files();
        if removed {
            files.remove("durable.mark").expect("there is a mark");
        } else {
            files.get_mut("durable.mark").expect("there is a mark").fill(0);
        }
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::holding(files));
        let report = verify(&disk, Some(IDENTITY), &mut |_, _| {}).expect("the records are whole");
        let (_, recovered) = open(&disk, config()).expect("the records are whole");
        for remarks in [report.remarks, recovered.remarks] {
            assert_eq!(remarks.len(), 1, "{remarks:?}");
            assert!(remarks[0].contains("durable.mark: missing or damaged"), "{remarks:?}");
        }
        assert_eq!(open(&disk, config()).expect("it opens").1.remarks, Vec::<String>::new());
    }
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
    assert_eq!(open(&disk, config()).expect("a new log has none yet").1.remarks, Vec::<String>::new());
}

#[test]
#[ignore = "the second process of the next test"]
fn child_writes_and_waits() {
    let directory = std::env::var(CHILD_DIRECTORY).expect("the parent says where");
    let disk = Arc::new(dita_log::FileDisk::create(directory).expect("the parent has made it"));
    let mut log = Log::open(disk, config(), &keys_of).expect("a new log opens").0;
    for _ in 0..5 {
        append(&mut log).expect("the record is taken");
    }
    log.flush().expect("the disk takes it");
    println!("\nwritten");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("the parent never writes");
}

#[test]
fn two_processes_cannot_both_write_and_a_killed_one_leaves_no_lock() {
    let directory = Directory::new();
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--ignored", "--exact", "child_writes_and_waits", "--nocapture"])
        .env(CHILD_DIRECTORY, directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test runs a second time");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "written"), "the child has written");
    let error = open(&directory.disk(), config()).map(|_| ()).expect_err("the child has it");
    assert!(matches!(&error, LogError::Locked { pid: Some(pid), .. } if *pid == child.id()), "{error}");
    assert!(error.to_string().contains("stop it first"), "{error}");
    // A reader needs no lock.
    let mut reader = Reader::open(directory.disk(), Some(IDENTITY), 1, Span::Written).expect("it reads");
    let mut records = 0;
    while reader.next().expect("it reads").is_some() {
        records += 1;
    }
    assert_eq!(records, 5);
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let (log, recovered) = open(&directory.disk(), config()).expect("the lock went with the process");
    assert_eq!((recovered.last_seq, recovered.epoch), (5, 2));
    assert_eq!(read_all(&log, 1), Ok(5));
}

#[test]
fn the_lock_is_the_directory_itself_whatever_is_removed_from_it() {
    let directory = Directory::new();
    let (mut log, _) = open(&directory.disk(), config()).expect("a new log opens");
    write(&mut log, 5);
    let lock_file = directory.path().join("log.lock");
    if lock_file.exists() {
        std::fs::remove_file(&lock_file).expect("it is a file like any other");
    }
    let error = open(&directory.disk(), config()).map(|_| ()).expect_err("the log is open");
    assert!(matches!(error, LogError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    // Under another name it is the same directory.
    let moved = directory.path().with_extension("moved");
    std::fs::rename(directory.path(), &moved).expect("a directory can be renamed");
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::existing(&moved));
    let error = open(&disk, config()).map(|_| ()).expect_err("the log is open");
    assert!(matches!(error, LogError::Locked { .. }), "{error}");
    drop(log);
    assert_eq!(open(&disk, config()).expect("it is closed").1.last_seq, 5);
    std::fs::remove_dir_all(&moved).expect("it is this test's own");
}

#[test]
fn a_log_whose_directory_was_renamed_or_replaced_takes_nothing_more_from_the_next_roll_or_snapshot_on() {
    for (replaced, by_snapshot) in [(false, false), (false, true), (true, false), (true, true)] {
        let directory = Directory::new();
        let moved = directory.path().with_extension("moved");
        let (mut log, _) = open(&directory.disk(), config()).expect("a new log opens");
        write(&mut log, 3);
        std::fs::rename(directory.path(), &moved).expect("a directory can be renamed");
        if replaced {
            std::fs::create_dir(directory.path()).expect("the name is free");
            for entry in std::fs::read_dir(&moved).expect("it is there") {
                let entry = entry.expect("it is there");
                std::fs::copy(entry.path(), directory.path().join(entry.file_name())).expect("it is a file");
            }
        }
        let error = if by_snapshot {
            log.write_snapshot(3, ts_ns(3), b"state", &[7; 32]).expect_err("it would go elsewhere")
        } else {
            (0..100).find_map(|_| append(&mut log).err()).expect("a segment is full after fewer")
        };
        let text = error.to_string();
        assert!(matches!(error, LogError::Moved { .. }), "{text}");
        assert!(text.contains("renamed or replaced") && text.contains("reopen from the log"), "{text}");
        assert!(matches!(append(&mut log), Err(LogError::Poisoned { .. })));
        drop(log);
        if replaced {
            let names = |path: &std::path::Path| {
                let mut names: Vec<_> = std::fs::read_dir(path)
                    .expect("it is there")
                    .map(|entry| entry.expect("it is there").file_name())
                    .collect();
                names.sort();
                names
            };
            assert_eq!(names(directory.path()), names(&moved), "nothing was written into the other one");
        }
        let disk: Arc<dyn Disk> = Arc::new(FileDisk::existing(&moved));
        assert!(open(&disk, config()).expect("what was written is whole").1.last_seq >= 3);
        std::fs::remove_dir_all(&moved).expect("it is this test's own");
    }
}

#[test]
fn a_log_that_an_older_build_has_open_is_refused_and_an_older_build_finds_its_lock_taken() {
    let directory = Directory::new();
    drop(open(&directory.disk(), config()).expect("a new log opens"));
    let path = directory.path().join("log.lock");
    std::fs::write(&path, "4711").expect("the directory can be written");
    let held = std::fs::File::open(&path).expect("it was written");
    held.lock().expect("nobody has it");
    let error = open(&directory.disk(), config()).map(|_| ()).expect_err("the older build has it");
    assert!(matches!(error, LogError::Locked { pid: Some(4711), .. }), "{error}");
    drop(held);
    let log = open(&directory.disk(), config()).expect("the older build has closed it");
    let older = std::fs::File::open(&path).expect("it stays");
    assert!(older.try_lock().is_err(), "an older build must not open it beside this one");
    drop(log);
    older.try_lock().expect("it is free again");
}

#[test]
fn one_process_cannot_open_a_log_twice_either() {
    let directory = Directory::new();
    let memory: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
    for disk in [directory.disk(), memory] {
        let first = open(&disk, config()).expect("a new log opens");
        let error = open(&disk, config()).map(|_| ()).expect_err("it is open");
        assert!(matches!(error, LogError::Locked { pid: Some(pid), .. } if pid == std::process::id()));
        drop(first);
        open(&disk, config()).expect("it is closed");
    }
}

#[test]
fn a_directory_that_may_not_be_written_is_refused_for_writing_and_read_all_the_same() {
    let words = [
        (ErrorKind::PermissionDenied, "read and write access"),
        (ErrorKind::ReadOnlyFilesystem, "mounted read-only"),
    ];
    for (kind, advice) in words {
        let memory = written(50);
        let before = memory.files();
        let faulty = FaultyDisk::new(Arc::new(memory.clone()));
        for deed in
            [Deed::Create, Deed::Open, Deed::Write, Deed::Truncate, Deed::Rename, Deed::Remove, Deed::Lock]
        {
            faulty.fault(Fault::always(deed, "", Effect::Fail(kind, 0)));
        }
        let disk: Arc<dyn Disk> = Arc::new(faulty);
        let text = open(&disk, config()).map(|_| ()).expect_err("it may not be written").to_string();
        assert!(text.contains("cannot lock the directory") && text.contains(advice), "{text}");
        let mut reader = Reader::open(disk.clone(), Some(IDENTITY), 1, Span::Durable).expect("it reads");
        while reader.next().expect("it reads").is_some() {}
        assert_eq!(reader.next_seq(), 51);
        assert_eq!(verify(&disk, Some(IDENTITY), &mut |_, _| {}).expect("it is whole").records, 50);
        assert_eq!(memory.files(), before);
    }
}

#[test]
fn a_directory_without_a_log_has_nothing_to_read() {
    let directory = Directory::new();
    let missing: Arc<dyn Disk> = Arc::new(dita_log::FileDisk::existing(directory.path().join("nowhere")));
    for disk in [directory.disk(), missing] {
        let error = verify(&disk, None, &mut |_, _| {}).expect_err("there is none");
        assert!(matches!(&error, LogError::Io { kind: ErrorKind::NotFound, .. }), "{error}");
        assert!(error.to_string().contains("check the path"), "{error}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_names_its_field() {
    let base = config();
    let table = [
        ("first_seq", Config { first_seq: 0, ..base.clone() }),
        ("segment_bytes_max", Config { segment_bytes_max: 1, ..base.clone() }),
        ("segment_bytes_max", Config { segment_bytes_max: u64::MAX, ..base.clone() }),
        ("snapshots_kept", Config { snapshots_kept: 1, ..base.clone() }),
        ("identity", Config { identity: vec![0; 2_000], ..base.clone() }),
    ];
    for (name, config) in table {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
        let error = open(&disk, config).map(|_| ()).expect_err(name);
        assert!(matches!(error, LogError::Config { field, .. } if field == name), "{error}");
        assert!(disk.list().expect("memory lists").is_empty());
    }
}

#[test]
fn a_file_of_another_name_is_left_alone() {
    let memory = MemoryDisk::holding([
        ("notes.txt".to_string(), b"mine".to_vec()),
        ("1.seg".to_string(), b"not ours".to_vec()),
        (format!("{}.old", segment_name(1)), b"kept".to_vec()),
        ("draft.tmp".to_string(), b"somebody's".to_vec()),
    ]);
    let before = memory.files();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    write(&mut open(&disk, config()).expect("a new log opens").0, 50);
    assert!(before.iter().all(|(name, bytes)| memory.files().get(name) == Some(bytes)));
}

#[test]
fn a_log_that_began_earlier_than_its_owner_says_is_refused() {
    let memory = written(100);
    let before = memory.files();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let error = open(&disk, Config { first_seq: 50, ..config() }).map(|_| ()).expect_err("it begins at 1");
    assert_eq!(error.to_string(), "first_seq: 50, and this log begins at seq 1");
    assert_eq!(memory.files(), before);
}

/// Changes the first file of that kind and puts its header's checksum right, as a failing disk never would.
fn forged(
    memory: &MemoryDisk,
    suffix: &str,
    crc: (usize, std::ops::Range<usize>),
    change: impl Fn(&mut [u8]),
) -> MemoryDisk {
    let mut files = memory.files();
    let (_, bytes) = files.iter_mut().find(|(name, _)| name.ends_with(suffix)).expect("there is one");
    change(bytes);
    let (at, covered) = crc;
    let sum = crc32c::crc32c(&bytes[covered]);
    bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    MemoryDisk::holding(files)
}

#[test]
fn a_header_that_names_one_owner_and_has_the_hash_of_another_is_refused() {
    let header = 96 + IDENTITY.len();
    let memory = forged(&written(10), ".seg", (16, 20..header), |bytes| bytes[header - 1] ^= 1);
    let before = memory.files();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let error = open(&disk, config()).map(|_| ()).expect_err("whose log is it?");
    assert!(matches!(error, LogError::Corrupt { offset: 0, .. }), "{error}");
    // Nor does a reader that takes any log take it as the one that it names.
    assert!(Reader::open(disk, None, 1, Span::Written).is_err());
    assert_eq!(memory.files(), before);
}

#[test]
fn a_snapshot_that_claims_more_bytes_than_there_can_be_is_passed_over() {
    let memory = written(100);
    let mut log = open(&(Arc::new(memory.clone()) as Arc<dyn Disk>), config()).expect("it opens").0;
    log.write_snapshot(100, 0, b"state", &[1; 32]).expect("memory takes it");
    log.close().expect("it closes");
    for claimed in [u64::MAX, u64::MAX - 167, u64::MAX - 168, 6, 4] {
        let claim = |bytes: &mut [u8]| bytes[120..128].copy_from_slice(&claimed.to_le_bytes());
        let memory = forged(&memory, ".snap", (12, 16..168), claim);
        let disk: Arc<dyn Disk> = Arc::new(memory);
        let (_, recovered) = open(&disk, config()).expect("the records are all there");
        assert_eq!((recovered.snapshot, recovered.last_seq), (None, 100));
        assert_eq!(recovered.remarks.len(), 1, "{:?}", recovered.remarks);
    }
}

#[test]
fn a_file_under_a_number_that_no_log_has_is_left_alone() {
    let files = written(10).files();
    for number in [0, u64::MAX, u64::MAX - 1] {
        let mut files = files.clone();
        files.insert(format!("{number:020}.seg"), b"not a log's".to_vec());
        files.insert(format!("{number:020}.snap"), b"not a log's".to_vec());
        files.insert(format!("{number:020}-{number:020}.idx"), b"not a log's".to_vec());
        let memory = MemoryDisk::holding(files);
        let (_, recovered) = open(&(Arc::new(memory.clone()) as Arc<dyn Disk>), config()).expect("it opens");
        assert_eq!((recovered.last_seq, recovered.remarks), (10, Vec::new()));
        assert!(memory.files().contains_key(&format!("{number:020}.seg")));
    }
}

#[test]
fn a_mark_whose_openings_cannot_be_counted_on_is_refused() {
    let mut files = written(10).files();
    let mark = files.get_mut("durable.mark").expect("there is a mark");
    for at in [0, 512] {
        let Some(slot) = mark.get_mut(at..at + 48) else { continue };
        slot[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        let crc = crc32c::crc32c(&slot[8..]);
        slot[4..8].copy_from_slice(&crc.to_le_bytes());
    }
    let memory = MemoryDisk::holding(files.clone());
    let error =
        open(&(Arc::new(memory.clone()) as Arc<dyn Disk>), config()).map(|_| ()).expect_err("the last one");
    assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
    assert_eq!(memory.files(), files);
}

#[test]
fn a_damaged_segment_whose_index_has_to_be_made_again_is_refused_before_anything_is_changed() {
    let memory = written(100);
    let mut log = open(&(Arc::new(memory.clone()) as Arc<dyn Disk>), config()).expect("it opens").0;
    log.write_snapshot(100, 0, b"state", &[1; 32]).expect("memory takes it");
    append(&mut log).expect("it is taken");
    log.close().expect("it closes");
    let mut files = memory.files();
    files.retain(|name, _| !name.ends_with(".idx"));
    let segments: Vec<String> = files.keys().filter(|name| name.ends_with(".seg")).cloned().collect();
    assert!(segments.len() > 2, "the first one is sealed, and the snapshot stands for it");
    files.get_mut(&segments[0]).expect("it is there")[300] ^= 1;
    // What a crash left would be put right first: a torn tail, an unfinished file.
    files.get_mut(&segments[segments.len() - 1]).expect("it is there").extend_from_slice(b"torn");
    files.insert("00000000000000000101.snap.tmp".to_string(), b"unfinished".to_vec());
    let memory = MemoryDisk::holding(files.clone());
    let error =
        open(&(Arc::new(memory.clone()) as Arc<dyn Disk>), config()).map(|_| ()).expect_err("damaged");
    assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
    assert_eq!(memory.files(), files);
}
