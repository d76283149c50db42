//! The engine's log: what was taken goes into it, and nothing leaves before its cause is durable.

use std::sync::Arc;

use crate::note::{self, Kept, LEASE, NOTE, Note};
use dita_kernel::RULES_VERSION;
use dita_kernel::codec;
use dita_kernel::id::{ID_BYTES_MAX, Id};
use dita_kernel::input::{Input, Recalled, RecalledEvent, Stamp, Verdict};
use dita_kernel::kernel::{BookingKey, BookingKind, Kernel, KernelConfig};
use dita_kernel::names::{KernelDiagnosticCode as Code, OrderSide};
use dita_kernel::outcome::Outcome;
use dita_log::{Disk, Key, Log, LogError, Need, SyncPolicy, Writing};

/// A record's type is the input's own number, and what came of it.
pub(crate) const KIND_BITS: u8 = 0x3F;
/// The payload ends with the key of what it booked.
pub(crate) const KEYED: u8 = 0x40;
/// The kernel refused it: it changed nothing, and booked nothing.
pub(crate) const REFUSED: u8 = 0x80;
/// The type of an intent's record.
pub(crate) const INTENT: u8 = 0;
/// The version of what [`keys_of`] gives: 1 has the keys of accepted intents.
const KEYS_VERSION: u32 = 1;

/// Settings of an engine's log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// When records are synced by themselves.
    pub policy: SyncPolicy,
    /// A segment that has reached this size is sealed, in bytes.
    pub segment_bytes_max: u64,
    /// A snapshot is written after so many records, at the end of a drain.
    pub snapshot_records: u64,
    /// Sealed segments that no snapshot needs go once all of them take more than this, in bytes.
    pub retained_bytes_max: u64,
    /// So much more than that waits for followers that have not read it, in bytes.
    pub follower_bytes_max: u64,
}

impl Default for LogSettings {
    fn default() -> LogSettings {
        LogSettings {
            policy: SyncPolicy::default(),
            segment_bytes_max: 64 << 20,
            snapshot_records: 250_000,
            retained_bytes_max: 64 << 30,
            follower_bytes_max: 16 << 30,
        }
    }
}

impl LogSettings {
    /// As the log takes it.
    pub(crate) fn config(&self, kernel: &KernelConfig) -> dita_log::Config {
        // What is written without ever being synced is a queue's, which has a thread of its own already.
        let is_queue = self.policy == SyncPolicy::Written;
        dita_log::Config {
            policy: self.policy,
            writing: if is_queue { Writing::ByOwner } else { Writing::default() },
            segment_bytes_max: self.segment_bytes_max,
            retained_bytes_max: self.retained_bytes_max.saturating_add(self.follower_bytes_max),
            keys_version: KEYS_VERSION,
            ..dita_log::Config::new(&identity(kernel), RULES_VERSION)
        }
    }
}

/// Whose log it is: everything that a kernel is made with, as text, so that a refusal can show it.
pub fn identity(config: &KernelConfig) -> Vec<u8> {
    let KernelConfig {
        max_slots,
        instance_nonce,
        hedge_mode,
        remembered_orders,
        remembered_intents,
        remembered_wallet_entries,
        remembered_transactions,
        settling_window_ns,
        presumption_ns,
        requery_interval_ns,
    } = config;
    format!(
        "dita kernel: max_slots={max_slots} instance_nonce={instance_nonce} hedge_mode={hedge_mode} \
         remembered_orders={remembered_orders} remembered_intents={remembered_intents} \
         remembered_wallet_entries={remembered_wallet_entries} remembered_transactions={remembered_transactions} \
         settling_window_ns={settling_window_ns} presumption_ns={presumption_ns} \
         requery_interval_ns={requery_interval_ns}"
    )
    .into_bytes()
}

/// The settings that [`identity`] wrote.
pub fn config_of(identity: &[u8]) -> Option<KernelConfig> {
    let text = std::str::from_utf8(identity).ok()?.strip_prefix("dita kernel: ")?;
    let mut config = KernelConfig::default();
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=')?;
        match name {
            "max_slots" => config.max_slots = value.parse().ok()?,
            "instance_nonce" => config.instance_nonce = value.parse().ok()?,
            "hedge_mode" => config.hedge_mode = value.parse().ok()?,
            "remembered_orders" => config.remembered_orders = value.parse().ok()?,
            "remembered_intents" => config.remembered_intents = value.parse().ok()?,
            "remembered_wallet_entries" => config.remembered_wallet_entries = value.parse().ok()?,
            "remembered_transactions" => config.remembered_transactions = value.parse().ok()?,
            "settling_window_ns" => config.settling_window_ns = value.parse().ok()?,
            "presumption_ns" => config.presumption_ns = value.parse().ok()?,
            "requery_interval_ns" => config.requery_interval_ns = value.parse().ok()?,
            _ => return None,
        }
    }
    (self::identity(&config) == identity).then_some(config)
}

