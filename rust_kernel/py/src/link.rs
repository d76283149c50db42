//! A program's link to a kernel's server, as Python has it.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dita_engine::form::FieldValue;
use dita_engine::{Answer, Observed, OrderView, PastEvent, SlotView};
use dita_kernel::id::Id;
use dita_kernel::input::Intent;
use dita_kernel::outcome::{Detail as CoreDetail, Outcome};
use dita_link::message::{
    Happening, Hello, MAGIC, NOTING_FROM, News, Reply, Request, Topic, VERSION, VERSION_OLDEST, Verdict, Why,
};
use dita_link::{
    Link as Core, LinkError, Policy, Pushed, SocketTransport, SpinTransport, Transport, Travels,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::details::Details;
use crate::engine::calls::About;
use crate::errors::{Error, LinkTrouble};
use crate::intent::KernelIntent;
use crate::order::VenueOrder;
use crate::outcome::{KernelOutcome, OutcomeView};
use crate::slot::TradeSlot;
use crate::telling::Watcher;
use crate::text;
use crate::venue_event::VenueEvent;

impl From<LinkError> for Error {
    #[cold]
    fn from(error: LinkError) -> Error {
        let refused = match error {
            LinkError::Away(why) => return Error::Link(Box::new(LinkTrouble::Away(why))),
            LinkError::TimedOut => {
                let why = "the server has not answered in time: what was sent may have been taken or not";
                return Error::Link(Box::new(LinkTrouble::Away(why.into())));
            }
            LinkError::Closed(why) => {
                return Error::Link(Box::new(LinkTrouble::Other(format!("the connection is gone: {why}"))));
            }
            LinkError::Refused(refused) => *refused,
        };
        match refused.why {
            Why::Invalid => Error::text_value(refused.field.into_string(), &refused.value, &refused.text),
            Why::InboxFull => Error::InboxFull(refused.text),
            Why::Closed => Error::Closed,
            Why::Failed => Error::Poisoned(refused.text),
            why @ (Why::Version
            | Why::Malformed
            | Why::LeaseHeld
            | Why::Secret
            | Why::NoFreeSlot
            | Why::TooMany
            | Why::TooSlow) => Error::Link(Box::new(LinkTrouble::Refused {
                code: why.name(),
                text: refused.text,
                pid: refused.pid,
                since_ns: refused.since_ns,
            })),
        }
    }
}

/// A program's link to a kernel's server. Calls let go of the interpreter while they wait.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Link {
    core: Core,
    timeout: Duration,
    waiting: Mutex<VecDeque<Pushed>>,
    /// What is known of intents whose answers nobody waits for.
    started: Mutex<Vec<(u32, Vec<About>)>>,
}

fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seconds(value: f64, field: &'static str) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| Error::text_value(field, &value.to_string(), "is no time in seconds"))
}

fn id(value: &str, field: &'static str) -> Result<Id, Error> {
    Id::new(value).map_err(|_| Error::text_value(field, value, "is longer than 64 bytes"))
}

fn topic(name: &str) -> Result<Topic, Error> {
    match name {
        "account" => Ok(Topic::Account),
        "control" => Ok(Topic::Control),
        "health" => Ok(Topic::Health),
        _ => Err(Error::text_value("topic", name, "is none of account, control, health")),
    }
}

fn outcome(verdict: Verdict, about: About) -> KernelOutcome {
    about.complete(view_of(verdict))
}

fn view_of(verdict: Verdict) -> OutcomeView {
    let outcome = Outcome {
        seq: verdict.seq,
        accepted: verdict.accepted,
        code: verdict.code,
        severity: verdict.severity,
        slot_id: verdict.slot_id,
        state: verdict.state,
        // What the core had to say is among the details.
        detail: CoreDetail::None,
    };
    let answer = Answer {
        outcome,
        trade_id: verdict.trade_id,
        transitions: verdict.transitions,
        notices: Vec::new(),
        events: verdict.events.into_iter().map(Box::new).collect(),
        durable: verdict.durable,
    };
    OutcomeView { answer, extra: Details::of(verdict.details) }
}

