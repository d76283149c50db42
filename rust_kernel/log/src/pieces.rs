//! How encoded records get into their file: linked into the chain and written, a piece at a time. A thread does that
//! where many come at once, while their owner appends on; what is left when the owner needs them written it does itself.
//!
//! Nobody waits for the thread to wake up: it looks by itself while pieces come often, and what it has not begun with the
//! owner takes back. What ends up in the file is the same either way.

use crate::disk::DiskFile;
use crate::error::LogError;
use crate::record::{self, Chain};
use crate::sync::{Shared, hold};
use crate::writer::Active;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A piece, in bytes: some eighty records. A drain with less never meets the thread.
pub(crate) const PIECE_BYTES: usize = 16 << 10;
/// What a new piece has room for: rarely is the last record larger.
pub(crate) const PIECE_CAPACITY: usize = 2 * PIECE_BYTES;
/// With so many waiting, because the disk is slow, the owner writes too.
const PIECES_MAX: usize = 16;
/// How long the thread rests before it looks again, and how often it does: waking it costs the owner as much as
/// linking a hundred records.
const LOOK: Duration = Duration::from_micros(50);
const LOOKS_MAX: u32 = 32;
/// So often the owner looks whether the thread is through with its piece, before it sleeps: a piece takes less, and to
/// sleep costs more.
const SPINS_MAX: u32 = 2_000;
/// How often a sleeping owner looks whether the thread is still there.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where the next record goes: the end of the active segment and of the chain.
#[derive(Clone)]
struct End {
    file: Arc<dyn DiskFile>,
    name: Arc<str>,
    salt: u32,
    /// How much of the file is written.
    written: u64,
    /// The hash of the last record.
    chain: Chain,
}

impl End {
    /// Everything that the segment has is written.
    fn of(active: &Active, chain: Chain) -> End {
        let Active { file, name, salt, bytes, .. } = active;
        End { file: file.clone(), name: name.clone(), salt: *salt, written: *bytes, chain }
    }

    /// Links records, each whole but for its checksum and the hash before it, and writes them.
    fn write(&mut self, records: &mut [u8]) -> io::Result<()> {
        let mut at = 0;
        while let Ok(length) = record::length(&records[at..]) {
            let bytes = &mut records[at..at + length];
            record::seal(bytes, &self.chain, self.salt);
            self.chain = record::link(bytes);
            at += length;
        }
        self.file.write_at(self.written, records)?;
        self.written += records.len() as u64;
        Ok(())
    }
}

/// What the owner and the thread share.
pub(crate) struct Pieces {
    state: Mutex<State>,
    /// Something was handed over.
    wake: Condvar,
    /// The thread has finished a piece.
    back: Condvar,
    /// It is in the middle of one. The state says so too; here it can be read without the lock, which the thread would
    /// then have to wait for.
    is_busy: AtomicBool,
}

struct State {
    end: End,
    /// The thread is in the middle of a piece, and of that piece's writing `end` knows nothing yet.
    thread_writes: bool,
    /// Handed over, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Empty ones, to be filled again.
    empty: Vec<Vec<u8>>,
    /// The thread has to be woken.
    thread_sleeps: bool,
    owner_sleeps: bool,
    stop: bool,
}

impl Pieces {
    /// For a segment and the hash of its last record.
    pub fn new(active: &Active, chain: Chain) -> Pieces {
        let state = State {
            end: End::of(active, chain),
            thread_writes: false,
            waiting: VecDeque::new(),
            empty: Vec::new(),
            thread_sleeps: false,
            owner_sleeps: false,
            stop: false,
        };
        Pieces {
            state: Mutex::new(state),
            wake: Condvar::new(),
            back: Condvar::new(),
            is_busy: AtomicBool::new(false),
        }
    }

    /// Begins the thread.
    pub fn spawn(self: &Arc<Pieces>, shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
        let (pieces, shared) = (self.clone(), shared.clone());
        thread::Builder::new().name("dita-log-write".to_string()).spawn(move || pieces.write_behind(&shared))
    }

