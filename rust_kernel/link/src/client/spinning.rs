//! Messages through shared memory, for those who pay a processor for latency. The socket stays: for the server's answer to the
//! hello, for its last words, to be woken by, and because the system tells both ends at it when the other one is gone.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use dita_zinc::{Channel, Count, Taken};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{self, Errno};
use rustix::net::{RecvFlags, sockopt};

use super::reading::LEFT_ALONE;
use super::transport::{Line, Received, SEND_PATIENCE, SPINS_FROM, SocketLine, Transport, Travels};
use super::{WELCOME_PATIENCE, unpoisoned};
use crate::message::{CHANNEL_FROM, REPLY_BYTES_MAX, Refused, Reply, Request, VERSION};
use crate::packet::{self, Bell, PACKET_BYTES_MAX, Read};

/// Nothing else is under way when a channel is asked for.
const ASKING: u32 = 1;
/// While one waits for the channel, the socket is looked at so often.
const LOOKS_EVERY: Duration = Duration::from_micros(50);
/// How long a call looks at the channel without a pause. What takes longer is looked for with naps in between, which are short
/// beside it.
const SPINS_FOR: Duration = Duration::from_millis(1);
const NAP: Duration = Duration::from_micros(100);

/// A Unix socket, and a channel in shared memory where the server offers one.
pub struct SpinTransport {
    /// The server's socket.
    pub path: PathBuf,
}

