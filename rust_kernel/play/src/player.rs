//! The player: what its owner has to do next, and everything else done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dita_kernel::id::Id;
use dita_kernel::num::{Decimal, Money};
use dita_sim::Bar;

use crate::backend::{Backend, Valuation, worth};
use crate::bars::{ClosedBar, interval_text};
use crate::curve::{EquityCurve, EquityRow, PriceCurve};
use crate::dispatcher::{Callback, Dispatch, Dispatcher, Refused};
use crate::event::{Event, EventKind};
use crate::fault::Fault;
use crate::feed::{Feed, Gathered, Market, Moment, Window};
use crate::listener::Listener;
use crate::numbers::rounded;

/// So often the owner looks at signals and shows how far it is.
const LOOK: Duration = Duration::from_millis(50);
/// So many bars are kept of before an interruption.
const PAST_BARS_MAX: usize = 100_000;
/// The clock is read once in so many moments.
const MOMENTS_PER_READING: u32 = 32;

/// What a run assumes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The asset in which everything is counted.
    pub asset: Id,
    /// What of it there is at the beginning.
    pub capital: Money,
    /// Which part of the markets is played.
    pub window: Window,
    /// Prices off the tick grid are rounded to it, and counted.
    pub round_prices: bool,
    /// A bar that holds both a stop and a target comes to the stop first.
    pub stops_first: bool,
    /// How many seconds of the market pass in one; `None` is as fast as can be.
    pub speed: Option<f64>,
    /// Up to where an earlier run has heard the markets, ns: that is not played again, and its bars are kept for warm-ups.
    pub resume_ns: Option<i64>,
}

/// What the owner has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The markets begin at this time, ns: start the listeners.
    Begin(i64),
    /// Something of the owner's is due by this time, ns: its timers, or what [`Player::set_due`] set.
    Due(i64),
    /// The next moment is so far away.
    Wait(Duration),
    /// Something has happened to trades.
    News,
    /// The same, within bars, where a listener has an entry that waits for it: tell nobody yet.
    Follow,
    /// Invoke this subscriber's callback with [`Player::callback`].
    Callback(usize),
    /// This listener has its history: it may act from now on.
    Warmed(usize),
    /// Fill this market's channel.
    Starved(usize),
    /// Look at signals, and show how far it is.
    Look,
    /// So many moments have passed without anything to do.
    Far,
    /// The markets have ended.
    End,
}

/// Why the player cannot go on.
#[derive(Debug)]
pub enum Stop<E> {
    /// This market has something that cannot be.
    Market(usize, Fault),
    /// The venue does not take this market's event, or the kernel cannot go on.
    Backend(E),
    /// What a listener wants cannot be.
    Listener(usize, String),
}

/// Where the player is within a moment.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Gather,
    Pace,
    Due,
    /// The event to show to the venue.
    Play(usize),
    /// Bars are walked; the one that began last.
    Walk(usize),
    /// Bars were played: time goes on to their close.
    Close,
    /// The event of the moment that is being dispatched.
    Dispatch(usize),
    Account,
    Ended,
}

/// A bar that begins: its open, ns, its place in the moment, its market and its prices.
type Opening = (i64, usize, usize, [Decimal; 5]);

/// Plays markets to listeners.
pub struct Player {
    feed: Feed,
    settings: Settings,
    ticks: Vec<Decimal>,
    intervals: Vec<(i64, Arc<str>)>,
    dispatcher: Dispatcher,
    phase: Phase,
    moment: Moment,
    begun_ns: Option<i64>,
    due_ns: i64,
    last_ns: i64,
    begun: Option<(Instant, i64)>,
    looked: Option<Instant>,
    until_reading: u32,
    events: u64,
    bars: u64,
    rounded: u64,
    ambiguous: Vec<Id>,
    equity: EquityCurve,
    prices: Vec<PriceCurve>,
    /// Bars of before an interruption, with their markets.
    past: VecDeque<(usize, ClosedBar)>,
    /// Bars of the moment that have not begun, by their opens; and those that are passed by.
    openings: VecDeque<Opening>,
    passed: Vec<Opening>,
}

