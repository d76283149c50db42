//! Orders: one order's life, and the store that finds them.
//!
//! The store is a slab. The client id that we give an order carries its place in the slab, so that an event finds
//! its order without a search; one index finds it by the venue's ids, another finds fills by the venue's trade ids.
//! Ended orders are remembered up to a bound, so that late fills find them, and then make room.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::index::Index;
use crate::names::{
    Liquidity, OrderDoubt, OrderSide, OrderType, PositionSide, TimeInForce, TradeSide, VenueOrderStatus,
};
use crate::num::{Money, Price, Qty};

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

/// One fill as it was booked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fill {
    /// The venue's trade id; empty for an inferred fill.
    pub venue_trade_id: Id,
    /// Unsigned quantity.
    pub qty: Qty,
    /// Price.
    pub price: Price,
    /// The fee booked so far, + a charge.
    pub fee: Money,
    /// The asset it was booked in.
    pub fee_asset: u16,
    /// The realised PnL booked to the wallet so far.
    pub realized: Money,
    /// How much of the position it closed, unsigned; the rest of it opened.
    pub closed: Qty,
    /// Maker or taker, as far as known.
    pub liquidity: Liquidity,
    /// True where the venue did not say which, and we assumed it.
    pub liquidity_assumed: bool,
    /// True while the fee is our prediction.
    pub fee_predicted: bool,
    /// True once the venue's own figures are booked.
    pub settled: bool,
    /// True where only a cumulative quantity told of it.
    pub inferred: bool,
    /// True where the price is not the venue's.
    pub price_pending: bool,
    /// True where the venue took it back: its quantity and money are zero by now.
    pub busted: bool,
    /// The input that booked it: fills of several orders are put in sequence by it.
    pub seq: u64,
    /// The venue's time of it, ns; 0 where it has none.
    pub venue_time_ns: i64,
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

/// The id of a bust or correction, and the fill that it was about.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Correction {
    /// The venue's id of it: a later correction may refer to this one.
    pub id: Id,
    /// The fill's position in its order.
    pub fill_at: u32,
    /// True where the id is a trade's: the venue settles the corrected fill by it, and no more by the fill's own.
    pub settles: bool,
}

/// What only few orders have.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct OrderExtra {
    /// The trigger, where the type has one.
    pub trigger_price: Option<Price>,
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
    /// When the venue was last asked what became of it, kernel time, ns.
    pub queried_time_ns: Option<i64>,
    /// What the venue last said remains, where that is not order − filled.
    pub remaining_told: Option<Qty>,
    /// Busts and corrections of its fills.
    pub corrections: Vec<Correction>,
    /// Why the trade ends if this exit closes it, where a newer exit says something else.
    pub reason: Id,
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
    /// What the venue has reported.
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

    /// The change that the venue has been asked for.
    #[inline]
    pub fn amendment(&self) -> Option<&Amendment> {
        self.extra.as_ref().and_then(|extra| extra.amendment.as_ref())
    }

    /// True while something remains or it is in doubt.
    #[inline]
    pub fn is_live(&self) -> bool {
        !self.status.is_ended() && self.role != OrderRole::External
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

    /// The status that its fills mean while nothing is pending.
    pub fn working_status(&self) -> VenueOrderStatus {
        if self.filled.is_zero() { VenueOrderStatus::Acked } else { VenueOrderStatus::PartiallyFilled }
    }

    /// True where the order is known under that name: as a fill's, or a correction's.
    fn knows_fill(&self, id: &Id) -> bool {
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

/// True for the record of a fill that was settled before any event brought it: its money, none of its quantity.
#[inline]
fn is_unseen(fill: &Fill) -> bool {
    fill.qty.is_zero() && !fill.busted
}

/// The venue's time of the last one.
#[inline]
fn last_filled(fills: &[Fill]) -> i64 {
    fills.iter().map(|fill| fill.venue_time_ns).max().unwrap_or(i64::MIN)
}

/// Length of the client id's fixed head: the letter D and the instance's eight characters.
const PREFIX_BYTES: usize = 9;
const PLACE_CHARS: usize = 5;
/// Crockford's base 32: no letter that could be read as a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What each byte stands for; what is no digit stands for nothing.
const DIGITS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 32 {
        table[ALPHABET[i] as usize] = i as u8;
        i = i.wrapping_add(1);
    }
    table
};

/// How many of the venue's ids an order is known by, beside its first: where every change brings one, the newest.
pub const OTHER_VENUE_IDS_MAX: usize = 64;

/// Places beyond this do not fit the client id.
pub const ORDERS_MAX: usize = 1 << 25;

/// Two digits at once.
const PAIRS: [[u8; 2]; 1024] = {
    let mut table = [[0; 2]; 1024];
    let mut i = 0;
    while i < 1024 {
        table[i] = [ALPHABET[i >> 5], ALPHABET[i & 31]];
        i = i.wrapping_add(1);
    }
    table
};

#[inline]
fn write_base32(target: &mut [u8], mut value: u64) {
    let mut pairs = target.rchunks_exact_mut(2);
    for pair in pairs.by_ref() {
        pair.copy_from_slice(&PAIRS[(value & 1023) as usize]);
        value >>= 10;
    }
    if let [first] = pairs.into_remainder() {
        *first = ALPHABET[(value & 31) as usize];
    }
}

/// An ended order, and what the indexes knew it by when it ended. The keys were read while the order was at hand:
/// forgetting it goes to its entries straight, and not by way of memory that nobody has read for a long time. They
/// are guesses, since the venue may say more of an ended order: an index takes out only what is there.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ended {
    reference: OrderRef,
    venue_key: u64,
    fill_key: u64,
    /// The venue's time of its last fill, ns.
    filled_ns: i64,
}

