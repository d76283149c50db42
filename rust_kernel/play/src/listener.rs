//! Who receives a market: which events, bars of which lengths, and how much history first.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dita_kernel::id::Id;
use dita_kernel::num::Decimal;

use crate::bars::{BarBuilder, ClosedBar, interval_ns, interval_text};
use crate::event::{Event, EventKind};
use crate::numbers::{float, middle};

/// So many closes are kept of each length of bars.
const CLOSES_MAX: usize = 10_000;

/// What a listener wants.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// Its instruments. Their places here are what its methods go by.
    pub symbols: Vec<Id>,
    /// Quotes are its callback's.
    pub quotes: bool,
    /// Trades are.
    pub trades: bool,
    /// Bars are.
    pub bars: bool,
    /// What depth makes of the book is.
    pub books: bool,
    /// Lengths of bars; none means as the markets have them.
    pub intervals: Vec<String>,
    /// How many bars of each length come before it may act.
    pub warmup: u64,
    /// Its slots.
    pub slots: Vec<u32>,
}

/// Of bars of one length of one instrument: the closes, and how many were dispatched.
#[derive(Debug, Default)]
struct Length {
    closes: VecDeque<f64>,
    count: u64,
}

/// What a listener has of the bars of one instrument.
#[derive(Debug, Default)]
struct SymbolBars {
    /// Bars of the market's own length are wanted too.
    own: bool,
    builders: Vec<Whole>,
    shortest: Arc<str>,
    /// Where quotes (false) or trades (true) make the bars.
    by_trades: Option<bool>,
}

/// Builds bars, and leaves out a first one whose beginning it has not had.
#[derive(Debug)]
struct Whole {
    builder: BarBuilder,
    /// The bar that is being built began with what came first.
    is_whole: bool,
}

impl Whole {
    fn new(interval: &str) -> Option<Whole> {
        Some(Whole { builder: BarBuilder::new(interval)?, is_whole: false })
    }

    fn add(&mut self, open_ns: i64, close_ns: i64, prices: &[Decimal; 5]) -> Option<ClosedBar> {
        self.is_whole |= self.builder.begins_at(open_ns);
        let done = self.builder.add(open_ns, close_ns, prices)?;
        std::mem::replace(&mut self.is_whole, true).then_some(done)
    }
}

#[derive(Debug, Default)]
struct Bars {
    desks: HashMap<usize, SymbolBars>,
    lengths: HashMap<(usize, Arc<str>), Length>,
}

/// A listener. Its switches may be set from any thread; they count from the next event on.
#[derive(Debug)]
pub struct Listener {
    pub(crate) subscription: Subscription,
    running: AtomicBool,
    warming: AtomicBool,
    next_timer_ns: AtomicI64,
    calls: AtomicU64,
    thread: AtomicU64,
    acted: AtomicBool,
    suspect: AtomicBool,
    /// An entry of its waits until an exit has closed its trade.
    waits: AtomicBool,
    /// Bars are built from quotes and trades, where those are all there is.
    builds: AtomicBool,
    bars: Mutex<Bars>,
}

impl Listener {
    /// A listener that hears nothing yet: it is not running.
    pub fn new(subscription: Subscription) -> Listener {
        Listener {
            warming: AtomicBool::new(subscription.warmup > 0),
            running: AtomicBool::new(false),
            next_timer_ns: AtomicI64::new(i64::MAX),
            calls: AtomicU64::new(0),
            thread: AtomicU64::new(0),
            acted: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            builds: AtomicBool::new(true),
            bars: Mutex::default(),
            subscription,
        }
    }

    /// Whether its callbacks are called.
    pub fn set_running(&self, running: bool) {
        self.running.store(running, Relaxed);
    }

    /// Whether its callbacks are called.
    #[inline]
    pub fn is_running(&self) -> bool {
        self.running.load(Relaxed)
    }

    /// Ends the warm-up.
    pub fn end_warm_up(&self) {
        self.warming.store(false, Relaxed);
    }

    /// When its next timer runs out, ns; `None` for none.
    pub fn set_next_timer(&self, at_ns: Option<i64>) {
        self.next_timer_ns.store(at_ns.unwrap_or(i64::MAX), Relaxed);
    }

    #[inline]
    pub(crate) fn next_timer_ns(&self) -> i64 {
        self.next_timer_ns.load(Relaxed)
    }

    /// Whether an entry waits until an exit has closed its trade: then [`Step::Follow`](crate::Step::Follow) comes.
    pub fn set_waits(&self, waits: bool) {
        self.waits.store(waits, Relaxed);
    }