impl Player {
    /// A player without markets.
    pub fn new(settings: Settings) -> Player {
        Player {
            feed: Feed::new(settings.window),
            settings,
            ticks: Vec::new(),
            intervals: Vec::new(),
            dispatcher: Dispatcher::default(),
            phase: Phase::Gather,
            moment: Moment::default(),
            begun_ns: None,
            due_ns: i64::MAX,
            last_ns: 0,
            begun: None,
            looked: None,
            until_reading: 0,
            events: 0,
            bars: 0,
            rounded: 0,
            ambiguous: Vec::new(),
            equity: EquityCurve::default(),
            prices: Vec::new(),
            past: VecDeque::new(),
            openings: VecDeque::new(),
            passed: Vec::new(),
        }
    }

    /// Adds a market; gives its place. All are added before the first step.
    pub fn add_market(&mut self, market: Market) -> usize {
        let place = self.dispatcher.add_market(market.symbol);
        self.ticks.push(market.tick);
        self.prices.push(PriceCurve::default());
        self.intervals.push((market.step_ns, interval_text(market.step_ns).into()));
        self.feed.add(market.source, market.step_ns, self.dispatcher.markets());
        place
    }

    /// Adds a listener; gives its place. They receive an event in the order of their adding.
    pub fn add_listener(&mut self, listener: Arc<Listener>) -> usize {
        self.dispatcher.add_listener(listener)
    }

    /// From when on [`Step::Due`] has to come, besides the listeners' timers, ns.
    pub fn set_due(&mut self, due_ns: Option<i64>) {
        self.due_ns = due_ns.unwrap_or(i64::MAX);
    }

    /// Plays until the owner has something to do, or until so many moments have passed.
    ///
    /// # Errors
    /// A market cannot be read or played, or the kernel cannot go on.
    pub fn next<F: Backend>(&mut self, backend: &mut F, moments_max: u32) -> Result<Step, Stop<F::Error>> {
        let mut left = moments_max;
        loop {
            match self.phase {
                Phase::Gather => {
                    if left == 0 {
                        return Ok(Step::Far);
                    }
                    left -= 1;
                    if self.is_time_to_look() {
                        return Ok(Step::Look);
                    }
                    match self.feed.gather(&mut self.moment) {
                        Ok(Gathered::Moment) if self.is_past() => self.look_back(),
                        Ok(Gathered::Moment) => self.phase = Phase::Pace,
                        Ok(Gathered::Starved(market)) => return Ok(Step::Starved(market)),
                        Ok(Gathered::End) => self.phase = Phase::Ended,
                        Err((market, fault)) => return Err(Stop::Market(market, fault)),
                    }
                }
                Phase::Pace => {
                    if let Some(wait) = self.wait() {
                        return Ok(Step::Wait(wait));
                    }
                    self.phase = Phase::Due;
                    if self.begun_ns.is_none() {
                        return self.begin(backend).map_err(Stop::Backend);
                    }
                }
                Phase::Due => {
                    self.phase = Phase::Play(0);
                    if self.dispatcher.next_timer_ns().min(self.due_ns) <= self.moment.time_ns {
                        return Ok(Step::Due(self.moment.time_ns));
                    }
                }
                Phase::Play(place) => {
                    if self.play(backend, place).map_err(Stop::Backend)? {
                        return Ok(Step::News);
                    }
                }
                Phase::Walk(_) => {
                    if !self.walk_bars(backend).map_err(Stop::Backend)? {
                        self.phase = Phase::Close;
                    } else if self.waits() && backend.has_news() {
                        return Ok(Step::Follow);
                    }
                }
                Phase::Close => {
                    backend.advance(self.moment.time_ns).map_err(Stop::Backend)?;
                    self.begin_dispatch(0);
                    if backend.has_news() {
                        return Ok(Step::News);
                    }
                }
                Phase::Dispatch(place) => {
                    let event = self.moment.events.get(place).map(|(_, event)| event);
                    match self.dispatcher.next(event.filter(|event| !event.is_bar())) {
                        Ok(Some(Dispatch::Callback(listener))) => return Ok(Step::Callback(listener)),
                        Ok(Some(Dispatch::Warmed(listener))) => return Ok(Step::Warmed(listener)),
                        Ok(None) => self.begin_dispatch(place + 1),
                        Err(Refused { subscriber, why }) => return Err(Stop::Listener(subscriber, why)),
                    }
                }
                Phase::Account => {
                    self.account(backend, self.moment.time_ns).map_err(Stop::Backend)?;
                    self.phase = Phase::Gather;
                }
                Phase::Ended => return Ok(Step::End),
            }
        }
    }

