//! The server's thread: whose turn it is, who comes and goes, and what is told unasked.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use dita_engine::slot_view;
use dita_host::{Hold, Patience};
use dita_kernel::input::Input;
use dita_zinc::{Broken, Life, Taken};
use rustix::event::{Timespec, epoll};
use rustix::io;
use rustix::net::{SocketFlags, accept_with, sockopt};

use super::active_lease::{ActiveLease, Book};
use super::connection::{Connection, Flushed, NO_NEWS};
use super::event_queue::{EventQueue, OwnerEvents};
use super::log_reader::LogReader;
use super::{LeaseStanding, ServerConfig, Serves, Watched, leases_of};
use crate::message::{Refused, Reply, Why};
use crate::packet::{PACKET_BYTES_MAX, Read};
use crate::spin::Spin;

const LISTENER: u64 = 0;
const BELL: u64 = 1;
const FIRST: u64 = 2;
/// How often the thread looks after leases and those who are slow.
const BEAT: Duration = Duration::from_millis(50);
/// A hello, and the rest of a message that has begun, must come within this.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long programs have at the end to read what waits for them.
const LAST_WORDS: Duration = Duration::from_millis(500);
const EVENTS_MAX: usize = 256;
/// While programs have channels, the system is asked so often what else there is.
const ASKS_EVERY: Duration = Duration::from_micros(20);

/// What the thread has.
pub(super) struct Turns<F: Serves> {
    pub(super) config: ServerConfig<F>,
    pub(super) queues: Vec<Arc<EventQueue>>,
    pub(super) books: Vec<Book>,
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) watched: Arc<Watched>,
    listener: OwnedFd,
    epoll: OwnedFd,
    next: u64,
    packet: Vec<u8>,
    scratch: Vec<u8>,
    heard: Vec<OwnerEvents>,
    /// The account whose last intents are shown to nobody yet.
    pub(super) unshown: Option<usize>,
    spin: Spin,
    /// Connections with a channel: while there are any, the thread never sleeps.
    channels: Vec<u64>,
    /// When the system was asked last.
    asked: Instant,
    /// Reads logs for programs that send again; begun with the first.
    pub(super) log_reader: Option<LogReader>,
    /// The last input of each account before this server.
    pub(super) began: Vec<u64>,
    /// How far each account's kernel was at the last beat.
    paces: Vec<Option<(u64, u64)>>,
}

fn flags_of((reads, writes): (bool, bool)) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::RDHUP;
    flags.set(epoll::EventFlags::IN, reads);
    flags.set(epoll::EventFlags::OUT, writes);
    flags
}

impl<F: Serves> Turns<F> {
    pub(super) fn new(
        config: ServerConfig<F>,
        queues: Vec<Arc<EventQueue>>,
        listener: OwnedFd,
        watched: Arc<Watched>,
    ) -> io::Result<Turns<F>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        epoll::add(&epoll, &*watched.bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
        let books = config.accounts.iter().map(|account| {
            let mut book = Book::new();
            for (name, lease) in leases_of(&account.drain) {
                account.seats.restore(&name, &lease.slots);
                book.insert(name, ActiveLease::new(lease));
            }
            book
        });
        let books = books.collect();
        let began = config.accounts.iter().map(|account| account.drain.lock().core.kernel().seq());
        let began = began.collect();
        let mut turns = Turns {
            config,
            queues,
            books,
            connections: BTreeMap::new(),
            watched,
            listener,
            epoll,
            next: FIRST,
            packet: vec![0; PACKET_BYTES_MAX],
            scratch: Vec::with_capacity(PACKET_BYTES_MAX),
            heard: Vec::new(),
            unshown: None,
            spin: Spin::default(),
            channels: Vec::new(),
            asked: Instant::now(),
            log_reader: None,
            began,
            paces: Vec::new(),
        };
        turns.paces.resize(turns.books.len(), None);
        (0..turns.books.len()).for_each(|account| turns.leases_changed(account));
        Ok(turns)
    }