    /// Whether an entry waits until an exit has closed its trade.
    #[inline]
    pub fn waits(&self) -> bool {
        self.waits.load(Relaxed)
    }

    /// Whether it builds bars from quotes and trades: it names lengths of bars, and nobody else gives it bars.
    #[inline]
    pub fn builds(&self) -> bool {
        !self.subscription.intervals.is_empty() && self.builds.load(Relaxed)
    }

    /// Says that its bars come from the market: quotes and trades make none.
    pub fn has_bars(&self) {
        self.builds.store(false, Relaxed);
    }

    /// Begins a callback of its, in a thread (its number, above 0).
    #[inline]
    pub fn enter(&self, thread: u64) {
        self.calls.fetch_add(1, Relaxed);
        self.thread.store(thread, Relaxed);
    }

    /// Ends it. True where somebody suspects that it has taken too long: then [`Listener::settle`] ends it.
    #[inline]
    pub fn leave(&self) -> bool {
        let suspected = self.suspect.load(Relaxed);
        if !suspected {
            self.thread.store(0, Relaxed);
        }
        suspected
    }

    /// Ends a callback that somebody suspected.
    pub fn settle(&self) {
        self.thread.store(0, Relaxed);
        self.suspect.store(false, Relaxed);
    }

    /// Suspects that the callback that runs takes too long.
    pub fn suspect(&self) {
        self.suspect.store(true, Relaxed);
    }

