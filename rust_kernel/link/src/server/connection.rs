//! One program's connection: what has come of a message, and what waits to be sent.
//!
//! Answers and the stream wait in lines of their own. Whoever does not read its stream loses it, and hears of the gap; whoever
//! does not read its answers is not heard any more until it does.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use dita_kernel::id::Id;
use dita_zinc::{Broken, Channel, Count, Taken};
use rustix::io;
use rustix::net::RecvFlags;

use crate::message::{REQUEST_BYTES_MAX, Reply};
use crate::packet::{self, Read};

/// So many bytes of answers wait for a program; then it is not heard.
const ANSWERS_BYTES_MAX: usize = 1 << 20;
/// It is heard again below this.
const ANSWERS_BYTES_LOW: usize = 256 << 10;
/// So many bytes of the stream wait for a program; then they are lost to it.
const STREAM_BYTES_MAX: usize = 1 << 20;

/// Stands for the input of what is no news: that the market has moved.
pub(super) const NO_NEWS: u64 = u64::MAX;

/// The server's end of a channel.
struct End {
    channel: Channel,
    requests: Count,
    answers: Count,
}

/// A channel that is made, and waits to be handed over behind the answers before it.
struct Handing {
    message: Vec<u8>,
    channel: Channel,
    handed: OwnedFd,
}

/// A connection.
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    pub(super) pid: u32,
    pub(super) came: Instant,
    pub(super) version: u16,
    /// The account's place and the lease's name, once it was welcomed.
    pub(super) lease: Option<(usize, Id)>,
    pub(super) hears_market: bool,
    pub(super) market_told: u64,
    /// It is not heard before the log has told what it has asked for.
    pub(super) awaits_log: bool,
    /// It goes once everything is sent.
    pub(super) leaves: bool,
    /// What the system is asked to tell of it.
    pub(super) asked: (bool, bool),
    message: Vec<u8>,
    began: Option<Instant>,
    answers: VecDeque<Vec<u8>>,
    answers_bytes: usize,
    stream: VecDeque<(u64, Vec<u8>)>,
    stream_bytes: usize,
    sending: Option<(Vec<u8>, usize)>,
    gap: Option<(u64, u64)>,
    handing: Option<Handing>,
    /// What it says and is told goes here.
    end: Option<End>,
    /// Since when its socket is closed, and something of what it has said last is still there.
    ended: Option<Instant>,
}

