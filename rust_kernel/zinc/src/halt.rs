//! The halt: a small file that operators write and the kernel reads. It only tightens.
//!
//! Words: `magic`, `version`, `word`, `tickets`, `bell`, `taken`; from word 64 on the requests, who asked and when.
//! `word` is all that counts: the gate in the lowest 8 bits, the low 24 bits of the request's ticket, and a count of 32
//! bits that every request raises. Who asks draws a ticket, writes the request down under it, changes the word in one
//! exchange, rings the bell, and wakes who waits for that. Nobody holds anything, so who dies on the way has asked, or
//! has not.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use crate::error::ZincError;
use crate::mapping::Mapping;
use crate::place::{Place, make_own, open_own};

/// The longest name of who asks.
pub const WHO_BYTES_MAX: usize = 64;

const MAGIC: u64 = u64::from_le_bytes(*b"DITAHALT");
const VERSION: u64 = 1;
const WORDS: usize = 512;
const AT_VERSION: usize = 1;
const AT_WORD: usize = 2;
const AT_TICKETS: usize = 3;
const AT_BELL: usize = 4;
const AT_TAKEN: usize = 5;
const AT_REQUESTS: usize = 64;
/// `mark`, `at_ns`, `bytes`, and the name.
const REQUEST_WORDS: usize = 3 + WHO_BYTES_MAX / 8;
/// So many requests may be under way at once before who asked for one of them is lost; what was asked is not.
const REQUESTS: u64 = 32;

const TICKET_MASK: u64 = 0xFF_FFFF;

/// What an operator asks for, the tighter the larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Gate {
    /// Nothing.
    Normal,
    /// Nothing that increases risk.
    ReduceOnly,
    /// Nothing but cancels and exits; working entries are canceled.
    Halted,
}

impl Gate {
    fn of(word: u64) -> Gate {
        match word & 0xFF {
            0 => Gate::Normal,
            1 => Gate::ReduceOnly,
            // What nobody writes is taken for the tightest.
            _ => Gate::Halted,
        }
    }
}

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The whole word: which request it was.
    pub word: u64,
    /// The gate.
    pub gate: Gate,
    /// Who; empty where that was overwritten.
    pub who: String,
    /// When, ns since 1970; 0 where that was overwritten.
    pub at_ns: i64,
}

/// The file in memory.
pub struct Halt {
    mapping: Mapping,
}

