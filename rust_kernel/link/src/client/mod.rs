//! A program's end: calls and their answers, what is told unasked, and coming back after the server was away.
//!
//! Who waits for an answer reads the line itself, and hands out what is not its own: no second thread has to be woken for it. A
//! thread of the link reads while nobody waits. What is told unasked goes into a bounded ring, and a bell rings.

mod pushed;
mod reading;
mod spinning;
mod transport;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dita_kernel::id::Id;

use crate::message::{AGAIN_AT, Hello, Refused, Reply, Request, VERSION, Welcome, Why};
use crate::packet::Bell;
pub use pushed::Pushed;
use pushed::Ring;
pub use spinning::SpinTransport;
pub use transport::{Line, Received, SocketTransport, Transport, Travels};

/// How long a thread reads or waits before it looks whether its call has to end.
pub(crate) const SLICE: Duration = Duration::from_millis(100);
/// How long the pauses between attempts to come back become.
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// So many intents without an answer are remembered, for the case that the program sends them again.
const UNANSWERED_MAX: usize = 1024;
/// How long a server has to answer a hello.
const WELCOME_PATIENCE: Duration = Duration::from_secs(5);

/// Why a call has no answer.
#[derive(Clone, PartialEq, Debug)]
pub enum LinkError {
    /// Nobody answers there; what was sent may have been taken or not.
    Away(String),
    /// The server says no.
    Refused(Box<Refused>),
    /// No answer came in time; what was sent may have been taken or not.
    TimedOut,
    /// The link was closed, or the server has told that it ends.
    Closed(String),
}

struct Call {
    /// What was sent, for the case that it has to be sent again.
    message: Vec<u8>,
    reply: Option<Reply>,
    /// Nobody waits for it: the bell rings when it is there.
    rings: bool,
}

/// The line as it is now.
struct Way {
    line: Option<Arc<dyn Line>>,
    /// Why there is none that will come back.
    ended: Option<LinkError>,
    welcome: Welcome,
}

/// What the link's threads share.
pub(crate) struct Shared {
    transport: Box<dyn Transport>,
    hello: Hello,
    way: Mutex<Way>,
    calls: Mutex<BTreeMap<u32, Call>>,
    /// A call has its reply, or the line has changed.
    answered: Condvar,
    /// Intents whose calls have ended without an answer: sent anew, they are sent again.
    unanswered: Mutex<VecDeque<Id>>,
    reading: Mutex<Vec<u8>>,
    next: AtomicU32,
    callers: AtomicUsize,
    /// How many wait for a reply while another one reads.
    behind: AtomicUsize,
    version: AtomicU32,
    seq: AtomicU64,
    closed: AtomicBool,
    comes_back: Duration,
    pub(crate) ring: Mutex<Ring>,
    pub(crate) bell: Bell,
    process: u32,
}

/// A program's link to a kernel's server.
pub struct Link {
    shared: Arc<Shared>,
    reader: Mutex<Option<JoinHandle<()>>>,
}

