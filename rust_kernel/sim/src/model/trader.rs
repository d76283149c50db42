//! The kernel's side of the world: the real kernel, and what the strategy and the adapter put into it.

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, InstrumentSpec, Intent, RareFields, Stamp, VenueEvent};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{
    KernelCommandType, KernelEventKind as Kind, OrderSide, TradeSide, TradeStage, VenueOrderStatus as Status,
};
use dita_kernel::num::Decimal;
use dita_kernel::order::Order;
use dita_kernel::outcome::Outcome;

use super::bounds::{Bounds, FillStyle};
use super::message::{News, Standing};

/// The settling window of the searched kernel, ns: longer than any history within one window.
const WINDOW_NS: i64 = 1_000_000;
/// The number of an order that has not left yet.
pub const UNSENT: u8 = u8::MAX;
/// All fills have one price, so that money is a function of quantity and no state of its own.
const PRICE: i128 = 100;

/// What the kernel may be given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stimulus {
    /// The next trade.
    Enter,
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
    /// How many exits the current trade has had.
    pub exits: u8,
    now_ns: i64,
    intents: u32,
}

fn id(text: &str) -> Id {
    // Short texts of ours are always ids.
    Id::new(text).unwrap_or_default()
}

fn lots(count: u8) -> Decimal {
    Decimal::new(i128::from(count), 0).unwrap_or(Decimal::ZERO)
}

fn symbol() -> Id {
    id("PERP")
}

