//! The small venue: orders that stand somewhere and have fills, and what it says to each request.

use dita_kernel::names::OrderSide;

use super::message::{Afterwards, News, Standing, Take};

/// An order as the venue knows it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VenueOrder {
    /// BUY or SELL.
    pub side: OrderSide,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
    /// Its size.
    pub lots: u8,
    /// Where it stands.
    pub standing: Standing,
    /// Its fills, in turn.
    pub fills: Vec<VenueFill>,
    /// The sizes that it had before, each with the lots filled when that was changed.
    pub totals: Vec<(u8, u8)>,
    /// What an endless wire must know of it.
    pub past: Past,
}

/// A fill as the venue has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VenueFill {
    /// As it was told first.
    pub told: u8,
    /// The order's lots filled with it, as they were then.
    pub total: u8,
    /// The news that revised it.
    pub revised: Option<(u8, Afterwards)>,
}

impl VenueFill {
    /// Its lots now.
    pub fn lots(self) -> u8 {
        self.revised.map_or(self.told, |(lots, _)| lots)
    }
}

/// What has been sent about an order, where the wire forgets nothing: see [`super::bounds::Wire::Endless`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Past {
    /// The order is on its way and may still arrive.
    pub coming: bool,
    /// The kernel asked to cancel it.
    pub cancel_asked: bool,
    /// The kernel asked what became of it.
    pub queried: bool,
    /// A question came before the order did.
    pub was_absent: bool,
    /// The rate limit refused the order.
    pub limited: bool,
    /// The order came twice.
    pub twice: bool,
}

impl VenueOrder {
    /// Everything that the wire may deliver about this order, now or ever again.
    pub fn sayable(&self, refusals: bool, pending_cancels: bool) -> Vec<News> {
        let mut news = Vec::new();
        if self.past.limited || (refusals && (self.past.cancel_asked || self.past.queried)) {
            news.push(News::RateLimited);
        }
        if self.past.twice {
            news.push(News::DuplicateId);
        }
        if self.past.was_absent {
            news.push(News::NotFound);
        }
        if self.past.cancel_asked {
            news.push(News::CancelReject);
        }
        match self.standing {
            Standing::Absent => return news,
            Standing::Rejected => {
                news.extend([News::Reject, News::Status(Standing::Rejected, 0, self.lots)]);
                return news;
            }
            Standing::Working
            | Standing::Canceling
            | Standing::Filled
            | Standing::Canceled
            | Standing::Expired
            | Standing::DoneForDay => news.push(News::Ack),
        }
        let mut total: u8 = 0;
        let mut standings = vec![Standing::Working];
        if self.past.cancel_asked && pending_cancels {
            news.push(News::CancelPending);
            standings.push(Standing::Canceling);
        }
        for (at, fill) in (0_u8..).zip(&self.fills) {
            self.say_working(&standings, total, &mut news);
            news.push(News::Fill(at));
            total = total.saturating_add(fill.told);
        }
        match self.standing {
            Standing::Canceled => news.push(News::CancelAck(total)),
            Standing::Expired => news.push(News::Expired(total)),
            Standing::DoneForDay => news.push(News::DoneForDay(total)),
            Standing::Absent
            | Standing::Working
            | Standing::Canceling
            | Standing::Filled
            | Standing::Rejected => {}
        }
        if self.standing != Standing::Filled {
            self.say_working(&standings, total, &mut news);
        }
        if !self.standing.works() {
            news.push(News::Status(self.standing, total, self.lots));
        }
        news
    }

    /// What was said while it worked and so much of it was filled, with whatever size it had then.
    fn say_working(&self, standings: &[Standing], filled: u8, news: &mut Vec<News>) {
        let then = |(_, until): &(u8, u8)| filled <= *until;
        let sizes = self.totals.iter().copied().filter(then).map(|(lots, _)| lots).chain([self.lots]);
        for lots in sizes {
            news.extend(standings.iter().map(|standing| News::Status(*standing, filled, lots)));
        }
    }

    /// The lots filled.
    pub fn filled(&self) -> u8 {
        self.fills.iter().map(|fill| fill.lots()).sum()
    }

    /// The lots that may still fill.
    pub fn left(&self) -> u8 {
        self.lots.saturating_sub(self.filled())
    }

    /// True where it works, or would if more of it were wanted.
    fn may_grow(&self) -> bool {
        self.standing.works() || self.standing == Standing::Filled
    }

    fn signed(&self) -> i32 {
        match self.side {
            OrderSide::Buy => i32::from(self.filled()),
            OrderSide::Sell => i32::from(self.filled()).saturating_neg(),
        }
    }
}

/// Every order ever submitted, in turn.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Venue {
    /// The orders.
    pub orders: Vec<VenueOrder>,
    /// The lots that it liquidated, each time.
    pub forced: Vec<u8>,
    /// How many lots a stranger's order filled, one by one.
    pub strange: u8,
    /// Whether that order sells.
    pub stranger_sells: bool,
    /// What it holds short for another slot since the beginning.
    pub facing: u8,
}

impl Venue {
    /// An order by its number.
    pub fn order(&self, number: u8) -> &VenueOrder {
        &self.orders[usize::from(number)]
    }

    /// The same, to change.
    pub fn order_mut(&mut self, number: u8) -> &mut VenueOrder {
        &mut self.orders[usize::from(number)]
    }

