//! The bounded queue of a kernel without a log: what it takes goes to its followers through a log in memory, and a thread
//! of its own writes that. The kernel itself only puts the input into a buffer, in a [raw form](raw): no encoding, no system
//! call, no hash, no file.
//! It never waits for the thread either: what overflows is gone, and the log begins anew behind the gap.

mod raw;
mod writing;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dita_kernel::codec;
use dita_kernel::input::{Input, Stamp};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_log::{Log, LogError};

use crate::durable::{LogSettings, REFUSED, SharedDisk, kind_of};
use writing::Writing;

/// Of a [`Head`].
const HEAD_BYTES: usize = 4 + 1 + 1 + 8;
/// More than this does not wait for the thread: it takes less time for a round trip than a kernel that Python drives, so that
/// it hangs then, or somebody drives the kernel from Rust without a pause.
pub const WAITING_BYTES_MAX: usize = 32 << 20;
/// So long the end waits for the thread: many times what it takes to write the most that can wait.
const END_WITHIN: Duration = Duration::from_secs(10);

/// What stands before a record's payload.
struct Head {
    /// The payload is in the raw form; otherwise it is the codec's.
    is_raw: bool,
    /// The first of what is handed over together: the raw form's ids begin anew.
    is_first: bool,
    kind: u8,
    /// Of the number, which is one more than the record's before: its lowest byte, to be sure.
    seq: u8,
    time_ns: i64,
    /// Of the payload, in bytes.
    length: u32,
}

impl Head {
    const IS_RAW: u32 = 1 << 31;
    const IS_FIRST: u32 = 1 << 30;
    const LENGTH_MAX: u32 = Head::IS_FIRST - 1;

    #[inline]
    fn write(&self, to: &mut [u8; HEAD_BYTES]) {
        let is_raw = if self.is_raw { Head::IS_RAW } else { 0 };
        let is_first = if self.is_first { Head::IS_FIRST } else { 0 };
        to[0..4].copy_from_slice(&(self.length | is_raw | is_first).to_le_bytes());
        to[4] = self.kind;
        to[5] = self.seq;
        to[6..14].copy_from_slice(&self.time_ns.to_le_bytes());
    }

    fn read(from: &[u8; HEAD_BYTES]) -> Head {
        let [a, b, c, d, kind, seq, e, f, g, h, i, j, k, l] = *from;
        let first = u32::from_le_bytes([a, b, c, d]);
        Head {
            is_raw: first & Head::IS_RAW != 0,
            is_first: first & Head::IS_FIRST != 0,
            kind,
            seq,
            time_ns: i64::from_le_bytes([e, f, g, h, i, j, k, l]),
            length: first & Head::LENGTH_MAX,
        }
    }
}

/// A snapshot on its way.
struct Shot {
    seq: u64,
    now_ns: i64,
    state: Vec<u8>,
    hash: [u8; 32],
    /// Records before it are missing.
    after_gap: bool,
}

/// What is handed over.
#[derive(Default)]
struct Handed {
    /// Records, one after the other: head and payload.
    bytes: Vec<u8>,
    shots: Vec<Shot>,
    /// The thread writes.
    is_writing: bool,
    /// Somebody waits for what is handed over: the thread does not rest before it has taken that.
    is_awaited: bool,
    ends: bool,
    /// There is no thread any more.
    has_ended: bool,
    failure: Option<LogError>,
}

impl Handed {
    fn is_done(&self) -> bool {
        self.failure.is_some() || !(self.is_writing || self.waits())
    }

    fn waits(&self) -> bool {
        !(self.bytes.is_empty() && self.shots.is_empty())
    }
}

#[derive(Default)]
struct Shared {
    handed: Mutex<Handed>,
    /// Told whenever something was written.
    written: Condvar,
    /// Told when somebody waits for that, and at the end.
    wanted: Condvar,
    has_failed: AtomicBool,
}

