//! Real money: an entry needs everything that says so, and the limits that bound it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::Serialize;

use super::{Control, Kernel};
use crate::input::RiskLimits;
use crate::names::{KernelDiagnosticCode as Code, KernelMode};
use crate::outcome::{Detail, Refusal, severity_of};

/// Whether controls have something.
type Has = fn(&Control) -> bool;

/// What trading with real money takes, by its public name.
const NEEDED: [(&str, Has); 6] = [
    ("mode LIVE", |control| control.mode == KernelMode::Live),
    ("ExecutionKernel(live=True)", |control| control.arming.said_live),
    ("DITA_LIVE=yes", |control| control.arming.set_live),
    ("max_daily_loss", |control| given(control).max_daily_loss.is_some()),
    ("max_symbol_notional", |control| given(control).max_symbol_notional.is_some()),
    ("max_total_notional", |control| given(control).max_total_notional.is_some()),
];

fn given(control: &Control) -> &RiskLimits {
    &control.limits.given
}

/// Which of what real money takes are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Unarmed([bool; NEEDED.len()]);

impl Unarmed {
    /// What is missing of these controls; nothing where no real money is traded.
    pub(super) fn of(control: &Control) -> Unarmed {
        let real = control.arming.real_money;
        Unarmed(NEEDED.map(|(_, is_set)| real && !is_set(control)))
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        NEEDED.iter().zip(self.0).filter(|(_, missing)| *missing).map(|((name, _), _)| *name).collect()
    }
}

impl Kernel {
    /// What trading with real money still lacks; nothing where the venue trades none.
    pub fn unarmed(&self) -> Unarmed {
        Unarmed::of(&self.control)
    }

    /// Whether an order that increases risk may leave.
    #[inline]
    pub(crate) fn check_armed(&self) -> Result<(), Box<Refusal>> {
        if self.control.arming.real_money { self.check_armed_for_real() } else { Ok(()) }
    }

    #[cold]
    fn check_armed_for_real(&self) -> Result<(), Box<Refusal>> {
        let unarmed = self.unarmed();
        if !unarmed.0.contains(&true) {
            return Ok(());
        }
        let code = Code::LiveNotArmed;
        Err(Box::new(Refusal { code, severity: severity_of(code), detail: Detail::Unarmed(unarmed) }))
    }
}
