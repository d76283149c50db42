//! Hypotheses about what no record proves: each is shown only where its amount fits the unexplained rest.

use alloc::vec::Vec;

use super::proven::wallet_effect;
use super::{DriftCause, Part, Proof, REFERENCES_MAX};
use crate::id::Id;
use crate::instrument::Instrument;
use crate::kernel::Kernel;
use crate::ledger::{Account, Cause};
use crate::names::Liquidity;
use crate::num::{Decimal, Money, Qty, Rate, Rounding, multiply_divide};
use crate::order::{Fill, Order};

/// What hypotheses are held against.
pub(super) struct Rest<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) asset: u16,
    /// E − K without what is proven.
    pub(super) amount: Money,
    pub(super) tolerance: Money,
    /// The venue's time of E's last frame, ns.
    pub(super) frame_time_ns: i64,
    /// True while what is only late may still come.
    pub(super) is_young: bool,
}

/// A fill whose fee is predicted, and is in E by now.
struct Unsettled<'a> {
    rules: &'a Instrument,
    order: &'a Order,
    fill: &'a Fill,
    value: Money,
}

impl Rest<'_> {
    /// Every hypothesis that fits.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        if self.amount.abs() <= self.tolerance {
            // So small a rest is the venue's rounding, whatever else is as small.
            self.offer(&mut parts, DriftCause::Rounding, self.amount, &[]);
            return parts;
        }
        let unsettled = self.unsettled();
        self.fees(&unsettled, &mut parts);
        self.funding_to_come(&mut parts);
        self.positions(&mut parts);
        // What is still to be booked explains it, a position that the venue reports, or another wallet that has paid: then
        // nothing was booked twice.
        let predicted = fees_of(&unsettled);
        let is_shown = |part: &Part| {
            let shown = [DriftCause::FundingNotBooked, DriftCause::FillMissing, DriftCause::ManualTrade];
            shown.contains(&part.cause)
                || (part.cause == DriftCause::DiscountAsset && part.amount == predicted)
        };
        if !parts.iter().any(is_shown) {
            self.fills(&mut parts);
            self.funding_twice(&mut parts);
        }
        self.liquidation(&mut parts);
        parts
    }

    fn fits(&self, amount: Money) -> bool {
        !amount.is_zero() && (self.amount - amount).abs() <= self.tolerance
    }

    /// The same beside what was offered: where that is the very rest, what is a rounding away from it is not it.
    fn fits_beside(&self, parts: &[Part], amount: Money) -> bool {
        self.fits(amount) && (amount == self.amount || parts.iter().all(|part| part.amount != self.amount))
    }

    fn offer(&self, parts: &mut Vec<Part>, cause: DriftCause, amount: Money, references: &[&Id]) {
        if parts.iter().any(|part| part.cause == cause) {
            return;
        }
        let references = references.iter().filter(|id| !id.is_empty()).take(REFERENCES_MAX);
        let references = references.map(|id| (*id).clone()).collect();
        parts.push(Part { cause, amount, proof: Proof::Presumed, references });
    }

    fn unsettled(&self) -> Vec<Unsettled<'_>> {
        let mut found = Vec::new();
        for order in self.kernel.orders().iter() {
            let Some(rules) = self.kernel.instruments().get(order.instrument as usize) else { continue };
            for fill in &order.fills {
                let in_frame = fill.venue_time_ns <= self.frame_time_ns;
                if !(fill.fee_predicted && fill.fee_asset == self.asset && in_frame) {
                    continue;
                }
                if let Some(value) = crate::kernel::fee_base(rules, fill) {
                    found.push(Unsettled { rules, order, fill, value });
                }
            }
        }
        found
    }

    /// Fees that were predicted: not charged yet, at another rate, as a rebate, in another asset.
    fn fees(&self, unsettled: &[Unsettled<'_>], parts: &mut Vec<Part>) {
        let ids: Vec<&Id> = unsettled.iter().map(|one| &one.fill.venue_trade_id).collect();
        let sum = |change: &dyn Fn(&Unsettled<'_>) -> Money| {
            unsettled.iter().fold(Money::ZERO, |sum, one| sum + change(one))
        };
        let predicted = fees_of(unsettled);
        if self.is_young && self.fits(predicted) {
            self.offer(parts, DriftCause::FeeNotSettled, predicted, &ids);
        }
        let rates = self.observed_rates(unsettled);
        let observed = sum(&|one| {
            let rate = rates.iter().find(|(key, _)| *key == one.key());
            rate.map_or(Money::ZERO, |(_, rate)| one.fill.fee - one.at_rate(*rate))
        });
        let as_maker = sum(&|one| match one.fill.liquidity {
            Liquidity::Taker => one.fill.fee - one.at_rate(one.rules.maker.to_decimal()),
            Liquidity::Maker => Money::ZERO,
        });
        let is_rebate = unsettled.iter().any(|one| one.rules.maker.to_decimal().is_negative());
        for amount in [observed, as_maker] {
            if self.fits(amount) {
                let cause = if is_rebate && amount == as_maker {
                    DriftCause::Rebate
                } else {
                    DriftCause::FeeRateChanged
                };
                self.offer(parts, cause, amount, &ids);
            }
        }
        self.discount(predicted, &ids, parts);
    }

    /// The rates that fills show, of each instrument and liquidity once.
    fn observed_rates(&self, unsettled: &[Unsettled<'_>]) -> Vec<(FeeKey, Decimal)> {
        let mut rates: Vec<(FeeKey, Decimal)> = Vec::new();
        for key in unsettled.iter().map(Unsettled::key) {
            if rates.iter().any(|(known, _)| *known == key) {
                continue;
            }
            if let Some(known) = self.kernel.calibration(key.0, key.1) {
                rates.push((key, known.observed));
            }
        }
        rates
    }

    /// Fees paid in another asset: whole, where that one went down without a reason, or a part less.
    fn discount(&self, predicted: Money, ids: &[&Id], parts: &mut Vec<Part>) {
        for percent in [10, 25] {
            let less = multiply_divide(predicted.0, percent, 100, Rounding::HalfEven).unwrap_or(0);
            if self.fits(Money(less)) {
                self.offer(parts, DriftCause::DiscountAsset, Money(less), ids);
            }
        }
        let paid_elsewhere = (0_u16..).zip(self.kernel.assets()).any(|(place, state)| {
            let k = self.kernel.ledger().balance(place, Account::Wallet);
            let unit = crate::calibration::unit_of(state.unit_decimals);
            place != self.asset
                && state
                    .exchange
                    .wallet_balance
                    .is_some_and(|balance| (balance - k).0 < unit.0.saturating_neg())
        });
        if paid_elsewhere && self.fits(predicted) {
            self.offer(parts, DriftCause::DiscountAsset, predicted, ids);
        }
    }

    /// A fill that one of them has booked twice.
    fn fills(&self, parts: &mut Vec<Part>) {
        let mut newest: Option<(&Fill, Money)> = None;
        for order in self.kernel.orders().iter() {
            for fill in order.fills.iter().filter(|fill| !fill.venue_trade_id.is_empty()) {
                // Where its fee is not settled yet, nothing is booked twice.
                let late = |part: &Part| {
                    part.cause == DriftCause::FeeNotSettled && part.references.contains(&fill.venue_trade_id)
                };
                if parts.iter().any(late) {
                    continue;
                }
                let settle =
                    self.kernel.instruments().get(order.instrument as usize).map(|rules| rules.settle);
                let realized = if settle == Some(self.asset) { fill.realized } else { Money::ZERO };
                let fee = if fill.fee_asset == self.asset { fill.fee } else { Money::ZERO };
                let effect = realized - fee;
                let later = newest.is_none_or(|(other, _)| other.seq < fill.seq);
                // What the venue has settled it has booked.
                let missed = (!fill.settled).then_some(-effect);
                let mut amounts = [Some(effect), missed].into_iter().flatten();
                let fit = amounts.find(|amount| self.fits_beside(parts, *amount));
                if let Some(amount) = fit.filter(|_| later && effect.abs() > self.tolerance) {
                    newest = Some((fill, amount));
                }
            }
        }
        if let Some((fill, amount)) = newest {
            self.offer(parts, DriftCause::FillDuplicated, amount, &[&fill.venue_trade_id]);
        }
    }

    /// Positions that the venue reports otherwise: what the missing quantity did at the mark.
    fn positions(&self, parts: &mut Vec<Part>) {
        for (instrument, rules) in (0_u32..).zip(self.kernel.instruments()) {
            if rules.settle != self.asset {
                continue;
            }
            let (book, reported) = (self.kernel.book(instrument), self.kernel.reported(instrument));
            for (basis, reported) in book.into_iter().zip(reported) {
                let Some(missing) = reported.map(|reported| reported.qty - basis.qty) else { continue };
                let Some((amount, slip)) = self.effect_of_missing(instrument, rules, basis, missing) else {
                    continue;
                };
                if amount.is_zero() || (self.amount - amount).abs() > self.tolerance + slip {
                    continue;
                }
                if !self.fits(amount) && parts.iter().any(|part| part.cause.is_only_late()) {
                    // Something that is still to be booked fits exactly.
                    continue;
                }
                // Its price is not known: what fits within one percent of the value is shown as the whole rest.
                let expected = self
                    .kernel
                    .orders()
                    .iter()
                    .any(|order| order.instrument == instrument && order.is_live());
                let cause = if expected { DriftCause::FillMissing } else { DriftCause::ManualTrade };
                if self.is_young || !expected {
                    self.offer(parts, cause, self.amount, &[&rules.spec.symbol]);
                }
            }
        }
    }

    /// What a quantity that K has not seen did to the wallet, and how far its price may have been from the mark.
    fn effect_of_missing(
        &self,
        instrument: u32,
        rules: &Instrument,
        mut basis: crate::position::Basis,
        missing: Qty,
    ) -> Option<(Money, Money)> {
        let price = self.kernel.valuation_price(instrument).filter(|_| !missing.is_zero())?;
        let value = rules.value(price, missing.abs())?;
        let closing = basis.apply(missing, rules.basis_value(price, missing)?);
        let fee = crate::fees::predicted(rules, value, Liquidity::Taker);
        let slip = if closing.closed.is_zero() { Money::ZERO } else { percent(value) };
        Some((closing.realized - fee, slip + percent(fee)))
    }

    /// The funding of boundaries before E's frame, by instrument: open, or settled.
    fn predictions(&self, open: bool) -> impl Iterator<Item = (&Id, Money)> {
        let rows = (0_u32..).zip(self.kernel.instruments()).filter_map(|(instrument, rules)| {
            let row = self.kernel.funding().row(instrument).filter(|_| rules.settle == self.asset)?;
            Some((&rules.spec.symbol, &row.predictions))
        });
        rows.flat_map(move |(symbol, predictions)| {
            let of_kind = predictions.iter().filter(move |prediction| {
                prediction.is_open() == open && prediction.boundary_ns <= self.frame_time_ns
            });
            of_kind.map(move |prediction| (symbol, prediction.booked))
        })
    }

    /// Funding that E has not booked yet.
    fn funding_to_come(&self, parts: &mut Vec<Part>) {
        if !self.is_young {
            return;
        }
        let whole = self.predictions(true).fold(Money::ZERO, |sum, (_, booked)| sum + booked);
        if self.fits(-whole) {
            let ids: Vec<&Id> = self.predictions(true).map(|(symbol, _)| symbol).collect();
            self.offer(parts, DriftCause::FundingNotBooked, -whole, &ids);
        }
        for (symbol, booked) in self.predictions(true).filter(|(_, booked)| self.fits(-*booked)) {
            self.offer(parts, DriftCause::FundingNotBooked, -booked, &[symbol]);
        }
    }

    /// Funding that one of them has booked twice.
    fn funding_twice(&self, parts: &mut Vec<Part>) {
        let entries = self.kernel.ledger().recent().filter(|entry| {
            entry.asset == self.asset && entry.cause == Cause::Funding && entry.to == Account::Wallet
        });
        let entries = entries.map(|entry| (&entry.reference, wallet_effect(entry)));
        for (reference, booked) in self.predictions(false).chain(entries) {
            if let Some(amount) =
                [booked, -booked].into_iter().find(|amount| self.fits_beside(parts, *amount))
            {
                self.offer(parts, DriftCause::FundingOvercounted, amount, &[reference]);
            }
        }
    }

    /// What comes with a liquidation.
    fn liquidation(&self, parts: &mut Vec<Part>) {
        if !self.kernel.was_liquidated(self.asset) || self.amount.abs() <= self.tolerance {
            return;
        }
        let k = self.kernel.ledger().balance(self.asset, Account::Wallet);
        let e = k + self.amount;
        if k.0 < 0 && e.0 >= 0 {
            self.offer(parts, DriftCause::Insurance, self.amount, &[]);
        }
        if self.amount.0 < 0 {
            self.offer(parts, DriftCause::LiquidationFee, self.amount, &[]);
        }
    }
}

/// What has a fee rate: an instrument and a liquidity.
type FeeKey = (u32, Liquidity);

impl Unsettled<'_> {
    fn key(&self) -> FeeKey {
        (self.order.instrument, self.fill.liquidity)
    }

    /// Its fee at another rate.
    fn at_rate(&self, rate: Decimal) -> Money {
        let spec = &self.rules.spec;
        Rate::from_decimal(rate)
            .map_or(self.fill.fee, |rate| rate.of(self.value, spec.fee_decimals, spec.fee_rounding))
    }
}

/// What they were predicted to cost.
fn fees_of(unsettled: &[Unsettled<'_>]) -> Money {
    unsettled.iter().fold(Money::ZERO, |sum, one| sum + one.fill.fee)
}

fn percent(amount: Money) -> Money {
    Money(amount.abs().0.checked_div(100).unwrap_or(0))
}
