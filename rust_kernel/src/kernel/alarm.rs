//! The kernel's own alarm: what it says should its transition table ever refuse what has happened at the venue.

use super::{Kernel, KernelConfig};
use crate::effect::Effects;
use crate::names::{KernelDiagnosticCode as Code, Severity, TradeStage};
use crate::slot::table::Symbol;
use alloc::vec::Vec;

/// No input leads here while the table is right, so the step is called as a wrong table would have it.
#[test]
fn a_stage_change_that_cannot_be_is_critical_and_the_facts_win() {
    let Ok(mut kernel) = Kernel::new(KernelConfig::default()) else { panic!("the defaults are in range") };
    let mut effects = Effects::default();
    kernel.move_slot(3, Symbol::ExitDoneFlat, &mut effects);
    let said: Vec<_> = effects.notices.iter().map(|it| (it.code, it.severity, it.slot_id)).collect();
    assert_eq!(said, [(Code::IllegalTransition, Severity::Critical, Some(3))]);
    assert_eq!(kernel.slot(3).map(|slot| slot.stage), Some(TradeStage::Idle));
}
