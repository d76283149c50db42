//! The protocol at a Unix socket: lines of every client, events to every client.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::lines::{CHUNKS_MAX, Chunk, Lines, read};

/// So many clients at once; further ones are cut at once.
const CLIENTS_MAX: usize = 64;
/// So many writes wait for a client: one that is further behind is cut.
const BEHIND_MAX: usize = 256;

struct Client {
    events: SyncSender<Arc<[u8]>>,
    stream: UnixStream,
}

#[derive(Default)]
struct Shared {
    clients: Mutex<Vec<Client>>,
    ended: AtomicBool,
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, Vec<Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket and its clients. Each has `engine_started` first, and then what happens from then on.
pub struct Server {
    shared: Arc<Shared>,
    path: PathBuf,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Opens a socket for its owner alone; the lines of all clients come out of what is given beside it.
    ///
    /// # Errors
    /// The socket cannot be made: somebody is there already, or the directory is not.
    pub fn open(path: &Path, hello: &str) -> std::io::Result<(Server, Lines)> {
        if UnixStream::connect(path).is_ok() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::AddrInUse,
                "an engine answers there already",
            ));
        }
        // What a killed engine has left.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let (sender, chunks) = sync_channel(CHUNKS_MAX);
        let shared = Arc::new(Shared::default());
        let (theirs, hello) = (Arc::clone(&shared), Arc::<[u8]>::from(hello.as_bytes()));
        let accepting = std::thread::Builder::new()
            .name("dita-clients".into())
            .spawn(move || accept(&listener, &theirs, &sender, &hello))?;
        let server = Server { shared, path: path.to_owned(), accepting: Some(accepting) };
        Ok((server, Lines { chunks }))
    }

    /// Gives events to all clients. Who does not read is cut, and nobody waits for it.
    pub fn write(&self, events: &[u8]) {
        let events = Arc::<[u8]>::from(events);
        self.shared.clients().retain(|client| match client.events.try_send(Arc::clone(&events)) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                // It may be gone already.
                let _ = client.stream.shutdown(Shutdown::Both);
                false
            }
        });
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.shared.clients().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            let _ = accepting.join();
        }
        // A client's writer ends once it has written what waits.
        self.shared.clients().clear();
        let _ = std::fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>, lines: &SyncSender<Chunk>, hello: &Arc<[u8]>) {
    for stream in listener.incoming() {
        if shared.ended.load(Ordering::Acquire) {
            return;
        }
        let Ok(stream) = stream else { continue };
        // A client that cannot be taken sees its connection end.
        let _ = take(stream, shared, lines, hello);
    }
}

fn take(
    stream: UnixStream,
    shared: &Arc<Shared>,
    lines: &SyncSender<Chunk>,
    hello: &Arc<[u8]>,
) -> std::io::Result<()> {
    let (events, waiting) = sync_channel::<Arc<[u8]>>(BEHIND_MAX);
    let mut clients = shared.clients();
    if clients.len() >= CLIENTS_MAX {
        return stream.shutdown(Shutdown::Both);
    }
    let (reading, mut writing) = (stream.try_clone()?, stream.try_clone()?);
    let sender = lines.clone();
    // The first of an empty queue always fits.
    let _ = events.try_send(Arc::clone(hello));
    std::thread::Builder::new().name("dita-client-reads".into()).spawn(move || {
        read(Quiet(reading), &sender);
    })?;
    std::thread::Builder::new().name("dita-client-writes".into()).spawn(move || {
        for events in waiting {
            if writing.write_all(&events).is_err() {
                return;
            }
        }
        let _ = writing.shutdown(Shutdown::Both);
    })?;
    clients.push(Client { events, stream });
    Ok(())
}

/// A connection that breaks ends as one that is closed: that is the client's matter alone.
struct Quiet(UnixStream);

impl Read for Quiet {
    fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(target) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => Ok(0),
            other => other,
        }
    }
}
