//! The queue's thread: what is handed over goes into the log in memory, until it ends.

use std::time::Duration;

use dita_kernel::codec;
use dita_log::{Log, LogError, Need};

use super::{HEAD_BYTES, Head, Shared, Shot, raw};
use crate::durable::{LogSettings, SharedDisk, keys_of, unwritable};

/// How long the thread rests between two looks. Nobody wakes it for a record: that would be a system call of the kernel's.
const REST: Duration = Duration::from_millis(1);
/// The longest rest: what comes slowly is written together, since each look takes a processor from somebody.
const REST_MAX: Duration = Duration::from_millis(20);
/// With less than this at a look the rests become longer.
const FEW_BYTES: usize = 64 << 10;
/// With more than this there is none.
const MANY_BYTES: usize = 1 << 20;

/// The log, and what it takes to begin it anew.
pub(super) struct Writing {
    /// `None` for as long as it takes to begin anew.
    log: Option<Log>,
    disk: SharedDisk,
    config: dita_log::Config,
    retained_bytes_max: u64,
    next_seq: u64,
    /// The ids that the raw form of the next input may repeat.
    before: raw::Before,
}

impl Writing {
    pub(super) fn new(
        log: Log,
        disk: SharedDisk,
        config: dita_log::Config,
        settings: &LogSettings,
    ) -> Writing {
        Writing {
            log: Some(log),
            disk,
            retained_bytes_max: settings.retained_bytes_max,
            next_seq: config.first_seq,
            config,
            before: raw::Before::default(),
        }
    }

    /// Writes what is handed over, until the kernel's end of the queue is gone.
    pub(super) fn run(mut self, shared: &Shared) {
        let mut rest = REST;
        // Two buffers go to and fro: a new one each time would be new pages each time, and the kernel's to touch first.
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let mut handed = shared.hold();
            std::mem::swap(&mut handed.bytes, &mut bytes);
            let shots = std::mem::take(&mut handed.shots);
            let is_idle = bytes.is_empty() && shots.is_empty();
            let ends = handed.ends;
            handed.is_awaited = false;
            handed.is_writing = !is_idle;
            drop(handed);
            let written = if is_idle { Ok(()) } else { self.write(&bytes, shots) };
            let mut handed = shared.hold();
            handed.is_writing = false;
            if let Err(error) = written {
                shared.fail(handed, error);
                return;
            }
            if !is_idle {
                shared.written.notify_all();
            }
            if is_idle && ends {
                break;
            }
            rest = match bytes.len() {
                0..FEW_BYTES => (rest * 2).min(REST_MAX),
                FEW_BYTES..MANY_BYTES => REST,
                MANY_BYTES.. => Duration::ZERO,
            };
            shared.rest(handed, rest);
        }
        // Nobody is left to be told; followers have what was written before.
        let _ = self.log.take().map(Log::close);
    }

    fn write(&mut self, bytes: &[u8], shots: Vec<Shot>) -> Result<(), LogError> {
        let mut shots = shots.into_iter().peekable();
        if let Some(shot) = shots.next_if(|shot| shot.after_gap) {
            self.begin_anew(&shot)?;
        }
        let Some(log) = &mut self.log else { return Ok(()) };
        let mut left = bytes;
        while let Some((head, rest)) = left.split_first_chunk::<HEAD_BYTES>() {
            let Head { is_raw, is_first, kind, seq: lowest, time_ns, length } = Head::read(head);
            let seq = self.next_seq;
            if seq as u8 != lowest {
                return Err(unreadable());
            }
            self.next_seq = seq.saturating_add(1);
            if is_first {
                self.before = raw::Before::default();
            }
            let (payload, after) = rest.split_at_checked(length as usize).unwrap_or((rest, &[]));
            left = after;
            if is_raw {
                let input = raw::take(payload, &mut self.before).ok_or_else(unreadable)?;
                let mut encoded = Ok(());
                log.append(kind, seq, time_ns, &[], |out| encoded = codec::encode(&input, out))?;
                encoded.map_err(|error| unwritable("input", &error))?;
            } else {
                log.append(kind, seq, time_ns, &[], |out| out.extend_from_slice(payload))?;
            }
            while let Some(shot) = shots.next_if(|shot| shot.seq <= seq) {
                log.hold_for_followers();
                log.write_snapshot(shot.seq, shot.now_ns, &shot.state, &shot.hash)?;
                log.retain(self.retained_bytes_max)?;
            }
        }
        log.settle(Need::WithinPolicy).map(drop)
    }

    /// Records are missing before this state: the log ends, and one that begins with it takes its place. A follower finds
    /// that what comes next for it is gone, begins with the state, and counts what is missing.
    #[cold]
    fn begin_anew(&mut self, shot: &Shot) -> Result<(), LogError> {
        if let Some(log) = self.log.take() {
            log.close()?;
        }
        self.remove_files()?;
        let config = dita_log::Config { first_seq: shot.seq.saturating_add(1), ..self.config.clone() };
        let (mut log, _) = Log::open(self.disk.clone(), config, &keys_of)?;
        log.write_snapshot(shot.seq, shot.now_ns, &shot.state, &shot.hash)?;
        self.log = Some(log);
        self.next_seq = shot.seq.saturating_add(1);
        Ok(())
    }

    /// Removes the log's files; those of its followers stay. The mark goes first: without it a log that ends early is
    /// not yet one that has lost something.
    fn remove_files(&self) -> Result<(), LogError> {
        let failed = |name: &str, doing, error: &std::io::Error| LogError::Io {
            file: self.disk.path(name),
            doing,
            kind: error.kind(),
            cause: error.to_string(),
        };
        let mut names = self.disk.list().map_err(|error| failed("", "list the directory", &error))?;
        names.sort_unstable_by_key(|name| !name.ends_with(".mark"));
        let own = |name: &&String| [".mark", ".seg", ".snap", ".idx"].iter().any(|end| name.ends_with(end));
        for name in names.iter().filter(own) {
            self.disk.remove(name).map_err(|error| failed(name, "remove", &error))?;
        }
        Ok(())
    }
}

/// What the kernel's thread handed over is none of its forms: never, where both are of one build.
#[cold]
fn unreadable() -> LogError {
    unwritable("input", &codec::CodecError::Malformed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dita_kernel::kernel::KernelConfig;
    use dita_log::{MemoryDisk, SyncPolicy};

    use super::*;

    /// What the thread makes of one record with this payload.
    fn written(is_raw: bool, seq: u8, payload: &[u8]) -> Result<(), LogError> {
        let disk: SharedDisk = Arc::new(MemoryDisk::new());
        let settings = LogSettings { policy: SyncPolicy::Written, ..LogSettings::default() };
        let config = settings.config(&KernelConfig::default());
        let (log, _) = Log::open(disk.clone(), config.clone(), &keys_of).expect("it is new");
        let mut bytes = vec![0; HEAD_BYTES];
        let length = payload.len() as u32;
        let head = Head { is_raw, is_first: true, kind: 6, seq, time_ns: 7, length };
        head.write(bytes.first_chunk_mut().expect("it is as long"));
        bytes.extend_from_slice(payload);
        Writing::new(log, disk, config, &settings).write(&bytes, Vec::new())
    }

    #[test]
    fn what_cannot_be_read_ends_the_queue_and_says_so() {
        assert_eq!(written(false, 1, b"whatever the codec wrote"), Ok(()));
        for error in [written(true, 1, b"no input"), written(false, 2, b"whatever comes after the next")] {
            let error = error.expect_err("it is none");
            assert!(error.to_string().contains("the bytes are not a value of this type"), "{error}");
        }
    }
}
