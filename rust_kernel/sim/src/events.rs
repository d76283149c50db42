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

pub(crate) fn event(kind: KernelEventKind, moment: Moment) -> VenueEvent {
    VenueEvent { received_ns: moment.received_ns, ..VenueEvent::new(kind, moment.venue_ns) }
}

/// An event of an order, with everything that names the order and no quantity.
///
/// Written in place and field by field: the pattern names every field there is, so none keeps what an earlier
/// event left in the box.
#[inline]
fn of_order(
    event: &mut VenueEvent,
    (kind, new_status): (KernelEventKind, VenueOrderStatus),
    order: &Order,
    rules: &Rules,
    moment: Moment,
) {
    let VenueEvent {
        timestamp_ns,
        received_ns,
        kind: event_kind,
        status,
        order_side,
        position_side,
        side,
        liquidity,
        slot_id,
        event_id,
        trade_id,
        venue_order_id,
        venue_client_id,
        asset,
        price,
        size,
        filled_size,
        remaining_size,
        order_size,
        order_price,
        average_price,
        venue_trade_id: _, // a fill's to set, everyone else's to clear
        fee,
        fee_asset: _, // as well
        realized_pnl,
        venue_sequence,
        rare,
    } = event;
    *timestamp_ns = moment.venue_ns;
    *received_ns = moment.received_ns;
    *event_kind = kind;
    *status = Some(new_status);
    *order_side = Some(order.order_side);
    *position_side = Some(order.position_side);
    *side = Some(order.side);
    *liquidity = None;
    *slot_id = Some(order.slot_id);
    set(trade_id, &order.trade_id);
    venue_order_id.clone_from(&order.venue_order_id);
    venue_client_id.clone_from(&order.venue_client_id);
    set(asset, &rules.symbol);
    for absent in [price, size, filled_size, remaining_size, order_size, order_price, average_price] {
        *absent = None;
    }
    (*fee, *realized_pnl, *venue_sequence) = (None, None, None);
    clear(event_id);
    if rare.is_some() {
        *rare = None;
    }
}

/// Writes an id where it is not there already: handed-back events come in the order in which they are needed again,
/// so instrument, asset and trade mostly are, and comparing is cheaper than a copy.
#[inline]
pub(crate) fn set(target: &mut Id, source: &Id) {
    if target != source {
        target.clone_from(source);
    }
}

#[inline]
fn clear(id: &mut Id) {
    if !id.is_empty() {
        *id = Id::EMPTY;
    }
}

/// The ids that only a fill has.
#[inline]
fn clear_fill(event: &mut VenueEvent) {
    clear(&mut event.venue_trade_id);
    clear(&mut event.fee_asset);
}

/// ORDER_ACK. It names the order's size where a reduce-only order was cut.
#[inline]
pub(crate) fn acknowledged(event: &mut VenueEvent, order: &Order, rules: &Rules, moment: Moment) {
    let what = (KernelEventKind::OrderAck, VenueOrderStatus::Acked);
    of_order(event, what, order, rules, moment);
    clear_fill(event);
    event.order_size = order.cut.then(|| rules.quantity.decimal(order.size));
}

/// PARTIAL_FILL or FULL_FILL, after the order has taken the fill in, with its fee and what it realised where the venue
/// reports them here.
#[inline(always)] // as `settle`: its second caller is rare
pub(crate) fn filled(
    event: &mut VenueEvent,
    order: &Order,
    rules: &Rules,
    fill: &Fill,
    venue_trade_id: &Id,
    (fee, realised): (Option<i128>, Option<i128>),
    moment: Moment,
) {
    let remaining = order.remaining();
    let (what, remaining) = if remaining <= 0 {
        ((KernelEventKind::FullFill, VenueOrderStatus::Filled), rules.quantity.decimal(0))
    } else {
        let what = (KernelEventKind::PartialFill, VenueOrderStatus::PartiallyFilled);
        (what, rules.quantity.decimal(remaining))
    };
    of_order(event, what, order, rules, moment);
    event.venue_trade_id.clone_from(venue_trade_id);
    event.liquidity = Some(fill.liquidity);
    event.price = Some(rules.price.decimal(fill.price));
    event.size = Some(rules.quantity.decimal(fill.quantity));
    event.filled_size = Some(rules.quantity.decimal(order.filled));
    event.remaining_size = Some(remaining);
    if let Some(units) = fee {
        event.fee = Some(decimal(units, rules.fee_decimals));
        set(&mut event.fee_asset, &rules.settle);
    } else {
        clear(&mut event.fee_asset);
    }
    event.realized_pnl = realised.map(|units| decimal(units, rules.fee_decimals));
}

/// An account event with every field absent but its asset.
#[inline]
pub(crate) fn of_account(
    event: &mut AccountEvent,
    event_kind: AccountEventKind,
    of_asset: &Id,
    moment: Moment,
) {
    let AccountEvent {
        kind,
        timestamp_ns,
        event_id,
        venue_txn_id,
        asset,
        symbol: _,         // a settlement's to set, a wallet frame's to clear
        venue_trade_id: _, // as well
        amount,
        realized_pnl,
        fee,
        fee_asset: _, // as well
        wallet_balance,
        available_margin,
        used_margin,
        maint_margin,
        position_side,
        size,
        entry_price,
        rate,
        mark_price,
        venue_sequence,
    } = event;
    *kind = event_kind;
    *timestamp_ns = moment.venue_ns;
    set(asset, of_asset);
    clear(event_id);
    clear(venue_txn_id);
    for absent in [amount, realized_pnl, fee, wallet_balance, available_margin, used_margin, maint_margin] {
        *absent = None;
    }
    for absent in [size, entry_price, rate, mark_price] {
        *absent = None;
    }
    (*position_side, *venue_sequence) = (None, None);
}

