//! What the log has to tell to programs: first outcomes of intents that are sent again after a restart of the server, and what
//! happened to their trades. A thread of its own reads the log, so that no program waits for another one's past; whoever has asked
//! is not heard until it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use dita_engine::{Answer, Past, SharedDisk, first_answers, happened_since, refused_intents};
use dita_kernel::id::Id;
use dita_kernel::input::Intent;

use super::Watched;
use crate::message::Verdict;

/// What an answer has for one of its intents.
pub(super) enum Part {
    /// A verdict, as it is sent.
    Known(Vec<u8>),
    /// The log has it.
    Logged {
        /// The intent.
        intent_id: Id,
        /// Its first input.
        seq: u64,
        /// What the kernel says, where the log does not tell.
        otherwise: Box<Verdict>,
    },
}

/// Intents that wait for the log.
pub(super) struct Asked {
    pub(super) connection: u64,
    pub(super) number: u32,
    pub(super) account: usize,
    pub(super) name: Id,
    pub(super) parts: Vec<Part>,
}

/// A program's question for its trades' past.
pub(super) struct AskedPast {
    pub(super) connection: u64,
    pub(super) number: u32,
    pub(super) owner: Id,
    /// From behind one input up to another.
    pub(super) between: (u64, u64),
}

/// Intents that are sent again, and are not remembered.
pub(super) struct AskedAgain {
    pub(super) connection: u64,
    pub(super) number: u32,
    pub(super) account: usize,
    pub(super) name: Id,
    pub(super) intents: Vec<Intent>,
    /// What their program wants back with them: its last input and its text.
    pub(super) note: Option<(u64, String)>,
    /// Those of them that were accepted before, with their inputs.
    pub(super) taken: BTreeMap<Id, u64>,
    /// The others: they may have been refused before the server began.
    pub(super) ids: BTreeSet<Id>,
    /// The last input before that.
    pub(super) until_seq: u64,
}

/// What waits for the log.
pub(super) enum Job {
    Again(AskedAgain),
    Outcomes(Asked),
    Past(AskedPast),
}

/// The same with what the log has said.
pub(super) enum Found {
    Again(AskedAgain, BTreeMap<Id, Answer>),
    Outcomes(Asked, BTreeMap<u64, Answer>),
    Past(AskedPast, Result<Past, String>),
}

type Question = (SharedDisk, Job);

/// Refusals of intents that are sent again are looked for in so many records before the server began.
const LOOKED_THROUGH: u64 = 100_000;
/// So many events of the past are told at most, the newest.
const PAST_EVENTS_MAX: usize = 4096;

/// Reads logs, one after the other.
pub(super) struct LogReader {
    questions: Option<mpsc::Sender<Question>>,
    found: Arc<Mutex<Vec<Found>>>,
    thread: Option<JoinHandle<()>>,
}

impl LogReader {
    /// Begins its thread.
    ///
    /// # Errors
    /// The system has no thread.
    pub(super) fn begin(watched: &Arc<Watched>) -> std::io::Result<LogReader> {
        let (questions, asked) = mpsc::channel();
        let found = Arc::default();
        let (its, watched) = (Arc::clone(&found), Arc::clone(watched));
        let spawned = std::thread::Builder::new()
            .name("dita-log_reader".into())
            .spawn(move || read(&asked, &its, &watched));
        Ok(LogReader { questions: Some(questions), found, thread: Some(spawned?) })
    }

    /// Asks; what is found is told by a ring of the server's bell. Gives the question back where nobody reads any more.
    pub(super) fn ask(&self, disk: SharedDisk, job: Job) -> Option<Job> {
        let Some(questions) = &self.questions else { return Some(job) };
        questions.send((disk, job)).err().map(|unsent| unsent.0.1)
    }

    /// What was found since the last time.
    pub(super) fn take(&self) -> Vec<Found> {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has told nothing, and nobody waits any more.
            let _ = thread.join();
        }
    }
}

/// The intents of an account that were refused before the server began, with their inputs: read once.
type Refused = BTreeMap<usize, BTreeMap<Id, u64>>;

fn read(asked: &mpsc::Receiver<Question>, found: &Mutex<Vec<Found>>, watched: &Watched) {
    let mut refused = Refused::new();
    while let Ok(first) = asked.recv() {
        let mut waiting: Vec<Question> = std::iter::once(first).chain(asked.try_iter()).collect();
        while let Some((disk, job)) = waiting.pop() {
            let told = match job {
                Job::Again(one) => vec![tell_again(&disk, one, &mut refused, watched)],
                Job::Past(one) => vec![tell_past(&disk, one, watched)],
                Job::Outcomes(one) => {
                    // Those that wait together read the log together.
                    let mut together = vec![one];
                    let rest = std::mem::take(&mut waiting);
                    for (of, other) in rest {
                        match other {
                            Job::Outcomes(other) if Arc::ptr_eq(&of, &disk) => together.push(other),
                            other => waiting.push((of, other)),
                        }
                    }
                    tell_outcomes(&disk, together, watched)
                }
            };
            found.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
            watched.bell.ring();
        }
    }
}

fn goes_on(watched: &Watched) -> ControlFlow<()> {
    if watched.end.load(Ordering::Acquire) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn tell_again(disk: &SharedDisk, asked: AskedAgain, refused: &mut Refused, watched: &Watched) -> Found {
    let refused = refused.entry(asked.account).or_insert_with(|| {
        let between = (asked.until_seq.saturating_sub(LOOKED_THROUGH), asked.until_seq);
        // Where the log does not tell they are taken as new ones.
        refused_intents(disk, between).unwrap_or_default()
    });
    let refused = asked.ids.iter().filter_map(|id| Some((id.clone(), *refused.get(id)?)));
    let mut found: BTreeMap<Id, u64> = refused.collect();
    found.extend(asked.taken.iter().map(|(id, seq)| (id.clone(), *seq)));
    let seqs = found.values().copied().collect();
    let mut answers = first_answers(disk, &seqs, &mut |_| goes_on(watched)).unwrap_or_default();
    let told = found.into_iter().filter_map(|(id, seq)| Some((id, answers.remove(&seq)?)));
    let told = told.collect();
    Found::Again(asked, told)
}

fn tell_past(disk: &SharedDisk, asked: AskedPast, watched: &Watched) -> Found {
    let past = happened_since(disk, &asked.owner, asked.between, PAST_EVENTS_MAX, &mut |_| goes_on(watched));
    Found::Past(asked, past.map_err(|error| error.to_string()))
}

fn tell_outcomes(disk: &SharedDisk, asked: Vec<Asked>, watched: &Watched) -> Vec<Found> {
    let seq = |part: &Part| match part {
        Part::Logged { seq, .. } => Some(*seq),
        Part::Known(_) => None,
    };
    let seqs: BTreeSet<u64> = asked.iter().flat_map(|one| one.parts.iter().filter_map(seq)).collect();
    // A log that does not tell (its records are gone) leaves the kernel's own verdict.
    let answers = first_answers(disk, &seqs, &mut |_| goes_on(watched)).unwrap_or_default();
    let told = asked.into_iter().map(|one| {
        let of = one.parts.iter().filter_map(seq).filter_map(|seq| Some((seq, answers.get(&seq)?.clone())));
        let of = of.collect();
        Found::Outcomes(one, of)
    });
    told.collect()
}