    /// True where an earlier run has heard the moment; a bar in the midst of which it ended is past as well.
    #[inline]
    fn is_past(&self) -> bool {
        let Some(resume_ns) = self.settings.resume_ns else { return false };
        let first_ns = self.moment.events.first().map_or(0, |(_, event)| event.time_ns);
        self.moment.time_ns <= resume_ns || first_ns < resume_ns
    }

    /// Keeps what was before an interruption.
    fn look_back(&mut self) {
        for (market, event) in &self.moment.events {
            if let EventKind::Bar(prices) = &event.what {
                if self.past.len() == PAST_BARS_MAX {
                    self.past.pop_front();
                }
                self.past.push_back((*market, closed(&self.intervals[*market], event.time_ns, prices)));
            }
        }
    }

    /// True where a listener has an entry that waits for an exit.
    pub fn waits(&self) -> bool {
        self.dispatcher.waits()
    }

    #[inline]
    fn is_time_to_look(&mut self) -> bool {
        if let Some(left) = self.until_reading.checked_sub(1) {
            self.until_reading = left;
            return false;
        }
        self.until_reading = MOMENTS_PER_READING;
        let now = Instant::now();
        let is_time = self.looked.is_none_or(|looked| now.duration_since(looked) >= LOOK);
        if is_time {
            self.looked = Some(now);
        }
        is_time
    }

    /// How long it is until the moment is due at the run's speed.
    fn wait(&mut self) -> Option<Duration> {
        let speed = self.settings.speed?;
        let at_ns = self.moment.time_ns;
        let (begun, first_ns) = *self.begun.get_or_insert_with(|| (Instant::now(), at_ns));
        let due =
            Duration::try_from_secs_f64((at_ns - first_ns) as f64 / 1e9 / speed).unwrap_or(Duration::MAX);
        due.checked_sub(begun.elapsed()).filter(|left| !left.is_zero())
    }

    fn begin<F: Backend>(&mut self, backend: &mut F) -> Result<Step, F::Error> {
        let start_ns = self.moment.events.iter().map(|(_, event)| event.time_ns).min().unwrap_or_default();
        backend.advance(start_ns)?;
        let capital = self.settings.capital;
        if self.settings.resume_ns.is_some() {
            self.account(backend, start_ns)?;
        } else {
            self.record(EquityRow { time_ns: start_ns, k: capital, e: None, equity: capital });
        }
        self.begun_ns = Some(start_ns);
        Ok(Step::Begin(start_ns))
    }

    // --------------------------------------------------------------------------------------------- to the venue

    /// Shows an event to the venue; true where trades have changed by it.
    #[inline]
    fn play<F: Backend>(&mut self, backend: &mut F, place: usize) -> Result<bool, F::Error> {
        self.last_ns = self.moment.time_ns;
        if self.settings.round_prices {
            self.put_on_grid(place);
        }
        let Some((market, event)) = self.moment.events.get(place) else {
            self.phase = Phase::Account;
            return Ok(false);
        };
        let (market, at_ns) = (*market, event.time_ns);
        let symbol = &self.dispatcher.markets()[market];
        if !event.is_bar() {
            self.events += 1;
        }
        match &event.what {
            EventKind::Bar(_) => {
                self.take_bars(backend)?;
                self.phase = Phase::Walk(0);
                return Ok(false);
            }
            EventKind::Quote { bid, bid_size, ask, ask_size } => {
                backend.call(Some(at_ns), |venue, now_ns, out| {
                    venue.quote(now_ns, symbol, *bid, *bid_size, *ask, *ask_size, out)
                })?;
                self.prices[market].add(at_ns, *bid);
                self.begin_dispatch(place);
            }
            EventKind::Trade { price, size, .. } => {
                backend.call(Some(at_ns), |venue, now_ns, out| {
                    venue.trade(now_ns, symbol, *price, *size, out)
                })?;
                self.begin_dispatch(place);
            }
            EventKind::Depth(depth) => {
                backend.call(Some(at_ns), |venue, now_ns, out| {
                    venue.depth(now_ns, symbol, &depth.bids, &depth.asks, depth.snapshot, out)
                })?;
                self.begin_dispatch(place);
            }
        }
        Ok(backend.has_news())
    }