impl Shared {
    fn hold(&self) -> MutexGuard<'_, Handed> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's rest; whoever waits for it ends that, also where it has not begun.
    fn rest(&self, handed: MutexGuard<'_, Handed>, rest: Duration) {
        if !rest.is_zero() {
            let may_rest = |handed: &mut Handed| !(handed.ends || handed.is_awaited);
            drop(self.wanted.wait_timeout_while(handed, rest, may_rest));
        }
    }

    #[cold]
    fn fail(&self, mut handed: MutexGuard<'_, Handed>, error: LogError) {
        self.has_failed.store(true, Ordering::Relaxed);
        handed.failure = Some(error);
        handed.bytes.clear();
        handed.shots.clear();
        self.written.notify_all();
    }
}

/// The thread's end, told however it comes.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut handed = self.0.hold();
        handed.has_ended = true;
        if thread::panicking() {
            // Else somebody would wait for ever for what it was at.
            self.0
                .fail(handed, LogError::Config { field: "queue", reason: "its thread has panicked".into() });
        } else {
            self.0.written.notify_all();
        }
    }
}

/// The kernel's end of the queue.
pub(crate) struct Queue {
    /// Its first `used` bytes are what was noted and not handed over; the rest is room that was made before.
    buffer: Vec<u8>,
    used: usize,
    /// What the raw form of the last input in it leaves to be repeated.
    before: raw::Before,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// A snapshot is due after so many inputs, or so many bytes of them: what is kept is bounded in bytes.
    snapshot_records: u64,
    snapshot_bytes: u64,
    since_snapshot: u64,
    bytes_since_snapshot: u64,
    /// Something overflowed: nothing goes over until the thread has room again, and then a snapshot goes first. Or the queue
    /// has failed: then nothing goes over any more.
    has_gap: bool,
    /// The process that has the thread.
    owner: u32,
    end_within: Duration,
}

impl Queue {
    /// Begins to write a log that is new.
    pub(crate) fn new(log: Log, disk: SharedDisk, kernel: &KernelConfig, settings: &LogSettings) -> Queue {
        let shared = Arc::new(Shared::default());
        let writing = Writing::new(log, disk, settings.config(kernel), settings);
        let held = shared.clone();
        let run = move || {
            let _ending = Ending(&held);
            writing.run(&held);
        };
        let thread = thread::Builder::new().name("dita-queue".into()).spawn(run).ok();
        shared.has_failed.store(thread.is_none(), Ordering::Relaxed);
        Queue {
            buffer: Vec::new(),
            used: 0,
            before: raw::Before::default(),
            shared,
            thread,
            snapshot_records: settings.snapshot_records.max(1),
            snapshot_bytes: (settings.retained_bytes_max.saturating_add(settings.follower_bytes_max) / 2)
                .max(1),
            since_snapshot: 0,
            bytes_since_snapshot: 0,
            has_gap: false,
            owner: std::process::id(),
            end_within: END_WITHIN,
        }
    }

    /// Notes an input that was taken or refused.
    #[inline]
    pub(crate) fn note(&mut self, seq: u64, stamp: Stamp, input: &Input, accepted: bool) {
        if self.has_gap {
            return;
        }
        let kind = kind_of(input) | if accepted { 0 } else { REFUSED };
        let used = self.used;
        let is_first = used == 0;
        if is_first {
            self.before = raw::Before::default();
        }
        let Some((room, before)) = self.room() else { return self.fail() };
        let (is_raw, length) = match raw::put(input, room, HEAD_BYTES, before) {
            Some(end) => (true, end.saturating_sub(HEAD_BYTES)),
            None => match self.encode(input) {
                Some(length) => (false, length),
                None => return self.fail(),
            },
        };
        self.used = used.saturating_add(HEAD_BYTES).saturating_add(length);
        self.since_snapshot += 1;
        if let Some(head) = self.buffer.get_mut(used..).and_then(<[u8]>::first_chunk_mut) {
            // No more than `encode` lets through.
            let length = length as u32 & Head::LENGTH_MAX;
            Head { is_raw, is_first, kind, seq: seq as u8, time_ns: stamp.0, length }.write(head);
        }
    }

