//! The bounded queue of a kernel without a log: what it takes goes to its followers through a log in memory, and a thread
//! of its own writes that. The kernel itself only puts the input's bytes into a buffer: no system call, no hash, no file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dita_kernel::codec;
use dita_kernel::input::{Input, Stamp};
use dita_kernel::kernel::Kernel;
use dita_log::{Log, LogError, Need};

use crate::durable::{LogSettings, REFUSED, kind_of};

/// Kind, sequence number, time, length.
const HEAD_BYTES: usize = 1 + 8 + 8 + 4;
/// The kernel waits for the thread, which is several times as fast, where so much waits for it.
const WAITING_BYTES_MAX: usize = 32 << 20;
/// How long the thread rests: at first, and once nothing has come for a while. Nobody wakes it: that would be a system
/// call of the kernel's.
const REST: Duration = Duration::from_millis(1);
const REST_MAX: Duration = Duration::from_millis(20);

/// A snapshot on its way.
struct Shot {
    seq: u64,
    now_ns: i64,
    state: Vec<u8>,
    hash: [u8; 32],
}

/// What is handed over.
#[derive(Default)]
struct Handed {
    /// Records, one after the other: head and payload.
    bytes: Vec<u8>,
    shots: Vec<Shot>,
    /// The thread writes.
    is_writing: bool,
    ends: bool,
    failure: Option<LogError>,
}

struct Shared {
    handed: Mutex<Handed>,
    written: Condvar,
    has_failed: AtomicBool,
}

impl Shared {
    fn hold(&self) -> MutexGuard<'_, Handed> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kernel's end of the queue.
pub(crate) struct Queue {
    /// Of this drain.
    buffer: Vec<u8>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    snapshot_records: u64,
    since_snapshot: u64,
    /// The process that has the thread.
    owner: u32,
}

impl Queue {
    /// Begins to write a log that is new.
    pub(crate) fn new(log: Log, settings: &LogSettings) -> Queue {
        let shared = Arc::new(Shared {
            handed: Mutex::new(Handed::default()),
            written: Condvar::new(),
            has_failed: AtomicBool::new(false),
        });
        let (held, retained_bytes_max) = (shared.clone(), settings.retained_bytes_max);
        let thread = thread::Builder::new()
            .name("dita-queue".into())
            .spawn(move || write_all(log, &held, retained_bytes_max))
            .ok();
        shared.has_failed.store(thread.is_none(), Ordering::Relaxed);
        Queue {
            buffer: Vec::new(),
            shared,
            thread,
            snapshot_records: settings.snapshot_records.max(1),
            since_snapshot: 0,
            owner: std::process::id(),
        }
    }

    /// Notes an input that was taken or refused.
    #[inline]
    pub(crate) fn note(&mut self, seq: u64, stamp: Stamp, input: &Input, accepted: bool) {
        let start = self.buffer.len();
        let refused = if accepted { 0 } else { REFUSED };
        self.buffer.extend_from_slice(&[0; HEAD_BYTES]);
        if codec::encode(input, &mut self.buffer).is_err() {
            self.fail();
            return;
        }
        let length = u32::try_from(self.buffer.len() - start - HEAD_BYTES).unwrap_or(u32::MAX);
        if let Some(head) = self.buffer[start..].first_chunk_mut::<HEAD_BYTES>() {
            head[0] = kind_of(input) | refused;
            head[1..9].copy_from_slice(&seq.to_le_bytes());
            head[9..17].copy_from_slice(&stamp.0.to_le_bytes());
            head[17..21].copy_from_slice(&length.to_le_bytes());
        }
        self.since_snapshot += 1;
    }

    /// The end of a drain: hands over what was noted, and a snapshot where one is due.
    #[inline]
    pub(crate) fn hand_over(&mut self, kernel: &Kernel) {
        if self.buffer.is_empty() {
            return;
        }
        let shot = if self.since_snapshot >= self.snapshot_records { self.shot(kernel) } else { None };
        if self.shared.has_failed.load(Ordering::Relaxed) {
            self.buffer.clear();
            return;
        }
        let mut handed = self.shared.hold();
        while handed.bytes.len() > WAITING_BYTES_MAX && handed.failure.is_none() {
            handed = self.shared.written.wait(handed).unwrap_or_else(PoisonError::into_inner);
        }
        handed.bytes.extend_from_slice(&self.buffer);
        handed.shots.extend(shot);
        drop(handed);
        self.buffer.clear();
    }

