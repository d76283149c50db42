//! Whole trades: what every message does to stage, size and money.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, RareFields};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    Liquidity, OrderSide, OrderType, Severity, TradeSide, TradeStage as Stage, VenueOrderStatus as Status,
};
use dita_kernel::num::Money;
use dita_kernel::outcome::{Detail, Outcome};

#[test]
fn a_trade_from_idle_to_closed() {
    let mut desk = Desk::new();
    assert_eq!(desk.stage(0), Stage::Idle);
    assert_eq!(desk.enter(0, "2").state, Some(Stage::OrderSent));
    let path: Vec<_> = desk.effects.transitions.iter().map(|t| (t.prev_state, t.next_state)).collect();
    assert_eq!(path, [(Stage::Idle, Stage::OrderRequested), (Stage::OrderRequested, Stage::OrderSent)]);
    let entry = desk.submitted();
    assert_eq!(desk.ack(&entry, "V1").state, Some(Stage::EntryWorking));
    assert_eq!(desk.fill(&entry, "T1", "0.5", "100").state, Some(Stage::EntryWorking));
    assert_eq!(desk.fill(&entry, "T2", "1.5", "102").state, Some(Stage::PositionOpen));
    assert_eq!(desk.size(0), "2.000");
    // fees: 0.0005 × (50 + 153)
    assert_eq!((desk.k(), desk.balance(Account::Fees)), ("999.8985".into(), "0.1015".into()));
    assert_eq!(desk.exit(0).state, Some(Stage::ExitSent));
    let exit = desk.submitted();
    assert_eq!(desk.ack(&exit, "V2").state, Some(Stage::ExitWorking));
    assert_eq!(desk.fill(&exit, "T3", "2", "105").state, Some(Stage::Closed));
    // bought 203, sold 210: 7 less 0.0005 × 413
    assert_eq!(desk.k(), "1006.7935");
    let slot = desk.kernel.slot(0).unwrap();
    assert_eq!((slot.realized.to_string(), slot.fees.to_string()), ("7".into(), "0.2065".into()));
    assert_eq!(slot.close_reason, id("EXIT"));
    assert_eq!(desk.book(), ("0.000".into(), "0.000".into()));
    desk.assert_replays();
}

#[test]
fn a_short_trade_gains_when_the_price_falls() {
    let mut desk = Desk::new();
    desk.enter_side(1, TradeSide::Short, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert_eq!(desk.book().0, "-1.000");
    desk.exit(1);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "1", "90");
    assert_eq!((desk.k().as_str(), desk.stage(1)), ("1009.905", Stage::Closed));
    desk.assert_replays();
}

#[test]
fn an_entry_that_comes_to_nothing_closes_the_slot_with_its_reason() {
    for (kind, status, reason, code) in [
        (Kind::OrderReject, Some(Status::Rejected), "REJECTED", Code::VenueRejected),
        (Kind::OrderReject, None, "REJECTED", Code::VenueRejected),
        (Kind::CancelAck, None, "CANCELED", Code::Ok),
        (Kind::Expired, None, "EXPIRED", Code::Ok),
        (Kind::RateLimited, None, "RATE_LIMITED", Code::RateLimited),
    ] {
        let mut desk = Desk::new();
        desk.enter(0, "1");
        let entry = desk.submitted();
        let outcome = desk.event(kind, &entry, |event| event.status = status);
        assert_eq!((outcome.code, outcome.state), (code, Some(Stage::Closed)), "{kind}");
        assert_eq!(desk.kernel.slot(0).unwrap().close_reason, id(reason), "{kind}");
        assert_eq!(desk.kernel.exposure().total(0).0, 0, "{kind}");
        assert!(desk.enter(0, "1").accepted, "{kind}: the slot is free again");
        desk.assert_replays();
    }
}

#[test]
fn a_rate_limit_says_when_to_retry() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    let outcome = desk.event(Kind::RateLimited, &entry, |event| {
        event.rare = Some(Box::new(RareFields {
            reason: "too many".into(),
            retry_after_ms: Some(250),
            ..RareFields::default()
        }));
    });
    assert_eq!((outcome.code, outcome.severity), (Code::RateLimited, Severity::Warning));
    let want = Detail::Retry {
        reason: "too many".into(),
        retry_after_ms: Some(250),
        venue_event_kind: Kind::RateLimited,
    };
    assert_eq!(outcome.detail, want);
}

#[test]
fn an_entry_that_ends_partly_filled_leaves_a_position() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99.97");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "0.5", "99.9");
    assert_eq!(desk.cancel(0).state, Some(Stage::EntryWorking));
    assert_eq!(desk.event(Kind::CancelPending, &entry, |_| {}).state, Some(Stage::EntryWorking));
    assert_eq!(desk.event(Kind::CancelAck, &entry, |_| {}).state, Some(Stage::PositionOpen));
    assert_eq!(desk.size(0), "0.500");
}

#[test]
fn an_exit_that_ends_unfilled_leaves_the_position() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    let outcome = desk.event(Kind::OrderReject, &exit, |event| event.status = Some(Status::Rejected));
    assert_eq!((outcome.code, outcome.state), (Code::VenueRejected, Some(Stage::PositionOpen)));
    assert!(desk.exit(0).accepted, "and can be tried again");
}

#[test]
fn an_exit_while_the_entry_works_cancels_the_rest() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "100");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "0.5", "100");
    assert_eq!(desk.exit(0).state, Some(Stage::ExitSent));
    assert_eq!(desk.effects.commands.len(), 2, "a cancel, then the exit");
    let exit = desk.submitted();
    // The entry fills on before its cancel arrives.
    assert_eq!(desk.fill(&entry, "T2", "0.25", "100").state, Some(Stage::ExitSent));
    assert_eq!(desk.fill(&exit, "T3", "0.5", "101").state, Some(Stage::EntryWorking));
    assert_eq!(desk.event(Kind::CancelAck, &entry, |_| {}).state, Some(Stage::PositionOpen));
    assert_eq!(desk.size(0), "0.250");
    desk.assert_replays();
}

