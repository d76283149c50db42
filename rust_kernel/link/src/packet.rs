//! How messages travel: in packets of a Unix SEQPACKET socket, each a byte that says whether more of the message follows, and a
//! piece of it.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd};
use rustix::io::{self, Errno};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with,
};

/// The longest packet, in bytes: what a socket's buffer takes wherever it has its usual size.
pub const PACKET_BYTES_MAX: usize = 64 << 10;
const PIECE_BYTES_MAX: usize = PACKET_BYTES_MAX - 1;
const LAST: u8 = 0;
const MORE: u8 = 1;

/// A socket that packets can be sent by.
///
/// # Errors
/// The system refuses.
pub fn socket() -> io::Result<OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// A socket's address.
///
/// # Errors
/// The path is longer than an address can be (107 bytes).
pub fn address(path: &Path) -> io::Result<SocketAddrUnix> {
    SocketAddrUnix::new(path)
}

/// Connects to a server.
///
/// # Errors
/// The system refuses; nobody listens.
pub fn connect_to(path: &Path) -> io::Result<OwnedFd> {
    let (socket, address) = (socket()?, address(path)?);
    connect(&socket, &address)?;
    Ok(socket)
}

/// Sends of a message what the socket takes, from `offset` on; how far it has come. It waits only where the socket does.
///
/// # Errors
/// Nobody reads any more, or the system refuses.
pub fn send_from(
    socket: impl AsFd,
    message: &[u8],
    mut offset: usize,
    packet: &mut Vec<u8>,
) -> io::Result<usize> {
    while offset < message.len() {
        let end = message.len().min(offset + PIECE_BYTES_MAX);
        packet.clear();
        packet.push(if end == message.len() { LAST } else { MORE });
        packet.extend_from_slice(&message[offset..end]);
        match send(&socket, packet, SendFlags::NOSIGNAL) {
            Ok(_) => offset = end,
            Err(Errno::AGAIN | Errno::NOBUFS) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(offset)
}

/// What came of reading a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Read {
    /// A message is whole.
    Whole,
    /// A part of one has come.
    Part,
    /// Nothing is there.
    Nothing,
    /// The other end is gone.
    Ended,
    /// It is none, or longer than it may be.
    Garbage,
}

/// Reads a packet behind what is there of a message.
///
/// # Errors
/// The system refuses.
pub fn read_onto(
    socket: impl AsFd,
    message: &mut Vec<u8>,
    packet: &mut [u8],
    bytes_max: usize,
    flags: RecvFlags,
) -> io::Result<Read> {
    let length = match recv(&socket, &mut *packet, flags) {
        Ok((_, length)) => length,
        Err(Errno::AGAIN | Errno::INTR) => return Ok(Read::Nothing),
        Err(Errno::CONNRESET | Errno::PIPE) => return Ok(Read::Ended),
        Err(error) => return Err(error),
    };
    let Some((first, piece)) = packet.get(..length).and_then(<[u8]>::split_first) else {
        return Ok(if length == 0 { Read::Ended } else { Read::Garbage });
    };
    if *first > MORE || message.len() + piece.len() > bytes_max {
        return Ok(Read::Garbage);
    }
    message.extend_from_slice(piece);
    Ok(if *first == LAST { Read::Whole } else { Read::Part })
}

/// Waits until a socket can be read, or written to; false where that was not so in time.
///
/// # Errors
/// The system refuses.
pub fn wait_for(socket: impl AsFd, write: bool, timeout: Duration) -> io::Result<bool> {
    let wanted = if write { PollFlags::OUT } else { PollFlags::IN };
    let mut polled = [PollFd::from_borrowed_fd(socket.as_fd(), wanted)];
    let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
    match rustix::event::poll(&mut polled, Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A number that wakes who waits for it.
#[derive(Debug)]
pub struct Bell(OwnedFd);

impl Bell {
    /// One that has not rung.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new() -> io::Result<Bell> {
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Bell)
    }

    /// Rings it.
    pub fn ring(&self) {
        // A counter that is full has rung already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Ends its ringing; true where it rang.
    pub fn quiet(&self) -> bool {
        rustix::io::read(&self.0, &mut [0; 8]).is_ok()
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
