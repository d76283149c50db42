//! The machine that is searched: kernels and venues by number, and every step of the real kernel taken once.
//!
//! Kernels with the same projection count as one, so a step of the one is a step of all; that the projection leaves
//! out nothing that matters is itself checked, on pairs that come to one key by different ways.

use dita_kernel::effect::Effects;
use dita_kernel::invariant;
use dita_kernel::names::{KernelDiagnosticCode as Code, OrderSide, TradeStage};
use dita_kernel::slot::table::Symbol;

use super::bounds::{Bounds, Wire};
use super::message::{
    Action, Afterwards, Flight, Hand, Message, NOBODYS, News, Request, Standing, Take, What,
};
use super::projection::{Key, key};
use super::quick::QuickMap;
use super::trader::{Asked, Stimulus, Trader};
use super::venue::{Past, Venue, VenueOrder};

/// One in so many meetings of two ways is held against the projection.
const TWINS_EVERY: u64 = 64;

/// A cell of the transition table: what came, and where.
pub type Cell = (Symbol, TradeStage);

/// One state of the world: a kernel and a venue by their numbers in the [`Machine`], and what is in flight.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct World {
    /// The kernel and what stands around it.
    pub trader: u32,
    /// The venue.
    pub venue: u32,
    /// Between them.
    pub flight: Flight,
}

/// What one step of the kernel came to.
#[derive(Clone, Debug)]
pub struct Step {
    /// The kernel afterwards.
    pub next: u32,
    /// What it asked for.
    pub asked: Vec<Asked>,
    /// The table's cells that it used.
    pub cells: Vec<Cell>,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

/// Kernels, venues and steps.
#[derive(Debug)]
pub struct Machine {
    bounds: Bounds,
    traders: Vec<Trader>,
    by_key: QuickMap<Key, u32>,
    steps: QuickMap<(u32, Stimulus), u32>,
    taken: Vec<Step>,
    venues: Vec<Venue>,
    by_venue: QuickMap<Venue, u32>,
    meetings: u64,
    twins: u64,
    effects: Effects,
    asked: Vec<Asked>,
}

impl Machine {
    /// A machine with its first world.
    ///
    /// # Errors
    /// What the kernel has against its own configuration.
    pub fn new(bounds: &Bounds) -> Result<(Machine, World), String> {
        let trader = Trader::new(bounds)?;
        let venue = Venue { facing: bounds.facing, ..Venue::default() };
        let machine = Machine {
            bounds: bounds.clone(),
            by_key: QuickMap::from_iter([(key(&trader), 0)]),
            traders: vec![trader],
            steps: QuickMap::default(),
            taken: Vec::new(),
            venues: vec![venue.clone()],
            by_venue: QuickMap::from_iter([(venue, 0)]),
            meetings: 0,
            twins: 0,
            effects: Effects::default(),
            asked: Vec::new(),
        };
        Ok((machine, World { trader: 0, venue: 0, flight: Flight::EMPTY }))
    }

    /// The bounds.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// A kernel.
    pub fn trader(&self, world: &World) -> &Trader {
        &self.traders[world.trader as usize]
    }

    /// A venue.
    pub fn venue(&self, world: &World) -> &Venue {
        &self.venues[world.venue as usize]
    }

    /// A step.
    pub fn step(&self, number: u32) -> &Step {
        &self.taken[number as usize]
    }

    /// How many different kernels there are.
    pub fn kernels(&self) -> u64 {
        self.traders.len() as u64
    }

    /// How many steps the real kernel took.
    pub fn steps(&self) -> u64 {
        self.taken.len() as u64
    }

    /// How many pairs of ways to one key were held against each other.
    pub fn twins(&self) -> u64 {
        self.twins
    }

    // -------------------------------------------------------------------------------------------- what it does