#[test]
fn a_fill_before_the_acknowledgement_implies_it() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    assert_eq!(desk.fill(&entry, "T1", "1", "100").state, Some(Stage::PositionOpen));
    let late = desk.ack(&entry, "V1");
    assert_eq!((late.code, late.state), (Code::StaleEvent, Some(Stage::PositionOpen)));
    // The venue's id is learned all the same.
    assert!(desk.kernel.orders().by_venue_id(&id("V1")).is_some());
}

#[test]
fn a_repeated_fill_moves_nothing_but_may_bring_the_fee_once() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert_eq!(desk.k(), "999.95");
    assert_eq!(desk.fill(&entry, "T1", "1", "100").code, Code::DuplicateEvent);
    let bring_fee = |event: &mut dita_kernel::input::VenueEvent| {
        event.venue_trade_id = id("T1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
        event.fee = Some(dec("0.02"));
        event.liquidity = Some(Liquidity::Maker);
    };
    assert_eq!(desk.event(Kind::FullFill, &entry, bring_fee).code, Code::Enriched);
    assert_eq!((desk.k(), desk.size(0)), ("999.98".into(), "1.000".into()));
    assert_eq!(desk.event(Kind::FullFill, &entry, bring_fee).code, Code::DuplicateEvent);
    assert_eq!(desk.k(), "999.98");
    desk.assert_replays();
}

#[test]
fn a_cumulative_jump_is_an_inferred_fill_that_the_real_one_replaces() {
    let mut desk = Desk::new();
    desk.enter(0, "3");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    // The second fill arrives first.
    let jump = desk.fill_to(&entry, "T2", "1", "101", "2");
    assert_eq!((jump.code, desk.size(0).as_str()), (Code::InferredFill, "2.000"));
    // Then the first: it replaces, and does not add.
    desk.fill_to(&entry, "T1", "1", "100", "1");
    assert_eq!(desk.size(0), "2.000");
    desk.fill_to(&entry, "T3", "1", "102", "3");
    assert_eq!((desk.size(0).as_str(), desk.stage(0)), ("3.000", Stage::PositionOpen));
    assert_eq!(desk.kernel.slot(0).unwrap().entry_value.to_string(), "303");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T4", "3", "101");
    assert_eq!(desk.kernel.slot(0).unwrap().realized.to_string(), "0");
    assert_eq!(desk.balance(Account::RealizedPnl), "0");
    desk.assert_replays();
}

#[test]
fn a_late_fill_after_the_cancel_is_real_and_reopens() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.event(Kind::CancelAck, &entry, |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
    let late = desk.fill(&entry, "T1", "0.4", "99");
    assert_eq!((late.code, late.state), (Code::LateFill, Some(Stage::PositionOpen)));
    assert!(desk.exit(0).accepted);
    let exit = desk.submitted();
    assert_eq!(desk.fill(&exit, "T2", "0.4", "99").state, Some(Stage::Closed));
    desk.assert_replays();
}

#[test]
fn a_late_fill_whose_slot_was_reused_is_an_orphan() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.event(Kind::CancelAck, &entry, |_| {});
    desk.open(0, "2", "100");
    desk.fill(&entry, "T9", "1", "99");
    assert!(desk.effects.notices.iter().any(|notice| notice.code == Code::OrphanFill));
    assert_eq!((desk.size(0), desk.book()), ("2.000".into(), ("3.000".into(), "1.000".into())));
}

#[test]
fn fills_of_unknown_orders_go_to_the_unassigned_book_once() {
    let mut desk = Desk::new();
    let stranger = id("somebody-elses-order");
    assert_eq!(desk.event(Kind::CancelAck, &stranger, |_| {}).code, Code::UnknownOrder);
    let fill = |event: &mut dita_kernel::input::VenueEvent| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(dita_kernel::names::OrderSide::Sell);
        event.venue_order_id = id("X1");
        event.venue_trade_id = id("TX");
        event.size = Some(dec("0.5"));
        event.price = Some(dec("100"));
    };
    let outcome = desk.event(Kind::FullFill, &stranger, fill);
    assert_eq!((outcome.accepted, outcome.code), (true, Code::UnknownOrder));
    assert_eq!(desk.book(), ("-0.500".into(), "-0.500".into()));
    assert_eq!(desk.event(Kind::FullFill, &stranger, fill).code, Code::DuplicateEvent);
    assert_eq!(desk.book().0, "-0.500");
    assert_eq!(desk.k(), "999.975");
    desk.assert_replays();
}

#[test]
fn an_overfill_is_applied_and_flagged() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    let outcome = desk.fill(&entry, "T1", "1.5", "100");
    assert_eq!((outcome.code, outcome.severity), (Code::Overfill, Severity::Critical));
    assert_eq!((desk.size(0).as_str(), desk.stage(0)), ("1.500", Stage::PositionOpen));
}

#[test]
fn an_exit_past_zero_leaves_the_excess_unassigned() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "TF", "1.25", "104");
    assert!(desk.effects.notices.iter().any(|notice| notice.code == Code::PositionFlipped));
    assert_eq!((desk.stage(0), desk.book()), (Stage::Closed, ("-0.250".into(), "-0.250".into())));
    assert_eq!(desk.kernel.slot(0).unwrap().realized.to_string(), "4");
    assert_eq!(desk.balance(Account::RealizedPnl), "-4");
    desk.assert_replays();
}

#[test]
fn an_exit_ladder_goes_to_cumulative_targets() {
    let mut desk = Desk::new();
    let ratios = vec![dec("0.5"), dec("0.25"), dec("0.25")];
    desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.exit_leg_ratios = ratios;
    });
    let entry = desk.submitted();
    desk.fill(&entry, "T0", "1", "100");
    for (n, (left, met)) in [("0.500", 1), ("0.250", 2), ("0.000", 3)].into_iter().enumerate() {
        assert!(desk.exit(0).accepted);
        let exit = desk.submitted();
        let size = desk.kernel.orders().at(desk.kernel.orders().by_client_id(&exit).unwrap()).qty;
        let size = desk.kernel.instruments()[0].qty_decimal(size).to_string();
        desk.fill(&exit, &format!("TX{n}"), &size, "100");
        let lot = desk.kernel.instruments()[0].lot;
        let slot = desk.kernel.slot(0).unwrap();
        assert_eq!((desk.size(0).as_str(), slot.active_leg_index(lot)), (left, met));
    }
    assert_eq!(desk.stage(0), Stage::Closed);
}

