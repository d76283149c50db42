//! A session: time, commands, and what comes of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dita_engine::{EngineError, ReplayError};
use dita_host::{Drain, Foreign, Hold, HostError};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, VenueEvent};
use dita_kernel::num::Decimal;
use dita_sim::SimVenue;

use crate::balances::Balances;
use crate::clock::{Clock, Pace};
use crate::command::{Command, LINE_BYTES_MAX, parse};
use crate::json::Out;
use crate::lines::{Lines, Received};
use crate::market::{Market, Move, Unplayable};
use crate::orders::Orders;
use crate::seats::Seats;
use crate::strategies::StrategyRunner;

/// Strategies are told so often that time has passed, ns.
const TICK_NS: i64 = 1_000_000_000;
/// So often a session that waits looks whether it has to end.
const LOOK: Duration = Duration::from_millis(100);
/// Events are written once so many bytes of them wait, and whenever there is nothing else to do.
const WRITE_BYTES: usize = 64 * 1024;

/// What a session runs with.
pub struct Settings {
    /// What `engine_started` says.
    pub version: String,
    /// The name that the orders' trades carry.
    pub owner: Id,
    /// The slots that it may use.
    pub slots: Vec<u32>,
    /// How time goes on.
    pub pace: Pace,
    /// When it begins, ns.
    pub start_ns: i64,
    /// Where prices come from.
    pub market: Market,
    /// How long it waits at the end for what is under way, on the machine.
    pub drain: Duration,
}

/// Why a session ended before its time.
#[derive(Debug)]
pub enum Trouble<I> {
    /// The kernel cannot go on.
    Kernel(HostError<I>),
    /// The orders of earlier sessions cannot be read from the log.
    Log(Box<ReplayError>),
    /// The market cannot be played.
    Market(String),
    /// NoStrategies takes the events.
    Write(std::io::Error),
}

impl<I> From<HostError<I>> for Trouble<I> {
    #[cold]
    fn from(error: HostError<I>) -> Trouble<I> {
        Trouble::Kernel(error)
    }
}

/// What the venue has said of an order.
pub(crate) type News = Box<VenueEvent>;

/// What others see of a session, and how they end it. Any thread may look.
#[derive(Default, Debug)]
pub struct Pulse {
    /// Set: the session takes no more commands, waits for what is under way, and ends.
    pub stop: AtomicBool,
    /// How often it has looked around; it does ten times a second at least.
    pub beats: AtomicU64,
    /// How many commands it has taken.
    pub commands: AtomicU64,
}

/// A session on a kernel whose time is driven, and whose venue is the simulated one.
pub struct Session<'a, F: Foreign, C: StrategyRunner<Interrupt = F::Interrupt>> {
    pub(crate) drain: &'a Drain<F>,
    pub(crate) held: F::Held<'a>,
    pub(crate) runner: C,
    pub(crate) out: Out,
    pub(crate) clock: Clock,
    pub(crate) market: Market,
    pub(crate) owner: Id,
    pub(crate) seats: Seats,
    pub(crate) orders: Orders,
    pub(crate) balances: Balances,
    pub(crate) commands: u64,
    /// The last price of each instrument that the market has told one of.
    pub(crate) prices: Vec<Option<Move>>,
    /// Where the market tells none: the limit that the instrument was last valued at.
    pub(crate) marked: Vec<Option<Decimal>>,
    pub(crate) news: Vec<News>,
    /// Nothing happens before.
    start_ns: i64,
    next_tick_ns: i64,
    drain_patience: Duration,
    moves: Vec<Move>,
}

