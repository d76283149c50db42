//! E beside K: what the exchange reports, and the named difference. It is computed when somebody reads it.

mod presumed;
mod proven;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use serde::{Deserialize, Serialize};

use crate::calibration::unit_of;
pub use crate::exchange::{Exchange, Reported};
use crate::id::Id;
use crate::instrument::Instrument;
use crate::kernel::{Kernel, past};
use crate::ledger::Account;
use crate::names::{PositionSide, ReconcileStatus, named};
use crate::num::{Money, Qty};

named! {
    /// A part of the difference.
    DriftCause {
        /// Fees that K predicted and E may not have booked yet.
        FeeNotSettled = "FEE_NOT_SETTLED",
        /// K has booked a fill that E's last frame is too old for.
        FillInFlight = "FILL_IN_FLIGHT",
        /// E has a fill that no event has brought to K.
        FillMissing = "FILL_MISSING",
        /// One of them has booked a fill twice.
        FillDuplicated = "FILL_DUPLICATED",
        /// The venue charges another rate than K predicts with.
        FeeRateChanged = "FEE_RATE_CHANGED",
        /// A rebate.
        Rebate = "REBATE",
        /// Fees are paid in another asset, at a discount.
        DiscountAsset = "DISCOUNT_ASSET",
        /// K has predicted funding that E has not booked.
        FundingNotBooked = "FUNDING_NOT_BOOKED",
        /// One of them has booked funding twice.
        FundingOvercounted = "FUNDING_OVERCOUNTED",
        /// A transfer.
        Transfer = "TRANSFER",
        /// A liquidation's fee.
        LiquidationFee = "LIQUIDATION_FEE",
        /// The venue's insurance fund paid what the account could not.
        Insurance = "INSURANCE",
        /// Somebody else traded on the account.
        ManualTrade = "MANUAL_TRADE",
        /// What the venue booked for no other reason.
        Adjustment = "ADJUSTMENT",
        /// The venue reports another position than K books; its amount is 0.
        PositionDiffers = "POSITION_DIFFERS",
        /// Unsettled roundings.
        Rounding = "ROUNDING",
        /// No name: look at it.
        Unexplained = "UNEXPLAINED",
    }
}

named! {
    /// How sure a part is.
    Proof {
        /// A record says so.
        Proven = "PROVEN",
        /// A hypothesis: it stays inside `unexplained`.
        Presumed = "PRESUMED",
    }
}

/// How many references a part carries at most.
pub const REFERENCES_MAX: usize = 8;

/// One part of the difference.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// Its name.
    pub cause: DriftCause,
    /// How much of E − K it stands for.
    pub amount: Money,
    /// How sure.
    pub proof: Proof,
    /// The venue's ids of fills and wallet entries, or the symbols, that it is about; at most [`REFERENCES_MAX`].
    pub references: Vec<Id>,
}

/// The comparison of one asset.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// E − K; `None` before the first frame.
    pub delta: Option<Money>,
    /// OK, WARN or ERROR.
    pub status: ReconcileStatus,
    /// Within this, the difference is the venue's rounding.
    pub tolerance: Money,
    /// The parts: PROVEN ones and `Unexplained` add up to `delta`; PRESUMED ones are hypotheses within the latter.
    pub parts: Vec<Part>,
    /// For people.
    pub explanation: String,
}

/// A position that the venue reports otherwise than K books it.
struct PositionDrift<'a> {
    rules: &'a Instrument,
    reported: Qty,
    booked: Qty,
    status: ReconcileStatus,
}

/// A comparison that nobody reads yet: [`Report`] says what each is.
pub(crate) struct Weighed {
    pub(crate) delta: Option<Money>,
    status: ReconcileStatus,
    tolerance: Money,
    pub(crate) parts: Vec<Part>,
}

impl Kernel {
    /// Compares E with K for one asset; `None` where the kernel has no such asset.
    pub fn reconcile(&self, asset: u16) -> Option<Report> {
        self.reconcile_as(asset, false)
    }

    fn reconcile_as(&self, asset: u16, briefly: bool) -> Option<Report> {
        let Weighed { delta, status, tolerance, parts } = self.weigh(asset, briefly)?;
        let explanation = match delta {
            Some(delta) => explain(delta, status, &parts),
            None => "the exchange has not reported this wallet yet".into(),
        };
        Some(Report { delta, status, tolerance, parts, explanation })
    }