#[test]
fn two_slots_share_a_book_and_their_difference_is_between_them() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.open(1, "1", "110");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "TA", "1", "120");
    // The book's average is 105: it gains 15; the slot gained 20.
    assert_eq!(desk.kernel.slot(0).unwrap().realized.to_string(), "20");
    assert_eq!(desk.balance(Account::InterSlot), "5");
    desk.exit(1);
    let exit = desk.submitted();
    desk.fill(&exit, "TB", "1", "120");
    assert_eq!(desk.kernel.slot(1).unwrap().realized.to_string(), "10");
    assert_eq!(desk.balance(Account::InterSlot), "0");
    // 30 of profit, fees 0.0005 × (100 + 110 + 120 + 120)
    assert_eq!(desk.k(), "1029.775");
}

#[test]
fn settlement_books_only_the_difference() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fees.to_string(), "0.05");
    assert_eq!(desk.settled("T1", "0", "0.04").code, Code::Ok);
    assert_eq!((desk.k().as_str(), desk.kernel.assets()[0].exchange.unsettled_fills), ("999.96", 0));
    assert_eq!(desk.settled("T1", "0", "0.04").code, Code::DuplicateEvent);
    assert_eq!(desk.k(), "999.96");
    assert_eq!(desk.kernel.slot(0).unwrap().fees.to_string(), "0.04");
}

#[test]
fn a_settlement_ahead_of_its_fill_is_booked_once() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    let early = desk.settled("T1", "0", "0.04");
    assert_eq!((early.code, desk.k().as_str()), (Code::ReconcileRequired, "999.96"));
    desk.fill(&entry, "T1", "1", "100");
    assert_eq!((desk.k().as_str(), desk.size(0).as_str()), ("999.96", "1.000"));
    assert_eq!(desk.settled("T1", "0", "0.04").code, Code::DuplicateEvent);
    desk.assert_replays();
}

#[test]
fn a_profit_settled_ahead_of_its_fill_is_booked_once() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.settled("TX", "10", "0.055");
    desk.fill(&exit, "TX", "1", "110");
    // 10 of profit, fees 0.05 and 0.055
    assert_eq!((desk.k().as_str(), desk.stage(0)), ("1009.895", Stage::Closed));
    assert_eq!(desk.balance(Account::RealizedPnl), "-10");
    desk.assert_replays();
}

#[test]
fn a_price_that_comes_after_the_settlement_leaves_the_settled_profit() {
    // The settlement before the fill, and between the fill and its price.
    for ahead in [true, false] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.exit(0);
        let exit = desk.submitted();
        if ahead {
            desk.settled("TX", "10", "0.055");
        }
        desk.fill(&exit, "TX", "1", "0");
        if !ahead {
            desk.settled("TX", "10", "0.055");
        }
        assert_eq!(desk.k(), "1009.895", "ahead: {ahead}");
        assert_eq!(desk.fill(&exit, "TX", "1", "110").code, Code::Enriched);
        assert_eq!((desk.k().as_str(), desk.stage(0)), ("1009.895", Stage::Closed), "ahead: {ahead}");
        assert_eq!(desk.balance(Account::RealizedPnl), "-10", "ahead: {ahead}");
        assert_eq!(desk.money(0).0, "10", "ahead: {ahead}");
        desk.assert_replays();
    }
    // A settlement of the fee alone says nothing about the profit.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "TX", "1", "0");
    desk.account(dita_kernel::names::AccountEventKind::FillSettled, |event| {
        event.venue_trade_id = id("TX");
        event.fee = Some(dec("0.055"));
    });
    desk.fill(&exit, "TX", "1", "110");
    assert_eq!(desk.k(), "1009.895");
}

#[test]
fn a_finished_trades_id_may_be_used_again() {
    let mut desk = Desk::new();
    for n in 0..2 {
        let outcome = desk.intent(dita_kernel::names::KernelCommandType::Enter, n, |intent| {
            intent.trade_id = id("the-same");
            intent.target_size = Some(dec("1"));
        });
        assert!(outcome.accepted, "{outcome:?}");
        let entry = desk.submitted();
        desk.event(Kind::Expired, &entry, |_| {});
    }
}

#[test]
fn a_fee_in_a_third_asset_is_booked_in_that_asset() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.event(Kind::FullFill, &entry, |event| {
        event.venue_trade_id = id("T1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
        event.fee = Some(dec("0.0001"));
        event.fee_asset = id("BNB");
    });
    let bnb = desk.kernel.asset_of(&id("BNB")).unwrap();
    assert_eq!(desk.kernel.ledger().balance(bnb, Account::Wallet).to_string(), "-0.0001");
    assert_eq!(desk.k(), "1000");
}

#[test]
fn wallet_entries_are_booked_once_with_their_sign() {
    for (kind, amount, k) in [
        (AccountEventKind::FundingFee, "-1.5", "998.5"),
        (AccountEventKind::Transfer, "200", "1200"),
        (AccountEventKind::Rebate, "0.25", "1000.25"),
        (AccountEventKind::LiquidationFee, "3", "997"),
        (AccountEventKind::Adjustment, "-0.1", "999.9"),
    ] {
        let mut desk = Desk::new();
        for repetition in 0..2 {
            let outcome = desk.account(kind, |event| {
                event.amount = Some(dec(amount));
                event.venue_txn_id = id("txn-1");
            });
            let code = if repetition == 0 { Code::Ok } else { Code::DuplicateEvent };
            assert_eq!((outcome.code, desk.k().as_str()), (code, k), "{kind}");
        }
    }
}

