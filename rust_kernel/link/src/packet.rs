//! How messages travel: in packets of a Unix SEQPACKET socket, each a byte that says whether more of the message follows, and a
//! piece of it.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd};
use rustix::io::{self, Errno};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, recvmsg, send,
    sendmsg, socket_with,
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

/// Sends a short message with a descriptor; false where the socket takes nothing now.
///
/// # Errors
/// Nobody reads any more, or the system refuses.
pub fn send_with(socket: impl AsFd, message: &[u8], handed: impl AsFd) -> io::Result<bool> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let handed = [handed.as_fd()];
    beside.push(SendAncillaryMessage::ScmRights(&handed));
    let packet = [IoSlice::new(&[LAST]), IoSlice::new(message)];
    match sendmsg(&socket, &packet, &mut beside, SendFlags::NOSIGNAL) {
        Ok(_) => Ok(true),
        Err(Errno::AGAIN | Errno::NOBUFS | Errno::INTR) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads a packet as [`read_onto`] does, and the descriptor that came with it. It waits as long as the socket does.
///
/// # Errors
/// The system refuses.
pub fn read_with(
    socket: impl AsFd,
    message: &mut Vec<u8>,
    packet: &mut [u8],
    bytes_max: usize,
) -> io::Result<(Read, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::TRUNC;
    let mut got = recvmsg(&socket, &mut [IoSliceMut::new(packet)], &mut beside, flags);
    if got.as_ref().is_ok_and(|got| got.bytes == 0) {
        // As in `read_onto`: what was sent before the close may be there.
        got = recvmsg(&socket, &mut [IoSliceMut::new(packet)], &mut beside, flags | RecvFlags::DONTWAIT);
        if got.is_err() {
            return Ok((Read::Ended, None));
        }
    }
    let got = match got {
        Ok(got) => got,
        Err(error) => return Ok((came_to(error)?, None)),
    };
    let handed = beside.drain().find_map(|one| match one {
        RecvAncillaryMessage::ScmRights(mut handed) => handed.next(),
        _ => None,
    });
    if got.flags.contains(ReturnFlags::CTRUNC) {
        return Ok((Read::Garbage, None));
    }
    Ok((put_onto(message, packet, got.bytes, bytes_max), handed))
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
    match recv(&socket, &mut *packet, flags) {
        // Linux looks for a packet first, and then whether the other end is closed: a packet that was sent and followed by a
        // close between the two is still in the queue.
        Ok((_, 0)) => match recv(&socket, &mut *packet, flags | RecvFlags::DONTWAIT) {
            Ok((_, length)) => Ok(put_onto(message, packet, length, bytes_max)),
            Err(_) => Ok(Read::Ended),
        },
        Ok((_, length)) => Ok(put_onto(message, packet, length, bytes_max)),
        Err(error) => came_to(error),
    }
}

/// What it comes to that a packet cannot be read.
fn came_to(error: Errno) -> io::Result<Read> {
    match error {
        Errno::AGAIN | Errno::INTR => Ok(Read::Nothing),
        Errno::CONNRESET | Errno::PIPE => Ok(Read::Ended),
        error => Err(error),
    }
}

/// Puts a packet's piece behind what is there of a message.
fn put_onto(message: &mut Vec<u8>, packet: &[u8], length: usize, bytes_max: usize) -> Read {
    let Some((first, piece)) = packet.get(..length).and_then(<[u8]>::split_first) else {
        return if length == 0 { Read::Ended } else { Read::Garbage };
    };
    if *first > MORE || message.len() + piece.len() > bytes_max {
        return Read::Garbage;
    }
    message.extend_from_slice(piece);
    if *first == LAST { Read::Whole } else { Read::Part }
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
