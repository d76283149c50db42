//! Reading the line: by who waits for an answer, else by a thread of the link; and taking the way anew once it is broken.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{
    Line, LinkError, PAUSE_MAX, Pushed, Received, SLICE, Shared, greet, is_ours, sent_again, unpoisoned,
};
use crate::message::{Reply, Request};

/// How long the link's thread leaves the line to those who have just waited for an answer.
pub(super) const LEFT_ALONE: Duration = Duration::from_millis(1);

/// The link's thread.
pub(super) fn run(shared: &Shared) {
    while !shared.is_over() {
        if shared.callers.load(Ordering::Acquire) > 0 {
            std::thread::sleep(LEFT_ALONE);
            continue;
        }
        let line = unpoisoned(&shared.way).line.clone();
        match line {
            // What comes for a caller that has begun meanwhile is the caller's to read.
            Some(line) => match line.wait(SLICE) {
                Ok(false) => {}
                Ok(true) if shared.callers.load(Ordering::Acquire) > 0 => std::thread::sleep(LEFT_ALONE),
                Ok(true) | Err(_) => {
                    if let Ok(mut message) = shared.reading.try_lock() {
                        shared.read(&line, &mut message, Duration::from_micros(1));
                    }
                }
            },
            None => {
                if let Ok(_reading) = shared.reading.try_lock() {
                    shared.come_back(Instant::now() + SLICE);
                } else {
                    std::thread::sleep(LEFT_ALONE);
                }
            }
        }
    }
}

impl Shared {
    /// True once there is nothing to come back to: it was closed, or the server has had its last word.
    fn is_over(&self) -> bool {
        self.closed.load(Ordering::Acquire) || unpoisoned(&self.way).ended.is_some()
    }

    /// Waits for the reply to a call, and reads the line where nobody else does.
    pub(super) fn wait_for(
        &self,
        number: u32,
        until: Instant,
        look: &mut dyn FnMut() -> bool,
    ) -> Result<Reply, LinkError> {
        let mut gives_up: Option<Instant> = None;
        let mut looked = Instant::now();
        loop {
            if let Some(reply) = self.take_reply(number) {
                return Ok(reply);
            }
            let now = Instant::now();
            if now >= until {
                return Err(LinkError::TimedOut);
            }
            if now - looked >= SLICE {
                looked = now;
                if look() {
                    return Err(LinkError::TimedOut);
                }
            }
            if self.closed.load(Ordering::Acquire) {
                return Err(LinkError::Closed("it was closed".into()));
            }
            let way = unpoisoned(&self.way);
            if let Some(ended) = &way.ended {
                return Err(ended.clone());
            }
            let line = way.line.clone();
            drop(way);
            if line.is_none() {
                let last = *gives_up.get_or_insert(now + self.comes_back);
                if now >= last {
                    let why = "the server is away, and has not come back in time: what was sent may have been taken or not";
                    return Err(LinkError::Away(format!("{}: {why}", self.transport.place())));
                }
            } else {
                gives_up = None;
            }
            let slice = SLICE.min(until - now);
            match (self.reading.try_lock(), line) {
                (Ok(mut message), Some(line)) => {
                    // Its reply may have been read by the last reader between the two looks.
                    if !self.has_reply(number) {
                        self.read(&line, &mut message, slice);
                    }
                }
                (Ok(_reading), None) => self.come_back(now + slice),
                (Err(_), _) => self.wait_behind(number, slice),
            }
        }
    }

    fn has_reply(&self, number: u32) -> bool {
        unpoisoned(&self.calls).get(&number).is_none_or(|call| call.reply.is_some())
    }

    fn take_reply(&self, number: u32) -> Option<Reply> {
        let mut calls = unpoisoned(&self.calls);
        calls.get(&number)?.reply.as_ref()?;
        calls.remove(&number)?.reply
    }

    /// Somebody else reads.
    fn wait_behind(&self, number: u32, slice: Duration) {
        let calls = unpoisoned(&self.calls);
        if calls.get(&number).is_some_and(|call| call.reply.is_none()) {
            // Said under the lock that a reply is put in with: who puts it in has seen this, or this one sees the reply.
            self.behind.fetch_add(1, Ordering::Relaxed);
            // The last reader may go without a word to this one: then the line is nobody's for a millisecond.
            let waited = self.answered.wait_timeout(calls, slice.min(LEFT_ALONE));
            self.behind.fetch_sub(1, Ordering::Relaxed);
            drop(waited);
        }
    }