    #[cold]
    fn shot(&mut self, kernel: &Kernel) -> Option<Shot> {
        self.since_snapshot = 0;
        let state = kernel.to_snapshot().ok()?;
        Some(Shot { seq: kernel.seq(), now_ns: kernel.now_ns(), state, hash: kernel.state_hash() })
    }

    /// Waits until everything that was handed over can be read.
    pub(crate) fn flush(&mut self, kernel: &Kernel) {
        self.hand_over(kernel);
        let mut handed = self.shared.hold();
        while (handed.is_writing || !handed.bytes.is_empty()) && handed.failure.is_none() {
            handed = self.shared.written.wait(handed).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Why followers get nothing more, if they do not.
    pub(crate) fn failure(&self) -> Option<String> {
        let failure = self.shared.hold().failure.as_ref().map(ToString::to_string);
        let failed = self.shared.has_failed.load(Ordering::Relaxed);
        failure.or_else(|| failed.then(|| "the queue's thread could not be begun".into()))
    }

    #[cold]
    fn fail(&mut self) {
        self.buffer.clear();
        self.shared.has_failed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if self.owner != std::process::id() {
            // In a forked process there is no such thread, and its lock may be held for ever.
            std::mem::forget(thread);
            return;
        }
        self.shared.hold().ends = true;
        let _ = thread.join();
    }
}

/// The thread: writes what is handed over, until it ends.
fn write_all(mut log: Log, shared: &Shared, retained_bytes_max: u64) {
    let mut rest = REST;
    // Two buffers go to and fro: a new one each time would be new pages each time, and the kernel's to touch first.
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let mut handed = shared.hold();
        std::mem::swap(&mut handed.bytes, &mut bytes);
        let shots = std::mem::take(&mut handed.shots);
        if bytes.is_empty() {
            if handed.ends {
                break;
            }
            drop(handed);
            thread::sleep(rest);
            rest = (rest * 2).min(REST_MAX);
            continue;
        }
        handed.is_writing = true;
        drop(handed);
        rest = REST;
        let written = write(&mut log, &bytes, shots, retained_bytes_max);
        let mut handed = shared.hold();
        handed.is_writing = false;
        if let Err(error) = written {
            shared.has_failed.store(true, Ordering::Relaxed);
            handed.failure = Some(error);
            handed.bytes.clear();
            shared.written.notify_all();
            return;
        }
        shared.written.notify_all();
    }
    // Nobody is left to be told; followers have what was written before.
    let _ = log.close();
}

fn write(log: &mut Log, bytes: &[u8], shots: Vec<Shot>, retained_bytes_max: u64) -> Result<(), LogError> {
    let mut shots = shots.into_iter().peekable();
    let mut left = bytes;
    while let Some((head, rest)) = left.split_first_chunk::<HEAD_BYTES>() {
        let length = u32::from_le_bytes([head[17], head[18], head[19], head[20]]) as usize;
        let (payload, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        left = after;
        let seq =
            u64::from_le_bytes([head[1], head[2], head[3], head[4], head[5], head[6], head[7], head[8]]);
        let time = [head[9], head[10], head[11], head[12], head[13], head[14], head[15], head[16]];
        log.append(head[0], seq, i64::from_le_bytes(time), &[], |out| out.extend_from_slice(payload))?;
        while shots.peek().is_some_and(|shot| shot.seq <= seq) {
            if let Some(shot) = shots.next() {
                log.hold_for_followers();
                log.write_snapshot(shot.seq, shot.now_ns, &shot.state, &shot.hash)?;
                log.retain(retained_bytes_max)?;
            }
        }
    }
    log.settle(Need::WithinPolicy).map(drop)
}