#[test]
fn a_timeout_is_doubt_and_not_found_counts_only_after_the_settling_window() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    let outcome = desk.event(Kind::SendTimeout, &entry, |_| {});
    assert_eq!((outcome.code, outcome.state), (Code::InDoubt, Some(Stage::OrderSent)));
    assert_eq!(desk.effects.commands.len(), 1, "the kernel asks");
    assert_ne!(desk.kernel.exposure().total(0).0, 0, "exposure stays reserved");
    assert_eq!(desk.event(Kind::OrderNotFound, &entry, |_| {}).code, Code::InDoubt);
    assert_eq!(desk.stage(0), Stage::OrderSent);
    desk.now += 6_000_000_000;
    desk.put(Input::Time);
    assert_eq!(desk.effects.commands.len(), 1, "the kernel asks again");
    let gone = desk.event(Kind::OrderNotFound, &entry, |_| {});
    assert_eq!(
        (gone.state, desk.kernel.slot(0).unwrap().close_reason.as_str()),
        (Some(Stage::Closed), "NOT_RECEIVED")
    );
}

#[test]
fn an_order_in_doubt_that_fills_is_no_longer_in_doubt() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    assert_eq!(desk.fill(&entry, "T1", "1", "100").state, Some(Stage::PositionOpen));
    assert_eq!(desk.event(Kind::OrderNotFound, &entry, |_| {}).code, Code::StaleEvent);
}

#[test]
fn a_cancel_in_doubt_is_settled_by_the_orders_status() {
    use dita_kernel::names::OrderDoubt;
    for (status, doubt, stage) in [
        (Status::Acked, OrderDoubt::None, Stage::EntryWorking),
        (Status::Canceled, OrderDoubt::None, Stage::Closed),
    ] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "1", "99");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        desk.cancel(0);
        assert_eq!(desk.event(Kind::SendTimeout, &entry, |_| {}).code, Code::InDoubt);
        let place = desk.kernel.orders().by_client_id(&entry).unwrap();
        assert_eq!(desk.kernel.orders().at(place).doubt, OrderDoubt::Cancel);
        assert!(desk.cancel(0).accepted);
        assert!(
            matches!(desk.effects.commands.as_slice(), [dita_kernel::effect::Command::Query(_)]),
            "one cancel at a time: the kernel asks"
        );
        desk.event(Kind::OrderStatus, &entry, |event| event.status = Some(status));
        assert_eq!((desk.kernel.orders().at(place).doubt, desk.stage(0)), (doubt, stage));
    }
}

#[test]
fn a_refused_cancel_leaves_the_order_working() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.cancel(0);
    let outcome = desk.event(Kind::CancelReject, &entry, |_| {});
    assert_eq!(outcome.state, Some(Stage::EntryWorking));
    assert!(desk.cancel(0).accepted);
    assert_eq!(desk.effects.commands.len(), 1, "and the cancel can be tried again");
    desk.fill(&entry, "T1", "1", "99");
    assert_eq!(desk.event(Kind::CancelReject, &entry, |_| {}).code, Code::StaleEvent);
}

#[test]
fn a_leverage_change_comes_before_the_order() {
    use dita_kernel::effect::Command;
    use dita_kernel::input::{EffectResult, Input};
    let mut desk = Desk::new();
    let outcome = desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.leverage = Some(dec("5"));
    });
    assert_eq!(outcome.state, Some(Stage::OrderRequested));
    assert!(matches!(desk.effects.commands.as_slice(), [Command::SetLeverage { .. }]));
    let confirmed = EffectResult::LeverageSet { symbol: id("BTCUSDT"), leverage: dec("5") };
    desk.put(Input::Effect(confirmed));
    assert_eq!(desk.stage(0), Stage::OrderSent);
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    // While exposed, a change is refused.
    let outcome = desk.intent(dita_kernel::names::KernelCommandType::Enter, 1, |intent| {
        intent.target_size = Some(dec("1"));
        intent.leverage = Some(dec("6"));
    });
    assert_eq!(outcome.code, Code::RiskBlocked);
    desk.assert_replays();
}

#[test]
fn a_leverage_that_the_venue_refuses_ends_the_entry() {
    use dita_kernel::input::{EffectResult, Input};
    let mut desk = Desk::new();
    desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.leverage = Some(dec("5"));
    });
    desk.put(Input::Effect(EffectResult::LeverageRefused { symbol: id("BTCUSDT"), reason: "no".into() }));
    assert_eq!(desk.stage(0), Stage::Closed);
}

#[test]
fn remembered_orders_make_room_and_are_then_unknown() {
    let mut desk = Desk::new();
    let first = desk.open(0, "1", "100");
    for n in 0..20 {
        if n > 0 {
            desk.open(0, "1", "100");
        }
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("TX{n}"), "1", "100");
    }
    assert!(desk.kernel.orders().iter().count() <= 9, "{}", desk.kernel.orders().iter().count());
    assert_eq!(desk.event(Kind::CancelAck, &first, |_| {}).code, Code::UnknownOrder);
}

#[test]
fn a_fill_repeated_under_another_event_id_is_told_by_its_cumulative_quantity() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    for (event_id, code) in [("stream-1", Code::Ok), ("rest-1", Code::DuplicateEvent)] {
        let outcome = desk.event(Kind::PartialFill, &entry, |event| {
            event.event_id = id(event_id);
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
            event.filled_size = Some(dec("1"));
        });
        assert_eq!((outcome.code, desk.size(0).as_str()), (code, "1.000"));
    }
}

/// The order's status, with its cumulative quantity where one is given.
fn status(desk: &mut Desk, order: &Id, status: Status, filled: Option<&str>) -> Outcome {
    desk.event(Kind::OrderStatus, order, |event| {
        event.status = Some(status);
        event.filled_size = filled.map(dec);
    })
}