    /// Reads one message and hands it out; a line that is broken is taken down.
    fn read(&self, line: &Arc<dyn Line>, message: &mut Vec<u8>, timeout: Duration) {
        match line.receive(message, timeout) {
            Ok(Received::Nothing) => {}
            Ok(Received::Message) => {
                let version = self.version.load(Ordering::Acquire) as u16;
                match Reply::decode(message, version) {
                    Ok((number, reply)) => self.hand_out(number, reply),
                    Err(_) => self.end(LinkError::Away("what the server says is of another protocol".into())),
                }
            }
            Ok(Received::Ended) | Err(_) => self.lose(line),
        }
    }

    fn hand_out(&self, number: u32, reply: Reply) {
        let pushed = match reply {
            // The lease was given back: who came back now would take it anew, and nobody would give it back.
            Reply::Gone => {
                self.answer(number, Reply::Gone);
                return self.leave(LinkError::Closed("it was closed".into()));
            }
            Reply::News(news) => Pushed::News(news),
            Reply::Gap { from, to } => Pushed::Gap { from, to },
            Reply::Slots(seq, slots) => Pushed::Slots(seq, slots),
            Reply::Market(shown) => Pushed::Market(shown),
            Reply::Closing(why) => Pushed::Away(why),
            Reply::Refused(refused) if number == 0 => {
                return self.end(LinkError::Refused(refused));
            }
            reply => return self.answer(number, reply),
        };
        unpoisoned(&self.ring).push(pushed);
        self.bell.ring();
    }

    fn answer(&self, number: u32, reply: Reply) {
        match &reply {
            Reply::Verdicts(verdicts) => {
                let last = verdicts.iter().map(|verdict| verdict.seq).max().unwrap_or(0);
                self.seq.fetch_max(last, Ordering::AcqRel);
            }
            Reply::Slot(seq, _) => _ = self.seq.fetch_max(*seq, Ordering::AcqRel),
            _ => {}
        }
        let mut calls = unpoisoned(&self.calls);
        // Whose call has ended meanwhile wants no answer.
        let Some(call) = calls.get_mut(&number) else { return };
        call.reply = Some(reply);
        let rings = call.rings;
        drop(calls);
        if rings {
            self.bell.ring();
        }
        self.tell_those_behind();
    }

    /// Wakes those who wait behind another reader. Where there are none it costs no call to the system.
    pub(super) fn tell_those_behind(&self) {
        if self.behind.load(Ordering::Relaxed) > 0 {
            self.answered.notify_all();
        }
    }

    /// The line is broken.
    fn lose(&self, line: &Arc<dyn Line>) {
        line.hang_up();
        let mut way = unpoisoned(&self.way);
        if way.line.as_ref().is_some_and(|known| Arc::ptr_eq(known, line)) {
            way.line = None;
            drop(way);
            unpoisoned(&self.ring).push(Pushed::Away("the server is away".into()));
            self.bell.ring();
        }
        self.answered.notify_all();
    }

    /// There is nothing to come back to, and that is news.
    fn end(&self, why: LinkError) {
        let text = match &why {
            LinkError::Refused(refused) => refused.text.to_string(),
            LinkError::Away(text) | LinkError::Closed(text) => text.clone(),
            LinkError::TimedOut => String::new(),
        };
        self.leave(why);
        unpoisoned(&self.ring).push(Pushed::Away(text));
        self.bell.ring();
    }

    /// The line is taken down for good.
    fn leave(&self, why: LinkError) {
        let mut way = unpoisoned(&self.way);
        if let Some(line) = way.line.take() {
            line.hang_up();
        }
        way.ended = Some(why);
        drop(way);
        self.answered.notify_all();
    }

    /// Takes the way anew, and sends again what has no answer: the same intents under the same ids.
    fn come_back(&self, until: Instant) {
        let mut pause = Duration::from_millis(5);
        while !self.is_over() {
            match greet(&*self.transport, &self.hello) {
                Ok((line, welcome)) => return self.resume(line, welcome),
                Err(LinkError::Refused(refused)) if !is_ours(&refused) => {
                    return self.end(LinkError::Refused(refused));
                }
                Err(_) => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn resume(&self, line: Arc<dyn Line>, welcome: crate::message::Welcome) {
        let mut way = unpoisoned(&self.way);
        if self.closed.load(Ordering::Acquire) {
            // Closed between the hello and now: nobody else knows of this line.
            return line.hang_up();
        }
        let mut calls = unpoisoned(&self.calls);
        self.version.store(welcome.version.into(), Ordering::Release);
        let (seq, version) = (welcome.seq, welcome.version);
        way.welcome = welcome;
        let mut is_whole = true;
        for call in calls.values_mut().filter(|call| call.reply.is_none()) {
            sent_again(&mut call.message);
            Request::fit(&mut call.message, version);
            is_whole &= is_whole && line.send(&call.message).is_ok();
        }
        if is_whole {
            way.line = Some(line);
        }
        drop((way, calls));
        unpoisoned(&self.ring).push(Pushed::Back(seq));
        self.bell.ring();
        self.answered.notify_all();
    }
}
