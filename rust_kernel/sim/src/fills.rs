//! Where an order and the market meet: one fill, from the position to the events.

use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::names::{KernelEventKind, Liquidity, OrderSide, PositionSide, VenueOrderStatus};
use dita_kernel::num::product;

use crate::book::Book;
use crate::chaos::Chaos;
use crate::config::{Behaviour, Settling};
use crate::counters::Counters;
use crate::events::{self, Moment};
use crate::forms::Forms;
use crate::funding::Schedule;
use crate::numbering::Numbering;
use crate::orders::Order;
use crate::random::Random;
use crate::reject::Reject;
use crate::resting::Queue;
use crate::rules::{Kind, Rules, exact};
use crate::statement::StatementLine;
use crate::wallet::{Position, Wallet, settle};

/// One instrument: its rules, its book, the orders that wait in it, and the account's position.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) rules: Rules,
    /// The place of the settlement asset's account in the wallet.
    pub(crate) account: usize,
    /// Spot: the place of the base asset's account.
    pub(crate) base_account: Option<usize>,
    pub(crate) book: Book,
    /// A one-way account's position; in hedge mode the long one. Spot has none: there is only the balance.
    pub(crate) position: Position,
    /// Hedge mode: the short one.
    pub(crate) short: Position,
    pub(crate) buys: Queue,
    pub(crate) sells: Queue,
    /// Orders that wait for their trigger, the oldest first.
    pub(crate) dormant: Vec<u32>,
    /// The mark price at scale 18.
    pub(crate) mark: Option<i128>,
    /// What positions were last valued at in an earlier life, at scale 18: it stands in until this one knows a price.
    pub(crate) remembered_price: Option<i128>,
    pub(crate) funding: Option<Schedule>,
    /// Fill ids of its own, where the venue numbers per symbol.
    pub(crate) trade_ids: Numbering,
    /// The last fill's side and id, where faults are on.
    pub(crate) last_trade: Option<(OrderSide, Id)>,
    /// True where bars tell the market: the last that was heard of it was one.
    pub(crate) in_bars: bool,
    /// When the last price of a bar's path was, ns.
    pub(crate) price_ns: i64,
    /// True while a bar's path is walked: what arrives meanwhile was on its way, and meets the next bar's open.
    pub(crate) walking: bool,
    /// True where a fill is more than a linear contract's on a one-way account without faults.
    pub(crate) odd: bool,
}

impl Market {
    pub(crate) fn queue(&mut self, side: OrderSide) -> &mut Queue {
        match side {
            OrderSide::Buy => &mut self.buys,
            OrderSide::Sell => &mut self.sells,
        }
    }

    /// Puts an order in line at its limit, behind what the book shows there where the venue keeps a queue.
    pub(crate) fn rest(&mut self, order: &Order, limit: i128, place: u32, queue_position: bool) {
        let side = order.order_side;
        let ahead = if queue_position { self.book.own(side).resting_at(limit) } else { 0 };
        self.queue(side).insert(side, limit, order.priority(), place, ahead);
    }

    /// The book has changed: nobody has more before him than it shows.
    pub(crate) fn shrink_queues(&mut self, evenly: bool) {
        let Market { book, buys, sells, .. } = self;
        buys.shrink(evenly, |rank| book.bids.resting_at(rank));
        sells.shrink(evenly, |rank| book.asks.resting_at(-rank));
    }

    /// The position that an order belongs to.
    #[inline]
    pub(crate) fn book_of(&mut self, position_side: PositionSide) -> &mut Position {
        match position_side {
            PositionSide::Both | PositionSide::Long => &mut self.position,
            PositionSide::Short => &mut self.short,
        }
    }

    /// How much an order can close.
    #[inline]
    pub(crate) fn closable(&self, side: OrderSide, position_side: PositionSide) -> i128 {
        match position_side {
            PositionSide::Both | PositionSide::Long => self.position.closable(side),
            PositionSide::Short => self.short.closable(side),
        }
    }
}

/// One fill of one order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) price: i128,
    pub(crate) quantity: i128,
    pub(crate) liquidity: Liquidity,
}

/// Another asset that pays the fees.
#[derive(Clone, Debug)]
pub(crate) struct FeeAsset {
    pub(crate) account: usize,
    /// Units of the settlement asset for one of it, at scale 18.
    pub(crate) price: i128,
    /// What part of the fee is charged: 1 less the discount, at scale 18.
    pub(crate) part: i128,
}