#[test]
fn a_fill_without_id_that_comes_again_adds_nothing_beside_an_inferred_one() {
    let mut desk = Desk::new();
    desk.enter(0, "5");
    let entry = desk.submitted();
    let anonymous = |event: &mut dita_kernel::input::VenueEvent| {
        event.size = Some(dec("2"));
        event.price = Some(dec("100"));
        event.filled_size = Some(dec("2"));
    };
    desk.event(Kind::PartialFill, &entry, anonymous);
    status(&mut desk, &entry, Status::PartiallyFilled, Some("3"));
    desk.event(Kind::PartialFill, &entry, anonymous);
    assert_eq!(desk.size(0), "3.000");
}

#[test]
fn a_fee_that_comes_later_is_the_whole_fills_though_a_part_was_inferred() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    status(&mut desk, &entry, Status::PartiallyFilled, Some("1"));
    desk.fill_to(&entry, "T1", "2", "100", "2");
    assert_eq!(desk.k(), "999.9");
    let outcome = desk.event(Kind::FullFill, &entry, |event| {
        event.venue_trade_id = id("T1");
        event.fee = Some(dec("0.08"));
    });
    assert_eq!((outcome.code, desk.k().as_str()), (Code::Enriched, "999.92"));
    assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fills, 0);
}

#[test]
fn a_filled_status_without_figures_means_the_whole_order() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    let outcome = status(&mut desk, &entry, Status::Filled, None);
    assert_eq!((outcome.code, outcome.state), (Code::InferredFill, Some(Stage::PositionOpen)));
}

#[test]
fn an_overfill_that_only_the_cumulative_quantity_tells_of_is_flagged() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    let outcome = status(&mut desk, &entry, Status::PartiallyFilled, Some("2"));
    assert_eq!((outcome.code, outcome.severity), (Code::Overfill, Severity::Critical));
    assert_eq!(desk.size(0), "2.000");
}

#[test]
fn a_venue_order_id_means_an_order_of_its_own_symbol_only() {
    let mut desk = Desk::new();
    let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    desk.put(Input::Instrument(Box::new(spec)));
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.ack(&entry, "77");
    let outcome = desk.event(Kind::FullFill, &Id::EMPTY, |event| {
        event.venue_order_id = id("77");
        event.asset = id("ETHUSDT");
        event.order_side = Some(OrderSide::Sell);
        event.venue_trade_id = id("TE");
        event.size = Some(dec("1"));
        event.price = Some(dec("10"));
    });
    assert_eq!((outcome.code, desk.size(0).as_str()), (Code::UnknownOrder, "0.000"));
    assert_eq!(desk.kernel.unassigned(1)[0].qty.0, -1000);
}

#[test]
fn every_fill_of_a_strangers_order_is_flagged() {
    let mut desk = Desk::new();
    for trade in ["T1", "T2"] {
        let outcome = desk.event(Kind::PartialFill, &Id::EMPTY, |event| {
            event.venue_order_id = id("V1");
            event.asset = id("BTCUSDT");
            event.order_side = Some(OrderSide::Buy);
            event.venue_trade_id = id(trade);
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
        });
        assert_eq!(outcome.code, Code::UnknownOrder, "{trade}");
    }
    assert_eq!(desk.book(), ("2.000".into(), "2.000".into()));
}

#[test]
fn a_rate_limited_question_or_cancel_does_not_end_an_order_that_may_work() {
    for in_doubt in [true, false] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "1", "99");
        let entry = desk.submitted();
        if in_doubt {
            desk.event(Kind::SendTimeout, &entry, |_| {});
        } else {
            desk.cancel(0);
        }
        let outcome = desk.event(Kind::RateLimited, &entry, |_| {});
        assert_eq!((outcome.code, outcome.state), (Code::RateLimited, Some(Stage::OrderSent)));
        assert_ne!(desk.kernel.exposure().total(0).0, 0, "exposure stays reserved");
        desk.ack(&entry, "V1");
        desk.cancel(0);
        assert_eq!(desk.effects.commands.len(), 1, "and the order can be canceled");
    }
}

#[test]
fn a_cancel_sent_into_a_doubt_can_be_tried_again_once_the_order_works() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let entry = desk.submitted();
    desk.cancel(0);
    desk.event(Kind::SendTimeout, &entry, |_| {});
    status(&mut desk, &entry, Status::Acked, None);
    desk.cancel(0);
    assert_eq!(desk.effects.commands.len(), 1);
}

#[test]
fn a_pending_cancel_proves_that_the_order_arrived() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.event(Kind::SendTimeout, &entry, |_| {});
    desk.event(Kind::CancelPending, &entry, |_| {});
    desk.now += 6_000_000_000;
    let outcome = desk.event(Kind::OrderNotFound, &entry, |_| {});
    assert_eq!((outcome.code, outcome.state), (Code::StaleEvent, Some(Stage::EntryWorking)));
}

#[test]
fn a_leverage_other_than_asked_for_ends_the_entry() {
    use dita_kernel::input::EffectResult;
    let mut desk = Desk::new();
    desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.leverage = Some(dec("5"));
    });
    desk.put(Input::Effect(EffectResult::LeverageSet { symbol: id("BTCUSDT"), leverage: dec("50") }));
    assert_eq!(desk.stage(0), Stage::Closed);
    assert!(desk.effects.commands.is_empty(), "nothing is sent");
    assert!(desk.effects.notices.iter().any(|notice| notice.code == Code::VenueRejected));
}

#[test]
fn a_configuration_that_names_another_leverage_says_what_the_venue_has() {
    let mut desk = Desk::new();
    let mut spec = desk.kernel.instruments()[0].spec.clone();
    spec.leverage = dec("7");
    desk.put(Input::Instrument(Box::new(spec)));
    assert_eq!(desk.kernel.instruments()[0].leverage, dec("7"));
}

#[test]
fn a_mark_that_is_zero_at_the_instruments_decimals_is_refused() {
    let outcome = Desk::new().mark("0.0000000000000000000001");
    assert!(matches!(outcome.detail, Detail::Field { field: "price", .. }), "{outcome:?}");
}

