//! What a program's message asks for, and the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dita_engine::form::{FieldValue, FieldValues, Form};
use dita_engine::{
    Answer, EngineError, NOTE_BYTES_MAX, NOTES_MAX, Note, Past, asset_json, control_json, health_json,
    order_view, order_views, slot_view,
};
use dita_host::{Failure, Given, Hold, HostError, Patience};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, Intent, SlotOverride};
use dita_kernel::kernel::Kernel;
use dita_kernel::outcome::Detail;
use dita_zinc::Channel;
use rustix::event::{PollFd, PollFlags, Timespec};

use super::Serves;
use super::active_lease::{ActiveLease, Holder};
use super::log_reader::{Asked, AskedAgain, AskedPast, Found, Job, LogReader, Part};
use super::turn::Turns;
use crate::lease::{GRACE_MS_MAX, Lease, Lock, name_trouble, own_id};
use crate::message::{
    BATCH_MAX, Hello, MAGIC, Refused, Reply, Request, Topic, VERSION, VERSION_OLDEST, Verdict, Welcome, Why,
};
use crate::seats::MORE_SLOTS;

/// The longest secret, in bytes.
const SECRET_BYTES_MAX: usize = 256;
/// The kind of a reply with verdicts, whose parts are written one by one.
const VERDICTS_HEAD: usize = 5;

/// Intents, and where their program wants something back with them, its last input and its text.
type Sent = (Vec<Intent>, Option<(u64, String)>);