impl<'a, F: Foreign, C: StrategyRunner<Interrupt = F::Interrupt>> Session<'a, F, C> {
    /// Begins: `engine_started`, the account, and the market's first move wait to be written.
    ///
    /// # Errors
    /// The kernel cannot be used.
    pub fn new(
        drain: &'a Drain<F>,
        held: F::Held<'a>,
        runner: C,
        settings: Settings,
    ) -> Result<Session<'a, F, C>, Trouble<F::Interrupt>> {
        let (seats, instruments, disk) = {
            let state = drain.settled()?;
            let kernel = state.core.kernel();
            (Seats::new(&settings.slots, kernel), kernel.instruments().len(), state.core.log_disk())
        };
        let mut session = Session {
            drain,
            held,
            runner,
            out: Out::default(),
            clock: Clock::new(settings.pace, settings.start_ns),
            start_ns: settings.start_ns,
            market: settings.market,
            owner: settings.owner,
            seats,
            orders: Orders::default(),
            balances: Balances::new(instruments),
            commands: 0,
            prices: vec![None; instruments],
            marked: vec![None; instruments],
            news: Vec::new(),
            next_tick_ns: settings.start_ns.saturating_add(TICK_NS),
            drain_patience: settings.drain,
            moves: Vec::new(),
        };
        session.out.started(&settings.version);
        let is_resumed = disk.is_some();
        if let Some(disk) = disk {
            session.put_orders_back(&disk)?;
        }
        session.tell_account(true)?;
        if is_resumed {
            // What waits at the venue since an earlier session meets the market of this one.
            session.move_market(settings.start_ns)?;
        }
        session.pass(settings.start_ns)?;
        Ok(session)
    }

    /// What waits to be written; whoever writes it empties it.
    pub fn written(&mut self) -> &mut Vec<u8> {
        self.out.bytes()
    }

    /// Kernel time, ns.
    pub fn now_ns(&self) -> i64 {
        self.clock.now_ns()
    }

    // ---------------------------------------------------------------------------------------------- the loop

    /// Takes lines until there are no more or [`Pulse::stop`] is set, waits for what is under way, and ends.
    ///
    /// # Errors
    /// What ends it before that; what was to be written until then is.
    pub fn run(
        &mut self,
        lines: &mut Lines,
        pulse: &Pulse,
        write: &mut (impl FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<(), Trouble<F::Interrupt>> {
        let result = self.take_all(lines, pulse, write);
        let result = result.and_then(|()| self.finish(pulse, write));
        let written = self.flush(write);
        result.and(written)
    }

    fn take_all(
        &mut self,
        lines: &mut Lines,
        pulse: &Pulse,
        write: &mut (impl FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<(), Trouble<F::Interrupt>> {
        while !pulse.stop.load(Ordering::Relaxed) {
            pulse.beats.fetch_add(1, Ordering::Relaxed);
            F::check_signals(self.held).map_err(HostError::Interrupted)?;
            let mut heard = lines.next(Duration::ZERO);
            if heard == Received::Nothing {
                self.flush(write)?;
                let patience = self.patience();
                heard = F::released(self.held, || lines.next(patience));
            }
            match heard {
                Received::Nothing => {
                    let now_ns = self.clock.look();
                    self.pass(now_ns)?;
                }
                Received::Lines(chunk) => {
                    for line in chunk.split_inclusive(|byte| *byte == b'\n') {
                        self.obey(line.strip_suffix(b"\n").unwrap_or(line))?;
                        if self.out.bytes().len() >= WRITE_BYTES {
                            self.flush(write)?;
                        }
                        pulse.commands.store(self.commands, Ordering::Relaxed);
                    }
                }
                Received::End(why) => {
                    if let Some(why) = why {
                        let now_ns = self.clock.look();
                        self.out.error(now_ns, &format!("commands cannot be read: {why}"));
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// How long nothing is due.
    fn patience(&mut self) -> Duration {
        let due_ns = self.next_due_ns().ok().flatten();
        let until_ns = due_ns.and_then(|due_ns| self.clock.until_ns(due_ns));
        until_ns.map_or(LOOK, |until_ns| LOOK.min(Duration::from_nanos(u64::try_from(until_ns).unwrap_or(0))))
    }

    /// Lets time go on until nothing is under way at the venue, without waiting for the machine's, and says that it is
    /// over.
    ///
    /// # Errors
    /// The kernel or the market cannot go on.
    pub fn finish_now(&mut self) -> Result<(), Trouble<F::Interrupt>> {
        while let Some(due_ns) = self.due_at_venue()? {
            let now_ns = self.clock.jump(due_ns);
            self.pass(now_ns.max(due_ns))?;
        }
        self.out.stopped(self.commands);
        Ok(())
    }

    /// Waits until nothing is under way at the venue, and says that it is over.
    fn finish(
        &mut self,
        pulse: &Pulse,
        write: &mut (impl FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<(), Trouble<F::Interrupt>> {
        let began = std::time::Instant::now();
        while let Some(due_ns) = self.due_at_venue()? {
            pulse.beats.fetch_add(1, Ordering::Relaxed);
            let now_ns = self.clock.jump(due_ns);
            self.pass(now_ns)?;
            let Some(wait_ns) = self.clock.until_ns(due_ns) else { continue };
            if began.elapsed() >= self.drain_patience {
                self.out.error(now_ns, "the time to end is over, and orders are under way still");
                break;
            }
            self.flush(write)?;
            F::check_signals(self.held).map_err(HostError::Interrupted)?;
            let wait = LOOK.min(Duration::from_nanos(u64::try_from(wait_ns).unwrap_or(0)));
            F::released(self.held, || std::thread::sleep(wait));
        }
        self.out.stopped(self.commands);
        Ok(())
    }

    fn flush(
        &mut self,
        write: &mut (impl FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<(), Trouble<F::Interrupt>> {
        if self.out.bytes().is_empty() {
            return Ok(());
        }
        // Nothing is reported before it is durable.
        if self.drain.has_log() {
            self.drain.sync(self.held)?;
        }
        let bytes = self.out.bytes();
        let result = F::released(self.held, || write(bytes));
        self.out.bytes().clear();
        result.map_err(Trouble::Write)
    }

    // --------------------------------------------------------------------------------------------- commands

    /// Takes a line, without its end.
    ///
    /// # Errors
    /// The kernel or the market cannot go on.
    pub fn obey(&mut self, line: &[u8]) -> Result<(), Trouble<F::Interrupt>> {
        let command = match parse(line) {
            Ok(Command::Nothing) => return Ok(()),
            command => command,
        };
        self.commands += 1;
        let now_ns = self.clock.step();
        self.pass(now_ns)?;
        match command {
            Ok(Command::Nothing) => Ok(()),
            Ok(Command::Order(line)) => self.together(|session| session.order(&line)),
            Ok(Command::Cancel(client_id)) => self.together(|session| session.cancel(client_id)),
            Ok(Command::Query { kind, params }) => self.query(kind, params),
            Ok(Command::Strategy { verb, name }) => self.strategy(verb, name),
            Err(fault) => {
                debug_assert!(line.len() <= LINE_BYTES_MAX || fault == crate::command::Fault::TooLong);
                self.out.error(now_ns, &fault.to_string());
                Ok(())
            }
        }
    }

    /// Writes what a command leads to and the note of its order together, or nothing of it.
    fn together(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<(), Trouble<F::Interrupt>>,
    ) -> Result<(), Trouble<F::Interrupt>> {
        if !self.drain.has_log() {
            return act(self);
        }
        self.drain.hold()?;
        let result = act(self);
        let written = self.drain.let_go(self.held);
        result.and(Ok(written?))
    }

    // -------------------------------------------------------------------------------------------------- time

    fn due_at_venue(&self) -> Result<Option<i64>, Trouble<F::Interrupt>> {
        Ok(self.drain.open()?.core.simulated_venue().and_then(SimVenue::next_due_ns))
    }

    /// When something is due next.
    fn next_due_ns(&self) -> Result<Option<i64>, Trouble<F::Interrupt>> {
        let state = self.drain.open()?;
        let venue = state.core.simulated_venue();
        let ticks = (!self.runner.is_empty()).then_some(self.next_tick_ns);
        let all = [
            venue.and_then(SimVenue::next_due_ns),
            venue.and_then(SimVenue::next_step_ns),
            state.core.kernel().next_due_ns(),
            self.market.next_ns(),
            ticks,
        ];
        Ok(all.into_iter().flatten().min())
    }

    /// Lets time pass until then: everything that is due happens at its own time.
    ///
    /// # Errors
    /// The kernel or the market cannot go on.
    pub fn pass(&mut self, until_ns: i64) -> Result<(), Trouble<F::Interrupt>> {
        while let Some(due_ns) = self.next_due_ns()?.filter(|due_ns| *due_ns <= until_ns) {
            self.happen(due_ns.max(self.start_ns))?;
        }
        Ok(())
    }

    /// What is due at this time happens: orders at the venue first, then the market, then what the strategies are told.
    fn happen(&mut self, due_ns: i64) -> Result<(), Trouble<F::Interrupt>> {
        self.at_venue(due_ns, |venue, now_ns, out, _| {
            if venue.next_step_ns().is_some_and(|step_ns| step_ns <= now_ns) {
                venue.walk(out);
            } else {
                venue.advance(now_ns, out);
            }
            Ok(())
        })?;
        self.move_market(due_ns)?;
        self.drain.play(Hold::Has(self.held), Some(due_ns), |engine| engine.bring_due(false).map(drop))?;
        if !self.runner.is_empty() {
            self.runner.deliver().map_err(HostError::Interrupted)?;
            if self.next_tick_ns <= due_ns {
                self.next_tick_ns = self.next_tick_ns.saturating_add(TICK_NS);
                self.runner.tick(due_ns).map_err(HostError::Interrupted)?;
            }
        }
        Ok(())
    }

    /// Shows the venue the market's next move, where it is due.
    fn move_market(&mut self, due_ns: i64) -> Result<(), Trouble<F::Interrupt>> {
        if self.market.next_ns().is_none_or(|next_ns| next_ns > due_ns) {
            return Ok(());
        }
        let mut market = std::mem::replace(&mut self.market, Market::None);
        let played =
            self.at_venue(due_ns, |venue, now_ns, out, moves| market.play(venue, now_ns, out, moves));
        self.market = market;
        played
    }

    /// Calls the venue, lets the kernel take what it says, and tells all of it.
    fn at_venue(
        &mut self,
        now_ns: i64,
        call: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>, &mut Vec<Move>) -> Result<(), Unplayable>,
    ) -> Result<(), Trouble<F::Interrupt>> {
        let (news, moves) = (&mut self.news, &mut self.moves);
        let mut fault = None;
        let played = self.drain.play(Hold::Has(self.held), Some(now_ns), |engine| {
            engine.with_venue(|venue, now_ns, out| {
                let from = out.len();
                let result = call(venue, now_ns, out, moves);
                let orders = out[from..].iter().filter_map(|input| match input {
                    Input::Venue(event) => Some(event.clone()),
                    _ => None,
                });
                news.extend(orders);
                match result {
                    Ok(()) => Ok(()),
                    Err(Unplayable::Venue(error)) => Err(error),
                    Err(Unplayable::File(why)) => {
                        fault = Some(why);
                        Ok(())
                    }
                }
            })
        });
        match played {
            Ok(()) => {}
            Err(HostError::Engine(EngineError::Venue(error))) => {
                return Err(Trouble::Market(error.to_string()));
            }
            Err(other) => return Err(other.into()),
        }
        if let Some(why) = fault {
            return Err(Trouble::Market(why));
        }
        self.tell_moves(now_ns)?;
        self.tell_news(now_ns)
    }

    fn tell_moves(&mut self, now_ns: i64) -> Result<(), Trouble<F::Interrupt>> {
        let mut moves = std::mem::take(&mut self.moves);
        for moved in moves.drain(..) {
            self.out.market(now_ns, &moved);
            if let (false, Some((bid, ask))) = (self.runner.is_empty(), moved.quote) {
                let told = self.runner.quote(&moved.symbol, bid, ask, now_ns);
                told.map_err(HostError::Interrupted)?;
            }
            let place = self.drain.open()?.core.kernel().instrument_of(&moved.symbol);
            if let Some(price) = place.and_then(|place| self.prices.get_mut(place as usize)) {
                *price = Some(moved);
            }
        }
        self.moves = moves;
        Ok(())
    }
}
