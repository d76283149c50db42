//! Where the difference between K and E comes from: each named part of it, when it arose, and by which input.

use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Account;
use dita_kernel::num::Money;
use dita_kernel::reconcile::{DriftCause, Part, Proof, Report};

use crate::durable::SharedDisk;
use crate::recovery::ReplayError;
use crate::replica::{ReplayWatch, Replica, Start, Step, Until};

/// So many of the last changes of a part are kept.
pub const CHANGES_MAX: usize = 32;

/// An input that changed a part.
#[derive(Clone, Debug)]
pub struct DriftChange {
    /// Its number.
    pub seq: u64,
    /// Its kernel time, ns.
    pub stamp_ns: i64,
    /// The input.
    pub input: Input,
    /// The part's amount after it.
    pub amount: Money,
    /// E − K after it.
    pub delta: Money,
}

/// A part of the difference, and where it comes from.
#[derive(Clone, Debug)]
pub struct PartStory {
    /// The part as it is now.
    pub part: Part,
    /// The input after which it first stood, without a break until now.
    pub arose: DriftChange,
    /// The last inputs that changed its amount since, oldest first.
    pub changes: Vec<DriftChange>,
    /// How many did.
    pub changes_all: u64,
}

/// An asset's difference.
#[derive(Clone, Debug)]
pub struct DriftStory {
    /// The asset.
    pub asset: Id,
    /// K: what the wallet must hold.
    pub k: Money,
    /// E: what the exchange says; `None` where it has said nothing yet.
    pub e: Option<Money>,
    /// The comparison, as it is now.
    pub report: Report,
    /// The input that parted them, since when they have not agreed; `None` where they agree.
    pub parted: Option<DriftChange>,
    /// The parts.
    pub parts: Vec<PartStory>,
    /// When the exchange last reported this wallet, kernel time, ns.
    pub frame_ns: Option<i64>,
}

/// What was replayed for it.
#[derive(Clone, Debug)]
pub struct DriftStories {
    /// The snapshot that the replay began with: what was apart by then arose before it.
    pub began: Option<u64>,
    /// How many inputs were replayed.
    pub replayed: u64,
    /// The last input.
    pub seq: u64,
    /// Its kernel time, ns.
    pub now_ns: i64,
    /// By asset.
    pub assets: Vec<DriftStory>,
}

/// What is apart in one asset on the way.
#[derive(Default)]
struct Apart {
    parted: Option<DriftChange>,
    parts: Vec<PartStory>,
}

/// Looks through a log for what parts K from E. Twice, where they are apart: comparing costs far more than replaying,
/// and what stood before they last agreed explains nothing.
///
/// # Errors
/// [`ReplayError`] where the log is damaged, or was written under other rules.
pub fn drift_story(
    disk: &SharedDisk,
    until: Until,
    progress: &mut ReplayWatch<'_>,
) -> Result<DriftStories, ReplayError> {
    let mut replica = Replica::open(disk.clone(), Start::First, until)?;
    let agreed = last_agreed(&mut replica, progress)?;
    let seq = replica.kernel().seq();
    if agreed.iter().all(|agreed| *agreed == seq) {
        return Ok(told(&replica, Vec::new()));
    }
    let mut replica = Replica::open(disk.clone(), Start::First, Until::Seq(seq))?;
    let mut assets: Vec<Apart> = agreed.iter().map(|_| Apart::default()).collect();
    let mut last = None;
    while let Some(step) = replica.step()? {
        if moves(&replica, &step) {
            for ((asset, apart), agreed) in (0_u16..).zip(&mut assets).zip(&agreed) {
                if step.seq > *agreed {
                    apart.follow(replica.kernel(), asset, &step);
                }
            }
        }
        replica.tell(progress)?;
        last = Some(step);
    }
    // Time alone moves parts: some only count while they are young.
    if let Some(step) = &last {
        for (asset, apart) in (0_u16..).zip(&mut assets) {
            apart.follow(replica.kernel(), asset, step);
        }
    }
    Ok(told(&replica, assets))
}