pub(crate) fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    /// Connects, and takes the lease. `comes_back` is how long a call waits for a server that is away before it gives up.
    ///
    /// # Errors
    /// Nobody answers, or the server refuses.
    pub fn open(
        transport: Box<dyn Transport>,
        hello: Hello,
        comes_back: Duration,
    ) -> Result<Link, LinkError> {
        let (line, welcome) = greet(&*transport, &hello)?;
        let bell = Bell::new().map_err(|error| LinkError::Away(format!("no bell can be made: {error}")))?;
        let shared = Arc::new(Shared {
            version: AtomicU32::new(welcome.version.into()),
            seq: AtomicU64::new(welcome.seq),
            transport,
            hello,
            way: Mutex::new(Way { line: Some(line), ended: None, welcome }),
            calls: Mutex::default(),
            answered: Condvar::new(),
            unanswered: Mutex::default(),
            reading: Mutex::default(),
            next: AtomicU32::new(1),
            callers: AtomicUsize::new(0),
            behind: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            comes_back,
            ring: Mutex::default(),
            bell,
            process: std::process::id(),
        });
        let its = Arc::clone(&shared);
        let spawned = std::thread::Builder::new().name("dita-link".into()).spawn(move || reading::run(&its));
        let reader = spawned.map_err(|error| LinkError::Away(format!("no thread can be begun: {error}")))?;
        Ok(Link { shared, reader: Mutex::new(Some(reader)) })
    }

    /// What the server has said last to the hello.
    pub fn welcome(&self) -> Welcome {
        unpoisoned(&self.shared.way).welcome.clone()
    }

    /// How messages travel now; through the socket where the server is away.
    pub fn travels(&self) -> Travels {
        let line = unpoisoned(&self.shared.way).line.clone();
        line.map_or(Travels::Socket, |line| line.travels())
    }

    /// The highest input that an answer has told of.
    pub fn seq(&self) -> u64 {
        self.shared.seq.load(Ordering::Acquire)
    }

    /// Rings when something is told unasked, or an answer is there that nobody waits for.
    pub fn bell(&self) -> &Bell {
        &self.shared.bell
    }

    /// True once closed.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Asks, and waits for the answer. `look` is called now and then: where it says so, the call ends with no answer.
    ///
    /// # Errors
    /// There is no answer, or it is a refusal.
    pub fn call(
        &self,
        request: &Request,
        timeout: Duration,
        look: &mut dyn FnMut() -> bool,
    ) -> Result<Reply, LinkError> {
        let number = self.begin(request, false)?;
        let _calling = Calling::new(&self.shared);
        let taken = self.shared.wait_for(number, Instant::now() + timeout, look);
        if taken.is_err() {
            self.forget(number);
        }
        self.settle(taken?)
    }

    /// Asks, and waits for nothing: the bell rings when the answer is there.
    ///
    /// # Errors
    /// The link is closed.
    pub fn start(&self, request: &Request) -> Result<u32, LinkError> {
        self.begin(request, true)
    }

    /// The answer to [`Link::start`], once it is there.
    pub fn take(&self, number: u32) -> Option<Result<Reply, LinkError>> {
        let mut calls = unpoisoned(&self.shared.calls);
        if calls.get(&number).is_some_and(|call| call.reply.is_none()) {
            let ended = unpoisoned(&self.shared.way).ended.clone()?;
            drop(calls);
            self.forget(number);
            return Some(Err(ended));
        }
        let reply = calls.remove(&number)?.reply?;
        drop(calls);
        Some(self.settle(reply))
    }

    /// Wants no answer to [`Link::start`] any more.
    pub fn forget(&self, number: u32) {
        let Some(call) = unpoisoned(&self.shared.calls).remove(&number) else { return };
        let (None, Ok((_, Request::Intents { intents, .. } | Request::Noting { intents, .. }))) =
            (call.reply, Request::decode(&call.message))
        else {
            return;
        };
        // They may have been taken.
        let mut unanswered = unpoisoned(&self.shared.unanswered);
        unanswered.extend(intents.into_iter().map(|intent| intent.intent_id));
        while unanswered.len() > UNANSWERED_MAX {
            unanswered.pop_front();
        }
    }

    /// True where an intent may have been taken before: then its first outcome is wanted.
    fn is_sent_again(&self, request: &Request) -> bool {
        let (Request::Intents { intents, .. } | Request::Noting { intents, .. }) = request else {
            return false;
        };
        let mut unanswered = unpoisoned(&self.shared.unanswered);
        if unanswered.is_empty() {
            return false;
        }
        let before = unanswered.len();
        // Without an answer it is among them once more.
        unanswered.retain(|id| intents.iter().all(|intent| intent.intent_id != *id));
        unanswered.len() < before
    }

    fn begin(&self, request: &Request, rings: bool) -> Result<u32, LinkError> {
        let shared = &self.shared;
        if shared.process != std::process::id() {
            return Err(LinkError::Closed("it was made by the process that this one was forked from".into()));
        }
        if self.is_closed() {
            return Err(LinkError::Closed("it was closed".into()));
        }
        let number = shared.next.fetch_add(1, Ordering::Relaxed).max(1);
        let mut message = Vec::with_capacity(256);
        request.encode(number, &mut message);
        if self.is_sent_again(request) {
            sent_again(&mut message);
        }
        let way = unpoisoned(&shared.way);
        if let Some(ended) = &way.ended {
            return Err(ended.clone());
        }
        let line = way.line.clone();
        // While the way is held: who brings it back sends what is in the list, and each call once.
        let sent = message.clone();
        unpoisoned(&shared.calls).insert(number, Call { message, reply: None, rings });
        drop(way);
        if let Some(line) = line
            && line.send(&sent).is_err()
        {
            line.hang_up();
        }
        Ok(number)
    }

    fn settle(&self, reply: Reply) -> Result<Reply, LinkError> {
        if let Reply::Refused(refused) = reply {
            return Err(LinkError::Refused(refused));
        }
        Ok(reply)
    }

    /// What was told unasked since the last time, in its order.
    pub fn pushed(&self) -> Vec<Pushed> {
        unpoisoned(&self.shared.ring).drain()
    }

    /// Gives the lease back: its policy acts at once. Then the link is closed.
    pub fn part(&self, timeout: Duration) -> Result<(), LinkError> {
        let said = self.call(&Request::Bye, timeout, &mut || false).map(drop);
        self.close();
        said
    }

    /// Hangs up; the lease stays, and its policy acts once its grace is over. Closing again does nothing.
    pub fn close(&self) {
        if self.shared.process != std::process::id() || self.shared.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(line) = unpoisoned(&self.shared.way).line.take() {
            line.hang_up();
        }
        self.shared.answered.notify_all();
        if let Some(reader) = unpoisoned(&self.reader).take() {
            let _ = reader.join();
        }
        self.shared.bell.ring();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

/// Counts those who wait for an answer: the reader's thread leaves the line to them.
struct Calling<'a>(&'a Shared);

