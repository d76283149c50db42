//! Everything that may happen next in a world.

use super::bounds::Wire;
use super::machine::{Machine, World};
use super::message::{Action, Afterwards, Hand, Message, Request, Standing, Take, What};
use super::trader::UNSENT;

impl Machine {
    /// Everything that may happen next.
    pub fn actions(&self, world: &World, found: &mut Vec<Action>) {
        found.clear();
        self.strategy_actions(world, found);
        self.venue_actions(world, found);
        for (at, message) in world.flight.iter().enumerate() {
            // One of two equal ones is as good as the other.
            if world.flight.iter().take(at).all(|other| other != message) {
                self.message_actions(world, message, found);
            }
        }
        if self.bounds().wire == Wire::Endless {
            self.endless_actions(world, found);
        }
        if self.bounds().timeouts {
            self.time_actions(world, found);
        }
        self.odd_actions(world, found);
        // While the connection is down the adapter hears nothing.
        if self.trader(world).is_down() {
            found.retain(|action| !matches!(action, Action::Deliver(_) | Action::DeliverTwice(_)));
        }
    }

    fn strategy_actions(&self, world: &World, found: &mut Vec<Action>) {
        let trader = self.trader(world);
        if trader.is_free() {
            if usize::from(trader.entered) < self.bounds().trades.len() {
                found.push(Action::Enter);
            }
            return;
        }
        if trader.amends < self.bounds().amends_max {
            let live = trader.live_orders().filter_map(|number| Some((number, trader.known(number)?)));
            for (number, order) in live {
                let total = u8::try_from(order.qty.0).unwrap_or(u8::MAX);
                found.push(Action::Amend(number, total.saturating_add(1)));
                if total > 1 {
                    found.push(Action::Amend(number, total.saturating_sub(1)));
                }
            }
            // Without exits: those have enough to go wrong.
            for (number, total) in trader.filled_orders().filter(|_| self.bounds().exits_max == 0) {
                found.push(Action::Amend(number, total.saturating_add(1)));
            }
        }
        if trader.added < self.bounds().adds_max {
            found.push(Action::Add);
        }
        if trader.exits < self.bounds().exits_max {
            found.push(Action::ExitLeg);
            found.push(Action::ExitAll);
        }
        found.extend(trader.live_orders().map(Action::Cancel));
        if trader.waits() {
            found.push(Action::Cancel(UNSENT));
        }
    }

    fn venue_actions(&self, world: &World, found: &mut Vec<Action>) {
        if self.bounds().wire != Wire::Endless && world.flight.len() >= self.bounds().flight_max() {
            return;
        }
        let venue = self.venue(world);
        for (number, order) in (0_u8..).zip(&venue.orders).filter(|(_, order)| order.standing.works()) {
            let left = venue.fillable(number, self.bounds().reduce_only);
            if left > 0 {
                found.push(Action::Fill(number, 1));
            }
            if left > 1 {
                found.push(Action::Fill(number, left));
            }
            if order.standing == Standing::Canceling {
                found.push(Action::FinishCancel(number));
            }
            if self.bounds().refusals {
                found.push(Action::Expire(number));
            }
            if self.bounds().day_ends {
                found.push(Action::EndDay(number));
            }
        }
    }

    /// What an endless wire may bring: no message is ever used up.
    fn endless_actions(&self, world: &World, found: &mut Vec<Action>) {
        for (order, known) in (0_u8..).zip(&self.venue(world).orders) {
            let request = |request| Message { order, what: What::Request(request), copy: false };
            if known.past.coming {
                self.message_actions(world, request(Request::Submit), found);
            }
            if known.past.cancel_asked && known.standing.works() {
                found.push(Action::Reach(request(Request::Cancel), Take::Granted));
            }
            for news in known.sayable(self.bounds().refusals, self.bounds().pending_cancels) {
                found.push(Action::Deliver(Message { order, what: What::News(news), copy: true }));
            }
        }
    }

