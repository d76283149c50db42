//! What if: the same log through a second core, with other fee rates, other limits, or later fills.
//!
//! Two cores go side by side. The first takes each input as it was logged; the second takes it changed. What the first
//! made of the input says what the change has to know: which fill it was, what it was worth, who sent the order. With
//! nothing changed the two are equal, bit for bit.

mod entries;
mod inputs;
mod limits;
mod marks;
mod routes;

use std::collections::{BTreeMap, BTreeSet};

use dita_kernel::effect::Effects;
use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, Input, InstrumentSpec, Intent, RiskLimits, Stamp};
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType, KernelDiagnosticCode as Code};
use dita_kernel::num::{Decimal, Money, Rate};
use dita_kernel::outcome::{Detail, Outcome};

use crate::durable::SharedDisk;
use crate::recovery::{ReplayError, differs};
use crate::replica::{ReplayWatch, Replica, Start, Step, Until};
use entries::Held;
use marks::Marks;
use routes::Routes;

/// So many refused intents are kept; all are counted.
pub const REFUSED_MAX: usize = 1_000;

/// What shall be other than it was. What is absent stays.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Changes {
    /// The taker fee as a fraction.
    pub taker_rate: Option<Decimal>,
    /// The maker fee as a fraction.
    pub maker_rate: Option<Decimal>,
    /// Only this instrument's fees and fills; empty means all of them.
    pub symbol: Id,
    /// Limits; those that are `None` stay as they were at each moment.
    pub limits: RiskLimits,
    /// How much later fills that took liquidity happen, ns.
    pub latency_ns: i64,
}

impl Changes {
    fn change_rates(&self) -> bool {
        self.taker_rate.is_some() || self.maker_rate.is_some()
    }

    fn concern(&self, symbol: &Id) -> bool {
        self.symbol.is_empty() || self.symbol == *symbol
    }

    fn check(&self) -> Result<(), WhatIfError> {
        for (field, rate) in [("taker_rate", self.taker_rate), ("maker_rate", self.maker_rate)] {
            if rate.is_some_and(|rate| Rate::from_decimal(rate).is_err()) {
                return Err(WhatIfError::Field {
                    field,
                    why: "is no fraction from -1 to 1 of at most 12 decimals",
                });
            }
        }
        if self.latency_ns < 0 {
            return Err(WhatIfError::Field {
                field: "latency_ns",
                why: "must be 0 or more: no fill happens sooner",
            });
        }
        Ok(())
    }
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Debug)]
pub enum WhatIfError {
    /// The log does not lead to a kernel.
    Replay(ReplayError),
    /// A change is out of range.
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The kernel refuses the changed settings.
    Refused(Box<Outcome>),
}

impl From<ReplayError> for WhatIfError {
    fn from(error: ReplayError) -> WhatIfError {
        WhatIfError::Replay(error)
    }
}

/// An intent that was taken then, and is refused now.
#[derive(Clone, PartialEq, Debug)]
pub struct RefusedIntent {
    /// Its number.
    pub seq: u64,
    /// Its kernel time, ns.
    pub stamp_ns: i64,
    /// Its id.
    pub intent_id: Id,
    /// Its trade.
    pub trade_id: Id,
    /// Why.
    pub code: Code,
    /// Particulars.
    pub detail: Detail,
}

/// One asset's figures, then and now.
#[derive(Clone, PartialEq, Debug)]
pub struct AssetResult {
    /// The asset.
    pub asset: Id,
    /// K, then and now.
    pub k: [Money; 2],
    /// Profit of what was closed.
    pub realized: [Money; 2],
    /// Fees, + paid.
    pub fees: [Money; 2],
    /// Funding, + received.
    pub funding: [Money; 2],
}

/// What a trade did to K of an asset, then and now.
#[derive(Clone, PartialEq, Debug)]
pub struct TradeResult {
    /// The trade; empty for what belongs to none.
    pub trade_id: Id,
    /// The asset.
    pub asset: Id,
    /// Then and now.
    pub k: [Money; 2],
}

/// How often what was done.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Fills that took liquidity.
    pub fills_taken: u64,
    /// Fills that made it.
    pub fills_made: u64,
    /// Fees that the venue told and that were computed anew.
    pub fees_recomputed: u64,
    /// Fees in another asset than the rate's: changed in the rates' proportion.
    pub fees_scaled: u64,
    /// Intents that the changed limits refuse.
    pub refused: u64,
    /// Intents that are refused, or left out, because what they follow on is missing.
    pub followed: u64,
    /// Intents that were refused then and would be let through now: the log has no answers to them.
    pub let_through: u64,
    /// The venue's events of orders that are not sent now.
    pub dropped: u64,
    /// Settlements and funding of what is not held now, dropped or changed to the position of now.
    pub entries_changed: u64,
    /// Settlements that came before their fills, of orders that are not sent now: their money stays in.
    pub settled_ahead: u64,
    /// Requests that only the changed kernel makes: nothing answers them.
    pub unanswered: u64,
    /// Fills that got another price.
    pub repriced: u64,
    /// Fills that took, within whose latency the log has no mark: they stand as they were.
    pub without_mark: u64,
}

