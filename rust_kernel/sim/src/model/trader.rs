//! The kernel's side of the world: the real kernel, and what the strategy and the adapter put into it.

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{AdoptedSlot, AdoptedSlots, Input, InstrumentSpec, Stamp, VenueEvent};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{
    KernelEventKind, OppositeSlots, OrderSide, PairOff, TradeSide, TradeStage, VenueOrderStatus as Status,
};
use dita_kernel::num::Decimal;
use dita_kernel::order::{Order, OrderRole};
use dita_kernel::outcome::Outcome;

use super::bounds::Bounds;
use super::message::{Hand, News};

/// The settling window of the searched kernel, ns: longer than any history within one window.
pub(super) const WINDOW_NS: i64 = 1_000_000;
/// The number of an order that has not left yet.
pub const UNSENT: u8 = u8::MAX;
/// All fills have one price, so that money is a function of quantity and no state of its own.
pub(super) const PRICE: i128 = 100;

/// What the kernel may be given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stimulus {
    /// The next trade.
    Enter,
    /// One more lot of the trade.
    Add,
    /// The next leg.
    ExitLeg,
    /// All of it.
    ExitAll,
    /// Cancel that order.
    Cancel(u8),
    /// No answer came about that order.
    TimeOut(u8),
    /// The settling window passes.
    Settle,
    /// News of an order, but fills.
    News(u8, News),
    /// A fill: order, number, lots, the order's lots filled with it.
    Fill(u8, u8, u8, u8),
    /// A fill of an order is revised: order, number, lots as told first, and the news.
    Revised(u8, u8, u8, News),
    /// A forced fill: number, lots.
    Forced(u8, u8),
    /// A fill of a stranger's order of one lot: number, and whether it sells.
    Strange(u8, bool),
    /// Another total for an order.
    Amend(u8, u8),
    /// An operator's hand; the second says whether the stranger's order sells.
    Hand(Hand, bool),
    /// The kernel comes back from its own state, and the connection is down.
    Crash,
    /// The connection is back.
    Resync,
    /// The leverage is set, or refused.
    Leverage(bool),
}

/// An order as the kernel submitted it.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// Our id, by which everything travels.
    pub client_id: Id,
    /// BUY or SELL.
    pub side: OrderSide,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
    /// Its size.
    pub lots: u8,
    /// The ids of the requests to change it, in turn.
    pub amends: Vec<Id>,
}

/// What the kernel asked for in one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// The order of that number is new.
    Submit(u8),
    /// Cancel it.
    Cancel(u8),
    /// Say what became of it.
    Query(u8),
    /// The change of that order of that number: to so many lots.
    Amend(u8, u8, u8),
    /// Set the leverage.
    SetLeverage,
}

/// The kernel and what stands around it.
#[derive(Clone, Debug)]
pub struct Trader {
    /// The real thing.
    pub kernel: Kernel,
    /// Every order ever submitted, in turn.
    pub orders: Vec<Submitted>,
    /// How many trades were entered.
    pub entered: u8,
    /// How often trades were added to.
    pub added: u8,
    /// How many exits the current trade has had.
    pub exits: u8,
    /// How many changes were asked for.
    pub amends: u8,
    /// How often an operator has laid hands on the slot.
    pub hands: u8,
    /// How often the kernel has crashed.
    pub crashes: u8,
    /// Whether fills may be revised: then it matters in which sequence they were booked.
    pub(super) sequenced: bool,
    /// Whether an order that has ended may work again.
    reopens: bool,
    pub(super) now_ns: i64,
    pub(super) intents: u32,
}

pub(super) fn id(text: &str) -> Id {
    // Short texts of ours are always ids.
    Id::new(text).unwrap_or_default()
}

pub(super) fn lots(count: u8) -> Decimal {
    Decimal::new(i128::from(count), 0).unwrap_or(Decimal::ZERO)
}

pub(super) fn symbol() -> Id {
    id("PERP")
}

/// Another slot is short: sold past the kernel, and taken over.
fn facing(count: u8) -> [Input; 2] {
    let mut event = VenueEvent::new(KernelEventKind::FullFill, 1);
    event.venue_order_id = id("facing");
    event.venue_trade_id = id("ff0");
    event.asset = symbol();
    event.order_side = Some(OrderSide::Sell);
    event.size = Some(lots(count));
    event.price = Decimal::new(PRICE, 0).ok();
    let slot = AdoptedSlot {
        slot_id: 1,
        trade_id: id("facing"),
        owner: Id::EMPTY,
        asset: symbol(),
        side: TradeSide::Short,
        size: lots(count),
        entry_price: Decimal::new(PRICE, 0).unwrap_or(Decimal::ONE),
        initial_size: lots(count),
        realized_pnl: Decimal::ZERO,
        fees_paid: Decimal::ZERO,
        funding_net: Decimal::ZERO,
        leverage: Decimal::ONE,
        exit_leg_ratios: Vec::new(),
        entry_time_ns: 1,
        metadata: "".into(),
    };
    let adopted = AdoptedSlots { by: id("operator"), slots: vec![slot] };
    [Input::Venue(Box::new(event)), Input::Adopt(Box::new(adopted))]
}

