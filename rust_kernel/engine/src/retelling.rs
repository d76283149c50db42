//! What a log has seen, told again to programs: what their intents came to, where the server died before it answered, and what
//! happened to their trades while they were away.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dita_kernel::codec;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RecalledEvent, VenueEvent};
use dita_log::{LogError, Reader, Span, past};

use crate::answer::Answer;
use crate::durable::{INTENT, REFUSED, SharedDisk};
use crate::recovery::{ReplayError, differs};
use crate::replica::{ReplayWatch, Replica, Start, Step, Until};
use crate::run::{begin_answer, go_on_with_answer};
use crate::views::{OrderView, SlotView, order_view, slot_view};

/// Answers that may go on: of which slot, and of which intent.
type Going = Vec<(u32, u64)>;

/// The answers that the intents of these numbers had, out of the log: it is replayed, without its lock. Numbers that are no
/// intents', or not in the log yet, are left out. What a venue outside said much later, with nothing of another kind in
/// between, is among what it said; that a request could not be put to it is told in the log's words.
///
/// # Errors
/// [`ReplayError`]: the log is damaged or was removed there, or `progress` wants no more of it.
pub fn first_answers(
    disk: &SharedDisk,
    seqs: &BTreeSet<u64>,
    progress: &mut ReplayWatch<'_>,
) -> Result<BTreeMap<u64, Answer>, ReplayError> {
    let mut answers = BTreeMap::new();
    // Those that one snapshot leads to are met on one way; between others may lie all of the log.
    let snapshots = past::snapshots(disk.as_ref())?;
    let mut left = seqs.clone();
    while let Some(first) = left.first().copied() {
        let next = snapshots.iter().find(|snapshot| **snapshot >= first);
        let rest = next.map_or_else(BTreeSet::new, |next| left.split_off(&next.saturating_add(1)));
        answers.extend(answers_between(disk, &left, progress)?);
        left = rest;
    }
    Ok(answers)
}

fn answers_between(
    disk: &SharedDisk,
    seqs: &BTreeSet<u64>,
    progress: &mut ReplayWatch<'_>,
) -> Result<BTreeMap<u64, Answer>, ReplayError> {
    let mut answers = BTreeMap::new();
    let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else { return Ok(answers) };
    let before = first.saturating_sub(1);
    let mut replica = Replica::open_at(disk.clone(), before, Span::Written, progress)?;
    let (mut going, mut answered) = (Going::new(), false);
    while let Some(step) = replica.step()? {
        if step.differs() {
            return Err(differs(step.seq, step.accepted_then, step.outcome.accepted));
        }
        if let Some(intent) = step.input.intent() {
            // Intents that come together are taken one after the other, and then the venue is asked.
            going.retain(|(slot_id, _)| !answered && *slot_id != intent.slot_id);
            answered = false;
            if seqs.contains(&step.seq) {
                going.push((intent.slot_id, step.seq));
                let (kernel, effects) = (replica.kernel(), replica.effects());
                let answer = begin_answer(kernel, effects, step.stamp_ns, &step.input, step.outcome);
                answers.insert(step.seq, Answer { notices: effects.notices.clone(), ..answer });
            }
        } else if step.input.news().is_some() || matches!(step.input, Input::Effect(_)) {
            answered = true;
            go_on(&replica, step, &going, &mut answers);
        } else {
            going.clear();
        }
        if replica.kernel().seq() >= *last && going.is_empty() {
            break;
        }
        replica.tell(progress)?;
    }
    Ok(answers)
}

