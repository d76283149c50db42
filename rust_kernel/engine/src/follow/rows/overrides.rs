//! Rows of overrides of the regime: who gave one, why and until when, and what it let through.

use dita_kernel::id::Id;
use dita_kernel::input::{Input, Intent, override_end_s, override_giver};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{KernelCommandType as Action, Regime, TradeSide};
use dita_kernel::outcome::Detail;

use super::super::native::Block;
use super::super::tables::Table;
use super::Rows;
use crate::replica::{Replica, Step};

const NS_PER_S: i64 = 1_000_000_000;

/// The overrides that an input makes known: those that it names, but for those that the kernel knows already.
pub(super) fn given(kernel: &Kernel, input: &Input, found: &mut Vec<Id>) {
    found.clear();
    let Input::Control(change) = input else { return };
    for id in &change.audited {
        if override_end_s(id).is_some() && !kernel.control().audited.contains(id) && !found.contains(id) {
            found.push(id.clone());
        }
    }
}

/// The override that let an intent through: in a CRISIS the kernel takes none that buys aggressively without one.
fn used<'a>(kernel: &Kernel, step: &'a Step) -> Option<(&'a Intent, &'a Id)> {
    let Input::Intent(intent) = &step.input else { return None };
    // An intent that comes again is answered as at first: what it named was used then.
    if !step.outcome.accepted || matches!(step.outcome.detail, Detail::First { .. }) {
        return None;
    }
    let raises = match intent.action {
        Action::Enter => intent.side == TradeSide::Long,
        Action::Amend => true,
        Action::Exit | Action::Cancel => false,
    };
    let from = intent.provenance.as_ref()?;
    let in_crisis = kernel.control().regime == Regime::Crisis || from.regime == Some(Regime::Crisis);
    let holds =
        override_end_s(&from.override_ref).is_some() && kernel.control().audited.contains(&from.override_ref);
    (raises && in_crisis && holds).then_some((&**intent, &from.override_ref))
}

/// What both rows say of an override.
fn named(row: &mut Block, step: &Step, event: &str, id: &Id, why: &str) {
    row.short(step.epoch);
    row.text(event);
    row.id(id);
    row.text(override_giver(id));
    row.text(why);
    row.time(override_end_s(id).unwrap_or(0).saturating_mul(NS_PER_S));
}

impl Rows {
    pub(super) fn overrides(&mut self, replica: &Replica, step: &Step) {
        if let Input::Control(change) = &step.input
            && step.outcome.accepted
        {
            for (n, id) in (0_u32..).zip(core::mem::take(&mut self.before.given)) {
                let row = self.begin(Table::Overrides, step, n);
                named(row, step, "GIVEN", &id, replica.why(&id));
                row.id(&change.updated_by);
                for _ in ["intent_id", "trade_id", "owner"] {
                    row.text("");
                }
                row.short_or_none(None);
                row.text("");
                row.end();
            }
        }
        if let Some((intent, id)) = used(replica.kernel(), step) {
            let row = self.begin(Table::Overrides, step, 0);
            named(row, step, "USED", id, replica.why(id));
            row.text("");
            row.id(&intent.intent_id);
            row.id(&intent.trade_id);
            row.id(&intent.owner);
            row.short_or_none(Some(intent.slot_id));
            row.id(&intent.reason);
            row.end();
        }
    }
}