impl Trader {
    /// The first state: a seeded kernel.
    ///
    /// # Errors
    /// What the kernel has against its own configuration.
    pub fn new(bounds: &Bounds) -> Result<Trader, String> {
        let config = KernelConfig {
            max_slots: if bounds.facing > 0 { 2 } else { 1 },
            remembered_orders: 32,
            remembered_intents: 1,
            remembered_wallet_entries: 1,
            remembered_transactions: 4,
            settling_window_ns: WINDOW_NS,
            ..KernelConfig::default()
        };
        let kernel = Kernel::new(config)?;
        let mut trader = Trader {
            kernel,
            orders: Vec::new(),
            entered: 0,
            added: 0,
            exits: 0,
            amends: 0,
            hands: 0,
            crashes: 0,
            sequenced: bounds.revisions_max > 0,
            reopens: bounds.revisions_max > 0 || bounds.amends_max > 0,
            now_ns: 0,
            intents: 0,
        };
        let one = Decimal::ONE;
        let mut spec = InstrumentSpec::linear(symbol(), id("COIN"), id("CASH"), one, one);
        if bounds.facing > 0 {
            (spec.opposite_slots, spec.pair_off) = (OppositeSlots::Net, PairOff::SameOwner);
        }
        let price = Decimal::new(PRICE, 0).unwrap_or(one);
        let amount = Decimal::new(1_000_000, 0).unwrap_or(one);
        let mut effects = Effects::default();
        for input in [
            Input::Instrument(Box::new(spec)),
            Input::Seed { asset: id("CASH"), amount },
            Input::Mark { symbol: symbol(), price, venue_time_ns: 0, ages: false },
        ] {
            let outcome = trader.step(&input, &mut effects);
            if !outcome.accepted {
                return Err(format!("{input:?}: {outcome:?}"));
            }
        }
        if bounds.facing > 0 {
            for input in facing(bounds.facing) {
                let outcome = trader.step(&input, &mut effects);
                if !outcome.accepted {
                    return Err(format!("{input:?}: {outcome:?}"));
                }
            }
        }
        Ok(trader)
    }

    fn step(&mut self, input: &Input, effects: &mut Effects) -> Outcome {
        self.now_ns = self.now_ns.saturating_add(1);
        effects.clear();
        self.kernel.step(Stamp(self.now_ns), input, effects)
    }

    /// Gives the kernel one thing, and says what it asks for.
    pub fn give(
        &mut self,
        stimulus: Stimulus,
        bounds: &Bounds,
        effects: &mut Effects,
        asked: &mut Vec<Asked>,
    ) -> (Input, Outcome) {
        if stimulus == Stimulus::Crash {
            self.restore();
        }
        let input = self.input(stimulus, bounds);
        let outcome = self.step(&input, effects);
        if outcome.accepted {
            match stimulus {
                Stimulus::Enter => (self.entered, self.exits) = (self.entered.saturating_add(1), 0),
                Stimulus::Add => self.added = self.added.saturating_add(1),
                Stimulus::ExitLeg | Stimulus::ExitAll => self.exits = self.exits.saturating_add(1),
                Stimulus::Amend(..) => self.amends = self.amends.saturating_add(1),
                Stimulus::Hand(..) => self.hands = self.hands.saturating_add(1),
                Stimulus::Crash => self.crashes = self.crashes.saturating_add(1),
                Stimulus::Cancel(_)
                | Stimulus::TimeOut(_)
                | Stimulus::Revised(..)
                | Stimulus::Forced(..)
                | Stimulus::Strange(..)
                | Stimulus::Resync
                | Stimulus::Settle
                | Stimulus::News(..)
                | Stimulus::Fill(..)
                | Stimulus::Leverage(_) => {}
            }
        }
        asked.clear();
        for command in &effects.commands {
            asked.push(self.asked(command));
        }
        (input, outcome)
    }

    /// A kernel restarts from what it has stored: here, from all of its state as bytes.
    fn restore(&mut self) {
        let stored = self.kernel.to_snapshot().ok();
        if let Some(kernel) = stored.and_then(|bytes| Kernel::from_snapshot(&bytes).ok()) {
            self.kernel = kernel;
        }
    }

