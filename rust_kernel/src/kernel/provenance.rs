//! Where an entry comes from: audited runs only, where operators ask for that, and no aggressive buying in a crisis
//! without an audited override.

use alloc::boxed::Box;

use super::Kernel;
use crate::id::Id;
use crate::input::{AUDITED_MAX, Intent};
use crate::names::{KernelDiagnosticCode as Code, Regime, TimeInForce, TradeSide};
use crate::num::Price;
use crate::outcome::Refusal;

impl Kernel {
    /// Whether an entry may come from where it comes from.
    pub(crate) fn check_provenance(&self, intent: &Intent) -> Result<(), Box<Refusal>> {
        if !self.control.require_audit {
            return Ok(());
        }
        let run = intent.provenance.as_ref().map_or(&Id::EMPTY, |provenance| &provenance.source_run);
        if self.is_audited(run) {
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
    ) -> Result<(), Box<Refusal>> {
        let provenance = intent.provenance.as_ref();
        let own = provenance.and_then(|provenance| provenance.regime).unwrap_or(Regime::Normal);
        if self.control.regime == Regime::Normal && own == Regime::Normal {
            return Ok(());
        }
        if intent.side != TradeSide::Long || !is_aggressive(intent, limit_price, mark) {
            return Ok(());
        }
        let action = provenance.map_or(&Id::EMPTY, |provenance| &provenance.override_ref);
        if self.is_audited(action) {
            return Ok(());
        }
        let why = "in a CRISIS, buying aggressively needs an audited action: name one in override_ref";
        Err(Refusal::field(Code::RegimeBlocked, "regime", Regime::Crisis, why))
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
fn is_aggressive(intent: &Intent, limit_price: Option<Price>, mark: Option<Price>) -> bool {
    if intent.post_only {
        return false;
    }
    let impatient = matches!(intent.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    match (limit_price, mark) {
        (Some(limit), Some(mark)) => impatient || limit >= mark,
        (Some(_), None) | (None, _) => true,
    }
}