    pub(super) fn run(&mut self) {
        self.queues.iter().for_each(|queue| queue.settle());
        self.show(Life::Serving);
        let mut beat = Instant::now();
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS_MAX);
        while !self.watched.end.load(Ordering::Acquire) {
            self.await_events(&mut events, BEAT.saturating_sub(beat.elapsed()));
            for event in &events {
                match { event.data }.u64() {
                    LISTENER => self.welcome_all(),
                    BELL => _ = self.watched.bell.quiet(),
                    id => self.turn(id, event.flags),
                }
            }
            self.hear_channels();
            self.send_log_answers();
            self.tell_news();
            if beat.elapsed() >= BEAT {
                beat = Instant::now();
                self.look_after();
                self.beat();
            }
            self.watched.beats.fetch_add(1, Ordering::Relaxed);
        }
        self.show(Life::Ending);
        self.say_goodbye();
    }

    /// Waits for what comes, at most so long.
    fn await_events(&mut self, events: &mut Vec<epoll::Event>, wait: Duration) {
        let look = |events: &mut Vec<epoll::Event>, wait: Duration| {
            let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
            events.clear();
            if epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), Some(&wait)).is_err() {
                events.clear();
            }
            !events.is_empty()
        };
        if self.channels.is_empty() {
            if !self.spin.until(|| look(events, Duration::ZERO)) {
                look(events, wait);
            }
            return;
        }
        events.clear();
        loop {
            if self.asked.elapsed() >= ASKS_EVERY {
                look(events, Duration::ZERO);
                self.asked = Instant::now();
                return;
            }
            let has_request = |id: &u64| self.connections.get(id).is_some_and(Connection::has_request);
            if self.channels.iter().any(has_request) {
                return;
            }
            std::hint::spin_loop();
        }
    }

    fn show(&self, life: Life) {
        if let Some(pulse) = &self.config.pulse {
            pulse.tell(life);
        }
    }

    /// Shows that this thread turns, and that no kernel is stuck in what it does.
    fn beat(&mut self) {
        let Some(pulse) = &self.config.pulse else { return };
        let mut go_on = true;
        for (account, before) in self.config.accounts.iter().zip(&mut self.paces) {
            go_on &= account.drain.goes_on(before);
        }
        if go_on {
            pulse.beat();
        }
    }

    // ------------------------------------------------------------------------------------------ who comes and goes

    fn welcome_all(&mut self) {
        while let Ok(socket) = accept_with(&self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            let pid =
                sockopt::socket_peercred(&socket).map_or(0, |peer| peer.pid.as_raw_nonzero().get() as u32);
            let mut connection = Connection::new(socket, pid);
            let id = self.next;
            self.next += 1;
            let flags = flags_of(connection.asked);
            if epoll::add(&self.epoll, &connection.socket, epoll::EventData::new_u64(id), flags).is_err() {
                continue;
            }
            if self.connections.len() >= self.config.clients_max {
                let why =
                    format!("{} programs are connected, and more are not let in", self.config.clients_max);
                connection.answer(self.refusal(0, connection.version, Refused::because(Why::TooMany, why)));
                connection.leaves = true;
            }
            self.connections.insert(id, connection);
            self.send(id);
            self.count();
        }
    }

    fn count(&self) {
        self.watched.clients.store(self.connections.len() as u64, Ordering::Relaxed);
        self.watched.spinning.store(self.channels.len() as u64, Ordering::Relaxed);
    }

    /// A program is gone: its lease is alone from now on.
    pub(super) fn go(&mut self, id: u64) {
        let Some(connection) = self.connections.remove(&id) else { return };
        self.channels.retain(|one| *one != id);
        self.count();
        let Some((account, name)) = &connection.lease else { return };
        if let Some(held) = self.books[*account].get_mut(name)
            && held.holder.is_some_and(|holder| holder.connection == id)
        {
            held.lose();
        }
        self.leases_changed(*account);
    }

    /// One message of one program, or what it has read makes room for.
    fn turn(&mut self, id: u64, flags: epoll::EventFlags) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if flags.intersects(epoll::EventFlags::IN) && connection.is_heard() {
            match connection.read(&mut self.packet) {
                Ok(Read::Whole | Read::Part) if connection.has_channel() => {
                    let why = "a program with a channel says nothing in its socket";
                    self.send_away(id, 0, Refused::because(Why::Malformed, why));
                }
                Ok(Read::Whole) => self.take(id),
                Ok(Read::Nothing | Read::Part) => {}
                // What it has said before it went is taken, as from a socket; the system tells again that it is gone.
                Ok(Read::Ended) if connection.says_last_words(LAST_WORDS) => return,
                Ok(Read::Ended) | Err(_) => return self.go(id),
                Ok(Read::Garbage) => {
                    let why = "a packet is empty, of no known kind, or the message is longer than 1 MiB";
                    self.send_away(id, 0, Refused::because(Why::Malformed, why));
                }
            }
        } else if flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            return self.go(id);
        }
        self.send(id);
        self.show_rest();
    }

    /// One message of each program that has a channel, and what it has room for.
    fn hear_channels(&mut self) {
        let mut at = 0;
        while let Some(id) = self.channels.get(at).copied() {
            at += 1;
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            let is_heard = connection.is_heard() && connection.has_request();
            let read = if is_heard { connection.read_channel() } else { Ok(Taken::Nothing) };
            match read {
                Ok(Taken::Whole) => self.take(id),
                Ok(Taken::Nothing | Taken::Part) if !connection.has_waiting() => continue,
                Ok(Taken::Nothing | Taken::Part) => {}
                Err(broken) => self.cut(id, broken),
            }
            self.send(id);
            self.show_rest();
        }
    }

    /// Sends a program away that has written into its channel what cannot be.
    fn cut(&mut self, id: u64, broken: Broken) {
        let lease = self.connections.get(&id).and_then(|connection| connection.lease.as_ref());
        let name = lease.map(|(_, name)| name.as_str()).unwrap_or_default();
        let why = format!("{name}: the program's channel is broken: {broken}");
        self.send_away(id, 0, Refused::because(Why::Malformed, why));
    }

    /// Shows others what the last intents have changed, once their answer is sent.
    pub(super) fn show_rest(&mut self) {
        if let Some(account) = self.unshown.take() {
            // A kernel that cannot be used any more tells whoever asks it next.
            let _ = self.config.accounts[account].drain.show_rest(Hold::Takes);
        }
    }

    fn take(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let message = connection.take_message();
        self.watched.messages.fetch_add(1, Ordering::Relaxed);
        self.hear(id, &message);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.give_back(message);
        }
    }

    /// Refuses, and hangs up once that is sent.
    pub(super) fn send_away(&mut self, id: u64, number: u32, refused: Refused) {
        self.watched.refused.fetch_add(1, Ordering::Relaxed);
        let Some(version) = self.connections.get(&id).map(|connection| connection.version) else { return };
        let refusal = self.refusal(number, version, refused);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.answer(refusal);
            connection.leave();
        }
    }

    pub(super) fn refusal(&self, number: u32, version: u16, refused: Refused) -> Vec<u8> {
        let mut bytes = Vec::new();
        Reply::Refused(Box::new(refused)).encode(number, version, &mut bytes);
        bytes
    }

    /// Sends what a program's socket takes, and asks the system for what is needed next.
    pub(super) fn send(&mut self, id: u64) {
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return };
            match connection.flush(&mut self.scratch) {
                Err(_) => return self.go(id),
                Ok(Flushed::Gap(from, to)) => self.tell_gap(id, from, to),
                Ok(Flushed::Broken(broken)) => self.cut(id, broken),
                Ok(Flushed::All) if connection.leaves => return self.go(id),
                Ok(Flushed::All | Flushed::Full) => break,
            }
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.has_channel() && !self.channels.contains(&id) {
            self.channels.push(id);
            self.count();
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let wanted = (connection.is_heard(), connection.waits_for_socket());
        if wanted != connection.asked {
            connection.asked = wanted;
            let flags = flags_of(wanted);
            if epoll::modify(&self.epoll, &connection.socket, epoll::EventData::new_u64(id), flags).is_err() {
                self.go(id);
            }
        }
    }

    // ------------------------------------------------------------------------------------------ what is told unasked

    /// Tells a program that a part of its stream is lost, and its slots whole.
    fn tell_gap(&mut self, id: u64, from: u64, to: u64) {
        self.watched.gaps.fetch_add(1, Ordering::Relaxed);
        self.tell_slots(id, Some((from, to)));
    }

    /// Tells a program its slots whole.
    pub(super) fn tell_slots(&mut self, id: u64, gap: Option<(u64, u64)>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some((account, name)) = &connection.lease else { return };
        let Some(held) = self.books[*account].get(name) else { return };
        let Ok(state) = self.config.accounts[*account].drain.settled() else { return };
        let kernel = state.core.kernel();
        let slots = held.lease.slots.iter().filter_map(|slot_id| slot_view(kernel, *slot_id)).collect();
        let seq = kernel.seq();
        drop(state);
        let gap = gap.map(|(from, to)| Reply::Gap { from, to });
        for reply in gap.into_iter().chain([Reply::Slots(seq, slots)]) {
            let mut bytes = Vec::new();
            reply.encode(0, connection.version, &mut bytes);
            connection.tell(seq, bytes);
        }
    }

    fn tell_news(&mut self) {
        for account in 0..self.queues.len() {
            let market = self.queues[account].market();
            let mut heard = std::mem::take(&mut self.heard);
            let lost = self.queues[account].take(&mut heard);
            for OwnerEvents { owner, news } in heard.drain(..) {
                let holder = self.books[account].get(&owner).and_then(|held| held.holder);
                let Some(id) = holder.map(|holder| holder.connection) else { continue };
                if let Some(connection) = self.connections.get_mut(&id) {
                    let (seq, mut bytes) = (news.seq, Vec::new());
                    Reply::News(Box::new(news)).encode(0, connection.version, &mut bytes);
                    connection.tell(seq, bytes);
                    self.send(id);
                }
            }
            self.heard = heard;
            self.tell_all(account, lost, market);
        }
    }

    /// What concerns every program of an account.
    fn tell_all(&mut self, account: usize, lost: Option<(u64, u64)>, market: u64) {
        let mut told = Vec::new();
        for (id, connection) in &mut self.connections {
            if connection.lease.as_ref().is_none_or(|(of, _)| *of != account) {
                continue;
            }
            if let Some((from, to)) = lost {
                connection.lose(from, to);
                told.push(*id);
            }
            // One that has not read the last of it learns of all that is new with that.
            if connection.hears_market && connection.market_told < market && !connection.has_waiting() {
                connection.market_told = market;
                let mut bytes = Vec::new();
                Reply::Market(market).encode(0, connection.version, &mut bytes);
                connection.tell(NO_NEWS, bytes);
                told.push(*id);
            }
        }
        told.into_iter().for_each(|id| self.send(id));
    }

    // ------------------------------------------------------------------------------------------ leases and the slow

    fn look_after(&mut self) {
        let unread = self.connections.values().filter(|connection| connection.has_waiting()).count();
        self.watched.unread.store(unread as u64, Ordering::Relaxed);
        for account in 0..self.books.len() {
            self.look_after_leases(account);
        }
        let is_slow = |connection: &Connection| {
            let silent = connection.lease.is_none() && connection.came.elapsed() >= PATIENCE;
            silent || connection.began().is_some_and(|began| began.elapsed() >= PATIENCE)
        };
        let slow: Vec<u64> =
            self.connections.iter().filter(|(_, one)| is_slow(one)).map(|(id, _)| *id).collect();
        for id in slow {
            if self.connections.get(&id).is_some_and(|connection| connection.leaves) {
                self.go(id);
                continue;
            }
            let why = "no whole message came within 5 s";
            self.send_away(id, 0, Refused::because(Why::TooSlow, why));
            self.send(id);
        }
    }

    fn look_after_leases(&mut self, account: usize) {
        let alone = self.books[account].iter().filter(|(_, held)| held.holder.is_none());
        let names: Vec<_> = alone.map(|(name, _)| name.clone()).collect();
        for name in names {
            let drain = Arc::clone(&self.config.accounts[account].drain);
            let Some(held) = self.books[account].get_mut(&name) else { continue };
            if held.is_due() {
                let Ok(mut state) = drain.settled() else { return };
                let now_ns = state.core.clock_ns();
                let (wanted, waits) = held.act(state.core.kernel(), &name, now_ns);
                drop(state);
                held.settled = !waits && wanted.is_empty();
                for intent in wanted {
                    // A refusal is tried again; one that the kernel cannot take any more is the kernel's to tell.
                    let _ =
                        drain.put_with(Hold::Takes, Input::Intent(Box::new(intent)), None, Patience::Answer);
                }
                if self.books[account].get(&name).is_some_and(|held| held.settled) {
                    self.publish(account);
                }
            }
            self.end_if_done(account, &name);
        }
    }

    /// A lease whose policy has acted ends once its slots carry nothing, or where its program has given it back.
    fn end_if_done(&mut self, account: usize, name: &dita_kernel::id::Id) {
        let Some(held) = self.books[account].get(name).filter(|held| held.settled && held.holder.is_none())
        else {
            return;
        };
        if !held.given_back {
            let Ok(state) = self.config.accounts[account].drain.settled() else { return };
            if !held.is_free(state.core.kernel()) {
                return;
            }
        }
        self.end_lease(account, name);
    }

    /// What the others see of an account's leases has changed, and which slots are leased.
    pub(super) fn leases_changed(&mut self, account: usize) {
        let slots = self.books[account].values().flat_map(|held| held.lease.slots.iter().copied());
        self.queues[account].attend(slots);
        self.publish(account);
    }

    fn publish(&self, account: usize) {
        let name = &self.config.accounts[account].name;
        let mut all = self.watched.leases.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|standing| standing.account != *name);
        all.extend(self.books[account].iter().map(|(lease_name, held)| LeaseStanding {
            account: name.clone(),
            name: lease_name.clone(),
            slots: held.lease.slots.clone(),
            policy: held.lease.policy,
            grace_ms: held.lease.grace_ms,
            holder: held.holder.map(|holder| (holder.pid, holder.since_ns)),
            settled: held.settled,
        }));
        all.sort_by(|one, other| (&one.account, &one.name).cmp(&(&other.account, &other.name)));
    }

    fn say_goodbye(&mut self) {
        let began = Instant::now();
        for connection in self.connections.values_mut() {
            let mut bytes = Vec::new();
            Reply::Closing("the server ends".to_owned()).encode(0, connection.version, &mut bytes);
            connection.answer(bytes);
            connection.leave();
        }
        while !self.connections.is_empty() && began.elapsed() < LAST_WORDS {
            let ids: Vec<u64> = self.connections.keys().copied().collect();
            ids.into_iter().for_each(|id| self.send(id));
            if let Some(connection) = self.connections.values().next() {
                let _ = crate::packet::wait_for(&connection.socket, true, Duration::from_millis(20));
            }
        }
        self.connections.clear();
    }
}
