//! Rows of fills: each as it was booked, and again whenever later news changed it.

use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input, News, VenueEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::OrderSide;
use dita_kernel::num::{Money, Qty};
use dita_kernel::order::{Fill, Order, OrderRole};

use super::super::tables::Table;
use super::Rows;
use crate::replica::Step;

/// What a row says of a fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FillChange {
    /// It was booked.
    Booked,
    /// The venue's own figures are booked now.
    Settled,
    /// News of it: corrected, repriced, completed.
    Changed,
    /// The venue took it back.
    Busted,
    /// It was inferred, and the real fills have taken its place: it counts nothing any more.
    Replaced,
}

impl FillChange {
    /// The names, by number.
    pub const NAMES: [&'static str; 5] = ["BOOKED", "SETTLED", "CHANGED", "BUSTED", "REPLACED"];
}

/// The fills of the order that an input is about, as they were.
pub(super) struct OrderBefore {
    place: u32,
    number: u64,
    fills: Vec<Fill>,
}

/// The order that an event is about.
pub(super) fn place_of(kernel: &Kernel, event: &VenueEvent) -> Option<u32> {
    let orders = kernel.orders();
    let given = |id: &Id| !id.is_empty();
    let by_client =
        given(&event.venue_client_id).then(|| orders.by_client_id(&event.venue_client_id)).flatten();
    let by_venue =
        || given(&event.venue_order_id).then(|| orders.by_venue_id(&event.venue_order_id)).flatten();
    let rare = event.rare.as_deref();
    let by_parent = || {
        let parent = rare.map(|rare| &rare.parent_order_id).filter(|id| given(id))?;
        orders.by_venue_id(parent)
    };
    let by_reference = || {
        let fill = rare.map(|rare| &rare.ref_trade_id).filter(|id| given(id))?;
        place_of_fill(kernel, &event.asset, fill, event.order_side)
    };
    by_client.or_else(by_venue).or_else(by_parent).or_else(by_reference)
}

fn place_of_fill(kernel: &Kernel, symbol: &Id, venue_trade_id: &Id, side: Option<OrderSide>) -> Option<u32> {
    let instrument = kernel.instrument_of(symbol)?;
    let orders = kernel.orders();
    let found = orders.by_fill(instrument, venue_trade_id, side);
    found.or_else(|| orders.by_correction(instrument, venue_trade_id)).map(|(place, _)| place)
}

fn place_of_settled(kernel: &Kernel, event: &AccountEvent) -> Option<u32> {
    if event.venue_trade_id.is_empty() {
        return None;
    }
    place_of_fill(kernel, &event.symbol, &event.venue_trade_id, event.traded_side())
}

fn place_of_input(kernel: &Kernel, input: &Input) -> Option<u32> {
    match input.news()? {
        News::Order(event) => place_of(kernel, event),
        News::Account(event) => place_of_settled(kernel, event),
    }
}

impl OrderBefore {
    pub(super) fn of(kernel: &Kernel, input: &Input) -> Option<OrderBefore> {
        let place = place_of_input(kernel, input)?;
        let order = kernel.orders().at(place);
        Some(OrderBefore { place, number: order.number, fills: order.fills.clone() })
    }
}

/// A fill's name within its order: the input that booked it, and which of that input's it is.
fn named(fills: &[Fill]) -> impl Iterator<Item = ((u64, u32), &Fill)> {
    let mut last = (0, 0);
    fills.iter().map(move |fill| {
        last = if fill.seq == last.0 { (fill.seq, last.1 + 1) } else { (fill.seq, 0) };
        (last, fill)
    })
}

impl Rows {
    pub(super) fn fills(&mut self, kernel: &Kernel, step: &Step) {
        let before = self.before.order.take();
        let orders = kernel.orders();
        let place = before.as_ref().map(|it| it.place).or_else(|| place_of_input(kernel, &step.input));
        let Some(place) = place else { return };
        let order = orders.at(place);
        let before = before.filter(|it| it.number == order.number).map(|it| it.fills).unwrap_or_default();
        if before == order.fills {
            return;
        }
        let was: Vec<((u64, u32), &Fill)> = named(&before).collect();
        let mut n = 0;
        for (name, fill) in named(&order.fills) {
            let old = was.iter().find(|(other, _)| *other == name).map(|(_, fill)| *fill);
            let change = match old {
                None => FillChange::Booked,
                Some(old) if old == fill => continue,
                Some(old) if fill.busted && !old.busted => FillChange::Busted,
                Some(old) if fill.settled && !old.settled => FillChange::Settled,
                Some(_) => FillChange::Changed,
            };
            self.fill(kernel, step, n, (order, name, fill), change);
            n += 1;
        }
        for (name, old) in &was {
            if !named(&order.fills).any(|(other, _)| other == *name) {
                let none = Fill {
                    qty: Qty::ZERO,
                    closed: Qty::ZERO,
                    fee: Money::ZERO,
                    realized: Money::ZERO,
                    ..(*old).clone()
                };
                self.fill(kernel, step, n, (order, *name, &none), FillChange::Replaced);
                n += 1;
            }
        }
    }

    fn fill(
        &mut self,
        kernel: &Kernel,
        step: &Step,
        n: u32,
        (order, (fill_seq, fill_n), fill): (&Order, (u64, u32), &Fill),
        change: FillChange,
    ) {
        let Some(rules) = kernel.instruments().get(order.instrument as usize) else { return };
        let fee_asset = kernel.assets().get(usize::from(fill.fee_asset));
        let ours = order.role != OrderRole::External;
        let resent_from = order.extra.as_ref().and_then(|extra| extra.first_sent_time_ns);
        let sent_time_ns = resent_from.unwrap_or(order.sent_time_ns);
        let row = self.begin(Table::Fills, step, n);
        row.member(change as u8);
        row.whole(fill_seq);
        row.short(fill_n);
        row.time_or_none((fill.venue_time_ns != 0).then_some(fill.venue_time_ns));
        row.time_or_none(ours.then_some(sent_time_ns));
        row.id(&fill.venue_trade_id);
        row.id(&order.trade_id);
        row.id(order.owner());
        row.short_or_none(ours.then_some(order.slot_id));
        row.member(order.role as u8);
        row.id(&rules.spec.symbol);
        row.member(order.order_side as u8);
        row.member(order.position_side as u8);
        row.id(&order.client_id);
        row.id(&order.venue_order_id);
        row.number(Some(rules.price_decimal(fill.price)));
        row.number(Some(rules.qty_decimal(fill.qty)));
        row.number(Some(rules.qty_decimal(fill.closed)));
        row.money_or_none(rules.value(fill.price, fill.qty));
        row.money(fill.fee);
        row.text(fee_asset.map_or("", |asset| asset.name.as_str()));
        row.money(fill.realized);
        row.member(fill.liquidity as u8);
        row.flag(fill.liquidity_assumed);
        row.flag(fill.fee_predicted);
        row.flag(fill.settled);
        row.flag(fill.inferred);
        row.flag(fill.price_pending);
        row.flag(fill.busted);
        row.flag(fill.forced);
        row.end_with_unheld();
    }
}
