//! For people who look on: which slots, orders and marks have changed since they last looked, and every fill and every
//! remark of the kernel since then. Nothing is kept before somebody looks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, News, VenueEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{KernelDiagnosticCode, KernelEventKind, Liquidity, OrderSide, Severity};
use dita_kernel::num::{Decimal, Price};
use dita_kernel::order::{Order, OrderRole};
use dita_kernel::outcome::{Detail, Outcome};
use dita_kernel::slot::Slot;

use crate::run::Engine;
use crate::views::{OrderView, SlotView, order_view, slot_view};

/// So many fills wait for who looks, and so many remarks: of more the oldest are lost, and counted.
pub const SCREEN_WAITING_MAX: usize = 65_536;

/// A fill as it was booked.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownFill {
    /// The input.
    pub seq: u64,
    /// Kernel time, ns.
    pub time_ns: i64,
    /// The instrument.
    pub asset: Id,
    /// BUY or SELL, where the venue says so.
    pub order_side: Option<OrderSide>,
    /// Its price.
    pub price: Decimal,
    /// Its size.
    pub size: Decimal,
    /// Its fee, + a charge.
    pub fee: Option<Decimal>,
    /// Maker or taker.
    pub liquidity: Option<Liquidity>,
    /// The slot that it was booked to.
    pub slot_id: Option<u32>,
    /// That slot's trade.
    pub trade_id: Id,
    /// Our id of the order.
    pub venue_client_id: Id,
    /// The venue's id of the fill.
    pub venue_trade_id: Id,
}

/// What the kernel had to say of an input that was not plain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remark {
    /// The input.
    pub seq: u64,
    /// Kernel time, ns.
    pub time_ns: i64,
    /// What.
    pub code: KernelDiagnosticCode,
    /// How bad: WARNING at least.
    pub severity: Severity,
    /// The slot, where one is concerned.
    pub slot_id: Option<u32>,
    /// The limit that held something back, where one did.
    pub limit: &'static str,
}

/// What has changed since the last look, all of one moment.
#[derive(Default, Debug)]
pub struct Look {
    /// The last input that it contains.
    pub seq: u64,
    /// Slots by number; `None` where it carries no trade any more.
    pub slots: Vec<(u32, Option<SlotView>)>,
    /// Our orders at work; `None` where it is over.
    pub orders: Vec<(Id, Option<OrderView>)>,
    /// Those that are over, as they ended; also where they began and ended between two looks.
    pub ended: Vec<OrderView>,
    /// By instrument: the price that positions are valued at.
    pub marks: Vec<(Id, Option<Decimal>)>,
    /// Every fill since.
    pub fills: Vec<ShownFill>,
    /// Every remark since.
    pub remarks: Vec<Remark>,
    /// How many fills and remarks were lost since the beginning, as nobody looked.
    pub lost: u64,
}

/// What was shown last, and what has happened since.
#[derive(Default)]
pub struct Screen {
    /// By number: what was shown of a slot; idle where it is not shown.
    slots: Vec<Slot>,
    marks: Vec<Option<Price>>,
    orders: BTreeMap<Id, Order>,
    /// Orders that may have ended since.
    touched: BTreeSet<Id>,
    /// When there was last news of an order, ns; and the orders in which they came, so that the oldest are forgotten.
    times: BTreeMap<Id, i64>,
    timed: VecDeque<Id>,
    fills: VecDeque<ShownFill>,
    remarks: VecDeque<Remark>,
    lost: u64,
}