#[cold]
fn unexpected() -> Error {
    Error::Link(Box::new(LinkTrouble::Other("the server's answer is none to what it was asked".into())))
}

impl Link {
    fn call(&self, py: Python<'_>, request: &Request) -> Result<Reply, Error> {
        let mut pressed = None;
        let called = py.detach(|| {
            self.core.call(request, self.timeout, &mut || {
                let checked = Python::attach(|py| py.check_signals());
                pressed = checked.err();
                pressed.is_some()
            })
        });
        match (called, pressed) {
            (_, Some(pressed)) => Err(pressed.into()),
            (reply, None) => Ok(reply?),
        }
    }

    /// The message that brings intents, with a note or without. `again` says that they may have been taken before.
    fn asked(
        &self,
        intents: Vec<Intent>,
        note: Option<(String, u64)>,
        again: bool,
    ) -> Result<Request, Error> {
        let Some((text, told_seq)) = note else { return Ok(Request::Intents { again, intents }) };
        self.speaks(NOTING_FROM, "notes with intents")?;
        Ok(Request::Noting { again, told_seq, text, intents })
    }

    fn take(
        &self,
        py: Python<'_>,
        intents: Vec<Intent>,
        about: Vec<About>,
        note: Option<(String, u64)>,
        again: bool,
    ) -> Result<Vec<KernelOutcome>, Error> {
        let count = intents.len();
        let request = self.asked(intents, note, again)?;
        match self.call(py, &request)? {
            Reply::Verdicts(verdicts) if verdicts.len() == count => {
                Ok(verdicts.into_iter().zip(about).map(|(verdict, about)| outcome(verdict, about)).collect())
            }
            _ => Err(unexpected()),
        }
    }
}

fn read_intents(intents: &[Bound<'_, PyAny>]) -> Result<(Vec<Intent>, Vec<About>), Error> {
    let mut read = (Vec::with_capacity(intents.len()), Vec::with_capacity(intents.len()));
    for (at, intent) in intents.iter().enumerate() {
        let cast = intent.cast::<KernelIntent>();
        let intent = cast.map_err(|_| Error::wrong_type(format!("intents[{at}]"), intent, "KernelIntent"))?;
        let its = intent.get();
        read.1.push(About::of(its.core(), its.given_slot()));
        read.0.push(its.core().clone());
    }
    Ok(read)
}

fn slot_objects<'py>(py: Python<'py>, slots: Vec<SlotView>) -> PyResult<Bound<'py, PyList>> {
    let made = slots.into_iter().map(|view| Bound::new(py, TradeSlot::from(view)));
    PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)
}

#[pymethods]
impl Link {
    /// Connects, and takes the lease. Times are in seconds: `timeout_s` for an answer, `comes_back_s` for a server that is away.
    #[new]
    #[pyo3(signature = (path, *, name, slots=1, account="", policy="keep", grace_s=5.0, secret="", market=false, timeout_s=30.0, comes_back_s=10.0, versions=None, spin=false))]
    #[allow(clippy::too_many_arguments)] // each is one of the hello's
    fn new(
        py: Python<'_>,
        path: PathBuf,
        name: &str,
        slots: i64,
        account: &str,
        policy: &str,
        grace_s: f64,
        secret: &str,
        market: bool,
        timeout_s: f64,
        comes_back_s: f64,
        versions: Option<(u16, u16)>,
        spin: bool,
    ) -> Result<Link, Error> {
        let too_many = |_| Error::text_value("slots", &slots.to_string(), "must be from 1 to 65,535");
        let Some(policy) = Policy::from_name(policy) else {
            return Err(Error::text_value("on_loss", policy, "is none of keep, cancel, flatten"));
        };
        let grace = seconds(grace_s, "grace_s")?.as_millis();
        let grace_ms = u32::try_from(grace)
            .map_err(|_| Error::text_value("grace_s", &grace_s.to_string(), "must be at most a day"))?;
        let (oldest, newest) = versions.unwrap_or((VERSION_OLDEST, VERSION));
        let hello = Hello {
            magic: MAGIC,
            oldest,
            newest,
            account: id(account, "account")?,
            name: id(name, "name")?,
            slots: u16::try_from(slots).map_err(too_many)?,
            policy,
            grace_ms,
            secret: secret.into(),
            market,
        };
        let (timeout, comes_back) =
            (seconds(timeout_s, "timeout_s")?, seconds(comes_back_s, "comes_back_s")?);
        let transport: Box<dyn Transport> =
            if spin { Box::new(SpinTransport { path }) } else { Box::new(SocketTransport { path }) };
        let core = py.detach(|| Core::open(transport, hello, comes_back))?;
        Ok(Link { core, timeout, waiting: Mutex::default(), started: Mutex::default() })
    }

