//! Entries from audited runs only, and regime parity.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::input::{ControlChange, Intent, Provenance};
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, OrderType, Regime, TimeInForce, TradeSide,
};

fn from(run: &str, regime: Option<Regime>, action: &str) -> Option<Box<Provenance>> {
    let (source_run, override_ref) = (id(run), id(action));
    Some(Box::new(Provenance { source_run, regime, override_ref }))
}

fn audited(runs: &[&str]) -> ControlChange {
    ControlChange { audited: runs.iter().map(|run| id(run)).collect(), ..ControlChange::default() }
}

fn enter(desk: &mut Desk, change: impl FnOnce(&mut Intent)) -> Code {
    desk.intent(Action::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        change(intent);
    })
    .code
}

#[test]
fn an_entry_needs_an_audited_run_once_operators_ask_for_it() {
    let mut desk = Desk::new();
    desk.control(ControlChange { require_audit: Some(true), ..audited(&["run-7"]) });
    assert_eq!(enter(&mut desk, |_| {}), Code::NotAudited);
    assert_eq!(enter(&mut desk, |intent| intent.provenance = from("run-8", None, "")), Code::NotAudited);
    assert_eq!(enter(&mut desk, |intent| intent.provenance = from("run-7", None, "")), Code::Ok);
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert_eq!(desk.exit(0).code, Code::Ok, "an exit comes from anywhere");
    desk.control(ControlChange { require_audit: Some(false), ..ControlChange::default() });
    let any = desk.intent(Action::Enter, 1, |intent| intent.target_size = Some(dec("1")));
    assert_eq!(any.code, Code::Ok);
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn an_amend_that_raises_an_entry_needs_an_audited_run_of_its_own() {
    // whether it is asked for; new total, new limit of a buy of 1 at 90; the AMEND's run
    for (require, total, limit, run, code) in [
        (true,  Some("2"),   None,       "",               Code::NotAudited),
        (true,  None,        Some("91"), "",               Code::NotAudited),
        (true,  Some("2"),   None,       "run-8",          Code::NotAudited),
        (true,  Some("2"),   None,       "ops@9000000000", Code::NotAudited),
        (true,  Some("2"),   None,       "run-7",          Code::Ok),
        (true,  None,        Some("91"), "run-7",          Code::Ok),
        (true,  Some("0.5"), None,       "",               Code::Ok),
        (true,  None,        Some("89"), "",               Code::Ok),
        (true,  Some("0.5"), None,       "run-8",          Code::Ok),
        (false, Some("2"),   None,       "",               Code::Ok),
    ] {
        let mut desk = Desk::new();
        let asked = audited(&["run-7", "ops@9000000000"]);
        desk.control(ControlChange { require_audit: Some(require), ..asked });
        desk.intent(Action::Enter, 0, |intent| {
            (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("90")));
            (intent.target_size, intent.provenance) = (Some(dec("1")), from("run-7", None, ""));
        });
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        let got = desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.limit_price) = (total.map(dec), limit.map(dec));
            intent.provenance = from(run, None, "");
        });
        assert_eq!(got.code, code, "{require} {total:?} {limit:?} {run}");
        let asks = desk.effects.commands.iter().any(|command| matches!(command, Command::Amend(_)));
        assert_eq!(asks, code == Code::Ok, "what is refused asks the venue nothing");
        desk.assert_replays();
    }
}

#[test]
fn an_entry_whose_run_is_audited_no_longer_stays_and_is_not_raised_in_its_name() {
    let mut desk = Desk::new();
    desk.control(ControlChange { require_audit: Some(true), ..audited(&["run-7"]) });
    desk.intent(Action::Enter, 0, |intent| {
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("90")));
        (intent.target_size, intent.provenance) = (Some(dec("1")), from("run-7", None, ""));
    });
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    let names: Vec<String> = (0..1024).map(|n| format!("new-{n}")).collect();
    desk.control(audited(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    assert!(desk.effects.commands.is_empty(), "it stays at the venue");
    let mut raise = |run| {
        desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.provenance) = (Some(dec("2")), from(run, None, ""));
        })
        .code
    };
    assert_eq!(raise("run-7"), Code::NotAudited);
    assert_eq!(raise("new-1"), Code::Ok, "who raises it answers for that");
    desk.assert_replays();
}

