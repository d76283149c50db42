//! The pulse: a small file that a server beats in, so that another process sees whether it is alive.
//!
//! Words: `magic`, `version`, `pid`, `started`, `state`, `beats`. Process id and the time of its start name the process; the
//! beats are a count, so that who watches goes by a clock of its own. The file stays when its process ends.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ZincError;
use crate::mapping::Mapping;
use crate::place::{Place, make_own, open_own};

const MAGIC: u64 = u64::from_le_bytes(*b"DITABEAT");
const VERSION: u64 = 1;
const WORDS: usize = 8;
const AT_VERSION: usize = 1;
const AT_PID: usize = 2;
const AT_STARTED: usize = 3;
const AT_STATE: usize = 4;
const AT_BEATS: usize = 5;

/// What a server is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// It opens its accounts: nothing is expected of it yet.
    Opening,
    /// It serves: it has to beat.
    Serving,
    /// It ends in order.
    Ending,
}

/// What a pulse shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// The process.
    pub pid: u64,
    /// When it was started, in the system's own ticks: a number that is used again has another one.
    pub started: u64,
    /// What it is about.
    pub life: Life,
    /// How often it has beaten.
    pub beats: u64,
}

/// The file in memory.
pub struct Pulse {
    mapping: Mapping,
}

impl Pulse {
    /// Makes the pulse of a name a process's own; it is opening. Only who owns the name may.
    ///
    /// # Errors
    /// As [`Pulse::open`].
    pub fn make(place: &Place, pid: u64, started: u64) -> Result<Pulse, ZincError> {
        place.prepare()?;
        let pulse = match Pulse::opened(place, true) {
            Ok(pulse) => pulse,
            Err(ZincError::NotThere(_) | ZincError::Garbage { .. } | ZincError::Version { .. }) => {
                let (path, draft) = (place.pulse(), place.draft("pulse"));
                let file = make_own(&draft, WORDS as u64 * 8)?;
                let mapping = Mapping::of(&file, WORDS, true);
                let mapping = mapping.map_err(|error| ZincError::io(&draft, "map it", &error))?;
                mapping.words()[AT_VERSION].store(VERSION, Ordering::Release);
                mapping.words()[0].store(MAGIC, Ordering::Release);
                fs::rename(&draft, &path)
                    .map_err(|error| ZincError::io(&path, "put it into its place", &error))?;
                Pulse { mapping }
            }
            Err(error) => return Err(error),
        };
        // Nobody's while it changes hands: half of one process and half of another must not be read as one.
        pulse.at(AT_PID).store(0, Ordering::SeqCst);
        pulse.tell(Life::Opening);
        pulse.at(AT_STARTED).store(started, Ordering::SeqCst);
        pulse.at(AT_PID).store(pid, Ordering::SeqCst);
        Ok(pulse)
    }

    /// Opens the pulse of a name to look at it.
    ///
    /// # Errors
    /// It is not there, not this user's alone, of another version, or none.
    pub fn open(place: &Place) -> Result<Pulse, ZincError> {
        Pulse::opened(place, false)
    }

    fn opened(place: &Place, is_writable: bool) -> Result<Pulse, ZincError> {
        let path = place.pulse();
        let file = open_own(&path, is_writable)?;
        let bytes = file.metadata().map_err(|error| ZincError::io(&path, "look at it", &error))?.len();
        if bytes != WORDS as u64 * 8 {
            return Err(ZincError::garbage(&path, format!("it has {bytes} bytes")));
        }
        let mapping = Mapping::of(&file, WORDS, is_writable);
        let mapping = mapping.map_err(|error| ZincError::io(&path, "map it", &error))?;
        let header = |at: usize| mapping.words()[at].load(Ordering::Acquire);
        if header(0) != MAGIC {
            return Err(ZincError::garbage(&path, "it does not begin as one"));
        }
        if header(AT_VERSION) != VERSION {
            return Err(ZincError::Version { path, found: header(AT_VERSION), read: VERSION });
        }
        Ok(Pulse { mapping })
    }

    fn at(&self, place: usize) -> &AtomicU64 {
        &self.mapping.words()[place]
    }

    /// Says what the server is about. Only on one that was made here.
    pub fn tell(&self, life: Life) {
        self.at(AT_STATE).store(life as u64, Ordering::SeqCst);
    }

    /// Beats once. Only on one that was made here.
    pub fn beat(&self) {
        self.at(AT_BEATS).fetch_add(1, Ordering::Release);
    }

    /// What it shows now; `None` while it changes hands.
    pub fn shown(&self) -> Option<Shown> {
        let pid = self.at(AT_PID).load(Ordering::SeqCst);
        let started = self.at(AT_STARTED).load(Ordering::SeqCst);
        let life = match self.at(AT_STATE).load(Ordering::SeqCst) {
            0 => Life::Opening,
            1 => Life::Serving,
            _ => Life::Ending,
        };
        let beats = self.at(AT_BEATS).load(Ordering::SeqCst);
        let stays = pid != 0 && self.at(AT_PID).load(Ordering::SeqCst) == pid;
        stays.then_some(Shown { pid, started, life, beats })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        let directory = std::env::temp_dir().join(format!("dita-pulse-{}-{name}", std::process::id()));
        Place::new(&directory, name).unwrap()
    }

    #[test]
    fn a_pulse_shows_whose_it_is_and_that_it_beats() {
        let place = place("beats");
        let mine = Pulse::make(&place, 7, 70).unwrap();
        let seen = Pulse::open(&place).unwrap();
        assert_eq!(seen.shown(), Some(Shown { pid: 7, started: 70, life: Life::Opening, beats: 0 }));
        mine.tell(Life::Serving);
        mine.beat();
        mine.beat();
        assert_eq!(seen.shown(), Some(Shown { pid: 7, started: 70, life: Life::Serving, beats: 2 }));
        // The next one has the same file: who watches goes on looking at it.
        let next = Pulse::make(&place, 8, 80).unwrap();
        assert_eq!(seen.shown(), Some(Shown { pid: 8, started: 80, life: Life::Opening, beats: 2 }));
        next.tell(Life::Ending);
        assert_eq!(seen.shown().unwrap().life, Life::Ending);
        fs::remove_dir_all(place.pulse().parent().unwrap()).unwrap();
    }

    #[test]
    fn what_is_no_pulse_is_refused_by_who_looks_and_replaced_by_who_owns_it() {
        let place = place("garbage");
        assert!(matches!(Pulse::open(&place), Err(ZincError::NotThere(_))));
        place.prepare().unwrap();
        drop(make_own(&place.pulse(), 64).unwrap());
        assert!(matches!(Pulse::open(&place), Err(ZincError::Garbage { .. })));
        drop(Pulse::make(&place, 7, 70).unwrap());
        assert_eq!(Pulse::open(&place).unwrap().shown().unwrap().pid, 7);
        fs::remove_dir_all(place.pulse().parent().unwrap()).unwrap();
    }
}