/// The answer.
#[derive(Clone, PartialEq, Debug)]
pub struct WhatIf {
    /// The snapshot that the replay began with: nothing before it is changed.
    pub began: Option<u64>,
    /// How many inputs were replayed.
    pub replayed: u64,
    /// The state's hash, then and now.
    pub state_hash: [[u8; 32]; 2],
    /// By asset.
    pub assets: Vec<AssetResult>,
    /// How many trades moved K.
    pub trades_all: usize,
    /// Those that now move it otherwise, by trade id.
    pub trades: Vec<TradeResult>,
    /// The first intents that the changed limits refuse.
    pub refused: Vec<RefusedIntent>,
    /// How often what was done.
    pub counts: Counts,
}

/// The core that takes the inputs changed, with what is known of both.
struct Second<'a> {
    changes: &'a Changes,
    kernel: Kernel,
    effects: Effects,
    begun: bool,
    marks: Marks,
    routes: Routes,
    /// By instrument, how the two cores' positions went apart.
    held: Vec<Held>,
    /// Settlements that came before their fills.
    ahead: BTreeSet<(Id, Id)>,
    counts: Counts,
    refused: Vec<RefusedIntent>,
    by_trade: BTreeMap<(Id, Id), [Money; 2]>,
}

/// Replays a log with changes, beside the log as it is.
///
/// # Errors
/// [`WhatIfError`] names the change that cannot be, or says what is wrong with the log.
pub fn what_if(
    disk: &SharedDisk,
    changes: &Changes,
    progress: &mut ReplayWatch<'_>,
) -> Result<WhatIf, WhatIfError> {
    changes.check()?;
    let marks = if changes.latency_ns > 0 { Marks::of(disk, progress)? } else { Marks::default() };
    let mut then = Replica::open(disk.clone(), Start::First, Until::End)?;
    let mut now = Second {
        changes,
        kernel: then.kernel().clone(),
        effects: Effects::default(),
        begun: false,
        marks,
        routes: Routes::default(),
        held: Vec::new(),
        ahead: BTreeSet::new(),
        counts: Counts::default(),
        refused: Vec::new(),
        by_trade: BTreeMap::new(),
    };
    while let Some(step) = then.step()? {
        if step.differs() {
            return Err(differs(step.seq, step.accepted_then, step.outcome.accepted).into());
        }
        now.begin(step.stamp_ns)?;
        now.pass_over(then.passed_over());
        now.follow(&then, step);
        then.tell(progress)?;
    }
    now.pass_over(then.passed_over());
    Ok(now.answer(&then))
}