/// The orders, and the ways to find them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderStore {
    orders: Vec<Order>,
    free: Vec<u32>,
    ended: VecDeque<Ended>,
    remembered_max: usize,
    by_venue_id: Index,
    by_fill: Index,
    next_number: u64,
    /// Fills that are settled and not seen yet.
    unseen: u32,
    /// Orders that are not ours.
    external: u32,
    /// The venue's time of the last fill of any forgotten order, ns.
    forgotten_ns: i64,
    /// Places of those that have a client id.
    foreign: Vec<u32>,
    prefix: [u8; PREFIX_BYTES],
}

impl OrderStore {
    /// An empty store that remembers `remembered_max` ended orders; `nonce` (40 bits) marks this instance's ids.
    pub fn new(remembered_max: usize, nonce: u64) -> OrderStore {
        let mut prefix = [b'D'; PREFIX_BYTES];
        write_base32(&mut prefix[1..], nonce);
        OrderStore {
            orders: Vec::new(),
            free: Vec::new(),
            ended: VecDeque::new(),
            remembered_max: remembered_max.clamp(1, ORDERS_MAX >> 1),
            by_venue_id: Index::default(),
            by_fill: Index::default(),
            next_number: 1,
            unseen: 0,
            external: 0,
            forgotten_ns: i64::MIN,
            foreign: Vec::new(),
            prefix,
        }
    }

    /// The order at a place that the store itself handed out.
    #[inline]
    pub fn at(&self, place: u32) -> &Order {
        &self.orders[place as usize]
    }

    /// The same, to change.
    #[inline]
    pub fn at_mut(&mut self, place: u32) -> &mut Order {
        &mut self.orders[place as usize]
    }

    /// The order, unless its place has been given to another since.
    #[inline]
    pub fn get(&self, reference: OrderRef) -> Option<&Order> {
        self.orders.get(reference.place as usize).filter(|order| order.number == reference.number)
    }

