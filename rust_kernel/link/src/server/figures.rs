//! What the server counts of its programs' intents, for those who watch it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dita_engine::form::FieldValue;
use dita_kernel::id::Id;

use crate::message::Verdict;

/// The upper bounds of a call's time, µs; above the last one there is one class more.
pub const CALL_US: [u64; 12] =
    [25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000];
/// So many different verdicts are counted apart; of more the rest are counted together.
const KINDS_MAX: usize = 1_024;

/// How long calls took, in the server: from the message to its answer.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Calls {
    /// By class, each by itself.
    pub classes: [u64; CALL_US.len() + 1],
    /// All of them together, ns.
    pub took_ns: u64,
}

/// Whose intents came to what: account, code, and the limit that refused them or an empty text.
pub type Kind = (Id, &'static str, Box<str>);

#[derive(Default)]
pub(crate) struct Figures {
    classes: [AtomicU64; CALL_US.len() + 1],
    took_ns: AtomicU64,
    verdicts: Mutex<BTreeMap<Kind, u64>>,
}

impl Figures {
    pub(crate) fn call(&self, took: Duration) {
        let class = CALL_US.partition_point(|bound| u128::from(*bound) < took.as_micros());
        self.classes[class].fetch_add(1, Ordering::Relaxed);
        self.took_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn verdict(&self, account: &Id, verdict: &Verdict) {
        let limit = verdict.details.0.iter().find(|(name, _)| &**name == "limit");
        let limit: Box<str> = match limit {
            Some((_, FieldValue::Text(limit))) if !verdict.accepted => limit.clone(),
            Some(_) | None => Box::default(),
        };
        let mut all = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = (account.clone(), verdict.code.name(), limit);
        if all.len() >= KINDS_MAX && !all.contains_key(&kind) {
            kind.2 = "other".into();
        }
        *all.entry(kind).or_default() += 1;
    }

    pub(crate) fn calls(&self) -> Calls {
        let mut calls = Calls { took_ns: self.took_ns.load(Ordering::Relaxed), ..Calls::default() };
        for (class, count) in calls.classes.iter_mut().zip(&self.classes) {
            *class = count.load(Ordering::Relaxed);
        }
        calls
    }

    pub(crate) fn verdicts(&self) -> Vec<(Kind, u64)> {
        let all = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(kind, count)| (kind.clone(), *count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_of_the_first_class_that_holds_it() {
        let figures = Figures::default();
        for us in [0, 25, 26, 1_000_000, 1_000_001] {
            figures.call(Duration::from_micros(us));
        }
        let calls = figures.calls();
        assert_eq!(calls.classes[0], 2);
        assert_eq!(calls.classes[1], 1);
        assert_eq!(calls.classes[11], 1);
        assert_eq!(calls.classes[12], 1);
        assert_eq!(calls.classes.iter().sum::<u64>(), 5);
        assert_eq!(calls.took_ns, 2_000_052_000);
    }
}