    /// Does one thing. Also says which step of the kernel that was, where it was one.
    pub fn act(&mut self, world: &World, action: Action) -> (World, Option<u32>) {
        let mut next = *world;
        let stimulus = match action {
            Action::Start => None,
            Action::Enter => Some(Stimulus::Enter),
            Action::Add => Some(Stimulus::Add),
            Action::ExitLeg => Some(Stimulus::ExitLeg),
            Action::ExitAll => Some(Stimulus::ExitAll),
            Action::Cancel(number) => Some(Stimulus::Cancel(number)),
            Action::TimeOut(number) => Some(Stimulus::TimeOut(number)),
            Action::Settle => Some(Stimulus::Settle),
            Action::Fill(number, lots) => {
                self.at_venue(&mut next, number, |venue| venue.fill(number, lots));
                None
            }
            Action::FinishCancel(number) => {
                self.at_venue(&mut next, number, |venue| venue.cancel(number));
                None
            }
            Action::Expire(number) => {
                self.at_venue(&mut next, number, |venue| venue.expire(number));
                None
            }
            Action::EndDay(number) => {
                self.at_venue(&mut next, number, |venue| venue.end_day(number));
                None
            }
            Action::Amend(number, lots) => Some(Stimulus::Amend(number, lots)),
            Action::Hand(hand) => Some(Stimulus::Hand(hand, self.venue(world).stranger_sells)),
            Action::Revise(number, at, lots, then) => {
                // A total from before a bust does not come after it: nothing would tell it from a fill that is missing.
                next.flight.forget_totals(number);
                self.at_venue(&mut next, number, |venue| venue.revise(number, at, lots, then));
                None
            }
            Action::Force(lots) => {
                self.at_venue(&mut next, NOBODYS, |venue| venue.force(lots));
                None
            }
            Action::Stranger => {
                let side = self.bounds.strangers.map_or(OrderSide::Buy, |(side, _)| side);
                self.at_venue(&mut next, NOBODYS, |venue| venue.fill_stranger(side));
                None
            }
            Action::Crash => {
                next.flight = Flight::EMPTY;
                Some(Stimulus::Crash)
            }
            Action::Resync => Some(Stimulus::Resync),
            Action::Reach(message, take) => {
                next.flight.take(message);
                self.reach(&mut next, message, take)
            }
            Action::Deliver(message) => {
                next.flight.take(message);
                self.stimulus_of(world, message)
            }
            Action::DeliverTwice(message) => {
                next.flight.take(message);
                next.flight.send(Message { copy: true, ..message });
                self.stimulus_of(world, message)
            }
            Action::Drop(message) => {
                next.flight.take(message);
                self.lose(&mut next, message);
                None
            }
        };
        let Some(stimulus) = stimulus else { return (next, None) };
        let number = self.kernel_step(next.trader, stimulus);
        self.carry_out(&mut next, number);
        (next, Some(number))
    }

    fn at_venue(&mut self, world: &mut World, order: u8, change: impl FnOnce(&mut Venue) -> News) {
        let mut venue = self.venue(world).clone();
        let news = change(&mut venue);
        match self.bounds.wire {
            Wire::Counted(_) => world.flight.send(Message { order, what: What::News(news), copy: false }),
            // It forgets nothing of what is told of an order; the rest stays a message, as does the answer to a change, which
            // does not show in where the order stands.
            Wire::Endless if order == NOBODYS || answers_a_change(news) => {
                world.flight.send(Message { order, what: What::News(news), copy: false });
            }
            Wire::Endless => {
                // All but a refusal by the rate limit shows in where the order stands.
                let past = &mut venue.order_mut(order).past;
                past.coming = false;
                past.limited |= news == News::RateLimited;
                past.twice |= news == News::DuplicateId;
            }
        }
        world.venue = self.venue_number(venue);
    }

    /// On an endless wire only an order on its way can be lost for good.
    fn lose(&mut self, world: &mut World, message: Message) {
        if self.bounds.wire == Wire::Endless && message.what == What::Request(Request::Submit) {
            let mut venue = self.venue(world).clone();
            venue.order_mut(message.order).past.coming = false;
            world.venue = self.venue_number(venue);
        }
    }

    fn venue_number(&mut self, venue: Venue) -> u32 {
        if let Some(&number) = self.by_venue.get(&venue) {
            return number;
        }
        let number = u32::try_from(self.venues.len()).unwrap_or(u32::MAX);
        self.venues.push(venue.clone());
        self.by_venue.insert(venue, number);
        number
    }