/// What has to be done before more can be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flushed {
    /// Everything is sent.
    All,
    /// The program has to read first.
    Full,
    /// Its stream begins again: its slots have to be told whole.
    Gap(u64, u64),
    /// It has written into its channel what cannot be.
    Broken(Broken),
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, pid: u32) -> Connection {
        Connection {
            socket,
            pid,
            came: Instant::now(),
            version: crate::message::VERSION,
            lease: None,
            hears_market: false,
            market_told: 0,
            awaits_log: false,
            leaves: false,
            asked: (true, false),
            message: Vec::new(),
            began: None,
            answers: VecDeque::new(),
            answers_bytes: 0,
            stream: VecDeque::new(),
            stream_bytes: 0,
            sending: None,
            gap: None,
            handing: None,
            end: None,
            ended: None,
        }
    }

    /// Reads packets until a message is whole or nothing is there.
    pub(super) fn read(&mut self, packet: &mut [u8]) -> io::Result<Read> {
        if self.began.is_none() {
            self.message.clear();
        }
        loop {
            let read = packet::read_onto(
                &self.socket,
                &mut self.message,
                packet,
                REQUEST_BYTES_MAX,
                RecvFlags::DONTWAIT | RecvFlags::TRUNC,
            )?;
            match read {
                Read::Part => _ = self.began.get_or_insert_with(Instant::now),
                Read::Whole => {
                    self.began = None;
                    return Ok(Read::Whole);
                }
                Read::Nothing | Read::Ended | Read::Garbage => return Ok(read),
            }
        }
    }

    /// Hands over a channel once the answers before it are sent: with it goes `message`, and everything behind it goes through
    /// the channel.
    pub(super) fn hand(&mut self, message: Vec<u8>, channel: Channel, handed: OwnedFd) {
        self.handing = Some(Handing { message, channel, handed });
    }

    /// True where it has a channel, or gets one.
    pub(super) fn has_channel(&self) -> bool {
        self.end.is_some() || self.handing.is_some()
    }

    /// True where something is in its channel that was not taken.
    pub(super) fn has_request(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.channel.requests().has_more(&end.requests))
    }

    /// Reads its channel until a message is whole or nothing is there.
    pub(super) fn read_channel(&mut self) -> Result<Taken, Broken> {
        let Some(end) = &mut self.end else { return Ok(Taken::Nothing) };
        if self.began.is_none() {
            self.message.clear();
        }
        loop {
            match end.channel.requests().read(&mut end.requests, &mut self.message, REQUEST_BYTES_MAX)? {
                Taken::Part => _ = self.began.get_or_insert_with(Instant::now),
                Taken::Whole => {
                    self.began = None;
                    return Ok(Taken::Whole);
                }
                Taken::Nothing => return Ok(Taken::Nothing),
            }
        }
    }

    /// True where its socket is closed, and what it has said before is not all taken: for so long at most.
    pub(super) fn says_last_words(&mut self, patience: Duration) -> bool {
        self.has_request() && self.ended.get_or_insert_with(Instant::now).elapsed() < patience
    }

    /// It goes once everything is sent. What is left goes through its socket, where nobody but the server writes.
    pub(super) fn leave(&mut self) {
        self.leaves = true;
        self.handing = None;
        if let (Some(_), Some((_, offset))) = (self.end.take(), &mut self.sending) {
            *offset = 0;
        }
    }

    /// The message that is whole.
    pub(super) fn take_message(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.message)
    }

    /// Gives the memory of a message back.
    pub(super) fn give_back(&mut self, message: Vec<u8>) {
        if self.message.is_empty() {
            self.message = message;
        }
    }

    /// Since when half a message is there.
    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Queues an answer.
    pub(super) fn answer(&mut self, message: Vec<u8>) {
        self.answers_bytes += message.len();
        self.answers.push_back(message);
    }

    /// Queues a part of the stream, whose news are of this input; where too much waits, all of it is lost.
    pub(super) fn tell(&mut self, seq: u64, message: Vec<u8>) {
        if let Some((_, to)) = &mut self.gap {
            *to = if seq == NO_NEWS { *to } else { (*to).max(seq) };
            return;
        }
        if self.stream_bytes + message.len() > STREAM_BYTES_MAX {
            self.lose(seq, seq);
            return;
        }
        self.stream_bytes += message.len();
        self.stream.push_back((seq, message));
    }

    /// The stream is lost from one input to another.
    pub(super) fn lose(&mut self, from: u64, to: u64) {
        let news = self.stream.iter().map(|(seq, _)| *seq).find(|seq| *seq != NO_NEWS);
        let from = news.map_or(from, |first| first.min(from));
        self.stream.clear();
        self.stream_bytes = 0;
        let (known_from, known_to) = self.gap.unwrap_or((from, to));
        self.gap = Some((known_from.min(from), known_to.max(to)));
    }

    /// True where the program is heard.
    pub(super) fn is_heard(&self) -> bool {
        let waits = if self.asked.0 { ANSWERS_BYTES_MAX } else { ANSWERS_BYTES_LOW };
        !self.leaves && !self.awaits_log && self.answers_bytes <= waits
    }

    /// True where something waits to be sent.
    pub(super) fn has_waiting(&self) -> bool {
        self.sending.is_some()
            || !self.answers.is_empty()
            || !self.stream.is_empty()
            || self.gap.is_some()
            || self.handing.is_some()
    }

    /// True where something waits to be sent through its socket.
    pub(super) fn waits_for_socket(&self) -> bool {
        self.end.is_none() && self.has_waiting()
    }

    /// Sends what the socket takes, or the channel.
    pub(super) fn flush(&mut self, packet: &mut Vec<u8>) -> io::Result<Flushed> {
        let waited = self.has_waiting();
        let flushed = self.flush_all(packet)?;
        if let (true, Some(end)) = (waited, &self.end)
            && end.channel.program().has_to_be_woken()
        {
            let mut message = Vec::new();
            Reply::Wake.encode(0, self.version, &mut message);
            // A socket that takes nothing more has woken it already; one that is closed is told by the system.
            let _ = packet::send_from(&self.socket, &message, 0, packet);
        }
        Ok(flushed)
    }

    fn flush_all(&mut self, packet: &mut Vec<u8>) -> io::Result<Flushed> {
        loop {
            if self.sending.is_none() {
                if self.answers.is_empty() && !self.hand_over()? {
                    return Ok(Flushed::Full);
                }
                self.sending = self.next().map(|message| (message, 0));
            }
            let Some((message, offset)) = &mut self.sending else {
                return Ok(match self.gap.take() {
                    Some((from, to)) => Flushed::Gap(from, to),
                    None => Flushed::All,
                });
            };
            match &mut self.end {
                Some(end) => {
                    // Room for a part of it may come about while it is written.
                    while let Some(rest @ [_, ..]) = message.get(*offset..) {
                        match end.channel.answers().write(&mut end.answers, rest) {
                            Ok(0) => return Ok(Flushed::Full),
                            Ok(written) => *offset += written,
                            Err(broken) => return Ok(Flushed::Broken(broken)),
                        }
                    }
                }
                None => {
                    *offset = packet::send_from(&self.socket, message, *offset, packet)?;
                    if *offset < message.len() {
                        return Ok(Flushed::Full);
                    }
                }
            }
            self.sending = None;
        }
    }

    /// Hands over the channel that waits for it; false where the socket does not take it.
    fn hand_over(&mut self) -> io::Result<bool> {
        let Some(Handing { message, channel, handed }) = self.handing.take() else { return Ok(true) };
        if packet::send_with(&self.socket, &message, &handed)? {
            self.end = Some(End { channel, requests: Count::default(), answers: Count::default() });
            return Ok(true);
        }
        self.handing = Some(Handing { message, channel, handed });
        Ok(false)
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(answer) = self.answers.pop_front() {
            self.answers_bytes -= answer.len();
            return Some(answer);
        }
        let (_, message) = self.stream.pop_front()?;
        self.stream_bytes -= message.len();
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;
    use crate::message::REPLY_BYTES_MAX;

    #[test]
    fn a_program_that_is_gone_is_heard_out_and_not_for_longer_than_its_time() {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, its) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        let (mut connection, mut packet) = (Connection::new(ours, 1), vec![0; packet::PACKET_BYTES_MAX]);
        let (channel, handed) = Channel::make().unwrap();
        connection.hand(vec![80], channel, handed);
        assert_eq!(connection.flush(&mut packet).unwrap(), Flushed::All);
        let (_, handed) = packet::read_with(&its, &mut Vec::new(), &mut packet, REPLY_BYTES_MAX).unwrap();
        let program = Channel::open(handed.unwrap()).unwrap();
        let mut written = Count::default();
        for last in [b"one", b"two"] {
            assert_eq!(program.requests().write(&mut written, last), Ok(3));
        }
        drop(its);
        let long = Duration::from_secs(3_600);
        for last in [b"one", b"two"] {
            assert!(connection.says_last_words(long));
            assert!(!connection.says_last_words(Duration::ZERO), "it has had its time");
            assert_eq!(connection.read_channel(), Ok(Taken::Whole));
            assert_eq!(connection.take_message(), last);
        }
        assert!(!connection.says_last_words(long), "there is no more of it");
    }
}