    /// Begins to dispatch an event of the moment: each bar of those that close together by itself.
    #[inline]
    fn begin_dispatch(&mut self, place: usize) {
        let Some((market, event)) = self.moment.events.get(place) else {
            self.phase = Phase::Account;
            return;
        };
        self.phase = Phase::Dispatch(place);
        match &event.what {
            EventKind::Bar(prices) => {
                let bar = closed(&self.intervals[*market], event.time_ns, prices);
                self.dispatcher.begin_bar(*market, bar);
            }
            EventKind::Quote { .. } | EventKind::Trade { .. } | EventKind::Depth(_) => {
                self.dispatcher.begin_tick(*market, event);
            }
        }
    }

    /// Begins the bars that close together. They are walked step by step in the order of time: what fills at the open of one
    /// has the time of its open. Those that matter to nobody are passed by at the end.
    fn take_bars<F: Backend>(&mut self, backend: &mut F) -> Result<(), F::Error> {
        for place in 0..self.moment.events.len() {
            if self.settings.round_prices && place > 0 {
                self.put_on_grid(place);
            }
            let (market, event) = &self.moment.events[place];
            let EventKind::Bar(prices) = event.what else { continue };
            let (symbol, opening) =
                (&self.dispatcher.markets()[*market], (event.time_ns, place, *market, prices));
            let passes = backend
                .read(|engine| engine.simulated_venue().is_some_and(|venue| venue.may_pass(symbol)))?;
            if passes { self.passed.push(opening) } else { self.openings.push_back(opening) }
        }
        // Each opens at its own time, the longest first.
        self.openings.make_contiguous().sort_by_key(|(open_ns, ..)| *open_ns);
        Ok(())
    }

    /// Takes the next step of all bars; false where they have closed.
    fn walk_bars<F: Backend>(&mut self, backend: &mut F) -> Result<bool, F::Error> {
        let due_ns = backend.read(|engine| engine.simulated_venue()?.next_step_ns())?;
        let opens = |opening: &&Opening| due_ns.is_none_or(|due_ns| opening.0 <= due_ns);
        if self.openings.front().filter(opens).is_some()
            && let Some(opening) = self.openings.pop_front()
        {
            let (bar, symbol) = self.begin_bar(backend, opening)?;
            backend
                .call(Some(bar.open_ns), |venue, now_ns, out| venue.begin_bar(now_ns, &symbol, &bar, out))?;
            return Ok(true);
        }
        if due_ns.is_some() {
            backend.call(due_ns, |venue, _, out| {
                venue.walk(out);
                Ok(())
            })?;
            return Ok(true);
        }
        for opening in std::mem::take(&mut self.passed) {
            let (bar, symbol) = self.begin_bar(backend, opening)?;
            backend
                .call(Some(bar.close_ns), |venue, now_ns, out| venue.pass_bar(now_ns, &symbol, &bar, out))?;
        }
        Ok(false)
    }

    /// A bar as the venue takes it, with its symbol; it counts as played.
    fn begin_bar<F: Backend>(&mut self, backend: &mut F, opening: Opening) -> Result<(Bar, Id), F::Error> {
        let (open_ns, place, market, [open, high, low, close, _]) = opening;
        self.phase = Phase::Walk(place);
        let high_first = self.look_for_ambiguity(backend, market, low, high)?;
        let close_ns = self.moment.time_ns;
        (self.events, self.bars) = (self.events + 1, self.bars + 1);
        self.prices[market].add(close_ns, close);
        Ok((
            Bar { open, high, low, close, open_ns, close_ns, high_first },
            self.dispatcher.markets()[market].clone(),
        ))
    }

    /// Notes the trades of which a stop and a target both lie in the bar; says which extreme comes first.
    fn look_for_ambiguity<F: Backend>(
        &mut self,
        backend: &mut F,
        market: usize,
        low: Decimal,
        high: Decimal,
    ) -> Result<Option<bool>, F::Error> {
        let (dispatcher, ambiguous) = (&self.dispatcher, &mut self.ambiguous);
        let symbol = &dispatcher.markets()[market];
        let is_short = backend.read(|engine| {
            let slots = dispatcher.listeners().flat_map(|listener| &listener.subscription.slots);
            crate::ambiguity::look(engine.kernel(), slots, symbol, low, high, ambiguous)
        })?;
        Ok(is_short.filter(|_| self.settings.stops_first))
    }

