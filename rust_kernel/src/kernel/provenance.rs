//! Where an entry comes from: audited runs only, where operators ask for that, and no aggressive buying in a crisis
//! without an audited override.

use alloc::boxed::Box;

use super::Kernel;
use crate::id::Id;
use crate::input::{AUDITED_MAX, Intent, override_end_s};
use crate::names::{KernelDiagnosticCode as Code, Regime, TimeInForce, TradeSide};
use crate::num::Price;
use crate::order::Order;
use crate::outcome::Refusal;

const NS_PER_S: i64 = 1_000_000_000;

impl Kernel {
    /// Whether an entry, or an AMEND that raises one, may come from where it comes from. An AMEND names its run itself:
    /// what the entry came from may have been audited then, and be so no longer.
    pub(crate) fn check_provenance(&self, intent: &Intent) -> Result<(), Box<Refusal>> {
        if !self.control.require_audit {
            return Ok(());
        }
        let run = intent.provenance.as_ref().map_or(&Id::EMPTY, |provenance| &provenance.source_run);
        if self.is_audited(run) && override_end_s(run).is_none() {
            return Ok(());
        }
        Err(Refusal::field(Code::NotAudited, "source_run", run, "is no audited run: update the controls"))
    }

    /// Whether an entry may buy as aggressively as it does. `limit_price` and `mark` are on the instrument's scale.
    pub(crate) fn check_regime(
        &self,
        intent: &Intent,
        limit_price: Option<Price>,
        mark: Option<Price>,
        now_ns: i64,
    ) -> Result<(), Box<Refusal>> {
        if !self.is_crisis(intent) || intent.side != TradeSide::Long {
            return Ok(());
        }
        if !is_aggressive(intent.post_only, intent.time_in_force, limit_price, mark) {
            return Ok(());
        }
        self.check_let_through(intent, now_ns)
    }

    /// The same for an AMEND that raises an entry, which keeps its side and its time in force. What lets it through is
    /// named by the AMEND: the entry may be of a quieter time.
    pub(crate) fn check_amended_regime(
        &self,
        intent: &Intent,
        order: &Order,
        limit_price: Option<Price>,
        mark: Option<Price>,
        now_ns: i64,
    ) -> Result<(), Box<Refusal>> {
        if !self.is_crisis(intent) || order.side != TradeSide::Long {
            return Ok(());
        }
        if !is_aggressive(order.post_only, order.time_in_force, limit_price, mark) {
            return Ok(());
        }
        self.check_let_through(intent, now_ns)
    }

    /// Whether the market or the intent's own run is in a crisis.
    fn is_crisis(&self, intent: &Intent) -> bool {
        let own = intent.provenance.as_ref().and_then(|provenance| provenance.regime);
        self.control.regime == Regime::Crisis || own == Some(Regime::Crisis)
    }

    /// Whether an audited override that still holds lets an intent through.
    fn check_let_through(&self, intent: &Intent, now_ns: i64) -> Result<(), Box<Refusal>> {
        let provenance = intent.provenance.as_ref();
        let action = provenance.map_or(&Id::EMPTY, |provenance| &provenance.override_ref);
        if !self.is_audited(action) {
            let why = "in a CRISIS, buying aggressively needs an audited action: name one in override_ref";
            return Err(Refusal::field(Code::RegimeBlocked, "regime", Regime::Crisis, why));
        }
        let Some(end_s) = override_end_s(action) else {
            let why = "is no override: one has an @ and the second of its end, as `ops-7@1790000000`";
            return Err(Refusal::field(Code::RegimeBlocked, "override_ref", action, why));
        };
        if now_ns.max(self.now_ns) >= end_s.saturating_mul(NS_PER_S) {
            let why = "has expired: it held until the second after its @";
            return Err(Refusal::field(Code::RegimeBlocked, "override_ref", action, why));
        }
        Ok(())
    }

    fn is_audited(&self, id: &Id) -> bool {
        !id.is_empty() && self.control.audited.contains(id)
    }

    /// Remembers what has been audited.
    pub(crate) fn remember_audited(&mut self, audited: &[Id]) {
        for id in audited {
            if self.control.audited.contains(id) {
                continue;
            }
            if self.control.audited.len() >= AUDITED_MAX {
                self.control.audited.pop_front();
            }
            self.control.audited.push_back(id.clone());
        }
    }
}

/// True where a buy takes at once, as far as can be seen.
fn is_aggressive(
    post_only: bool,
    time_in_force: TimeInForce,
    limit_price: Option<Price>,
    mark: Option<Price>,
) -> bool {
    if post_only {
        return false;
    }
    let impatient = matches!(time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    match (limit_price, mark) {
        (Some(limit), Some(mark)) => impatient || limit >= mark,
        (Some(_), None) | (None, _) => true,
    }
}