impl<F: Serves> Turns<F> {
    /// Takes a message, and queues its answer.
    pub(super) fn hear(&mut self, id: u64, message: &[u8]) {
        let Ok((number, request)) = Request::decode(message) else {
            let why = "the bytes are no message of this protocol: see docs/reference/protocol.md";
            return self.send_away(id, 0, Refused::because(Why::Malformed, why));
        };
        let Some(connection) = self.connections.get(&id) else { return };
        let (version, lease) = (connection.version, connection.lease.clone());
        let answer = match (request, lease) {
            (Request::Hello(hello), None) => match self.greet(id, &hello) {
                Ok(welcome) => Ok(encoded(&Reply::Welcome(Box::new(welcome)), number, VERSION)),
                Err(refused) => return self.send_away(id, number, refused),
            },
            (Request::Hello(_), Some(_)) | (_, None) => {
                let why = "a program says hello once, and first";
                return self.send_away(id, number, Refused::because(Why::Malformed, why));
            }
            (Request::Intents { again, intents }, Some((account, name))) => {
                match self.hear_intents(id, number, account, name, again, (intents, None)) {
                    Some(answer) => answer,
                    None => return,
                }
            }
            (Request::Noting { again, told_seq, text, intents }, Some((account, name))) => {
                let sent = (intents, Some((told_seq, text)));
                match self.hear_intents(id, number, account, name, again, sent) {
                    Some(answer) => answer,
                    None => return,
                }
            }
            (Request::Bye, Some((account, name))) => {
                self.part(id, account, &name);
                Ok(encoded(&Reply::Gone, number, version))
            }
            (Request::Note { told_seq, text }, Some((account, name))) => {
                self.note(account, &name, told_seq, text).map(|reply| encoded(&reply, number, version))
            }
            (Request::Noted, Some((account, name))) => {
                self.noted(account, &name).map(|reply| encoded(&reply, number, version))
            }
            (Request::Past { after_seq, until_seq }, Some((account, name))) => {
                match self.ask_past(id, number, account, name, (after_seq, until_seq)) {
                    Some(reply) => Ok(encoded(&reply, number, version)),
                    None => return,
                }
            }
            (Request::Override(change), Some((account, name))) => {
                self.override_slot(account, &name, *change).map(|reply| encoded(&reply, number, version))
            }
            (Request::Channel, Some((_, name))) => match self.make_channel(id, number, version, &name) {
                Ok(()) => return,
                Err(refused) => Err(refused),
            },
            (request, Some((account, _))) => {
                self.read(account, &request).map(|reply| encoded(&reply, number, version))
            }
        };
        let answer = answer.unwrap_or_else(|refused| self.refusal(number, version, refused));
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.answer(answer);
        }
    }

    // ------------------------------------------------------------------------------------------ leases

    fn greet(&mut self, id: u64, hello: &Hello) -> Result<Welcome, Refused> {
        let version = agreed(hello)?;
        let account = self.account_of(hello)?;
        let lock = self.check(account, hello)?;
        let holder = self.books[account].get(&hello.name).and_then(|held| held.holder);
        if let Some(holder) = holder {
            if !self.has_ended(holder.connection) {
                return Err(held_by(hello, holder));
            }
            self.go(holder.connection);
        }
        let its = &self.config.accounts[account];
        let known = self.books[account].get(&hello.name).map(|held| held.lease.clone());
        if known.is_none() && its.seats.has(&hello.name) {
            let why = "is a strategy's inside the host: choose another name";
            return Err(Refused::of_field("name", hello.name.as_str(), why));
        }
        let state = its.drain.settled().map_err(refused::<F>)?;
        let kernel = state.core.kernel();
        let taken = its.seats.take(kernel, &hello.name, usize::from(hello.slots)).map_err(|none| {
            let why =
                format!("slots: {} are asked for and {} are free; {MORE_SLOTS}", hello.slots, none.found);
            Refused::because(Why::NoFreeSlot, why)
        })?;
        let mut welcome = welcome(kernel, version, taken.clone());
        welcome.again = known.is_some();
        let now_ns = kernel.now_ns();
        drop(state);
        let since_ns = known.as_ref().map_or(now_ns, |lease| lease.since_ns);
        let (policy, grace_ms) = (hello.policy, hello.grace_ms);
        let lease = Lease { slots: taken.clone(), policy, grace_ms, since_ns, lock };
        if known.as_ref() != Some(&lease)
            && let Err(failure) = self.write_lease(account, &hello.name, &lease.text(), now_ns)
        {
            if known.is_none() {
                self.config.accounts[account].seats.leave(&taken);
            }
            return Err(failure);
        }
        let its = &self.config.accounts[account];
        welcome.host = self.config.host.clone();
        welcome.account = its.name.clone();
        if let Some((directory, name)) = &its.plane {
            (welcome.plane_directory, welcome.plane_name) = (directory.as_str().into(), name.as_str().into());
        }
        self.seat(id, account, hello, lease, version);
        if welcome.again {
            // What has happened while it was away was told to nobody.
            self.tell_slots(id, None);
        }
        Ok(welcome)
    }

    /// The lease is the connection's from now on.
    fn seat(&mut self, id: u64, account: usize, hello: &Hello, lease: Lease, version: u16) {
        let market = self.queues[account].market();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.version = version;
        connection.lease = Some((account, hello.name.clone()));
        connection.hears_market = hello.market;
        // Whatever stands there already is told at once, where anything does.
        connection.market_told = if hello.market { 0 } else { market };
        let since_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
        let holder = Holder { connection: id, pid: connection.pid, since_ns };
        let held =
            self.books[account].entry(hello.name.clone()).or_insert_with(|| ActiveLease::new(lease.clone()));
        held.lease = lease;
        held.hold(holder);
        self.leases_changed(account);
    }

    fn account_of(&self, hello: &Hello) -> Result<usize, Refused> {
        let accounts = &self.config.accounts;
        if hello.account.is_empty() && accounts.len() == 1 {
            return Ok(0);
        }
        accounts.iter().position(|account| account.name == hello.account).ok_or_else(|| {
            let known: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
            Refused::of_field("account", hello.account.as_str(), &format!("is none of {}", known.join(", ")))
        })
    }

    /// Holds a hello against what it may say; gives the lease's lock.
    fn check(&self, account: usize, hello: &Hello) -> Result<Option<Lock>, Refused> {
        if let Some(why) = name_trouble(hello.name.as_str()) {
            return Err(Refused::of_field("name", hello.name.as_str(), why));
        }
        if hello.slots == 0 {
            return Err(Refused::of_field("slots", "0", "must be at least 1"));
        }
        if hello.grace_ms > GRACE_MS_MAX {
            let given = format!("{} ms", hello.grace_ms);
            return Err(Refused::of_field("grace_s", &given, "must be at most a day"));
        }
        if hello.secret.len() > SECRET_BYTES_MAX {
            let given = format!("{} bytes", hello.secret.len());
            return Err(Refused::of_field("secret", &given, "must be at most 256 bytes"));
        }
        let known = self.books[account].get(&hello.name).and_then(|held| held.lease.lock.clone());
        match known {
            Some(lock) if lock.opens(&hello.secret) => Ok(Some(lock)),
            Some(_) => {
                let why = format!("{}: the lease has another secret", hello.name.as_str());
                Err(Refused::because(Why::Secret, why))
            }
            None if hello.secret.is_empty() => Ok(None),
            None => {
                let mut salt = [0; 16];
                let drawn = rustix::rand::getrandom(&mut salt, rustix::rand::GetRandomFlags::empty());
                match drawn {
                    Ok(16) => Ok(Some(Lock::new(&hello.secret, salt))),
                    Ok(_) | Err(_) => {
                        Err(Refused::because(Why::Failed, "the system has no random numbers for a secret"))
                    }
                }
            }
        }
    }

    /// Makes a program a channel, which is handed over with the answer.
    fn make_channel(&mut self, id: u64, number: u32, version: u16, name: &Id) -> Result<(), Refused> {
        if !self.config.spins {
            let why = "is not offered by this server: set `spin = true` in its `[serve]`";
            return Err(Refused::of_field("spin", "true", why));
        }
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        if connection.has_channel() {
            return Err(Refused::because(Why::Malformed, "a program asks for a channel once"));
        }
        let (channel, handed) = Channel::make().map_err(|error| {
            let why = format!("{}: the system has no memory for a channel: {error}", name.as_str());
            Refused::because(Why::Failed, why)
        })?;
        connection.hand(encoded(&Reply::Channel, number, version), channel, handed);
        Ok(())
    }

    /// True where a connection's other end is gone, and nobody has looked yet.
    fn has_ended(&self, id: u64) -> bool {
        let Some(connection) = self.connections.get(&id) else { return true };
        let mut polled = [PollFd::new(&connection.socket, PollFlags::RDHUP)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(rustix::event::poll(&mut polled, Some(&now)), Ok(1))
    }

    fn write_lease(&self, account: usize, name: &Id, text: &str, now_ns: i64) -> Result<(), Refused> {
        let note = Note { told_seq: 0, time_ns: now_ns, text: text.into() };
        self.config.accounts[account].drain.lease(name.clone(), note).map_err(refused::<F>)
    }

    /// The program gives its lease back: the policy acts now.
    fn part(&mut self, id: u64, account: usize, name: &Id) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.lease = None;
            connection.leave();
        }
        if let Some(held) = self.books[account].get_mut(name) {
            held.lose();
            held.given_back = true;
        }
        self.leases_changed(account);
    }

    /// The lease ends: others may have its slots.
    pub(super) fn end_lease(&mut self, account: usize, name: &Id) {
        let Some(held) = self.books[account].remove(name) else { return };
        self.config.accounts[account].seats.leave(&held.lease.slots);
        // Where the log has failed the kernel takes nothing more, and says so itself.
        let _ = self.write_lease(account, name, "", held.lease.since_ns);
        self.leases_changed(account);
    }

    // ------------------------------------------------------------------------------------------ intents

    fn hear_intents(
        &mut self,
        id: u64,
        number: u32,
        account: usize,
        name: Id,
        again: bool,
        sent: Sent,
    ) -> Option<Result<Vec<u8>, Refused>> {
        let sent = if again { self.look_for(id, number, account, &name, sent)? } else { sent };
        let began = Instant::now();
        let answer = self.answer_intents(id, number, account, name, again, sent);
        self.watched.figures.call(began.elapsed());
        answer
    }

    fn take_intents(
        &mut self,
        account: usize,
        name: &Id,
        again: bool,
        (mut intents, note): Sent,
    ) -> Result<Vec<Part>, Refused> {
        if let Some((_, text)) = &note {
            self.check_note(account, name, text)?;
        }
        let Some(held) = self.books[account].get_mut(name) else {
            return Err(Refused::because(Why::Failed, "the lease has ended"));
        };
        if intents.len() > BATCH_MAX {
            let given = format!("{} intents", intents.len());
            return Err(Refused::of_field("intents", &given, "are more than 1,024 at once"));
        }
        // ---- checked, all of them; then taken.
        for intent in &mut intents {
            check_intent(intent, name, &held.lease)?;
        }
        let ids: Vec<Id> = intents.iter().map(|intent| intent.intent_id.clone()).collect();
        let mut known: Vec<Option<Vec<u8>>> = Vec::new();
        if again {
            known = ids.iter().map(|id| held.answered(id).map(<[u8]>::to_vec)).collect();
            let mut places = known.iter();
            intents.retain(|_| places.next().is_none_or(Option::is_none));
        }
        let note = note.filter(|_| self.config.accounts[account].drain.has_log());
        let mut fresh = match note {
            // What was taken before has its note in the log already.
            Some(note) if !intents.is_empty() => self.put_noted(account, name, intents, note)?,
            Some(_) | None => self.put(account, intents)?,
        }
        .into_iter();
        let mut parts = Vec::with_capacity(ids.len());
        for (place, intent_id) in ids.into_iter().enumerate() {
            if let Some(bytes) = known.get_mut(place).and_then(Option::take) {
                parts.push(Part::Known(bytes));
                continue;
            }
            let Some(given) = fresh.next() else { break };
            let first = match given.answer.outcome.detail {
                Detail::First { seq, .. } if again && given.answer.outcome.accepted => Some(seq),
                _ => None,
            };
            let verdict = self.verdict(account, given);
            self.watched.figures.verdict(&self.config.accounts[account].name, &verdict);
            parts.push(match first {
                // It was taken before this server began: what came of it then is in the log.
                Some(seq) => Part::Logged { intent_id, seq, otherwise: Box::new(verdict) },
                None => self.remembered(account, name, intent_id, &verdict),
            });
        }
        Ok(parts)
    }

    /// Takes intents; `None` where the log has to be asked for the answer.
    fn answer_intents(
        &mut self,
        id: u64,
        number: u32,
        account: usize,
        name: Id,
        again: bool,
        sent: Sent,
    ) -> Option<Result<Vec<u8>, Refused>> {
        match self.take_intents(account, &name, again, sent) {
            Ok(parts) => self.complete(id, number, account, name, parts).map(Ok),
            Err(refused) => Some(Err(refused)),
        }
    }

    /// Has the log asked for what came of intents that are sent again, and of which no answer is remembered; gives them back
    /// where they can be taken at once: nothing that was accepted is among them, and nothing that an earlier server may have
    /// refused.
    fn look_for(
        &mut self,
        id: u64,
        number: u32,
        account: usize,
        name: &Id,
        (intents, note): Sent,
    ) -> Option<Sent> {
        let held = self.books[account].get(name);
        let own = intents.iter().filter_map(|intent| own_id(name, &intent.intent_id));
        let mut ids: BTreeSet<Id> =
            own.filter(|id| held.is_some_and(|held| held.answered(id).is_none())).collect();
        if ids.is_empty() || intents.len() > BATCH_MAX {
            return Some((intents, note));
        }
        let taken = self.taken(account, &ids);
        ids.retain(|id| !taken.contains_key(id));
        let (name, until_seq) = (name.clone(), self.began[account]);
        let asked =
            AskedAgain { connection: id, number, account, name, intents, note, taken, ids, until_seq };
        match self.ask_the_log(account, id, Job::Again(asked)) {
            Some(Job::Again(asked)) => Some((asked.intents, asked.note)),
            _ => None,
        }
    }

    /// Those of the intents that were accepted before, with their inputs. Their records are in the files then.
    fn taken(&self, account: usize, ids: &BTreeSet<Id>) -> BTreeMap<Id, u64> {
        let mut state = self.config.accounts[account].drain.lock();
        // Where the log fails the kernel takes nothing more, and says so itself.
        let of = |id: &Id| Some((id.clone(), state.core.taken(id).ok().flatten()?));
        let taken: BTreeMap<Id, u64> = ids.iter().filter_map(of).collect();
        if !taken.is_empty() {
            let _ = state.core.sync_log();
        }
        taken
    }

    /// Takes intents that the log was asked for: the answers that it has are remembered from now on.
    fn take_again(&mut self, asked: AskedAgain, answers: BTreeMap<Id, Answer>) -> Option<Vec<u8>> {
        let AskedAgain { connection, number, account, name, intents, note, .. } = asked;
        if !self.connections.contains_key(&connection) {
            // Its program has hung up: it sends them once more, or wants them no more.
            return None;
        }
        for (intent_id, answer) in answers {
            let verdict = self.told_again(account, answer);
            self.remembered(account, &name, intent_id, &verdict);
        }
        let answer = self.answer_intents(connection, number, account, name, true, (intents, note))?;
        Some(answer.unwrap_or_else(|refused| self.refusal(number, VERSION, refused)))
    }

    /// The answer to intents; `None` where the log has to be asked first.
    fn complete(
        &mut self,
        id: u64,
        number: u32,
        account: usize,
        name: Id,
        parts: Vec<Part>,
    ) -> Option<Vec<u8>> {
        if parts.iter().all(|part| matches!(part, Part::Known(_))) {
            return Some(verdicts(number, parts));
        }
        let job = Job::Outcomes(Asked { connection: id, number, account, name, parts });
        match self.ask_the_log(account, id, job) {
            Some(Job::Outcomes(asked)) => Some(self.complete_from(asked, BTreeMap::new())),
            Some(Job::Again(_) | Job::Past(_)) | None => None,
        }
    }

    /// Has a program wait for what its account's log tells. Gives back what cannot be asked.
    fn ask_the_log(&mut self, account: usize, id: u64, job: Job) -> Option<Job> {
        let Some(disk) = self.config.accounts[account].drain.lock().core.log_disk() else { return Some(job) };
        if self.log_reader.is_none() {
            self.log_reader = LogReader::begin(&self.watched).ok();
        }
        let unasked = match &self.log_reader {
            Some(log_reader) => log_reader.ask(disk, job),
            None => Some(job),
        };
        if let (None, Some(connection)) = (&unasked, self.connections.get_mut(&id)) {
            connection.awaits_log = true;
        }
        unasked
    }

    /// Answers what has waited for the log.
    pub(super) fn send_log_answers(&mut self) {
        let Some(log_reader) = &self.log_reader else { return };
        for found in log_reader.take() {
            let (id, answer) = match found {
                Found::Again(asked, answers) => (asked.connection, self.take_again(asked, answers)),
                Found::Outcomes(asked, answers) => {
                    (asked.connection, Some(self.complete_from(asked, answers)))
                }
                Found::Past(asked, past) => (asked.connection, Some(self.past(&asked, past))),
            };
            let Some(answer) = answer else { continue };
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.awaits_log = false;
                connection.answer(answer);
                self.send(id);
            }
            self.show_rest();
        }
    }

    fn past(&self, asked: &AskedPast, past: Result<Past, String>) -> Vec<u8> {
        match past {
            Ok(past) => encoded(&Reply::Past(past), asked.number, VERSION),
            Err(why) => self.refusal(asked.number, VERSION, Refused::because(Why::Failed, why)),
        }
    }

    /// The answer with what the log has told of it.
    fn complete_from(&mut self, asked: Asked, mut answers: BTreeMap<u64, Answer>) -> Vec<u8> {
        let Asked { number, account, name, parts, .. } = asked;
        let told = parts.into_iter().map(|part| match part {
            Part::Known(bytes) => Part::Known(bytes),
            Part::Logged { intent_id, seq, otherwise } => {
                let verdict = match answers.remove(&seq) {
                    Some(answer) => self.told_again(account, answer),
                    None => *otherwise,
                };
                self.remembered(account, &name, intent_id, &verdict)
            }
        });
        let parts = told.collect();
        verdicts(number, parts)
    }

    // ------------------------------------------------------------------------------------------ notes

    /// Keeps what a program wants back.
    fn note(&self, account: usize, name: &Id, told_seq: u64, text: String) -> Result<Reply, Refused> {
        let time_ns = self.check_note(account, name, &text)?;
        let note = Note { told_seq, time_ns, text: text.into() };
        self.config.accounts[account].drain.note(name.clone(), note).map_err(refused::<F>)?;
        Ok(Reply::Text(String::new()))
    }

    /// Holds a note against what the log takes; gives its time, ns.
    fn check_note(&self, account: usize, name: &Id, text: &str) -> Result<i64, Refused> {
        if text.len() > NOTE_BYTES_MAX {
            let given = format!("{} bytes", text.len());
            return Err(Refused::of_field("text", &given, "is more than 65,536 bytes"));
        }
        let state = self.config.accounts[account].drain.open().map_err(refused::<F>)?;
        if state.core.noted(name).is_none() && state.core.notes() >= NOTES_MAX {
            let why = "would be one name more than 256 with a note";
            return Err(Refused::of_field("name", name.as_str(), why));
        }
        Ok(state.latest_ns())
    }

    /// Takes intents with the note of the program that sends them: the log keeps them together.
    fn put_noted(
        &self,
        account: usize,
        name: &Id,
        intents: Vec<Intent>,
        (told_seq, text): (u64, String),
    ) -> Result<Vec<Given<F>>, Refused> {
        let drain = &self.config.accounts[account].drain;
        let time_ns = drain.open().map_err(refused::<F>)?.latest_ns();
        let inputs = intents.into_iter().map(|intent| Input::Intent(Box::new(intent))).collect();
        let note = Note { told_seq, time_ns, text: text.into() };
        drain.put_noted(Hold::Takes, inputs, name.clone(), note).map_err(refused::<F>)
    }

    fn noted(&self, account: usize, name: &Id) -> Result<Reply, Refused> {
        let state = self.config.accounts[account].drain.open().map_err(refused::<F>)?;
        let note = state.core.noted(name);
        Ok(Reply::Note(note.map(|note| (note.told_seq, note.time_ns, note.text.to_string()))))
    }

    /// Has a program wait for its trades' past; gives what it gets at once.
    fn ask_past(
        &mut self,
        id: u64,
        number: u32,
        account: usize,
        owner: Id,
        between: (u64, u64),
    ) -> Option<Reply> {
        if let Ok(mut state) = self.config.accounts[account].drain.open() {
            // What was taken last stands in the files then. Where that fails the kernel says so itself.
            let _ = state.core.sync_log();
        }
        let job = Job::Past(AskedPast { connection: id, number, owner, between });
        self.ask_the_log(account, id, job).map(|_| Reply::Past(Past::default()))
    }

    /// Takes an operator's change of one of the lease's slots.
    fn override_slot(&mut self, account: usize, name: &Id, change: SlotOverride) -> Result<Reply, Refused> {
        let slots = self.books[account].get(name).map(|held| held.lease.slots.clone()).unwrap_or_default();
        if !slots.contains(&change.slot_id) {
            let why = format!("is not one of {}'s: {slots:?}", name.as_str());
            return Err(Refused::of_field("slot_id", &change.slot_id.to_string(), &why));
        }
        let drain = &self.config.accounts[account].drain;
        let input = Input::Override(Box::new(change));
        let given = drain.put_with(Hold::Takes, input, None, Patience::Answer).map_err(refused::<F>)?;
        if let (false, Detail::Field { field, value, why }) =
            (given.answer.outcome.accepted, &given.answer.outcome.detail)
        {
            return Err(Refused::of_field(field, value, why));
        }
        Ok(Reply::Verdicts(vec![self.verdict(account, given)]))
    }

    // ------------------------------------------------------------------------------------------ verdicts

    /// A verdict as it is sent, which the lease remembers.
    fn remembered(&mut self, account: usize, name: &Id, intent_id: Id, verdict: &Verdict) -> Part {
        let mut bytes = Vec::with_capacity(512);
        verdict.put(&mut bytes);
        if let Some(held) = self.books[account].get_mut(name) {
            held.remember(intent_id, bytes.clone());
        }
        Part::Known(bytes)
    }

    fn told_again(&self, account: usize, mut answer: Answer) -> Verdict {
        let durable_seq = self.config.accounts[account].drain.lock().core.durable_seq();
        answer.durable = durable_seq.is_some_and(|durable| durable >= answer.outcome.seq);
        self.verdict(account, Given { answer, troubles: Vec::new(), queued: false })
    }

    fn verdict(&self, account: usize, given: Given<F>) -> Verdict {
        let (answer, details) = self.config.accounts[account].drain.foreign().told(given);
        Verdict::of(answer, details)
    }

    fn put(&mut self, account: usize, mut intents: Vec<Intent>) -> Result<Vec<Given<F>>, Refused> {
        let drain = &self.config.accounts[account].drain;
        if intents.len() == 1 || !drain.has_log() {
            // Who has asked has its answer first; the others are shown what came of it once that is sent.
            self.unshown = Some(account);
            let taken = intents.drain(..).map(|intent| {
                drain.put_unshown(Hold::Takes, Input::Intent(Box::new(intent)), Patience::Answer)
            });
            let given: Result<Vec<Given<F>>, Failure<F>> = taken.collect();
            return given.map_err(refused::<F>);
        }
        if intents.is_empty() {
            return Ok(Vec::new());
        }
        let inputs = intents.into_iter().map(|intent| Input::Intent(Box::new(intent))).collect();
        drain.put_batch(Hold::Takes, inputs, None).map_err(refused::<F>)
    }

    // ------------------------------------------------------------------------------------------ reads

    fn read(&self, account: usize, request: &Request) -> Result<Reply, Refused> {
        let its = &self.config.accounts[account];
        let state = its.drain.settled().map_err(refused::<F>)?;
        let kernel = state.core.kernel();
        Ok(match request {
            Request::Slot(slot_id) => {
                let view = slot_view(kernel, *slot_id).ok_or_else(|| {
                    Refused::of_field("slot_id", &slot_id.to_string(), "is not below max_slots")
                })?;
                Reply::Slot(kernel.seq(), Box::new(view))
            }
            Request::Orders { venue_client_id, live_only } if venue_client_id.is_empty() => {
                Reply::Orders(order_views(kernel, *live_only))
            }
            Request::Orders { venue_client_id, .. } => {
                let place = kernel.orders().by_client_id(venue_client_id);
                let found = place.and_then(|place| order_view(kernel, kernel.orders().at(place)));
                Reply::Orders(found.into_iter().collect())
            }
            Request::Read { topic: Topic::Instrument, name } => Reply::Table(instrument(kernel, name)),
            Request::Read { topic: topic @ (Topic::Positions | Topic::Ledger), .. } => {
                let rows = its.drain.foreign().rows(kernel, *topic);
                Reply::Table(FieldValues(vec![("rows".into(), FieldValue::List(rows))]))
            }
            Request::Read { topic, name } => {
                let text = match topic {
                    Topic::Account => {
                        let place = if name.is_empty() { Some(0) } else { kernel.asset_of(name) };
                        place
                            .and_then(|place| asset_json(kernel, its.name.as_str(), place))
                            .unwrap_or_default()
                    }
                    Topic::Control => control_json(kernel, its.name.as_str()),
                    Topic::Health | Topic::Instrument | Topic::Positions | Topic::Ledger => {
                        health_json(kernel, its.name.as_str(), state.core.room(), state.core.durable_seq())
                    }
                };
                Reply::Text(text)
            }
            Request::Hello(_)
            | Request::Intents { .. }
            | Request::Bye
            | Request::Note { .. }
            | Request::Noted
            | Request::Noting { .. }
            | Request::Override(_)
            | Request::Channel
            | Request::Past { .. } => {
                return Err(Refused::because(Why::Malformed, "is no question"));
            }
        })
    }
}