/// The log of an engine at work.
pub(crate) struct Durable {
    pub(crate) log: Log,
    /// Marks that nothing has read yet, the newest of each instrument: only those that something reads are logged.
    pub(crate) marks: Vec<(Stamp, Input)>,
    snapshot_records: u64,
    retained_bytes_max: u64,
    since_snapshot: u64,
    /// What programs have asked to be kept, the newest of each name.
    pub(crate) kept: Kept,
    /// Nothing is written until somebody lets go: what comes meanwhile is durable together, or not at all.
    pub(crate) held: bool,
    /// A note waits for what it is written with.
    pub(crate) together: bool,
    /// Why the last snapshot could not be written, if it could not.
    pub(crate) snapshot_failure: Option<LogError>,
}

impl Durable {
    pub(crate) fn new(log: Log, settings: &LogSettings, since_snapshot: u64, kept: Kept) -> Durable {
        Durable {
            log,
            marks: Vec::new(),
            snapshot_records: settings.snapshot_records.max(1),
            retained_bytes_max: settings.retained_bytes_max,
            since_snapshot,
            kept,
            held: false,
            together: false,
            snapshot_failure: None,
        }
    }

    /// Writes down an input that the kernel has taken or refused. The step comes first: it is memory alone, so that a
    /// crash between the two forgets both, and the record can say what came of it.
    #[inline]
    pub(crate) fn record(
        &mut self,
        kernel: &Kernel,
        stamp: Stamp,
        input: &Input,
        intent_key: Option<Key>,
        outcome: &Outcome,
    ) -> Result<(), LogError> {
        let booked = outcome.accepted && outcome.code != Code::DuplicateEvent;
        let key = if booked { kernel.booked_key(input).map(|key| hash(&key)) } else { None };
        let refused = if outcome.accepted { 0 } else { REFUSED };
        let keyed = if key.is_some() { KEYED } else { 0 };
        let kind = kind_of(input) | refused | keyed;
        self.since_snapshot += 1;
        let mut written = Ok(());
        // An intent's key follows from what is written of it.
        let found_by = key.or(intent_key.filter(|_| outcome.accepted));
        self.log.append(kind, kernel.seq(), stamp.0, found_by.as_slice(), |out| {
            written = codec::encode(input, out);
            if let Some(key) = key {
                out.extend_from_slice(&key);
            }
        })?;
        written.map_err(|error| unwritable("input", &error))
    }

    /// The newest mark of an instrument takes the place of the one before, which nothing has read.
    pub(crate) fn hold_mark(&mut self, stamp: Stamp, input: Input) {
        let Input::Mark { symbol, .. } = &input else { return };
        let same =
            |held: &(Stamp, Input)| matches!(&held.1, Input::Mark { symbol: other, .. } if other == symbol);
        // Kept in the order of their times, which the kernel insists on.
        if let Some(at) = self.marks.iter().position(same) {
            self.marks.remove(at);
        }
        self.marks.push((stamp, input));
    }

    /// What the log knows of an event that the kernel's memory is too short for. `None` where the log cannot tell either:
    /// a settlement of a fill that is booked and forgotten.
    pub(crate) fn recall(&self, kernel: &Kernel, input: Input) -> Result<Result<Input, Input>, LogError> {
        let Some(key) = kernel.booking_key(&input) else { return Ok(Err(input)) };
        let mut found = self.log.find(&hash(&key))?;
        if found.is_none() && key.kind == BookingKind::Settlement {
            // Of one that tells its side, another may have come that did not; and of one that does not, the other way round.
            let sides = [OrderSide::Buy, OrderSide::Sell].map(Some);
            let alike = |side: &Option<OrderSide>| key.side.is_none() || key.side == *side;
            for side in sides.into_iter().filter(alike) {
                let fill = BookingKey { kind: BookingKind::Fill, side, ..key };
                if self.log.find(&hash(&fill))?.is_some() {
                    return Ok(Err(input));
                }
            }
            let others = if key.side.is_some() { &[None][..] } else { &sides };
            for side in others {
                found = found.or(self.log.find(&hash(&BookingKey { side: *side, ..key }))?);
            }
        }
        let verdict = found.map_or(Verdict::NotBooked, |seq| Verdict::Booked { seq });
        let event = match input {
            Input::Venue(event) => RecalledEvent::Venue(event),
            Input::Account(event) => RecalledEvent::Account(event),
            other => return Ok(Err(other)),
        };
        Ok(Ok(Input::Recalled(Box::new(Recalled { verdict, event }))))
    }

