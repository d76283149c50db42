//! An order at one moment: copied out of the core, shown by whoever is asked.

use dita_kernel::effect::CancelRequest;
use dita_kernel::id::Id;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{
    OrderDoubt, OrderSide, OrderType, PositionSide, TimeInForce, TradeSide, TriggerBy, VenueOrderStatus,
};
use dita_kernel::num::Decimal;
use dita_kernel::order::{Order, OrderRole};

use super::{average, difference};

/// A change of an order that the venue has been asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Amend {
    /// Our id of the request.
    pub request_id: Id,
    /// The order's new total.
    pub size: Decimal,
    /// The new limit, where the type has one.
    pub limit_price: Option<Decimal>,
    /// The new trigger, where the type has one.
    pub trigger_price: Option<Decimal>,
}

/// An order's facts, read out of the core.
#[derive(Clone, PartialEq, Debug)]
pub struct OrderView {
    /// The trade it belongs to.
    pub internal_trade_id: Id,
    /// The slot that owns it; `None` in the unassigned book.
    pub slot_id: Option<u32>,
    /// The venue's id, where it is known.
    pub venue_order_id: Id,
    /// Further ids of the venue for the same order.
    pub other_venue_ids: Vec<Id>,
    /// Our id.
    pub venue_client_id: Id,
    /// The intent that asked for it.
    pub intent_id: Id,
    /// The instrument.
    pub asset: Id,
    /// The position's side.
    pub side: TradeSide,
    /// BUY or SELL.
    pub order_side: OrderSide,
    /// The venue's position book.
    pub position_side: PositionSide,
    /// The order's total, in base units or contracts.
    pub intended_size: Decimal,
    /// What is filled so far.
    pub filled_size: Decimal,
    /// What remains.
    pub remaining_size: Decimal,
    /// The fills' average price, where something is filled.
    pub average_fill_price: Option<Decimal>,
    /// What the venue has reported, nothing else.
    pub status: VenueOrderStatus,
    /// The order's type.
    pub order_type: OrderType,
    /// The limit, where the type has one.
    pub limit_price: Option<Decimal>,
    /// The trigger, where the type has one.
    pub trigger_price: Option<Decimal>,
    /// Which price the trigger is held against.
    pub trigger_by: TriggerBy,
    /// True for an exit that was attached to its trade's entry: the kernel keeps its size and its price.
    pub attached: bool,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// When a GTD order ends. Nanoseconds since 1970-01-01 UTC.
    pub expire_time_ns: Option<i64>,
    /// Until when it may be sent again. Nanoseconds since 1970-01-01 UTC.
    pub valid_until_ns: Option<i64>,
    /// Reject rather than take liquidity.
    pub post_only: bool,
    /// Never increase the position.
    pub reduce_only: bool,
    /// Orders of one group cancel one another; empty where it is in none.
    pub oco_group: Id,
    /// True once the trigger was reached.
    pub triggered: bool,
    /// True while the connection is gone and the venue's word of it may be old.
    pub stale: bool,
    /// Which request of ours the venue has left unanswered.
    pub doubt: OrderDoubt,
    /// True while a cancel is outstanding.
    pub pending_cancel: bool,
    /// The change that the venue has been asked for.
    pub pending_amend: Option<Box<Amend>>,
    /// The caller's own data as canonical JSON; empty when none.
    pub metadata: Box<str>,
    /// Whose trade it was sent for; empty when nobody's.
    pub owner: Id,
}

impl OrderView {
    /// An order with every optional field absent.
    pub fn blank() -> OrderView {
        OrderView {
            internal_trade_id: Id::EMPTY,
            slot_id: None,
            venue_order_id: Id::EMPTY,
            other_venue_ids: Vec::new(),
            venue_client_id: Id::EMPTY,
            intent_id: Id::EMPTY,
            owner: Id::EMPTY,
            asset: Id::EMPTY,
            side: TradeSide::Flat,
            order_side: OrderSide::Buy,
            position_side: PositionSide::Both,
            intended_size: Decimal::ZERO,
            filled_size: Decimal::ZERO,
            remaining_size: Decimal::ZERO,
            average_fill_price: None,
            status: VenueOrderStatus::New,
            order_type: OrderType::Market,
            limit_price: None,
            trigger_price: None,
            trigger_by: TriggerBy::Last,
            attached: false,
            time_in_force: TimeInForce::Gtc,
            expire_time_ns: None,
            valid_until_ns: None,
            post_only: false,
            reduce_only: false,
            oco_group: Id::EMPTY,
            triggered: false,
            stale: false,
            doubt: OrderDoubt::None,
            pending_cancel: false,
            pending_amend: None,
            metadata: "".into(),
        }
    }

