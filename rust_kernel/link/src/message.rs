//! What a program and the kernel's server say to each other.
//!
//! A message is its kind (1 byte), its number (4 bytes, little-endian), and its fields one after the other, in the forms of
//! [`dita_engine::form`]. An answer has its request's number; what nobody has asked for has 0. These are types of their own: the
//! log's codec may change beneath them. The bytes of each version are held by `tests/golden.rs`.

use dita_engine::form::{FieldValues, Form};
use dita_engine::{Answer, OrderView, Past, PastEvent, SlotView, TransitionRecord, fields};
use dita_kernel::id::Id;
use dita_kernel::input::{Intent, SlotOverride, VenueEvent};
use dita_kernel::names::{KernelDiagnosticCode, Severity, TradeStage};

use crate::lease::Policy;

/// The newest version. Version 2 brought the orders of news, version 3 notes and the past, positions and the ledger, version 4 notes
/// that are kept together with intents, and overrides, version 5 the channel, version 6 the realised PnL of events.
pub const VERSION: u16 = 6;
/// The oldest version that a server speaks.
pub const VERSION_OLDEST: u16 = 1;
/// How a first message begins, in every version.
pub const MAGIC: [u8; 8] = *b"DITALINK";
/// The longest message of a program, in bytes.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// The longest message of a server, in bytes.
pub const REPLY_BYTES_MAX: usize = 16 << 20;
/// So many intents can come together.
pub const BATCH_MAX: usize = 1024;
/// Where the flag lies in the bytes of [`Request::Intents`] and [`Request::Noting`] that says that they are sent again.
pub(crate) const AGAIN_AT: usize = 5;
/// The version that brought [`Request::Noting`] and [`Request::Override`].
pub const NOTING_FROM: u16 = 4;
/// The version that brought [`Request::Channel`].
pub const CHANNEL_FROM: u16 = 5;
/// The version that brought the realised PnL of events.
const PROFIT_FROM: u16 = 6;

/// Bytes that are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// Who a program is, and what it wants. Its bytes are the same in every version.
#[derive(Clone, PartialEq, Debug)]
pub struct Hello {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// The oldest version that the program speaks.
    pub oldest: u16,
    /// The newest one.
    pub newest: u16,
    /// Which account; empty means the only one.
    pub account: Id,
    /// The lease's name: the owner of its trades.
    pub name: Id,
    /// How many trades it may run at once.
    pub slots: u16,
    /// What becomes of its orders once it is away.
    pub policy: Policy,
    /// How long it may be away before that, ms.
    pub grace_ms: u32,
    /// What keeps others from taking the lease; empty where nothing does.
    pub secret: Box<str>,
    /// True where it hears of the market.
    pub market: bool,
}

fields!(Hello { magic oldest newest account name slots policy grace_ms secret market });

/// What a program asks.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// The first message.
    Hello(Box<Hello>),
    /// Intents that come together. `again` says that the program has sent them before, and heard no answer.
    Intents {
        /// Sent before.
        again: bool,
        /// At most [`BATCH_MAX`].
        intents: Vec<Intent>,
    },
    /// A slot as it is now.
    Slot(u32),
    /// Orders: the one of an id, or with an empty id all, or all that are live.
    Orders {
        /// Our id of one.
        venue_client_id: Id,
        /// Of all: those that are live.
        live_only: bool,
    },
    /// A text or a table: see [`Topic`].
    Read {
        /// What.
        topic: Topic,
        /// Of which asset or instrument; empty where there is no choice.
        name: Id,
    },
    /// The lease ends, and its policy acts at once.
    Bye,
    /// Keeps a text for the lease's program in the log; the newest counts. From version 3 on.
    Note {
        /// The last input that it has heard of.
        told_seq: u64,
        /// The text.
        text: String,
    },
    /// The newest note of the lease's program. From version 3 on.
    Noted,
    /// What has happened to the lease's trades, out of the log. From version 3 on.
    Past {
        /// From behind this input.
        after_seq: u64,
        /// Up to this one.
        until_seq: u64,
    },
    /// Intents with the note of the program that sends them: the log keeps them together, or nothing of them. From version 4 on.
    Noting {
        /// Sent before.
        again: bool,
        /// The last input that the program has heard of.
        told_seq: u64,
        /// The note's text.
        text: String,
        /// At most [`BATCH_MAX`].
        intents: Vec<Intent>,
    },
    /// An operator's change of one of the lease's slots. It says what shall be: one that is sent again changes nothing more. From
    /// version 4 on.
    Override(Box<SlotOverride>),
    /// From the answer on, messages go through shared memory: [`Reply::Channel`]. From version 5 on.
    Channel,
}

