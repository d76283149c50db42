//! A segment: its header, its sections, who writes it and whether that one still lives.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, test_kill_process};

use crate::error::ZincError;
use crate::lane::{Lane, Shape};
use crate::mapping::Mapping;
use crate::place::{Place, WriterLock, make_own, open_own};

/// The first word: "DITAZINC".
pub const MAGIC: u64 = u64::from_le_bytes(*b"DITAZINC");
/// Of the layout and of the records in it. `docs/reference/zinc.md` describes this one.
pub const VERSION: u64 = 1;
/// Generations of what has only a newest state.
pub const GENERATIONS: usize = 4;

const HEADER_WORDS: usize = 512;
const AT_VERSION: usize = 1;
const AT_WORDS: usize = 2;
const AT_CREATED: usize = 3;
const AT_PID: usize = 4;
const AT_STARTED: usize = 5;
const AT_SECTIONS: usize = 16;
const SECTION_WORDS: usize = 4;
const AT_STATE: usize = 64;
const AT_SEQ: usize = 65;
const AT_TIME: usize = 66;
const AT_FIGURES: usize = 67;
/// No count in a header is larger.
const COUNT_MAX: usize = 1 << 24;

/// What a segment consists of, in the header's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// A lane for each slot.
    Slots,
    /// A lane for each asset.
    Accounts,
    /// One lane.
    Control,
    /// One lane.
    Health,
    /// A lane for each instrument.
    Marks,
    /// A lane for each instrument.
    Quotes,
    /// A ring: one lane whose generations are read one after the other.
    Intents,
    /// A ring.
    Trades,
    /// A ring.
    Bars,
}

impl Section {
    const ALL: [Section; 9] = [
        Section::Slots,
        Section::Accounts,
        Section::Control,
        Section::Health,
        Section::Marks,
        Section::Quotes,
        Section::Intents,
        Section::Trades,
        Section::Bars,
    ];

    /// A record's longest, in words: with the mark and the length a round number.
    const fn words(self) -> usize {
        match self {
            Section::Slots | Section::Accounts | Section::Health | Section::Intents => 1022,
            Section::Control => 4094,
            Section::Marks | Section::Quotes | Section::Trades => 30,
            Section::Bars => 46,
        }
    }
}

/// How much a segment has room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Slots.
    pub slots: usize,
    /// Assets.
    pub assets: usize,
    /// Instruments.
    pub instruments: usize,
    /// Intents that the ring keeps.
    pub intents: usize,
    /// Trades that the ring keeps.
    pub trades: usize,
    /// Bars that the ring keeps.
    pub bars: usize,
}

impl Plan {
    /// Of a kernel with so many slots.
    pub fn of(slots: usize) -> Plan {
        Plan { slots, assets: 32, instruments: 256, intents: 1024, trades: 4096, bars: 1024 }
    }

    fn section(&self, section: Section) -> (usize, Shape) {
        let shape = |generations| Shape { generations, words: section.words() };
        match section {
            Section::Slots => (self.slots, shape(GENERATIONS)),
            Section::Accounts => (self.assets, shape(GENERATIONS)),
            Section::Control | Section::Health => (1, shape(GENERATIONS)),
            Section::Marks | Section::Quotes => (self.instruments, shape(GENERATIONS)),
            Section::Intents => (1, shape(self.intents)),
            Section::Trades => (1, shape(self.trades)),
            Section::Bars => (1, shape(self.bars)),
        }
    }

    fn check(&self) -> Result<(), ZincError> {
        for (what, given, most) in [
            ("slots", self.slots, 1 << 16),
            ("assets", self.assets, 1 << 10),
            ("instruments", self.instruments, 1 << 14),
            ("intents", self.intents, 1 << 16),
            ("trades", self.trades, 1 << 20),
            ("bars", self.bars, 1 << 20),
        ] {
            if given == 0 || given > most {
                return Err(ZincError::TooLarge { what, given, most });
            }
        }
        Ok(())
    }
}

/// Whether a segment's records are still kept up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Its writer lives.
    Live,
    /// Its writer was closed.
    Closed,
    /// Another segment has taken its name.
    Superseded,
    /// Its writer died without closing it.
    Dead,
}

const LIVE: u64 = 1;
const CLOSED: u64 = 2;
const SUPERSEDED: u64 = 3;

/// Where a section lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Laid {
    at: usize,
    lanes: usize,
    shape: Shape,
}

/// A mapped segment.
pub struct Segment {
    mapping: Mapping,
    path: PathBuf,
    /// Device and inode of its file.
    file: (u64, u64),
    sections: [Laid; Section::ALL.len()],
    /// The writer's.
    written: Option<(Place, WriterLock)>,
}

