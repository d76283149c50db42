//! The leases of one account: who holds them, since when they are alone, and what their policy does then.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use dita_engine::{OrderView, SlotView, slot_view};
use dita_kernel::id::Id;
use dita_kernel::input::Intent;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::KernelCommandType;

use crate::lease::{Lease, Policy};
use crate::message::BATCH_MAX;

/// So many answers of a lease are remembered, for intents that are sent again: at least all of one message.
const ANSWERED_MAX: usize = BATCH_MAX;
/// A policy that cannot be carried out is tried again after so long.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// Who holds a lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) connection: u64,
    pub(super) pid: u32,
    /// ns since 1970.
    pub(super) since_ns: i64,
}

/// A lease at work.
pub(super) struct ActiveLease {
    pub(super) lease: Lease,
    pub(super) holder: Option<Holder>,
    /// Since when nobody holds it; its policy acts once its grace is over.
    alone: Instant,
    /// Its program has given it back.
    pub(super) given_back: bool,
    /// Its policy has done what it does.
    pub(super) settled: bool,
    tried: Option<Instant>,
    answered: VecDeque<(Id, Vec<u8>)>,
    acts: u64,
}

/// The leases of an account, by name.
pub(super) type Book = BTreeMap<Id, ActiveLease>;

impl ActiveLease {
    pub(super) fn new(lease: Lease) -> ActiveLease {
        ActiveLease {
            lease,
            holder: None,
            alone: Instant::now(),
            given_back: false,
            settled: false,
            tried: None,
            answered: VecDeque::new(),
            acts: 0,
        }
    }

    /// Somebody holds it from now on.
    pub(super) fn hold(&mut self, holder: Holder) {
        self.holder = Some(holder);
        self.given_back = false;
        self.settled = false;
        self.tried = None;
    }

    /// Nobody holds it from now on.
    pub(super) fn lose(&mut self) {
        self.holder = None;
        self.alone = Instant::now();
    }

    /// True once its policy has to act.
    pub(super) fn is_due(&self) -> bool {
        let grace = Duration::from_millis(self.lease.grace_ms.into());
        let waited = self.given_back || self.alone.elapsed() >= grace;
        self.holder.is_none()
            && !self.settled
            && waited
            && self.tried.is_none_or(|at| at.elapsed() >= TRY_EVERY)
    }

    /// Remembers the answer to an intent, as it was sent.
    pub(super) fn remember(&mut self, intent_id: Id, answer: Vec<u8>) {
        if self.answered.len() >= ANSWERED_MAX {
            self.answered.pop_front();
        }
        self.answered.push_back((intent_id, answer));
    }

    /// The first answer to an intent that is sent again.
    pub(super) fn answered(&self, intent_id: &Id) -> Option<&[u8]> {
        self.answered.iter().find(|(id, _)| id == intent_id).map(|(_, answer)| answer.as_slice())
    }

    /// True where none of its slots carries a trade.
    pub(super) fn is_free(&self, kernel: &Kernel) -> bool {
        let is_free = |slot_id: &u32| kernel.slot(*slot_id).is_none_or(|slot| slot.stage.is_free());
        self.lease.slots.iter().all(is_free)
    }

    /// What its policy still has to do; nothing where it is done, or waits for the venue: the flag says which.
    pub(super) fn act(&mut self, kernel: &Kernel, name: &Id, now_ns: i64) -> (Vec<Intent>, bool) {
        self.tried = Some(Instant::now());
        let (mut wanted, mut waits) = (Vec::new(), false);
        for slot_id in self.lease.slots.clone() {
            let Some(slot) = slot_view(kernel, slot_id).filter(|slot| slot.owner == *name) else { continue };
            if slot.fsm_state.is_free() || self.lease.policy == Policy::Keep {
                continue;
            }
            waits |= self.act_on(&slot, name, now_ns, &mut wanted);
        }
        (wanted, waits)
    }

    /// True where the slot is not yet as the policy wants it.
    fn act_on(&mut self, slot: &SlotView, name: &Id, now_ns: i64, wanted: &mut Vec<Intent>) -> bool {
        let flatten = self.lease.policy == Policy::Flatten;
        let mut waits = false;
        let entry = slot.active_entry_order.as_ref();
        let exits = slot.exit_orders.iter().filter(|_| flatten);
        for order in entry.into_iter().chain(exits).filter(|order| order.is_live()) {
            waits = true;
            if !order.pending_cancel && !is_way_out(order) {
                wanted.push(self.intent(KernelCommandType::Cancel, slot, name, now_ns, Some(order)));
            }
        }
        if flatten && !slot.size.is_zero() {
            if !waits {
                wanted.push(self.intent(KernelCommandType::Exit, slot, name, now_ns, None));
            }
            waits = true;
        }
        waits
    }

    fn intent(
        &mut self,
        action: KernelCommandType,
        slot: &SlotView,
        name: &Id,
        now_ns: i64,
        order: Option<&OrderView>,
    ) -> Intent {
        self.acts += 1;
        // Each start of a server begins anew, and kernel time never does.
        let id = Id::new(&format!("{}:~{now_ns}.{}", name.as_str(), self.acts)).unwrap_or_default();
        let mut intent =
            Intent::new(action, id, slot.trade_id.clone(), slot.slot_id, slot.asset.clone(), slot.side);
        intent.timestamp_ns = now_ns;
        intent.owner = name.clone();
        intent.reason = Id::new("client away").unwrap_or_default();
        match order {
            Some(order) => intent.target_client_id = order.venue_client_id.clone(),
            None => intent.target_size = Some(slot.size),
        }
        intent
    }
}

/// An exit at market that is under way: what leaves the position.
fn is_way_out(order: &OrderView) -> bool {
    order.reduce_only
        && order.order_type == dita_kernel::names::OrderType::Market
        && order.intent_id.as_str().contains(":~")
}
