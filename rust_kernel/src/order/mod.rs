//! Orders: one order's life ([`Order`]), and the store that finds them ([`OrderStore`]).

mod client_id;
mod fill;
mod store;

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::{
    OrderDoubt, OrderSide, OrderType, Origin, PositionSide, TimeInForce, TradeSide, TriggerBy,
    VenueOrderStatus,
};
use crate::num::{Money, Price, Qty};
pub use fill::{Correction, Fill, Pair};
pub use store::{ORDERS_MAX, OTHER_VENUE_IDS_MAX, OrderStore};

/// An order's place, and which of the orders that ever stood there it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderRef {
    /// Place in the slab.
    pub place: u32,
    /// The order's number, counted over the kernel's life.
    pub number: u64,
}

/// What an order is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OrderRole {
    /// Opens a slot's trade.
    Entry,
    /// Closes it.
    Exit,
    /// Not ours: its fills go to the unassigned book.
    External,
}

impl OrderRole {
    /// What a fill of such an order counts as where no slot carries it.
    pub const fn origin(self) -> Origin {
        match self {
            OrderRole::Entry | OrderRole::Exit => Origin::Orphan,
            OrderRole::External => Origin::Manual,
        }
    }
}

/// A change of an order that the venue has been asked for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Amendment {
    /// Our id of the request.
    pub request_id: Id,
    /// The new total.
    pub qty: Qty,
    /// The new limit, where the type has one.
    pub limit_price: Option<Price>,
    /// The new trigger, where the type has one.
    pub trigger_price: Option<Price>,
    /// The price at which the remainder would be held back as exposure.
    pub reserve_price: Price,
    /// When it was asked for, kernel time, ns.
    pub sent_time_ns: i64,
}

/// What only few orders have.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct OrderExtra {
    /// The trigger, where the type has one.
    pub trigger_price: Option<Price>,
    /// Which price the trigger is held against.
    pub by_mark: bool,
    /// True for an exit that was attached to its trade's entry: the kernel keeps its size and its price.
    pub attached: bool,
    /// True once the trigger was reached.
    pub triggered: bool,
    /// Orders of one group cancel one another; empty where it is in none.
    pub oco_group: Id,
    /// The change that the venue has been asked for.
    pub amendment: Option<Amendment>,
    /// The change that was given up without the venue's own word: should that come after all, it counts.
    pub given_up: Option<Amendment>,
    /// Until when an exit may be resent, kernel time, ns.
    pub valid_until_ns: Option<i64>,
    /// How often it was sent again.
    pub resent: u32,
    /// When it was first sent, kernel time, ns, where it was sent again.
    pub first_sent_time_ns: Option<i64>,
    /// When the venue was last asked what became of it, kernel time, ns.
    pub queried_time_ns: Option<i64>,
    /// True from a restart until the venue has said how it stands: what happened meanwhile nobody tells again.
    pub unheard: bool,
    /// True for a stranger's order that was not heard from its beginning: what a total of it counts may have been booked
    /// under an order that is forgotten, or be in the opening state.
    pub begun_unheard: bool,
    /// What the venue last said remains, where that is not order − filled.
    pub remaining_told: Option<Qty>,
    /// Busts and corrections of its fills.
    pub corrections: Vec<Correction>,
    /// Why the trade ends if this exit closes it, where a newer exit says something else.
    pub reason: Id,
    /// Whose trade it was sent for; empty when nobody's.
    pub owner: Id,
    /// What the venue has reported beside the order's life: DONE_FOR_DAY of one that keeps its leaves; a request that is
    /// pending there while the order has filled.
    pub beside: Option<VenueOrderStatus>,
}

/// One order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Counted over the kernel's life.
    pub number: u64,
    /// Our id.
    pub client_id: Id,
    /// The venue's id; empty until known.
    pub venue_order_id: Id,
    /// Further ids of the venue for the same order.
    pub other_venue_ids: Vec<Id>,
    /// The intent that asked for it.
    pub intent_id: Id,
    /// The slot; meaningless for an external order.
    pub slot_id: u32,
    /// The slot's trade at that time.
    pub trade_number: u64,
    /// The trade's id.
    pub trade_id: Id,
    /// What it is for.
    pub role: OrderRole,
    /// The instrument's place.
    pub instrument: u32,
    /// The position's side.
    pub side: TradeSide,
    /// BUY or SELL.
    pub order_side: OrderSide,
    /// The venue's position book.
    pub position_side: PositionSide,
    /// Type.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// When a GTD order ends, ns.
    pub expire_time_ns: Option<i64>,
    /// Reject rather than take.
    pub post_only: bool,
    /// Never increase the position.
    pub reduce_only: bool,
    /// Limit, where the type has one.
    pub limit_price: Option<Price>,
    /// Total ordered.
    pub qty: Qty,
    /// Cumulative quantity booked.
    pub filled: Qty,
    /// Value of the fills, unsigned.
    pub filled_value: Money,
    /// How much of `filled` is inferred and waits for the real fills.
    pub inferred: Qty,
    /// Where its life stands. What to show is [`Order::reported_status`].
    pub status: VenueOrderStatus,
    /// Which request is in doubt.
    pub doubt: OrderDoubt,
    /// True while a cancel is outstanding.
    pub cancel_requested: bool,
    /// The price at which its remainder is held back as exposure.
    pub reserve_price: Price,
    /// Exposure held back for what may still fill.
    pub reserved: Money,
    /// When it was released, kernel time, ns.
    pub sent_time_ns: i64,
    /// Its fills, oldest first.
    pub fills: Vec<Fill>,
    /// What only few orders have.
    pub extra: Option<Box<OrderExtra>>,
}