impl Second<'_> {
    /// The changes that have to stand before the first input.
    fn begin(&mut self, stamp_ns: i64) -> Result<(), WhatIfError> {
        if core::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        if limits::is_any(&self.changes.limits) {
            let given = limits::merged(&self.kernel.control().limits.given, &self.changes.limits);
            self.set(stamp_ns, Input::Control(Box::new(limit(given))))?;
        }
        if self.changes.change_rates() {
            let known: Vec<InstrumentSpec> =
                self.kernel.instruments().iter().map(|rules| rules.spec.clone()).collect();
            for spec in known {
                let spec = inputs::with_rates(self.changes, &spec);
                self.set(stamp_ns, Input::instrument(spec))?;
            }
        }
        Ok(())
    }

    /// Changes a setting of the second core alone.
    fn set(&mut self, stamp_ns: i64, input: Input) -> Result<(), WhatIfError> {
        self.effects.clear();
        let outcome = self.kernel.step(Stamp(stamp_ns), &input, &mut self.effects);
        if outcome.accepted { Ok(()) } else { Err(WhatIfError::Refused(Box::new(outcome))) }
    }

    fn pass_over(&mut self, notes: u64) {
        for _ in 0..notes {
            self.kernel.pass_over();
        }
    }

    /// One input, after the first core has taken it as it was.
    fn follow(&mut self, then: &Replica, step: Step) {
        add_booked(&mut self.by_trade, then.kernel(), then.effects(), 0);
        let Step { seq, stamp_ns, mut input, mut outcome, .. } = step;
        let instrument = traded(then.kernel(), &input);
        // Where nothing is changed a report stays one input, and the state the same to the last number of an input.
        let splits = *self.changes != Changes::default();
        let settlement = splits.then(|| entries::take_settlement(then.kernel(), &mut input)).flatten();
        self.follow_input(then, (seq, stamp_ns), &outcome, input);
        if let Some(settlement) = settlement {
            if outcome.accepted && !matches!(outcome.code, Code::DuplicateEvent | Code::ReconcileRequired) {
                outcome.code = Code::Ok;
            }
            self.follow_input(then, (seq, stamp_ns), &outcome, settlement);
        }
        self.compare_positions(then, stamp_ns, instrument);
    }

    fn follow_input(&mut self, then: &Replica, (seq, stamp_ns): (u64, i64), outcome: &Outcome, input: Input) {
        let Some(input) = self.changed(then, stamp_ns, outcome, input) else { return };
        if self.is_let_through(stamp_ns, &input, outcome) {
            self.counts.let_through += 1;
            return;
        }
        self.effects.clear();
        let now = self.kernel.step(Stamp(stamp_ns), &input, &mut self.effects);
        add_booked(&mut self.by_trade, &self.kernel, &self.effects, 1);
        if let Input::Intent(intent) = &input
            && outcome.accepted
        {
            self.note(seq, stamp_ns, intent, now);
        }
        self.counts.unanswered += self.routes.learn(&then.effects().commands, &self.effects.commands);
    }

    /// True for an intent that was refused and would be taken now. The log has no answers to it, so it is left out.
    fn is_let_through(&self, stamp_ns: i64, input: &Input, outcome: &Outcome) -> bool {
        matches!(input, Input::Intent(_))
            && !outcome.accepted
            && self.kernel.validate(Stamp(stamp_ns), input).is_ok()
    }

    /// Notes what became of an intent that was taken then.
    fn note(&mut self, seq: u64, stamp_ns: i64, intent: &Intent, now: Outcome) {
        let enters = intent.action == KernelCommandType::Enter;
        if now.accepted {
            if enters {
                self.routes.missing_trades.remove(&intent.trade_id);
            }
            return;
        }
        if !enters && self.routes.missing_trades.contains(&intent.trade_id) {
            self.counts.followed += 1;
            return;
        }
        if enters {
            self.routes.missing_trades.insert(intent.trade_id.clone());
        }
        self.counts.refused += 1;
        if self.refused.len() < REFUSED_MAX {
            let (intent_id, trade_id) = (intent.intent_id.clone(), intent.trade_id.clone());
            let (code, detail) = (now.code, now.detail);
            self.refused.push(RefusedIntent { seq, stamp_ns, intent_id, trade_id, code, detail });
        }
    }

    fn answer(self, then: &Replica) -> WhatIf {
        let (first, second) = (then.kernel(), &self.kernel);
        let mut assets = Vec::new();
        for state in first.assets() {
            let read = |account: fn(&Kernel, u16) -> Money| {
                [first, second].map(|kernel| {
                    kernel.asset_of(&state.name).map_or(Money::ZERO, |asset| account(kernel, asset))
                })
            };
            assets.push(AssetResult {
                asset: state.name.clone(),
                k: read(|kernel, asset| kernel.ledger().balance(asset, Account::Wallet)),
                realized: read(|kernel, asset| {
                    let balance = |account| kernel.ledger().balance(asset, account);
                    -(balance(Account::RealizedPnl) + balance(Account::InterSlot))
                }),
                fees: read(|kernel, asset| kernel.ledger().balance(asset, Account::Fees)),
                funding: read(|kernel, asset| -kernel.ledger().balance(asset, Account::Funding)),
            });
        }
        let of_trades = |((trade_id, _), _): &(&(Id, Id), &[Money; 2])| !trade_id.is_empty();
        let trades_all = self.by_trade.iter().filter(of_trades).count();
        let differ = self.by_trade.into_iter().filter(|(_, [then, now])| then != now);
        WhatIf {
            began: then.began(),
            replayed: then.replayed(),
            state_hash: [first.state_hash(), self.kernel.state_hash()],
            assets,
            trades_all,
            trades: differ.map(|((trade_id, asset), k)| TradeResult { trade_id, asset, k }).collect(),
            refused: self.refused,
            counts: self.counts,
        }
    }
}

/// The instrument of the order that the venue speaks of.
fn traded(kernel: &Kernel, input: &Input) -> Option<u32> {
    match input {
        Input::Venue(event) => inputs::order_of(kernel, event).map(|order| order.instrument),
        _ => None,
    }
}

/// Limits as an operator would set them.
fn limit(limits: RiskLimits) -> ControlChange {
    ControlChange { limits: Some(limits), ..ControlChange::default() }
}

/// Adds what a step did to K, by trade and asset.
fn add_booked(
    by_trade: &mut BTreeMap<(Id, Id), [Money; 2]>,
    kernel: &Kernel,
    effects: &Effects,
    which: usize,
) {
    for number in effects.ledger.clone() {
        let Some(transaction) = kernel.ledger().transaction(number) else { continue };
        let change = match (transaction.from, transaction.to) {
            (Account::Wallet, Account::Wallet) => continue,
            (_, Account::Wallet) => transaction.amount,
            (Account::Wallet, _) => -transaction.amount,
            _ => continue,
        };
        let Some(asset) = kernel.assets().get(usize::from(transaction.asset)) else { continue };
        let key = (transaction.trade_id.clone(), asset.name.clone());
        by_trade.entry(key).or_default()[which] += change;
    }
}