/// What can be read beside slots and orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// An asset's account as JSON.
    Account,
    /// The controls as JSON.
    Control,
    /// The health as JSON.
    Health,
    /// An instrument's rules, as particulars.
    Instrument,
    /// The venue's positions, as a list of particulars named `rows`. From version 3 on.
    Positions,
    /// The remembered transactions, as a list of particulars named `rows`. From version 3 on.
    Ledger,
}

impl Topic {
    const ALL: [Topic; 6] =
        [Topic::Account, Topic::Control, Topic::Health, Topic::Instrument, Topic::Positions, Topic::Ledger];
}

impl Form for Topic {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn take(left: &mut &[u8]) -> Option<Topic> {
        Topic::ALL.get(usize::from(u8::take(left)?)).copied()
    }
}

/// What the server answers to a hello.
#[derive(Clone, PartialEq, Debug)]
pub struct Welcome {
    /// The version that both speak from now on.
    pub version: u16,
    /// The host's name.
    pub host: Id,
    /// The account's.
    pub account: Id,
    /// The lease's slots.
    pub slots: Vec<u32>,
    /// True where the lease stood before.
    pub again: bool,
    /// How many slots the kernel has.
    pub slots_max: u32,
    /// The last input.
    pub seq: u64,
    /// Kernel time, ns.
    pub now_ns: i64,
    /// The kernel's assets.
    pub assets: Vec<Id>,
    /// The kernel's instruments, in their order.
    pub instruments: Vec<Id>,
    /// Where the account is shown in shared memory: the directory; empty where it is not.
    pub plane_directory: Box<str>,
    /// The name there.
    pub plane_name: Box<str>,
}

fields!(Welcome {
    version host account slots again slots_max seq now_ns assets instruments plane_directory plane_name
});

/// Why a server does not do what it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It speaks no version of the program's.
    Version,
    /// The bytes are no message, or of one that has no place here.
    Malformed,
    /// Another process holds the lease.
    LeaseHeld,
    /// The lease has another secret.
    Secret,
    /// The account has not so many free slots.
    NoFreeSlot,
    /// A field has a value that it cannot have.
    Invalid,
    /// The kernel's inbox is full.
    InboxFull,
    /// The kernel was closed.
    Closed,
    /// The kernel failed, or its log.
    Failed,
    /// Too many programs are connected.
    TooMany,
    /// A message was begun and not ended in time, or no hello came.
    TooSlow,
}

impl Why {
    /// Every member, in the order of their numbers.
    pub const ALL: [Why; 11] = [
        Why::Version,
        Why::Malformed,
        Why::LeaseHeld,
        Why::Secret,
        Why::NoFreeSlot,
        Why::Invalid,
        Why::InboxFull,
        Why::Closed,
        Why::Failed,
        Why::TooMany,
        Why::TooSlow,
    ];

    /// Its public name.
    pub fn name(self) -> &'static str {
        match self {
            Why::Version => "VERSION",
            Why::Malformed => "MALFORMED",
            Why::LeaseHeld => "LEASE_HELD",
            Why::Secret => "SECRET",
            Why::NoFreeSlot => "NO_FREE_SLOT",
            Why::Invalid => "INVALID",
            Why::InboxFull => "INBOX_FULL",
            Why::Closed => "CLOSED",
            Why::Failed => "FAILED",
            Why::TooMany => "TOO_MANY",
            Why::TooSlow => "TOO_SLOW",
        }
    }
}