impl Transport for SpinTransport {
    fn connect(&self) -> io::Result<Box<dyn Line>> {
        let socket = SocketLine::connect(&self.path)?;
        let packet = vec![0; PACKET_BYTES_MAX];
        let reading = Mutex::new(Reading { packet, ..Reading::default() });
        let (way, writes, called, waited) = (OnceLock::new(), Mutex::default(), 0.into(), 0.into());
        Ok(Box::new(SpinLine { socket, way, writes, reading, called, waited, passed_on: Bell::new()? }))
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

struct SpinLine {
    socket: SocketLine,
    /// The channel, or why there is none; nothing before the welcome.
    way: OnceLock<Result<Channel, String>>,
    writes: Mutex<Count>,
    reading: Mutex<Reading>,
    /// How often one who calls has read, and how often that was when the link's thread waited last.
    called: AtomicU64,
    waited: AtomicU64,
    /// Rings for the link's thread where one who calls has taken what should have woken it.
    passed_on: Bell,
}

/// What who reads has.
#[derive(Default)]
struct Reading {
    reads: Count,
    packet: Vec<u8>,
    /// Of a message in the channel: what has come.
    part: Vec<u8>,
    /// Of one in the socket.
    said_part: Vec<u8>,
    /// What was said in the socket, to be handed on behind what was in the channel by then.
    said: VecDeque<Vec<u8>>,
    ended: bool,
}

impl SpinLine {
    fn channel(&self) -> Option<&Channel> {
        self.way.get()?.as_ref().ok()
    }

    /// Sleeps until it is woken; false where that was not so in time.
    fn sleep(&self, timeout: Duration) -> io::Result<bool> {
        let wakes = [self.socket.as_fd(), self.passed_on.as_fd()];
        let mut polled = wakes.map(|one| PollFd::from_borrowed_fd(one, PollFlags::IN));
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        let count = match rustix::event::poll(&mut polled, Some(&timeout)) {
            Err(Errno::INTR) => 0,
            count => count?,
        };
        self.passed_on.quiet();
        Ok(count > 0)
    }

    /// Asks for a channel. What the server tells meanwhile is kept.
    fn ask(&self) -> io::Result<Result<Channel, String>> {
        let mut message = Vec::new();
        Request::Channel.encode(ASKING, &mut message);
        self.socket.send(&message)?;
        let socket = &self.socket.socket;
        sockopt::set_socket_timeout(socket, sockopt::Timeout::Recv, Some(WELCOME_PATIENCE))?;
        let mut reading = unpoisoned(&self.reading);
        let Reading { packet, said, .. } = &mut *reading;
        let mut handed = None;
        message.clear();
        loop {
            let (read, with) = packet::read_with(socket, &mut message, packet, REPLY_BYTES_MAX)?;
            handed = with.or(handed);
            match read {
                Read::Part => continue,
                Read::Whole => {}
                Read::Nothing => return Err(Errno::TIMEDOUT),
                Read::Ended => return Err(Errno::CONNRESET),
                Read::Garbage => return Err(Errno::BADMSG),
            }
            match Reply::decode(&message, VERSION) {
                Ok((ASKING, Reply::Channel)) => {
                    let Some(handed) = handed else { return Err(Errno::BADMSG) };
                    return Ok(Channel::open(handed).map_err(|error| error.to_string()));
                }
                Ok((ASKING, Reply::Refused(refused))) => return Ok(Err(told(&refused))),
                Ok(_) | Err(_) => said.push_back(std::mem::take(&mut message)),
            }
        }
    }
}

/// A refusal, for people.
fn told(refused: &Refused) -> String {
    if refused.field.is_empty() {
        return refused.text.to_string();
    }
    format!("{} = {} {}", refused.field, refused.value, refused.text)
}

impl Reading {
    /// Takes what is in the channel; true where a message is whole.
    fn take(&mut self, channel: &Channel, message: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            match channel.answers().read(&mut self.reads, &mut self.part, REPLY_BYTES_MAX) {
                Ok(Taken::Whole) => {
                    std::mem::swap(message, &mut self.part);
                    self.part.clear();
                    return Ok(true);
                }
                Ok(Taken::Part) => {}
                Ok(Taken::Nothing) => return Ok(false),
                Err(_) => return Err(Errno::BADMSG),
            }
        }
    }

    /// Takes what is in the socket; true where something should wake who sleeps.
    fn look(&mut self, socket: &SocketLine) -> io::Result<bool> {
        let mut wakes = false;
        while !self.ended {
            let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
            match packet::read_onto(socket, &mut self.said_part, &mut self.packet, REPLY_BYTES_MAX, flags)? {
                Read::Whole => {
                    let said = std::mem::take(&mut self.said_part);
                    if matches!(Reply::decode(&said, VERSION), Ok((_, Reply::Wake))) {
                        wakes = true;
                    } else {
                        self.said.push_back(said);
                    }
                }
                Read::Part => {}
                Read::Nothing => break,
                Read::Ended => self.ended = true,
                Read::Garbage => return Err(Errno::BADMSG),
            }
        }
        Ok(wakes)
    }
}

impl Line for SpinLine {
    fn send(&self, message: &[u8]) -> io::Result<()> {
        let Some(channel) = self.channel() else { return self.socket.send(message) };
        let mut writes = unpoisoned(&self.writes);
        let (mut offset, mut since, mut looked) = (0, None, Instant::now());
        while let Some(rest @ [_, ..]) = message.get(offset..) {
            let written = channel.requests().write(&mut writes, rest).map_err(|_| Errno::BADMSG)?;
            offset += written;
            if written > 0 {
                since = None;
                continue;
            }
            // It is full: the server is busy, or dead.
            let now = Instant::now();
            if now - *since.get_or_insert(now) >= SEND_PATIENCE {
                // A part of it may have left: what follows would be read as its rest.
                self.hang_up();
                return Err(Errno::TIMEDOUT);
            }
            if now - looked >= SPINS_FOR {
                looked = now;
                if has_ended(&self.socket)? {
                    return Err(Errno::PIPE);
                }
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn receive(&self, message: &mut Vec<u8>, timeout: Duration) -> io::Result<Received> {
        let Some(channel) = self.channel() else {
            if let Some(said) = unpoisoned(&self.reading).said.pop_front() {
                *message = said;
                return Ok(Received::Message);
            }
            return self.socket.receive(message, timeout);
        };
        message.clear();
        let mut reading = unpoisoned(&self.reading);
        let began = Instant::now();
        // Who has no time to wait has been told by the socket that there is something.
        let calls = timeout >= SPINS_FROM;
        let mut looks = if calls { LOOKS_EVERY } else { Duration::ZERO };
        if calls {
            self.called.fetch_add(1, Ordering::Relaxed);
        }
        loop {
            if reading.take(channel, message)? {
                return Ok(Received::Message);
            }
            // Said behind what was in the channel: nothing comes through it any more.
            if let Some(said) = reading.said.pop_front() {
                *message = said;
                return Ok(Received::Message);
            }
            if reading.ended {
                return Ok(Received::Ended);
            }
            let waited = began.elapsed();
            if waited >= looks {
                looks = waited + LOOKS_EVERY;
                if reading.look(&self.socket)? && calls {
                    self.passed_on.ring();
                }
                if waited < timeout || reading.ended || !reading.said.is_empty() {
                    continue;
                }
            }
            if waited >= timeout {
                return Ok(if reading.take(channel, message)? {
                    Received::Message
                } else {
                    Received::Nothing
                });
            }
            if waited >= SPINS_FOR {
                packet::wait_for(&self.socket, false, NAP.min(timeout - waited))?;
            }
            std::hint::spin_loop();
        }
    }

    fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let Some(channel) = self.channel() else {
            let is_there = !unpoisoned(&self.reading).said.is_empty();
            return if is_there { Ok(true) } else { self.socket.wait(timeout) };
        };
        if !unpoisoned(&self.reading).said.is_empty() {
            return Ok(true);
        }
        // Who calls again and again reads what comes; this thread would have itself woken in between each time.
        let called = self.called.load(Ordering::Relaxed);
        if self.waited.swap(called, Ordering::Relaxed) != called {
            std::thread::sleep(LEFT_ALONE);
            return Ok(false);
        }
        channel.program().sleep();
        let is_there = if channel.answers().is_empty() { self.sleep(timeout) } else { Ok(true) };
        channel.program().awake();
        is_there
    }

    fn hang_up(&self) {
        self.socket.hang_up();
    }

    fn welcomed(&self, version: u16) -> io::Result<()> {
        let way = if version < CHANNEL_FROM {
            Err(format!(
                "the server speaks version {version} of the protocol, and channels came with {CHANNEL_FROM}"
            ))
        } else {
            self.ask()?
        };
        // Nobody else has the line yet.
        let _ = self.way.set(way);
        Ok(())
    }

    fn travels(&self) -> Travels {
        match self.way.get() {
            Some(Ok(_)) => Travels::Channel,
            Some(Err(why)) => Travels::NoChannel(why.clone()),
            None => Travels::Socket,
        }
    }
}

/// True where the server has closed a socket.
fn has_ended(socket: &SocketLine) -> io::Result<bool> {
    let mut polled = [PollFd::new(socket, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match rustix::event::poll(&mut polled, Some(&now)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error),
    }
}
