//! The kernel's end: one thread that hears every program, in turn.
//!
//! It takes one message of each program that has sent one, then the next of each: a program with many calls under way gets no
//! more turns than the others. It takes what foreign calls need (Python's interpreter) only where a venue outside is asked.

mod active_lease;
mod connection;
mod event_queue;
mod figures;
mod log_reader;
mod requests;
mod turn;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use dita_engine::Answer;
use dita_engine::form::FieldValues;
use dita_host::{Drain, Foreign, Given};
use dita_kernel::id::Id;
use dita_kernel::kernel::Kernel;
use dita_zinc::Pulse;
use rustix::fs::{FlockOperation, Mode, flock};
use rustix::net::{bind, listen};

use crate::lease::{Lease, Policy};
use crate::message::Topic;
use crate::packet::{self, Bell};
use crate::seats::Seats;
use event_queue::EventQueue;
use figures::Figures;
pub use figures::{CALL_US, Calls, Kind};
use turn::Turns;

/// A venue outside whose answers can leave the process.
pub trait Serves: Foreign {
    /// The answer and its particulars, with what went wrong at the venue on its way.
    fn told(&self, given: Given<Self>) -> (Answer, FieldValues);

    /// The venue's positions or the ledger's transactions, as rows by the names that programs inside see.
    fn rows(&self, kernel: &Kernel, topic: Topic) -> Vec<FieldValues>;
}

/// One account that is served.
pub struct Account<F: Foreign> {
    /// Its name.
    pub name: Id,
    /// Its kernel.
    pub drain: Arc<Drain<F>>,
    /// Who holds its slots.
    pub seats: Arc<Seats>,
    /// Where it is shown in shared memory: directory and name.
    pub plane: Option<(String, String)>,
}

/// What is served, and where.
pub struct ServerConfig<F: Foreign> {
    /// The socket's path.
    pub path: PathBuf,
    /// Its mode: who may connect.
    pub mode: u32,
    /// The host's name.
    pub host: Id,
    /// So many programs at once.
    pub clients_max: usize,
    /// Whether programs may have channels: while one has, the thread never sleeps.
    pub spins: bool,
    /// The accounts.
    pub accounts: Vec<Account<F>>,
    /// Where the thread shows that it turns and that every account's kernel goes on.
    pub pulse: Option<Pulse>,
}

/// Why nothing is served.
#[derive(Debug)]
pub enum ServerError {
    /// Another process serves there.
    Taken(PathBuf),
    /// The system refuses.
    Io(PathBuf, &'static str, rustix::io::Errno),
    /// A kernel cannot be listened to.
    Kernel(String),
}

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServerError::Taken(path) => {
                write!(f, "{}: another server answers here; stop it, or choose another path", path.display())
            }
            ServerError::Io(path, what, error) => write!(f, "{}: cannot {what}: {error}", path.display()),
            ServerError::Kernel(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ServerError {}

/// A lease as operators see it.
#[derive(Clone, Debug)]
pub struct LeaseStanding {
    /// Of which account.
    pub account: Id,
    /// Its name.
    pub name: Id,
    /// Its slots.
    pub slots: Vec<u32>,
    /// What becomes of its orders.
    pub policy: Policy,
    /// How long its program may be away, ms.
    pub grace_ms: u32,
    /// The process that holds it, and since when, ns since 1970.
    pub holder: Option<(u32, i64)>,
    /// Whether its policy has done what it does.
    pub settled: bool,
}

/// How a server stands.
#[derive(Clone, Default, Debug)]
pub struct Standing {
    /// Programs that are connected.
    pub clients: u64,
    /// Messages that were taken.
    pub messages: u64,
    /// Programs that were sent away.
    pub refused: u64,
    /// How often a program lost a part of its stream.
    pub gaps: u64,
    /// How often the thread has turned: it lives while this grows.
    pub beats: u64,
    /// Programs that have not read all that they were told.
    pub unread: u64,
    /// Programs that have a channel.
    pub spinning: u64,
}

/// What the thread and its owner share.
pub(crate) struct Watched {
    pub(crate) bell: Arc<Bell>,
    pub(crate) end: AtomicBool,
    pub(crate) clients: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) gaps: AtomicU64,
    pub(crate) beats: AtomicU64,
    pub(crate) unread: AtomicU64,
    pub(crate) spinning: AtomicU64,
    pub(crate) figures: Figures,
    pub(crate) leases: Mutex<Vec<LeaseStanding>>,
}

/// A server at work.
pub struct Server {
    watched: Arc<Watched>,
    thread: Mutex<Option<JoinHandle<()>>>,
    path: PathBuf,
    /// ActiveLease as long as it serves: a second server is refused.
    lock: Mutex<Option<OwnedFd>>,
}

impl Server {
    /// Begins to serve. Leases that the log knows stand again; their programs have their grace to come back.
    ///
    /// # Errors
    /// Another process serves there; the system refuses; a kernel cannot be used.
    pub fn start<F: Serves>(config: ServerConfig<F>) -> Result<Server, ServerError> {
        let place = config.path.clone();
        let io = |what| {
            let path = place.clone();
            move |error| ServerError::Io(path, what, error)
        };
        let lock = lock_beside(&config.path)?;
        let bell = Arc::new(Bell::new().map_err(io("make a bell"))?);
        let listener = listen_at(&config.path, config.mode)?;
        let mut queues = Vec::new();
        for account in &config.accounts {
            let queue = Arc::new(EventQueue::new(Arc::clone(&bell)));
            let heard = account.drain.listen(Arc::clone(&queue) as Arc<dyn dita_host::Audience>);
            heard.map_err(|_| {
                ServerError::Kernel(format!("{}: cannot be listened to", account.name.as_str()))
            })?;
            queues.push(queue);
        }
        let watched = Arc::new(Watched {
            bell,
            end: AtomicBool::new(false),
            clients: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            beats: AtomicU64::new(0),
            unread: AtomicU64::new(0),
            spinning: AtomicU64::new(0),
            figures: Figures::default(),
            leases: Mutex::default(),
        });
        let path = config.path.clone();
        let mut turns = Turns::new(config, queues, listener, Arc::clone(&watched)).map_err(io("watch it"))?;
        let spawned = std::thread::Builder::new().name("dita-serve".into()).spawn(move || turns.run());
        let thread = spawned
            .map_err(|_| ServerError::Io(path.clone(), "begin a thread for", rustix::io::Errno::AGAIN))?;
        Ok(Server { watched, thread: Mutex::new(Some(thread)), path, lock: Mutex::new(Some(lock)) })
    }