    fn asked(&mut self, command: &Command) -> Asked {
        let orders = &mut self.orders;
        let known = |client_id: &Id| {
            let at = orders.iter().position(|order| order.client_id == *client_id);
            at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
        };
        let small =
            |size: Decimal| size.at_scale(0).ok().and_then(|size| u8::try_from(size).ok()).unwrap_or(0);
        match command {
            // Sent again under the same id: no new order.
            Command::Submit(order) if known(&order.venue_client_id) != u8::MAX => {
                Asked::Submit(known(&order.venue_client_id))
            }
            Command::Submit(order) => {
                let number = u8::try_from(orders.len()).unwrap_or(u8::MAX);
                orders.push(Submitted {
                    client_id: order.venue_client_id.clone(),
                    side: order.order_side,
                    reduce_only: order.reduce_only,
                    lots: small(order.size),
                    amends: Vec::new(),
                });
                Asked::Submit(number)
            }
            Command::Cancel(request) => Asked::Cancel(known(&request.venue_client_id)),
            Command::Query(request) => Asked::Query(known(&request.venue_client_id)),
            Command::SetLeverage { .. } => Asked::SetLeverage,
            Command::Amend(request) => {
                let number = known(&request.venue_client_id);
                let order = &mut orders[usize::from(number)];
                let nth = u8::try_from(order.amends.len()).unwrap_or(u8::MAX);
                order.amends.push(request.request_id.clone());
                Asked::Amend(number, nth, small(request.size))
            }
        }
    }

    /// The kernel's own record of an order, while it remembers it.
    pub fn known(&self, number: u8) -> Option<&Order> {
        let submitted = self.orders.get(usize::from(number))?;
        let place = self.kernel.orders().by_client_id(&submitted.client_id)?;
        Some(self.kernel.orders().at(place))
    }

    /// The orders that the kernel holds for live, by number.
    pub fn live_orders(&self) -> impl Iterator<Item = u8> + '_ {
        (0_u8..).take(self.orders.len()).filter(|number| self.known(*number).is_some_and(Order::is_live))
    }

    /// The orders of the slot's trade that have filled, by number, each with its total: the venue may let them grow.
    pub fn filled_orders(&self) -> impl Iterator<Item = (u8, u8)> + '_ {
        let trade = self.kernel.slot(0).map(|slot| slot.trade_number);
        (0_u8..).take(self.orders.len()).filter_map(move |number| {
            let order = self.known(number)?;
            let may_grow = order.status == Status::Filled
                && Some(order.trade_number) == trade
                && order.amendment().is_none()
                && order.role != OrderRole::External;
            may_grow.then(|| (number, u8::try_from(order.qty.0).unwrap_or(u8::MAX)))
        })
    }

    /// True where a request about an order is still without its answer.
    pub fn is_unanswered(&self, number: u8) -> bool {
        let waits = |order: &Order| {
            let asked = order.status == Status::Sent || order.cancel_requested;
            (order.is_live() && asked) || order.amendment().is_some()
        };
        self.known(number).is_some_and(waits)
    }

    /// True where no settling window is running that could matter.
    pub fn is_settled(&self, number: u8) -> bool {
        self.known(number).is_none_or(|order| self.settled(order) == (true, true))
    }

    /// The same of the order itself, which matters while it is live or may be so again, and of a change that is not answered.
    pub(super) fn settled(&self, order: &Order) -> (bool, bool) {
        let over = |since_ns: i64| self.now_ns.saturating_sub(since_ns) >= WINDOW_NS;
        let sent = !(order.is_live() || self.reopens) || over(order.sent_time_ns);
        (sent, order.amendment().is_none_or(|amendment| over(amendment.sent_time_ns)))
    }

    /// The orders about which an answer may be given up.
    pub fn unanswered(&self) -> impl Iterator<Item = u8> + '_ {
        (0_u8..).take(self.orders.len()).filter(|number| self.is_unanswered(*number))
    }

    /// True while the slot's entry waits and has not left.
    pub fn waits(&self) -> bool {
        self.kernel.slot(0).is_some_and(|slot| slot.stage == TradeStage::OrderRequested)
    }

    /// True while the connection is down.
    pub fn is_down(&self) -> bool {
        self.kernel.disconnected_since_ns().is_some()
    }

    /// True while the slot carries no trade.
    pub fn is_free(&self) -> bool {
        self.kernel.slot(0).is_none_or(|slot| slot.stage.is_free())
    }
}