impl Segment {
    /// Makes a segment, and becomes its writer. One of that name whose writer is gone is taken off; its readers see it.
    ///
    /// # Errors
    /// Another process writes it; the directory is not this user's alone; the plan is too large; the system refuses.
    pub fn create(place: &Place, plan: &Plan) -> Result<Segment, ZincError> {
        plan.check()?;
        place.prepare()?;
        let lock = place.lock()?;
        place.sweep();
        let mut end = HEADER_WORDS;
        let sections = Section::ALL.map(|section| {
            let (lanes, shape) = plan.section(section);
            let laid = Laid { at: end, lanes, shape };
            end += lanes * shape.all_words();
            laid
        });
        let (path, draft) = (place.segment(), place.draft("zinc"));
        let file = make_own(&draft, end as u64 * 8)?;
        let mapping =
            Mapping::of(&file, end, true).map_err(|error| ZincError::io(&draft, "map it", &error))?;
        let found = file.metadata().map_err(|error| ZincError::io(&draft, "look at it", &error))?;
        let file = (found.dev(), found.ino());
        let segment =
            Segment { mapping, path: path.clone(), file, sections, written: Some((place.clone(), lock)) };
        segment.write_header(end);
        supersede(&path);
        fs::rename(&draft, &path).map_err(|error| ZincError::io(&path, "put it into its place", &error))?;
        Ok(segment)
    }

    fn write_header(&self, words: usize) {
        let pid = std::process::id();
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos() as u64);
        for (at, value) in [
            (AT_VERSION, VERSION),
            (AT_WORDS, words as u64),
            (AT_CREATED, created),
            (AT_PID, pid.into()),
            (AT_STARTED, started(pid)),
            (AT_STATE, LIVE),
        ] {
            self.store(at, value);
        }
        for (place, laid) in self.sections.iter().enumerate() {
            let Laid { at, lanes, shape } = *laid;
            for (offset, value) in [at, lanes, shape.generations, shape.words].into_iter().enumerate() {
                self.store(AT_SECTIONS + place * SECTION_WORDS + offset, value as u64);
            }
        }
        self.store(0, MAGIC);
    }

    /// Maps a segment to be read.
    ///
    /// # Errors
    /// It is not there, not this user's alone, of another version, or no segment.
    pub fn open(place: &Place) -> Result<Segment, ZincError> {
        Segment::open_file(&place.segment(), false)
    }

    fn open_file(path: &Path, is_writable: bool) -> Result<Segment, ZincError> {
        let file = open_own(path, is_writable)?;
        let found = file.metadata().map_err(|error| ZincError::io(path, "look at it", &error))?;
        let bytes = found.len();
        let words = (bytes / 8) as usize;
        if words < HEADER_WORDS {
            return Err(ZincError::garbage(path, format!("it has {bytes} bytes")));
        }
        let mapping = Mapping::of(&file, words, is_writable);
        let mapping = mapping.map_err(|error| ZincError::io(path, "map it", &error))?;
        let header = |at: usize| mapping.words()[at].load(Ordering::Relaxed);
        if header(0) != MAGIC {
            return Err(ZincError::garbage(path, "it does not begin as one"));
        }
        if header(AT_VERSION) != VERSION {
            let path = path.to_owned();
            return Err(ZincError::Version { path, found: header(AT_VERSION), read: VERSION });
        }
        if header(AT_WORDS) != words as u64 {
            let why = format!("it has {words} words and says {}", header(AT_WORDS));
            return Err(ZincError::garbage(path, why));
        }
        let mut sections =
            [Laid { at: 0, lanes: 0, shape: Shape { generations: 0, words: 0 } }; Section::ALL.len()];
        for (place, laid) in sections.iter_mut().enumerate() {
            let count = |offset: usize| header(AT_SECTIONS + place * SECTION_WORDS + offset);
            *laid = read_section(count, words)
                .ok_or_else(|| ZincError::garbage(path, format!("its section {place} cannot be")))?;
        }
        let file = (found.dev(), found.ino());
        Ok(Segment { mapping, path: path.to_owned(), file, sections, written: None })
    }

    #[inline(always)]
    fn store(&self, at: usize, value: u64) {
        self.mapping.words()[at].store(value, Ordering::Release);
    }

    #[inline(always)]
    fn load(&self, at: usize) -> u64 {
        let value = self.mapping.words()[at].load(Ordering::Relaxed);
        std::sync::atomic::fence(Ordering::Acquire);
        value
    }

    /// How many lanes a section has.
    pub fn lanes(&self, section: Section) -> usize {
        self.sections[section as usize].lanes
    }

    /// The longest record of a section, in words.
    pub fn words(&self, section: Section) -> usize {
        self.sections[section as usize].shape.words
    }

    /// A lane of a section; `None` where there is none.
    #[inline]
    pub fn lane(&self, section: Section, place: usize) -> Option<Lane<'_, AtomicU64>> {
        let Laid { at, lanes, shape } = self.sections[section as usize];
        if place >= lanes {
            return None;
        }
        let from = at + place * shape.all_words();
        Lane::of(self.mapping.words().get(from..)?, shape)
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The process that writes it.
    pub fn pid(&self) -> u32 {
        self.load(AT_PID) as u32
    }

    /// When it was made, ns since 1970.
    pub fn created_ns(&self) -> u64 {
        self.load(AT_CREATED)
    }

    /// The last input that it shows: what is read behind this is at least as new.
    #[inline]
    pub fn seq(&self) -> u64 {
        self.load(AT_SEQ)
    }

    /// That input's kernel time, ns.
    pub fn time_ns(&self) -> i64 {
        self.load(AT_TIME) as i64
    }

    /// Says up to which input everything is shown. The writer's.
    #[inline]
    pub fn show_seq(&self, seq: u64, time_ns: i64) {
        self.store(AT_TIME, time_ns as u64);
        self.store(AT_SEQ, seq);
    }

    /// The last input that accounts and controls show: they are shown less often than slots are.
    #[inline]
    pub fn figures_seq(&self) -> u64 {
        self.load(AT_FIGURES)
    }

    /// Says up to which input accounts and controls are shown. The writer's.
    #[inline]
    pub fn show_figures_seq(&self, seq: u64) {
        self.store(AT_FIGURES, seq);
    }

    /// True while nothing has ended it: one look, at each read. A killed writer is not noticed by it.
    #[inline]
    pub fn is_kept_up(&self) -> bool {
        self.load(AT_STATE) == LIVE
    }

    /// True where its file is the one of its name; asks the system. It is not where the file of a killed writer was
    /// removed, and another writer has made a new one.
    pub fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.file)
    }

    /// Whether it is kept up; asks the system.
    pub fn standing(&self) -> Standing {
        match self.load(AT_STATE) {
            CLOSED => Standing::Closed,
            SUPERSEDED => Standing::Superseded,
            _ if lives(self.pid(), self.load(AT_STARTED)) => Standing::Live,
            _ => Standing::Dead,
        }
    }

    /// Ends it: its readers see that, and its file goes. The writer's; a process forked from it only lets go.
    pub fn close(&mut self) {
        let Some((place, lock)) = self.written.take() else { return };
        if self.pid() != std::process::id() {
            return;
        }
        self.store(AT_STATE, CLOSED);
        place.remove();
        drop(lock);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.close();
    }
}

