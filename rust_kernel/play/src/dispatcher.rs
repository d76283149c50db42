//! Dispatches one event of a market to its subscribers: the one order of callbacks, whoever feeds it.
//!
//! A player feeds it from files, a live session from the venue's streams, a connected program from shared memory. Within
//! one event: the bars that it closes, subscriber by subscriber in the order of their adding, shortest bar first; a
//! subscriber's warm-up ends behind its bars; then the quote, trade or book itself, subscriber by subscriber.

use std::sync::Arc;

use dita_kernel::id::Id;

use crate::bars::ClosedBar;
use crate::event::{Event, EventKind};
use crate::listener::Listener;

/// What the owner has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dispatch {
    /// Invoke this subscriber's callback with [`Dispatcher::callback`].
    Callback(usize),
    /// This subscriber's warm-up has ended: it may act from now on.
    Warmed(usize),
}

/// What a callback gets.
#[derive(Clone, Debug)]
pub enum Callback {
    /// Nothing yet.
    Nothing,
    /// A quote, a trade or a book: the event.
    Tick,
    /// A closed bar of this market.
    Bar(usize, ClosedBar),
}

/// A subscriber cannot take the event: which one, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The subscriber's place.
    pub subscriber: usize,
    /// Why.
    pub why: String,
}

/// A listener, and each market's place among its instruments.
struct Subscriber {
    listener: Arc<Listener>,
    places: Vec<Option<usize>>,
}

/// Where it is within an event.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The event was dispatched to every subscriber.
    Done,
    /// The subscriber whose bars are built next.
    Build(usize),
    /// A subscriber, and which of its closed bars is next.
    Bars(usize, usize),
    /// The subscriber has had all its bars.
    Warm(usize),
    /// The next subscriber of the quote, trade or book itself.
    Tick(usize),
}

/// Dispatches events to subscribers, one event at a time.
pub struct Dispatcher {
    markets: Vec<Id>,
    subscribers: Vec<Subscriber>,
    phase: Phase,
    market: usize,
    /// The bar that is being dispatched; `None` for other events.
    bar: Option<ClosedBar>,
    closed: Vec<ClosedBar>,
    callback: Callback,
    /// A subscriber builds bars from quotes and trades.
    builds: bool,
    /// A subscriber receives books.
    books: bool,
}

impl Default for Dispatcher {
    fn default() -> Dispatcher {
        Dispatcher {
            markets: Vec::new(),
            subscribers: Vec::new(),
            phase: Phase::Done,
            market: 0,
            bar: None,
            closed: Vec::new(),
            callback: Callback::Nothing,
            builds: false,
            books: false,
        }
    }
}

impl Dispatcher {
    /// Adds a market; returns its place.
    pub fn add_market(&mut self, symbol: Id) -> usize {
        for subscriber in &mut self.subscribers {
            subscriber.places.push(subscriber.listener.place_of(symbol.as_str()));
        }
        self.markets.push(symbol);
        self.markets.len() - 1
    }

    /// Returns the place of an instrument's market; `None` where it was not added.
    pub fn market_of(&self, symbol: &str) -> Option<usize> {
        self.markets.iter().position(|known| known.as_str() == symbol)
    }

    /// The instruments, in the order of their adding.
    pub fn markets(&self) -> &[Id] {
        &self.markets
    }

    /// Adds a subscriber; returns its place. Subscribers receive an event in the order of their adding.
    pub fn add_listener(&mut self, listener: Arc<Listener>) -> usize {
        let places = self.markets.iter().map(|symbol| listener.place_of(symbol.as_str())).collect();
        self.builds |= listener.builds();
        self.books |= listener.subscription.books;
        self.subscribers.push(Subscriber { listener, places });
        self.subscribers.len() - 1
    }