    /// An order of which nothing is known but its names.
    pub fn named(request: CancelRequest) -> OrderView {
        OrderView {
            venue_client_id: request.venue_client_id,
            venue_order_id: request.venue_order_id,
            asset: request.asset,
            pending_cancel: true,
            ..OrderView::blank()
        }
    }

    /// The outstanding requests by name.
    pub fn requests(&self) -> impl Iterator<Item = &'static str> + use<> {
        let cancel = self.pending_cancel.then_some("CANCEL");
        let amend = self.pending_amend.is_some().then_some("AMEND");
        cancel.into_iter().chain(amend)
    }

    /// True while something remains or it is in doubt.
    pub fn is_live(&self) -> bool {
        match self.status {
            // It rests with its leaves, or is over without.
            VenueOrderStatus::DoneForDay => self.remaining_size.is_positive(),
            // What is pending is so until it is answered, whatever fills meanwhile.
            VenueOrderStatus::PendingCancel | VenueOrderStatus::PendingReplace => {
                difference(self.intended_size, self.filled_size).is_some_and(Decimal::is_positive)
            }
            VenueOrderStatus::New
            | VenueOrderStatus::Sent
            | VenueOrderStatus::Acked
            | VenueOrderStatus::PartiallyFilled
            | VenueOrderStatus::Stopped => true,
            VenueOrderStatus::Filled
            | VenueOrderStatus::Canceled
            | VenueOrderStatus::Rejected
            | VenueOrderStatus::Expired => false,
        }
    }
}

/// An order.
pub fn order_view(kernel: &Kernel, order: &Order) -> Option<OrderView> {
    let rules = kernel.instruments().get(order.instrument as usize)?;
    let ours = order.role != OrderRole::External;
    let slot = kernel.slot(order.slot_id).filter(|slot| ours && slot.trade_number == order.trade_number);
    let extra = order.extra.as_deref();
    Some(OrderView {
        internal_trade_id: order.trade_id.clone(),
        slot_id: ours.then_some(order.slot_id),
        venue_order_id: order.venue_order_id.clone(),
        other_venue_ids: order.other_venue_ids.clone(),
        venue_client_id: order.client_id.clone(),
        intent_id: order.intent_id.clone(),
        owner: order.owner().clone(),
        asset: rules.spec.symbol.clone(),
        side: order.side,
        order_side: order.order_side,
        position_side: order.position_side,
        intended_size: rules.qty_decimal(order.qty),
        filled_size: rules.qty_decimal(order.filled),
        remaining_size: rules.qty_decimal(order.remaining()),
        average_fill_price: average(rules, order.filled_value, order.filled),
        status: order.reported_status(),
        order_type: order.order_type,
        limit_price: order.limit_price.map(|price| rules.price_decimal(price)),
        trigger_price: order.trigger_price().map(|price| rules.price_decimal(price)),
        trigger_by: order.trigger_by(),
        attached: order.is_attached(),
        time_in_force: order.time_in_force,
        expire_time_ns: order.expire_time_ns,
        valid_until_ns: extra.and_then(|extra| extra.valid_until_ns),
        post_only: order.post_only,
        reduce_only: order.reduce_only,
        oco_group: order.oco_group().cloned().unwrap_or_default(),
        triggered: extra.is_some_and(|extra| extra.triggered),
        stale: kernel.is_stale(order),
        doubt: order.doubt,
        pending_cancel: order.cancel_requested,
        pending_amend: order.amendment().map(|amendment| {
            Box::new(Amend {
                request_id: amendment.request_id.clone(),
                size: rules.qty_decimal(amendment.qty),
                limit_price: amendment.limit_price.map(|price| rules.price_decimal(price)),
                trigger_price: amendment.trigger_price.map(|price| rules.price_decimal(price)),
            })
        }),
        metadata: slot.map(|slot| slot.metadata.clone()).unwrap_or_default(),
    })
}

/// Every order, live and remembered, by number.
pub fn order_views(kernel: &Kernel, live_only: bool) -> Vec<OrderView> {
    let wanted = |order: &&Order| order.role != OrderRole::External && (!live_only || order.is_live());
    let mut orders: Vec<&Order> = kernel.orders().iter().filter(wanted).collect();
    orders.sort_unstable_by_key(|order| order.number);
    orders.into_iter().filter_map(|order| order_view(kernel, order)).collect()
}