    /// Where it serves.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let its = &self.watched;
        Standing {
            clients: read(&its.clients),
            messages: read(&its.messages),
            refused: read(&its.refused),
            gaps: read(&its.gaps),
            beats: read(&its.beats),
            unread: read(&its.unread),
            spinning: read(&its.spinning),
        }
    }

    /// How long the programs' intents took.
    pub fn calls(&self) -> Calls {
        self.watched.figures.calls()
    }

    /// What the programs' intents came to, and how often; one that is answered again is not counted again.
    pub fn verdicts(&self) -> Vec<(Kind, u64)> {
        self.watched.figures.verdicts()
    }

    /// The leases as they stand.
    pub fn leases(&self) -> Vec<LeaseStanding> {
        self.watched.leases.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes nothing more, tells every program that it ends, sends what waits for half a second at most, and ends. The leases
    /// stay in the log, and no policy acts. Ending again does nothing.
    pub fn end(&self) {
        self.watched.end.store(true, Ordering::Release);
        self.watched.bell.ring();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // What panics in there is a bug of the server, and the kernel is whole.
            let _ = thread.join();
            let _ = std::fs::remove_file(&self.path);
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// True while its thread runs.
    pub fn is_alive(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// The lock of a socket: whoever has it is the only server there.
fn lock_beside(path: &Path) -> Result<OwnedFd, ServerError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let place = PathBuf::from(name);
    let io = |what, error| ServerError::Io(place.clone(), what, error);
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
    let file =
        rustix::fs::open(&place, flags, Mode::RUSR | Mode::WUSR).map_err(|error| io("open it", error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(ServerError::Taken(path.to_owned())),
        Err(error) => Err(io("lock it", error)),
    }
}

/// A socket that listens, with its mode from the beginning: nobody else can connect in between.
fn listen_at(path: &Path, mode: u32) -> Result<OwnedFd, ServerError> {
    let io = |what| move |error| ServerError::Io(path.to_owned(), what, error);
    let socket = packet::socket().map_err(io("make a socket"))?;
    let address = packet::address(path).map_err(io("use it as an address"))?;
    // What a dead server left there: the lock says that none lives.
    let _ = std::fs::remove_file(path);
    bind(&socket, &address).map_err(io("bind it"))?;
    // Nobody listens yet, so nobody is let in before its mode is set.
    rustix::fs::chmod(path, Mode::from_raw_mode(mode)).map_err(io("set its mode"))?;
    listen(&socket, 128).map_err(io("listen at it"))?;
    rustix::io::ioctl_fionbio(&socket, true).map_err(io("listen at it"))?;
    Ok(socket)
}

/// What the log says of a kernel's leases.
fn leases_of<F: Foreign>(drain: &Drain<F>) -> Vec<(Id, Lease)> {
    let state = drain.lock();
    let kept = state.core.leases();
    kept.filter_map(|(name, note)| Some((name.clone(), Lease::read(&note.text)?))).collect()
}
