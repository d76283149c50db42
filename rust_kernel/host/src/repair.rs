//! What the timer does about a time in which the process did not run, and what it has under way.

use dita_engine::boot_ns;
use dita_kernel::input::{Input, RareFields, VenueEvent};
use dita_kernel::names::KernelEventKind;

use crate::drain::Drain;
use crate::foreign::Foreign;
use crate::timer::NANOS_PER_MILLI;

/// After a repair that came to nothing the next one waits so long, ns.
const REPAIR_AGAIN_NS: i64 = 5_000_000_000;

/// What the timer has under way, guarded by the state's lock.
pub(crate) struct Wanted {
    /// Kernel time up to which it sleeps, ns; `i64::MIN` while it is awake.
    pub(crate) sleeps_until_ns: i64,
    /// The drain that it has left its inputs behind.
    pub(crate) behind: Option<u64>,
    /// True from a DISCONNECTED of the venue's own until its RESYNCED: then the repair is the venue's.
    venue_says_down: bool,
    /// What there is to repair.
    repair: Option<Repair>,
}

/// A stretch of time in which the venue was not heard.
#[derive(Clone, Copy)]
struct Repair {
    /// Kernel time of its beginning, ns.
    since_ns: i64,
    /// The next attempt, as time since the machine was started, ns.
    next_ns: i64,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted { sleeps_until_ns: i64::MIN, behind: None, venue_says_down: false, repair: None }
    }
}

impl Wanted {
    /// Hears what the venue says of the connection.
    #[inline]
    pub(crate) fn hear(&mut self, input: &Input) {
        let Input::Venue(event) = input else { return };
        if event.kind == KernelEventKind::Disconnected {
            self.venue_says_down = true;
        } else if event.kind == KernelEventKind::Resynced {
            self.venue_says_down = false;
        }
    }
}

/// What the timer says of the connection.
fn connection_event(kind: KernelEventKind, time_ns: i64, reason: String) -> Input {
    let mut event = VenueEvent::new(kind, time_ns);
    event.rare = Some(Box::new(RareFields { reason: reason.into_boxed_str(), ..RareFields::default() }));
    Input::Venue(Box::new(event))
}

impl<F: Foreign> Drain<F> {
    /// The process did not run for a while: what the venue said then may be lost.
    pub(crate) fn lose(&self, lost_ns: i64) -> Option<()> {
        let mut state = self.at_work()?;
        // Where it is gone already, whoever has said so repairs it. Before the first input there is nothing to lose.
        if state.core.kernel().seq() == 0 || state.core.kernel().disconnected_since_ns().is_some() {
            return Some(());
        }
        let since_ns = state.core.clock_ns().saturating_sub(lost_ns);
        drop(state);
        // Before any input of the time after: should this process end now, the next one must ask as far back.
        if self.foreign.catches_up() {
            F::attached(|held| {
                if let Err(interrupt) = self.foreign.asleep(held, since_ns, lost_ns) {
                    F::tell(held, interrupt);
                }
            })?;
        }
        let mut state = self.at_work()?;
        let reason = format!("this process did not run for {} ms", lost_ns / NANOS_PER_MILLI);
        let gone = connection_event(KernelEventKind::Disconnected, since_ns, reason);
        state.wanted.repair = Some(Repair { since_ns, next_ns: i64::MIN });
        self.push_own(state, gone)
    }

    /// Catches up with the venue, where there is something to catch up with and the venue does not do it by itself.
    pub(crate) fn try_repair(&self) -> Option<()> {
        let mut state = self.at_work()?;
        let Some(repair) = state.wanted.repair.filter(|_| state.writer == 0) else { return Some(()) };
        if state.core.kernel().disconnected_since_ns().is_none() {
            state.wanted.repair = None;
            return Some(());
        }
        if state.wanted.venue_says_down || boot_ns() < repair.next_ns {
            return Some(());
        }
        let inside = state.core.simulated_venue().is_some();
        drop(state);
        let repaired = inside
            || (self.foreign.catches_up() && F::attached(|held| self.foreign.repair(held, repair.since_ns))?);
        let mut state = self.at_work()?;
        let next_ns = boot_ns().saturating_add(REPAIR_AGAIN_NS);
        state.wanted.repair = Some(Repair { next_ns, ..repair });
        if !repaired || state.wanted.venue_says_down {
            return Some(());
        }
        let now_ns = state.core.clock_ns();
        self.push_own(state, connection_event(KernelEventKind::Resynced, now_ns, "caught up".into()))
    }
}
