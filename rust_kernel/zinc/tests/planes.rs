//! Segments and halts as files: who may have them, what is refused, and what a flat-out writer does to its readers.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use dita_zinc::{
    Attempt, Gate, Got, Halt, Next, Place, Plan, Section, Segment, Standing, ZincError, pack, unpack,
};

/// Torn reads are looked for in so many reads, by two readers together.
const READS: usize = 10_000_000;
/// And until each has seen so many different records: where processors are few, the writer may rest for long.
const FRESH_MIN: u64 = 1000;
const PATIENCE: Duration = Duration::from_secs(60);

fn plan() -> Plan {
    Plan { slots: 3, assets: 2, instruments: 2, intents: 8, trades: 8, bars: 8 }
}

/// A directory of the test's own.
fn directory(test: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("zinc-{test}"));
    // What an earlier run has left; one of the tests leaves a file.
    let _ = fs::remove_dir_all(&directory);
    let _ = fs::remove_file(&directory);
    directory
}

fn place(test: &str) -> Place {
    Place::new(&directory(test), "main").unwrap()
}

fn publish(segment: &Segment, slot: usize, text: &str) {
    let mut words = Vec::new();
    pack(text.as_bytes(), &mut words);
    segment.lane(Section::Slots, slot).unwrap().publish(&words, text.len());
}

fn newest(segment: &Segment, slot: usize) -> Option<String> {
    let mut words = vec![0; segment.words(Section::Slots)];
    match segment.lane(Section::Slots, slot)?.newest(&mut words) {
        Attempt::Got(Got { bytes, .. }) => String::from_utf8(unpack(&words[..bytes.div_ceil(8)], bytes)).ok(),
        Attempt::Empty | Attempt::Lapped => None,
    }
}

#[test]
fn what_is_published_is_read_and_a_closed_segment_is_gone() {
    let place = place("read");
    let mut writer = Segment::create(&place, &plan()).unwrap();
    let reader = Segment::open(&place).unwrap();
    assert_eq!(newest(&reader, 0), None);
    publish(&writer, 0, "first");
    publish(&writer, 0, "second, longer");
    publish(&writer, 2, "another slot's");
    assert_eq!(newest(&reader, 0).as_deref(), Some("second, longer"));
    assert_eq!(newest(&reader, 1), None);
    assert_eq!(newest(&reader, 2).as_deref(), Some("another slot's"));
    assert!(reader.lane(Section::Slots, 3).is_none(), "there are three slots");
    writer.show_seq(7, 70);
    assert_eq!((reader.seq(), reader.time_ns(), reader.standing()), (7, 70, Standing::Live));
    writer.close();
    assert_eq!(reader.standing(), Standing::Closed);
    assert!(!reader.is_kept_up());
    assert_eq!(newest(&reader, 0).as_deref(), Some("second, longer"), "its last word stays readable");
    assert!(matches!(Segment::open(&place), Err(ZincError::NotThere(_))));
}

#[test]
fn a_record_that_is_too_long_is_cut_and_a_full_one_is_whole() {
    let place = place("long");
    let segment = Segment::create(&place, &plan()).unwrap();
    let most = segment.words(Section::Slots) * 8;
    for (length, read) in [(most, most), (most + 1, most), (1, 1), (0, 0), (9, 9)] {
        publish(&segment, 0, &"x".repeat(length));
        assert_eq!(newest(&segment, 0).map(|text| text.len()), Some(read));
    }
}

#[test]
fn a_ring_gives_each_record_once_and_says_how_many_are_gone() {
    let place = place("ring");
    let segment = Segment::create(&place, &plan()).unwrap();
    let lane = segment.lane(Section::Intents, 0).unwrap();
    let mut words = vec![0; segment.words(Section::Intents)];
    assert_eq!(lane.after(0, &mut words), Next::None);
    for number in 1..=5 {
        assert_eq!(lane.publish(&[number * 11], 8), number);
    }
    for number in 1..=5 {
        assert_eq!(lane.after(number - 1, &mut words), Next::Got(Got { number, bytes: 8 }));
        assert_eq!(words[0], number * 11);
    }
    assert_eq!(lane.after(5, &mut words), Next::None);
    for number in 6..=20 {
        lane.publish(&[number * 11], 8);
    }
    // Eight are kept; the oldest of them could be overwritten by the next record.
    let Next::Gone { oldest } = lane.after(5, &mut words) else { panic!("6 is overwritten") };
    assert_eq!(oldest, 14);
    assert_eq!(lane.after(oldest - 1, &mut words), Next::Got(Got { number: 14, bytes: 8 }));
    assert_eq!(words[0], 14 * 11);
}