impl Form for Why {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn take(left: &mut &[u8]) -> Option<Why> {
        Why::ALL.get(usize::from(u8::take(left)?)).copied()
    }
}

/// What a server does not do, with all that a person needs.
#[derive(Clone, PartialEq, Debug)]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// The field, where one is to blame.
    pub field: Box<str>,
    /// Its value.
    pub value: Box<str>,
    /// What is wrong and what to do.
    pub text: Box<str>,
    /// The process that holds the lease; 0 where none does.
    pub pid: u32,
    /// Since when, ns since 1970; 0 where none does.
    pub since_ns: i64,
}

fields!(Refused { why field value text pid since_ns });

impl Refused {
    /// For a reason that a text tells whole.
    pub fn because(why: Why, text: impl Into<Box<str>>) -> Refused {
        Refused { why, field: "".into(), value: "".into(), text: text.into(), pid: 0, since_ns: 0 }
    }

    /// A field with a value that it cannot have.
    pub fn of_field(field: &str, value: &str, text: &str) -> Refused {
        Refused { field: field.into(), value: value.into(), ..Refused::because(Why::Invalid, text) }
    }
}

/// What came of an intent.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// The input's number.
    pub seq: u64,
    /// The kernel's own verdict.
    pub accepted: bool,
    /// Why.
    pub code: KernelDiagnosticCode,
    /// How bad.
    pub severity: Severity,
    /// The slot concerned.
    pub slot_id: Option<u32>,
    /// Its stage afterwards.
    pub state: Option<TradeStage>,
    /// The trade concerned.
    pub trade_id: Id,
    /// Whether it survives a power loss by now.
    pub durable: bool,
    /// All stage changes until quiet.
    pub transitions: Vec<TransitionRecord>,
    /// All venue events until quiet.
    pub events: Vec<VenueEvent>,
    /// Particulars by name.
    pub details: FieldValues,
}

impl Verdict {
    /// An engine's answer, with its particulars by name.
    pub fn of(answer: Answer, details: FieldValues) -> Verdict {
        let outcome = answer.outcome;
        Verdict {
            seq: outcome.seq,
            accepted: outcome.accepted,
            code: outcome.code,
            severity: outcome.severity,
            slot_id: outcome.slot_id,
            state: outcome.state,
            trade_id: answer.trade_id,
            durable: answer.durable,
            transitions: answer.transitions,
            events: answer.events.into_iter().map(|event| *event).collect(),
            details,
        }
    }

    /// Writes an answer as the verdict that [`Verdict::of`] makes of it, which is not made: its events are large to move.
    #[inline]
    pub fn put_answer(answer: &Answer, details: &FieldValues, out: &mut Vec<u8>) {
        let Answer { outcome, trade_id, transitions, notices: _, events, durable } = answer;
        outcome.seq.put(out);
        outcome.accepted.put(out);
        outcome.code.put(out);
        outcome.severity.put(out);
        outcome.slot_id.put(out);
        outcome.state.put(out);
        trade_id.put(out);
        durable.put(out);
        transitions.put(out);
        (events.len().min(usize::from(u16::MAX)) as u16).put(out);
        events.iter().for_each(|event| event.put(out));
        details.put(out);
    }
}

/// Begins a reply with so many verdicts, which [`Verdict::put_answer`] writes behind it.
#[inline]
pub fn begin_verdicts(number: u32, count: u16, out: &mut Vec<u8>) {
    head(VERDICTS, number, out);
    count.put(out);
}

fields!(Verdict { seq accepted code severity slot_id state trade_id durable transitions events details });

/// A stage change that a program hears of.
#[derive(Clone, PartialEq, Debug)]
pub struct Happening {
    /// The change.
    pub change: TransitionRecord,
    /// What the venue said, where that was its cause.
    pub event: Option<Box<VenueEvent>>,
    /// The event's order, as it is after the drain. From version 2 on.
    pub order: Option<Box<OrderView>>,
}