// ------------------------------------------------------------------------- inferred, settled ahead, in parts

/// Opens 1 at 100 in slot 0 and sends the exit.
fn exiting() -> (Desk, dita_kernel::id::Id) {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    (desk, exit)
}

fn status_filled(desk: &mut Desk, order: &dita_kernel::id::Id, total: &str, price: &str) {
    desk.event(Kind::OrderStatus, order, |event| {
        event.filled_size = Some(dec(total));
        event.price = Some(dec(price));
    });
}

#[test]
fn a_settlement_ahead_of_a_fill_that_replaces_an_inferred_one_is_booked_once() {
    let (mut desk, exit) = exiting();
    status_filled(&mut desk, &exit, "1", "110");
    desk.settled("TX", "10", "0.055");
    desk.fill(&exit, "TX", "1", "110");
    // 10 of profit, fees 0.05 and 0.055
    assert_eq!(desk.k(), "1009.895");
    desk.assert_replays();
}

#[test]
fn the_fee_of_an_inferred_fill_is_that_of_the_real_ones_price_and_liquidity() {
    // A venue that reports no fees, and a post-only entry: inferred as a maker's at 100, filled as a taker at 110.
    for total in ["1", "0.4"] {
        let mut desk = Desk::new();
        desk.intent(Action::Enter, 0, |intent| {
            (intent.target_size, intent.order_type) = (Some(dec("1")), OrderType::Limit);
            (intent.limit_price, intent.post_only) = (Some(dec("100")), true);
        });
        let entry = desk.submitted();
        status_filled(&mut desk, &entry, total, "100");
        desk.event(Kind::PartialFill, &entry, |event| {
            event.venue_trade_id = id("T1");
            (event.size, event.price) = (Some(dec("1")), Some(dec("110")));
            event.liquidity = Some(Liquidity::Taker);
        });
        assert_eq!((desk.k().as_str(), desk.money(0).1.as_str()), ("999.945", "0.055"), "{total} of 1");
        assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fees.to_string(), "0.055", "{total} of 1");
        assert_eq!(desk.settled("T1", "0", "0.05").code, Code::Ok);
        assert_eq!((desk.k().as_str(), desk.money(0).1.as_str()), ("999.95", "0.05"), "{total} of 1");
        assert_eq!(desk.kernel.assets()[0].exchange.unsettled_fees.to_string(), "0", "{total} of 1");
        desk.assert_replays();
    }
}

/// Of a trade, what the ledger has moved from or to an account, + to it.
fn of_trade(desk: &Desk, trade: &str, account: Account) -> String {
    let rows = desk.kernel.ledger().recent().filter(|row| row.trade_id.as_str() == trade);
    let moved = rows.map(|row| match (row.from == account, row.to == account) {
        (true, _) => -row.amount,
        (_, true) => row.amount,
        (false, false) => Money::ZERO,
    });
    moved.fold(Money::ZERO, |sum, amount| sum + amount).to_string()
}

#[test]
fn the_ledger_of_a_trade_has_what_was_settled_before_its_fills_were_received() {
    for inferred in [false, true] {
        let mut desk = Desk::new();
        desk.enter(0, "1");
        let entry = desk.submitted();
        desk.settled("T1", "0", "0.04");
        if inferred {
            status_filled(&mut desk, &entry, "1", "100");
        }
        desk.fill(&entry, "T1", "1", "100");
        desk.exit(0);
        let exit = desk.submitted();
        desk.settled("TX", "9.5", "0.06");
        if inferred {
            status_filled(&mut desk, &exit, "1", "110");
        }
        desk.fill(&exit, "TX", "1", "110");
        assert_eq!((desk.k().as_str(), desk.money(0).1.as_str()), ("1009.4", "0.1"), "inferred: {inferred}");
        let trade = "trade-0-1";
        let of = [Account::Fees, Account::RealizedPnl, Account::Wallet]
            .map(|account| of_trade(&desk, trade, account));
        assert_eq!(of, ["0.1", "-9.5", "9.4"], "inferred: {inferred}: the trade's own rows");
        assert_eq!(
            of_trade(&desk, "", Account::Fees),
            "0",
            "inferred: {inferred}: what is left without a trade"
        );
        desk.assert_replays();
    }
}

#[test]
fn a_close_that_the_venue_settles_again_is_booked_by_its_last_figures() {
    // Bought 2 at 100, sold 1 at 110 and settled with 10. The entry is corrected to 90, and the close settled with 20.
    for again_first in [false, true] {
        let mut desk = Desk::new();
        let entry = desk.open(0, "2", "100");
        let bought = desk.kernel.orders().iter().find(|order| order.client_id == entry).expect("an order");
        let bought = bought.fills[0].venue_trade_id.clone();
        desk.exit_size(0, "1");
        let exit = desk.submitted();
        desk.fill(&exit, "TX", "1", "110");
        let settled = |desk: &mut Desk, trade: &str, realized: &str, fee: &str| {
            desk.account(AccountEventKind::FillSettled, |event| {
                (event.venue_trade_id, event.size) = (id(trade), Some(dec("-1")));
                (event.realized_pnl, event.fee) = (Some(dec(realized)), Some(dec(fee)));
            })
        };
        let correct = |desk: &mut Desk| {
            let outcome = desk.event(Kind::TradeCorrect, &entry, |event| {
                event.rare =
                    Some(Box::new(RareFields { ref_trade_id: bought.clone(), ..RareFields::default() }));
                event.venue_trade_id = id("TC");
                (event.size, event.price, event.fee) = (Some(dec("2")), Some(dec("90")), Some(dec("0.1")));
            });
            assert!(outcome.accepted, "{outcome:?}");
        };
        assert_eq!(settled(&mut desk, "TX", "10", "0.055").code, Code::Ok);
        if !again_first {
            correct(&mut desk);
        }
        let again = settled(&mut desk, "TX", "20", "0.05");
        assert_eq!((again.accepted, again.code, again.severity), (true, Code::Ok, Severity::Warning));
        if again_first {
            correct(&mut desk);
        }
        // 20 and fees of 0.1 and 0.05.
        assert_eq!(desk.k(), "1019.85", "again first: {again_first}");
        assert_eq!(settled(&mut desk, "TX", "20", "0.05").code, Code::DuplicateEvent);
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, "TY", "1", "110");
        settled(&mut desk, "TY", "20", "0.05");
        assert_eq!(desk.k(), "1039.8", "again first: {again_first}");
        desk.assert_replays();
    }
}