    /// How many callbacks were called.
    pub fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }

    /// Which thread is in a callback; 0 where none is.
    pub fn thread(&self) -> u64 {
        self.thread.load(Relaxed)
    }

    /// Notes that it has acted.
    pub fn act(&self) {
        self.acted.store(true, Relaxed);
    }

    /// True where it has acted since this was last asked.
    #[inline]
    pub fn take_acted(&self) -> bool {
        self.acted.load(Relaxed) && self.acted.swap(false, Relaxed)
    }

    /// An instrument's place among its own.
    pub fn place_of(&self, symbol: &str) -> Option<usize> {
        self.subscription.symbols.iter().position(|own| own.as_str() == symbol)
    }

    /// Forgets its bars and closes: those that it is given next are its history.
    pub fn forget_bars(&self) {
        *self.bars() = Bars::default();
    }

    fn bars(&self) -> MutexGuard<'_, Bars> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a closed bar of a market's own length: gives those to tell, the shortest first. A longer one that began before
    /// the market did is no bar.
    ///
    /// # Errors
    /// A length that it wants cannot be built from such bars.
    pub fn add_bar(&self, market: usize, bar: &ClosedBar, closed: &mut Vec<ClosedBar>) -> Result<(), String> {
        let bars = &mut *self.bars();
        let desk = match bars.desks.entry(market) {
            Entry::Occupied(desk) => desk.into_mut(),
            Entry::Vacant(place) => place.insert(self.desk(bar)?),
        };
        if desk.by_trades.is_some() {
            // The market has bars of its own: from now on quotes and trades make none.
            *desk = self.desk(bar)?;
        }
        let from = closed.len();
        if desk.own {
            closed.push(bar.clone());
        }
        for builder in &mut desk.builders {
            closed.extend(builder.add(bar.open_ns, bar.close_ns, &bar.prices));
        }
        keep_closes(&mut bars.lengths, market, &closed[from..]);
        Ok(())
    }

    /// Takes a quote's middle or a trade: gives the bars that were closed by it, the shortest first. Once there are trades
    /// they alone make the bars. A bar that was not heard from its beginning is no bar.
    ///
    /// # Errors
    /// A length that it wants is none.
    pub fn add_tick(&self, market: usize, event: &Event, closed: &mut Vec<ClosedBar>) -> Result<(), String> {
        let (price, size, is_trade) = match event.what {
            EventKind::Quote { bid, ask, .. } => (middle(bid, ask).unwrap_or(bid), Decimal::ZERO, false),
            EventKind::Trade { price, size, .. } => (price, size, true),
            EventKind::Bar(_) | EventKind::Depth(_) => return Ok(()),
        };
        let bars = &mut *self.bars();
        let desk = match bars.desks.entry(market) {
            Entry::Occupied(desk) => desk.into_mut(),
            Entry::Vacant(place) => place.insert(self.tick_desk(is_trade)?),
        };
        if is_trade && desk.by_trades == Some(false) {
            *desk = self.tick_desk(true)?;
        }
        if desk.by_trades != Some(is_trade) {
            return Ok(());
        }
        let from = closed.len();
        for builder in &mut desk.builders {
            closed.extend(builder.add(event.time_ns, event.time_ns, &[price, price, price, price, size]));
        }
        keep_closes(&mut bars.lengths, market, &closed[from..]);
        Ok(())
    }

    #[cold]
    fn tick_desk(&self, by_trades: bool) -> Result<SymbolBars, String> {
        let mut builders = Vec::new();
        for interval in &self.subscription.intervals {
            builders.push(Whole::new(interval).ok_or_else(|| format!("intervals: {interval} is none"))?);
        }
        builders.sort_by_key(|one| one.builder.length_ns());
        let shortest = builders.first().map(|one| Arc::clone(one.builder.interval())).unwrap_or_default();
        Ok(SymbolBars { own: false, builders, shortest, by_trades: Some(by_trades) })
    }

    #[cold]
    fn desk(&self, bar: &ClosedBar) -> Result<SymbolBars, String> {
        let mut wanted: Vec<(i64, &str)> = Vec::new();
        for interval in &self.subscription.intervals {
            let length_ns = interval_ns(interval).ok_or_else(|| format!("intervals: {interval} is none"))?;
            wanted.push((length_ns, interval));
        }
        let given_ns = bar.close_ns - bar.open_ns;
        if wanted.is_empty() {
            wanted.push((given_ns, &bar.interval));
        }
        wanted.sort_by_key(|(length_ns, _)| *length_ns);
        let mut desk = SymbolBars { shortest: wanted[0].1.into(), ..SymbolBars::default() };
        for (length_ns, interval) in wanted {
            if length_ns == given_ns {
                // Two names of one length are two wishes; only the market's own name is told.
                desk.own |= *interval == *bar.interval;
            } else if length_ns < given_ns || length_ns % given_ns != 0 {
                let given = interval_text(given_ns);
                return Err(format!("intervals: {interval} cannot be built from bars of {given}"));
            } else {
                desk.builders.extend(Whole::new(interval));
            }
        }
        Ok(desk)
    }

    /// Counts a bar that was dispatched while it warms up.
    pub fn count_bar(&self, market: usize, interval: &Arc<str>) {
        if self.warming.load(Relaxed) {
            let key = (market, Arc::clone(interval));
            self.bars().lengths.entry(key).or_default().count += 1;
        }
    }

    /// True where each bar that it hears has come often enough, and it may act from now on.
    pub fn is_warm(&self) -> bool {
        if !self.warming.load(Relaxed) || !self.is_running() {
            return false;
        }
        let bars = self.bars();
        let heard = bars.lengths.iter().filter(|(_, length)| length.count > 0).map(|((_, name), _)| &**name);
        let intervals: Vec<&str> = match self.subscription.intervals.is_empty() {
            true => heard.collect(),
            false => self.subscription.intervals.iter().map(String::as_str).collect(),
        };
        let count = |market: usize, interval: &str| {
            bars.lengths.get(&(market, Arc::from(interval))).map_or(0, |length| length.count)
        };
        let markets = 0..self.subscription.symbols.len();
        let mut wanted = markets.flat_map(|market| intervals.iter().map(move |&name| (market, name)));
        !intervals.is_empty()
            && wanted.all(|(market, interval)| count(market, interval) >= self.subscription.warmup)
    }

    /// The last closes of an instrument's bars, oldest first, as the bytes of doubles; without an interval, of the shortest that it hears.
    pub fn closes(&self, market: usize, count: usize, interval: Option<&str>) -> Vec<u8> {
        let bars = self.bars();
        let shortest = || bars.desks.get(&market).map(|desk| Arc::clone(&desk.shortest));
        let name = interval.map(Arc::from).or_else(shortest).unwrap_or_default();
        let Some(length) = bars.lengths.get(&(market, name)) else { return Vec::new() };
        let skipped = length.closes.len().saturating_sub(count);
        length.closes.range(skipped..).flat_map(|close| close.to_ne_bytes()).collect()
    }
}

fn keep_closes(lengths: &mut HashMap<(usize, Arc<str>), Length>, market: usize, closed: &[ClosedBar]) {
    for one in closed {
        // A key is made anew only where the length is new.
        let length = lengths.entry((market, Arc::clone(&one.interval))).or_default();
        if length.closes.len() == CLOSES_MAX {
            length.closes.pop_front();
        }
        length.closes.push_back(float(one.prices[3]));
    }
}