/// What has happened to a program's trades in one drain.
#[derive(Clone, PartialEq, Debug)]
pub struct News {
    /// The last input that it knows of.
    pub seq: u64,
    /// The slots concerned, as they are after it.
    pub slots: Vec<SlotView>,
    /// What happened, in its order.
    pub happenings: Vec<Happening>,
}

/// What a server says.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// To a hello.
    Welcome(Box<Welcome>),
    /// It does not do that.
    Refused(Box<Refused>),
    /// To intents: a verdict for each.
    Verdicts(Vec<Verdict>),
    /// To [`Request::Slot`]; the number of the last input that it knows of.
    Slot(u64, Box<SlotView>),
    /// To [`Request::Orders`].
    Orders(Vec<OrderView>),
    /// To [`Request::Read`]: JSON; empty where there is none.
    Text(String),
    /// To [`Request::Read`]: particulars; empty where there are none.
    Table(FieldValues),
    /// To [`Request::Bye`].
    Gone,
    /// Unasked: what has happened.
    News(Box<News>),
    /// Unasked: what happened between two inputs is lost to this program, which did not read.
    Gap {
        /// The first input that is lost.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// Unasked: the program's slots whole.
    Slots(u64, Vec<SlotView>),
    /// Unasked: the market up to this number stands in shared memory.
    Market(u64),
    /// Unasked: the server ends.
    Closing(String),
    /// To [`Request::Noted`]: its last input, when it was written, ns, and the text; nothing where there is none.
    Note(Option<(u64, i64, String)>),
    /// To [`Request::Past`].
    Past(Past),
    /// To [`Request::Channel`]: the memory's descriptor goes with it.
    Channel,
    /// Unasked, in the socket of a program that has a channel and sleeps: there is something in it.
    Wake,
}

const HELLO: u8 = 1;
const INTENTS: u8 = 2;
const SLOT: u8 = 3;
const ORDERS: u8 = 4;
const READ: u8 = 5;
const BYE: u8 = 6;
const NOTE: u8 = 7;
const NOTED: u8 = 8;
const PAST: u8 = 9;
const NOTING: u8 = 10;
const OVERRIDE: u8 = 11;
const CHANNEL: u8 = 12;
const WELCOME: u8 = 65;
const REFUSED: u8 = 66;
const VERDICTS: u8 = 67;
const SLOT_IS: u8 = 68;
const ORDERS_ARE: u8 = 69;
const TEXT: u8 = 70;
const TABLE: u8 = 71;
const GONE: u8 = 72;
const NEWS: u8 = 73;
const GAP: u8 = 74;
const SLOTS: u8 = 75;
const MARKET: u8 = 76;
const CLOSING: u8 = 77;
const NOTE_IS: u8 = 78;
const PAST_IS: u8 = 79;
const CHANNEL_IS: u8 = 80;
const WAKE: u8 = 81;

fn head(kind: u8, number: u32, out: &mut Vec<u8>) {
    out.clear();
    out.push(kind);
    number.put(out);
}

impl Request {
    /// Writes it into `out`, which it empties first. A request has the same bytes in every version so far.
    pub fn encode(&self, number: u32, out: &mut Vec<u8>) {
        match self {
            Request::Hello(hello) => {
                head(HELLO, number, out);
                hello.put(out);
            }
            Request::Intents { again, intents } => {
                head(INTENTS, number, out);
                again.put(out);
                intents.put(out);
            }
            Request::Slot(slot_id) => {
                head(SLOT, number, out);
                slot_id.put(out);
            }
            Request::Orders { venue_client_id, live_only } => {
                head(ORDERS, number, out);
                venue_client_id.put(out);
                live_only.put(out);
            }
            Request::Read { topic, name } => {
                head(READ, number, out);
                topic.put(out);
                name.put(out);
            }
            Request::Bye => head(BYE, number, out),
            Request::Note { told_seq, text } => {
                head(NOTE, number, out);
                told_seq.put(out);
                put_long(text, out);
            }
            Request::Noted => head(NOTED, number, out),
            Request::Past { after_seq, until_seq } => {
                head(PAST, number, out);
                after_seq.put(out);
                until_seq.put(out);
            }
            Request::Noting { again, told_seq, text, intents } => {
                head(NOTING, number, out);
                again.put(out);
                told_seq.put(out);
                put_long(text, out);
                intents.put(out);
            }
            Request::Override(change) => {
                head(OVERRIDE, number, out);
                put_override(change, out);
            }
            Request::Channel => head(CHANNEL, number, out),
        }
    }