    /// Room for an input in the raw form, and what there was before it.
    #[inline]
    fn room(&mut self) -> Option<(&mut [u8; raw::ROOM], &mut raw::Before)> {
        if self.buffer.len() < self.used.saturating_add(raw::ROOM) {
            self.make_room();
        }
        let room = self.buffer.get_mut(self.used..).and_then(<[u8]>::first_chunk_mut)?;
        Some((room, &mut self.before))
    }

    #[cold]
    fn make_room(&mut self) {
        // So much at once that a buffer that is filled again and again is seldom too small.
        self.buffer.resize(self.used.saturating_add(self.used.max(raw::ROOM)), 0);
    }

    /// Writes the codec's bytes behind a head, and returns how many.
    #[inline(never)]
    fn encode(&mut self, input: &Input) -> Option<usize> {
        let body = self.used.saturating_add(HEAD_BYTES);
        let end = codec::encode_at(input, &mut self.buffer, body).ok()?;
        Some(end.saturating_sub(body)).filter(|length| *length <= Head::LENGTH_MAX as usize)
    }

    /// The end of a drain, or a pause in it: hands over what was noted, and a snapshot where one is due.
    #[inline]
    pub(crate) fn hand_over(&mut self, kernel: &Kernel) {
        if self.has_gap {
            self.resume(kernel);
            return;
        }
        if self.used == 0 {
            return;
        }
        if self.has_failed() {
            // Nobody takes anything any more: nothing is noted from here on, and no snapshot made.
            self.used = 0;
            self.has_gap = true;
            return;
        }
        self.bytes_since_snapshot = self.bytes_since_snapshot.saturating_add(self.used as u64);
        let is_due =
            self.since_snapshot >= self.snapshot_records || self.bytes_since_snapshot >= self.snapshot_bytes;
        let shot = if is_due { self.shot(kernel, false) } else { None };
        let noted = self.buffer.get(..self.used).unwrap_or_default();
        self.used = 0;
        let mut handed = self.shared.hold();
        if handed.waits() && handed.bytes.len().saturating_add(noted.len()) > WAITING_BYTES_MAX {
            self.has_gap = true;
            return;
        }
        handed.bytes.extend_from_slice(noted);
        handed.shots.extend(shot);
    }

    /// Goes on behind a gap, with a snapshot, once the thread has taken what waits.
    #[cold]
    fn resume(&mut self, kernel: &Kernel) {
        if self.has_failed() || self.shared.hold().waits() {
            return;
        }
        let Some(shot) = self.shot(kernel, true) else { return };
        self.has_gap = false;
        self.used = 0;
        self.shared.hold().shots.push(shot);
    }

    #[cold]
    fn shot(&mut self, kernel: &Kernel, after_gap: bool) -> Option<Shot> {
        self.since_snapshot = 0;
        self.bytes_since_snapshot = 0;
        let state = kernel.to_snapshot().ok()?;
        let (seq, now_ns, hash) = (kernel.seq(), kernel.now_ns(), kernel.state_hash());
        Some(Shot { seq, now_ns, state, hash, after_gap })
    }

    /// Waits until everything that was handed over can be read.
    pub(crate) fn flush(&mut self, kernel: &Kernel) {
        self.hand_over(kernel);
        self.wait();
        if self.has_gap {
            self.resume(kernel);
            self.wait();
        }
    }