impl Trader {
    /// The first state: a seeded kernel.
    ///
    /// # Errors
    /// What the kernel has against its own configuration.
    pub fn new() -> Result<Trader, String> {
        let config = KernelConfig {
            max_slots: 1,
            remembered_orders: 32,
            remembered_intents: 1,
            remembered_wallet_entries: 1,
            remembered_transactions: 4,
            settling_window_ns: WINDOW_NS,
            ..KernelConfig::default()
        };
        let kernel = Kernel::new(config)?;
        let mut trader = Trader { kernel, orders: Vec::new(), entered: 0, exits: 0, now_ns: 0, intents: 0 };
        let one = Decimal::ONE;
        let spec = InstrumentSpec::linear(symbol(), id("COIN"), id("CASH"), one, one);
        let price = Decimal::new(PRICE, 0).unwrap_or(one);
        let amount = Decimal::new(1_000_000, 0).unwrap_or(one);
        let mut effects = Effects::default();
        for input in [
            Input::Instrument(Box::new(spec)),
            Input::Seed { asset: id("CASH"), amount },
            Input::Mark { symbol: symbol(), price, venue_time_ns: 0 },
        ] {
            let outcome = trader.step(&input, &mut effects);
            if !outcome.accepted {
                return Err(format!("{input:?}: {outcome:?}"));
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
        let input = self.input(stimulus, bounds);
        let outcome = self.step(&input, effects);
        if outcome.accepted {
            match stimulus {
                Stimulus::Enter => (self.entered, self.exits) = (self.entered.saturating_add(1), 0),
                Stimulus::ExitLeg | Stimulus::ExitAll => self.exits = self.exits.saturating_add(1),
                Stimulus::Cancel(_)
                | Stimulus::TimeOut(_)
                | Stimulus::Settle
                | Stimulus::News(..)
                | Stimulus::Fill(..)
                | Stimulus::Leverage(_) => {}
            }
        }
        asked.clear();
        for command in &effects.commands {
            let known = |client_id: &Id| {
                let at = self.orders.iter().position(|order| order.client_id == *client_id);
                at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
            };
            asked.push(match command {
                // Sent again under the same id: no new order.
                Command::Submit(order) if known(&order.venue_client_id) != u8::MAX => {
                    Asked::Submit(known(&order.venue_client_id))
                }
                Command::Submit(order) => {
                    let size = order.size.at_scale(0).ok().and_then(|size| u8::try_from(size).ok());
                    let number = u8::try_from(self.orders.len()).unwrap_or(u8::MAX);
                    self.orders.push(Submitted {
                        client_id: order.venue_client_id.clone(),
                        side: order.order_side,
                        reduce_only: order.reduce_only,
                        lots: size.unwrap_or(0),
                    });
                    Asked::Submit(number)
                }
                Command::Cancel(request) => Asked::Cancel(known(&request.venue_client_id)),
                Command::Query(request) => Asked::Query(known(&request.venue_client_id)),
                Command::SetLeverage { .. } => Asked::SetLeverage,
                // No intent here amends.
                Command::Amend(_) => continue,
            });
        }
        (input, outcome)
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

    /// True where a request about an order is still without its answer.
    pub fn is_unanswered(&self, number: u8) -> bool {
        let waits =
            |order: &Order| order.is_live() && (order.status == Status::Sent || order.cancel_requested);
        self.known(number).is_some_and(waits)
    }

    /// True where no settling window is running that could matter: it matters while the order is live.
    pub fn is_settled(&self, number: u8) -> bool {
        self.known(number).is_none_or(|order| {
            !order.is_live() || self.now_ns.saturating_sub(order.sent_time_ns) >= WINDOW_NS
        })
    }

    /// True while the slot's entry waits and has not left.
    pub fn waits(&self) -> bool {
        self.kernel.slot(0).is_some_and(|slot| slot.stage == TradeStage::OrderRequested)
    }

    /// True while the slot carries no trade.
    pub fn is_free(&self) -> bool {
        self.kernel.slot(0).is_none_or(|slot| slot.stage.is_free())
    }

    // --------------------------------------------------------------------------------------------- inputs

    fn input(&mut self, stimulus: Stimulus, bounds: &Bounds) -> Input {
        match stimulus {
            Stimulus::Enter => self.enter(bounds),
            Stimulus::ExitLeg => self.intent(KernelCommandType::Exit, |_| {}),
            Stimulus::ExitAll => {
                let size = self.kernel.slot(0).and_then(|slot| Decimal::new(slot.size().0, 0).ok());
                self.intent(KernelCommandType::Exit, |intent| intent.target_size = size)
            }
            Stimulus::Cancel(number) => {
                let target = self.orders.get(usize::from(number)).map(|order| order.client_id.clone());
                self.intent(KernelCommandType::Cancel, |intent| {
                    intent.target_client_id = target.unwrap_or_default();
                })
            }
            Stimulus::TimeOut(number) => self.event(Kind::SendTimeout, number, |_| {}),
            Stimulus::Settle => {
                self.now_ns = self.now_ns.saturating_add(WINDOW_NS);
                Input::Time
            }
            Stimulus::News(number, news) => self.news(number, news, bounds),
            Stimulus::Fill(number, at, size, total) => self.fill(number, at, size, total, bounds.fills),
            Stimulus::Leverage(true) => Input::Effect(EffectResult::LeverageSet {
                symbol: symbol(),
                leverage: lots(self.entered.saturating_add(1)),
            }),
            Stimulus::Leverage(false) => {
                Input::Effect(EffectResult::LeverageRefused { symbol: symbol(), reason: "refused".into() })
            }
        }
    }

    /// Where leverage is asked for, each trade asks for another one than the one before.
    fn enter(&mut self, bounds: &Bounds) -> Input {
        let size = bounds.trades.get(usize::from(self.entered)).copied().unwrap_or(1);
        let ratios = bounds.legs.iter().filter_map(|percent| Decimal::new(i128::from(*percent), 2).ok());
        let ratios: Vec<Decimal> = ratios.collect();
        let leverage = bounds.leverage.then(|| lots(self.entered.saturating_add(2)));
        self.intent(KernelCommandType::Enter, |intent| {
            intent.target_size = Some(lots(size));
            intent.exit_leg_ratios = ratios;
            intent.leverage = leverage;
        })
    }

    fn intent(&mut self, action: KernelCommandType, change: impl FnOnce(&mut Intent)) -> Input {
        self.intents = self.intents.saturating_add(1);
        let enters = action == KernelCommandType::Enter;
        let trade = if enters { self.entered.saturating_add(1) } else { self.entered };
        let intent_id = id(&format!("i{}", self.intents));
        let trade_id = id(&format!("t{trade}"));
        let mut intent = Intent::new(action, intent_id, trade_id, 0, symbol(), TradeSide::Long);
        change(&mut intent);
        Input::Intent(Box::new(intent))
    }

    fn event(&self, kind: Kind, number: u8, change: impl FnOnce(&mut VenueEvent)) -> Input {
        let mut event = VenueEvent::new(kind, self.now_ns);
        event.venue_client_id =
            self.orders.get(usize::from(number)).map(|order| order.client_id.clone()).unwrap_or_default();
        event.venue_order_id = id(&format!("v{number}"));
        event.asset = symbol();
        change(&mut event);
        Input::Venue(Box::new(event))
    }

    /// What the adapter makes of a message.
    fn news(&self, number: u8, news: News, bounds: &Bounds) -> Input {
        let tells_total = bounds.fills != FillStyle::Id;
        let ended = |kind, filled: u8| {
            self.event(kind, number, |event| event.filled_size = tells_total.then(|| lots(filled)))
        };
        match news {
            News::Ack => self.event(Kind::OrderAck, number, |_| {}),
            News::CancelPending => self.event(Kind::CancelPending, number, |_| {}),
            News::CancelAck(filled) => ended(Kind::CancelAck, filled),
            News::CancelReject => self.event(Kind::CancelReject, number, |_| {}),
            News::Reject => {
                self.event(Kind::OrderReject, number, |event| event.status = Some(Status::Rejected))
            }
            News::DuplicateId => self.event(Kind::OrderReject, number, |event| {
                let rare = RareFields { reason_code: id("DUPLICATE_CLIENT_ID"), ..RareFields::default() };
                event.rare = Some(Box::new(rare));
            }),
            News::RateLimited => self.event(Kind::RateLimited, number, |_| {}),
            News::Expired(filled) => ended(Kind::Expired, filled),
            News::DoneForDay(filled) => ended(Kind::DoneForDay, filled),
            News::Status(standing, filled) => self.event(Kind::OrderStatus, number, |event| {
                event.status = Some(told_status(standing, filled));
                event.filled_size = Some(lots(filled));
            }),
            News::NotFound => self.event(Kind::OrderNotFound, number, |event| {
                event.venue_order_id = Id::EMPTY;
            }),
            // A fill is a stimulus of its own: its figures are the venue's.
            News::Fill(_) => Input::Time,
        }
    }

    fn fill(&self, number: u8, at: u8, size: u8, total: u8, style: FillStyle) -> Input {
        let side = self.orders.get(usize::from(number)).map(|order| order.side);
        self.event(Kind::PartialFill, number, |event| {
            event.order_side = side;
            event.size = Some(lots(size));
            event.price = Decimal::new(PRICE, 0).ok();
            if style != FillStyle::Total {
                event.venue_trade_id = id(&format!("f{number}.{at}"));
            }
            if style != FillStyle::Id {
                event.filled_size = Some(lots(total));
            }
        })
    }
}

fn told_status(standing: Standing, filled: u8) -> Status {
    match standing {
        Standing::Absent => Status::New,
        Standing::Working if filled > 0 => Status::PartiallyFilled,
        Standing::Working => Status::Acked,
        Standing::Canceling => Status::PendingCancel,
        Standing::Filled => Status::Filled,
        Standing::Canceled => Status::Canceled,
        Standing::Expired => Status::Expired,
        Standing::DoneForDay => Status::DoneForDay,
        Standing::Rejected => Status::Rejected,
    }
}
