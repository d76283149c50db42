//! A replica that is kept ready to become the kernel: it follows the log of a live one, and a takeover replays the tail alone.

use dita_kernel::effect::Effects;
use dita_kernel::kernel::Kernel;
use dita_log::{Examined, Reader, Span, past};

use crate::durable::SharedDisk;
use crate::note::Kept;
use crate::recovery::{ReplayError, ReplayProgress, kernel_of, notes_before, replay_all, replay_some};
use crate::replica::settings_of;

/// A core that follows a log, with the notes and leases that stand. It reads and never writes.
///
/// It goes as far as records are written, synced or not: a process that dies leaves what it has written with the system,
/// and a power loss takes the replica too.
pub struct Warm {
    kernel: Kernel,
    reader: Reader,
    kept: Kept,
    effects: Effects,
    followed: u64,
}

impl Warm {
    /// A replica as the newest snapshot has it; [`Warm::follow`] brings it to the log's end.
    ///
    /// # Errors
    /// [`ReplayError`]: this is no log of a kernel of this version, or it is damaged.
    pub fn open(disk: SharedDisk) -> Result<Warm, ReplayError> {
        let config = settings_of(&disk)?;
        let mut newest = None;
        for seq in past::snapshots(disk.as_ref())?.into_iter().rev() {
            newest = past::snapshot(disk.as_ref(), seq)?;
            if newest.is_some() {
                break;
            }
        }
        let mut kept = Kept::default();
        let kernel = match &newest {
            Some(snapshot) => {
                notes_before(
                    |from| Reader::open(disk.clone(), None, from, Span::Written),
                    snapshot.seq,
                    &mut kept,
                )?;
                kernel_of(snapshot)?
            }
            None => Kernel::new(config).map_err(|what| ReplayError::Identity { found: what.into() })?,
        };
        let reader = Reader::open(disk, None, newest.map_or(1, |snapshot| snapshot.seq + 1), Span::Written)?;
        Ok(Warm { kernel, reader, kept, effects: Effects::default(), followed: 0 })
    }

    /// Goes on to what is written by now, at most so many records; how many it took.
    ///
    /// # Errors
    /// [`ReplayError`]: the log is damaged from here on, or what comes next was removed: open another one.
    pub fn follow(&mut self, records_max: u64) -> Result<u64, ReplayError> {
        let taken =
            replay_some(&mut self.kernel, &mut self.reader, &mut self.kept, &mut self.effects, records_max)?;
        self.followed += taken;
        Ok(taken)
    }

    /// The last record that it has.
    pub fn seq(&self) -> u64 {
        self.kernel.seq()
    }

    /// Kernel time of the last input, ns.
    pub fn now_ns(&self) -> i64 {
        self.kernel.now_ns()
    }

    /// How many records it has followed.
    pub fn followed(&self) -> u64 {
        self.followed
    }

    /// Replays the rest of a log that was opened for writing meanwhile. Fails where it is not the very log that was followed:
    /// its last record and the hash over all of them have to be the same.
    pub(crate) fn take_over(
        mut self,
        log: &Examined<'_>,
        last_seq: u64,
        progress: &mut dyn FnMut(ReplayProgress) -> core::ops::ControlFlow<()>,
    ) -> Result<(Kernel, Kept, u64), String> {
        let replayed = replay_all(&mut self.kernel, &mut self.reader, &mut self.kept, progress)
            .map_err(|error| error.to_string())?;
        if self.kernel.seq() != last_seq {
            return Err(format!("it comes to input {}, and the log ends with {last_seq}", self.kernel.seq()));
        }
        if self.reader.chain() != log.chain() {
            return Err(format!("its record {last_seq} is not the log's"));
        }
        Ok((self.kernel, self.kept, replayed))
    }
}