/// FILL_SETTLED.
#[inline]
pub(crate) fn settled(
    event: &mut AccountEvent,
    rules: &Rules,
    settlement: Settlement,
    venue_trade_id: &Id,
    moment: Moment,
) {
    of_account(event, AccountEventKind::FillSettled, &rules.settle, moment);
    set(&mut event.symbol, &rules.symbol);
    event.venue_trade_id.clone_from(venue_trade_id);
    event.realized_pnl = Some(decimal(settlement.realised, rules.fee_decimals));
    event.fee = Some(decimal(settlement.fee, rules.fee_decimals));
    set(&mut event.fee_asset, &rules.settle);
}

/// ACCOUNT_UPDATE.
#[inline]
pub(crate) fn wallet(event: &mut AccountEvent, asset: &Id, balance: Decimal, moment: Moment) {
    of_account(event, AccountEventKind::AccountUpdate, asset, moment);
    for absent in [&mut event.symbol, &mut event.venue_trade_id, &mut event.fee_asset] {
        clear(absent);
    }
    event.wallet_balance = Some(balance);
}

/// CANCEL_ACK or EXPIRED: nothing remains of an order that ends this way.
pub(crate) fn ended(
    event: &mut VenueEvent,
    what: (KernelEventKind, VenueOrderStatus),
    order: &Order,
    rules: &Rules,
    reason: Option<Reject>,
    moment: Moment,
) {
    of_order(event, what, order, rules, moment);
    clear_fill(event);
    event.filled_size = Some(rules.quantity.decimal(order.filled));
    event.remaining_size = Some(Decimal::ZERO);
    event.rare = reason.map(rare);
}

/// An order as it is now, for AMEND_ACK, RESTATED and TRIGGERED.
pub(crate) fn as_it_is(
    event: &mut VenueEvent,
    kind: KernelEventKind,
    order: &Order,
    rules: &Rules,
    rare: Option<Box<RareFields>>,
    moment: Moment,
) {
    of_order(event, (kind, working(order)), order, rules, moment);
    clear_fill(event);
    event.filled_size = Some(rules.quantity.decimal(order.filled));
    event.remaining_size = Some(rules.quantity.decimal(order.remaining().max(0)));
    event.order_size = Some(rules.quantity.decimal(order.size));
    event.order_price = order.limit.map(|price| rules.price.decimal(price));
    event.rare = rare;
}

fn working(order: &Order) -> VenueOrderStatus {
    match (order.filled, order.remaining() <= 0) {
        (_, true) => VenueOrderStatus::Filled,
        (0, false) => VenueOrderStatus::Acked,
        (_, false) => VenueOrderStatus::PartiallyFilled,
    }
}

pub(crate) fn rare(reject: Reject) -> Box<RareFields> {
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

/// ORDER_REJECT's neighbours: what a request comes to that the venue did not take up.
pub(crate) fn not_taken(
    kind: KernelEventKind,
    request: &OrderRequest,
    rare: Box<RareFields>,
    moment: Moment,
) -> Input {
    Input::Venue(Box::new(VenueEvent {
        order_side: Some(request.order_side),
        position_side: Some(request.position_side),
        side: Some(request.side),
        slot_id: Some(request.slot_id),
        trade_id: request.trade_id.clone(),
        venue_client_id: request.venue_client_id.clone(),
        asset: request.asset.clone(),
        rare: Some(rare),
        ..event(kind, moment)
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
    pub(crate) position_side: PositionSide,
    pub(crate) status: VenueOrderStatus,
    pub(crate) size: i128,
    pub(crate) filled: i128,
    pub(crate) remaining: i128,
    pub(crate) paid: i128,
    pub(crate) limit: Option<i128>,
}

impl<'a> Report<'a> {
    pub(crate) fn of_live(order: &'a Order) -> Report<'a> {
        Report {
            venue_client_id: &order.venue_client_id,
            venue_order_id: order.venue_order_id.clone(),
            trade_id: order.trade_id.clone(),
            slot_id: order.slot_id,
            side: order.side,
            order_side: order.order_side,
            position_side: order.position_side,
            status: working(order),
            size: order.size,
            filled: order.filled,
            remaining: order.remaining(),
            paid: order.paid,
            limit: order.limit,
        }
    }

    /// `venue_order_id` is empty for an order that was rejected.
    pub(crate) fn of_ended(order: &'a Finished, venue_order_id: Id) -> Report<'a> {
        Report {
            venue_client_id: &order.venue_client_id,
            venue_order_id,
            trade_id: Id::EMPTY,
            slot_id: order.slot_id,
            side: order.side,
            order_side: order.order_side,
            position_side: order.position_side,
            // A completed order whose only fill was taken back has nothing left of it.
            status: match order.status {
                VenueOrderStatus::Filled if order.filled == 0 => VenueOrderStatus::Canceled,
                status => status,
            },
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
            position_side: Some(self.position_side),
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