    /// True for bytes of intents: see [`AGAIN_AT`].
    pub(crate) fn has_intents(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(&INTENTS | &NOTING))
    }

    /// The same as a server of that version takes it: one that keeps no notes with intents is sent the intents.
    pub(crate) fn fit(bytes: &mut Vec<u8>, version: u16) {
        if version >= NOTING_FROM || bytes.first() != Some(&NOTING) {
            return;
        }
        if let Ok((number, Request::Noting { again, intents, .. })) = Request::decode(bytes) {
            Request::Intents { again, intents }.encode(number, bytes);
        }
    }

    /// Reads it, with its number.
    ///
    /// # Errors
    /// The bytes are no request.
    pub fn decode(bytes: &[u8]) -> Result<(u32, Request), Malformed> {
        read_request(bytes).ok_or(Malformed)
    }
}

fn read_request(mut bytes: &[u8]) -> Option<(u32, Request)> {
    let left = &mut bytes;
    let (kind, number) = (u8::take(left)?, u32::take(left)?);
    let request = match kind {
        HELLO => Request::Hello(Box::new(Form::take(left)?)),
        INTENTS => Request::Intents { again: Form::take(left)?, intents: Form::take(left)? },
        SLOT => Request::Slot(Form::take(left)?),
        ORDERS => Request::Orders { venue_client_id: Form::take(left)?, live_only: Form::take(left)? },
        READ => Request::Read { topic: Form::take(left)?, name: Form::take(left)? },
        BYE => Request::Bye,
        NOTE => Request::Note { told_seq: Form::take(left)?, text: take_long(left)? },
        NOTED => Request::Noted,
        PAST => Request::Past { after_seq: Form::take(left)?, until_seq: Form::take(left)? },
        NOTING => Request::Noting {
            again: Form::take(left)?,
            told_seq: Form::take(left)?,
            text: take_long(left)?,
            intents: Form::take(left)?,
        },
        OVERRIDE => Request::Override(Box::new(take_override(left)?)),
        CHANNEL => Request::Channel,
        _ => return None,
    };
    // A later hello may say more behind what every version knows.
    (left.is_empty() || kind == HELLO).then_some((number, request))
}

impl Reply {
    /// Writes it into `out`, which it empties first, as a version has it.
    pub fn encode(&self, number: u32, version: u16, out: &mut Vec<u8>) {
        if version < PROFIT_FROM
            && let Some(older) = self.without_profits()
        {
            return older.encode(number, version, out);
        }
        match self {
            Reply::Welcome(welcome) => {
                head(WELCOME, number, out);
                welcome.put(out);
            }
            Reply::Refused(refused) => {
                head(REFUSED, number, out);
                refused.put(out);
            }
            Reply::Verdicts(verdicts) => {
                head(VERDICTS, number, out);
                verdicts.put(out);
            }
            Reply::Slot(seq, slot) => {
                head(SLOT_IS, number, out);
                seq.put(out);
                slot.put(out);
            }
            Reply::Orders(orders) => {
                head(ORDERS_ARE, number, out);
                orders.put(out);
            }
            Reply::Text(text) => {
                head(TEXT, number, out);
                put_long(text, out);
            }
            Reply::Table(fields) => {
                head(TABLE, number, out);
                fields.put(out);
            }
            Reply::Gone => head(GONE, number, out),
            Reply::News(news) => {
                head(NEWS, number, out);
                put_news(news, version, out);
            }
            Reply::Gap { from, to } => {
                head(GAP, number, out);
                from.put(out);
                to.put(out);
            }
            Reply::Slots(seq, slots) => {
                head(SLOTS, number, out);
                seq.put(out);
                slots.put(out);
            }
            Reply::Market(shown) => {
                head(MARKET, number, out);
                shown.put(out);
            }
            Reply::Closing(text) => {
                head(CLOSING, number, out);
                put_long(text, out);
            }
            Reply::Note(note) => {
                head(NOTE_IS, number, out);
                note.is_some().put(out);
                if let Some((told_seq, time_ns, text)) = note {
                    told_seq.put(out);
                    time_ns.put(out);
                    put_long(text, out);
                }
            }
            Reply::Past(past) => {
                head(PAST_IS, number, out);
                put_past(past, out);
            }
            Reply::Channel => head(CHANNEL_IS, number, out),
            Reply::Wake => head(WAKE, number, out),
        }
    }