/// All of the venue that is not one instrument's and not the orders.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) behaviour: Behaviour,
    pub(crate) random: Random,
    pub(crate) wallet: Wallet,
    /// Which life of the venue this is, counted from 1: see [`SimVenue::resume`](crate::venue::SimVenue::resume).
    pub(crate) life: u32,
    pub(crate) order_ids: Numbering,
    pub(crate) trade_ids: Numbering,
    /// Ids of wallet entries.
    pub(crate) entry_ids: Numbering,
    /// What fees are paid in, and how.
    pub(crate) fee_asset: Option<FeeAsset>,
    /// True where no market is plain.
    pub(crate) odd: bool,
    /// True where a trade was booked since the last look.
    pub(crate) moved: bool,
    /// True while a bar opens: what it has passed fills at its price.
    pub(crate) opening: bool,
    /// Groups of which an order was filled, for the venue's own OCO.
    pub(crate) filled_groups: Vec<Id>,
    /// What goes wrong, where anything may.
    pub(crate) chaos: Option<Box<Chaos>>,
    pub(crate) counters: Counters,
    pub(crate) forms: Forms,
    /// What was booked, where somebody wants to read it.
    pub(crate) statement: Option<Vec<StatementLine>>,
    /// The venue's time. It never runs backwards.
    pub(crate) now_ns: i64,
}

impl Desk {
    /// True where a fill on such an instrument takes more than a linear contract's does.
    pub(crate) fn is_odd(&self, rules: &Rules) -> bool {
        self.odd || self.fee_asset.is_some() || rules.kind != Kind::Linear || !rules.fee_asset.is_empty()
    }

    #[inline]
    pub(crate) fn moment(&self) -> Moment {
        let received_ns = self.now_ns.saturating_add(self.behaviour.way_back_ns);
        Moment { venue_ns: self.now_ns, received_ns }
    }

    /// Draws whether an order that can fill does not, this time.
    #[inline]
    pub(crate) fn misses(&mut self) -> bool {
        let fills = self.behaviour.fills;
        !self.random.happens(fills)
    }

    /// Draws the first of two parts, 50 to 90 % of the quantity on the lot grid; all of it where it is not parted.
    #[inline]
    pub(crate) fn first_part(&mut self, quantity: i128, lot: i128) -> i128 {
        let splits = self.behaviour.splits;
        if !self.random.happens(splits) {
            return quantity;
        }
        let lots = quantity / lot;
        let (low, high) = ((lots + 1) / 2, lots - (lots + 9) / 10);
        if low == 0 || low > high { quantity } else { self.random.between(low, high) * lot }
    }

    /// Fills an order, in two parts where `first` is less than the whole, and says what is left of `first`.
    #[inline]
    pub(crate) fn fill_parted(
        &mut self,
        market: &mut Market,
        order: &mut Order,
        fill: &Fill,
        first: i128,
        out: &mut Vec<Input>,
    ) -> i128 {
        if first <= 0 || first >= fill.quantity {
            self.fill(market, order, fill, out);
            return first - fill.quantity;
        }
        self.fill_twice(market, order, fill, first, out);
        0
    }

    #[cold]
    fn fill_twice(
        &mut self,
        market: &mut Market,
        order: &mut Order,
        fill: &Fill,
        first: i128,
        out: &mut Vec<Input>,
    ) {
        self.fill(market, order, &Fill { quantity: first, ..*fill }, out);
        self.fill(market, order, &Fill { quantity: fill.quantity - first, ..*fill }, out);
    }

    /// Books one fill on position and wallet, and reports it.
    fn fill(&mut self, market: &mut Market, order: &mut Order, fill: &Fill, out: &mut Vec<Input>) {
        if market.odd {
            return self.fill_oddly(market, order, fill, out);
        }
        let rules = &market.rules;
        let &Fill { price, quantity, liquidity } = fill;
        let settlement = settle(rules, &mut market.position, order.order_side, price, quantity, liquidity);
        self.wallet.book(market.account, settlement, rules.fee_decimals);
        order.filled += quantity;
        order.paid += exact(product(price, quantity));
        self.counters.fills += 1;

        let moment = self.moment();
        let settling = self.behaviour.settling;
        let fee = self.behaviour.fee_in_fill.then_some(settlement.fee);
        let realised = (settling == Settling::Report).then_some(settlement.realised);
        let trade_id = self.trade_ids.next_id();
        events::filled(self.forms.venue(out), order, rules, fill, &trade_id, (fee, realised), moment);
        if settling == Settling::Apart {
            events::settled(self.forms.account(out), rules, settlement, &trade_id, moment);
        }
    }

    /// Ends a batch of fills.
    #[inline]
    pub(crate) fn report_wallet(&mut self, market: &Market, out: &mut Vec<Input>) {
        if market.odd {
            return self.report_accounts(market, out);
        }
        if self.behaviour.wallet_events {
            let balance = self.wallet.balance_decimal(market.account);
            let moment = self.moment();
            events::wallet(self.forms.account(out), &market.rules.settle, balance, moment);
        }
    }

    /// Reports that an order has expired.
    pub(crate) fn expire(&mut self, market: &Market, order: &Order, reason: Reject, out: &mut Vec<Input>) {
        self.counters.expired += 1;
        let what = (KernelEventKind::Expired, VenueOrderStatus::Expired);
        let moment = self.moment();
        events::ended(self.forms.venue(out), what, order, &market.rules, Some(reason), moment);
    }
}