    #[cold]
    fn put_on_grid(&mut self, place: usize) {
        let Some((market, event)) = self.moment.events.get_mut(place) else { return };
        let tick = self.ticks[*market];
        let mut put = |price: &mut Decimal| {
            if let Some(on_grid) = rounded(*price, tick) {
                *price = on_grid;
                self.rounded += 1;
            }
        };
        match &mut event.what {
            EventKind::Quote { bid, ask, .. } => [bid, ask].into_iter().for_each(put),
            EventKind::Trade { price, .. } => put(price),
            EventKind::Bar(prices) => prices[..4].iter_mut().for_each(put),
            EventKind::Depth(_) => {}
        }
    }

    // ------------------------------------------------------------------------------------------------- the account

    #[inline]
    fn account<F: Backend>(&mut self, backend: &mut F, time_ns: i64) -> Result<(), F::Error> {
        let asset = &self.settings.asset;
        if let Some(Valuation { capital, equity, wallet }) =
            backend.read_settled(|engine| worth(engine, asset))?
        {
            self.record(EquityRow { time_ns, k: capital, e: wallet, equity });
        }
        Ok(())
    }

    #[inline]
    fn record(&mut self, row: EquityRow) {
        // The feed is in order.
        let recorded = self.equity.add(row);
        debug_assert!(recorded.is_ok(), "{row:?} is before the one before it");
    }

    // ------------------------------------------------------------------------------------------------- what there is

    /// Returns what the callback gets that comes next.
    pub fn callback(&self) -> &Callback {
        self.dispatcher.callback()
    }

    /// The moment's event with its market, as the venue saw it.
    pub fn event(&self) -> Option<(usize, &Event)> {
        let place = match self.phase {
            Phase::Play(place) | Phase::Walk(place) | Phase::Dispatch(place) => place,
            Phase::Close => self.moment.events.len().saturating_sub(1),
            _ => 0,
        };
        self.moment.events.get(place).or(self.moment.events.first()).map(|(market, event)| (*market, event))
    }

    /// The instrument and the time of the moment that is being played.
    pub fn place(&self) -> Option<(&Id, i64)> {
        let (market, _) = self.event()?;
        Some((self.symbols().get(market)?, self.moment.time_ns))
    }

    /// The instruments.
    pub fn symbols(&self) -> &[Id] {
        self.dispatcher.markets()
    }

    /// Takes the bars of before an interruption, oldest first, with their markets.
    pub fn take_past(&mut self) -> Vec<(usize, ClosedBar)> {
        std::mem::take(&mut self.past).into()
    }

    /// Takes the trades of which bars have left open which of their orders fills first.
    pub fn take_ambiguous(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.ambiguous)
    }

    /// When the first event was, and the last moment, ns.
    pub fn span_ns(&self) -> Option<(i64, i64)> {
        Some((self.begun_ns?, self.last_ns))
    }

    /// How many events were played, how many of them bars, and how many prices were rounded.
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.events, self.bars, self.rounded)
    }

    /// How much of the markets was read, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.feed.fraction()
    }

    /// True where a market's file ended without a line end: its last row may have been cut off.
    pub fn is_cut(&self, market: usize) -> bool {
        self.feed.is_cut(market)
    }

    /// How many bars of a market were missing so far.
    pub fn gaps(&self, market: usize) -> u64 {
        self.feed.gaps(market)
    }

    /// How many rows of a market were left out so far because their time goes back.
    pub fn disordered(&self, market: usize) -> u64 {
        self.feed.disordered(market)
    }

    /// What the money did.
    pub fn equity(&self) -> &EquityCurve {
        &self.equity
    }

    /// A market's prices.
    pub fn prices(&self, market: usize) -> Option<&PriceCurve> {
        self.prices.get(market)
    }
}

/// A market's bar as listeners hear it.
fn closed((length_ns, interval): &(i64, Arc<str>), open_ns: i64, prices: &[Decimal; 5]) -> ClosedBar {
    let (interval, close_ns) = (Arc::clone(interval), open_ns.saturating_add(*length_ns));
    ClosedBar { interval, open_ns, close_ns, prices: *prices }
}