#[test]
fn files_are_the_users_alone_and_others_are_refused() {
    let place = place("modes");
    let segment = Segment::create(&place, &plan()).unwrap();
    let halt = Halt::make(&place).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
    let directory = place.segment().parent().unwrap().to_owned();
    assert_eq!(mode(&directory), 0o700);
    assert_eq!((mode(&place.segment()), mode(&place.halt())), (0o600, 0o600));
    assert_eq!(mode(&directory.join("main.lock")), 0o600);
    drop((segment, halt));

    fs::set_permissions(place.halt(), Permissions::from_mode(0o666)).unwrap();
    let refused = Halt::open(&place).err().unwrap().to_string();
    assert!(refused.contains("mode 666, which lets others in"), "{refused}");
    assert!(Halt::make(&place).is_err());

    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    let refused = Segment::create(&place, &plan()).err().unwrap().to_string();
    assert!(refused.contains("mode 755, which lets others in"), "{refused}");
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "a file").unwrap();
    let refused = Segment::create(&place, &plan()).err().unwrap().to_string();
    assert!(refused.contains("is no directory"), "{refused}");
}

#[test]
fn what_is_no_segment_is_refused_by_what_is_wrong_with_it() {
    let place = place("garbage");
    let path = place.segment();
    drop(Segment::create(&place, &plan()).unwrap());
    let own = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    };
    let refused = || Segment::open(&place).err().unwrap().to_string();
    own(b"");
    assert!(refused().contains("it has 0 bytes"), "{}", refused());
    own(&[7; 8192]);
    assert!(refused().contains("it does not begin as one"), "{}", refused());

    // A whole one, with one word of its header changed.
    let keep = Segment::create(&place, &plan()).unwrap();
    let whole = fs::read(&path).unwrap();
    drop(keep);
    for (word, value, says) in [
        (1, 9, "has version 9, and this DITA reads version 1"),
        (2, 5, "words and says 5"),
        (16, 3, "its section 0 cannot be"),
        (17, 1 << 40, "its section 0 cannot be"),
        (18, 0, "its section 0 cannot be"),
        (19 + 4 * 8, 1 << 30, "its section 8 cannot be"),
    ] {
        let mut bytes = whole.clone();
        bytes[word * 8..word * 8 + 8].copy_from_slice(&u64::to_le_bytes(value));
        own(&bytes);
        assert!(refused().contains(says), "word {word}: {}", refused());
    }
    own(&whole[..whole.len() - 8]);
    assert!(refused().contains("words and says"), "{}", refused());
    own(&whole);
    assert!(Segment::open(&place).is_ok());
}

#[test]
fn damaged_marks_end_a_read_and_never_hang_it() {
    let place = place("marks");
    let segment = Segment::create(&place, &plan()).unwrap();
    publish(&segment, 0, "whole");
    let file = OpenOptions::new().write(true).open(place.segment()).unwrap();
    // The first lane's head, which now names a generation that was never written.
    file.write_all_at(&u64::to_le_bytes(77), 512 * 8).unwrap();
    let mut words = vec![0; segment.words(Section::Slots)];
    assert_eq!(segment.lane(Section::Slots, 0).unwrap().newest(&mut words), Attempt::Lapped);
}

#[test]
#[rustfmt::skip]
fn names_that_no_file_can_have_are_refused() {
    let directory = directory("names");
    for (name, is_name) in [
        ("main",            true),
        ("desk-1.BTC_usdt", true),
        ("",                false),
        (".hidden",         false),
        ("a/b",             false),
        ("..",              false),
        ("naïve",           false),
        ("with space",      false),
    ] {
        assert_eq!(Place::new(&directory, name).is_ok(), is_name, "{name:?}");
    }
    assert!(Place::new(&directory, &"x".repeat(65)).is_err());
    assert!(Place::new(&directory, &"x".repeat(64)).is_ok());
}

#[test]
fn a_plane_has_one_writer_and_room_for_what_it_is_made_for() {
    let place = place("taken");
    let segment = Segment::create(&place, &plan()).unwrap();
    let refused = Segment::create(&place, &plan()).err().unwrap();
    assert_eq!(refused, ZincError::Taken { path: place.segment(), pid: std::process::id() });
    assert_eq!(segment.standing(), Standing::Live, "the first one is as it was");
    for (slots, most) in [(0, 1 << 16), (1 << 17, 1 << 16)] {
        let refused =
            Segment::create(&Place::new(&directory("plan"), "x").unwrap(), &Plan { slots, ..plan() });
        assert_eq!(refused.err().unwrap(), ZincError::TooLarge { what: "slots", given: slots, most });
    }
}