impl Screen {
    /// Learns what a step has brought that rows do not show.
    pub(crate) fn note(&mut self, kernel: &Kernel, input: &Input, outcome: &Outcome, effects: &Effects) {
        for command in &effects.commands {
            match command {
                Command::Submit(order) => self.touch(order.venue_client_id.clone(), kernel.now_ns()),
                Command::Cancel(request) => self.touch(request.venue_client_id.clone(), kernel.now_ns()),
                Command::Amend(request) => self.touch(request.venue_client_id.clone(), kernel.now_ns()),
                Command::Query(_) | Command::SetLeverage { .. } => {}
            }
        }
        if let Some(News::Order(event)) = input.news() {
            self.note_order(kernel, event);
            if is_booked(event, outcome) {
                self.note_fill(kernel, event, outcome);
            }
        }
        for notice in &effects.notices {
            self.note_remark(kernel, notice.code, notice.severity, notice.slot_id, "");
        }
        if !effects.notices.iter().any(|notice| notice.code == outcome.code) {
            let limit = if let Detail::Limit { limit, .. } = &outcome.detail { limit } else { "" };
            self.note_remark(kernel, outcome.code, outcome.severity, outcome.slot_id, limit);
        }
    }

    fn touch(&mut self, client_id: Id, now_ns: i64) {
        if self.times.insert(client_id.clone(), now_ns).is_none() {
            self.timed.push_back(client_id.clone());
            if self.timed.len() > SCREEN_WAITING_MAX
                && let Some(oldest) = self.timed.pop_front()
            {
                self.times.remove(&oldest);
            }
        }
        if self.touched.len() < SCREEN_WAITING_MAX {
            self.touched.insert(client_id);
        } else if !self.touched.contains(&client_id) {
            self.lost += 1;
        }
    }

    fn note_order(&mut self, kernel: &Kernel, event: &VenueEvent) {
        let orders = kernel.orders();
        let by_client = (!event.venue_client_id.is_empty()).then_some(&event.venue_client_id);
        let place = by_client.and_then(|id| orders.by_client_id(id)).or_else(|| {
            (!event.venue_order_id.is_empty()).then(|| orders.by_venue_id(&event.venue_order_id))?
        });
        if let Some(place) = place {
            self.touch(orders.at(place).client_id.clone(), kernel.now_ns());
        }
    }

    #[cold]
    fn note_fill(&mut self, kernel: &Kernel, event: &VenueEvent, outcome: &Outcome) {
        let (Some(price), Some(size)) = (event.price, event.size) else { return };
        let slot = outcome.slot_id.and_then(|slot_id| kernel.slot(slot_id));
        let fill = ShownFill {
            seq: outcome.seq,
            time_ns: kernel.now_ns(),
            asset: event.asset.clone(),
            order_side: event.order_side,
            price,
            size,
            fee: event.fee,
            liquidity: event.liquidity,
            slot_id: outcome.slot_id,
            trade_id: slot.map_or(Id::EMPTY, |slot| slot.trade_id.clone()),
            venue_client_id: event.venue_client_id.clone(),
            venue_trade_id: event.venue_trade_id.clone(),
        };
        self.lost += keep(&mut self.fills, fill);
    }

    #[inline]
    fn note_remark(
        &mut self,
        kernel: &Kernel,
        code: KernelDiagnosticCode,
        severity: Severity,
        slot_id: Option<u32>,
        limit: &'static str,
    ) {
        match severity {
            Severity::Info => {}
            Severity::Warning | Severity::Error | Severity::Critical => {
                let (seq, time_ns) = (kernel.seq(), kernel.now_ns());
                let remark = Remark { seq, time_ns, code, severity, slot_id, limit };
                self.lost += keep(&mut self.remarks, remark);
            }
        }
    }

    fn take(&mut self, kernel: &Kernel) -> Look {
        let mut look = Look { seq: kernel.seq(), lost: self.lost, ..Look::default() };
        self.take_slots(kernel, &mut look);
        self.take_orders(kernel, &mut look);
        look.fills = self.fills.drain(..).collect();
        look.remarks = self.remarks.drain(..).collect();
        look
    }

