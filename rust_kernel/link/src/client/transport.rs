//! How a program's messages travel: a trait, and the Unix socket.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::io::{self, Errno};
use rustix::net::{RecvFlags, Shutdown, shutdown, sockopt};

use crate::message::REPLY_BYTES_MAX;
use crate::packet::{self, PACKET_BYTES_MAX, Read};
use crate::spin::Spin;

/// What came of waiting for a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// A whole message.
    Message,
    /// None in time.
    Nothing,
    /// The other end is gone.
    Ended,
}

/// A way to the server that can be taken again and again.
pub trait Transport: Send + Sync + 'static {
    /// Takes it.
    ///
    /// # Errors
    /// Nobody is there, or the system refuses.
    fn connect(&self) -> io::Result<Box<dyn Line>>;

    /// Where it leads, for people.
    fn place(&self) -> String;
}

/// One connection, until it breaks. Sent by any thread, read by one at a time.
pub trait Line: Send + Sync {
    /// Sends a whole message.
    ///
    /// # Errors
    /// The line is broken, or the server does not read for 5 s.
    fn send(&self, message: &[u8]) -> io::Result<()>;

    /// Reads a whole message into `message`, which it empties first; waits for it at most so long.
    ///
    /// # Errors
    /// The system refuses, or what comes is none.
    fn receive(&self, message: &mut Vec<u8>, timeout: Duration) -> io::Result<Received>;

    /// Waits until there is something to read; false where there is not in time.
    ///
    /// # Errors
    /// The system refuses.
    fn wait(&self, timeout: Duration) -> io::Result<bool>;

    /// Ends it: who waits for it comes back.
    fn hang_up(&self);

    /// Called once the server has welcomed the program, which speaks this version; before anything else is sent.
    ///
    /// # Errors
    /// The line is broken.
    fn welcomed(&self, _version: u16) -> io::Result<()> {
        Ok(())
    }

    /// How messages travel from now on.
    fn travels(&self) -> Travels {
        Travels::Socket
    }
}

/// How messages travel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Travels {
    /// Through the socket.
    Socket,
    /// Through a channel in shared memory.
    Channel,
    /// Through the socket, though a channel was asked for: why.
    NoChannel(String),
}

/// A Unix SEQPACKET socket, blocking.
pub struct SocketTransport {
    /// The server's socket.
    pub path: PathBuf,
}

/// How long a send waits for a server that does not read.
pub(super) const SEND_PATIENCE: Duration = Duration::from_secs(5);
/// Who waits for an answer waits at least so long; the link's thread takes what is there.
pub(super) const SPINS_FROM: Duration = Duration::from_millis(1);

pub(super) struct SocketLine {
    pub(super) socket: OwnedFd,
    sending: Mutex<Vec<u8>>,
    reading: Mutex<Reading>,
}

/// What who reads has.
struct Reading {
    packet: Vec<u8>,
    /// How long the socket waits as it is set.
    waits: Duration,
    spin: Spin,
}

impl SocketLine {
    pub(super) fn connect(path: &Path) -> io::Result<SocketLine> {
        let socket = packet::connect_to(path)?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(SEND_PATIENCE))?;
        let (packet, waits) = (vec![0; PACKET_BYTES_MAX], Duration::ZERO);
        let reading = Mutex::new(Reading { packet, waits, spin: Spin::default() });
        Ok(SocketLine { socket, sending: Mutex::new(Vec::new()), reading })
    }
}

impl Transport for SocketTransport {
    fn connect(&self) -> io::Result<Box<dyn Line>> {
        Ok(Box::new(SocketLine::connect(&self.path)?))
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

impl AsFd for SocketLine {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Line for SocketLine {
    fn send(&self, message: &[u8]) -> io::Result<()> {
        let mut packet = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = packet::send_from(&self.socket, message, 0, &mut packet)?;
        if sent < message.len() {
            // A part of it may have left: what follows would be read as its rest.
            self.hang_up();
            return Err(Errno::TIMEDOUT);
        }
        Ok(())
    }

    fn receive(&self, message: &mut Vec<u8>, timeout: Duration) -> io::Result<Received> {
        message.clear();
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let Reading { packet, waits, spin } = &mut *reading;
        let mut first = Ok(Read::Nothing);
        // Who waits for longer than a moment looks for a moment before it sleeps.
        let is_there = timeout >= SPINS_FROM
            && spin.until(|| {
                let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
                first = packet::read_onto(&self.socket, message, packet, REPLY_BYTES_MAX, flags);
                !matches!(first, Ok(Read::Nothing))
            });
        if is_there {
            match first? {
                Read::Whole => return Ok(Received::Message),
                Read::Ended => return Ok(Received::Ended),
                Read::Garbage => return Err(Errno::BADMSG),
                Read::Part | Read::Nothing => {}
            }
        }
        // Waiting is the socket's part: one call to the system for each packet that comes in time.
        if *waits != timeout {
            *waits = timeout.max(Duration::from_micros(1));
            sockopt::set_socket_timeout(&self.socket, sockopt::Timeout::Recv, Some(*waits))?;
        }
        loop {
            match packet::read_onto(&self.socket, message, packet, REPLY_BYTES_MAX, RecvFlags::TRUNC)? {
                Read::Whole => return Ok(Received::Message),
                Read::Part => {}
                Read::Nothing if message.is_empty() => return Ok(Received::Nothing),
                // The server sends a message whole; a rest that does not come is a line that is broken.
                Read::Nothing => return Ok(Received::Ended),
                Read::Ended => return Ok(Received::Ended),
                Read::Garbage => return Err(Errno::BADMSG),
            }
        }
    }

    fn wait(&self, timeout: Duration) -> io::Result<bool> {
        packet::wait_for(&self.socket, false, timeout)
    }

    fn hang_up(&self) {
        // One that is gone already is as it shall be.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}