    /// What is shown of an asset: the comparison of the wallets, and with it the positions that settle in the asset and that
    /// the venue reports otherwise than K books them. `briefly` is for those who ask after every booking: while a difference is
    /// younger than the settling window its parts are left out, which takes no search through orders, and its status is WARN.
    pub fn verdict(&self, asset: u16, briefly: bool) -> Option<Report> {
        let mut report = self.reconcile_as(asset, briefly)?;
        let late = report.parts.iter().any(|part| part.cause.is_only_late());
        let mut references = Vec::new();
        for drift in self.position_drifts(asset) {
            let status = if late { ReconcileStatus::Warn } else { drift.status };
            if status == ReconcileStatus::Error || report.status == ReconcileStatus::Ok {
                report.status = status;
            }
            let rules = drift.rules;
            let (reported, booked) = (rules.qty_decimal(drift.reported), rules.qty_decimal(drift.booked));
            let symbol = &rules.spec.symbol;
            let written =
                write!(report.explanation, "; the venue reports {reported} {symbol}, booked are {booked}");
            // Writing to a String cannot fail.
            debug_assert!(written.is_ok());
            references.push(symbol.clone());
        }
        if !references.is_empty() {
            references.truncate(REFERENCES_MAX);
            let (cause, amount) = (DriftCause::PositionDiffers, Money::ZERO);
            report.parts.push(Part { cause, amount, proof: Proof::Proven, references });
        }
        Some(report)
    }

    /// The positions that settle in an asset and that the venue reports otherwise than K books them. A report that is older
    /// than a fill of its book says nothing.
    fn position_drifts(&self, asset: u16) -> impl Iterator<Item = PositionDrift<'_>> {
        let of_asset = (0_u32..).zip(self.instruments()).filter(move |(_, rules)| rules.settle == asset);
        of_asset.flat_map(move |(instrument, rules)| {
            let books = self.book(instrument).into_iter().zip(PositionSide::ALL);
            let reports = books.zip(self.reported(instrument));
            reports.filter_map(move |((basis, side), reported)| {
                let reported = reported.filter(|reported| reported.qty != basis.qty)?;
                if self.last_fill_ns(instrument, *side) > reported.venue_time_ns {
                    return None;
                }
                let age_ns = self.now_ns().saturating_sub(reported.time_ns);
                let is_young = age_ns <= self.config().settling_window_ns;
                let status = if is_young { ReconcileStatus::Warn } else { ReconcileStatus::Error };
                Some(PositionDrift { rules, reported: reported.qty, booked: basis.qty, status })
            })
        })
    }

    /// The venue's time of the last fill of a book that is remembered, ns.
    fn last_fill_ns(&self, instrument: u32, side: PositionSide) -> i64 {
        let orders = self.orders().iter();
        let of_book = orders.filter(|order| order.instrument == instrument && order.position_side == side);
        of_book.flat_map(|order| &order.fills).map(|fill| fill.venue_time_ns).max().unwrap_or(i64::MIN)
    }

    /// When the verdict on some asset is next to be another one only because time has passed, ns.
    pub(crate) fn next_verdict_ns(&self) -> Option<i64> {
        let of = |asset: u16| {
            let e = &self.assets().get(usize::from(asset))?.exchange;
            let delta = e.wallet_balance? - self.ledger().balance(asset, Account::Wallet);
            if delta.is_zero() {
                return None;
            }
            let since_ns = e.differs_since_ns.unwrap_or(e.booked_time_ns);
            let windows = [self.config().settling_window_ns, self.config().presumption_ns];
            windows
                .into_iter()
                .filter_map(|window| past(since_ns, window))
                .filter(|due| *due > self.now_ns())
                .min()
        };
        let of_assets = (0..self.assets().len() as u16).filter_map(of).min();
        let of_positions = (0_u32..self.instruments().len() as u32).filter_map(|instrument| {
            let books = self.book(instrument).into_iter().zip(self.reported(instrument));
            let due = books.filter_map(|(basis, reported)| {
                let reported = reported.filter(|reported| reported.qty != basis.qty)?;
                past(reported.time_ns, self.config().settling_window_ns).filter(|due| *due > self.now_ns())
            });
            due.min()
        });
        of_assets.into_iter().chain(of_positions).min()
    }

    /// The comparison without its words.
    pub(crate) fn weigh(&self, asset: u16, briefly: bool) -> Option<Weighed> {
        let state = self.assets().get(usize::from(asset))?;
        let e = &state.exchange;
        let k = self.ledger().balance(asset, Account::Wallet);
        let unit = unit_of(state.unit_decimals);
        // One unit for the frame itself, one for each fill whose fee is still a prediction.
        let roundings = i128::from(e.unsettled_fills).saturating_add(1);
        let tolerance = Money(unit.0.saturating_mul(roundings));
        let Some(balance) = e.wallet_balance else {
            let status = ReconcileStatus::Warn;
            return Some(Weighed { delta: None, status, tolerance, parts: Vec::new() });
        };
        let delta = balance - k;
        let age_ns = self.now_ns().saturating_sub(e.differs_since_ns.unwrap_or(e.booked_time_ns));
        let agrees = delta.abs() <= tolerance;
        if briefly && !agrees && age_ns <= self.config().settling_window_ns {
            let status = ReconcileStatus::Warn;
            return Some(Weighed { delta: Some(delta), status, tolerance, parts: Vec::new() });
        }
        // Where they agree there is nothing in flight, whatever the venue's times say.
        let mut parts = if agrees { Vec::new() } else { proven::parts(self, asset, e.frame_venue_time_ns) };
        let rest = parts.iter().fold(delta, |rest, part| rest - part.amount);
        let presumed = presumed::Rest {
            kernel: self,
            asset,
            amount: rest,
            tolerance,
            frame_time_ns: e.frame_venue_time_ns,
            is_young: age_ns <= self.config().presumption_ns,
        };
        let hypotheses = if rest.is_zero() { Vec::new() } else { presumed.parts() };
        let late = hypotheses.iter().any(|part| part.cause.is_only_late());
        let status = if agrees {
            ReconcileStatus::Ok
        } else if rest.abs() <= tolerance || late || age_ns <= self.config().settling_window_ns {
            ReconcileStatus::Warn
        } else {
            ReconcileStatus::Error
        };
        parts.extend(hypotheses);
        if !rest.is_zero() {
            let (cause, proof) = (DriftCause::Unexplained, Proof::Proven);
            parts.push(Part { cause, amount: rest, proof, references: Vec::new() });
        }
        Some(Weighed { delta: Some(delta), status, tolerance, parts })
    }
}

