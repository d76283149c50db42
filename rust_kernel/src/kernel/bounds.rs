//! What the venue bounds of orders beside their grid: an entry is held against it, and an exit that is larger than the
//! venue's largest order is several orders, which are one to whoever asked for it.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::Kernel;
use super::intent::{Prices, invalid};
use crate::bounds::{Bounds, for_entries, is_beyond};
use crate::input::Intent;
use crate::instrument::Instrument;
use crate::names::{ExitKind, OrderSide, OrderType};
use crate::num::{Decimal, Price, Qty};
use crate::order::{Order, OrderRef, OrderRole};
use crate::outcome::Refusal;
use crate::planted::{Bug, planted};
use crate::slot::Slot;
use crate::soundness::{Flaw, Sound, hold};

/// What is open of an instrument, or will have to be: a stop that waits for its entry counts.
#[derive(Clone, Copy, Default, Debug)]
struct Open {
    orders: u32,
    stops: u32,
}

impl Kernel {
    /// Whether the venue takes an entry: by its size, its limit, and what is open already.
    #[inline(never)]
    pub(crate) fn check_entry_bounds(
        &self,
        (instrument, rules, bounds): (u32, &Instrument, &Bounds),
        intent: &Intent,
        (qty, (field, size)): (Qty, (&'static str, Decimal)),
        (prices, mark): (Prices, Price),
    ) -> Result<(), Box<Refusal>> {
        if rules.market_max(intent.order_type).is_some_and(|max| qty > max) {
            return Err(invalid(field, size, "is above the venue's largest market order, market_max_qty"));
        }
        if let Some(side) = intent.side.entry_side() {
            check_band((rules, bounds), side, intent.order_type, prices, mark)?;
        }
        if bounds.open_orders.is_some() || bounds.open_stops.is_some() {
            self.check_open(instrument, bounds, intent)?;
        }
        Ok(())
    }

    /// Of the orders that may be open a part is kept for exits: an entry is refused before there is no room for them.
    fn check_open(&self, instrument: u32, bounds: &Bounds, intent: &Intent) -> Result<(), Box<Refusal>> {
        let open = self.open_of(instrument);
        if let Some(most) = bounds.open_orders {
            room("max_open_orders", most, open.orders.saturating_add(1))?;
        }
        let Some(most) = bounds.open_stops else { return Ok(()) };
        if intent.order_type.is_triggered() {
            room("max_open_stops", most, open.stops.saturating_add(1))?;
        }
        let own = u32::from(intent.order_type.is_triggered());
        let brought =
            intent.exits().iter().filter(|exit| triggers(exit.kind, exit.limit_price)).count() as u32;
        let wanted = open.stops.saturating_add(own).saturating_add(brought);
        // What an entry brings along is what the reserve is for.
        if brought > 0 && wanted > most {
            return Err(Refusal::limit("max_open_stops", most, wanted));
        }
        Ok(())
    }

    fn open_of(&self, instrument: u32) -> Open {
        let mut open = Open::default();
        for slot in self.slots.iter().filter(|slot| slot.instrument == instrument) {
            let mut stops: u32 = 0;
            for order in slot.entry.iter().filter_map(|entry| self.orders.get(*entry)).filter(|o| o.is_live())
            {
                open.orders = open.orders.saturating_add(1);
                open.stops = open.stops.saturating_add(u32::from(order.order_type.is_triggered()));
            }
            for order in self.exits_of(slot) {
                open.orders = open.orders.saturating_add(1);
                stops = stops.saturating_add(u32::from(order.order_type.is_triggered()));
            }
            let attached = slot.attached.as_ref().filter(|_| !slot.stage.is_free());
            let waiting = attached.map_or(0, |attached| {
                let stands = attached.exits.iter().filter(|exit| !exit.withdrawn);
                stands.filter(|exit| triggers(exit.spec.kind, exit.spec.limit_price)).count() as u32
            });
            open.stops = open.stops.saturating_add(stops.max(waiting));
        }
        open
    }

    /// How many exits of a slot there are, the newest of them and those that work before it: one in parts is one.
    #[inline]
    pub(crate) fn exits_beside(&self, slot: &Slot) -> usize {
        let all = slot.other_exits.len().saturating_add(1);
        if all < crate::slot::EXITS_MAX { all } else { self.exits_by_intent(slot) }
    }

    #[cold]
    fn exits_by_intent(&self, slot: &Slot) -> usize {
        let references = slot.other_exits.iter().copied().chain(slot.exit);
        let mut seen: Vec<&Order> = Vec::new();
        let mut forgotten: usize = 0;
        for reference in references {
            match self.orders.get(reference) {
                Some(order) if seen.iter().any(|other| is_same_exit(order, other)) => {}
                Some(order) => seen.push(order),
                None => forgotten = forgotten.saturating_add(1),
            }
        }
        forgotten.saturating_add(seen.len())
    }

    /// The live orders of the exit that an order is one of, itself among them; of another order than an exit's none.
    pub(crate) fn parts_beside<'a>(
        &'a self,
        slot: &'a Slot,
        order: &'a Order,
    ) -> impl Iterator<Item = &'a Order> {
        let parted = order.role == OrderRole::Exit && !order.is_attached() && order.oco_group().is_none();
        self.exits_of(slot)
            .filter(move |other| parted && !other.is_attached() && other.intent_id == order.intent_id)
    }

