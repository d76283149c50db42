//! What a kernel's drains leave for the server's thread: changes of slots that are leased, and that the market has moved.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dita_engine::{Observed, order_view, slot_view};
use dita_host::{Audience, this_thread};
use dita_kernel::id::Id;
use dita_kernel::kernel::Kernel;

use crate::message::{Happening, News};
use crate::packet::Bell;

/// So many drains' news wait for the server's thread; more are lost to the programs, which hear of a gap.
const WAITING_MAX: usize = 8192;

/// What has happened to one owner's trades.
pub(super) struct OwnerEvents {
    pub(super) owner: Id,
    pub(super) news: News,
}

#[derive(Default)]
struct Waiting {
    /// True for each slot that is leased.
    leased: Vec<bool>,
    heard: Vec<OwnerEvents>,
    lost: Option<(u64, u64)>,
}

/// Hears one kernel.
pub(super) struct EventQueue {
    waiting: Mutex<Waiting>,
    bell: Arc<Bell>,
    /// It has rung, and nobody has come yet.
    rung: AtomicBool,
    market: AtomicU64,
    /// The server's thread: it looks by itself after each turn.
    home: AtomicUsize,
}

impl EventQueue {
    pub(super) fn new(bell: Arc<Bell>) -> EventQueue {
        EventQueue {
            waiting: Mutex::default(),
            bell,
            rung: AtomicBool::new(false),
            market: AtomicU64::new(0),
            home: AtomicUsize::new(0),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This thread is the one that takes.
    pub(super) fn settle(&self) {
        self.home.store(this_thread(), Ordering::Relaxed);
    }

    fn ring(&self) {
        if self.home.load(Ordering::Relaxed) != this_thread() && !self.rung.swap(true, Ordering::AcqRel) {
            self.bell.ring();
        }
    }

    /// Says which slots are leased.
    pub(super) fn attend(&self, slots: impl Iterator<Item = u32>) {
        let mut waiting = self.waiting();
        waiting.leased.clear();
        for slot_id in slots {
            let place = slot_id as usize;
            if waiting.leased.len() <= place {
                waiting.leased.resize(place + 1, false);
            }
            waiting.leased[place] = true;
        }
    }

    /// What was heard since the last time, and between which inputs something was lost. `kept` is emptied first.
    pub(super) fn take(&self, kept: &mut Vec<OwnerEvents>) -> Option<(u64, u64)> {
        kept.clear();
        self.rung.store(false, Ordering::Release);
        let mut waiting = self.waiting();
        std::mem::swap(&mut waiting.heard, kept);
        waiting.lost.take()
    }

    /// Up to which number the market stands in shared memory.
    pub(super) fn market(&self) -> u64 {
        self.market.load(Ordering::Acquire)
    }
}

impl Audience for EventQueue {
    fn hear(&self, kernel: &Kernel, changes: &[Observed], seq: u64) {
        let mut waiting = self.waiting();
        let is_leased = |slot_id: u32| waiting.leased.get(slot_id as usize).copied().unwrap_or(false);
        let mut slots: Vec<u32> = Vec::new();
        for change in changes {
            let slot_id = change.record.slot_id;
            if is_leased(slot_id) && !slots.contains(&slot_id) {
                slots.push(slot_id);
            }
        }
        if slots.is_empty() {
            return;
        }
        if waiting.heard.len() >= WAITING_MAX {
            let (from, _) = waiting.lost.unwrap_or((seq, seq));
            waiting.lost = Some((from, seq));
            return;
        }
        for slot_id in slots {
            let Some(slot) = slot_view(kernel, slot_id) else { continue };
            let of_slot = changes.iter().filter(|change| change.record.slot_id == slot_id);
            let happenings = of_slot.map(|change| happening(kernel, change)).collect();
            let owner = slot.owner.clone();
            match waiting.heard.iter_mut().find(|heard| heard.owner == owner && heard.news.seq == seq) {
                Some(heard) => {
                    heard.news.slots.push(slot);
                    heard.news.happenings.extend(happenings);
                    // As they came, also where two slots of one program changed in turn.
                    heard.news.happenings.sort_by_key(|one: &Happening| one.change.seq);
                }
                None => waiting
                    .heard
                    .push(OwnerEvents { owner, news: News { seq, slots: vec![slot], happenings } }),
            }
        }
        drop(waiting);
        self.ring();
    }

    fn hear_market(&self, shown: u64) {
        self.market.store(shown, Ordering::Release);
        self.ring();
    }
}

fn happening(kernel: &Kernel, change: &Observed) -> Happening {
    let event = change.event.as_ref().map(|event| Box::new((**event).clone()));
    let order = event.as_ref().filter(|event| !event.venue_client_id.is_empty()).and_then(|event| {
        let place = kernel.orders().by_client_id(&event.venue_client_id)?;
        order_view(kernel, kernel.orders().at(place)).map(Box::new)
    });
    Happening { change: change.record.clone(), event, order }
}
