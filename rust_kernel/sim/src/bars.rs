//! Bars: open, high, low and close of an interval, walked along a stated path.
//!
//! A bar does not tell which extreme came first. The path is open, low, high, close where it rose or stood, else open,
//! high, low, close; `Path::high_first` says otherwise. It is walked in steps, so that whoever trades hears each fill
//! before the market goes on:
//! - the first step is the open: what waits and has been passed by it fills at the open;
//! - on the way between two points of the path, waiting limits fill at their limit, and stops trigger at their trigger,
//!   in the order in which the path comes to them. With `limit_through` a limit fills only where the path goes beyond
//!   it;
//! - the last step is the close.
//!
//! An order that was sent between two bars, and later than the next one's open, meets the first point of the path that is
//! no earlier than itself.
//!
//! Sizes are not known: as much as anyone wants. Quotes stand at one price, without a spread.

use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::num::Decimal;

use crate::error::SimError;
use crate::feed::read_price;
use crate::matching::Arrival;
use crate::terms::is_rising;
use crate::venue::SimVenue;

/// A bar's four prices and its times.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// First price.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// When it begins, ns.
    pub open_ns: i64,
    /// When it ends, ns.
    pub close_ns: i64,
    /// Which extreme comes first; `None` leaves it to the bar's direction.
    pub high_first: Option<bool>,
}

/// A bar that is being walked.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    market: usize,
    /// Where the path turns, with the times; the last one is the close.
    points: [(i128, i64); 3],
    next: usize,
    at: i128,
}

/// Where a bar goes next.
struct Step {
    price: i128,
    due_ns: i64,
    next: usize,
}

impl SimVenue {
    /// Begins a bar: the market opens. The caller then takes [`SimVenue::walk`] while
    /// [`SimVenue::next_step_ns`] gives a time. Bars of several markets are walked together, in the order of time: begin
    /// each before the first step that is later than its open.
    ///
    /// # Errors
    /// [`SimError::UnknownSymbol`], or [`SimError::MarketData`] for a price that is off the tick grid or not positive, an
    /// open or close outside of low and high, times that are not in order, or a bar that is not over yet.
    pub fn begin_bar(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        bar: &Bar,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let (place, [open, high, low, close]) = self.read_bar(symbol, bar)?;
        let span_ns = bar.close_ns.saturating_sub(bar.open_ns);
        let high_first = bar.high_first.unwrap_or(close < open);
        let [first, second] = if high_first { [high, low] } else { [low, high] };
        let quarter_ns = span_ns / 4;
        let points = [
            (first, bar.open_ns.saturating_add(quarter_ns)),
            (second, bar.open_ns.saturating_add(quarter_ns.saturating_mul(2))),
            (close, bar.close_ns),
        ];
        self.arrive_before(now_ns.max(bar.open_ns), out);
        self.walks.push(Walk { market: place, points, next: 0, at: open });
        self.markets[place].in_bars = true;
        self.markets[place].price_ns = bar.open_ns;
        self.markets[place].walking = true;
        self.show(place, open);
        self.desk.opening = true;
        self.release_held(place, true, out);
        self.meet_waiting(place, Arrival::Quote, out);
        self.desk.opening = false;
        self.mark_at(place, open, out);
        Ok(())
    }

    /// True where a bar may be passed by in one ([`SimVenue::pass_bar`]): nothing waits or is on its way, and nothing is held.
    /// Then nobody is there to whom its path would matter.
    pub fn may_pass(&self, symbol: &Id) -> bool {
        let Some(place) = self.market_place(symbol) else { return false };
        let market = &self.markets[place];
        let waiting = market.buys.len() + market.sells.len() + market.dormant.len();
        waiting == 0 && market.is_flat() && self.walks.is_empty() && self.flight.next_due_ns().is_none()
    }

    /// Passes a bar by: the market stands at its close. Only where [`SimVenue::may_pass`] says so.
    ///
    /// # Errors
    /// As [`SimVenue::begin_bar`].
    pub fn pass_bar(
        &mut self,
        now_ns: i64,
        symbol: &Id,
        bar: &Bar,
        out: &mut Vec<Input>,
    ) -> Result<(), SimError> {
        let (place, [_, _, _, close]) = self.read_bar(symbol, bar)?;
        self.set_clock(now_ns.max(bar.close_ns));
        self.markets[place].in_bars = true;
        self.markets[place].price_ns = bar.close_ns;
        self.show(place, close);
        self.mark_at(place, close, out);
        Ok(())
    }

    /// A bar's market, and its open, high, low and close.
    fn read_bar(&self, symbol: &Id, bar: &Bar) -> Result<(usize, [i128; 4]), SimError> {
        let place = self.listed(symbol)?;
        let rules = &self.markets[place].rules;
        let fault = |field, value, must| SimError::MarketData { symbol: symbol.clone(), field, value, must };
        let open = read_price(rules, "open", bar.open)?;
        let high = read_price(rules, "high", bar.high)?;
        let low = read_price(rules, "low", bar.low)?;
        let close = read_price(rules, "close", bar.close)?;
        for (field, price, value) in [("open", open, bar.open), ("close", close, bar.close)] {
            if price < low || price > high {
                return Err(fault(field, value, "between low and high"));
            }
        }
        if self.markets[place].walking {
            return Err(fault("open", bar.open, "after the end of the bar before"));
        }
        if bar.close_ns < bar.open_ns {
            return Err(fault("close", bar.close, "no earlier than the open"));
        }
        Ok((place, [open, high, low, close]))
    }

    /// When the next step of a bar is, ns; `None` where no bar is being walked.
    pub fn next_step_ns(&self) -> Option<i64> {
        Some(self.next_step()?.1.due_ns)
    }