    /// An intent that was accepted as input `seq`: with the log's verdict where the kernel has forgotten it, else as it came.
    #[cold]
    pub(crate) fn recognise_intent(
        &self,
        kernel: &Kernel,
        seq: u64,
        input: Input,
    ) -> Result<Input, LogError> {
        match input {
            Input::Intent(intent) if !kernel.remembers_intent(&intent.intent_id) => {
                let verdict = if self.log.leads_to(seq) {
                    Verdict::Booked { seq }
                } else {
                    Verdict::Removed { seq, time_ns: self.log.time_of(seq)? }
                };
                Ok(Input::Recalled(Box::new(Recalled { verdict, event: RecalledEvent::Intent(intent) })))
            }
            input => Ok(input),
        }
    }

    /// The event with the log's verdict, where the log has booked it; else as it came.
    #[cold]
    pub(crate) fn recognise(&self, kernel: &Kernel, input: Input) -> Result<Input, LogError> {
        let Some(key) = kernel.booking_key(&input) else { return Ok(input) };
        match (self.log.find(&hash(&key))?, input) {
            (Some(seq), Input::Venue(event)) => {
                let verdict = Verdict::Booked { seq };
                Ok(Input::Recalled(Box::new(Recalled { verdict, event: RecalledEvent::Venue(event) })))
            }
            (_, input) => Ok(input),
        }
    }

    /// Writes a note down. It is a record of its own, which no step ever sees.
    pub(crate) fn note(&mut self, kernel: &mut Kernel, name: Id, note: Note) -> Result<(), LogError> {
        self.keep(kernel, NOTE, name, note)
    }

    /// Writes down who holds which slots; an empty text ends it.
    pub(crate) fn lease(&mut self, kernel: &mut Kernel, name: Id, note: Note) -> Result<(), LogError> {
        self.keep(kernel, LEASE, name, note)
    }

    fn keep(&mut self, kernel: &mut Kernel, kind: u8, name: Id, note: Note) -> Result<(), LogError> {
        self.append_note(kernel, kind, &name, &note)?;
        self.kept.remember(kind, name, note);
        Ok(())
    }

    fn append_note(&mut self, kernel: &mut Kernel, kind: u8, name: &Id, note: &Note) -> Result<(), LogError> {
        self.since_snapshot += 1;
        self.log.append(kind, kernel.seq().wrapping_add(1), kernel.now_ns(), &[], |out| {
            note::encode(name, note, out);
        })?;
        kernel.pass_over();
        Ok(())
    }

    /// The end of a drain: does what the policy wants, and a snapshot where one is due.
    pub(crate) fn settle(&mut self, kernel: &mut Kernel) -> Result<(), LogError> {
        if self.held {
            return Ok(());
        }
        self.log.settle(Need::WithinPolicy)?;
        if self.since_snapshot >= self.snapshot_records {
            self.snapshot(kernel)?;
        }
        Ok(())
    }

    /// Writes a snapshot. One that cannot be written costs time at the next opening and nothing else, unless the log
    /// itself has failed.
    pub(crate) fn snapshot(&mut self, kernel: &mut Kernel) -> Result<(), LogError> {
        if self.since_snapshot == 0 {
            return Ok(());
        }
        // Records before a snapshot may go: so that no note goes with them, each stands right before it again.
        for (kind, name, note) in self.kept.clone().all() {
            self.append_note(kernel, kind, name, note)?;
        }
        self.since_snapshot = 0;
        self.log.hold_for_followers();
        let written =
            kernel.to_snapshot().map_err(|error| unwritable("snapshot", &error)).and_then(|state| {
                self.log.write_snapshot(kernel.seq(), kernel.now_ns(), &state, &kernel.state_hash())
            });
        self.snapshot_failure = written.err();
        if let Some(failure) = self.log.failure() {
            return Err(failure);
        }
        self.log.retain(self.retained_bytes_max)?;
        // Index files of sealed segments are merged here rather than while a segment is sealed.
        self.log.maintain().map(drop)
    }
}

/// Nothing in an input or in a state is of a kind that cannot be written; should it be, the log stops and says so.
#[cold]
pub(crate) fn unwritable(field: &'static str, error: &codec::CodecError) -> LogError {
    LogError::Config { field, reason: error.to_string() }
}