    /// Returns it without the realised PnL of events; None where it has none.
    fn without_profits(&self) -> Option<Reply> {
        let mut reply = self.clone();
        let mut found = false;
        let mut strip = |event: &mut VenueEvent| found |= event.realized_pnl.take().is_some();
        match &mut reply {
            Reply::Verdicts(verdicts) => {
                verdicts.iter_mut().flat_map(|verdict| &mut verdict.events).for_each(&mut strip);
            }
            Reply::News(news) => {
                news.happenings.iter_mut().filter_map(|one| one.event.as_deref_mut()).for_each(&mut strip);
            }
            Reply::Past(past) => past.events.iter_mut().for_each(|one| strip(&mut one.event)),
            Reply::Welcome(_)
            | Reply::Refused(_)
            | Reply::Slot(..)
            | Reply::Orders(_)
            | Reply::Text(_)
            | Reply::Table(_)
            | Reply::Gone
            | Reply::Gap { .. }
            | Reply::Slots(..)
            | Reply::Market(_)
            | Reply::Closing(_)
            | Reply::Note(_)
            | Reply::Channel
            | Reply::Wake => {}
        }
        found.then_some(reply)
    }

    /// Reads it, with its number.
    ///
    /// # Errors
    /// The bytes are no reply of that version.
    pub fn decode(bytes: &[u8], version: u16) -> Result<(u32, Reply), Malformed> {
        read_reply(bytes, version).ok_or(Malformed)
    }
}

fn read_reply(mut bytes: &[u8], version: u16) -> Option<(u32, Reply)> {
    let left = &mut bytes;
    let (kind, number) = (u8::take(left)?, u32::take(left)?);
    let reply = match kind {
        WELCOME => Reply::Welcome(Box::new(Form::take(left)?)),
        REFUSED => Reply::Refused(Box::new(Form::take(left)?)),
        VERDICTS => Reply::Verdicts(Form::take(left)?),
        SLOT_IS => Reply::Slot(Form::take(left)?, Box::new(Form::take(left)?)),
        ORDERS_ARE => Reply::Orders(Form::take(left)?),
        TEXT => Reply::Text(take_long(left)?),
        TABLE => Reply::Table(Form::take(left)?),
        GONE => Reply::Gone,
        NEWS => Reply::News(Box::new(take_news(left, version)?)),
        GAP => Reply::Gap { from: Form::take(left)?, to: Form::take(left)? },
        SLOTS => Reply::Slots(Form::take(left)?, Form::take(left)?),
        MARKET => Reply::Market(Form::take(left)?),
        CLOSING => Reply::Closing(take_long(left)?),
        NOTE_IS if bool::take(left)? => {
            Reply::Note(Some((Form::take(left)?, Form::take(left)?, take_long(left)?)))
        }
        NOTE_IS => Reply::Note(None),
        PAST_IS => Reply::Past(take_past(left)?),
        CHANNEL_IS => Reply::Channel,
        WAKE => Reply::Wake,
        _ => return None,
    };
    left.is_empty().then_some((number, reply))
}

fn put_news(news: &News, version: u16, out: &mut Vec<u8>) {
    news.seq.put(out);
    news.slots.put(out);
    (news.happenings.len().min(usize::from(u16::MAX)) as u16).put(out);
    for Happening { change, event, order } in &news.happenings {
        change.put(out);
        event.put(out);
        if version >= 2 {
            order.put(out);
        }
    }
}

