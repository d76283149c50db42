//! Real money: what increases risk waits until everything is set, and is set again after a restart.

use dita_kernel::input::{Arming, ControlChange, Input, RiskLimits};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelMode as Mode, OrderType,
};
use dita_kernel::outcome::{Detail, Outcome};

use crate::common::{Desk, dec};

const ARMED: Arming = Arming { real_money: true, said_live: true, set_live: true };

fn arm(desk: &mut Desk, arming: Arming) {
    assert!(desk.control(ControlChange { arming: Some(arming), ..ControlChange::default() }).accepted);
}

/// A kernel at a venue with real money, with all that it takes.
fn armed() -> Desk {
    let mut desk = Desk::unseeded(KernelConfig::default());
    desk.open_with(Vec::new());
    let limits = RiskLimits {
        max_daily_loss: Some(dec("100")),
        max_symbol_notional: Some(dec("5000")),
        max_total_notional: Some(dec("5000")),
        ..RiskLimits::default()
    };
    desk.control(ControlChange { mode: Some(Mode::Live), limits: Some(limits), ..ControlChange::default() });
    arm(&mut desk, ARMED);
    desk
}

fn missing(outcome: &Outcome) -> Vec<&'static str> {
    match &outcome.detail {
        Detail::Unarmed(missing) if outcome.code == Code::LiveNotArmed && !outcome.accepted => {
            missing.names()
        }
        _ => panic!("{outcome:?}"),
    }
}

#[test]
fn without_real_money_nothing_is_needed_and_with_it_everything() {
    let mut desk = Desk::new();
    arm(&mut desk, Arming { real_money: true, ..Arming::default() });
    let all = [
        "mode LIVE",
        "ExecutionKernel(live=True)",
        "DITA_LIVE=yes",
        "max_daily_loss",
        "max_symbol_notional",
        "max_total_notional",
    ];
    assert_eq!(missing(&desk.enter(0, "1")), all);
    arm(&mut desk, Arming { said_live: true, set_live: true, ..Arming::default() });
    assert_eq!(desk.enter(0, "1").code, Code::Ok);
    let mut desk = armed();
    assert_eq!(desk.enter(0, "1").code, Code::Ok);
    desk.assert_replays();
}

#[test]
fn after_a_restart_only_what_increases_risk_waits_to_be_armed_again() {
    let mut desk = armed();
    desk.open(0, "1", "100");
    desk.enter_limit(1, "2", "99");
    let waiting = desk.submitted();
    desk.ack(&waiting, "V1");
    assert!(desk.put(Input::Restart).accepted);
    let unsaid = ["ExecutionKernel(live=True)", "DITA_LIVE=yes"];
    assert_eq!(missing(&desk.enter(2, "1")), unsaid);
    let amend = |desk: &mut Desk, size: &str| {
        desk.intent(Action::Amend, 1, |intent| intent.target_size = Some(dec(size)))
    };
    assert_eq!(missing(&amend(&mut desk, "3")), unsaid);
    assert_eq!(amend(&mut desk, "1").code, Code::Ok, "less is let through");
    assert_eq!(desk.cancel(1).code, Code::Ok);
    let stop = desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
    });
    assert_eq!(stop.code, Code::Ok);
    arm(&mut desk, ARMED);
    assert_eq!(desk.enter(2, "1").code, Code::Ok);
    desk.assert_replays();
}