/// Tells the readers of what has this name that another takes its place.
fn supersede(path: &Path) {
    // What cannot be opened has no readers that could.
    if let Ok(old) = Segment::open_file(path, true) {
        old.store(AT_STATE, SUPERSEDED);
    }
}

fn read_section(count: impl Fn(usize) -> u64, all_words: usize) -> Option<Laid> {
    let count = |offset| usize::try_from(count(offset)).ok().filter(|count| *count <= COUNT_MAX * 64);
    let (at, lanes) = (count(0)?, count(1)?);
    let shape = Shape { generations: count(2)?, words: count(3)? };
    let bounded = (1..=COUNT_MAX).contains(&lanes)
        && (1..=COUNT_MAX).contains(&shape.generations)
        && (1..=COUNT_MAX).contains(&shape.words);
    if !bounded || at < HEADER_WORDS {
        return None;
    }
    let lane = shape.generations.checked_mul(shape.words.checked_add(2)?)?.checked_add(8)?;
    let end = lanes.checked_mul(lane)?.checked_add(at)?;
    (end <= all_words).then_some(Laid { at, lanes, shape })
}

/// When a process was started, in ticks since the machine was; 0 where that is not known.
fn started(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the command's name, which may have blanks and brackets, the time is the 20th field.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().nth(19).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

/// True where that process runs, and is not another one with its number.
fn lives(pid: u32, since: u64) -> bool {
    let pid_of = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let runs = pid_of.is_some_and(|pid| test_kill_process(pid).is_ok());
    runs && (since == 0 || started(pid) == since)
}

/// Bytes as words, the last one filled up with zeros. `words` is emptied first.
#[inline]
pub fn pack(bytes: &[u8], words: &mut Vec<u64>) {
    words.clear();
    let (whole, rest) = bytes.as_chunks::<8>();
    words.extend(whole.iter().map(|chunk| u64::from_le_bytes(*chunk)));
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        words.push(u64::from_le_bytes(last));
    }
}

/// The bytes of words.
#[inline]
pub fn unpack(words: &[u64], bytes: usize) -> Vec<u8> {
    let mut all: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    all.truncate(bytes);
    all
}