/// True for an input that may have moved K or E.
fn moves(replica: &Replica, step: &Step) -> bool {
    !replica.effects().ledger.is_empty() || matches!(step.input, Input::Account(_))
}

/// Replays to the end; gives for each asset the last input after which K and E agreed, or E was not known.
fn last_agreed(replica: &mut Replica, progress: &mut ReplayWatch<'_>) -> Result<Vec<u64>, ReplayError> {
    let mut apart_since: Vec<Option<u64>> = Vec::new();
    while let Some(step) = replica.step()? {
        if moves(replica, &step) {
            let kernel = replica.kernel();
            apart_since.resize(kernel.assets().len(), None);
            for (asset, since) in (0_u16..).zip(&mut apart_since) {
                *since = if agrees(kernel, asset) { None } else { since.or(Some(step.seq)) };
            }
        }
        replica.tell(progress)?;
    }
    let seq = replica.kernel().seq();
    apart_since.resize(replica.kernel().assets().len(), None);
    Ok(apart_since.into_iter().map(|since| since.map_or(seq, |since| since.saturating_sub(1))).collect())
}

fn agrees(kernel: &Kernel, asset: u16) -> bool {
    let balance = kernel.assets().get(usize::from(asset)).and_then(|state| state.exchange.wallet_balance);
    balance.is_none_or(|balance| balance == kernel.ledger().balance(asset, Account::Wallet))
}

fn told(replica: &Replica, mut apart: Vec<Apart>) -> DriftStories {
    let kernel = replica.kernel();
    apart.resize_with(kernel.assets().len(), Apart::default);
    let mut found = Vec::new();
    for ((asset, state), apart) in (0_u16..).zip(kernel.assets()).zip(apart) {
        let Some(report) = kernel.reconcile(asset) else { continue };
        let exchange = &state.exchange;
        found.push(DriftStory {
            asset: state.name.clone(),
            k: kernel.ledger().balance(asset, Account::Wallet),
            e: exchange.wallet_balance,
            report,
            parted: apart.parted,
            parts: apart.parts,
            frame_ns: exchange.wallet_balance.map(|_| exchange.frame_time_ns),
        });
    }
    DriftStories {
        began: replica.began(),
        replayed: replica.replayed(),
        seq: kernel.seq(),
        now_ns: kernel.now_ns(),
        assets: found,
    }
}

impl Apart {
    /// Holds the parts against those of the step before.
    fn follow(&mut self, kernel: &Kernel, asset: u16, step: &Step) {
        if agrees(kernel, asset) {
            *self = Apart::default();
            return;
        }
        let Some(Report { delta: Some(delta), parts, .. }) = kernel.reconcile(asset) else { return };
        let change = |amount| DriftChange {
            seq: step.seq,
            stamp_ns: step.stamp_ns,
            input: step.input.clone(),
            amount,
            delta,
        };
        self.parted.get_or_insert_with(|| change(delta));
        let mut before = core::mem::take(&mut self.parts);
        for part in parts {
            let known = before.iter().position(|known| is_same(known.part.cause, known.part.proof, &part));
            let Some(known) = known else {
                let arose = change(part.amount);
                self.parts.push(PartStory { part, arose, changes: Vec::new(), changes_all: 0 });
                continue;
            };
            let mut known = before.swap_remove(known);
            if known.part.amount != part.amount {
                known.changes_all += 1;
                if known.changes.len() >= CHANGES_MAX {
                    known.changes.remove(0);
                }
                known.changes.push(change(part.amount));
            }
            known.part = part;
            self.parts.push(known);
        }
    }
}

fn is_same(cause: DriftCause, proof: Proof, part: &Part) -> bool {
    cause == part.cause && proof == part.proof
}
