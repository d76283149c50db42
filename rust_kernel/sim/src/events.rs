//! What the venue says, as the kernel's inputs.

use dita_kernel::effect::{CancelRequest, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input, RareFields, VenueEvent};
use dita_kernel::names::{
    AccountEventKind, KernelEventKind, OrderSide, PositionSide, TradeSide, VenueOrderStatus,
};
use dita_kernel::num::{Decimal, Rounding, multiply_divide};

use crate::fills::Fill;
use crate::orders::{Finished, Order};
use crate::reject::Reject;
use crate::rules::{Rules, decimal};
use crate::wallet::Settlement;

/// When the venue says it, and when it is heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) venue_ns: i64,
    pub(crate) received_ns: i64,
}

fn event(kind: KernelEventKind, moment: Moment) -> VenueEvent {
    VenueEvent { received_ns: moment.received_ns, ..VenueEvent::new(kind, moment.venue_ns) }
}

/// An event of an order, with everything that names the order.
#[inline]
pub(crate) fn of_order(
    kind: KernelEventKind,
    status: VenueOrderStatus,
    order: &Order,
    rules: &Rules,
    moment: Moment,
) -> VenueEvent {
    VenueEvent {
        status: Some(status),
        order_side: Some(order.order_side),
        position_side: Some(PositionSide::Both),
        side: Some(order.side),
        slot_id: Some(order.slot_id),
        trade_id: order.trade_id.clone(),
        venue_order_id: order.venue_order_id.clone(),
        venue_client_id: order.venue_client_id.clone(),
        asset: rules.symbol.clone(),
        ..event(kind, moment)
    }
}

/// ORDER_ACK. It names the order's size where a reduce-only order was cut.
#[inline]
pub(crate) fn acknowledged(order: &Order, rules: &Rules, moment: Moment) -> Input {
    let base = of_order(KernelEventKind::OrderAck, VenueOrderStatus::Acked, order, rules, moment);
    let order_size = order.cut.then(|| rules.quantity.decimal(order.size));
    Input::Venue(Box::new(VenueEvent { order_size, ..base }))
}

/// PARTIAL_FILL or FULL_FILL, after the order has taken the fill in.
#[inline]
pub(crate) fn filled(
    order: &Order,
    rules: &Rules,
    fill: Fill,
    venue_trade_id: &Id,
    fee: Option<i128>,
    moment: Moment,
) -> Input {
    let remaining = order.remaining();
    let (kind, status) = if remaining == 0 {
        (KernelEventKind::FullFill, VenueOrderStatus::Filled)
    } else {
        (KernelEventKind::PartialFill, VenueOrderStatus::PartiallyFilled)
    };
    Input::Venue(Box::new(VenueEvent {
        liquidity: Some(fill.liquidity),
        price: Some(rules.price.decimal(fill.price)),
        size: Some(rules.quantity.decimal(fill.quantity)),
        filled_size: Some(rules.quantity.decimal(order.filled)),
        remaining_size: Some(rules.quantity.decimal(remaining)),
        venue_trade_id: venue_trade_id.clone(),
        fee: fee.map(|units| decimal(units, rules.fee_decimals)),
        fee_asset: if fee.is_some() { rules.settle.clone() } else { Id::EMPTY },
        ..of_order(kind, status, order, rules, moment)
    }))
}

/// FILL_SETTLED.
#[inline]
pub(crate) fn settled(rules: &Rules, settlement: Settlement, venue_trade_id: Id, moment: Moment) -> Input {
    Input::Account(Box::new(AccountEvent {
        asset: rules.settle.clone(),
        symbol: rules.symbol.clone(),
        venue_trade_id,
        realized_pnl: Some(decimal(settlement.realised, rules.fee_decimals)),
        fee: Some(decimal(settlement.fee, rules.fee_decimals)),
        fee_asset: rules.settle.clone(),
        ..AccountEvent::new(AccountEventKind::FillSettled, moment.venue_ns)
    }))
}

/// ACCOUNT_UPDATE.
#[inline]
pub(crate) fn wallet(asset: Id, balance: Decimal, moment: Moment) -> Input {
    Input::Account(Box::new(AccountEvent {
        asset,
        wallet_balance: Some(balance),
        ..AccountEvent::new(AccountEventKind::AccountUpdate, moment.venue_ns)
    }))
}

/// CANCEL_ACK or EXPIRED: nothing remains of an order that ends this way.
pub(crate) fn ended(
    kind: KernelEventKind,
    status: VenueOrderStatus,
    order: &Order,
    rules: &Rules,
    reason: Option<Reject>,
    moment: Moment,
) -> Input {
    Input::Venue(Box::new(VenueEvent {
        filled_size: Some(rules.quantity.decimal(order.filled)),
        remaining_size: Some(Decimal::ZERO),
        rare: reason.map(rare),
        ..of_order(kind, status, order, rules, moment)
    }))
}