fn take_news(left: &mut &[u8], version: u16) -> Option<News> {
    let (seq, slots) = (Form::take(left)?, Form::take(left)?);
    let count = u16::take(left)?;
    let one = |_| {
        let (change, event) = (Form::take(left)?, Form::take(left)?);
        let order = if version >= 2 { Form::take(left)? } else { None };
        Some(Happening { change, event, order })
    };
    let happenings = (0..count).map(one).collect::<Option<Vec<_>>>()?;
    Some(News { seq, slots, happenings })
}

fn put_maybe<T: Form>(value: &Option<T>, out: &mut Vec<u8>) {
    value.is_some().put(out);
    if let Some(value) = value {
        value.put(out);
    }
}

fn take_maybe<T: Form>(left: &mut &[u8]) -> Option<Option<T>> {
    if bool::take(left)? { T::take(left).map(Some) } else { Some(None) }
}

fn put_override(change: &SlotOverride, out: &mut Vec<u8>) {
    change.slot_id.put(out);
    change.by.put(out);
    change.reason.put(out);
    put_maybe(&change.trade_id, out);
    put_maybe(&change.asset, out);
    put_maybe(&change.side, out);
    put_maybe(&change.size, out);
    put_maybe(&change.entry_price, out);
    put_maybe(&change.initial_size, out);
    put_maybe(&change.realized_pnl, out);
    put_maybe(&change.leverage, out);
    put_maybe(&change.exit_leg_ratios, out);
    put_maybe(&change.close_reason, out);
    put_maybe(&change.closed, out);
    put_maybe(&change.unprotected, out);
    put_maybe(&change.metadata, out);
    put_maybe(&change.entry_order, out);
    put_maybe(&change.exit_order, out);
}

fn take_override(left: &mut &[u8]) -> Option<SlotOverride> {
    Some(SlotOverride {
        slot_id: Form::take(left)?,
        by: Form::take(left)?,
        reason: Form::take(left)?,
        trade_id: take_maybe(left)?,
        asset: take_maybe(left)?,
        side: take_maybe(left)?,
        size: take_maybe(left)?,
        entry_price: take_maybe(left)?,
        initial_size: take_maybe(left)?,
        realized_pnl: take_maybe(left)?,
        leverage: take_maybe(left)?,
        exit_leg_ratios: take_maybe(left)?,
        close_reason: take_maybe(left)?,
        closed: take_maybe(left)?,
        unprotected: take_maybe(left)?,
        metadata: take_maybe(left)?,
        entry_order: take_maybe(left)?,
        exit_order: take_maybe(left)?,
    })
}

fn put_past(past: &Past, out: &mut Vec<u8>) {
    past.left_out.put(out);
    (past.events.len().min(usize::from(u16::MAX)) as u16).put(out);
    for PastEvent { slot, event, order } in &past.events {
        slot.put(out);
        event.put(out);
        order.is_some().put(out);
        if let Some(order) = order {
            order.put(out);
        }
    }
}

fn take_past(left: &mut &[u8]) -> Option<Past> {
    let left_out = Form::take(left)?;
    let count = u16::take(left)?;
    let one = |_| {
        let (slot, event) = (Form::take(left)?, Form::take(left)?);
        let order = if bool::take(left)? { Some(Form::take(left)?) } else { None };
        Some(PastEvent { slot, event, order })
    };
    let events = (0..count).map(one).collect::<Option<Vec<_>>>()?;
    Some(Past { events, left_out })
}

/// A text that may be longer than 65,535 bytes.
fn put_long(text: &str, out: &mut Vec<u8>) {
    (text.len().min(REPLY_BYTES_MAX) as u32).put(out);
    out.extend_from_slice(text.as_bytes());
}

fn take_long(left: &mut &[u8]) -> Option<String> {
    let length = u32::take(left)? as usize;
    let (taken, rest) = left.split_at_checked(length)?;
    *left = rest;
    String::from_utf8(taken.to_vec()).ok()
}
