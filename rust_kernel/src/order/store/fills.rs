//! Which fills and corrections are known, and whose they are.

use super::OrderStore;
use crate::id::Id;
use crate::names::OrderSide;
use crate::order::fill::is_unseen;
use crate::order::{Correction, Fill, Order, OrderRole};
use crate::planted::{Bug, planted};

/// Venues number trades by symbol.
#[inline]
fn is_of(order: &Order, instrument: u32) -> bool {
    order.instrument == instrument || planted(Bug::TradeIdWithoutSymbol)
}

impl OrderStore {
    #[inline]
    pub(super) fn fill_key(instrument: u32, venue_trade_id: &Id) -> u64 {
        let instrument = if planted(Bug::TradeIdWithoutSymbol) { 0 } else { instrument };
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

    /// Takes a fill of an order out, index and all. The order must have no corrections: they count its fills.
    #[cold]
    pub(crate) fn remove_fill(&mut self, place: u32, at: usize) {
        let order = &mut self.orders[place as usize];
        if at < order.fills.len() {
            let fill = order.fills.remove(at);
            if !fill.venue_trade_id.is_empty() {
                self.by_fill.remove(Self::fill_key(order.instrument, &fill.venue_trade_id), place);
            }
        }
    }

    /// Finds a fill by the venue's trade id, and its side where that is told: the order's place and the fill's position in
    /// it. Prefers one that is not settled yet, for venues that give both halves of a self-trade one id.
    #[inline]
    pub fn by_fill(
        &self,
        instrument: u32,
        venue_trade_id: &Id,
        side: Option<OrderSide>,
    ) -> Option<(u32, usize)> {
        let key = Self::fill_key(instrument, venue_trade_id);
        let mut settled = None;
        let mut found = None;
        self.by_fill.find(key, |place| {
            let order = self.at(place);
            let fills = order.fills.iter().enumerate();
            for (at, fill) in fills.filter(|(_, fill)| fill.venue_trade_id == *venue_trade_id) {
                if is_of(order, instrument) && side.is_none_or(|side| order.may_be_of(side)) {
                    let target = if fill.settled && !planted(Bug::SettlementFindsTheFirstHalf) {
                        &mut settled
                    } else {
                        &mut found
                    };
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
            is_of(order, instrument) && order.order_side == side && order.fills.iter().any(holds)
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

    /// How many fills were settled and have not come.
    #[inline]
    pub(crate) fn unseen(&self) -> usize {
        self.unseen as usize
    }

    /// Takes out a fill of that side that was settled before any event brought it.
    #[inline]
    pub fn take_unseen(&mut self, instrument: u32, venue_trade_id: &Id, side: OrderSide) -> Option<Fill> {
        if self.unseen == 0 || venue_trade_id.is_empty() {
            return None;
        }
        self.find_unseen(instrument, venue_trade_id, side)
    }

    /// The place of a fill of that side that was settled before any event brought it.
    #[cold]
    pub(crate) fn unseen_at(&self, instrument: u32, venue_trade_id: &Id, side: OrderSide) -> Option<u32> {
        self.by_fill.find(Self::fill_key(instrument, venue_trade_id), |place| {
            let order = self.at(place);
            let is_it = order.fills.first().is_some_and(|fill| fill.venue_trade_id == *venue_trade_id);
            is_it && order.is_settled_ahead() && is_of(order, instrument) && order.may_be_of(side)
        })
    }

    #[cold]
    fn find_unseen(&mut self, instrument: u32, venue_trade_id: &Id, side: OrderSide) -> Option<Fill> {
        let place = self.unseen_at(instrument, venue_trade_id, side)?;
        let order = &mut self.orders[place as usize];
        let fill = order.fills.remove(0);
        self.unseen = self.unseen.saturating_sub(1);
        self.by_fill.remove(Self::fill_key(instrument, venue_trade_id), place);
        Some(fill)
    }
}