/// The numbers of refused intents, by their ids, out of what a log has between two inputs: of each the last. Those that were
/// accepted are in the log's index: see [`crate::Engine::taken`].
///
/// # Errors
/// [`ReplayError`]: the log is damaged there.
pub fn refused_intents(
    disk: &SharedDisk,
    (from_seq, until_seq): (u64, u64),
) -> Result<BTreeMap<Id, u64>, ReplayError> {
    let mut refused = BTreeMap::new();
    let from_seq = from_seq.max(past::first_seq(disk.as_ref())?).max(1);
    if from_seq > until_seq {
        return Ok(refused);
    }
    let mut reader = Reader::open(disk.clone(), None, from_seq, Span::Written)?;
    while let Some(record) = reader.next()?.filter(|record| record.seq <= until_seq) {
        if record.kind == INTENT | REFUSED
            && let Some(intent_id) = codec::intent_id(record.payload)
        {
            refused.insert(intent_id, record.seq);
        }
    }
    Ok(refused)
}

/// Adds what the venue said to the answer of the slot that it is about.
fn go_on(replica: &Replica, step: Step, going: &Going, answers: &mut BTreeMap<u64, Answer>) {
    let changed = replica.effects().transitions.first().map(|transition| transition.slot_id);
    let concerned = match (step.outcome.slot_id.or(changed), going.as_slice()) {
        (Some(slot_id), _) => going.iter().find(|(of, _)| *of == slot_id),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    if let Some(answer) = concerned.and_then(|(_, seq)| answers.get_mut(seq)) {
        let effects = replica.effects();
        let Step { stamp_ns, input, outcome, .. } = step;
        answer.notices.extend_from_slice(&effects.notices);
        go_on_with_answer(answer, replica.kernel(), effects, stamp_ns, input, outcome);
    }
}

/// Something that happened to a trade, as it was then.
#[derive(Clone, PartialEq, Debug)]
pub struct PastEvent {
    /// The slot after it.
    pub slot: SlotView,
    /// What the venue said.
    pub event: VenueEvent,
    /// Its order after it, where it is known.
    pub order: Option<OrderView>,
}

/// What a log has of an owner's trades.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Past {
    /// The newest, in the kernel's order.
    pub events: Vec<PastEvent>,
    /// How many older ones are left out.
    pub left_out: u64,
}

/// What has happened to an owner's trades from behind input `after_seq` up to `until_seq`, out of the log: the newest `events_max`
/// of it.
///
/// # Errors
/// As [`first_answers`].
pub fn happened_since(
    disk: &SharedDisk,
    owner: &Id,
    (after_seq, until_seq): (u64, u64),
    events_max: usize,
    progress: &mut ReplayWatch<'_>,
) -> Result<Past, ReplayError> {
    let (mut events, mut left_out) = (VecDeque::new(), 0);
    if after_seq >= until_seq {
        return Ok(Past::default());
    }
    let mut replica = match Replica::open_at(disk.clone(), after_seq, Span::Written, progress) {
        // What is left of the log is told.
        Err(ReplayError::Log(LogError::Removed { .. })) => {
            Replica::open(disk.clone(), Start::First, Until::End)?
        }
        opened => opened?,
    };
    while replica.kernel().seq() < until_seq {
        let Some(step) = replica.step()? else { break };
        replica.tell(progress)?;
        if step.seq <= after_seq {
            continue;
        }
        let Some(event) = event_of(step.input) else { continue };
        let (kernel, mut told) = (replica.kernel(), BTreeSet::new());
        for transition in &replica.effects().transitions {
            let Some(slot) = slot_view(kernel, transition.slot_id) else { continue };
            if slot.owner != *owner || !told.insert(slot.slot_id) {
                continue;
            }
            let known = kernel.orders().by_client_id(&event.venue_client_id);
            let order = known.and_then(|place| order_view(kernel, kernel.orders().at(place)));
            events.push_back(PastEvent { slot, event: event.clone(), order });
            if events.len() > events_max {
                events.pop_front();
                left_out += 1;
            }
        }
    }
    Ok(Past { events: events.into(), left_out })
}

fn event_of(input: Input) -> Option<VenueEvent> {
    match input {
        Input::Venue(event) => Some(*event),
        Input::Recalled(recalled) => match recalled.event {
            RecalledEvent::Venue(event) => Some(*event),
            RecalledEvent::Account(_) | RecalledEvent::Intent(_) => None,
        },
        _ => None,
    }
}
