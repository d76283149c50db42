//! Limits that need more than the order and the exposure: what other instruments hold, tokens, results.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use crate::effect::Effects;
use crate::id::Id;
use crate::ledger::Account;
use crate::names::KernelDiagnosticCode as Code;
use crate::num::Money;
use crate::outcome::Refusal;
use crate::risk::{Attempt, Guard};

impl Kernel {
    /// What the limits over time remember.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Holds an entry against the limits that look further than itself.
    ///
    /// # Errors
    /// RISK_BLOCKED with the first limit that it breaks.
    #[cold]
    pub(crate) fn check_further(&self, now_ns: i64, attempt: &Attempt<'_>) -> Result<(), Box<Refusal>> {
        let limits = &self.control.limits;
        limits.check_asset(|| self.base_exposure(attempt) + attempt.added)?;
        self.guard.check_order(limits, now_ns)?;
        if !limits.watches_losses() {
            return Ok(());
        }
        self.check_losses(attempt.rules.settle, now_ns)
    }

    /// Holds what an account has lost in an asset against the limits on it.
    fn check_losses(&self, asset: u16, now_ns: i64) -> Result<(), Box<Refusal>> {
        let result = self.result_of(asset);
        let peak = self.guard.losses.peak(asset, result);
        let lost = self.guard.losses.lost(asset, now_ns, result);
        self.control.limits.check_losses(lost, peak - result, self.contributed(asset) + peak)
    }

    /// The limits on losses that are met now, by asset: entries are held back until they are not met any more.
    pub fn losses_met(&self) -> Vec<(Id, Box<Refusal>)> {
        if !self.control.limits.watches_losses() {
            return Vec::new();
        }
        let names = (0_u16..).zip(&self.assets);
        names
            .filter_map(|(asset, state)| {
                Some((state.name.clone(), self.check_losses(asset, self.now_ns).err()?))
            })
            .collect()
    }

    /// True where a limit on losses is set: then any input may lead to cancels.
    #[inline]
    pub fn watches_losses(&self) -> bool {
        self.control.limits.watches_losses()
    }

    /// Takes back the working entries of an asset when a limit on losses is met: once, until it is not met any more.
    #[cold]
    pub(crate) fn mind_losses(&mut self, effects: &mut Effects) {
        let watches = self.control.limits.watches_losses();
        for asset in 0..self.assets.len() as u16 {
            let met = watches && self.check_losses(asset, self.now_ns).is_err();
            if met == self.guard.losses.is_met(asset) {
                continue;
            }
            self.guard.losses.set_met(asset, met);
            if met {
                self.notice(effects, Code::RiskBlocked, None);
                self.call_off_of(Some(asset), false, effects);
            }
        }
    }

    /// What instruments with one base asset hold at worst, in their common settlement asset.
    fn base_exposure(&self, attempt: &Attempt<'_>) -> Money {
        let (settle, base) = (attempt.rules.settle, &attempt.rules.spec.base);
        let alike = (0_u32..).zip(&self.instruments);
        let alike = alike.filter(|(_, rules)| rules.settle == settle && rules.spec.base == *base);
        alike.fold(Money::ZERO, |sum, (place, _)| sum + self.exposure.at_worst(place))
    }

    /// Looks at the results before an input changes them.
    #[cold]
    pub(crate) fn sample_results(&mut self) {
        let results = self.results();
        let watches_peak = self.control.limits.watches_peak();
        self.guard.losses.sample(self.now_ns, watches_peak, results.into_iter());
    }

    /// What the account has made in an asset so far, realised and not: equity less what was brought in.
    pub fn result_of(&self, asset: u16) -> Money {
        let of_asset = (0_u32..).zip(&self.instruments).filter(|(_, rules)| rules.settle == asset);
        of_asset.fold(self.realized_of(asset), |sum, (place, _)| sum + self.open_result(place))
    }

    /// The same of every asset, in one pass.
    fn results(&self) -> Vec<Money> {
        let mut results: Vec<Money> =
            (0..self.assets.len() as u16).map(|asset| self.realized_of(asset)).collect();
        for (place, rules) in (0_u32..).zip(&self.instruments) {
            results[usize::from(rules.settle)] += self.open_result(place);
        }
        results
    }

    /// What is realised, with what spot positions have cost.
    fn realized_of(&self, asset: u16) -> Money {
        self.ledger.balance(asset, Account::Wallet) + self.ledger.balance(asset, Account::Inventory)
            - self.contributed(asset)
    }

    /// What an instrument's positions would bring beyond their cost.
    fn open_result(&self, instrument: u32) -> Money {
        let positions = self.books[instrument as usize].positions();
        let held = positions.iter().filter(|basis| !basis.qty.is_zero());
        held.fold(Money::ZERO, |sum, basis| sum + self.unrealized(instrument, basis))
    }

    /// What was brought in, less what was taken out.
    fn contributed(&self, asset: u16) -> Money {
        -(self.ledger.balance(asset, Account::Capital) + self.ledger.balance(asset, Account::Transfers))
    }
}