/// The reply with verdicts that are written already.
fn verdicts(number: u32, parts: Vec<Part>) -> Vec<u8> {
    let mut answer = Vec::with_capacity(512);
    Reply::Verdicts(Vec::new()).encode(number, VERSION, &mut answer);
    answer.truncate(VERDICTS_HEAD);
    (parts.len() as u16).put(&mut answer);
    for part in parts {
        if let Part::Known(bytes) = part {
            answer.extend_from_slice(&bytes);
        }
    }
    answer
}

fn encoded(reply: &Reply, number: u32, version: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    reply.encode(number, version, &mut bytes);
    bytes
}

/// The version that both speak.
fn agreed(hello: &Hello) -> Result<u16, Refused> {
    if hello.magic != MAGIC {
        return Err(Refused::because(Why::Malformed, "this is no program of DITA's"));
    }
    let version = hello.newest.min(VERSION);
    if version < hello.oldest.max(VERSION_OLDEST) {
        let Hello { oldest, newest, .. } = hello;
        let why = format!(
            "the server speaks versions {VERSION_OLDEST} to {VERSION} of the protocol, the program {oldest} to {newest}: \
             install the same version of dita on both sides"
        );
        return Err(Refused::because(Why::Version, why));
    }
    Ok(version)
}

fn held_by(hello: &Hello, holder: Holder) -> Refused {
    let Holder { pid, since_ns, .. } = holder;
    let why = format!(
        "{}: process {pid} holds the lease, for {} s; stop it, or choose another name",
        hello.name.as_str(),
        (SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64) - since_ns)
            .max(0)
            / 1_000_000_000
    );
    Refused { pid, since_ns, ..Refused::because(Why::LeaseHeld, why) }
}

