//! The caller's venue. What the kernel wants of it waits here, until the caller takes it and carries it out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use dita_engine::json::{self, Object};
use dita_engine::{Observed, OrderView, order_view};
use dita_host::{Foreign, Reply};
use dita_kernel::effect::{AmendRequest, Command};
use dita_kernel::id::Id;
use dita_kernel::input::{EffectResult, Input, RareFields, VenueEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::KernelEventKind;
use dita_kernel::num::Decimal;

/// So many effects wait at most. What comes then surely never leaves, and the kernel is told so.
pub const EFFECTS_MAX: usize = 65_536;

/// Something that the caller has to carry out at its venue.
pub enum Effect {
    /// A new order.
    Submit(Box<OrderView>),
    /// An order's cancel.
    Cancel {
        /// The order.
        order: Box<OrderView>,
        /// Why the intent wants it.
        reason: Id,
    },
    /// An order's change.
    Amend {
        /// The order, as it stands.
        order: Box<OrderView>,
        /// What it shall become.
        request: Box<AmendRequest>,
    },
    /// What became of an order.
    Query {
        /// Our id.
        venue_client_id: Id,
        /// The venue's, where it is known.
        venue_order_id: Id,
        /// The instrument.
        asset: Id,
    },
    /// A leverage, to be set.
    SetLeverage {
        /// The instrument.
        symbol: Id,
        /// The leverage.
        leverage: Decimal,
    },
    /// The order is not known any more: there is nothing to do.
    Nothing,
}

/// Without needless zeros: a request is at its instrument's scale.
fn short(value: Decimal) -> Decimal {
    Decimal::normalized(value.mantissa(), value.scale()).unwrap_or(value)
}

impl Effect {
    /// As an answer's `effects` show it.
    pub fn to_json(&self) -> String {
        let mut object = Object::begin();
        match self {
            Effect::Submit(order) => {
                object.text("effect", "submit");
                object.raw("order", &json::order(order));
            }
            Effect::Cancel { order, reason } => {
                object.text("effect", "cancel");
                object.raw("order", &json::order(order));
                object.text("reason", reason.as_str());
            }
            Effect::Amend { order, request } => {
                object.text("effect", "amend");
                object.raw("order", &json::order(order));
                object.text("request_id", request.request_id.as_str());
                object.number("size", short(request.size));
                object.number_or_null("limit_price", request.limit_price.map(short));
                object.number_or_null("trigger_price", request.trigger_price.map(short));
            }
            Effect::Query { venue_client_id, venue_order_id, asset } => {
                object.text("effect", "query");
                object.text("venue_client_id", venue_client_id.as_str());
                object.text("venue_order_id", venue_order_id.as_str());
                object.text("asset", asset.as_str());
            }
            Effect::SetLeverage { symbol, leverage } => {
                object.text("effect", "set_leverage");
                object.text("asset", symbol.as_str());
                object.number("leverage", *leverage);
            }
            Effect::Nothing => object.text("effect", "nothing"),
        }
        object.end()
    }

    /// What the kernel is told of one that finds no room.
    fn never_left(self, now_ns: i64) -> Vec<Input> {
        let reason: Box<str> =
            format!("{EFFECTS_MAX} effects wait and nobody takes them: call dita_kernel_take_effects_json")
                .into();
        let event = |kind, order: OrderView, request_id: Id, reason: Box<str>| {
            let mut event = VenueEvent::new(kind, now_ns);
            event.venue_client_id = order.venue_client_id;
            event.asset = order.asset;
            event.rare = Some(Box::new(RareFields { reason, request_id, ..RareFields::default() }));
            vec![Input::Venue(Box::new(event))]
        };
        match self {
            Effect::Submit(order) => {
                let venue_client_id = order.venue_client_id;
                vec![Input::Effect(EffectResult::NotSent { venue_client_id, reason })]
            }
            Effect::Cancel { order, .. } => event(KernelEventKind::CancelReject, *order, Id::EMPTY, reason),
            Effect::Amend { order, request } => {
                event(KernelEventKind::AmendReject, *order, request.request_id, reason)
            }
            Effect::SetLeverage { symbol, .. } => {
                vec![Input::Effect(EffectResult::LeverageRefused { symbol, reason })]
            }
            // It is asked again by itself.
            Effect::Query { .. } | Effect::Nothing => Vec::new(),
        }
    }
}

/// A venue outside that the caller is, or nobody where the venue is simulated.
#[derive(Default)]
pub struct Caller {
    carries_out: bool,
    effects: Mutex<VecDeque<Effect>>,
}

impl Caller {
    /// Of a kernel whose effects the caller carries out, or of one with a simulated venue.
    pub fn new(carries_out: bool) -> Caller {
        Caller { carries_out, ..Caller::default() }
    }

    /// Takes what waits, oldest first.
    pub fn take(&self) -> VecDeque<Effect> {
        if !self.carries_out {
            return VecDeque::new();
        }
        std::mem::take(&mut *self.effects.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Foreign for Caller {
    type Held<'a> = ();
    type Interrupt = Infallible;
    type Trouble = Infallible;
    type Question = Effect;
    type Seen = ();

    fn released<R: Send>((): (), work: impl FnOnce() -> R + Send) -> R {
        work()
    }

    fn check_signals((): ()) -> Result<(), Infallible> {
        Ok(())
    }

    fn attached<R>(call: impl FnOnce(()) -> R) -> Option<R> {
        Some(call(()))
    }

    fn tell((): (), interrupt: Infallible) {
        match interrupt {}
    }

    fn answers(&self) -> bool {
        self.carries_out
    }

    fn question(kernel: &Kernel, command: Command, reason: Option<Id>) -> Effect {
        let view = |id: &Id| {
            let place = kernel.orders().by_client_id(id)?;
            order_view(kernel, kernel.orders().at(place)).map(Box::new)
        };
        match command {
            Command::Submit(request) => {
                view(&request.venue_client_id).map_or(Effect::Nothing, Effect::Submit)
            }
            Command::Cancel(request) => {
                // What works there and is forgotten here is canceled by its names: they are all that is known of it.
                let known = view(&request.venue_client_id);
                let order = known.unwrap_or_else(|| Box::new(OrderView::named(request)));
                Effect::Cancel { order, reason: reason.unwrap_or_default() }
            }
            Command::Amend(request) => match view(&request.venue_client_id) {
                Some(order) => Effect::Amend { order, request: Box::new(request) },
                None => Effect::Nothing,
            },
            Command::Query(request) => Effect::Query {
                venue_client_id: request.venue_client_id,
                venue_order_id: request.venue_order_id,
                asset: request.asset,
            },
            Command::SetLeverage { symbol, leverage } => Effect::SetLeverage { symbol, leverage },
        }
    }

    fn ask(&self, (): (), effect: Effect, now_ns: i64) -> Reply<Caller> {
        let mut effects = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        match effect {
            Effect::Nothing => Reply::default(),
            effect if effects.len() >= EFFECTS_MAX => {
                Reply { inputs: effect.never_left(now_ns), ..Reply::default() }
            }
            effect => {
                effects.push_back(effect);
                Reply::default()
            }
        }
    }

    fn observes(&self) -> bool {
        false
    }

    fn look(&self, _: &Kernel, _: Vec<Observed>) {}

    fn show(&self, (): (), (): (), _: u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn catches_up(&self) -> bool {
        false
    }

    fn asleep(&self, (): (), _: i64, _: i64) -> Result<(), Infallible> {
        Ok(())
    }

    fn repair(&self, (): (), _: i64) -> bool {
        false
    }
}