    /// Goes on to the next price at which something happens, or to the next point of a path. Without a bar, nothing.
    pub fn walk(&mut self, out: &mut Vec<Input>) {
        let Some((index, step)) = self.next_step() else { return };
        self.arrive_before(step.due_ns, out);
        let Some(walk) = self.walks.get_mut(index) else { return };
        let (place, points) = (walk.market, walk.points);
        if let Some((_, reached_ns)) = step.next.checked_sub(1).and_then(|at| points.get(at)) {
            self.markets[place].price_ns = *reached_ns;
        }
        (walk.next, walk.at) = (step.next, step.price);
        // Until the bar is over nothing waits for an open: what is sent on the way meets the path.
        let goes_on = step.next < points.len();
        self.show(place, step.price);
        self.release_held(place, false, out);
        self.meet_waiting(place, Arrival::Quote, out);
        self.mark_at(place, step.price, out);
        if !goes_on {
            self.markets[place].walking = false;
            self.walks.remove(index);
        }
    }

    /// Lets time pass up to a step. What arrives meanwhile was on its way, and meets the next bar's open.
    fn arrive_before(&mut self, now_ns: i64, out: &mut Vec<Input>) {
        let walks = core::mem::take(&mut self.walks);
        self.advance(now_ns, out);
        self.walks = walks;
    }

    /// The earliest step of all bars, with its bar's place; of several at a time the bar that began first.
    fn next_step(&self) -> Option<(usize, Step)> {
        let steps = self.walks.iter().enumerate().filter_map(|(index, walk)| Some((index, self.step(walk)?)));
        steps.min_by_key(|(_, step)| step.due_ns)
    }

    fn step(&self, walk: &Walk) -> Option<Step> {
        // Where nobody is there to whom the way would matter only its end is seen.
        let next = if self.is_quiet(walk.market) { walk.points.len() - 1 } else { walk.next };
        let (target, due_ns) = *walk.points.get(next)?;
        match self.next_on_the_way(walk.market, walk.at, target) {
            // A price on the way has the time of the point before it: nobody knows more.
            Some(price) => Some(Step { price, due_ns: self.desk.now_ns, next }),
            None => Some(Step { price: target, due_ns, next: next + 1 }),
        }
    }

    /// True where nothing waits and nothing can be liquidated.
    fn is_quiet(&self, place: usize) -> bool {
        let market = &self.markets[place];
        let waiting = market.buys.len() + market.sells.len() + market.dormant.len();
        let in_danger = self.desk.behaviour.liquidation && !market.is_flat();
        waiting == 0 && !in_danger
    }

    fn show(&mut self, place: usize, price: i128) {
        self.markets[place].book.quote(price, None, price, None);
        self.shrink_queues(place);
    }

    fn mark_at(&mut self, place: usize, price: i128, out: &mut Vec<Input>) {
        if self.desk.behaviour.quotes_set_marks {
            let rules = &self.markets[place].rules;
            let (mark, told) = (rules.price18(price), rules.price.decimal(price));
            self.set_mark(place, mark, told, out);
        }
    }

    /// The first price after `from`, on the way to `to`, at which an order fills or triggers; `None` where there is none
    /// before `to`.
    fn next_on_the_way(&self, place: usize, from: i128, to: i128) -> Option<i128> {
        let market = &self.markets[place];
        let rising = to > from;
        let step = market.rules.price.step;
        let through = self.desk.behaviour.limit_through;
        // A rising market comes to sells, a falling one to buys. The best of a queue is its last.
        let queue = if rising { &market.sells } else { &market.buys };
        let best = queue.len().checked_sub(1).and_then(|last| queue.at(last));
        let limit = best.and_then(|place| self.orders.live(place)).and_then(|order| order.limit);
        let limit = limit.map(|limit| match (through, rising) {
            (false, _) => limit,
            (true, true) => limit.saturating_add(step),
            (true, false) => limit.saturating_sub(step),
        });
        let triggers = market.dormant.iter().filter_map(|&place| self.orders.live(place));
        let triggers = triggers.filter(|order| !order.came_after(market.price_ns));
        let triggers = triggers.filter_map(|order| {
            let terms = order.terms.as_ref()?;
            terms.trigger.filter(|_| is_rising(terms.order_type, order.order_side) == rising)
        });
        let ahead = |price: &i128| {
            if rising { *price > from && *price < to } else { *price < from && *price > to }
        };
        let all = limit.into_iter().chain(triggers).filter(ahead);
        if rising { all.min() } else { all.max() }
    }

    /// Lets the orders that have waited for the open, or on the way for a price that is no older than themselves, meet it,
    /// the oldest first.
    fn release_held(&mut self, place: usize, opens: bool, out: &mut Vec<Input>) {
        let held: Vec<u32> = {
            let orders = &self.orders;
            let market = &mut self.markets[place];
            let price_ns = market.price_ns;
            let is_held = |kept: &u32| {
                let order = orders.live(*kept);
                order.is_some_and(|order| {
                    order.waits_for_open() && !order.came_after(price_ns) && (opens || order.came_after(0))
                })
            };
            let held = market.dormant.iter().copied().filter(is_held).collect();
            market.dormant.retain(|kept| !is_held(kept));
            held
        };
        if held.is_empty() {
            return;
        }
        self.answering(out, |venue, out| {
            let from = out.len();
            for kept in held {
                venue.meet_open(place, kept, out);
            }
            venue.conclude(place, from, out);
        });
        let now_ns = self.desk.now_ns;
        self.advance(now_ns, out);
    }
}