impl Order {
    /// What only few orders have, to write.
    #[cold]
    pub fn extra_mut(&mut self) -> &mut OrderExtra {
        self.extra.get_or_insert_default()
    }

    /// The trigger, where the type has one.
    #[inline]
    pub fn trigger_price(&self) -> Option<Price> {
        self.extra.as_ref().and_then(|extra| extra.trigger_price)
    }

    /// The group of orders that cancel one another, where it is in one.
    #[inline]
    pub fn oco_group(&self) -> Option<&Id> {
        self.extra.as_ref().map(|extra| &extra.oco_group).filter(|group| !group.is_empty())
    }

    /// Whose trade it was sent for; empty when nobody's.
    pub fn owner(&self) -> &Id {
        self.extra.as_ref().map_or(&Id::EMPTY, |extra| &extra.owner)
    }

    /// The change that the venue has been asked for.
    #[inline]
    pub fn amendment(&self) -> Option<&Amendment> {
        self.extra.as_ref().and_then(|extra| extra.amendment.as_ref())
    }

    /// What the venue has reported: pending states outrank whatever else it said.
    pub fn reported_status(&self) -> VenueOrderStatus {
        let beside = self.beside().filter(|_| !self.is_pending());
        beside.unwrap_or(self.status)
    }

    /// What the venue has reported beside the order's life.
    #[inline]
    pub(crate) fn beside(&self) -> Option<VenueOrderStatus> {
        self.extra.as_ref().and_then(|extra| extra.beside)
    }