fn welcome(kernel: &Kernel, version: u16, slots: Vec<u32>) -> Welcome {
    Welcome {
        version,
        host: Id::EMPTY,
        account: Id::EMPTY,
        slots,
        again: false,
        slots_max: kernel.config().max_slots,
        seq: kernel.seq(),
        now_ns: kernel.now_ns(),
        assets: kernel.assets().iter().map(|asset| asset.name.clone()).collect(),
        instruments: kernel.instruments().iter().map(|rules| rules.spec.symbol.clone()).collect(),
        plane_directory: "".into(),
        plane_name: "".into(),
    }
}

/// Holds an intent against its lease, and makes its id and its owner the lease's.
fn check_intent(intent: &mut Intent, name: &Id, lease: &Lease) -> Result<(), Refused> {
    if !lease.slots.contains(&intent.slot_id) {
        let why = format!("is not one of {}'s: {:?}", name.as_str(), lease.slots);
        return Err(Refused::of_field("slot_id", &intent.slot_id.to_string(), &why));
    }
    if !intent.owner.is_empty() && intent.owner != *name {
        let why = format!("is not {}", name.as_str());
        return Err(Refused::of_field("owner", intent.owner.as_str(), &why));
    }
    intent.owner = name.clone();
    intent.intent_id = own_id(name, &intent.intent_id).ok_or_else(|| {
        let why = "is too long: with the lease's name in front it has more than 64 bytes";
        Refused::of_field("intent_id", intent.intent_id.as_str(), why)
    })?;
    Ok(())
}