#[test]
fn the_newest_reported_profit_of_a_close_counts_after_its_trade_is_closed() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "TX", "1", "110");
    let settled = |desk: &mut Desk, realized: Option<&str>, fee: Option<&str>| {
        let outcome = desk.account(AccountEventKind::FillSettled, |event| {
            (event.venue_trade_id, event.size) = (id("TX"), Some(dec("-1")));
            (event.realized_pnl, event.fee) = (realized.map(dec), fee.map(dec));
        });
        (outcome.code, desk.k())
    };
    let mut told = |realized, fee, code: Code, k: &str| {
        assert_eq!(settled(&mut desk, realized, fee), (code, k.into()), "{realized:?} {fee:?}");
    };
    // The fee alone, then the profit: what is missing stays as it was predicted.
    told(None, Some("0.06"), Code::Ok, "1009.89");
    told(None, Some("0.06"), Code::DuplicateEvent, "1009.89");
    told(Some("9.5"), None, Code::Ok, "1009.39");
    told(Some("9.5"), Some("0.06"), Code::DuplicateEvent, "1009.39");
    told(Some("9.7"), Some("0.06"), Code::Ok, "1009.59");
    told(Some("9.5"), Some("0.05"), Code::Ok, "1009.4");
    // A fee alone leaves the profit as it was reported.
    told(None, Some("0.04"), Code::Ok, "1009.41");
    told(Some("9.5"), Some("0.04"), Code::DuplicateEvent, "1009.41");
    desk.assert_replays();
}

#[test]
fn a_profit_that_is_settled_ahead_after_its_fee_stays_with_its_fill() {
    for (first, second) in
        [((None, Some("0.06")), (Some("9.5"), None)), ((Some("9.5"), None), (None, Some("0.06")))]
    {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.exit(0);
        let exit = desk.submitted();
        for (realized, fee) in [first, second] {
            desk.account(AccountEventKind::FillSettled, |event| {
                (event.venue_trade_id, event.size) = (id("TX"), Some(dec("-1")));
                (event.realized_pnl, event.fee) = (realized.map(dec), fee.map(dec));
            });
        }
        assert_eq!(desk.k(), "1009.39");
        desk.fill(&exit, "TX", "1", "110");
        assert_eq!(desk.k(), "1009.39", "{first:?} {second:?}");
        desk.assert_replays();
    }
}

#[test]
fn a_settlement_after_a_repricing_corrects_the_profit_once() {
    let (mut desk, exit) = exiting();
    status_filled(&mut desk, &exit, "1", "105");
    desk.fill(&exit, "TX", "1", "110");
    desk.settled("TX", "10", "0.055");
    assert_eq!(desk.k(), "1009.895");
}

#[test]
fn a_fill_in_two_parts_settles_as_one() {
    for (asset, usdt) in [("", "999.999"), ("BNB", "1000")] {
        let mut desk = Desk::new();
        desk.enter(0, "2");
        let entry = desk.submitted();
        status_filled(&mut desk, &entry, "1", "100");
        desk.fill(&entry, "T1", "2", "100");
        desk.account(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = id("T1");
            event.fee = Some(dec("0.001"));
            event.fee_asset = id(asset);
        });
        assert_eq!(
            (desk.k().as_str(), desk.kernel.assets()[0].exchange.unsettled_fills),
            (usdt, 0),
            "{asset}"
        );
    }
}

#[test]
fn an_inferred_fill_that_is_split_keeps_its_predicted_fee() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    status_filled(&mut desk, &entry, "2", "100");
    desk.event(Kind::PartialFill, &entry, |event| {
        event.venue_trade_id = id("T1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
        event.fee = Some(dec("0.05"));
    });
    desk.fill(&entry, "T2", "1", "100");
    assert_eq!(desk.k(), "999.9");
}

#[test]
fn a_wallet_entry_is_told_by_its_event_id_where_the_venue_has_none_and_by_kind() {
    let mut desk = Desk::new();
    for _ in 0..2 {
        desk.account(AccountEventKind::FundingFee, |event| {
            event.amount = Some(dec("-1"));
            event.event_id = id("F1");
        });
    }
    assert_eq!(desk.k(), "999");
    for kind in [AccountEventKind::FundingFee, AccountEventKind::Rebate] {
        desk.account(kind, |event| {
            event.amount = Some(dec("1"));
            event.venue_txn_id = id("7");
        });
    }
    assert_eq!(desk.k(), "1001");
}

#[test]
fn an_order_being_retired_stays_for_its_step_however_small_the_memory() {
    use dita_kernel::kernel::KernelConfig;
    let mut desk = Desk::with(KernelConfig { max_slots: 3, remembered_orders: 1, ..KernelConfig::default() });
    desk.open(0, "1", "100");
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(dita_kernel::names::OrderSide::Sell);
        event.venue_trade_id = id("TS");
        event.size = Some(dec("0.5"));
        event.price = Some(dec("100"));
    });
    assert_eq!(desk.book(), ("0.500".into(), "-0.500".into()));
}

#[test]
fn no_entry_passes_while_a_leverage_setting_is_under_way() {
    let mut desk = Desk::new();
    desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.leverage = Some(dec("5"));
    });
    let outcome = desk.enter(1, "1");
    assert_eq!(outcome.code, Code::RiskBlocked);
    assert!(matches!(outcome.detail, Detail::Limit { limit: "leverage_setting_pending", .. }));
}

