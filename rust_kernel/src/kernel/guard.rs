//! Limits that need more than the order and the exposure: what other instruments hold, tokens, results.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Kernel;
use crate::ledger::Account;
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
        let settle = attempt.rules.settle;
        let result = self.result_of(settle);
        let peak = self.guard.losses.peak(settle, result);
        let lost = self.guard.losses.lost(settle, now_ns, result);
        limits.check_losses(lost, peak - result, self.contributed(settle) + peak)
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
        let held = self.books[instrument as usize].book.iter().filter(|basis| !basis.qty.is_zero());
        held.fold(Money::ZERO, |sum, basis| sum + self.unrealized(instrument, basis))
    }

    /// What was brought in, less what was taken out.
    fn contributed(&self, asset: u16) -> Money {
        -(self.ledger.balance(asset, Account::Capital) + self.ledger.balance(asset, Account::Transfers))
    }
}
