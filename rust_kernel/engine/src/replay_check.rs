//! Whether a log, replayed, comes to what it came to when it was written.

use dita_log::past;

use crate::durable::SharedDisk;
use crate::recovery::ReplayError;
use crate::replica::{ReplayWatch, Replica, Start, Until};

/// So many differences are kept; all are counted.
pub const DIFFERENCES_MAX: usize = 100;

/// An input that comes to something else than when it was logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Its number.
    pub seq: u64,
    /// Whether it was accepted then.
    pub then: bool,
    /// Whether it is accepted now.
    pub now: bool,
}

/// What a replay of everything found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplayCheck {
    /// The snapshot that the replay began with; `None` where it began with the log.
    pub began: Option<u64>,
    /// How many inputs were replayed.
    pub replayed: u64,
    /// The state's hash after the last.
    pub state_hash: [u8; 32],
    /// The first inputs that come to something else.
    pub differences: Vec<Difference>,
    /// How many do.
    pub differences_all: u64,
    /// The snapshots on the way, and whether the replayed state is theirs.
    pub snapshots: Vec<(u64, bool)>,
}

impl ReplayCheck {
    /// True where everything came to what it came to.
    pub fn is_good(&self) -> bool {
        self.differences_all == 0 && self.snapshots.iter().all(|(_, same)| *same)
    }
}

/// Replays a whole log, and holds it against what was logged and against every snapshot on the way.
///
/// # Errors
/// [`ReplayError`] where the replay cannot go on.
pub fn replay_check(disk: &SharedDisk, progress: &mut ReplayWatch<'_>) -> Result<ReplayCheck, ReplayError> {
    let mut replica = Replica::open(disk.clone(), Start::First, Until::End)?;
    let mut check = ReplayCheck { began: replica.began(), ..ReplayCheck::default() };
    let mut ahead = past::snapshots(disk.as_ref())?;
    ahead.retain(|seq| Some(*seq) > check.began);
    let mut ahead = ahead.into_iter().peekable();
    while let Some(step) = replica.step()? {
        if step.differs() {
            check.differences_all += 1;
            if check.differences.len() < DIFFERENCES_MAX {
                let (then, now) = (step.accepted_then, step.outcome.accepted);
                check.differences.push(Difference { seq: step.seq, then, now });
            }
        }
        if ahead.next_if_eq(&step.seq).is_some()
            && let Some(snapshot) = past::snapshot(disk.as_ref(), step.seq)?
        {
            check.snapshots.push((step.seq, snapshot.state_hash == replica.kernel().state_hash()));
        }
        replica.tell(progress)?;
    }
    check.replayed = replica.replayed();
    check.state_hash = replica.kernel().state_hash();
    Ok(check)
}