#[test]
fn a_leg_under_the_minimum_merges_forward() {
    let mut desk = Desk::new();
    let mut spec = desk.kernel.instruments()[0].spec.clone();
    spec.min_qty = Some(dec("0.1"));
    desk.put(dita_kernel::input::Input::Instrument(Box::new(spec)));
    desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
        intent.target_size = Some(dec("1"));
        intent.exit_leg_ratios = vec![dec("0.01"), dec("0.99")];
    });
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    assert!(desk.exit(0).accepted);
    let exit = desk.submitted();
    let place = desk.kernel.orders().by_client_id(&exit).unwrap();
    assert_eq!(desk.kernel.orders().at(place).qty, desk.kernel.slot(0).unwrap().size());
}

#[test]
fn what_a_settlement_ahead_did_not_tell_the_fill_brings() {
    // No fee in the settlement: the fill's is booked.
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.account(AccountEventKind::FillSettled, |event| {
        event.venue_trade_id = id("T1");
        event.realized_pnl = Some(dec("0"));
    });
    desk.event(Kind::FullFill, &entry, |event| {
        event.venue_trade_id = id("T1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
        event.fee = Some(dec("0.05"));
    });
    assert_eq!(desk.k(), "999.95");
    // The venue's own profit stands against what we would have computed.
    let (mut desk, exit) = exiting();
    desk.settled("TX", "9.99", "0.055");
    desk.fill(&exit, "TX", "1", "110");
    assert_eq!(desk.k(), "1009.885");
}

#[test]
fn an_entry_cut_short_says_why() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "2", "99.9");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "99.9");
    desk.event(Kind::Expired, &entry, |_| {});
    assert_eq!(desk.stage(0), Stage::PositionOpen);
    assert_eq!(desk.kernel.slot(0).unwrap().close_reason, id("EXPIRED"));
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "1", "100");
    assert_eq!(desk.kernel.slot(0).unwrap().close_reason, id("EXIT"));
}

#[test]
fn a_late_fill_does_not_reopen_a_trade_that_runs_in_another_slot() {
    let mut desk = Desk::new();
    let enter = |desk: &mut Desk, slot| {
        desk.intent(dita_kernel::names::KernelCommandType::Enter, slot, |intent| {
            intent.trade_id = id("same");
            intent.target_size = Some(dec("1"));
        });
        desk.submitted()
    };
    let first = enter(&mut desk, 0);
    desk.event(Kind::CancelAck, &first, |_| {});
    enter(&mut desk, 1);
    desk.fill(&first, "T1", "1", "100");
    assert!(desk.effects.notices.iter().any(|notice| notice.code == Code::OrphanFill));
    assert_eq!((desk.stage(0), desk.book()), (Stage::Closed, ("1.000".into(), "1.000".into())));
    desk.assert_replays();
}

/// A fill that names the order by the venue's id alone.
fn anonymous_fill(
    desk: &mut Desk,
    venue_id: &str,
    trade: &str,
    size: &str,
    side: dita_kernel::names::OrderSide,
) {
    let (venue_id, trade, size) = (id(venue_id), id(trade), dec(size));
    desk.event(Kind::PartialFill, &id(""), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(side);
        event.venue_order_id = venue_id;
        event.venue_trade_id = trade;
        event.size = Some(size);
        event.price = Some(dec("100"));
    });
}

#[test]
fn fills_that_came_before_our_id_move_to_the_slot_once_it_comes() {
    use dita_kernel::names::OrderSide::{Buy, Sell};
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    anonymous_fill(&mut desk, "V1", "T1", "1", Buy);
    assert_eq!(desk.book(), ("1.000".into(), "1.000".into()));
    // The acknowledgement tells whose it is.
    assert_eq!(desk.ack(&entry, "V1").state, Some(Stage::EntryWorking));
    assert_eq!((desk.size(0).as_str(), desk.book()), ("1.000", ("1.000".into(), "0.000".into())));
    assert_eq!(desk.fill(&entry, "T1", "1", "100").code, Code::DuplicateEvent);
    assert_eq!(desk.fill_to(&entry, "T2", "1", "100", "2").state, Some(Stage::PositionOpen));
    // The exit likewise, this time told by the fill itself.
    desk.exit(0);
    let exit = desk.submitted();
    anonymous_fill(&mut desk, "V2", "X1", "0.5", Sell);
    desk.event(Kind::PartialFill, &exit, |event| {
        event.venue_order_id = id("V2");
        event.venue_trade_id = id("X1");
        event.size = Some(dec("0.5"));
        event.price = Some(dec("100"));
    });
    assert_eq!((desk.size(0).as_str(), desk.book()), ("1.500", ("1.500".into(), "0.000".into())));
    desk.fill(&exit, "X2", "1.5", "110");
    assert_eq!((desk.stage(0), desk.book()), (Stage::Closed, ("0.000".into(), "0.000".into())));
    let slot = desk.kernel.slot(0).unwrap();
    // 2 bought at 100; 0.5 sold at 100, 1.5 at 110; fees 0.0005 × (200 + 50 + 165)
    assert_eq!((slot.realized.to_string(), slot.fees.to_string()), ("15".into(), "0.2075".into()));
    assert_eq!((desk.k().as_str(), desk.balance(Account::InterSlot).as_str()), ("1014.7925", "0"));
    desk.assert_replays();
}

#[test]
fn a_fill_that_our_order_has_is_not_booked_again_under_a_strangers_order() {
    let mut desk = Desk::new();
    desk.enter(0, "0.002");
    let order = desk.submitted();
    desk.fill(&order, "T1", "0.001", "100");
    for trade in ["T2", "T1"] {
        desk.event(Kind::PartialFill, &id("stranger"), |event| {
            event.asset = id("BTCUSDT");
            event.venue_order_id = id("V1");
            event.order_side = Some(OrderSide::Buy);
            event.venue_trade_id = id(trade);
            event.size = Some(dec("0.001"));
            event.price = Some(dec("100.3"));
        });
    }
    desk.ack(&order, "V1");
    assert_eq!(desk.size(0), "0.002", "T1 came twice and stands once");
}