/// An instrument's rules by the names of `ExecutionKernel.instrument`.
fn instrument(kernel: &Kernel, name: &Id) -> FieldValues {
    let Some(rules) = kernel.instruments().iter().find(|rules| rules.spec.symbol == *name) else {
        return FieldValues::default();
    };
    let spec = &rules.spec;
    let text = |id: &Id| FieldValue::Text(id.as_str().into());
    let number =
        |value: Option<dita_kernel::num::Decimal>| value.map_or(FieldValue::Nothing, FieldValue::Number);
    let fields = [
        ("symbol", text(&spec.symbol)),
        ("base", text(&spec.base)),
        ("quote", text(&spec.quote)),
        ("settle", text(&spec.settle)),
        ("product", FieldValue::Text(spec.product.name().into())),
        ("inverse", FieldValue::Flag(spec.inverse)),
        ("tick_size", FieldValue::Number(spec.tick_size)),
        ("lot_step", FieldValue::Number(spec.lot_step)),
        ("min_qty", number(spec.min_qty)),
        ("max_qty", number(spec.max_qty)),
        ("min_notional", number(spec.min_notional)),
        ("max_price", number(spec.max_price)),
        ("contract_multiplier", FieldValue::Number(spec.contract_multiplier)),
        ("maker_rate", FieldValue::Number(spec.maker_rate)),
        ("taker_rate", FieldValue::Number(spec.taker_rate)),
        ("leverage", FieldValue::Number(rules.leverage)),
        ("mark_price", number(rules.mark.map(|mark| rules.price_decimal(mark)))),
        ("funding_interval_secs", FieldValue::Whole(spec.funding_interval_secs.into())),
    ];
    FieldValues(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// Why a kernel does not take something, as a program is told.
fn refused<F: Serves>(failure: Failure<F>) -> Refused {
    match failure {
        HostError::Closed => Refused::because(Why::Closed, "the kernel was closed"),
        HostError::Forked { why, .. } => Refused::because(Why::Closed, why),
        HostError::Poisoned(why) | HostError::LogFailed(why) | HostError::NoTimer(why) => {
            Refused::because(Why::Failed, why)
        }
        HostError::NoRoom(why) => Refused::because(Why::InboxFull, why),
        HostError::Engine(error @ EngineError::InboxFull { .. }) => {
            Refused::because(Why::InboxFull, error.to_string())
        }
        HostError::Engine(error) => Refused::because(Why::Failed, error.to_string()),
        HostError::Interrupted(_) => Refused::because(Why::Failed, "the call was interrupted at the venue"),
    }
}