    /// The position in lots: + long.
    pub fn position(&self) -> i32 {
        let ours: i32 = self.orders.iter().map(VenueOrder::signed).sum();
        let forced: i32 = self.forced.iter().map(|lots| i32::from(*lots)).sum();
        let strange = i32::from(self.strange);
        let strange = if self.stranger_sells { strange.saturating_neg() } else { strange };
        ours.saturating_sub(forced).saturating_add(strange).saturating_sub(i32::from(self.facing))
    }

    /// The lots that it would fill of an order now.
    pub fn fillable(&self, number: u8, reduce_only_kept: bool) -> u8 {
        let order = self.order(number);
        if !order.standing.works() {
            return 0;
        }
        if !(order.reduce_only && reduce_only_kept) {
            return order.left();
        }
        let held = match order.side {
            OrderSide::Sell => self.position(),
            OrderSide::Buy => self.position().saturating_neg(),
        };
        order.left().min(u8::try_from(held.max(0)).unwrap_or(0))
    }

    /// Fills a part of an order.
    pub fn fill(&mut self, number: u8, lots: u8) -> News {
        let order = self.order_mut(number);
        let fill = u8::try_from(order.fills.len()).unwrap_or(u8::MAX);
        let total = order.filled().saturating_add(lots);
        order.fills.push(VenueFill { told: lots, total, revised: None });
        if order.left() == 0 {
            order.standing = Standing::Filled;
        }
        News::Fill(fill)
    }

    /// Makes a fill another one.
    pub fn revise(&mut self, number: u8, at: u8, lots: u8, then: Afterwards) -> News {
        let order = self.order_mut(number);
        if let Some(fill) = order.fills.get_mut(usize::from(at)) {
            fill.revised = Some((lots, then));
        }
        if then == Afterwards::Works && !order.standing.works() {
            order.standing = Standing::Working;
        }
        if order.standing.works() && order.left() == 0 {
            order.standing = Standing::Filled;
        }
        News::Revised(at, lots, then)
    }

    /// How many fills were revised.
    pub fn revisions(&self) -> usize {
        self.orders.iter().flat_map(|order| &order.fills).filter(|fill| fill.revised.is_some()).count()
    }

    /// Liquidates so many lots.
    pub fn force(&mut self, lots: u8) -> News {
        let at = u8::try_from(self.forced.len()).unwrap_or(u8::MAX);
        self.forced.push(lots);
        News::Forced(at)
    }

    /// A stranger's order fills one lot more.
    pub fn fill_stranger(&mut self, side: OrderSide) -> News {
        self.stranger_sells = side == OrderSide::Sell;
        self.strange = self.strange.saturating_add(1);
        News::Strange(self.strange.saturating_sub(1))
    }

    /// Ends an order.
    pub fn cancel(&mut self, number: u8) -> News {
        News::CancelAck(self.end(number, Standing::Canceled))
    }

    /// Lets an order expire.
    pub fn expire(&mut self, number: u8) -> News {
        News::Expired(self.end(number, Standing::Expired))
    }

    /// Ends an order with the day.
    pub fn end_day(&mut self, number: u8) -> News {
        News::DoneForDay(self.end(number, Standing::DoneForDay))
    }

    fn end(&mut self, number: u8, standing: Standing) -> u8 {
        let order = self.order_mut(number);
        order.standing = standing;
        order.filled()
    }

    /// An order arrives.
    pub fn submit(&mut self, number: u8, take: Take) -> News {
        if self.order(number).standing != Standing::Absent {
            return News::DuplicateId;
        }
        match take {
            Take::Granted | Take::Begun => {
                self.order_mut(number).standing = Standing::Working;
                News::Ack
            }
            Take::Refused => {
                self.order_mut(number).standing = Standing::Rejected;
                News::Reject
            }
            Take::RateLimited => News::RateLimited,
        }
    }

    /// The wish to cancel an order arrives.
    pub fn ask_cancel(&mut self, number: u8, take: Take) -> News {
        let works = self.order(number).standing.works();
        match take {
            Take::RateLimited => News::RateLimited,
            Take::Granted if works => self.cancel(number),
            Take::Begun if works => {
                self.order_mut(number).standing = Standing::Canceling;
                News::CancelPending
            }
            // Too late, or of an order that never came.
            Take::Granted | Take::Begun | Take::Refused => News::CancelReject,
        }
    }

    /// The wish to change an order's total arrives.
    pub fn ask_amend(&mut self, number: u8, nth: u8, lots: u8, take: Take) -> News {
        let order = self.order_mut(number);
        match take {
            Take::RateLimited => News::AmendLimited(nth),
            Take::Granted | Take::Begun if order.may_grow() && lots > order.filled() => {
                let before = (order.lots, order.filled());
                order.totals.push(before);
                order.lots = lots;
                if order.standing == Standing::Filled {
                    order.standing = Standing::Working;
                }
                News::AmendAck(nth, lots)
            }
            Take::Granted | Take::Begun | Take::Refused => News::AmendReject(nth),
        }
    }

    /// A question about an order arrives.
    pub fn answer(&self, number: u8, take: Take) -> News {
        if take == Take::RateLimited {
            return News::RateLimited;
        }
        let order = self.order(number);
        match order.standing {
            Standing::Absent => News::NotFound,
            standing => News::Status(standing, order.filled(), order.lots),
        }
    }
}