    /// Slots are compared as the core has them; a moved mark changes those with a position.
    fn take_slots(&mut self, kernel: &Kernel, look: &mut Look) {
        let before = std::mem::take(&mut self.marks);
        for (place, rules) in (0_u32..).zip(kernel.instruments()) {
            let mark = kernel.valuation_price(place);
            if before.get(place as usize) != Some(&mark) {
                let shown = mark.map(|price| rules.price_decimal(price));
                look.marks.push((rules.spec.symbol.clone(), shown));
            }
            self.marks.push(mark);
        }
        let moved = |place: u32| {
            before.get(place as usize).copied().flatten() != self.marks.get(place as usize).copied().flatten()
        };
        if self.slots.len() < kernel.slots().len() {
            self.slots.resize(kernel.slots().len(), Slot::idle());
        }
        for ((slot_id, now), shown) in (0_u32..).zip(kernel.slots()).zip(&mut self.slots) {
            if now.stage.is_free() {
                if !shown.stage.is_free() {
                    *shown = Slot::idle();
                    look.slots.push((slot_id, None));
                }
            } else if now != shown || (!now.basis.qty.is_zero() && moved(now.instrument)) {
                shown.clone_from(now);
                look.slots.push((slot_id, slot_view(kernel, slot_id)));
            }
        }
    }

    fn take_orders(&mut self, kernel: &Kernel, look: &mut Look) {
        let orders = kernel.orders();
        let mut touched = std::mem::take(&mut self.touched);
        touched.extend(self.orders.keys().cloned());
        for id in touched {
            let order = orders.by_client_id(&id).map(|place| orders.at(place));
            if order.is_some_and(Order::is_live) {
                continue;
            }
            if self.orders.remove(&id).is_some() {
                look.orders.push((id, None));
            }
            let ours = order.filter(|order| order.role != OrderRole::External);
            look.ended.extend(ours.and_then(|order| order_view(kernel, order)));
        }
        for order in orders.iter().filter(|order| order.is_live() && order.role != OrderRole::External) {
            if self.orders.get(&order.client_id) != Some(order) {
                self.orders.insert(order.client_id.clone(), order.clone());
                look.orders.push((order.client_id.clone(), order_view(kernel, order)));
            }
        }
    }
}

/// Whether an event's fill was booked: not one that is known already, and not one that nobody can place.
fn is_booked(event: &VenueEvent, outcome: &Outcome) -> bool {
    let fills = matches!(event.kind, KernelEventKind::PartialFill | KernelEventKind::FullFill);
    let taken = matches!(
        outcome.code,
        KernelDiagnosticCode::Ok
            | KernelDiagnosticCode::LateFill
            | KernelDiagnosticCode::InferredFill
            | KernelDiagnosticCode::OrphanFill
            | KernelDiagnosticCode::Overfill
    );
    fills && taken && event.size.is_some_and(|size| !size.is_zero())
}

/// Keeps a thing, and says how many were lost for it.
fn keep<T>(waiting: &mut VecDeque<T>, thing: T) -> u64 {
    let lost = if waiting.len() >= SCREEN_WAITING_MAX { waiting.pop_front().map_or(0, |_| 1) } else { 0 };
    waiting.push_back(thing);
    lost
}

impl Engine {
    /// What has changed since the last look: everything, the first time. From then on fills and remarks are kept.
    pub fn look(&mut self) -> Look {
        let screen = self.screen.get_or_insert_with(Box::default);
        screen.take(&self.kernel)
    }

    /// When there was last news of an order of ours, kernel time in ns: since somebody looks on.
    pub fn order_time_ns(&self, client_id: &Id) -> Option<i64> {
        self.screen.as_ref()?.times.get(client_id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_the_oldest_are_lost_and_counted() {
        let mut waiting = VecDeque::new();
        let lost: u64 = (0..SCREEN_WAITING_MAX + 3).map(|number| keep(&mut waiting, number)).sum();
        assert_eq!((lost, waiting.len(), waiting.front()), (3, SCREEN_WAITING_MAX, Some(&3)));
    }
}