    /// What the server has said to the hello last.
    fn welcome<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let said = self.core.welcome();
        let dict = PyDict::new(py);
        dict.set_item("version", said.version)?;
        dict.set_item("host", said.host.as_str())?;
        dict.set_item("account", said.account.as_str())?;
        dict.set_item("slots", PyTuple::new(py, said.slots)?)?;
        dict.set_item("again", said.again)?;
        dict.set_item("max_slots", said.slots_max)?;
        dict.set_item("seq", said.seq)?;
        dict.set_item("now_ns", said.now_ns)?;
        let names = |ids: Vec<Id>| ids.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
        dict.set_item("assets", names(said.assets))?;
        dict.set_item("instruments", names(said.instruments))?;
        dict.set_item("plane_directory", &*said.plane_directory)?;
        dict.set_item("plane_name", &*said.plane_name)?;
        Ok(dict)
    }

    /// How messages travel: `("channel" or "socket", why there is no channel where one was asked for, or "")`.
    fn travels(&self) -> (&'static str, String) {
        match self.core.travels() {
            Travels::Channel => ("channel", String::new()),
            Travels::Socket => ("socket", String::new()),
            Travels::NoChannel(why) => ("socket", why),
        }
    }

    /// The highest input that an answer has told of.
    #[getter]
    fn seq(&self) -> u64 {
        self.core.seq()
    }

    /// True once closed.
    #[getter]
    fn closed(&self) -> bool {
        self.core.is_closed()
    }

    /// What an event loop watches: it can be read when something is told.
    fn fileno(&self) -> i32 {
        self.core.bell().as_fd().as_raw_fd()
    }

    /// Takes an intent; waits for its outcome. `note` is a text and the last input that its writer has heard of: the log keeps
    /// them together. `again` says that it may have been taken before: then its first outcome is wanted.
    #[pyo3(signature = (intent, note=None, again=false))]
    fn process_intent(
        &self,
        intent: &Bound<'_, PyAny>,
        note: Option<(String, u64)>,
        again: bool,
    ) -> Result<KernelOutcome, Error> {
        let cast = intent.cast::<KernelIntent>();
        let its = cast.map_err(|_| Error::wrong_type("intent", intent, "KernelIntent"))?.get();
        let about = About::of(its.core(), its.given_slot());
        let outcomes = self.take(intent.py(), vec![its.core().clone()], vec![about], note, again)?;
        outcomes.into_iter().next().ok_or_else(unexpected)
    }

    /// Takes intents that come together; their outcomes in the same order. `note` and `again` as with one.
    #[pyo3(signature = (intents, note=None, again=false))]
    fn process_intents<'py>(
        &self,
        py: Python<'py>,
        intents: Vec<Bound<'py, PyAny>>,
        note: Option<(String, u64)>,
        again: bool,
    ) -> Result<Bound<'py, PyList>, Error> {
        let (intents, about) = read_intents(&intents)?;
        let outcomes =
            if intents.is_empty() { Vec::new() } else { self.take(py, intents, about, note, again)? };
        let made = outcomes.into_iter().map(|outcome| Bound::new(py, outcome));
        Ok(PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// Sends intents, and waits for nothing; `taken` has their outcomes once `fileno` can be read.
    /// `note` and `again` as with one.
    #[pyo3(signature = (intents, note=None, again=false))]
    fn start(
        &self,
        py: Python<'_>,
        intents: Vec<Bound<'_, PyAny>>,
        note: Option<(String, u64)>,
        again: bool,
    ) -> Result<u32, Error> {
        let (intents, about) = read_intents(&intents)?;
        let request = self.asked(intents, note, again)?;
        let number = py.detach(|| self.core.start(&request))?;
        unpoisoned(&self.started).push((number, about));
        Ok(number)
    }

    /// The outcomes of what was started; `None` while there are none.
    fn taken<'py>(&self, py: Python<'py>, number: u32) -> Result<Option<Bound<'py, PyList>>, Error> {
        let Some(reply) = self.core.take(number) else { return Ok(None) };
        let mut started = unpoisoned(&self.started);
        let place = started.iter().position(|(known, _)| *known == number).ok_or_else(unexpected)?;
        let (_, about) = started.swap_remove(place);
        drop(started);
        let Reply::Verdicts(verdicts) = reply? else { return Err(unexpected()) };
        let made = verdicts.into_iter().zip(about).map(|(one, about)| Bound::new(py, outcome(one, about)));
        Ok(Some(PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?))
    }

    /// Wants no outcomes of what was started any more.
    fn forget(&self, number: u32) {
        self.core.forget(number);
        unpoisoned(&self.started).retain(|(known, _)| *known != number);
    }

    /// A slot, asked of the server.
    fn slot(&self, py: Python<'_>, slot_id: u32) -> Result<TradeSlot, Error> {
        match self.call(py, &Request::Slot(slot_id))? {
            Reply::Slot(_, view) => Ok(TradeSlot::from(*view)),
            _ => Err(unexpected()),
        }
    }

    /// An order by our id, asked of the server; `None` where it is not known.
    fn order(&self, py: Python<'_>, venue_client_id: &Bound<'_, PyAny>) -> Result<Option<VenueOrder>, Error> {
        let mut order_id = Id::EMPTY;
        text::read_id(&mut order_id, venue_client_id, "venue_client_id")?;
        Ok(self.order_views(py, order_id, false)?.into_iter().next().map(VenueOrder::from))
    }

    /// The orders, oldest first, asked of the server.
    #[pyo3(signature = (*, live_only=false))]
    fn orders<'py>(&self, py: Python<'py>, live_only: bool) -> Result<Bound<'py, PyList>, Error> {
        let orders = self.order_views(py, Id::EMPTY, live_only)?;
        let made = orders.into_iter().map(|order| Bound::new(py, VenueOrder::from(order)));
        Ok(PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// The account of an asset, the controls or the health, as JSON; empty where there is none.
    #[pyo3(signature = (topic_name, name=""))]
    fn read_text(&self, py: Python<'_>, topic_name: &str, name: &str) -> Result<String, Error> {
        let request = Request::Read { topic: topic(topic_name)?, name: id(name, "name")? };
        match self.call(py, &request)? {
            Reply::Text(text) => Ok(text),
            _ => Err(unexpected()),
        }
    }

    /// An instrument's rules by name, and its last mark; `None` where there is no such instrument.
    fn instrument<'py>(&self, py: Python<'py>, symbol: &str) -> Result<Option<Bound<'py, PyDict>>, Error> {
        let request = Request::Read { topic: Topic::Instrument, name: id(symbol, "symbol")? };
        match self.call(py, &request)? {
            Reply::Table(fields) if fields.0.is_empty() => Ok(None),
            Reply::Table(fields) => Ok(Some(Details::of(fields).to_dict(py)?)),
            _ => Err(unexpected()),
        }
    }

    /// The venue's positions or the ledger's transactions, as dicts.
    fn rows<'py>(&self, py: Python<'py>, topic_name: &str) -> Result<Bound<'py, PyList>, Error> {
        let topic = match topic_name {
            "positions" => Topic::Positions,
            "ledger" => Topic::Ledger,
            _ => return Err(Error::text_value("topic", topic_name, "is none of positions, ledger")),
        };
        self.speaks(3, topic_name)?;
        let Reply::Table(fields) = self.call(py, &Request::Read { topic, name: Id::EMPTY })? else {
            return Err(unexpected());
        };
        let rows = fields.0.into_iter().find(|(name, _)| &**name == "rows").map(|(_, rows)| rows);
        let Some(FieldValue::List(rows)) = rows else { return Err(unexpected()) };
        let dicts = rows.into_iter().map(|row| Details::of(row).to_dict(py));
        Ok(PyList::new(py, dicts.collect::<PyResult<Vec<_>>>()?)?)
    }

    /// Keeps a text for the lease's program in the log; `told_seq` is the last input that it has heard of.
    fn note(&self, py: Python<'_>, text: &str, told_seq: u64) -> Result<(), Error> {
        self.speaks(3, "notes")?;
        match self.call(py, &Request::Note { told_seq, text: text.to_owned() })? {
            Reply::Text(_) => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// The newest note of the lease's program: (text, told_seq, time in ns); `None` where there is none.
    fn noted(&self, py: Python<'_>) -> Result<Option<(String, u64, i64)>, Error> {
        self.speaks(3, "notes")?;
        match self.call(py, &Request::Noted)? {
            Reply::Note(note) => Ok(note.map(|(told_seq, time_ns, text)| (text, told_seq, time_ns))),
            _ => Err(unexpected()),
        }
    }

    /// What has happened to the lease's trades, out of the log: (slot, event, order or `None`), and how many older ones are left
    /// out.
    fn past<'py>(
        &self,
        py: Python<'py>,
        after_seq: u64,
        until_seq: u64,
    ) -> Result<(Bound<'py, PyList>, u64), Error> {
        self.speaks(3, "the past")?;
        let Reply::Past(past) = self.call(py, &Request::Past { after_seq, until_seq })? else {
            return Err(unexpected());
        };
        let told = PyList::empty(py);
        for PastEvent { slot, event, order } in past.events {
            let order = order.map(|order| Bound::new(py, VenueOrder::from(order))).transpose()?;
            told.append((
                Bound::new(py, TradeSlot::from(slot))?,
                Bound::new(py, VenueEvent::from(event))?,
                order,
            ))?;
        }
        Ok((told, past.left_out))
    }

    /// An operator's change of one of the lease's slots, from keywords, as `Engine.override_slot` takes them.
    #[pyo3(signature = (slot_id, by, reason, **changes))]
    fn override_slot(
        &self,
        py: Python<'_>,
        slot_id: u32,
        by: &Bound<'_, PyAny>,
        reason: &Bound<'_, PyAny>,
        changes: Option<&Bound<'_, PyDict>>,
    ) -> Result<KernelOutcome, Error> {
        self.speaks(NOTING_FROM, "overrides")?;
        let change = crate::engine::inputs::slot_override(slot_id, by, reason, changes)?;
        match self.call(py, &Request::Override(Box::new(change)))? {
            Reply::Verdicts(verdicts) => {
                let verdict = verdicts.into_iter().next().ok_or_else(unexpected)?;
                Ok(view_of(verdict).into())
            }
            _ => Err(unexpected()),
        }
    }

    /// Ends the bell's ringing: what is told from now on rings it anew.
    fn quiet(&self) {
        self.core.bell().quiet();
    }

    /// Gives what happened to a watcher, up to the next thing of another kind, and gives that: `("gap", from, to)`, `("slots",
    /// seq, slots)`, `("market", number)`, `("back", seq)`, `("away", why)`; `None` where nothing is left. Without a watcher what happened is given as well: `("news", seq, slots,
    /// events)`.
    #[pyo3(signature = (watcher=None))]
    fn next_told<'py>(
        &self,
        py: Python<'py>,
        watcher: Option<&Bound<'_, Watcher>>,
    ) -> Result<Option<Bound<'py, PyTuple>>, Error> {
        loop {
            let mut waiting = unpoisoned(&self.waiting);
            if waiting.is_empty() {
                self.core.bell().quiet();
                waiting.extend(self.core.pushed());
            }
            let Some(pushed) = waiting.pop_front() else { return Ok(None) };
            drop(waiting);
            let told = match pushed {
                Pushed::News(news) => match watcher {
                    Some(watcher) => {
                        hear(watcher.get(), *news);
                        continue;
                    }
                    None => told_news(py, *news)?,
                },
                Pushed::Gap { from, to } => ("gap", from, to).into_pyobject(py)?,
                Pushed::Slots(seq, slots) => ("slots", seq, slot_objects(py, slots)?).into_pyobject(py)?,
                Pushed::Market(shown) => ("market", shown).into_pyobject(py)?,
                Pushed::Back(seq) => ("back", seq).into_pyobject(py)?,
                Pushed::Away(why) => ("away", why).into_pyobject(py)?,
            };
            return Ok(Some(told));
        }
    }

    /// Waits until something is told, at most so long, seconds; true where it is.
    fn wait(&self, py: Python<'_>, timeout_s: f64) -> Result<bool, Error> {
        if !unpoisoned(&self.waiting).is_empty() {
            return Ok(true);
        }
        let timeout = seconds(timeout_s.clamp(0.0, 86_400.0), "timeout")?;
        let waited = py.detach(|| dita_link::packet::wait_for(self.core.bell(), false, timeout));
        waited.map_err(|error| {
            let why = format!("the bell cannot be waited for: {error}");
            Error::Link(Box::new(LinkTrouble::Other(why)))
        })
    }

    /// Gives the lease back: its policy acts at once. Then the link is closed.
    fn part(&self, py: Python<'_>) -> Result<(), Error> {
        Ok(py.detach(|| self.core.part(self.timeout))?)
    }

    /// Hangs up; the lease stays, and its policy acts once its grace is over.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.core.close());
    }
}