    fn wait(&self) {
        let mut handed = self.shared.hold();
        while !handed.is_done() {
            handed.is_awaited = true;
            self.shared.wanted.notify_all();
            handed = self.shared.written.wait(handed).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn has_failed(&self) -> bool {
        self.shared.has_failed.load(Ordering::Relaxed)
    }

    /// Why followers get nothing more, if they do not.
    pub(crate) fn failure(&self) -> Option<String> {
        let failure = self.shared.hold().failure.as_ref().map(ToString::to_string);
        failure.or_else(|| self.has_failed().then(|| "the queue's thread could not be begun".into()))
    }

    #[cold]
    fn fail(&mut self) {
        self.used = 0;
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
        let mut handed = self.shared.hold();
        handed.ends = true;
        self.shared.wanted.notify_all();
        let is_at_work = |handed: &mut Handed| !handed.has_ended;
        let waited = self.shared.written.wait_timeout_while(handed, self.end_within, is_at_work);
        let has_ended = waited.unwrap_or_else(PoisonError::into_inner).0.has_ended;
        if has_ended {
            let _ = thread.join();
        }
        // Else it hangs in its directory. All that it touches is its own, and it ends with the process, or when it can.
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use dita_log::{MemoryDisk, SyncPolicy};

    use super::*;
    use crate::durable::keys_of;

    /// The kernel's end of a queue that `thread` writes.
    fn queue(thread: Option<JoinHandle<()>>) -> Queue {
        Queue {
            buffer: Vec::new(),
            used: 0,
            before: raw::Before::default(),
            shared: Arc::default(),
            thread,
            snapshot_records: 1,
            snapshot_bytes: 1,
            since_snapshot: 0,
            bytes_since_snapshot: 0,
            has_gap: false,
            owner: std::process::id(),
            end_within: Duration::from_millis(1),
        }
    }

    #[test]
    fn a_thread_that_ends_says_so() {
        let shared = Shared::default();
        drop(Ending(&shared));
        let handed = shared.hold();
        assert!(handed.has_ended && handed.failure.is_none());
    }

    #[test]
    fn the_end_does_not_wait_for_ever_for_a_thread_that_hangs() {
        let (go_on, gate) = mpsc::channel::<()>();
        drop(queue(Some(thread::spawn(move || gate.recv().unwrap_or_default()))));
        assert_eq!(go_on.send(()), Ok(()), "the thread is still there");
    }

    /// Whoever waits may come between the thread's look, which finds nothing, and its rest.
    #[test]
    fn a_rest_does_not_begin_where_somebody_waits_already() {
        let shared = Arc::new(Shared::default());
        let mut own = queue(None);
        own.shared = shared.clone();
        shared.hold().bytes.push(0);
        let waits = thread::spawn(move || own.wait());
        while !shared.hold().is_awaited {
            thread::yield_now();
        }
        let (rested, is_over) = mpsc::channel();
        let held = shared.clone();
        thread::spawn(move || {
            held.rest(held.hold(), Duration::from_secs(3_600));
            rested.send(()).unwrap_or_default();
        });
        assert_eq!(is_over.recv_timeout(Duration::from_secs(30)), Ok(()), "it rests");
        shared.fail(shared.hold(), LogError::Config { field: "queue", reason: "over".into() });
        waits.join().expect("the wait is over");
    }

    /// Else the thread would never rest again.
    #[test]
    fn nobody_waits_when_the_wait_is_over() {
        let disk: SharedDisk = Arc::new(MemoryDisk::new());
        let settings = LogSettings { policy: SyncPolicy::Written, ..LogSettings::default() };
        let config = KernelConfig::default();
        let (log, _) = Log::open(disk.clone(), settings.config(&config), &keys_of).expect("it is new");
        let kernel = Kernel::new(config.clone()).expect("a kernel");
        let mut queue = Queue::new(log, disk, &config, &settings);
        queue.note(1, Stamp(1), &Input::Time, true);
        queue.flush(&kernel);
        let until = Instant::now() + Duration::from_secs(30);
        while queue.shared.hold().is_awaited {
            assert!(Instant::now() < until, "it is still waited for");
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(queue.failure(), None);
    }

    #[test]
    fn no_snapshot_is_made_for_a_queue_that_has_failed() {
        let kernel = Kernel::new(KernelConfig::default()).expect("a kernel");
        for has_gap in [false, true] {
            let mut queue = queue(None);
            queue.fail();
            // What was noted before it was seen that it has failed.
            queue.buffer.push(0);
            (queue.has_gap, queue.used, queue.since_snapshot) = (has_gap, 1, 7);
            queue.hand_over(&kernel);
            queue.hand_over(&kernel);
            // A snapshot begins a new count.
            assert_eq!(queue.since_snapshot, 7);
            queue.note(1, Stamp(1), &Input::Time, true);
            assert_eq!(queue.used, usize::from(has_gap), "nothing is noted any more");
            assert!(queue.shared.hold().shots.is_empty());
        }
    }
}