    fn reach(&mut self, world: &mut World, message: Message, take: Take) -> Option<Stimulus> {
        let number = message.order;
        match message.what {
            What::Request(Request::Submit) => {
                self.at_venue(world, number, |venue| venue.submit(number, take));
            }
            What::Request(Request::Cancel) => {
                self.at_venue(world, number, |venue| venue.ask_cancel(number, take));
            }
            What::Request(Request::Amend(nth, lots)) => {
                self.at_venue(world, number, |venue| venue.ask_amend(number, nth, lots, take));
            }
            What::Request(Request::Query) => self.at_venue(world, number, |venue| venue.answer(number, take)),
            What::SetLeverage => return Some(Stimulus::Leverage(take == Take::Granted)),
            What::News(_) => {}
        }
        None
    }

    /// What the adapter makes of a message: fills take their figures from the venue's record.
    fn stimulus_of(&self, world: &World, message: Message) -> Option<Stimulus> {
        let What::News(news) = message.what else { return None };
        let venue = self.venue(world);
        let fill = |at: u8| venue.order(message.order).fills.get(usize::from(at)).copied();
        Some(match news {
            News::Fill(at) => {
                let fill = fill(at)?;
                Stimulus::Fill(message.order, at, fill.told, fill.total)
            }
            News::Revised(at, ..) => Stimulus::Revised(message.order, at, fill(at)?.told, news),
            News::Forced(at) => Stimulus::Forced(at, venue.forced.get(usize::from(at)).copied()?),
            News::Strange(at) => Stimulus::Strange(at, venue.stranger_sells),
            News::Ack
            | News::AmendAck(..)
            | News::AmendReject(_)
            | News::AmendLimited(_)
            | News::CancelPending
            | News::CancelAck(_)
            | News::CancelReject
            | News::Reject
            | News::DuplicateId
            | News::RateLimited
            | News::Expired(_)
            | News::DoneForDay(_)
            | News::Status(..)
            | News::NotFound => Stimulus::News(message.order, news),
        })
    }

    /// Puts what the kernel asks for into flight.
    fn carry_out(&mut self, world: &mut World, step: u32) {
        let step = &self.taken[step as usize];
        world.trader = step.next;
        if step.asked.is_empty() {
            return;
        }
        let asked = step.asked.clone();
        let mut venue = self.venue(world).clone();
        for asked in asked {
            if let Asked::Submit(number) = asked
                && usize::from(number) == venue.orders.len()
            {
                let order = &self.traders[world.trader as usize].orders[usize::from(number)];
                venue.orders.push(VenueOrder {
                    side: order.side,
                    reduce_only: order.reduce_only,
                    lots: order.lots,
                    standing: Standing::Absent,
                    fills: Vec::new(),
                    totals: Vec::new(),
                    past: Past::default(),
                });
            }
            match (self.bounds.wire, asked) {
                (Wire::Counted(_), _) | (_, Asked::SetLeverage | Asked::Amend(..)) => {
                    send(&mut world.flight, asked)
                }
                (Wire::Endless, Asked::Submit(number)) => venue.order_mut(number).past.coming = true,
                (Wire::Endless, Asked::Cancel(number)) => venue.order_mut(number).past.cancel_asked = true,
                (Wire::Endless, Asked::Query(number)) => {
                    let order = venue.order_mut(number);
                    order.past.queried = true;
                    order.past.was_absent |= order.standing == Standing::Absent;
                }
            }
        }
        world.venue = self.venue_number(venue);
    }

    // -------------------------------------------------------------------------------------------- the kernel

    fn kernel_step(&mut self, trader: u32, stimulus: Stimulus) -> u32 {
        if let Some(&number) = self.steps.get(&(trader, stimulus)) {
            return number;
        }
        let before = &self.traders[trader as usize];
        let mut after = before.clone();
        let (_, outcome) = after.give(stimulus, &self.bounds, &mut self.effects, &mut self.asked);
        let mut trouble = None;
        if !outcome.accepted && after.kernel.state_hash() != before.kernel.state_hash() {
            trouble = Some("I6: a refused input changed the state".to_owned());
        }
        if let Err(violation) = invariant::check(&after.kernel) {
            trouble = Some(format!("I{}: {}", violation.invariant, violation.what));
        }
        let cells: Vec<Cell> =
            self.effects.transitions.iter().map(|moved| (moved.trigger, moved.prev_state)).collect();
        if self.effects.notices.iter().any(|notice| notice.code == Code::IllegalTransition) {
            let moves: Vec<String> =
                cells.iter().map(|(symbol, stage)| format!("{stage} + {symbol}")).collect();
            trouble = Some(format!("the table refused what happened: {}", moves.join(", ")));
        }
        let asked = self.asked.clone();
        let next = self.trader_number(after, &mut trouble);
        let number = u32::try_from(self.taken.len()).unwrap_or(u32::MAX);
        self.taken.push(Step { next, asked, cells, trouble });
        self.steps.insert((trader, stimulus), number);
        number
    }

