//! What strategy, operator and adapter make of a stimulus: the kernel's inputs.

use dita_kernel::id::Id;
use dita_kernel::input::{
    AdoptedSlot, AdoptedSlots, Attachment, EffectResult, Input, Intent, RareFields, SlotOverride, VenueEvent,
};
use dita_kernel::names::{
    KernelCommandType, KernelEventKind as Kind, OrderSide, TradeSide, VenueOrderStatus as Status,
};
use dita_kernel::num::Decimal;

use super::bounds::{Bounds, FillStyle};
use super::message::{Afterwards, Hand, News, Standing};
use super::trader::{PRICE, Stimulus, Trader, WINDOW_NS, id, lots, symbol};

/// The id of the stranger's order.
const STRANGER: &str = "stranger";

impl Trader {
    pub(super) fn input(&mut self, stimulus: Stimulus, bounds: &Bounds) -> Input {
        match stimulus {
            Stimulus::Enter => self.enter(bounds),
            Stimulus::Add => {
                let carried = self.kernel.slot(0).map(|slot| slot.trade_id.clone()).unwrap_or_default();
                self.intent(KernelCommandType::Enter, |intent| {
                    intent.trade_id = carried;
                    intent.target_size = Some(lots(1));
                    intent.attached = Some(Box::new(Attachment { add: true, ..Attachment::NONE }));
                })
            }
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
            Stimulus::Revised(number, at, told, news) => self.revised(number, at, told, news),
            Stimulus::Forced(at, size) => self.forced(at, size),
            Stimulus::Strange(at, sells) => self.strange(at, sells),
            Stimulus::Amend(number, size) => {
                let target = self.orders.get(usize::from(number)).map(|order| order.client_id.clone());
                self.intent(KernelCommandType::Amend, |intent| {
                    intent.target_client_id = target.unwrap_or_default();
                    intent.target_size = Some(lots(size));
                })
            }
            Stimulus::Hand(Hand::Adopt, _) => self.adopted(),
            Stimulus::Hand(hand, sells) => self.hand(hand, sells),
            Stimulus::Crash => Input::Venue(Box::new(VenueEvent::new(Kind::Disconnected, self.now_ns))),
            Stimulus::Resync => Input::Venue(Box::new(VenueEvent::new(Kind::Resynced, self.now_ns))),
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
        let intent_id = id(&format!("i{}", self.intents));
        let carried = self.kernel.slot(0).map(|slot| slot.trade_id.clone()).filter(|_| !enters);
        let trade_id = carried.unwrap_or_else(|| id(&format!("t{}", self.entered.saturating_add(1))));
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
            News::DoneForDay(filled) => self.event(Kind::DoneForDay, number, |event| {
                event.filled_size = tells_total.then(|| lots(filled));
                // The day is its order's last.
                event.remaining_size = Some(lots(0));
            }),
            News::Status(standing, filled, total) => self.event(Kind::OrderStatus, number, |event| {
                event.status = Some(told_status(standing, filled));
                event.filled_size = Some(lots(filled));
                event.remaining_size = (standing == Standing::DoneForDay).then(|| lots(0));
                event.order_size = bounds.changes_orders().then(|| lots(total));
            }),
            News::AmendAck(nth, total) => self.answer(Kind::AmendAck, number, nth, Some(total)),
            News::AmendReject(nth) => self.answer(Kind::AmendReject, number, nth, None),
            News::AmendLimited(nth) => self.answer(Kind::RateLimited, number, nth, None),
            News::NotFound => self.event(Kind::OrderNotFound, number, |event| {
                event.venue_order_id = Id::EMPTY;
            }),
            // A fill is a stimulus of its own: its figures are the venue's.
            News::Fill(_) | News::Revised(..) | News::Forced(_) | News::Strange(_) => Input::Time,
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

    /// The venue's answer to a request to change an order.
    fn answer(&self, kind: Kind, number: u8, nth: u8, total: Option<u8>) -> Input {
        let order = self.orders.get(usize::from(number));
        let request = order.and_then(|order| order.amends.get(usize::from(nth))).cloned();
        self.event(kind, number, |event| {
            event.order_size = total.map(lots);
            let rare = RareFields { request_id: request.unwrap_or_default(), ..RareFields::default() };
            event.rare = Some(Box::new(rare));
        })
    }

    /// A bust or a correction, with an event id of its own and no trade id.
    fn revised(&self, number: u8, at: u8, told: u8, news: News) -> Input {
        let News::Revised(_, size, then) = news else { return Input::Time };
        let kind = if size == 0 { Kind::TradeBust } else { Kind::TradeCorrect };
        self.event(kind, number, |event| {
            event.event_id = id(&format!("r{number}.{at}"));
            event.size = Some(lots(if size == 0 { told } else { size }));
            event.price = Decimal::new(PRICE, 0).ok();
            event.status = (then == Afterwards::Works).then_some(Status::PartiallyFilled);
            let rare = RareFields { ref_trade_id: id(&format!("f{number}.{at}")), ..RareFields::default() };
            event.rare = Some(Box::new(rare));
        })
    }

    /// A liquidation: an order of the venue's own that sells.
    fn forced(&self, at: u8, size: u8) -> Input {
        let mut event = VenueEvent::new(Kind::Liquidation, self.now_ns);
        event.venue_order_id = id(&format!("l{at}"));
        event.venue_trade_id = id(&format!("fl{at}"));
        event.asset = symbol();
        event.order_side = Some(OrderSide::Sell);
        event.size = Some(lots(size));
        event.price = Decimal::new(PRICE, 0).ok();
        Input::Venue(Box::new(event))
    }

    /// A fill of one lot of a stranger's order of one lot: a second one overfills it.
    fn strange(&self, at: u8, sells: bool) -> Input {
        let mut event = VenueEvent::new(Kind::FullFill, self.now_ns);
        event.venue_client_id = id(STRANGER);
        event.venue_order_id = id(STRANGER);
        event.venue_trade_id = id(&format!("fs{at}"));
        event.asset = symbol();
        event.order_side = Some(if sells { OrderSide::Sell } else { OrderSide::Buy });
        event.size = Some(lots(1));
        event.price = Decimal::new(PRICE, 0).ok();
        Input::Venue(Box::new(event))
    }

    /// The name of a trade that an operator opens.
    fn hand_trade(&self) -> Id {
        id(&format!("h{}", self.hands))
    }

    fn adopted(&self) -> Input {
        let price = Decimal::new(PRICE, 0).unwrap_or(Decimal::ONE);
        let slot = AdoptedSlot {
            slot_id: 0,
            trade_id: self.hand_trade(),
            asset: symbol(),
            side: TradeSide::Long,
            size: lots(1),
            entry_price: price,
            initial_size: lots(1),
            realized_pnl: Decimal::ZERO,
            fees_paid: Decimal::ZERO,
            funding_net: Decimal::ZERO,
            leverage: Decimal::ONE,
            exit_leg_ratios: Vec::new(),
            entry_time_ns: self.now_ns,
            metadata: "".into(),
            owner: Id::EMPTY,
        };
        Input::Adopt(Box::new(AdoptedSlots { by: id("operator"), slots: vec![slot] }))
    }

    fn hand(&self, hand: Hand, stranger_sells: bool) -> Input {
        let held = self.kernel.slot(0).and_then(|slot| u8::try_from(slot.size().0).ok()).unwrap_or(0);
        let mut change = SlotOverride::new(0, id("operator"), "by hand".into());
        let price = Decimal::new(PRICE, 0).ok();
        match hand {
            Hand::Open | Hand::Adopt => {
                change.trade_id = Some(self.hand_trade());
                change.asset = Some(symbol());
                change.side = Some(TradeSide::Long);
                change.size = Some(lots(1));
                change.entry_price = price;
            }
            Hand::More => {
                change.size = Some(lots(held.saturating_add(1)));
                change.entry_price = price;
            }
            Hand::Less => change.size = Some(lots(held.saturating_sub(1))),
            Hand::Close => change.closed = Some(true),
            Hand::Attach if stranger_sells => change.exit_order = Some(id(STRANGER)),
            Hand::Attach => change.entry_order = Some(id(STRANGER)),
        }
        Input::Override(Box::new(change))
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