#[test]
fn an_exit_is_amended_from_anywhere() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.intent(Action::Exit, 0, |intent| {
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("120")));
    });
    let exit = desk.submitted();
    desk.ack(&exit, "V2");
    desk.control(ControlChange { require_audit: Some(true), ..ControlChange::default() });
    let sooner = desk.intent(Action::Amend, 0, |intent| intent.limit_price = Some(dec("110")));
    assert_eq!(sooner.code, Code::Ok, "{sooner:?}");
}

#[test]
fn only_so_many_audited_runs_are_remembered() {
    let mut desk = Desk::new();
    desk.control(ControlChange { require_audit: Some(true), ..audited(&["old"]) });
    let names: Vec<String> = (0..1024).map(|n| format!("run-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    desk.control(audited(&names));
    assert_eq!(desk.kernel.control().audited.len(), 1024);
    assert_eq!(enter(&mut desk, |intent| intent.provenance = from("old", None, "")), Code::NotAudited);
    assert_eq!(enter(&mut desk, |intent| intent.provenance = from("run-0", None, "")), Code::Ok);
}

#[test]
#[rustfmt::skip]
fn in_a_crisis_aggressive_buying_needs_an_audited_override() {
    use OrderType::{Limit, Market};
    use TimeInForce::{Gtc, Ioc};
    let crisis = Some(Regime::Crisis);
    // the market's regime, the run's; side, type, limit, time in force, post-only, override: the mark is 100
    for (market, own, side, kind, limit, tif, post, action, code) in [
        (None,   crisis, TradeSide::Long,  Market, None,          Gtc, false, "",      Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  Market, None,          Gtc, false, "",      Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  Limit,  Some("100"),   Gtc, false, "",      Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  Limit,  Some("99"),    Ioc, false, "",      Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  Market, None,          Gtc, false, "act-2@9000000000", Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  Market, None,          Gtc, false, "act-1@9000000000", Code::Ok),
        (crisis, None,   TradeSide::Long,  Market, None,          Gtc, false, "act-1", Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  Limit,  Some("99"),    Gtc, false, "",      Code::Ok),
        (crisis, None,   TradeSide::Long,  Limit,  Some("101"),   Gtc, true,  "",      Code::Ok),
        (crisis, crisis, TradeSide::Short, Market, None,          Gtc, false, "",      Code::Ok),
        (None,   None,   TradeSide::Long,  Market, None,          Gtc, false, "",      Code::Ok),
    ] {
        let mut desk = Desk::new();
        desk.control(ControlChange { regime: market, ..audited(&["act-1@9000000000", "act-1"]) });
        let got = enter(&mut desk, |intent| {
            (intent.side, intent.order_type, intent.time_in_force) = (side, kind, tif);
            (intent.limit_price, intent.post_only) = (limit.map(dec), post);
            intent.provenance = from("", own, action);
        });
        assert_eq!(got, code, "{market:?} {own:?} {side} {kind} {limit:?} {tif} {action}");
    }
}

#[test]
fn an_override_holds_until_the_second_that_its_id_names() {
    for (action, now_s, code) in [
        ("ops@100", 99, Code::Ok),
        ("ops@100", 100, Code::RegimeBlocked),
        ("ops@100", 5_000, Code::RegimeBlocked),
        ("ops@99999999999999999999", 1, Code::RegimeBlocked),
        ("ops@9223372036854775807", 1, Code::Ok),
        ("ops@-1", 1, Code::RegimeBlocked),
        ("ops@", 1, Code::RegimeBlocked),
        ("a@b@100", 99, Code::Ok),
    ] {
        let mut desk = Desk::new();
        desk.control(ControlChange { regime: Some(Regime::Crisis), ..audited(&[action]) });
        desk.now = now_s * 1_000_000_000;
        assert_eq!(enter(&mut desk, |intent| intent.provenance = from("", None, action)), code, "{action}");
        desk.assert_replays();
    }
}

#[test]
fn a_run_passes_for_no_override_and_an_override_for_no_run() {
    let mut desk = Desk::new();
    let change = audited(&["run-7", "ops@9000000000"]);
    desk.control(ControlChange { require_audit: Some(true), regime: Some(Regime::Crisis), ..change });
    let from = |run, action| move |intent: &mut Intent| intent.provenance = from(run, None, action);
    assert_eq!(enter(&mut desk, from("run-7", "run-7")), Code::RegimeBlocked);
    assert_eq!(enter(&mut desk, from("ops@9000000000", "ops@9000000000")), Code::NotAudited);
    assert_eq!(enter(&mut desk, from("run-7", "ops@9000000000")), Code::Ok);
}

#[test]
#[rustfmt::skip]
fn in_a_crisis_an_amend_that_raises_an_aggressive_buy_needs_an_override_of_its_own() {
    let crisis = Some(Regime::Crisis);
    // the market's regime, the run's; side, the entry's limit; new total, new limit; override: the mark is 100
    for (market, own, side, old, total, limit, action, code) in [
        (crisis, None,   TradeSide::Long,  "90",  None,      Some("101"), "",      Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  "90",  None,      Some("100"), "",      Code::RegimeBlocked),
        (None,   crisis, TradeSide::Long,  "90",  None,      Some("101"), "",      Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  "101", Some("2"), None,        "",      Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  "90",  None,      Some("101"), "run-7", Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  "90",  None,      Some("101"), "ops@1", Code::RegimeBlocked),
        (crisis, None,   TradeSide::Long,  "90",  None,      Some("101"), "ops@9000000000", Code::Ok),
        (crisis, None,   TradeSide::Long,  "90",  Some("2"), Some("99"),  "",      Code::Ok),
        (crisis, None,   TradeSide::Long,  "101", Some("0.5"), None,      "",      Code::Ok),
        (crisis, None,   TradeSide::Long,  "101", None,      Some("100.5"), "",    Code::Ok),
        (crisis, None,   TradeSide::Short, "110", Some("2"), Some("99"),  "",      Code::Ok),
        (None,   None,   TradeSide::Long,  "90",  Some("2"), Some("101"), "",      Code::Ok),
    ] {
        let mut desk = Desk::new();
        desk.now = 5_000_000_000; // after the end of ops@1
        desk.intent(Action::Enter, 0, |intent| {
            (intent.side, intent.order_type) = (side, OrderType::Limit);
            (intent.target_size, intent.limit_price) = (Some(dec("1")), Some(dec(old)));
        });
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        desk.control(ControlChange { regime: market, ..audited(&["run-7", "ops@1", "ops@9000000000"]) });
        let got = desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.limit_price) = (total.map(dec), limit.map(dec));
            intent.provenance = from("", own, action);
        });
        assert_eq!(got.code, code, "{market:?} {own:?} {side} {old} {total:?} {limit:?} {action}");
        let asks = desk.effects.commands.iter().any(|command| matches!(command, Command::Amend(_)));
        assert_eq!(asks, code == Code::Ok, "what is refused asks the venue nothing");
        desk.assert_replays();
    }
}

#[test]
fn in_a_crisis_a_post_only_buy_may_be_raised_and_an_exit_amended() {
    let mut desk = Desk::new();
    desk.intent(Action::Enter, 0, |intent| {
        (intent.order_type, intent.post_only) = (OrderType::Limit, true);
        (intent.target_size, intent.limit_price) = (Some(dec("1")), Some(dec("90")));
    });
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.open(1, "1", "100");
    desk.intent(Action::Exit, 1, |intent| {
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("120")));
    });
    let exit = desk.submitted();
    desk.ack(&exit, "V2");
    desk.control(ControlChange { regime: Some(Regime::Crisis), ..ControlChange::default() });
    let raised = desk.intent(Action::Amend, 0, |intent| intent.limit_price = Some(dec("101")));
    assert_eq!(raised.code, Code::Ok, "{raised:?}");
    let sooner = desk.intent(Action::Amend, 1, |intent| intent.limit_price = Some(dec("99")));
    assert_eq!(sooner.code, Code::Ok, "{sooner:?}");
}
