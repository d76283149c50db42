//! Whether stored orders are ones that this code could have made.

use alloc::vec::Vec;
use core::fmt;

use super::{ORDERS_MAX, OTHER_VENUE_IDS_MAX, OrderStore, prefix_of, remembered_of};
use crate::kernel::KernelConfig;
use crate::names::TradeSide;
use crate::num::Money;
use crate::order::fill::is_unseen;
use crate::order::{Fill, Order, OrderRole};
use crate::soundness::{Amounts, NEVER_GIVEN, Places, Sound, hold};

impl OrderStore {
    /// Whether a stored store is one that this code could have made with these settings.
    pub(crate) fn check_sound(&self, config: &KernelConfig, places: Places, amounts: &mut Amounts) -> Sound {
        let remembered = self.remembered_max;
        let wanted = remembered_of(config.remembered_orders);
        hold(remembered == wanted, "orders.remembered_max", remembered, "it is not what the settings say")?;
        let prefix = prefix_of(config.instance_nonce);
        hold(self.prefix == prefix, "orders.prefix", self.prefix, "it is not what the settings say")?;
        hold(
            self.orders.len() <= ORDERS_MAX,
            "orders",
            self.orders.len(),
            "client ids have no room for so many",
        )?;
        self.check_places()?;
        for (place, order) in self.orders.iter().enumerate().filter(|(_, order)| order.number != 0) {
            let known = order.number < self.next_number;
            hold(known, format_args!("orders[{place}].number"), order.number, "it was never given")?;
            check_order(order, place, places, amounts)?;
        }
        self.check_counters()?;
        self.check_ended()?;
        self.check_indexes()
    }

    /// Each place is free or has an order, and no two orders have one number.
    fn check_places(&self) -> Sound {
        let mut free = self.free.clone();
        free.sort_unstable();
        let vacant = (0_u32..).zip(&self.orders).filter(|(_, order)| order.number == 0);
        let vacant: Vec<u32> = vacant.map(|(place, _)| place).collect();
        hold(free == vacant, "orders.free", &self.free, "they are not the places without an order")?;
        for place in vacant {
            let is_vacant = *self.at(place) == const { Order::vacant() };
            hold(is_vacant, format_args!("orders[{place}]"), 0, "a free place still holds something")?;
        }
        let mut numbers: Vec<u64> = self.iter().map(|order| order.number).collect();
        numbers.sort_unstable();
        let twin = numbers.windows(2).find(|pair| pair.first() == pair.last());
        hold(twin.is_none(), "orders.number", twin, "two orders have it")
    }

    fn check_counters(&self) -> Sound {
        let unseen = self.iter().flat_map(|order| &order.fills).filter(|fill| is_unseen(fill)).count();
        hold(self.unseen as usize == unseen, "orders.unseen", self.unseen, "it is not how many are unseen")?;
        let external = self.iter().filter(|order| order.role == OrderRole::External).count();
        hold(
            self.external as usize == external,
            "orders.external",
            self.external,
            "it is not how many are nobody's",
        )?;
        for (at, place) in self.foreign.iter().enumerate() {
            let order = self.orders.get(*place as usize);
            let named = order.is_some_and(|o| o.role == OrderRole::External && !o.client_id.is_empty());
            let first = self.foreign.iter().position(|other| other == place) == Some(at);
            hold(
                named && first,
                format_args!("orders.foreign[{at}]"),
                place,
                "no order there has a client id of others",
            )?;
        }
        Ok(())
    }

    /// Those that are to be forgotten in their turn have ended, and of ours all that have ended are.
    fn check_ended(&self) -> Sound {
        let mut listed: Vec<(u64, u32)> = Vec::new();
        for (at, ended) in self.ended.iter().enumerate() {
            let given = self.was_given(ended.reference);
            hold(given, format_args!("orders.ended[{at}]"), ended.reference, NEVER_GIVEN)?;
            let live = self.get(ended.reference).is_some_and(Order::is_live);
            hold(!live, format_args!("orders.ended[{at}]"), ended.reference, "it is at work")?;
            listed.push((ended.reference.number, ended.reference.place));
        }
        listed.sort_unstable();
        let is_own_and_ended =
            |order: &Order| order.number != 0 && order.role != OrderRole::External && !order.is_live();
        let own = (0_u32..).zip(&self.orders).filter(|(_, order)| is_own_and_ended(order));
        own.map(|(place, order)| (order.number, place)).try_for_each(|own| {
            hold(listed.binary_search(&own).is_ok(), "orders.ended", own.0, "an ended order is missing")
        })
    }