    fn trader_number(&mut self, trader: Trader, trouble: &mut Option<String>) -> u32 {
        let key = key(&trader);
        let Some(&number) = self.by_key.get(&key) else {
            let number = u32::try_from(self.traders.len()).unwrap_or(u32::MAX);
            self.traders.push(trader);
            self.by_key.insert(key, number);
            return number;
        };
        self.meetings = self.meetings.wrapping_add(1);
        if self.meetings.is_multiple_of(TWINS_EVERY) {
            self.twins = self.twins.wrapping_add(1);
            let other = &self.traders[number as usize];
            if let Some(stimulus) = tell_apart(&trader, other, &self.bounds) {
                *trouble =
                    Some(format!("the projection is too coarse: {stimulus:?} tells two kernels apart"));
            }
        }
        number
    }
}

fn answers_a_change(news: News) -> bool {
    matches!(news, News::AmendAck(..) | News::AmendReject(_) | News::AmendLimited(_))
}

fn send(flight: &mut Flight, asked: Asked) {
    let (order, what) = match asked {
        Asked::Submit(number) => (number, What::Request(Request::Submit)),
        Asked::Cancel(number) => (number, What::Request(Request::Cancel)),
        Asked::Query(number) => (number, What::Request(Request::Query)),
        Asked::Amend(number, nth, lots) => (number, What::Request(Request::Amend(nth, lots))),
        Asked::SetLeverage => (0, What::SetLeverage),
    };
    let message = Message { order, what, copy: false };
    // A question that is asked already need not be asked twice.
    if asked != Asked::Query(order) || flight.iter().all(|other| other != message) {
        flight.send(message);
    }
}

/// A stimulus to which two kernels of one key answer differently: there must be none.
fn tell_apart(one: &Trader, other: &Trader, bounds: &Bounds) -> Option<Stimulus> {
    let mut tries = vec![
        Stimulus::Enter,
        Stimulus::ExitLeg,
        Stimulus::ExitAll,
        Stimulus::Settle,
        Stimulus::Forced(0, 1),
        Stimulus::Hand(Hand::Close, false),
    ];
    for number in (0..).take(one.orders.len()) {
        let filled = one.known(number).and_then(|order| u8::try_from(order.filled.0).ok()).unwrap_or(0);
        let total = one.known(number).and_then(|order| u8::try_from(order.qty.0).ok()).unwrap_or(0);
        let news = [
            News::Ack,
            News::CancelPending,
            News::CancelReject,
            News::CancelAck(filled),
            News::Reject,
            News::RateLimited,
            News::NotFound,
            News::Status(Standing::Working, filled, total),
            News::Status(Standing::Working, filled.saturating_add(1), total),
            News::Status(Standing::Canceled, filled, total),
        ];
        tries.extend(news.map(|news| Stimulus::News(number, news)));
        tries.extend([Stimulus::Cancel(number), Stimulus::TimeOut(number)]);
        let bust = News::Revised(0, 0, Afterwards::Works);
        if bounds.revisions_max > 0 {
            tries.push(Stimulus::Revised(number, 0, 1, bust));
        }
        if one.orders.get(usize::from(number)).is_some_and(|order| !order.amends.is_empty()) {
            let answers = [News::AmendAck(0, total.saturating_add(1)), News::AmendReject(0)];
            tries.extend(answers.map(|news| Stimulus::News(number, news)));
        }
        tries.extend((0..=filled).map(|at| Stimulus::Fill(number, at, 1, at.saturating_add(1))));
    }
    let mut effects = Effects::default();
    let mut answer = |trader: &Trader, stimulus| {
        let mut trader = trader.clone();
        let mut asked = Vec::new();
        let (_, outcome) = trader.give(stimulus, bounds, &mut effects, &mut asked);
        (key(&trader), asked, outcome.accepted, outcome.code)
    };
    tries.into_iter().find(|stimulus| answer(one, *stimulus) != answer(other, *stimulus))
}