impl Halt {
    /// Opens the halt of a name, and makes it where it is not there: the kernel's part. What stands in it stands.
    ///
    /// # Errors
    /// As [`Halt::open`].
    pub fn make(place: &Place) -> Result<Halt, ZincError> {
        place.prepare()?;
        match Halt::open(place) {
            Err(ZincError::NotThere(_)) => {}
            found => return found,
        }
        let (path, draft) = (place.halt(), place.draft("halt"));
        let file = make_own(&draft, WORDS as u64 * 8)?;
        let mapping = Mapping::of(&file, WORDS, true);
        let mapping = mapping.map_err(|error| ZincError::io(&draft, "map it", &error))?;
        mapping.words()[AT_VERSION].store(VERSION, Ordering::Release);
        mapping.words()[0].store(MAGIC, Ordering::Release);
        // Unlike a rename this takes nobody's place.
        let linked = fs::hard_link(&draft, &path);
        let _ = fs::remove_file(&draft);
        match linked {
            Ok(()) => Ok(Halt { mapping }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Halt::open(place),
            Err(error) => Err(ZincError::io(&path, "put it into its place", &error)),
        }
    }

    /// Opens the halt of a name.
    ///
    /// # Errors
    /// It is not there, not this user's alone, of another version, or no halt.
    pub fn open(place: &Place) -> Result<Halt, ZincError> {
        let path = place.halt();
        let file = open_own(&path, true)?;
        let bytes = file.metadata().map_err(|error| ZincError::io(&path, "look at it", &error))?.len();
        if bytes != WORDS as u64 * 8 {
            return Err(ZincError::garbage(&path, format!("it has {bytes} bytes")));
        }
        let mapping = Mapping::of(&file, WORDS, true);
        let mapping = mapping.map_err(|error| ZincError::io(&path, "map it", &error))?;
        let header = |at: usize| mapping.words()[at].load(Ordering::Acquire);
        if header(0) != MAGIC {
            return Err(ZincError::garbage(&path, "it does not begin as one"));
        }
        if header(AT_VERSION) != VERSION {
            return Err(ZincError::Version { path, found: header(AT_VERSION), read: VERSION });
        }
        Ok(Halt { mapping })
    }

    #[inline(always)]
    fn at(&self, place: usize) -> &AtomicU64 {
        &self.mapping.words()[place]
    }

    /// The word as it stands: one load. It changes with every request.
    #[inline(always)]
    pub fn word(&self) -> u64 {
        self.at(AT_WORD).load(Ordering::Acquire)
    }

    /// The gate as it stands.
    pub fn gate(&self) -> Gate {
        Gate::of(self.word())
    }

    fn request(&self, ticket: u64) -> &[AtomicU64] {
        let at = AT_REQUESTS + (ticket % REQUESTS) as usize * REQUEST_WORDS;
        &self.mapping.words()[at..at + REQUEST_WORDS]
    }

    /// Asks for a gate, and gives the word that says so. One that is tighter already stays.
    ///
    /// A name is cut off behind [`WHO_BYTES_MAX`] bytes.
    pub fn ask(&self, gate: Gate, who: &str, at_ns: i64) -> u64 {
        let ticket = self.at(AT_TICKETS).fetch_add(1, Ordering::Relaxed).wrapping_add(1) & TICKET_MASK;
        self.note(ticket, who, at_ns);
        let mut standing = self.word();
        let asked = loop {
            let count = (standing >> 32).wrapping_add(1) << 32;
            let word = count | (ticket << 8) | Gate::of(standing).max(gate) as u64;
            let swapped =
                self.at(AT_WORD).compare_exchange_weak(standing, word, Ordering::AcqRel, Ordering::Acquire);
            match swapped {
                Ok(_) => break word,
                Err(found) => standing = found,
            }
        };
        self.ring();
        asked
    }

    fn note(&self, ticket: u64, who: &str, at_ns: i64) {
        let [mark, at, bytes, name @ ..] = self.request(ticket) else { return };
        mark.store(ticket * 2 + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        let end = (0..=who.len().min(WHO_BYTES_MAX)).rev().find(|end| who.is_char_boundary(*end));
        let who = &who.as_bytes()[..end.unwrap_or(0)];
        at.store(at_ns as u64, Ordering::Relaxed);
        bytes.store(who.len() as u64, Ordering::Relaxed);
        for (to, from) in name.iter().zip(who.chunks(8)) {
            let mut word = [0; 8];
            word[..from.len()].copy_from_slice(from);
            to.store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        mark.store(ticket * 2 + 2, Ordering::Release);
    }

    /// What a word asks for, with who wrote it and when.
    pub fn asked(&self, word: u64) -> Asked {
        let ticket = (word >> 8) & TICKET_MASK;
        let (who, at_ns) = self.noted(ticket).unwrap_or_default();
        Asked { word, gate: Gate::of(word), who, at_ns }
    }

    fn noted(&self, ticket: u64) -> Option<(String, i64)> {
        let [mark, at, bytes, name @ ..] = self.request(ticket) else { return None };
        let whole = ticket * 2 + 2;
        if mark.load(Ordering::Acquire) != whole {
            return None;
        }
        let (at_ns, bytes) = (at.load(Ordering::Relaxed) as i64, bytes.load(Ordering::Relaxed) as usize);
        let mut who: Vec<u8> =
            name.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
        who.truncate(bytes.min(WHO_BYTES_MAX));
        fence(Ordering::Acquire);
        (mark.load(Ordering::Relaxed) == whole).then(|| (String::from_utf8_lossy(&who).into_owned(), at_ns))
    }

    /// Opens the gate again, where nobody has asked for anything since `word`; gives the word that then stands.
    ///
    /// The kernel's part: an operator opens it at the control plane, and the kernel then lets the halt follow.
    pub fn open_again(&self, word: u64) -> u64 {
        let opened = word & !0xFF;
        match self.at(AT_WORD).compare_exchange(word, opened, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => opened,
            Err(found) => found,
        }
    }

    /// Says which word the kernel goes by: the kernel's part.
    pub fn tell_taken(&self, word: u64) {
        self.at(AT_TAKEN).store(word, Ordering::Release);
    }

    /// True where the kernel has taken a request, or a later one.
    pub fn is_taken(&self, word: u64) -> bool {
        let taken = self.at(AT_TAKEN).load(Ordering::Acquire);
        // Counts wrap after four thousand million requests; none is open for so long.
        (taken >> 32).wrapping_sub(word >> 32) as u32 <= u32::MAX / 2
    }

    /// Wakes who waits.
    pub fn ring(&self) {
        if let Some(bell) = self.mapping.bell(AT_BELL) {
            bell.fetch_add(1, Ordering::Release);
            wake(bell);
        }
    }

    /// What [`Halt::wait`] holds the bell against.
    pub fn rung(&self) -> u32 {
        self.mapping.bell(AT_BELL).map_or(0, |bell| bell.load(Ordering::Acquire))
    }

    /// Sleeps until the bell is rung after `rung`, and no longer than that.
    pub fn wait(&self, rung: u32, longest: Duration) {
        if let Some(bell) = self.mapping.bell(AT_BELL) {
            wait(bell, rung, longest);
        }
    }
}

#[cfg(target_os = "linux")]
fn wait(bell: &std::sync::atomic::AtomicU32, rung: u32, longest: Duration) {
    use rustix::thread::futex;
    let timeout =
        rustix::thread::Timespec { tv_sec: longest.as_secs() as i64, tv_nsec: longest.subsec_nanos().into() };
    // Rung already, interrupted, too late: the caller looks at the word in each case.
    let _ = futex::wait(bell, futex::Flags::empty(), rung, Some(&timeout));
}

#[cfg(target_os = "linux")]
fn wake(bell: &std::sync::atomic::AtomicU32) {
    use rustix::thread::futex;
    let _ = futex::wake(bell, futex::Flags::empty(), u32::MAX >> 1);
}

#[cfg(not(target_os = "linux"))]
fn wait(bell: &std::sync::atomic::AtomicU32, rung: u32, longest: Duration) {
    if bell.load(Ordering::Acquire) == rung {
        std::thread::sleep(longest.min(Duration::from_millis(1)));
    }
}

#[cfg(not(target_os = "linux"))]
fn wake(_bell: &std::sync::atomic::AtomicU32) {}
