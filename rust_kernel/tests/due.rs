//! When a tick is wanted. That nothing is missed before, the desk checks after every input of every test.

use crate::common::{Desk, dec, funding_terms};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelEventKind as Kind, OrderDoubt, ReconcileStatus,
    TimeInForce,
};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

fn entered() -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    (desk, entry)
}

/// Goes to where a tick is wanted, and has it; whether it asked about the order.
fn tick_when_due(desk: &mut Desk, due_ns: i64) -> bool {
    assert_eq!(desk.kernel.next_due_ns(), Some(due_ns));
    assert!(desk.put_at(due_ns, Input::Time).accepted);
    assert!(desk.kernel.next_due_ns() > Some(due_ns), "what was due is done");
    desk.effects.commands.iter().any(|command| matches!(command, Command::Query(_)))
}

#[test]
fn a_kernel_without_inputs_wants_nothing_and_an_idle_one_only_the_end_of_its_day() {
    assert_eq!(Kernel::new(KernelConfig::default()).unwrap().next_due_ns(), None);
    let mut desk = Desk::new();
    assert!(!tick_when_due(&mut desk, DAY));
    assert!(!tick_when_due(&mut desk, 2 * DAY));
}

#[test]
fn a_doubt_is_due_at_its_interval_and_not_while_the_connection_is_down() {
    let (mut desk, entry) = entered();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    let asked_ns = desk.kernel.now_ns();
    assert!(tick_when_due(&mut desk, asked_ns + 5 * SECOND));
    assert!(tick_when_due(&mut desk, asked_ns + 10 * SECOND));
    desk.now = desk.kernel.now_ns();
    desk.event(Kind::Disconnected, &Id::EMPTY, |_| {});
    assert_eq!(desk.kernel.next_due_ns(), Some(DAY));
    desk.event(Kind::Resynced, &Id::EMPTY, |_| {});
    assert_eq!(desk.kernel.next_due_ns(), Some(desk.kernel.now_ns() + 5 * SECOND), "it asked at once");
    desk.ack(&entry, "V1");
    desk.put(Input::Time);
    assert_eq!(desk.kernel.next_due_ns(), Some(DAY));
}

#[test]
fn a_change_that_nobody_answers_is_due_once_the_window_is_over() {
    let (mut desk, entry) = entered();
    desk.ack(&entry, "V1");
    desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
    let sent_ns = desk.kernel.now_ns();
    assert!(tick_when_due(&mut desk, sent_ns + 5 * SECOND + 1));
}

#[test]
fn an_order_of_limited_life_is_due_a_window_after_its_end() {
    for (until_ns, due_ns) in [(100 * SECOND, 105 * SECOND + 1), (i64::MAX, DAY)] {
        let mut desk = Desk::new();
        desk.intent(Action::Enter, 0, |intent| {
            intent.target_size = Some(dec("2"));
            intent.order_type = dita_kernel::names::OrderType::Limit;
            intent.limit_price = Some(dec("99"));
            intent.time_in_force = TimeInForce::Gtd;
            intent.expire_time_ns = Some(until_ns);
        });
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        assert_eq!(tick_when_due(&mut desk, due_ns), until_ns != i64::MAX);
    }
}

#[test]
fn a_funding_boundary_is_due_where_there_is_a_rate() {
    let mut desk = Desk::new();
    let mut terms = funding_terms("BTCUSDT", "0.001");
    terms.next_boundary_ns = Some(30 * SECOND);
    terms.rate = None;
    assert!(desk.put(Input::Funding(Box::new(terms.clone()))).accepted);
    assert_eq!(desk.kernel.next_due_ns(), Some(DAY));
    terms.rate = Some(dec("0.001"));
    assert!(desk.put(Input::Funding(Box::new(terms))).accepted);
    assert!(!tick_when_due(&mut desk, 30 * SECOND));
}

#[test]
fn a_difference_is_judged_anew_once_its_window_is_over_and_once_its_presumption_is() {
    let mut desk = Desk::new();
    desk.account(AccountEventKind::AccountUpdate, |event| {
        event.asset = crate::common::id("USDT");
        event.wallet_balance = Some(dec("900"));
    });
    let status = |desk: &Desk| desk.kernel.reconcile(0).map(|report| report.status);
    let differs_ns = desk.kernel.now_ns();
    assert_eq!(status(&desk), Some(ReconcileStatus::Warn));
    assert!(!tick_when_due(&mut desk, differs_ns + 5 * SECOND + 1));
    assert_eq!(status(&desk), Some(ReconcileStatus::Error));
    assert!(!tick_when_due(&mut desk, differs_ns + 60 * SECOND + 1));
    assert_eq!(desk.kernel.next_due_ns(), Some(DAY));
}

#[test]
fn an_order_that_nobody_answers_for_is_told_as_such_after_the_window() {
    let unanswered = |desk: &Desk| {
        desk.kernel.unanswered().map(|(order, due)| (order.client_id.clone(), due)).collect::<Vec<_>>()
    };
    let (mut desk, entry) = entered();
    let due_ns = desk.kernel.now_ns() + 5 * SECOND + 1;
    assert_eq!(unanswered(&desk), [(entry.clone(), due_ns)]);
    desk.event(Kind::Disconnected, &Id::EMPTY, |_| {});
    assert_eq!(unanswered(&desk), [], "nothing can be heard");
    desk.event(Kind::Resynced, &Id::EMPTY, |_| {});
    desk.event(Kind::SendTimeout, &entry, |_| {});
    let orders = desk.kernel.orders();
    assert_eq!(orders.at(orders.by_client_id(&entry).unwrap()).doubt, OrderDoubt::Submit);
    assert_eq!(unanswered(&desk), [], "it is in doubt, and asked about");
    desk.fill(&entry, "T1", "2", "99");
    desk.exit(0);
    let exit = desk.submitted();
    assert_eq!(unanswered(&desk).len(), 1);
    desk.ack(&exit, "V2");
    assert_eq!(unanswered(&desk), []);
}