    /// The places of the others.
    pub(crate) fn other_parts(&self, slot_id: u32, place: u32) -> Vec<u32> {
        let slot = &self.slots[slot_id as usize];
        if slot.other_exits.is_empty() || planted(Bug::PartsAreApart) {
            return Vec::new();
        }
        let order = self.orders.at(place);
        let others = self.parts_beside(slot, order).filter(|other| other.number != order.number);
        others.filter_map(|other| self.orders.by_client_id(&other.client_id)).collect()
    }

    /// True where they are all of one exit.
    pub(crate) fn are_parts(&self, slot: &Slot, mut orders: impl Iterator<Item = OrderRef>) -> bool {
        let Some(first) = orders.next() else { return false };
        let first = self.orders.at(first.place);
        let numbers: Vec<u64> = self.parts_beside(slot, first).map(|part| part.number).collect();
        orders.all(|other| numbers.contains(&other.number))
    }

    /// True where it takes several stops to cover a position, and those that there are do not.
    pub(crate) fn is_short_of_stops(&self, slot: &Slot) -> bool {
        let rules = &self.instruments[slot.instrument as usize];
        let held = rules.whole_lots(slot.size());
        if rules.market_max(OrderType::StopMarket).is_none_or(|largest| held <= largest) {
            return false;
        }
        let guards = |exit: &&Order| exit.order_type.is_protective() && !exit.cancel_requested;
        let stops = self.exits_of(slot).filter(guards);
        stops.fold(Qty::ZERO, |sum, exit| sum + exit.remaining()) < held
    }

    /// Gives instruments of a stored state the bounds that are stored behind it.
    pub(crate) fn load_bounds(&mut self) -> Sound {
        let mut before = None;
        for one in &self.aside.bounded {
            let field = "aside.bounded.instrument";
            hold(before < Some(one.instrument), field, one.instrument, "they are in the instruments' order")?;
            before = Some(one.instrument);
            let count = self.instruments.len();
            let Some(rules) = self.instruments.get_mut(one.instrument as usize) else {
                return hold(false, field, one.instrument, "there is no such instrument");
            };
            hold(!one.bounds.is_empty(), "aside.bounded.bounds", count, "what is empty is not stored")?;
            rules.spec.bounds = Some(Box::new(one.bounds.clone()));
            rules.load_bounds().map_err(|error| Flaw {
                field: format!("aside.bounded.bounds.{}", error.field),
                value: format!("{:?}", one.bounds),
                why: error.why,
            })?;
        }
        Ok(())
    }
}

/// Whether a limit is one that the venue takes: no buy far above the mark, and no sell far below. A conditional order's
/// is held against the mark when it triggers, which nobody knows.
pub(crate) fn check_band(
    (rules, bounds): (&Instrument, &Bounds),
    side: OrderSide,
    order_type: OrderType,
    prices: Prices,
    mark: Price,
) -> Result<(), Box<Refusal>> {
    let Some(limit) = prices.limit.filter(|_| order_type == OrderType::Limit) else { return Ok(()) };
    match bounds.worst_limit(rules, side, mark).filter(|worst| is_beyond(side, limit, *worst)) {
        Some(worst) => {
            let (worst, limit) = (rules.price_decimal(worst), rules.price_decimal(limit));
            Err(Refusal::limit("price_band", worst, limit))
        }
        None => Ok(()),
    }
}

/// Room for one more, beside what is kept for exits.
fn room(limit: &'static str, most: u32, wanted: u32) -> Result<(), Box<Refusal>> {
    let entries = if planted(Bug::ReserveIsSpent) { most } else { for_entries(most) };
    if wanted <= entries {
        return Ok(());
    }
    if entries == most {
        return Err(Refusal::limit(limit, most, wanted));
    }
    let kept = most.saturating_sub(entries);
    Err(Refusal::limit(limit, format!("{entries} ({most} less {kept} for exits)"), wanted))
}

/// Whether two orders are parts of one exit.
fn is_same_exit(one: &Order, other: &Order) -> bool {
    let terms = |order: &Order| (order.order_type, order.limit_price, order.trigger_price());
    one.is_attached() == other.is_attached()
        && one.intent_id == other.intent_id
        && (!one.is_attached() || terms(one) == terms(other))
}

/// Whether an attached exit rests as a conditional order.
fn triggers(kind: ExitKind, limit: Option<Decimal>) -> bool {
    kind != ExitKind::Target || limit.is_none()
}