impl Link {
    /// Asks for nothing that the server's version does not have.
    fn speaks(&self, version: u16, what: &str) -> Result<(), Error> {
        let theirs = self.core.welcome().version;
        if theirs >= version {
            return Ok(());
        }
        let why = format!(
            "{what}: the server speaks version {theirs} of the protocol, and this is of version {version}: install \
             the same version of dita on both sides"
        );
        Err(Error::Link(Box::new(LinkTrouble::Other(why))))
    }

    fn order_views(
        &self,
        py: Python<'_>,
        venue_client_id: Id,
        live_only: bool,
    ) -> Result<Vec<OrderView>, Error> {
        match self.call(py, &Request::Orders { venue_client_id, live_only })? {
            Reply::Orders(orders) => Ok(orders),
            _ => Err(unexpected()),
        }
    }
}

fn hear(watcher: &Watcher, news: News) {
    let changes = news.happenings.into_iter().map(|Happening { change, event, order }| {
        (Observed { record: change, event: event.map(|event| Arc::new(*event)) }, order)
    });
    watcher.hear_told(changes, news.slots);
}

fn told_news<'py>(py: Python<'py>, news: News) -> PyResult<Bound<'py, PyTuple>> {
    let events = news.happenings.into_iter().filter_map(|happening| happening.event);
    let events =
        events.map(|event| Bound::new(py, VenueEvent::from(*event))).collect::<PyResult<Vec<_>>>()?;
    ("news", news.seq, slot_objects(py, news.slots)?, PyList::new(py, events)?).into_pyobject(py)
}

/// Adds it to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Link>()
}