    fn check_indexes(&self) -> Sound {
        let orders = || (0_u32..).zip(&self.orders).filter(|(_, order)| order.number != 0);
        let venue_ids = orders().flat_map(|(place, order)| {
            let first = Some(&order.venue_order_id).filter(|id| !id.is_empty());
            first.into_iter().chain(&order.other_venue_ids).map(move |id| (id.hash64(), place))
        });
        let exact = self.by_venue_id.holds_exactly(venue_ids);
        hold(exact, "orders.by_venue_id", self.by_venue_id.len(), "its entries are not the orders' ids")?;
        let fills = orders().flat_map(|(place, order)| {
            let named = order.fills.iter().map(|fill| &fill.venue_trade_id).filter(|id| !id.is_empty());
            let extra = order.extra.as_ref().map_or(&[][..], |extra| &extra.corrections);
            let ids = named.chain(extra.iter().map(|correction| &correction.id));
            ids.map(move |id| (Self::fill_key(order.instrument, id), place))
        });
        let exact = self.by_fill.holds_exactly(fills);
        hold(exact, "orders.by_fill", self.by_fill.len(), "its entries are not the fills' ids")
    }
}

/// A field of an order or of one of its fills: put in words only where something is wrong with it.
struct Field {
    place: usize,
    fill: Option<usize>,
    field: &'static str,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Field { place, fill, field } = self;
        match fill {
            Some(fill) => write!(f, "orders[{place}].fills[{fill}].{field}"),
            None => write!(f, "orders[{place}].{field}"),
        }
    }
}

fn check_order(order: &Order, place: usize, places: Places, amounts: &mut Amounts) -> Sound {
    let at = |field| Field { place, fill: None, field };
    places.instrument(at("instrument"), order.instrument)?;
    if order.role != OrderRole::External {
        places.slot(at("slot_id"), order.slot_id)?;
        hold(order.trade_number > 0, at("trade_number"), order.trade_number, "trades count from 1")?;
        hold(order.side != TradeSide::Flat, at("side"), order.side, "an order of ours has a side")?;
    }
    let ids = order.other_venue_ids.len();
    hold(ids <= OTHER_VENUE_IDS_MAX, at("other_venue_ids"), ids, "there are too many")?;
    for (field, mantissa) in [
        ("limit_price", order.limit_price.unwrap_or_default().0),
        ("qty", order.qty.0),
        ("filled", order.filled.0),
        ("filled_value", order.filled_value.0),
        ("inferred", order.inferred.0),
        ("reserve_price", order.reserve_price.0),
        ("reserved", order.reserved.0),
    ] {
        amounts.add_unsigned(at(field), mantissa)?;
    }
    check_extra(order, place, amounts)?;
    for (number, fill) in order.fills.iter().enumerate() {
        check_fill(fill, (place, number), places, amounts)?;
    }
    Ok(())
}

fn check_extra(order: &Order, place: usize, amounts: &mut Amounts) -> Sound {
    let Some(extra) = &order.extra else { return Ok(()) };
    let at = |field| Field { place, fill: None, field };
    amounts.add_unsigned(at("trigger_price"), extra.trigger_price.unwrap_or_default().0)?;
    amounts.add_unsigned(at("remaining_told"), extra.remaining_told.unwrap_or_default().0)?;
    for amendment in extra.amendment.iter().chain(&extra.given_up) {
        for (field, mantissa) in [
            ("amendment.qty", amendment.qty.0),
            ("amendment.limit_price", amendment.limit_price.unwrap_or_default().0),
            ("amendment.trigger_price", amendment.trigger_price.unwrap_or_default().0),
            ("amendment.reserve_price", amendment.reserve_price.0),
        ] {
            amounts.add_unsigned(at(field), mantissa)?;
        }
    }
    extra.corrections.iter().try_for_each(|correction| {
        let there = (correction.fill_at as usize) < order.fills.len();
        hold(there, at("corrections.fill_at"), correction.fill_at, "there is no such fill")?;
        hold(!correction.id.is_empty(), at("corrections.id"), &correction.id, "a correction has an id")
    })
}

fn check_fill(fill: &Fill, (place, number): (usize, usize), places: Places, amounts: &mut Amounts) -> Sound {
    let at = |field| Field { place, fill: Some(number), field };
    places.asset(at("fee_asset"), fill.fee_asset)?;
    for (field, mantissa) in [("qty", fill.qty.0), ("price", fill.price.0), ("closed", fill.closed.0)] {
        amounts.add_unsigned(at(field), mantissa)?;
    }
    for pair in fill.pairs.as_deref().unwrap_or_default() {
        places.slot(at("pairs"), pair.slot_id)?;
        hold(pair.qty.0 > 0, at("pairs"), pair.qty, "what it closed is above zero")?;
        for mantissa in [pair.qty.0, pair.value.0, pair.released.0] {
            amounts.add(at("pairs"), mantissa)?;
        }
    }
    let opened = fill.opened(Money::ZERO).0;
    hold(opened.0 >= 0, at("pairs"), opened, "it closed more than it was")?;
    amounts.add(at("fee"), fill.fee.0)?;
    amounts.add(at("realized"), fill.realized.0)
}