    /// True while a request is pending at the venue, and the order lives.
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.status, VenueOrderStatus::PendingCancel | VenueOrderStatus::PendingReplace)
    }

    /// True while something remains or it is in doubt.
    #[inline]
    pub fn is_live(&self) -> bool {
        !self.status.is_ended() && self.role != OrderRole::External
    }

    /// Which price its trigger is held against.
    pub fn trigger_by(&self) -> TriggerBy {
        let by_mark = self.extra.as_ref().is_some_and(|extra| extra.by_mark);
        if by_mark { TriggerBy::Mark } else { TriggerBy::Last }
    }

    /// True for an exit that was attached to its trade's entry.
    pub fn is_attached(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.attached)
    }

    /// True where the venue has not said since a restart how the order stands.
    #[inline]
    pub fn is_unheard(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.unheard)
    }

    /// True where a total of it tells nothing: it counts fills that nobody here can name.
    #[inline]
    pub(crate) fn is_begun_unheard(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.begun_unheard)
    }

    /// True for the record of a fill that was settled before any event brought it.
    #[inline]
    pub(crate) fn is_settled_ahead(&self) -> bool {
        self.role == OrderRole::External && self.fills.first().is_some_and(fill::is_unseen)
    }

    /// True where it is of that side, as far as is known: a settlement ahead of its fill may not have told it.
    #[inline]
    pub(crate) fn may_be_of(&self, side: OrderSide) -> bool {
        self.order_side == side || (self.qty.is_zero() && self.is_settled_ahead())
    }

    /// An order that is none yet.
    const fn vacant() -> Order {
        Order {
            number: 0,
            client_id: Id::EMPTY,
            venue_order_id: Id::EMPTY,
            other_venue_ids: Vec::new(),
            intent_id: Id::EMPTY,
            slot_id: u32::MAX,
            trade_number: 0,
            trade_id: Id::EMPTY,
            role: OrderRole::Entry,
            instrument: 0,
            side: TradeSide::Flat,
            order_side: OrderSide::Buy,
            position_side: PositionSide::Both,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Gtc,
            expire_time_ns: None,
            post_only: false,
            reduce_only: false,
            limit_price: None,
            qty: Qty::ZERO,
            filled: Qty::ZERO,
            filled_value: Money::ZERO,
            inferred: Qty::ZERO,
            status: VenueOrderStatus::New,
            doubt: OrderDoubt::None,
            cancel_requested: false,
            reserve_price: Price::ZERO,
            reserved: Money::ZERO,
            sent_time_ns: 0,
            fills: Vec::new(),
            extra: None,
        }
    }

    /// Makes room for another order, in place and keeping the lists' memory. Every field is named, so that none can
    /// be forgotten.
    fn vacate(&mut self) {
        let Order {
            number,
            client_id,
            venue_order_id,
            other_venue_ids,
            intent_id,
            slot_id,
            trade_number,
            trade_id,
            role,
            instrument,
            side,
            order_side,
            position_side,
            order_type,
            time_in_force,
            expire_time_ns,
            post_only,
            reduce_only,
            limit_price,
            qty,
            filled,
            filled_value,
            inferred,
            status,
            doubt,
            cancel_requested,
            reserve_price,
            reserved,
            sent_time_ns,
            fills,
            extra,
        } = self;
        let vacant = const { Order::vacant() };
        (*number, *slot_id, *trade_number, *instrument) =
            (vacant.number, vacant.slot_id, vacant.trade_number, vacant.instrument);
        for id in [client_id, venue_order_id, intent_id, trade_id] {
            *id = Id::EMPTY;
        }
        (*role, *side, *order_side, *position_side) =
            (vacant.role, vacant.side, vacant.order_side, vacant.position_side);
        (*order_type, *time_in_force, *expire_time_ns) =
            (vacant.order_type, vacant.time_in_force, vacant.expire_time_ns);
        (*post_only, *reduce_only, *cancel_requested) = (false, false, false);
        (*limit_price, *reserve_price) = (vacant.limit_price, vacant.reserve_price);
        (*qty, *filled, *inferred) = (Qty::ZERO, Qty::ZERO, Qty::ZERO);
        (*filled_value, *reserved) = (Money::ZERO, Money::ZERO);
        (*status, *doubt, *sent_time_ns) = (vacant.status, vacant.doubt, vacant.sent_time_ns);
        other_venue_ids.clear();
        fills.clear();
        if extra.is_some() {
            *extra = None;
        }
    }

    /// What remains: nothing once it has ended, else what the venue says where that is not stale, else what is not
    /// filled.
    #[inline]
    pub fn remaining(&self) -> Qty {
        let told = self.extra.as_ref().and_then(|extra| extra.remaining_told);
        match told {
            Some(told) if !self.status.is_ended() => told,
            Some(_) | None => self.unfilled(),
        }
    }

    /// What is ordered and not filled: nothing once it has ended.
    #[inline]
    pub fn unfilled(&self) -> Qty {
        if self.status.is_ended() || self.filled >= self.qty { Qty::ZERO } else { self.qty - self.filled }
    }

    /// What it may still fill at worst: as it is, or as it was asked to become. A cancel counts once it is confirmed.
    #[inline]
    pub fn may_fill(&self) -> Qty {
        let (unfilled, asked) = (self.unfilled(), self.unfilled_as_asked());
        if asked > unfilled { asked } else { unfilled }
    }

    /// What it may still fill once the venue has done what it was asked for.
    #[inline]
    pub fn will_fill(&self) -> Qty {
        if self.cancel_requested { Qty::ZERO } else { self.unfilled_as_asked() }
    }

    fn unfilled_as_asked(&self) -> Qty {
        match self.amendment() {
            Some(asked) if self.status.is_ended() || asked.qty <= self.filled => Qty::ZERO,
            Some(asked) => asked.qty - self.filled,
            None => self.unfilled(),
        }
    }

    /// The status that its fills mean while nothing is pending.
    pub fn working_status(&self) -> VenueOrderStatus {
        if self.filled.is_zero() { VenueOrderStatus::Acked } else { VenueOrderStatus::PartiallyFilled }
    }

    /// True where the order is known under that name: as a fill's, or a correction's.
    pub(crate) fn knows_fill(&self, id: &Id) -> bool {
        self.fills.iter().any(|fill| fill.venue_trade_id == *id) || self.correction(id).is_some()
    }

    /// The bust or correction of that id.
    pub fn correction(&self, id: &Id) -> Option<&Correction> {
        self.extra.as_ref()?.corrections.iter().find(|correction| correction.id == *id)
    }

    /// The last correction of a fill that the venue settles by its own id.
    pub fn settling_correction(&self, fill_at: usize) -> Option<&Correction> {
        let of_fill = |correction: &&Correction| {
            correction.settles && usize::try_from(correction.fill_at) == Ok(fill_at)
        };
        self.extra.as_ref()?.corrections.iter().rev().find(of_fill)
    }

    /// The id of the fill that an id is about: the fill's own, or a correction's of it.
    pub fn fill_id_of<'a>(&'a self, id: &'a Id) -> &'a Id {
        let corrected =
            self.correction(id).and_then(|correction| self.fills.get(correction.fill_at as usize));
        corrected.map_or(id, |fill| &fill.venue_trade_id)
    }
}