/// The input's number in the log, for those who only look at types.
pub fn kind_of(input: &Input) -> u8 {
    match input {
        Input::Intent(_) => INTENT,
        Input::Venue(_) => 1,
        Input::Account(_) => 2,
        Input::Instrument(_) | Input::Listed(_) => 3,
        Input::Seed { .. } => 4,
        Input::Mark { .. } => 5,
        Input::Time => 6,
        Input::Effect(_) => 7,
        Input::Control(_) => 8,
        Input::Opening(_) => 9,
        Input::Funding(_) => 10,
        Input::Adopt(_) => 11,
        Input::Override(_) => 12,
        Input::Calibration(_) => 13,
        Input::Edge { .. } => 14,
        Input::Restart => 15,
        Input::Recalled(_) => 16,
        Input::Capacity { .. } => 18, // 17 is a note and 19 a lease, which are no inputs
        Input::Bots(_) => 20,
        Input::BotLimits(_) => 21,
    }
}

/// The name of a record's type.
pub fn kind_name(kind: u8) -> &'static str {
    KIND_NAMES.get(usize::from(kind & KIND_BITS)).copied().unwrap_or("UNKNOWN")
}

/// The names of [`kind_of`]'s numbers.
const KIND_NAMES: [&str; 22] = [
    "INTENT",
    "VENUE_EVENT",
    "ACCOUNT_EVENT",
    "INSTRUMENT",
    "SEED",
    "MARK",
    "TIME",
    "EFFECT_RESULT",
    "CONTROL",
    "OPENING_STATE",
    "FUNDING_TERMS",
    "ADOPTED_SLOTS",
    "OVERRIDE",
    "FEE_SAMPLE",
    "EDGE",
    "RESTART",
    "RECALLED",
    "NOTE",
    "CAPACITY",
    "LEASE",
    "BOT_TRANSFER",
    "BOT_LIMITS",
];

/// The key under which the log finds a booking: 16 bytes that two bookings share only by an accident of 2⁻⁶⁴.
fn hash(key: &BookingKey<'_>) -> Key {
    let kind = match key.kind {
        BookingKind::Fill => 0,
        BookingKind::Settlement => 1,
        BookingKind::Entry(kind) => 2 + kind as u8,
    };
    let side = match key.side {
        None => 0,
        Some(OrderSide::Buy) => 1,
        Some(OrderSide::Sell) => 2,
    };
    hash_of([kind, side, length(key.symbol)], key.symbol, key.id)
}

/// The key under which the log finds an accepted intent. Its id tells whose it is: a program's begins with the name of its
/// lease.
pub(crate) fn intent_key(intent_id: &Id) -> Key {
    hash_of([u8::MAX, 0, 0], &Id::EMPTY, intent_id)
}

fn hash_of(kind: [u8; 3], symbol: &Id, id: &Id) -> Key {
    let (symbol, id) = (symbol.as_bytes(), id.as_bytes());
    // Hashed in one go: a hasher that takes pieces costs as much as the hash.
    let mut bytes = [0; 3 + 2 * ID_BYTES_MAX];
    bytes[..3].copy_from_slice(&kind);
    let (begin, end) = (3 + symbol.len(), 3 + symbol.len() + id.len());
    bytes[3..begin].copy_from_slice(symbol);
    bytes[begin..end].copy_from_slice(id);
    let mut out = Key::default();
    out.copy_from_slice(&blake3::hash(&bytes[..end]).as_bytes()[..16]);
    out
}

/// Ids have at most 64 bytes.
fn length(id: &Id) -> u8 {
    id.as_bytes().len() as u8
}

/// The keys of a record, as they were given with it.
pub(crate) fn keys_of(kind: u8, payload: &[u8], keys: &mut Vec<Key>) {
    if kind & KEYED != 0
        && let Some(key) = payload.last_chunk::<16>()
    {
        keys.push(*key);
    }
    if kind == INTENT
        && let Some(intent_id) = codec::intent_id(payload)
    {
        keys.push(intent_key(&intent_id));
    }
}

/// The input of a record.
pub(crate) fn input_of(kind: u8, payload: &[u8]) -> Result<Input, codec::CodecError> {
    let body = if kind & KEYED == 0 {
        payload
    } else {
        payload.split_last_chunk::<16>().map_or(payload, |(body, _)| body)
    };
    codec::decode(body)
}

/// A disk that the engine and its readers share.
pub type SharedDisk = Arc<dyn Disk>;