    /// The subscribers, in the order of their adding.
    pub fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.subscribers.iter().map(|one| &*one.listener)
    }

    /// When the next timer of a subscriber runs out, ns; `i64::MAX` where there is none.
    #[inline]
    pub fn next_timer_ns(&self) -> i64 {
        self.listeners().map(Listener::next_timer_ns).min().unwrap_or(i64::MAX)
    }

    /// True where a subscriber has an entry that waits for an exit.
    pub fn waits(&self) -> bool {
        self.listeners().any(Listener::waits)
    }

    /// Begins a closed bar of a market.
    #[inline]
    pub fn begin_bar(&mut self, market: usize, bar: ClosedBar) {
        (self.market, self.bar, self.phase) = (market, Some(bar), Phase::Build(0));
    }

    /// Begins a quote, a trade or a book of a market, which [`Dispatcher::next`] is given as well.
    #[inline]
    pub fn begin_tick(&mut self, market: usize, event: &Event) {
        (self.market, self.bar) = (market, None);
        self.phase = match event.what {
            EventKind::Depth(_) if self.books => Phase::Tick(0),
            EventKind::Depth(_) => Phase::Done,
            EventKind::Quote { .. } | EventKind::Trade { .. } | EventKind::Bar(_) => {
                if self.builds {
                    Phase::Build(0)
                } else {
                    Phase::Tick(0)
                }
            }
        };
    }

    /// Returns the next step of the event that was begun; `None` once every subscriber has had it.
    ///
    /// # Errors
    /// A subscriber wants bars that cannot be built from this market's.
    #[inline]
    pub fn next(&mut self, tick: Option<&Event>) -> Result<Option<Dispatch>, Refused> {
        loop {
            match self.phase {
                Phase::Done => return Ok(None),
                Phase::Build(subscriber) => self.build(subscriber, tick)?,
                Phase::Bars(subscriber, at) => {
                    if let Some(step) = self.dispatch_bar(subscriber, at) {
                        return Ok(Some(step));
                    }
                }
                Phase::Warm(subscriber) => {
                    self.phase = Phase::Build(subscriber + 1);
                    if self.subscribers.get(subscriber).is_some_and(|one| one.listener.is_warm()) {
                        return Ok(Some(Dispatch::Warmed(subscriber)));
                    }
                }
                Phase::Tick(subscriber) => {
                    if let Some(step) = tick.and_then(|event| self.dispatch_tick(subscriber, event)) {
                        return Ok(Some(step));
                    }
                    self.phase = Phase::Done;
                }
            }
        }
    }

    /// Gives a subscriber the bar, or has it build bars from the tick.
    fn build(&mut self, subscriber: usize, tick: Option<&Event>) -> Result<(), Refused> {
        let Some(Subscriber { listener, places }) = self.subscribers.get(subscriber) else {
            self.phase = if self.bar.is_none() { Phase::Tick(0) } else { Phase::Done };
            return Ok(());
        };
        self.closed.clear();
        if let Some(Some(place)) = places.get(self.market) {
            let built = match (&self.bar, tick) {
                (Some(bar), _) => listener.add_bar(*place, bar, &mut self.closed),
                (None, Some(event)) if listener.builds() => {
                    listener.add_tick(*place, event, &mut self.closed)
                }
                (None, _) => Ok(()),
            };
            if let Err(why) = built {
                // The others have the event all the same, where the owner goes on.
                self.phase = Phase::Build(subscriber + 1);
                return Err(Refused { subscriber, why });
            }
        }
        self.phase = Phase::Bars(subscriber, 0);
        Ok(())
    }

    #[inline]
    fn dispatch_bar(&mut self, subscriber: usize, at: usize) -> Option<Dispatch> {
        let (Some(closed), Some(Subscriber { listener, places })) =
            (self.closed.get(at), self.subscribers.get(subscriber))
        else {
            self.phase = Phase::Warm(subscriber);
            return None;
        };
        self.phase = Phase::Bars(subscriber, at + 1);
        if let Some(Some(place)) = places.get(self.market) {
            listener.count_bar(*place, &closed.interval);
        }
        if !listener.subscription.bars || !listener.is_running() {
            return None;
        }
        self.callback = Callback::Bar(self.market, closed.clone());
        Some(Dispatch::Callback(subscriber))
    }

    #[inline]
    fn dispatch_tick(&mut self, from: usize, event: &Event) -> Option<Dispatch> {
        let wants = |Subscriber { listener, places }: &Subscriber| {
            let wanted = match event.what {
                EventKind::Quote { .. } => listener.subscription.quotes,
                EventKind::Trade { .. } => listener.subscription.trades,
                EventKind::Depth(_) => listener.subscription.books,
                EventKind::Bar(_) => false,
            };
            wanted && listener.is_running() && places.get(self.market).is_some_and(Option::is_some)
        };
        let found = (from..self.subscribers.len()).find(|place| wants(&self.subscribers[*place]))?;
        self.callback = Callback::Tick;
        self.phase = Phase::Tick(found + 1);
        Some(Dispatch::Callback(found))
    }

    /// Returns what the callback gets that comes next.
    pub fn callback(&self) -> &Callback {
        &self.callback
    }
}