    /// Takes a full piece over and gives an empty one for it; false where so much waits that its owner has to write.
    pub fn hand_over(&self, piece: &mut Vec<u8>) -> bool {
        let mut state = hold(&self.state);
        if state.waiting.len() >= PIECES_MAX {
            return false;
        }
        let empty = state.empty.pop().unwrap_or_else(|| Vec::with_capacity(PIECE_CAPACITY));
        state.waiting.push_back(std::mem::replace(piece, empty));
        let sleeps = std::mem::take(&mut state.thread_sleeps);
        drop(state);
        if sleeps {
            self.wake.notify_one();
        }
        true
    }

    /// Writes everything that was handed over, and `last` behind it, which is empty afterwards.
    pub fn write_all(
        &self,
        last: &mut Vec<u8>,
        shared: &Shared,
        thread: Option<&JoinHandle<()>>,
    ) -> Result<(), LogError> {
        let mut state = self.idle(shared, thread)?;
        // Not under the lock: who finds it held has to be woken, and only this call's thread hands anything over.
        let mut waiting = std::mem::take(&mut state.waiting);
        let mut end = state.end.clone();
        drop(state);
        for piece in &mut waiting {
            write(&mut end, piece, shared)?;
            piece.clear();
        }
        if !last.is_empty() {
            write(&mut end, last, shared)?;
            last.clear();
        }
        let mut state = hold(&self.state);
        state.end = end;
        state.empty.extend(waiting);
        Ok(())
    }

    /// Goes on in another segment; everything before must be written.
    pub fn go_on_in(&self, active: &Active) {
        let mut state = hold(&self.state);
        state.end = End::of(active, state.end.chain);
    }

    /// The hash of the last record that is written.
    pub fn chain(&self) -> Chain {
        hold(&self.state).end.chain
    }

    /// Ends the thread; what it has not begun with is not written.
    pub fn stop(&self) {
        hold(&self.state).stop = true;
        self.wake.notify_one();
    }

    /// The state, once the thread is not in the middle of a piece.
    fn idle(
        &self,
        shared: &Shared,
        thread: Option<&JoinHandle<()>>,
    ) -> Result<MutexGuard<'_, State>, LogError> {
        let mut spins = 0;
        while self.is_busy.load(Ordering::Acquire) && spins < SPINS_MAX {
            spins += 1;
            std::hint::spin_loop();
        }
        let mut state = hold(&self.state);
        while state.thread_writes {
            if thread.is_none_or(JoinHandle::is_finished) {
                let error = io::Error::other("the thread that writes has ended");
                return Err(shared.poison(shared.failed_write(&state.end.name, &error)));
            }
            state.owner_sleeps = true;
            state = self.back.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
        // The thread's piece may be the one that failed.
        shared.check()?;
        Ok(state)
    }

    /// The thread's body.
    fn write_behind(&self, shared: &Shared) {
        let mut state = hold(&self.state);
        let mut looks_left = LOOKS_MAX;
        while !state.stop {
            if let Some(mut piece) = state.waiting.pop_front() {
                let mut end = state.end.clone();
                state.thread_writes = true;
                self.is_busy.store(true, Ordering::Release);
                drop(state);
                // A failure has poisoned the log; the owner's next call says so.
                let failed = write(&mut end, &mut piece, shared).is_err();
                piece.clear();
                state = hold(&self.state);
                state.end = end;
                state.thread_writes = false;
                self.is_busy.store(false, Ordering::Release);
                state.empty.push(piece);
                if failed {
                    state.waiting.clear();
                }
                if std::mem::take(&mut state.owner_sleeps) {
                    self.back.notify_one();
                }
                looks_left = LOOKS_MAX;
            } else if looks_left > 0 {
                looks_left -= 1;
                state = self.wake.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
            } else {
                state.thread_sleeps = true;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.thread_sleeps = false;
                looks_left = LOOKS_MAX;
            }
        }
    }
}

/// A failure poisons the log: how much of the piece is in the file is unknown then.
fn write(end: &mut End, records: &mut [u8], shared: &Shared) -> Result<(), LogError> {
    shared.check()?;
    end.write(records).map_err(|error| shared.poison(shared.failed_write(&end.name, &error)))
}