fn rare(reject: Reject) -> Box<RareFields> {
    // A code is at most 31 characters, so it is an id.
    let reason_code = Id::new(reject.code()).unwrap_or_default();
    Box::new(RareFields { reason: reject.text().into(), reason_code, ..RareFields::default() })
}

/// ORDER_REJECT.
pub(crate) fn rejected(request: &OrderRequest, reject: Reject, moment: Moment) -> Input {
    Input::Venue(Box::new(VenueEvent {
        status: Some(VenueOrderStatus::Rejected),
        order_side: Some(request.order_side),
        position_side: Some(request.position_side),
        side: Some(request.side),
        slot_id: Some(request.slot_id),
        trade_id: request.trade_id.clone(),
        venue_client_id: request.venue_client_id.clone(),
        asset: request.asset.clone(),
        rare: Some(rare(reject)),
        ..event(KernelEventKind::OrderReject, moment)
    }))
}

/// CANCEL_REJECT or ORDER_NOT_FOUND for an order that the venue does not know.
pub(crate) fn unknown(kind: KernelEventKind, request: &CancelRequest, moment: Moment) -> Input {
    Input::Venue(Box::new(VenueEvent {
        slot_id: Some(request.slot_id),
        venue_order_id: request.venue_order_id.clone(),
        venue_client_id: request.venue_client_id.clone(),
        asset: request.asset.clone(),
        rare: Some(rare(Reject::UnknownOrder)),
        ..event(kind, moment)
    }))
}

/// What the venue knows of an order, live or ended, for ORDER_STATUS and for CANCEL_REJECT.
#[derive(Clone, Debug)]
pub(crate) struct Report<'a> {
    pub(crate) venue_client_id: &'a Id,
    pub(crate) venue_order_id: Id,
    pub(crate) trade_id: Id,
    pub(crate) slot_id: u32,
    pub(crate) side: TradeSide,
    pub(crate) order_side: OrderSide,
    pub(crate) status: VenueOrderStatus,
    pub(crate) size: i128,
    pub(crate) filled: i128,
    pub(crate) remaining: i128,
    pub(crate) paid: i128,
    pub(crate) limit: Option<i128>,
}

impl<'a> Report<'a> {
    pub(crate) fn of_live(order: &'a Order) -> Report<'a> {
        let working =
            if order.filled == 0 { VenueOrderStatus::Acked } else { VenueOrderStatus::PartiallyFilled };
        Report {
            venue_client_id: &order.venue_client_id,
            venue_order_id: order.venue_order_id.clone(),
            trade_id: order.trade_id.clone(),
            slot_id: order.slot_id,
            side: order.side,
            order_side: order.order_side,
            status: working,
            size: order.size,
            filled: order.filled,
            remaining: order.remaining(),
            paid: order.paid,
            limit: order.limit,
        }
    }

    pub(crate) fn of_ended(order: &'a Finished) -> Report<'a> {
        Report {
            venue_client_id: &order.venue_client_id,
            venue_order_id: order.venue_order_id.clone(),
            trade_id: Id::EMPTY,
            slot_id: order.slot_id,
            side: order.side,
            order_side: order.order_side,
            status: order.status,
            size: order.size,
            filled: order.filled,
            remaining: 0,
            paid: order.paid,
            limit: None,
        }
    }

    /// The event that tells it.
    pub(crate) fn event(
        self,
        kind: KernelEventKind,
        rules: &Rules,
        reason: Option<Reject>,
        moment: Moment,
    ) -> Input {
        Input::Venue(Box::new(VenueEvent {
            status: Some(self.status),
            order_side: Some(self.order_side),
            position_side: Some(PositionSide::Both),
            side: Some(self.side),
            slot_id: Some(self.slot_id),
            trade_id: self.trade_id,
            venue_order_id: self.venue_order_id,
            venue_client_id: self.venue_client_id.clone(),
            asset: rules.symbol.clone(),
            filled_size: Some(rules.quantity.decimal(self.filled)),
            remaining_size: Some(rules.quantity.decimal(self.remaining)),
            order_size: (self.size > 0).then(|| rules.quantity.decimal(self.size)),
            order_price: self.limit.map(|price| rules.price.decimal(price)),
            average_price: average_price(rules, self.paid, self.filled),
            rare: reason.map(rare),
            ..event(kind, moment)
        }))
    }
}

/// The average of the fills, half-even at eight places past the tick's.
fn average_price(rules: &Rules, paid: i128, filled: i128) -> Option<Decimal> {
    let mantissa = multiply_divide(paid, 100_000_000, filled, Rounding::HalfEven)?;
    Decimal::normalized(mantissa, rules.price.scale.saturating_add(8)).ok()
}
