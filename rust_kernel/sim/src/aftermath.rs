//! What follows a batch of fills on an account that is not plain: groups, reduce-only orders, positions, liquidation.

use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input};
use dita_kernel::names::{AccountEventKind, KernelEventKind, PositionSide, VenueOrderStatus};
use dita_kernel::num::Decimal;

use crate::events;
use crate::fills::Market;
use crate::margin::entry_price;
use crate::orders::Order;
use crate::reject::Reject;
use crate::venue::SimVenue;
use crate::wallet::Position;

impl SimVenue {
    /// Ends a batch on a market. `from` is where its events begin.
    #[inline]
    pub(crate) fn conclude(&mut self, market: usize, from: usize, out: &mut Vec<Input>) {
        if self.desk.odd {
            self.conclude_oddly(market, from, out);
        }
    }

    #[cold]
    fn conclude_oddly(&mut self, market: usize, from: usize, out: &mut Vec<Input>) {
        if core::mem::take(&mut self.desk.moved) {
            self.cancel_groups(out);
            if self.desk.behaviour.trim_reduce_only {
                self.trim(market, out);
            }
            if self.desk.behaviour.position_events {
                self.tell_positions(market, out);
            }
            self.liquidate_if_due(self.markets[market].account, out);
            self.befall(market, out);
        }
        self.tell_margins(from, out);
    }

    /// The venue's own OCO: the others of a group that was filled go.
    fn cancel_groups(&mut self, out: &mut Vec<Input>) {
        for group in core::mem::take(&mut self.desk.filled_groups) {
            let of_group = |order: &Order| {
                let member = order.terms.as_ref().is_some_and(|terms| terms.oco_group == group);
                member && order.filled == 0
            };
            for place in self.orders.places(of_group) {
                self.end_live(place, VenueOrderStatus::Canceled, Some(Reject::OcoGroup), out);
            }
        }
    }

    /// Cuts waiting reduce-only orders to the position, and ends them where there is none.
    pub(crate) fn trim(&mut self, market: usize, out: &mut Vec<Input>) {
        let reduces =
            |order: &Order| order.market as usize == market && order.reduce_only && !order.is_dormant();
        for place in self.orders.places(reduces) {
            let SimVenue { desk, markets, orders, .. } = self;
            let Some(order) = orders.live_mut(place) else { continue };
            let closable = markets[market].closable(order.order_side, order.position_side);
            if order.remaining() <= closable {
                continue;
            }
            desk.counters.trimmed += 1;
            if closable == 0 {
                self.end_live(place, VenueOrderStatus::Expired, Some(Reject::ReduceOnlyNoPosition), out);
                continue;
            }
            order.size = order.filled + closable;
            let moment = desk.moment();
            let rare = Some(events::rare(Reject::ReduceOnlyNoPosition));
            let rules = &markets[market].rules;
            events::as_it_is(desk.forms.venue(out), KernelEventKind::Restated, order, rules, rare, moment);
        }
    }

    /// POSITION_UPDATE of each book of a market.
    pub(crate) fn tell_positions(&self, market: usize, out: &mut Vec<Input>) {
        let market = &self.markets[market];
        let books: &[(PositionSide, &Position)] = if self.desk.behaviour.hedge_mode {
            &[(PositionSide::Long, &market.position), (PositionSide::Short, &market.short)]
        } else {
            &[(PositionSide::Both, &market.position)]
        };
        if market.base_account.is_some() {
            return;
        }
        for &(position_side, position) in books {
            out.push(self.position_event(market, position_side, position));
        }
    }

    fn position_event(&self, market: &Market, position_side: PositionSide, position: &Position) -> Input {
        let entry_price = if position.quantity == 0 { None } else { entry_price(market, position) };
        Input::Account(Box::new(AccountEvent {
            asset: market.rules.settle.clone(),
            symbol: market.rules.symbol.clone(),
            event_id: Id::EMPTY,
            position_side: Some(position_side),
            size: Some(market.rules.quantity.decimal(position.quantity)),
            entry_price: Some(entry_price.unwrap_or(Decimal::ZERO)),
            ..AccountEvent::new(AccountEventKind::PositionUpdate, self.desk.now_ns)
        }))
    }
}
