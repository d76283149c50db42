//! Silence and absence to the nanosecond: when "not found" is believed, when a stop is sent again, what a liquidation
//! takes from whom. Each edge was moved once without another test noticing (mutation testing).

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderDoubt,
    OrderSide, OrderType, VenueOrderStatus as Status,
};
use dita_kernel::order::Order;
use dita_kernel::outcome::{Detail, Outcome};

fn order<'a>(desk: &'a Desk, client: &Id) -> &'a Order {
    desk.kernel.orders().at(desk.kernel.orders().by_client_id(client).expect("an order"))
}

fn window() -> i64 {
    KernelConfig::default().settling_window_ns
}

fn not_found(desk: &mut Desk, client: &Id, waited: i64) -> Outcome {
    let since = order(desk, client).sent_time_ns;
    not_found_at(desk, client, since + waited)
}

/// The venue does not know the order, at that time of ours.
fn not_found_at(desk: &mut Desk, client: &Id, at: i64) -> Outcome {
    desk.now = at - 1;
    desk.event(Kind::OrderNotFound, client, |_| {})
}

#[test]
fn an_absence_is_believed_where_it_was_asked_for_from_the_end_of_the_window_on() {
    for (waited, status) in [(window() - 1, Status::Sent), (window(), Status::Rejected)] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "99");
        let entry = desk.submitted();
        desk.now = order(&desk, &entry).sent_time_ns + waited - 1;
        desk.event(Kind::SendTimeout, &entry, |_| {});
        not_found(&mut desk, &entry, 9 * window());
        assert_eq!(order(&desk, &entry).status, status, "asked for after {waited} ns");
    }
    // Nobody had doubted it: the answer is to somebody else's question.
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    assert_eq!(not_found(&mut desk, &entry, 9 * window()).code, Code::StaleEvent);
    assert_eq!(order(&desk, &entry).status, Status::Sent);
}

#[test]
fn an_absence_that_comes_too_early_proves_nothing_of_a_cancel() {
    for kind in [Kind::CancelPending, Kind::AmendPending] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "99");
        let entry = desk.submitted();
        desk.event(kind, &entry, |_| {});
        let status = order(&desk, &entry).status;
        assert_eq!(not_found(&mut desk, &entry, window() - 1).code, Code::InDoubt, "{kind}");
        assert_eq!(order(&desk, &entry).status, status);
    }
}

#[test]
fn a_filled_order_that_is_put_away_is_not_changed_any_more_once_that_is_sure() {
    for (waited, deaf, code, asked) in [
        (window() - 1, false, Code::InDoubt, true),
        (window(), false, Code::Ok, false),
        (window() + 1, false, Code::Ok, false),
        (window() + 9, true, Code::InDoubt, true),
    ] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "99");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
        let since = order(&desk, &entry).amendment().expect("asked for").sent_time_ns;
        desk.fill(&entry, "T1", "2", "99");
        desk.now = since + waited - 1;
        desk.event(Kind::SendTimeout, &entry, |_| {});
        if deaf {
            desk.event(Kind::Disconnected, &Id::EMPTY, |_| {});
        }
        assert_eq!(not_found_at(&mut desk, &entry, since + 9 * window()).code, code, "{waited} {deaf}");
        assert_eq!(order(&desk, &entry).amendment().is_some(), asked, "{waited} {deaf}");
    }
}

#[test]
fn an_exit_that_never_arrived_is_sent_again_while_it_is_wanted_and_valid() {
    let resent = |desk: &Desk| desk.effects.commands.iter().any(|one| matches!(one, Command::Submit(_)));
    let at = 10 * window();
    for (valid_until, canceled, again, what) in [
        (Some(at + 1), false, true, "valid"),
        (Some(at), false, false, "valid until this very moment"),
        (None, false, false, "nobody said how long"),
        (Some(at + 1), true, false, "taken back"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.intent(Action::Exit, 0, |intent| intent.valid_until_ns = valid_until);
        let exit = desk.submitted();
        desk.event(Kind::SendTimeout, &exit, |_| {});
        if canceled {
            desk.cancel(0);
        }
        desk.now += 2 * window();
        desk.put(Input::Time);
        not_found_at(&mut desk, &exit, at);
        assert_eq!(resent(&desk), again, "{what}");
    }
}

#[test]
fn what_nobody_answers_is_doubted_after_the_window() {
    for (waited, doubt) in [(window(), OrderDoubt::None), (window() + 1, OrderDoubt::Amend)] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "99");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
        let since = order(&desk, &entry).amendment().expect("asked for").sent_time_ns;
        desk.now = since + waited - 1;
        desk.put(Input::Time);
        assert_eq!(order(&desk, &entry).doubt, doubt, "after {waited} ns");
    }
}

#[test]
fn a_timeout_of_what_is_over_is_old_unless_it_may_be_amended_up() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("3")));
    desk.fill(&entry, "T1", "2", "99");
    assert_eq!(desk.event(Kind::SendTimeout, &entry, |_| {}).code, Code::InDoubt);
    assert_eq!(order(&desk, &entry).doubt, OrderDoubt::Amend);
}

#[test]
fn a_reason_is_shown_where_the_venue_gives_one() {
    let rejected = |reason: &str| {
        let mut desk = Desk::new();
        desk.enter_limit(0, "2", "99");
        let entry = desk.submitted();
        let reason = reason.to_owned();
        desk.event(Kind::OrderReject, &entry, |event| {
            event.rare = Some(Box::new(RareFields { reason: reason.into(), ..RareFields::default() }));
        })
    };
    let shown = |outcome: &Outcome| format!("{:?}", outcome.detail);
    assert!(shown(&rejected("margin is insufficient")).contains("margin is insufficient"));
    assert!(matches!(rejected("").detail, Detail::None), "{:?}", rejected("").detail);
}

#[test]
fn a_liquidation_takes_from_slots_that_hold_and_ends_their_orders_alone() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.intent(Action::Exit, 0, |intent| {
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("120")));
    });
    let exit = desk.submitted();
    desk.ack(&exit, "X1");
    desk.enter_limit(1, "1", "90");
    let waiting = desk.submitted();
    desk.ack(&waiting, "E1");
    desk.event(Kind::Liquidation, &id("autoclose"), |event| {
        (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Sell));
        event.venue_trade_id = id("L1");
        (event.size, event.price) = (Some(dec("1")), Some(dec("80")));
    });
    let noted: Vec<Option<u32>> = desk.effects.notices.iter().map(|notice| notice.slot_id).collect();
    assert!(noted.contains(&Some(0)) && !noted.contains(&Some(1)), "{noted:?}");
    let canceled = |desk: &Desk, client: &Id| {
        desk.effects
            .commands
            .iter()
            .any(|one| matches!(one, Command::Cancel(one) if one.venue_client_id == *client))
    };
    assert!(canceled(&desk, &exit), "nothing is left to close");
    assert!(!canceled(&desk, &waiting), "that slot held nothing");
    assert_eq!(desk.size(0), "0.000");
    desk.assert_replays();
}
