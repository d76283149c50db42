//! Which slots, orders, accounts and controls a batch has changed: each as it is at the batch's end, once.

use std::collections::{BTreeMap, BTreeSet};

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, News, VenueEvent};
use dita_kernel::kernel::{Control, Kernel};
use dita_kernel::order::{Order, OrderRole};
use dita_kernel::slot::Slot;

use super::shown;

/// One state that changed. It is of the batch's end: the same `seq` for all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed<K> {
    /// The slot, the order, the asset.
    pub key: K,
    /// The state, as JSON; it names the kernel, `seq` and `time_ns` too.
    pub json: String,
}

/// What a batch has changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChangedStates {
    /// The last input that they contain.
    pub seq: u64,
    /// Slots by number.
    pub slots: Vec<Changed<u32>>,
    /// Our orders, the oldest first, and whether each is live; one that has ended does not come again, unless late news
    /// move it.
    pub orders: Vec<(Changed<String>, bool)>,
    /// Orders that ended so long ago within the batch that the core has forgotten how.
    pub forgotten: Vec<String>,
    /// Accounts by asset.
    pub accounts: Vec<Changed<String>>,
    /// The controls.
    pub control: Option<String>,
}

/// What was given out last, so that only what differs is given out again.
pub(super) struct Shown {
    slots: Vec<Slot>,
    /// By instrument: the valuation price.
    marks: Vec<Option<dita_kernel::num::Price>>,
    orders: BTreeMap<Id, Order>,
    accounts: Vec<String>,
    control: Option<(Control, u64, bool)>,
    /// Orders that may have changed or come into being.
    touched: BTreeSet<Id>,
    began: bool,
}

impl Shown {
    pub(super) fn new() -> Shown {
        Shown {
            slots: Vec::new(),
            marks: Vec::new(),
            orders: BTreeMap::new(),
            accounts: Vec::new(),
            control: None,
            touched: BTreeSet::new(),
            began: false,
        }
    }

    /// Learns which orders a step may have touched.
    pub(super) fn note(&mut self, kernel: &Kernel, input: &Input, effects: &Effects) {
        for command in &effects.commands {
            match command {
                Command::Submit(order) => drop(self.touched.insert(order.venue_client_id.clone())),
                Command::Cancel(request) | Command::Query(request) => {
                    self.touched.insert(request.venue_client_id.clone());
                }
                Command::Amend(request) => drop(self.touched.insert(request.venue_client_id.clone())),
                Command::SetLeverage { .. } => {}
            }
        }
        if let Some(News::Order(event)) = input.news() {
            self.note_event(kernel, event);
        }
    }

    fn note_event(&mut self, kernel: &Kernel, event: &VenueEvent) {
        let orders = kernel.orders();
        let by_client = (!event.venue_client_id.is_empty()).then_some(&event.venue_client_id);
        let place = by_client.and_then(|id| orders.by_client_id(id)).or_else(|| {
            (!event.venue_order_id.is_empty()).then(|| orders.by_venue_id(&event.venue_order_id))?
        });
        if let Some(place) = place {
            self.touched.insert(orders.at(place).client_id.clone());
        }
    }

    /// What differs from what was given out last; all there is, the first time.
    pub(super) fn take(&mut self, kernel: &Kernel, name: &str) -> ChangedStates {
        let mut changes = ChangedStates { seq: kernel.seq(), ..ChangedStates::default() };
        self.take_orders(kernel, name, &mut changes);
        self.take_slots(kernel, name, &mut changes);
        self.take_accounts(kernel, name, &mut changes);
        let guard = kernel.guard();
        let control = (kernel.control().clone(), guard.freeze_events(), guard.kill_switch());
        if self.control.as_ref() != Some(&control) {
            self.control = Some(control);
            changes.control = Some(shown::control(kernel, name));
        }
        self.began = true;
        changes
    }

    fn take_slots(&mut self, kernel: &Kernel, name: &str, changes: &mut ChangedStates) {
        let marks: Vec<_> =
            (0_u32..).zip(kernel.instruments()).map(|(place, _)| kernel.valuation_price(place)).collect();
        let moved = |place: u32| {
            let at = place as usize;
            self.marks.get(at).copied().flatten() != marks.get(at).copied().flatten()
        };
        let first = self.slots.is_empty();
        if first {
            self.slots = vec![Slot::idle(); kernel.slots().len()];
        }
        for ((slot_id, now), before) in (0_u32..).zip(kernel.slots()).zip(&mut self.slots) {
            let revalued = !now.basis.qty.is_zero() && moved(now.instrument);
            if now.trade_number == 0 || (now == before && !revalued) {
                continue;
            }
            before.clone_from(now);
            if let Some(json) = shown::slot(kernel, name, slot_id, now) {
                changes.slots.push(Changed { key: slot_id, json });
            }
        }
        self.marks = marks;
    }

    fn take_orders(&mut self, kernel: &Kernel, name: &str, changes: &mut ChangedStates) {
        let orders = kernel.orders();
        let mut candidates = std::mem::take(&mut self.touched);
        if !self.began {
            // Also those that have ended: what was shown of them before this began may be older.
            candidates.extend(orders.iter().map(|order| order.client_id.clone()));
        }
        // What is live may change by anything: passing time, an operator's hand, another order's fill.
        candidates.extend(self.orders.keys().cloned());
        for client_id in candidates {
            let Some(order) = orders.by_client_id(&client_id).map(|place| orders.at(place)) else {
                if self.orders.remove(&client_id).is_some() {
                    changes.forgotten.push(client_id.as_str().to_owned());
                }
                continue;
            };
            if order.role == OrderRole::External || self.orders.get(&client_id) == Some(order) {
                continue;
            }
            let live = order.is_live();
            if let Some(json) = shown::order(kernel, name, order) {
                changes.orders.push((Changed { key: client_id.as_str().to_owned(), json }, live));
            }
            if live {
                self.orders.insert(client_id, order.clone());
            } else {
                self.orders.remove(&client_id);
            }
        }
        changes.forgotten.sort_unstable();
        let sent = |key: &str| {
            let place = Id::new(key).ok().and_then(|id| orders.by_client_id(&id));
            place.map_or(0, |place| orders.at(place).sent_time_ns)
        };
        changes.orders.sort_by_cached_key(|(order, _)| (sent(&order.key), order.key.clone()));
    }

    /// An account is compared as it is shown, but for the head, which moves with every input.
    fn take_accounts(&mut self, kernel: &Kernel, name: &str, changes: &mut ChangedStates) {
        let body =
            |json: &str| json.split_once("\"asset\":").map_or(String::new(), |(_, body)| body.to_owned());
        for (place, state) in (0_u16..).zip(kernel.assets()) {
            let Some(json) = shown::asset(kernel, name, place) else { continue };
            let at = usize::from(place);
            if self.accounts.len() <= at {
                self.accounts.resize(at + 1, String::new());
            }
            let now = body(&json);
            if self.accounts[at] != now {
                self.accounts[at] = now;
                changes.accounts.push(Changed { key: state.name.as_str().to_owned(), json });
            }
        }
    }
}