impl DriftCause {
    /// True where the venue is only late: such a presumption expires.
    const fn is_only_late(self) -> bool {
        match self {
            DriftCause::FeeNotSettled | DriftCause::FundingNotBooked | DriftCause::FillMissing => true,
            DriftCause::FillInFlight
            | DriftCause::FillDuplicated
            | DriftCause::FeeRateChanged
            | DriftCause::Rebate
            | DriftCause::DiscountAsset
            | DriftCause::FundingOvercounted
            | DriftCause::Transfer
            | DriftCause::LiquidationFee
            | DriftCause::Insurance
            | DriftCause::ManualTrade
            | DriftCause::Adjustment
            | DriftCause::PositionDiffers
            | DriftCause::Rounding
            | DriftCause::Unexplained => false,
        }
    }
}

fn explain(delta: Money, status: ReconcileStatus, parts: &[Part]) -> String {
    let mut text = String::new();
    let mut written = match status {
        ReconcileStatus::Ok if delta.is_zero() => write!(text, "K and E agree to the last unit"),
        ReconcileStatus::Ok => write!(text, "E - K = {delta}: within the venue's rounding"),
        ReconcileStatus::Warn => write!(text, "E - K = {delta}: may be in flight"),
        ReconcileStatus::Error => write!(text, "E - K = {delta}: unexplained beyond the settling window"),
    };
    if status != ReconcileStatus::Ok {
        for part in parts {
            let how = if part.proof == Proof::Presumed { "perhaps " } else { "" };
            written = written.and_then(|()| write!(text, "; {how}{} {}", part.cause, part.amount));
        }
    }
    // Writing to a String cannot fail.
    debug_assert!(written.is_ok());
    text
}