#[test]
fn readers_copy_whole_records_from_a_writer_that_never_rests() {
    let place = place("torn");
    let segment = Arc::new(Segment::create(&place, &plan()).unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let ready = Arc::new(Barrier::new(3));
    let writer = {
        let (segment, over, ready) = (Arc::clone(&segment), Arc::clone(&over), Arc::clone(&ready));
        std::thread::spawn(move || {
            let lane = segment.lane(Section::Slots, 0).unwrap();
            let mut record = [0; 64];
            let mut number = 0_u64;
            ready.wait();
            while !over.load(Ordering::Relaxed) {
                number += 1;
                // The length changes as well, so that a torn one would show.
                let words = 32 + (number % 33) as usize;
                record[..words].fill(number);
                lane.publish(&record[..words], words * 8);
            }
            number
        })
    };
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (ready, place) = (Arc::clone(&ready), place.clone());
            std::thread::spawn(move || {
                let segment = Segment::open(&place).unwrap();
                let lane = segment.lane(Section::Slots, 0).unwrap();
                let (mut words, mut last, mut fresh) = ([0; 64], 0, 0_u64);
                ready.wait();
                let (mut reads, until) = (0, Instant::now() + PATIENCE);
                while reads < READS / 2 || fresh < FRESH_MIN && Instant::now() < until {
                    reads += 1;
                    match lane.newest(&mut words) {
                        Attempt::Got(Got { number, bytes }) => {
                            let record = &words[..bytes / 8];
                            assert_eq!(record.len(), 32 + (number % 33) as usize, "a torn length");
                            assert!(record.iter().all(|word| *word == number), "a torn record {number}");
                            assert!(number >= last, "an older record than before");
                            fresh += u64::from(number > last);
                            last = number;
                        }
                        Attempt::Empty => {}
                        Attempt::Lapped => panic!("no record in ten thousand tries"),
                    }
                }
                fresh
            })
        })
        .collect();
    let fresh: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    over.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    assert!(fresh >= 2 * FRESH_MIN, "the writer was at work: {written} written, {fresh} seen");
}

#[test]
fn a_halt_only_tightens_and_says_who_asked() {
    let place = place("halt");
    assert!(matches!(Halt::open(&place), Err(ZincError::NotThere(_))));
    let kernel = Halt::make(&place).unwrap();
    let operator = Halt::open(&place).unwrap();
    let before = kernel.word();
    let reduce = operator.ask(Gate::ReduceOnly, "ann", 5);
    let asked = kernel.asked(kernel.word());
    assert_eq!((asked.gate, asked.who.as_str(), asked.at_ns), (Gate::ReduceOnly, "ann", 5));
    let halt = operator.ask(Gate::Halted, &"é".repeat(40), 6);
    assert_eq!(kernel.asked(kernel.word()).who, "é".repeat(32), "cut between characters");
    let again = operator.ask(Gate::ReduceOnly, "bob", 7);
    assert_eq!(kernel.gate(), Gate::Halted, "it stays as tight as it was");
    let words = [before, reduce, halt, again];
    assert!(words.windows(2).all(|pair| pair[0] != pair[1]), "each request is another word");
    kernel.tell_taken(halt);
    assert_eq!(
        (operator.is_taken(reduce), operator.is_taken(halt), operator.is_taken(again)),
        (true, true, false)
    );
    // The kernel made way for an operator who opened the gate; a request in between stands.
    assert_eq!(kernel.open_again(halt), again);
    assert_eq!(kernel.gate(), Gate::Halted);
    kernel.open_again(again);
    assert_eq!(kernel.gate(), Gate::Normal);
    // What stands when it is made again stands.
    operator.ask(Gate::Halted, "eve", 8);
    assert_eq!(Halt::make(&place).unwrap().gate(), Gate::Halted);
}

#[test]
fn requests_of_many_operators_are_all_counted() {
    let place = place("operators");
    let kernel = Halt::make(&place).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|operator| {
            let place = place.clone();
            std::thread::spawn(move || {
                let halt = Halt::open(&place).unwrap();
                for at in 0..500 {
                    halt.ask(Gate::Halted, &format!("op-{operator}"), at);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let asked = kernel.asked(kernel.word());
    assert_eq!((asked.word >> 32, asked.gate), (2000, Gate::Halted));
    assert!(asked.who.starts_with("op-"), "{}", asked.who);
}

#[test]
fn a_waiting_kernel_is_woken_by_a_request() {
    let place = place("bell");
    let kernel = Arc::new(Halt::make(&place).unwrap());
    let rung = kernel.rung();
    let waits = {
        let kernel = Arc::clone(&kernel);
        std::thread::spawn(move || {
            // Once for a request that came before, else until it comes.
            kernel.wait(rung, Duration::from_secs(30));
            kernel.gate()
        })
    };
    Halt::open(&place).unwrap().ask(Gate::Halted, "ann", 1);
    assert_eq!(waits.join().unwrap(), Gate::Halted);
}

#[test]
fn a_halt_that_is_none_is_refused() {
    let place = place("no-halt");
    drop(Halt::make(&place).unwrap());
    let own = |bytes: &[u8]| {
        fs::write(place.halt(), bytes).unwrap();
        fs::set_permissions(place.halt(), Permissions::from_mode(0o600)).unwrap();
    };
    let refused = || Halt::open(&place).err().unwrap().to_string();
    own(b"short");
    assert!(refused().contains("it has 5 bytes"), "{}", refused());
    own(&[1; 4096]);
    assert!(refused().contains("it does not begin as one"), "{}", refused());
    let mut other = vec![0; 4096];
    other[..8].copy_from_slice(b"DITAHALT");
    other[8] = 2;
    own(&other);
    assert!(refused().contains("has version 2"), "{}", refused());
}