impl<'a> Calling<'a> {
    fn new(shared: &'a Shared) -> Calling<'a> {
        shared.callers.fetch_add(1, Ordering::AcqRel);
        Calling(shared)
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.callers.fetch_sub(1, Ordering::AcqRel);
        self.0.tell_those_behind();
    }
}

/// Takes the way, and says hello.
fn greet(transport: &dyn Transport, hello: &Hello) -> Result<(Arc<dyn Line>, Welcome), LinkError> {
    let away =
        |why: String| LinkError::Away(format!("{}: no server answers here ({why})", transport.place()));
    let line: Arc<dyn Line> = transport.connect().map_err(|error| away(error.to_string()))?.into();
    let mut message = Vec::new();
    Request::Hello(Box::new(hello.clone())).encode(0, &mut message);
    line.send(&message).map_err(|error| away(error.to_string()))?;
    match line.receive(&mut message, WELCOME_PATIENCE).map_err(|error| away(error.to_string()))? {
        Received::Message => {}
        Received::Nothing => return Err(away("it says nothing for 5 s".into())),
        Received::Ended => return Err(away("it hung up".into())),
    }
    match Reply::decode(&message, VERSION) {
        Ok((_, Reply::Welcome(welcome))) => {
            line.welcomed(welcome.version).map_err(|error| away(error.to_string()))?;
            Ok((line, *welcome))
        }
        Ok((_, Reply::Refused(refused))) => Err(LinkError::Refused(refused)),
        Ok(_) | Err(_) => Err(away("what it says is of another protocol".into())),
    }
}

/// True for a refusal that time may end: the server has not noticed yet that this program's old connection is gone.
fn is_ours(refused: &Refused) -> bool {
    refused.why == Why::LeaseHeld && refused.pid == std::process::id()
}

/// Says of a message's bytes that it is sent again.
fn sent_again(message: &mut [u8]) {
    if Request::has_intents(message)
        && let Some(again) = message.get_mut(AGAIN_AT)
    {
        *again = 1;
    }
}