    /// All orders, live and remembered, by place.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.number != 0)
    }

    /// The number that the next order gets.
    #[inline]
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The client id of an order: a pure function of instance, place, order number, slot and leg.
    #[inline]
    fn client_id(&self, place: u32, number: u64, slot_id: u32, leg: u8) -> Id {
        let mut text = [0_u8; 30];
        text[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        write_base32(&mut text[PREFIX_BYTES..14], u64::from(place));
        write_base32(&mut text[14..24], number);
        write_base32(&mut text[24..29], u64::from(slot_id));
        write_base32(&mut text[29..], u64::from(leg));
        Id::from_ascii(&text)
    }

    /// The id of a request to change an order: a pure function of instance, order number and input.
    pub fn request_id(&self, number: u64, seq: u64) -> Id {
        let mut text = [0_u8; 31];
        text[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        text[0] = b'A';
        write_base32(&mut text[PREFIX_BYTES..19], number);
        write_base32(&mut text[19..], seq);
        Id::from_ascii(&text)
    }

    /// Gives out a place for a new order of a slot: vacant but for its number, client id and slot.
    #[inline]
    pub fn claim(&mut self, slot_id: u32, leg: u8) -> (OrderRef, &mut Order) {
        let reference = self.claim_place();
        let client_id = self.client_id(reference.place, reference.number, slot_id, leg);
        let order = &mut self.orders[reference.place as usize];
        order.client_id = client_id;
        order.slot_id = slot_id;
        (reference, order)
    }

    /// Gives out a place for the record of an order that is not ours.
    pub fn claim_external(&mut self) -> (OrderRef, &mut Order) {
        let reference = self.claim_place();
        self.external = self.external.saturating_add(1);
        let order = &mut self.orders[reference.place as usize];
        order.role = OrderRole::External;
        order.status = VenueOrderStatus::Acked;
        (reference, order)
    }

    #[inline(always)]
    fn claim_place(&mut self) -> OrderRef {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.orders.push(Order::vacant());
                self.orders.len().wrapping_sub(1) as u32
            }
        };
        self.orders[place as usize].number = number;
        OrderRef { place, number }
    }

    /// Remembers that an order which is not ours has a client id.
    pub fn note_foreign(&mut self, place: u32) {
        if !self.at(place).client_id.is_empty() {
            self.foreign.push(place);
        }
    }

    /// Finds an order by its client id: ours, or one that was at work when the account was opened.
    pub fn by_client_id(&self, id: &Id) -> Option<u32> {
        let own = self.by_own_id(id);
        if own.is_some() || self.foreign.is_empty() {
            return own;
        }
        // They are few, and become fewer.
        self.foreign.iter().copied().find(|place| self.at(*place).client_id == *id)
    }

    /// Finds an order by the client id that the store gave it.
    #[inline]
    pub(crate) fn by_own_id(&self, id: &Id) -> Option<u32> {
        // Whatever the text may be, its place is only a guess until the order there says that this is its id.
        let digits = id.as_bytes().get(PREFIX_BYTES..PREFIX_BYTES.wrapping_add(PLACE_CHARS))?;
        let place =
            digits.iter().fold(0, |place, digit| (place << 5) | u32::from(DIGITS[usize::from(*digit)]));
        self.orders.get(place as usize).filter(|order| order.client_id == *id).map(|_| place)
    }

    /// Finds an order by any of the venue's ids for it.
    #[inline]
    pub fn by_venue_id(&self, id: &Id) -> Option<u32> {
        self.by_venue_id.find(id.hash64(), |place| {
            let order = self.at(place);
            order.venue_order_id == *id || order.other_venue_ids.contains(id)
        })
    }

    /// Learns one more venue id of an order; false when it was known.
    #[inline]
    pub fn link_venue_id(&mut self, place: u32, id: &Id) -> bool {
        if id.is_empty() {
            return false;
        }
        let order = &mut self.orders[place as usize];
        if order.venue_order_id == *id || order.other_venue_ids.contains(id) {
            return false;
        }
        if order.venue_order_id.is_empty() {
            order.venue_order_id.clone_from(id);
        } else {
            if order.other_venue_ids.len() >= OTHER_VENUE_IDS_MAX {
                let oldest = order.other_venue_ids.remove(0);
                self.by_venue_id.remove(oldest.hash64(), place);
            }
            order.other_venue_ids.push(id.clone());
        }
        self.by_venue_id.insert(id.hash64(), place);
        true
    }

    #[inline]
    fn fill_key(instrument: u32, venue_trade_id: &Id) -> u64 {
        venue_trade_id.hash64() ^ u64::from(instrument).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// Adds a fill of that id to an order and to the index of fills. The list makes room first and the fill is then
    /// written where it stays: it is too large to be moved.
    #[inline]
    pub fn add_fill(&mut self, place: u32, venue_trade_id: &Id, fill: impl FnOnce() -> Fill) {
        let order = &mut self.orders[place as usize];
        if !venue_trade_id.is_empty() {
            self.by_fill.insert(Self::fill_key(order.instrument, venue_trade_id), place);
        }
        order.fills.extend(core::iter::once_with(fill));
        if order.fills.last().is_some_and(is_unseen) {
            self.unseen = self.unseen.saturating_add(1);
        }
    }

    /// Names an inferred fill after the real one that it stood for.
    pub fn name_fill(&mut self, place: u32, at: usize, venue_trade_id: &Id) {
        let order = &mut self.orders[place as usize];
        if let Some(fill) = order.fills.get_mut(at) {
            fill.venue_trade_id.clone_from(venue_trade_id);
            fill.inferred = false;
            if !venue_trade_id.is_empty() {
                self.by_fill.insert(Self::fill_key(order.instrument, venue_trade_id), place);
            }
        }
    }

    /// Finds a fill by the venue's trade id: the order's place and the fill's position in it. Prefers one that is
    /// not settled yet, for venues that give both halves of a self-trade one id.
    #[inline]
    pub fn by_fill(&self, instrument: u32, venue_trade_id: &Id) -> Option<(u32, usize)> {
        let key = Self::fill_key(instrument, venue_trade_id);
        let mut settled = None;
        let mut found = None;
        self.by_fill.find(key, |place| {
            let order = self.at(place);
            let fills = order.fills.iter().enumerate();
            for (at, fill) in fills.filter(|(_, fill)| fill.venue_trade_id == *venue_trade_id) {
                if order.instrument == instrument {
                    let target = if fill.settled { &mut settled } else { &mut found };
                    *target = target.or(Some((place, at)));
                }
            }
            found.is_some()
        });
        found.or(settled)
    }

    /// The order and the fill that a bust or correction of that id was about.
    #[cold]
    pub fn by_correction(&self, instrument: u32, id: &Id) -> Option<(u32, usize)> {
        let mut found = None;
        self.by_fill.find(Self::fill_key(instrument, id), |place| {
            let order = self.at(place);
            let correction = order.correction(id).filter(|_| order.instrument == instrument);
            let fill_at = correction.and_then(|correction| usize::try_from(correction.fill_at).ok());
            found = fill_at.filter(|at| *at < order.fills.len()).map(|at| (place, at));
            found.is_some()
        });
        found
    }

    /// The order that holds a fill of that id and side, quantity and all.
    pub fn holder_of_fill(&self, instrument: u32, venue_trade_id: &Id, side: OrderSide) -> Option<u32> {
        self.by_fill.find(Self::fill_key(instrument, venue_trade_id), |place| {
            let order = self.at(place);
            let holds = |fill: &Fill| fill.venue_trade_id == *venue_trade_id && !is_unseen(fill);
            order.instrument == instrument && order.order_side == side && order.fills.iter().any(holds)
        })
    }

    /// The same, of an order that is not ours: another of ours may have a fill of that id too.
    pub fn strangers_fill(&self, instrument: u32, venue_trade_id: &Id, side: OrderSide) -> Option<u32> {
        self.by_fill.find(Self::fill_key(instrument, venue_trade_id), |place| {
            let order = self.at(place);
            let holds = |fill: &Fill| fill.venue_trade_id == *venue_trade_id && !is_unseen(fill);
            order.role == OrderRole::External
                && order.instrument == instrument
                && order.order_side == side
                && order.fills.iter().any(holds)
        })
    }

    /// The orders that know a fill or a correction by that id: the first, and another one, where the id means two.
    #[cold]
    pub fn holders_of_trade(
        &self,
        instrument: u32,
        id: &Id,
        side: Option<OrderSide>,
    ) -> (Option<u32>, Option<u32>) {
        let (mut first, mut second) = (None, None);
        self.by_fill.find(Self::fill_key(instrument, id), |place| {
            let order = self.at(place);
            let means = order.instrument == instrument
                && side.is_none_or(|side| side == order.order_side)
                && order.knows_fill(id)
                && !order.fills.iter().any(is_unseen);
            match first {
                None if means => first = Some(place),
                Some(known) if means && known != place => second = Some(place),
                Some(_) | None => {}
            }
            second.is_some()
        });
        (first, second)
    }

    /// Remembers the id of a bust or correction of a fill.
    #[cold]
    pub fn add_correction(&mut self, place: u32, id: &Id, fill_at: usize, settles: bool) {
        if id.is_empty() {
            return;
        }
        let order = &mut self.orders[place as usize];
        let fill_at = u32::try_from(fill_at).unwrap_or(u32::MAX);
        order.extra_mut().corrections.push(Correction { id: id.clone(), fill_at, settles });
        self.by_fill.insert(Self::fill_key(order.instrument, id), place);
    }

    /// An ended order works again: it is not to be forgotten in its turn.
    #[cold]
    pub fn unretire(&mut self, reference: OrderRef) {
        self.ended.retain(|ended| ended.reference != reference);
    }

    /// An order of ours has no slot any more: from here on its fills are nobody's.
    #[cold]
    pub fn disown(&mut self, place: u32) {
        let order = &mut self.orders[place as usize];
        if order.role != OrderRole::External {
            order.role = OrderRole::External;
            self.external = self.external.saturating_add(1);
        }
    }

    /// Takes out a fill that was settled before any event brought it.
    #[inline]
    pub fn take_unseen(&mut self, instrument: u32, venue_trade_id: &Id) -> Option<Fill> {
        if self.unseen == 0 || venue_trade_id.is_empty() {
            return None;
        }
        self.find_unseen(instrument, venue_trade_id)
    }

    #[cold]
    fn find_unseen(&mut self, instrument: u32, venue_trade_id: &Id) -> Option<Fill> {
        let (place, at) = self.by_fill(instrument, venue_trade_id)?;
        let order = &mut self.orders[place as usize];
        if order.role != OrderRole::External || !is_unseen(order.fills.get(at)?) {
            return None;
        }
        let fill = order.fills.remove(at);
        self.unseen = self.unseen.saturating_sub(1);
        self.by_fill.remove(Self::fill_key(instrument, venue_trade_id), place);
        Some(fill)
    }

    /// Remembers an ended order, and forgets the oldest ones past the bound unless `is_pinned` says that its slot
    /// still needs it.
    #[inline]
    pub fn retire(&mut self, reference: OrderRef, is_pinned: impl Fn(&Order) -> bool) {
        let order = self.at(reference.place);
        let venue_key = order.venue_order_id.hash64();
        let fill_key =
            order.fills.first().map_or(0, |fill| Self::fill_key(order.instrument, &fill.venue_trade_id));
        let filled_ns = last_filled(&order.fills);
        // Room is made first, so that the order being retired stays for its caller. A pinned one goes to the back; a
        // few tries a step keep the work bounded.
        let mut tries: u8 = 4;
        while self.ended.len() >= self.remembered_max && tries > 0 {
            tries = tries.wrapping_sub(1);
            let Some(oldest) = self.ended.pop_front() else { break };
            match self.get(oldest.reference) {
                Some(order) if is_pinned(order) => self.ended.push_back(oldest),
                Some(_) => self.forget(oldest),
                None => {}
            }
        }
        self.ended.push_back(Ended { reference, venue_key, fill_key, filled_ns });
    }

    /// True where a fill of that time of the venue may be one of an order that is forgotten: whether it was booked then,
    /// nobody here can tell.
    pub fn may_be_forgotten(&self, venue_time_ns: i64) -> bool {
        venue_time_ns <= self.forgotten_ns
    }

    /// True where some remembered order is not ours.
    #[inline]
    pub fn has_external(&self) -> bool {
        self.external > 0
    }

    /// Takes out an order that is not ours, with its fills: they turned out to be another's.
    #[cold]
    pub fn take_external(&mut self, place: u32) -> (Vec<Fill>, Vec<Correction>) {
        let order = &mut self.orders[place as usize];
        let fills = core::mem::take(&mut order.fills);
        let corrections =
            order.extra.as_mut().map(|extra| core::mem::take(&mut extra.corrections)).unwrap_or_default();
        for correction in &corrections {
            self.by_fill.remove(Self::fill_key(order.instrument, &correction.id), place);
        }
        for fill in fills.iter().filter(|fill| !fill.venue_trade_id.is_empty()) {
            self.by_fill.remove(Self::fill_key(order.instrument, &fill.venue_trade_id), place);
        }
        let reference = OrderRef { place, number: order.number };
        let venue_key = order.venue_order_id.hash64();
        self.forget(Ended { reference, venue_key, fill_key: 0, filled_ns: i64::MIN });
        (fills, corrections)
    }

    /// The record of an order that is not ours becomes one of ours, with an id of our own.
    #[cold]
    pub fn make_ours(&mut self, place: u32, slot_id: u32) -> OrderRef {
        let number = self.at(place).number;
        let client_id = self.client_id(place, number, slot_id, 0);
        self.external = self.external.saturating_sub(1);
        let order = &mut self.orders[place as usize];
        order.client_id = client_id;
        order.slot_id = slot_id;
        OrderRef { place, number }
    }

    fn forget(&mut self, ended: Ended) {
        let place = ended.reference.place;
        let order = &mut self.orders[place as usize];
        // An order of one venue id has one entry at most: once that is out, there is nothing to look for.
        let alone = order.other_venue_ids.is_empty();
        if !(alone && self.by_venue_id.remove(ended.venue_key, place)) {
            if !order.venue_order_id.is_empty() {
                self.by_venue_id.remove(order.venue_order_id.hash64(), place);
            }
            for id in order.other_venue_ids.drain(..) {
                self.by_venue_id.remove(id.hash64(), place);
            }
        }
        // The same for an order of one fill, but that an unseen one is counted.
        let alone = order.fills.len() == 1 && self.unseen == 0;
        let mut filled_ns = ended.filled_ns;
        if !(alone && self.by_fill.remove(ended.fill_key, place)) {
            filled_ns = last_filled(&order.fills);
            for fill in &order.fills {
                if !fill.venue_trade_id.is_empty() {
                    self.by_fill.remove(Self::fill_key(order.instrument, &fill.venue_trade_id), place);
                }
                if is_unseen(fill) {
                    self.unseen = self.unseen.saturating_sub(1);
                }
            }
        }
        if let Some(extra) = &order.extra {
            for correction in &extra.corrections {
                self.by_fill.remove(Self::fill_key(order.instrument, &correction.id), place);
            }
        }
        if order.role == OrderRole::External {
            self.external = self.external.saturating_sub(1);
            self.foreign.retain(|foreign| *foreign != place);
        }
        self.forgotten_ns = self.forgotten_ns.max(filled_ns);
        order.vacate();
        self.free.push(place);
    }

    /// Checks that both indexes agree with the orders.
    ///
    /// # Errors
    /// A sentence about the first disagreement.
    pub fn check(&self) -> Result<(), &'static str> {
        let mut venue_ids: usize = 0;
        let mut fills: usize = 0;
        for (place, order) in self.orders.iter().enumerate().filter(|(_, order)| order.number != 0) {
            let named = usize::from(!order.venue_order_id.is_empty());
            venue_ids = venue_ids.saturating_add(named).saturating_add(order.other_venue_ids.len());
            fills = fills
                .saturating_add(order.fills.iter().filter(|fill| !fill.venue_trade_id.is_empty()).count())
                .saturating_add(order.extra.as_ref().map_or(0, |extra| extra.corrections.len()));
            if named == 1 && self.by_venue_id(&order.venue_order_id).is_none() {
                return Err("a venue order id is not in its index");
            }
            if !order.client_id.is_empty() && self.by_client_id(&order.client_id) != Some(place as u32) {
                return Err("a client id does not lead to its order");
            }
        }
        if venue_ids != self.by_venue_id.len() {
            return Err("the index of venue order ids has entries without orders");
        }
        if fills != self.by_fill.len() {
            return Err("the index of fills has entries without fills");
        }
        Ok(())
    }
}

impl OrderStore {
    /// The orders, the order of forgetting and the counter; the indexes follow from them.
    pub(crate) fn trading_state(&self) -> impl Serialize + '_ {
        let ended: Vec<(OrderRef, i64)> =
            self.ended.iter().map(|ended| (ended.reference, ended.filled_ns)).collect();
        (&self.orders, &self.free, ended, self.next_number, self.forgotten_ns)
    }

    /// True where a stored store is one that this code could have made.
    pub(crate) fn is_sound(&self) -> bool {
        let count = self.orders.len();
        let is_place = |place: &u32| (*place as usize) < count;
        self.by_venue_id.is_below(count)
            && self.by_fill.is_below(count)
            && self.free.iter().all(is_place)
            && self.foreign.iter().all(is_place)
            && self.ended.iter().all(|ended| is_place(&ended.reference.place))
    }
}