    fn message_actions(&self, world: &World, message: Message, found: &mut Vec<Action>) {
        let mut reach = |take| found.push(Action::Reach(message, take));
        match message.what {
            What::Request(Request::Submit) => {
                reach(Take::Granted);
                if self.bounds().refusals {
                    reach(Take::Refused);
                    reach(Take::RateLimited);
                }
            }
            What::Request(Request::Cancel) => {
                reach(Take::Granted);
                let works = self.venue(world).order(message.order).standing == Standing::Working;
                if works {
                    reach(Take::Begun);
                }
                if works && self.bounds().refusals {
                    reach(Take::Refused);
                    reach(Take::RateLimited);
                }
            }
            What::Request(Request::Amend(..)) => {
                reach(Take::Granted);
                reach(Take::Refused);
                if self.bounds().refusals {
                    reach(Take::RateLimited);
                }
            }
            What::Request(Request::Query) => {
                reach(Take::Granted);
                if self.bounds().refusals {
                    reach(Take::RateLimited);
                }
            }
            What::SetLeverage => {
                reach(Take::Granted);
                reach(Take::Refused);
            }
            What::News(_) => {
                found.push(Action::Deliver(message));
                if self.bounds().duplicates && !message.copy {
                    found.push(Action::DeliverTwice(message));
                }
            }
        }
        if self.bounds().drops && message.what != What::SetLeverage {
            found.push(Action::Drop(message));
        }
    }

    fn time_actions(&self, world: &World, found: &mut Vec<Action>) {
        let trader = self.trader(world);
        found.extend(trader.unanswered().map(Action::TimeOut));
        // Past the window nothing is on its way to the venue any more: that is what the window means.
        let coming =
            |message: Message| matches!(message.what, What::Request(Request::Submit | Request::Amend(..)));
        let submits =
            world.flight.iter().any(coming) || self.venue(world).orders.iter().any(|order| order.past.coming);
        if !submits && (0..).take(trader.orders.len()).any(|number| !trader.is_settled(number)) {
            found.push(Action::Settle);
        }
    }

    /// What happens past the orders: to their fills, to the position, to the slot, to the kernel itself.
    fn odd_actions(&self, world: &World, found: &mut Vec<Action>) {
        let (trader, venue, bounds) = (self.trader(world), self.venue(world), self.bounds());
        let room = world.flight.len() < bounds.flight_max();
        if room && venue.revisions() < usize::from(bounds.revisions_max) {
            self.revisions(world, found);
        }
        if room && venue.forced.len() < usize::from(bounds.forced_max) && venue.position() > 0 {
            let held = u8::try_from(venue.position()).unwrap_or(u8::MAX);
            found.extend((1..=held).map(Action::Force));
        }
        if room && bounds.strangers.is_some_and(|(_, most)| venue.strange < most) {
            found.push(Action::Stranger);
        }
        if trader.hands < bounds.hands_max {
            let hands = [Hand::Open, Hand::Adopt, Hand::More, Hand::Less, Hand::Close, Hand::Attach];
            let opens = |hand: &Hand| matches!(hand, Hand::Open | Hand::Adopt);
            found.extend(hands.into_iter().filter(|hand| opens(hand) == trader.is_free()).map(Action::Hand));
        }
        if trader.is_down() {
            found.push(Action::Resync);
        } else if trader.crashes < bounds.crashes_max {
            found.push(Action::Crash);
        }
    }

    /// A fill is busted, or is one lot more or less than it was.
    fn revisions(&self, world: &World, found: &mut Vec<Action>) {
        for (number, order) in (0_u8..).zip(&self.venue(world).orders) {
            for (at, fill) in (0_u8..).zip(&order.fills) {
                if fill.revised.is_some() {
                    continue;
                }
                let less = fill.told.saturating_sub(1);
                let lots = if less > 0 { vec![0, less, fill.told + 1] } else { vec![0, fill.told + 1] };
                for lots in lots {
                    let works = order.standing.works();
                    let again = order.standing == Standing::Filled && lots < fill.told;
                    if works || again {
                        found.push(Action::Revise(number, at, lots, Afterwards::Works));
                    }
                    if !works {
                        found.push(Action::Revise(number, at, lots, Afterwards::AsItWas));
                    }
                }
            }
        }
    }
}
